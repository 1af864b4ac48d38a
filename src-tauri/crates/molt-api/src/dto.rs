//! What travels between the backend and its faces: requests, views and events. TypeScript types are generated from these.

use molt_core::*;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

macro_rules! dto {
    ($($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident : $ty:ty),* $(,)? })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
        #[ts(export)]
        pub struct $name { $($(#[$field_meta])* pub $field: $ty),* }
    )*};
}

mod models;

pub use models::*;

dto! {
    /// Asks for nothing.
    pub struct Empty {}

    pub struct ConversationRef { pub id: ConversationId }
    pub struct MessageRef { pub id: MessageId }
    pub struct SourceRef { pub id: SourceId }
    pub struct DocumentRef { pub id: DocumentId }
    pub struct DocumentUnlock {
        pub id: DocumentId,
        /// Kept as a secret; never given out again.
        pub password: Secret,
    }
    pub struct TaskRef { pub id: TaskId }
    pub struct ReminderRef { pub id: ReminderId }
    pub struct ModelRef { pub id: ModelId }
    pub struct ActivityRef { pub id: String }
    /// The mark of an earlier answer; nothing to read the whole list.
    pub struct ChangesSince { pub mark: Option<String> }

    // Status -----------------------------------------------------------------------------------------------------------

    /// What every view needs to know; read at start and after each `status_changed`.
    pub struct Status {
        pub version: String,
        pub data_dir: String,
        pub chat_model: Option<ModelView>,
        pub embedder: Option<ModelView>,
        pub reranker: Option<ModelView>,
        pub index: IndexStatus,
        pub activities: Vec<Activity>,
        /// Reminders shown and not answered.
        pub due_reminders: u32,
        /// True in the desktop window; false in a browser.
        pub desktop: bool,
    }

    pub struct IndexStatus {
        /// Documents that can be searched.
        pub indexed: u32,
        /// Documents waiting or being read.
        pub pending: u32,
        /// Documents that could not be read.
        pub failed: u32,
        #[ts(type = "number")]
        pub chunks: u64,
        pub paused: bool,
        /// Reading waits until the computer does not run on its battery any more.
        pub on_battery: bool,
        /// Name of the file that is being read now.
        pub current: Option<String>,
        /// No embedder is loaded: search is by words only.
        pub words_only: bool,
        /// While something is left to be read.
        pub progress: Option<IndexProgress>,
        /// How much of the library the embedder that was chosen has read, from 0 to 1; the one before answers until the end.
        pub renewal: Option<f32>,
    }

    pub struct IndexProgress {
        /// From 0 to 1, of what has been waiting since nothing was.
        pub done: f32,
        /// Read in a second lately; nothing before it is known.
        pub files_per_second: Option<f32>,
        pub bytes_per_second: Option<f32>,
        /// Until nothing is left, at this speed.
        #[ts(type = "number | null")]
        pub seconds_left: Option<u64>,
    }

    /// Something that runs, or that went wrong and was not dismissed.
    pub struct Activity {
        pub id: String,
        pub kind: ActivityKind,
        /// What it is about: a file name, a model name.
        pub subject: String,
        /// From 0 to 1 when it is known.
        pub progress: Option<f32>,
        /// One plain sentence for a problem.
        pub message: Option<String>,
    }

    // Chat -------------------------------------------------------------------------------------------------------------

    pub struct ConversationView { pub conversation: Conversation, pub messages: Vec<Message> }
    pub struct ConversationRename { pub id: ConversationId, pub title: String }
    pub struct ChatSend {
        /// None starts a new conversation.
        pub conversation_id: Option<ConversationId>,
        pub text: String,
        /// The model is to think before it answers, if it can.
        #[serde(default)]
        pub think: bool,
    }
    pub struct ChatEdit {
        /// A message of the user; it and all after it are replaced.
        pub message_id: MessageId,
        pub text: String,
        /// As in `ChatSend`.
        #[serde(default)]
        pub think: bool,
    }
    /// The question was stored. The answer arrives as `answer_delta` events and ends with `message_changed`.
    pub struct ChatAccepted { pub conversation_id: ConversationId, pub user_message: Message, pub answer: Message }
    pub struct Suggestions { pub items: Vec<String> }

    // Knowledge --------------------------------------------------------------------------------------------------------

    pub struct KnowledgeAdd { pub paths: Vec<String> }
    pub struct KnowledgeAdded { pub sources: Vec<Source>, pub problems: Vec<PathProblem> }
    pub struct PathProblem { pub path: String, pub message: String }
    pub struct SourceView {
        pub source: Source,
        pub documents: u32,
        pub indexed: u32,
        pub pending: u32,
        pub failed: u32,
        /// The folder is gone, cannot be read or cannot be watched; one plain sentence.
        pub problem: Option<String>,
    }
    /// What of a folder is not read.
    pub struct SkippedList {
        /// By path.
        pub files: Vec<SkippedFile>,
        /// So much beside these.
        pub more: u32,
    }
    pub struct DocumentList { pub source_id: Option<SourceId> }
    /// What a reader who has read all documents once must be told; without a mark all of them, in pages.
    pub struct DocumentChanges {
        /// To ask with next time.
        pub mark: String,
        /// All documents are told anew from here on.
        pub whole: bool,
        /// There is more to be told at once.
        pub more: bool,
        /// Their state is what is stored; see `reading`.
        pub changed: Vec<Document>,
        pub removed: Vec<DocumentId>,
        /// Those that are read now, changed or not.
        pub reading: Vec<DocumentId>,
    }
    pub struct KnowledgeSearch {
        /// Words; a passage must hold what stands between quotation marks.
        pub query: String,
        pub limit: Option<u32>,
        pub source_id: Option<SourceId>,
        #[serde(default)]
        pub by: SearchBy,
        /// Only in documents of these kinds, if there are any.
        #[serde(default)]
        pub kinds: Vec<DocumentKind>,
        /// Only in documents that were changed at this time or later.
        #[serde(default)]
        #[ts(type = "string | null")]
        pub since: Option<jiff::Timestamp>,
        /// Absolute path: only in this file, or in what lies below this folder.
        #[serde(default)]
        pub folder: Option<String>,
    }
    pub struct KnowledgeFound {
        pub passages: Vec<Passage>,
        /// Only words were compared, because no embedder is loaded or it cannot read the question.
        pub words_only: bool,
    }
    /// A document's text around a passage, for the inspector.
    pub struct DocumentView { pub document: Document, pub chunks: Vec<ChunkView> }
    pub struct ChunkView { pub id: ChunkId, pub text: String, pub position: Position }
    pub struct KnowledgePause { pub paused: bool }
    pub struct ExtractPath {
        pub path: String,
        /// Opens a protected document.
        #[serde(default)]
        pub password: Option<String>,
    }
    pub struct ExtractedText { pub text: String, pub pages: Option<u32>, pub reader: String, pub title: Option<String> }

    // Tasks ------------------------------------------------------------------------------------------------------------

    pub struct TaskLine { pub text: String }
    /// Adds exactly this; the line was parsed and perhaps edited before.
    pub struct TaskAdd {
        pub title: String,
        pub notes: Option<String>,
        pub priority: Priority,
        pub category: Option<String>,
        #[serde(default)]
        pub section: Option<String>,
        #[serde(default)]
        pub labels: Vec<String>,
        #[serde(default)]
        #[ts(type = "string | null")]
        pub deadline: Option<jiff::civil::Date>,
        /// Minutes before the due time.
        #[serde(default)]
        pub remind_before: Vec<u32>,
        #[serde(default)]
        pub estimate_minutes: Option<u32>,
        #[serde(default)]
        pub parent: Option<TaskId>,
        pub due: Option<Due>,
        pub recurrence: Option<String>,
        #[serde(default)]
        pub repeat_from: RepeatFrom,
    }
    pub struct TaskSetDone { pub id: TaskId, pub done: bool }
    /// Leaves one occurrence of a repeating task out: the one that is due, or the one on `day`.
    pub struct TaskSkip {
        pub id: TaskId,
        #[serde(default)]
        #[ts(type = "string | null")]
        pub day: Option<jiff::civil::Date>,
    }
    /// The text of an iCalendar file, of a todo.txt file where `name` ends in `.txt`, of a project of Todoist where it ends in
    /// `.csv`.
    pub struct TaskImport { pub name: String, pub text: String }
    pub struct TaskImported {
        pub added: u32,
        /// Imported before, and left as they are now.
        pub present: u32,
        /// What could not be kept, entry by entry.
        pub remarks: Vec<ImportRemark>,
        /// How many remarks there are beyond those given.
        pub more_remarks: u32,
    }
    pub struct ImportRemark {
        /// Line of the file, from 1; 0 when it is not known.
        pub line: u32,
        /// Title of the entry, as far as it is known.
        pub title: String,
        /// One plain sentence.
        pub reason: String,
    }
    /// All tasks, also the completed ones, as an iCalendar file.
    pub struct TaskFile { pub text: String }
    pub struct TaskFeed { pub on: bool }
    /// What a reader who has read all tasks once must be told; without a mark all of them, in pages.
    pub struct TaskChanges {
        /// To ask with next time.
        pub mark: String,
        /// All tasks are told anew from here on.
        pub whole: bool,
        /// There is more to be told at once.
        pub more: bool,
        pub changed: Vec<TaskView>,
        pub removed: Vec<TaskId>,
    }
    /// A task with the time of its next reminder.
    pub struct TaskView {
        pub task: Task,
        /// The instant of `due`; for a whole day its end.
        #[ts(type = "string | null")]
        pub due_at: Option<jiff::Timestamp>,
        pub overdue: bool,
    }
    pub struct ReminderView { pub reminder: Reminder, pub task: Task }
    pub struct ReminderSnooze { pub id: ReminderId, pub minutes: u32 }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum ActivityKind {
    Indexing,
    /// What was removed from the library is being erased from files.
    Erasing,
    /// Another embedder reads the library.
    Embedding,
    LoadingModel,
    Downloading,
    Answering,
    Problem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum ModelState {
    Available,
    Loading,
    Loaded,
    Failed,
    /// The file is not where it was.
    Missing,
}

/// What changed. The faces refetch what they show, except for answers, which are streamed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case", tag = "topic")]
#[ts(export)]
pub enum Event {
    /// Text to append to the answer. `offset` is the length of the text before it in UTF-16 code units;
    /// a face that finds a gap asks for the conversation again.
    AnswerDelta {
        conversation_id: ConversationId,
        message_id: MessageId,
        offset: u32,
        text: String,
    },
    /// Text to append to what the model thought before it answered; `offset` as in `AnswerDelta`.
    AnswerThought {
        conversation_id: ConversationId,
        message_id: MessageId,
        offset: u32,
        text: String,
    },
    /// Waiting (`position` > 0) or reading the prompt (`position` 0).
    AnswerQueued {
        conversation_id: ConversationId,
        message_id: MessageId,
        position: u32,
    },
    /// So many tokens of a long prompt are read.
    AnswerReading {
        conversation_id: ConversationId,
        message_id: MessageId,
        read: u32,
        total: u32,
    },
    /// A message was stored: a new one, or an answer that ended.
    MessageChanged {
        message: Message,
    },
    ConversationsChanged {},
    SourcesChanged {},
    DocumentsChanged {},
    TasksChanged {},
    /// A reminder is due now: show it.
    ReminderDue {
        reminder: ReminderView,
    },
    RemindersChanged {},
    ModelsChanged {},
    /// All downloads as they are now; told a few times a second while one runs.
    DownloadsChanged {
        downloads: Vec<Download>,
    },
    SettingsChanged {
        settings: Settings,
    },
    /// The data was locked or unlocked, or what opens it changed.
    KeysChanged {},
    /// `Status` differs from what it was.
    StatusChanged {},
    /// Events were lost because the reader was too slow: refetch everything.
    Resync {},
}

/// The one error that crosses the wire: plain words for people, a code for programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, thiserror::Error)]
#[error("{message}")]
#[ts(export)]
pub struct ApiError {
    pub code: ErrorCode,
    /// What happened, to what; one plain sentence.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// To find the call in the log.
    pub trace_id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum ErrorCode {
    Invalid,
    NotFound,
    Busy,
    Unavailable,
    DiskFull,
    /// The data must be unlocked first.
    Locked,
    Internal,
}
