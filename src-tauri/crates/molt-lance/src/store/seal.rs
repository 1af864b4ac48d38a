//! How an object's bytes lie in its file: the one place that knows.
//!
//! Every file of the index starts with a header of [`HEADER_LEN`] bytes; after it comes the object. The [`Cipher`] of
//! today leaves the bytes as they are. An encrypting one changes this file alone: the rest of the store asks it for
//! lengths, hands it the parts of an object in order, and asks it for ranges of plain bytes. It must not know paths,
//! object stores or Lance.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
};

use bytes::Bytes;
use object_store::PutPayload;

/// The first bytes of every file that the store wrote.
pub(crate) const MAGIC: &[u8; 5] = b"MOLT1";

/// Bytes before the object: the magic (5), the format (1; 0 is plain), two reserved, the key's id (8) and the file's
/// nonce (16), the last two zero while nothing is encrypted. The room is taken now, so that files with and without
/// encryption have the same layout.
pub(crate) const HEADER_LEN: u64 = 32;

/// The null cipher: a header, then the plain bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cipher;

impl Cipher {
    fn header(self) -> Bytes {
        let mut header = vec![0; HEADER_LEN as usize];
        header[..MAGIC.len()].copy_from_slice(MAGIC);
        header.into()
    }

    /// The length of the object in a file of `stored` bytes. A file too short for a header is damaged and counts as
    /// empty here; opening it fails.
    pub(crate) fn plain_len(self, stored: u64) -> u64 {
        stored.saturating_sub(HEADER_LEN)
    }

    /// Starts a new object.
    pub(crate) fn seal(self) -> Sealer {
        Sealer { header: Some(self.header()) }
    }

    /// Opens a sealed file for reading. Blocks. Fails with `InvalidData` when the header is not ours.
    pub(crate) fn open(self, mut file: File) -> io::Result<Sealed> {
        let mut header = [0; HEADER_LEN as usize];
        file.read_exact(&mut header).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged("it is too short to hold its header"),
            _ => error,
        })?;
        if header[..] != self.header()[..] {
            return Err(damaged("its header is not one that this program writes"));
        }
        Ok(Sealed { file })
    }
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the file is damaged: {why}"))
}

/// Turns the parts of one object, given in order, into the bytes of its file.
#[derive(Debug)]
pub(crate) struct Sealer {
    /// Until it has been put in front of the first part.
    header: Option<Bytes>,
}

impl Sealer {
    pub(crate) fn push(&mut self, part: PutPayload) -> PutPayload {
        match self.header.take() {
            Some(header) => std::iter::once(header).chain(part).collect(),
            None => part,
        }
    }

    /// What must follow the last part; often nothing.
    pub(crate) fn finish(mut self) -> PutPayload {
        self.push(PutPayload::new())
    }
}

/// A file opened for reading.
#[derive(Debug)]
pub(crate) struct Sealed {
    file: File,
}

impl Sealed {
    /// Reads a range of the object's plain bytes. Blocks. Fails with `UnexpectedEof` beyond the end.
    pub(crate) fn read(&mut self, range: Range<u64>) -> io::Result<Bytes> {
        let length = usize::try_from(range.end.saturating_sub(range.start)).map_err(io::Error::other)?;
        let mut buffer = vec![0; length];
        self.file.seek(SeekFrom::Start(HEADER_LEN + range.start))?;
        self.file.read_exact(&mut buffer)?;
        Ok(buffer.into())
    }
}
