//! The use cases as a face calls them: by name, with JSON, over fakes.

// Helpers of tests fail on the spot as tests do.
#![allow(clippy::unwrap_used)]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use molt_api::*;
use molt_assist::{Assist, AssistParts};
use molt_core::*;
use molt_knowledge::{Library, LibraryParts};
use molt_models::{Catalogue, Registry, RegistryParts};
use molt_tasks::Scheduler;
use molt_testkit::{
    ManualClock, MemoryFolders, MemoryIndex, MemoryStore, MemoryWatcher, Reply, ScriptedDownloads, ScriptedEngine,
    ScriptedExtractor, ScriptedHub, ScriptedServers, sample,
};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;

mod downloads;
mod keys;
mod library;
mod models;
mod routing;
mod talk;

struct Opener;

#[async_trait]
impl IndexOpener for Opener {
    async fn begin(&self, _embedder: Option<&ModelSpec>) -> Result<Arc<dyn PassageIndex>, IndexError> {
        Ok(Arc::new(MemoryIndex::new()))
    }
}

/// Takes every file for a chat model in GGUF, except those named `bad…`, `rerank…` and `….uqff`.
struct Inspector;

impl ModelInspector for Inspector {
    fn inspect(&self, path: &Path) -> Result<ModelSpec, String> {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("bad") {
            return Err("this is not a model file".into());
        }
        let path = path.to_string_lossy().into_owned();
        let role = if name.starts_with("rerank") { ModelRole::Reranker } else { ModelRole::Chat };
        let mut spec = ModelSpec { id: ModelId::random(), path, name, ..sample::model("new", role) };
        if spec.name.ends_with(".uqff") {
            spec.format = ModelFormat::Uqff;
        }
        Ok(spec)
    }

    fn memory_needed(&self, _path: &Path, settings: &ModelSettings) -> Option<u64> {
        settings.context.map(|context| 1000 * u64::from(context))
    }
}

struct World {
    app: App,
    clock: Arc<ManualClock>,
    engine: ScriptedEngine,
    events: Receiver<Event>,
    /// Where downloads are put.
    models: tempfile::TempDir,
    downloads: Arc<ScriptedDownloads>,
    hub: Arc<ScriptedHub>,
    folders: Arc<MemoryFolders>,
    store: Arc<MemoryStore>,
    servers: Arc<ScriptedServers>,
    /// Bytes that are free.
    memory: Arc<AtomicU64>,
    watcher: Arc<MemoryWatcher>,
}

fn world() -> World {
    let memory = Arc::new(AtomicU64::new(4 << 30));
    let models = tempfile::tempdir().unwrap();
    let downloads = Arc::new(ScriptedDownloads::new(models.path().canonicalize().unwrap()));
    let (hub, folders) = (Arc::new(ScriptedHub::default()), Arc::new(MemoryFolders::default()));
    let servers = Arc::new(ScriptedServers::default());
    let (store, engine) = (Arc::new(MemoryStore::new()), ScriptedEngine::new());
    let clock = Arc::new(ManualClock::at("2026-11-21T10:00", "Asia/Shanghai"));
    let extractor = Arc::new(ScriptedExtractor::new());
    let bus = Bus::new(tokio::runtime::Handle::current());
    let watcher = Arc::new(MemoryWatcher::new());
    let library = Library::new(
        LibraryParts {
            documents: store.clone(),
            extractor: extractor.clone(),
            watcher: watcher.clone(),
            engine: Arc::new(engine.clone()),
            secrets: store.clone(),
            clock: clock.clone(),
            kind_of: |_| Some(DocumentKind::Text),
            on_change: Arc::new({
                let bus = bus.clone();
                move |change| bus.library(change)
            }),
        },
        Arc::new(MemoryIndex::new()),
        None,
        false,
    );
    let desk = Arc::new(TaskDesk::new(store.clone(), clock.clone(), bus.clone()));
    let assist = Assist::new(AssistParts {
        conversations: store.clone(),
        engine: Arc::new(engine.clone()),
        finder: Arc::new(library.clone()),
        clock: clock.clone(),
        make_task: Arc::new({
            let desk = desk.clone();
            move |line, source| desk.from_chat(line, source)
        }),
        do_call: Arc::new({
            let desk = desk.clone();
            move |call, question, last| desk.called(call, question, last)
        }),
        on_event: Arc::new({
            let bus = bus.clone();
            move |event| bus.assist(event)
        }),
    });
    let registry = Registry::new(RegistryParts {
        store: store.clone(),
        engine: Arc::new(engine.clone()),
        inspector: Arc::new(Inspector),
        on_change: Arc::new({
            let bus = bus.clone();
            move || bus.models()
        }),
        machine: "Test, 2 cores".into(),
    });
    let events = bus.subscribe();
    let app = App::new(AppParts {
        bus,
        clock: clock.clone(),
        conversations: store.clone(),
        documents: store.clone(),
        tasks: store.clone(),
        desk,
        settings: store.clone(),
        engine: Arc::new(engine.clone()),
        extractor,
        opener: Arc::new(Opener),
        library,
        assist,
        registry,
        supply: ModelSupply {
            catalogue: Arc::new(Catalogue::bundled().unwrap().clone()),
            downloads: downloads.clone(),
            hub: hub.clone(),
            folders: folders.clone(),
        },
        servers: servers.clone(),
        secrets: store.clone(),
        machine: Box::new({
            let memory = memory.clone();
            move || Machine {
                cpu: "Test".into(),
                cores: 2,
                memory_total: 8 << 30,
                memory_available: memory.load(Ordering::Relaxed),
            }
        }),
        data_dir: "/data".into(),
        desktop: false,
    });
    World { app, clock, engine, events, models, downloads, hub, folders, store, servers, memory, watcher }
}

