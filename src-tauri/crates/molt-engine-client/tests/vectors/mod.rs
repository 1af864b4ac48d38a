//! What every worker that makes vectors promises, shown with all-MiniLM-L6-v2 and the real client.
//!
//! The tests of each worker include this file and say where they have the model (`embedder`) and how many tokens it reads (`READS`).

use std::path::{Path, PathBuf};

use molt_core::{CoreShare, EmbedPurpose, Engine, EngineError, LoadedModel, ModelId, ModelInspector, ModelRole};
use molt_engine_client::{EngineClient, ModelFiles};

use super::{READS, contract, embedder};

/// The model as it is published.
pub fn published() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/test-models/all-MiniLM-L6-v2");
    let folder = std::env::var_os("MOLT_TEST_EMBEDDER").map_or_else(default, PathBuf::from);
    assert!(
        folder.join("model.safetensors").is_file(),
        "there is no embedding model at {}: run `cargo xtask setup`, or set MOLT_TEST_EMBEDDER to its folder",
        folder.display()
    );
    folder
}

pub async fn load(path: &Path, cache: &tempfile::TempDir) -> (EngineClient, ModelId, LoadedModel) {
    let client = contract::client(cache.path());
    let spec = ModelFiles.inspect(path).unwrap();
    let model = client.load(&spec).await.unwrap();
    assert_eq!((spec.role, model.dimensions), (ModelRole::Embedder, spec.dimensions));
    (client, spec.id, model)
}

async fn loaded(cache: &tempfile::TempDir) -> (EngineClient, ModelId, LoadedModel) {
    load(&embedder(), cache).await
}

