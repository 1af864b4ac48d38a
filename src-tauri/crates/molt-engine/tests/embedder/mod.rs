//! The folder of an embedding model, as the worker takes it.

use molt_core::{Engine, EngineError, ModelFormat, ModelInspector, ModelRole};
use molt_engine_client::ModelFiles;

use super::{contract, vectors::published};

#[tokio::test]
async fn broken_folders_are_refused_with_a_sentence() {
    let cache = tempfile::tempdir().unwrap();
    let copy = cache.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    for name in ["config.json", "tokenizer.json"] {
        std::fs::copy(published().join(name), copy.join(name)).unwrap();
    }
    let weights = std::fs::read(published().join("model.safetensors")).unwrap();
    let put = |bytes: &[u8]| std::fs::write(copy.join("model.safetensors"), bytes).unwrap();
    put(&weights);
    let spec = ModelFiles.inspect(&copy).unwrap();
    assert_eq!((spec.role, spec.format, spec.dimensions), (ModelRole::Embedder, ModelFormat::Safetensors, 384));
    let client = contract::client(cache.path());
    put(&weights[..weights.len() / 2]);
    let error = client.load(&spec).await.unwrap_err();
    assert!(matches!(&error, EngineError::BadModel(text) if text.contains("damaged")), "{error}");
    put(&weights);
    std::fs::write(copy.join("tokenizer.json"), b"{}").unwrap();
    let error = client.load(&spec).await.unwrap_err();
    assert!(matches!(&error, EngineError::BadModel(text) if text.contains("cannot be loaded")), "{error}");
}
