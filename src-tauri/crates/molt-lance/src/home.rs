//! The index's folder on the disk. Everything here blocks.
//!
//! ```text
//! 3/chunks.lance/   the table; a table that replaces another gets the next number
//! set-aside/<time>/ what recovery or a change of the embedder put away, of the last such event
//! ```
//!
//! A replaced table may still have a handle in this process that is about to commit. Since its successor lies in
//! another folder, such a commit goes nowhere instead of becoming the successor's newest version.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use crate::store::{Cipher, seal_all, sweep, sync_folder};

/// The table's name within its folder.
pub(crate) const TABLE: &str = "chunks";
const SET_ASIDE: &str = "set-aside";

#[derive(Debug, Clone)]
pub(crate) struct Home {
    folder: PathBuf,
    /// Of the present table.
    number: u64,
    /// Where this opening puts away; made when first needed.
    event: Option<PathBuf>,
    cipher: Cipher,
}

impl Home {
    /// Makes the folder if need be, clears what a killed process left unfinished, and seals what is still plain.
    pub(crate) fn prepare(folder: &Path, cipher: Cipher) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        if let Some(parent) = folder.parent() {
            sync_folder(parent)?;
        }
        let removed = sweep(folder)?;
        if removed > 0 {
            tracing::info!(removed, "swept unfinished files out of the index");
        }
        let sealed = seal_all(folder, &cipher)?;
        if sealed > 0 {
            tracing::info!(sealed, "sealed files of the index that were written without a key");
        }
        let mut numbers: Vec<u64> =
            fs::read_dir(folder)?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
        numbers.sort_unstable();
        let mut home = Self { folder: folder.to_owned(), number: numbers.pop().unwrap_or(1), event: None, cipher };
        for replaced in numbers {
            home.put_away(&folder.join(replaced.to_string()))?;
        }
        home.make_root()?;
        Ok(home)
    }

    /// How the files below [`Self::root`] are sealed.
    pub(crate) fn cipher(&self) -> Cipher {
        self.cipher.clone()
    }

    /// The folder of the present table, and the root of its object store.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.join(self.number.to_string())
    }

    pub(crate) fn set_aside(&self) -> PathBuf {
        self.folder.join(SET_ASIDE)
    }

    fn make_root(&self) -> io::Result<()> {
        fs::create_dir_all(self.root())?;
        sync_folder(&self.folder)
    }

    /// Puts the newest version's manifest away; false when there is none.
    pub(crate) fn put_version_away(&mut self) -> io::Result<bool> {
        let versions = self.root().join(format!("{TABLE}.lance")).join("_versions");
        let Some(manifest) = newest_manifest(&versions)? else { return Ok(false) };
        self.put_away(&manifest)?;
        Ok(true)
    }

    /// Puts the whole table away and makes room for the next.
    pub(crate) fn put_table_away(&mut self) -> io::Result<()> {
        self.put_away(&self.root())?;
        self.number += 1;
        self.make_root()
    }

    fn put_away(&mut self, path: &Path) -> io::Result<()> {
        let event = self.event()?;
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        fs::rename(path, event.join(name))?;
        sync_folder(&event)?;
        path.parent().map_or(Ok(()), sync_folder)
    }

    /// What earlier openings put away goes now.
    fn event(&mut self) -> io::Result<PathBuf> {
        if let Some(event) = &self.event {
            return Ok(event.clone());
        }
        let all = self.set_aside();
        forget_set_aside(&all, Duration::ZERO)?;
        let event = all.join(seconds_now().to_string());
        fs::create_dir_all(&event)?;
        sync_folder(&all)?;
        sync_folder(&self.folder)?;
        Ok(self.event.insert(event).clone())
    }

    /// Commits are hard links; some file systems (FAT, exFAT, some network folders) have none.
    pub(crate) fn probe_hard_links(&self) -> io::Result<()> {
        let (file, link) = (self.folder.join(".tmp-probe"), self.folder.join(".tmp-probe-link"));
        fs::write(&file, b"")?;
        let linked = fs::hard_link(&file, &link);
        fs::remove_file(&file)?;
        match linked {
            Ok(()) => fs::remove_file(&link),
            Err(error) if error.kind() == io::ErrorKind::StorageFull => Err(error),
            Err(_) => Err(io::Error::other(
                "the disk of the data folder has no hard links, which the index needs; choose a data folder on another disk",
            )),
        }
    }
}

/// Lance names manifests by the version counted down from the largest number, so the newest sorts first.
fn newest_manifest(versions: &Path) -> io::Result<Option<PathBuf>> {
    let entries = match fs::read_dir(versions) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        entries => entries?,
    };
    let mut newest: Option<PathBuf> = None;
    for entry in entries {
        let path = entry?.path();
        let numbered = path.file_stem().is_some_and(|stem| stem.as_encoded_bytes().iter().all(u8::is_ascii_digit));
        if numbered && path.extension().is_some_and(|e| e == "manifest") && newest.as_ref().is_none_or(|n| path < *n) {
            newest = Some(path);
        }
    }
    Ok(newest)
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Removes what was set aside at least `age` ago. Blocks.
pub(crate) fn forget_set_aside(set_aside: &Path, age: Duration) -> io::Result<()> {
    let entries = match fs::read_dir(set_aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let made = path.file_name().and_then(|name| name.to_str()?.parse::<u64>().ok());
        if made.is_some_and(|made| seconds_now().saturating_sub(made) >= age.as_secs()) {
            fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}
