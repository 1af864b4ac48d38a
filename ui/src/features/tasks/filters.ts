/** Which tasks a view of the list shows, named in the address, and how many open ones each view has. */
import type { TaskView } from "@/api/types/TaskView";
import { daysUntil } from "@/i18n/format";
import { dueDay, taskGroup } from "@/shared/tasks";

export type Filter = { kind: "all" | "today" | "upcoming" | "calendar" | "done" } | { kind: "category" | "label"; name: string };

/** So many days after today are upcoming by the day; what is due after them is later. */
export const UPCOMING_DAYS = 14;

const FIXED = ["today", "upcoming", "calendar", "done"] as const;

export function filterOf(id: string | null): Filter {
  const named = /^(category|label):(.+)$/s.exec(id ?? "");
  if (named) return { kind: named[1] as "category" | "label", name: named[2] as string };
  const fixed = FIXED.find((kind) => kind === id);
  return { kind: fixed ?? "all" };
}

export function idOf(filter: Filter): string | null {
  if ("name" in filter) return `${filter.kind}:${filter.name}`;
  return filter.kind === "all" ? null : filter.kind;
}

export function matching(tasks: readonly TaskView[], filter: Filter): readonly TaskView[] {
  if (filter.kind === "category") return tasks.filter((view) => view.task.category === filter.name);
  if (filter.kind === "label") return tasks.filter((view) => view.task.labels.includes(filter.name));
  return tasks;
}

/** What a task is found by. Kept, because with each key all tasks are looked through. */
const texts = new WeakMap<TaskView, string>();

function textOf(view: TaskView): string {
  let text = texts.get(view);
  if (text === undefined) {
    const { title, notes, category, labels, section } = view.task;
    const marks = [category === null ? "" : `#${category}`, ...labels.map((label) => `@${label}`), section === null ? "" : `/${section}`];
    text = [title, notes, ...marks].join("\n").toLocaleLowerCase();
    texts.set(view, text);
  }
  return text;
}

/** Every word occurs somewhere in the task; "#work" and "@home" find its category and labels alone. */
export function found(tasks: readonly TaskView[], query: string): readonly TaskView[] {
  const words = query.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return tasks;
  return tasks.filter((view) => words.every((word) => textOf(view).includes(word)));
}

export interface Counts {
  all: number;
  today: number;
  upcoming: number;
  overdue: number;
  categories: Map<string, number>;
  labels: Map<string, number>;
}

/** Open tasks by view, in one pass: there may be ten thousand. Names whose tasks are all done stay, with 0. */
export function counts(tasks: readonly TaskView[], now: Date): Counts {
  const all: Counts = { all: 0, today: 0, upcoming: 0, overdue: 0, categories: new Map(), labels: new Map() };
  for (const view of tasks) {
    const group = taskGroup(view, now);
    const open = group === "done" ? 0 : 1;
    const { category, labels } = view.task;
    if (category) all.categories.set(category, (all.categories.get(category) ?? 0) + open);
    for (const label of labels) all.labels.set(label, (all.labels.get(label) ?? 0) + open);
    all.all += open;
    if (group === "overdue") all.overdue += 1;
    if (group === "overdue" || group === "today") all.today += 1;
    const due = group === "upcoming" ? dueDay(view) : null;
    if (due && daysUntil(due, now) <= UPCOMING_DAYS) all.upcoming += 1;
  }
  return all;
}

export function countOf(all: Counts, filter: Filter): number {
  if (filter.kind === "category") return all.categories.get(filter.name) ?? 0;
  if (filter.kind === "label") return all.labels.get(filter.name) ?? 0;
  return filter.kind === "done" || filter.kind === "calendar" ? 0 : all[filter.kind];
}
