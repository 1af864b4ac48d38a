//! Sealing what was written before there was a key.

use std::{fs, io, io::Write, path::Path};

use bytes::Bytes;

use super::{Cipher, READ_AT_ONCE, sync_folder};

/// Seals every file below `folder` that was written without a key; returns how many. Each is replaced at once, so a process that is
/// killed leaves some sealed and some not, and the next one goes on. Only the one owner of the folder may call it, before anything is
/// read. Blocks.
pub(crate) fn seal_all(folder: &Path, cipher: &Cipher) -> io::Result<usize> {
    let mut sealed = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            sealed += seal_all(&entry.path(), cipher)?;
        } else if kind.is_file() && cipher.is_to_be_sealed(&mut fs::File::open(entry.path())?)? {
            seal(&entry.path(), cipher)?;
            sealed += 1;
        }
    }
    if sealed > 0 {
        sync_folder(folder)?;
    }
    Ok(sealed)
}

fn seal(path: &Path, cipher: &Cipher) -> io::Result<()> {
    let mut plain = Cipher::default().open(fs::File::open(path)?)?;
    // A leftover of this name is swept when the folder is opened next.
    let part = path.with_file_name(format!(".tmp-{}", path.file_name().unwrap_or_default().to_string_lossy()));
    let mut out = io::BufWriter::new(fs::File::create(&part)?);
    let mut sealer = cipher.seal()?;
    let mut at = 0;
    let mut write =
        |parts: object_store::PutPayload| parts.into_iter().try_for_each(|bytes: Bytes| out.write_all(&bytes));
    while at < plain.length() {
        let end = plain.length().min(at + READ_AT_ONCE);
        write(sealer.push(plain.read(at..end)?.into()))?;
        at = end;
    }
    write(sealer.finish())?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(part, path)
}
