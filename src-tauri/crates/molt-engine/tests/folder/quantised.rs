//! Folders whose weights mistral.rs itself has quantised and written as UQFF, run by the worker.

use std::path::Path;

use candle_core::Device;
use mistralrs::{
    DeviceMapSetting, IsqType, ModelDType,
    core::{AdapterPaths, LocalModelPaths, ModelPaths, NormalLoaderBuilder, NormalSpecificConfig},
};
use molt_core::{Engine, ModelFormat, ModelInspector, ModelSpec, Quantisation};
use molt_engine_client::{ModelFiles, chat_folder};

use serde_json::json;

use super::contract::{self, Bench, QUESTIONS, whole};
use crate::bad_files::chats;

/// Writes the model of the folder `source` as hubs have it: `NAME-0.uqff`, `residual.safetensors` and the small files.
fn write(source: &Path, folder: &Path, name: &str, format: IsqType) {
    let info = chat_folder::inspect(source).unwrap();
    let config = folder.join("config.json");
    std::fs::write(&config, &info.config).unwrap();
    let described = folder.join("tokenizer_config.json");
    let texts = json!({ "bos_token": info.begin, "eos_token": info.end, "chat_template": info.template });
    std::fs::write(&described, texts.to_string()).unwrap();
    let generation = Some(source.join("generation_config.json")).filter(|path| path.is_file());
    let paths: Box<dyn ModelPaths> = Box::new(LocalModelPaths::new(
        info.tokenizer.clone(),
        config.clone(),
        described.clone(),
        info.weights.files.clone(),
        AdapterPaths::None,
        generation,
        None,
        None,
        None,
    ));
    let write_uqff = Some(folder.join(format!("{name}.uqff")));
    let wanted = NormalSpecificConfig { write_uqff, ..NormalSpecificConfig::default() };
    let loader = NormalLoaderBuilder::new(wanted, None, None, Some("model".into()), false, None).build(None).unwrap();
    let (map, format) = (DeviceMapSetting::dummy(), Some(format));
    drop(loader.load_model_from_path(&paths, &ModelDType::F32, &Device::Cpu, true, map, format, None).unwrap());
    // It writes what it was given, which is not what comes with the model.
    for file in [config, described] {
        std::fs::copy(source.join(file.file_name().unwrap()), file).unwrap();
    }
}

fn needed(spec: &ModelSpec) -> u64 {
    ModelFiles.memory_needed(Path::new(&spec.path), &spec.settings).unwrap()
}

async fn answers(spec: &ModelSpec) -> Vec<String> {
    let bench = Bench::with(spec.clone()).await;
    let mut answers = Vec::new();
    for question in QUESTIONS {
        answers.push(whole(bench.ask(question)).await.unwrap().text);
    }
    answers
}

#[tokio::test]
async fn weights_that_were_quantised_before_answer_as_those_quantised_now() {
    let cases = [("q8_0", IsqType::Q8_0, Quantisation::EightBits), ("q4k", IsqType::Q4K, Quantisation::FourBits)];
    let mut sizes = Vec::new();
    for (name, format, quantisation) in cases {
        let folder = tempfile::tempdir().unwrap();
        write(&super::model(), folder.path(), name, format);
        let spec = ModelFiles.inspect(folder.path()).unwrap();
        assert_eq!((spec.format, spec.architecture.as_str()), (ModelFormat::Uqff, "qwen3"));
        let expected = answers(&super::spec(Some(quantisation))).await;
        assert!(expected[0].contains("4711"), "{expected:?}");
        assert_eq!(answers(&spec).await, expected, "{name}");
        sizes.push((spec.size, needed(&spec)));
        // What the user sets for other folders has no effect here.
        let mut other = spec.clone();
        other.settings.quantisation = Some(Quantisation::Full);
        assert_eq!(needed(&other), needed(&spec));
        assert_eq!(answers(&other).await, expected, "{name}");
    }
    assert!(sizes[1].0 < sizes[0].0 && sizes[1].1 < sizes[0].1, "{sizes:?}");
}

#[tokio::test]
async fn every_class_is_run_from_weights_that_were_quantised_before() {
    let cache = tempfile::tempdir().unwrap();
    let client = contract::client(cache.path());
    for class in chats::CLASSES {
        let (source, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        chats::of_class(class, source.path());
        write(source.path(), folder.path(), "q8_0", IsqType::Q8_0);
        let spec = ModelFiles.inspect(folder.path()).unwrap_or_else(|error| panic!("{class}: {error}"));
        assert_eq!(spec.format, ModelFormat::Uqff);
        client.load(&spec).await.unwrap_or_else(|error| panic!("{class}: {error}"));
        let answer = whole(client.generate(contract::request(&spec.id, "Hello", 3))).await;
        assert!(answer.is_ok_and(|answer| answer.completion_tokens > 0), "{class}");
        client.unload(&spec.id).await;
    }
}
