//! How an object's bytes lie in its file: the one place that knows.
//!
//! Every file of the index starts with a header of [`HEADER_LEN`] bytes; after it comes the object, sealed in chunks
//! (`molt-seal`), or plain where there is no key. The rest of the store asks the [`Cipher`] for lengths, hands it the
//! parts of an object in order, and asks it for ranges of plain bytes. It must not know paths, object stores or Lance.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
};

use bytes::Bytes;
use molt_seal::{CHUNK, FILE_NONCE, FileKey, KEY_ID, Key, TAG};
use object_store::PutPayload;

/// The first bytes of every file that the store wrote.
pub(crate) const MAGIC: &[u8; 5] = b"MOLT1";

/// Bytes before the object: the magic (5), the format (1), two reserved, the key's id (8) and the file's nonce (16),
/// the last two zero where nothing is encrypted.
pub(crate) const HEADER_LEN: u64 = 32;

/// The format of a sealed file; that of a plain one is 0.
const SEALED: u8 = 1;
/// Where the parts of the header begin.
const FORMAT_AT: usize = 5;
const KEY_AT: usize = 8;
const NONCE_AT: usize = 16;

type Header = [u8; HEADER_LEN as usize];

/// With a key, what is written can be read by that key alone. Without one, files are a header and the plain bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cipher(Option<Key>);

impl Cipher {
    pub(crate) fn new(key: Option<Key>) -> Self {
        Self(key)
    }

    fn header(&self) -> Header {
        let mut header = [0; HEADER_LEN as usize];
        header[..MAGIC.len()].copy_from_slice(MAGIC);
        if let Some(key) = &self.0 {
            header[FORMAT_AT] = SEALED;
            header[KEY_AT..KEY_AT + KEY_ID].copy_from_slice(&key.id());
        }
        header
    }

    /// The length of the object in a file of `stored` bytes. A file too short for a header, or of a length that no
    /// sealed file has, is damaged and counts as empty here; opening it fails.
    pub(crate) fn plain_len(&self, stored: u64) -> u64 {
        let body = stored.saturating_sub(HEADER_LEN);
        if self.0.is_some() { molt_seal::plain_len(body).unwrap_or(0) } else { body }
    }

    /// Starts a new object. Fails when the system gives no random numbers.
    pub(crate) fn seal(&self) -> io::Result<Sealer> {
        let mut header = self.header();
        let file = self.0.as_ref().map(Key::new_file).transpose()?;
        if let Some(file) = &file {
            header[NONCE_AT..].copy_from_slice(&file.nonce());
        }
        Ok(Sealer { header: Some(Bytes::copy_from_slice(&header)), file, number: 0, held: Vec::new() })
    }

    /// Opens a file for reading. Blocks. Fails with `InvalidData` when the header is not one of this cipher.
    pub(crate) fn open(&self, mut file: File) -> io::Result<Sealed> {
        let header = read_header(&mut file)?;
        let nonce: [u8; FILE_NONCE] = header[NONCE_AT..].try_into().unwrap_or_default();
        let expected = self.header();
        if header[..NONCE_AT] != expected[..NONCE_AT] || (self.0.is_none() && nonce != [0; FILE_NONCE]) {
            return Err(damaged("its header is not one that this program writes"));
        }
        let body = file.metadata()?.len().saturating_sub(HEADER_LEN);
        let Some(key) = &self.0 else { return Ok(Sealed { file, key: None, length: body }) };
        let length = molt_seal::plain_len(body).ok_or_else(|| damaged("it was cut"))?;
        Ok(Sealed { file, key: Some(key.file(nonce)), length })
    }

    /// Whether this cipher seals, and the file is one that was written without a key.
    pub(crate) fn is_to_be_sealed(&self, file: &mut File) -> io::Result<bool> {
        Ok(self.0.is_some() && read_header(file).is_ok_and(|header| header == Self(None).header()))
    }
}

