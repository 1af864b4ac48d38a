/** The line that becomes a task: which words were understood, which of them the user took back, and what is added then. */
import type { DraftSpan } from "@/api/types/DraftSpan";
import type { Due } from "@/api/types/Due";
import type { SpanKind } from "@/api/types/SpanKind";
import type { TaskAdd } from "@/api/types/TaskAdd";
import type { TaskDraft } from "@/api/types/TaskDraft";
import { time, weekdayDate } from "@/i18n/format";
import { t } from "@/i18n/index.svelte";
import { beforeText, civilDate, estimateText, isoDay, PRIORITY_NAMES, readingText, repeatText } from "@/shared/tasks";

/** Half open, in UTF-16 code units of the line. */
export interface Range {
  start: number;
  end: number;
}

function samePrefix(older: string, newer: string): number {
  let same = 0;
  while (same < older.length && same < newer.length && older[same] === newer[same]) same += 1;
  return same;
}

/** Spans of an older line that still hold in the newer one: those before the first difference. Keeps the tint from flickering. */
export function survivingSpans(spans: readonly DraftSpan[], older: string, newer: string): DraftSpan[] {
  const same = samePrefix(older, newer);
  return spans.filter((span) => span.end <= same);
}

/** Where the ranges of an older line stand in the newer one; those that the change touched are gone. */
export function movedRanges(ranges: readonly Range[], older: string, newer: string): Range[] {
  const before = samePrefix(older, newer);
  let after = 0;
  const most = Math.min(older.length, newer.length) - before;
  while (after < most && older[older.length - 1 - after] === newer[newer.length - 1 - after]) after += 1;
  const shift = newer.length - older.length;
  return ranges.flatMap((range) => {
    if (range.end <= before) return [range];
    if (range.start >= older.length - after) return [{ start: range.start + shift, end: range.end + shift }];
    return [];
  });
}

/**
 * Letters that no grammar of the program reads and that nobody types: runes. What was taken back is written with them, so
 * that the rest of the line is read anew as if it were any word.
 */
const FIRST_RUNE = 0x16a0;
const RUNES = 75;

export interface Masked {
  text: string;
  /** Puts the user's words back. */
  restore: (text: string) => string;
}

/** The line with the ranges made unreadable, each with a letter of its own. Lengths stay, so that spans still fit. */
export function masked(line: string, ranges: readonly Range[]): Masked {
  const free = Array.from({ length: RUNES }, (_, index) => String.fromCharCode(FIRST_RUNE + index)).filter((rune) => !line.includes(rune));
  const covered = ranges.slice(0, free.length).map((range, index) => ({ ...range, rune: free[index] ?? "" }));
  let text = line;
  for (const { start, end, rune } of covered) text = text.slice(0, start) + rune.repeat(end - start) + text.slice(end);
  return {
    text,
    restore: (from) => covered.reduce((all, { start, end, rune }) => all.replace(new RegExp(`${rune}+`), () => line.slice(start, end)), from),
  };
}

/** The draft of a masked line in the user's words. */
export function unmasked(draft: TaskDraft, restore: Masked["restore"]): TaskDraft {
  return {
    ...draft,
    title: restore(draft.title),
    notes: restore(draft.notes),
    category: draft.category === null ? null : restore(draft.category),
    section: draft.section === null ? null : restore(draft.section),
    labels: draft.labels.map(restore),
  };
}

export function addOf(draft: TaskDraft): TaskAdd {
  const { title, notes, priority, category, section, labels, deadline, remind_before, estimate_minutes, due, recurrence, repeat_from } = draft;
  return { title, notes: notes === "" ? null : notes, priority, category, section, labels, deadline, remind_before, estimate_minutes, parent: null, due, recurrence, repeat_from };
}

export interface Chip {
  kind: SpanKind;
  text: string;
  /** The pieces of the line it stands for: a day and a time may stand apart. */
  ranges: readonly Range[];
  /** Another meaning of the same words, and how to write that so that nobody can misread it. */
  other: { text: string; line: string } | null;
}

