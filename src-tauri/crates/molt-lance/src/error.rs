//! From Lance's errors and panics to one plain sentence.

use std::{error::Error, io, panic::AssertUnwindSafe};

use futures::FutureExt;
use molt_core::IndexError;

use crate::store::seal::DAMAGED;

/// What kept the disk or the system from serving us. Such errors say nothing about the index itself: setting files
/// aside would not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    DiskFull,
    NotAllowed,
    TooManyFiles,
    ReadOnly,
    OutOfMemory,
}

impl Obstacle {
    fn sentence(self) -> &'static str {
        match self {
            Self::DiskFull => "the disk is full; free some space and try again",
            Self::NotAllowed => "its folder may not be read or written; check the permissions of the data folder",
            Self::TooManyFiles => "too many files are open; close other programs and try again",
            Self::ReadOnly => "its disk can only be read; choose a data folder on another disk",
            Self::OutOfMemory => "there is not enough memory; close other programs and try again",
        }
    }
}

/// The obstacle in an error's chain of causes, if there is one.
pub(crate) fn obstacle(error: &(dyn Error + 'static)) -> Option<Obstacle> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<io::Error>().and_then(of_io) {
            return Some(found);
        }
        cause = error.source();
    }
    // Lance keeps some causes as text only.
    of_text(&error.to_string())
}

fn of_io(error: &io::Error) -> Option<Obstacle> {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(Obstacle::DiskFull),
        io::ErrorKind::PermissionDenied => Some(Obstacle::NotAllowed),
        io::ErrorKind::ReadOnlyFilesystem => Some(Obstacle::ReadOnly),
        io::ErrorKind::OutOfMemory => Some(Obstacle::OutOfMemory),
        _ => of_text(&error.to_string()),
    }
}

fn of_text(text: &str) -> Option<Obstacle> {
    const SIGNS: &[(&str, Obstacle)] = &[
        ("No space left on device", Obstacle::DiskFull),
        ("not enough space on the disk", Obstacle::DiskFull),
        ("Disk quota exceeded", Obstacle::DiskFull),
        ("Permission denied", Obstacle::NotAllowed),
        ("Access is denied", Obstacle::NotAllowed),
        ("Too many open files", Obstacle::TooManyFiles),
        ("Read-only file system", Obstacle::ReadOnly),
    ];
    SIGNS.iter().find(|(sign, _)| text.contains(sign)).map(|(_, obstacle)| *obstacle)
}

/// Turns a panic inside of Lance into an error: a file cut short makes some of its readers panic. Whatever the work
/// was holding is dropped; what Lance keeps across calls are caches of what has been read whole.
pub(crate) async fn guarded<T>(work: impl Future<Output = lancedb::Result<T>>) -> lancedb::Result<T> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
        Err(lancedb::Error::Runtime { message: "the database library failed on what it read".to_owned() })
    })
}

/// Does some work in Lance and words its failure; see [`failed`].
pub(crate) async fn attempt<T>(task: &str, work: impl Future<Output = lancedb::Result<T>>) -> Result<T, IndexError> {
    guarded(work).await.map_err(|error| failed(task, &error))
}

/// One sentence; `task` reads on from "it could not be", for example "searched".
pub(crate) fn failed(task: &str, error: &(dyn Error + 'static)) -> IndexError {
    match obstacle(error) {
        Some(obstacle) => IndexError::Failed(format!("it could not be {task}: {}", obstacle.sentence())),
        None => {
            let text = format!("it could not be {task} ({})", first_line(&root(error).to_string()));
            if is_damage(error) { IndexError::Damaged(text) } else { IndexError::Failed(text) }
        }
    }
}

/// Whether a file is missing, cut short or not what was written. Only what says so is taken for damage: other errors may be those of a
/// question that Lance does not understand, and building the index again would not help.
fn is_damage(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let of_io = error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof));
        let of_store = matches!(error.downcast_ref(), Some(object_store::Error::NotFound { .. }));
        if of_io || of_store {
            return true;
        }
        cause = error.source();
    }
    // Lance keeps some causes as text only: our own words for a damaged file, those of the object store for one that is missing, and its own.
    let (text, root) = (error.to_string(), root(error).to_string());
    text.contains(DAMAGED)
        || (text.contains("Object at location") && text.contains("not found"))
        || ["Not found: ", "Encountered corrupt file "].iter().any(|sign| root.starts_with(sign))
}

fn root<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_lance(source: io::Error) -> lancedb::Error {
        let stored = object_store::Error::Generic { store: "SealedStore", source: Box::new(source) };
        lancedb::Error::Lance { source: stored.into() }
    }

    #[test]
    fn finds_the_obstacle_below_every_wrapper() {
        for (source, expected) in [
            (io::Error::from(io::ErrorKind::StorageFull), Some(Obstacle::DiskFull)),
            (io::Error::from(io::ErrorKind::PermissionDenied), Some(Obstacle::NotAllowed)),
            (io::Error::other("write: No space left on device (os error 28)"), Some(Obstacle::DiskFull)),
            (io::Error::other("open: Too many open files (os error 24)"), Some(Obstacle::TooManyFiles)),
            (io::Error::new(io::ErrorKind::InvalidData, "the file is damaged"), None),
        ] {
            let error = in_lance(source);
            assert_eq!(obstacle(&error), expected, "{error}");
        }
    }

    #[test]
    fn damage_is_told_from_other_failures() {
        let missing = || object_store::Error::NotFound { path: "a/b".into(), source: "no such file".into() };
        let told = |error: lancedb::Error| failed("searched", &error).is_damage();
        assert!(told(in_lance(io::Error::new(io::ErrorKind::InvalidData, "the file is damaged"))));
        assert!(told(in_lance(io::ErrorKind::UnexpectedEof.into())));
        assert!(told(lancedb::Error::Lance { source: missing().into() }));
        // As text only.
        assert!(told(lancedb::Error::Runtime { message: format!("LanceError(IO): {}", missing()) }));
        assert!(told(lancedb::Error::Runtime {
            message: "LanceError(IO): the file is damaged: it is cut short".into()
        }));
        assert!(!told(in_lance(io::ErrorKind::StorageFull.into())));
        assert!(!told(in_lance(io::Error::other("odd"))));
        assert!(!told(lancedb::Error::InvalidInput { message: "column x was not found".into() }));
    }

    #[test]
    fn says_what_to_do_next() {
        let sentence = failed("written", &in_lance(io::ErrorKind::StorageFull.into())).to_string();
        assert_eq!(
            sentence,
            "the search index: it could not be written: the disk is full; free some space and try again"
        );
        let sentence = failed("searched", &in_lance(io::Error::other("odd\nsecond line"))).to_string();
        assert_eq!(sentence, "the search index: it could not be searched (odd)");
    }
}
