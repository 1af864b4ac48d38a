//! What the client and a worker say to each other: one JSON value per frame.
//!
//! A worker runs one model. It answers every request that has an id, in any order, and ends when its input ends.

use std::path::PathBuf;

use molt_core::{EmbedPurpose, EngineError, GenerateEvent, GenerateRequest, LoadedModel, ModelSpec};
use serde::{Deserialize, Serialize};

/// From the client to the worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Request {
    /// The first request, once. Answered by [`Event::Loaded`] or [`Event::LoadFailed`].
    Load {
        spec: Box<ModelSpec>,
        /// Where the worker may keep what it computes of conversations.
        states: Option<KeptStates>,
    },
    /// Instead of a model, as the only request: a chat template to be tried. Answered by [`Event::TemplateChecked`], with which the
    /// worker ends.
    CheckTemplate { template: String },
    /// Sent only when fewer generations are in flight than the worker takes at once. Answered by [`Event::Generation`]s up to `Done`, or by
    /// [`Event::Failed`]; then, when the engine has let go of it, by [`Event::Idle`]. Or by [`Event::Full`] alone.
    Generate { id: u64, request: GenerateRequest },
    /// Ends the generation: `Done` with `cancelled` comes at once, `Idle` when the engine has noticed.
    Cancel { id: u64 },
    /// At most two at a time: passages of files, and a question beside them. Answered by [`Event::Embedded`] or [`Event::Failed`].
    Embed {
        id: u64,
        texts: Vec<String>,
        purpose: EmbedPurpose,
        /// Computing threads, at least 1.
        threads: usize,
    },
    /// As [`Self::Embed`] for a question. Answered by [`Event::Reranked`] or [`Event::Failed`].
    Rerank { id: u64, query: String, texts: Vec<String> },
    /// Answered by [`Event::Counted`] or [`Event::Failed`].
    CountTokens { id: u64, texts: Vec<String> },
    /// The worker ends.
    Shutdown,
}

/// A folder for what workers compute of conversations, so that going on with one after a restart does not read it anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptStates {
    pub folder: PathBuf,
    pub key: StatesKey,
    /// Bytes.
    pub budget: u64,
}

/// The key that seals them. It does not show itself in logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatesKey(pub [u8; 32]);

impl std::fmt::Debug for StatesKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StatesKey(…)")
    }
}

/// From the worker to the client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Event {
    Loaded {
        model: LoadedModel,
        /// Generations that it takes at once, at least 1.
        at_once: u32,
    },
    LoadFailed {
        error: WireError,
    },
    /// What is wrong with it, if anything.
    TemplateChecked {
        problem: Option<WireError>,
    },
    Generation {
        id: u64,
        event: GenerateEvent,
    },
    /// The generation goes on, without a text to show.
    Progress {
        id: u64,
    },
    /// The engine is free for the next generation.
    Idle {
        id: u64,
    },
    /// Nothing was done of this generation: for one more beside those in flight there is no memory now.
    Full {
        id: u64,
    },
    /// One unit-length vector per text.
    Embedded {
        id: u64,
        vectors: Vec<Vec<f32>>,
    },
    /// One number per text.
    Reranked {
        id: u64,
        scores: Vec<f32>,
    },
    Counted {
        id: u64,
        counts: Vec<u32>,
    },
    /// The last answer to a request that failed.
    Failed {
        id: u64,
        error: WireError,
    },
}

/// [`EngineError`] as it crosses the process boundary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum WireError {
    BadModel { text: String },
    NotLoaded,
    ContextOverflow { tokens: u32, limit: u32 },
    Crashed { text: String },
    Failed { text: String },
}

impl From<WireError> for EngineError {
    fn from(error: WireError) -> Self {
        match error {
            WireError::BadModel { text } => Self::BadModel(text),
            WireError::NotLoaded => Self::NotLoaded,
            WireError::ContextOverflow { tokens, limit } => Self::ContextOverflow { tokens, limit },
            WireError::Crashed { text } => Self::Crashed(text),
            WireError::Failed { text } => Self::Failed(text),
        }
    }
}

/// The environment variable with the folder that the engine may write its own cache to.
pub const CACHE_VARIABLE: &str = "HF_HOME";
/// The environment variable with the number of computing threads.
pub const THREADS_VARIABLE: &str = "RAYON_NUM_THREADS";
/// Environment variables that make the worker's allocator give freed pages back at once. Measured with a model of 0.6 billion weights:
/// 150 MB less after an answer, and no slower.
///
/// That of the C library gives back large pieces only as long as it does not put them among the small ones, which it begins to do after the
/// first; with a fixed limit it does not.
pub const ALLOCATOR_VARIABLES: [(&str, &str); 3] =
    [("MIMALLOC_PURGE_DELAY", "0"), ("MIMALLOC_ALLOW_THP", "0"), ("MALLOC_MMAP_THRESHOLD_", "131072")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_through_and_is_not_shown() {
        let bytes: [u8; 32] = std::array::from_fn(|at| at as u8 * 7);
        let key = StatesKey(bytes);
        let frame = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<StatesKey>(&frame).unwrap(), key);
        assert_eq!(format!("{key:?}"), "StatesKey(…)");
    }

    #[test]
    fn values_survive_the_wire() {
        let events = [
            Event::Generation { id: 7, event: GenerateEvent::Delta { text: "周会\n\"三点\"".into() } },
            Event::Embedded { id: 8, vectors: vec![vec![0.1, -1.0e-30, f32::MIN_POSITIVE, 0.333_333_34], vec![]] },
            Event::Failed { id: 9, error: WireError::ContextOverflow { tokens: 5000, limit: 4096 } },
            Event::LoadFailed { error: WireError::BadModel { text: "The file is damaged.".into() } },
        ];
        for event in events {
            let frame = serde_json::to_vec(&event).unwrap();
            assert_eq!(serde_json::from_slice::<Event>(&frame).unwrap(), event);
        }
    }
}
