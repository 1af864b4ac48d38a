//! What the model has computed of recent conversations, kept in sealed files, so that going on with one does not read it anew.
//!
//! Owns the files: which there are, whose tokens they hold, when they go. It must not know how a state is made or what it holds. A file
//! is a header of [`HEADER`] bytes (the magic, the key's id, the file's nonce) and then, in sealed chunks, the number of tokens (4
//! bytes, the smallest first), the tokens (4 bytes each) and the state. All is a cache: what cannot be read is removed.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    thread,
    time::SystemTime,
};

use molt_seal::{CHUNK, FILE_NONCE, KEY_ID, Key, TAG};

const MAGIC: &[u8; 8] = b"MOLTKV1\0";
const HEADER: usize = MAGIC.len() + KEY_ID + FILE_NONCE;
const ENDING: &str = "state";
/// A state of more tokens has them in more than the first chunk, which is all that is read of it at the start.
const MOST_TOKENS: usize = CHUNK / 4 - 1;
/// Threads that open a file: decryption is slower than memory.
const THREADS: usize = 2;

/// The states of one model.
pub struct States {
    folder: PathBuf,
    key: Key,
    /// Begins the names of this model's files.
    model: String,
    /// Bytes that all files of the folder may take, those of other models included.
    budget: u64,
    kept: Vec<Kept>,
}

struct Kept {
    path: PathBuf,
    tokens: Vec<i32>,
}

impl States {
    /// Looks at what is there. `model` tells this model, and all that its states depend on, from others; it becomes part of file names.
    pub fn open(folder: PathBuf, key: Key, model: String, budget: u64) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let mut states = Self { folder, key, model, budget, kept: Vec::new() };
        for (path, _, _) in files(&states.folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if !name.ends_with(ENDING) {
                // Of a worker that was killed while it wrote.
                remove(&path);
            } else if name.starts_with(&states.model) {
                match states.tokens_of(&path) {
                    Ok(tokens) => states.kept.push(Kept { path, tokens }),
                    Err(error) => {
                        tracing::info!(%error, "a kept state cannot be read and is removed");
                        remove(&path);
                    }
                }
            }
        }
        Ok(states)
    }

    /// The state that shares the most tokens with the beginning of `prompt`, and how many.
    pub fn best(&self, prompt: &[i32]) -> Option<(usize, usize)> {
        let same = |kept: &Kept| kept.tokens.iter().zip(prompt).take_while(|(a, b)| a == b).count();
        self.kept.iter().map(same).enumerate().max_by_key(|(_, same)| *same)
    }

    /// Hands over the tokens and the state, which may be hundreds of megabytes. One that cannot be read is forgotten.
    pub fn read<T>(&mut self, at: usize, take: impl FnOnce(&[i32], &[u8]) -> T) -> Option<T> {
        let Kept { path, tokens } = &self.kept[at];
        match self.open_file(path) {
            Ok(payload) => {
                // It was of use now.
                let _ = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
                Some(take(tokens, payload.get(4 + 4 * tokens.len()..)?))
            }
            Err(error) => {
                tracing::info!(%error, "a kept state cannot be read and is removed");
                self.forget(at);
                None
            }
        }
    }

    pub fn forget(&mut self, at: usize) {
        remove(&self.kept.remove(at).path);
    }

    /// Keeps a state in place of those that it goes on from, and makes room for it.
    pub fn keep(&mut self, tokens: &[i32], state: &[u8]) -> io::Result<()> {
        if tokens.is_empty() || tokens.len() > MOST_TOKENS {
            return Ok(());
        }
        let payload = molt_seal::sealed_len((4 + 4 * tokens.len() + state.len()) as u64) + HEADER as u64;
        if payload > self.budget {
            return Ok(());
        }
        while let Some(at) = self.kept.iter().position(|kept| tokens.starts_with(&kept.tokens)) {
            self.forget(at);
        }
        self.make_room(payload)?;
        let path = self.write(tokens, state)?;
        self.kept.push(Kept { path, tokens: tokens.to_vec() });
        Ok(())
    }

    /// Removes the files that were of no use for the longest time.
    fn make_room(&mut self, wanted: u64) -> io::Result<()> {
        let mut all = files(&self.folder)?;
        all.sort_by_key(|(_, used, _)| *used);
        let mut taken: u64 = all.iter().map(|(_, _, bytes)| bytes).sum();
        for (path, _, bytes) in all {
            if taken + wanted <= self.budget {
                break;
            }
            remove(&path);
            self.kept.retain(|kept| kept.path != path);
            taken -= bytes;
        }
        Ok(())
    }

    fn write(&self, tokens: &[i32], state: &[u8]) -> io::Result<PathBuf> {
        let file = self.key.new_file()?;
        let name: String = file.nonce().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let path = self.folder.join(format!("{}-{name}.{ENDING}", self.model));
        let part = path.with_extension("part");
        let mut out = io::BufWriter::new(File::create(&part)?);
        out.write_all(MAGIC)?;
        out.write_all(&self.key.id())?;
        out.write_all(&file.nonce())?;
        let mut head = u32::try_from(tokens.len()).map_err(io::Error::other)?.to_le_bytes().to_vec();
        head.extend(tokens.iter().flat_map(|token| token.to_le_bytes()));
        let mut rest = head[..].chain(state);
        let all = molt_seal::chunks((head.len() + state.len()) as u64);
        let mut chunk = Vec::with_capacity(CHUNK + TAG);
        for number in 0..all {
            chunk.clear();
            rest.by_ref().take(CHUNK as u64).read_to_end(&mut chunk)?;
            file.seal(number, number + 1 == all, &mut chunk);
            out.write_all(&chunk)?;
        }
        // A cache need not be on the disk after a power cut: a file that is cut is noticed.
        out.into_inner().map_err(io::IntoInnerError::into_error)?;
        fs::rename(&part, &path)?;
        Ok(path)
    }

    fn tokens_of(&self, path: &Path) -> io::Result<Vec<i32>> {
        let sealed = Sealed::new(&self.key, path)?;
        let mut first = vec![0; CHUNK.min(sealed.plain as usize)];
        sealed.open(0, &mut first)?;
        let count = first.get(..4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes) as usize;
        let tokens = first.get(4..4 + 4 * count.min(MOST_TOKENS)).ok_or(io::ErrorKind::InvalidData)?;
        Ok(tokens.chunks_exact(4).map(|bytes| i32::from_le_bytes(bytes.try_into().unwrap_or_default())).collect())
    }

    fn open_file(&self, path: &Path) -> io::Result<Vec<u8>> {
        let sealed = Sealed::new(&self.key, path)?;
        let mut plain = vec![0; usize::try_from(sealed.plain).map_err(io::Error::other)?];
        let part = plain.len().div_ceil(CHUNK).div_ceil(THREADS).max(1);
        thread::scope(|scope| {
            let workers: Vec<_> = plain
                .chunks_mut(part * CHUNK)
                .enumerate()
                .map(|(at, plain)| {
                    scope.spawn({
                        let sealed = &sealed;
                        move || sealed.open((at * part) as u64, plain)
                    })
                })
                .collect();
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().unwrap_or_else(|_| Err(io::Error::other("a thread failed"))))
        })?;
        Ok(plain)
    }
}

