//! What mistral.rs is given of a model: the files that were checked, and what is written here.
//!
//! Its loaders read whatever lies beside a model's files, look names up in the network that they do not find, and lay prompts out by the
//! model's chat template without any limit. So a GGUF file is linked into a folder of its own, the files of a folder are named one by
//! one, and the template that the engine is shown lays nothing out: it is given tokens.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, anyhow, ensure};
use candle_core::Device;
use mistralrs::{
    DeviceMapSetting, IsqType, ModelDType, TokenSource,
    core::{
        AdapterPaths, GGUFLoaderBuilder, GGUFSpecificConfig, Loader, LocalModelPaths, ModelPaths, NormalLoaderBuilder,
        NormalSpecificConfig, Pipeline,
    },
};
use molt_core::{Backend, ModelFormat, ModelSpec, Quantisation};
use molt_engine_client::{
    NO_TEMPLATE,
    chat_folder::{self, ChatFolder},
    gguf,
    memory::{self, MemoryPlan},
    protocol::{CACHE_VARIABLE, WireError},
    worker::{CLOSE_THOUGHTS, OPEN_THOUGHTS},
};
use serde_json::json;
use tokenizers::Tokenizer;
use tokio::sync::Mutex;

type Loaded = Arc<Mutex<dyn Pipeline + Send + Sync>>;

/// What the engine looks for in a chat template: tokens that end an answer, and the marks around thoughts, which it swallows otherwise.
const SOUGHT: [&str; 7] =
    ["<|im_end|>", "<end_of_turn>", "<|end_of_text|>", "<|end|>", "<|eot_id|>", OPEN_THOUGHTS, CLOSE_THOUGHTS];

/// A model whose files were checked.
pub struct Source {
    files: Files,
    /// How a conversation is laid out.
    pub template: String,
    pub plan: MemoryPlan,
}

enum Files {
    Gguf(PathBuf),
    Folder(Box<ChatFolder>, Quantisation),
}

impl Source {
    /// Checks the model. Blocking.
    pub fn inspect(spec: &ModelSpec) -> Result<Self, WireError> {
        let bad = |text: String| WireError::BadModel { text };
        let path = Path::new(&spec.path);
        let (files, own, plan) = if matches!(spec.format, ModelFormat::Safetensors | ModelFormat::Uqff) {
            let info = chat_folder::inspect(path).map_err(|error| bad(error.to_string()))?;
            let (quantisation, plan) = plan(&info, spec).map_err(|text| WireError::Failed { text })?;
            let own = info.template.clone();
            (Files::Folder(Box::new(info), quantisation), own, plan)
        } else {
            let info = gguf::inspect(path).map_err(|error| bad(error.to_string()))?;
            if let Some(reason) = info.not_for_mistral_rs {
                return Err(bad(reason));
            }
            let plan = memory::plan(Backend::MistralRs, &info, spec.context_length, memory::available())
                .map_err(|text| WireError::Failed { text })?;
            (Files::Gguf(path.to_owned()), info.template, plan)
        };
        let template = spec.settings.template.clone().or(own).ok_or_else(|| bad(NO_TEMPLATE.to_owned()))?;
        Ok(Self { files, template, plan })
    }

    /// Loads it. Blocking, up to minutes; may panic.
    pub fn load(&self) -> anyhow::Result<Loaded> {
        let shelf = Shelf::new()?;
        let found = SOUGHT.into_iter().filter(|sought| self.template.contains(sought)).collect::<String>();
        // A comment of Jinja.
        let stand_in = format!("{{# {found} #}}");
        match &self.files {
            Files::Gguf(path) => load_gguf(path, &shelf, &stand_in),
            Files::Folder(info, quantisation) => load_folder(info, *quantisation, &shelf, &stand_in),
        }
    }

    /// The texts of the tokens that begin and end a sequence, as the template is told them.
    pub fn ends(&self, pipeline: &dyn Pipeline) -> (String, String) {
        let (begin, end) = match &self.files {
            Files::Folder(info, _) => (info.begin.clone(), info.end.clone()),
            Files::Gguf(_) => {
                let template = pipeline.get_chat_template();
                template.map_or((None, None), |template| (template.bos_tok(), template.eos_tok()))
            }
        };
        (begin.unwrap_or_default(), end.unwrap_or_default())
    }
}

/// The most exact weights for which there is room, and a whole context beside them, unless the user has chosen others. Those that are
/// quantised before take the same in each case.
fn plan(info: &ChatFolder, spec: &ModelSpec) -> Result<(Quantisation, MemoryPlan), String> {
    let available = memory::available();
    let plan = |quantisation| {
        let footprint = info.footprint(quantisation);
        memory::plan(Backend::MistralRs, footprint, spec.context_length, available).map(|plan| (quantisation, plan))
    };
    if let Some(chosen) = spec.settings.quantisation {
        return plan(chosen);
    }
    match plan(Quantisation::EightBits) {
        Ok(eight) if eight.1.context >= spec.context_length.min(info.context_length) => Ok(eight),
        _ => plan(Quantisation::FourBits),
    }
}

