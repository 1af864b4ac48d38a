//! What a process that was killed leaves in the store's folder, and flushing of folders.

use std::{ffi::OsStr, fs, io, path::Path};

/// Removes staged files (`name#N`, see `LocalFileSystem`) and temporary files (`.tmp…`) below `root`; returns how many.
/// They were never published, so nothing refers to them. Only the one owner of the folder may call it, before it
/// writes. Blocks.
pub(crate) fn sweep(root: &Path) -> io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            removed += sweep(&entry.path())?;
        } else if kind.is_file() && is_leftover(&entry.file_name()) {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn is_leftover(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let staged = name.split_once('#').is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    staged || name.starts_with(".tmp")
}

/// Makes the names in a folder durable. Windows has no such call for folders, and its file systems journal names.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
