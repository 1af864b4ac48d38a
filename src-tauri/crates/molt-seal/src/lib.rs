//! Files that can be read and changed with a key alone: their bytes in chunks, each sealed for its place in its file.
//!
//! Owns how chunks are sealed and how long they are. It must not know what is in them or where they lie.
//!
//! A chunk is sealed by XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03). Its nonce is the file's random 16 bytes, from which the cipher
//! itself derives a key of the file's own (HChaCha20), then the number of the chunk (7 bytes, the largest first) and 1 for the last
//! chunk, else 0. So a chunk cannot be moved, left out or given to another file, nor a file cut, without being noticed: the
//! construction is STREAM of Hoang, Reyhanitabar, Rogaway and Vizár (2015), which `age` uses as well.

use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce, aead::AeadInOut};

/// Bytes of a key.
pub const KEY: usize = 32;
/// Bytes of every chunk before it is sealed, the last one excepted.
pub const CHUNK: usize = 64 << 10;
/// Bytes that sealing adds to a chunk.
pub const TAG: usize = 16;
/// Random bytes that tell a file from all others.
pub const FILE_NONCE: usize = 16;
/// Bytes that tell one key from another and nothing about it.
pub const KEY_ID: usize = 8;

const SEALED_CHUNK: u64 = (CHUNK + TAG) as u64;
const ID_CONTEXT: &str = "moltworker 2026-11 id of a key that seals files";

/// The chunk is not what was sealed: changed, of another place, another file or another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damaged;

/// A key for any number of files. It never shows its bytes.
#[derive(Clone)]
pub struct Key {
    cipher: XChaCha20Poly1305,
    id: [u8; KEY_ID],
}

impl Key {
    pub fn new(bytes: &[u8; KEY]) -> Self {
        let mut id = [0; KEY_ID];
        id.copy_from_slice(&blake3::derive_key(ID_CONTEXT, bytes)[..KEY_ID]);
        Self { cipher: XChaCha20Poly1305::new(bytes.into()), id }
    }

    pub fn id(&self) -> [u8; KEY_ID] {
        self.id
    }

    /// A new file.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new_file(&self) -> std::io::Result<FileKey> {
        let mut nonce = [0; FILE_NONCE];
        getrandom::fill(&mut nonce).map_err(|error| std::io::Error::other(error.to_string()))?;
        Ok(self.file(nonce))
    }

    /// A file that was sealed with this nonce.
    pub fn file(&self, nonce: [u8; FILE_NONCE]) -> FileKey {
        FileKey { cipher: self.cipher.clone(), nonce }
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// What seals and opens the chunks of one file.
#[derive(Clone)]
pub struct FileKey {
    cipher: XChaCha20Poly1305,
    nonce: [u8; FILE_NONCE],
}

impl FileKey {
    pub fn nonce(&self) -> [u8; FILE_NONCE] {
        self.nonce
    }

    /// Seals a chunk in place; it grows by [`TAG`]. Every chunk has [`CHUNK`] bytes, the last one at most as many, and none of them only
    /// in an empty file. The same place of the same file must not be sealed twice with different bytes.
    pub fn seal(&self, number: u64, last: bool, chunk: &mut Vec<u8>) {
        let sealed = self.cipher.encrypt_in_place(&self.place(number, last), b"", chunk);
        // It fails only above 256 GiB.
        debug_assert!(sealed.is_ok());
    }

    /// Opens a chunk in place; it shrinks by [`TAG`].
    pub fn open(&self, number: u64, last: bool, chunk: &mut Vec<u8>) -> Result<(), Damaged> {
        self.cipher.decrypt_in_place(&self.place(number, last), b"", chunk).map_err(|_| Damaged)
    }

    fn place(&self, number: u64, last: bool) -> XNonce {
        let mut nonce = XNonce::default();
        nonce[..FILE_NONCE].copy_from_slice(&self.nonce);
        nonce[FILE_NONCE..23].copy_from_slice(&number.to_be_bytes()[1..]);
        nonce[23] = u8::from(last);
        nonce
    }
}

impl std::fmt::Debug for FileKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileKey(…)")
    }
}

