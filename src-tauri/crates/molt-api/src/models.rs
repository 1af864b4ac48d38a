//! Models: list, import, choose.

use std::path::Path;

use molt_core::{Backend, Calibration, ModelFormat, ModelRole, ModelSettings, ModelSpec, Settings, key_name};
use molt_models::{LoadState, fits};

use crate::{
    ApiError, App, Bus, Empty, Machine, ModelConfigure, ModelImport, ModelList, ModelRef, ModelSet, ModelState,
    ModelView, events::Burst,
};

/// Tokens that can be set where it is not known how many a model was made to read.
const LONGEST_CONTEXT: u32 = 2 << 20;

impl App {
    pub async fn model_list(&self) -> Result<ModelList, ApiError> {
        let machine = (self.parts().machine)();
        let stats = self.parts().engine.stats().await;
        let models = self.parts().registry.list()?;
        let residents = self.residents(&models, &stats);
        let settings = self.parts().settings.settings()?;
        let chosen = [settings.chat_model.filter(|_| !settings.automatic_model), settings.embedder, settings.reranker];
        let view = |(spec, state): (ModelSpec, LoadState)| {
            let stats = stats.iter().find(|stats| stats.id == spec.id).cloned();
            let (role, needed) = (spec.role, spec.memory_needed);
            let chosen = chosen.iter().any(|id| id.as_ref() == Some(&spec.id));
            let view = self.view(spec, state, stats, &machine);
            let fits = view.fits || role == ModelRole::Chat && fits(needed, machine.memory_available, &residents);
            ModelView { fits, chosen, ..view }
        };
        Ok(ModelList { models: models.into_iter().map(view).collect(), machine: machine.clone() })
    }

    /// Takes a model file or folder into the list, where it lies.
    pub async fn model_import(&self, request: ModelImport) -> Result<ModelView, ApiError> {
        let (registry, path) = (self.parts().registry.clone(), request.path);
        // Reading the header of a large file on a slow disk takes a while.
        let spec = tokio::task::spawn_blocking(move || registry.import(Path::new(&path)))
            .await
            .map_err(|error| ApiError::new(crate::ErrorCode::Internal, error.to_string()))??;
        Ok(self.view(spec, LoadState::Available, None, &(self.parts().machine)()))
    }

    /// Chooses the model that answers, that embeds or that puts passages in order, and waits until it is loaded. Answers are no longer routed. Other chat
    /// models stay loaded as long as there is room, so that going back to one takes no time. An embedder reads the library first; until
    /// then the one before goes on serving.
    pub async fn model_set(&self, request: ModelSet) -> Result<ModelList, ApiError> {
        let _one_at_a_time = self.inner().model_lock.lock().await;
        let settings = self.parts().settings.settings()?;
        let old = settings.model_of(request.role).cloned();
        let chosen = match &request.id {
            Some(id) => Some(self.parts().registry.get(id)?),
            None => None,
        };
        if let Some((spec, state)) = &chosen {
            if spec.role != request.role {
                let wanted = match request.role {
                    ModelRole::Chat => "answer questions",
                    ModelRole::Embedder => "embed text",
                    ModelRole::Reranker => "put passages in order",
                };
                return Err(ApiError::invalid(format!("{} cannot {wanted}", spec.name)));
            }
            self.load(spec).await?;
            if !matches!(state, LoadState::Loaded(_)) {
                self.warm(spec);
            }
        }
        let spec = chosen.map(|(spec, _)| spec);
        if request.role == ModelRole::Embedder && old != request.id {
            let library = &self.parts().library;
            if library.embedder() == request.id {
                library.keep_embedder().await;
            } else {
                let index = self.parts().opener.begin(spec.as_ref()).await?;
                library.renew(index, request.id.clone()).await?;
            }
        }
        if request.role == ModelRole::Reranker {
            self.parts().library.set_reranker(request.id.clone());
        }
        // Read again: a setting may have been changed while the model was loaded.
        let settings = self.parts().settings.settings()?;
        self.save_settings(match request.role {
            ModelRole::Chat => Settings { chat_model: request.id.clone(), automatic_model: false, ..settings },
            ModelRole::Embedder => Settings { embedder: request.id.clone(), ..settings },
            ModelRole::Reranker => Settings { reranker: request.id.clone(), ..settings },
        })?;
        // The embedder before goes on serving until the index of the one that was chosen is complete.
        let serving = self.parts().library.embedder();
        for (spec, state) in self.parts().registry.list()? {
            let is_other = spec.role == request.role
                && request.id.as_ref() != Some(&spec.id)
                && serving.as_ref() != Some(&spec.id);
            let is_used = matches!(state, LoadState::Loaded(_) | LoadState::Loading) || old.as_ref() == Some(&spec.id);
            let stays = spec.role == ModelRole::Chat && spec.remote.is_none() && request.id.is_some();
            if is_other && is_used && !stays {
                self.parts().registry.unload(&spec.id).await;
            }
        }
        self.model_list().await
    }

