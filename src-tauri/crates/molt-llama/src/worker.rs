//! The worker's life: take the connection, load the model, serve requests, end with the input.

use std::{
    process::exit,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use anyhow::bail;
use molt_core::{GenerateRequest, ModelSpec};
use molt_engine_client::{
    memory::FLASH_ATTENTION,
    protocol::{Event, KeptStates, Request, WireError},
    worker::{Voice, connect},
};

use molt_seal::Key;

use crate::{answer::Writer, model::Model, states::States};

/// The exit code of a worker whose engine has failed beyond repair.
const BROKEN: i32 = 70;

/// What the layout of a state depends on besides the model.
const STATES_OF: (&str, bool) = ("llama-cpp-2 0.1.160", FLASH_ATTENTION);
/// After so long without a question there is time to keep what was computed.
const IDLE: Duration = Duration::from_secs(2);

/// An answer to write, and whether it is still wanted.
struct Job {
    id: u64,
    request: GenerateRequest,
    cancelled: Arc<AtomicBool>,
}

/// Serves one client until it goes.
pub fn run() -> anyhow::Result<()> {
    let (sender, requests) = mpsc::channel();
    let voice = connect(move |request| sender.send(request).is_ok())?;
    let Ok(first) = requests.recv() else { return Ok(()) };
    let Request::Load { spec, states } = first else { bail!("a model has to be loaded first") };
    let loaded = Model::load(&spec).and_then(|(model, loaded)| {
        let states = states.and_then(|place| open_states(place, &spec, loaded.context_length));
        Ok((Writer::new(model, states)?, model, loaded))
    });
    let (writer, model) = match loaded {
        Ok((writer, model, loaded)) => {
            voice.say(Event::Loaded { model: loaded });
            (writer, model)
        }
        Err(error) => {
            voice.say(Event::LoadFailed { error });
            voice.finish();
            return Ok(());
        }
    };
    let (jobs, to_do) = mpsc::channel();
    let speaker = voice.clone();
    let writer = thread::Builder::new().name("writer".into()).spawn(move || write(writer, model, &to_do, &speaker))?;
    serve(model, &requests, jobs, &voice);
    // llama.cpp crashes when the process ends under a computation; the one in flight ends with its batch.
    if writer.join().is_err() {
        exit(BROKEN);
    }
    Ok(())
}

/// Writes one answer after the other.
fn write(mut writer: Writer, model: &Model, jobs: &mpsc::Receiver<Job>, voice: &Voice) {
    while let Some(Job { id, request, cancelled }) = next(&mut writer, jobs) {
        if let Err(error) = writer.write(id, &request, &cancelled, voice) {
            let is_broken = matches!(error, WireError::Crashed { .. }) || model.is_stuck();
            voice.say(Event::Failed { id, error });
            if is_broken {
                voice.finish();
                exit(BROKEN);
            }
        }
        voice.say(Event::Idle { id });
    }
}

/// The next answer to write. While there is none, what was computed is kept.
fn next(writer: &mut Writer, jobs: &mpsc::Receiver<Job>) -> Option<Job> {
    match jobs.recv_timeout(IDLE) {
        Ok(job) => Some(job),
        Err(_) => {
            writer.keep_state();
            jobs.recv().ok()
        }
    }
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
    let mut current: Option<(u64, Arc<AtomicBool>)> = None;
    for request in requests {
        match request {
            Request::Generate { id, request } => {
                let cancelled = Arc::<AtomicBool>::default();
                current = Some((id, cancelled.clone()));
                // The writer lives as long as the process.
                let _ = jobs.send(Job { id, request, cancelled });
            }
            Request::Cancel { id } => {
                if let Some((_, cancelled)) = current.as_ref().filter(|(current, _)| *current == id) {
                    cancelled.store(true, Ordering::Relaxed);
                }
            }
            Request::Embed { id, .. } => {
                let text = "This model answers questions; it cannot make vectors of texts.".into();
                voice.say(Event::Failed { id, error: WireError::Failed { text } });
            }
            Request::CountTokens { id, texts } => voice.say(Event::Counted { id, counts: model.count(&texts) }),
            Request::Load { .. } => tracing::error!("a second model was asked for; a worker holds one"),
            Request::Shutdown => break,
        }
    }
    if let Some((_, cancelled)) = current {
        cancelled.store(true, Ordering::Relaxed);
    }
}
