//! Reading before it is asked for, and what the engines are known to have read.
//!
//! All of it gives way to a question, and that any of it fails matters to nobody: the question is read then.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use futures::StreamExt;
use molt_core::{
    ConversationId, EngineError, FinishReason, GenerateEvent, Message, MessageState, ModelId, PromptMessage,
};
use tokio_util::sync::CancellationToken;

use crate::{
    continuation::is_cut,
    conversation::{Assist, ChatModel},
    lease::Lease,
    prompt::{Prompt, next_turn, opening, reading},
};

impl Assist {
    /// Has a model that was just loaded read what every prompt begins with.
    pub fn warm(&self, model: ModelId, tools: bool) {
        // It was loaded: what an earlier process had read is lost.
        self.known().forget(&model);
        let Some(cancel) = self.read_from_now() else { return };
        let mut events = self.parts().engine.generate(opening(model, tools));
        tokio::spawn(async move {
            cancel.run_until_cancelled(async { while let Some(Ok(_)) = events.next().await {} }).await;
        });
    }

    /// Has the engine take up what it keeps of a conversation that the user looks at. Looking again costs nothing, and of many that are
    /// looked at one after the other the last is taken up.
    pub fn recall(&self, conversation: &ConversationId, model: ChatModel) {
        let cancel = CancellationToken::new();
        {
            let mut recalled = self.recalled();
            if recalled.as_ref().is_some_and(|(last, _)| last == conversation) {
                return;
            }
            if let Some((_, earlier)) = recalled.replace((conversation.clone(), cancel.clone())) {
                earlier.cancel();
            }
        }
        let history = self.parts().conversations.messages(conversation).unwrap_or_default();
        if history.is_empty() {
            return;
        }
        let assist = self.clone();
        tokio::spawn(async move {
            let taken_up = cancel.run_until_cancelled(assist.read(&model, &history, true)).await;
            if let Some(Err(error)) = taken_up {
                tracing::debug!(%error, "a conversation was not taken up");
            }
        });
    }

    /// Has the engine read what the next prompt of the conversation will begin with. The answer was written behind passages, and these are
    /// no part of the next prompt: without this it would be read anew from the question that was just answered.
    pub(crate) fn read_ahead(&self, answer: &Message, model: ChatModel) {
        let goes_on = matches!(answer.state, MessageState::Done | MessageState::Stopped);
        // One that was cut is likely gone on with, behind the same passages.
        if !model.keeps || !goes_on || is_cut(answer) {
            return;
        }
        let Some(cancel) = self.read_from_now() else { return };
        // It may be unloaded meanwhile: nobody waits for this.
        let model = ChatModel { lease: Lease::default(), ..model };
        let (assist, id) = (self.clone(), answer.conversation_id.clone());
        tokio::spawn(async move {
            let conversations = &assist.parts().conversations;
            // Of one that was deleted meanwhile nothing is to be computed, and so nothing kept.
            let history = match conversations.conversation(&id) {
                Ok(_) => conversations.messages(&id).unwrap_or_default(),
                Err(_) => return,
            };
            let read = cancel.run_until_cancelled(assist.read(&model, &history, false)).await;
            if let Some(Err(error)) = read {
                tracing::debug!(%error, "a conversation was not read ahead");
            }
        });
    }

    async fn read(&self, model: &ChatModel, history: &[Message], recall_only: bool) -> Result<(), EngineError> {
        let engine = self.parts().engine.as_ref();
        let prompt = next_turn(engine, model, history).await?;
        let note = Note { recall_only, ..self.known().begin(model, &prompt) };
        let mut events = engine.generate(reading(model.id.clone(), prompt.messages, recall_only));
        while let Some(event) = events.next().await {
            note.hear(self.known(), &event);
            event?;
        }
        Ok(())
    }
}

/// What the engines hold of their last prompts, as far as they have told. Too little is told rather than too much: what is not known here
/// is only counted as unread.
#[derive(Debug, Default)]
pub(crate) struct Known {
    models: Mutex<HashMap<ModelId, Held>>,
    notes: AtomicU64,
}

#[derive(Debug)]
struct Held {
    note: u64,
    messages: Vec<PromptMessage>,
    /// The most tokens that each message may be.
    tokens: Vec<u32>,
    /// So many messages, from the first, are read as a whole.
    whole: usize,
}

/// Listens to one generation.
#[derive(Debug)]
pub(crate) struct Note {
    number: u64,
    /// None where nothing that is read is kept.
    model: Option<ModelId>,
    recall_only: bool,
}

impl Known {
    /// A prompt is given to an engine, which keeps what it shares with the one before.
    pub fn begin(&self, model: &ChatModel, prompt: &Prompt) -> Note {
        let number = self.notes.fetch_add(1, Ordering::Relaxed);
        if !model.keeps {
            return Note { number, model: None, recall_only: false };
        }
        let mut models = self.models();
        let whole = models.get(&model.id).map_or(0, |held| held.shared(&prompt.messages));
        let held = Held { note: number, messages: prompt.messages.clone(), tokens: prompt.tokens.clone(), whole };
        models.insert(model.id.clone(), held);
        Note { number, model: Some(model.id.clone()), recall_only: false }
    }

    pub fn forget(&self, model: &ModelId) {
        self.models().remove(model);
    }

    /// How many of these messages, from the first, a model has read.
    pub fn read(&self, model: &ModelId, messages: &[PromptMessage]) -> usize {
        self.models().get(model).map_or(0, |held| held.shared(messages))
    }

    fn models(&self) -> MutexGuard<'_, HashMap<ModelId, Held>> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn shared(&self, messages: &[PromptMessage]) -> usize {
        self.messages[..self.whole].iter().zip(messages).take_while(|(held, new)| held == new).count()
    }

    /// So many tokens of the prompt are read.
    fn reach(&mut self, read: u32) {
        let ends = self.tokens.iter().scan(0u32, |end, tokens| {
            *end = end.saturating_add(*tokens);
            Some(*end)
        });
        self.whole = self.whole.max(ends.take_while(|end| *end <= read).count());
    }
}

impl Note {
    pub fn hear(&self, known: &Known, event: &Result<GenerateEvent, EngineError>) {
        let Some(model) = &self.model else { return };
        let mut models = known.models();
        // Another prompt may have come after it.
        let Some(held) = models.get_mut(model).filter(|held| held.note == self.number) else { return };
        match event {
            Ok(GenerateEvent::Reading { read, .. }) => held.reach(*read),
            Ok(GenerateEvent::Thought { .. } | GenerateEvent::Delta { .. }) => held.whole = held.messages.len(),
            // What was read before a cancellation was told.
            Ok(GenerateEvent::Done { finish: FinishReason::Cancelled, .. }) => {}
            Ok(GenerateEvent::Done { cached_tokens, .. }) if self.recall_only => held.reach(*cached_tokens),
            Ok(GenerateEvent::Done { .. }) => held.whole = held.messages.len(),
            Ok(GenerateEvent::Queued { .. } | GenerateEvent::Started { .. }) => {}
            // The process may have ended, and what it had read with it.
            Err(_) => drop(models.remove(model)),
        }
    }
}
