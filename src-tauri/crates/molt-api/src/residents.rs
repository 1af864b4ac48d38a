//! Which chat models are in memory: there is room made for one before it is loaded, and one that nobody uses is unloaded until the
//! next question needs it. What may go is decided in `molt-models`.

use std::{
    collections::HashMap,
    sync::{MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use molt_assist::Lease;
use molt_core::{EngineStats, LoadedModel, ModelId, ModelRole, ModelSpec};
use molt_models::{LoadState, ModelError, Resident, evict, idle};

use crate::{ApiError, App, ModelList, ModelRef};

/// When a model was used, and whether it is.
#[derive(Debug)]
pub(crate) struct Usage {
    used_at: Timestamp,
    lease: Lease,
}

impl App {
    /// Notes that a model is used now, and until the lease is dropped.
    pub(crate) fn lease(&self, id: &ModelId) -> Lease {
        let now = self.parts().clock.now();
        let mut usage = self.usage();
        let one = usage.entry(id.clone()).or_insert_with(|| Usage { used_at: now, lease: Lease::default() });
        one.used_at = now;
        one.lease.clone()
    }

    /// The chat models that are loaded on this computer.
    pub(crate) fn residents(&self, models: &[(ModelSpec, LoadState)], stats: &[EngineStats]) -> Vec<Resident> {
        let now = self.parts().clock.now();
        let mut usage = self.usage();
        let is_resident = |(spec, state): &&(ModelSpec, LoadState)| {
            spec.role == ModelRole::Chat && spec.remote.is_none() && matches!(state, LoadState::Loaded(_))
        };
        let resident = |(spec, _): &(ModelSpec, LoadState)| {
            let one = usage.entry(spec.id.clone()).or_insert_with(|| Usage { used_at: now, lease: Lease::default() });
            let busy = one.lease.is_shared();
            // A clock that was set back must not keep it for ever.
            if busy || one.used_at > now {
                one.used_at = now;
            }
            let memory = stats.iter().find(|stats| stats.id == spec.id).map_or(0, |stats| stats.memory);
            Resident { id: spec.id.clone(), memory, used_at: one.used_at, busy }
        };
        models.iter().filter(is_resident).map(resident).collect()
    }

    /// Loads a model. For a chat model of this computer others are unloaded first where the memory does not hold both.
    pub(crate) async fn load(&self, spec: &ModelSpec) -> Result<LoadedModel, ModelError> {
        let registry = &self.parts().registry;
        if spec.role != ModelRole::Chat || spec.remote.is_some() {
            return registry.load(&spec.id).await;
        }
        let _in_use = self.lease(&spec.id);
        if let (_, LoadState::Loaded(loaded)) = registry.get(&spec.id)? {
            return Ok(loaded);
        }
        // What one takes is known once it is loaded.
        let _one_at_a_time = self.inner().load_lock.lock().await;
        let stats = self.parts().engine.stats().await;
        let mut residents = self.residents(&registry.list()?, &stats);
        residents.retain(|one| one.id != spec.id);
        for id in evict(spec.memory_needed, (self.parts().machine)().memory_available, &residents) {
            self.retire(&id).await;
        }
        registry.load(&spec.id).await
    }

    /// Unloads a model, unless somebody began to use it.
    async fn retire(&self, id: &ModelId) {
        let unloading = {
            // As long as this is locked nobody begins.
            let usage = self.usage();
            if usage.get(id).is_some_and(|one| one.lease.is_shared()) {
                return;
            }
            self.parts().registry.unload(id)
        };
        unloading.await;
    }

    /// Unloads the chat models that nobody has used for as long as the settings say. They stay chosen.
    pub async fn unload_idle(&self) -> Result<(), ApiError> {
        let minutes = self.parts().settings.settings()?.idle_unload_minutes;
        if minutes == 0 {
            return Ok(());
        }
        let residents = self.residents(&self.parts().registry.list()?, &[]);
        for id in idle(&residents, self.parts().clock.now(), SignedDuration::from_mins(i64::from(minutes))) {
            tracing::info!(model = %id, "a model that nobody uses is unloaded");
            self.retire(&id).await;
        }
        Ok(())
    }

    /// Loads a model without choosing it.
    pub async fn model_load(&self, request: ModelRef) -> Result<ModelList, ApiError> {
        let (spec, state) = self.parts().registry.get(&request.id)?;
        if spec.role != ModelRole::Chat {
            return Err(ApiError::invalid(format!("{} is loaded when it is chosen", spec.name)));
        }
        self.load(&spec).await?;
        if !matches!(state, LoadState::Loaded(_)) {
            self.warm(&spec);
        }
        self.model_list().await
    }

    /// Gives a model's memory back. One that was chosen to answer stays chosen, and is loaded again for the next question.
    pub async fn model_unload(&self, request: ModelRef) -> Result<ModelList, ApiError> {
        let (spec, _) = self.parts().registry.get(&request.id)?;
        if spec.role != ModelRole::Chat && self.parts().settings.settings()?.model_of(spec.role) == Some(&spec.id) {
            let name = spec.name;
            return Err(ApiError::invalid(format!("{name} works for every search; choose another or none")));
        }
        self.parts().registry.unload(&spec.id).await;
        self.model_list().await
    }

    fn usage(&self) -> MutexGuard<'_, HashMap<ModelId, Usage>> {
        self.inner().usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
