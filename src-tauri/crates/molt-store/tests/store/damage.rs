//! Damaged files: each opens sound or is refused by name, and is never made anew.

use super::*;

const MUTANTS: u64 = 2_000;
const SEED: u64 = 20_261_122;
const TASKS: usize = 60;
const LATER: usize = 20;

/// A closed file, and one that was killed with half of its tasks still in the log.
struct Originals {
    closed: Vec<(PathBuf, Vec<u8>)>,
    killed: Vec<(PathBuf, Vec<u8>)>,
}

fn put(store: &Store, number: usize) {
    let words = format!("task {number} ").repeat(20 + number * 11 % 400);
    store.put_task(&Task { notes: words, ..sample::task(&format!("t{number}"), "a task") }, &[]).unwrap();
}

fn originals() -> Originals {
    let (dir, path) = fresh();
    let store = Store::open(&path, &KEY).unwrap();
    (0..TASKS).for_each(|number| put(&store, number));
    // Pages that nothing needs any more.
    store.put_conversation(&sample::conversation("a", 0)).unwrap();
    for text in ["long ".repeat(20_000), "short".into()] {
        store.put_message(&sample::message("m", "a", Role::User, &text)).unwrap();
    }
    store.close().unwrap();
    drop(store);
    let closed = files(dir.path());
    let store = Store::open(&path, &KEY).unwrap();
    (TASKS..TASKS + LATER).for_each(|number| put(&store, number));
    let killed = files(dir.path()).into_iter().filter(|(path, _)| !path.ends_with("moltworker.db-shm")).collect();
    Originals { closed, killed }
}

/// What one mutant is, in words for a failing test.
fn mutate(rng: &mut Rng, content: &mut Vec<u8>) -> String {
    let page = 4096;
    let length = content.len() as u64;
    let pages = length / page;
    let at = |rng: &mut Rng| rng.below(length) as usize;
    match rng.below(9) {
        0..=2 => {
            let flips = 1 << rng.below(7);
            for _ in 0..flips {
                let place = at(rng);
                content[place] ^= 1 << rng.below(8);
            }
            format!("{flips} bits flipped")
        }
        3 => {
            let keep = at(rng);
            content.truncate(keep);
            format!("cut to {keep}")
        }
        4 => {
            let keep = rng.below(pages) * page;
            content.truncate(keep as usize);
            format!("cut to {keep}")
        }
        5 => {
            let first = (rng.below(pages) * page) as usize;
            content[first..first + page as usize].fill(0);
            format!("page at {first} zeroed")
        }
        6 => {
            // What SQLite and SQLCipher read first: salt, page size, versions, sizes; or the header of the log.
            let place = rng.below(100) as usize;
            content[place] = *rng.pick(&[0x00, 0x01, 0x7f, 0x80, 0xff]);
            format!("byte {place} of the header set")
        }
        7 => {
            let (one, other) = (rng.below(pages) * page, rng.below(pages) * page);
            for offset in 0..page {
                content.swap((one + offset) as usize, (other + offset) as usize);
            }
            format!("pages at {one} and {other} swapped")
        }
        _ => {
            let more = rng.below(3 * page) as usize;
            content.extend((0..more).map(|byte| byte as u8));
            format!("{more} bytes appended")
        }
    }
}

/// Opens what lies in the folder. Gives how many tasks there are; every one of them as it was.
fn open(dir: &Path) -> Result<usize, String> {
    let store = Store::open(dir.join("moltworker.db"), &KEY).map_err(|error| {
        assert!(error.is_damage(), "{error:?}");
        assert!(error.to_string().contains("left as it"), "{error}");
        error.to_string()
    })?;
    assert_eq!(store.problems().unwrap(), [""; 0]);
    let tasks = store.tasks().unwrap();
    for task in &tasks {
        let number: usize = task.id.to_string()[1..].parse().unwrap();
        let words = format!("task {number} ").repeat(20 + number * 11 % 400);
        assert_eq!(task.notes, words);
    }
    Ok(tasks.len())
}

fn lay(dir: &Path, files: &[(PathBuf, Vec<u8>)]) {
    for (path, content) in files {
        fs::write(dir.join(path.file_name().unwrap()), content).unwrap();
    }
}

