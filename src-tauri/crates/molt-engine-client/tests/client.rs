//! The client against a scripted worker in a real process: lines, cancelling, crashes, hangs.
//!
//! Size: one bench, and all that can happen on it.

// The configuration of clippy allows this in tests, and does not see that the helpers here are part of them.
#![allow(clippy::unwrap_used)]

use std::{path::PathBuf, time::Duration};

use futures::{StreamExt, stream::BoxStream};
use molt_core::{
    Backend, EmbedPurpose, Engine, EngineError, EngineStats, FinishReason, GenerateEvent, GenerateRequest, ModelFormat,
    ModelId, ModelRole, ModelSettings, ModelSpec, PromptMessage, Role,
};
use molt_engine_client::{EngineClient, EngineConfig};

// The tests of the workers use the rest of it.
#[allow(dead_code)]
mod bad_files;
mod inspection;

type Answer = BoxStream<'static, Result<GenerateEvent, EngineError>>;

/// For things that happen at once; far below it would be a test of the machine's load.
const SOON: Duration = Duration::from_secs(20);
/// A time-out that a test waits for.
const SHORT: Duration = Duration::from_millis(200);

struct Bench {
    client: EngineClient,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(change: impl FnOnce(&mut EngineConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = EngineConfig::new(env!("CARGO_BIN_EXE_molt-fake-engine").into(), folder.path().join("cache"));
        change(&mut config);
        Self { client: EngineClient::new(config), folder }
    }

    /// A client with the model `m` loaded.
    async fn loaded(change: impl FnOnce(&mut EngineConfig)) -> Self {
        let bench = Self::new(change);
        assert_eq!(bench.client.load(&spec("m", "ok")).await.unwrap().context_length, 4096);
        bench
    }

    fn ask(&self, text: &str) -> Answer {
        self.client.generate(request("m", text))
    }

    async fn stats(&self) -> EngineStats {
        self.client.stats().await.remove(0)
    }

    fn marker(&self) -> PathBuf {
        self.folder.path().join("marker")
    }
}

fn spec(id: &str, path: &str) -> ModelSpec {
    ModelSpec {
        id: id.into(),
        name: format!("Model {id}"),
        role: ModelRole::Chat,
        format: ModelFormat::Gguf,
        path: path.into(),
        size: 1 << 20,
        architecture: "qwen3".into(),
        context_length: 4096,
        licence: None,
        dimensions: 0,
        memory_needed: 0,
        bundled: false,
        tools: false,
        backend: None,
        remote: None,
        calibration: None,
        context_limit: None,
        settings: ModelSettings::default(),
    }
}

fn request(model: &str, text: &str) -> GenerateRequest {
    GenerateRequest {
        model: model.into(),
        messages: vec![PromptMessage { role: Role::User, text: text.into() }],
        max_tokens: 16,
        temperature: 0.0,
        top_p: 1.0,
        stop: Vec::new(),
        think: false,
        constraint: None,
        recall_only: false,
    }
}

async fn next(answer: &mut Answer) -> Result<GenerateEvent, EngineError> {
    tokio::time::timeout(SOON, answer.next()).await.expect("an event comes soon").expect("the answer has not ended")
}

/// The next event is a piece of text.
async fn delta(answer: &mut Answer) -> String {
    loop {
        match next(answer).await.unwrap() {
            GenerateEvent::Delta { text } => return text,
            GenerateEvent::Queued { .. } | GenerateEvent::Started { .. } | GenerateEvent::Reading { .. } => {}
            other @ (GenerateEvent::Thought { .. } | GenerateEvent::Done { .. }) => panic!("{other:?}"),
        }
    }
}

/// The whole text and how it ended.
async fn whole(answer: Answer) -> Result<(String, FinishReason), EngineError> {
    let events: Vec<_> = tokio::time::timeout(SOON, answer.collect()).await.expect("the answer ends soon");
    let mut all = String::new();
    for event in events {
        match event? {
            GenerateEvent::Delta { text } => all.push_str(&text),
            GenerateEvent::Done { finish, .. } => return Ok((all, finish)),
            GenerateEvent::Queued { .. }
            | GenerateEvent::Started { .. }
            | GenerateEvent::Reading { .. }
            | GenerateEvent::Thought { .. } => {}
        }
    }
    panic!("the answer has no end");
}

fn said(text: &str) -> Result<(String, FinishReason), EngineError> {
    Ok((text.into(), FinishReason::Stop))
}

fn queued(position: u32) -> Result<GenerateEvent, EngineError> {
    Ok(GenerateEvent::Queued { position })
}

fn kill(pid: u32) {
    assert!(std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

fn is_alive(pid: u32) -> bool {
    std::process::Command::new("kill")
        .args(["-0", &pid.to_string()])
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap()
        .success()
}

#[tokio::test]
async fn an_answer_comes_in_pieces_and_in_order() {
    let bench = Bench::loaded(|_| ()).await;
    let mut answer = bench.ask("say 周会 at three");
    assert_eq!(next(&mut answer).await, Ok(GenerateEvent::Started { prompt_tokens: 100 }));
    for word in ["周会 ", "at ", "three"] {
        assert_eq!(next(&mut answer).await, Ok(GenerateEvent::Delta { text: word.into() }));
    }
    assert!(matches!(next(&mut answer).await, Ok(GenerateEvent::Done { finish: FinishReason::Stop, .. })));
    assert_eq!(answer.next().await, None);
    let stats = bench.stats().await;
    assert_eq!((stats.generations, stats.restarts), (1, 0));
    assert_eq!((stats.last_prompt_tokens_per_second, stats.last_tokens_per_second), (100.0, 20.0));
    assert!(!cfg!(target_os = "linux") || stats.memory > 100_000, "{stats:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_model_that_one_engine_refuses_is_tried_with_the_other() {
    let folder = tempfile::tempdir().unwrap();
    // The same program; it tells by its name which engine it plays.
    let llama = folder.path().join("fake-llama");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_molt-fake-engine"), &llama).unwrap();
    let bench = Bench::new(|config| config.llama_workers = vec![llama]);
    for (path, backend, expected) in [
        ("ok", None, Backend::LlamaCpp),
        ("unknown-to-llama", None, Backend::MistralRs),
        ("kills-llama", None, Backend::MistralRs),
        ("ok", Some(Backend::MistralRs), Backend::MistralRs),
    ] {
        let spec = ModelSpec { backend, ..spec(path, path) };
        assert_eq!(bench.client.load(&spec).await.unwrap().backend, expected, "{path} with {backend:?}");
        bench.client.unload(&spec.id).await;
    }
    // Who asks for one engine gets its answer.
    let only = ModelSpec { backend: Some(Backend::LlamaCpp), ..spec("only", "unknown-to-llama") };
    assert!(matches!(bench.client.load(&only).await, Err(EngineError::BadModel(_))));
    // What does not write is for one engine alone.
    for role in [ModelRole::Embedder, ModelRole::Reranker] {
        let known = ModelSpec { role, ..spec("known", "ok") };
        assert_eq!(bench.client.load(&known).await.unwrap().backend, Backend::LlamaCpp);
        let unknown = ModelSpec { role, ..spec("unknown", "unknown-to-llama") };
        let error = bench.client.load(&unknown).await.unwrap_err();
        assert!(matches!(&error, EngineError::BadModel(text) if text.contains("unknown")), "{error}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_build_that_the_processor_does_not_run_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let builds = ["new-llama", "old-llama"].map(|name| folder.path().join(name));
    for build in &builds {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_molt-fake-engine"), build).unwrap();
    }
    let note = |bench: &Bench| bench.folder.path().join("cache/new-llama.unfit");
    // The build that loads the model, as it tells: 1 the new one, 2 the old one.
    async fn build(bench: &Bench, path: &str) -> u64 {
        let spec = spec("m", path);
        bench.client.unload(&spec.id).await;
        bench.client.load(&spec).await.unwrap().load_ms
    }
    let bench = Bench::new(|config| config.llama_workers = builds.to_vec());
    assert_eq!(build(&bench, "ok").await, 1);
    // A file that no build can take is no fault of the processor.
    let loaded = bench.client.load(&spec("other", "illegal-in-llama")).await.unwrap();
    assert!(loaded.backend == Backend::MistralRs && !note(&bench).exists());
    assert_eq!(build(&bench, "illegal-in-new").await, 2);
    assert_eq!(build(&bench, "ok").await, 2, "it is remembered");
    std::fs::write(note(&bench), "0.0.0").unwrap();
    assert_eq!(build(&bench, "ok").await, 1, "another version of the program has other builds");

    // While it answers.
    let (lost, next_one) = (bench.ask("illegal here"), bench.ask("say still here"));
    assert!(matches!(whole(lost).await, Err(EngineError::Crashed(text)) if text.contains("signal 4")));
    assert_eq!(whole(next_one).await, said("still here"));
    assert_eq!(build(&bench, "ok").await, 2);
    // The other engine is still there for what llama.cpp does not know.
    let loaded = bench.client.load(&spec("other", "unknown-to-llama")).await.unwrap();
    assert_eq!(loaded.backend, Backend::MistralRs);
}

#[tokio::test]
async fn loading_again_answers_at_once() {
    let bench = Bench::loaded(|_| ()).await;
    let pid = bench.client.worker_pid(&"m".into());
    assert!(pid.is_some());
    bench.client.load(&spec("m", "ok")).await.unwrap();
    assert_eq!(bench.client.worker_pid(&"m".into()), pid);
    bench.client.load(&spec("m", "ok:elsewhere")).await.unwrap();
    assert_ne!(bench.client.worker_pid(&"m".into()), pid, "another file under the same name is another model");
    assert!(!is_alive(pid.unwrap()));
}

#[tokio::test]
async fn those_in_line_are_told_where_they_stand() {
    let bench = Bench::loaded(|_| ()).await;
    let mut first = bench.ask("hold on");
    assert_eq!(delta(&mut first).await, "on");
    let (mut second, mut third) = (bench.ask("say two"), bench.ask("say three"));
    assert_eq!(next(&mut second).await, queued(1));
    assert_eq!(next(&mut third).await, queued(2));
    drop(first);
    assert_eq!(next(&mut third).await, queued(1));
    assert_eq!(whole(second).await, said("two"));
    assert_eq!(whole(third).await, said("three"));
}

#[tokio::test]
async fn as_many_are_in_flight_as_the_worker_takes() {
    let bench = Bench::loaded(|_| ()).await;
    bench.client.load(&spec("m", "three")).await.unwrap();
    let (mut first, mut second) = (bench.ask("hold one"), bench.ask("hold two"));
    assert_eq!((delta(&mut first).await.as_str(), delta(&mut second).await.as_str()), ("one", "two"));
    assert_eq!(whole(bench.ask("say three")).await, said("three"));
    let mut third = bench.ask("hold three");
    assert_eq!(delta(&mut third).await, "three");
    let mut fourth = bench.ask("say four");
    assert_eq!(next(&mut fourth).await, queued(1));
    drop(second);
    assert_eq!(whole(fourth).await, said("four"));
    // One that ends the worker takes the others with it, and none is left without an end.
    assert!(matches!(whole(bench.ask("die")).await, Err(EngineError::Crashed(_))));
    for lost in [first, third] {
        assert!(matches!(whole(lost).await, Err(EngineError::Crashed(_))));
    }
    assert_eq!(whole(bench.ask("say again")).await, said("again"));
}

#[tokio::test]
async fn one_that_finds_no_memory_waits_for_the_others() {
    let bench = Bench::loaded(|_| ()).await;
    bench.client.load(&spec("m", "three")).await.unwrap();
    let mut first = bench.ask("hold on");
    assert_eq!(delta(&mut first).await, "on");
    let mut second = bench.ask("alone now");
    assert_eq!(next(&mut second).await, queued(1));
    let mut third = bench.ask("say three");
    assert_eq!(next(&mut third).await, queued(2));
    drop(first);
    assert_eq!(whole(second).await, said("now"));
    assert_eq!(whole(third).await, said("three"));
}

#[tokio::test]
async fn who_leaves_the_line_is_not_served() {
    let bench = Bench::loaded(|_| ()).await;
    let mut first = bench.ask("hold on");
    delta(&mut first).await;
    let (second, mut third) = (bench.ask("die"), bench.ask("say three"));
    assert_eq!(next(&mut third).await, queued(2));
    drop(second);
    assert_eq!(next(&mut third).await, queued(1));
    drop(first);
    assert_eq!(whole(third).await, said("three"));
    assert_eq!(bench.stats().await.restarts, 0);
}

#[tokio::test]
async fn a_full_line_answers_busy() {
    let bench = Bench::loaded(|config| config.max_waiting = 2).await;
    let mut first = bench.ask("hold on");
    delta(&mut first).await;
    let waiting = [bench.ask("say two"), bench.ask("say three")];
    assert_eq!(whole(bench.ask("say four")).await, Err(EngineError::Busy));
    drop(first);
    for (answer, text) in waiting.into_iter().zip(["two", "three"]) {
        assert_eq!(whole(answer).await, said(text));
    }
}

#[tokio::test]
async fn a_refused_request_leaves_the_model_free() {
    let bench = Bench::loaded(|_| ()).await;
    assert_eq!(whole(bench.ask("overflow")).await, Err(EngineError::ContextOverflow { tokens: 9, limit: 4 }));
    assert_eq!(whole(bench.ask("think")).await, said(""));
    assert_eq!(whole(bench.ask("say fine")).await, said("fine"));
}

#[tokio::test]
async fn a_crash_ends_one_answer_and_the_line_goes_on() {
    let bench = Bench::loaded(|_| ()).await;
    for (words, reason) in [("die here", "code 7"), ("nonsense", "signal 9")] {
        let (lost, next_one) = (bench.ask(words), bench.ask("say still here"));
        match whole(lost).await {
            Err(EngineError::Crashed(text)) => assert!(text.contains(reason), "{text}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(whole(next_one).await, said("still here"));
    }
    // Of the second nothing was said, so it was asked twice.
    assert_eq!(bench.stats().await.restarts, 3);
}

#[tokio::test]
async fn an_answer_of_which_nothing_was_said_survives_its_worker() {
    let bench = Bench::loaded(|_| ()).await;
    bench.client.load(&spec("m", "three")).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut cut = bench.ask("hold on");
    assert_eq!(delta(&mut cut).await, "on");
    let deadly = bench.ask(&format!("die-once {}", folder.path().join("mark").display()));
    let mut other = bench.ask("hold too");
    assert_eq!(delta(&mut other).await, "too");
    // It cannot be told which of them was at fault: each of the silent ones is asked alone.
    assert!(matches!(whole(cut).await, Err(EngineError::Crashed(_))));
    drop(other);
    assert!(whole(deadly).await.is_ok());
    assert_eq!(bench.stats().await.restarts, 1);
}

#[tokio::test]
async fn a_worker_that_was_killed_is_started_for_the_next_question() {
    let bench = Bench::loaded(|_| ()).await;
    for busy in [true, false] {
        let mut answer = busy.then(|| bench.ask("hold on"));
        if let Some(answer) = &mut answer {
            delta(answer).await;
        }
        let pid = bench.client.worker_pid(&"m".into()).unwrap();
        kill(pid);
        if let Some(answer) = answer {
            assert!(matches!(whole(answer).await, Err(EngineError::Crashed(text)) if text.contains("signal 9")));
        } else {
            while bench.client.worker_pid(&"m".into()) == Some(pid) {
                tokio::task::yield_now().await;
            }
            assert_eq!(bench.client.worker_pid(&"m".into()), None, "an idle model is not started before it is needed");
        }
        assert_eq!(whole(bench.ask("say again")).await, said("again"));
    }
}

#[tokio::test]
async fn silence_is_not_waited_for_without_end() {
    let bench = Bench::loaded(|config| {
        config.timeouts.silence = SHORT;
        config.timeouts.prompt_token = Duration::from_millis(1);
    })
    .await;
    for words in ["silent", "hold on"] {
        match whole(bench.ask(words)).await {
            Err(EngineError::Crashed(text)) => assert!(text.contains("no sign of life"), "{text}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(whole(bench.ask("say again")).await, said("again"));
    }
}

#[tokio::test]
async fn an_engine_that_does_not_let_go_is_replaced_when_somebody_waits() {
    let bench = Bench::loaded(|config| config.timeouts.release = SHORT).await;
    let mut stuck = bench.ask("stick to it");
    delta(&mut stuck).await;
    let pid = bench.client.worker_pid(&"m".into());
    let waiting = bench.ask("say free");
    drop(stuck);
    assert_eq!(whole(waiting).await, said("free"));
    assert_ne!(bench.client.worker_pid(&"m".into()), pid);
}

#[tokio::test]
async fn models_that_cannot_be_loaded() {
    let bench = Bench::new(|config| {
        config.timeouts.load = SHORT;
        config.timeouts.load_per_gib = Duration::ZERO;
    });
    let error = bench.client.load(&spec("m", "hang")).await.unwrap_err();
    assert!(matches!(&error, EngineError::Failed(text) if text.contains("“Model m” took too long")), "{error}");

    let bench = Bench::new(|_| ());
    let error = bench.client.load(&spec("m", "bad")).await.unwrap_err();
    assert_eq!(error, EngineError::BadModel("The file is damaged.".into()));
    assert_eq!(whole(bench.ask("say a word")).await, Err(error), "who asks later is told why");
    let error = bench.client.load(&spec("m", "die")).await.unwrap_err();
    assert!(
        matches!(&error, EngineError::BadModel(text) if text.contains("twice") && text.contains("code 3")),
        "{error}"
    );
    let once = format!("die-once:{}", bench.marker().display());
    bench.client.load(&spec("m", &once)).await.unwrap();
    assert!(bench.marker().exists());
    assert_eq!(whole(bench.ask("say fine")).await, said("fine"));

    let bench = Bench::new(|config| config.worker = "/nowhere/molt-engine".into());
    let error = bench.client.load(&spec("m", "ok")).await.unwrap_err();
    assert!(matches!(&error, EngineError::Failed(text) if text.contains("could not be started")), "{error}");
}

#[tokio::test]
async fn questions_that_come_while_a_model_loads_wait_for_it() {
    let bench = Bench::new(|_| ());
    let spec = spec("m", "ok");
    let load = bench.client.load(&spec);
    tokio::pin!(load);
    // Polled once, so that the model is known and its process not yet there.
    assert!(futures::poll!(load.as_mut()).is_pending());
    let answer = bench.ask("say early");
    load.await.unwrap();
    assert_eq!(whole(answer).await, said("early"));
}

#[tokio::test]
async fn many_texts_are_embedded_in_order() {
    let bench = Bench::loaded(|config| config.timeouts.call = SHORT).await;
    let id: ModelId = "m".into();
    let texts: Vec<String> = (0..100).map(|length| "x".repeat(length)).collect();
    let vectors = bench.client.embed(&id, texts, EmbedPurpose::Passage).await.unwrap();
    assert_eq!(vectors, (0..100).map(|length| vec![length as f32]).collect::<Vec<_>>());
    assert_eq!(bench.client.embed(&id, Vec::new(), EmbedPurpose::Query).await.unwrap(), Vec::<Vec<f32>>::new());
    assert_eq!(bench.client.count_tokens(&id, vec!["one two".into(), String::new()]).await.unwrap(), [2, 0]);
    for text in ["die", "silent"] {
        let error = bench.client.embed(&id, vec![text.into()], EmbedPurpose::Query).await.unwrap_err();
        assert!(matches!(error, EngineError::Crashed(_)), "{error}");
        assert_eq!(bench.client.count_tokens(&id, vec!["still here".into()]).await.unwrap(), [2]);
    }
}

#[tokio::test]
async fn a_question_does_not_wait_for_the_passages_of_files() {
    let bench = Bench::loaded(|_| ()).await;
    let id: ModelId = "m".into();
    let passages = bench.client.embed(&id, vec!["silent".into()], EmbedPurpose::Passage);
    let more = bench.client.embed(&id, vec!["more".into()], EmbedPurpose::Passage);
    tokio::pin!(passages, more);
    assert!(futures::poll!(passages.as_mut()).is_pending() && futures::poll!(more.as_mut()).is_pending());
    let question = bench.client.embed(&id, vec!["why".into()], EmbedPurpose::Query).await.unwrap();
    assert_eq!(question, [[3.0]]);
    // Passages wait for passages.
    assert!(futures::poll!(passages.as_mut()).is_pending() && futures::poll!(more.as_mut()).is_pending());
}

#[tokio::test]
async fn passages_are_judged_in_order_and_nobody_is_waited_for() {
    let bench = Bench::loaded(|_| ()).await;
    let id: ModelId = "m".into();
    let texts: Vec<String> = (0..7).map(|count| "x".repeat(count)).collect();
    let scores = bench.client.rerank(&id, "x", texts).await.unwrap();
    assert_eq!(scores, (0..7).map(|count| count as f32).collect::<Vec<_>>());
    assert_eq!(bench.client.rerank(&id, "x", Vec::new()).await.unwrap(), Vec::<f32>::new());
    let error = bench.client.rerank(&id, "x", vec!["die".into()]).await.unwrap_err();
    assert!(matches!(error, EngineError::Crashed(_)), "{error}");
    assert_eq!(bench.client.rerank(&id, "x", vec!["xx".into()]).await.unwrap(), [2.0]);
    let huge = "x".repeat(5 << 20);
    let error = bench.client.rerank(&id, &huge, vec!["x".into()]).await.unwrap_err();
    assert!(matches!(error, EngineError::Failed(text) if text.contains("too long")));
    assert_eq!(bench.client.rerank(&"other".into(), "x", vec!["x".into()]).await, Err(EngineError::NotLoaded));
}

#[tokio::test]
async fn texts_without_measure_do_not_cost_the_worker() {
    let bench = Bench::loaded(|_| ()).await;
    let pid = bench.client.worker_pid(&"m".into());
    let huge = "x".repeat(17 << 20);
    assert!(matches!(whole(bench.ask(&huge)).await, Err(EngineError::Failed(text)) if text.contains("too long")));
    let error = bench.client.embed(&"m".into(), vec![huge], EmbedPurpose::Passage).await.unwrap_err();
    assert!(matches!(error, EngineError::Failed(text) if text.contains("too long")));
    // Together too much for one frame, and so sent in several.
    let large = vec!["x".repeat(3 << 20); 5];
    let vectors = bench.client.embed(&"m".into(), large, EmbedPurpose::Passage).await.unwrap();
    assert_eq!(vectors, vec![vec![(3 << 20) as f32]; 5]);
    assert_eq!(bench.client.worker_pid(&"m".into()), pid);
}

#[tokio::test]
async fn an_unloaded_model_leaves_nothing_behind() {
    let bench = Bench::loaded(|_| ()).await;
    let pid = bench.client.worker_pid(&"m".into()).unwrap();
    let mut answer = bench.ask("hold on");
    delta(&mut answer).await;
    let waiting = bench.ask("say never");
    bench.client.unload(&"m".into()).await;
    assert!(!is_alive(pid));
    assert_eq!(whole(answer).await, Err(EngineError::NotLoaded));
    assert_eq!(whole(waiting).await, Err(EngineError::NotLoaded));
    assert_eq!(whole(bench.ask("say never")).await, Err(EngineError::NotLoaded));
    assert_eq!(bench.client.count_tokens(&"m".into(), vec![String::new()]).await, Err(EngineError::NotLoaded));
    assert_eq!(bench.client.stats().await, []);
    bench.client.unload(&"m".into()).await;
    bench.client.load(&spec("m", "ok")).await.unwrap();
    assert_eq!(whole(bench.ask("say back")).await, said("back"));
}

#[tokio::test]
async fn two_models_answer_side_by_side() {
    let bench = Bench::loaded(|_| ()).await;
    bench.client.load(&spec("n", "ok")).await.unwrap();
    let mut held = bench.ask("hold on");
    delta(&mut held).await;
    assert_eq!(whole(bench.client.generate(request("n", "say other"))).await, said("other"));
    assert_eq!(bench.client.stats().await.len(), 2);
}

#[tokio::test]
async fn the_workers_end_with_the_client() {
    let bench = Bench::loaded(|_| ()).await;
    let pid = bench.client.worker_pid(&"m".into()).unwrap();
    let mut answer = bench.ask("hold on");
    delta(&mut answer).await;
    drop(answer);
    drop(bench);
    tokio::time::timeout(SOON, async {
        while is_alive(pid) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the worker ends soon");
}
