//! The vault against a database that is a file with its key, and a keyring in memory.
//!
//! Size: one world of files and a keyring, and every way in which it may end, stand together.

use std::{
    collections::BTreeSet,
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{keyring::fake::FakeKeyring, *};

const PASSPHRASE: &str = "four words of mine";

/// Ends the program before a step.
#[derive(Clone)]
pub struct Fuse(Arc<AtomicUsize>);

impl Default for Fuse {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(usize::MAX)))
    }
}

impl Fuse {
    pub fn burn(&self) -> Result<(), KeyError> {
        self.0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .map(|_| ())
            .map_err(|_| KeyError::Random("killed".into()))
    }
}

struct World {
    _folder: tempfile::TempDir,
    data: DataDir,
    keyring: Option<Arc<FakeKeyring>>,
    fuse: Fuse,
    /// Those of the start that made them.
    keys: Option<Keys>,
}

impl World {
    fn new(has_keyring: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::at(folder.path());
        let keyring = has_keyring.then(|| Arc::new(FakeKeyring::default()));
        Self { _folder: folder, data, keyring, fuse: Fuse::default(), keys: None }
    }

    fn started(has_keyring: bool) -> Self {
        let mut world = Self::new(has_keyring);
        world.keys = Some(world.start(None).unwrap());
        world
    }

    /// As an older version left it: a key in a file, and a database with that key.
    fn of_older_version(has_keyring: bool) -> (Self, StoreKey) {
        let world = Self::new(has_keyring);
        let key = StoreKey::random().unwrap();
        fs::write(world.data.key_file(), key.to_hex().as_bytes()).unwrap();
        world.rekey(&key);
        (world, key)
    }

    fn vault(&self) -> Vault {
        let keyring = self.keyring.clone().map(|keyring| Limited::new(keyring, Duration::from_secs(5)));
        Vault { fuse: self.fuse.clone(), ..Vault::with(self.data.clone(), keyring) }
    }

    fn database_key(&self) -> Option<StoreKey> {
        fs::read(self.data.database()).ok().and_then(|content| StoreKey::parse(&content))
    }

    fn rekey(&self, key: &StoreKey) {
        fs::write(self.data.database(), key.to_hex().as_bytes()).unwrap();
    }

    /// A start of the program: opens the keys and with them the database, which is made if there is none.
    fn start(&self, passphrase: Option<&str>) -> Result<Keys, KeyError> {
        let vault = self.vault();
        let keys = match (vault.open()?, passphrase) {
            (Opening::Open(keys), _) => keys,
            (Opening::Locked { .. }, Some(passphrase)) => vault.unlock(&typed(passphrase))?,
            (Opening::Locked { problem }, None) => {
                return Err(KeyError::Keyring(problem.unwrap_or_else(|| "locked".into())));
            }
        };
        let there = self.database_key();
        let fits = |set: &&KeySet| there.as_ref().is_none_or(|key| *key == set.database());
        let opened = keys.candidates().find(fits).expect("no key opens the database").clone();
        self.rekey(&opened.database());
        vault.confirm(&keys, &opened)
    }

    fn file(&self) -> KeyFile {
        file::read(&self.data).unwrap().unwrap()
    }

    fn put(&self, file: &KeyFile) {
        for path in [file::main(&self.data), file::copy(&self.data)] {
            fs::write(path, file.to_bytes().unwrap()).unwrap();
        }
    }

