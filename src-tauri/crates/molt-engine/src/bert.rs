//! An embedding model: a BERT in candle, whose token vectors become one unit-length vector per text.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config, HiddenAct, PositionEmbeddingType};
use molt_core::{Backend, EmbedPurpose, LoadedModel, ModelSpec};
use molt_engine_client::{
    embedder::{self, BertShape, EmbedderInfo, Pooling},
    memory,
    protocol::WireError,
};
use rayon::{ThreadPool, ThreadPoolBuilder};
use tokenizers::{Encoding, Tokenizer, TruncationParams};

use crate::panics;

/// Texts that go through the model together. More make it no faster on a processor, and padding wastes more.
const BATCH: usize = 8;
/// Bytes that loading takes besides the weights: the file's own copy is counted with them.
const MARGIN: u64 = 128 << 20;
/// One unknown token in so many makes a text unreadable: in a question it is likely the word that matters.
const UNREADABLE: usize = 20;

pub struct BertEmbedder {
    model: BertModel,
    /// Cuts texts at the length that the model reads.
    tokenizer: Tokenizer,
    /// Counts the tokens of whole texts.
    counter: Tokenizer,
    /// The token that stands for what the vocabulary does not have.
    unknown: Option<u32>,
    info: EmbedderInfo,
    /// For fewer threads than all, the one of the last such request.
    few: Mutex<Option<Arc<ThreadPool>>>,
}

impl BertEmbedder {
    /// Loads the model of a folder. Blocking, seconds.
    pub fn load(spec: &ModelSpec) -> Result<(Self, LoadedModel), WireError> {
        let started = Instant::now();
        let folder = Path::new(&spec.path);
        let info = embedder::inspect(folder).map_err(|error| WireError::BadModel { text: error.to_string() })?;
        let needed = info.size.saturating_add(info.parameters.saturating_mul(4)).saturating_add(MARGIN);
        if let Some(available) = memory::available().filter(|&available| available < needed) {
            let (needed, free) = (memory::amount(needed), memory::amount(available));
            let text = format!(
                "The embedding model needs {needed} of memory and {free} is free. Close other programs or choose a smaller model."
            );
            return Err(WireError::Failed { text });
        }
        let cannot = |reason: String| {
            tracing::warn!(model = %spec.path, %reason, "an embedding model cannot be loaded");
            let reason: String = reason.lines().next().unwrap_or_default().chars().take(300).collect();
            let text =
                format!("The embedding model “{}” cannot be loaded: {}.", spec.name, reason.trim_end_matches('.'));
            WireError::BadModel { text }
        };
        let model = panics::guarded(|| load_weights(folder, &info.shape))
            .map_err(cannot)?
            .map_err(|error| cannot(format!("{error:#}")))?;
        let counter = panics::guarded(|| Tokenizer::from_file(folder.join("tokenizer.json")))
            .map_err(cannot)?
            .map_err(|error| cannot(error.to_string()))?;
        if counter.get_vocab_size(true) as u64 > info.shape.vocab_size {
            return Err(cannot("its tokenizer has more tokens than its weights".into()));
        }
        let this = Self::new(model, counter, info).map_err(cannot)?;
        // A first vector, so that a model that cannot compute is found here.
        this.embed(&["Hello".to_owned()], EmbedPurpose::Query, rayon::current_num_threads())?;
        let load_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (dimensions, context_length) = (this.info.dimensions, this.info.max_tokens);
        Ok((this, LoadedModel { id: spec.id.clone(), context_length, dimensions, load_ms, backend: Backend::Candle }))
    }

    fn new(model: BertModel, mut counter: Tokenizer, info: EmbedderInfo) -> Result<Self, String> {
        counter.with_padding(None);
        counter.with_truncation(None).map_err(|error| error.to_string())?;
        let mut tokenizer = counter.clone();
        let cut = TruncationParams { max_length: info.max_tokens as usize, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(cut)).map_err(|error| error.to_string())?;
        let unknown = ["[UNK]", "<unk>"].iter().find_map(|token| counter.token_to_id(token));
        Ok(Self { model, tokenizer, counter, unknown, info, few: Mutex::default() })
    }

    /// Tokens of each text, without special tokens. Blocking.
    pub fn count(&self, texts: &[String]) -> Result<Vec<u32>, WireError> {
        let encodings = self.counter.encode_batch_fast(texts.to_vec(), false).map_err(failed)?;
        Ok(encodings.iter().map(|encoding| encoding.len() as u32).collect())
    }

    /// One unit-length vector per text, in order; all zeros for a text that is not readable for this model. Blocking; some milliseconds for
    /// each text.
    pub fn embed(&self, texts: &[String], purpose: EmbedPurpose, threads: usize) -> Result<Vec<Vec<f32>>, WireError> {
        if threads >= rayon::current_num_threads() {
            return self.embed_here(texts, purpose);
        }
        self.few(threads)?.install(|| self.embed_here(texts, purpose))
    }

