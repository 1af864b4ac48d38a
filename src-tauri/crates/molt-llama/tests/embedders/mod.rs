//! Embedding models in GGUF files: the real small one, and ones of random weights in the shapes of those that people have.

mod judges;
mod minilm;

use molt_core::{EmbedPurpose, Engine, ModelInspector};
use molt_engine_client::ModelFiles;

pub use minilm::minilm;

use crate::{
    bad_files::maker::{Maker, float, number},
    vectors::{cosine, load, texts},
};

/// As Qwen3-Embedding: causal, the vector of the last token.
fn qwen() -> Vec<u8> {
    let mut maker = Maker::loadable();
    maker.set("qwen3.pooling_type", number(3));
    maker.random(11)
}

/// As EmbeddingGemma: both ways, most layers over near tokens alone, the mean.
fn gemma() -> Vec<u8> {
    let mut maker = Maker::loadable();
    maker.rename("gemma-embedding");
    maker.set("gemma-embedding.pooling_type", number(1));
    maker.set("gemma-embedding.attention.sliding_window", number(8));
    // Of two layers one sees all.
    maker.set("gemma-embedding.attention.sliding_window_pattern", number(2));
    maker.unset("tokenizer.chat_template");
    for layer in 0..2 {
        maker.tensor(&format!("blk.{layer}.post_attention_norm.weight"), &[64], 0, 256);
        maker.tensor(&format!("blk.{layer}.post_ffw_norm.weight"), &[64], 0, 256);
    }
    maker.random(12)
}

/// As gte-Qwen2: both ways with a place for keys and values.
fn both_ways() -> Vec<u8> {
    let mut maker = Maker::loadable();
    maker.set("qwen3.pooling_type", number(1));
    maker.set("qwen3.attention.causal", [&7_u32.to_le_bytes()[..], &[0]].concat());
    maker.random(13)
}

/// As BGE-M3: an encoder with quantised weights and one kind of token, the vector of the first token.
fn bge() -> Vec<u8> {
    let mut maker = Maker::loadable();
    let tokens = maker.tensors[0].1[1];
    maker.rename("bert");
    maker.set("bert.pooling_type", number(2)).set("tokenizer.ggml.token_type_count", number(1));
    maker.set("bert.attention.layer_norm_epsilon", float(1e-5)).set("bert.attention.head_count_kv", number(4));
    maker.tensors.clear();
    maker.data = 0;
    let floats = |maker: &mut Maker, name: &str, sizes: &[u64]| {
        maker.tensor(name, sizes, 0, sizes.iter().product::<u64>() * 4);
    };
    let part = |maker: &mut Maker, name: &str, width: u64, rows: u64| {
        maker.tensor(&format!("{name}.weight"), &[width, rows], 8, width * rows / 32 * 34);
        floats(maker, &format!("{name}.bias"), &[rows]);
    };
    let norm = |maker: &mut Maker, name: &str| {
        floats(maker, &format!("{name}.weight"), &[64]);
        floats(maker, &format!("{name}.bias"), &[64]);
    };
    maker.tensor("token_embd.weight", &[64, tokens], 8, 64 * tokens / 32 * 34);
    floats(&mut maker, "position_embd.weight", &[64, 512]);
    floats(&mut maker, "token_types.weight", &[64, 1]);
    norm(&mut maker, "token_embd_norm");
    for layer in 0..2 {
        let name = |part: &str| format!("blk.{layer}.{part}");
        for matrix in ["attn_q", "attn_k", "attn_v", "attn_output"] {
            part(&mut maker, &name(matrix), 64, 64);
        }
        part(&mut maker, &name("ffn_up"), 64, 128);
        part(&mut maker, &name("ffn_down"), 128, 64);
        norm(&mut maker, &name("attn_output_norm"));
        norm(&mut maker, &name("layer_output_norm"));
    }
    maker.random(14)
}

#[tokio::test]
async fn models_of_all_shapes_keep_texts_apart_and_their_vectors_the_same() {
    for (name, bytes) in [("qwen3", qwen()), ("gemma", gemma()), ("both ways", both_ways()), ("bge", bge())] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.gguf");
        std::fs::write(&path, bytes).unwrap();
        let (client, id, model) = load(&path, &folder).await;
        assert_eq!((model.dimensions, model.context_length), (64, 512), "{name}");
        // Of one token, of hundreds, of thousands; more than are read together, and in Chinese.
        let mut passages: Vec<String> =
            (0..20).map(|n| format!("Passage {n} {}", "says more ".repeat(n * 3))).collect();
        passages.extend(texts(&["", "a", "会议推迟到下周三，请通知所有人。", "🙂"]));
        passages.push("budget ".repeat(5000));
        let together = client.embed(&id, passages.clone(), EmbedPurpose::Passage).await.unwrap();
        assert_eq!(client.embed(&id, passages.clone(), EmbedPurpose::Passage).await.unwrap(), together, "{name}");
        for (at, vector) in together.iter().enumerate() {
            let length = cosine(vector, vector);
            let is_empty = passages[at].is_empty() && vector.iter().all(|number| *number == 0.0);
            assert!(vector.len() == 64 && ((length - 1.0).abs() < 1e-4 || is_empty), "{name}, {at}: {length}");
            let alone = client.embed(&id, vec![passages[at].clone()], EmbedPurpose::Passage).await.unwrap();
            assert!(is_empty || cosine(&alone[0], vector) > 0.9999, "{name}, {at}: {}", cosine(&alone[0], vector));
        }
        assert_ne!(together[1], together[22], "{name}: texts are told apart");
        // Random weights have hardly anything to say of the first token alone.
        assert!(name == "bge" || cosine(&together[1], &together[22]) < 0.999, "{name}: texts are told apart");
        // What is beyond the length that the model reads is left out.
        let longer = client.embed(&id, vec!["budget ".repeat(5001)], EmbedPurpose::Passage).await.unwrap();
        assert!(cosine(&longer[0], &together[24]) > 0.9999, "{name}");
        let counts = client.count_tokens(&id, vec!["abc".into(), String::new(), "<|im_end|>".into()]).await.unwrap();
        assert_eq!(counts, [3, 0, 10], "{name}: markers in a text are only text");
    }
}

#[tokio::test]
async fn a_question_is_told_from_a_passage_where_the_model_wants_it() {
    let folder = tempfile::tempdir().unwrap();
    for (bytes, differ) in [(Some(qwen()), true), (Some(gemma()), true), (None, false)] {
        let path = match bytes {
            Some(bytes) => {
                let path = folder.path().join("model.gguf");
                std::fs::write(&path, bytes).unwrap();
                path
            }
            None => minilm(),
        };
        let (client, id, _) = load(&path, &folder).await;
        let text = || texts(&["Where is the printer?"]);
        let query = client.embed(&id, text(), EmbedPurpose::Query).await.unwrap();
        let passage = client.embed(&id, text(), EmbedPurpose::Passage).await.unwrap();
        assert_eq!(cosine(&query[0], &passage[0]) < 0.9999, differ);
    }
}

#[test]
fn a_file_with_a_chat_template_that_pools_is_no_chat_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, qwen()).unwrap();
    let spec = ModelFiles.inspect(&path).unwrap();
    assert_eq!((spec.role, spec.dimensions, spec.tools), (molt_core::ModelRole::Embedder, 64, false));
}
