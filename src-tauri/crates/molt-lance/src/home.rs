//! The index's folder on the disk. Everything here blocks.
//!
//! ```text
//! 3/to-erase        there until what was removed from the table is erased (see [`crate::purge`])
//! 3/chunks.lance/   the table; a table that replaces another gets the next number
//! next-<time>/      the table for another embedder while it is being filled; it gets the next number when it is complete
//! set-aside/<time>/ what recovery or a change of the embedder put away, of the last such event
//! ```
//!
//! A replaced table may still have a handle in this process that is about to commit. Since its successor lies in
//! another folder, such a commit goes nowhere instead of becoming the successor's newest version.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use bytes::Bytes;

use crate::store::{Cipher, seal_all, sweep, sync_folder};

/// The table's name within its folder.
pub(crate) const TABLE: &str = "chunks";
/// Within a table's folder, beside the table.
pub(crate) const TO_ERASE: &str = "to-erase";
const SET_ASIDE: &str = "set-aside";
const NEXT: &str = "next-";

/// The folder of a table.
#[derive(Debug, Clone)]
enum Place {
    /// That of the largest number serves.
    Serving(u64),
    /// One that is being filled.
    Next(String),
}

#[derive(Debug, Clone)]
pub(crate) struct Home {
    folder: PathBuf,
    place: Place,
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
        let mut numbers = numbers(folder)?;
        let place = Place::Serving(numbers.pop().unwrap_or(1));
        let mut home = Self { folder: folder.to_owned(), place, event: None, cipher };
        home.make_root()?;
        for replaced in numbers {
            let replaced = folder.join(replaced.to_string());
            if replaced.join(TO_ERASE).exists() {
                home.mark_to_erase()?;
            }
            home.put_away(&replaced)?;
        }
        Ok(home)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// How the files below [`Self::root`] are sealed.
    pub(crate) fn cipher(&self) -> Cipher {
        self.cipher.clone()
    }

    /// The folder of the present table, and the root of its object store.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.join(match &self.place {
            Place::Serving(number) => number.to_string(),
            Place::Next(name) => name.clone(),
        })
    }

    /// The table beside the present one that was begun last, if there is one. Others are given up.
    pub(crate) fn next(&self) -> io::Result<Option<Self>> {
        let mut names = nexts(&self.folder)?;
        let last = names.pop();
        for name in names {
            fs::remove_dir_all(self.folder.join(name))?;
        }
        Ok(last.map(|name| Self { place: Place::Next(name), ..self.clone() }))
    }

    /// Makes room for a table beside the one that serves in `folder`. Others beside it are given up. Their names are not used again: one
    /// that is still written to would come back as a part of its successor.
    pub(crate) fn beside(folder: &Path, cipher: Cipher) -> io::Result<Self> {
        for name in nexts(folder)? {
            fs::remove_dir_all(folder.join(name))?;
        }
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let place = Place::Next(format!("{NEXT}{:024}", since.as_nanos()));
        let home = Self { folder: folder.to_owned(), place, event: None, cipher };
        home.make_root()?;
        Ok(home)
    }

    /// Puts a table that is complete in the place of the one that serves: from one moment to the next it has the largest number.
    pub(crate) fn take_over(&mut self) -> io::Result<()> {
        let serving = Place::Serving(numbers(&self.folder)?.last().map_or(1, |last| last + 1));
        let complete = Self { place: serving, ..self.clone() };
        fs::rename(self.root(), complete.root())?;
        *self = complete;
        sync_folder(&self.folder)
    }

    /// Removes the table, of which nobody will ask any more.
    pub(crate) fn remove_table(&self) -> io::Result<()> {
        match fs::remove_dir_all(self.root()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| sync_folder(&self.folder)),
        }
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
        let owed = self.root().join(TO_ERASE).exists();
        self.put_away(&self.root())?;
        self.place = match &self.place {
            Place::Serving(number) => Place::Serving(number + 1),
            Place::Next(name) => Place::Next(name.clone()),
        };
        self.make_root()?;
        if owed { self.mark_to_erase() } else { Ok(()) }
    }

    /// See [`crate::purge`]. Durable when it returns.
    pub(crate) fn mark_to_erase(&self) -> io::Result<()> {
        // An object of no bytes, so that every file here is one of the store's.
        let parts: Vec<Bytes> = self.cipher.seal()?.finish().into_iter().collect();
        let written = self.root().join(format!(".tmp-{TO_ERASE}"));
        let mut file = fs::File::create(&written)?;
        parts.iter().try_for_each(|part| file.write_all(part))?;
        file.sync_all()?;
        fs::rename(written, self.root().join(TO_ERASE))?;
        sync_folder(&self.root())
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

/// The numbers of tables, in order.
fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers: Vec<u64> =
        fs::read_dir(folder)?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// The folders of tables that are being filled, in the order of their beginning.
fn nexts(folder: &Path) -> io::Result<Vec<String>> {
    let name = |entry: io::Result<fs::DirEntry>| {
        entry.ok()?.file_name().to_str().filter(|name| name.starts_with(NEXT)).map(str::to_owned)
    };
    let mut names: Vec<String> = fs::read_dir(folder)?.filter_map(name).collect();
    names.sort_unstable();
    Ok(names)
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
