//! The worker's life: take the connection, load the model, serve requests, end with the input.

use std::{fs::File, process::exit, sync::Arc, thread, time::Duration};

use anyhow::Context;
use molt_core::{LoadedModel, ModelFormat, ModelRole, ModelSpec};
use molt_engine_client::protocol::{Event, Request, WireError};
use tokio::{
    runtime::Runtime,
    sync::mpsc::{self, UnboundedReceiver},
};

use crate::{bert::BertEmbedder, chat::ChatModel, panics, pump, sampling::Watch};

/// Added to the scheduling priority of an embedder: the index is built in the background, answers are waited for.
const EMBEDDER_NICE: i32 = 5;

/// For the last events of a worker that ends by itself.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The way to the client. Cheap to clone; what is said comes out in order.
#[derive(Clone)]
pub struct Voice(std::sync::mpsc::Sender<Said>);

enum Said {
    Event(Box<Event>),
    /// Everything before it is written.
    Flush(std::sync::mpsc::Sender<()>),
}

impl Voice {
    /// Starts the thread that writes.
    fn new(mut output: File) -> std::io::Result<Self> {
        let (sender, said) = std::sync::mpsc::channel();
        thread::Builder::new().name("voice".into()).spawn(move || {
            for said in said {
                match said {
                    Said::Event(event) => {
                        if let Err(error) = molt_wire::write_frame(&mut output, &event) {
                            tracing::debug!(%error, "nobody listens any more");
                            exit(0);
                        }
                    }
                    // An error means that the asker did not wait.
                    Said::Flush(done) => drop(done.send(())),
                }
            }
        })?;
        Ok(Self(sender))
    }

    /// A voice without a client: what is said can be read until the voice is dropped.
    pub fn collected() -> (Self, impl Iterator<Item = Event>) {
        let (sender, said) = std::sync::mpsc::channel();
        let events = said.into_iter().filter_map(|said| match said {
            Said::Event(event) => Some(*event),
            Said::Flush(_) => None,
        });
        (Self(sender), events)
    }

    pub fn say(&self, event: Event) {
        // The writing thread lives as long as the process.
        let _ = self.0.send(Said::Event(Box::new(event)));
    }

    /// Returns when everything that was said is written, or cannot be.
    pub fn finish(&self) {
        let (done, written) = std::sync::mpsc::channel();
        if self.0.send(Said::Flush(done)).is_ok() {
            let _ = written.recv_timeout(LAST_WORDS);
        }
    }
}

enum Model {
    Chat(Arc<ChatModel>),
    Embedder(Arc<BertEmbedder>),
}

/// Serves one client until it goes.
pub fn run(runtime: &Runtime) -> anyhow::Result<()> {
    forbid_core_dumps()?;
    let (input, output) = molt_wire::claim_stdio().context("the connection cannot be taken")?;
    let voice = Voice::new(output)?;
    let mut requests = listen(input)?;
    let Some(first) = requests.blocking_recv() else { return Ok(()) };
    let Request::Load { spec } = first else { anyhow::bail!("a model has to be loaded first") };
    let model = match load(&spec, runtime) {
        Ok((model, loaded)) => {
            voice.say(Event::Loaded { model: loaded });
            model
        }
        Err(error) => {
            voice.say(Event::LoadFailed { error });
            voice.finish();
            return Ok(());
        }
    };
    runtime.block_on(serve(&model, &mut requests, &voice));
    // Without waiting for computations that nobody wants any more.
    exit(0)
}

/// The requests, read by a thread of its own: when the client goes, however it does, this process ends at once.
///
/// The kernel's death signal would be tied to the client's thread, not to its process, and so is not used.
fn listen(mut input: File) -> std::io::Result<UnboundedReceiver<Request>> {
    // Unbounded: the client sends one generation, one call and one cancellation at a time.
    let (sender, requests) = mpsc::unbounded_channel();
    thread::Builder::new().name("ear".into()).spawn(move || {
        loop {
            match molt_wire::read_frame(&mut input) {
                Ok(Request::Shutdown) | Err(molt_wire::FrameError::Closed) => exit(0),
                Ok(request) => {
                    if sender.send(request).is_err() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "the client cannot be understood");
                    exit(1);
                }
            }
        }
    })?;
    Ok(requests)
}

