//! A watcher that tells nothing by itself.

use super::*;

/// Lists real directories, in the order of names.
pub struct Lister;

fn files_below(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(path) else { return vec![path.to_owned()] };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().flat_map(|path| files_below(path)).collect()
}

impl Watcher for Lister {
    fn watch(&self, _path: &Path) -> Result<(), String> {
        Ok(())
    }

    fn unwatch(&self, _path: &Path) {}

    fn list(&self, path: &Path) -> (Vec<ListedFile>, Vec<String>) {
        let listed = |path: PathBuf| {
            let metadata = path.metadata().ok()?;
            let modified_at = Timestamp::try_from(metadata.modified().ok()?).ok()?;
            #[cfg(unix)]
            let changed_at = {
                use std::os::unix::fs::MetadataExt;
                Timestamp::new(metadata.ctime(), i32::try_from(metadata.ctime_nsec()).ok()?).ok()
            };
            #[cfg(not(unix))]
            let changed_at = None;
            Some(ListedFile { path, size: metadata.len(), modified_at, changed_at })
        };
        (files_below(path).into_iter().filter_map(listed).collect(), Vec::new())
    }

    fn set_rules(&self, _rules: &LibraryRules) -> Result<(), String> {
        Ok(())
    }
}
