//! Where Moltworker keeps its data, and the names of what lies there.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// Environment variable that names another data directory.
pub const DATA_VARIABLE: &str = "MOLTWORKER_DATA";

/// The text is one plain sentence for people.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    #[error("there is no home folder to keep the data in; set {DATA_VARIABLE} to a folder of your choice")]
    NoHome,
    #[error("the data folder {} cannot be used: {source}; check that it exists and belongs to you, or set {DATA_VARIABLE} to another folder", path.display())]
    Unusable { path: PathBuf, source: std::io::Error },
}

/// The data directory. Cheap to clone; making one touches no disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDir {
    root: PathBuf,
}

impl DataDir {
    /// The directory that the environment and the platform's custom say: `MOLTWORKER_DATA` when set, else
    /// `$XDG_DATA_HOME/moltworker` (Linux), `~/Library/Application Support/Moltworker` (macOS), `%LOCALAPPDATA%\Moltworker` (Windows).
    pub fn locate() -> Result<Self, DataDirError> {
        let root = locate_with(std::env::consts::OS, |name| std::env::var_os(name)).ok_or(DataDirError::NoHome)?;
        let root = std::path::absolute(&root).map_err(|source| DataDirError::Unusable { path: root, source })?;
        Ok(Self { root })
    }

    /// A directory of the caller's choice.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Makes the directory, readable by its owner only. One that exists keeps its mode: it may be the user's own choice.
    pub fn create(&self) -> Result<(), DataDirError> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.root).map_err(|source| DataDirError::Unusable { path: self.root.clone(), source })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The SQLite database.
    pub fn database(&self) -> PathBuf {
        self.root.join("moltworker.db")
    }

    /// Copies of the database, encrypted as it is.
    pub fn backups(&self) -> PathBuf {
        self.root.join("backups")
    }

    /// The folder of the search index; it can be deleted and rebuilt.
    pub fn index(&self) -> PathBuf {
        self.root.join("index")
    }

    /// Models that the program downloaded or copied.
    pub fn models(&self) -> PathBuf {
        self.root.join("models")
    }

    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// A key in a file of its own, where neither keyring nor passphrase guards the keys, see `Vault`. Older versions kept the key of
    /// the database itself in it.
    pub fn key_file(&self) -> PathBuf {
        self.root.join("store.key")
    }

    pub(crate) fn lock_file(&self) -> PathBuf {
        self.root.join("owner.lock")
    }

    /// How to reach the process that owns the directory, see `Owner`.
    pub fn owner_file(&self) -> PathBuf {
        self.root.join("owner.json")
    }
}

/// `os` as in `std::env::consts::OS`, so that every platform's rule is tested on each.
fn locate_with(os: &str, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let variable = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(chosen) = variable(DATA_VARIABLE) {
        return Some(chosen);
    }
    match os {
        "windows" => Some(
            variable("LOCALAPPDATA")
                .or_else(|| Some(variable("USERPROFILE")?.join("AppData").join("Local")))?
                .join("Moltworker"),
        ),
        "macos" => Some(variable("HOME")?.join("Library/Application Support/Moltworker")),
        // The specification says that a relative path in the variable must be ignored.
        _ => Some(
            variable("XDG_DATA_HOME")
                .filter(|path| path.is_absolute())
                .or_else(|| Some(variable("HOME")?.join(".local/share")))?
                .join("moltworker"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locate(os: &str, variables: &[(&str, &str)]) -> Option<PathBuf> {
        locate_with(os, |name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn each_platform_has_its_place() {
        assert_eq!(locate("linux", &[("HOME", "/home/a")]), Some("/home/a/.local/share/moltworker".into()));
        assert_eq!(locate("linux", &[("HOME", "/home/a"), ("XDG_DATA_HOME", "/d")]), Some("/d/moltworker".into()));
        assert_eq!(
            locate("linux", &[("HOME", "/home/a"), ("XDG_DATA_HOME", "d")]),
            Some("/home/a/.local/share/moltworker".into())
        );
        assert_eq!(
            locate("macos", &[("HOME", "/Users/a")]),
            Some("/Users/a/Library/Application Support/Moltworker".into())
        );
        assert_eq!(locate("windows", &[("LOCALAPPDATA", "L")]), Some(Path::new("L").join("Moltworker")));
        assert_eq!(locate("linux", &[]), None);
    }

    #[test]
    fn the_variable_goes_first_and_an_empty_one_does_not_count() {
        for os in ["linux", "macos", "windows"] {
            assert_eq!(
                locate(os, &[("HOME", "/h"), ("LOCALAPPDATA", "L"), (DATA_VARIABLE, "/mine")]),
                Some("/mine".into())
            );
        }
        assert_eq!(locate("linux", &[("HOME", "/h"), (DATA_VARIABLE, "")]), Some("/h/.local/share/moltworker".into()));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        std::fs::write(&file, "x").unwrap();
        let error = DataDir::at(file.join("data")).create().unwrap_err();
        assert!(error.to_string().contains("file"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_new_folder_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let data = DataDir::at(home.path().join("a/b"));
        data.create().unwrap();
        data.create().unwrap();
        assert_eq!(std::fs::metadata(data.root()).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