    /// Sets what runs a model and how it answers; one that is loaded is loaded again where that is needed.
    pub async fn model_configure(&self, request: ModelConfigure) -> Result<ModelList, ApiError> {
        let _one_at_a_time = self.inner().model_lock.lock().await;
        let (spec, _) = self.parts().registry.get(&request.id)?;
        let old = spec.settings.template.clone();
        let settings = request.settings.unwrap_or_else(|| spec.settings.clone());
        check(&spec, request.backend, &settings)?;
        if let Some(template) = settings.template.as_ref().filter(|template| Some(*template) != old.as_ref()) {
            let checked = self.parts().engine.check_template(template).await;
            checked.map_err(|error| ApiError::invalid(error.to_string().trim_end_matches('.')))?;
        }
        let _in_use = self.lease(&request.id);
        self.parts().registry.configure(&request.id, request.backend, settings).await?;
        let (spec, state) = self.parts().registry.get(&request.id)?;
        if matches!(state, LoadState::Loaded(_)) {
            self.warm(&spec);
        }
        self.model_list().await
    }

    /// Measures on this machine which engine is the fastest with a model; it runs the model from now on, unless the user chose another.
    pub async fn model_benchmark(&self, request: ModelRef) -> Result<ModelList, ApiError> {
        let (spec, _) = self.parts().registry.get(&request.id)?;
        if spec.role != ModelRole::Chat || spec.format != ModelFormat::Gguf {
            return Err(ApiError::invalid(format!("There are no engines to choose from for {}", spec.name)));
        }
        let app = self.clone();
        // Goes on when nobody waits for it any more, so that the model does not stay half measured.
        let measured = tokio::spawn(async move {
            let _one_at_a_time = app.inner().model_lock.lock().await;
            app.parts().registry.calibrate(&spec.id).await
        });
        measured.await.map_err(|error| ApiError::new(crate::ErrorCode::Internal, error.to_string()))??;
        self.model_list().await
    }

    /// Takes a model off the list; its file stays.
    pub async fn model_remove(&self, request: ModelRef) -> Result<Empty, ApiError> {
        let (spec, _) = self.parts().registry.get(&request.id)?;
        if spec.bundled {
            return Err(ApiError::invalid(format!("{} comes with Moltworker and stays", spec.name)));
        }
        let settings = self.parts().settings.settings()?;
        if settings.chat_model.as_ref() == Some(&request.id) {
            self.model_set(ModelSet { role: ModelRole::Chat, id: None }).await?;
            if settings.automatic_model {
                let automatic = Settings { automatic_model: true, ..self.parts().settings.settings()? };
                self.save_settings(automatic)?;
            }
        } else if settings.embedder.as_ref() == Some(&request.id) {
            self.model_set(ModelSet { role: ModelRole::Embedder, id: None }).await?;
        } else if settings.reranker.as_ref() == Some(&request.id) {
            self.model_set(ModelSet { role: ModelRole::Reranker, id: None }).await?;
        }
        self.parts().secrets.remove_secret(&key_name(&request.id))?;
        self.parts().registry.remove(&request.id).await?;
        Ok(Empty {})
    }

