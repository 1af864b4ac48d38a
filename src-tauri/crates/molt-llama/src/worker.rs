//! The worker's life: take the connection, load the model, serve requests, end with the input.

use std::{
    process::exit,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

use anyhow::bail;
use molt_core::GenerateRequest;
use molt_engine_client::{
    protocol::{Event, Request, WireError},
    worker::{Voice, connect},
};

use crate::{answer::Writer, model::Model};

/// The exit code of a worker whose engine has failed beyond repair.
const BROKEN: i32 = 70;

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
    let Request::Load { spec } = first else { bail!("a model has to be loaded first") };
    let loaded = Model::load(&spec).and_then(|(model, loaded)| Ok((Writer::new(model)?, model, loaded)));
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
    let writer = thread::Builder::new().name("writer".into()).spawn(move || write(writer, &to_do, &speaker))?;
    serve(model, &requests, jobs, &voice);
    // llama.cpp crashes when the process ends under a computation; the one in flight ends with its batch.
    if writer.join().is_err() {
        exit(BROKEN);
    }
    Ok(())
}

/// Writes one answer after the other.
fn write(mut writer: Writer, jobs: &mpsc::Receiver<Job>, voice: &Voice) {
    for Job { id, request, cancelled } in jobs {
        if let Err(error) = writer.write(id, &request, &cancelled, voice) {
            let is_broken = matches!(error, WireError::Crashed { .. });
            voice.say(Event::Failed { id, error });
            if is_broken {
                voice.finish();
                exit(BROKEN);
            }
        }
        voice.say(Event::Idle { id });
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
