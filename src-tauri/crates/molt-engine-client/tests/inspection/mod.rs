//! Hand-made model files that lie, looked at from outside: each is refused with a sentence, at once.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use molt_core::{ModelFormat, ModelInspector, ModelRole, Quantisation};
use molt_engine_client::ModelFiles;

use super::bad_files::{Case, chats, folders, headers, metadata, uqff};

/// What looking at a file may take, of computing: on a busy machine the clock on the wall runs on meanwhile.
const AT_ONCE: Duration = Duration::from_secs(1);

/// For how long this thread has computed, where the system tells it.
fn computed() -> Option<Duration> {
    let figures = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    figures.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// Looks at the model, and tells why it is refused and how long that took. `Err`: it panicked.
fn look(path: &Path) -> (std::thread::Result<Result<(), String>>, Duration) {
    let (begun, before) = (Instant::now(), computed());
    let result = std::panic::catch_unwind(|| ModelFiles.inspect(path).map(drop));
    let took = before.zip(computed()).map_or_else(|| begun.elapsed(), |(before, after)| after.saturating_sub(before));
    (result, took)
}

/// What is wrong with how this one was judged.
fn complaint(name: &str, path: &Path, says: &[&str]) -> Option<String> {
    let (result, took) = look(path);
    let judged = match result {
        Err(_) => Some("it panics".to_owned()),
        Ok(Ok(())) if says.is_empty() => None,
        Ok(Ok(())) => Some("it passes".to_owned()),
        Ok(Err(refusal)) if says.is_empty() => Some(format!("it is refused: {refusal}")),
        Ok(Err(refusal)) if !says.iter().any(|part| refusal.contains(part)) => Some(format!("it says: {refusal}")),
        // One plain sentence, whatever the file holds.
        Ok(Err(refusal))
            if refusal.len() > 1000 || refusal.chars().any(char::is_control) || !refusal.ends_with('.') =>
        {
            Some(format!("this is no sentence: {refusal}"))
        }
        Ok(Err(_)) => None,
    };
    let judged = judged.or_else(|| (took > AT_ONCE).then(|| format!("it takes {took:?}")));
    judged.map(|complaint| format!("{name}: {complaint}"))
}

fn complaints(cases: &[Case]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    let judge = |case: &Case| {
        case.write(&path);
        complaint(&case.name, &path, &case.says)
    };
    cases.iter().filter_map(judge).collect()
}

#[track_caller]
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn headers_that_lie_are_refused_for_what_is_wrong_with_them() {
    let cases = headers::cases();
    println!("{} headers that lie", cases.len());
    assert!(cases.len() >= 300);
    none(&complaints(&cases));
}

#[test]
fn a_header_of_gigabytes_is_not_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    headers::longest(&path);
    none(&complaint("a header of gigabytes", &path, &["its header is longer than"]).into_iter().collect::<Vec<_>>());
}

#[test]
fn metadata_that_lies_is_refused_or_left_to_the_worker() {
    let mut cases = metadata::refused();
    let refused = cases.len();
    cases.extend(metadata::suspicious());
    cases.extend(metadata::embedders());
    cases.extend([3, 4, 5].map(metadata::many_special));
    cases.push(metadata::larger_than_memory());
    println!("{refused} lies of the metadata are refused, {} are left to the worker", cases.len() - refused);
    assert!(cases.len() >= 100);
    none(&complaints(&cases));
}

#[test]
fn so_many_special_tokens_are_not_for_mistral_rs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    for (kind, expected) in [(1, None), (3, Some("special tokens")), (5, Some("special tokens"))] {
        metadata::many_special(kind).write(&path);
        let info = molt_engine_client::gguf::inspect(&path).unwrap();
        let reason = info.not_for_mistral_rs;
        assert_eq!(reason.is_some(), expected.is_some(), "{reason:?}");
        assert!(reason.is_none_or(|reason| expected.is_some_and(|part| reason.contains(part))));
    }
}

#[test]
fn embedders_that_lie_are_refused_for_what_is_wrong_with_them() {
    let cases = folders::cases();
    println!("{} embedders that lie", cases.len());
    assert!(cases.len() >= 100);
    let mut wrong = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        folders::sound(folder.path());
        assert_eq!(ModelFiles.inspect(folder.path()).err(), None);
        let path = folder.path().join(case.file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &case.content).unwrap();
        wrong.extend(complaint(&format!("{}, {number}", case.file), folder.path(), &case.says));
    }
    none(&wrong);
}

#[test]
fn chat_models_in_folders_that_lie_are_refused_for_what_is_wrong_with_them() {
    let (whole, parts, left) = (chats::refused(), chats::lists_of_parts(), chats::suspicious());
    println!("{} folders that lie, {} are left to the worker", whole.len() + parts.len(), left.len());
    assert!(whole.len() + parts.len() >= 100);
    let (quantised, running) = (uqff::refused(), uqff::suspicious());
    println!("{} folders with UQFF that lie, {} are left to the worker", quantised.len(), running.len());
    assert!(quantised.len() >= 100);
    let mut wrong = Vec::new();
    let kinds = [
        (chats::sound as fn(&Path), whole),
        (chats::sound_in_parts, parts),
        (chats::sound, left),
        (uqff::sound, quantised),
        (uqff::sound, running),
    ];
    for (number, (sound, case)) in
        kinds.iter().flat_map(|(sound, cases)| cases.iter().map(move |case| (sound, case))).enumerate()
    {
        let folder = tempfile::tempdir().unwrap();
        sound(folder.path());
        assert_eq!(ModelFiles.inspect(folder.path()).err(), None);
        std::fs::write(folder.path().join(case.file), &case.content).unwrap();
        wrong.extend(complaint(&format!("{}, {number}", case.file), folder.path(), &case.says));
    }
    none(&wrong);
}

