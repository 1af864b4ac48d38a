//! Files that are ZIP archives of parts (office documents, books): their parts, within bounds.

use std::{
    collections::HashMap,
    io::{Cursor, Read},
};

use molt_extract_client::Failure;
use zip::{ZipArchive, result::ZipError};

/// A real document has a few hundred; a book of many pictures some thousand.
const MOST_ENTRIES: usize = 20_000;

/// Bytes of one part, unpacked.
const LARGEST_PART: u64 = 128 << 20;

/// Bytes of all parts that are read, unpacked.
const MOST_UNPACKED: u64 = 384 << 20;

/// Unpacked against packed bytes. Sheets of equal cells reach 100; deflate itself ends at 1032.
const MOST_RATIO: u64 = 300;

/// Below this size a part may shrink as it likes: it does no harm.
const SMALL_PART: u64 = 8 << 20;

/// An archive in memory.
pub struct Archive {
    zip: ZipArchive<Cursor<Vec<u8>>>,
    /// The place of each part, by its `key`.
    places: HashMap<String, usize>,
    name: String,
    /// Bytes that may still be unpacked.
    left: u64,
}

pub fn has_mark(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

impl Archive {
    /// Fails when it is no archive, is damaged, or has too many parts.
    pub fn open(bytes: Vec<u8>, name: &str) -> Result<Self, Failure> {
        if has_compound_mark(&bytes) {
            return Err(compound(&bytes, name));
        }
        // Counted before they are read into memory; parts that are archives themselves are counted with them.
        let entries = bytes.windows(4).filter(|window| window == b"PK\x01\x02").count();
        if entries > MOST_ENTRIES {
            return Err(Failure::LimitReached(format!(
                "“{name}” is packed from more than {MOST_ENTRIES} parts; split it into several files"
            )));
        }
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|_| damaged(name))?;
        let names = (0..zip.len()).filter_map(|index| Some((key(&zip.name_for_index(index)?.ok()?), index)));
        let places = names.collect();
        Ok(Self { zip, places, name: name.to_owned(), left: MOST_UNPACKED })
    }

    /// The names of all parts.
    pub fn names(&self) -> Vec<String> {
        self.zip.file_names().filter_map(Result::ok).map(|name| name.into_owned()).collect()
    }

    /// A part's bytes; none when there is no such part or it is damaged. Names are compared without case where they do not match else,
    /// as the programs do that write these files.
    pub fn read(&mut self, part: &str) -> Result<Option<Vec<u8>>, Failure> {
        let Some(index) = self.places.get(&key(part)).copied() else { return Ok(None) };
        let file = match self.zip.by_index(index) {
            Ok(file) => file,
            Err(ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)) => return Err(locked(&self.name)),
            Err(_) => return Ok(None),
        };
        let packed = file.compressed_size();
        let most = LARGEST_PART.min(self.left).min(packed.saturating_mul(MOST_RATIO).max(SMALL_PART));
        let mut bytes = Vec::with_capacity(file.size().min(most).min(1 << 20) as usize);
        // What the archive says about sizes is not believed; what can be unpacked of a damaged part is taken.
        let whole = file.take(most + 1).read_to_end(&mut bytes);
        if bytes.len() as u64 > most {
            return Err(Failure::LimitReached(format!(
                "“{}” grows to more than {} MB when it is unpacked and was not read further",
                self.name,
                most >> 20
            )));
        }
        self.left -= bytes.len() as u64;
        Ok((whole.is_ok() || !bytes.is_empty()).then_some(bytes))
    }
}

fn key(name: &str) -> String {
    name.replace('\\', "/").trim_start_matches('/').to_ascii_lowercase()
}

pub fn damaged(name: &str) -> Failure {
    Failure::Unreadable(format!(
        "“{name}” is damaged or of another type than its name says; opening it in another program and saving it anew may help"
    ))
}