    pub(crate) fn view(
        &self,
        spec: ModelSpec,
        state: LoadState,
        stats: Option<molt_core::EngineStats>,
        machine: &Machine,
    ) -> ModelView {
        let downloaded = spec.remote.is_none() && self.parts().supply.folders.owns(Path::new(&spec.path));
        view(spec, state, stats, machine, downloaded)
    }

    /// Loads the model that was chosen for a role, at start. It counts as loading before the work is begun, so that questions
    /// wait for it. A failure is shown; answers are passages then, or search is by words.
    pub fn load_chosen(&self, role: ModelRole) -> impl Future<Output = ()> + Send + use<> {
        let app = self.clone();
        let chosen = self.parts().settings.settings().ok().and_then(|settings| settings.model_of(role).cloned());
        if let Some(id) = &chosen {
            self.parts().registry.announce(id);
        }
        async move {
            let Some(id) = chosen else { return };
            let registry = &app.parts().registry;
            let loaded = registry.load(&id).await;
            let spec = registry.get(&id).map(|(spec, _)| spec);
            match (loaded, spec) {
                (Ok(_), Ok(spec)) => app.warm(&spec),
                (Ok(_), Err(_)) => {}
                (Err(error), spec) => {
                    app.report(spec.map_or_else(|_| id.to_string(), |spec| spec.name), ApiError::from(error).message);
                }
            }
        }
    }

    /// Loads the embedder of the index that serves, where that is not the one that was chosen. Without it search is by words for that time.
    pub async fn load_serving(&self) {
        let chosen = self.parts().settings.settings().ok().and_then(|settings| settings.embedder);
        let serving = self.parts().library.embedder();
        if let Some(id) = serving.filter(|id| chosen.as_ref() != Some(id))
            && let Err(error) = self.parts().registry.load(&id).await
        {
            tracing::warn!(%error, "the embedder that was replaced could not be loaded");
        }
    }

    /// Begins another index in place of one that is damaged, for the embedder that is chosen. Does nothing where that is under way.
    pub async fn rebuild_index(&self) -> Result<(), ApiError> {
        let _one_at_a_time = self.inner().model_lock.lock().await;
        let library = &self.parts().library;
        let chosen = self.parts().settings.settings()?.embedder;
        if library.is_renewing() || !(library.is_damaged() || library.embedder() != chosen) {
            return Ok(());
        }
        let spec = chosen.as_ref().and_then(|id| self.parts().registry.get(id).ok()).map(|(spec, _)| spec);
        let index = self.parts().opener.begin(spec.as_ref()).await?;
        library.renew(index, spec.map(|spec| spec.id)).await?;
        self.report(
            "Library",
            "The search index was damaged. It is being built again from what was read; until then a search may miss something.",
        );
        Ok(())
    }

    /// Unloads embedders that are neither chosen nor serve: the index of the one that was chosen has just become complete.
    pub async fn unload_replaced(&self) {
        let _one_at_a_time = self.inner().model_lock.lock().await;
        let Ok(settings) = self.parts().settings.settings() else { return };
        let used = [settings.embedder, self.parts().library.embedder()];
        for (spec, state) in self.parts().registry.list().unwrap_or_default() {
            let is_loaded = matches!(state, LoadState::Loaded(_) | LoadState::Loading);
            if spec.role == ModelRole::Embedder && is_loaded && !used.contains(&Some(spec.id.clone())) {
                self.parts().registry.unload(&spec.id).await;
            }
        }
    }

    /// A model that answers reads ahead, unless it runs elsewhere: nobody has asked for a connection.
    pub(crate) fn warm(&self, spec: &ModelSpec) {
        if spec.role == ModelRole::Chat && spec.remote.is_none() {
            self.parts().assist.warm(spec.id.clone(), spec.tools);
        }
    }
}

