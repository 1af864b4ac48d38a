//! Walking a source under its rules. Symbolic links are never followed.

use std::{
    collections::HashMap,
    fs::{DirEntry, Metadata},
    io::ErrorKind,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use jiff::Timestamp;
use molt_core::{ListedFile, SkipReason, SkippedFile};

use crate::rules::{Chosen, Rules};

/// Directories inside each other; deeper ones are left out, with a sentence.
const DEEPEST: usize = 128;

/// What a walk meets.
pub trait Visitor {
    /// Called before a directory is read, so that a watch set here misses no entry.
    fn directory(&mut self, _path: &Path) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn file(&mut self, _entry: &DirEntry) {}

    /// A file or a directory that is left out.
    fn skipped(&mut self, _entry: &DirEntry, _is_directory: bool, _reason: SkipReason) {}

    /// One sentence about a place that could not be read.
    fn problem(&mut self, _sentence: String) {}
}

/// Walks the directory `start`, which the rules have let through already.
pub fn walk(rules: &mut Rules, start: &Path, visitor: &mut impl Visitor) -> ControlFlow<()> {
    let mut waiting = vec![(start.to_path_buf(), 0)];
    while let Some((directory, depth)) = waiting.pop() {
        visitor.directory(&directory)?;
        let entries = match std::fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) => {
                // Gone since its parent was read: its own event tells.
                if error.kind() != ErrorKind::NotFound || directory == start {
                    visitor.problem(folder_sentence(&directory, &error));
                }
                continue;
            }
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    visitor.problem(folder_sentence(&directory, &error));
                    break;
                }
            };
            let Ok(kind) = entry.file_type() else { continue };
            if !kind.is_file() && !kind.is_dir() {
                if kind.is_symlink() {
                    visitor.skipped(&entry, false, SkipReason::Link);
                }
                continue;
            }
            if let Some(reason) = rules.refusal(&entry.path(), kind.is_dir()) {
                visitor.skipped(&entry, kind.is_dir(), reason);
                continue;
            }
            if kind.is_file() {
                visitor.file(&entry);
            } else if depth == DEEPEST {
                visitor
                    .problem(format!("the folder “{}” is nested too deeply and was left out", entry.path().display()));
            } else {
                waiting.push((entry.path(), depth + 1));
            }
        }
    }
    ControlFlow::Continue(())
}

/// The readable files at or below `path`, which lies at or below the source `root`; sorted. A source that is a file is as large as
/// it is.
pub fn list(
    root: &Path,
    path: &Path,
    is_readable: &dyn Fn(&Path) -> bool,
    chosen: Arc<Chosen>,
) -> (Vec<ListedFile>, Vec<String>) {
    let metadata = match if path == root { path.metadata() } else { path.symlink_metadata() } {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound && path != root => return Default::default(),
        Err(error) => return (Vec::new(), vec![folder_sentence(path, &error)]),
    };
    let largest = if path == root { u64::MAX } else { chosen.largest };
    let mut found = Found { is_readable, largest: chosen.largest, files: Vec::new(), problems: Vec::new() };
    let mut rules = Rules::new(root, chosen);
    if !rules.allow(path, metadata.is_dir()) {
        return Default::default();
    }
    if metadata.is_dir() {
        // It never breaks off: `Found` does not.
        let _ = walk(&mut rules, path, &mut found);
    } else if metadata.is_file() && is_readable(path) && metadata.len() <= largest {
        found.files.push(listed(path.to_path_buf(), &metadata));
    }
    found.files.sort_by(|a, b| a.path.cmp(&b.path));
    (found.files, found.problems)
}

/// What is left out of a source, by path, at most so much of it, and how much it is in all.
pub fn skipped(
    root: &Path,
    is_readable: &dyn Fn(&Path) -> bool,
    chosen: Arc<Chosen>,
    most: usize,
) -> (Vec<SkippedFile>, usize) {
    let mut skipped = Skipped { is_readable, largest: chosen.largest, files: Vec::new() };
    if root.is_dir() {
        // It never breaks off: `Skipped` does not.
        let _ = walk(&mut Rules::new(root, chosen), root, &mut skipped);
    }
    let mut files = skipped.files;
    let count = files.len();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files.truncate(most);
    (files, count)
}

struct Skipped<'a> {
    is_readable: &'a dyn Fn(&Path) -> bool,
    /// Bytes.
    largest: u64,
    files: Vec<SkippedFile>,
}