impl World {
    async fn call(&self, name: &str, arguments: Value) -> Result<Value, ApiError> {
        let answer = dispatch(&self.app, name, arguments).await?;
        Ok(serde_json::from_str(answer.get()).unwrap())
    }

    async fn event(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        loop {
            let event = tokio::time::timeout(Duration::from_secs(10), self.events.recv()).await.unwrap().unwrap();
            if wanted(&event) {
                return event;
            }
        }
    }

    /// Imports a model from a real file and chooses it.
    async fn choose_model(&self, folder: &Path) -> Value {
        let path = folder.join("model.gguf");
        std::fs::write(&path, "").unwrap();
        let model = self.call("model_import", json!({ "path": path })).await.unwrap();
        self.call("model_set", json!({ "role": "chat", "id": model["spec"]["id"] })).await.unwrap()
    }
}

#[tokio::test]
async fn a_question_is_answered_through_events_and_stays() {
    let mut world = world();
    let folder = tempfile::tempdir().unwrap();
    let models = world.choose_model(folder.path()).await;
    assert_eq!(models["models"][0]["state"], "loaded");
    world.engine.push(Reply::text("It is blue."));
    let accepted = world.call("chat_send", json!({ "conversation_id": null, "text": "Which colour?" })).await.unwrap();
    let id = accepted["answer"]["id"].as_str().unwrap().to_owned();
    let ended = |event: &Event| matches!(event, Event::MessageChanged { message } if message.id.as_str() == id && message.state == MessageState::Done);
    world.event(ended).await;
    let view = world.call("conversation_get", json!({ "id": accepted["conversation_id"] })).await.unwrap();
    assert_eq!(view["messages"][1]["text"], "It is blue.");
    assert_eq!(view["conversation"]["title"], "Which colour?");
}

#[tokio::test]
async fn a_reminder_from_chat_fires_once_and_is_answered() {
    let mut world = world();
    let accepted = world.call("chat_send", json!({ "text": "提醒我5分钟后喝水" })).await.unwrap();
    assert_eq!(accepted["answer"]["kind"], "task");
    let tasks = world.call("task_list", Value::Null).await.unwrap();
    assert_eq!(tasks[0]["task"]["source"]["conversation_id"], accepted["conversation_id"]);

    let mut scheduler = Scheduler::new();
    world.app.tick(&mut scheduler).unwrap();
    assert_eq!(world.call("reminder_list", Value::Null).await.unwrap(), json!([]), "it is not due yet");
    world.clock.advance(5 * 60);
    world.app.tick(&mut scheduler).unwrap();
    world.app.tick(&mut scheduler).unwrap();
    world.event(|event| matches!(event, Event::ReminderDue { .. })).await;
    let shown = world.call("reminder_list", Value::Null).await.unwrap();
    assert_eq!(shown.as_array().unwrap().len(), 1);
    assert_eq!(world.call("status", Value::Null).await.unwrap()["due_reminders"], 1);

    world.call("reminder_done", json!({ "id": shown[0]["reminder"]["id"] })).await.unwrap();
    assert_eq!(world.call("reminder_list", Value::Null).await.unwrap(), json!([]));
    assert!(!world.call("task_list", Value::Null).await.unwrap()[0]["task"]["done_at"].is_null());
}

