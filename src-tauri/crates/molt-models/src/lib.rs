//! The registry of models: what there is, what is loaded, which one answers.
//!
//! Owns the state of each model. It must not know how a model is run or how its file is read: these stand behind the ports of `molt-core`.

mod calibrate;
mod catalogue;
mod residents;
mod router;

use std::{
    collections::HashMap,
    path::Path,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use molt_core::{
    Backend, Engine, EngineError, LoadedModel, ModelId, ModelInspector, ModelRole, ModelSettings, ModelSpec,
    ModelStore, StoreError, StoreResult,
};
use tokio::sync::Notify;

pub use catalogue::{
    CATALOGUE_KEY, Catalogue, CatalogueError, CatalogueFile, CatalogueModel, Recommendation, expected_speed, fit,
    memory_of_file, recommend,
};
pub use residents::{Resident, evict, fits, idle};
pub use router::{Candidate, Decision, Need, Router, complexity, strength};

/// What the registry is made of.
pub struct RegistryParts {
    pub store: Arc<dyn ModelStore>,
    pub engine: Arc<dyn Engine>,
    pub inspector: Arc<dyn ModelInspector>,
    /// Called after every change of a state, from any thread; must return at once.
    pub on_change: Arc<dyn Fn() + Send + Sync>,
    /// The processor and its cores, which measured speeds hold for.
    pub machine: String,
}

/// Where a model is between its file and an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum LoadState {
    #[default]
    Available,
    Loading,
    Loaded(LoadedModel),
    /// One plain sentence.
    Failed(String),
}

#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// One plain sentence that names the file.
    #[error("{0}")]
    BadFile(String),
    #[error("{name} could not be loaded: {source}")]
    Load { name: String, source: EngineError },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Cheap to clone; all clones are one registry.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    parts: RegistryParts,
    states: Mutex<HashMap<ModelId, LoadState>>,
    changed: Notify,
}

impl Registry {
    pub fn new(parts: RegistryParts) -> Self {
        Self { inner: Arc::new(Inner { parts, states: Mutex::default(), changed: Notify::new() }) }
    }

    pub fn list(&self) -> StoreResult<Vec<(ModelSpec, LoadState)>> {
        let states = lock(&self.inner.states);
        let models = self.inner.parts.store.models()?;
        Ok(models
            .into_iter()
            .map(|spec| (states.get(&spec.id).cloned().unwrap_or_default(), spec))
            .map(|(state, spec)| (spec, state))
            .collect())
    }

    pub fn get(&self, id: &ModelId) -> StoreResult<(ModelSpec, LoadState)> {
        self.list()?.into_iter().find(|(spec, _)| &spec.id == id).ok_or(StoreError::NotFound("model"))
    }

    /// Takes a model of another server into the list. Opens no connection.
    pub fn add(&self, spec: &ModelSpec) -> StoreResult<()> {
        self.inner.parts.store.put_model(spec)?;
        (self.inner.parts.on_change)();
        Ok(())
    }

    /// Takes a model file or folder into the list by reference; it stays where it is. A path that is known already gives the known model.
    pub fn import(&self, path: &Path) -> Result<ModelSpec, ModelError> {
        let shown = path.display();
        let path =
            path.canonicalize().map_err(|error| ModelError::BadFile(format!("{shown} cannot be opened: {error}")))?;
        let known = self.inner.parts.store.models()?.into_iter().find(|spec| Path::new(&spec.path) == path);
        let found = self
            .inner
            .parts
            .inspector
            .inspect(&path)
            .map_err(|reason| ModelError::BadFile(format!("{shown}: {reason}")))?;
        let spec = match known {
            Some(known) => self.kept(known, found),
            None => found,
        };
        self.inner.parts.store.put_model(&spec)?;
        (self.inner.parts.on_change)();
        Ok(spec)
    }

    /// What is found in a file now, with what the user has set for the known model.
    fn kept(&self, known: ModelSpec, found: ModelSpec) -> ModelSpec {
        let ModelSpec { id, bundled, backend, calibration, settings, .. } = known;
        let memory_needed = self.memory_with(&found, &settings);
        ModelSpec { id, bundled, backend, calibration, settings, memory_needed, ..found }
    }

    /// The memory that a model needs with these settings.
    fn memory_with(&self, found: &ModelSpec, settings: &ModelSettings) -> u64 {
        if settings.context.is_none() && settings.quantisation.is_none() {
            return found.memory_needed;
        }
        let needed = self.inner.parts.inspector.memory_needed(Path::new(&found.path), settings);
        needed.unwrap_or(found.memory_needed)
    }