impl Visitor for Skipped<'_> {
    fn file(&mut self, entry: &DirEntry) {
        if !(self.is_readable)(&entry.path()) {
            self.skipped(entry, false, SkipReason::Type);
        } else if entry.metadata().is_ok_and(|metadata| metadata.len() > self.largest) {
            self.skipped(entry, false, SkipReason::Large);
        }
    }

    fn skipped(&mut self, entry: &DirEntry, is_folder: bool, reason: SkipReason) {
        self.files.push(SkippedFile { path: entry.path().to_string_lossy().into_owned(), is_folder, reason });
    }
}

struct Found<'a> {
    is_readable: &'a dyn Fn(&Path) -> bool,
    /// Bytes.
    largest: u64,
    files: Vec<ListedFile>,
    problems: Vec<String>,
}

impl Visitor for Found<'_> {
    fn file(&mut self, entry: &DirEntry) {
        let path = entry.path();
        if !(self.is_readable)(&path) {
            return;
        }
        match entry.metadata() {
            Ok(metadata) if metadata.len() > self.largest => {}
            Ok(metadata) => self.files.push(listed(path, &metadata)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => self.problem(format!("the file “{}” cannot be read: {}", path.display(), reason(&error))),
        }
    }

    fn problem(&mut self, sentence: String) {
        self.problems.push(sentence);
    }
}

fn listed(path: PathBuf, metadata: &Metadata) -> ListedFile {
    let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    ListedFile {
        path,
        size: metadata.len(),
        modified_at: Timestamp::try_from(modified).unwrap_or(Timestamp::UNIX_EPOCH),
        changed_at: changed_at(metadata),
    }
}

#[cfg(unix)]
fn changed_at(metadata: &Metadata) -> Option<Timestamp> {
    use std::os::unix::fs::MetadataExt;
    Timestamp::new(metadata.ctime(), i32::try_from(metadata.ctime_nsec()).ok()?).ok()
}

#[cfg(not(unix))]
fn changed_at(_metadata: &Metadata) -> Option<Timestamp> {
    None
}

/// What polling compares.
pub type Snapshot = HashMap<PathBuf, (u64, Timestamp, Option<Timestamp>)>;

pub fn snapshot(root: &Path, is_readable: &dyn Fn(&Path) -> bool, chosen: Arc<Chosen>) -> Snapshot {
    let mark = |file: &ListedFile| (file.size, file.modified_at, file.changed_at);
    list(root, root, is_readable, chosen).0.into_iter().map(|file| (file.path.clone(), mark(&file))).collect()
}

