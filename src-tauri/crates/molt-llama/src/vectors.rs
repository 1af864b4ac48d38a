//! Comparing texts: a model in llama.cpp whose vectors of tokens become one unit-length vector per text, or one number for a question and
//! a passage.

use std::{num::NonZeroU32, path::Path, sync::mpsc, time::Instant};

use llama_cpp_2::{
    context::{
        LlamaContext,
        params::{LlamaContextParams, LlamaPoolingType},
    },
    llama_batch::LlamaBatch,
    token::LlamaToken,
    vocab::LlamaVocab,
};
use molt_core::{Backend, EmbedPurpose, LoadedModel, ModelSpec};
use molt_engine_client::{
    gguf::{self, Comparing, MOST_TOKENS, Pooling},
    memory::{self, FLASH_ATTENTION},
    protocol::{Event, Request, WireError},
    worker::Voice,
};

use crate::{
    model::{bad, cannot_load, text_of, threads},
    pairs::Pair,
    prefixes::Prefixes,
    weights::Weights,
};

/// Texts that are read together at most.
const TOGETHER: usize = 16;
/// Bytes of a text that are looked at for each token that is read. No token of a real text is as long.
const BYTES_PER_TOKEN: usize = 64;
/// One unknown token in so many makes a text unreadable: in a question it is likely the word that matters. As in `molt-engine`.
const UNREADABLE: usize = 20;
/// The token that Qwen3-Embedding takes the vector of (its "Usage"). Not all of its files say that it is to be added.
const QWEN_END: &str = "<|endoftext|>";

/// A model that compares texts.
pub struct Comparer {
    /// Live as long as the process.
    weights: &'static Weights,
    /// By their computing threads: all, and those that files may take now.
    contexts: Vec<(i32, LlamaContext<'static>)>,
    batch: LlamaBatch<'static>,
    comparing: Comparing,
    prefixes: Prefixes,
    frame: Frame,
    pair: Pair,
    /// The token that stands for what the vocabulary does not have.
    unknown: Option<LlamaToken>,
    /// Tokens of a text, those of the frame included.
    most: usize,
    /// Length of a vector.
    dimensions: usize,
}

/// The tokens that the model wants around every text.
#[derive(Debug)]
pub struct Frame {
    pub before: Vec<LlamaToken>,
    pub behind: Vec<LlamaToken>,
}

impl Comparer {
    /// Loads the model. Blocking, up to minutes.
    pub fn load(spec: &ModelSpec) -> Result<(Self, LoadedModel), WireError> {
        let started = Instant::now();
        let path = Path::new(&spec.path);
        let info = gguf::inspect(path).map_err(|error| bad(error.to_string()))?;
        let Some(comparing) = info.comparing else {
            return Err(bad("The model answers questions; it cannot compare texts. Choose an embedding model."));
        };
        memory::check(memory::needed_to_compare(&info, comparing)).map_err(|text| WireError::Failed { text })?;
        let cannot = |reason: String| cannot_load(spec, &info.architecture, &reason);
        let weights: &'static Weights = Box::leak(Box::new(Weights::load(path).map_err(cannot)?));
        let contexts = vec![(threads(), weights.context(space(comparing, threads()))?)];
        let most = info.context_length.min(MOST_TOKENS) as usize;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let frame = Frame::of(&weights.model.vocab(), &info.architecture, comparing.pooling)
            .ok_or_else(|| cannot("its tokenizer changes a text by what stands around it".into()))?;
        if frame.before.len() + frame.behind.len() >= most {
            return Err(cannot("there is no room for a text between its marks".into()));
        }
        let pair = Pair::of(&weights.model, &frame)
            .ok_or_else(|| cannot("it does not say where a question and a passage stand".into()))?;
        let mut this = Self {
            weights,
            contexts,
            batch: LlamaBatch::new(comparing.batch as usize, 1),
            comparing,
            prefixes: Prefixes::of(&info.architecture, &[info.name.as_deref().unwrap_or_default(), &name, &spec.name]),
            frame,
            pair,
            unknown: unknown(&weights.model.vocab()),
            most,
            dimensions: if comparing.pooling == Pooling::Score { 0 } else { info.embedding_length as usize },
        };
        // A first text, so that a model that cannot compute is found here.
        match comparing.pooling {
            Pooling::Score => drop(this.rerank("Hello", &["Hello".to_owned()])?),
            _ => drop(this.embed(&["Hello".to_owned()], EmbedPurpose::Query, threads())?),
        }
        let load_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let loaded = LoadedModel {
            id: spec.id.clone(),
            context_length: most as u32,
            dimensions: this.dimensions as u32,
            load_ms,
            backend: Backend::LlamaCpp,
        };
        Ok((this, loaded))
    }

