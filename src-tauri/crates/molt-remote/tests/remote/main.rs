//! The adapter against a server that tells the truth, that errs and that lies.

// Helpers of tests fail on the spot as tests do.
#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use molt_core::*;
use molt_remote::{Patience, RemoteEngine, Servers};
use molt_testkit::{MemoryStore, ScriptedEngine, sample};

mod server;

use server::{Server, Then};

const KEY: &str = "sk-very-secret";

/// What is waited for in vain is waited for so long.
const SHORT: Duration = Duration::from_millis(200);

struct World {
    server: Server,
    engine: RemoteEngine,
    local: ScriptedEngine,
}

fn spec(server: &Server) -> ModelSpec {
    let remote =
        RemoteModel { url: server.url.clone(), host: server.host.clone(), model: "big-1".into(), vision: false };
    ModelSpec {
        format: ModelFormat::Remote,
        path: String::new(),
        remote: Some(remote),
        ..sample::model("far", ModelRole::Chat)
    }
}

/// A loaded model on a server; patient unless something is to be waited for in vain.
async fn world_with(patience: Patience, key: Option<&str>) -> World {
    let (server, local, store) = (Server::start().await, ScriptedEngine::new(), Arc::new(MemoryStore::new()));
    if let Some(key) = key {
        store.put_secret(&key_name(&"far".into()), &Secret::new(key)).unwrap();
    }
    let engine = RemoteEngine::new(Arc::new(local.clone()), Servers::new(patience).unwrap(), store);
    engine.load(&spec(&server)).await.unwrap();
    World { server, engine, local }
}

async fn world() -> World {
    world_with(Patience::default(), Some(KEY)).await
}

fn request(model: &str) -> GenerateRequest {
    let message = |role, text: &str| PromptMessage { role, text: text.into() };
    GenerateRequest {
        model: model.into(),
        messages: vec![message(Role::System, "Be brief."), message(Role::User, "颜色?")],
        max_tokens: 100,
        temperature: 0.0,
        top_p: 1.0,
        stop: vec![],
        think: false,
        constraint: None,
        recall_only: false,
    }
}

/// What came of an answer.
#[derive(Debug, Default)]
struct Came {
    text: String,
    thoughts: String,
    done: Option<GenerateEvent>,
    error: Option<String>,
}

impl World {
    async fn ask(&self) -> Came {
        let mut came = Came::default();
        let mut events = self.engine.generate(request("far"));
        while let Some(event) = events.next().await {
            assert!(came.done.is_none() && came.error.is_none(), "nothing comes after the end");
            match event {
                Ok(GenerateEvent::Delta { text }) => came.text += &text,
                Ok(GenerateEvent::Thought { text }) => came.thoughts += &text,
                Ok(done @ GenerateEvent::Done { .. }) => came.done = Some(done),
                Ok(_) => {}
                Err(error) => came.error = Some(error.to_string()),
            }
        }
        assert!(came.done.is_some() != came.error.is_some(), "{came:?}");
        if let Some(error) = &came.error {
            assert!(error.starts_with(&self.server.host) && !error.contains(KEY), "{error}");
        }
        came
    }
}

fn piece(text: &str) -> String {
    format!(
        "data: {}\n\n",
        serde_json::json!({ "choices": [{ "index": 0, "delta": { "content": text }, "finish_reason": null }] })
    )
}

const FINISH: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":8}}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

