/** The pretended program's tasks: a small reader of lines, and what it keeps. Not part of the product. */
import type { TaskDraft } from "./types/TaskDraft";
import type { Due } from "./types/Due";
import type { Task } from "./types/Task";
import type { TaskView } from "./types/TaskView";

const DAY = 86_400_000;
const pad = (value: number) => String(value).padStart(2, "0");
const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

export function civil(days: number): string {
  const date = new Date(Date.now() + days * DAY);
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

/** With the instant of its due time, as the program tells it. */
export function viewOf(task: Task): TaskView {
  const at = task.due === null ? null : new Date(task.due.kind === "date" ? `${task.due.date}T23:59:59` : task.due.at);
  return { task, due_at: at?.toISOString() ?? null, overdue: at !== null && at.getTime() < Date.now() && task.done_at === null };
}

export function parse(text: string): TaskDraft {
  const draft: TaskDraft = { title: text, notes: "", priority: "normal", category: null, section: null, labels: [], deadline: null, remind_before: [], estimate_minutes: null, due: null, recurrence: null, repeat_from: "schedule", spans: [] };
  const taken: string[] = [];
  const take = (pattern: RegExp, kind: TaskDraft["spans"][0]["kind"], use: (found: RegExpExecArray) => void) => {
    for (const found of text.matchAll(new RegExp(pattern.source, `${pattern.flags.replace("g", "")}g`))) {
      draft.spans.push({ kind, start: found.index, end: found.index + found[0].length });
      taken.push(found[0]);
      use(found);
      if (!pattern.global) break;
    }
  };
  const due = (date: string, hour: string | undefined): Due => (hour ? { kind: "time", at: `${date}T${pad(Number(hour))}:00:00`, zone: zone() } : { kind: "date", date });
  take(/\/\/ ?(.+)$/, "note", (found) => (draft.notes = found[1] ?? ""));
  take(/^(remind me to |remind me |提醒我)/, "verb", () => undefined);
  take(/\{(friday|周五|tomorrow|明天)\}/i, "deadline", (found) => (draft.deadline = civil(/tom|明/.test(found[0]) ? 1 : (12 - new Date().getDay()) % 7 || 7)));
  take(/(?<!\{)(?:today|tomorrow)(?: at (\d{1,2}))?|(?<!\{)(?:今天|明天)(?: ?(\d{1,2}) ?点)?/, "when", (found) => (draft.due = due(civil(/^(tom|明)/.test(found[0]) ? 1 : 0), found[1] ?? found[2])));
  take(/\b11\/12\b/, "when", () => (draft.due = { kind: "date", date: `${new Date().getFullYear() + 1}-11-12` }));
  take(/\b(\d{4}-\d\d-\d\d)(?: (\d\d):00)?/, "when", (found) => (draft.due = due(found[1] ?? "", found[2])));
  take(/every Friday|每周五/, "recurrence", () => {
    draft.recurrence = "FREQ=WEEKLY;BYDAY=FR";
    draft.due ??= { kind: "date", date: civil((12 - new Date().getDay()) % 7 || 7) };
  });
  take(/(?<=^|\s)(?:!urgent|p1|!high|p2|！紧急)(?=\s|$)/, "priority", (found) => (draft.priority = /high|2/.test(found[0]) ? "high" : "urgent"));
  take(/#[^\s#]+/, "category", (found) => (draft.category = found[0].slice(1)));
  take(/(?<=^|\s)@[^\s@]+/g, "label", (found) => draft.labels.push(found[0].slice(1)));
  take(/(?<=^|\s)!(\d+)(min|h|d|分钟|小时|天)/g, "reminder", (found) => draft.remind_before.push(Number(found[1]) * ({ min: 1, 分钟: 1, h: 60, 小时: 60, d: 1440, 天: 1440 }[found[2] ?? "min"] ?? 1)));
  take(/(?<=\s)\/(\p{L}\S*)/u, "section", (found) => (draft.section = found[1] ?? null));
  take(/(?<=^|\s)~(\d+) ?(min|h|分钟|小时)/, "estimate", (found) => (draft.estimate_minutes = Number(found[1]) * (/h|小时/.test(found[2] ?? "") ? 60 : 1)));
  for (const piece of taken) draft.title = draft.title.replace(piece, " ");
  draft.title = draft.title.replace(/\s+/g, " ").trim() || text;
  return draft;
}

/** Ten thousand of them, spread over two months, for looking at how long lists scroll. */
export function manyTasks(few: readonly TaskView[], count: number): TaskView[] {
  return Array.from({ length: count }, (_, index) => {
    const base = few[index % few.length] as TaskView;
    const due: Due | null = base.task.due === null ? null : { kind: "date", date: civil((index % 60) - 3) };
    return viewOf({ ...base.task, id: `t${index}`, title: `${base.task.title} ${index + 1}`, due });
  });
}
