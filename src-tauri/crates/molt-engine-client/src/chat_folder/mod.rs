//! Reads and judges a folder with a chat model before any library does.
//!
//! A chat model is a folder as transformers writes it: `config.json`, `tokenizer.json`, weights in one or several safetensors files,
//! and small files that say how a conversation is laid out and where an answer ends. Or mistral.rs has quantised it before, and wrote the
//! weights as UQFF. mistral.rs runs it. What its loader would take for granted, panic on or silently compute wrongly is asked for here.
//! Importing and loading use the same check.

mod uqff;
mod weights;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use molt_core::Quantisation;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};

use crate::{
    folder::{Folder, FolderError, MAX_SETTINGS, MAX_TOKENIZER, damaged},
    memory::Footprint,
};
pub use weights::Weights;

const KIND: &str = "chat model";
const CONFIG: &str = "config.json";
const TOKENIZER: &str = "tokenizer.json";
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
const GENERATION_CONFIG: &str = "generation_config.json";

/// The model classes that mistral.rs 0.8.1 runs on a processor, and whether it adds the biases that their layers may have. It has loaders
/// for mixtures of experts too: these widen all experts for every token there, which takes minutes.
const CLASSES: [(&str, bool); 9] = [
    ("GemmaForCausalLM", true),
    ("Gemma2ForCausalLM", true),
    ("Glm4ForCausalLM", true),
    ("LlamaForCausalLM", false),
    ("MistralForCausalLM", false),
    ("Phi3ForCausalLM", false),
    ("Qwen2ForCausalLM", true),
    ("Qwen3ForCausalLM", false),
    ("SmolLM3ForCausalLM", false),
];
/// Bytes of a list of tensors and their files, and of the tokenizer's settings, which may name thousands of tokens.
const MAX_LISTS: u64 = 8 << 20;
/// Bytes of a chat template. The longest published ones take some tens of kilobytes.
const MAX_TEMPLATE: usize = 1 << 20;
/// Tokens that the tokenizer looks for in every text. Published models have some thousands at most.
const MAX_ADDED: usize = 10_000;
/// Tokens that may end an answer.
const MAX_ENDS: usize = 64;

/// What a sound folder says of its model.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatFolder {
    /// For example `qwen3`.
    pub architecture: String,
    /// Tokens that the model was made to read.
    pub context_length: u32,
    /// Rows of the token embedding.
    pub vocabulary: u64,
    /// Bytes of the files that are loaded.
    pub size: u64,
    pub weights: Weights,
    pub tokenizer: PathBuf,
    /// `config.json` as mistral.rs reads it.
    pub config: String,
    /// How a conversation is laid out.
    pub template: Option<String>,
    /// The chat template lays out tools: the model was trained to call them.
    pub calls_tools: bool,
    /// The texts of the tokens that begin and end a sequence.
    pub begin: Option<String>,
    pub end: Option<String>,
    /// Tokens that end an answer; `end` is one too.
    pub ends: Vec<u32>,
    /// Bytes that each token of a conversation takes in memory, at 32-bit floats.
    kv_bytes_per_token: u64,
    /// Tables of the rotary embedding.
    rotary_bytes: u64,
}

#[derive(Deserialize)]
struct Config {
    architectures: Vec<String>,
    model_type: String,
    vocab_size: u64,
    hidden_size: u64,
    intermediate_size: u64,
    num_hidden_layers: u64,
    num_attention_heads: u64,
    num_key_value_heads: Option<u64>,
    head_dim: Option<u64>,
    max_position_embeddings: u64,
    quantization_config: Option<Value>,
    #[serde(default)]
    eos_token_id: Tokens,
}

impl Config {
    fn kv_heads(&self) -> u64 {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }

    /// Dimensions of an attention head.
    fn head(&self) -> u64 {
        self.head_dim.unwrap_or(self.hidden_size / self.num_attention_heads)
    }
}

/// Token ids: none, one or several.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Tokens {
    #[default]
    None,
    One(u32),
    Several(Vec<u32>),
}

impl Tokens {
    fn into_vec(self) -> Vec<u32> {
        match self {
            Self::None => Vec::new(),
            Self::One(id) => vec![id],
            Self::Several(ids) => ids,
        }
    }
}

#[derive(Deserialize)]
struct Tokenizer {
    #[serde(rename = "model")]
    _model: HashMap<String, IgnoredAny>,
    #[serde(default)]
    added_tokens: Vec<IgnoredAny>,
}

