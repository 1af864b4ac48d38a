//! Keys of 256 bits, random secrets, and how they are written down.

use std::{fmt::Write as _, path::PathBuf};

use zeroize::Zeroizing;

/// Bytes.
pub(crate) const KEY_LENGTH: usize = 32;

/// The text is one plain sentence for people.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the key file {} is missing, and without it the stored chats and tasks cannot be opened; put it back from a backup, or move the data folder away to start anew", .0.display())]
    Missing(PathBuf),
    #[error("the key file {} is damaged, and without it the stored chats and tasks cannot be opened; put it back from a backup, or move the data folder away to start anew", .0.display())]
    Damaged(PathBuf),
    #[error("the key file {} was written by a newer version of the program; install that version again", .0.display())]
    Newer(PathBuf),
    #[error("the key file {} asks for weaker protection of the passphrase than this program allows; it was changed by someone, so put it back from a backup", .0.display())]
    Weakened(PathBuf),
    #[error("the key file {} cannot be used: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("the system gave no random numbers, so no key could be made: {0}")]
    Random(String),
    #[error("this is not the passphrase")]
    WrongPassphrase,
    #[error("this is not the recovery code of this data")]
    WrongCode,
    /// Groups are counted from 1.
    #[error("group {0} of the recovery code has a typing mistake")]
    MistypedCode(usize),
    #[error("a recovery code has 40 characters in 8 groups of 5, and {0} were given")]
    CodeLength(usize),
    #[error("the passphrase is too short; choose at least {MIN_PASSPHRASE} characters, for example four words")]
    ShortPassphrase,
    #[error("the passphrase is longer than {MAX_PASSPHRASE} bytes")]
    LongPassphrase,
    #[error("no passphrase is set")]
    NoPassphrase,
    #[error("there is no recovery code")]
    NoRecovery,
    #[error("the system's keyring cannot be used: {0}")]
    Keyring(String),
    #[error("the keys are being changed already; start the program again and try once more")]
    Unsettled,
}

/// Characters.
pub const MIN_PASSPHRASE: usize = 8;
/// Bytes.
pub const MAX_PASSPHRASE: usize = 1024;

/// A key of 256 bits. It never shows its bytes in logs, and they are overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreKey(Zeroizing<[u8; KEY_LENGTH]>);

impl StoreKey {
    pub(crate) fn new(bytes: [u8; KEY_LENGTH]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(crate) fn random() -> Result<Self, KeyError> {
        Ok(Self::new(random_bytes().map_err(KeyError::Random)?))
    }

    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        Some(Self::new(bytes.try_into().ok()?))
    }

    /// Reads 64 hexadecimal digits; blanks around them do not count.
    pub(crate) fn parse(content: &[u8]) -> Option<Self> {
        let bytes = Zeroizing::new(from_hex(std::str::from_utf8(content).ok()?.trim())?);
        Self::from_slice(&bytes)
    }

    pub fn as_bytes(&self) -> &[u8; KEY_LENGTH] {
        &self.0
    }

    /// 64 lower-case hexadecimal digits.
    pub(crate) fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex(&*self.0))
    }

    /// A key for one purpose, from which neither this one nor any other can be found. Each `context` is used for one purpose
    /// in one place of the program.
    pub(crate) fn derive(&self, context: &str) -> Self {
        Self::new(blake3::derive_key(context, &*self.0))
    }
}

impl std::fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreKey(…)")
    }
}

/// 64 random hexadecimal digits, for the local interface's token. The error is a sentence.
pub fn random_token() -> Result<String, String> {
    Ok(hex(&random_bytes::<KEY_LENGTH>()?))
}

pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    // `from_str_radix` would take a sign for a digit.
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_printed() {
        let key = StoreKey::new([0xab; KEY_LENGTH]);
        assert!(!format!("{key:?}").contains("ab"));
        assert_eq!(*key.to_hex(), "ab".repeat(32));
        assert_eq!(StoreKey::parse(format!("{}\n", *key.to_hex()).as_bytes()), Some(key));
        for wrong in ["zz".repeat(32), "+b".repeat(32), "ab".repeat(31), "ab".repeat(33), String::new()] {
            assert_eq!(StoreKey::parse(wrong.as_bytes()), None, "{wrong}");
        }
        assert_ne!(random_token().unwrap(), random_token().unwrap());
    }

    #[test]
    fn purposes_have_unlike_keys() {
        let root = StoreKey::new([7; KEY_LENGTH]);
        assert_eq!(root.derive("a"), root.derive("a"));
        assert_ne!(root.derive("a"), root.derive("b"));
        assert_ne!(root.derive("a"), root);
    }
}
