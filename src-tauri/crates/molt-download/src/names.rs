//! Which names from outside may become paths.
//!
//! The names of repositories and files come from a user, a search or a catalogue. What is let through cannot leave the folder of
//! models, on any system.

use std::path::{Path, PathBuf};

use molt_core::{DownloadError, HubFile};

/// Characters of one part of a path.
const LONGEST_PART: usize = 128;
/// Parts of a path within a repository.
const DEEPEST: usize = 6;
const MOST_FILES: usize = 64;
/// Names that Windows takes for devices, whatever follows a dot.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// The parts of `owner/name`.
pub fn repository(text: &str) -> Result<(&str, &str), DownloadError> {
    let wrong = || DownloadError::Invalid(format!("no model on a hub can be named {}; write owner/name", shown(text)));
    let (owner, name) = text.split_once('/').ok_or_else(wrong)?;
    let plain =
        |part: &str| is_plain(part) && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if plain(owner) && plain(name) { Ok((owner, name)) } else { Err(wrong()) }
}

/// A branch, a tag or a commit that needs no escaping in an address.
pub fn revision(text: &str) -> Result<&str, DownloadError> {
    let plain = is_plain(text) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if plain {
        Ok(text)
    } else {
        Err(DownloadError::Invalid(format!("no revision of a model can be named {}", shown(text))))
    }
}

/// Checks the files of one download.
pub fn files(files: &[HubFile]) -> Result<(), DownloadError> {
    if files.is_empty() || files.len() > MOST_FILES {
        return Err(DownloadError::Invalid("a download has between 1 and 64 files".into()));
    }
    for (place, file) in files.iter().enumerate() {
        let parts: Vec<&str> = file.path.split('/').collect();
        if parts.len() > DEEPEST || !parts.iter().all(|part| is_plain(part)) {
            return Err(DownloadError::Invalid(format!("no model file can be named {}", shown(&file.path))));
        }
        let same = |other: &HubFile| other.path.eq_ignore_ascii_case(&file.path);
        if files[..place].iter().any(same) {
            return Err(DownloadError::Invalid(format!("the file {} is there twice", shown(&file.path))));
        }
        if file.sha256.as_ref().is_some_and(|digest| !is_sha256(digest)) {
            return Err(DownloadError::Invalid(format!("the digest of {} is not a SHA-256", shown(&file.path))));
        }
    }
    Ok(())
}

/// The folder of a repository, as LM Studio and Jan lay it out too.
pub fn folder(root: &Path, name: &str) -> Result<PathBuf, DownloadError> {
    let (owner, name) = repository(name)?;
    Ok(root.join(owner).join(name))
}

pub fn file_path(folder: &Path, file: &str) -> PathBuf {
    file.split('/').fold(folder.to_path_buf(), |path, part| path.join(part))
}

/// 64 hexadecimal digits in lower case.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && is_hex(text)
}

pub fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A name that every system takes for a plain name, and that hides nothing.
fn is_plain(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_device = DEVICES.iter().any(|device| {
        stem.strip_prefix(device)
            .is_some_and(|rest| rest.is_empty() || (rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit()))
    });
    !part.is_empty()
        && part.len() <= LONGEST_PART
        && !part.starts_with(['.', ' ', '-'])
        && !part.ends_with(['.', ' '])
        && !is_device
        && part.chars().all(|letter| letter.is_alphanumeric() || "-._+ ()[]@,=".contains(letter))
}

/// Text from outside within a sentence.
pub fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> HubFile {
        HubFile { path: path.into(), size: None, sha256: None }
    }

    #[test]
    fn plain_names_pass() {
        assert_eq!(repository("Qwen/Qwen3-0.6B-GGUF").unwrap(), ("Qwen", "Qwen3-0.6B-GGUF"));
        files(&[file("Qwen3-0.6B-Q8_0.gguf"), file("1_Pooling/config.json"), file("模型 (v1).gguf")]).unwrap();
        assert_eq!(file_path(Path::new("/m"), "1_Pooling/config.json"), Path::new("/m/1_Pooling/config.json"));
    }

    #[test]
    fn names_that_lead_elsewhere_do_not() {
        let wrong = [
            "",
            ".",
            "..",
            "../a",
            "a/../b",
            "/a",
            "a//b",
            "a/",
            "a\\b",
            "C:a",
            "a:b",
            ".hidden",
            "a\u{0}b",
            "a\nb",
            "-rf",
            "a.",
            "a ",
            "con",
            "COM1.gguf",
            "aux.txt",
            "a?b",
            "a%2fb",
            "a#b",
            "a\u{202e}b",
            "1/2/3/4/5/6/7",
        ];
        for name in wrong {
            assert!(files(&[file(name)]).is_err(), "{name:?}");
            assert!(repository(&format!("{name}/x")).is_err(), "{name:?}");
            assert!(repository(&format!("x/{name}")).is_err(), "{name:?}");
            assert!(revision(name).is_err(), "{name:?}");
        }
        assert!(files(&[file(&"a".repeat(129))]).is_err() && files(&[]).is_err());
        assert!(files(&[file("a"), file("A")]).is_err(), "one file on some systems");
        assert!(files(&[HubFile { sha256: Some("12".into()), ..file("a") }]).is_err());
    }
}
