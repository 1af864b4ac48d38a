//! Small valid values, so that a test writes down only what it is about.

use jiff::Timestamp;
use molt_core::*;

/// 2026-01-01T00:00:00Z plus seconds.
pub fn instant(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + seconds).expect("a time in range")
}

pub fn conversation(id: &str, updated: i64) -> Conversation {
    Conversation {
        id: id.into(),
        title: format!("about {id}"),
        named: false,
        created_at: instant(0),
        updated_at: instant(updated),
    }
}

pub fn message(id: &str, conversation: &str, role: Role, text: &str) -> Message {
    Message {
        id: id.into(),
        conversation_id: conversation.into(),
        role,
        text: text.into(),
        thoughts: None,
        state: MessageState::Done,
        kind: (role == Role::Assistant).then_some(AnswerKind::Model),
        citations: vec![],
        stats: None,
        error: None,
        task_id: None,
        answerer: None,
        created_at: instant(0),
    }
}

pub fn citation(number: u32) -> Citation {
    Citation {
        number,
        document_id: "d1".into(),
        chunk_id: "c1".into(),
        document_name: "年度报告.pdf".into(),
        path: "/home/user/年度报告.pdf".into(),
        text: "The budget is 4.2 million. 预算为420万。".into(),
        position: Position { page: Some(3), headings: vec!["Budget".into()], line: None, start: 10, end: 60 },
        used: true,
    }
}

pub fn stats() -> AnswerStats {
    AnswerStats {
        model: "small".into(),
        prompt_tokens: 120,
        completion_tokens: 12,
        first_token_ms: 180,
        total_ms: 900,
        tokens_per_second: 13.5,
        passages_left_out: 2,
        hurried: true,
        cut: true,
        messages_left_out: 3,
        context_length: 4096,
    }
}

pub fn source(id: &str, path: &str) -> Source {
    Source { id: id.into(), path: path.into(), is_folder: true, added_at: instant(0) }
}

pub fn document(id: &str, source: &str, path: &str) -> Document {
    Document {
        id: id.into(),
        source_id: source.into(),
        path: path.into(),
        name: path.rsplit('/').next().unwrap_or(path).into(),
        kind: DocumentKind::Markdown,
        size: 1234,
        modified_at: instant(5),
        content_hash: "ab".repeat(32),
        state: DocumentState::Indexed,
        reason: None,
        chunks: 0,
        pages: None,
        reader: Some("pulldown-cmark".into()),
        indexed_at: Some(instant(6)),
    }
}

pub fn chunk(id: &str, document: &str, ordinal: u32, text: &str) -> Chunk {
    Chunk {
        id: id.into(),
        document_id: document.into(),
        ordinal,
        text: text.into(),
        position: Position {
            page: None,
            headings: vec!["一".into()],
            line: Some(ordinal + 1),
            start: 0,
            end: text.len() as u64,
        },
    }
}

pub fn task(id: &str, title: &str) -> Task {
    Task {
        id: id.into(),
        title: title.into(),
        notes: String::new(),
        priority: Priority::Normal,
        category: None,
        section: None,
        labels: vec![],
        deadline: None,
        remind_before: vec![],
        estimate_minutes: None,
        parent: None,
        due: None,
        recurrence: None,
        repeat_from: RepeatFrom::Schedule,
        skipped: vec![],
        done_at: None,
        source: None,
        created_at: instant(0),
        updated_at: instant(0),
    }
}

pub fn reminder(id: &str, task: &str, at: i64) -> Reminder {
    Reminder { id: id.into(), task_id: task.into(), at: instant(at), state: ReminderState::Scheduled, late: false }
}

pub fn model(id: &str, role: ModelRole) -> ModelSpec {
    ModelSpec {
        id: id.into(),
        name: format!("model {id}"),
        role,
        format: if role == ModelRole::Chat { ModelFormat::Gguf } else { ModelFormat::Safetensors },
        path: format!("/models/{id}"),
        size: 5_000_000,
        architecture: if role == ModelRole::Chat { "qwen3" } else { "bert" }.into(),
        context_length: 2048,
        context_limit: Some(32_768),
        dimensions: if role == ModelRole::Embedder { 64 } else { 0 },
        memory_needed: 6_000_000,
        licence: Some("Apache-2.0".into()),
        bundled: false,
        backend: None,
        tools: false,
        remote: None,
        calibration: None,
        settings: ModelSettings::default(),
    }
}
