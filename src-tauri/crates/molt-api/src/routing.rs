//! Which model answers: the one the user chose, or the one that the router chooses among those that may be asked.

use std::time::Duration;

use molt_assist::ChatModel;
use molt_core::{
    Backend, ConversationId, LoadedModel, MessageState, ModelId, ModelRole, ModelSpec, Role, RouteReason, Settings,
};
use molt_models::{Candidate, LoadState, Need, strength};
use tokio::sync::broadcast::error::RecvError;

use crate::{ApiError, App, Event, ModelState};

/// A question and where it is asked.
pub(crate) struct Asked {
    pub conversation: Option<ConversationId>,
    pub text: String,
    pub think: bool,
}

impl App {
    /// The model that answers, once it is loaded; None answers with passages.
    pub(crate) fn chat_model(
        &self,
        asked: Asked,
    ) -> Result<impl Future<Output = Option<ChatModel>> + Send + use<>, ApiError> {
        let (app, settings) = (self.clone(), self.parts().settings.settings()?);
        Ok(async move {
            let (id, reason) = match settings.automatic_model {
                true => app.route(&settings, &asked).await.map(|(id, reason)| (id, Some(reason)))?,
                false => (settings.chat_model?, None),
            };
            let lease = app.lease(&id);
            let (spec, loaded) = app.loaded(&id).await?;
            let stats = app.parts().engine.stats().await.into_iter().find(|stats| stats.id == id);
            let rate = stats.map_or(0.0, |stats| stats.last_prompt_tokens_per_second);
            let seconds = settings.first_word_seconds;
            // Nothing is known of the speed before the first prompt was read.
            let reads = (seconds > 0 && rate > 0.0).then_some((rate * seconds as f32) as u32);
            Some(ChatModel {
                id,
                name: spec.name,
                context_length: loaded.context_length,
                reads,
                host: spec.remote.map(|remote| remote.host),
                reason,
                tools: spec.tools,
                think: asked.think,
                keeps: loaded.backend == Backend::LlamaCpp,
                sampling: spec.settings.sampling(),
                lease,
            })
        })
    }

    /// A model that is to answer, as soon as it can. One that was unloaded because nobody used it is loaded again.
    async fn loaded(&self, id: &ModelId) -> Option<(ModelSpec, LoadedModel)> {
        let (spec, state) = self.parts().registry.settled(id).await.ok()?;
        let loaded = match state {
            LoadState::Loaded(loaded) => loaded,
            LoadState::Available => match self.load(&spec).await {
                Ok(loaded) => loaded,
                Err(error) => {
                    self.report(spec.name, ApiError::from(error).message);
                    return None;
                }
            },
            LoadState::Loading | LoadState::Failed(_) => return None,
        };
        Some((spec, loaded))
    }

    /// The model that is likely to answer the next question of a conversation, if it is loaded on this computer: the chosen one, or where
    /// the program chooses the one that answered last.
    pub(crate) fn loaded_chat_model(&self, conversation: &ConversationId) -> Option<ChatModel> {
        let settings = self.parts().settings.settings().ok()?;
        let id = if settings.automatic_model { self.last_answerer(conversation) } else { settings.chat_model }?;
        let (spec, LoadState::Loaded(loaded)) = self.parts().registry.get(&id).ok()? else { return None };
        spec.remote.is_none().then_some(ChatModel {
            lease: self.lease(&id),
            id,
            name: spec.name,
            context_length: loaded.context_length,
            reads: None,
            host: None,
            reason: None,
            tools: spec.tools,
            think: false,
            keeps: loaded.backend == Backend::LlamaCpp,
            sampling: spec.settings.sampling(),
        })
    }

    /// Chooses a model and loads it; the next one where that fails.
    async fn route(&self, settings: &Settings, asked: &Asked) -> Option<(ModelId, RouteReason)> {
        let need = Need {
            remote_allowed: settings.automatic_remote,
            previous: asked.conversation.as_ref().and_then(|conversation| self.last_answerer(conversation)),
            ..Need::of(&asked.text)
        };
        let mut candidates = self.candidates().await.ok()?;
        while !candidates.is_empty() {
            let now = self.parts().clock.now();
            let decision = self.router().choose(&need, &candidates, now)?;
            let (spec, _) = self.parts().registry.get(&decision.id).ok()?;
            match self.load(&spec).await {
                Ok(_) => return Some((decision.id, decision.reason)),
                Err(error) => {
                    tracing::warn!(%error, model = %decision.id, "another model is chosen");
                    self.router().failed(&decision.id, now);
                    candidates.retain(|one| one.id != decision.id);
                }
            }
        }
        None
    }

    fn last_answerer(&self, conversation: &ConversationId) -> Option<ModelId> {
        let messages = self.parts().conversations.messages(conversation).ok()?;
        messages.into_iter().rev().find_map(|message| message.answerer).map(|answerer| answerer.model)
    }

    /// The chat models that could answer now: loaded ones, those for which there is memory, or is once models have gone that nobody
    /// uses at the moment, and those of other servers.
    async fn candidates(&self) -> Result<Vec<Candidate>, ApiError> {
        let models = self.model_list().await?.models;
        let catalogue = self.model_catalogue().await?.models;
        let mut models: Vec<_> = models
            .into_iter()
            .filter(|model| model.spec.role == ModelRole::Chat && model.fits)
            .filter(|model| matches!(model.state, ModelState::Available | ModelState::Loading | ModelState::Loaded))
            .collect();
        // The one that comes with the program is for trying out.
        if models.iter().any(|model| !model.spec.bundled) {
            models.retain(|model| !model.spec.bundled);
        }
        let candidate = |model: crate::ModelView| {
            let known = catalogue.iter().find(|one| one.installed.as_ref() == Some(&model.spec.id));
            let remote = model.spec.remote.as_ref();
            Candidate {
                strength: strength(model.spec.size, remote.is_some()),
                context_length: model.context,
                languages: known.map(|known| known.languages.clone()).unwrap_or_default(),
                vision: remote.is_some_and(|remote| remote.vision),
                tools: model.spec.tools,
                ready: remote.is_some() || model.state == ModelState::Loaded,
                remote: remote.is_some(),
                id: model.spec.id,
            }
        };
        Ok(models.into_iter().map(candidate).collect())
    }

    /// Learns from every answer how quick a model is and whether it fails. Runs until it is dropped.
    pub fn follow_answers(&self) -> impl Future<Output = ()> + Send + use<> {
        let (app, mut events) = (self.clone(), self.events());
        async move {
            loop {
                match events.recv().await {
                    Ok(Event::MessageChanged { message }) => {
                        let (Some(answerer), Role::Assistant) = (&message.answerer, message.role) else { continue };
                        match (message.state, &message.stats) {
                            (MessageState::Done, Some(stats)) => {
                                app.router().answered(&answerer.model, Duration::from_millis(stats.first_token_ms));
                            }
                            // With figures the model did its part, and what it wrote was no use.
                            (MessageState::Failed, None) => {
                                app.router().failed(&answerer.model, app.parts().clock.now());
                            }
                            _ => {}
                        }
                    }
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }
}
