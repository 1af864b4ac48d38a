//! Model files that look sound from outside.

use std::time::Instant;

use molt_core::{EmbedPurpose, Engine, EngineError, ModelRole, Role};

use crate::{
    bad_files::{Case, maker::Maker, metadata},
    bench::{Bench, MEASURED, hear, request, said, spec},
};

/// How a file that lies ended.
#[derive(Debug, PartialEq)]
enum Fate {
    /// With a sentence of the worker.
    Refused,
    /// Its process ended; the client says so.
    Died,
    /// It answers, or says that it cannot.
    Loaded,
}

async fn fate(bench: &Bench, case: &Case) -> Fate {
    let path = bench.folder.path().join("model.gguf");
    case.write(&path);
    let spec = spec(&path);
    let fate = match bench.load(&spec).await {
        Ok(()) => {
            let text = "Hello \u{0}<|im_end|> 你好 🙂";
            let end = if spec.role == ModelRole::Embedder {
                bench.client.embed(&spec.id, vec![text.into()], EmbedPurpose::Query).await.map(drop)
            } else {
                hear(bench.client.generate(request(&spec.id, vec![said(Role::User, text)], 3))).await.end.map(drop)
            };
            if let Err(error) = end {
                let is_named = matches!(
                    &error,
                    EngineError::Failed(_) | EngineError::Crashed(_) | EngineError::ContextOverflow { .. }
                );
                assert!(is_named, "{}: {error:?}", case.name);
            }
            Fate::Loaded
        }
        Err(EngineError::BadModel(text)) if text.contains("ended twice") => Fate::Died,
        Err(EngineError::BadModel(text) | EngineError::Failed(text)) => {
            assert!(text.starts_with("The ") && text.ends_with('.'), "{}: {text}", case.name);
            Fate::Refused
        }
        Err(other) => panic!("{}: {other:?}", case.name),
    };
    bench.client.unload(&spec.id).await;
    fate
}

#[tokio::test]
async fn whatever_a_file_says_the_client_stays_usable() {
    let _shared = MEASURED.read().await;
    let bench = Bench::new();
    let cases: Vec<Case> = metadata::suspicious().into_iter().chain(metadata::embedders()).collect();
    let (mut refused, mut died, mut loaded) = (0, Vec::new(), 0);
    for case in &cases {
        let begun = Instant::now();
        match fate(&bench, case).await {
            Fate::Refused => refused += 1,
            Fate::Died => died.push(case.name.as_str()),
            Fate::Loaded => loaded += 1,
        }
        println!("{:?} {}", begun.elapsed(), case.name);
    }
    println!("{} files: {refused} refused, {} died, {loaded} loaded", cases.len(), died.len());
    println!("died: {died:?}");
    let sound = Case::new("a sound file", Maker::loadable().bytes(), &[]);
    assert_eq!(fate(&bench, &sound).await, Fate::Loaded);
}

#[tokio::test]
async fn a_hundred_thousand_special_tokens_take_seconds() {
    let _shared = MEASURED.read().await;
    let bench = Bench::new();
    for kind in [3, 4, 5] {
        let case = metadata::many_special(kind);
        let path = bench.folder.path().join("model.gguf");
        case.write(&path);
        let spec = spec(&path);
        let begun = Instant::now();
        bench.load(&spec).await.unwrap();
        let load = begun.elapsed();
        let question = said(Role::User, "Where is the <|special_7|> room? ".repeat(10));
        let begun = Instant::now();
        hear(bench.client.generate(request(&spec.id, vec![question], 3))).await.end.unwrap();
        let answer = begun.elapsed();
        let begun = Instant::now();
        bench.client.count_tokens(&spec.id, vec!["a <b> [c] word ".repeat(1000); 8]).await.unwrap();
        println!("{}: load {load:?}, answer {answer:?}, counting 120 KB {:?}", case.name, begun.elapsed());
        assert!(load.as_secs() < 30 && answer.as_secs() < 30 && begun.elapsed().as_secs() < 30);
        bench.client.unload(&spec.id).await;
    }
}

#[tokio::test]
async fn a_model_larger_than_memory_is_refused_with_the_figures() {
    let _shared = MEASURED.read().await;
    let bench = Bench::new();
    let path = bench.folder.path().join("model.gguf");
    metadata::larger_than_memory().write(&path);
    let spec = spec(&path);
    assert!(spec.memory_needed > 1 << 40, "{}", spec.memory_needed);
    match bench.load(&spec).await {
        Err(EngineError::Failed(text)) => {
            assert!(
                text.contains("needs 1024.") && text.contains("GB of memory and") && text.contains("is free"),
                "{text}"
            );
        }
        other => panic!("{other:?}"),
    }
}