#[tokio::test]
async fn a_time_of_a_repeating_task_is_skipped_and_brought_back() {
    let world = world();
    let add = async |text: &str| world.call("task_add_line", json!({ "text": text })).await.unwrap()["task"].clone();
    let swim = add("swim every day at 23:00").await;
    let skipped = world.call("task_skip", json!({ "id": swim["id"] })).await.unwrap();
    assert_eq!(skipped["task"]["due"]["at"], "2026-11-22T23:00:00");
    let later = world.call("task_skip", json!({ "id": swim["id"], "day": "2026-11-24" })).await.unwrap();
    assert_eq!(later["task"]["skipped"], json!(["2026-11-24"]));
    let back = world.call("task_update", swim.clone()).await.unwrap();
    assert_eq!((back["task"]["due"].clone(), back["task"]["skipped"].clone()), (swim["due"].clone(), json!([])));
    let plants = add("water the plants every! 3 days").await;
    assert_eq!(
        (plants["title"].clone(), plants["repeat_from"].clone()),
        (json!("water the plants"), json!("completion"))
    );
    let once = add("call Ann tomorrow").await;
    let refused = world.call("task_skip", json!({ "id": once["id"] })).await.unwrap_err();
    assert!(refused.message.contains("repeats"), "{}", refused.message);
}

#[tokio::test]
async fn a_file_of_todoist_becomes_tasks_with_parts() {
    let world = world();
    let text = "TYPE,CONTENT,PRIORITY,INDENT,DATE,DURATION,DURATION_UNIT\nsection,Later,,,,,\n\
                task,trip,1,1,tomorrow,,\ntask,pack,4,2,,45,minute\n";
    let imported = world.call("task_import", json!({ "name": "Travel.csv", "text": text })).await.unwrap();
    assert_eq!((imported["added"].clone(), imported["remarks"].clone()), (json!(2), json!([])));
    let tasks = world.call("task_list", Value::Null).await.unwrap();
    let (trip, pack) = (tasks[0]["task"].clone(), tasks[1]["task"].clone());
    assert_eq!((trip["category"].clone(), trip["section"].clone()), (json!("Travel"), json!("Later")));
    assert_eq!(trip["due"], json!({ "kind": "date", "date": "2026-11-22" }));
    assert_eq!((pack["parent"].clone(), pack["estimate_minutes"].clone()), (trip["id"].clone(), json!(45)));

    // What is done to a task is done to its parts, and taken back with it.
    for (name, request, open) in [
        ("task_set_done", json!({ "id": trip["id"], "done": true }), 0),
        ("task_set_done", json!({ "id": trip["id"], "done": false }), 2),
        ("task_delete", json!({ "id": trip["id"] }), 0),
        ("task_restore", json!({ "id": trip["id"] }), 2),
    ] {
        world.call(name, request).await.unwrap();
        let tasks = world.call("task_list", Value::Null).await.unwrap();
        let left = tasks.as_array().unwrap().iter().filter(|view| view["task"]["done_at"].is_null()).count();
        assert_eq!(left, open, "{name}");
    }
    let lost = json!({ "title": "x", "notes": null, "priority": "normal", "category": null, "parent": "nothing", "due": null,
                         "recurrence": null });
    assert!(world.call("task_add", lost).await.unwrap_err().message.contains("not there any more"));
}

#[tokio::test]
async fn wrong_calls_get_a_plain_sentence() {
    let world = world();
    let error = world.call("no_such_call", Value::Null).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    let error = world.call("chat_send", json!({ "text": 7 })).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Invalid);
    let error = world.call("conversation_get", json!({ "id": "nowhere" })).await.unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (ErrorCode::NotFound, "There is no such conversation."));
    let error = world.call("model_import", json!({ "path": "/no/such/file" })).await.unwrap_err();
    assert!(error.message.starts_with("/no/such/file cannot be opened"), "{}", error.message);
    let added = world.call("knowledge_add", json!({ "paths": ["/no/such/folder"] })).await.unwrap();
    assert_eq!(added["problems"][0]["message"], "There is nothing at /no/such/folder.");
}

#[tokio::test]
async fn the_engine_of_a_loaded_model_can_be_changed() {
    let world = world();
    let folder = tempfile::tempdir().unwrap();
    let models = world.choose_model(folder.path()).await;
    let id = models["models"][0]["spec"]["id"].clone();
    assert_eq!(
        (&models["models"][0]["backend"], &models["models"][0]["spec"]["backend"]),
        (&json!("llama_cpp"), &Value::Null)
    );
    let models = world.call("model_configure", json!({ "id": id, "backend": "mistral_rs" })).await.unwrap();
    let model = &models["models"][0];
    assert_eq!(
        (&model["state"], &model["backend"], &model["spec"]["backend"]),
        (&json!("loaded"), &json!("mistral_rs"), &json!("mistral_rs"))
    );
}

