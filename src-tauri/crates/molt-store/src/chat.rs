//! Conversations and messages.

use jiff::Timestamp;
use molt_core::*;
use rusqlite::{OptionalExtension, Row, params};

use crate::{
    Store,
    error::{failed, is_orphan},
    sql::{At, Json, Name},
};

const CONVERSATION: StoreError = StoreError::NotFound("conversation");
const MESSAGE: StoreError = StoreError::NotFound("message");
const CONVERSATION_COLUMNS: &str = "id, title, named, created_at, updated_at";
const MESSAGE_COLUMNS: &str = "id, conversation_id, role, text, state, kind, citations, stats, error, task_id, created_at, thoughts, \
     answerer";

fn conversation(row: &Row<'_>) -> rusqlite::Result<Conversation> {
    Ok(Conversation {
        id: ConversationId(row.get(0)?),
        title: row.get(1)?,
        named: row.get(2)?,
        created_at: row.get::<_, At>(3)?.0,
        updated_at: row.get::<_, At>(4)?.0,
    })
}

fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        id: MessageId(row.get(0)?),
        conversation_id: ConversationId(row.get(1)?),
        role: row.get::<_, Name<_>>(2)?.0,
        text: row.get(3)?,
        state: row.get::<_, Name<_>>(4)?.0,
        kind: row.get::<_, Option<Name<_>>>(5)?.map(|n| n.0),
        citations: row.get::<_, Json<_>>(6)?.0,
        stats: row.get::<_, Option<Json<_>>>(7)?.map(|j| j.0),
        error: row.get(8)?,
        task_id: row.get::<_, Option<String>>(9)?.map(TaskId),
        created_at: row.get::<_, At>(10)?.0,
        thoughts: row.get(11)?,
        answerer: row.get::<_, Option<Json<_>>>(12)?.map(|j| j.0),
    })
}

impl ConversationStore for Store {
    fn conversations(&self) -> StoreResult<Vec<Conversation>> {
        let connection = self.lock();
        let sql = format!(
            "SELECT {CONVERSATION_COLUMNS} FROM conversations WHERE deleted_at IS NULL ORDER BY updated_at DESC, seq DESC"
        );
        let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
        statement.query_map([], conversation).and_then(Iterator::collect).map_err(failed)
    }

    fn conversation(&self, id: &ConversationId) -> StoreResult<Conversation> {
        let sql = format!("SELECT {CONVERSATION_COLUMNS} FROM conversations WHERE id = ? AND deleted_at IS NULL");
        self.lock().query_row(&sql, [id.as_str()], conversation).optional().map_err(failed)?.ok_or(CONVERSATION)
    }

    fn put_conversation(&self, conversation: &Conversation) -> StoreResult<()> {
        self.write(|tx| {
            tx.execute(
                "INSERT INTO conversations (id, title, named, created_at, updated_at) VALUES (?, ?, ?, ?, ?)
                 ON CONFLICT (id) DO UPDATE SET title = excluded.title, named = excluded.named,
                 created_at = excluded.created_at, updated_at = excluded.updated_at",
                params![
                    conversation.id.as_str(),
                    conversation.title,
                    conversation.named,
                    At(conversation.created_at),
                    At(conversation.updated_at)
                ],
            )
            .map_err(failed)?;
            Ok(())
        })
    }

    fn set_conversation_deleted(&self, id: &ConversationId, deleted_at: Option<Timestamp>) -> StoreResult<()> {
        self.write(|tx| {
            let sql = "UPDATE conversations SET deleted_at = ? WHERE id = ?";
            match tx.execute(sql, params![deleted_at.map(At), id.as_str()]).map_err(failed)? {
                0 => Err(CONVERSATION),
                _ => Ok(()),
            }
        })
    }

    fn messages(&self, id: &ConversationId) -> StoreResult<Vec<Message>> {
        self.conversation(id)?;
        let connection = self.lock();
        let sql =
            format!("SELECT {MESSAGE_COLUMNS} FROM messages WHERE conversation_id = ? AND superseded = 0 ORDER BY seq");
        let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
        statement.query_map([id.as_str()], message).and_then(Iterator::collect).map_err(failed)
    }

    fn message(&self, id: &MessageId) -> StoreResult<Message> {
        let sql = format!("SELECT {MESSAGE_COLUMNS} FROM messages WHERE id = ?");
        self.lock().query_row(&sql, [id.as_str()], message).optional().map_err(failed)?.ok_or(MESSAGE)
    }

    fn put_message(&self, message: &Message) -> StoreResult<()> {
        self.write(|tx| {
            let put = tx.execute(
                "INSERT INTO messages
                 (id, conversation_id, role, text, state, kind, citations, stats, error, task_id, created_at, thoughts,
                  answerer)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT (id) DO UPDATE SET conversation_id = excluded.conversation_id, role = excluded.role,
                 text = excluded.text, state = excluded.state, kind = excluded.kind, citations = excluded.citations,
                 stats = excluded.stats, error = excluded.error, task_id = excluded.task_id,
                 created_at = excluded.created_at, thoughts = excluded.thoughts, answerer = excluded.answerer",
                params![
                    message.id.as_str(),
                    message.conversation_id.as_str(),
                    Name(message.role),
                    message.text,
                    Name(message.state),
                    message.kind.map(Name),
                    Json(&message.citations),
                    message.stats.as_ref().map(Json),
                    message.error,
                    message.task_id.as_ref().map(TaskId::as_str),
                    At(message.created_at),
                    message.thoughts,
                    message.answerer.as_ref().map(Json)
                ],
            );
            put.map(|_| ()).map_err(|e| if is_orphan(&e) { CONVERSATION } else { failed(e) })
        })
    }

    fn supersede_from(&self, id: &MessageId) -> StoreResult<()> {
        self.write(|tx| {
            let hidden = tx
                .execute(
                    "UPDATE messages SET superseded = 1 FROM (SELECT seq, conversation_id FROM messages WHERE id = ?) AS first
                     WHERE messages.conversation_id = first.conversation_id AND messages.seq >= first.seq",
                    [id.as_str()],
                )
                .map_err(failed)?;
            if hidden == 0 { Err(MESSAGE) } else { Ok(()) }
        })
    }

    fn stop_streaming(&self) -> StoreResult<usize> {
        self.write(|tx| {
            tx.execute("UPDATE messages SET state = 'stopped' WHERE state = 'streaming'", []).map_err(failed)
        })
    }
}
