/** What was half written in each conversation, while the window is open. The key null is the new one. */
import type { ConversationId } from "@/api/types/ConversationId";

export const drafts = new Map<ConversationId | null, string>();
