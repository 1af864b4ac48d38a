/** The icon of each part of a task, the same in the line, the row and the editor. */
import Bell from "@lucide/svelte/icons/bell";
import CalendarDays from "@lucide/svelte/icons/calendar-days";
import Flag from "@lucide/svelte/icons/flag";
import Hash from "@lucide/svelte/icons/hash";
import Hourglass from "@lucide/svelte/icons/hourglass";
import ListPlus from "@lucide/svelte/icons/list-plus";
import Repeat from "@lucide/svelte/icons/repeat";
import StickyNote from "@lucide/svelte/icons/sticky-note";
import Tag from "@lucide/svelte/icons/tag";
import type { Component } from "svelte";
import type { SpanKind } from "@/api/types/SpanKind";

export const PART_ICONS: Record<SpanKind, Component> = {
  when: CalendarDays,
  recurrence: Repeat,
  priority: Flag,
  category: Hash,
  label: Tag,
  deadline: Hourglass,
  reminder: Bell,
  note: StickyNote,
  verb: ListPlus,
};
