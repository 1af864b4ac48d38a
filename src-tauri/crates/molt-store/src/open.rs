//! Opening the file: key, checks, durability settings.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use molt_core::{DocumentId, Recent, StoreError, StoreResult, TaskId};
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior, config::DbConfig};

use crate::{
    error::{OpenError, failed},
    migrate,
    snapshot::{self, beside, remove_if_there, sync_folder},
};

/// Up to this size the whole file is read when it is opened, so that damage is found then and not in the middle of work: a tenth of
/// a second, and more than years of chats and tasks take.
const READ_AT_OPENING: u64 = 32 << 20;

/// All store ports over one connection and one lock. Calls are short; each is one transaction at most.
pub struct Store {
    connection: Mutex<Connection>,
    /// What changed since the store was opened. Taken before the connection by whoever takes both.
    pub(crate) tasks: Mutex<Recent<TaskId>>,
    pub(crate) documents: Mutex<Recent<DocumentId>>,
    /// Held by what cannot go on beside a copy being taken, see [`Store::snapshot`].
    alone: Mutex<()>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Opens the file at `path`, or makes it where there is none, and brings its format up to date.
    ///
    /// # Errors
    /// See [`OpenError`]. A file that cannot be opened is left as it is.
    pub fn open(path: impl AsRef<Path>, key: &[u8; 32]) -> Result<Self, OpenError> {
        Self::open_with(path.as_ref(), key, |_| Ok(()))
    }

    /// Like [`Store::open`], with a copy taken before the format is changed.
    pub fn open_keeping(
        path: impl AsRef<Path>,
        key: &[u8; 32],
        folder: &Path,
        now: Timestamp,
    ) -> Result<Self, OpenError> {
        Self::open_with(path.as_ref(), key, |connection| snapshot::take(connection, key, folder, now))
    }