/// Whether this can be set for a model.
fn check(spec: &ModelSpec, backend: Option<Backend>, settings: &ModelSettings) -> Result<(), ApiError> {
    let name = &spec.name;
    if backend.is_some_and(|backend| {
        (spec.role, spec.format) != (ModelRole::Chat, ModelFormat::Gguf)
            || !matches!(backend, Backend::LlamaCpp | Backend::MistralRs)
    }) {
        return Err(ApiError::invalid(format!("the engine of {name} cannot be chosen")));
    }
    if spec.role != ModelRole::Chat && *settings != ModelSettings::default() {
        return Err(ApiError::invalid(format!("{name} does not answer questions, so there is nothing to set")));
    }
    if let Some(context) = settings.context {
        let (least, most) = (ModelSettings::LEAST_CONTEXT, spec.context_limit.unwrap_or(LONGEST_CONTEXT));
        if context > most || context < least.min(most) {
            let range = format!("{name} reads between {} and {most} tokens", least.min(most));
            return Err(ApiError::invalid(format!("{range}, and not {context}")));
        }
    }
    if settings.quantisation.is_some() && spec.format != ModelFormat::Safetensors {
        return Err(ApiError::invalid(format!("the weights of {name} are held as they are in its file")));
    }
    match &settings.template {
        Some(_) if spec.remote.is_some() => {
            return Err(ApiError::invalid(format!(
                "{name} runs on another server, which lays conversations out itself"
            )));
        }
        Some(template) if template.trim().is_empty() => {
            return Err(ApiError::invalid("the chat template is empty"));
        }
        Some(template) if template.len() > ModelSettings::LONGEST_TEMPLATE => {
            let most = ModelSettings::LONGEST_TEMPLATE >> 10;
            return Err(ApiError::invalid(format!("a chat template has at most {most} KB")));
        }
        _ => {}
    }
    let most = ModelSettings::MOST_TEMPERATURE;
    if settings.temperature.is_some_and(|temperature| !(0.0..=most).contains(&temperature)) {
        return Err(ApiError::invalid(format!("a temperature is a number from 0 to {most}")));
    }
    if settings.top_p.is_some_and(|top_p| !(top_p > 0.0 && top_p <= 1.0)) {
        return Err(ApiError::invalid("top-p is a number above 0 and at most 1"));
    }
    Ok(())
}

fn view(
    spec: ModelSpec,
    state: LoadState,
    stats: Option<molt_core::EngineStats>,
    machine: &Machine,
    downloaded: bool,
) -> ModelView {
    let calibration = spec.calibration_on(&machine.name()).cloned();
    let missing = spec.remote.is_none() && !Path::new(&spec.path).exists();
    let backend = match &state {
        LoadState::Loaded(loaded) => Some(loaded.backend),
        _ => None,
    };
    let context = match &state {
        LoadState::Loaded(loaded) => loaded.context_length,
        _ => spec.context(),
    };
    let (state, problem) = match state {
        LoadState::Loaded(_) => (ModelState::Loaded, None),
        LoadState::Loading => (ModelState::Loading, None),
        _ if missing => (ModelState::Missing, Some(format!("{} is not there any more.", spec.path))),
        LoadState::Failed(problem) => (ModelState::Failed, Some(problem)),
        LoadState::Available => (ModelState::Available, None),
    };
    ModelView {
        fits: state == ModelState::Loaded || spec.memory_needed <= machine.memory_available,
        downloaded,
        fastest: calibration.as_ref().and_then(Calibration::fastest),
        calibration,
        chosen: false,
        spec,
        state,
        problem,
        stats,
        backend,
        context,
    }
}

impl Machine {
    /// What measured speeds hold for.
    pub fn name(&self) -> String {
        format!("{}, {} cores", self.cpu, self.cores)
    }
}

impl Bus {
    /// Passes a change of a model's state on.
    pub fn models(&self) {
        self.soon(Burst::Models);
        self.soon(Burst::Status);
    }
}
