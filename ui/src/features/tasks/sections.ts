/** The parts of a list of tasks with their headings, and both in one row for the virtual list. */
import type { TaskView } from "@/api/types/TaskView";
import { day, daysUntil, weekdayDate } from "@/i18n/format";
import { t, type Key } from "@/i18n/index.svelte";
import { addDays, compare, dueDay, grouped, isoDay, readingText, type TaskGroup } from "@/shared/tasks";
import { type Filter, UPCOMING_DAYS } from "./filters";
import { apart, depths, nested } from "./parts";

export interface Section {
  id: string;
  title: string;
  views: readonly TaskView[];
  /** Folded until asked for: what is done is behind us. */
  folds: boolean;
  /** The heading names the day on which all of them are due. */
  oneDay: boolean;
}

export type Item =
  | { kind: "head"; id: string; section: Section; open: boolean }
  | { kind: "task"; id: string; section: Section; view: TaskView; place: number; depth: number };

const NAMES: Record<TaskGroup, Key> = {
  overdue: "tasks.overdue",
  today: "tasks.today",
  upcoming: "tasks.upcoming",
  noDate: "tasks.noDate",
  done: "tasks.done",
};

/** The sections of a view that have tasks. `searching` shows hits of every age. */
export function sectionsOf(tasks: readonly TaskView[], filter: Filter, now: Date, searching: boolean): Section[] {
  const { heads, under } = apart(tasks);
  const groups = grouped(heads, now);
  const whole = (name: TaskGroup, folds = false): Section => ({ id: name, title: t(NAMES[name]), views: groups[name], folds, oneDay: name === "today" });
  const sections: Section[] =
    filter.kind === "today" && !searching
      ? [whole("overdue"), whole("today")]
      : filter.kind === "upcoming" && !searching
        ? upcoming(groups.upcoming, now)
        : filter.kind === "done" && !searching
          ? completed(groups.done, now)
          : [whole("overdue"), whole("today"), whole("upcoming"), whole("noDate"), whole("done", !searching)];
  const parts = under.toSorted(compare);
  return sections.filter((section) => section.views.length > 0).map((section) => ({ ...section, views: nested(section.views, parts) }));
}

/** By the day for two weeks, then what is later. */
function upcoming(views: readonly TaskView[], now: Date): Section[] {
  const days = new Map<number, TaskView[]>();
  const later: TaskView[] = [];
  for (const view of views) {
    const due = dueDay(view);
    const distance = due ? daysUntil(due, now) : 0;
    if (distance > UPCOMING_DAYS) later.push(view);
    else days.set(distance, [...(days.get(distance) ?? []), view]);
  }
  const near = [...days].sort(([a], [b]) => a - b);
  return [
    ...near.map(([distance, list]) => {
      const date = addDays(now, distance);
      return { id: isoDay(date), title: readingText({ kind: "date", date: isoDay(date) }, now), views: list, folds: false, oneDay: true };
    }),
    { id: "later", title: t("tasks.later"), views: later, folds: false, oneDay: false },
  ];
}

/** By the day on which they were done, the latest first. */
function completed(views: readonly TaskView[], now: Date): Section[] {
  const days = new Map<string, TaskView[]>();
  for (const view of views) {
    const id = isoDay(new Date(view.task.done_at ?? 0));
    const list = days.get(id);
    if (list) list.push(view);
    else days.set(id, [view]);
  }
  return [...days].map(([id, list]) => {
    const date = new Date(list[0]?.task.done_at ?? 0);
    const title = daysUntil(date, now) >= -1 ? day(date, now) : weekdayDate(date, now);
    return { id, title, views: list, folds: false, oneDay: false };
  });
}

/** Headings and the tasks under those that are open. `place` counts tasks from 1. */
export function itemsOf(sections: readonly Section[], isOpen: (section: Section) => boolean): Item[] {
  const items: Item[] = [];
  let place = 0;
  for (const section of sections) {
    const open = isOpen(section);
    items.push({ kind: "head", id: `head:${section.id}`, section, open });
    if (!open) continue;
    const deep = depths(section.views);
    section.views.forEach((view, index) => items.push({ kind: "task", id: view.task.id, section, view, place: (place += 1), depth: deep[index] ?? 0 }));
  }
  return items;
}

/** Open tasks by their day, each list in the order of the day. For the calendar. */
export function byDay(tasks: readonly TaskView[]): Map<string, TaskView[]> {
  const days = new Map<string, TaskView[]>();
  for (const view of tasks) {
    const due = view.task.done_at === null ? dueDay(view) : null;
    if (!due) continue;
    const id = isoDay(due);
    const list = days.get(id);
    if (list) list.push(view);
    else days.set(id, [view]);
  }
  for (const list of days.values()) list.sort(compare);
  return days;
}
