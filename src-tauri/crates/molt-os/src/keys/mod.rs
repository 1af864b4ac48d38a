//! The root key, and what opens it: the system's keyring, a passphrase, a recovery code, or a file beside the data.
//!
//! Owns the key file and every change of it, so that a program that ends at any moment leaves keys that open the data. It must not
//! know the database: whoever opens that tells with [`Vault::confirm`] which key fitted. Only the owner of the `DataLock` calls.

mod change;
mod code;
mod file;
mod keyring;
mod seal;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use change::Rotation;
pub use keyring::KEYRING_VARIABLE;
use keyring::Limited;
use zeroize::Zeroizing;

use crate::{
    DataDir, KeyError, StoreKey,
    files::sync_directory,
    key::{hex, random_bytes},
    write_private,
};
use file::{Generation, KeyFile, Slot};

// Subkeys of the root key. The texts are fixed for ever: another text is another key.
const DATABASE_CONTEXT: &str = "moltworker 2026-11-21 database";
const KEYRING_CONTEXT: &str = "moltworker 2026-11-21 slot keyring";
const FILE_CONTEXT: &str = "moltworker 2026-11-21 slot file";
const RECOVERY_CONTEXT: &str = "moltworker 2026-11-21 slot recovery";
const OLDER_DATABASE_CONTEXT: &str = "moltworker 2026-11-21 older database key";
const BRIDGE_CONTEXT: &str = "moltworker 2026-11-21 bridge of a rotation";

/// One root key that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySet {
    id: String,
    root: StoreKey,
    /// The database is older than the root key and has a key of its own.
    older_database: Option<StoreKey>,
}

impl KeySet {
    /// The key of the database. What can be made anew from the files of the user has keys of its own, which lie in the database: they
    /// stay when the root key is rotated.
    pub fn database(&self) -> StoreKey {
        self.older_database.clone().unwrap_or_else(|| self.root.derive(DATABASE_CONTEXT))
    }
}

/// What was opened: usually one set; two where a rotation did not end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    current: KeySet,
    pending: Option<KeySet>,
    /// From a version that kept the key of the database in a file: nothing is written before that key has opened the database.
    is_legacy: bool,
    /// Opened with the recovery code: whoever has that may choose another passphrase without knowing the one that was forgotten.
    is_recovered: bool,
}

impl Keys {
    /// Keys of an older version, which are not written down yet.
    pub fn is_legacy(&self) -> bool {
        self.is_legacy
    }

    /// The one that opened the database, where what was begun could not be finished.
    #[must_use]
    pub fn only(&self, opened: &KeySet) -> Self {
        Self { current: opened.clone(), pending: None, ..self.clone() }
    }

    pub fn is_recovered(&self) -> bool {
        self.is_recovered
    }

    /// A new passphrase was chosen: from now on it is asked for.
    #[must_use]
    pub fn with_passphrase(self) -> Self {
        Self { is_recovered: false, ..self }
    }

    /// One of them opens the database; usually the first.
    pub fn candidates(&self) -> impl Iterator<Item = &KeySet> {
        [&self.current].into_iter().chain(&self.pending)
    }
}

/// What a person has or knows.
pub enum Secret {
    Passphrase(Zeroizing<String>),
    RecoveryCode(Zeroizing<String>),
}

/// What opens the keys, as far as it can be told without opening them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Protection {
    /// Name of the system's keyring that holds a key.
    pub keyring: Option<String>,
    pub passphrase: bool,
    pub recovery: bool,
    /// The key lies in a file beside the data.
    pub file: bool,
    /// What opens them lay beside the data at some time, so that an old copy of the folder may still open it.
    pub exposed: bool,
}

/// Whether the keys could be had without asking anybody.
pub enum Opening {
    Open(Keys),
    /// Why the system's keyring or the file did not give them, where one should have: the end of a sentence.
    Locked {
        problem: Option<String>,
    },
}

