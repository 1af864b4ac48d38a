//! Getting a file's bytes, within bounds.

use std::{fs::File, io::ErrorKind, io::Read, path::Path};

use molt_core::DocumentKind;
use molt_extract_client::Failure;

/// Bytes. Pictures make up most of a large PDF or office document.
const LARGEST_PACKED: u64 = 200 << 20;
/// Bytes.
const LARGEST_TEXT: u64 = 64 << 20;

/// A file's name as it is said in sentences.
pub fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

pub fn load(path: &Path, kind: DocumentKind) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::Unreadable(sentence(&name_of(path), &error));
    let metadata = path.metadata().map_err(failed)?;
    if !metadata.is_file() {
        // Opening a pipe or a device could wait for ever.
        return Err(Failure::Unreadable(format!("“{}” is not a file", name_of(path))));
    }
    let largest = match kind {
        DocumentKind::Pdf
        | DocumentKind::Docx
        | DocumentKind::Pptx
        | DocumentKind::Xlsx
        | DocumentKind::Odf
        | DocumentKind::Epub
        | DocumentKind::Eml => LARGEST_PACKED,
        _ => LARGEST_TEXT,
    };
    if metadata.len() > largest {
        return Err(too_large(path, metadata.len(), largest));
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    // It may grow while we read.
    File::open(path).and_then(|file| file.take(largest + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > largest { Err(too_large(path, bytes.len() as u64, largest)) } else { Ok(bytes) }
}

fn too_large(path: &Path, size: u64, largest: u64) -> Failure {
    let megabytes = |bytes: u64| bytes.div_ceil(1 << 20);
    Failure::LimitReached(format!(
        "“{}” has {} MB; files of this type are read up to {} MB, so split it into parts",
        name_of(path),
        megabytes(size),
        megabytes(largest)
    ))
}

fn sentence(name: &str, error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => format!("“{name}” is not there any more"),
        ErrorKind::PermissionDenied => format!("you do not have permission to read “{name}”"),
        _ => format!("“{name}” could not be read from the disk: the system says “{error}”"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_or_too_large_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let unreadable = |path: &Path| match load(path, DocumentKind::Text) {
            Err(Failure::Unreadable(sentence)) => sentence,
            other => panic!("{other:?}"),
        };
        assert!(unreadable(folder.path()).contains("is not a file"));
        assert!(unreadable(&folder.path().join("gone.txt")).contains("not there"));
        // A hole in the file: large, and takes no disk.
        let huge = folder.path().join("huge.txt");
        File::create(&huge).unwrap().set_len(1 << 30).unwrap();
        for kind in [DocumentKind::Text, DocumentKind::Markdown, DocumentKind::Pdf] {
            match load(&huge, kind) {
                Err(Failure::LimitReached(sentence)) => assert!(sentence.contains("1024 MB"), "{sentence}"),
                other => panic!("{:?}", other.map(|bytes| bytes.len())),
            }
        }
        std::fs::write(&huge, "x").unwrap();
        assert_eq!(load(&huge, DocumentKind::Text), Ok(b"x".to_vec()));
    }

    #[test]
    fn reasons_are_plain_words() {
        assert!(sentence("a", &ErrorKind::PermissionDenied.into()).contains("permission"));
    }
}