#[test]
fn two_thousand_damaged_files_open_sound_or_are_refused() {
    let originals = originals();
    let page = 4096;
    assert!(originals.closed.len() == 1 && originals.closed[0].1.len() > 40 * page, "{}", originals.closed[0].1.len());
    assert!(originals.killed.len() == 2 && originals.killed[1].1.len() > 10 * page, "{}", originals.killed[1].1.len());
    let workers = 2;
    let opened: u64 = std::thread::scope(|scope| {
        let originals = &originals;
        let run = |worker: u64| {
            scope.spawn(move || {
                (worker..MUTANTS).step_by(workers as usize).map(|number| one(originals, number)).sum::<u64>()
            })
        };
        let threads: Vec<_> = (0..workers).map(run).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    // Where the log is damaged what was in the file before stays; where the file is, nothing of it is to be trusted.
    assert!((50..MUTANTS - 500).contains(&opened), "{opened} of {MUTANTS} opened, seed {SEED}");
}

/// 1 when it opened.
fn one(originals: &Originals, number: u64) -> u64 {
    let mut rng = Rng::new(SEED ^ number.wrapping_mul(0x9E37));
    let dir = tempfile::tempdir().unwrap();
    let is_log = number % 4 == 3;
    let mut files = if is_log { originals.killed.clone() } else { originals.closed.clone() };
    let what = mutate(&mut rng, &mut files[usize::from(is_log)].1);
    lay(dir.path(), &files);
    let result = std::panic::catch_unwind(|| open(dir.path()));
    let said = format!("mutant {number} (log: {is_log}, {what}, seed {SEED})");
    let result = result.unwrap_or_else(|_| panic!("{said}"));
    let is_same = |file: &(PathBuf, Vec<u8>)| {
        fs::read(dir.path().join(file.0.file_name().unwrap())).is_ok_and(|content| content == file.1)
    };
    match result {
        Ok(tasks) if is_log => assert!((TASKS..=TASKS + LATER).contains(&tasks), "{said}: {tasks} tasks"),
        Ok(tasks) => assert_eq!(tasks, TASKS, "{said}"),
        Err(ref error) => assert!(files.iter().all(is_same), "{said}: something was changed after: {error}"),
    }
    u64::from(result.is_ok())
}

#[test]
fn a_file_without_its_log_opens_as_it_was_before() {
    let originals = originals();
    let dir = tempfile::tempdir().unwrap();
    lay(dir.path(), &originals.killed);
    assert_eq!(open(dir.path()), Ok(TASKS + LATER));
    let dir = tempfile::tempdir().unwrap();
    lay(dir.path(), &originals.killed[..1]);
    assert_eq!(open(dir.path()), Ok(TASKS));
}

#[test]
fn a_log_without_its_file_is_not_forgotten() {
    let originals = originals();
    let dir = tempfile::tempdir().unwrap();
    lay(dir.path(), &originals.killed[1..]);
    let error = Store::open(dir.path().join("moltworker.db"), &KEY).unwrap_err();
    assert!(matches!(error, OpenError::Gone { .. }), "{error:?}");
    assert_eq!(files(dir.path()).len(), 1);
    assert_eq!(files(dir.path())[0].1, originals.killed[1].1);
}

#[test]
fn an_empty_file_is_not_filled_anew() {
    let (dir, path) = fresh();
    fs::write(&path, "").unwrap();
    let error = Store::open(&path, &KEY).unwrap_err();
    assert!(matches!(error, OpenError::Gone { .. }), "{error:?}");
    assert_eq!(files(dir.path()), [(path.clone(), Vec::new())]);
}

#[test]
fn a_file_that_was_being_made_is_made_again() {
    let (dir, path) = fresh();
    fs::write(dir.path().join("moltworker.db.new"), "half of it").unwrap();
    fs::write(dir.path().join("moltworker.db.new-journal"), "and how to undo it").unwrap();
    put(&Store::open(&path, &KEY).unwrap(), 1);
    assert_eq!(open(dir.path()), Ok(1));
    assert_eq!(files(dir.path()).len(), 1);
}
