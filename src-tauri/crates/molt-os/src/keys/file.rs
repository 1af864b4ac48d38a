//! The key file: wrapped copies of the root key, in two copies of the same content.
//!
//! Owns the format and what makes it durable. It holds nothing that opens the data without a secret from elsewhere.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{KeyError, seal::Stretching};
use crate::{DataDir, key::hex, write_private};

const VERSION: u32 = 1;

/// Everything the file says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    version: u32,
    pub current: Generation,
    /// The keys that a rotation puts in place of the current ones; the database may already be theirs.
    pub pending: Option<Pending>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    pub generation: Generation,
    /// Its root key wrapped by the current one, so that every secret that opens the current keys opens these too.
    pub bridge: String,
}

/// One root key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// Random, hexadecimal.
    pub id: String,
    /// What opens it lay beside the data at some time.
    pub exposed: bool,
    /// The key of a database that is older than its root key, wrapped by the root key.
    pub database: Option<String>,
    pub slots: Vec<Slot>,
}

/// The root key, wrapped by something that somebody has or knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Slot {
    /// By a random key in the system's keyring. Each attempt to put one there has an account of its own: one that hung may still
    /// succeed long after another took its place.
    Keyring {
        backend: String,
        account: String,
        sealed: String,
    },
    Passphrase {
        stretching: Stretching,
        sealed: String,
    },
    Recovery {
        sealed: String,
    },
    /// By a random key in a file beside this one.
    File {
        sealed: String,
    },
}

impl Generation {
    /// What is bound to a wrapped key: it cannot be put into another slot, another generation or another version.
    pub fn bound(&self, kind: &str) -> String {
        format!("moltworker keys v{VERSION}, {kind}, {}", self.id)
    }

    pub fn has_file(&self) -> bool {
        self.slots.iter().any(|slot| matches!(slot, Slot::File { .. }))
    }

    pub fn keyring(&self) -> Option<&str> {
        self.slots.iter().find_map(|slot| match slot {
            Slot::Keyring { backend, .. } => Some(backend.as_str()),
            _ => None,
        })
    }

    /// What the keyring holds for it.
    pub fn accounts(&self) -> impl Iterator<Item = &String> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Keyring { account, .. } => Some(account),
            _ => None,
        })
    }

    pub fn passphrase(&self) -> Option<(&Stretching, &str)> {
        self.slots.iter().find_map(|slot| match slot {
            Slot::Passphrase { stretching, sealed } => Some((stretching, sealed.as_str())),
            _ => None,
        })
    }

    pub fn recovery(&self) -> Option<&str> {
        self.slots.iter().find_map(|slot| match slot {
            Slot::Recovery { sealed } => Some(sealed.as_str()),
            _ => None,
        })
    }
}

/// The content with its checksum, which tells decay of the disk in slots that are needed only years later. It is no seal: who may
/// write the file can compute it, and the wrapped keys guard themselves.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checked<'a> {
    checksum: String,
    #[serde(borrow)]
    keys: &'a RawValue,
}

impl KeyFile {
    pub fn new(current: Generation) -> Self {
        Self { version: VERSION, current, pending: None }
    }

    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let keys = serde_json::value::to_raw_value(self)?;
        let checksum = hex(blake3::hash(keys.get().as_bytes()).as_bytes());
        serde_json::to_vec(&Checked { checksum, keys: &keys })
    }

    fn parse(content: &[u8], path: &Path) -> Result<Self, KeyError> {
        let damaged = || KeyError::Damaged(path.to_owned());
        let text = std::str::from_utf8(content).map_err(|_| damaged())?;
        let checked: Checked<'_> = serde_json::from_str(text).map_err(|_| damaged())?;
        if checked.checksum != hex(blake3::hash(checked.keys.get().as_bytes()).as_bytes()) {
            return Err(damaged());
        }
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let found: Versioned = serde_json::from_str(checked.keys.get()).map_err(|_| damaged())?;
        if found.version > VERSION {
            return Err(KeyError::Newer(path.to_owned()));
        }
        let keys: Self = serde_json::from_str(checked.keys.get()).map_err(|_| damaged())?;
        let pending = keys.pending.iter().map(|pending| &pending.generation);
        for (stretching, _) in [&keys.current].into_iter().chain(pending).filter_map(Generation::passphrase) {
            if !stretching.is_acceptable() {
                return Err(KeyError::Weakened(path.to_owned()));
            }
        }
        Ok(keys)
    }
}

pub fn main(data: &DataDir) -> PathBuf {
    data.root().join("keys.json")
}

pub fn copy(data: &DataDir) -> PathBuf {
    data.root().join("keys.copy.json")
}

/// The key file, or its copy where the file itself is missing or damaged. Writes nothing. None when there is neither.
pub fn read(data: &DataDir) -> Result<Option<KeyFile>, KeyError> {
    let failed = match read_one(&main(data)) {
        Ok(Some(keys)) => return Ok(Some(keys)),
        Ok(None) => None,
        Err(error @ KeyError::Damaged(_)) => Some(error),
        Err(error) => return Err(error),
    };
    match (read_one(&copy(data)), failed) {
        (Ok(Some(keys)), failed) => {
            tracing::warn!(problem = ?failed, "the key file was missing or damaged; its copy is used");
            Ok(Some(keys))
        }
        (Ok(None), None) => Ok(None),
        (_, Some(failed)) => Err(failed),
        (Err(error), None) => Err(error),
    }
}

fn read_one(path: &Path) -> Result<Option<KeyFile>, KeyError> {
    match std::fs::read(path) {
        Ok(content) => KeyFile::parse(&content, path).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(KeyError::Io { path: path.to_owned(), source }),
    }
}

/// Writes one of the two copies durably, unless it holds this already. One that was damaged is set aside.
pub fn write(path: &Path, keys: &KeyFile) -> Result<(), KeyError> {
    let failed = |source| KeyError::Io { path: path.to_owned(), source };
    let content = keys.to_bytes().map_err(|error| failed(error.into()))?;
    if std::fs::read(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    if matches!(read_one(path), Err(KeyError::Damaged(_))) {
        set_aside(path).map_err(failed)?;
    }
    write_private(path, &content).map_err(failed)
}

/// Nothing is deleted in recovery: the file gets the first free name.
pub fn set_aside(path: &Path) -> std::io::Result<()> {
    let free =
        (1..).map(|number| path.with_extension(format!("damaged-{number}"))).find(|candidate| !candidate.exists());
    std::fs::rename(path, free.unwrap_or_else(|| path.with_extension("damaged")))
}
