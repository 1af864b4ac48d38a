//! Model files that lie on this disk: those of LM Studio, Ollama and the cache of Hugging Face, and our own.
//!
//! Owns where these programs keep their models. It must not know what a model file contains.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use molt_core::{DownloadError, FoundModel, ModelFolders};
use serde::Deserialize;

use crate::{fetch::disk_error, names::is_hex};

/// Folders below a program's folder of models.
const DEEPEST: usize = 5;
/// Entries that are looked at, so that a folder full of other things ends.
const MOST: usize = 20_000;
/// Bytes of a manifest.
const LONGEST_MANIFEST: u64 = 1 << 20;
const OLLAMA_MODEL: &str = "application/vnd.ollama.image.model";
/// What the folder of a model has, and one of the ways in which it has its weights: whole, as a list of parts, or quantised (UQFF).
const FOLDER_FILES: [&str; 2] = ["config.json", "tokenizer.json"];
const FOLDER_WEIGHTS: [&str; 3] = ["model.safetensors", "model.safetensors.index.json", "residual.safetensors"];

/// Where other programs keep their models.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    pub lm_studio: Vec<PathBuf>,
    pub ollama: Vec<PathBuf>,
    pub hugging_face: Vec<PathBuf>,
}

impl Places {
    /// As the programs themselves look: their variables first, then their usual folders below the home folder.
    pub fn of_user(home: &Path, variable: impl Fn(&str) -> Option<PathBuf>) -> Self {
        let one = |chosen: Option<PathBuf>, usual: PathBuf| vec![chosen.unwrap_or(usual)];
        let cache = variable("XDG_CACHE_HOME").unwrap_or_else(|| home.join(".cache"));
        let hugging_face = variable("HF_HUB_CACHE").or_else(|| Some(variable("HF_HOME")?.join("hub")));
        let mut ollama = one(variable("OLLAMA_MODELS"), home.join(".ollama/models"));
        // Where its service keeps them on Linux.
        ollama.push("/usr/share/ollama/.ollama/models".into());
        Self {
            lm_studio: vec![home.join(".lmstudio/models"), cache.join("lm-studio/models")],
            ollama,
            hugging_face: one(hugging_face, cache.join("huggingface/hub")),
        }
    }
}

/// The folders of models on this disk.
#[derive(Debug, Clone)]
pub struct Folders {
    own: PathBuf,
    places: Places,
}

impl Folders {
    /// `own` is the folder that downloads are put into.
    pub fn new(own: PathBuf, places: Places) -> Self {
        Self { own, places }
    }

    /// The path without links and `..`, if it lies below our own folder.
    fn below_own(&self, path: &Path) -> Option<PathBuf> {
        let (own, path) = (self.own.canonicalize().ok()?, path.canonicalize().ok()?);
        let inner = path.strip_prefix(&own).ok()?;
        // `owner/name` at least, and nothing of a download that is not complete.
        let is_model = inner.components().count() >= 2 && !inner.starts_with(".downloads");
        is_model.then_some(path)
    }
}

impl ModelFolders for Folders {
    fn scan(&self) -> Vec<FoundModel> {
        let mut found = Vec::new();
        for folder in &self.places.lm_studio {
            found.extend(models_below(folder, "LM Studio"));
        }
        for folder in &self.places.ollama {
            found.extend(ollama(folder));
        }
        for folder in &self.places.hugging_face {
            found.extend(models_below(folder, "Hugging Face"));
        }
        found.sort_by(|a, b| (&a.program, &a.name, &a.path).cmp(&(&b.program, &b.name, &b.path)));
        found.dedup_by(|a, b| a.path == b.path);
        found
    }

    fn owns(&self, path: &Path) -> bool {
        self.below_own(path).is_some()
    }

    fn delete(&self, path: &Path) -> Result<u64, DownloadError> {
        let inside = self.below_own(path).ok_or_else(|| {
            DownloadError::Invalid(format!("{} was not downloaded by Moltworker, so it is not deleted", path.display()))
        })?;
        let size = size_below(&inside);
        let deleted = if inside.is_dir() { fs::remove_dir_all(&inside) } else { fs::remove_file(&inside) };
        deleted.map_err(|error| disk_error(&error, &self.own))?;
        // The empty folders above it, up to our own.
        let own = self.own.canonicalize().unwrap_or_else(|_| self.own.clone());
        let above = inside.ancestors().skip(1).take_while(|folder| **folder != own);
        for folder in above {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(size)
    }
}

/// GGUF files and models' folders below a folder.
fn models_below(root: &Path, program: &str) -> Vec<FoundModel> {
    let (mut found, mut left) = (Vec::new(), MOST);
    walk(root, DEEPEST, &mut left, &mut |path, names| {
        for name in names.iter().filter(|name| is_first_gguf(name)) {
            found.extend(found_model(program, name.trim_end_matches(".gguf"), &path.join(name)));
        }
        let has = |wanted: &&str| names.iter().any(|name| name == wanted);
        if FOLDER_FILES.iter().all(has) && FOLDER_WEIGHTS.iter().any(has) {
            let name = repository_of(path).unwrap_or_else(|| name_of(path));
            found.extend(found_model(program, &name, path));
        }
    });
    found
}

/// Calls `visit` with each folder and the names of the files in it.
fn walk(folder: &Path, depth: usize, left: &mut usize, visit: &mut impl FnMut(&Path, &[String])) {
    let (mut names, mut folders) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let Ok(kind) = entry.file_type() else { continue };
        match entry.file_name().into_string() {
            // The files of a snapshot are links into a store; links to folders could lead in a circle.
            Ok(name) if kind.is_file() || (kind.is_symlink() && entry.path().is_file()) => names.push(name),
            Ok(_) if kind.is_dir() => folders.push(entry.path()),
            _ => {}
        }
    }
    visit(folder, &names);
    if depth > 0 {
        for folder in folders {
            walk(&folder, depth - 1, left, visit);
        }
    }
}

