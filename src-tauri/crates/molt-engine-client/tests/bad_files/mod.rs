//! Hand-made model files that lie, and what is to be said of each.
//!
//! The tests of the client look at each of them from outside, those of the workers run the ones that look sound from there.

pub mod chats;
pub mod folders;
pub mod headers;
pub mod maker;
pub mod metadata;
pub mod uqff;

use std::{fs::File, path::Path};

/// A model file that lies.
pub struct Case {
    pub name: String,
    pub bytes: Vec<u8>,
    /// The length of the file, where it is more than its bytes: the rest is empty space that takes no room on the disk.
    pub length: Option<u64>,
    /// The refusal holds one of these. None of them: it looks sound from outside, and its worker refuses it or runs it.
    pub says: Vec<&'static str>,
}

impl Case {
    pub fn new(name: impl Into<String>, bytes: Vec<u8>, says: &[&'static str]) -> Self {
        Self { name: name.into(), bytes, length: None, says: says.to_vec() }
    }

    pub fn write(&self, path: &Path) {
        std::fs::write(path, &self.bytes).unwrap();
        if let Some(length) = self.length {
            File::options().write(true).open(path).unwrap().set_len(length).unwrap();
        }
    }
}