pub fn locked(name: &str) -> Failure {
    Failure::Unreadable(format!(
        "“{name}” is protected with a password, and files of this type cannot be opened with one; save a copy without a password"
    ))
}

/// The container of old office programs, and of encrypted files of the new ones.
pub fn has_compound_mark(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1])
}

fn compound(bytes: &[u8], name: &str) -> Failure {
    let stream: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    if bytes.windows(stream.len()).any(|window| window == stream) {
        locked(name)
    } else {
        Failure::Unreadable(format!(
            "“{name}” is in the format of an old office program; save a copy in the present format"
        ))
    }
}

/// Joins a part's folder and a path relative to it, as links inside of archives are written.
pub fn resolve(base: &str, link: &str) -> String {
    let link = link.split('#').next().unwrap_or_default();
    let mut path: Vec<&str> = if link.starts_with('/') { Vec::new() } else { base.split('/').collect() };
    // The part itself.
    path.pop();
    for step in link.split(['/', '\\']) {
        match step {
            "" | "." => {}
            ".." => {
                path.pop();
            }
            step => path.push(step),
        }
    }
    path.join("/")
}

#[cfg(test)]
pub mod tests {
    use std::io::Write;

    use super::*;

    /// An archive of these parts.
    pub fn pack(parts: &[(&str, &str)]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in parts {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn parts_are_found_by_name() {
        let mut archive = Archive::open(pack(&[("word/Document.xml", "x"), ("b", "")]), "a").unwrap();
        assert_eq!(archive.read("/word/document.XML").unwrap().as_deref(), Some(&b"x"[..]));
        assert_eq!(archive.read("none").unwrap(), None);
        assert_eq!(archive.read("b").unwrap().as_deref(), Some(&b""[..]));
    }

    #[test]
    fn a_bomb_is_left_packed() {
        let zeros = "0".repeat(40 << 20);
        let mut archive = Archive::open(pack(&[("bomb", &zeros)]), "a.docx").unwrap();
        match archive.read("bomb") {
            Err(Failure::LimitReached(sentence)) => assert!(sentence.contains("a.docx"), "{sentence}"),
            other => panic!("{:?}", other.map(|bytes| bytes.map(|bytes| bytes.len()))),
        }
    }

    #[test]
    fn many_parts_and_no_parts_are_named_failures() {
        let mut many = pack(&[("a", "b")]);
        many.extend(b"PK\x01\x02".repeat(MOST_ENTRIES));
        assert!(matches!(Archive::open(many, "a"), Err(Failure::LimitReached(_))));
        for bytes in [&b""[..], b"PK\x03\x04 and no more", b"words"] {
            assert!(matches!(Archive::open(bytes.to_vec(), "a"), Err(Failure::Unreadable(_))));
        }
        let whole = pack(&[("one", "text of one"), ("two", "text of two")]);
        for cut in 0..whole.len() {
            // Whatever it is, it is an answer.
            if let Ok(mut archive) = Archive::open(whole[..cut].to_vec(), "a") {
                archive.read("one").unwrap();
            }
        }
    }

    #[test]
    fn an_encrypted_document_is_told_from_an_old_one() {
        let mut bytes = vec![0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
        let sentence = |bytes: &[u8]| match Archive::open(bytes.to_vec(), "a.docx") {
            Err(Failure::Unreadable(sentence)) => sentence,
            _ => String::new(),
        };
        assert!(sentence(&bytes).contains("old office program"));
        bytes.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
        assert!(sentence(&bytes).contains("password"));
    }

    #[test]
    fn links_lead_to_parts() {
        assert_eq!(resolve("ppt/slides/slide1.xml", "../notes/n.xml"), "ppt/notes/n.xml");
        assert_eq!(resolve("ppt/slides/slide1.xml", "/ppt/x.xml"), "ppt/x.xml");
        assert_eq!(resolve("a.xml", "../../../etc/passwd"), "etc/passwd");
        assert_eq!(resolve("OPS/content.opf", "text/c.html#top"), "OPS/text/c.html");
    }
}
