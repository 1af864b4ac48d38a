//! The worker with the small model in a folder of transformers: the contract, and the answers of the GGUF file.

use std::{path::PathBuf, sync::OnceLock};

use molt_core::{Engine, EngineError, ModelFormat, ModelInspector, ModelRole, ModelSpec, Quantisation};
use molt_engine_client::ModelFiles;

use super::WORKER;
use contract::{Bench, QUESTIONS, small_model, whole};

#[path = "../../../molt-engine-client/tests/contract/mod.rs"]
mod contract;
mod lies;
mod maker;
mod quantised;

/// The folder with the model, the same for all tests.
fn model() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("moltworker-small");
            // Written anew by each run of the tests.
            drop(std::fs::remove_dir_all(&folder));
            std::fs::create_dir_all(&folder).unwrap();
            maker::write(&small_model(), &folder);
            folder
        })
        .clone()
}

fn spec(quantisation: Option<Quantisation>) -> ModelSpec {
    let mut spec = ModelFiles.inspect(&model()).unwrap();
    spec.settings.quantisation = quantisation;
    spec
}

#[test]
fn a_folder_is_described() {
    let spec = spec(None);
    assert_eq!(
        (spec.role, spec.format, spec.name.as_str()),
        (ModelRole::Chat, ModelFormat::Safetensors, "moltworker-small")
    );
    assert_eq!((spec.architecture.as_str(), spec.context_length, spec.context_limit), ("qwen3", 2048, Some(2048)));
    assert!(spec.size > 4 << 20 && spec.memory_needed > 4 << 20 && !spec.tools, "{spec:?}");
    let by_file = ModelFiles.inspect(&model().join("model-00002-of-00002.safetensors")).unwrap();
    assert_eq!(by_file.path, spec.path);
}

#[tokio::test]
async fn a_folder_answers_as_the_file_does() {
    let file = Bench::with(ModelFiles.inspect(&small_model()).unwrap()).await;
    let mut expected = Vec::new();
    for question in QUESTIONS {
        let answer = whole(file.ask(question)).await.unwrap();
        expected.push((answer.text, answer.prompt_tokens, answer.completion_tokens));
    }
    for quantisation in [Some(Quantisation::Full), Some(Quantisation::EightBits), None] {
        let bench = Bench::with(spec(quantisation)).await;
        for (question, expected) in QUESTIONS.into_iter().zip(&expected) {
            let answer = whole(bench.ask(question)).await.unwrap();
            assert_eq!(&(answer.text, answer.prompt_tokens, answer.completion_tokens), expected, "{quantisation:?}");
        }
    }
    // Coarser weights may choose other words.
    let bench = Bench::with(spec(Some(Quantisation::FourBits))).await;
    assert!(whole(bench.ask(QUESTIONS[0])).await.unwrap().text.contains("4711"));
}

#[tokio::test]
async fn fewer_bits_take_less_memory_to_load() {
    let needed = |quantisation| {
        let settings = molt_core::ModelSettings { quantisation, context: Some(512), ..Default::default() };
        ModelFiles.memory_needed(&model(), &settings).unwrap()
    };
    let [full, eight, four] = [Quantisation::Full, Quantisation::EightBits, Quantisation::FourBits]
        .map(|quantisation| needed(Some(quantisation)));
    assert!(full > eight && eight > four, "{full} {eight} {four}");
}

#[tokio::test]
async fn a_folder_without_a_template_is_refused_and_can_be_given_one() {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(model()).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    std::fs::write(folder.path().join("tokenizer_config.json"), r#"{"eos_token":"<|im_end|>"}"#).unwrap();
    let mut bare = ModelFiles.inspect(folder.path()).unwrap();
    let client = contract::client(folder.path());
    let error = client.load(&bare).await.unwrap_err();
    assert!(matches!(&error, EngineError::BadModel(text) if text.contains("no chat template")), "{error}");
    bare.settings.template = Some(TEMPLATE.into());
    let (bench, usual) = (Bench::with(bare).await, Bench::new().await);
    let [given, own] = [&bench, &usual].map(|bench| whole(bench.ask(QUESTIONS[0])));
    assert_eq!(given.await.unwrap().text, own.await.unwrap().text);
}

/// Lays a conversation out as the small model knows it.
const TEMPLATE: &str = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}{{ '<|im_start|>assistant\\n' }}";
