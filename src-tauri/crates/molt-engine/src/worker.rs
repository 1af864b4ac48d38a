//! The worker's life: take the connection, load the model, serve requests, end with the input.

use std::{process::exit, sync::Arc};

use molt_core::{FinishReason, GenerateEvent, LoadedModel, ModelFormat, ModelRole, ModelSpec};
use molt_engine_client::{
    protocol::{Event, Request, WireError},
    worker::{Template, Voice, connect, yield_to_answers},
};
use tokio::{
    runtime::Runtime,
    sync::mpsc::{self, UnboundedReceiver},
};

use crate::{bert::BertEmbedder, chat::ChatModel, panics, pump, sampling::Watch};

enum Model {
    Chat(Arc<ChatModel>),
    Embedder(Arc<BertEmbedder>),
}

/// Serves one client until it goes.
pub fn run(runtime: &Runtime) -> anyhow::Result<()> {
    // Unbounded: the client sends one generation, one call and one cancellation at a time.
    let (sender, mut requests) = mpsc::unbounded_channel();
    let voice = connect(move |request| sender.send(request).is_ok())?;
    let Some(first) = requests.blocking_recv() else { return Ok(()) };
    let spec = match first {
        Request::Load { spec, .. } => spec,
        Request::CheckTemplate { template } => {
            voice.say(Event::TemplateChecked { problem: Template::check(&template) });
            voice.finish();
            // A template may have been left running.
            exit(0)
        }
        _ => anyhow::bail!("a model has to be loaded first"),
    };
    let model = match load(&spec, runtime) {
        Ok((model, loaded)) => {
            voice.say(Event::Loaded { model: loaded, at_once: 1 });
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

fn load(spec: &ModelSpec, runtime: &Runtime) -> Result<(Model, LoadedModel), WireError> {
    match (spec.role, spec.format) {
        (ModelRole::Chat, ModelFormat::Gguf | ModelFormat::Safetensors | ModelFormat::Uqff) => {
            ChatModel::load(spec, runtime).map(|(model, loaded)| (Model::Chat(Arc::new(model)), loaded))
        }
        (ModelRole::Embedder, ModelFormat::Safetensors | ModelFormat::Uqff) => {
            yield_to_answers();
            BertEmbedder::load(spec).map(|(model, loaded)| (Model::Embedder(Arc::new(model)), loaded))
        }
        (ModelRole::Embedder, ModelFormat::Gguf) => Err(WireError::BadModel {
            text: "Embedding models in GGUF files are run by llama.cpp, whose program is missing. Install Moltworker again.".into(),
        }),
        (ModelRole::Reranker, ModelFormat::Gguf | ModelFormat::Safetensors | ModelFormat::Uqff) => Err(WireError::BadModel {
            text: "Models that put passages in order are run by llama.cpp, whose program is missing. Install Moltworker again.".into(),
        }),
        (_, ModelFormat::Remote) => Err(WireError::BadModel {
            text: "This model runs on another server; there is nothing to load on this computer.".into(),
        }),
    }
}

async fn serve(model: &Model, requests: &mut UnboundedReceiver<Request>, voice: &Voice) {
    let mut current: Option<(u64, Arc<Watch>)> = None;
    while let Some(request) = requests.recv().await {
        match (request, model) {
            (Request::Generate { id, request }, Model::Chat(_)) if request.recall_only => {
                // Nothing is kept here.
                let done = GenerateEvent::Done {
                    finish: FinishReason::Length,
                    prompt_tokens: 0,
                    cached_tokens: 0,
                    completion_tokens: 0,
                    prompt_ms: 0,
                    decode_ms: 0,
                };
                voice.say(Event::Generation { id, event: done });
                voice.say(Event::Idle { id });
            }
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
            (Request::Embed { id, texts, purpose, threads }, Model::Embedder(model)) => {
                let model = model.clone();
                compute(voice, id, move || {
                    model.embed(&texts, purpose, threads).map(|vectors| Event::Embedded { id, vectors })
                });
            }
            (Request::Embed { id, .. }, Model::Chat(_)) => {
                let text = "This model answers questions; it cannot make vectors of texts.".into();
                voice.say(Event::Failed { id, error: WireError::Failed { text } });
            }
            (Request::Rerank { id, .. }, _) => {
                let text = "This model cannot tell how well a passage answers a question.".into();
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
            (Request::Load { .. } | Request::CheckTemplate { .. }, _) => {
                tracing::error!("a worker holds one model, and was asked for more")
            }
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