    fn open_with(
        path: &Path,
        key: &[u8; 32],
        before_update: impl FnOnce(&Connection) -> StoreResult<()>,
    ) -> Result<Self, OpenError> {
        let of_file = |source| OpenError::File { path: path.to_owned(), source };
        match std::fs::metadata(path) {
            // SQLite would take it for a new one.
            Ok(file) if file.len() == 0 => return Err(OpenError::Gone { path: path.to_owned() }),
            Ok(_) => {}
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(of_file(error)),
            Err(_) if beside(path, "-wal").try_exists().map_err(of_file)? => {
                return Err(OpenError::Gone { path: path.to_owned() });
            }
            Err(_) => create(path, key)?,
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(|e| OpenError::of(path, e))?;
        // Where it does not open, letting go of it must not write what lies in the log into a damaged file.
        let leave_log = |connection: &Connection, leave: bool| {
            let set = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, leave);
            set.map(|_| ()).map_err(|e| OpenError::of(path, e))
        };
        let has_log = std::fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0);
        leave_log(&connection, has_log)?;
        unlock(&connection, path, key)?;
        let found: i64 = connection
            .query_row("SELECT user_version FROM pragma_user_version", [], |row| row.get(0))
            .map_err(|e| OpenError::of(path, e))?;
        let known = migrate::MIGRATIONS.len() as i64;
        if found > known {
            return Err(OpenError::Newer { path: path.to_owned(), found, known });
        }
        configure(&connection).map_err(|e| OpenError::of(path, e))?;
        if std::fs::metadata(path).map_err(of_file)?.len() <= READ_AT_OPENING {
            soundness(&connection, path)?;
        }
        if found < known {
            before_update(&connection)
                .map_err(|error| OpenError::NoCopy { path: path.to_owned(), reason: error.to_string() })?;
        }
        keep_compact(&connection, path);
        migrate::run(&mut connection, migrate::MIGRATIONS).map_err(|e| OpenError::of(path, e))?;
        leave_log(&connection, false)?;
        Ok(Self::over(connection))
    }

    fn over(connection: Connection) -> Self {
        Self {
            connection: Mutex::new(connection),
            tasks: Mutex::default(),
            documents: Mutex::default(),
            alone: Mutex::default(),
        }
    }

    /// Where the file lies; none when the store was closed.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        self.lock().path().filter(|path| !path.is_empty()).map(PathBuf::from)
    }

    /// Nobody takes a copy while this is held.
    pub(crate) fn alone(&self) -> MutexGuard<'_, ()> {
        self.alone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Encrypts the whole file with another key, in one transaction: where it is broken off, the old key fits, and where this
    /// returns, the new one does. Takes about as long as copying the file, and as much space on the disk.
    ///
    /// # Errors
    /// After an error the store is closed, as by [`Store::close`]: SQLCipher would go on writing with the new key into a file that
    /// may still have the old one. Whoever opens it again finds out which of the two fits.
    pub fn rekey(&self, key: &[u8; 32]) -> StoreResult<()> {
        let alone = self.alone();
        let result = self.try_rekey(key);
        drop(alone);
        if result.is_err() {
            self.close()?;
        }
        result
    }

    fn try_rekey(&self, key: &[u8; 32]) -> StoreResult<()> {
        let connection = self.lock();
        let not_done = || StoreError::Failed("the data file could not be encrypted anew".into());
        // What was logged by the old key is in the file by then, and the log holds nothing but pages of the new key.
        checkpoint(&connection)?;
        // The error would carry the statement, and with it the key.
        connection.execute_batch(&key_pragma("rekey", key)).map_err(|error| match error.sqlite_error() {
            Some(code) => failed(rusqlite::Error::SqliteFailure(*code, None)),
            None => not_done(),
        })?;
        // SQLCipher does not tell when its commit fails, on a full disk for example. Another connection sees what was committed.
        // A store that was closed has no file.
        let path = Path::new(connection.path().filter(|path| !path.is_empty()).ok_or_else(not_done)?);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let probe = Connection::open_with_flags(path, flags).map_err(failed)?;
        unlock(&probe, path, key).map_err(|_| not_done())?;
        drop(probe);
        checkpoint(&connection)
    }

    /// Lets go of the file and of its key. Whoever still holds the store finds nothing in it from then on.
    pub fn close(&self) -> StoreResult<()> {
        let _alone = self.alone();
        let empty = Connection::open_in_memory().map_err(failed)?;
        let closing = std::mem::replace(&mut *self.lock(), empty);
        closing.close().map_err(|(_, error)| failed(error))
    }

    /// What a full check of pages, seals and references finds wrong; empty when all is well. Reads the whole file.
    pub fn problems(&self) -> StoreResult<Vec<String>> {
        let connection = self.lock();
        // The first check reads the file alone, where pages that still lie in the log may have another key.
        checkpoint(&connection)?;
        let mut found = Vec::new();
        for pragma in ["cipher_integrity_check", "integrity_check", "foreign_key_check"] {
            let mut statement = connection.prepare(&format!("PRAGMA {pragma}")).map_err(failed)?;
            let rows = statement.query_map([], |row| row.get::<_, String>(0)).map_err(failed)?;
            for row in rows {
                let row = row.map_err(failed)?;
                if row != "ok" {
                    found.push(format!("{pragma}: {row}"));
                }
            }
        }
        Ok(found)
    }

    /// Gives the pages of removed rows back to the disk, and empties the log, which still holds them as they were. Rows
    /// themselves are overwritten when they are removed.
    pub(crate) fn free_removed(&self) -> StoreResult<()> {
        loop {
            let connection = self.lock();
            let before = free_pages(&connection).map_err(failed)?;
            if before > 0 {
                free_some(&connection).map_err(failed)?;
            }
            // Nobody waits longer than for one step. A file that cannot give pages back keeps them, empty.
            let left = free_pages(&connection).map_err(failed)?;
            if left == 0 || left >= before {
                return checkpoint(&connection);
            }
        }
    }

    /// A panic while the lock was held has rolled its transaction back, so the connection is sound.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` in one transaction that is durable when this returns.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> StoreResult<T>) -> StoreResult<T> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let out = work(&transaction)?;
        transaction.commit().map_err(failed)?;
        Ok(out)
    }
}

