/** The line that becomes a task: which words were understood, and what to add when the user took some of that back. */
import type { DraftSpan } from "@/api/types/DraftSpan";
import type { SpanKind } from "@/api/types/SpanKind";
import type { TaskAdd } from "@/api/types/TaskAdd";
import type { TaskDraft } from "@/api/types/TaskDraft";

/** Spans of an older line that still hold in the newer one: those before the first difference. Keeps the tint from flickering. */
export function survivingSpans(spans: readonly DraftSpan[], older: string, newer: string): DraftSpan[] {
  let same = 0;
  while (same < older.length && same < newer.length && older[same] === newer[same]) same += 1;
  return spans.filter((span) => span.end <= same);
}

/** What to add when the kinds in `dropped` are only words after all: they stay in the title. */
export function addOf(line: string, draft: TaskDraft, dropped: ReadonlySet<SpanKind>): TaskAdd {
  const understood = draft.spans.filter((span) => !dropped.has(span.kind)).sort((a, b) => a.start - b.start);
  let title = "";
  let at = 0;
  for (const span of understood) {
    title += line.slice(at, Math.max(at, span.start));
    at = Math.max(at, span.end);
  }
  title = (title + line.slice(at)).replace(/\s+/g, " ").replace(/^[\s,，:：]+|[\s,，]+$/g, "");
  return {
    title: title === "" ? draft.title : title,
    notes: dropped.has("note") || draft.notes === "" ? null : draft.notes,
    priority: dropped.has("priority") ? "normal" : draft.priority,
    category: dropped.has("category") ? null : draft.category,
    labels: dropped.has("label") ? [] : draft.labels,
    deadline: dropped.has("deadline") ? null : draft.deadline,
    remind_before: dropped.has("reminder") ? [] : draft.remind_before,
    due: dropped.has("when") ? null : draft.due,
    recurrence: dropped.has("recurrence") ? null : draft.recurrence,
  };
}