fn load(spec: &ModelSpec, runtime: &Runtime) -> Result<(Model, LoadedModel), WireError> {
    match (spec.role, spec.format) {
        (ModelRole::Chat, ModelFormat::Gguf) => {
            ChatModel::load(spec, runtime).map(|(model, loaded)| (Model::Chat(Arc::new(model)), loaded))
        }
        (ModelRole::Embedder, ModelFormat::Safetensors) => {
            yield_to_answers();
            BertEmbedder::load(spec).map(|(model, loaded)| (Model::Embedder(Arc::new(model)), loaded))
        }
        (ModelRole::Chat, ModelFormat::Safetensors) => Err(WireError::BadModel {
            text: "Chat models are loaded from GGUF files; this is a folder with safetensors. Choose a GGUF file of this model.".into(),
        }),
        (ModelRole::Embedder, ModelFormat::Gguf) => Err(WireError::BadModel {
            text: "Embedding models are loaded from safetensors folders; this is a GGUF file. Choose the folder of this model.".into(),
        }),
    }
}

async fn serve(model: &Model, requests: &mut UnboundedReceiver<Request>, voice: &Voice) {
    let mut current: Option<(u64, Arc<Watch>)> = None;
    while let Some(request) = requests.recv().await {
        match (request, model) {
            (Request::Generate { id, request }, Model::Chat(model)) => {
                let watch = Arc::<Watch>::default();
                current = Some((id, watch.clone()));
                tokio::spawn(pump::run(model.clone(), id, request, watch, voice.clone()));
            }
            (Request::Generate { id, .. }, Model::Embedder(_)) => {
                let text = "This model makes vectors of texts; it cannot answer questions.".into();
                voice.say(Event::Failed { id, error: WireError::Failed { text } });
                voice.say(Event::Idle { id });
            }
            (Request::Cancel { id }, _) => {
                if let Some((_, watch)) = current.as_ref().filter(|(current, _)| *current == id) {
                    watch.cancel();
                }
            }
            (Request::Embed { id, texts, purpose }, Model::Embedder(model)) => {
                let model = model.clone();
                compute(voice, id, move || model.embed(&texts, purpose).map(|vectors| Event::Embedded { id, vectors }));
            }
            (Request::Embed { id, .. }, Model::Chat(_)) => {
                let text = "This model answers questions; it cannot make vectors of texts.".into();
                voice.say(Event::Failed { id, error: WireError::Failed { text } });
            }
            (Request::CountTokens { id, texts }, Model::Chat(model)) => {
                let model = model.clone();
                compute(voice, id, move || model.count(&texts).map(|counts| Event::Counted { id, counts }));
            }
            (Request::CountTokens { id, texts }, Model::Embedder(model)) => {
                let model = model.clone();
                compute(voice, id, move || model.count(&texts).map(|counts| Event::Counted { id, counts }));
            }
            (Request::Load { .. }, _) => tracing::error!("a second model was asked for; a worker holds one"),
            (Request::Shutdown, _) => return,
        }
    }
}

/// Answers request `id` with what `work` makes, from a thread that may block.
fn compute(voice: &Voice, id: u64, work: impl FnOnce() -> Result<Event, WireError> + Send + 'static) {
    let voice = voice.clone();
    tokio::task::spawn_blocking(move || {
        let result = panics::guarded(work).unwrap_or_else(|reason| {
            Err(WireError::Failed { text: format!("The text could not be read by the model: {reason}.") })
        });
        voice.say(result.unwrap_or_else(|error| Event::Failed { id, error }));
    });
}

/// A dump would hold the user's conversations.
#[cfg(unix)]
fn forbid_core_dumps() -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    Ok(setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?)
}

#[cfg(not(unix))]
fn forbid_core_dumps() -> std::io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn yield_to_answers() {
    if let Err(error) = rustix::process::nice(EMBEDDER_NICE) {
        tracing::debug!(%error, "the embedder keeps the usual priority");
    }
}

#[cfg(not(unix))]
fn yield_to_answers() {
    tracing::debug!(nice = EMBEDDER_NICE, "the priority is not lowered on this system");
}
