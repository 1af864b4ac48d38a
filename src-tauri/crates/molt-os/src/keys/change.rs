//! Changing what opens the keys, and the keys themselves.
//!
//! Every change is one new key file; what it makes needless goes afterwards. `confirm` finishes at the next start what was broken
//! off, so each of these may end at any of its steps.

use zeroize::Zeroizing;

use super::{
    BRIDGE_CONTEXT, KeyError, KeySet, Keys, OLDER_DATABASE_CONTEXT, Opening, Vault, code,
    file::{self, Generation, KeyFile, Pending, Slot},
    key_set, new_id, passphrase_bound, recovery_key, root_by_passphrase,
    seal::{self, Stretching},
};
use crate::{
    StoreKey,
    key::{MAX_PASSPHRASE, MIN_PASSPHRASE},
};

/// New keys that are written down and not used yet.
pub struct Rotation {
    /// Both the old keys and the new ones.
    pub keys: Keys,
    /// Takes the place of the old one, which opens nothing when the rotation has ended.
    pub recovery_code: Option<Zeroizing<String>>,
}

impl Rotation {
    pub fn new_keys(&self) -> &KeySet {
        self.keys.pending.as_ref().unwrap_or(&self.keys.current)
    }
}

impl Vault {
    /// Says that `opened` opened the database. What was begun is finished: the keys of an older version get their slots, a
    /// rotation ends, a file that no slot needs goes.
    pub fn confirm(&self, keys: &Keys, opened: &KeySet) -> Result<Keys, KeyError> {
        let mut file = if keys.is_legacy { self.adopt(&keys.current)? } else { self.file()? };
        let mut forgotten = None;
        if let Some(pending) = file.pending.take() {
            forgotten = Some(if pending.generation.id == opened.id {
                std::mem::replace(&mut file.current, pending.generation)
            } else {
                pending.generation
            });
        }
        // Also restores a copy that is missing, old or damaged.
        self.write(&file)?;
        if let Some(generation) = forgotten {
            self.forget_in_keyring(&generation)?;
        }
        if !file.current.has_file() {
            self.remove_key_file()?;
        }
        Ok(Keys { current: opened.clone(), pending: None, is_legacy: false, is_recovered: keys.is_recovered })
    }

    /// Writes slots for the key of a database that an older version made, and proves that they open.
    fn adopt(&self, keys: &KeySet) -> Result<KeyFile, KeyError> {
        let mut generation = Generation { id: keys.id.clone(), exposed: true, database: None, slots: Vec::new() };
        if let Some(database) = &keys.older_database {
            let key = keys.root.derive(OLDER_DATABASE_CONTEXT);
            generation.database = Some(seal::wrap(&key, &generation.bound("database"), database)?);
        }
        self.add_slot_without_asking(&mut generation, &keys.root)?;
        let file = KeyFile::new(generation);
        self.write(&file)?;
        match self.open_by_itself(&self.file()?)? {
            Opening::Open(read) if &read.current == keys => Ok(file),
            _ => Err(KeyError::Damaged(file::main(&self.data))),
        }
    }

    /// Sets the passphrase or changes it. `asks_at_start`: it is needed at every start; otherwise the system's keyring, where it
    /// holds a key, still opens the data without it.
    pub fn set_passphrase(
        &self,
        keys: &Keys,
        old: Option<&str>,
        new: &str,
        asks_at_start: bool,
    ) -> Result<(), KeyError> {
        if new.chars().count() < MIN_PASSPHRASE {
            return Err(KeyError::ShortPassphrase);
        }
        if new.len() > MAX_PASSPHRASE {
            return Err(KeyError::LongPassphrase);
        }
        let mut file = self.authorized(keys, old)?;
        let before = file.current.clone();
        let slot = passphrase_slot(&file.current, &keys.current.root, new)?;
        file.current.slots.retain(|slot| match slot {
            Slot::Passphrase { .. } | Slot::File { .. } => false,
            Slot::Keyring { .. } => !asks_at_start,
            Slot::Recovery { .. } => true,
        });
        file.current.slots.push(slot);
        self.write(&file)?;
        if asks_at_start {
            self.forget_in_keyring(&before)?;
        }
        self.remove_key_file()
    }

    /// From then on the data opens without asking: by the system's keyring, else by a file beside it.
    pub fn remove_passphrase(&self, keys: &Keys, passphrase: Option<&str>) -> Result<(), KeyError> {
        let mut file = self.authorized(keys, passphrase)?;
        if file.current.passphrase().is_none() {
            return Err(KeyError::NoPassphrase);
        }
        file.current.slots.retain(|slot| !matches!(slot, Slot::Passphrase { .. }));
        // A keyring that lost its key would leave nothing that opens the data.
        let before = file.current.clone();
        if !matches!(self.open_by_itself(&file), Ok(Opening::Open(_))) {
            file.current.slots.retain(|slot| !matches!(slot, Slot::Keyring { .. } | Slot::File { .. }));
            self.add_slot_without_asking(&mut file.current, &keys.current.root)?;
            self.write(&file)?;
            return self.forget_in_keyring(&before);
        }
        self.write(&file)
    }