fn load_gguf(path: &Path, shelf: &Shelf, stand_in: &str) -> anyhow::Result<Loaded> {
    let template = shelf.write("layout.jinja", stand_in)?;
    let path = std::path::absolute(path)?;
    let file = "model.gguf";
    // Where no link can be made, the file is loaded from where it is.
    let (folder, file) = match link(&path, &shelf.0.join(file)) {
        Ok(()) => (shelf.0.as_path(), file),
        Err(_) => match (path.parent(), path.file_name().and_then(|name| name.to_str())) {
            (Some(folder), Some(name)) => (folder, name),
            _ => anyhow::bail!("its path cannot be used"),
        },
    };
    // A name that is not there would be looked up in the network.
    ensure!(folder.join(file).is_file(), "its path cannot be used");
    let loader = GGUFLoaderBuilder::new(
        None,
        None,
        text(folder)?,
        vec![file.to_owned()],
        GGUFSpecificConfig::default(),
        false,
        Some(text(&template)?),
    )
    .build();
    load_from_names(&*loader)
}

fn load_folder(info: &ChatFolder, quantisation: Quantisation, shelf: &Shelf, stand_in: &str) -> anyhow::Result<Loaded> {
    let tokenizer =
        Tokenizer::from_file(&info.tokenizer).map_err(|error| anyhow!("its tokenizer is damaged: {error}"))?;
    let vocabulary = tokenizer.get_vocab(true);
    let last = vocabulary.values().copied().max().context("its tokenizer has no tokens")?;
    ensure!(u64::from(last) < info.vocabulary, "its tokenizer has more tokens than its weights");
    // The engine takes these by their texts, and panics where the tokenizer has no such token.
    let known = |text: &Option<String>| text.clone().filter(|text| vocabulary.contains_key(text));
    let is_whole = |id: &u32| tokenizer.decode(&[*id], false).is_ok_and(|text| vocabulary.get(&text) == Some(id));
    let ends: Vec<u32> = info.ends.iter().copied().filter(is_whole).collect();
    let end = known(&info.end);
    ensure!(end.is_some() || !ends.is_empty(), "the tokens that end an answer are not in its tokenizer");

    let described = json!({ "bos_token": known(&info.begin), "eos_token": end, "chat_template": stand_in });
    let config = shelf.write("config.json", &info.config)?;
    let described = shelf.write("tokenizer_config.json", &described.to_string())?;
    let ends = shelf.write("generation_config.json", &json!({ "eos_token_id": ends }).to_string())?;
    if !info.weights.quantised.is_empty() {
        return load_quantised(info, shelf);
    }
    let paths: Box<dyn ModelPaths> = Box::new(LocalModelPaths::new(
        info.tokenizer.clone(),
        config,
        described,
        info.weights.files.clone(),
        AdapterPaths::None,
        Some(ends),
        None,
        None,
        None,
    ));
    let formats = match quantisation {
        Quantisation::Full => None,
        Quantisation::EightBits => Some(IsqType::Q8_0),
        Quantisation::FourBits => Some(IsqType::Q4K),
    };
    // The name is nowhere looked up: the files are given.
    let name = Some("model".to_owned());
    let loader =
        NormalLoaderBuilder::new(NormalSpecificConfig::default(), None, None, name, false, None).build(None)?;
    loader.load_model_from_path(&paths, &ModelDType::F32, &Device::Cpu, true, DeviceMapSetting::dummy(), formats, None)
}

/// mistral.rs 0.8.1 takes files of UQFF only where it looks for all files of a model itself (`NormalLoader::load_model_from_hf`): in the
/// folder that we have filled. Those that are named by their whole paths it takes from there.
fn load_quantised(info: &ChatFolder, shelf: &Shelf) -> anyhow::Result<Loaded> {
    for file in &info.weights.files {
        let (file, name) = (std::path::absolute(file)?, file.file_name().context("its path cannot be used")?);
        let beside = shelf.0.join(name);
        // Where no link can be made, it is copied: it is looked for by its name, and beside the other files.
        if link(&file, &beside).is_err() {
            std::fs::copy(&file, &beside)?;
        }
    }
    let quantised: Result<Vec<PathBuf>, std::io::Error> =
        info.weights.quantised.iter().map(std::path::absolute).collect();
    let config = NormalSpecificConfig { from_uqff: Some(quantised?), ..NormalSpecificConfig::default() };
    let (tokenizer, folder) = (Some(text(&std::path::absolute(&info.tokenizer)?)?), Some(text(&shelf.0)?));
    load_from_names(&*NormalLoaderBuilder::new(config, None, tokenizer, folder, false, None).build(None)?)
}

/// Loads what a loader finds by the names it was given: nothing in the network, because they are there.
fn load_from_names(loader: &dyn Loader) -> anyhow::Result<Loaded> {
    let (source, device) = (TokenSource::None, DeviceMapSetting::dummy());
    loader.load_model_from_hf(None, source, &ModelDType::F32, &Device::Cpu, true, device, None, None)
}

/// Paths that are no text cannot be given to a loader.
fn text(path: &Path) -> anyhow::Result<String> {
    path.to_str().map(str::to_owned).context("its path cannot be used")
}

/// A folder for what a loader is given.
struct Shelf(PathBuf);

impl Shelf {
    fn new() -> anyhow::Result<Self> {
        let cache = std::env::var_os(CACHE_VARIABLE).context("there is no folder for the cache")?;
        let folder = std::path::absolute(Path::new(&cache))?.join(format!("load-{}", std::process::id()));
        // A worker that was killed while loading may have left one here, if it had our process number.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.0.join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        // What is left of a killed worker is removed with the cache.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(unix)]
fn link(path: &Path, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(path, link)
}

#[cfg(not(unix))]
fn link(path: &Path, link: &Path) -> std::io::Result<()> {
    std::fs::hard_link(path, link)
}
