//! Which directories the system watches for us.
//!
//! Linux watches single directories, and each one costs; so we choose them ourselves and leave out what the ignore rules leave out
//! (a `node_modules` alone can hold tens of thousands). Elsewhere one recursive watch covers a source.

use std::{
    collections::{BTreeSet, HashMap},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use crate::{
    listing::{Visitor, walk},
    rules::Rules,
};

/// One watch covers a whole tree.
pub const RECURSIVE: bool = cfg!(any(target_os = "macos", windows));

/// Why a directory is not watched.
#[derive(Debug)]
pub enum Refused {
    /// The system (or our own bound) allows no more watches.
    Limit,
    Other(String),
}

/// The system's watches, shared by all sources. A directory that several sources hold is watched until the last lets go.
#[derive(Debug)]
pub struct Watches {
    /// None when the system gave no watcher at all.
    watcher: Option<RecommendedWatcher>,
    holders: HashMap<PathBuf, u32>,
    most: usize,
}

impl Watches {
    pub fn new(handler: impl notify::EventHandler, most: usize) -> Self {
        let watcher = RecommendedWatcher::new(handler, notify::Config::default().with_follow_symlinks(false))
            .inspect_err(|error| tracing::warn!(%error, "folders cannot be watched; they are polled"))
            .ok();
        Self { watcher, holders: HashMap::new(), most }
    }

    fn hold(&mut self, directory: &Path, mode: RecursiveMode) -> Result<(), Refused> {
        if let Some(holders) = self.holders.get_mut(directory) {
            *holders += 1;
            return Ok(());
        }
        let Some(watcher) = self.watcher.as_mut() else { return Err(Refused::Limit) };
        if self.holders.len() >= self.most {
            return Err(Refused::Limit);
        }
        watcher.watch(directory, mode).map_err(|error| match error.kind {
            notify::ErrorKind::MaxFilesWatch => Refused::Limit,
            _ => Refused::Other(error.to_string()),
        })?;
        self.holders.insert(directory.to_path_buf(), 1);
        Ok(())
    }

    /// Lets go of directories. The system may have ended their watches already, when they were deleted.
    pub fn release(&mut self, directories: impl IntoIterator<Item = PathBuf>) {
        for directory in directories {
            let Some(holders) = self.holders.get_mut(&directory) else { continue };
            *holders -= 1;
            if *holders == 0 {
                self.holders.remove(&directory);
                if let Some(watcher) = self.watcher.as_mut() {
                    let _ = watcher.unwatch(&directory);
                }
            }
        }
    }

    /// Holds one directory (the one that holds a single file).
    pub fn hold_one(&mut self, directory: &Path, held: &mut BTreeSet<PathBuf>) -> Result<(), Refused> {
        if !held.contains(directory) {
            self.hold(directory, RecursiveMode::NonRecursive)?;
            held.insert(directory.to_path_buf());
        }
        Ok(())
    }

    /// Holds `start` and all directories below that the rules let through, adding them to `held`. Directories below `start` that vanish
    /// or cannot be opened are left out; `start` itself is an error.
    pub fn hold_tree(&mut self, rules: &mut Rules, start: &Path, held: &mut BTreeSet<PathBuf>) -> Result<(), Refused> {
        if RECURSIVE {
            if !held.contains(rules.root()) {
                self.hold(rules.root(), RecursiveMode::Recursive)?;
                held.insert(rules.root().to_path_buf());
            }
            return Ok(());
        }
        let mut holder = Holder { watches: self, start, held, refused: None };
        // Why it broke off is in `refused`.
        let _ = walk(rules, start, &mut holder);
        holder.refused.map_or(Ok(()), Err)
    }
}

struct Holder<'a> {
    watches: &'a mut Watches,
    start: &'a Path,
    held: &'a mut BTreeSet<PathBuf>,
    refused: Option<Refused>,
}

impl Visitor for Holder<'_> {
    fn directory(&mut self, path: &Path) -> ControlFlow<()> {
        match self.watches.hold_one(path, self.held) {
            Ok(()) => ControlFlow::Continue(()),
            Err(Refused::Other(reason)) if path != self.start => {
                tracing::debug!(path = %path.display(), reason, "a folder is not watched");
                ControlFlow::Continue(())
            }
            Err(refused) => {
                self.refused = Some(refused);
                ControlFlow::Break(())
            }
        }
    }
}
