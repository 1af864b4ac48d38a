//! Measuring which engine answers sooner with a model on this machine: each loads it, reads the same text and writes a few words.

use std::time::Duration;

use futures::StreamExt;
use molt_core::{
    Backend, Calibration, Engine, EngineError, EngineTrial, GenerateEvent, GenerateRequest, ModelId, ModelSpec,
    PromptMessage, Role, TrialOutcome,
};
use tokio::time::{Instant, timeout};

/// The engines that run the same files, the one that is usually faster first.
const ENGINES: [Backend; 2] = [Backend::LlamaCpp, Backend::MistralRs];
/// Tokens that are written.
const ANSWER: u32 = 16;
/// Tokens of the context; more would only take memory.
const CONTEXT: u32 = 1024;
/// An engine that takes so many times as long as the one before has lost, and is not waited for.
const LOST: u32 = 3;
/// Loading may differ more; it happens once.
const LOAD_LOST: u32 = 10;
/// No engine is given less time than this for loading, or for the answer: a moment in which the machine is busy decides nothing.
pub const LEAST: Duration = Duration::from_secs(5);

/// About 170 tokens, of plain words that every tokenizer knows.
const TEXT: &str = "The library opens at nine in the morning and closes at six in the evening, except on Sundays, when it stays \
closed all day. Readers may borrow up to ten books at a time, for four weeks, and may keep each of them for another four weeks if \
nobody else has asked for it. Newspapers and maps are read in the rooms on the second floor, where it is quiet, and where there is a \
good view of the river. The café on the ground floor sells coffee, tea and cake; what is bought there is eaten there. Those who bring \
a book back late pay a small sum for each day. Children under the age of ten come with somebody who looks after them. There is a \
copying machine beside the stairs, and the people at the desk are glad to help with everything else. Now say in a few sentences of \
your own what somebody who goes there for the first time should know, and begin with what matters most.";

/// Loads the model with each engine in turn, under a name of its own. Seconds; as long as loading takes. `least`: [`LEAST`].
pub async fn calibrate(engine: &dyn Engine, spec: &ModelSpec, machine: &str, least: Duration) -> Calibration {
    let mut trials = Vec::new();
    let mut fastest: Option<Taken> = None;
    for backend in ENGINES {
        let spec = ModelSpec {
            id: ModelId::random(),
            backend: Some(backend),
            context_length: spec.context_length.min(CONTEXT),
            calibration: None,
            ..spec.clone()
        };
        let (outcome, taken) = trial(engine, &spec, fastest, least).await;
        engine.unload(&spec.id).await;
        if let Some(taken) = taken {
            fastest = Some(fastest.filter(|fastest| fastest.answer <= taken.answer).unwrap_or(taken));
        }
        trials.push(EngineTrial { backend, outcome });
    }
    Calibration { machine: machine.to_owned(), size: spec.size, trials }
}

/// How long an engine took.
#[derive(Debug, Clone, Copy)]
struct Taken {
    load: Duration,
    answer: Duration,
}

async fn trial(
    engine: &dyn Engine,
    spec: &ModelSpec,
    fastest: Option<Taken>,
    least: Duration,
) -> (TrialOutcome, Option<Taken>) {
    let limit = |time: fn(Taken) -> Duration, times: u32| {
        fastest.map_or(Duration::MAX, |fastest| (time(fastest) * times).max(least))
    };
    let started = Instant::now();
    match timeout(limit(|taken| taken.load, LOAD_LOST), engine.load(spec)).await {
        Err(_) => return (TrialOutcome::TooSlow, None),
        Ok(Err(error)) => return (failed(&error), None),
        Ok(Ok(_)) => {}
    }
    let load = started.elapsed();
    let started = Instant::now();
    match timeout(limit(|taken| taken.answer, LOST), answer(engine, &spec.id)).await {
        Err(_) => (TrialOutcome::TooSlow, None),
        Ok(Err(error)) => (failed(&error), None),
        Ok(Ok((prompt_rate, rate))) => {
            let outcome = TrialOutcome::Measured { prompt_tokens_per_second: prompt_rate, tokens_per_second: rate };
            (outcome, Some(Taken { load, answer: started.elapsed() }))
        }
    }
}