/// A file whose header was read.
struct Sealed<'a> {
    path: &'a Path,
    file: molt_seal::FileKey,
    /// Bytes.
    plain: u64,
}

impl<'a> Sealed<'a> {
    fn new(key: &Key, path: &'a Path) -> io::Result<Self> {
        let mut opened = File::open(path)?;
        let mut header = [0; HEADER];
        opened.read_exact(&mut header)?;
        let (magic, rest) = header.split_at(MAGIC.len());
        let (id, nonce) = rest.split_at(KEY_ID);
        if magic != MAGIC || id != key.id() {
            return Err(damaged("it is of another kind or key"));
        }
        let body = opened.metadata()?.len() - HEADER as u64;
        let plain = molt_seal::plain_len(body).ok_or_else(|| damaged("it was cut"))?;
        Ok(Self { path, file: key.file(nonce.try_into().map_err(io::Error::other)?), plain })
    }

    /// Fills `plain` with the chunks from number `first` on.
    fn open(&self, first: u64, plain: &mut [u8]) -> io::Result<()> {
        let all = molt_seal::chunks(self.plain);
        let mut opened = File::open(self.path)?;
        opened.seek(SeekFrom::Start(HEADER as u64 + first * (CHUNK + TAG) as u64))?;
        let mut chunk = Vec::with_capacity(CHUNK + TAG);
        for (number, part) in (first..).zip(plain.chunks_mut(CHUNK)) {
            chunk.clear();
            (&mut opened).take((part.len() + TAG) as u64).read_to_end(&mut chunk)?;
            self.file.open(number, number + 1 == all, &mut chunk).map_err(|_| damaged("a part was changed"))?;
            part.copy_from_slice(&chunk);
        }
        Ok(())
    }
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Files, when they were last of use, and their bytes.
fn files(folder: &Path) -> io::Result<Vec<(PathBuf, SystemTime, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let data = entry.metadata()?;
        if data.is_file() {
            found.push((entry.path(), data.modified()?, data.len()));
        }
    }
    Ok(found)
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::info!(%error, "a kept state could not be removed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new(&[3; molt_seal::KEY])
    }

