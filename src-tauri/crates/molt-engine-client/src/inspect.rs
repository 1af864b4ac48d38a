//! Looks at a model on disk and says what it is, or in one plain sentence why it cannot be used.

use std::path::Path;

use molt_core::{Backend, ModelFormat, ModelId, ModelInspector, ModelRole, ModelSettings, ModelSpec, Quantisation};

use crate::{
    chat_folder, embedder,
    gguf::{self, Comparing, MOST_TOKENS, Pooling},
    memory::{self, Footprint},
};

/// Tokens of the conversation that the stated need for memory includes.
const USUAL_CONTEXT: u32 = 4096;
/// Tokens of context that a chat model is given at the most where the user has set no number: the mask over a prompt grows with its
/// square, and reading more takes minutes on a processor.
const MAX_CONTEXT: u32 = 8192;
/// Characters of a name or licence that a file gives itself.
const MAX_LABEL: usize = 100;
/// Bytes that an embedder needs besides its weights.
const EMBEDDER_WORKING_SPACE: u64 = 160 << 20;

/// Reads GGUF files, folders of transformers and folders with UQFF (chat models), and folders of sentence-transformers (embedders).
/// Blocking, some milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct ModelFiles;

impl ModelInspector for ModelFiles {
    fn inspect(&self, path: &Path) -> Result<ModelSpec, String> {
        let path = std::path::absolute(path).map_err(|error| format!("The path cannot be used: {error}."))?;
        let is = |kind: &str| path.is_file() && path.extension().is_some_and(|own| own == kind);
        // A file with weights inside a folder stands for the folder.
        let folder = match path.parent() {
            Some(folder) if is("safetensors") || is("uqff") => folder,
            _ => &path,
        };
        match folder {
            folder if !folder.is_dir() => inspect_file(&path),
            folder if is("uqff") || chat_folder::is_one(folder) => inspect_chat_folder(folder),
            folder => inspect_embedder(folder),
        }
    }

    fn memory_needed(&self, path: &Path, settings: &ModelSettings) -> Option<u64> {
        let (backend, footprint) = if path.is_dir() {
            let quantisation = settings.quantisation.unwrap_or(USUAL_QUANTISATION);
            (Backend::MistralRs, chat_folder::inspect(path).ok()?.footprint(quantisation))
        } else {
            (Backend::LlamaCpp, Footprint::from(&gguf::inspect(path).ok()?))
        };
        let context = settings.context.unwrap_or(USUAL_CONTEXT).min(footprint.context_length);
        Some(memory::needed(backend, footprint, context))
    }
}

fn inspect_file(path: &Path) -> Result<ModelSpec, String> {
    let info = gguf::inspect(path).map_err(|error| error.to_string())?;
    let (role, limit, context) = match info.comparing {
        // Its chat template, if it has one, is that of the model that it was made of.
        Some(Comparing { pooling: Pooling::Score, .. }) => {
            (ModelRole::Reranker, info.context_length.min(MOST_TOKENS), MOST_TOKENS)
        }
        Some(_) => (ModelRole::Embedder, info.context_length.min(MOST_TOKENS), MOST_TOKENS),
        None => (ModelRole::Chat, info.context_length, MAX_CONTEXT),
    };
    Ok(ModelSpec {
        id: ModelId::random(),
        name: info.name.as_deref().and_then(label).unwrap_or_else(|| stem(path)),
        role,
        format: ModelFormat::Gguf,
        path: path.to_string_lossy().into_owned(),
        size: info.file_size,
        context_length: limit.min(context),
        context_limit: Some(limit),
        dimensions: if role == ModelRole::Embedder { info.embedding_length } else { 0 },
        memory_needed: match info.comparing {
            Some(comparing) => memory::needed_to_compare(&info, comparing),
            None => memory::needed(Backend::LlamaCpp, &info, limit.min(USUAL_CONTEXT)),
        },
        licence: info.licence.as_deref().and_then(label),
        architecture: info.architecture,
        bundled: false,
        backend: None,
        tools: info.comparing.is_none() && info.calls_tools,
        remote: None,
        calibration: None,
        settings: ModelSettings::default(),
    })
}

/// How the weights of a folder are held where there is room and the user has not chosen.
const USUAL_QUANTISATION: Quantisation = Quantisation::EightBits;

fn inspect_chat_folder(folder: &Path) -> Result<ModelSpec, String> {
    let info = chat_folder::inspect(folder).map_err(|error| error.to_string())?;
    let footprint = info.footprint(USUAL_QUANTISATION);
    Ok(ModelSpec {
        id: ModelId::random(),
        name: folder_name(folder),
        role: ModelRole::Chat,
        format: if info.weights.quantised.is_empty() { ModelFormat::Safetensors } else { ModelFormat::Uqff },
        path: folder.to_string_lossy().into_owned(),
        size: info.size,
        context_length: info.context_length.min(MAX_CONTEXT),
        context_limit: Some(info.context_length),
        dimensions: 0,
        memory_needed: memory::needed(Backend::MistralRs, footprint, info.context_length.min(USUAL_CONTEXT)),
        licence: None,
        architecture: info.architecture,
        bundled: false,
        backend: None,
        tools: info.calls_tools,
        remote: None,
        calibration: None,
        settings: ModelSettings::default(),
    })
}

