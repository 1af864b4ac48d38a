/** Conversations by the day they were last used, newest first. */
import type { Conversation } from "@/api/types/Conversation";
import { daysUntil } from "@/i18n/format";

export type Group = "today" | "yesterday" | "week" | "earlier";

export function groupOf(conversation: Conversation, now: Date): Group {
  const days = -daysUntil(new Date(conversation.updated_at), now);
  if (days <= 0) return "today";
  if (days === 1) return "yesterday";
  return days < 7 ? "week" : "earlier";
}

export type Row = { kind: "group"; group: Group } | { kind: "conversation"; conversation: Conversation };

/** Rows of a flat list: each group's name before its conversations; empty groups do not appear. */
export function rows(conversations: readonly Conversation[], now: Date): Row[] {
  const sorted = [...conversations].sort((a, b) => b.updated_at.localeCompare(a.updated_at));
  const result: Row[] = [];
  let last: Group | null = null;
  for (const conversation of sorted) {
    const group = groupOf(conversation, now);
    if (group !== last) result.push({ kind: "group", group });
    last = group;
    result.push({ kind: "conversation", conversation });
  }
  return result;
}
