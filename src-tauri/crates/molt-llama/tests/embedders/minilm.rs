//! all-MiniLM-L6-v2 as a GGUF file: the names that llama.cpp has for the tensors of a BERT, and the weights as they are.

use std::{fs, path::PathBuf, sync::LazyLock};

use crate::{
    bad_files::maker::{Maker, float, list, number, string, text},
    vectors::published,
};

static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("all-MiniLM-L6-v2.gguf");
    // Another run may be reading the one that is there.
    let new = path.with_extension(std::process::id().to_string());
    fs::write(&new, converted(false)).unwrap();
    fs::rename(&new, &path).unwrap();
    path
});

pub fn minilm() -> PathBuf {
    FILE.clone()
}

/// With weights on top that make one number of the first token's vector, and mean nothing.
pub fn judge() -> Vec<u8> {
    converted(true)
}

/// Names in the published file and in a GGUF file, without the layer before them.
const OF_A_LAYER: [(&str, &str); 8] = [
    ("attention.self.query", "attn_q"),
    ("attention.self.key", "attn_k"),
    ("attention.self.value", "attn_v"),
    ("attention.output.dense", "attn_output"),
    ("attention.output.LayerNorm", "attn_output_norm"),
    ("intermediate.dense", "ffn_up"),
    ("output.dense", "ffn_down"),
    ("output.LayerNorm", "layer_output_norm"),
];

fn name(published: &str) -> Option<String> {
    let (part, kind) = published.rsplit_once('.')?;
    let part = match part {
        "embeddings.word_embeddings" => "token_embd".to_owned(),
        "embeddings.position_embeddings" => "position_embd".to_owned(),
        "embeddings.token_type_embeddings" => "token_types".to_owned(),
        "embeddings.LayerNorm" => "token_embd_norm".to_owned(),
        _ => {
            let (layer, part) = part.strip_prefix("encoder.layer.")?.split_once('.')?;
            let (_, part) = OF_A_LAYER.iter().find(|(name, _)| *name == part)?;
            format!("blk.{layer}.{part}")
        }
    };
    Some(format!("{part}.{kind}"))
}

/// Pieces of words stand as they are, beginnings of words behind a mark; llama.cpp has it the other way round.
fn token(word: &str) -> Vec<u8> {
    match word.strip_prefix("##") {
        Some(piece) => piece.into(),
        None if word.starts_with('[') && word.ends_with(']') => word.into(),
        None => format!("\u{2581}{word}").into(),
    }
}

fn converted(judges: bool) -> Vec<u8> {
    let folder = published();
    let config: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("config.json")).unwrap()).unwrap();
    let figure = |name: &str| number(config[name].as_u64().unwrap() as u32);
    let words = fs::read_to_string(folder.join("vocab.txt")).unwrap();
    let tokens: Vec<u8> = words.lines().flat_map(|word| text(&token(word))).collect();

    let mut maker = Maker::default();
    maker.set("general.architecture", string("bert"));
    maker.set("general.name", string("all-MiniLM-L6-v2"));
    maker.set("bert.context_length", figure("max_position_embeddings"));
    maker.set("bert.embedding_length", figure("hidden_size"));
    maker.set("bert.feed_forward_length", figure("intermediate_size"));
    maker.set("bert.block_count", figure("num_hidden_layers"));
    maker.set("bert.attention.head_count", figure("num_attention_heads"));
    maker.set("bert.attention.layer_norm_epsilon", float(config["layer_norm_eps"].as_f64().unwrap() as f32));
    maker.set("bert.attention.causal", [&7_u32.to_le_bytes()[..], &[0]].concat());
    maker.set("bert.pooling_type", number(if judges { 4 } else { 1 }));
    maker.set("tokenizer.ggml.model", string("bert"));
    maker.set("tokenizer.ggml.token_type_count", figure("type_vocab_size"));
    maker.set("tokenizer.ggml.tokens", list(8, words.lines().count() as u64, &tokens));

    let file = fs::read(folder.join("model.safetensors")).unwrap();
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let header: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&file[8..8 + length]).unwrap();
    let numbers = |value: &serde_json::Value| -> Vec<u64> {
        value.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
    };
    let mut data = Vec::new();
    for (published, tensor) in &header {
        let Some(name) = name(published) else { continue };
        assert_eq!(tensor["dtype"], "F32");
        let place = numbers(&tensor["data_offsets"]);
        let bytes = &file[8 + length..][place[0] as usize..place[1] as usize];
        let dimensions: Vec<u64> = numbers(&tensor["shape"]).into_iter().rev().collect();
        maker.tensor(&name, &dimensions, 0, bytes.len() as u64);
        data.push(bytes.to_vec());
    }
    if judges {
        let head: Vec<u8> = (0..384).flat_map(|n| (((n * 37) % 19 - 9) as f32).to_le_bytes()).collect();
        maker.tensor("cls.output.weight", &[384, 1], 0, head.len() as u64);
        data.push(head);
    }
    let mut data = data.into_iter();
    maker.filled(|_, _| data.next().unwrap())
}
