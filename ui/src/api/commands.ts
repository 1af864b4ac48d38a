/**
 * The contract in one place: every command with its request and its answer, and which events make which answer stale.
 * It knows types only; how a command travels is told in `backend.ts`.
 */
import type { CatalogueList } from "./types/CatalogueList";
import type { ChangesSince } from "./types/ChangesSince";
import type { ChatAccepted } from "./types/ChatAccepted";
import type { ChatEdit } from "./types/ChatEdit";
import type { ChatSend } from "./types/ChatSend";
import type { Conversation } from "./types/Conversation";
import type { ConversationRef } from "./types/ConversationRef";
import type { ConversationRename } from "./types/ConversationRename";
import type { ConversationView } from "./types/ConversationView";
import type { Document } from "./types/Document";
import type { DocumentChanges } from "./types/DocumentChanges";
import type { DocumentList } from "./types/DocumentList";
import type { DocumentRef } from "./types/DocumentRef";
import type { DocumentUnlock } from "./types/DocumentUnlock";
import type { DocumentView } from "./types/DocumentView";
import type { Download } from "./types/Download";
import type { DownloadRef } from "./types/DownloadRef";
import type { DownloadStart } from "./types/DownloadStart";
import type { Empty } from "./types/Empty";
import type { EndpointAdd } from "./types/EndpointAdd";
import type { EndpointEdit } from "./types/EndpointEdit";
import type { EndpointRef } from "./types/EndpointRef";
import type { EndpointTested } from "./types/EndpointTested";
import type { Event } from "./types/Event";
import type { ExtractedText } from "./types/ExtractedText";
import type { ExtractPath } from "./types/ExtractPath";
import type { FoundModelView } from "./types/FoundModelView";
import type { HubFileView } from "./types/HubFileView";
import type { HubModel } from "./types/HubModel";
import type { HubRef } from "./types/HubRef";
import type { HubSearch } from "./types/HubSearch";
import type { IndexStatus } from "./types/IndexStatus";
import type { KeyPassphrase } from "./types/KeyPassphrase";
import type { KeyRecoveryCode } from "./types/KeyRecoveryCode";
import type { KeySetPassphrase } from "./types/KeySetPassphrase";
import type { KeyStatus } from "./types/KeyStatus";
import type { KeyUnlock } from "./types/KeyUnlock";
import type { KnowledgeAdd } from "./types/KnowledgeAdd";
import type { KnowledgeAdded } from "./types/KnowledgeAdded";
import type { KnowledgeFound } from "./types/KnowledgeFound";
import type { KnowledgePause } from "./types/KnowledgePause";
import type { KnowledgeSearch } from "./types/KnowledgeSearch";
import type { MessageRef } from "./types/MessageRef";
import type { ModelConfigure } from "./types/ModelConfigure";
import type { ModelDeleted } from "./types/ModelDeleted";
import type { ModelImport } from "./types/ModelImport";
import type { ModelList } from "./types/ModelList";
import type { ModelRef } from "./types/ModelRef";
import type { ModelSet } from "./types/ModelSet";
import type { ModelView } from "./types/ModelView";
import type { OfferedModel } from "./types/OfferedModel";
import type { ReminderRef } from "./types/ReminderRef";
import type { ReminderSnooze } from "./types/ReminderSnooze";
import type { ReminderView } from "./types/ReminderView";
import type { Settings } from "./types/Settings";
import type { SkippedList } from "./types/SkippedList";
import type { SourceRef } from "./types/SourceRef";
import type { SourceView } from "./types/SourceView";
import type { Status } from "./types/Status";
import type { Suggestions } from "./types/Suggestions";
import type { Task } from "./types/Task";
import type { TaskAdd } from "./types/TaskAdd";
import type { TaskChanges } from "./types/TaskChanges";
import type { TaskDraft } from "./types/TaskDraft";
import type { TaskFeed } from "./types/TaskFeed";
import type { TaskFile } from "./types/TaskFile";
import type { TaskImport } from "./types/TaskImport";
import type { TaskImported } from "./types/TaskImported";
import type { TaskLine } from "./types/TaskLine";
import type { TaskRef } from "./types/TaskRef";
import type { TaskSetDone } from "./types/TaskSetDone";
import type { TaskSkip } from "./types/TaskSkip";
import type { TaskView } from "./types/TaskView";

type Nothing = Record<string, never>;

/** name: [request, answer] */
export interface Commands {
  status: [Nothing, Status];
  settings_get: [Nothing, Settings];
  settings_set: [Settings, Settings];
  suggestions: [Nothing, Suggestions];

  conversation_list: [Nothing, Conversation[]];
  conversation_get: [ConversationRef, ConversationView];
  conversation_rename: [ConversationRename, Conversation];
  conversation_delete: [ConversationRef, Empty];
  conversation_restore: [ConversationRef, Conversation];

