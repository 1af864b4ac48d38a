//! A conversation goes on after a restart where it was, without being read anew.

// Helpers of tests fail on the spot as tests do.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use futures::StreamExt;
use molt_core::{Engine, GenerateEvent, GenerateRequest, ModelId, ModelInspector, PromptMessage, Role};
use molt_engine_client::{
    EngineClient, EngineConfig, ModelFiles,
    protocol::{KeptStates, StatesKey},
};

const WORKER: &str = env!("CARGO_BIN_EXE_molt-llama");
/// Longer than anything here takes on a slow machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(120);

struct Chat {
    client: EngineClient,
    model: ModelId,
    told: Vec<PromptMessage>,
}

fn request(model: &ModelId, messages: Vec<PromptMessage>) -> GenerateRequest {
    GenerateRequest {
        model: model.clone(),
        messages,
        max_tokens: 30,
        temperature: 0.0,
        top_p: 1.0,
        stop: Vec::new(),
        think: false,
        constraint: None,
        recall_only: false,
    }
}

impl Chat {
    async fn open(folder: &Path, key: Option<u8>) -> Self {
        let states =
            key.map(|byte| KeptStates { folder: folder.join("states"), key: StatesKey([byte; 32]), budget: 1 << 30 });
        let config = EngineConfig { threads: 1, states, ..EngineConfig::new(WORKER.into(), folder.join("cache")) };
        let client = EngineClient::new(config);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../models/moltworker-small.gguf");
        let spec = ModelFiles.inspect(&path).unwrap();
        client.load(&spec).await.unwrap();
        Self { client, model: spec.id, told: Vec::new() }
    }

    /// Takes up what is kept of the conversation, and gives how many tokens that are.
    async fn recall(&self) -> u32 {
        let mut messages = self.told.clone();
        messages.push(PromptMessage { role: Role::User, text: String::new() });
        let mut events = self.client.generate(GenerateRequest { recall_only: true, ..request(&self.model, messages) });
        while let Some(event) = events.next().await {
            if let GenerateEvent::Done { cached_tokens, .. } = event.unwrap() {
                return cached_tokens;
            }
        }
        panic!("it has no end");
    }

    /// Asks, and gives the answer and how many tokens of the prompt were known before.
    async fn ask(&mut self, text: &str) -> (String, u32) {
        self.told.push(PromptMessage { role: Role::User, text: text.into() });
        let mut events = self.client.generate(request(&self.model, self.told.clone()));
        let (mut answer, mut known) = (String::new(), 0);
        while let Some(event) = events.next().await {
            match event.unwrap() {
                GenerateEvent::Delta { text } => answer.push_str(&text),
                GenerateEvent::Done { cached_tokens, .. } => known = cached_tokens,
                _ => {}
            }
        }
        self.told.push(PromptMessage { role: Role::Assistant, text: answer.clone() });
        (answer, known)
    }
}

fn states(folder: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(folder.join("states")).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.extension().is_some_and(|ending| ending == "state")).collect()
}

fn long_question() -> String {
    format!(
        "{} What does the report of the quokka say?",
        "The report of the quokka says that the gate is 4711. ".repeat(24)
    )
}

#[tokio::test]
async fn a_conversation_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut before = Chat::open(folder.path(), Some(1)).await;
    let (first, known) = before.ask(&long_question()).await;
    assert_eq!(known, 0);
    let deadline = Instant::now() + PATIENCE;
    while states(folder.path()).is_empty() {
        assert!(Instant::now() < deadline, "nothing was kept");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let told = before.told.clone();
    drop(before);
    let stored = fs::read(&states(folder.path())[0]).unwrap();
    assert!(!stored.windows(6).any(|part| part == b"quokka"));

    let next = "And which gate was it?";
    let mut without = Chat::open(folder.path(), None).await;
    without.told = told.clone();
    let (expected, known) = without.ask(next).await;
    assert_eq!(known, 0);

    let mut after = Chat::open(folder.path(), Some(1)).await;
    assert_eq!(after.recall().await, 0, "nothing is kept of another conversation");
    after.told = told.clone();
    let recalled = after.recall().await;
    assert!(recalled > 256, "{recalled} tokens were taken up");
    let (answer, known) = after.ask(next).await;
    assert_eq!(answer, expected);
    assert!(known > 256, "{known} tokens of the conversation were known");
    // Another conversation in between: this one's state comes back.
    after.told.clear();
    after.ask("Good morning").await;
    after.told = told[..1].to_vec();
    after.told.clear();
    let (again, known) = after.ask(&long_question()).await;
    assert_eq!(again, first);
    assert!(known > 256, "{known}");

    let mut foreign = Chat::open(folder.path(), Some(2)).await;
    foreign.told = told.clone();
    assert_eq!(foreign.ask(next).await, (expected.clone(), 0));

    // After one conversation was deleted nothing is left of any, and what goes on is answered as before.
    after.client.forget_conversations().await;
    assert!(states(folder.path()).is_empty());
    after.told = told;
    assert_eq!(after.ask(next).await.0, expected);
}