    /// Keeps a key in the system's keyring, instead of in a file beside the data.
    pub fn use_keyring(&self, keys: &Keys, passphrase: Option<&str>) -> Result<(), KeyError> {
        let mut file = self.authorized(keys, passphrase)?;
        let before = file.current.clone();
        let slot = self.keyring_slot(&file.current, &keys.current.root)?;
        file.current.slots.retain(|slot| !matches!(slot, Slot::Keyring { .. } | Slot::File { .. }));
        file.current.slots.push(slot);
        self.write(&file)?;
        self.forget_in_keyring(&before)?;
        self.remove_key_file()
    }

    /// Makes a recovery code; the one before opens nothing any more.
    pub fn new_recovery_code(&self, keys: &Keys, passphrase: Option<&str>) -> Result<Zeroizing<String>, KeyError> {
        let mut file = self.authorized(keys, passphrase)?;
        let (slot, text) = recovery_slot(&file.current, &keys.current.root)?;
        file.current.slots.retain(|slot| !matches!(slot, Slot::Recovery { .. }));
        file.current.slots.push(slot);
        self.write(&file)?;
        Ok(text)
    }

    /// Writes down new keys beside the current ones. The caller then gives the database its new key, and says so with `confirm`.
    /// Whatever opens the current keys opens the new ones until then.
    pub fn begin_rotation(&self, keys: &Keys, passphrase: Option<&str>) -> Result<Rotation, KeyError> {
        let mut file = self.authorized(keys, passphrase)?;
        let root = StoreKey::random()?;
        let mut generation = Generation { id: new_id()?, exposed: false, database: None, slots: Vec::new() };
        let mut recovery_code = None;
        for slot in &file.current.slots {
            let slot = match (slot, passphrase) {
                (Slot::Keyring { .. }, _) => self.keyring_slot(&generation, &root)?,
                // Also after the recovery code: what is typed here is the passphrase from then on, so it must be the one that was.
                (Slot::Passphrase { .. }, Some(passphrase))
                    if root_by_passphrase(&file.current, passphrase)? == keys.current.root =>
                {
                    passphrase_slot(&generation, &root, passphrase)?
                }
                (Slot::Passphrase { .. }, _) => return Err(KeyError::WrongPassphrase),
                (Slot::Recovery { .. }, _) => {
                    let (slot, text) = recovery_slot(&generation, &root)?;
                    recovery_code = Some(text);
                    slot
                }
                (Slot::File { .. }, _) => {
                    generation.exposed = true;
                    self.file_slot(&generation, &root)?
                }
            };
            generation.slots.push(slot);
        }
        let bridge = seal::wrap(&keys.current.root.derive(BRIDGE_CONTEXT), &generation.bound("bridge"), &root)?;
        let pending = key_set(&generation, root);
        file.pending = Some(Pending { generation, bridge });
        self.write(&file)?;
        Ok(Rotation { keys: Keys { pending, ..keys.clone() }, recovery_code })
    }

    /// The key file, for someone who holds these keys and knows the passphrase where one is set.
    fn authorized(&self, keys: &Keys, passphrase: Option<&str>) -> Result<KeyFile, KeyError> {
        let file = self.file()?;
        if file.pending.is_some() {
            return Err(KeyError::Unsettled);
        }
        if file.current.passphrase().is_some()
            && !keys.is_recovered
            && root_by_passphrase(&file.current, passphrase.ok_or(KeyError::WrongPassphrase)?)? != keys.current.root
        {
            return Err(KeyError::WrongPassphrase);
        }
        // Another copy of the folder was put in this one's place.
        if file.current.id != keys.current.id {
            return Err(KeyError::Damaged(file::main(&self.data)));
        }
        Ok(file)
    }
}

fn passphrase_slot(generation: &Generation, root: &StoreKey, passphrase: &str) -> Result<Slot, KeyError> {
    let stretching = Stretching::new()?;
    let key = stretching
        .key(passphrase)
        .ok_or_else(|| KeyError::Random("there is not enough memory to protect a passphrase".into()))?;
    let sealed = seal::wrap(&key, &passphrase_bound(generation, &stretching), root)?;
    Ok(Slot::Passphrase { stretching, sealed })
}

fn recovery_slot(generation: &Generation, root: &StoreKey) -> Result<(Slot, Zeroizing<String>), KeyError> {
    let (bytes, text) = code::new()?;
    Ok((Slot::Recovery { sealed: seal::wrap(&recovery_key(&*bytes), &generation.bound("recovery"), root)? }, text))
}
