//! The worker's life: take the connection, load the model, serve requests, end with the input.

use std::{
    process::exit,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

use anyhow::bail;
use molt_core::{ModelFormat, ModelRole, ModelSpec};
use molt_engine_client::{
    memory::FLASH_ATTENTION,
    protocol::{Event, KeptStates, Request, WireError},
    worker::{Voice, connect, yield_to_answers},
};
use molt_seal::Key;

use crate::{
    answer::Job,
    model::{Model, bad},
    states::States,
    vectors::Comparer,
    writer::{AT_ONCE, BROKEN, Writer},
};

/// What the layout of a state depends on besides the model.
const STATES_OF: (&str, bool) = ("llama-cpp-2 0.1.160", FLASH_ATTENTION);

/// Serves one client until it goes.
pub fn run() -> anyhow::Result<()> {
    let (sender, requests) = mpsc::channel();
    let voice = connect(move |request| sender.send(request).is_ok())?;
    let Ok(first) = requests.recv() else { return Ok(()) };
    let Request::Load { spec, states } = first else { bail!("a model has to be loaded first") };
    let done = match (spec.role, spec.format) {
        (ModelRole::Chat, ModelFormat::Gguf) => answer(&spec, states, &requests, &voice),
        (ModelRole::Embedder | ModelRole::Reranker, ModelFormat::Gguf) => compare(&spec, &requests, &voice),
        _ => Err(bad("This engine runs GGUF files. Choose another one for this model.")),
    };
    if let Err(error) = done {
        voice.say(Event::LoadFailed { error });
        voice.finish();
    }
    Ok(())
}

/// Loads a model that compares texts, and serves with it.
fn compare(spec: &ModelSpec, requests: &mpsc::Receiver<Request>, voice: &Voice) -> Result<(), WireError> {
    yield_to_answers();
    let (comparer, loaded) = Comparer::load(spec)?;
    voice.say(Event::Loaded { model: loaded, at_once: 1 });
    comparer.serve(requests, voice);
    Ok(())
}

/// Loads a model that answers, and serves with it.
fn answer(
    spec: &ModelSpec,
    states: Option<KeptStates>,
    requests: &mpsc::Receiver<Request>,
    voice: &Voice,
) -> Result<(), WireError> {
    let (model, loaded) = Model::load(spec)?;
    let states = states.and_then(|place| open_states(place, spec, loaded.context_length));
    let writer = Writer::new(model, states)?;
    let (jobs, to_do) = mpsc::channel();
    let speaker = voice.clone();
    let writer = thread::Builder::new().name("writer".into()).spawn(move || writer.run(&to_do, &speaker));
    let writer =
        writer.map_err(|error| WireError::Failed { text: format!("The engine has no threads to run on: {error}.") })?;
    voice.say(Event::Loaded { model: loaded, at_once: AT_ONCE });
    serve(model, requests, jobs, voice);
    // llama.cpp crashes when the process ends under a computation; those in flight end with their batch.
    if writer.join().is_err() {
        exit(BROKEN);
    }
    Ok(())
}

/// Without states the model works as well, only slower.
fn open_states(place: KeptStates, spec: &ModelSpec, context: u32) -> Option<States> {
    let file = std::fs::metadata(&spec.path).ok()?;
    // Of another file, another size of the context or another version of llama.cpp a state is not one of this model.
    let model = (&spec.path, file.len(), file.modified().ok()?, context, STATES_OF);
    let name = blake3::hash(format!("{model:?}").as_bytes()).to_hex()[..16].to_owned();
    match States::open(place.folder, Key::new(&place.key.0), name, place.budget) {
        Ok(states) => Some(states),
        Err(error) => {
            tracing::warn!(%error, "what is computed of conversations cannot be kept");
            None
        }
    }
}

/// Serves until the input ends or the end is asked for; what is being written is not wanted any more then.
fn serve(model: &'static Model, requests: &mpsc::Receiver<Request>, jobs: mpsc::Sender<Job>, voice: &Voice) {
    // Of the answers that are being written.
    let mut current: Vec<(u64, Weak<AtomicBool>)> = Vec::new();
    for request in requests {
        match request {
            Request::Generate { id, request } => {
                let cancelled = Arc::<AtomicBool>::default();
                current.retain(|(_, cancelled)| cancelled.strong_count() > 0);
                current.push((id, Arc::downgrade(&cancelled)));
                // The writer lives as long as the process.
                let _ = jobs.send(Job { id, request, cancelled });
            }
            Request::Cancel { id } => {
                for (_, cancelled) in current.iter().filter(|(current, _)| *current == id) {
                    cancel(cancelled);
                }
            }
            Request::Embed { id, .. } => {
                let text = "This model answers questions; it cannot make vectors of texts.".into();
                voice.say(Event::Failed { id, error: WireError::Failed { text } });
            }
            Request::Rerank { id, .. } => {
                let text = "This model answers questions; it cannot tell how well a passage does.".into();
                voice.say(Event::Failed { id, error: WireError::Failed { text } });
            }
            Request::CountTokens { id, texts } => voice.say(Event::Counted { id, counts: model.count(&texts) }),
            Request::Load { .. } | Request::CheckTemplate { .. } => {
                tracing::error!("a worker holds one model, and was asked for more");
            }
            Request::Shutdown => break,
        }
    }
    current.iter().for_each(|(_, cancelled)| cancel(cancelled));
}

/// Does nothing where the answer has ended.
fn cancel(cancelled: &Weak<AtomicBool>) {
    if let Some(cancelled) = cancelled.upgrade() {
        cancelled.store(true, Ordering::Relaxed);
    }
}
