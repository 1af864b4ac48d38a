//! The store as its users meet it: contracts, keys, formats, damage, a full disk and SIGKILL.

// Helpers of tests fail on the spot as tests do.
#![allow(clippy::unwrap_used)]

#[path = "store/damage.rs"]
mod damage;
#[path = "store/snapshots.rs"]
mod snapshots;

use std::{
    cell::RefCell,
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use molt_core::*;
use molt_store::{OpenError, Store};
use molt_testkit::{Rng, contract, sample};
use tempfile::TempDir;

const KEY: [u8; 32] = [0x5a; 32];

fn fresh() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("moltworker.db");
    (dir, path)
}

#[test]
fn keeps_every_contract() {
    let folders = RefCell::new(Vec::new());
    let make = || {
        let (dir, path) = fresh();
        folders.borrow_mut().push(dir);
        Store::open(path, &KEY).unwrap()
    };
    contract::conversation_store_contract(|| Box::new(make()));
    contract::document_store_contract(|| Box::new(make()));
    contract::task_store_contract(|| Box::new(make()));
    contract::settings_store_contract(|| Box::new(make()));
    contract::model_store_contract(|| Box::new(make()));
    contract::secret_store_contract(|| Box::new(make()));
}

#[test]
fn everything_is_there_after_opening_again() {
    let (_dir, path) = fresh();
    let task = Task { due: Some(Due::Date { date: "2026-11-22".parse().unwrap() }), ..sample::task("t", "买牛奶") };
    {
        let store = Store::open(&path, &KEY).unwrap();
        store.put_task(&task, &[sample::reminder("r", "t", 5)]).unwrap();
        store.put_settings(&Settings { indexing_paused: true, ..Settings::default() }).unwrap();
    }
    let store = Store::open(&path, &KEY).unwrap();
    assert_eq!(store.tasks().unwrap(), [task]);
    assert_eq!(store.open_reminders().unwrap(), [sample::reminder("r", "t", 5)]);
    assert!(store.settings().unwrap().indexing_paused);
    assert_eq!(store.problems().unwrap(), [""; 0]);
}

fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

/// What opens a copy of the file and its log as they stand now: the old key, the new one; each must then find everything.
fn fitting(dir: &Path) -> Vec<[u8; 32]> {
    let copy = tempfile::tempdir().unwrap();
    for (path, content) in files(dir) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.ends_with("-shm") {
            fs::write(copy.path().join(name), content).unwrap();
        }
    }
    [KEY, NEW_KEY]
        .into_iter()
        .filter(|key| match Store::open(copy.path().join("moltworker.db"), key) {
            Ok(store) => {
                assert_eq!(store.conversations().unwrap().len(), CONVERSATIONS);
                assert_eq!(store.problems().unwrap(), [""; 0]);
                true
            }
            Err(OpenError::WrongKey { .. }) => false,
            Err(error) => panic!("{error:?}"),
        })
        .collect()
}

const NEW_KEY: [u8; 32] = [0x77; 32];
const CONVERSATIONS: usize = 200;

fn many(path: &Path) -> Store {
    let store = Store::open(path, &KEY).unwrap();
    for number in 0..CONVERSATIONS {
        store.put_conversation(&sample::conversation(&format!("c{number}"), number as i64)).unwrap();
    }
    store
}

#[test]
fn another_key_takes_the_place_of_the_first() {
    let (dir, path) = fresh();
    let store = many(&path);
    // More than the cache holds.
    let long = "long ".repeat(3 << 20);
    store.put_message(&sample::message("m", "c0", Role::User, &long)).unwrap();
    assert_eq!(fitting(dir.path()), [KEY]);
    store.rekey(&NEW_KEY).unwrap();
    // It goes on by itself, and everything is there.
    assert_eq!(store.conversations().unwrap().len(), CONVERSATIONS);
    store.put_settings(&Settings::default()).unwrap();
    assert_eq!(store.message(&"m".into()).unwrap().text, long);
    assert_eq!(fitting(dir.path()), [NEW_KEY]);
    store.close().unwrap();
    assert!(store.conversations().is_err());
    assert!(matches!(Store::open(&path, &KEY), Err(OpenError::WrongKey { .. })));
    assert_eq!(Store::open(&path, &NEW_KEY).unwrap().conversations().unwrap().len(), CONVERSATIONS);
}

#[test]
fn a_wrong_key_is_refused_and_the_file_left_alone() {
    let (dir, path) = fresh();
    Store::open(&path, &KEY).unwrap().put_conversation(&sample::conversation("a", 0)).unwrap();
    let before = files(dir.path());
    let error = Store::open(&path, &[1; 32]).unwrap_err();
    assert!(matches!(error, OpenError::WrongKey { .. }), "{error:?}");
    assert!(error.to_string().contains("left as it is"), "{error}");
    assert_eq!(files(dir.path()), before);
    assert_eq!(Store::open(&path, &KEY).unwrap().conversations().unwrap().len(), 1);
}

