//! A watcher over a list of files that the test wrote.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Mutex,
};

use molt_core::{LibraryRules, ListedFile, Watcher};

#[derive(Default)]
struct State {
    files: BTreeMap<PathBuf, ListedFile>,
    watched: BTreeSet<PathBuf>,
    refused: BTreeMap<PathBuf, String>,
    rules: LibraryRules,
}

/// Lists what was put in; events are sent by the test itself.
#[derive(Default)]
pub struct MemoryWatcher(Mutex<State>);

impl MemoryWatcher {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn put(&self, path: impl Into<PathBuf>, size: u64, modified_at: jiff::Timestamp) {
        let path = path.into();
        self.0.lock().unwrap().files.insert(path.clone(), ListedFile { path, size, modified_at, changed_at: None });
    }

    pub fn remove(&self, path: &Path) {
        self.0.lock().unwrap().files.remove(path);
    }

    /// Watching and listing this path fails with the sentence.
    pub fn refuse(&self, path: impl Into<PathBuf>, sentence: &str) {
        self.0.lock().unwrap().refused.insert(path.into(), sentence.to_owned());
    }

    pub fn rules(&self) -> LibraryRules {
        self.0.lock().unwrap().rules.clone()
    }

    pub fn watched(&self) -> Vec<PathBuf> {
        self.0.lock().unwrap().watched.iter().cloned().collect()
    }
}

impl Watcher for MemoryWatcher {
    fn watch(&self, path: &Path) -> Result<(), String> {
        let mut state = self.0.lock().unwrap();
        if let Some(sentence) = state.refused.get(path) {
            return Err(sentence.clone());
        }
        state.watched.insert(path.to_owned());
        Ok(())
    }

    fn unwatch(&self, path: &Path) {
        self.0.lock().unwrap().watched.remove(path);
    }

    fn list(&self, path: &Path) -> (Vec<ListedFile>, Vec<String>) {
        let state = self.0.lock().unwrap();
        let problems = state.refused.iter().filter(|(p, _)| p.starts_with(path)).map(|(_, s)| s.clone()).collect();
        (state.files.values().filter(|f| f.path.starts_with(path)).cloned().collect(), problems)
    }

    /// A line that is `[` is refused; the files stay as they were put in.
    fn set_rules(&self, rules: &LibraryRules) -> Result<(), String> {
        if rules.ignore.lines().any(|line| line == "[") {
            return Err("the line “[” is no pattern".into());
        }
        self.0.lock().unwrap().rules = rules.clone();
        Ok(())
    }
}
