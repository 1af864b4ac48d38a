//! The application over open data: building it from its adapters, starting and stopping it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use molt_api::{App, AppParts, Bus, Door, TaskDesk};
use molt_assist::{Assist, AssistParts};
use molt_core::{Engine, IndexError, ModelRole, Settings, SettingsStore, StoreError, Watcher};
use molt_download::Downloads;
use molt_engine_client::{
    EngineClient, EngineConfig, ModelFiles, llama_workers,
    protocol::{KeptStates, StatesKey},
};
use molt_extract_client::{ExtractClient, ExtractConfig, is_readable, kind_of};
use molt_knowledge::{Library, LibraryChange, LibraryParts, RemoveError};
use molt_models::{Registry, RegistryParts};
use molt_os::{DataDir, DataDirError, DataLock, KeyError, LockError, Owner};
use molt_remote::{Patience, RemoteEngine, Servers};
use molt_seal::Key;
use molt_store::{OpenError, Store};
use molt_watch::FolderWatcher;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    adapters::{LanceOpener, SystemClock, machine},
    caches,
    keeper::Keeper,
    loops,
    supply::{self, SupplyError},
};

/// Bytes that what engines compute of conversations may take: some twenty long ones of a small model.
const STATES_BUDGET: u64 = 1 << 30;
/// Events of the watcher that may wait.
const WATCH_EVENTS: usize = 256;
/// How long background work may take to end.
const PATIENCE: Duration = Duration::from_secs(3);
/// The model that comes with the program.
const SMALL_MODEL: &str = "moltworker-small.gguf";

/// How a backend is started.
#[derive(Debug, Clone)]
pub struct BackendConfig {
    pub data_dir: PathBuf,
    /// Where `molt-engine` and `molt-extract` lie; None: beside this program.
    pub workers_dir: Option<PathBuf>,
    /// The face is a desktop window.
    pub desktop: bool,
    /// This process stays, so downloads that were not complete go on. A single command would only begin and break off.
    pub resumes_downloads: bool,
}

