//! What mistral.rs 0.8.1 takes for granted of a file beyond its being sound: its loader panics or answers wrongly otherwise.

use std::collections::HashSet;

use super::{
    EmbeddingShape, Fields, GgufError, Shape, Tensor, damaged,
    read::{Numbers, Texts, Value},
    unsupported,
};

/// The architectures that it loads from GGUF and that run on a processor.
///
/// `qwen3moe` is on its list too, but panics without a CUDA device.
pub(super) const ARCHITECTURES: [&str; 7] = ["llama", "mistral3", "phi2", "phi3", "qwen2", "qwen3", "starcoder2"];

/// Special and unused tokens. The time that its tokenizer takes grows with their square; published models have some thousands at most.
const MAX_APART: u64 = 10_000;

/// `Unsupported` where it cannot run the model; `Damaged` where no engine can.
pub(super) fn check(fields: &Fields, architecture: &str, tensors: &[Tensor]) -> Result<(), GgufError> {
    if !ARCHITECTURES.contains(&architecture) {
        let known = ARCHITECTURES.join(", ");
        return Err(unsupported(format!("mistral.rs does not know its architecture {architecture}; it knows {known}")));
    }
    if let Some(tensor) = tensors.iter().find(|tensor| !tensor.kind.in_mistral_rs) {
        return Err(unsupported(format!(
            "mistral.rs does not compute with weights in the format {}",
            tensor.kind.name
        )));
    }
    check_figures(fields, architecture)?;
    check_tokenizer(fields)?;
    check_tensors(fields, architecture, tensors)
}

fn check_figures(fields: &Fields, architecture: &str) -> Result<(), GgufError> {
    let exact = |name: &str| exact(fields, &format!("{architecture}.{name}"));
    let (embedding, heads, kv_heads) =
        (exact("embedding_length")?, exact("attention.head_count")?, exact("attention.head_count_kv")?);
    if heads == 0 || kv_heads == 0 || heads % kv_heads != 0 {
        return Err(damaged(format!("its attention has {heads} heads over {kv_heads} in {embedding} dimensions")));
    }
    let has = |name: &str| fields.0.contains_key(&format!("{architecture}.{name}"));
    let lengths_are_given = has("attention.key_length") && has("attention.value_length");
    if !lengths_are_given && !embedding.is_multiple_of(heads) {
        return Err(damaged(format!("{embedding} dimensions cannot be shared by {heads} heads")));
    }
    Ok(())
}

/// A number that it asks for as 32 bits exactly.
fn exact(fields: &Fields, key: &str) -> Result<u32, GgufError> {
    match fields.0.get(key) {
        Some(Value::U32(number)) => Ok(*number),
        Some(_) => Err(unsupported(format!("mistral.rs needs the field {key} as a 32-bit number"))),
        None => Err(damaged(format!("the field {key} is missing"))),
    }
}

/// Its GGUF tokenizer cuts numbers and words in one way, whatever `tokenizer.ggml.pre` names, and takes the byte-pair tokenizers of
/// the kind "llama" for unigram ones (`gguf/gguf_tokenizer.rs`). Only where the file means the same are the tokens those that the model was
/// trained with: of llama-bpe 34 of llama.cpp's 46 sample texts were cut right, of phi-3 26, of qwen2 all.
const PRE_TOKENIZERS: [&str; 1] = ["qwen2"];

fn check_tokenizer(fields: &Fields) -> Result<(), GgufError> {
    // Old files do not say: then nobody knows better.
    if let Some(pre) = fields.text("tokenizer.ggml.pre")
        && !PRE_TOKENIZERS.contains(&pre.as_str())
    {
        let shown: String = pre.chars().take(40).collect();
        return Err(unsupported(format!("mistral.rs does not cut text into tokens in the way {shown:?}")));
    }
    match fields.text("tokenizer.ggml.model").as_deref() {
        // The loader splits an empty list without harm, but one element that is no pair makes it panic.
        Some("gpt2") => match fields.0.get("tokenizer.ggml.merges") {
            Some(Value::Texts(Texts { all_pairs: true, .. })) => {}
            _ => return Err(damaged("the merges of its tokenizer are not pairs")),
        },
        other => {
            let shown: String = other.unwrap_or_default().chars().take(40).collect();
            return Err(unsupported(format!("mistral.rs does not know tokenizers of the kind {shown:?}")));
        }
    }
    // It would be silent for many minutes before it even reads the weights.
    match fields.0.get("tokenizer.ggml.token_type") {
        Some(Value::Numbers(Numbers { apart, .. })) if *apart > MAX_APART => {
            return Err(unsupported(format!("mistral.rs would need many minutes for its {apart} special tokens")));
        }
        _ => {}
    }
    match fields.0.get("tokenizer.ggml.added_tokens") {
        None | Some(Value::Texts(_)) => {}
        Some(_) => return Err(damaged("its added tokens are not texts")),
    }
    exact(fields, "tokenizer.ggml.eos_token_id").map(|_| ())
}

fn check_tensors(fields: &Fields, architecture: &str, tensors: &[Tensor]) -> Result<(), GgufError> {
    let names: HashSet<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    let layers = exact(fields, &format!("{architecture}.block_count"))?;
    let of_layers = (0..layers)
        .flat_map(|layer| [format!("blk.{layer}.attn_norm.weight"), format!("blk.{layer}.attn_output.weight")]);
    match ["output_norm.weight".to_owned()].into_iter().chain(of_layers).find(|name| !names.contains(name.as_str())) {
        Some(missing) => Err(damaged(format!("the tensor {missing} is missing"))),
        None => Ok(()),
    }
}

/// Bytes in memory after loading: mistral.rs 0.8.1 keeps quantised weights as they are, widens the others to 32 bits, and holds the
/// token embedding widened as well; where the output layer shares it, a second copy stays in the file's format.
pub(super) fn loaded_bytes(tensors: &[Tensor], embedding: &EmbeddingShape, shape: &Shape) -> u64 {
    let weights: u64 = tensors
        .iter()
        .filter(|tensor| embedding.tied || tensor.name != "token_embd.weight")
        .map(|tensor| if tensor.kind.quantised { tensor.bytes } else { tensor.elements * 4 })
        .sum();
    // Sine and cosine of half a head for each position.
    let rotary = u64::from(shape.context) * u64::from(shape.key_length) * 4;
    weights + embedding.elements * 4 + rotary
}