#[derive(Default, Deserialize)]
struct TokenizerConfig {
    chat_template: Option<Templates>,
    bos_token: Option<Token>,
    eos_token: Option<Token>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Token {
    Text(String),
    Described { content: String },
}

impl Token {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) | Self::Described { content: text } => text,
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Templates {
    One(String),
    Several(Vec<NamedTemplate>),
}

#[derive(Deserialize)]
struct NamedTemplate {
    name: String,
    template: String,
}

impl Templates {
    /// The one for a usual conversation.
    fn into_text(self) -> Option<String> {
        match self {
            Self::One(text) => Some(text),
            Self::Several(named) => named.into_iter().find(|one| one.name == "default").map(|one| one.template),
        }
    }
}

#[derive(Deserialize)]
struct TemplateFile {
    chat_template: Templates,
}

#[derive(Default, Deserialize)]
struct GenerationConfig {
    #[serde(default)]
    eos_token_id: Tokens,
}

/// Whether the folder is that of a model which writes; a folder of sentence-transformers is that of an embedder, whatever it is made from.
pub fn is_one(folder: &Path) -> bool {
    #[derive(Deserialize)]
    struct Classes {
        architectures: Vec<String>,
    }
    let files = Folder { path: folder, kind: KIND };
    let classes: Option<Classes> = files.settings(CONFIG, MAX_SETTINGS).ok().flatten();
    let writes = |class: &String| class.ends_with("ForCausalLM") || class.ends_with("ForConditionalGeneration");
    !files.has("modules.json") && classes.is_some_and(|classes| classes.architectures.iter().any(writes))
}

/// Checks the folder; blocking, reads some megabytes.
pub fn inspect(folder: &Path) -> Result<ChatFolder, FolderError> {
    let files = Folder { path: folder, kind: KIND };
    let text = files.text(CONFIG, MAX_SETTINGS)?.ok_or_else(|| files.missing(CONFIG))?;
    let config: Config = serde_json::from_str(&text).map_err(|error| damaged(CONFIG, error))?;
    let adds_biases = check_class(&files, &config)?;
    check_figures(&config)?;
    let tokenizer_size = check_tokenizer(&files)?;
    let weights = weights::read(&files, &config, adds_biases)?;
    let described: TokenizerConfig = files.settings(TOKENIZER_CONFIG, MAX_LISTS)?.unwrap_or_default();
    let template = template(&files, described.chat_template)?;
    let (kv_heads, head) = (config.kv_heads(), config.head());
    let ends = ends(&files, config.eos_token_id, config.vocab_size)?;
    let end = described.eos_token.map(Token::into_text);
    if ends.is_empty() && end.is_none() {
        return Err(files.unsupported("it does not say which token ends an answer"));
    }
    Ok(ChatFolder {
        architecture: config.model_type,
        // Bounded by `check_figures`.
        context_length: config.max_position_embeddings as u32,
        vocabulary: config.vocab_size,
        size: weights.size + tokenizer_size,
        weights,
        tokenizer: files.path(TOKENIZER),
        config: for_mistral_rs(&text)?,
        calls_tools: template.as_ref().is_some_and(|template| template.contains("tools")),
        template,
        begin: described.bos_token.map(Token::into_text),
        end,
        ends,
        kv_bytes_per_token: config.num_hidden_layers * kv_heads * head * 2 * 4,
        // Sine and cosine of half a head for each position.
        rotary_bytes: config.max_position_embeddings * head * 4,
    })
}

impl ChatFolder {
    /// What loading takes, with the weights held like this; those that are already quantised stay as they are.
    pub fn footprint(&self, quantisation: Quantisation) -> Footprint {
        Footprint {
            file_size: self.size,
            loaded_bytes: self.weights.loaded_bytes(quantisation).saturating_add(self.rotary_bytes),
            kv_bytes_per_token: self.kv_bytes_per_token,
            heads: 0,
            context_length: self.context_length,
        }
    }
}

/// Whether the biases of its layers are computed with.
fn check_class(files: &Folder<'_>, config: &Config) -> Result<bool, FolderError> {
    let [class] = config.architectures.as_slice() else {
        return Err(damaged(CONFIG, format!("it names {} model classes", config.architectures.len())));
    };
    let is_a_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if config.model_type.is_empty() || config.model_type.len() > 40 || !config.model_type.chars().all(is_a_name) {
        return Err(damaged(CONFIG, "its architecture has an impossible name"));
    }
    let Some((_, adds_biases)) = CLASSES.iter().find(|(known, _)| known == class) else {
        let shown: String = class.chars().take(60).collect();
        let known: Vec<&str> = CLASSES.iter().map(|(known, _)| known.trim_end_matches("ForCausalLM")).collect();
        return Err(files.unsupported(format!(
            "its class {shown:?} is not supported in this format; supported are {}. Look for a GGUF file of this model",
            known.join(", ")
        )));
    };
    if class.trim_end_matches("ForCausalLM").to_lowercase() != config.model_type {
        return Err(damaged(CONFIG, "its architecture is not the one of its class"));
    }
    if let Some(quantised) = config.quantization_config.as_ref().filter(|quantised| !quantised.is_null()) {
        let method = quantised["quant_method"].as_str().unwrap_or("unknown");
        let shown: String = method.chars().take(20).collect();
        return Err(files.unsupported(format!(
            "its weights are already quantised, by the method {shown:?}, which needs a graphics card. Choose the original folder of this model, or a GGUF file"
        )));
    }
    Ok(*adds_biases)
}

fn check_figures(config: &Config) -> Result<(), FolderError> {
    let kv_heads = config.kv_heads();
    let bounds = [
        ("vocab_size", config.vocab_size, 1, 2 << 20),
        ("hidden_size", config.hidden_size, 1, 65_536),
        ("intermediate_size", config.intermediate_size, 1, 1 << 20),
        ("num_hidden_layers", config.num_hidden_layers, 1, 1024),
        ("num_attention_heads", config.num_attention_heads, 1, 4096),
        ("num_key_value_heads", kv_heads, 1, 4096),
        ("head_dim", config.head_dim.unwrap_or(1), 1, 8192),
        ("max_position_embeddings", config.max_position_embeddings, 16, 2 << 20),
    ];
    if let Some((name, figure, ..)) = bounds.iter().find(|(_, figure, least, most)| !(least..=most).contains(&figure)) {
        return Err(damaged(CONFIG, format!("its figure {name} of {figure} makes no sense")));
    }
    if !config.num_attention_heads.is_multiple_of(kv_heads) {
        return Err(damaged(CONFIG, format!("its attention has {} heads over {kv_heads}", config.num_attention_heads)));
    }
    if config.head_dim.is_none() && !config.hidden_size.is_multiple_of(config.num_attention_heads) {
        return Err(damaged(
            CONFIG,
            format!("{} dimensions cannot be shared by {} heads", config.hidden_size, config.num_attention_heads),
        ));
    }
    Ok(())
}

/// The size of the tokenizer's file, in bytes.
fn check_tokenizer(files: &Folder<'_>) -> Result<u64, FolderError> {
    let size = files.size(TOKENIZER, MAX_TOKENIZER)?;
    let tokenizer: Tokenizer = files.settings(TOKENIZER, MAX_TOKENIZER)?.ok_or_else(|| files.missing(TOKENIZER))?;
    match tokenizer.added_tokens.len() {
        0..=MAX_ADDED => Ok(size),
        many => Err(files.unsupported(format!("its tokenizer has {many} tokens of its own"))),
    }
}

fn template(files: &Folder<'_>, described: Option<Templates>) -> Result<Option<String>, FolderError> {
    let text = match files.text("chat_template.jinja", MAX_TEMPLATE as u64)? {
        Some(text) => Some(text),
        None => match described.and_then(Templates::into_text) {
            Some(text) => Some(text),
            None => {
                let file: Option<TemplateFile> = files.settings("chat_template.json", MAX_LISTS)?;
                file.and_then(|file| file.chat_template.into_text())
            }
        },
    };
    match text.filter(|text| !text.trim().is_empty()) {
        Some(text) if text.len() > MAX_TEMPLATE => {
            Err(damaged(TOKENIZER_CONFIG, format!("its chat template is {} KB long", text.len() >> 10)))
        }
        text => Ok(text),
    }
}

/// The tokens that end an answer, without repetition.
fn ends(files: &Folder<'_>, of_config: Tokens, vocabulary: u64) -> Result<Vec<u32>, FolderError> {
    let generation: GenerationConfig = files.settings(GENERATION_CONFIG, MAX_SETTINGS)?.unwrap_or_default();
    let (generation, of_config) = (generation.eos_token_id.into_vec(), of_config.into_vec());
    let mut ends = Vec::new();
    for (file, ids) in [(GENERATION_CONFIG, generation), (CONFIG, of_config)] {
        if ids.len() > MAX_ENDS {
            return Err(damaged(file, format!("it names {} tokens that end an answer", ids.len())));
        }
        if let Some(id) = ids.iter().find(|&&id| u64::from(id) >= vocabulary) {
            return Err(damaged(file, format!("its end token {id} is not in its vocabulary")));
        }
        for id in ids {
            if !ends.contains(&id) {
                ends.push(id);
            }
        }
    }
    Ok(ends)
}

/// mistral.rs 0.8.1 refuses some of what transformers writes, and reads the figures of the rotary embedding where it wrote them before its
/// version 5.
fn for_mistral_rs(config: &str) -> Result<String, FolderError> {
    let mut config: Map<String, Value> = serde_json::from_str(config).map_err(|error| damaged(CONFIG, error))?;
    // Which may be a list.
    config.remove("eos_token_id");
    // Two names of the same.
    if config.get("hidden_activation").is_some_and(|name| !name.is_null()) {
        config.remove("hidden_act");
    }
    if let Some(Value::Object(rope)) = config.get("rope_parameters").cloned() {
        if let (None, Some(theta)) = (config.get("rope_theta"), rope.get("rope_theta")) {
            config.insert("rope_theta".into(), theta.clone());
        }
        let is_scaled = rope.get("rope_type").is_some_and(|kind| kind != "default");
        if is_scaled && config.get("rope_scaling").is_none_or(Value::is_null) {
            config.insert("rope_scaling".into(), Value::Object(rope));
        }
    }
    Ok(Value::Object(config).to_string())
}