    /// Looks again at the models of which an older version did not note how much they can read. Blocking, some milliseconds for each.
    pub fn complete(&self) -> StoreResult<()> {
        for spec in self.inner.parts.store.models()? {
            if spec.role == ModelRole::Chat && spec.remote.is_none() && spec.context_limit.is_none() {
                // What cannot be read now is told when it is to be loaded.
                let Ok(found) = self.inner.parts.inspector.inspect(Path::new(&spec.path)) else { continue };
                // Read again: it may have been set otherwise meanwhile.
                let (spec, _) = self.get(&spec.id)?;
                self.inner.parts.store.put_model(&ModelSpec { context_limit: found.context_limit, ..spec })?;
            }
        }
        Ok(())
    }

    /// Puts the model that comes with the program into the list, or corrects where it lies.
    pub fn bundle(&self, path: &Path) -> Result<ModelSpec, ModelError> {
        let old = self.inner.parts.store.models()?.into_iter().find(|spec| spec.bundled);
        let path = path.canonicalize().map_err(|error| ModelError::BadFile(format!("{}: {error}", path.display())))?;
        let found = self.inner.parts.inspector.inspect(&path).map_err(ModelError::BadFile)?;
        let spec = match &old {
            Some(old) => self.kept(old.clone(), found),
            None => ModelSpec { bundled: true, ..found },
        };
        if old.as_ref() != Some(&spec) {
            self.inner.parts.store.put_model(&spec)?;
        }
        Ok(spec)
    }