    fn names(&self) -> BTreeSet<String> {
        let names = fs::read_dir(self.data.root()).unwrap();
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn protection(&self) -> Protection {
        self.vault().protection().unwrap()
    }

    /// Kills the program before each of the steps of `work`, and looks with `check` at what is left.
    fn kill_everywhere(
        make: impl Fn() -> Self,
        work: impl Fn(&Self) -> Result<(), KeyError>,
        check: impl Fn(&Self, bool),
    ) {
        for steps in 0.. {
            let world = make();
            world.fuse.0.store(steps, Ordering::SeqCst);
            let ended = work(&world);
            let was_killed = matches!(&ended, Err(KeyError::Random(reason)) if reason == "killed");
            world.fuse.0.store(usize::MAX, Ordering::SeqCst);
            check(&world, was_killed);
            if !was_killed {
                ended.unwrap();
                assert!(steps > 1, "the work had only {steps} steps");
                return;
            }
        }
    }
}

fn typed(passphrase: &str) -> Secret {
    Secret::Passphrase(Zeroizing::new(passphrase.to_owned()))
}

fn code(code: &str) -> Secret {
    Secret::RecoveryCode(Zeroizing::new(code.to_owned()))
}

fn is_locked(vault: &Vault) -> bool {
    matches!(vault.open().unwrap(), Opening::Locked { .. })
}

#[test]
fn the_first_start_makes_keys_that_stay() {
    for has_keyring in [true, false] {
        let world = World::new(has_keyring);
        let keys = world.start(None).unwrap();
        assert_eq!(world.start(None).unwrap(), keys);
        let protection = world.protection();
        assert_eq!(protection.keyring.as_deref(), has_keyring.then_some("Fake"));
        assert_eq!((protection.file, protection.exposed), (!has_keyring, !has_keyring));
        assert!(!protection.passphrase && !protection.recovery);
        assert_eq!(world.data.key_file().exists(), !has_keyring);
        assert_ne!(keys.current.database(), keys.current.root);
        assert_ne!(World::new(false).start(None).unwrap().current.root, keys.current.root);
        #[cfg(unix)]
        for name in world.names().iter().filter(|name| *name != "moltworker.db") {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(world.data.root().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}

#[test]
fn the_key_of_the_database_never_changes() {
    let set = KeySet { id: String::new(), root: StoreKey::new([7; 32]), older_database: None };
    assert!(set.database().to_hex().starts_with("802fde77"));
}

#[test]
fn no_keys_are_made_beside_a_database() {
    let world = World::new(true);
    let key = StoreKey::random().unwrap();
    world.rekey(&key);
    assert!(matches!(world.vault().open(), Err(KeyError::Missing(_))));
    assert_eq!(world.names().len(), 1);
    // An older version's key that is damaged.
    fs::write(world.data.key_file(), "0123").unwrap();
    assert!(matches!(world.vault().open(), Err(KeyError::Damaged(_))));
    assert_eq!(fs::read(world.data.key_file()).unwrap(), b"0123");
    assert_eq!(world.names().len(), 2);
    fs::remove_file(world.data.key_file()).unwrap();
    // Keys that are damaged.
    for path in [file::main(&world.data), file::copy(&world.data)] {
        fs::write(path, "{").unwrap();
    }
    assert!(matches!(world.vault().open(), Err(KeyError::Damaged(_))));
    assert_eq!(world.names().len(), 3);
    assert_eq!(world.database_key(), Some(key));
}

#[test]
fn damaged_keys_without_a_database_are_set_aside() {
    let world = World::new(false);
    fs::write(file::main(&world.data), "{").unwrap();
    fs::write(world.data.key_file(), "0123").unwrap();
    let keys = world.start(None).unwrap();
    assert_eq!(world.start(None).unwrap(), keys);
    assert_eq!(fs::read(world.data.root().join("keys.damaged-1")).unwrap(), b"{");
    assert_eq!(fs::read(world.data.root().join("store.damaged-1")).unwrap(), b"0123");
}

#[test]
fn an_older_versions_key_is_kept_in_slots() {
    for has_keyring in [true, false] {
        let (world, key) = World::of_older_version(has_keyring);
        let keys = world.start(None).unwrap();
        assert_eq!(keys.current.database(), key);
        assert_ne!(keys.current.root, key);
        assert_eq!(world.start(None).unwrap(), keys);
        assert_eq!(world.database_key(), Some(key));
        assert_eq!(world.data.key_file().exists(), !has_keyring);
        assert!(world.protection().exposed);
    }
}

#[test]
fn an_older_versions_key_that_does_not_fit_changes_nothing() {
    let (world, _) = World::of_older_version(true);
    world.rekey(&StoreKey::random().unwrap());
    let Opening::Open(keys) = world.vault().open().unwrap() else { panic!("locked") };
    assert_eq!(keys.candidates().count(), 1);
    // The database does not open, so nothing is confirmed.
    assert_eq!(world.names().into_iter().collect::<Vec<_>>(), ["moltworker.db", "store.key"]);
    assert!(world.keyring.as_ref().unwrap().entries.lock().unwrap().is_empty());
}

#[test]
fn taking_over_an_older_versions_key_may_be_killed_anywhere() {
    for has_keyring in [true, false] {
        World::kill_everywhere(
            || World::of_older_version(has_keyring).0,
            |world| world.start(None).map(|_| ()),
            |world, _| {
                let key = world.database_key().unwrap();
                let keys = world.start(None).unwrap();
                assert_eq!(keys.current.database(), key);
                assert_eq!(world.start(None).unwrap(), keys);
                assert_eq!(world.data.key_file().exists(), !has_keyring);
            },
        );
    }
}

#[test]
fn a_first_start_may_be_killed_anywhere() {
    for has_keyring in [true, false] {
        World::kill_everywhere(
            || World::new(has_keyring),
            |world| world.start(None).map(|_| ()),
            |world, _| {
                let keys = world.start(None).unwrap();
                assert_eq!(world.start(None).unwrap(), keys);
            },
        );
    }
}

#[test]
fn a_passphrase_is_set_changed_and_removed() {
    for has_keyring in [true, false] {
        let world = World::new(has_keyring);
        let keys = world.start(None).unwrap();
        let vault = world.vault();
        assert!(matches!(vault.set_passphrase(&keys, None, "short", true), Err(KeyError::ShortPassphrase)));
        assert!(matches!(vault.set_passphrase(&keys, None, &"l".repeat(1025), true), Err(KeyError::LongPassphrase)));
        assert!(matches!(vault.remove_passphrase(&keys, Some(PASSPHRASE)), Err(KeyError::NoPassphrase)));
        vault.set_passphrase(&keys, None, PASSPHRASE, true).unwrap();
        assert!(is_locked(&vault));
        assert!(!world.data.key_file().exists());
        if let Some(keyring) = &world.keyring {
            assert!(keyring.entries.lock().unwrap().is_empty());
        }
        assert!(matches!(vault.unlock(&typed("not the passphrase")), Err(KeyError::WrongPassphrase)));
        assert!(matches!(vault.unlock(&code("x")), Err(KeyError::NoRecovery)));
        assert_eq!(vault.unlock(&typed(PASSPHRASE)).unwrap(), keys);
        assert_eq!(world.start(Some(PASSPHRASE)).unwrap(), keys);

        // Nothing changes without the old one.
        for wrong in [None, Some("not the passphrase")] {
            assert!(matches!(vault.set_passphrase(&keys, wrong, "another one", true), Err(KeyError::WrongPassphrase)));
            assert!(matches!(vault.new_recovery_code(&keys, wrong), Err(KeyError::WrongPassphrase)));
            assert!(matches!(vault.begin_rotation(&keys, wrong), Err(KeyError::WrongPassphrase)));
            assert!(matches!(vault.use_keyring(&keys, wrong), Err(KeyError::WrongPassphrase)));
        }
        vault.set_passphrase(&keys, Some(PASSPHRASE), "密码由四个词组成吧", true).unwrap();
        assert!(matches!(vault.unlock(&typed(PASSPHRASE)), Err(KeyError::WrongPassphrase)));
        assert_eq!(vault.unlock(&typed("密码由四个词组成吧")).unwrap(), keys);
        vault.remove_passphrase(&keys, Some("密码由四个词组成吧")).unwrap();
        assert_eq!(world.start(None).unwrap(), keys);
        assert_eq!(world.protection().keyring.is_some(), has_keyring);
    }
}

/// Whoever copies the folder must find nothing in it that opens the data by itself.
#[test]
fn a_passphrase_leaves_no_key_in_the_folder() {
    let world = World::new(false);
    let keys = world.start(None).unwrap();
    let in_file = fs::read(world.data.key_file()).unwrap();
    assert!(world.protection().file);
    world.vault().set_passphrase(&keys, None, PASSPHRASE, true).unwrap();
    let protection = world.protection();
    assert!(protection.passphrase && !protection.file && protection.exposed, "{protection:?}");
    for path in [file::main(&world.data), file::copy(&world.data)] {
        let written = fs::read_to_string(path).unwrap();
        assert!(written.contains(r#""kind":"passphrase""#) && !written.contains(r#""kind":"file""#), "{written}");
    }
    // The database of this world is a file with its own key.
    for name in world.names().iter().filter(|name| *name != "moltworker.db") {
        let content = fs::read(world.data.root().join(name)).unwrap();
        assert!(!content.windows(in_file.len()).any(|part| part == in_file), "{name}");
    }
    // The key that was in the file opens nothing when somebody kept it.
    fs::write(world.data.key_file(), &in_file).unwrap();
    assert!(is_locked(&world.vault()));
    assert_eq!(world.start(Some(PASSPHRASE)).unwrap(), keys);
    assert!(!world.data.key_file().exists());
}

#[test]
fn a_passphrase_may_stand_beside_the_keyring() {
    let world = World::new(true);
    let keys = world.start(None).unwrap();
    let vault = world.vault();
    vault.set_passphrase(&keys, None, PASSPHRASE, false).unwrap();
    assert_eq!(world.start(None).unwrap(), keys);
    // The keyring was lost, or its service does not run.
    world.keyring.as_ref().unwrap().entries.lock().unwrap().clear();
    assert!(is_locked(&vault));
    world.keyring.as_ref().unwrap().set_missing(true);
    assert!(is_locked(&vault));
    assert_eq!(world.start(Some(PASSPHRASE)).unwrap(), keys);
    // It is back without its key. Removing the passphrase must not leave that as the only way.
    let lost = world.file();
    world.keyring.as_ref().unwrap().set_missing(false);
    vault.remove_passphrase(&keys, Some(PASSPHRASE)).unwrap();
    assert_eq!(world.start(None).unwrap(), keys);
    world.keyring.as_ref().unwrap().entries.lock().unwrap().clear();
    // Or it takes a new key.
    world.put(&lost);
    world.keyring.as_ref().unwrap().set_missing(false);
    vault.use_keyring(&keys, Some(PASSPHRASE)).unwrap();
    assert_eq!(world.start(None).unwrap(), keys);
    vault.use_keyring(&keys, Some(PASSPHRASE)).unwrap();
    assert_eq!(world.start(None).unwrap(), keys);
}

#[test]
fn a_keyring_that_hangs_locks_and_does_not_hang_the_start() {
    let world = World::new(true);
    let keys = world.start(None).unwrap();
    let fake = world.keyring.clone().unwrap();
    let vault = Vault::with(world.data.clone(), Some(Limited::new(fake.clone(), Duration::from_millis(100))));
    fake.set_hanging(true);
    let Opening::Locked { problem } = vault.open().unwrap() else { panic!("open") };
    assert!(problem.unwrap().contains("did not answer"));
    fake.set_hanging(false);
    let Opening::Open(again) = vault.open().unwrap() else { panic!("locked") };
    assert_eq!(again, keys);
    // At a first start the file takes its place.
    let first = World::new(true);
    let fake = first.keyring.clone().unwrap();
    fake.set_hanging(true);
    let vault = Vault::with(first.data.clone(), Some(Limited::new(fake.clone(), Duration::from_millis(100))));
    assert!(matches!(vault.open().unwrap(), Opening::Open(_)));
    assert!(first.protection().file);
    fake.set_hanging(false);
}

#[test]
fn a_recovery_code_opens_and_the_next_one_replaces_it() {
    let world = World::new(true);
    let keys = world.start(None).unwrap();
    let vault = world.vault();
    let first = vault.new_recovery_code(&keys, None).unwrap();
    assert_eq!(vault.unlock(&code(&first)).unwrap().current, keys.current);
    assert_eq!(vault.unlock(&code(&first.to_lowercase())).unwrap().current, keys.current);
    let second = vault.new_recovery_code(&keys, None).unwrap();
    assert!(matches!(vault.unlock(&code(&first)), Err(KeyError::WrongCode)));
    assert_eq!(vault.unlock(&code(&second)).unwrap().current, keys.current);
    let mut mistyped = second.to_string();
    mistyped.replace_range(6..7, if &second[6..7] == "A" { "B" } else { "A" });
    assert!(matches!(vault.unlock(&code(&mistyped)), Err(KeyError::MistypedCode(2))));
    vault.set_passphrase(&keys, None, PASSPHRASE, true).unwrap();
    assert_eq!(vault.unlock(&code(&second)).unwrap().current, keys.current);
}

#[test]
fn a_forgotten_passphrase_is_replaced_after_the_recovery_code() {
    let world = World::started(false);
    let vault = world.vault();
    let keys = world.keys.as_ref().unwrap();
    vault.set_passphrase(keys, None, PASSPHRASE, true).unwrap();
    let written = vault.new_recovery_code(keys, Some(PASSPHRASE)).unwrap();
    let recovered = vault.unlock(&code(&written)).unwrap();
    let recovered = vault.confirm(&recovered, &recovered.current).unwrap();
    assert!(recovered.is_recovered() && !keys.is_recovered());
    // The new keys are to have the same passphrase, so it must be known.
    assert!(matches!(vault.begin_rotation(&recovered, None), Err(KeyError::WrongPassphrase)));
    assert!(matches!(vault.begin_rotation(&recovered, Some("something else")), Err(KeyError::WrongPassphrase)));
    vault.set_passphrase(&recovered, None, "another one", true).unwrap();
    assert!(matches!(vault.unlock(&typed(PASSPHRASE)), Err(KeyError::WrongPassphrase)));
    assert_eq!(vault.unlock(&typed("another one")).unwrap().current, keys.current);
    let known = recovered.with_passphrase();
    assert!(matches!(vault.set_passphrase(&known, None, "and another", true), Err(KeyError::WrongPassphrase)));
}

#[test]
fn a_key_that_reaches_the_keyring_late_harms_nothing() {
    let world = World::new(true);
    let fake = world.keyring.clone().unwrap();
    let vault = Vault::with(world.data.clone(), Some(Limited::new(fake.clone(), Duration::from_millis(50))));
    fake.set_hanging(true);
    let Opening::Open(keys) = vault.open().unwrap() else { panic!("locked") };
    assert!(vault.use_keyring(&keys, None).is_err());
    fake.set_hanging(false);
    let vault = world.vault();
    vault.use_keyring(&keys, None).unwrap();
    // Both late ones arrive at some time; the one that counts is its own.
    while fake.entries.lock().unwrap().len() < 3 {
        std::thread::yield_now();
    }
    let Opening::Open(again) = vault.open().unwrap() else { panic!("locked") };
    assert_eq!(again, keys);
}

/// The keys that a whole rotation leaves.
fn rotate(world: &World, keys: &Keys, passphrase: Option<&str>) -> Result<(Keys, Option<String>), KeyError> {
    let vault = world.vault();
    let rotation = vault.begin_rotation(keys, passphrase)?;
    let new = rotation.new_keys().clone();
    world.fuse.burn()?;
    world.rekey(&new.database());
    let keys = vault.confirm(&rotation.keys, &new)?;
    Ok((keys, rotation.recovery_code.map(|code| code.to_string())))
}

#[test]
fn a_rotation_replaces_everything() {
    for has_keyring in [true, false] {
        let (world, old_key) = World::of_older_version(has_keyring);
        let old = world.start(None).unwrap();
        let old_code = world.vault().new_recovery_code(&old, None).unwrap();
        let (new, new_code) = rotate(&world, &old, None).unwrap();
        assert_ne!(new.current.root, old.current.root);
        assert_eq!(new.current.older_database, None);
        assert_ne!(world.database_key(), Some(old_key));
        assert_eq!(world.start(None).unwrap(), new);
        assert!(matches!(world.vault().unlock(&code(&old_code)), Err(KeyError::WrongCode)));
        assert_eq!(world.vault().unlock(&code(&new_code.unwrap())).unwrap().current, new.current);
        assert_eq!(world.protection().exposed, !has_keyring);
        if let Some(keyring) = &world.keyring {
            assert_eq!(keyring.entries.lock().unwrap().len(), 1);
        }
    }
    let world = World::new(false);
    let old = world.start(None).unwrap();
    world.vault().set_passphrase(&old, None, PASSPHRASE, true).unwrap();
    assert!(world.protection().exposed);
    let (new, _) = rotate(&world, &old, Some(PASSPHRASE)).unwrap();
    assert!(!world.protection().exposed);
    assert_eq!(world.start(Some(PASSPHRASE)).unwrap(), new);
}

#[test]
fn a_rotation_may_be_killed_anywhere() {
    for has_keyring in [true, false] {
        World::kill_everywhere(
            || World::started(has_keyring),
            |world| rotate(world, world.keys.as_ref().unwrap(), None).map(|_| ()),
            |world, was_killed| {
                let keys = world.start(None).unwrap();
                assert_eq!(Some(keys.current.database()), world.database_key());
                assert_eq!(world.file().pending, None);
                assert_eq!(world.start(None).unwrap(), keys);
                let (next, _) = rotate(world, &keys, None).unwrap();
                assert_eq!(world.start(None).unwrap(), next, "killed: {was_killed}");
            },
        );
    }
}

#[test]
fn an_old_recovery_code_opens_a_rotation_that_was_broken_off() {
    let world = World::new(true);
    let keys = world.start(None).unwrap();
    let vault = world.vault();
    let written = vault.new_recovery_code(&keys, None).unwrap();
    let rotation = vault.begin_rotation(&keys, None).unwrap();
    // The database has its new key; the new code was never seen by anyone.
    let new = rotation.new_keys().clone();
    world.rekey(&new.database());
    world.keyring.as_ref().unwrap().set_missing(true);
    let both = vault.unlock(&code(&written)).unwrap();
    assert_eq!(both.candidates().last(), Some(&new));
    assert!(matches!(vault.begin_rotation(&keys, None), Err(KeyError::Unsettled)));
    vault.confirm(&both, &new).unwrap();
    world.keyring.as_ref().unwrap().set_missing(false);
    assert_eq!(world.start(None).unwrap().current, new);
}

#[test]
fn changes_of_the_passphrase_may_be_killed_anywhere() {
    for has_keyring in [true, false] {
        let check = |world: &World, _| {
            let keys = world.start(Some(PASSPHRASE)).unwrap();
            assert_eq!(Some(keys.current.database()), world.database_key());
            let protection = world.protection();
            assert!(protection.passphrase || protection.file || protection.keyring.is_some());
            assert_eq!(world.data.key_file().exists(), protection.file);
        };
        // Stretching takes its time, so the passphrase is not asked for more often than the steps need.
        World::kill_everywhere(
            || World::started(has_keyring),
            |world| world.vault().set_passphrase(world.keys.as_ref().unwrap(), None, PASSPHRASE, true),
            check,
        );
        World::kill_everywhere(
            || {
                let world = World::started(has_keyring);
                world.vault().set_passphrase(world.keys.as_ref().unwrap(), None, PASSPHRASE, true).unwrap();
                world
            },
            |world| world.vault().remove_passphrase(world.keys.as_ref().unwrap(), Some(PASSPHRASE)),
            check,
        );
    }
}

#[test]
fn a_byte_that_is_changed_anywhere_gives_no_other_keys() {
    let world = World::new(true);
    let keys = world.start(None).unwrap();
    world.vault().new_recovery_code(&keys, None).unwrap();
    let right = fs::read(file::main(&world.data)).unwrap();
    let file = world.file();
    fs::remove_file(file::copy(&world.data)).unwrap();
    for place in 0..right.len() {
        for bit in 0..8 {
            let mut changed = right.clone();
            changed[place] ^= 1 << bit;
            fs::write(file::main(&world.data), &changed).unwrap();
            match file::read(&world.data) {
                Err(KeyError::Damaged(_)) => {}
                Ok(Some(read)) => assert_eq!(read, file, "byte {place}, bit {bit}"),
                other => panic!("byte {place}, bit {bit}: {other:?}"),
            }
        }
    }
    for length in 0..right.len() {
        fs::write(file::main(&world.data), &right[..length]).unwrap();
        assert!(matches!(world.vault().open(), Err(KeyError::Damaged(_))), "{length} bytes");
    }
    // Nothing was written by all this, and the right bytes still open.
    fs::write(file::main(&world.data), &right).unwrap();
    assert_eq!(world.start(None).unwrap(), keys);
}

#[test]
fn the_copy_stands_in_for_a_file_that_is_missing_or_damaged() {
    let world = World::new(true);
    let keys = world.start(None).unwrap();
    let right = fs::read(file::main(&world.data)).unwrap();
    for damage in [None, Some(&right[..right.len() / 2])] {
        match damage {
            None => fs::remove_file(file::main(&world.data)).unwrap(),
            Some(half) => fs::write(file::main(&world.data), half).unwrap(),
        }
        assert_eq!(world.start(None).unwrap(), keys);
        assert_eq!(fs::read(file::main(&world.data)).unwrap(), right);
    }
    assert_eq!(fs::read(world.data.root().join("keys.damaged-1")).unwrap(), &right[..right.len() / 2]);
    fs::write(file::copy(&world.data), "").unwrap();
    assert_eq!(world.start(None).unwrap(), keys);
    assert_eq!(fs::read(file::copy(&world.data)).unwrap(), right);
}

#[test]
fn slots_that_are_swapped_or_come_from_elsewhere_do_not_open() {
    let world = World::new(true);
    let keys = world.start(None).unwrap();
    let vault = world.vault();
    vault.set_passphrase(&keys, None, PASSPHRASE, false).unwrap();
    let written = vault.new_recovery_code(&keys, Some(PASSPHRASE)).unwrap();
    let file = world.file();
    let sealed = |slot: &Slot| match slot {
        Slot::Keyring { sealed, .. }
        | Slot::Passphrase { sealed, .. }
        | Slot::Recovery { sealed }
        | Slot::File { sealed } => sealed.clone(),
    };
    let all: Vec<String> = file.current.slots.iter().map(sealed).collect();
    assert_eq!(all.len(), 3);
    let mut swapped = file.clone();
    for (place, slot) in swapped.current.slots.iter_mut().enumerate() {
        let other = all[(place + 1) % all.len()].clone();
        match slot {
            Slot::Keyring { sealed, .. }
            | Slot::Passphrase { sealed, .. }
            | Slot::Recovery { sealed }
            | Slot::File { sealed } => *sealed = other,
        }
    }
    world.put(&swapped);
    assert!(is_locked(&vault));
    assert!(matches!(vault.unlock(&typed(PASSPHRASE)), Err(KeyError::WrongPassphrase)));
    assert!(matches!(vault.unlock(&code(&written)), Err(KeyError::WrongCode)));
    // The same slots under another key's name.
    let mut renamed = file.clone();
    renamed.current.id = new_id().unwrap();
    world.put(&renamed);
    assert!(is_locked(&vault));
    assert!(matches!(vault.unlock(&typed(PASSPHRASE)), Err(KeyError::WrongPassphrase)));
    assert!(matches!(vault.unlock(&code(&written)), Err(KeyError::WrongCode)));
    world.put(&file);
    assert_eq!(world.start(None).unwrap(), keys);
}

#[test]
fn weaker_stretching_is_refused_before_anything_is_typed() {
    let world = World::new(true);
    let keys = world.start(None).unwrap();
    world.vault().set_passphrase(&keys, None, PASSPHRASE, true).unwrap();
    let file = world.file();
    for (memory, passes, lanes) in [(8, 3, 4), (65_536, 1, 4), (65_536, 3, 0)] {
        let mut weak = file.clone();
        for slot in &mut weak.current.slots {
            if let Slot::Passphrase { stretching, .. } = slot {
                *stretching = stretching.weakened(memory, passes, lanes);
            }
        }
        world.put(&weak);
        assert!(matches!(world.vault().open(), Err(KeyError::Weakened(_))));
        assert!(matches!(world.vault().unlock(&typed(PASSPHRASE)), Err(KeyError::Weakened(_))));
    }
}

#[test]
fn a_newer_versions_file_is_left_alone() {
    let world = World::new(true);
    world.start(None).unwrap();
    let text = String::from_utf8(fs::read(file::main(&world.data)).unwrap()).unwrap();
    let keys =
        text.split_once("\"keys\":").unwrap().1.strip_suffix('}').unwrap().replace("\"version\":1", "\"version\":2");
    let newer = format!("{{\"checksum\":\"{}\",\"keys\":{keys}}}", hex(blake3::hash(keys.as_bytes()).as_bytes()));
    fs::write(file::main(&world.data), &newer).unwrap();
    assert!(matches!(world.vault().open(), Err(KeyError::Newer(_))));
    assert_eq!(fs::read_to_string(file::main(&world.data)).unwrap(), newer);
}

#[test]
fn secrets_are_not_printed() {
    let world = World::new(false);
    let keys = world.start(None).unwrap();
    let printed = format!("{keys:?} {:?}", world.vault());
    assert!(!printed.contains(&keys.current.root.to_hex()[..]), "{printed}");
    let written = fs::read_to_string(file::main(&world.data)).unwrap();
    assert!(!written.contains(&keys.current.root.to_hex()[..]));
}
