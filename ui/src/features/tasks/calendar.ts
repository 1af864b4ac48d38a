/** The days that a calendar shows. Weeks begin on Monday, as the reader of lines has it. */
import { addDays } from "@/shared/tasks";

export type Mode = "month" | "week";

export function monday(date: Date): Date {
  return addDays(date, -((date.getDay() + 6) % 7));
}

export function weekOf(date: Date): Date[] {
  const first = monday(date);
  return Array.from({ length: 7 }, (_, index) => addDays(first, index));
}

/** The weeks that have a day of the month: four to six. */
export function monthOf(date: Date): Date[][] {
  const weeks: Date[][] = [];
  const last = new Date(date.getFullYear(), date.getMonth() + 1, 0);
  for (let day = monday(new Date(date.getFullYear(), date.getMonth(), 1)); day <= last; day = addDays(day, 7)) weeks.push(weekOf(day));
  return weeks;
}

/** The same day of another month, or its last one. */
export function addMonths(date: Date, months: number): Date {
  const last = new Date(date.getFullYear(), date.getMonth() + months + 1, 0).getDate();
  return new Date(date.getFullYear(), date.getMonth() + months, Math.min(date.getDate(), last));
}

const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };

/** By how many days an arrow key moves. */
export function stepOf(key: string): number | null {
  return STEPS[key] ?? null;
}

/** How many tasks a cell of a month has room for, when one line is kept for "3 more". */
export function room(height: number, tasks: number): number {
  const lines = Math.max(0, Math.floor((height - 32) / 22));
  return tasks <= lines ? tasks : Math.max(0, lines - 1);
}
