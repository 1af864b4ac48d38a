//! Conversations and messages in memory.

use jiff::Timestamp;
use molt_core::*;

use super::MemoryStore;

const CONVERSATION: StoreError = StoreError::NotFound("conversation");
const MESSAGE: StoreError = StoreError::NotFound("message");

impl ConversationStore for MemoryStore {
    fn conversations(&self) -> StoreResult<Vec<Conversation>> {
        let mut rows: Vec<_> =
            self.read().conversations.iter().filter(|r| r.1.is_none()).map(|r| r.0.clone()).collect();
        rows.reverse();
        rows.sort_by_key(|c| std::cmp::Reverse(c.updated_at));
        Ok(rows)
    }

    fn conversation(&self, id: &ConversationId) -> StoreResult<Conversation> {
        let state = self.read();
        state.conversations.iter().find(|r| &r.0.id == id && r.1.is_none()).map(|r| r.0.clone()).ok_or(CONVERSATION)
    }

    fn put_conversation(&self, conversation: &Conversation) -> StoreResult<()> {
        let mut state = self.write()?;
        match state.conversations.iter_mut().find(|r| r.0.id == conversation.id) {
            Some(row) => row.0 = conversation.clone(),
            None => state.conversations.push((conversation.clone(), None)),
        }
        Ok(())
    }

    fn set_conversation_deleted(&self, id: &ConversationId, deleted_at: Option<Timestamp>) -> StoreResult<()> {
        let mut state = self.write()?;
        state.conversations.iter_mut().find(|r| &r.0.id == id).ok_or(CONVERSATION)?.1 = deleted_at;
        Ok(())
    }

    fn messages(&self, id: &ConversationId) -> StoreResult<Vec<Message>> {
        self.conversation(id)?;
        let state = self.read();
        Ok(state
            .messages
            .iter()
            .filter(|(m, hidden)| &m.conversation_id == id && !hidden)
            .map(|r| r.0.clone())
            .collect())
    }

    fn message(&self, id: &MessageId) -> StoreResult<Message> {
        self.read().messages.iter().find(|(m, _)| &m.id == id).map(|r| r.0.clone()).ok_or(MESSAGE)
    }

    fn put_message(&self, message: &Message) -> StoreResult<()> {
        let mut state = self.write()?;
        if !state.conversations.iter().any(|r| r.0.id == message.conversation_id) {
            return Err(CONVERSATION);
        }
        match state.messages.iter_mut().find(|r| r.0.id == message.id) {
            Some(row) => row.0 = message.clone(),
            None => state.messages.push((message.clone(), false)),
        }
        Ok(())
    }

    fn supersede_from(&self, id: &MessageId) -> StoreResult<()> {
        let mut state = self.write()?;
        let first = state.messages.iter().position(|r| &r.0.id == id).ok_or(MESSAGE)?;
        let conversation = state.messages[first].0.conversation_id.clone();
        for row in state.messages[first..].iter_mut().filter(|r| r.0.conversation_id == conversation) {
            row.1 = true;
        }
        Ok(())
    }

    fn stop_streaming(&self) -> StoreResult<usize> {
        let mut state = self.write()?;
        let mut stopped = 0;
        for (message, _) in state.messages.iter_mut().filter(|r| r.0.state == MessageState::Streaming) {
            message.state = MessageState::Stopped;
            stopped += 1;
        }
        Ok(stopped)
    }
}
