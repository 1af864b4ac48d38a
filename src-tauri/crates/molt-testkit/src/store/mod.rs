//! Every store port in memory, with the same rules as the real one.

mod chat;
mod library;
mod tasks;

use std::{collections::BTreeMap, sync::Mutex};

use jiff::Timestamp;
use molt_core::*;

/// Rows are kept in the order of their first insertion.
#[derive(Default)]
struct State {
    conversations: Vec<(Conversation, Option<Timestamp>)>,
    messages: Vec<(Message, bool)>,
    sources: Vec<Source>,
    documents: Vec<Document>,
    chunks: Vec<Chunk>,
    tasks: Vec<(Task, Option<Timestamp>)>,
    recent_tasks: Recent<TaskId>,
    recent_documents: Recent<DocumentId>,
    reminders: BTreeMap<ReminderId, Reminder>,
    settings: Settings,
    models: Vec<ModelSpec>,
    secrets: BTreeMap<String, Secret>,
    full: bool,
}

/// Implements all the store ports over one lock, as the real store does over one connection.
#[derive(Default)]
pub struct MemoryStore(Mutex<State>);

impl MemoryStore {
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on every write fails with `DiskFull` (or works again).
    pub fn set_disk_full(&self, full: bool) {
        self.0.lock().unwrap().full = full;
    }

    /// A copy of everything that is stored about reminders, answered ones too, by time.
    pub fn all_reminders(&self) -> Vec<Reminder> {
        let mut all: Vec<_> = self.0.lock().unwrap().reminders.values().cloned().collect();
        all.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        all
    }

    fn read(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn write(&self) -> StoreResult<std::sync::MutexGuard<'_, State>> {
        let state = self.0.lock().unwrap();
        if state.full { Err(StoreError::DiskFull) } else { Ok(state) }
    }
}

impl SettingsStore for MemoryStore {
    fn settings(&self) -> StoreResult<Settings> {
        Ok(self.read().settings.clone())
    }

    fn put_settings(&self, settings: &Settings) -> StoreResult<()> {
        self.write()?.settings = settings.clone();
        Ok(())
    }
}

impl ModelStore for MemoryStore {
    fn models(&self) -> StoreResult<Vec<ModelSpec>> {
        Ok(self.read().models.clone())
    }

    fn put_model(&self, model: &ModelSpec) -> StoreResult<()> {
        let mut state = self.write()?;
        match state.models.iter_mut().find(|m| m.id == model.id) {
            Some(row) => *row = model.clone(),
            None => state.models.push(model.clone()),
        }
        Ok(())
    }

    fn remove_model(&self, id: &ModelId) -> StoreResult<()> {
        self.write()?.models.retain(|m| &m.id != id);
        Ok(())
    }
}

impl SecretStore for MemoryStore {
    fn secret(&self, name: &str) -> StoreResult<Option<Secret>> {
        Ok(self.read().secrets.get(name).cloned())
    }

    fn put_secret(&self, name: &str, secret: &Secret) -> StoreResult<()> {
        self.write()?.secrets.insert(name.to_owned(), secret.clone());
        Ok(())
    }

    fn remove_secrets(&self, names: &[String]) -> StoreResult<()> {
        let mut store = self.write()?;
        names.iter().for_each(|name| drop(store.secrets.remove(name)));
        Ok(())
    }
}