/// The keys of a data directory. Calls block: on the disk, on the keyring, on stretching a passphrase.
pub struct Vault {
    data: DataDir,
    keyring: Option<Limited>,
    #[cfg(test)]
    fuse: tests::Fuse,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Vault").field(&self.data).finish()
    }
}

impl Vault {
    /// With this system's keyring, unless `MOLTWORKER_KEYRING` turns it off.
    pub fn new(data: DataDir) -> Self {
        Self::with(data, keyring::of_system())
    }

    fn with(data: DataDir, keyring: Option<Limited>) -> Self {
        Self {
            data,
            keyring,
            #[cfg(test)]
            fuse: tests::Fuse::default(),
        }
    }

    /// A change of the keys that others would see follows. Tests end the program before any of them.
    #[cfg_attr(not(test), allow(clippy::unused_self, clippy::unnecessary_wraps))]
    fn step(&self) -> Result<(), KeyError> {
        #[cfg(test)]
        self.fuse.burn()?;
        Ok(())
    }

    /// Opens the keys if nobody must be asked, and makes them where there are neither keys nor a database.
    ///
    /// With a database there, missing or damaged keys are an error and nothing is written: new keys would make the loss final.
    pub fn open(&self) -> Result<Opening, KeyError> {
        // A folder that cannot be looked into may well hold one.
        let has_database = self.data.database().try_exists().unwrap_or(true);
        match file::read(&self.data) {
            Ok(Some(file)) => self.open_by_itself(&file),
            Ok(None) if has_database => match self.file_key()? {
                Some(key) => Ok(Opening::Open(legacy(key)?)),
                None => Err(KeyError::Missing(file::main(&self.data))),
            },
            Err(error) if has_database || !matches!(error, KeyError::Damaged(_)) => Err(error),
            // The damaged ones are set aside when the new ones are written.
            Ok(None) | Err(_) => Ok(Opening::Open(self.create()?)),
        }
    }

    /// Opens the keys with what a person gave. Nothing is written.
    pub fn unlock(&self, secret: &Secret) -> Result<Keys, KeyError> {
        let file = self.file()?;
        let root = match secret {
            Secret::Passphrase(passphrase) => root_by_passphrase(&file.current, passphrase)?,
            Secret::RecoveryCode(code) => {
                let sealed = file.current.recovery().ok_or(KeyError::NoRecovery)?;
                let key = recovery_key(&*code::read(code)?);
                seal::unwrap(&key, &file.current.bound("recovery"), sealed).ok_or(KeyError::WrongCode)?
            }
        };
        let is_recovered = matches!(secret, Secret::RecoveryCode(_));
        Ok(Keys { is_recovered, ..self.assemble(&file, root)? })
    }

    /// What opens the keys.
    pub fn protection(&self) -> Result<Protection, KeyError> {
        let Some(file) = file::read(&self.data)? else { return Ok(Protection { file: true, ..Protection::default() }) };
        Ok(Protection {
            keyring: file.current.keyring().map(str::to_owned),
            passphrase: file.current.passphrase().is_some(),
            recovery: file.current.recovery().is_some(),
            file: file.current.has_file(),
            exposed: file.current.exposed,
        })
    }

    fn file(&self) -> Result<KeyFile, KeyError> {
        file::read(&self.data)?.ok_or_else(|| KeyError::Missing(file::main(&self.data)))
    }

    fn open_by_itself(&self, file: &KeyFile) -> Result<Opening, KeyError> {
        let mut problem = None;
        for slot in &file.current.slots {
            let root = match slot {
                Slot::Keyring { account, sealed, .. } => self.root_by_keyring(&file.current, account, sealed),
                Slot::File { sealed } => self.root_by_file(&file.current, sealed),
                Slot::Passphrase { .. } | Slot::Recovery { .. } => continue,
            };
            match root {
                Ok(root) => return Ok(Opening::Open(self.assemble(file, root)?)),
                Err(error) => problem = Some(error),
            }
        }
        match problem {
            // Nobody can be asked for anything that would help.
            Some(error) if file.current.slots.iter().all(|slot| matches!(slot, Slot::File { .. })) => Err(error),
            problem => Ok(Opening::Locked { problem: problem.map(|error| error.to_string()) }),
        }
    }

