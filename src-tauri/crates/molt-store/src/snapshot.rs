//! Copies of the data file as it stood at one moment, and putting one in place of a damaged file.
//!
//! A copy holds no text of documents: what is removed from the library would stay in it for days, and the files are there to be read
//! again.
//!
//! Owns their names and the order in which files change places. It never deletes a damaged file. It must not know when a copy is due,
//! nor any clock.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use molt_core::{DocumentState, StoreError, StoreResult};
use rusqlite::{Connection, OpenFlags};

use crate::{
    error::{OpenError, failed},
    migrate,
    open::{Store, create_private, soundness, unlock},
    sql::Name,
};

/// So many are kept.
const KEPT: usize = 5;
const NAME: &str = "%Y%m%dT%H%M%SZ.db";
const UNFINISHED: &str = "unfinished.db";

/// A copy of the data, encrypted by the key that the data had then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub path: PathBuf,
    pub taken_at: Timestamp,
}

impl Snapshot {
    /// Reads all of it.
    ///
    /// # Errors
    /// What is wrong with it, or that it has another key.
    pub fn check(&self, key: &[u8; 32]) -> Result<(), OpenError> {
        let connection = self.open(key)?;
        let found: i64 = connection
            .query_row("SELECT user_version FROM pragma_user_version", [], |row| row.get(0))
            .map_err(|e| OpenError::of(&self.path, e))?;
        let known = migrate::MIGRATIONS.len() as i64;
        if found > known {
            return Err(OpenError::Newer { path: self.path.clone(), found, known });
        }
        soundness(&connection, &self.path)
    }

    fn open(&self, key: &[u8; 32]) -> Result<Connection, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags).map_err(|e| OpenError::of(&self.path, e))?;
        unlock(&connection, &self.path, key)?;
        Ok(connection)
    }
}

/// The copies in a folder, newest first.
pub fn snapshots(folder: &Path) -> Vec<Snapshot> {
    let named = |entry: io::Result<fs::DirEntry>| {
        let path = entry.ok()?.path();
        let taken_at = DateTime::strptime(NAME, path.file_name()?.to_str()?).ok()?;
        Some(Snapshot { taken_at: taken_at.to_zoned(TimeZone::UTC).ok()?.timestamp(), path })
    };
    let mut found: Vec<Snapshot> = fs::read_dir(folder).into_iter().flatten().filter_map(named).collect();
    found.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.taken_at));
    found
}

/// Copies what `connection` sees into the folder, and lets the oldest copies go, with those of keys that are no longer in use.
pub(crate) fn take(connection: &Connection, key: &[u8; 32], folder: &Path, now: Timestamp) -> StoreResult<()> {
    let not_made = |error: io::Error| StoreError::Failed(format!("{} cannot be used: {error}", folder.display()));
    make_folder(folder).map_err(not_made)?;
    let unfinished = folder.join(UNFINISHED);
    remove_if_there(&unfinished).map_err(not_made)?;
    // SQLite writes into an empty file, which keeps its mode.
    create_private(&unfinished).map_err(not_made)?;
    let into = unfinished.to_str().ok_or_else(|| not_made(io::Error::other("its name is no text")))?;
    connection.execute("VACUUM INTO ?1", [into]).map_err(failed)?;
    leave_text_out(&unfinished, key)?;
    let path = folder.join(now.strftime(NAME).to_string());
    let put = || {
        File::open(&unfinished)?.sync_all()?;
        fs::rename(&unfinished, &path)?;
        sync_folder(folder)
    };
    put().map_err(not_made)?;
    let mut kept = 0;
    for snapshot in snapshots(folder) {
        let fits = !matches!(snapshot.open(key), Err(OpenError::WrongKey { .. }));
        if fits && kept < KEPT {
            kept += 1;
        } else if let Err(error) = fs::remove_file(&snapshot.path) {
            tracing::warn!(%error, path = %snapshot.path.display(), "an old copy of the data stays");
        }
    }
    Ok(())
}

/// Takes the text of documents out of a copy, where they wait to be read again.
fn leave_text_out(copy: &Path, key: &[u8; 32]) -> StoreResult<()> {
    let connection = open_to_write(copy, key)?;
    // A copy that is broken off is begun anew: it needs no journal, and none may be left beside the next one.
    connection.pragma_update(None, "journal_mode", "MEMORY").map_err(failed)?;
    connection.execute("DELETE FROM chunks", []).map_err(failed)?;
    connection
        .execute("UPDATE documents SET state = ? WHERE chunks > 0", [Name(DocumentState::Waiting)])
        .map_err(failed)?;
    connection.execute_batch("VACUUM").map_err(failed)?;
    connection.close().map_err(|(_, error)| failed(error))
}

fn open_to_write(path: &Path, key: &[u8; 32]) -> StoreResult<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    unlock(&connection, path, key).map_err(|error| StoreError::Failed(error.to_string()))?;
    // What is sorted on the way must not reach a temporary file.
    connection.execute_batch("PRAGMA temp_store = MEMORY").map_err(failed)?;
    Ok(connection)
}

impl Store {
    /// Takes a copy of the data as it is now, over a connection of its own: others may read and write meanwhile. The key must be
    /// the present one. Damaged data gives an error and no copy.
    pub fn snapshot(&self, key: &[u8; 32], folder: &Path, now: Timestamp) -> StoreResult<()> {
        let _alone = self.alone();
        let path = self.path().ok_or_else(|| StoreError::Failed("the data file is closed".into()))?;
        take(&open_to_write(&path, key)?, key, folder, now)
    }
}

/// Puts a copy in place of the data file, which stays beside it under another name, given back. At every moment there is a file under
/// the old name, the damaged one or the copy.
///
/// # Errors
/// The copy is not sound, or a file could not be written. The data file is then as it was.
pub fn restore(path: &Path, key: &[u8; 32], snapshot: &Snapshot) -> Result<PathBuf, OpenError> {
    let not_written = |source| OpenError::File { path: path.to_owned(), source };
    snapshot.check(key)?;
    let copy = beside(path, ".restored");
    remove_if_there(&copy).map_err(not_written)?;
    create_private(&copy).map_err(not_written)?;
    let copied = fs::copy(&snapshot.path, &copy).and_then(|_| File::open(&copy)?.sync_all());
    copied.map_err(not_written)?;
    let whole = Snapshot { path: copy.clone(), taken_at: snapshot.taken_at };
    whole.check(key)?;
    let aside = (1..).map(|number| beside(path, &format!(".damaged-{number}")));
    let aside = aside.take(10_000).find(|name| !name.exists()).unwrap_or_else(|| beside(path, ".damaged"));
    set_aside(path, &aside).map_err(not_written)?;
    fs::rename(&copy, path).map_err(not_written)?;
    if let Some(folder) = path.parent() {
        sync_folder(folder).map_err(not_written)?;
    }
    Ok(aside)
}

/// The log first: beside another file it would be taken for that one's. The file itself keeps its name as well.
fn set_aside(path: &Path, aside: &Path) -> io::Result<()> {
    let (log, index) = (beside(path, "-wal"), beside(path, "-shm"));
    if log.try_exists()? {
        fs::rename(&log, beside(aside, "-wal"))?;
    }
    // Made anew from the log by whoever opens it.
    remove_if_there(&index)?;
    if path.try_exists()? && fs::hard_link(path, aside).is_err() {
        fs::copy(path, aside)?;
        File::open(aside)?.sync_all()?;
    }
    path.parent().map_or(Ok(()), sync_folder)
}

pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes new names in a folder durable. Windows has no such call and needs none.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