    fn few(&self, threads: usize) -> Result<Arc<ThreadPool>, WireError> {
        let mut few = self.few.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = few.as_ref().filter(|pool| pool.current_num_threads() == threads) {
            return Ok(pool.clone());
        }
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().map_err(failed)?;
        Ok(few.insert(Arc::new(pool)).clone())
    }

    /// With the threads of the pool that this is called in.
    fn embed_here(&self, texts: &[String], purpose: EmbedPurpose) -> Result<Vec<Vec<f32>>, WireError> {
        let prefix = match purpose {
            EmbedPurpose::Query => &self.info.query_prefix,
            EmbedPurpose::Passage => &self.info.passage_prefix,
        };
        let texts: Vec<String> = texts.iter().map(|text| format!("{prefix}{text}")).collect();
        let encodings = self.tokenizer.encode_batch_fast(texts, true).map_err(failed)?;
        // Texts of like length go together, so that little is padded.
        let mut order: Vec<usize> = (0..encodings.len()).filter(|&at| self.is_readable(&encodings[at])).collect();
        order.sort_by_key(|&at| encodings[at].len());
        let mut vectors = vec![vec![0.0; self.info.dimensions as usize]; encodings.len()];
        for batch in order.chunks(BATCH) {
            let tokens: Vec<&[u32]> = batch.iter().map(|&at| encodings[at].get_ids()).collect();
            let results = self.forward(&tokens).map_err(failed)?;
            for (&at, vector) in batch.iter().zip(results) {
                // Damaged weights give such vectors; nothing could be found with them, and JSON cannot carry them.
                if vector.iter().any(|number| !number.is_finite()) {
                    return Err(failed("its weights give no numbers"));
                }
                vectors[at] = vector;
            }
        }
        Ok(vectors)
    }

    /// Whether nearly all of a text is of signs that the model knows. It gives a vector to any text, and those of a script that it does not know
    /// are all alike: Chinese questions find nothing with an English model. Of 522 such questions 99.8 % have a twentieth of unknown tokens,
    /// of 500 English ones none has any.
    fn is_readable(&self, text: &Encoding) -> bool {
        let own = text.get_special_tokens_mask().iter().filter(|special| **special == 0).count();
        let unknown = text.get_ids().iter().filter(|id| Some(**id) == self.unknown).count();
        unknown == 0 || unknown * UNREADABLE < own
    }

    fn forward(&self, texts: &[&[u32]]) -> candle_core::Result<Vec<Vec<f32>>> {
        let width = texts.iter().map(|tokens| tokens.len()).max().unwrap_or(0).max(1);
        let shape = (texts.len(), width);
        let mut ids = vec![0_u32; texts.len() * width];
        let mut mask = vec![0_f32; texts.len() * width];
        for ((tokens, ids), mask) in texts.iter().zip(ids.chunks_mut(width)).zip(mask.chunks_mut(width)) {
            ids[..tokens.len()].copy_from_slice(tokens);
            mask[..tokens.len()].fill(1.0);
        }
        let ids = Tensor::from_vec(ids, shape, &Device::Cpu)?;
        let mask = Tensor::from_vec(mask, shape, &Device::Cpu)?;
        let states = self.model.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
        let pooled = match self.info.pooling {
            Pooling::First => states.narrow(1, 0, 1)?.squeeze(1)?,
            Pooling::Mean => {
                let mask = mask.unsqueeze(2)?;
                // A text always has its special tokens; the floor guards the division all the same.
                states.broadcast_mul(&mask)?.sum(1)?.broadcast_div(&mask.sum(1)?.clamp(1e-9, f64::MAX)?)?
            }
        };
        let length = pooled.sqr()?.sum_keepdim(1)?.sqrt()?.clamp(1e-12, f64::MAX)?;
        pooled.broadcast_div(&length)?.to_vec2()
    }
}

fn failed(error: impl std::fmt::Display) -> WireError {
    let reason = error.to_string();
    tracing::warn!(%reason, "an embedding failed");
    let reason: String = reason.lines().next().unwrap_or_default().chars().take(300).collect();
    WireError::Failed { text: format!("The text could not be read by the embedding model: {reason}.") }
}

fn load_weights(folder: &Path, shape: &BertShape) -> anyhow::Result<BertModel> {
    let bytes = std::fs::read(folder.join("model.safetensors"))?;
    let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)?;
    drop(bytes);
    let weights = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
    Ok(BertModel::load(weights, &config(shape))?)
}

/// The figures are bounded by the inspection.
fn config(shape: &BertShape) -> Config {
    Config {
        vocab_size: shape.vocab_size as usize,
        hidden_size: shape.hidden_size as usize,
        num_hidden_layers: shape.num_hidden_layers as usize,
        num_attention_heads: shape.num_attention_heads as usize,
        intermediate_size: shape.intermediate_size as usize,
        hidden_act: if shape.hidden_act == "relu" { HiddenAct::Relu } else { HiddenAct::Gelu },
        max_position_embeddings: shape.max_position_embeddings as usize,
        type_vocab_size: shape.type_vocab_size as usize,
        layer_norm_eps: shape.layer_norm_eps,
        position_embedding_type: PositionEmbeddingType::Absolute,
        model_type: Some("bert".into()),
        ..Config::default()
    }
}
