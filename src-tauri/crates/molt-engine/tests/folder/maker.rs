//! Writes the model of a GGUF file as a folder of transformers: the same weights as 32-bit floats, in two parts.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    path::Path,
};

use candle_core::{
    Device, Tensor,
    quantized::gguf_file::{Content, Value},
};
use serde_json::{Map, json};

/// What a GGUF file and transformers call the same tensor of a layer.
const OF_LAYER: [(&str, &str); 11] = [
    ("attn_norm", "input_layernorm"),
    ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"),
    ("attn_q_norm", "self_attn.q_norm"),
    ("attn_k_norm", "self_attn.k_norm"),
    ("attn_output", "self_attn.o_proj"),
    ("ffn_norm", "post_attention_layernorm"),
    ("ffn_gate", "mlp.gate_proj"),
    ("ffn_up", "mlp.up_proj"),
    ("ffn_down", "mlp.down_proj"),
];
/// How a Qwen2 tokenizer cuts text.
const SPLIT: &str = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/// Writes the Qwen3 model of `file` into `folder`.
pub fn write(file: &Path, folder: &Path) {
    let mut reader = File::open(file).unwrap();
    let content = Content::read(&mut reader).unwrap();
    let put = |name: &str, value: serde_json::Value| std::fs::write(folder.join(name), value.to_string()).unwrap();
    let number = |name: &str| content.metadata[&format!("qwen3.{name}")].to_u32().unwrap();
    let float = |name: &str| content.metadata[&format!("qwen3.{name}")].to_f32().unwrap();
    let end = content.metadata["tokenizer.ggml.eos_token_id"].to_u32().unwrap();
    let tokens = texts(&content.metadata["tokenizer.ggml.tokens"]);

    put(
        "config.json",
        json!({
            "architectures": ["Qwen3ForCausalLM"],
            "model_type": "qwen3",
            "vocab_size": tokens.len(),
            "hidden_size": number("embedding_length"),
            "intermediate_size": number("feed_forward_length"),
            "num_hidden_layers": number("block_count"),
            "num_attention_heads": number("attention.head_count"),
            "num_key_value_heads": number("attention.head_count_kv"),
            "head_dim": number("attention.key_length"),
            "hidden_act": "silu",
            "max_position_embeddings": number("context_length"),
            "rms_norm_eps": float("attention.layer_norm_rms_epsilon"),
            // Where transformers 5 writes it.
            "rope_parameters": { "rope_type": "default", "rope_theta": float("rope.freq_base") },
            "sliding_window": null,
            "tie_word_embeddings": true,
            "max_window_layers": number("block_count"),
            "use_sliding_window": false,
            "dtype": "float32",
        }),
    );
    put("tokenizer.json", tokenizer(&content, &tokens));
    put(
        "tokenizer_config.json",
        json!({
            "bos_token": null,
            "eos_token": { "content": tokens[end as usize], "special": true },
            "chat_template": content.metadata["tokenizer.chat_template"].to_string().unwrap(),
        }),
    );
    put("generation_config.json", json!({ "eos_token_id": [end], "do_sample": true, "temperature": 0.7 }));

    let mut parts: [HashMap<String, Tensor>; 2] = Default::default();
    let mut places = BTreeMap::new();
    for stem in content.tensor_infos.keys() {
        let name = named(stem);
        let tensor = content.tensor(&mut reader, stem, &Device::Cpu).unwrap().dequantize(&Device::Cpu).unwrap();
        let part = usize::from(stem.starts_with("blk.3") || stem.starts_with("blk.4"));
        places.insert(name.clone(), part_name(part));
        parts[part].insert(name, tensor);
    }
    for (part, tensors) in parts.iter().enumerate() {
        candle_core::safetensors::save(tensors, folder.join(part_name(part))).unwrap();
    }
    put("model.safetensors.index.json", json!({ "metadata": { "total_size": 0 }, "weight_map": places }));
}

fn part_name(part: usize) -> String {
    format!("model-{:05}-of-00002.safetensors", part + 1)
}

/// The name of a tensor in transformers.
fn named(name: &str) -> String {
    let stem = name.trim_end_matches(".weight");
    let theirs = match stem.strip_prefix("blk.").and_then(|rest| rest.split_once('.')) {
        Some((layer, part)) => {
            let (_, theirs) = OF_LAYER.iter().find(|(ours, _)| *ours == part).unwrap();
            format!("layers.{layer}.{theirs}")
        }
        None if stem == "token_embd" => "embed_tokens".into(),
        None => "norm".into(),
    };
    format!("model.{theirs}.weight")
}

fn texts(value: &Value) -> Vec<String> {
    value.to_vec().unwrap().iter().map(|text| text.to_string().unwrap().clone()).collect()
}

fn tokenizer(content: &Content, tokens: &[String]) -> serde_json::Value {
    let kinds = content.metadata["tokenizer.ggml.token_type"].to_vec().unwrap();
    let is_plain = |id: usize| kinds[id].to_i32().unwrap() == 1;
    let added: Vec<_> = tokens
        .iter()
        .enumerate()
        .filter(|(id, _)| !is_plain(*id))
        .map(|(id, text)| {
            json!({ "id": id, "content": text, "special": true, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false })
        })
        .collect();
    let vocab: Map<String, serde_json::Value> =
        tokens.iter().enumerate().filter(|(id, _)| is_plain(*id)).map(|(id, text)| (text.clone(), json!(id))).collect();
    let bytes = json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false });
    let split = json!({ "type": "Split", "pattern": { "Regex": SPLIT }, "behavior": "Isolated", "invert": false });
    json!({
        "version": "1.0",
        "added_tokens": added,
        "normalizer": null,
        "pre_tokenizer": { "type": "Sequence", "pretokenizers": [split, bytes] },
        "post_processor": bytes,
        "decoder": bytes,
        "model": { "type": "BPE", "vocab": vocab, "merges": texts(&content.metadata["tokenizer.ggml.merges"]),
            "unk_token": null, "dropout": null, "fuse_unk": false, "byte_fallback": false },
    })
}
