/** The icon of each part of a task, the same in the line, the row and the editor. */
import Bell from "@lucide/svelte/icons/bell";
import CalendarDays from "@lucide/svelte/icons/calendar-days";
import Flag from "@lucide/svelte/icons/flag";
import Hash from "@lucide/svelte/icons/hash";
import Hourglass from "@lucide/svelte/icons/hourglass";
import Layers from "@lucide/svelte/icons/layers";
import ListPlus from "@lucide/svelte/icons/list-plus";
import Repeat from "@lucide/svelte/icons/repeat";
import StickyNote from "@lucide/svelte/icons/sticky-note";
import Tag from "@lucide/svelte/icons/tag";
import Timer from "@lucide/svelte/icons/timer";
import type { Component } from "svelte";
import type { SpanKind } from "@/api/types/SpanKind";

export const PART_ICONS: Record<SpanKind, Component> = {
  when: CalendarDays,
  recurrence: Repeat,
  priority: Flag,
  category: Hash,
  section: Layers,
  label: Tag,
  deadline: Hourglass,
  reminder: Bell,
  estimate: Timer,
  note: StickyNote,
  verb: ListPlus,
};
