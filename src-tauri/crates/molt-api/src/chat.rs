//! Conversations and questions.

use jiff::Timestamp;
use molt_assist::{Accepted, AssistEvent};
use molt_core::{Conversation, ConversationId, Message, MessageId, Role, TaskId};

use crate::{
    ApiError, App, Bus, ChatAccepted, ChatEdit, ChatSend, ConversationRef, ConversationRename, ConversationView, Empty,
    Event, MessageRef, events::Burst, routing::Asked,
};

impl App {
    pub async fn conversation_list(&self) -> Result<Vec<Conversation>, ApiError> {
        Ok(self.parts().conversations.conversations()?)
    }

    pub async fn conversation_get(&self, request: ConversationRef) -> Result<ConversationView, ApiError> {
        let conversation = self.parts().conversations.conversation(&request.id)?;
        if let Some(model) = self.loaded_chat_model(&request.id) {
            self.parts().assist.recall(&request.id, model);
        }
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
        self.parts().engine.forget_conversations().await;
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
        let asked =
            Asked { conversation: request.conversation_id.clone(), text: request.text.clone(), think: request.think };
        Ok(self.parts().assist.send(request.conversation_id, &request.text, self.chat_model(asked)?)?.into())
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
        self.chat_send(ChatSend { conversation_id: Some(conversation), text: request.text, think: request.think }).await
    }

    /// Answers the same question again, with thoughts if there were any before.
    pub async fn chat_retry(&self, request: MessageRef) -> Result<ChatAccepted, ApiError> {
        let asked = self.asked(&request.id)?;
        Ok(self.parts().assist.retry(&request.id, self.chat_model(asked)?)?.into())
    }

    /// Goes on with the last answer, which was cut at the length of an answer.
    pub async fn chat_continue(&self, request: MessageRef) -> Result<ChatAccepted, ApiError> {
        let asked = self.asked(&request.id)?;
        Ok(self.parts().assist.go_on(&request.id, self.chat_model(asked)?)?.into())
    }

    /// What an answer was asked for.
    fn asked(&self, answer: &MessageId) -> Result<Asked, ApiError> {
        let Message { conversation_id: conversation, thoughts, .. } = self.parts().conversations.message(answer)?;
        let mut before = self.parts().conversations.messages(&conversation)?;
        before.truncate(before.iter().position(|message| &message.id == answer).unwrap_or(before.len()));
        let question = before.into_iter().rev().find(|message| message.role == Role::User);
        let text = question.map(|one| one.text).unwrap_or_default();
        Ok(Asked { conversation: Some(conversation), text, think: thoughts.is_some() })
    }

    pub async fn chat_stop(&self, request: ConversationRef) -> Result<Empty, ApiError> {
        self.parts().assist.stop(&request.id);
        Ok(Empty {})
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
                self.send(Event::MessageChanged { message: *message });
                self.soon(Burst::Status);
            }
            AssistEvent::Conversations => self.soon(Burst::Conversations),
        }
    }
}