/// One plain sentence about a folder (or a single file that was added) that cannot be read.
pub fn folder_sentence(path: &Path, error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => {
            format!("“{}” is not there; it was moved, renamed or deleted, or its disk is not connected", path.display())
        }
        _ => format!("the folder “{}” cannot be read: {}", path.display(), reason(error)),
    }
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => "you do not have permission to open it".into(),
        ErrorKind::NotADirectory => "it is not a folder".into(),
        _ => format!("the system says “{error}”"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No file is small enough.
    fn nothing() -> Chosen {
        let mut chosen = Chosen::default();
        chosen.largest = 0;
        chosen
    }

    fn names(root: &Path, path: &Path) -> Vec<String> {
        let readable = |path: &Path| path.extension().is_some_and(|extension| extension == "md");
        let (files, problems) = list(root, path, &readable, Arc::default());
        assert_eq!(problems, Vec::<String>::new());
        files.iter().map(|file| file.path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/")).collect()
    }

    #[test]
    fn only_readable_files_that_the_rules_let_through_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for directory in ["sub/deep", ".hidden", "node_modules/x", "drafts"] {
            std::fs::create_dir_all(root.join(directory)).unwrap();
        }
        for file in [
            "b.md",
            "a.md",
            "a.bin",
            "sub/deep/笔记.md",
            ".hidden/c.md",
            "node_modules/x/d.md",
            "drafts/e.md",
            "sub/~$f.md",
        ] {
            std::fs::write(root.join(file), "12345").unwrap();
        }
        std::fs::write(root.join(".gitignore"), "drafts/\n").unwrap();
        assert_eq!(names(root, root), ["a.md", "b.md", "sub/deep/笔记.md"]);
        assert_eq!(names(root, &root.join("sub")), ["sub/deep/笔记.md"]);
        assert_eq!(names(root, &root.join("b.md")), ["b.md"]);
        assert_eq!(names(root, &root.join("drafts")), Vec::<String>::new());
        assert_eq!(names(root, &root.join("drafts/e.md")), Vec::<String>::new());
        assert_eq!(names(root, &root.join("gone.md")), Vec::<String>::new());
        let (files, _) = list(root, &root.join("a.md"), &|_| true, Arc::default());
        assert_eq!(files[0].size, 5);
        assert!(files[0].modified_at > Timestamp::UNIX_EPOCH);
    }

    #[test]
    fn what_is_left_out_is_named_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for directory in ["sub", ".hidden", "node_modules/x", "drafts"] {
            std::fs::create_dir_all(root.join(directory)).unwrap();
        }
        for file in ["a.md", "a.bin", "sub/b.bin", ".hidden/c.md", "drafts/e.md", "sub/~$f.md", "sub/.g.md"] {
            std::fs::write(root.join(file), "12345").unwrap();
        }
        std::fs::write(root.join(".gitignore"), "drafts/\n").unwrap();
        let readable = |path: &Path| path.extension().is_some_and(|extension| extension == "md");
        let (files, count) = skipped(root, &readable, Arc::default(), 100);
        let told: Vec<(String, bool, SkipReason)> = files
            .iter()
            .map(|file| {
                let below = Path::new(&file.path).strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                (below, file.is_folder, file.reason)
            })
            .collect();
        let entry = |path: &str, is_folder: bool, reason: SkipReason| (path.to_owned(), is_folder, reason);
        assert_eq!(
            told,
            [
                entry(".gitignore", false, SkipReason::Hidden),
                entry(".hidden", true, SkipReason::Hidden),
                entry("a.bin", false, SkipReason::Type),
                entry("drafts", true, SkipReason::Rule),
                entry("node_modules", true, SkipReason::BuildProduct),
                entry("sub/.g.md", false, SkipReason::Hidden),
                entry("sub/b.bin", false, SkipReason::Type),
                entry("sub/~$f.md", false, SkipReason::Temporary),
            ]
        );
        let (few, all) = skipped(root, &readable, Arc::default(), 3);
        assert_eq!((few.as_slice(), all, count), (&files[..3], 8, 8));
        let alone = skipped(&root.join("a.md"), &readable, Arc::default(), 3);
        assert_eq!(alone.1, 0, "a single file was chosen by itself");
        let chosen = nothing();
        std::fs::write(root.join("large.md"), "12345").unwrap();
        let (files, _) = skipped(root, &readable, Arc::new(chosen), 100);
        assert!(files.iter().any(|file| file.path.ends_with("large.md") && file.reason == SkipReason::Large));
    }

    #[test]
    fn a_single_file_is_its_own_source() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.md");
        std::fs::write(&file, "x").unwrap();
        std::fs::write(folder.path().join(".gitignore"), "*.md").unwrap();
        let (files, problems) = list(&file, &file, &|_| true, Arc::default());
        assert_eq!((files.len(), problems.len()), (1, 0));
        let chosen = nothing();
        assert_eq!(list(&file, &file, &|_| true, Arc::new(chosen)).0.len(), 1);
    }

    #[test]
    fn a_source_that_is_not_there_is_said() {
        let gone = Path::new("/no/such/folder");
        let (files, problems) = list(gone, gone, &|_| true, Arc::default());
        assert!(files.is_empty());
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains("/no/such/folder"), "{problems:?}");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (root, outside) = (folder.path().join("root"), folder.path().join("outside"));
        std::fs::create_dir(&root).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("secret.md"), "x").unwrap();
        std::os::unix::fs::symlink(&outside, root.join("link")).unwrap();
        std::os::unix::fs::symlink(outside.join("secret.md"), root.join("link.md")).unwrap();
        std::os::unix::fs::symlink(&root, root.join("loop")).unwrap();
        assert_eq!(names(&root, &root), Vec::<String>::new());
        assert_eq!(names(&root, &root.join("link.md")), Vec::<String>::new());
        assert_eq!(names(&root, &root.join("link")), Vec::<String>::new());
    }

    #[test]
    fn reasons_are_plain_words() {
        let denied = folder_sentence(Path::new("/a"), &ErrorKind::PermissionDenied.into());
        assert_eq!(denied, "the folder “/a” cannot be read: you do not have permission to open it");
        assert!(folder_sentence(Path::new("/a"), &ErrorKind::NotFound.into()).contains("not there"));
    }
}
