//! A model in llama.cpp: loading it, its tokens, the layout of a prompt.

use std::{num::NonZeroU32, path::Path, time::Instant};

use llama_cpp_2::{
    context::{LlamaContext, params::LlamaContextParams},
    token::LlamaToken,
    token_type::LlamaTokenAttr,
    vocab::LlamaVocab,
};
use molt_core::{Backend, LoadedModel, ModelSpec, PromptMessage, Role};
use molt_engine_client::{
    NO_TEMPLATE, gguf,
    memory::{self, FLASH_ATTENTION},
    protocol::{THREADS_VARIABLE, WireError},
    worker::{CLOSE_THOUGHTS, Markers, OPEN_THOUGHTS, Template, TemplateError, runaway, turns},
};

use crate::{form::Forms, weights::Weights};

/// Lives as long as the process.
pub struct Model {
    weights: Weights,
    template: Template,
    markers: Markers,
    /// The markers around thoughts, where the model has such markers.
    thinking: Vec<LlamaToken>,
    /// Tokens of prompt and answer together.
    pub context: u32,
    /// Tokens of a prompt that are read in one go.
    pub batch: u32,
    /// Rough need in bytes of one more [`Model::context`].
    pub desk_bytes: u64,
}

/// A prompt as the model reads it.
pub struct Prompt {
    pub tokens: Vec<LlamaToken>,
    pub text: String,
}

impl Model {
    /// Loads the model. Blocking, up to minutes.
    pub fn load(spec: &ModelSpec) -> Result<(&'static Self, LoadedModel), WireError> {
        let started = Instant::now();
        let path = Path::new(&spec.path);
        let info = gguf::inspect(path).map_err(|error| bad(error.to_string()))?;
        let source = spec.settings.template.as_ref().or(info.template.as_ref()).ok_or_else(|| bad(NO_TEMPLATE))?;
        let plan = memory::plan(Backend::LlamaCpp, &info, spec.context_length, memory::available())
            .map_err(|text| WireError::Failed { text })?;

        let cannot = |reason: String| cannot_load(spec, &info.architecture, &reason);
        let weights = Weights::load(path).map_err(cannot)?;
        let vocab = weights.model.vocab();
        let template = Template::new(source, text_of(&vocab, vocab.bos()), text_of(&vocab, vocab.eos()))
            .map_err(|error| error.refusal())?;
        let markers = Markers::new(special_tokens(&vocab));

        let is_mark = |&token: &LlamaToken| {
            vocab.is_control(token) && [OPEN_THOUGHTS, CLOSE_THOUGHTS].contains(&text_of(&vocab, token).as_str())
        };
        let thinking = (0..vocab.n_tokens()).map(LlamaToken::new).filter(is_mark).collect();

        let (batch, desk_bytes) = (memory::prompt_batch(&info), memory::of_conversation(&info, plan.context));
        let this = Self { weights, template, markers, thinking, context: plan.context, batch, desk_bytes };
        this.prompt(&[PromptMessage { role: Role::User, text: "Hello".into() }], false)
            .map_err(|error| error.refusal())?;
        let load_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let loaded = LoadedModel {
            id: spec.id.clone(),
            context_length: plan.context,
            dimensions: 0,
            load_ms,
            backend: Backend::LlamaCpp,
        };
        Ok((Box::leak(Box::new(this)), loaded))
    }

    /// The forms that answers can be given.
    pub fn forms(&self) -> Result<Forms, WireError> {
        Forms::new(&self.weights.model)
    }

    /// A working space for one conversation.
    pub fn context(&self) -> Result<LlamaContext<'_>, WireError> {
        let threads = threads();
        let params = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(self.context))
            .with_n_batch(self.batch)
            .with_n_ubatch(self.batch)
            .with_flash_attention_policy(FLASH_ATTENTION.into())
            .with_n_threads(threads)
            .with_n_threads_batch(threads)
            .with_no_perf(true);
        self.weights.context(params)
    }

    /// Tokens of each text, without special tokens.
    pub fn count(&self, texts: &[String]) -> Vec<u32> {
        let vocab = self.weights.model.vocab();
        let count = |text: &String| vocab.tokenize(self.markers.break_up(text).as_bytes(), false, true).len();
        texts.iter().map(|text| u32::try_from(count(text)).unwrap_or(u32::MAX)).collect()
    }

    /// Lays the conversation out. Milliseconds.
    pub fn prompt(&self, messages: &[PromptMessage], think: bool) -> Result<Prompt, TemplateError> {
        let text = self.template.render(turns(messages, |text| self.markers.break_up(text)), think)?;
        let vocab = self.weights.model.vocab();
        let mut tokens = vocab.tokenize(text.as_bytes(), false, true);
        // Most templates write the first token themselves; not all do.
        if vocab.should_add_bos() && tokens.first() != Some(&vocab.bos()) {
            tokens.insert(0, vocab.bos());
        }
        if tokens.is_empty() {
            return Err(TemplateError::Fails("it makes an empty prompt".into()));
        }
        Ok(Prompt { tokens, text })
    }

    /// Whether the template was left running, so that this process has to end.
    pub fn is_stuck(&self) -> bool {
        runaway::is_left_running()
    }

    /// Whether the weights are not those any more that were loaded.
    pub fn is_changed(&self) -> bool {
        self.weights.are_changed()
    }

    /// Whether the token ends an answer.
    pub fn is_end(&self, token: LlamaToken) -> bool {
        self.weights.model.vocab().is_eog(token)
    }

    /// The bytes that the token stands for; none for markers, except those around thoughts.
    pub fn bytes(&self, token: LlamaToken) -> Vec<u8> {
        self.weights.model.vocab().token_to_piece(token, self.thinking.contains(&token), None)
    }
}

/// Computing threads.
pub fn threads() -> i32 {
    std::env::var(THREADS_VARIABLE).ok().and_then(|threads| threads.parse().ok()).unwrap_or(1)
}

/// The tokens that the tokenizer recognises as a whole.
fn special_tokens<'a>(vocab: &'a LlamaVocab<'a>) -> impl Iterator<Item = String> + 'a {
    (0..vocab.n_tokens())
        .map(LlamaToken::new)
        .filter(|&token| vocab.is_control(token) || vocab.attr(token).contains(LlamaTokenAttr::UserDefined))
        .map(|token| text_of(vocab, token))
}

pub fn text_of(vocab: &LlamaVocab<'_>, token: LlamaToken) -> String {
    // A model need not have every special token; they are numbered -1 then.
    if token.0 < 0 {
        String::new()
    } else {
        vocab.text(token).map_or_else(String::new, |text| text.to_string_lossy().into_owned())
    }
}

pub fn bad(text: impl Into<String>) -> WireError {
    WireError::BadModel { text: text.into() }
}

pub fn cannot_load(spec: &ModelSpec, architecture: &str, reason: &str) -> WireError {
    tracing::warn!(model = %spec.path, %reason, "a model cannot be loaded");
    bad(format!(
        "The model “{}” cannot be loaded: its file is damaged, or its architecture {architecture} is not supported.",
        spec.name
    ))
}
