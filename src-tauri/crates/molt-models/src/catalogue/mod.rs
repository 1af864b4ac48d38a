//! The catalogue: open models that the program offers for download.
//!
//! Owns the reading and the checking of catalogue files. It must not know how a file is fetched: a catalogue is text here.

mod fit;
mod signed;

use std::{collections::HashSet, sync::OnceLock};

use jiff::civil::Date;
use molt_core::{DownloadRequest, HubFile, ModelRole};
use serde::Deserialize;

pub use fit::{Recommendation, expected_speed, fit, memory_of_file, recommend};
pub use signed::CATALOGUE_KEY;

/// The catalogue that is compiled in.
const BUNDLED: &str = include_str!("../../../../../models/catalogue.toml");
/// Bytes of a catalogue. Ours has seven thousand.
const LONGEST: usize = 1 << 20;
/// Models of a catalogue.
const MOST: usize = 500;
/// Files of a model.
const MOST_FILES: usize = 64;
/// Characters of a name, an identifier or a licence.
const LONGEST_LABEL: usize = 100;
/// Bytes. No model of the catalogue is larger.
const LARGEST: u64 = 1 << 42;
/// What an embedder's folder cannot be without.
const EMBEDDER_FILES: [&str; 3] = ["config.json", "tokenizer.json", "model.safetensors"];

/// Why a catalogue is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    #[error("the catalogue of models is damaged: {0}")]
    Damaged(String),
    #[error("the catalogue of models says something impossible of {model}: {problem}")]
    Wrong { model: String, problem: String },
    #[error("the catalogue of models is not signed by the makers of Moltworker")]
    NotSigned,
    #[error("the catalogue of models is not newer than the one in use (version {0})")]
    NotNewer(u32),
    #[error("the catalogue of models was valid until {0}")]
    Expired(Date),
}

/// A checked catalogue.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Grows with each edition.
    pub version: u32,
    /// The last day on which a refreshed catalogue counts, so that an old one cannot be passed off as new for ever.
    pub expires: Date,
    #[serde(rename = "model")]
    pub models: Vec<CatalogueModel>,
}

/// A model of the catalogue.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueModel {
    /// What the command line calls it; never changes.
    pub id: String,
    pub name: String,
    pub role: ModelRole,
    /// `owner/name` on the hub.
    pub repository: String,
    /// The commit whose files are meant; none is the newest.
    pub revision: Option<String>,
    pub files: Vec<CatalogueFile>,
    pub licence: String,
    /// Tokens.
    pub context: u32,
    /// Codes of ISO 639-1, the best first; `multi` for many more.
    pub languages: Vec<String>,
    pub parameters: u64,
    /// Bytes when loaded with a conversation of 4,096 tokens.
    pub memory: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueFile {
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// The size is not known exactly.
    #[serde(default)]
    pub approx: bool,
    /// Hex.
    pub sha256: Option<String>,
}

impl Catalogue {
    /// The one that is part of the program.
    pub fn bundled() -> Result<&'static Self, CatalogueError> {
        static CATALOGUE: OnceLock<Result<Catalogue, CatalogueError>> = OnceLock::new();
        CATALOGUE.get_or_init(|| Self::parse(BUNDLED)).as_ref().map_err(Clone::clone)
    }

    /// Reads a catalogue whose origin is trusted, and checks that what it says can be.
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        if text.len() > LONGEST {
            return Err(CatalogueError::Damaged("it is too long".into()));
        }
        let catalogue: Self =
            toml::from_str(text).map_err(|error| CatalogueError::Damaged(error.message().to_owned()))?;
        if catalogue.models.len() > MOST {
            return Err(CatalogueError::Damaged("it names too many models".into()));
        }
        let mut ids = HashSet::new();
        for model in &catalogue.models {
            let wrong = |problem: &str| CatalogueError::Wrong { model: model.id.clone(), problem: problem.to_owned() };
            model.check().map_err(wrong)?;
            if !ids.insert(model.id.as_str()) {
                return Err(wrong("the id is there twice"));
            }
        }
        Ok(catalogue)
    }

    pub fn get(&self, id: &str) -> Option<&CatalogueModel> {
        self.models.iter().find(|model| model.id == id)
    }
}

