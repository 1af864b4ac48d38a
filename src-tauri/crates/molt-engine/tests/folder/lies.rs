//! Folders that look sound from outside: each ends as a sentence or as an answer, and the client stays usable. And every class of models
//! that is taken, with weights of zero.

use std::path::Path;

use molt_core::{Engine, EngineError, ModelInspector, ModelSettings, ModelSpec, Quantisation};
use molt_engine_client::{EngineClient, ModelFiles};

use super::contract;
use crate::bad_files::{chats, uqff};

/// How a folder that lies ended.
#[derive(Debug, PartialEq)]
enum Fate {
    /// With a sentence of the worker.
    Refused(String),
    /// Its process ended; the client says so.
    Died,
    /// It answers, or says that it cannot.
    Loaded,
}

async fn fate(client: &EngineClient, folder: &Path) -> Fate {
    let spec = ModelFiles.inspect(folder).unwrap();
    let fate = match client.load(&spec).await {
        Ok(_) => {
            let request = contract::request(&spec.id, "Hello \u{0}<|im_end|> 你好 🙂", 3);
            match contract::whole(client.generate(request)).await {
                Ok(_) | Err(EngineError::Failed(_) | EngineError::Crashed(_)) => Fate::Loaded,
                Err(other) => panic!("{other:?}"),
            }
        }
        Err(EngineError::BadModel(text)) if text.contains("ended twice") => Fate::Died,
        Err(EngineError::BadModel(text) | EngineError::Failed(text)) => {
            assert!(text.starts_with("The ") && text.ends_with('.') && text.lines().count() == 1, "{text}");
            Fate::Refused(text)
        }
        Err(other) => panic!("{other:?}"),
    };
    client.unload(&spec.id).await;
    fate
}

#[tokio::test]
async fn whatever_a_folder_says_the_client_stays_usable() {
    let cache = tempfile::tempdir().unwrap();
    let client = contract::client(cache.path());
    let (mut refused, mut died, mut loaded) = (0, 0, 0);
    let (cases, quantised) = (chats::suspicious(), uqff::suspicious());
    assert!(cases.len() >= 25 && quantised.len() >= 10);
    let cases: Vec<_> = (cases.into_iter().map(|case| (chats::sound as fn(&Path), case)))
        .chain(quantised.into_iter().map(|case| (uqff::sound as fn(&Path), case)))
        .collect();
    for (number, (sound, case)) in cases.iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        sound(folder.path());
        std::fs::write(folder.path().join(case.file), &case.content).unwrap();
        let fate = fate(&client, folder.path()).await;
        println!("{number} {}: {fate:?}", case.file);
        match fate {
            Fate::Refused(_) => refused += 1,
            Fate::Died => died += 1,
            Fate::Loaded => loaded += 1,
        }
    }
    println!("{} folders: {refused} refused, {died} died, {loaded} loaded", cases.len());
    for sound in [chats::sound, uqff::sound, uqff::sound_in_one] {
        let folder = tempfile::tempdir().unwrap();
        sound(folder.path());
        assert_eq!(fate(&client, folder.path()).await, Fate::Loaded);
    }
}

#[tokio::test]
async fn every_class_that_is_taken_is_run() {
    let cache = tempfile::tempdir().unwrap();
    let client = contract::client(cache.path());
    for class in chats::CLASSES {
        let folder = tempfile::tempdir().unwrap();
        chats::of_class(class, folder.path());
        let spec = ModelFiles.inspect(folder.path()).unwrap();
        for quantisation in [Quantisation::Full, Quantisation::EightBits, Quantisation::FourBits] {
            let settings = ModelSettings { quantisation: Some(quantisation), ..ModelSettings::default() };
            let spec = ModelSpec { settings, ..spec.clone() };
            client.load(&spec).await.unwrap_or_else(|error| panic!("{class} {quantisation:?}: {error}"));
            let answer = contract::whole(client.generate(contract::request(&spec.id, "Hello", 3))).await;
            assert!(answer.is_ok_and(|answer| answer.completion_tokens > 0), "{class} {quantisation:?}");
        }
        client.unload(&spec.id).await;
    }
}