fn failed(error: &EngineError) -> TrialOutcome {
    TrialOutcome::Failed { reason: error.to_string() }
}

/// Tokens a second that are read and written.
async fn answer(engine: &dyn Engine, model: &ModelId) -> Result<(f32, f32), EngineError> {
    let mut events = engine.generate(GenerateRequest {
        model: model.clone(),
        messages: vec![PromptMessage { role: Role::User, text: TEXT.into() }],
        max_tokens: ANSWER,
        temperature: 0.0,
        top_p: 1.0,
        stop: Vec::new(),
        think: false,
        constraint: None,
        recall_only: false,
    });
    while let Some(event) = events.next().await {
        if let GenerateEvent::Done { prompt_tokens, cached_tokens, prompt_ms, completion_tokens, decode_ms, .. } =
            event?
        {
            let rate = |tokens: u32, milliseconds: u64| tokens as f32 * 1000.0 / milliseconds.max(1) as f32;
            let read = rate(prompt_tokens.saturating_sub(cached_tokens), prompt_ms);
            return Ok((read, rate(completion_tokens, decode_ms)));
        }
    }
    Err(EngineError::Failed("The model gave no answer.".into()))
}

#[cfg(test)]
mod tests {
    use molt_core::ModelRole;
    use molt_testkit::{Reply, ScriptedEngine, sample};

    use super::*;

    /// Long enough for what answers at once.
    const SOON: Duration = Duration::from_millis(300);

    #[tokio::test]
    async fn both_engines_are_measured_and_let_go() {
        let engine = ScriptedEngine::new();
        let spec = sample::model("m", ModelRole::Chat);
        let calibration = calibrate(&engine, &spec, "a machine", SOON).await;
        assert_eq!((calibration.machine.as_str(), calibration.size), ("a machine", spec.size));
        let backends: Vec<_> = calibration.trials.iter().map(|trial| trial.backend).collect();
        assert_eq!(backends, ENGINES);
        assert!(calibration.trials.iter().all(|trial| matches!(trial.outcome, TrialOutcome::Measured { .. })));
        assert!(engine.requests().iter().all(|request| request.model != spec.id && !engine.is_loaded(&request.model)));
        assert_eq!(engine.requests().len(), 2);
    }

    #[tokio::test]
    async fn an_engine_that_lags_behind_is_not_waited_for() {
        let engine = ScriptedEngine::new();
        engine.push(Reply::text("a quick answer"));
        engine.push(Reply::StallAfter(vec!["a ".into()]));
        let calibration = calibrate(&engine, &sample::model("m", ModelRole::Chat), "a machine", SOON).await;
        assert_eq!(calibration.trials[1].outcome, TrialOutcome::TooSlow);
        assert_eq!(calibration.fastest(), Some(Backend::LlamaCpp));
        assert_eq!(engine.cancelled(), 1);
    }

    #[tokio::test]
    async fn an_engine_that_cannot_run_it_leaves_it_to_the_other() {
        let engine = ScriptedEngine::new();
        engine.push(Reply::Fail(EngineError::Failed("It does not know this.".into())));
        let calibration = calibrate(&engine, &sample::model("m", ModelRole::Chat), "a machine", SOON).await;
        assert_eq!(calibration.trials[0].outcome, TrialOutcome::Failed { reason: "It does not know this.".into() });
        assert_eq!(calibration.fastest(), Some(Backend::MistralRs));
        engine.refuse_load(Some(EngineError::Busy));
        assert_eq!(calibrate(&engine, &sample::model("m", ModelRole::Chat), "", SOON).await.fastest(), None);
    }
}
