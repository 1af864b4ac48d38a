//! Answers that are bound to a form: one line of JSON per answer, for a validator of its own.

use std::{fs, path::Path};

use futures::StreamExt;
use molt_core::{
    Constraint, Engine, FinishReason, GenerateEvent, GenerateRequest, ModelInspector, PromptMessage, Role,
};
use molt_engine_client::{EngineClient, ModelFiles};
use serde::{Deserialize, Serialize};
use serde_json::Value;

type Failure = Box<dyn std::error::Error>;

/// Tokens that an answer may have; every form here is bounded and needs fewer.
const MOST: u32 = 3000;
/// Greedy, and two that try the unlikely.
const TEMPERATURES: [f32; 3] = [0.0, 0.8, 1.5];

#[derive(Deserialize)]
struct Case {
    id: String,
    prompt: String,
    schema: Value,
}

#[derive(Serialize)]
struct Answer<'a> {
    id: &'a str,
    text: String,
    finish: FinishReason,
}

/// Answers every case `rounds` times and prints the answers.
pub async fn answer_all(client: &EngineClient, model: &Path, cases: &Path, rounds: usize) -> Result<(), Failure> {
    let spec = ModelFiles.inspect(model)?;
    client.load(&spec).await?;
    let cases: Vec<Case> = fs::read_to_string(cases)?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    for round in 0..rounds {
        for case in &cases {
            let mut events = client.generate(GenerateRequest {
                model: spec.id.clone(),
                messages: vec![PromptMessage { role: Role::User, text: case.prompt.clone() }],
                max_tokens: MOST,
                temperature: TEMPERATURES[round % TEMPERATURES.len()],
                top_p: 1.0,
                stop: Vec::new(),
                think: false,
                constraint: Some(Constraint::JsonSchema(case.schema.clone())),
                recall_only: false,
            });
            let mut text = String::new();
            while let Some(event) = events.next().await {
                match event.map_err(|error| format!("{}: {error}", case.id))? {
                    GenerateEvent::Delta { text: more } => text.push_str(&more),
                    GenerateEvent::Done { finish, .. } => {
                        let answer = Answer { id: &case.id, text: std::mem::take(&mut text), finish };
                        println!("{}", serde_json::to_string(&answer)?);
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(())
}