  chat_send: [ChatSend, ChatAccepted];
  chat_edit: [ChatEdit, ChatAccepted];
  chat_retry: [MessageRef, ChatAccepted];
  chat_continue: [MessageRef, ChatAccepted];
  chat_stop: [ConversationRef, Empty];

  source_list: [Nothing, SourceView[]];
  source_remove: [SourceRef, Empty];
  source_skipped: [SourceRef, SkippedList];
  document_list: [DocumentList, Document[]];
  document_changes: [ChangesSince, DocumentChanges];
  document_get: [DocumentRef, DocumentView];
  document_retry: [DocumentRef, Empty];
  document_unlock: [DocumentUnlock, Empty];
  knowledge_add: [KnowledgeAdd, KnowledgeAdded];
  knowledge_search: [KnowledgeSearch, KnowledgeFound];
  knowledge_pause: [KnowledgePause, IndexStatus];
  knowledge_extract: [ExtractPath, ExtractedText];

  task_list: [Nothing, TaskView[]];
  task_changes: [ChangesSince, TaskChanges];
  task_parse: [TaskLine, TaskDraft];
  task_add: [TaskAdd, TaskView];
  task_add_line: [TaskLine, TaskView];
  task_update: [Task, TaskView];
  task_set_done: [TaskSetDone, TaskView];
  task_skip: [TaskSkip, TaskView];
  task_delete: [TaskRef, Empty];
  task_restore: [TaskRef, TaskView];
  task_import: [TaskImport, TaskImported];
  task_export: [Nothing, TaskFile];
  task_feed: [TaskFeed, Settings];

  reminder_list: [Nothing, ReminderView[]];
  reminder_done: [ReminderRef, Empty];
  reminder_dismiss: [ReminderRef, Empty];
  reminder_snooze: [ReminderSnooze, Empty];

  model_list: [Nothing, ModelList];
  model_import: [ModelImport, ModelView];
  model_set: [ModelSet, ModelList];
  model_configure: [ModelConfigure, ModelList];
  model_benchmark: [ModelRef, ModelList];
  model_load: [ModelRef, ModelList];
  model_unload: [ModelRef, ModelList];
  model_remove: [ModelRef, Empty];

  model_catalogue: [Nothing, CatalogueList];
  model_downloads: [Nothing, Download[]];
  model_download_start: [DownloadStart, Download];
  model_download_pause: [DownloadRef, Download];
  model_download_resume: [DownloadRef, Download];
  model_download_cancel: [DownloadRef, Download[]];
  model_search_hub: [HubSearch, HubModel[]];
  model_hub_files: [HubRef, HubFileView[]];
  model_delete: [ModelRef, ModelDeleted];
  model_folders_scan: [Nothing, FoundModelView[]];

  model_endpoint_models: [EndpointRef, OfferedModel[]];
  model_endpoint_add: [EndpointAdd, ModelView];
  model_endpoint_edit: [EndpointEdit, ModelView];
  model_endpoint_test: [ModelRef, EndpointTested];

  activity_dismiss: [{ id: string }, Empty];

  key_status: [Nothing, KeyStatus];
  key_unlock: [KeyUnlock, KeyStatus];
  key_lock: [Nothing, KeyStatus];
  key_touch: [Nothing, Empty];
  key_set_passphrase: [KeySetPassphrase, KeyStatus];
  key_remove_passphrase: [KeyPassphrase, KeyStatus];
  key_use_keyring: [KeyPassphrase, KeyStatus];
  key_recovery_new: [KeyPassphrase, KeyRecoveryCode];
  key_rotate: [KeyPassphrase, KeyRecoveryCode];
  data_restore: [Nothing, KeyStatus];
}

export type CommandName = keyof Commands;
export type Request<N extends CommandName> = Commands[N][0];
export type Answer<N extends CommandName> = Commands[N][1];
export type Topic = Event["topic"];

/** Commands whose answers are kept, and the events that make them stale. `resync` makes everything stale. */
export const STALE_AFTER = {
  key_status: ["keys_changed"],
  status: ["status_changed"],
  settings_get: ["settings_changed"],
  suggestions: ["sources_changed", "tasks_changed"],
  conversation_list: ["conversations_changed"],
  source_list: ["sources_changed", "documents_changed"],
  document_list: ["documents_changed", "sources_changed"],
  document_get: ["documents_changed"],
  task_list: ["tasks_changed"],
  reminder_list: ["reminders_changed", "reminder_due"],
  model_list: ["models_changed"],
  model_catalogue: ["models_changed"],
  model_downloads: ["downloads_changed"],
} as const satisfies Partial<Record<CommandName, readonly Topic[]>>;

export type KeptCommand = keyof typeof STALE_AFTER;