    /// A model and its state as soon as it is not loading any more.
    pub async fn settled(&self, id: &ModelId) -> StoreResult<(ModelSpec, LoadState)> {
        loop {
            let mut changed = pin!(self.inner.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            let (spec, state) = self.get(id)?;
            if state != LoadState::Loading {
                return Ok((spec, state));
            }
            changed.await;
        }
    }

    /// Counts a model as loading from now on; `load` is to follow at once.
    pub fn announce(&self, id: &ModelId) {
        self.set(id, LoadState::Loading);
    }

    /// Loads a model and waits for it.
    pub async fn load(&self, id: &ModelId) -> Result<LoadedModel, ModelError> {
        let (spec, state) = self.get(id)?;
        if let LoadState::Loaded(loaded) = state {
            return Ok(loaded);
        }
        if spec.remote.is_none() && !Path::new(&spec.path).exists() {
            let reason = format!("{} is not there any more", spec.path);
            self.set(id, LoadState::Failed(reason.clone()));
            return Err(ModelError::BadFile(reason));
        }
        self.set(id, LoadState::Loading);
        match self.inner.parts.engine.load(&self.wanted(&spec)).await {
            Ok(loaded) => {
                self.set(id, LoadState::Loaded(loaded.clone()));
                Ok(loaded)
            }
            Err(source) => {
                self.set(id, LoadState::Failed(source.to_string()));
                Err(ModelError::Load { name: spec.name, source })
            }
        }
    }

    /// The model as it is to be loaded: with the engine that turned out the fastest, where the user has not chosen one.
    fn wanted(&self, spec: &ModelSpec) -> ModelSpec {
        let fastest = || spec.calibration_on(&self.inner.parts.machine)?.fastest();
        ModelSpec { backend: spec.backend.or_else(fastest), context_length: spec.context(), ..spec.clone() }
    }

    /// Measures which engine is the fastest with a model. Seconds to minutes, in which questions to it wait; one that is loaded is loaded
    /// again with that engine.
    pub async fn calibrate(&self, id: &ModelId) -> Result<(), ModelError> {
        let (spec, state) = self.get(id)?;
        let was_loaded = matches!(state, LoadState::Loaded(_) | LoadState::Loading);
        self.announce(id);
        self.inner.parts.engine.unload(id).await;
        let parts = &self.inner.parts;
        let calibration = calibrate::calibrate(parts.engine.as_ref(), &spec, &parts.machine, calibrate::LEAST).await;
        let stored = self
            .get(id)
            .and_then(|(spec, _)| parts.store.put_model(&ModelSpec { calibration: Some(calibration), ..spec }));
        if let (Ok(()), true) = (&stored, was_loaded) {
            self.load(id).await?;
        } else {
            self.set(id, LoadState::Available);
        }
        Ok(stored?)
    }

    /// Sets what runs a model, and how it answers. One that is loaded is loaded again where that is needed.
    pub async fn configure(
        &self,
        id: &ModelId,
        backend: Option<Backend>,
        settings: ModelSettings,
    ) -> Result<(), ModelError> {
        let (spec, state) = self.get(id)?;
        if (spec.backend, &spec.settings) == (backend, &settings) {
            return Ok(());
        }
        let (registry, old) = (self.clone(), spec.clone());
        // Reading the header of a large file on a slow disk takes a while.
        let revised = move || registry.revised(ModelSpec { backend, settings, ..old });
        let revised = tokio::task::spawn_blocking(revised)
            .await
            .unwrap_or_else(|error| Err(ModelError::BadFile(format!("The model could not be read: {error}"))))?;
        self.inner.parts.store.put_model(&revised)?;
        if spec.is_loaded_like(&revised) {
            // The next answer is another; what is loaded can stay.
            (self.inner.parts.on_change)();
        } else if matches!(state, LoadState::Loaded(_) | LoadState::Loading) {
            // Questions that come meanwhile wait for it.
            self.announce(id);
            self.inner.parts.engine.unload(id).await;
            self.load(id).await?;
        } else {
            self.set(id, LoadState::Available);
        }
        Ok(())
    }

    /// A model with the memory that it needs with its settings. Blocking.
    fn revised(&self, spec: ModelSpec) -> Result<ModelSpec, ModelError> {
        let before = self.get(&spec.id)?.0;
        let needs = |spec: &ModelSpec| (spec.settings.context, spec.settings.quantisation);
        if needs(&before) == needs(&spec) || spec.remote.is_some() {
            return Ok(spec);
        }
        let found = match self.inner.parts.inspector.inspect(Path::new(&spec.path)) {
            Ok(found) => found,
            // The usual can always be gone back to.
            Err(_) if spec.settings.context.is_none() => return Ok(spec),
            Err(reason) => return Err(ModelError::BadFile(format!("{}: {reason}", spec.path))),
        };
        let memory_needed = self.memory_with(&found, &spec.settings);
        Ok(ModelSpec { memory_needed, context_limit: found.context_limit, ..spec })
    }

    /// Unloads a model. It does not count as loaded from the call on; its memory is given back when the future has ended.
    pub fn unload(&self, id: &ModelId) -> impl Future<Output = ()> + Send + use<> {
        self.set(id, LoadState::Available);
        let (engine, id) = (self.inner.parts.engine.clone(), id.clone());
        async move { engine.unload(&id).await }
    }

    /// Unloads a model and takes it off the list; its file stays.
    pub async fn remove(&self, id: &ModelId) -> StoreResult<()> {
        self.unload(id).await;
        self.inner.parts.store.remove_model(id)?;
        lock(&self.inner.states).remove(id);
        self.inner.changed.notify_waiters();
        (self.inner.parts.on_change)();
        Ok(())
    }

    fn set(&self, id: &ModelId, state: LoadState) {
        lock(&self.inner.states).insert(id.clone(), state);
        self.inner.changed.notify_waiters();
        (self.inner.parts.on_change)();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use molt_core::ModelRole;
    use molt_testkit::{MemoryStore, ScriptedEngine, sample};

    use super::*;

    struct NoFiles;

    impl ModelInspector for NoFiles {
        fn inspect(&self, _path: &Path) -> Result<ModelSpec, String> {
            Err("there are no files here".into())
        }
    }

    #[tokio::test]
    async fn who_waits_for_a_model_hears_how_its_loading_ended() {
        let (store, engine) = (Arc::new(MemoryStore::new()), ScriptedEngine::new());
        let file = tempfile::NamedTempFile::new().unwrap();
        let spec = ModelSpec { path: file.path().display().to_string(), ..sample::model("m", ModelRole::Chat) };
        store.put_model(&spec).unwrap();
        let registry = Registry::new(RegistryParts {
            store,
            engine: Arc::new(engine.clone()),
            inspector: Arc::new(NoFiles),
            on_change: Arc::new(|| {}),
            machine: "a machine".into(),
        });
        for refusal in [None, Some(EngineError::Busy)] {
            registry.announce(&spec.id);
            engine.refuse_load(refusal.clone());
            let (settled, loaded) = tokio::join!(biased; registry.settled(&spec.id), registry.load(&spec.id));
            match settled.unwrap().1 {
                LoadState::Loaded(found) => assert_eq!(found, loaded.unwrap()),
                LoadState::Failed(_) => assert!(refusal.is_some() && loaded.is_err()),
                state => panic!("{state:?}"),
            }
        }
    }
}