impl CatalogueModel {
    /// Bytes to download.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// The size is known to the byte.
    pub fn size_is_exact(&self) -> bool {
        self.files.iter().all(|file| !file.approx)
    }

    /// Its files as a hub is asked for them: a size that is only about right is not a condition.
    pub fn hub_files(&self) -> Vec<HubFile> {
        let file = |file: &CatalogueFile| HubFile {
            path: file.path.clone(),
            size: (!file.approx).then_some(file.size),
            sha256: file.sha256.clone(),
        };
        self.files.iter().map(file).collect()
    }

    pub fn request(&self) -> DownloadRequest {
        DownloadRequest {
            name: self.name.clone(),
            repository: self.repository.clone(),
            revision: self.revision.clone(),
            files: self.hub_files(),
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        let label = |text: &str| {
            !text.trim().is_empty() && text.chars().count() <= LONGEST_LABEL && !text.contains(char::is_control)
        };
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        if !label(&self.id) || !plain(&self.id) || self.id.contains('/') {
            return Err("the id must be made of letters, digits, dots and hyphens");
        }
        if !label(&self.name) || !label(&self.licence) {
            return Err("it needs a name and a licence");
        }
        let parts: Vec<&str> = self.repository.split('/').collect();
        if parts.len() != 2 || parts.iter().any(|part| !label(part) || !plain(part) || part.starts_with('.')) {
            return Err("the repository must be owner/name");
        }
        if self.revision.as_ref().is_some_and(|revision| !label(revision) || !plain(revision)) {
            return Err("the revision must be a commit");
        }
        if self.languages.is_empty() || self.languages.iter().any(|code| !(code == "multi" || is_language(code))) {
            return Err("languages are codes of two letters, or multi");
        }
        if !(64..=16 << 20).contains(&self.context) || !(1_000_000..=1 << 42).contains(&self.parameters) {
            return Err("the context or the number of parameters cannot be");
        }
        self.check_files()?;
        if self.memory < self.size() || self.memory > LARGEST {
            return Err("it cannot need less memory than its files take");
        }
        Ok(())
    }

    fn check_files(&self) -> Result<(), &'static str> {
        if self.files.is_empty() || self.files.len() > MOST_FILES {
            return Err("it needs files");
        }
        let mut paths = HashSet::new();
        for file in &self.files {
            if !is_plain_path(&file.path) || !paths.insert(file.path.as_str()) {
                return Err("a file needs a path of its own within the repository");
            }
            if file.size == 0 || file.size > LARGEST {
                return Err("the size of a file cannot be");
            }
            if file.sha256.as_ref().is_some_and(|digest| !is_sha256(digest)) {
                return Err("a SHA-256 is 64 hexadecimal digits in lower case");
            }
        }
        let has = |name: &str| paths.contains(name);
        match self.role {
            _ if self.files.len() == 1 && self.files[0].path.ends_with(".gguf") => Ok(()),
            ModelRole::Embedder if EMBEDDER_FILES.iter().all(|name| has(name)) => Ok(()),
            ModelRole::Embedder => {
                Err("an embedder is one GGUF file, or a folder with config.json, tokenizer.json and model.safetensors")
            }
            ModelRole::Chat | ModelRole::Reranker => Err("a model that answers or judges is one GGUF file"),
        }
    }
}

fn is_language(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_lowercase())
}

