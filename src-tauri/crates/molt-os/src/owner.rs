//! One process owns a data directory, and says how it can be reached.
//!
//! The truth is an operating-system lock, which ends with its process however that ends. `owner.json` is only the address; it counts
//! while the lock is held.

use std::{
    fs::{File, TryLockError},
    path::PathBuf,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{DataDir, write_private};

/// How often, and how long apart, a lock is tried: `current_owner` holds it for an instant while it looks.
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// How to reach the process that owns a data directory.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub pid: u32,
    /// Of the local interface on 127.0.0.1; none while there is none.
    pub port: Option<u16>,
    /// The secret that the local interface asks for.
    pub token: String,
}

impl std::fmt::Debug for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Owner").field("pid", &self.pid).field("port", &self.port).finish_non_exhaustive()
    }
}

/// The text is one plain sentence for people.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process owns the directory. `owner` is none while that one has not said yet how to reach it.
    #[error("Moltworker is already running with the data folder {}; use that window, or quit it first", path.display())]
    Held { path: PathBuf, owner: Option<Owner> },
    #[error("the data folder {} cannot be locked: {source}; check that it is on a local disk and that you may write there", path.display())]
    Io { path: PathBuf, source: std::io::Error },
}

/// Ownership of a data directory; ends when dropped, or with the process.
#[derive(Debug)]
pub struct DataLock {
    // Held for its lock.
    _file: File,
    owner_file: PathBuf,
}

impl DataLock {
    /// Takes the directory, which must exist, or says who has it.
    pub fn acquire(data: &DataDir) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { path: data.root().to_path_buf(), source };
        let file = open(data).map_err(failed)?;
        let mut tries = TRIES;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {
                    tries -= 1;
                    if tries == 0 {
                        return Err(LockError::Held { path: data.root().to_path_buf(), owner: read(data) });
                    }
                    std::thread::sleep(BETWEEN_TRIES);
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
        let owner_file = data.owner_file();
        // What a crashed owner left must not be taken for ours.
        match std::fs::remove_file(&owner_file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        Ok(Self { _file: file, owner_file })
    }

    /// Tells others how to reach this process, until the lock is dropped.
    pub fn publish(&self, owner: &Owner) -> std::io::Result<()> {
        write_private(&self.owner_file, &serde_json::to_vec(owner)?)
    }
}

impl Drop for DataLock {
    fn drop(&mut self) {
        // Before the lock goes, so that it can only be our own.
        let _ = std::fs::remove_file(&self.owner_file);
    }
}

/// The living owner of a data directory, if it has one that can be reached. Never trusts a file left by a dead one.
pub fn current_owner(data: &DataDir) -> Option<Owner> {
    let owner = read(data)?;
    let file = File::open(data.lock_file()).ok()?;
    match file.try_lock_shared() {
        // Nobody holds it: its owner is gone.
        Ok(()) => None,
        Err(TryLockError::WouldBlock) => Some(owner),
        Err(TryLockError::Error(error)) => {
            tracing::warn!(%error, "the lock of the data directory cannot be examined");
            None
        }
    }
}

fn open(data: &DataDir) -> std::io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(data.lock_file())
}

fn read(data: &DataDir) -> Option<Owner> {
    serde_json::from_slice(&std::fs::read(data.owner_file()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me() -> Owner {
        Owner { pid: std::process::id(), port: Some(7777), token: "secret".into() }
    }

    #[test]
    fn one_owner_at_a_time_and_it_can_be_found() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::at(folder.path());
        assert_eq!(current_owner(&data), None);
        let lock = DataLock::acquire(&data).unwrap();
        assert_eq!(current_owner(&data), None);
        assert!(matches!(DataLock::acquire(&data), Err(LockError::Held { owner: None, .. })));
        lock.publish(&me()).unwrap();
        assert_eq!(current_owner(&data), Some(me()));
        match DataLock::acquire(&data) {
            Err(LockError::Held { owner, .. }) => assert_eq!(owner, Some(me())),
            other => panic!("{other:?}"),
        }
        drop(lock);
        assert_eq!(current_owner(&data), None);
        assert!(!data.owner_file().exists());
        DataLock::acquire(&data).unwrap();
    }

    #[test]
    fn what_a_dead_owner_left_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::at(folder.path());
        // The pid is alive (it is ours), and still nobody owns the directory: the lock decides.
        write_private(&data.owner_file(), &serde_json::to_vec(&me()).unwrap()).unwrap();
        assert_eq!(current_owner(&data), None);
        std::fs::write(data.lock_file(), "").unwrap();
        assert_eq!(current_owner(&data), None);
        let _lock = DataLock::acquire(&data).unwrap();
        assert_eq!(current_owner(&data), None);
    }

    #[test]
    fn looking_does_not_take_the_lock_away() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::at(folder.path());
        write_private(&data.owner_file(), &serde_json::to_vec(&me()).unwrap()).unwrap();
        std::fs::write(data.lock_file(), "").unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| (0..20).for_each(|_| drop(current_owner(&data))));
            scope.spawn(|| (0..10).for_each(|_| drop(DataLock::acquire(&data).unwrap())));
        });
    }

    #[test]
    fn the_token_is_not_printed() {
        assert!(!format!("{:?}", me()).contains("secret"));
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = DataLock::acquire(&DataDir::at(folder.path().join("gone"))).unwrap_err();
        assert!(matches!(error, LockError::Io { .. }));
        assert!(error.to_string().contains("gone"));
    }
}
