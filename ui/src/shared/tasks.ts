/** Tasks as people read them: when they are due, how they repeat, in which group they stand. */
import type { Due } from "@/api/types/Due";
import type { Priority } from "@/api/types/Priority";
import type { RepeatFrom } from "@/api/types/RepeatFrom";
import type { TaskView } from "@/api/types/TaskView";
import { day, dayTime, daysUntil, time, weekdayDate, weekdayLength } from "@/i18n/format";
import { formatTag, t, type Key } from "@/i18n/index.svelte";

/** "2026-11-21" as local midnight of that day. */
export function civilDate(text: string): Date {
  const [year = 1970, month = 1, date = 1] = text.split("-").map(Number);
  return new Date(year, month - 1, date);
}

/** When it is due: the day for a whole day, day and time otherwise. `dueAt` is the instant, where it is known. */
export function whenText(due: Due, dueAt: string | null, now = new Date()): string {
  if (due.kind === "date") return day(civilDate(due.date), now);
  return dayTime(new Date(dueAt ?? due.at), now);
}

export function dueText(view: TaskView, now = new Date()): string {
  return view.task.due ? whenText(view.task.due, view.due_at, now) : "";
}

/** The time of day alone, under a heading that names the day. */
export function timeText({ task: { due }, due_at }: TaskView): string {
  return due?.kind === "time" ? time(new Date(due_at ?? due.at)) : "";
}

/** The reading of a day or time without any doubt: the name of a near day, the weekday, the date, the year when it is another one. */
export function readingText(due: Due, now = new Date()): string {
  const date = civilDate(due.kind === "date" ? due.date : due.at.slice(0, 10));
  const days = daysUntil(date, now);
  const named = days >= 0 && days <= 1 ? t("when.named", { name: day(date, now), date: weekdayDate(date, now) }) : weekdayDate(date, now);
  return due.kind === "date" ? named : `${named} ${time(new Date(due.at))}`;
}

/** The last day of use: "by Friday". */
export function deadlineText(deadline: string, now = new Date()): string {
  const date = civilDate(deadline);
  const name = day(date, now);
  // "today" within a sentence; the names of weekdays keep their capitals.
  return t("task.by", { day: Math.abs(daysUntil(date, now)) <= 1 ? name.toLocaleLowerCase(formatTag()) : name });
}

/** The deadline has passed. */
export function isMissed(task: TaskView["task"], now = new Date()): boolean {
  return task.deadline !== null && task.done_at === null && daysUntil(civilDate(task.deadline), now) < 0;
}

/** "30 minutes before", in the largest unit that divides it. */
export function beforeText(minutes: number): string {
  return t("remind.before", { span: spanText(minutes) });
}

export function spanText(minutes: number): string {
  for (const [unit, key] of SPANS) if (minutes % unit === 0) return t(key, { count: minutes / unit });
  return t("span.minutes", { count: minutes });
}

/** How long it will take: "1 h 30 min". */
export function estimateText(minutes: number): string {
  const parts = { hours: Math.floor(minutes / 60), minutes: minutes % 60 };
  return t(parts.hours === 0 ? "estimate.minutes" : parts.minutes === 0 ? "estimate.hours" : "estimate.both", parts);
}

const SPANS: readonly [number, Key][] = [
  [7 * 24 * 60, "span.weeks"],
  [24 * 60, "span.days"],
  [60, "span.hours"],
];

/** The local day on which it is due. */
export function dueDay(view: TaskView): Date | null {
  const { due } = view.task;
  if (!due) return null;
  return due.kind === "date" ? civilDate(due.date) : new Date(view.due_at ?? due.at);
}

export function isOverdue({ due_at, task }: TaskView, now: Date): boolean {
  return due_at !== null && task.done_at === null && new Date(due_at) < now;
}

export type TaskGroup = "overdue" | "today" | "upcoming" | "noDate" | "done";
export const TASK_GROUPS: readonly TaskGroup[] = ["overdue", "today", "upcoming", "noDate", "done"];

export function taskGroup(view: TaskView, now: Date): TaskGroup {
  if (view.task.done_at !== null) return "done";
  const due = dueDay(view);
  if (!due) return "noDate";
  if (isOverdue(view, now)) return "overdue";
  return daysUntil(due, now) <= 0 ? "today" : "upcoming";
}

const PRIORITY_ORDER: Record<Priority, number> = { urgent: 0, high: 1, normal: 2, low: 3 };
export const PRIORITIES: readonly Priority[] = ["urgent", "high", "normal", "low"];
export const PRIORITY_NAMES: Record<Priority, Key> = {
  urgent: "priority.urgent",
  high: "priority.high",
  normal: "priority.normal",
  low: "priority.low",
};

/** Instants as the program writes them stand in the order of their signs; comparing them as words of a language is slow. */
const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

export function compare(a: TaskView, b: TaskView): number {
  return (
    order(a.due_at ?? "9", b.due_at ?? "9") ||
    PRIORITY_ORDER[a.task.priority] - PRIORITY_ORDER[b.task.priority] ||
    order(a.task.created_at, b.task.created_at)
  );
}