fn is_sha256(digest: &str) -> bool {
    digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Relative, without a way up. The adapter that makes a real path of it checks again by its own rules.
fn is_plain_path(path: &str) -> bool {
    path.len() <= 255
        && path.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._+ ".contains(&byte))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    pub const ONE: &str = r#"
        version = 7
        expires = "2030-01-01"
        [[model]]
        id = "m"
        name = "M"
        role = "chat"
        repository = "owner/name"
        files = [{ path = "m.gguf", size = 1000, approx = true }]
        licence = "MIT"
        context = 4096
        languages = ["en"]
        parameters = 1000000
        memory = 2000
    "#;

    #[test]
    fn the_bundled_catalogue_is_sound_and_covers_every_size_of_machine() {
        let catalogue = Catalogue::bundled().unwrap();
        assert!(catalogue.models.len() >= 15, "{}", catalogue.models.len());
        for family in ["Qwen", "Llama", "Mistral", "Gemma", "SmolLM", "multilingual"] {
            assert!(catalogue.models.iter().any(|model| model.name.contains(family)), "{family} is missing");
        }
        let needs: Vec<u64> =
            catalogue.models.iter().filter(|one| one.role == ModelRole::Chat).map(|model| model.memory).collect();
        assert!(needs.iter().min().is_some_and(|least| *least < 1_000_000_000));
        assert!(needs.iter().max().is_some_and(|most| *most > 9_000_000_000));
        // One step to the next larger model is never more than threefold.
        let mut sorted = needs;
        sorted.sort_unstable();
        assert!(sorted.windows(2).all(|pair| pair[1] < 3 * pair[0]), "{sorted:?}");
    }

    #[test]
    fn an_exact_size_is_a_condition_and_an_approximate_one_is_not() {
        let catalogue = Catalogue::parse(ONE).unwrap();
        let model = catalogue.get("m").unwrap();
        assert_eq!((model.size(), model.size_is_exact(), model.request().files[0].size), (1000, false, None));
        let exact = Catalogue::parse(&ONE.replace(", approx = true", "")).unwrap();
        assert_eq!(exact.get("m").unwrap().request().files[0].size, Some(1000));
        assert_eq!(catalogue.get("n"), None);
    }

    #[test]
    fn a_model_of_one_file_may_do_anything_and_only_an_embedder_may_be_a_folder() {
        let of = |role: &str, file: &str| {
            Catalogue::parse(&ONE.replace("\"chat\"", &format!("\"{role}\"")).replace("m.gguf", file)).is_ok()
        };
        for role in ["chat", "embedder", "reranker"] {
            assert!(of(role, "m.gguf"), "{role}");
            assert!(!of(role, "model.safetensors"), "{role}: it is not whole");
        }
        let catalogue = Catalogue::bundled().unwrap();
        let is_folder = |model: &&CatalogueModel| model.files.len() > 1;
        assert!(catalogue.models.iter().filter(is_folder).all(|model| model.role == ModelRole::Embedder));
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for (right, wrong) in [
            (r#"id = "m""#, r#"id = "../m""#),
            (r#"name = "M""#, r#"name = "M\u0007""#),
            (r#"repository = "owner/name""#, r#"repository = "owner/name/more""#),
            (r#"repository = "owner/name""#, r#"repository = "owner/..""#),
            (r#"path = "m.gguf""#, r#"path = "../m.gguf""#),
            (r#"path = "m.gguf""#, r#"path = "/m.gguf""#),
            (r#"path = "m.gguf""#, r#"path = "m.bin""#),
            ("size = 1000", "size = 0"),
            ("size = 1000", "size = 3000"),
            ("approx = true", r#"sha256 = "ABC""#),
            (r#"licence = "MIT""#, r#"licence = """#),
            ("context = 4096", "context = 1"),
            (r#"languages = ["en"]"#, r#"languages = ["English"]"#),
        ] {
            let error = Catalogue::parse(&ONE.replace(right, wrong)).unwrap_err();
            assert!(matches!(error, CatalogueError::Wrong { .. }), "{wrong}: {error}");
        }
        for wrong in [&ONE.replace("memory", "memori"), "version = 1", &format!("{ONE}\n{}", "#".repeat(LONGEST))] {
            assert!(matches!(Catalogue::parse(wrong), Err(CatalogueError::Damaged(_))));
        }
        let twice = format!("{ONE}{}", &ONE[ONE.find("[[model]]").unwrap()..]);
        assert!(Catalogue::parse(&twice).unwrap_err().to_string().contains("twice"));
    }
}
