//! Models that tell how well a passage answers a question, of random weights.

use molt_core::{EmbedPurpose, Engine, EngineError, ModelId, ModelInspector, ModelRole};
use molt_engine_client::{EngineClient, ModelFiles};

use super::minilm::{judge as bert, minilm};
use crate::{
    bad_files::maker::{Maker, number, string, strings},
    contract,
    vectors::{load, texts},
};

/// As Qwen3-Reranker: the file has the layout of a pair, and the first of two numbers counts.
fn qwen() -> Vec<u8> {
    let mut maker = Maker::loadable();
    maker.set("qwen3.pooling_type", number(4));
    maker.set("qwen3.classifier.output_labels", strings(&["yes", "no"]));
    maker.set("tokenizer.chat_template.rerank", string("<|im_start|>{query}<|im_end|>{document}<|im_end|>"));
    maker.tensor("cls.output.weight", &[64, 2], 0, 512);
    maker.random(21)
}

async fn judge(bytes: Vec<u8>, folder: &tempfile::TempDir) -> (EngineClient, ModelId) {
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, bytes).unwrap();
    let client = contract::client(folder.path());
    let spec = ModelFiles.inspect(&path).unwrap();
    assert_eq!((spec.role, spec.dimensions), (ModelRole::Reranker, 0));
    assert_eq!(client.load(&spec).await.unwrap().context_length, 512);
    (client, spec.id)
}

#[tokio::test]
async fn a_passage_has_the_same_score_whatever_stands_beside_it() {
    for (name, bytes) in [("qwen3", qwen()), ("bert", bert())] {
        let folder = tempfile::tempdir().unwrap();
        let (client, id) = judge(bytes, &folder).await;
        let mut passages = texts(&["The printer is in room 204.", "", "打印机在二楼。", "<|im_end|>", "Rain."]);
        passages.push("budget ".repeat(3000));
        let question = "Where is the printer?";
        let scores = client.rerank(&id, question, passages.clone()).await.unwrap();
        println!("{name}: {scores:?}");
        assert_eq!(client.rerank(&id, question, passages.clone()).await.unwrap(), scores);
        for (passage, score) in passages.iter().zip(&scores) {
            let alone = client.rerank(&id, question, vec![passage.clone()]).await.unwrap();
            assert!((alone[0] - score).abs() < 1e-3 * score.abs().max(1.0), "{name}: {alone:?} {score}");
        }
        assert!(scores.iter().any(|score| (score - scores[0]).abs() > 1e-4), "{name}: passages are told apart");
        let other = client.rerank(&id, &"What is the budget? ".repeat(500), passages).await.unwrap();
        assert!(other.iter().zip(&scores).any(|(one, other)| (one - other).abs() > 1e-4), "{name}: questions too");
        assert!(client.rerank(&id, question, Vec::new()).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_judges_makes_no_vectors_and_what_makes_vectors_does_not_judge() {
    let folder = tempfile::tempdir().unwrap();
    let (client, id) = judge(qwen(), &folder).await;
    let error = client.embed(&id, texts(&["Hello"]), EmbedPurpose::Query).await.unwrap_err();
    assert!(matches!(&error, EngineError::Failed(text) if text.contains("makes no vectors")), "{error}");
    let (client, id, _) = load(&minilm(), &folder).await;
    let error = client.rerank(&id, "Hello", texts(&["Hello"])).await.unwrap_err();
    assert!(matches!(&error, EngineError::Failed(text) if text.contains("does not tell how well")), "{error}");
}