/// A whole model, or the first part of one; a vision part is no model by itself.
fn is_first_gguf(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let later_part = lower.rsplit_once("-of-").is_some_and(|(front, _)| {
        front.rsplit_once('-').is_some_and(|(_, part)| part.parse::<u32>().is_ok_and(|part| part > 1))
    });
    lower.ends_with(".gguf") && !lower.contains("mmproj") && !later_part
}

/// `owner/name` of a snapshot in the cache of Hugging Face: `models--owner--name/snapshots/COMMIT`.
fn repository_of(snapshot: &Path) -> Option<String> {
    let folder = name_of(snapshot.parent()?.parent()?);
    Some(folder.strip_prefix("models--")?.replacen("--", "/", 1))
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: String,
}

/// Ollama keeps `manifests/HOST/OWNER/NAME/TAG`, which name files in `blobs`.
fn ollama(root: &Path) -> Vec<FoundModel> {
    let (mut found, mut left) = (Vec::new(), MOST);
    walk(&root.join("manifests"), DEEPEST, &mut left, &mut |folder, tags| {
        for tag in tags {
            let Some(blob) = ollama_blob(root, &folder.join(tag)) else { continue };
            found.extend(found_model("Ollama", &format!("{}:{tag}", name_of(folder)), &blob));
        }
    });
    found
}

fn ollama_blob(root: &Path, manifest: &Path) -> Option<PathBuf> {
    if fs::metadata(manifest).ok()?.len() > LONGEST_MANIFEST {
        return None;
    }
    let manifest: Manifest = serde_json::from_slice(&fs::read(manifest).ok()?).ok()?;
    let layer = manifest.layers.into_iter().find(|layer| layer.media_type == OLLAMA_MODEL)?;
    // It becomes a path, so it must be nothing but a digest.
    let digest = layer.digest.strip_prefix("sha256:").filter(|digest| digest.len() == 64 && is_hex(digest))?;
    Some(root.join("blobs").join(format!("sha256-{digest}")))
}

