//! Opening the file that is to be read, within bounds. The worker is given what is in it and never learns where it lies.

use std::{
    fs::File,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use molt_core::DocumentKind;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeekExt};

use crate::Failure;

/// Bytes. Pictures make up most of a large PDF or office document.
const LARGEST_PACKED: u64 = 200 << 20;
/// Bytes.
const LARGEST_TEXT: u64 = 64 << 20;

/// An open file.
#[derive(Debug)]
pub struct Input {
    name: String,
    file: tokio::fs::File,
    size: u64,
}

impl Input {
    /// Hangs with a disk that does not answer.
    pub async fn open(path: &Path, name: &str, kind: DocumentKind) -> Result<Self, Failure> {
        let (path, name) = (PathBuf::from(path), name.to_owned());
        let opened = tokio::task::spawn_blocking(move || open(&path, &name, kind).map(|opened| (name, opened))).await;
        let (name, (file, size)) =
            opened.map_err(|_| Failure::Unreadable("opening the file was broken off; try it again".into()))??;
        Ok(Self { name, file: tokio::fs::File::from_std(file), size })
    }

    /// Bytes when it was opened.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// From the beginning. What is appended meanwhile is left out: it is told as a change of its own.
    pub async fn content(&mut self) -> std::io::Result<impl AsyncRead + Unpin> {
        self.file.rewind().await?;
        Ok((&mut self.file).take(self.size))
    }

    pub fn failure(&self, error: &std::io::Error) -> Failure {
        Failure::Unreadable(sentence(&self.name, error))
    }
}

fn open(path: &Path, name: &str, kind: DocumentKind) -> Result<(File, u64), Failure> {
    let failed = |error: std::io::Error| Failure::Unreadable(sentence(name, &error));
    // Opening a pipe or a device could wait for ever.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(Failure::Unreadable(format!("“{name}” is not a file")));
    }
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
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
    if size > largest { Err(too_large(name, size, largest)) } else { Ok((file, size)) }
}

fn too_large(name: &str, size: u64, largest: u64) -> Failure {
    let megabytes = |bytes: u64| bytes.div_ceil(1 << 20);
    Failure::LimitReached(format!(
        "“{name}” has {} MB; files of this type are read up to {} MB, so split it into parts",
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

    #[tokio::test]
    async fn what_is_no_file_or_too_large_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let unreadable = async |path: &Path| match Input::open(path, "a.txt", DocumentKind::Text).await {
            Err(Failure::Unreadable(sentence)) => sentence,
            other => panic!("{other:?}"),
        };
        assert!(unreadable(folder.path()).await.contains("is not a file"));
        assert!(unreadable(&folder.path().join("gone.txt")).await.contains("not there"));
        // A hole in the file: large, and takes no disk.
        let huge = folder.path().join("huge.txt");
        File::create(&huge).unwrap().set_len(1 << 30).unwrap();
        for kind in [DocumentKind::Text, DocumentKind::Markdown, DocumentKind::Pdf] {
            match Input::open(&huge, "huge.txt", kind).await {
                Err(Failure::LimitReached(sentence)) => assert!(sentence.contains("1024 MB"), "{sentence}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn the_content_is_given_again_and_ends_where_it_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        std::fs::write(&path, "before").unwrap();
        let mut input = Input::open(&path, "a.txt", DocumentKind::Text).await.unwrap();
        std::fs::write(&path, "before and after").unwrap();
        for _ in 0..2 {
            let mut text = String::new();
            input.content().await.unwrap().read_to_string(&mut text).await.unwrap();
            assert_eq!((text.as_str(), input.size()), ("before", 6));
        }
    }

    #[test]
    fn reasons_are_plain_words() {
        assert!(sentence("a", &ErrorKind::PermissionDenied.into()).contains("permission"));
    }
}