pub fn cosine(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

pub fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn like_texts_have_like_vectors() {
    let cache = tempfile::tempdir().unwrap();
    let (client, id, model) = loaded(&cache).await;
    assert_eq!((model.dimensions, model.context_length), (384, READS));
    let passages = texts(&[
        "A man is eating food.",
        "Someone is having a meal.",
        "The quarterly budget was approved by the board.",
        "A cheetah is running behind its prey.",
    ]);
    let vectors = client.embed(&id, passages, EmbedPurpose::Passage).await.unwrap();
    assert!(vectors.iter().all(|vector| vector.len() == 384 && (cosine(vector, vector) - 1.0).abs() < 1e-4));
    let similar = cosine(&vectors[0], &vectors[1]);
    let others = [cosine(&vectors[0], &vectors[2]), cosine(&vectors[0], &vectors[3]), cosine(&vectors[1], &vectors[2])];
    assert!(similar > 0.5 && others.iter().all(|other| *other < 0.3), "{similar} {others:?}");
    let question = client.embed(&id, texts(&["Who decided on the finances?"]), EmbedPurpose::Query).await.unwrap();
    let best = (0..4).max_by(|&a, &b| cosine(&question[0], &vectors[a]).total_cmp(&cosine(&question[0], &vectors[b])));
    assert_eq!(best, Some(2));
}

#[tokio::test]
async fn what_the_model_cannot_read_has_no_vector() {
    let cache = tempfile::tempdir().unwrap();
    let (client, id, _) = loaded(&cache).await;
    let mixed = texts(&[
        "会议推迟到下周三，请通知所有人。",
        "The café of Zoë is closed until the end of March, because the kitchen has to be built anew for the summer; 谢",
        "Die Straße ist naß",
        "",
    ]);
    for purpose in [EmbedPurpose::Query, EmbedPurpose::Passage] {
        let vectors = client.embed(&id, mixed.clone(), purpose).await.unwrap();
        assert_eq!(vectors[0], vec![0.0; 384]);
        assert!(vectors[1..].iter().all(|vector| (cosine(vector, vector) - 1.0).abs() < 1e-4));
    }
}

#[tokio::test]
async fn a_vector_does_not_depend_on_its_neighbours() {
    let cache = tempfile::tempdir().unwrap();
    let (client, id, _) = loaded(&cache).await;
    let long = "budget meeting room twelve ".repeat(200);
    let many: Vec<String> =
        (0..40).map(|number| format!("Passage number {number} {}", "and more ".repeat(number))).collect();
    let together = client
        .embed(&id, [many.clone(), vec![long.clone(), String::new()]].concat(), EmbedPurpose::Passage)
        .await
        .unwrap();
    assert_eq!(together.len(), 42);
    for at in [0, 7, 39] {
        let alone = client.embed(&id, vec![many[at].clone()], EmbedPurpose::Passage).await.unwrap();
        assert!(cosine(&alone[0], &together[at]) > 0.9999, "{at}");
    }
    // What is beyond the length that the model reads is left out.
    let longer = client.embed(&id, vec![long.clone() + " and something else"], EmbedPurpose::Passage).await.unwrap();
    assert!(cosine(&longer[0], &together[40]) > 0.9999);
    let counts = client.count_tokens(&id, vec!["hello world".into(), String::new(), long]).await.unwrap();
    assert_eq!(counts[..2], [2, 0]);
    assert!(counts[2] >= 800, "whole texts are counted: {counts:?}");
}

#[tokio::test]
async fn one_core_gives_the_vectors_that_all_give() {
    let cache = tempfile::tempdir().unwrap();
    let (client, id, _) = loaded(&cache).await;
    let two = contract::client_with(cache.path(), 2);
    let spec = ModelFiles.inspect(&embedder()).unwrap();
    two.load(&spec).await.unwrap();
    let passages: Vec<String> = (0..20).map(|number| format!("Passage {number} {}", "of it ".repeat(number))).collect();
    let one = client.embed(&id, passages.clone(), EmbedPurpose::Passage).await.unwrap();
    for share in [CoreShare::All, CoreShare::One, CoreShare::All] {
        two.share_for_files(share);
        let vectors = two.embed(&spec.id, passages.clone(), EmbedPurpose::Passage).await.unwrap();
        assert!(vectors.iter().zip(&one).all(|(vector, one)| cosine(vector, one) > 0.9999), "{share:?}");
    }
}

#[tokio::test]
async fn an_embedder_does_not_answer_and_a_chat_model_does_not_embed() {
    let cache = tempfile::tempdir().unwrap();
    let (client, id, _) = loaded(&cache).await;
    let bench = contract::Bench::new().await;
    let mut request = bench.request("Hello!");
    request.model = id.clone();
    assert!(matches!(contract::whole(client.generate(request)).await, Err(EngineError::Failed(_))));
    assert!(matches!(
        bench.client.embed(&bench.model, texts(&["Hello"]), EmbedPurpose::Query).await,
        Err(EngineError::Failed(_))
    ));
    assert_eq!(client.embed(&id, texts(&["Hello"]), EmbedPurpose::Query).await.unwrap().len(), 1);
}

#[tokio::test]
async fn vectors_are_those_of_the_published_model() {
    let known: Vec<(String, Vec<f32>)> = serde_json::from_str(include_str!("all-MiniLM-L6-v2.json")).unwrap();
    let cache = tempfile::tempdir().unwrap();
    let (client, id, _) = loaded(&cache).await;
    let (texts, known): (Vec<String>, Vec<Vec<f32>>) = known.into_iter().unzip();
    let vectors = client.embed(&id, texts.clone(), EmbedPurpose::Passage).await.unwrap();
    for ((text, vector), known) in texts.iter().zip(&vectors).zip(&known) {
        let likeness = cosine(vector, known) / cosine(known, known).sqrt();
        println!("{likeness:.6} {text:.60}");
        assert!(likeness > 0.9995, "{likeness} {text}");
    }
}

#[tokio::test]
async fn a_text_gives_the_same_vector_every_time() {
    let cache = tempfile::tempdir().unwrap();
    let (client, id, _) = loaded(&cache).await;
    let passages = texts(&["The north gate opens at six.", "", "Rain."]);
    let first = client.embed(&id, passages.clone(), EmbedPurpose::Passage).await.unwrap();
    assert_eq!(client.embed(&id, passages, EmbedPurpose::Passage).await.unwrap(), first);
}
