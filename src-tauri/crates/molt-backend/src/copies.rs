//! Copies of the data: when one is due, and which one could take the place of damaged data.
//!
//! Owns where they lie. It must not know how one is made or put back, which is the store's business.

use std::{fs, path::Path, time::SystemTime};

use jiff::{SignedDuration, Timestamp};
use molt_os::{DataDir, Keys, StoreKey};
use molt_store::{OpenError, Snapshot, Store, snapshots};

/// At most one in this time.
const APART: SignedDuration = SignedDuration::from_hours(24);

/// Keys that fit, and a sound copy that they open.
pub struct Spare {
    pub keys: Keys,
    pub key: StoreKey,
    pub copy: Snapshot,
}

/// Opens the database with one of the keys; `Ok(None)` where it has another key. With copies of it there a database that is gone is
/// not made anew.
pub fn open(data: &DataDir, keys: &Keys, key: &StoreKey, now: Timestamp) -> Result<Option<Store>, OpenError> {
    let (path, folder) = (data.database(), data.backups());
    if !path.try_exists().unwrap_or(true) && newest_sound(data, keys).is_some() {
        return Err(OpenError::Gone { path });
    }
    match Store::open_keeping(&path, key.as_bytes(), &folder, now) {
        Ok(store) => Ok(Some(store)),
        Err(OpenError::WrongKey { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The newest copy without damage. Reads it, and those that are damaged.
pub fn newest_sound(data: &DataDir, keys: &Keys) -> Option<Spare> {
    for copy in snapshots(&data.backups()) {
        for set in keys.candidates() {
            let key = set.database();
            match copy.check(key.as_bytes()) {
                Ok(()) => return Some(Spare { keys: keys.clone(), key, copy }),
                Err(error) => tracing::warn!(%error, "this copy of the data does not serve"),
            }
        }
    }
    None
}

/// A day has passed since the last one, and something has changed.
pub fn is_due(data: &DataDir, now: Timestamp) -> bool {
    let Some(newest) = snapshots(&data.backups()).into_iter().next() else { return true };
    // A clock that was wrong for a while must not put the next one off for years.
    let is_apart = now.duration_since(newest.taken_at).abs() >= APART;
    let database = data.database();
    let log = database.with_extension("db-wal");
    is_apart && [database.as_path(), &log].into_iter().filter_map(changed_at).max() > changed_at(&newest.path)
}

fn changed_at(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|file| file.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn noon() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn changed(path: &Path, seconds: u64) {
        let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        fs::File::options().append(true).open(path).unwrap().set_modified(time).unwrap();
    }

    #[test]
    fn one_is_due_after_a_day_in_which_something_changed() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::at(folder.path());
        assert!(is_due(&data, noon()));
        let store = Store::open(data.database(), &KEY).unwrap();
        store.snapshot(&KEY, &data.backups(), noon()).unwrap();
        store.close().unwrap();
        let copy = snapshots(&data.backups()).remove(0).path;
        let hours = |count| noon() + SignedDuration::from_hours(count);
        changed(&copy, 2_000_000_000);
        changed(&data.database(), 2_000_000_001);
        assert!(!is_due(&data, hours(23)));
        assert!(is_due(&data, hours(24)));
        // The clock was in the future when the copy was taken.
        assert!(is_due(&data, hours(-24)));
        changed(&data.database(), 1_999_999_999);
        assert!(!is_due(&data, hours(24)));
        // What has changed may still lie in the log.
        let log = data.database().with_extension("db-wal");
        fs::write(&log, "").unwrap();
        changed(&log, 2_000_000_001);
        assert!(is_due(&data, hours(24)));
    }
}
