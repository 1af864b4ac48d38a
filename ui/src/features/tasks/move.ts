/** Moving a task to another day without losing its time of day. */
import type { Due } from "@/api/types/Due";
import type { Task } from "@/api/types/Task";
import type { TaskView } from "@/api/types/TaskView";
import { daysUntil } from "@/i18n/format";
import { addDays, civilDate, dateDue, dueDay, isoDay } from "@/shared/tasks";

/** The task on another local day; null takes its day away, and with it what repeats. */
export function onDay(view: TaskView, day: Date | null): Task {
  const { task } = view;
  if (day === null) return { ...task, due: null, recurrence: null };
  const from = dueDay(view);
  if (task.due === null || task.due.kind === "date" || from === null) return { ...task, due: dateDue(day) };
  // Its zone may be another one, where its day differs from the local one: it moves by as many days.
  const moved = addDays(civilDate(task.due.at.slice(0, 10)), daysUntil(day, from));
  return { ...task, due: { ...task.due, at: isoDay(moved) + task.due.at.slice(10) } };
}

/** What the program will say of a changed task, shown until it says it. */
export function expected(view: TaskView, task: Task, now = new Date()): TaskView {
  const same = JSON.stringify(task.due) === JSON.stringify(view.task.due);
  const due_at = same ? view.due_at : instant(task.due);
  return { task, due_at, overdue: due_at !== null && task.done_at === null && new Date(due_at) < now };
}

function instant(due: Due | null): string | null {
  if (due === null) return null;
  return new Date(due.kind === "date" ? `${due.date}T23:59:59` : due.at).toISOString();
}

/** The Monday after the day. */
export function nextMonday(now: Date): Date {
  return addDays(now, ((8 - now.getDay()) % 7) || 7);
}

export const DAYS = ["today", "tomorrow", "nextWeek", "none"] as const;
export type DayName = (typeof DAYS)[number];

export function dayNamed(name: DayName, now = new Date()): Date | null {
  if (name === "none") return null;
  return name === "nextWeek" ? nextMonday(now) : addDays(now, name === "today" ? 0 : 1);
}