/** Tasks by group, soonest first; done ones by when they were done, latest first. */
export function grouped(tasks: readonly TaskView[], now: Date): Record<TaskGroup, TaskView[]> {
  const groups: Record<TaskGroup, TaskView[]> = { overdue: [], today: [], upcoming: [], noDate: [], done: [] };
  for (const view of tasks) groups[taskGroup(view, now)].push(view);
  for (const name of TASK_GROUPS) {
    if (name === "done") groups.done.sort((a, b) => order(b.task.done_at ?? "", a.task.done_at ?? ""));
    else groups[name].sort(compare);
  }
  return groups;
}

/** The user's own categories, in alphabetical order of the language. */
export function categories(tasks: readonly TaskView[]): string[] {
  const names = new Set<string>();
  for (const { task } of tasks) if (task.category) names.add(task.category);
  return [...names].sort((a, b) => a.localeCompare(b, formatTag()));
}

/** The user's own labels, in alphabetical order of the language. */
export function labels(tasks: readonly TaskView[]): string[] {
  const names = new Set<string>();
  for (const { task } of tasks) for (const label of task.labels) names.add(label);
  return [...names].sort((a, b) => a.localeCompare(b, formatTag()));
}

/** The sections of a category, in alphabetical order of the language. */
export function sectionNames(tasks: readonly TaskView[], category: string | null): string[] {
  const names = new Set<string>();
  for (const { task } of tasks) if (task.section && task.category === category) names.add(task.section);
  return [...names].sort((a, b) => a.localeCompare(b, formatTag()));
}

const FREQUENCIES: Record<string, [Key, Key]> = {
  DAILY: ["repeat.daily", "repeat.everyDays"],
  WEEKLY: ["repeat.weekly", "repeat.everyWeeks"],
  MONTHLY: ["repeat.monthly", "repeat.everyMonths"],
  YEARLY: ["repeat.yearly", "repeat.everyYears"],
};
/** The same, counted from the day of completion. */
const AFTER: Record<string, Key> = {
  DAILY: "repeat.afterDays",
  WEEKLY: "repeat.afterWeeks",
  MONTHLY: "repeat.afterMonths",
  YEARLY: "repeat.afterYears",
};
/** Places of a workday in its month. */
const PLACES: Record<string, Key> = { "1": "repeat.firstWorkday", "-1": "repeat.lastWorkday" };
const WEEKDAYS = ["SU", "MO", "TU", "WE", "TH", "FR", "SA"];
const WORKDAYS = "MO,TU,WE,TH,FR";

/** An RFC 5545 rule in words; rules that say more than a short chip can are "repeats". */
export function repeatText(rule: string, from: RepeatFrom = "schedule"): string {
  const parts = new Map(rule.split(";").map((part) => part.split("=", 2) as [string, string]));
  const after = AFTER[parts.get("FREQ") ?? ""];
  if (from === "completion" && after) {
    const bare = !["BYDAY", "BYMONTHDAY", "BYMONTH"].some((name) => parts.has(name));
    return bare ? t(after, { count: Number(parts.get("INTERVAL") ?? 1) }) : t("repeat.afterOther", { repeat: plannedText(parts) });
  }
  return plannedText(parts);
}

function plannedText(parts: ReadonlyMap<string, string>): string {
  const names = FREQUENCIES[parts.get("FREQ") ?? ""];
  if (!names) return t("repeat.other");
  const interval = Number(parts.get("INTERVAL") ?? 1);
  const days = parts.get("BYDAY");
  const place = PLACES[parts.get("BYSETPOS") ?? ""];
  if (place && days === WORKDAYS && interval === 1 && parts.get("FREQ") === "MONTHLY") return t(place);
  // Within a month or a year the weekdays alone would say too little.
  const weekly = parts.get("FREQ") === "WEEKLY" || parts.get("FREQ") === "DAILY";
  if (days && interval === 1 && weekly && !parts.has("BYSETPOS")) {
    if (days === WORKDAYS) return t("repeat.workdays");
    const numbers = days.split(",").map((name) => WEEKDAYS.indexOf(name));
    if (numbers.every((index) => index >= 0)) return t("repeat.on", { days: weekdayNames(numbers) });
  }
  return interval === 1 ? t(names[0]) : t(names[1], { count: interval });
}

/** The usual rules for a task that is due then, and the one it has. */
export function repeatChoices(due: Due | null, rule: string | null): string[] {
  const weekday = WEEKDAYS[(due ? civilDate(due.kind === "date" ? due.date : due.at.slice(0, 10)) : new Date()).getDay()];
  const usual = ["FREQ=DAILY", `FREQ=WEEKLY;BYDAY=${WORKDAYS}`, `FREQ=WEEKLY;BYDAY=${weekday}`, "FREQ=WEEKLY;INTERVAL=2", "FREQ=MONTHLY", "FREQ=YEARLY"];
  return rule === null || usual.includes(rule) ? usual : [rule, ...usual];
}

function weekdayNames(numbers: readonly number[]): string {
  const format = new Intl.DateTimeFormat(formatTag(), { weekday: numbers.length === 1 ? weekdayLength() : "short" });
  // 4 January 1970 was a Sunday.
  const names = numbers.map((index) => format.format(new Date(1970, 0, 4 + index)));
  return new Intl.ListFormat(formatTag(), { style: "short", type: "conjunction" }).format(names);
}

/** A local day as the program writes it: "2026-11-21". */
export function isoDay(date: Date): string {
  const pad = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

export function dateDue(date: Date): Due {
  return { kind: "date", date: isoDay(date) };
}

export function addDays(date: Date, days: number): Date {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days);
}