fn read_header(file: &mut File) -> io::Result<Header> {
    let mut header = [0; HEADER_LEN as usize];
    file.read_exact(&mut header).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => damaged("it is too short to hold its header"),
        _ => error,
    })?;
    Ok(header)
}

/// What every error about a damaged file says.
pub(crate) const DAMAGED: &str = "the file is damaged";

fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{DAMAGED}: {why}"))
}

/// Turns the parts of one object, given in order, into the bytes of its file.
#[derive(Debug)]
pub(crate) struct Sealer {
    /// Until it has been put in front of the first part.
    header: Option<Bytes>,
    file: Option<FileKey>,
    /// Of the next chunk.
    number: u64,
    /// Bytes whose chunk is not full yet, or might be the last: that one is marked.
    held: Vec<u8>,
}

impl Sealer {
    pub(crate) fn push(&mut self, part: PutPayload) -> PutPayload {
        let header = self.header.take().into_iter();
        if self.file.is_none() {
            return header.chain(part).collect();
        }
        let mut chunks: Vec<Bytes> = header.collect();
        for bytes in part {
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                if self.held.len() == CHUNK {
                    chunks.push(self.seal_held(false));
                }
                let (taken, left) = rest.split_at(rest.len().min(CHUNK - self.held.len()));
                self.held.extend_from_slice(taken);
                rest = left;
            }
        }
        chunks.into_iter().collect()
    }

    /// What must follow the last part.
    pub(crate) fn finish(mut self) -> PutPayload {
        let first = self.push(PutPayload::new());
        if self.file.is_none() {
            return first;
        }
        let last = self.seal_held(true);
        first.into_iter().chain([last]).collect()
    }

    fn seal_held(&mut self, last: bool) -> Bytes {
        let mut chunk = std::mem::replace(&mut self.held, Vec::with_capacity(CHUNK + TAG));
        if let Some(file) = &self.file {
            file.seal(self.number, last, &mut chunk);
            self.number += 1;
        }
        chunk.into()
    }
}

/// A file opened for reading.
#[derive(Debug)]
pub(crate) struct Sealed {
    file: File,
    key: Option<FileKey>,
    /// Plain bytes.
    length: u64,
}

impl Sealed {
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Reads a range of the object's plain bytes. Blocks. Fails with `UnexpectedEof` beyond the end, with `InvalidData`
    /// where it is not what was written.
    pub(crate) fn read(&mut self, range: Range<u64>) -> io::Result<Bytes> {
        if range.end > self.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let wanted = usize::try_from(range.end.saturating_sub(range.start)).map_err(io::Error::other)?;
        let Some(key) = &self.key else {
            let mut buffer = vec![0; wanted];
            self.file.seek(SeekFrom::Start(HEADER_LEN + range.start))?;
            self.file.read_exact(&mut buffer)?;
            return Ok(buffer.into());
        };
        let all = molt_seal::chunks(self.length);
        let first = range.start / CHUNK as u64;
        self.file.seek(SeekFrom::Start(HEADER_LEN + first * (CHUNK + TAG) as u64))?;
        let mut plain = Vec::with_capacity(wanted);
        let mut chunk = Vec::with_capacity(CHUNK + TAG);
        // Of the first chunk, these bytes are not wanted.
        let mut skipped = (range.start % CHUNK as u64) as usize;
        for number in first.. {
            if plain.len() == wanted {
                break;
            }
            chunk.clear();
            (&mut self.file).take((CHUNK + TAG) as u64).read_to_end(&mut chunk)?;
            key.open(number, number + 1 == all, &mut chunk)
                .map_err(|molt_seal::Damaged| damaged("a part of it is not what was written"))?;
            let part = chunk.get(skipped..).unwrap_or_default();
            plain.extend_from_slice(&part[..part.len().min(wanted - plain.len())]);
            skipped = 0;
        }
        Ok(plain.into())
    }
}
