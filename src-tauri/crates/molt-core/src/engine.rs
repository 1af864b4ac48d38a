//! Models, and what is said to an engine that runs them.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{ModelId, Role};

/// What a model is for. In the order in which people need them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum ModelRole {
    /// Answers questions.
    Chat,
    /// Makes vectors of texts.
    Embedder,
    /// Tells how well passages answer a question.
    Reranker,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum ModelFormat {
    Gguf,
    /// A folder with `config.json`, `tokenizer.json` and safetensors weights.
    Safetensors,
    /// The same, whose weights mistral.rs has quantised before.
    Uqff,
    /// There is no file: the model runs on another server.
    Remote,
}

/// The library that computes. The first two run the same chat models; which is faster depends on the model and the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Backend {
    MistralRs,
    LlamaCpp,
    /// Runs embedders of the BERT family.
    Candle,
    /// Another server, over the network.
    Remote,
}

/// Where a model runs that is not on this computer: a server with the interface of OpenAI. Its key is kept apart, as a secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct RemoteModel {
    /// For example `https://api.example.com/v1`; without a slash at the end.
    pub url: String,
    /// The server's name as people are told it, with the port where one is given.
    pub host: String,
    /// What the server calls the model.
    pub model: String,
    /// It understands pictures.
    #[serde(default)]
    pub vision: bool,
}

/// How an answer's words are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// 0 is greedy: the most likely word is always taken.
    pub temperature: f32,
    /// The most likely words that together have this probability are drawn from.
    pub top_p: f32,
}

impl Default for Sampling {
    /// Greedy: an answer from documents is to say what they say, and the same every time.
    fn default() -> Self {
        Self { temperature: 0.0, top_p: 1.0 }
    }
}

/// How the weights of a model are held whose files have them unquantised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Quantisation {
    /// As 32-bit floats: exact, slow and large.
    Full,
    /// About half the size of the usual files of 16 bits, and nearly as good.
    EightBits,
    /// About a quarter.
    FourBits,
}

/// What the user has set for a chat model; what is not set is as usual.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(default)]
#[ts(export)]
pub struct ModelSettings {
    /// Tokens of a conversation with its answer. As usual: what the model was made for, and not more than takes a reasonable time.
    pub context: Option<u32>,
    /// From 0 to 2; as usual: 0, which is greedy.
    pub temperature: Option<f32>,
    /// Above 0 and at most 1; as usual: 0.95. Of no effect on greedy answers.
    pub top_p: Option<f32>,
    /// Of a folder with safetensors. As usual: 8 bits where there is room for them, else 4.
    pub quantisation: Option<Quantisation>,
    /// A chat template in the place of the one that comes with the model.
    pub template: Option<String>,
}

impl ModelSettings {
    /// Tokens. With less a question and a passage do not fit.
    pub const LEAST_CONTEXT: u32 = 512;
    /// More makes noise.
    pub const MOST_TEMPERATURE: f32 = 2.0;
    /// Bytes of a chat template. The longest published ones take some tens of kilobytes.
    pub const LONGEST_TEMPLATE: usize = 256 << 10;
    /// The usual cut of the unlikely (Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration").
    pub const USUAL_TOP_P: f32 = 0.95;

    pub fn sampling(&self) -> Sampling {
        match self.temperature {
            Some(temperature) if temperature > 0.0 => {
                Sampling { temperature, top_p: self.top_p.unwrap_or(Self::USUAL_TOP_P) }
            }
            _ => Sampling::default(),
        }
    }
}

/// A model on this disk, or one of another server that the user added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct ModelSpec {
    pub id: ModelId,
    pub name: String,
    pub role: ModelRole,
    pub format: ModelFormat,
    /// Absolute path of the GGUF file or of the folder; empty where the model is on another server.
    pub path: String,
    /// Bytes on disk.
    #[ts(type = "number")]
    pub size: u64,
    /// For example `qwen3` or `bert`.
    pub architecture: String,
    /// Tokens that it is given where the user has set no other number.
    pub context_length: u32,
    /// The most tokens that it was made to read, where that is known.
    #[serde(default)]
    pub context_limit: Option<u32>,
    /// Length of an embedding; 0 for chat models.
    #[serde(default)]
    pub dimensions: u32,
    /// Rough need in bytes when loaded: weights, one context, working space.
    #[serde(default)]
    #[ts(type = "number")]
    pub memory_needed: u64,
    pub licence: Option<String>,
    /// The small model that comes with the program: for demonstration and tests.
    pub bundled: bool,
    /// What runs it, where the user has chosen; else the engine chooses.
    #[serde(default)]
    pub backend: Option<Backend>,
    /// It was trained to call tools.
    #[serde(default)]
    pub tools: bool,
    /// Every question to it leaves this computer.
    #[serde(default)]
    pub remote: Option<RemoteModel>,
    /// How fast the engines ran it, where that was measured.
    #[serde(default)]
    pub calibration: Option<Calibration>,
    #[serde(default)]
    pub settings: ModelSettings,
}

impl ModelSpec {
    /// What was measured, if that was on this machine and of this file.
    pub fn calibration_on(&self, machine: &str) -> Option<&Calibration> {
        self.calibration.as_ref().filter(|measured| measured.machine == machine && measured.size == self.size)
    }

    /// Whether a model that is loaded as this one says can answer as `other` says.
    pub fn is_loaded_like(&self, other: &Self) -> bool {
        let of = |spec: &Self| (spec.backend, spec.context(), spec.settings.quantisation);
        of(self) == of(other) && self.settings.template == other.settings.template
    }