/// Why there is no backend. The text is one plain sentence.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process owns the data directory.
    #[error("{0}")]
    AlreadyOwned(LockError),
    #[error(transparent)]
    Lock(LockError),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Database(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Supply(#[from] SupplyError),
    #[error("the data could not be opened: {0}")]
    Broken(String),
    #[error("{0}")]
    Servers(String),
    #[error("folders cannot be watched: {0}")]
    Watch(std::io::Error),
}

/// The running backend; the one owner of its data directory. Its data may be locked.
pub struct Backend {
    door: Door,
    keeper: Arc<Keeper>,
    lock: DataLock,
    cancel: CancellationToken,
    /// Over the data whether it is locked or not.
    loops: Vec<JoinHandle<()>>,
}

impl Backend {
    /// Opens the data directory, and the data in it if nobody must be asked for a passphrase.
    pub async fn start(config: BackendConfig) -> Result<Self, StartError> {
        let data = DataDir::at(&config.data_dir);
        data.create()?;
        let lock = DataLock::acquire(&data).map_err(|error| match error {
            LockError::Held { .. } => StartError::AlreadyOwned(error),
            LockError::Io { .. } => StartError::Lock(error),
        })?;
        let bus = Bus::new(tokio::runtime::Handle::current());
        let stays = config.resumes_downloads;
        let keeper = Arc::new(Keeper::new(config, data, bus.clone()));
        keeper.start().await?;
        let door = Door::new(keeper.clone(), bus);
        let cancel = CancellationToken::new();
        let mut loops = vec![tokio::spawn(loops::auto_lock(door.clone(), keeper.clone(), cancel.clone()))];
        if stays {
            loops.push(tokio::spawn(loops::keep_copies(keeper.clone(), cancel.clone())));
        }
        Ok(Self { door, keeper, lock, cancel, loops })
    }

    /// What the faces call.
    pub fn door(&self) -> Door {
        self.door.clone()
    }

    /// Tells other programs on this computer how to reach this one.
    pub fn publish(&self, port: u16, token: &str) -> std::io::Result<()> {
        self.lock.publish(&Owner { pid: std::process::id(), port: Some(port), token: token.to_owned() })
    }

    /// Ends the loops and the workers. What was acknowledged is on the disk already.
    pub async fn shutdown(self) {
        self.cancel.cancel();
        self.loops.iter().for_each(JoinHandle::abort);
        self.keeper.stop().await;
    }
}

/// The application over an open store, with its loops.
pub(crate) struct Running {
    pub app: App,
    pub store: Arc<Store>,
    cancel: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    downloads: Downloads,
}

impl Running {
    /// Builds the application, starts the loops, and loads the chosen models in the background.
    pub async fn start(
        config: &BackendConfig,
        data: &DataDir,
        bus: Bus,
        store: Arc<Store>,
    ) -> Result<Self, StartError> {
        molt_core::ConversationStore::stop_streaming(store.as_ref())?;

        let clock = Arc::new(SystemClock);
        let workers = config.workers_dir.as_deref();
        let states = KeptStates {
            folder: data.root().join("states"),
            key: StatesKey(caches::key(store.as_ref(), "key of computed states")?),
            budget: STATES_BUDGET,
        };
        let local = Arc::new(EngineClient::new(EngineConfig {
            states: Some(states),
            llama_workers: llama_workers(|name| molt_wire::worker_program(name, workers)),
            ..EngineConfig::new(molt_wire::worker_program("molt-engine", workers), data.root().join("cache"))
        }));
        // Opens no connection until a model of another server is asked.
        let servers = Servers::new(Patience::default()).map_err(StartError::Servers)?;
        let engine: Arc<dyn Engine> = Arc::new(RemoteEngine::new(local.clone(), servers.clone(), store.clone()));
        let extractor =
            Arc::new(ExtractClient::new(ExtractConfig::new(molt_wire::worker_program("molt-extract", workers))));

        let models_bus = bus.clone();
        let registry = Registry::new(RegistryParts {
            store: store.clone(),
            engine: engine.clone(),
            inspector: Arc::new(ModelFiles),
            on_change: Arc::new(move || models_bus.models()),
            machine: machine().name(),
        });
        let settings = first_settings(&store, &registry, workers)?;
        let embedder = settings.embedder.as_ref().and_then(|id| registry.get(id).ok()).map(|(spec, _)| spec);

        let opener = Arc::new(LanceOpener {
            folder: data.index(),
            key: Key::new(&caches::key(store.as_ref(), "key of the index")?),
        });
        let opened = opener.open(embedder.as_ref()).await?;

        let (events, changes) = mpsc::channel(WATCH_EVENTS);
        let watcher = FolderWatcher::new(events, is_readable).map_err(StartError::Watch)?;
        if let Err(problem) = watcher.set_rules(&settings.library_rules) {
            tracing::warn!(problem, "what is to be left out of the library could not be understood");
        }
        let library_bus = bus.clone();
        let (renewed, was_renewed) = mpsc::channel(1);
        let (damaged, was_damaged) = mpsc::channel(1);
        let library = Library::new(
            LibraryParts {
                documents: store.clone(),
                extractor: extractor.clone(),
                watcher: Arc::new(watcher),
                engine: engine.clone(),
                secrets: store.clone(),
                clock: clock.clone(),
                kind_of,
                on_change: Arc::new(move |change| {
                    // One that waits already is enough.
                    let _ = match change {
                        LibraryChange::Embedder => renewed.try_send(()),
                        LibraryChange::Damaged => damaged.try_send(()),
                        LibraryChange::Sources | LibraryChange::Documents => Ok(()),
                    };
                    library_bus.library(change);
                }),
            },
            opened.index,
            opened.embedder,
            settings.indexing_paused,
        );
        library.set_reranker(settings.reranker.clone());
        if let Some(next) = opened.next {
            library.renew(next, embedder.map(|spec| spec.id)).await.map_err(|error| match error {
                RemoveError::Store(error) => StartError::Store(error),
                RemoveError::Index(error) => StartError::Index(error),
            })?;
        }
        let assist_bus = bus.clone();
        let desk = Arc::new(TaskDesk::new(store.clone(), clock.clone(), bus.clone()));
        let assist = Assist::new(AssistParts {
            conversations: store.clone(),
            engine: engine.clone(),
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
            on_event: Arc::new(move |event| assist_bus.assist(event)),
        });
        let (supply, downloads) = supply::open(data)?;
        let app = App::new(AppParts {
            bus,
            clock,
            conversations: store.clone(),
            documents: store.clone(),
            tasks: store.clone(),
            desk,
            settings: store.clone(),
            engine,
            extractor,
            opener,
            library: library.clone(),
            assist,
            registry: registry.clone(),
            supply,
            servers: Arc::new(servers),
            secrets: store.clone(),
            machine: Box::new(machine),
            data_dir: data.root().display().to_string(),
            desktop: config.desktop,
        });
        if let Some(recovered) = opened.recovered {
            app.report("Library", recovered);
        }

        let cancel = CancellationToken::new();
        let models = registry;
        let (embedder, serving, library_cancel) = (app.load_chosen(ModelRole::Embedder), app.clone(), cancel.clone());
        let tasks = vec![
            tokio::spawn(loops::remind(app.clone(), cancel.clone())),
            tokio::spawn(loops::unload_idle(app.clone(), cancel.clone())),
            tokio::spawn(loops::spare(
                store.clone(),
                molt_os::is_on_battery,
                {
                    let library = library.clone();
                    move |rests| library.set_on_battery(rests)
                },
                move |share| local.share_for_files(share),
                cancel.clone(),
            )),
            tokio::spawn(loops::until(app.follow_downloads(), cancel.clone())),
            tokio::spawn(loops::until(app.follow_answers(), cancel.clone())),
            tokio::spawn(app.load_chosen(ModelRole::Chat)),
            tokio::spawn(app.load_chosen(ModelRole::Reranker)),
            tokio::task::spawn_blocking(move || {
                if let Err(error) = models.complete() {
                    tracing::warn!(%error, "models of an older version are not known completely");
                }
            }),
            tokio::spawn(loops::until(loops::unload_replaced(app.clone(), was_renewed), cancel.clone())),
            tokio::spawn(loops::until(loops::rebuild_index(app.clone(), was_damaged), cancel.clone())),
            tokio::spawn(async move {
                // The embedder first: files read without it would be found by their words only.
                embedder.await;
                serving.load_serving().await;
                library.run(changes, library_cancel).await;
            }),
        ];
        if config.resumes_downloads {
            app.resume_downloads().await;
        }
        Ok(Self { app, store, cancel, tasks, downloads })
    }

    /// Ends the loops; the workers end with the application's last holder.
    pub async fn stop(self) {
        self.cancel.cancel();
        // What is not stopped in time is gone on with after the next start all the same.
        let _ = tokio::time::timeout(PATIENCE, self.downloads.stop()).await;
        for task in self.tasks {
            let abort = task.abort_handle();
            if tokio::time::timeout(PATIENCE, task).await.is_err() {
                abort.abort();
            }
        }
    }
}

/// The settings; at the first start with the small model chosen, so that there is an answer before any download.
fn first_settings(store: &Arc<Store>, registry: &Registry, workers: Option<&Path>) -> Result<Settings, StartError> {
    let settings = store.settings()?;
    let Some(path) = small_model(workers) else {
        tracing::warn!("the small model was not found beside the program");
        return Ok(settings);
    };
    let known = registry.list()?.iter().any(|(spec, _)| spec.bundled);
    match registry.bundle(&path) {
        Ok(spec) if !known && settings.chat_model.is_none() => {
            let settings = Settings { chat_model: Some(spec.id), ..settings };
            store.put_settings(&settings)?;
            Ok(settings)
        }
        Ok(_) => Ok(settings),
        Err(error) => {
            tracing::warn!(%error, "the small model cannot be used");
            Ok(settings)
        }
    }
}

/// Beside the workers, in the folder of shared data of an installed package, or in a checkout's `models/`.
fn small_model(workers: Option<&Path>) -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let beside = workers.or(program.parent())?;
    let mut places = vec![beside.join(SMALL_MODEL), beside.join("../share/moltworker").join(SMALL_MODEL)];
    places.push(beside.join("../lib/Moltworker").join(SMALL_MODEL));
    places.push(beside.join("../Resources").join(SMALL_MODEL));
    #[cfg(debug_assertions)]
    places.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../models").join(SMALL_MODEL));
    places.into_iter().find(|place| place.exists())
}
