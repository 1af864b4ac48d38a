//! The application: what the use cases work on.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use molt_assist::Assist;
use molt_core::{
    Clock, ConversationStore, DocumentStore, Engine, Extractor, IndexError, ModelId, ModelSpec, PassageIndex,
    RemoteServers, SecretStore, SettingsStore, TaskStore,
};
use molt_knowledge::Library;
use molt_models::{LoadState, Registry, Router};
use tokio::sync::broadcast;

use crate::{Activity, Bus, ConversationRef, Event, Machine, ModelSupply, TaskDesk, events::Burst, residents::Usage};

/// How long answers that were stopped may take to be stored.
const LAST_WORDS: Duration = Duration::from_secs(3);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Opens the index that fits an embedder.
#[async_trait]
pub trait IndexOpener: Send + Sync {
    /// An empty index for the vectors of an embedder, beside the one that serves.
    async fn begin(&self, embedder: Option<&ModelSpec>) -> Result<Arc<dyn PassageIndex>, IndexError>;
}

/// What an [`App`] is built from.
pub struct AppParts {
    pub bus: Bus,
    pub clock: Arc<dyn Clock>,
    pub conversations: Arc<dyn ConversationStore>,
    pub documents: Arc<dyn DocumentStore>,
    pub tasks: Arc<dyn TaskStore>,
    pub desk: Arc<TaskDesk>,
    pub settings: Arc<dyn SettingsStore>,
    pub engine: Arc<dyn Engine>,
    pub extractor: Arc<dyn Extractor>,
    pub opener: Arc<dyn IndexOpener>,
    pub library: Library,
    pub assist: Assist,
    pub registry: Registry,
    pub supply: ModelSupply,
    pub servers: Arc<dyn RemoteServers>,
    pub secrets: Arc<dyn SecretStore>,
    pub machine: Box<dyn Fn() -> Machine + Send + Sync>,
    pub data_dir: String,
    /// The face is a desktop window.
    pub desktop: bool,
}

/// The use cases. Cheap to clone; all clones are one application.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub parts: AppParts,
    /// Problems that the user has not dismissed.
    problems: Mutex<Vec<Activity>>,
    /// Changes of the embedder must not overlap.
    pub model_lock: tokio::sync::Mutex<()>,
    router: Mutex<Router>,
    /// Of the chat models.
    pub usage: Mutex<HashMap<ModelId, Usage>>,
    /// Chat models are loaded one after the other.
    pub load_lock: tokio::sync::Mutex<()>,
}

impl App {
    pub fn new(parts: AppParts) -> Self {
        Self {
            inner: Arc::new(Inner {
                parts,
                problems: Mutex::default(),
                model_lock: tokio::sync::Mutex::default(),
                router: Mutex::default(),
                usage: Mutex::default(),
                load_lock: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// Everything that happens from now on.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.inner.parts.bus.subscribe()
    }

    /// An answer is being written.
    pub fn is_answering(&self) -> bool {
        !self.parts().assist.answering().is_empty()
    }

    /// Ends what works with the data by itself, before it is locked: answers stop and are stored, models are unloaded.
    pub async fn rest(&self) {
        for id in self.parts().assist.answering() {
            if let Err(error) = self.chat_stop(ConversationRef { id }).await {
                tracing::warn!(%error, "an answer was not stopped");
            }
        }
        let deadline = tokio::time::Instant::now() + LAST_WORDS;
        while self.is_answering() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        for (spec, state) in self.parts().registry.list().unwrap_or_default() {
            if matches!(state, LoadState::Loaded(_) | LoadState::Loading) {
                self.parts().registry.unload(&spec.id).await;
            }
        }
    }

    pub(crate) fn parts(&self) -> &AppParts {
        &self.inner.parts
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    pub(crate) fn status_changed(&self) {
        self.parts().bus.soon(Burst::Status);
    }

    pub(crate) fn problems(&self) -> MutexGuard<'_, Vec<Activity>> {
        self.inner.problems.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn router(&self) -> MutexGuard<'_, Router> {
        self.inner.router.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows a problem in the activity list until it is dismissed. A problem with the same subject replaces the one before.
    pub fn report(&self, subject: impl Into<String>, message: impl Into<String>) {
        let (subject, message) = (subject.into(), message.into());
        tracing::warn!(%subject, %message, "problem");
        let mut problems = self.problems();
        problems.retain(|problem| problem.subject != subject);
        problems.push(Activity {
            id: uuid::Uuid::new_v4().to_string(),
            kind: crate::ActivityKind::Problem,
            subject,
            progress: None,
            message: Some(message),
        });
        drop(problems);
        self.status_changed();
    }
}