fn found_model(program: &str, name: &str, path: &Path) -> Option<FoundModel> {
    let size = if path.is_dir() { size_below(path) } else { fs::metadata(path).ok()?.len() };
    // The same model may be reached by several names; its real place tells.
    let path = path.canonicalize().ok()?.to_str()?.to_owned();
    let name = name.chars().filter(|letter| !letter.is_control()).take(150).collect();
    Some(FoundModel { program: program.to_owned(), name, path, size })
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Bytes of a file, or of the files below a folder, those behind links included.
fn size_below(path: &Path) -> u64 {
    let Ok(data) = fs::metadata(path) else { return 0 };
    if data.is_file() {
        return data.len();
    }
    let (mut sum, mut left) = (0, MOST);
    walk(path, DEEPEST, &mut left, &mut |folder, names| {
        let size = |name: &String| -> io::Result<u64> { Ok(fs::metadata(folder.join(name))?.len()) };
        sum += names.iter().filter_map(|name| size(name).ok()).sum::<u64>();
    });
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, bytes: usize) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, vec![0; bytes]).unwrap();
    }

    fn places(home: &Path) -> Places {
        Places::of_user(home, |_| None)
    }

    #[test]
    fn models_of_other_programs_are_found_where_they_keep_them() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        let studio = home.join(".lmstudio/models/qwen/Qwen3");
        write(&studio.join("Qwen3-4B.gguf"), 40);
        write(&studio.join("mmproj-Qwen3.gguf"), 1);
        write(&studio.join("Big-00001-of-00002.gguf"), 7);
        write(&studio.join("Big-00002-of-00002.gguf"), 7);
        let digest = "a".repeat(64);
        let blob = home.join(".ollama/models/blobs").join(format!("sha256-{digest}"));
        write(&blob, 30);
        let manifest = home.join(".ollama/models/manifests/registry.ollama.ai/library/llama3.2/1b");
        write(&manifest, 0);
        let layers = format!(
            r#"{{"layers":[{{"mediaType":"application/vnd.ollama.image.license","digest":"sha256:00"}},
            {{"mediaType":"{OLLAMA_MODEL}","digest":"sha256:{digest}"}}]}}"#
        );
        fs::write(&manifest, layers).unwrap();
        let evil = home.join(".ollama/models/manifests/registry.ollama.ai/library/evil/latest");
        write(&evil, 0);
        fs::write(
            &evil,
            format!(r#"{{"layers":[{{"mediaType":"{OLLAMA_MODEL}","digest":"sha256:../../../etc/passwd"}}]}}"#),
        )
        .unwrap();
        let snapshot = home.join(".cache/huggingface/hub/models--intfloat--e5/snapshots/abc");
        for file in ["config.json", "tokenizer.json", "model.safetensors"] {
            write(&snapshot.join(file), 5);
        }
        let parts = home.join(".cache/huggingface/hub/models--Qwen--Qwen3-4B/snapshots/def");
        for file in
            ["config.json", "tokenizer.json", "model.safetensors.index.json", "model-00001-of-00001.safetensors"]
        {
            write(&parts.join(file), 4);
        }
        let quantised = home.join(".cache/huggingface/hub/models--o--uqff/snapshots/012");
        for file in ["config.json", "tokenizer.json", "residual.safetensors", "q4k-0.uqff"] {
            write(&quantised.join(file), 3);
        }
        write(&home.join(".cache/huggingface/hub/models--o--no-weights/snapshots/abc/config.json"), 5);
        let found = Folders::new(home.join("own"), places(&home)).scan();
        let names: Vec<(&str, &str, u64)> =
            found.iter().map(|one| (one.program.as_str(), one.name.as_str(), one.size)).collect();
        assert_eq!(
            names,
            [
                ("Hugging Face", "Qwen/Qwen3-4B", 16),
                ("Hugging Face", "intfloat/e5", 15),
                ("Hugging Face", "o/uqff", 12),
                ("LM Studio", "Big-00001-of-00002", 7),
                ("LM Studio", "Qwen3-4B", 40),
                ("Ollama", "llama3.2:1b", 30),
            ]
        );
        assert_eq!(found[5].path, blob.to_str().unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn a_snapshots_link_leads_to_the_file_and_circles_end() {
        let home = tempfile::tempdir().unwrap();
        let hub = home.path().canonicalize().unwrap().join(".cache/huggingface/hub/models--o--n");
        write(&hub.join("blobs/123"), 9);
        fs::create_dir_all(hub.join("snapshots/abc")).unwrap();
        std::os::unix::fs::symlink("../../blobs/123", hub.join("snapshots/abc/m.gguf")).unwrap();
        std::os::unix::fs::symlink("..", hub.join("snapshots/circle")).unwrap();
        let found = Folders::new(home.path().join("own"), places(home.path())).scan();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].size), ("m", 9));
        assert_eq!(found[0].path, hub.join("blobs/123").to_str().unwrap());
    }

    #[test]
    fn the_variables_of_the_programs_count() {
        let variable = |name: &str| match name {
            "OLLAMA_MODELS" => Some(PathBuf::from("/o")),
            "HF_HOME" => Some(PathBuf::from("/h")),
            _ => None,
        };
        let places = Places::of_user(Path::new("/home/a"), variable);
        assert_eq!((&places.ollama[0], &places.hugging_face[0]), (&PathBuf::from("/o"), &PathBuf::from("/h/hub")));
    }

    #[test]
    fn only_what_is_ours_is_deleted_and_what_it_gave_back_is_told() {
        let home = tempfile::tempdir().unwrap();
        let own = home.path().join("own");
        let (ours, other, beside) = (own.join("o/n/a.gguf"), home.path().join("other.gguf"), own.join("o/m/b.gguf"));
        for path in [&ours, &other, &beside, &own.join(".downloads/1/0.part")] {
            write(path, 10);
        }
        write(&own.join("e/folder/config.json"), 3);
        write(&own.join("e/folder/1_Pooling/config.json"), 4);
        let folders = Folders::new(own.clone(), Places::default());
        assert!(folders.owns(&ours) && !folders.owns(&other) && !folders.owns(&own));
        for not_ours in
            [&other, &own, &own.join("o"), &own.join("o/../../other.gguf"), &own.join(".downloads/1/0.part")]
        {
            assert!(folders.delete(not_ours).is_err(), "{}", not_ours.display());
        }
        #[cfg(unix)]
        {
            let link = own.join("o/n/link.gguf");
            std::os::unix::fs::symlink(&other, &link).unwrap();
            assert!(folders.delete(&link).is_err(), "a link must not lead out");
            fs::remove_file(link).unwrap();
        }
        assert_eq!(folders.delete(&ours), Ok(10));
        assert!(!own.join("o/n").exists() && beside.exists() && other.exists());
        assert_eq!(folders.delete(&own.join("e/folder")), Ok(7));
        assert!(!own.join("e").exists() && own.exists());
    }
}