/// Why a model without a chat template is not loaded. It can be taken into the list, so that it can be given one.
pub const NO_TEMPLATE: &str = "The model cannot be used for conversations: its file does not say how a conversation is laid out \
                               for it (no chat template). Choose the “instruct” or “chat” version of this model, or give it a \
                               chat template in its settings.";

fn inspect_embedder(folder: &Path) -> Result<ModelSpec, String> {
    let info = embedder::inspect(folder).map_err(|error| error.to_string())?;
    Ok(ModelSpec {
        id: ModelId::random(),
        name: folder_name(folder),
        role: ModelRole::Embedder,
        format: ModelFormat::Safetensors,
        path: folder.to_string_lossy().into_owned(),
        size: info.size,
        architecture: "bert".into(),
        context_length: info.max_tokens,
        context_limit: Some(info.max_tokens),
        dimensions: info.dimensions,
        // The weights are held as 32-bit floats.
        memory_needed: info.parameters.saturating_mul(4).saturating_add(EMBEDDER_WORKING_SPACE),
        licence: None,
        bundled: false,
        backend: None,
        tools: false,
        remote: None,
        calibration: None,
        settings: ModelSettings::default(),
    })
}

/// Text that a file gives itself, made fit to be shown.
fn label(text: &str) -> Option<String> {
    let shown: String = text.chars().filter(|character| !character.is_control()).take(MAX_LABEL).collect();
    Some(shown.trim().to_owned()).filter(|shown| !shown.is_empty())
}

/// A snapshot in the cache of Hugging Face is named by its commit: `models--OWNER--NAME/snapshots/COMMIT`.
fn folder_name(folder: &Path) -> String {
    let repository = || {
        let snapshots = folder.parent().filter(|parent| parent.file_name().is_some_and(|name| name == "snapshots"))?;
        let repository = snapshots.parent()?.file_name()?.to_str()?.strip_prefix("models--")?;
        label(repository.rsplit("--").next()?)
    };
    // A folder's name may have a dot in it: what stands behind it is no kind of file.
    repository()
        .or_else(|| folder.file_name().and_then(|name| label(&name.to_string_lossy())))
        .unwrap_or_else(|| "Model".to_owned())
}

fn stem(path: &Path) -> String {
    path.file_stem().and_then(|stem| label(&stem.to_string_lossy())).unwrap_or_else(|| "Model".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_model_is_described() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tiny-q8.gguf");
        std::fs::write(&path, gguf::tests::sound_file(Some("Ti\u{7}ny"))).unwrap();
        let spec = ModelFiles.inspect(&path).unwrap();
        assert_eq!((spec.name.as_str(), spec.role, spec.format), ("Tiny", ModelRole::Chat, ModelFormat::Gguf));
        assert_eq!((spec.architecture.as_str(), spec.context_length), ("qwen3", 512));
        assert_eq!((spec.licence.as_deref(), spec.path.as_str()), (Some("apache-2.0"), path.to_str().unwrap()));
        assert!(spec.memory_needed > spec.size);
        assert_eq!(spec.context_limit, Some(512));
        let needed = |context| {
            let settings = ModelSettings { context: Some(context), ..ModelSettings::default() };
            ModelFiles.memory_needed(&path, &settings)
        };
        assert_eq!(needed(512), Some(spec.memory_needed));
        assert_eq!(needed(1 << 20), needed(512), "it reads no more than it was made for");
        std::fs::write(&path, gguf::tests::sound_file(None)).unwrap();
        assert_eq!(ModelFiles.inspect(&path).unwrap().name, "tiny-q8");
    }

    #[test]
    fn a_file_that_pools_is_an_embedder_and_needs_no_template() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("embedding.gguf");
        std::fs::write(&path, gguf::tests::sound_embedder()).unwrap();
        let spec = ModelFiles.inspect(&path).unwrap();
        assert_eq!((spec.role, spec.format, spec.dimensions), (ModelRole::Embedder, ModelFormat::Gguf, 64));
        assert_eq!((spec.context_length, spec.context_limit, spec.tools), (512, Some(512), false));
    }

    #[test]
    fn an_embedder_is_described_by_its_folder_or_a_file_in_it() {
        let folder = embedder::tests::sound();
        let spec = ModelFiles.inspect(folder.path()).unwrap();
        assert_eq!((spec.role, spec.dimensions, spec.context_length), (ModelRole::Embedder, 8, 32));
        let by_file = ModelFiles.inspect(&folder.path().join("model.safetensors")).unwrap();
        assert_eq!(by_file.path, spec.path);
    }

    #[test]
    fn refusals_are_sentences() {
        let folder = tempfile::tempdir().unwrap();
        let missing = ModelFiles.inspect(folder.path()).unwrap_err();
        assert_eq!(missing, "The folder is not a complete embedding model: the file config.json is missing.");
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, "hello").unwrap();
        assert_eq!(ModelFiles.inspect(&path).unwrap_err(), "This is not a GGUF model file.");
        assert!(ModelFiles.inspect(&folder.path().join("absent")).unwrap_err().starts_with("The file cannot be read"));
    }
}