#[test]
fn what_a_chat_models_folder_lacks_is_named() {
    for (sound, file) in [
        (chats::sound as fn(&Path), "tokenizer.json"),
        (chats::sound, "model.safetensors"),
        (chats::sound_in_parts, "model-00001-of-00001.safetensors"),
        (uqff::sound, "residual.safetensors"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        sound(folder.path());
        std::fs::remove_file(folder.path().join(file)).unwrap();
        let refusal = ModelFiles.inspect(folder.path()).unwrap_err();
        assert_eq!(refusal, format!("The folder is not a complete chat model: the file {file} is missing."));
        // A folder of this name, or a pipe, is no file.
        std::fs::create_dir(folder.path().join(file)).unwrap();
        assert!(ModelFiles.inspect(folder.path()).unwrap_err().contains("it is not a file"));
    }
    for (other, says) in
        [("pytorch_model.bin", "in the format of PyTorch"), ("residual.safetensors", "ends in .uqff is beside it")]
    {
        let folder = tempfile::tempdir().unwrap();
        chats::sound(folder.path());
        std::fs::rename(folder.path().join("model.safetensors"), folder.path().join(other)).unwrap();
        let refusal = ModelFiles.inspect(folder.path()).unwrap_err();
        assert!(refusal.contains(says), "{refusal}");
    }
    let folder = tempfile::tempdir().unwrap();
    chats::sound(folder.path());
    std::fs::write(folder.path().join("config.json"), r#"{"architectures":["Qwen3ForCausalLM"]}"#).unwrap();
    assert!(ModelFiles.inspect(folder.path()).unwrap_err().contains("config.json of the model is damaged"));
}

#[test]
fn a_folder_with_quantised_weights_is_described() {
    let folder = tempfile::tempdir().unwrap();
    uqff::sound(folder.path());
    let spec = ModelFiles.inspect(folder.path()).unwrap();
    assert_eq!((spec.role, spec.format), (ModelRole::Chat, ModelFormat::Uqff));
    assert_eq!(ModelFiles.inspect(&folder.path().join("tiny-q8_0-1.uqff")).unwrap().path, spec.path);
    let info = molt_engine_client::chat_folder::inspect(folder.path()).unwrap();
    let names: Vec<_> = info.weights.quantised.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    assert_eq!(names, ["tiny-q8_0-0.uqff", "tiny-q8_0-1.uqff"]);
    let whole = tempfile::tempdir().unwrap();
    uqff::sound_in_one(whole.path());
    assert_eq!(molt_engine_client::chat_folder::inspect(whole.path()).unwrap().weights.quantised.len(), 1);
    // They stay as they are.
    let footprint = |quantisation| info.footprint(quantisation);
    assert_eq!(footprint(Quantisation::Full), footprint(Quantisation::FourBits));
    let matrices = 259 * 64 + 2 * 64 * (64 + 32 + 32 + 64 + 3 * 128);
    let rest = 259 * 64 + 64 + 2 * (2 * 64 + 2 * 16);
    let (loading, rotary) = (2 * 259 * 64 / 32 * 34, 512 * 16 * 4);
    assert_eq!(footprint(Quantisation::Full).loaded_bytes, matrices / 32 * 34 + rest * 4 + loading + rotary);
    // Whatever else is missing, such a file is one of a chat model.
    let alone = tempfile::tempdir().unwrap();
    std::fs::write(alone.path().join("q4k.uqff"), "").unwrap();
    let refusal = ModelFiles.inspect(&alone.path().join("q4k.uqff")).unwrap_err();
    assert_eq!(refusal, "The folder is not a complete chat model: the file config.json is missing.");
    // The weights that are not quantised are better.
    std::fs::remove_file(folder.path().join("tiny-q8_0-0.uqff")).unwrap();
    chats::sound(folder.path());
    assert_eq!(ModelFiles.inspect(folder.path()).unwrap().format, ModelFormat::Safetensors);
}

#[test]
fn an_embedders_folder_stays_one() {
    let folder = tempfile::tempdir().unwrap();
    chats::sound(folder.path());
    assert_eq!(ModelFiles.inspect(folder.path()).unwrap().role, ModelRole::Chat);
    // Some embedders are made from chat models.
    std::fs::write(folder.path().join("modules.json"), "[]").unwrap();
    let refusal = ModelFiles.inspect(folder.path()).unwrap_err();
    assert!(refusal.starts_with("The embedding model cannot be run"), "{refusal}");
}

#[test]
fn a_snapshot_of_a_hub_has_the_name_of_its_repository() {
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().join("models--Qwen--Qwen3-0.6B/snapshots/c1899de289a04d12100db370d81485cdf75e47ca");
    std::fs::create_dir_all(&folder).unwrap();
    chats::sound(&folder);
    assert_eq!(ModelFiles.inspect(&folder).unwrap().name, "Qwen3-0.6B");
}
