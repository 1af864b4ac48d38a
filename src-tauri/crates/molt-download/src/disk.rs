//! The two things of a disk that go wrong: it fills up, and writing fails. Behind a trait, so that a test can make them.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

pub trait Disk: Send + Sync {
    /// Bytes that can still be written at `path`, which exists; none where the system does not tell.
    fn free_space(&self, path: &Path) -> Option<u64>;
    /// Appends all bytes at the file's position.
    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()>;
}

/// The disk of this machine, with its way of telling the free space.
#[derive(Debug, Clone, Copy)]
pub struct RealDisk {
    pub free_space: fn(&Path) -> Option<u64>,
}

impl Disk for RealDisk {
    fn free_space(&self, path: &Path) -> Option<u64> {
        (self.free_space)(path)
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }
}

/// Makes a name in a folder durable. Windows has no such call and needs none.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