    /// Serves until the input ends or the end is asked for. One request after the other: there is one computation at a time, and each is
    /// short.
    pub fn serve(mut self, requests: &mpsc::Receiver<Request>, voice: &Voice) {
        for request in requests {
            // A new process loads what the file is now.
            if self.weights.are_changed() {
                tracing::warn!("somebody has written to the file of the model");
                return;
            }
            let (id, answer) = match request {
                Request::Embed { id, texts, purpose, threads } => {
                    let threads = i32::try_from(threads).unwrap_or(i32::MAX);
                    (id, self.embed(&texts, purpose, threads).map(|vectors| Event::Embedded { id, vectors }))
                }
                Request::Rerank { id, query, texts } => {
                    (id, self.rerank(&query, &texts).map(|scores| Event::Reranked { id, scores }))
                }
                Request::CountTokens { id, texts } => (id, Ok(Event::Counted { id, counts: self.count(&texts) })),
                Request::Generate { id, .. } => {
                    let text = "This model compares texts; it cannot answer questions.".into();
                    voice.say(Event::Failed { id, error: WireError::Failed { text } });
                    (id, Ok(Event::Idle { id }))
                }
                Request::Cancel { .. } => continue,
                Request::Load { .. } | Request::CheckTemplate { .. } => {
                    tracing::error!("a second model was asked for; a worker holds one");
                    continue;
                }
                Request::Shutdown => return,
            };
            voice.say(answer.unwrap_or_else(|error| Event::Failed { id, error }));
        }
    }

    /// Tokens of each text, without those around it.
    fn count(&self, texts: &[String]) -> Vec<u32> {
        let vocab = self.weights.model.vocab();
        let count = |text: &String| vocab.tokenize(text.as_bytes(), false, false).len();
        texts.iter().map(|text| u32::try_from(count(text)).unwrap_or(u32::MAX)).collect()
    }

    /// One unit-length vector per text, in order; all zeros for a text that is not readable for this model.
    fn embed(&mut self, texts: &[String], purpose: EmbedPurpose, threads: i32) -> Result<Vec<Vec<f32>>, WireError> {
        if self.comparing.pooling == Pooling::Score {
            return Err(failed(&"it tells how well a passage answers a question, and makes no vectors"));
        }
        let prefix = match purpose {
            EmbedPurpose::Query => self.prefixes.query,
            EmbedPurpose::Passage => self.prefixes.passage,
        };
        let texts: Vec<Vec<LlamaToken>> = texts.iter().map(|text| self.tokens(prefix, text)).collect();
        let mut vectors = vec![vec![0.0; self.dimensions]; texts.len()];
        for pack in packs(&texts) {
            let tokens: Vec<&[LlamaToken]> = pack.iter().map(|&at| texts[at].as_slice()).collect();
            for (at, mut vector) in pack.into_iter().zip(self.compute(&tokens, threads)?) {
                let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
                // Damaged weights give such vectors; nothing could be found with them, and JSON cannot carry them.
                if !length.is_finite() || vector.len() != self.dimensions {
                    return Err(failed(&"its weights give no numbers"));
                }
                vector.iter_mut().for_each(|number| *number /= length.max(1e-12));
                vectors[at] = vector;
            }
        }
        Ok(vectors)
    }

    /// How well each text answers the query.
    fn rerank(&mut self, query: &str, texts: &[String]) -> Result<Vec<f32>, WireError> {
        if self.comparing.pooling != Pooling::Score {
            return Err(failed(&"it makes vectors, and does not tell how well a passage answers a question"));
        }
        let query = self.plain("", query);
        let pairs: Vec<Vec<LlamaToken>> =
            texts.iter().map(|text| self.pair.tokens(&query, &self.plain("", text), self.most)).collect();
        let mut scores = vec![0.0; texts.len()];
        for pack in packs(&pairs) {
            let tokens: Vec<&[LlamaToken]> = pack.iter().map(|&at| pairs[at].as_slice()).collect();
            for (at, result) in pack.into_iter().zip(self.compute(&tokens, threads())?) {
                match result.first() {
                    Some(score) if score.is_finite() => scores[at] = *score,
                    _ => return Err(failed(&"its weights give no numbers")),
                }
            }
        }
        Ok(scores)
    }

    /// The tokens of a text without those around it; not many more than are read.
    fn plain(&self, prefix: &str, text: &str) -> Vec<LlamaToken> {
        let text = &text[..text.floor_char_boundary(self.most * BYTES_PER_TOKEN)];
        self.weights.model.vocab().tokenize(format!("{prefix}{text}").as_bytes(), false, false)
    }

    /// A text as the model reads it, cut where it reads no more; nothing where it cannot be read.
    fn tokens(&self, prefix: &str, text: &str) -> Vec<LlamaToken> {
        let Frame { before, behind } = &self.frame;
        let room = self.most - before.len() - behind.len();
        let mut own = self.plain(prefix, text);
        own.truncate(room);
        // A model gives a vector to any text, and those of a script that it does not know are all alike.
        let unknown = own.iter().filter(|token| Some(**token) == self.unknown).count();
        if unknown > 0 && unknown * UNREADABLE >= own.len() {
            return Vec::new();
        }
        [before.as_slice(), &own, behind].concat()
    }