    fn open(folder: &Path, model: &str, budget: u64) -> States {
        States::open(folder.to_owned(), key(), model.into(), budget).unwrap()
    }

    fn owned(tokens: &[i32], state: &[u8]) -> (Vec<i32>, Vec<u8>) {
        (tokens.to_vec(), state.to_vec())
    }

    fn names(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn the_state_with_the_longest_beginning_is_found_also_later() {
        let folder = tempfile::tempdir().unwrap();
        let mut states = open(folder.path(), "m", 1 << 30);
        let long: Vec<u8> = (0..3 * CHUNK + 17).map(|at| at as u8).collect();
        states.keep(&[1, 2, 3], b"short").unwrap();
        states.keep(&[1, 9], &long).unwrap();
        states.keep(&[5], b"").unwrap();
        for mut states in [states, open(folder.path(), "m", 1 << 30)] {
            let find = |states: &mut States, prompt: &[i32]| {
                let (at, same) = states.best(prompt).unwrap();
                (same, states.read(at, owned).unwrap())
            };
            assert_eq!(find(&mut states, &[1, 2, 3, 4]), (3, (vec![1, 2, 3], b"short".to_vec())));
            assert_eq!(find(&mut states, &[1, 9, 9]), (2, (vec![1, 9], long.clone())));
            assert_eq!(find(&mut states, &[5, 1]), (1, (vec![5], Vec::new())));
            assert_eq!(states.best(&[7]).unwrap().1, 0);
        }
        assert!(open(folder.path(), "other", 1 << 30).best(&[1, 2, 3]).is_none());
        let stored = fs::read_dir(folder.path()).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
        assert!(stored.into_iter().all(|bytes| !bytes.windows(5).any(|part| part == b"short")));
    }

    #[test]
    fn a_longer_conversation_takes_the_place_of_its_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let mut states = open(folder.path(), "m", 1 << 30);
        states.keep(&[1, 2], b"a").unwrap();
        states.keep(&[1, 2, 3], b"b").unwrap();
        assert_eq!(names(folder.path()), 1);
        let most: Vec<i32> = (0..MOST_TOKENS as i32).collect();
        states.keep(&most, b"c").unwrap();
        states.keep(&[most.clone(), vec![1]].concat(), b"too many").unwrap();
        assert_eq!(names(folder.path()), 2);
        let mut again = open(folder.path(), "m", 1 << 30);
        let (at, same) = again.best(&most).unwrap();
        assert_eq!((same, again.read(at, owned).unwrap().1), (MOST_TOKENS, b"c".to_vec()));
    }

    #[test]
    fn what_was_of_no_use_goes_when_room_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        let mut states = open(folder.path(), "m", 3 * 1100);
        let set_used = |states: &States, at: usize, seconds: u64| {
            let file = File::options().write(true).open(&states.kept[at].path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).unwrap();
        };
        for token in 0..3 {
            states.keep(&[token], &[0; 1000]).unwrap();
            set_used(&states, token as usize, 10 - token as u64);
        }
        states.keep(&[3], &[0; 1000]).unwrap();
        assert_eq!(states.kept.iter().map(|kept| kept.tokens[0]).collect::<Vec<_>>(), [0, 1, 3]);
        states.keep(&[4], &[0; 100_000]).unwrap();
        assert_eq!(names(folder.path()), 3, "one that has no room at all pushes none out");
    }

    #[test]
    fn what_was_changed_cut_or_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let mut states = open(folder.path(), "m", 1 << 30);
        states.keep(&[1, 2, 3], &[7; 200_000]).unwrap();
        let path = states.kept[0].path.clone();
        let stored = fs::read(&path).unwrap();
        fs::write(folder.path().join("m-left.part"), b"half").unwrap();
        for place in [0, 8, 16, 40, 100, 70_000, stored.len() - 1] {
            let mut changed = stored.clone();
            changed[place] ^= 1;
            fs::write(&path, &changed).unwrap();
            let mut again = open(folder.path(), "m", 1 << 30);
            let read = again.best(&[1, 2, 3]).and_then(|(at, _)| again.read(at, owned));
            assert!(read.is_none() && names(folder.path()) == 0, "byte {place}");
        }
        for length in [0, 10, HEADER, HEADER + 5, stored.len() - 1] {
            fs::write(&path, &stored[..length]).unwrap();
            let mut again = open(folder.path(), "m", 1 << 30);
            let read = again.best(&[1, 2, 3]).and_then(|(at, _)| again.read(at, owned));
            assert!(read.is_none() && names(folder.path()) == 0, "{length} bytes");
        }
        fs::write(&path, &stored).unwrap();
        let other =
            States::open(folder.path().to_owned(), Key::new(&[4; molt_seal::KEY]), "m".into(), 1 << 30).unwrap();
        assert!(other.best(&[1]).is_none());
    }
}
