/** Numbers, sizes, days and times as people of the chosen language write them. Reads the clock only where `now` is not given. */
import { formatTag, t } from "./index.svelte";

const cache = new Map<string, Intl.DateTimeFormat>();

function dateFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = formatTag() + JSON.stringify(options);
  let format = cache.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(formatTag(), options);
    cache.set(key, format);
  }
  return format;
}

export function number(value: number, digits = 0): string {
  return new Intl.NumberFormat(formatTag(), { maximumFractionDigits: digits }).format(value);
}

export function percent(fraction: number, digits = 0): string {
  return new Intl.NumberFormat(formatTag(), { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits }).format(fraction);
}

/** How long something will take, no more exactly than anyone can know: "40 sec", "3 min", "1.5 hr". */
export function roughly(seconds: number): string {
  const unit = (value: number, name: string) => spaced(new Intl.NumberFormat(formatTag(), { style: "unit", unit: name, maximumFractionDigits: 1 }).format(value));
  if (seconds <= 50) return unit(Math.max(10, Math.ceil(seconds / 10) * 10), "second");
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? unit(minutes, "minute") : unit(Math.ceil(minutes / 30) / 2, "hour");
}

/** Bytes in the unit that keeps the figure below 1024: "1.9 GB". */
export function size(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${number(value, unit >= 3 || (unit === 2 && value < 10) ? 1 : 0)}\u00a0${units[unit]}`;
}

/** Milliseconds as seconds with one digit: "0.4 s". */
export function seconds(ms: number): string {
  return `${number(ms / 1000, 1)}\u00a0s`;
}

/** A space between Chinese and other signs, as it is set in print; `Intl` leaves it out. */
function spaced(text: string): string {
  return text.replace(/([\u4e00-\u9fff])([0-9A-Za-z])/g, "$1 $2").replace(/([0-9A-Za-z])([\u4e00-\u9fff])/g, "$1 $2");
}

function startOfDay(date: Date): Date {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate());
}

/** Whole days from `now` to the date, in local time; negative for the past. */
export function daysUntil(date: Date, now = new Date()): number {
  // Rounded, because days on which the clocks change are 23 or 25 hours long.
  return Math.round((startOfDay(date).getTime() - startOfDay(now).getTime()) / 86_400_000);
}

function capitalise(text: string): string {
  return text.charAt(0).toLocaleUpperCase(formatTag()) + text.slice(1);
}

/** Days of the week are written out. In Chinese people write 周五; 星期五 is formal. */
export const weekdayLength = () => (formatTag().startsWith("zh") ? "short" : "long");

/** "Today", "Tomorrow", "Friday" within a week, else "3 Dec" or "3 Dec 2027". */
export function day(date: Date, now = new Date()): string {
  const days = daysUntil(date, now);
  if (days >= -1 && days <= 1) {
    return capitalise(new Intl.RelativeTimeFormat(formatTag(), { numeric: "auto" }).format(days, "day"));
  }
  if (days > 1 && days < 7) return dateFormat({ weekday: weekdayLength() }).format(date);
  const sameYear = date.getFullYear() === now.getFullYear();
  return spaced(dateFormat({ day: "numeric", month: "short", ...(sameYear ? {} : { year: "numeric" }) }).format(date));
}

/** "Fri 27 Nov", with the year when it is another one. */
export function weekdayDate(date: Date, now = new Date()): string {
  const sameYear = date.getFullYear() === now.getFullYear();
  return spaced(dateFormat({ weekday: "short", day: "numeric", month: "short", ...(sameYear ? {} : { year: "numeric" }) }).format(date));
}

/** "November 2026". */
export function month(date: Date): string {
  return spaced(dateFormat({ month: "long", year: "numeric" }).format(date));
}

/** "Fri", for the head of a calendar. */
export function weekday(date: Date): string {
  return dateFormat({ weekday: "short" }).format(date);
}

/** "Friday 27 November 2026", for what is read aloud. */
export function longDay(date: Date): string {
  return spaced(dateFormat({ dateStyle: "full" }).format(date));
}

/** "14:30", or "2:30 PM" where people write it so. */
export function time(date: Date): string {
  return dateFormat({ hour: "numeric", minute: "2-digit" }).format(date);
}

/** Day and time: "Today 14:30". */
export function dayTime(date: Date, now = new Date()): string {
  return `${day(date, now)} ${time(date)}`;
}

/** The full date with time, for tooltips. */
export function full(date: Date): string {
  return spaced(dateFormat({ dateStyle: "full", timeStyle: "short" }).format(date));
}

/** How long ago, in words: "5 minutes ago"; days and more as a date. */
export function ago(date: Date, now = new Date()): string {
  const minutes = Math.round((now.getTime() - date.getTime()) / 60_000);
  if (minutes < 1) return t("time.now");
  const relative = new Intl.RelativeTimeFormat(formatTag(), { numeric: "always" });
  if (minutes < 60) return spaced(relative.format(-minutes, "minute"));
  if (minutes < 12 * 60) return spaced(relative.format(-Math.round(minutes / 60), "hour"));
  return dayTime(date, now);
}