/// Makes the file under another name first: one that is not whole never has the name of the data, so that one that is empty has lost
/// its content.
fn create(path: &Path, key: &[u8; 32]) -> Result<(), OpenError> {
    let of_file = |source| OpenError::File { path: path.to_owned(), source };
    let of_data = |error| OpenError::of(path, error);
    let new = beside(path, ".new");
    for left in [new.clone(), beside(&new, "-journal")] {
        remove_if_there(&left).map_err(of_file)?;
    }
    create_private(&new).map_err(of_file)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(&new, flags).map_err(of_data)?;
    unlock(&connection, path, key)?;
    // Of use only before there is anything in the file.
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL").map_err(of_data)?;
    migrate::run(&mut connection, migrate::MIGRATIONS).map_err(of_data)?;
    connection.close().map_err(|(_, error)| of_data(error))?;
    let put = || {
        std::fs::File::open(&new)?.sync_all()?;
        std::fs::rename(&new, path)?;
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).map_or(Ok(()), sync_folder)
    };
    put().map_err(of_file)
}

/// Reads all of the file: its structure, as this connection sees it, and the seal of every page.
pub(crate) fn soundness(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let of_data = |error| OpenError::of(path, error);
    let said = |pragma: &str| -> rusqlite::Result<Option<String>> {
        let mut statement = connection.prepare(&format!("PRAGMA {pragma}"))?;
        let mut rows = statement.query([])?;
        rows.next()?.map(|row| row.get(0)).transpose()
    };
    match said("quick_check(1)").map_err(of_data)?.as_deref() {
        Some("ok") => {}
        other => return Err(OpenError::unsound(path, other)),
    }
    // The seals are looked at in the file alone, where pages that still lie in the log may have an older key. Where another program
    // reads the log it stays, and the seals were at least looked at in what is in use.
    let is_whole = connection.is_readonly(rusqlite::MAIN_DB).map_err(of_data)? || checkpoint(connection).is_ok();
    let problem = if is_whole { said("cipher_integrity_check").map_err(of_data)? } else { None };
    problem.map_or(Ok(()), |problem| Err(OpenError::unsound(path, Some(&problem))))
}

/// Makes an empty file that only the user can read; SQLite gives its WAL the same permissions.
pub(crate) fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(|_| ()),
    }
}

/// The statement that gives SQLCipher a raw key.
fn key_pragma(name: &str, key: &[u8; 32]) -> String {
    let mut pragma = format!("PRAGMA {name} = \"x'");
    for byte in key {
        // Writing to a string does not fail.
        let _ = write!(pragma, "{byte:02x}");
    }
    pragma.push_str("'\"");
    pragma
}

/// Moves everything from the log into the file.
fn checkpoint(connection: &Connection) -> StoreResult<()> {
    let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map_err(failed)?;
    if busy == 0 { Ok(()) } else { Err(StoreError::Failed("the data file is in use".into())) }
}

/// Gives SQLCipher the raw key and proves it by reading.
pub(crate) fn unlock(connection: &Connection, path: &Path, key: &[u8; 32]) -> Result<(), OpenError> {
    let pragma = key_pragma("key", key);
    let no_cipher = || OpenError::NoCipher { path: path.to_owned() };
    // The error would carry the statement, and with it the key.
    connection.execute_batch(&pragma).map_err(|_| no_cipher())?;
    // A plain SQLite ignores unknown pragmas and would write in the clear.
    let version: Option<String> = connection.query_row("PRAGMA cipher_version", [], |row| row.get(0)).ok();
    if version.is_none_or(|v| v.is_empty()) {
        return Err(no_cipher());
    }
    // Locking every page against swapping costs more than it gives: the key itself lies in memory anyway.
    // And its own log goes to standard error; what matters is in our errors.
    connection
        .execute_batch("PRAGMA cipher_memory_security = OFF; PRAGMA cipher_log_level = NONE")
        .map_err(|e| OpenError::of(path, e))?;
    connection.busy_timeout(Duration::from_secs(5)).map_err(|e| OpenError::of(path, e))?;
    match connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0)) {
        Ok(_) => Ok(()),
        Err(e) if e.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            Err(OpenError::WrongKey { path: path.to_owned() })
        }
        Err(e) => Err(OpenError::of(path, e)),
    }
}