#[tokio::test]
async fn the_engine_that_is_measured_as_the_fastest_runs_the_model_until_another_is_chosen() {
    let world = world();
    let folder = tempfile::tempdir().unwrap();
    let models = world.choose_model(folder.path()).await;
    let id = models["models"][0]["spec"]["id"].clone();
    assert_eq!((&models["models"][0]["calibration"], &models["models"][0]["fastest"]), (&Value::Null, &Value::Null));
    // What the model read ahead when it was loaded has been asked for by now; llama.cpp comes first.
    world.engine.push(Reply::Fail(EngineError::Failed("It does not know this.".into())));
    let models = world.call("model_benchmark", json!({ "id": id })).await.unwrap();
    let model = &models["models"][0];
    let trials = &model["calibration"]["trials"];
    assert_eq!(trials[0]["outcome"], json!({ "state": "failed", "reason": "It does not know this." }));
    assert_eq!(trials[1]["outcome"]["state"], "measured");
    assert_eq!(
        (&model["state"], &model["fastest"], &model["backend"], &model["spec"]["backend"]),
        (&json!("loaded"), &json!("mistral_rs"), &json!("mistral_rs"), &Value::Null)
    );
    let models = world.call("model_configure", json!({ "id": id, "backend": "llama_cpp" })).await.unwrap();
    assert_eq!(models["models"][0]["backend"], "llama_cpp", "a choice goes before what was measured");
}

#[tokio::test]
async fn what_is_left_out_of_the_library_is_set_and_nonsense_refused() {
    let world = world();
    let set = async |rules: Value| {
        let mut settings = world.call("settings_get", Value::Null).await.unwrap();
        settings["library_rules"] = rules;
        world.call("settings_set", settings).await
    };
    let rules = json!({ "ignore": "drafts/\n*.log", "largest_mb": 20 });
    assert_eq!(set(rules.clone()).await.unwrap()["library_rules"], rules);
    assert_eq!(world.watcher.rules().largest_mb, 20);
    let error = set(json!({ "ignore": "[", "largest_mb": 0 })).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Invalid);
    assert!(error.message.contains("“[”"), "{error:?}");
    assert_eq!(world.call("settings_get", Value::Null).await.unwrap()["library_rules"], rules);
    assert_eq!(world.watcher.rules().ignore, "drafts/\n*.log");
}

#[tokio::test]
async fn a_model_that_cannot_be_loaded_leaves_the_choice_as_it_was() {
    let world = world();
    let folder = tempfile::tempdir().unwrap();
    world.choose_model(folder.path()).await;
    let before = world.call("settings_get", Value::Null).await.unwrap();
    let other = folder.path().join("other.gguf");
    std::fs::write(&other, "").unwrap();
    let other = world.call("model_import", json!({ "path": other })).await.unwrap();
    world.engine.refuse_load(Some(EngineError::BadModel("the file is cut short".into())));
    let error = world.call("model_set", json!({ "role": "chat", "id": other["spec"]["id"] })).await.unwrap_err();
    assert!(error.message.contains("cut short"));
    assert_eq!(world.call("settings_get", Value::Null).await.unwrap(), before);
    let error = world.call("model_import", json!({ "path": folder.path().join("bad.gguf") })).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Invalid);
}

#[tokio::test]
async fn deleting_a_conversation_can_be_undone() {
    let world = world();
    let accepted = world.call("chat_send", json!({ "text": "remind me to call Anna tomorrow at 3pm" })).await.unwrap();
    let reference = json!({ "id": accepted["conversation_id"] });
    world.call("conversation_rename", json!({ "id": accepted["conversation_id"], "title": " Anna " })).await.unwrap();
    world.call("conversation_delete", reference.clone()).await.unwrap();
    assert_eq!(world.call("conversation_list", Value::Null).await.unwrap(), json!([]));
    world.call("conversation_restore", reference).await.unwrap();
    assert_eq!(world.call("conversation_list", Value::Null).await.unwrap()[0]["title"], "Anna");
}

#[test]
fn every_call_of_the_list_is_there_once() {
    let mut names = [COMMANDS, KEY_COMMANDS].concat();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), COMMANDS.len() + KEY_COMMANDS.len());
}
