//! The key of the encrypted store, in a file that only its owner can read, and random tokens.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
};

use crate::{
    DataDir,
    files::{create_private, sync_directory},
};

/// Bytes.
const KEY_LENGTH: usize = 32;

/// The text is one plain sentence for people.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the key file {} is missing, and without it the stored chats and tasks cannot be opened; put it back from a backup, or move the data folder away to start anew", .0.display())]
    Missing(PathBuf),
    #[error("the key file {} is damaged, and without it the stored chats and tasks cannot be opened; put it back from a backup, or move the data folder away to start anew", .0.display())]
    Damaged(PathBuf),
    #[error("the key file {} cannot be used: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("the system gave no random numbers, so no key could be made: {0}")]
    Random(String),
}

/// The key of the store. It never shows its bytes in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreKey([u8; KEY_LENGTH]);

impl StoreKey {
    /// Reads the key of a data directory, or makes it when there is neither a key nor a database.
    ///
    /// With a database there, a missing or damaged key is an error and nothing is written: a new key would make the loss final.
    /// Without one, a damaged key file (the program ended while it was being written) is set aside and a new key made.
    /// The caller holds the `DataLock`.
    pub fn load_or_create(data: &DataDir) -> Result<Self, KeyError> {
        let path = data.key_file();
        let database_exists = data.database().exists();
        let failed = |source| KeyError::Io { path: path.clone(), source };
        match std::fs::read(&path) {
            Ok(content) => match parse(&content) {
                Some(key) => {
                    make_private(&path).map_err(failed)?;
                    return Ok(key);
                }
                None if database_exists => return Err(KeyError::Damaged(path)),
                None => set_aside(&path).map_err(failed)?,
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if database_exists {
                    return Err(KeyError::Missing(path));
                }
            }
            Err(error) => return Err(failed(error)),
        }
        let key = Self(random_bytes().map_err(KeyError::Random)?);
        let mut file = create_private(&path).map_err(failed)?;
        file.write_all(key.to_hex().as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        sync_directory(data.root()).map_err(failed)?;
        Ok(key)
    }

    pub fn as_bytes(&self) -> &[u8; KEY_LENGTH] {
        &self.0
    }

    /// 64 lower-case hexadecimal digits.
    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }
}

impl std::fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreKey(…)")
    }
}

/// 64 random hexadecimal digits, for the local interface's token. The error is a sentence.
pub fn random_token() -> Result<String, String> {
    Ok(hex(&random_bytes()?))
}

fn random_bytes() -> Result<[u8; KEY_LENGTH], String> {
    let mut bytes = [0; KEY_LENGTH];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn parse(content: &[u8]) -> Option<StoreKey> {
    let text = std::str::from_utf8(content).ok()?.trim();
    if text.len() != KEY_LENGTH * 2 || !text.is_ascii() {
        return None;
    }
    let mut key = [0; KEY_LENGTH];
    for (index, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(StoreKey(key))
}

/// Takes the rights of others away, for example after a restore from a backup that lost the mode.
fn make_private(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if std::fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
            tracing::warn!(path = %path.display(), "the key file was open to others; it is private again");
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Nothing is deleted in recovery: the file gets the first free name.
fn set_aside(path: &Path) -> std::io::Result<()> {
    let free =
        (1..).map(|number| path.with_extension(format!("damaged-{number}"))).find(|candidate| !candidate.exists());
    std::fs::rename(path, free.unwrap_or_else(|| path.with_extension("damaged")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> (tempfile::TempDir, DataDir) {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::at(folder.path());
        (folder, data)
    }

    #[test]
    fn a_key_is_made_once_and_stays() {
        let (_folder, data) = data();
        let first = StoreKey::load_or_create(&data).unwrap();
        std::fs::write(data.database(), "db").unwrap();
        assert_eq!(StoreKey::load_or_create(&data).unwrap(), first);
        assert_eq!(first.to_hex().len(), 64);
        let (_other_folder, other) = self::data();
        assert_ne!(StoreKey::load_or_create(&other).unwrap(), first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&data.key_file()), 0o600);
            std::fs::set_permissions(data.key_file(), std::fs::Permissions::from_mode(0o644)).unwrap();
            StoreKey::load_or_create(&data).unwrap();
            assert_eq!(mode(&data.key_file()), 0o600);
        }
    }

    #[test]
    fn no_new_key_is_made_beside_a_database() {
        let (_folder, data) = data();
        std::fs::write(data.database(), "db").unwrap();
        assert!(matches!(StoreKey::load_or_create(&data), Err(KeyError::Missing(_))));
        assert!(!data.key_file().exists());
        std::fs::write(data.key_file(), "abc").unwrap();
        assert!(matches!(StoreKey::load_or_create(&data), Err(KeyError::Damaged(_))));
        assert_eq!(std::fs::read(data.key_file()).unwrap(), b"abc");
    }

    #[test]
    fn a_half_written_key_without_a_database_is_set_aside() {
        let (folder, data) = data();
        std::fs::write(data.key_file(), "0123").unwrap();
        let key = StoreKey::load_or_create(&data).unwrap();
        assert_eq!(StoreKey::load_or_create(&data).unwrap(), key);
        assert_eq!(std::fs::read(folder.path().join("store.damaged-1")).unwrap(), b"0123");
    }

    #[test]
    fn the_key_is_not_printed() {
        let key = StoreKey([0xab; KEY_LENGTH]);
        assert!(!format!("{key:?}").contains("ab"));
        assert_eq!(key.to_hex(), "ab".repeat(32));
        assert_eq!(parse(format!("{}\n", key.to_hex()).as_bytes()), Some(key));
        assert_eq!(parse("zz".repeat(32).as_bytes()), None);
        assert_ne!(random_token().unwrap(), random_token().unwrap());
    }
}