fn free_pages(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT freelist_count FROM pragma_freelist_count", [], |row| row.get(0))
}

/// Gives one step's pages back; each row of the pragma is a page.
fn free_some(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("PRAGMA incremental_vacuum(512)")?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

/// A file of an earlier version keeps the pages of removed rows, with what was in them: it is written anew, once. Files
/// that would take much memory for that stay as they are; what is removed from now on is overwritten in them as well.
fn keep_compact(connection: &Connection, path: &Path) {
    const MOST_REWRITTEN: u64 = 256 << 20;
    const INCREMENTAL: i64 = 2;
    let kind = connection.query_row("SELECT auto_vacuum FROM pragma_auto_vacuum", [], |row| row.get::<_, i64>(0));
    let size = std::fs::metadata(path).map_or(u64::MAX, |file| file.len());
    if kind.is_ok_and(|kind| kind == INCREMENTAL) || size > MOST_REWRITTEN {
        return;
    }
    // Without it everything works; the next start tries again.
    if let Err(error) = connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; VACUUM") {
        tracing::warn!(%error, "the data file could not be written anew without its empty pages");
    }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "PRAGMA secure_delete = ON;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA fullfsync = ON;
         PRAGMA checkpoint_fullfsync = ON;
         PRAGMA foreign_keys = ON;
         PRAGMA mmap_size = 0;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -8192;
         PRAGMA journal_size_limit = 16777216;
         PRAGMA trusted_schema = OFF;",
    )?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_durable_and_has_references() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().join("data.db"), &[7; 32]).unwrap();
        let pragma = |name: &str| -> String {
            store
                .lock()
                .query_row(&format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}"), [], |r| r.get(0))
                .unwrap()
        };
        assert_eq!(pragma("journal_mode"), "wal");
        assert_eq!(pragma("synchronous"), "2");
        assert_eq!(pragma("foreign_keys"), "1");
        assert_eq!(pragma("fullfsync"), "1");
        assert_eq!(pragma("temp_store"), "2");
        assert_eq!(pragma("secure_delete"), "1");
        assert_eq!(pragma("auto_vacuum"), "2");
        assert_eq!(store.problems().unwrap(), [""; 0]);
    }

    #[test]
    fn a_full_disk_is_said_and_changes_nothing() {
        use molt_core::ConversationStore;
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().join("data.db"), &[7; 32]).unwrap();
        store.put_conversation(&molt_testkit::sample::conversation("a", 0)).unwrap();
        // SQLite answers the page limit as it answers a full disk.
        let pages: i64 = store.lock().query_row("SELECT page_count FROM pragma_page_count", [], |r| r.get(0)).unwrap();
        store.lock().query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
        let long = molt_testkit::sample::message("m", "a", molt_core::Role::User, &"long ".repeat(10_000));
        assert!(matches!(store.put_message(&long), Err(StoreError::DiskFull)));
        store.lock().query_row("PRAGMA max_page_count = 1000000", [], |_| Ok(())).unwrap();
        assert!(matches!(store.message(&"m".into()), Err(StoreError::NotFound("message"))));
        store.put_message(&long).unwrap();
        assert_eq!(store.problems().unwrap(), [""; 0]);
    }

    const SENTENCE: &str = "The quokka of Rottnest keeps the combination of the safe";

    /// How often the sentence stands in the file and in its log.
    fn traces(path: &Path) -> usize {
        let bytes = ["", "-wal"].map(|end| std::fs::read(format!("{}{end}", path.display())).unwrap_or_default());
        bytes.iter().flat_map(|bytes| bytes.windows(6)).filter(|part| part == b"quokka").count()
    }

    /// Two sources of twenty documents each; the second has the sentence.
    fn fill(store: &Store) -> Vec<molt_core::Source> {
        use molt_core::DocumentStore;
        use molt_testkit::sample;
        let sources = vec![sample::source("kept", "/kept"), sample::source("removed", "/removed")];
        for source in &sources {
            store.put_source(source).unwrap();
            for n in 0..20 {
                let (id, text) =
                    (source.id.as_str(), if source.path == "/removed" { SENTENCE } else { "A plain line" });
                let document = sample::document(&format!("{id}-{n}"), id, &format!("/{id}/{n}"));
                // Longer than a page, too.
                let text = text.repeat(1 + n % 3 * 200);
                let chunk = sample::chunk(&format!("c-{id}-{n}"), document.id.as_str(), 0, &text);
                store.put_document_with_chunks(&document, &[chunk]).unwrap();
            }
        }
        sources
    }

    #[test]
    fn nothing_of_what_was_removed_is_left_in_the_file() {
        use molt_core::DocumentStore;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plain.db");
        // Without a key, so that the bytes of the file are those of the pages.
        let mut connection = Connection::open(&path).unwrap();
        connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL").unwrap();
        configure(&connection).unwrap();
        migrate::run(&mut connection, migrate::MIGRATIONS).unwrap();
        let store = Store::over(connection);
        let sources = fill(&store);
        assert!(traces(&path) > 20);
        store.remove_source(&sources[1].id).unwrap();
        assert!(traces(&path) > 20, "the log still holds the pages as they were: the test would see nothing");
        let size = || std::fs::metadata(&path).unwrap().len();
        checkpoint(&store.lock()).unwrap();
        assert_eq!(traces(&path), 0, "removed rows are overwritten");
        let before = size();
        store.erase_removed().unwrap();
        assert_eq!(traces(&path), 0);
        assert!(size() < before, "the pages were not given back");
        assert_eq!(store.chunk_ids().unwrap().len(), 20);
        assert_eq!(free_pages(&store.lock()).unwrap(), 0);
    }

    #[test]
    fn a_file_of_an_earlier_version_loses_its_empty_pages_once() {
        use molt_core::DocumentStore;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data.db");
        let mut connection = Connection::open(&path).unwrap();
        unlock(&connection, &path, &[7; 32]).unwrap();
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON").unwrap();
        migrate::run(&mut connection, migrate::MIGRATIONS).unwrap();
        let old = Store::over(connection);
        let sources = fill(&old);
        old.remove_source(&sources[1].id).unwrap();
        assert!(free_pages(&old.lock()).unwrap() > 0);
        old.close().unwrap();

        let store = Store::open(&path, &[7; 32]).unwrap();
        assert_eq!(free_pages(&store.lock()).unwrap(), 0);
        let kind = |store: &Store| -> i64 {
            store.lock().query_row("SELECT auto_vacuum FROM pragma_auto_vacuum", [], |row| row.get(0)).unwrap()
        };
        assert_eq!((kind(&store), store.chunk_ids().unwrap().len()), (2, 20));
        assert_eq!(store.problems().unwrap(), [""; 0]);
        store.rekey(&[8; 32]).unwrap();
        drop(store);
        let store = Store::open(&path, &[8; 32]).unwrap();
        assert_eq!((kind(&store), store.chunk_ids().unwrap().len()), (2, 20));
    }

    #[cfg(unix)]
    #[test]
    fn only_the_user_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data.db");
        let _store = Store::open(&path, &[7; 32]).unwrap();
        for name in ["data.db", "data.db-wal"] {
            let mode = std::fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}