/// Chunks of a file of so many plain bytes.
pub fn chunks(plain: u64) -> u64 {
    plain.div_ceil(CHUNK as u64).max(1)
}

/// Sealed bytes of a file of so many plain ones.
pub fn sealed_len(plain: u64) -> u64 {
    plain + chunks(plain) * TAG as u64
}

/// Plain bytes of a file of so many sealed ones; `None` when no file has this length.
pub fn plain_len(sealed: u64) -> Option<u64> {
    let chunks = sealed.div_ceil(SEALED_CHUNK);
    let plain = sealed.checked_sub(chunks * TAG as u64)?;
    (chunks > 0 && sealed_len(plain) == sealed).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Key {
        Key::new(&[byte; KEY])
    }

    fn sealed(file: &FileKey, number: u64, last: bool, text: &[u8]) -> Vec<u8> {
        let mut chunk = text.to_vec();
        file.seal(number, last, &mut chunk);
        chunk
    }

    #[test]
    fn a_chunk_opens_in_its_place_alone() {
        let file = key(1).new_file().unwrap();
        let chunk = sealed(&file, 3, false, b"a secret");
        assert_eq!(chunk.len(), 8 + TAG);
        assert!(!chunk.windows(6).any(|part| part == b"secret"));
        let open = |file: &FileKey, number, last, chunk: &[u8]| {
            let mut chunk = chunk.to_vec();
            file.open(number, last, &mut chunk).map(|()| chunk)
        };
        assert_eq!(open(&file, 3, false, &chunk), Ok(b"a secret".to_vec()));
        assert_eq!(open(&key(1).file(file.nonce()), 3, false, &chunk), Ok(b"a secret".to_vec()));
        for elsewhere in [
            open(&file, 4, false, &chunk),
            open(&file, 3, true, &chunk),
            open(&file, 3 | 1 << 40, false, &chunk),
            open(&key(1).new_file().unwrap(), 3, false, &chunk),
            open(&key(2).file(file.nonce()), 3, false, &chunk),
            open(&file, 3, false, &chunk[..chunk.len() - 1]),
            open(&file, 3, false, &[]),
        ] {
            assert_eq!(elsewhere, Err(Damaged));
        }
        for at in 0..chunk.len() {
            let mut changed = chunk.clone();
            changed[at] ^= 1;
            assert_eq!(open(&file, 3, false, &changed), Err(Damaged), "byte {at}");
        }
    }

    /// The test vector of draft-irtf-cfrg-xchacha-03, A.3.1, has associated data, which is not used here; this one was computed by libsodium
    /// (`crypto_aead_xchacha20poly1305_ietf_encrypt`) with key 00..1f, nonce 40..4f 00..00 05 01 and the text "moltworker".
    #[test]
    fn other_programs_seal_alike() {
        let bytes: [u8; KEY] = std::array::from_fn(|at| at as u8);
        let file = Key::new(&bytes).file(std::array::from_fn(|at| 0x40 + at as u8));
        let hex: String = sealed(&file, 5, true, b"moltworker").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "0b23d16f4ffc3dfad44f5a23248ed6813b82261455687ca874a2");
    }

    #[test]
    fn lengths_go_both_ways() {
        let chunk = CHUNK as u64;
        for plain in [0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 7 * chunk + 123, 1 << 50] {
            assert_eq!(plain_len(sealed_len(plain)), Some(plain), "{plain}");
        }
        assert_eq!((sealed_len(0), sealed_len(1), sealed_len(chunk + 1)), (16, 17, chunk + 1 + 32));
        for no_file in [0, 1, 15, SEALED_CHUNK + 1, SEALED_CHUNK + 16] {
            assert_eq!(plain_len(no_file), None, "{no_file}");
        }
    }

    #[test]
    fn a_key_tells_itself_from_others_and_shows_nothing() {
        assert_eq!(key(1).id(), key(1).id());
        assert_ne!(key(1).id(), key(2).id());
        assert_ne!(key(1).id(), [1; KEY_ID]);
        assert_eq!(format!("{:?} {:?}", key(1), key(1).file([7; FILE_NONCE])), "Key(…) FileKey(…)");
    }
}
