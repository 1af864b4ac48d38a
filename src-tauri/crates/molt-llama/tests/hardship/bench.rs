//! What the tests here share: a client with the real worker, answers heard to their end, chance from a seed.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures::{StreamExt, stream::BoxStream};
use molt_core::{
    Engine, EngineError, FinishReason, GenerateEvent, GenerateRequest, ModelId, ModelInspector, ModelSpec,
    PromptMessage, Role,
};
use molt_engine_client::{EngineClient, EngineConfig, ModelFiles};
use tokio::sync::RwLock;

pub type Answer = BoxStream<'static, Result<GenerateEvent, EngineError>>;

/// Longer than anything here takes on a slow machine that does other things as well.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// Held for writing by a test that measures memory, by all others for reading.
pub static MEASURED: RwLock<()> = RwLock::const_new(());

pub struct Bench {
    pub client: EngineClient,
    pub folder: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let worker = env!("CARGO_BIN_EXE_molt-llama").into();
        // One thread: these tests run beside each other, and llama.cpp's threads wait for each other without rest.
        let config = EngineConfig { threads: 1, ..EngineConfig::new(worker, folder.path().join("cache")) };
        Self { client: EngineClient::new(config), folder }
    }

    /// Writes a model file of this name.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub async fn load(&self, spec: &ModelSpec) -> Result<(), EngineError> {
        tokio::time::timeout(PATIENCE, self.client.load(spec)).await.expect("loading comes to an end").map(drop)
    }

    /// The process of the model, as soon as there is one.
    pub async fn pid(&self, model: &ModelId) -> u32 {
        let started = async {
            loop {
                match self.client.worker_pid(model) {
                    Some(pid) => return pid,
                    None => tokio::task::yield_now().await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, started).await.expect("the worker is started")
    }
}

pub fn spec(path: &Path) -> ModelSpec {
    ModelFiles.inspect(path).unwrap()
}

pub fn small_model() -> ModelSpec {
    spec(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../models/moltworker-small.gguf"))
}

pub fn request(model: &ModelId, messages: Vec<PromptMessage>, max_tokens: u32) -> GenerateRequest {
    GenerateRequest {
        model: model.clone(),
        messages,
        max_tokens,
        temperature: 0.0,
        top_p: 1.0,
        stop: Vec::new(),
        think: false,
        constraint: None,
        recall_only: false,
    }
}

pub fn said(role: Role, text: impl Into<String>) -> PromptMessage {
    PromptMessage { role, text: text.into() }
}

/// An answer that has ended.
#[derive(Debug)]
pub struct Heard {
    pub text: String,
    /// The positions in line that it was told.
    pub positions: Vec<u32>,
    pub end: Result<FinishReason, EngineError>,
}

pub async fn hear(mut answer: Answer) -> Heard {
    let (mut text, mut positions) = (String::new(), Vec::new());
    loop {
        let event = tokio::time::timeout(PATIENCE, answer.next()).await.expect("the answer goes on");
        let end = match event.expect("the answer has an end") {
            Ok(GenerateEvent::Delta { text: more }) => {
                text.push_str(&more);
                continue;
            }
            Ok(GenerateEvent::Queued { position }) => {
                positions.push(position);
                continue;
            }
            Ok(GenerateEvent::Done { finish, .. }) => Ok(finish),
            Ok(_) => continue,
            Err(error) => Err(error),
        };
        assert!(answer.next().await.is_none(), "nothing comes after the end");
        return Heard { text, positions, end };
    }
}

/// Chance that can be repeated: SplitMix64.
pub struct Random(u64);

impl Random {
    /// From `MOLTWORKER_SEED`, or from the clock; printed either way.
    pub fn seeded(what: &str) -> Self {
        let clock =
            || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64 % 1_000_000_000);
        let seed = std::env::var("MOLTWORKER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(clock);
        println!("{what}: seed {seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn one_of<T: Copy>(&mut self, things: &[T]) -> T {
        things[self.below(things.len() as u64) as usize]
    }

    /// Another source of chance, as repeatable as this one.
    pub fn split(&mut self) -> Self {
        Self(self.next())
    }
}