    /// Tokens that it is to be loaded with.
    pub fn context(&self) -> u32 {
        self.settings.context.unwrap_or(self.context_length)
    }
}

/// How fast the engines run a model, measured on one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Calibration {
    /// The processor and its cores. On another one the figures say nothing.
    pub machine: String,
    /// Bytes of the model's file.
    #[ts(type = "number")]
    pub size: u64,
    pub trials: Vec<EngineTrial>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct EngineTrial {
    pub backend: Backend,
    pub outcome: TrialOutcome,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum TrialOutcome {
    Measured {
        prompt_tokens_per_second: f32,
        tokens_per_second: f32,
    },
    /// Stopped when it had taken a multiple of the time of the other.
    TooSlow,
    /// One plain sentence.
    Failed {
        reason: String,
    },
}

/// Tokens of a usual question with its passages, and of its answer: what speeds are weighed by.
const USUAL_PROMPT: f32 = 600.0;
const USUAL_ANSWER: f32 = 150.0;

impl Calibration {
    /// The engine that answers a usual question first, if one could be measured.
    pub fn fastest(&self) -> Option<Backend> {
        let seconds = |trial: &EngineTrial| match trial.outcome {
            TrialOutcome::Measured { prompt_tokens_per_second, tokens_per_second } => {
                Some(USUAL_PROMPT / prompt_tokens_per_second.max(0.01) + USUAL_ANSWER / tokens_per_second.max(0.01))
            }
            TrialOutcome::TooSlow | TrialOutcome::Failed { .. } => None,
        };
        let measured = self.trials.iter().filter_map(|trial| Some((trial.backend, seconds(trial)?)));
        measured.min_by(|one, other| one.1.total_cmp(&other.1)).map(|(backend, _)| backend)
    }
}

/// What an engine says of a loaded model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct LoadedModel {
    pub id: ModelId,
    /// Tokens.
    pub context_length: u32,
    /// Length of an embedding; 0 for chat models.
    pub dimensions: u32,
    #[ts(type = "number")]
    pub load_ms: u64,
    pub backend: Backend,
}

/// Memory and speed of one loaded model's worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct EngineStats {
    pub id: ModelId,
    /// Resident bytes of the worker process (PSS where the system tells it).
    #[ts(type = "number")]
    pub memory: u64,
    pub generations: u32,
    pub last_prompt_tokens_per_second: f32,
    pub last_tokens_per_second: f32,
    pub restarts: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PromptMessage {
    pub role: Role,
    pub text: String,
}

/// One generation. Temperature 0 is greedy. With `max_tokens` 0 the prompt is read, for the next one that begins like it; an engine that
/// cannot read without writing may write one token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GenerateRequest {
    pub model: ModelId,
    pub messages: Vec<PromptMessage>,
    pub max_tokens: u32,
    pub temperature: f32,
    pub top_p: f32,
    /// Strings that end the answer; they are not part of it, and are not looked for in thoughts.
    pub stop: Vec<String>,
    /// Whether a model that can think before it answers is to do so. One that thinks without being asked still tells its thoughts apart.
    #[serde(default)]
    pub think: bool,
    /// The form that the answer is bound to. Such an answer is written at once, without thoughts before it.
    #[serde(default)]
    pub constraint: Option<Constraint>,
    /// Only takes up what is kept of a prompt that begins like this one, and computes nothing: it ends at once where nothing is kept.
    #[serde(default)]
    pub recall_only: bool,
}

/// The form of an answer: every token is chosen so that the whole answer can still have it. An answer that ends with
/// [`FinishReason::Length`] was cut off and may be the beginning of one only. What is not of any form is refused as [`crate::EngineError::Failed`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Constraint {
    /// JSON of this schema (<https://json-schema.org>), on one line. A keyword that cannot be kept to is an error.
    JsonSchema(serde_json::Value),
    /// The whole answer matches this regular expression (the syntax of Rust's `regex`).
    Regex(String),
    /// A context-free grammar in the Lark dialect of llguidance, whose rule `start` is the answer.
    Grammar(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model ended the answer, or a stop string was met.
    Stop,
    /// `max_tokens` or the end of the context was reached.
    Length,
    Cancelled,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum GenerateEvent {
    /// Waiting behind others; `position` 1 is next.
    Queued {
        position: u32,
    },
    /// The prompt is being read.
    Started {
        prompt_tokens: u32,
    },
    /// The prompt is long and read piece by piece; in tokens.
    Reading {
        read: u32,
        total: u32,
    },
    /// What the model thinks before it answers. Not a part of the answer.
    Thought {
        text: String,
    },
    Delta {
        text: String,
    },
    /// Always the last event when there is no error.
    Done {
        finish: FinishReason,
        prompt_tokens: u32,
        /// Tokens of the prompt that were known from the one before, and so were not read again.
        #[serde(default)]
        cached_tokens: u32,
        completion_tokens: u32,
        prompt_ms: u64,
        decode_ms: u64,
    },
}

/// Whether a text is a question or a passage: some embedders prefix them differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmbedPurpose {
    Query,
    Passage,
}

/// Tokens of a text for whose model there is no tokenizer here, rather too many than too few: three letters of the Latin alphabet are
/// one, and so is every character of the other scripts.
pub fn estimated_tokens(text: &str) -> u32 {
    let (ascii, others) =
        text.chars().fold(
            (0_usize, 0_usize),
            |(ascii, others), c| {
                if c.is_ascii() { (ascii + 1, others) } else { (ascii, others + 1) }
            },
        );
    u32::try_from(ascii.div_ceil(3) + others).unwrap_or(u32::MAX)
}
