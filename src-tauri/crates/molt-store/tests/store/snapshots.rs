//! Copies of the data, and putting one in place of a damaged file.

use jiff::{SignedDuration, Timestamp};
use molt_store::{Snapshot, restore, snapshots};

use super::*;

fn noon() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// A store with some conversations, and the folder of its copies.
fn world() -> (TempDir, PathBuf, PathBuf, Store) {
    let (dir, path) = fresh();
    let store = many(&path);
    let folder = dir.path().join("backups");
    (dir, path, folder, store)
}

/// A bit of every page but the first.
fn damage(path: &Path) -> Vec<u8> {
    let mut content = fs::read(path).unwrap();
    for place in (4096 + 100..content.len()).step_by(4096) {
        content[place] ^= 1;
    }
    fs::write(path, &content).unwrap();
    content
}

#[test]
fn a_copy_is_sealed_private_and_whole() {
    let (_dir, path, folder, store) = world();
    assert_eq!(snapshots(&folder), []);
    store.put_message(&sample::message("m", "c0", Role::User, "a plain sentinel text")).unwrap();
    store.snapshot(&KEY, &folder, noon()).unwrap();
    // It goes on beside it.
    store.put_conversation(&sample::conversation("later", 0)).unwrap();
    let [copy] = &snapshots(&folder)[..] else { panic!("{:?}", snapshots(&folder)) };
    assert_eq!(copy, &Snapshot { path: folder.join("20261121T120000Z.db"), taken_at: noon() });
    copy.check(&KEY).unwrap();
    assert!(matches!(copy.check(&NEW_KEY), Err(OpenError::WrongKey { .. })));
    let content = fs::read(&copy.path).unwrap();
    assert!(!content.windows(8).any(|part| part == b"sentinel" || part == b"SQLite f"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&copy.path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    drop(store);
    assert_eq!(Store::open(&path, &KEY).unwrap().conversations().unwrap().len(), CONVERSATIONS + 1);
}

#[test]
fn a_copy_holds_no_text_of_documents_which_wait_to_be_read_again() {
    let (_dir, path, folder, store) = world();
    store.put_source(&sample::source("s", "/notes")).unwrap();
    let (mut read, empty) = (sample::document("d", "s", "/notes/a.md"), sample::document("e", "s", "/notes/b.md"));
    read.chunks = 200;
    let text = "a sentence of some length in a file that is removed from the library later. ".repeat(20);
    let chunks: Vec<_> = (0..200).map(|at| sample::chunk(&format!("k{at}"), "d", at, &text)).collect();
    store.put_document_with_chunks(&read, &chunks).unwrap();
    store.put_document(&empty).unwrap();
    store.snapshot(&KEY, &folder, noon()).unwrap();
    assert_eq!(store.chunks(&"d".into()).unwrap().len(), 200);
    store.close().unwrap();
    let copy = snapshots(&folder).remove(0);
    assert!(fs::metadata(&copy.path).unwrap().len() + 200 * 1_000 < fs::metadata(&path).unwrap().len());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    restore(&path, &KEY, &copy).unwrap();
    let store = Store::open(&path, &KEY).unwrap();
    assert_eq!(store.problems().unwrap(), [""; 0]);
    assert_eq!(store.chunks(&"d".into()).unwrap(), []);
    let state = |id: &str| store.document(&id.into()).unwrap().state;
    assert_eq!((state("d"), state("e")), (DocumentState::Waiting, DocumentState::Indexed));
}

/// A reader that knows a later state is not told the changes of another past only because there are as many.
#[test]
fn after_a_start_or_with_a_copy_in_place_both_lists_are_read_anew() {
    let (_dir, path, folder, store) = world();
    let put = |store: &Store, id: &str| {
        store.put_source(&sample::source("s", "/s")).unwrap();
        store.put_document(&sample::document(id, "s", &format!("/s/{id}"))).unwrap();
        store.put_task(&sample::task(id, id), &[]).unwrap();
    };
    let read = |store: &Store, marks: Option<&(String, String)>| {
        let documents = store.document_changes(marks.map(|marks| &*marks.0), 9).unwrap();
        let tasks = store.task_changes(marks.map(|marks| &*marks.1), 9).unwrap();
        let found = (documents.whole, documents.changed.len(), tasks.whole, tasks.changed.len());
        (found, (documents.mark, tasks.mark))
    };
    put(&store, "a");
    store.snapshot(&KEY, &folder, noon()).unwrap();
    put(&store, "b");
    let (found, later) = read(&store, None);
    assert_eq!(found, (true, 2, true, 2));
    put(&store, "b");
    assert_eq!(read(&store, Some(&later)).0, (false, 1, false, 1));
    store.close().unwrap();
    let store = Store::open(&path, &KEY).unwrap();
    let (found, started) = read(&store, Some(&later));
    assert_eq!(found, (true, 2, true, 2));
    assert_eq!(read(&store, Some(&started)).0, (false, 0, false, 0));
    store.close().unwrap();
    restore(&path, &KEY, &snapshots(&folder).remove(0)).unwrap();
    let store = Store::open(&path, &KEY).unwrap();
    for id in ["c", "d", "e"] {
        put(&store, id);
    }
    assert_eq!(read(&store, Some(&later)).0, (true, 4, true, 4));
    assert_eq!(read(&store, Some(&started)).0, (true, 4, true, 4));
}

#[test]
fn the_last_five_are_kept() {
    let (_dir, _path, folder, store) = world();
    fs::create_dir(&folder).unwrap();
    // Left by a copy that was broken off, and something else.
    fs::write(folder.join("unfinished.db"), "half").unwrap();
    fs::write(folder.join("notes.txt"), "of the user").unwrap();
    for day in 0..8 {
        store.snapshot(&KEY, &folder, noon() + SignedDuration::from_hours(24 * day)).unwrap();
    }
    let days: Vec<i8> =
        snapshots(&folder).iter().map(|copy| copy.taken_at.to_zoned(jiff::tz::TimeZone::UTC).day()).collect();
    assert_eq!(days, [28, 27, 26, 25, 24]);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 6);
    // Those of an older key would open nothing any more.
    store.rekey(&NEW_KEY).unwrap();
    store.snapshot(&NEW_KEY, &folder, noon() + SignedDuration::from_hours(24 * 9)).unwrap();
    let left = snapshots(&folder);
    assert_eq!(left.len(), 1);
    left[0].check(&NEW_KEY).unwrap();
}

#[test]
fn damaged_data_gives_no_copy() {
    let (_dir, path, folder, store) = world();
    store.snapshot(&KEY, &folder, noon()).unwrap();
    // So that the damage is not in a page that the log has as well.
    assert_eq!(store.problems().unwrap(), [""; 0]);
    damage(&path);
    let error = store.snapshot(&KEY, &folder, noon() + SignedDuration::from_hours(24)).unwrap_err();
    assert!(error.to_string().contains("damaged"), "{error}");
    assert_eq!(snapshots(&folder).len(), 1);
    // Nothing is taken of a store that is closed, or with another key.
    store.close().unwrap();
    assert!(store.snapshot(&KEY, &folder, noon()).is_err());
}

#[test]
fn a_copy_takes_the_place_of_a_damaged_file_which_stays() {
    let (dir, path, folder, store) = world();
    store.snapshot(&KEY, &folder, noon()).unwrap();
    store.put_conversation(&sample::conversation("later", 0)).unwrap();
    store.close().unwrap();
    let damaged = damage(&path);
    // A log that does not belong to the copy.
    fs::write(path.with_file_name("moltworker.db-wal"), "of the damaged one").unwrap();
    fs::write(path.with_file_name("moltworker.db-shm"), "of the damaged one").unwrap();
    assert!(Store::open(&path, &KEY).unwrap_err().is_damage());
    let copy = snapshots(&folder).remove(0);
    assert!(restore(&path, &NEW_KEY, &copy).is_err());
    let aside = restore(&path, &KEY, &copy).unwrap();
    let store = Store::open(&path, &KEY).unwrap();
    assert_eq!(store.conversations().unwrap().len(), CONVERSATIONS);
    store.put_conversation(&sample::conversation("after", 0)).unwrap();
    drop(store);
    assert_eq!(aside, dir.path().join("moltworker.db.damaged-1"));
    assert_eq!(fs::read(&aside).unwrap(), damaged);
    assert_eq!(fs::read(dir.path().join("moltworker.db.damaged-1-wal")).unwrap(), b"of the damaged one");
    // The copy is still a copy, and serves again.
    damage(&path);
    assert_eq!(restore(&path, &KEY, &copy).unwrap(), dir.path().join("moltworker.db.damaged-2"));
    assert_eq!(Store::open(&path, &KEY).unwrap().conversations().unwrap().len(), CONVERSATIONS);
    assert_eq!(fs::read(&aside).unwrap(), damaged);
}

#[test]
fn a_damaged_copy_is_not_put_back() {
    let (dir, path, folder, store) = world();
    store.snapshot(&KEY, &folder, noon()).unwrap();
    store.close().unwrap();
    let copy = snapshots(&folder).remove(0);
    damage(&copy.path);
    damage(&path);
    let before = files(&path.parent().unwrap().join("backups"));
    let data = fs::read(&path).unwrap();
    assert!(restore(&path, &KEY, &copy).unwrap_err().is_damage());
    assert_eq!((fs::read(&path).unwrap(), files(&folder)), (data, before));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn a_copy_is_taken_before_the_format_is_updated() {
    let (dir, path) = fresh();
    let folder = dir.path().join("backups");
    drop(Store::open_keeping(&path, &KEY, &folder, noon()).unwrap());
    assert_eq!(snapshots(&folder), [], "a new file has nothing to keep");
    // As an older version left it. Whether the last step can be done twice does not matter here.
    let hex: String = KEY.iter().map(|b| format!("{b:02x}")).collect();
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(&format!("PRAGMA key = \"x'{hex}'\"")).unwrap();
    let version: i64 = old.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    old.pragma_update(None, "user_version", version - 1).unwrap();
    old.close().unwrap();
    let updated = Store::open_keeping(&path, &KEY, &folder, noon());
    let copies = snapshots(&folder);
    assert_eq!(copies.len(), 1, "{:?}", updated.err());
    copies[0].check(&KEY).unwrap();
}