#[tokio::test]
async fn a_question_is_sent_as_it_should_be_and_its_answer_read() {
    let world = world().await;
    let thought = "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n";
    world
        .server
        .stream(&(thought.to_owned() + &piece("It is ") + &piece("蓝色.") + FINISH + USAGE + DONE), Then::Stall);
    let came = world.ask().await;
    assert_eq!((came.text.as_str(), came.thoughts.as_str()), ("It is 蓝色.", "hm"));
    let Some(GenerateEvent::Done { finish, prompt_tokens, cached_tokens, completion_tokens, .. }) = came.done else {
        panic!("{came:?}")
    };
    assert_eq!((finish, prompt_tokens, cached_tokens, completion_tokens), (FinishReason::Stop, 12, 8, 5));

    let seen = world.server.seen().remove(0);
    assert!(seen.head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{}", seen.head);
    assert!(seen.head.contains(&format!("authorization: Bearer {KEY}\r\n")), "{}", seen.head);
    let body: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!((&body["model"], &body["stream"], &body["max_tokens"]), (&"big-1".into(), &true.into(), &100.into()));
    assert_eq!(body["messages"][1], serde_json::json!({ "role": "user", "content": "颜色?" }));
    assert_eq!(world.engine.stats().await.len(), 1);
}

#[tokio::test]
async fn fragments_cut_at_every_byte_give_the_same_answer() {
    let world = world().await;
    let body = piece("A ") + ": a remark\r\n\r\n" + &piece("蓝🥛\\n\"b\"") + FINISH + USAGE + DONE;
    let body = body.as_bytes();
    for cut in 0..=body.len() {
        world.server.pieces([&body[..cut], &body[cut..]], Then::Close);
        let came = world.ask().await;
        assert_eq!(came.text, "A 蓝🥛\\n\"b\"", "cut at {cut}: {came:?}");
    }
    world.server.pieces(body.chunks(1), Then::Close);
    assert_eq!(world.ask().await.text, "A 蓝🥛\\n\"b\"");
}

#[tokio::test]
async fn thoughts_in_the_text_are_told_apart_and_what_only_looks_like_them_is_not() {
    let world = world().await;
    let text = "<think>\nTwo and two\n</think>\n\nFour <think>is a tag.";
    let letters: String =
        ["<thi", "nk>\nTwo and ", "two\n</thi", "nk>\n\nFour <think>is ", "a tag."].map(piece).concat();
    for body in [piece(text), letters] {
        world.server.stream(&(body + FINISH + DONE), Then::Close);
        let came = world.ask().await;
        assert_eq!((came.thoughts.as_str(), came.text.as_str()), ("Two and two", "Four <think>is a tag."));
    }
    // What may yet become a mark is told when the answer has ended.
    world.server.stream(&(piece("<thi") + FINISH + DONE), Then::Close);
    assert_eq!(world.ask().await.text, "<thi");
}

#[tokio::test]
async fn an_end_that_is_not_said_is_an_end_if_the_answer_was_complete() {
    let world = world_with(Patience { last: SHORT, ..Patience::default() }, None).await;
    for (end, then) in [(FINISH, Then::Close), (FINISH, Then::Stall), (DONE, Then::Stall)] {
        world.server.stream(&(piece("whole") + end), then);
        let came = world.ask().await;
        assert!(came.text == "whole" && came.done.is_some(), "{end} {then:?}: {came:?}");
    }
    // A last line without an end of line.
    world.server.stream(&(piece("whole") + FINISH.trim_end()), Then::Close);
    assert!(world.ask().await.done.is_some());
    world.server.stream(&piece("only a part"), Then::Close);
    let came = world.ask().await;
    assert_eq!(came.text, "only a part");
    assert!(came.error.unwrap().contains("before the answer was complete"));
    assert!(!world.server.seen()[0].head.contains("authorization"), "no key, no header");
}

#[tokio::test]
async fn a_length_that_was_reached_is_told() {
    let world = world().await;
    world.server.stream(&(piece("a") + &FINISH.replace("stop", "length") + DONE), Then::Close);
    assert!(matches!(world.ask().await.done, Some(GenerateEvent::Done { finish: FinishReason::Length, .. })));
}

#[tokio::test]
async fn a_broken_connection_keeps_what_came() {
    let world = world().await;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 10000\r\n\r\n";
    world.server.raw(head.to_owned() + &piece("half an"), Then::Close);
    let came = world.ask().await;
    assert_eq!(came.text, "half an");
    assert!(came.error.unwrap().contains("ended the connection"));
    // Before a word, and before an answer of HTTP.
    world.server.raw("", Then::Close);
    assert!(world.ask().await.error.unwrap().contains("ended the connection"));
    world.server.raw("\u{0}\u{1} not a word of HTTP\r\n\r\n", Then::Close);
    assert!(world.ask().await.error.is_some());
}

#[tokio::test]
async fn silence_is_not_waited_for_for_ever() {
    let world = world_with(Patience { next: SHORT, ..Patience::default() }, Some(KEY)).await;
    world.server.stream(&piece("half"), Then::Stall);
    let came = world.ask().await;
    assert_eq!(came.text, "half");
    assert!(came.error.unwrap().contains("stopped in the middle"));
    // Nor is one who keeps the line open without a word.
    world.server.stream(&piece("half"), Then::Chatter);
    let came = world.ask().await;
    assert_eq!(came.text, "half");
    assert!(came.error.unwrap().contains("stopped in the middle"));
    // The connections were not left open.
    world.server.left(2).await;

    let world = world_with(Patience { first: SHORT, ..Patience::default() }, Some(KEY)).await;
    for silent in [": still there\n\n", "\n"] {
        world.server.stream(silent, Then::Stall);
        assert!(world.ask().await.error.unwrap().contains("does not answer"));
    }
    world.server.raw("", Then::Stall);
    assert!(world.ask().await.error.unwrap().contains("does not answer"));
    world.server.left(3).await;
}

#[tokio::test]
async fn errors_are_plain_sentences() {
    let world = world().await;
    let words = format!("{{\"error\":{{\"message\":\"Incorrect API key: {KEY}\"}}}}");
    for (status, headers, wanted) in [
        (401, "", "does not accept the key"),
        (404, "", "does not have a model named big-1"),
        (429, "retry-after: 20\r\n", "20 seconds"),
        (500, "", "status 500"),
        (400, "", "Incorrect API key: …"),
        (307, "location: http://127.0.0.1:1/v1/chat/completions\r\n", "not followed"),
    ] {
        world.server.status(status, headers, &words);
        let came = world.ask().await;
        assert!(came.error.as_deref().unwrap().contains(wanted), "{status}: {came:?}");
    }
    assert_eq!(world.server.seen().len(), 6, "nothing is asked twice");
    world.server.stream(&(piece("half") + "data: {\"error\":{\"message\":\"overloaded\"}}\n\n"), Then::Close);
    let came = world.ask().await;
    assert_eq!(came.text, "half");
    assert!(came.error.unwrap().contains("“overloaded”"));
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_key_goes_nowhere_else() {
    let (world, elsewhere) = (world().await, Server::start().await);
    for status in [301, 302, 307, 308] {
        world.server.status(status, &format!("location: {}/chat/completions\r\n", elsewhere.url), "");
        assert!(world.ask().await.error.is_some());
    }
    assert_eq!((world.server.seen().len(), elsewhere.seen().len()), (4, 0));
}

#[tokio::test]
async fn nonsense_ends_the_answer_and_nothing_else() {
    let world = world().await;
    let garbage = [
        "data: {\"choices\":\n\n".to_owned(),
        "data: not json\n\n".to_owned(),
        "data: [1,2]\n\n".to_owned(),
        format!("data: {}", "x".repeat(3 << 20)),
        "x".repeat(3 << 20),
    ];
    for garbage in garbage {
        world.server.stream(&(piece("before") + &garbage), Then::Close);
        let came = world.ask().await;
        assert!(came.text == "before" && came.error.is_some(), "{:.80}: {:?}", garbage, came.error);
    }
    // What is no UTF-8 is shown as a mark, and the rest of it is kept.
    let mut body = piece("a!b").into_bytes();
    let place = body.iter().position(|byte| *byte == b'!').unwrap();
    body[place] = 0xff;
    body.extend_from_slice((FINISH.to_owned() + DONE).as_bytes());
    world.server.pieces([&body[..]], Then::Close);
    assert_eq!(world.ask().await.text, "a\u{fffd}b");
    // A page of a router instead of an answer.
    world.server.status(200, "content-type: text/html\r\n", "<html>Welcome</html>");
    assert!(world.ask().await.error.unwrap().contains("no answer"));
    world.server.status(200, "content-type: text/event-stream\r\n", "");
    assert!(world.ask().await.error.is_some());
}

#[tokio::test]
async fn an_answer_in_one_piece_is_an_answer() {
    let world = world().await;
    let body = r#"{"choices":[{"message":{"role":"assistant","content":"Blue."},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#;
    world.server.status(200, "content-type: application/json\r\n", body);
    let came = world.ask().await;
    assert_eq!(came.text, "Blue.");
    assert!(matches!(came.done, Some(GenerateEvent::Done { completion_tokens: 2, .. })));
    world.server.status(200, "content-type: application/json\r\n", r#"{"error":"no such thing"}"#);
    assert!(world.ask().await.error.unwrap().contains("no such thing"));
}

#[tokio::test]
async fn dropping_the_answer_ends_the_connection() {
    let world = world().await;
    world.server.stream(&piece("first"), Then::Stall);
    let mut events = world.engine.generate(request("far"));
    while !matches!(events.next().await, Some(Ok(GenerateEvent::Delta { .. }))) {}
    drop(events);
    world.server.left(1).await;
}

#[tokio::test]
async fn no_connection_is_opened_that_nobody_asked_for() {
    let world = world().await;
    assert_eq!(world.engine.count_tokens(&"far".into(), vec!["abcdef".into(), "颜色".into()]).await, Ok(vec![2, 2]));
    let ahead = GenerateRequest { max_tokens: 0, ..request("far") };
    assert!(matches!(world.engine.generate(ahead).next().await, Some(Ok(GenerateEvent::Done { .. }))));
    assert!(world.engine.embed(&"far".into(), vec!["x".into()], EmbedPurpose::Query).await.is_err());
    world.engine.unload(&"far".into()).await;
    let unloaded: Vec<_> = world.engine.generate(request("far")).collect().await;
    assert_eq!(unloaded, [Err(EngineError::NotLoaded)]);
    assert_eq!(world.server.seen().len(), 0);
}

#[tokio::test]
async fn what_is_not_remote_goes_to_the_engine_beside() {
    let world = world().await;
    let spec = sample::model("near", ModelRole::Chat);
    world.engine.load(&spec).await.unwrap();
    assert!(world.local.is_loaded(&spec.id) && !world.local.is_loaded(&"far".into()));
    let events: Vec<_> = world.engine.generate(request("near")).collect().await;
    assert!(matches!(events.last(), Some(Ok(GenerateEvent::Done { .. }))));
    assert_eq!(world.engine.count_tokens(&spec.id, vec!["a b".into()]).await, Ok(vec![2]));
    assert_eq!(world.engine.stats().await.len(), 1);
    world.engine.unload(&spec.id).await;
    assert!(!world.local.is_loaded(&spec.id));
    assert_eq!(world.server.seen().len(), 0);
}

#[tokio::test]
async fn a_list_of_models_is_asked_for_with_the_key() {
    let server = Server::start().await;
    let servers = Servers::new(Patience::default()).unwrap();
    server.status(
        200,
        "content-type: application/json\r\n",
        r#"{"data":[{"id":"big-1","context_length":4096},{"id":"b"}]}"#,
    );
    let key = Secret::new(KEY);
    let found = servers.offered(&server.url, Some(&key)).await.unwrap();
    assert_eq!(found[0], OfferedModel { name: "big-1".into(), context_length: Some(4096) });
    let seen = server.seen().remove(0);
    assert!(seen.head.starts_with("GET /v1/models HTTP/1.1\r\n"), "{}", seen.head);
    assert!(seen.head.contains(&format!("authorization: Bearer {KEY}\r\n")));
    server.status(401, "", "");
    assert!(servers.offered(&server.url, None).await.unwrap_err().to_string().contains("wants a key"));
    server.status(200, "", "<html>");
    assert!(servers.offered(&server.url, None).await.unwrap_err().to_string().contains("list of models"));
    // An address that was changed behind our back is refused before anything is sent.
    assert!(servers.offered("http://example.com/v1", Some(&key)).await.is_err());
}