#[test]
fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let (dir, path) = fresh();
    drop(Store::open(&path, &KEY).unwrap());
    let newer = rusqlite::Connection::open(&path).unwrap();
    let hex: String = KEY.iter().map(|b| format!("{b:02x}")).collect();
    newer.execute_batch(&format!("PRAGMA key = \"x'{hex}'\"; PRAGMA user_version = 999")).unwrap();
    newer.close().unwrap();
    let before = files(dir.path());
    let error = Store::open(&path, &KEY).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 999, .. }), "{error:?}");
    assert!(error.to_string().contains("newer version"), "{error}");
    assert_eq!(files(dir.path()), before);
}

#[test]
fn foreign_and_cut_files_are_refused_and_left_alone() {
    let (dir, path) = fresh();
    let plain = rusqlite::Connection::open(&path).unwrap();
    plain.execute_batch("CREATE TABLE t (x)").unwrap();
    plain.close().unwrap();
    let mut store_file = Vec::new();
    {
        let (_dir, path) = fresh();
        drop(Store::open(&path, &KEY).unwrap());
        store_file.append(&mut fs::read(path).unwrap());
    }
    for content in [fs::read(&path).unwrap(), b"not a database at all".repeat(500), store_file[..1000].to_vec()] {
        fs::write(&path, &content).unwrap();
        let error = Store::open(&path, &KEY).unwrap_err();
        assert!(matches!(error, OpenError::WrongKey { .. } | OpenError::Damaged { .. }), "{error:?}");
        assert_eq!(files(dir.path()), [(path.clone(), content)]);
    }
}

#[test]
fn damage_is_said_and_nothing_is_deleted() {
    let (_dir, path) = fresh();
    {
        let store = Store::open(&path, &KEY).unwrap();
        store.put_source(&sample::source("s", "/s")).unwrap();
        let chunks: Vec<_> = (0..400).map(|n| sample::chunk(&format!("c{n}"), "d", n, &"text ".repeat(200))).collect();
        store.put_document_with_chunks(&sample::document("d", "s", "/s/d"), &chunks).unwrap();
    }
    let mut bytes = fs::read(&path).unwrap();
    // Flip one byte in the middle of every page but the first three.
    for page in (3..bytes.len() / 4096).map(|n| n * 4096) {
        bytes[page + 2000] ^= 1;
    }
    fs::write(&path, &bytes).unwrap();
    let said = match Store::open(&path, &KEY) {
        Err(error) => error.to_string(),
        Ok(store) => {
            assert!(!store.problems().unwrap_or_else(|e| vec![e.to_string()]).is_empty());
            store.chunks(&"d".into()).unwrap_err().to_string()
        }
    };
    assert!(said.contains("damaged") && said.contains("left as it is"), "{said}");
    assert_eq!(fs::read(&path).unwrap().len(), bytes.len());
}

#[test]
fn nothing_lies_in_the_clear() {
    let (dir, path) = fresh();
    let secret = "SENTINEL-7f3a-预算四百二十万";
    let store = Store::open(&path, &KEY).unwrap();
    store.put_conversation(&sample::conversation("a", 0)).unwrap();
    store.put_message(&sample::message("m", "a", Role::User, secret)).unwrap();
    store.put_task(&sample::task("t", secret), &[]).unwrap();
    store.put_secret("key", &Secret::new(secret)).unwrap();
    store.put_source(&sample::source("s", "/s")).unwrap();
    let chunk = sample::chunk("c", "d", 0, secret);
    store.put_document_with_chunks(&sample::document("d", "s", "/s/d"), &[chunk]).unwrap();
    let clear = |when: &str| {
        let files = files(dir.path());
        assert!(!files.is_empty());
        for (path, bytes) in files {
            for needle in [secret.as_bytes(), b"SENTINEL-7f3a", b"SQLite format 3", b"conversations"] {
                let found = bytes.windows(needle.len()).any(|w| w == needle);
                assert!(!found, "{} holds {:?} {when}", path.display(), String::from_utf8_lossy(needle));
            }
        }
    };
    clear("while open");
    drop(store);
    clear("when closed");
}

