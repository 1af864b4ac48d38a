//! Digests of files.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use sha1::Sha1;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

const PIECE: usize = 1 << 20;

/// How a file is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    Sha256(String),
    /// As git names the content of a file: SHA-1 over a header and the bytes. Hubs state it for small files. It stands against
    /// damage on the way, not against an attacker: those who need that pin a SHA-256.
    Git(String),
}

/// True when the file has the digest; an error of the kind `Interrupted` when `cancel` came first. Blocking.
pub fn matches(path: &Path, check: &Check, cancel: &CancellationToken) -> io::Result<bool> {
    match check {
        Check::Sha256(wanted) => Ok(&hex(digest(path, Sha256::new(), cancel)?) == wanted),
        Check::Git(wanted) => {
            let header = format!("blob {}\0", path.metadata()?.len());
            Ok(&hex(digest(path, Sha1::new().chain_update(header), cancel)?) == wanted)
        }
    }
}

fn digest<D: Digest>(path: &Path, mut hasher: D, cancel: &CancellationToken) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut piece = vec![0; PIECE];
    loop {
        if cancel.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match file.read(&mut piece) {
            Ok(0) => return Ok(hasher.finalize().to_vec()),
            Ok(read) => hasher.update(&piece[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn hex(bytes: Vec<u8>) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standards() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hello\n").unwrap();
        let cancel = CancellationToken::new();
        let is = |check| matches(file.path(), &check, &cancel).unwrap();
        // `sha256sum` and `git hash-object` of the same bytes.
        assert!(is(Check::Sha256("5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03".into())));
        assert!(is(Check::Git("ce013625030ba8dba906f756967f9e9ca394464a".into())));
        assert!(!is(Check::Git("ce013625030ba8dba906f756967f9e9ca394464b".into())));
        cancel.cancel();
        let stopped = matches(file.path(), &Check::Git(String::new()), &cancel).unwrap_err();
        assert_eq!(stopped.kind(), io::ErrorKind::Interrupted);
    }
}
