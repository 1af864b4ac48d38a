//! Models that compare texts instead of writing: what their headers say, and what llama.cpp takes for granted of them.

use super::{Fields, GgufError, Tensor, damaged, unsupported};

/// Architectures that read a text as a whole and keep nothing of it, as llama.cpp has them.
const ENCODERS: [&str; 9] = [
    "bert",
    "eurobert",
    "gemma-embedding",
    "jina-bert-v2",
    "jina-bert-v3",
    "modern-bert",
    "neo-bert",
    "nomic-bert",
    "nomic-bert-moe",
];
/// Tokens of a text that are read at most, and of texts that are read together. The passages of the library have about 200.
pub const MOST_TOKENS: u32 = 512;
/// Tokens that are read in one go where a text may be read in pieces.
const PIECE: u32 = 64;

/// How the vectors of the tokens become what is said of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The mean over all tokens.
    Mean,
    /// The vector of the first token.
    First,
    /// The vector of the last token.
    Last,
    /// No vector: how well a passage answers a question that stands before it.
    Score,
}

/// How a model that compares texts is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparing {
    pub pooling: Pooling,
    /// It reads a text as a whole and keeps nothing of it; else it could also write.
    pub is_encoder: bool,
    /// Tokens that are read in one go. A text is in one piece where its tokens see those behind them, or all of them count.
    pub batch: u32,
}

/// `None`: the model writes answers.
pub(super) fn inspect(fields: &Fields, architecture: &str, tensors: &[Tensor]) -> Result<Option<Comparing>, GgufError> {
    let is_encoder = ENCODERS.contains(&architecture);
    let figure = |name: &str| fields.widened(&format!("{architecture}.{name}"));
    let pooling = match figure("pooling_type")? {
        // What sentence-transformers does where nothing is said.
        None | Some(0) if is_encoder => Pooling::Mean,
        None | Some(0) => return Ok(None),
        Some(1) => Pooling::Mean,
        Some(2) => Pooling::First,
        Some(3) => Pooling::Last,
        Some(4) => Pooling::Score,
        Some(other) => return Err(damaged(format!("it claims to pool in the way {other}, which there is not"))),
    };
    if architecture == "gemma3" {
        return Err(unsupported(
            "it is an embedding model in the form of Ollama alone; take a file of it with the architecture gemma-embedding",
        ));
    }
    // llama.cpp ends the process where these are not so.
    let width = figure("embedding_length")?;
    for name in ["embedding_length_out", "dense_2_feat_in", "dense_3_feat_out"] {
        if figure(name)?.is_some_and(|other| Some(other) != width) {
            return Err(unsupported(format!("the field {architecture}.{name} is not the width of its layers")));
        }
    }
    // Without these llama.cpp takes the first number of a vector for the score.
    let scores = |tensor: &Tensor| matches!(tensor.name.as_str(), "cls.weight" | "cls.output.weight");
    if pooling == Pooling::Score && !tensors.iter().any(scores) {
        return Err(damaged("it has no weights that make a score"));
    }
    let is_causal = !is_encoder && figure("attention.causal")? != Some(0);
    let in_pieces = is_causal && matches!(pooling, Pooling::Last | Pooling::Score);
    Ok(Some(Comparing { pooling, is_encoder, batch: if in_pieces { PIECE } else { MOST_TOKENS } }))
}