    /// What each of the texts comes to.
    fn compute(&mut self, texts: &[&[LlamaToken]], threads: i32) -> Result<Vec<Vec<f32>>, WireError> {
        let at = self.contexts.iter().position(|(of, _)| *of == threads);
        if at.is_none() {
            // Files may take another part of the processor now.
            self.contexts.truncate(1);
            self.contexts.push((threads, self.weights.context(space(self.comparing, threads))?));
        }
        let context = &mut self.contexts[at.unwrap_or(1)].1;
        context.clear_kv_cache_seq(None, None, None).map_err(|error| failed(&error))?;
        let tokens: Vec<(usize, usize, LlamaToken)> = texts
            .iter()
            .enumerate()
            .flat_map(|(text, tokens)| tokens.iter().enumerate().map(move |(place, &token)| (text, place, token)))
            .collect();
        let mut results = vec![Vec::new(); texts.len()];
        for part in tokens.chunks(self.comparing.batch as usize) {
            self.batch.clear();
            for &(text, place, token) in part {
                self.batch.add(token, place as i32, &[text as i32], true).map_err(|error| failed(&error))?;
            }
            context.decode(&mut self.batch).map_err(|error| failed(&error))?;
            for &(text, place, _) in part {
                if place + 1 == texts[text].len() {
                    let result = context.embeddings_seq_ith(text as i32).map_err(|error| failed(&error))?;
                    results[text] = result.to_vec();
                }
            }
        }
        Ok(results)
    }
}

/// Room for the texts that are read together.
fn space(comparing: Comparing, threads: i32) -> LlamaContextParams {
    LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(MOST_TOKENS))
        .with_n_batch(comparing.batch)
        .with_n_ubatch(comparing.batch)
        .with_n_seq_max(TOGETHER as u32)
        .with_kv_unified(true)
        .with_embeddings(true)
        .with_pooling_type(match comparing.pooling {
            Pooling::Mean => LlamaPoolingType::Mean,
            Pooling::First => LlamaPoolingType::Cls,
            Pooling::Last => LlamaPoolingType::Last,
            Pooling::Score => LlamaPoolingType::Rank,
        })
        .with_flash_attention_policy(FLASH_ATTENTION.into())
        .with_n_threads(threads)
        .with_n_threads_batch(threads)
        .with_no_perf(true)
}

impl Frame {
    /// `None` where a text is read otherwise between the tokens around it than alone.
    fn of(vocab: &LlamaVocab<'_>, architecture: &str, pooling: Pooling) -> Option<Self> {
        const TEXT: &[u8] = b"Hello";
        let (alone, framed) = (vocab.tokenize(TEXT, false, false), vocab.tokenize(TEXT, true, false));
        let at = framed.windows(alone.len().max(1)).position(|window| window == alone)?;
        let mut behind = framed[at + alone.len()..].to_vec();
        if architecture == "qwen3" && pooling == Pooling::Last && behind.is_empty() {
            behind.extend(token(vocab, QWEN_END));
        }
        Some(Self { before: framed[..at].to_vec(), behind })
    }
}

fn token(vocab: &LlamaVocab<'_>, text: &str) -> Option<LlamaToken> {
    (0..vocab.n_tokens()).map(LlamaToken::new).find(|&token| text_of(vocab, token) == text)
}

fn unknown(vocab: &LlamaVocab<'_>) -> Option<LlamaToken> {
    ["[UNK]", "<unk>"].iter().find_map(|text| token(vocab, text))
}

/// Texts that are read together, by their places: of like length, and no more tokens than fit. Those without tokens are left out.
fn packs(texts: &[Vec<LlamaToken>]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..texts.len()).filter(|&at| !texts[at].is_empty()).collect();
    order.sort_by_key(|&at| texts[at].len());
    let mut packs: Vec<Vec<usize>> = Vec::new();
    let mut tokens = 0;
    for at in order {
        let more = texts[at].len();
        match packs.last_mut() {
            Some(pack) if pack.len() < TOGETHER && tokens + more <= MOST_TOKENS as usize => {
                pack.push(at);
                tokens += more;
            }
            _ => {
                packs.push(vec![at]);
                tokens = more;
            }
        }
    }
    packs
}

fn failed(error: &dyn std::fmt::Display) -> WireError {
    tracing::warn!(%error, "texts could not be compared");
    WireError::Failed { text: format!("The text could not be read by the model: {error}.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_packed_by_length_and_none_is_lost() {
        let of = |lengths: &[usize]| -> Vec<Vec<usize>> {
            packs(&lengths.iter().map(|&length| vec![LlamaToken::new(0); length]).collect::<Vec<_>>())
        };
        assert_eq!(of(&[500, 3, 0, 9]), [vec![1, 3, 0]]);
        assert_eq!(of(&[500, 3, 0, 10]), [vec![1, 3], vec![0]]);
        assert_eq!(of(&[512, 512]), [[0], [1]]);
        assert_eq!(of(&[1; 33]).iter().map(Vec::len).collect::<Vec<_>>(), [16, 16, 1]);
        assert!(of(&[0, 0]).is_empty());
    }
}