/** What was understood, in plain words, in the order of the line. */
export function chipsOf(draft: TaskDraft, line: string, now = new Date()): Chip[] {
  const chips: Chip[] = [];
  const spans = draft.spans.toSorted((a, b) => a.start - b.start);
  const of = (...kinds: SpanKind[]) => spans.filter((span) => kinds.includes(span.kind));
  const push = (kind: SpanKind, text: string, ranges: readonly Range[], other: Chip["other"] = null) => {
    if (ranges.length > 0) chips.push({ kind, text, ranges, other });
  };
  // A repetition that says its time has no span for the time alone.
  const when = of("when");
  const repeat = of("recurrence");
  if (draft.due) {
    const text = readingText(draft.due, now);
    push("when", text, when, draft.recurrence ? null : otherReading(draft.due, when, line, now));
    if (draft.recurrence) push("recurrence", when.length > 0 ? repeatText(draft.recurrence, draft.repeat_from) : t("quickAdd.from", { repeat: repeatText(draft.recurrence, draft.repeat_from), when: text }), repeat);
  } else if (draft.recurrence) {
    push("recurrence", repeatText(draft.recurrence, draft.repeat_from), repeat);
  }
  push("priority", t("quickAdd.priority", { priority: t(PRIORITY_NAMES[draft.priority]) }), of("priority"));
  if (draft.category) push("category", draft.category, of("category"));
  if (draft.section) push("section", draft.section, of("section"));
  for (const span of of("label")) push("label", line.slice(span.start + 1, span.end), [span]);
  if (draft.deadline) push("deadline", t("quickAdd.deadline", { day: readingText({ kind: "date", date: draft.deadline }, now) }), of("deadline"));
  const reminders = of("reminder");
  if (reminders.length === draft.remind_before.length) {
    reminders.forEach((span, index) => push("reminder", beforeText(draft.remind_before[index] ?? 0), [span]));
  } else {
    for (const span of reminders) push("reminder", line.slice(span.start, span.end), [span]);
  }
  if (draft.estimate_minutes) push("estimate", t("task.takes", { estimate: estimateText(draft.estimate_minutes) }), of("estimate"));
  if (draft.notes) push("note", draft.notes, of("note"));
  return chips.sort((a, b) => (a.ranges[0]?.start ?? 0) - (b.ranges[0]?.start ?? 0));
}

/** Words that leave no doubt about the half of the day. */
const SAYS_HALF = /[ap]\.?m\b|noon|midnight|morning|evening|night|:|：|in \d|[午早晚夜晨后]/i;

/** "11/12" may be the day first; "at 3" may be the other half of the day. Null where the words leave no doubt. */
function otherReading(due: Due, spans: readonly Range[], line: string, now: Date): Chip["other"] {
  const words = spans.map((span) => line.slice(span.start, span.end)).join(" ");
  const date = due.kind === "date" ? due.date : due.at.slice(0, 10);
  const rewritten = (next: Due, said: string) => {
    const [first] = spans;
    if (!first) return null;
    let text = line;
    for (const span of spans.slice(1).toReversed()) text = text.slice(0, span.start) + text.slice(span.end);
    const written = next.kind === "date" ? next.date : next.at.slice(0, 16).replace("T", " ");
    return { text: said, line: (text.slice(0, first.start) + written + text.slice(first.end)).replace(/ {2,}/g, " ") };
  };
  if (/(^|[^\d/.-])(0?[1-9]|1[0-2])[/.](0?[1-9]|1[0-2])(?![\d/])/.test(words)) {
    const [year, month, day] = date.split("-");
    if (month === day) return null;
    const past = civilDate(`${year}-${day}-${month}`) < civilDate(isoDay(now));
    const swapped = `${past ? Number(year) + 1 : year}-${day}-${month}`;
    const said = weekdayDate(civilDate(swapped), now);
    return rewritten(due.kind === "date" ? { kind: "date", date: swapped } : { ...due, at: swapped + due.at.slice(10) }, said);
  }
  if (due.kind !== "time" || SAYS_HALF.test(words)) return null;
  const hour = Number(due.at.slice(11, 13));
  const numbers = [...words.matchAll(/\d+/g)].map(Number);
  const spoken = numbers.includes(hour % 12 || 12) || /[一二两三四五六七八九十]\s*[点點]/.test(words);
  const turned = (hour + 12) % 24;
  // Nobody is asked whether three in the night was meant.
  if (!spoken || (hour > 12 && numbers.includes(hour)) || turned < 6 || turned > 22) return null;
  const at = `${date}T${String(turned).padStart(2, "0")}:${due.at.slice(14)}`;
  return new Date(at) < now ? null : rewritten({ ...due, at }, time(new Date(at)));
}
