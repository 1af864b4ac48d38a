//! Conversations and questions.

use jiff::Timestamp;
use molt_assist::{Accepted, AssistEvent, ChatModel};
use molt_core::{Conversation, ConversationId, MessageId, TaskId};
use molt_models::LoadState;

use crate::{
    ApiError, App, Bus, ChatAccepted, ChatEdit, ChatSend, ConversationRef, ConversationRename, ConversationView, Empty,
    Event, MessageRef, events::Burst,
};

impl App {
    pub async fn conversation_list(&self) -> Result<Vec<Conversation>, ApiError> {
        Ok(self.parts().conversations.conversations()?)
    }

    pub async fn conversation_get(&self, request: ConversationRef) -> Result<ConversationView, ApiError> {
        let conversation = self.parts().conversations.conversation(&request.id)?;
        Ok(ConversationView { conversation, messages: self.parts().assist.messages(&request.id)? })
    }

    pub async fn conversation_rename(&self, request: ConversationRename) -> Result<Conversation, ApiError> {
        let title = request.title.trim();
        if title.is_empty() {
            return Err(ApiError::invalid("a conversation needs a name"));
        }
        let old = self.parts().conversations.conversation(&request.id)?;
        let conversation = Conversation { title: title.to_owned(), named: true, ..old };
        self.parts().conversations.put_conversation(&conversation)?;
        self.parts().bus.soon(Burst::Conversations);
        Ok(conversation)
    }

    /// Hides a conversation; `conversation_restore` brings it back.
    pub async fn conversation_delete(&self, request: ConversationRef) -> Result<Empty, ApiError> {
        self.parts().assist.stop(&request.id);
        self.set_deleted(&request.id, Some(self.parts().clock.now()))?;
        Ok(Empty {})
    }

    pub async fn conversation_restore(&self, request: ConversationRef) -> Result<Conversation, ApiError> {
        self.set_deleted(&request.id, None)?;
        Ok(self.parts().conversations.conversation(&request.id)?)
    }

    fn set_deleted(&self, id: &ConversationId, at: Option<Timestamp>) -> Result<(), ApiError> {
        self.parts().conversations.set_conversation_deleted(id, at)?;
        self.parts().bus.soon(Burst::Conversations);
        Ok(())
    }

    /// Asks; makes a task of a line such as "remind me …"; tells or changes tasks where a line asks for that.
    pub async fn chat_send(&self, request: ChatSend) -> Result<ChatAccepted, ApiError> {
        if molt_tasks::is_reminder(&request.text) {
            return Ok(self.parts().assist.record_task(request.conversation_id, &request.text)?.into());
        }
        let last = self.last_task(request.conversation_id.as_ref())?;
        // While an answer is written nothing may be said, and so nothing be done.
        let answering = request.conversation_id.as_ref().is_some_and(|id| self.parts().assist.answering().contains(id));
        if !answering && let Some(reply) = self.parts().desk.reply(&request.text, last) {
            return Ok(self.parts().assist.record_reply(request.conversation_id, &request.text, reply)?.into());
        }
        Ok(self.parts().assist.send(request.conversation_id, &request.text, self.chat_model()?)?.into())
    }

    /// The task that a conversation spoke of last.
    fn last_task(&self, conversation: Option<&ConversationId>) -> Result<Option<TaskId>, ApiError> {
        let Some(conversation) = conversation else { return Ok(None) };
        let conversation = self.parts().conversations.conversation(conversation)?;
        let messages = self.parts().conversations.messages(&conversation.id)?;
        Ok(messages.into_iter().rev().find_map(|message| message.task_id))
    }

    pub async fn chat_edit(&self, request: ChatEdit) -> Result<ChatAccepted, ApiError> {
        let conversation = self.parts().assist.withdraw(&request.message_id, &request.text)?;
        self.chat_send(ChatSend { conversation_id: Some(conversation), text: request.text }).await
    }

    /// Answers the same question again.
    pub async fn chat_retry(&self, request: MessageRef) -> Result<ChatAccepted, ApiError> {
        Ok(self.parts().assist.retry(&request.id, self.chat_model()?)?.into())
    }

    pub async fn chat_stop(&self, request: ConversationRef) -> Result<Empty, ApiError> {
        self.parts().assist.stop(&request.id);
        Ok(Empty {})
    }

    /// The chosen model once it is loaded; None answers with passages.
    fn chat_model(&self) -> Result<impl Future<Output = Option<ChatModel>> + Send + use<>, ApiError> {
        let settings = self.parts().settings.settings()?;
        let (chosen, seconds) = (settings.chat_model, settings.first_word_seconds);
        let (registry, engine) = (self.parts().registry.clone(), self.parts().engine.clone());
        Ok(async move {
            let id = chosen?;
            match registry.settled(&id).await.ok()? {
                (spec, LoadState::Loaded(loaded)) => {
                    let stats = engine.stats().await.into_iter().find(|stats| stats.id == id);
                    let rate = stats.map_or(0.0, |stats| stats.last_prompt_tokens_per_second);
                    // Nothing is known of the speed before the first prompt was read.
                    let reads = (seconds > 0 && rate > 0.0).then_some((rate * seconds as f32) as u32);
                    Some(ChatModel { id, name: spec.name, context_length: loaded.context_length, reads })
                }
                _ => None,
            }
        })
    }
}

impl From<Accepted> for ChatAccepted {
    fn from(accepted: Accepted) -> Self {
        let Accepted { conversation_id, user_message, answer } = accepted;
        Self { conversation_id, user_message, answer }
    }
}

impl Bus {
    /// Passes the assistant's events on.
    pub fn assist(&self, event: AssistEvent) {
        type Ids = (ConversationId, MessageId);
        let queued = |(conversation_id, message_id): Ids, position| Event::AnswerQueued {
            conversation_id,
            message_id,
            position,
        };
        match event {
            AssistEvent::Delta { conversation_id, message_id, offset, text } => {
                self.send(Event::AnswerDelta { conversation_id, message_id, offset, text });
            }
            AssistEvent::Thought { conversation_id, message_id, offset, text } => {
                self.send(Event::AnswerThought { conversation_id, message_id, offset, text });
            }
            AssistEvent::Queued { conversation_id, message_id, position } => {
                self.send(queued((conversation_id, message_id), position));
            }
            AssistEvent::Reading { conversation_id, message_id, read, total } => {
                self.send(Event::AnswerReading { conversation_id, message_id, read, total });
            }
            AssistEvent::Message(message) => {
                self.send(Event::MessageChanged { message });
                self.soon(Burst::Status);
            }
            AssistEvent::Conversations => self.soon(Burst::Conversations),
        }
    }
}
