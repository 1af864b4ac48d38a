//! What is kept of a download on the disk, so that it goes on after the end of the program.
//!
//! Each download has a folder `.downloads/ID` with `state.json` and a `N.part` for each file that is not complete. `state.json` is
//! replaced as a whole, durably.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use molt_core::{DownloadId, DownloadRequest, HubFile};
use serde::{Deserialize, Serialize};

use crate::disk::sync_folder;

/// Beside the models.
const FOLDER: &str = ".downloads";
const STATE: &str = "state.json";
/// Bytes of a state.
const LONGEST: u64 = 1 << 20;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    pub id: DownloadId,
    /// Grows from one download to the next.
    pub number: u64,
    pub name: String,
    pub repository: String,
    pub revision: Option<String>,
    /// The user wants it to run, now or after a new start of the program.
    pub wanted: bool,
    /// Why it does not go on by itself.
    pub problem: Option<String>,
    pub files: Vec<SavedFile>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedFile {
    /// What was asked for.
    pub wanted: HubFile,
    /// What the hub said of it.
    pub told: Told,
    /// Identity of what was received, as the sending server named it, and the hub it was asked at.
    pub etag: Option<String>,
    pub endpoint: Option<String>,
    /// Bytes that are surely on the disk. After a sudden end more may be there, or seem to be.
    pub synced: u64,
    pub done: bool,
    /// It was in its place before this download, so it is not this download's to delete.
    #[serde(default)]
    pub found: bool,
}

/// What a hub says of a file before it is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub size: Option<u64>,
    /// The digest of a large file.
    pub sha256: Option<String>,
    /// The digest of a small file, as git computes it.
    pub git: Option<String>,
    pub commit: Option<String>,
}

impl SavedFile {
    /// Bytes, by what was asked for or what the hub says.
    pub fn size(&self) -> Option<u64> {
        self.wanted.size.or(self.told.size)
    }

    pub fn sha256(&self) -> Option<&str> {
        self.wanted.sha256.as_deref().or(self.told.sha256.as_deref())
    }

    /// What was received can be told from another file, so that going on in the middle is safe.
    pub fn has_digest(&self) -> bool {
        self.sha256().is_some() || self.told.git.is_some()
    }
}

impl Saved {
    pub fn new(number: u64, request: DownloadRequest) -> Self {
        let file = |wanted| SavedFile {
            wanted,
            told: Told::default(),
            etag: None,
            endpoint: None,
            synced: 0,
            done: false,
            found: false,
        };
        Self {
            id: DownloadId::random(),
            number,
            name: request.name,
            repository: request.repository,
            revision: request.revision,
            wanted: true,
            problem: None,
            files: request.files.into_iter().map(file).collect(),
        }
    }

    pub fn is_done(&self) -> bool {
        self.files.iter().all(|file| file.done)
    }

    /// Bytes of all files, once all are known.
    pub fn size(&self) -> Option<u64> {
        self.files.iter().map(SavedFile::size).sum()
    }

    pub fn is_of(&self, request: &DownloadRequest) -> bool {
        self.repository.eq_ignore_ascii_case(&request.repository)
            && self.files.iter().map(|file| &file.wanted.path).eq(request.files.iter().map(|file| &file.path))
    }

    /// The folder of this download below the folder of models.
    pub fn folder(&self, models: &Path) -> PathBuf {
        models.join(FOLDER).join(self.id.as_str())
    }

    pub fn part(&self, models: &Path, file: usize) -> PathBuf {
        self.folder(models).join(format!("{file}.part"))
    }

    /// Durable when it returns.
    pub fn save(&self, models: &Path) -> io::Result<()> {
        let folder = self.folder(models);
        if !folder.is_dir() {
            fs::create_dir_all(&folder)?;
            sync_folder(&models.join(FOLDER))?;
        }
        let (path, new) = (folder.join(STATE), folder.join("state.json.new"));
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        sync_folder(&folder)
    }

    pub fn delete(&self, models: &Path) -> io::Result<()> {
        match fs::remove_dir_all(self.folder(models)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// All downloads on the disk, oldest first. One that cannot be read is left where it is, and passed over.
pub fn load(models: &Path) -> Vec<Saved> {
    let mut all: Vec<Saved> = Vec::new();
    for entry in fs::read_dir(models.join(FOLDER)).into_iter().flatten().flatten() {
        match read(&entry.path()) {
            Ok(saved) if entry.file_name() == saved.id.as_str() => all.push(saved),
            Ok(_) => tracing::warn!(path = %entry.path().display(), "a download lies in the folder of another"),
            Err(error) => tracing::warn!(path = %entry.path().display(), %error, "a download cannot be read"),
        }
    }
    all.sort_by_key(|saved| saved.number);
    all
}

fn read(folder: &Path) -> io::Result<Saved> {
    let path = folder.join(STATE);
    if fs::metadata(&path)?.len() > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "its state is too long"));
    }
    let saved: Saved = serde_json::from_slice(&fs::read(path)?)?;
    // The file may have been edited; its names become paths.
    let files: Vec<HubFile> = saved.files.iter().map(|file| file.wanted.clone()).collect();
    crate::names::files(&files)
        .and(crate::names::repository(&saved.repository).map(|_| ()))
        .and(saved.revision.as_deref().map_or(Ok(()), |revision| crate::names::revision(revision).map(|_| ())))
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
    Ok(saved)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved() -> Saved {
        let file = HubFile { path: "a/b.gguf".into(), size: Some(3), sha256: None };
        let request = DownloadRequest { name: "M".into(), repository: "o/n".into(), revision: None, files: vec![file] };
        Saved::new(4, request)
    }

    #[test]
    fn what_is_saved_is_found_again_and_damage_is_passed_over() {
        let home = tempfile::tempdir().unwrap();
        let (one, mut other) = (saved(), Saved { number: 2, ..saved() });
        one.save(home.path()).unwrap();
        other.save(home.path()).unwrap();
        other.wanted = false;
        other.save(home.path()).unwrap();
        assert_eq!(load(home.path()), [other.clone(), one.clone()]);
        fs::write(other.folder(home.path()).join(STATE), b"{\"id\":").unwrap();
        assert_eq!(load(home.path()), std::slice::from_ref(&one));
        assert!(other.folder(home.path()).exists(), "nothing of the user's is deleted");
        let mut evil = one.clone();
        evil.files[0].wanted.path = "../../etc/passwd".into();
        evil.save(home.path()).unwrap();
        assert_eq!(load(home.path()), []);
        one.delete(home.path()).unwrap();
        one.delete(home.path()).unwrap();
        assert!(!one.folder(home.path()).exists());
    }
}