    fn root_by_keyring(&self, generation: &Generation, account: &str, sealed: &str) -> Result<StoreKey, KeyError> {
        let keyring = self.keyring.as_ref().ok_or_else(|| KeyError::Keyring("it is turned off".into()))?;
        let secret = keyring.get(account).map_err(KeyError::Keyring)?.map(Zeroizing::new);
        let secret = secret.ok_or_else(|| KeyError::Keyring("it does not hold the key of this data".into()))?;
        StoreKey::from_slice(&secret)
            .and_then(|key| seal::unwrap(&key.derive(KEYRING_CONTEXT), &generation.bound("keyring"), sealed))
            .ok_or_else(|| KeyError::Keyring("it holds another key than that of this data".into()))
    }

    fn root_by_file(&self, generation: &Generation, sealed: &str) -> Result<StoreKey, KeyError> {
        let path = self.data.key_file();
        let key = self.file_key()?.ok_or_else(|| KeyError::Missing(path.clone()))?;
        seal::unwrap(&key.derive(FILE_CONTEXT), &generation.bound("file"), sealed).ok_or(KeyError::Damaged(path))
    }

    /// The key in the file beside the data.
    fn file_key(&self) -> Result<Option<StoreKey>, KeyError> {
        let path = self.data.key_file();
        match std::fs::read(&path).map(Zeroizing::new) {
            Ok(content) => {
                let key = StoreKey::parse(&content).ok_or_else(|| KeyError::Damaged(path.clone()))?;
                make_private(&path).map_err(|source| KeyError::Io { path, source })?;
                Ok(Some(key))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(KeyError::Io { path, source }),
        }
    }

    fn assemble(&self, file: &KeyFile, root: StoreKey) -> Result<Keys, KeyError> {
        let damaged = || KeyError::Damaged(file::main(&self.data));
        let current = key_set(&file.current, root).ok_or_else(damaged)?;
        let pending = match &file.pending {
            Some(pending) => {
                let bound = pending.generation.bound("bridge");
                let root = seal::unwrap(&current.root.derive(BRIDGE_CONTEXT), &bound, &pending.bridge);
                Some(root.and_then(|root| key_set(&pending.generation, root)).ok_or_else(damaged)?)
            }
            None => None,
        };
        Ok(Keys { current, pending, is_legacy: false, is_recovered: false })
    }

    fn create(&self) -> Result<Keys, KeyError> {
        let current = KeySet { id: new_id()?, root: StoreKey::random()?, older_database: None };
        let mut generation = Generation { id: current.id.clone(), exposed: false, database: None, slots: Vec::new() };
        self.add_slot_without_asking(&mut generation, &current.root)?;
        self.write(&KeyFile::new(generation))?;
        Ok(Keys { current, pending: None, is_legacy: false, is_recovered: false })
    }

    /// A slot that opens without a person: in the system's keyring, else by the file beside the data.
    fn add_slot_without_asking(&self, generation: &mut Generation, root: &StoreKey) -> Result<(), KeyError> {
        let slot = match self.keyring_slot(generation, root) {
            Ok(slot) => slot,
            Err(error) => {
                tracing::info!(%error, "the key is kept beside the data");
                generation.exposed = true;
                self.file_slot(generation, root)?
            }
        };
        generation.slots.push(slot);
        Ok(())
    }

    /// The keyring must give back what it was given before anything relies on it.
    fn keyring_slot(&self, generation: &Generation, root: &StoreKey) -> Result<Slot, KeyError> {
        let keyring = self.keyring.as_ref().ok_or_else(|| KeyError::Keyring("it is turned off".into()))?;
        let (key, account) = (StoreKey::random()?, new_id()?);
        self.step()?;
        keyring.set(&account, key.as_bytes()).map_err(KeyError::Keyring)?;
        let kept = keyring.get(&account).map_err(KeyError::Keyring)?.map(Zeroizing::new);
        if kept.is_none_or(|kept| kept.as_slice() != key.as_bytes()) {
            return Err(KeyError::Keyring("it did not keep what it was given".into()));
        }
        let sealed = seal::wrap(&key.derive(KEYRING_CONTEXT), &generation.bound("keyring"), root)?;
        Ok(Slot::Keyring { backend: keyring.name().to_owned(), account, sealed })
    }

    /// The file that is there is used; a damaged one is set aside.
    fn file_slot(&self, generation: &Generation, root: &StoreKey) -> Result<Slot, KeyError> {
        let path = self.data.key_file();
        let failed = |source| KeyError::Io { path: path.clone(), source };
        let known = match self.file_key() {
            Err(KeyError::Damaged(_)) => {
                file::set_aside(&path).map_err(failed)?;
                None
            }
            other => other?,
        };
        let key = match known {
            Some(key) => key,
            None => {
                let key = StoreKey::random()?;
                self.step()?;
                write_private(&path, key.to_hex().as_bytes()).map_err(failed)?;
                key
            }
        };
        Ok(Slot::File { sealed: seal::wrap(&key.derive(FILE_CONTEXT), &generation.bound("file"), root)? })
    }

    /// The file first: where the program ends between the two, the copy is only an old one.
    fn write(&self, keys: &KeyFile) -> Result<(), KeyError> {
        for path in [file::main(&self.data), file::copy(&self.data)] {
            self.step()?;
            file::write(&path, keys)?;
        }
        Ok(())
    }

    fn remove_key_file(&self) -> Result<(), KeyError> {
        let path = self.data.key_file();
        let failed = |source| KeyError::Io { path: path.clone(), source };
        if !path.exists() {
            return Ok(());
        }
        self.step()?;
        std::fs::remove_file(&path).map_err(failed)?;
        sync_directory(self.data.root()).map_err(failed)
    }

    /// A key that nothing needs any more. One that stays behind opens nothing.
    fn forget_in_keyring(&self, generation: &Generation) -> Result<(), KeyError> {
        for account in generation.accounts() {
            self.step()?;
            if let Some(Err(error)) = self.keyring.as_ref().map(|keyring| keyring.delete(account)) {
                tracing::warn!(error, "an old key stays in the system's keyring");
            }
        }
        Ok(())
    }
}

fn legacy(database: StoreKey) -> Result<Keys, KeyError> {
    let current = KeySet { id: new_id()?, root: StoreKey::random()?, older_database: Some(database) };
    Ok(Keys { current, pending: None, is_legacy: true, is_recovered: false })
}

fn key_set(generation: &Generation, root: StoreKey) -> Option<KeySet> {
    let older_database = match &generation.database {
        Some(sealed) => {
            Some(seal::unwrap(&root.derive(OLDER_DATABASE_CONTEXT), &generation.bound("database"), sealed)?)
        }
        None => None,
    };
    Some(KeySet { id: generation.id.clone(), root, older_database })
}

fn root_by_passphrase(generation: &Generation, passphrase: &str) -> Result<StoreKey, KeyError> {
    let (stretching, sealed) = generation.passphrase().ok_or(KeyError::NoPassphrase)?;
    let key = stretching.key(passphrase).ok_or(KeyError::WrongPassphrase)?;
    seal::unwrap(&key, &passphrase_bound(generation, stretching), sealed).ok_or(KeyError::WrongPassphrase)
}

fn passphrase_bound(generation: &Generation, stretching: &seal::Stretching) -> String {
    generation.bound(&format!("passphrase, {}", stretching.describe()))
}

fn recovery_key(code: &[u8]) -> StoreKey {
    StoreKey::new(blake3::derive_key(RECOVERY_CONTEXT, code))
}

fn new_id() -> Result<String, KeyError> {
    Ok(hex(&random_bytes::<16>().map_err(KeyError::Random)?))
}

/// Takes the rights of others away, for example after a restore from a backup that lost the mode.
fn make_private(path: &PathBuf) -> std::io::Result<()> {
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
