//! Why the store cannot be opened, and how SQLite's codes become the port's errors.

use std::path::PathBuf;

use molt_core::StoreError;
use rusqlite::{Error, ErrorCode, ffi};

/// Why a data file could not be opened. In every case the file was left as it is.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// SQLCipher cannot tell a wrong key from a damaged first page.
    #[error(
        "the data file {} cannot be read with this key: the key belongs to other data, or the file is damaged. \
         It was left as it is; put back the key or a backup of the file", .path.display()
    )]
    WrongKey { path: PathBuf },
    #[error(
        "the data file {} was written by a newer version of the program (format {found}, this version reads up to {known}). \
         It was left as it is; install the newer version again", .path.display()
    )]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("the data file {} is damaged. It was left as it is; put back a backup of it", .path.display())]
    Damaged {
        path: PathBuf,
        #[source]
        source: Error,
    },
    /// As after [`OpenError::Damaged`], but nothing of it is left.
    #[error("the content of the data file {} is gone. What is there was left as it is; put back a backup of it", .path.display())]
    Gone { path: PathBuf },
    #[error(
        "the format of the data file {} is older than this version of the program, and before it is updated a copy of it is taken, \
         which failed: {reason}", .path.display()
    )]
    NoCopy { path: PathBuf, reason: String },
    #[error("this build of the program cannot encrypt data, so it does not open {}", .path.display())]
    NoCipher { path: PathBuf },
    #[error("the disk is full, so the data file {} could not be opened; free some space and start again", .path.display())]
    DiskFull { path: PathBuf },
    #[error("another program is using the data file {}; close it and start again", .path.display())]
    Busy { path: PathBuf },
    #[error("the data file {} could not be opened: {source}", .path.display())]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the data file {} could not be opened: {source}", .path.display())]
    Failed {
        path: PathBuf,
        #[source]
        source: Error,
    },
}

fn is_full(error: &Error) -> bool {
    // With a full disk the shared-memory file of the WAL cannot grow either.
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || error.sqlite_error().is_some_and(|e| e.extended_code == ffi::SQLITE_IOERR_SHMSIZE)
}

impl OpenError {
    /// Another copy of the file would help, see [`restore`](crate::restore).
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::WrongKey { .. } | Self::Damaged { .. } | Self::Gone { .. })
    }

    /// What a check said.
    pub(crate) fn unsound(path: &std::path::Path, said: Option<&str>) -> Self {
        let code = ffi::Error::new(ffi::SQLITE_CORRUPT);
        Self::Damaged { path: path.to_owned(), source: Error::SqliteFailure(code, said.map(str::to_owned)) }
    }

    /// For errors after the key was found to be right.
    pub(crate) fn of(path: &std::path::Path, source: Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            _ if is_full(&source) => Self::DiskFull { path },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged { path, source },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            _ => Self::Failed { path, source },
        }
    }
}

/// SQLite's error as the port's.
pub(crate) fn failed(error: Error) -> StoreError {
    match error.sqlite_error_code() {
        _ if is_full(&error) => StoreError::DiskFull,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Failed("the data file is damaged; it was left as it is, put back a backup of it".into())
        }
        Some(ErrorCode::ReadOnly) => {
            StoreError::Failed("the data file may not be written; check its permissions".into())
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Failed("another program is using the data file; close it and try again".into())
        }
        _ => StoreError::Failed(error.to_string()),
    }
}

fn extended(error: &Error) -> i32 {
    error.sqlite_error().map_or(0, |e| e.extended_code)
}

/// A unique value is already there.
pub(crate) fn is_taken(error: &Error) -> bool {
    matches!(extended(error), ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY)
}

/// A row that is referred to is missing.
pub(crate) fn is_orphan(error: &Error) -> bool {
    extended(error) == ffi::SQLITE_CONSTRAINT_FOREIGNKEY
}