/// What the writing process does until it is killed: one acknowledged line after another.
fn write_until_killed(path: &Path) {
    let store = Store::open(path, &KEY).unwrap();
    let first = store.tasks().unwrap().len();
    if first == 0 {
        store.put_conversation(&sample::conversation("a", 0)).unwrap();
        store.put_source(&sample::source("s", "/s")).unwrap();
    }
    let mut out = std::io::stdout().lock();
    for n in first.. {
        let name = format!("{n}");
        store.put_message(&sample::message(&name, "a", Role::User, &name)).unwrap();
        let chunks: Vec<_> = (0..5).map(|k| sample::chunk(&format!("{n}-{k}"), &name, k, "text")).collect();
        store.put_document_with_chunks(&sample::document(&name, "s", &format!("/s/{n}")), &chunks).unwrap();
        store.put_task(&sample::task(&name, &name), &[sample::reminder(&name, &name, n as i64)]).unwrap();
        writeln!(out, "ack {n}").and_then(|()| out.flush()).unwrap();
    }
}

/// 50 times: a process of its own writes and acknowledges, and is killed at a random moment.
#[cfg(unix)]
#[test]
fn sigkill_loses_nothing_acknowledged() {
    const CHILD: &str = "MOLT_STORE_TEST_WRITES_TO";
    if let Some(path) = std::env::var_os(CHILD) {
        return write_until_killed(Path::new(&path));
    }
    let seed = 20_261_121;
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    let (_dir, path) = fresh();
    let mut acknowledged = 0;
    for round in 0..50 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sigkill_loses_nothing_acknowledged", "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut left, spin) = (rng.below(12), rng.below(200_000));
        let mut killed = false;
        for line in lines {
            let Some(n) = line.unwrap().strip_prefix("ack ").map(|n| n.parse::<usize>().unwrap()) else { continue };
            acknowledged = n + 1;
            if left == 0 && !killed {
                (0..spin).for_each(|_| std::hint::spin_loop());
                child.kill().unwrap();
                killed = true;
            }
            left = left.saturating_sub(1);
        }
        assert!(killed, "the writer ended by itself in round {round}");
        child.wait().unwrap();

        let store = Store::open(&path, &KEY).unwrap();
        let tasks = store.tasks().unwrap();
        assert!(tasks.len() >= acknowledged, "round {round}: {acknowledged} acknowledged, {} kept", tasks.len());
        // Order, and nothing doubled or torn.
        assert!(tasks.iter().enumerate().all(|(n, t)| t.id.as_str() == n.to_string()));
        assert_eq!(store.open_reminders().unwrap().len(), tasks.len());
        let messages = store.messages(&"a".into()).unwrap();
        assert!((tasks.len()..=tasks.len() + 1).contains(&messages.len()));
        for document in store.documents(None).unwrap() {
            assert_eq!(store.chunks(&document.id).unwrap().len(), 5);
        }
        assert_eq!(store.problems().unwrap(), [""; 0]);
    }
    assert!(acknowledged > 50, "only {acknowledged} acknowledged");
}

#[test]
fn a_closed_store_takes_no_key() {
    let (dir, path) = fresh();
    let store = many(&path);
    store.close().unwrap();
    assert!(store.rekey(&NEW_KEY).is_err());
    assert!(store.conversations().is_err());
    assert_eq!(fitting(dir.path()), [KEY]);
}

/// Gives the file one key after the other until it is killed; says before and after each change.
fn rekey_until_killed(path: &Path) {
    let mut keys = [KEY, NEW_KEY];
    let store = Store::open(path, &keys[0]).unwrap_or_else(|_| {
        keys.swap(0, 1);
        Store::open(path, &keys[0]).unwrap()
    });
    let mut out = std::io::stdout().lock();
    loop {
        keys.swap(0, 1);
        writeln!(out, "change").and_then(|()| out.flush()).unwrap();
        store.rekey(&keys[0]).unwrap();
    }
}

/// 30 times: a process changes the key over and over, and is killed at a random moment. One of the two keys always fits.
#[cfg(unix)]
#[test]
fn sigkill_while_the_key_changes_loses_nothing() {
    const CHILD: &str = "MOLT_STORE_TEST_REKEYS";
    if let Some(path) = std::env::var_os(CHILD) {
        return rekey_until_killed(Path::new(&path));
    }
    let seed = 20_261_122;
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    let (dir, path) = fresh();
    many(&path).close().unwrap();
    let mut found = Vec::new();
    for round in 0..30 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sigkill_while_the_key_changes_loses_nothing", "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (changes, spin) = (1 + rng.below(3), rng.below(3_000_000));
        let begun = lines.map(|line| line.unwrap()).filter(|line| line == "change").take(changes as usize).count();
        (0..spin).for_each(|_| std::hint::spin_loop());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(begun, changes as usize, "round {round}: the child ended by itself");
        let fits = fitting(dir.path());
        assert_eq!(fits.len(), 1, "round {round}");
        found.extend(fits);
    }
    assert!(found.contains(&KEY) && found.contains(&NEW_KEY), "the key never changed");
}
