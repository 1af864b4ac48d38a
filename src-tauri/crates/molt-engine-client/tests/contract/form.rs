//! Answers that are bound to a form.

use molt_core::Constraint;
use serde_json::{Value, json};

use super::*;

const CALL: &str = "Remind me to call Anna at 5";

impl Bench {
    fn formed(&self, text: &str, constraint: Constraint) -> GenerateRequest {
        GenerateRequest { constraint: Some(constraint), max_tokens: 200, ..self.request(text) }
    }

    async fn json(&self, request: GenerateRequest) -> Value {
        let answer = whole(self.client.generate(request)).await.unwrap();
        assert_eq!((answer.finish, answer.thoughts.as_str()), (FinishReason::Stop, ""), "{}", answer.text);
        serde_json::from_str(&answer.text).unwrap_or_else(|error| panic!("{error}: {}", answer.text))
    }
}

fn call() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": { "const": "task_add" },
            "arguments": {
                "type": "object",
                "properties": { "text": { "type": "string", "minLength": 1, "maxLength": 40 } },
                "required": ["text"],
                "additionalProperties": false,
            },
        },
        "required": ["name", "arguments"],
        "additionalProperties": false,
    })
}

#[tokio::test]
async fn an_answer_has_the_schema_that_was_asked_for() {
    let bench = Bench::new().await;
    let made = bench.json(bench.formed(CALL, Constraint::JsonSchema(call()))).await;
    assert_eq!(made["name"], "task_add");
    let text = made["arguments"]["text"].as_str().unwrap();
    assert!((1..=40).contains(&text.chars().count()) && made["arguments"].as_object().unwrap().len() == 1, "{made}");

    // Nothing that this model would say by itself, warm and cold.
    let schema = json!({
        "type": "object",
        "properties": {
            "kind": { "enum": ["one", "二", "\"three\"\n"] },
            "count": { "type": "integer", "minimum": -5, "maximum": 70 },
            "sure": { "type": "boolean" },
            "names": { "type": "array", "items": { "type": "string", "maxLength": 4 }, "minItems": 2, "maxItems": 3 },
            "nothing": { "type": "null" },
        },
        "required": ["kind", "count", "sure", "names"],
        "additionalProperties": false,
    });
    for (question, temperature) in QUESTIONS.into_iter().flat_map(|question| [(question, 0.0), (question, 1.5)]) {
        let request = GenerateRequest { temperature, ..bench.formed(question, Constraint::JsonSchema(schema.clone())) };
        let made = bench.json(request).await;
        let fields = made.as_object().unwrap();
        assert!(["one", "二", "\"three\"\n"].contains(&fields["kind"].as_str().unwrap()), "{made}");
        // `-0` is a whole number as well, which serde_json reads as a float.
        let count = fields["count"].as_f64().unwrap();
        assert!((-5.0..=70.0).contains(&count) && count.fract() == 0.0, "{made}");
        assert!(fields["sure"].is_boolean(), "{made}");
        assert!(fields.get("nothing").is_none_or(Value::is_null), "{made}");
        let names = fields["names"].as_array().unwrap();
        assert!((2..=3).contains(&names.len()), "{made}");
        assert!(names.iter().all(|name| name.as_str().unwrap().chars().count() <= 4), "{made}");
        assert!(fields.keys().all(|name| schema["properties"].get(name).is_some()), "{made}");
    }
}

#[tokio::test]
async fn an_answer_matches_an_expression_and_a_grammar() {
    let bench = Bench::new().await;
    let regex = bench.formed(QUESTIONS[0], Constraint::Regex(r"(gate|门) [0-9]{4}!".into()));
    let answer = whole(bench.client.generate(regex)).await.unwrap();
    assert_eq!(answer.finish, FinishReason::Stop);
    let rest = answer.text.strip_prefix("gate ").or(answer.text.strip_prefix("门 ")).unwrap();
    let digits = rest.strip_suffix('!').unwrap();
    assert!(digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_digit()), "{}", answer.text);

    let grammar = format!("start: \"<tool_call>\" call \"</tool_call>\"\ncall: %json {}", call());
    let answer = whole(bench.client.generate(bench.formed(CALL, Constraint::Grammar(grammar)))).await.unwrap();
    assert_eq!(answer.finish, FinishReason::Stop);
    let inside = answer.text.strip_prefix("<tool_call>").and_then(|text| text.strip_suffix("</tool_call>")).unwrap();
    let made: Value = serde_json::from_str(inside).unwrap();
    // This is how the model was taught to ask for a task.
    assert!(made["arguments"]["text"].as_str().unwrap().ends_with("call Anna at 5"), "{made}");
}

#[tokio::test]
async fn a_form_does_not_touch_an_answer_that_has_it_nor_the_next_one() {
    let bench = Bench::new().await;
    let free = whole(bench.ask(QUESTIONS[1])).await.unwrap();
    let mut request = bench.formed(QUESTIONS[1], Constraint::Regex(r"(?s:.*)".into()));
    request.max_tokens = 60;
    let formed = whole(bench.client.generate(request)).await.unwrap();
    assert_eq!((&formed.text, formed.completion_tokens), (&free.text, free.completion_tokens));
    // Thoughts are not looked for in a form.
    let tagged = bench.formed(QUESTIONS[1], Constraint::Regex("<think>[a-c]</think>".into()));
    let tagged = whole(bench.client.generate(GenerateRequest { think: true, ..tagged })).await.unwrap();
    assert!(tagged.text.starts_with("<think>") && tagged.text.ends_with("</think>"), "{}", tagged.text);
    assert_eq!(text(bench.ask(QUESTIONS[1])).await, free.text);
}

#[tokio::test]
async fn an_impossible_form_is_refused_with_a_sentence() {
    let bench = Bench::new().await;
    let right = text(bench.ask(QUESTIONS[0])).await;
    let pid = bench.pid().await;
    let mut deep = json!({});
    for _ in 0..1000 {
        deep = json!({ "items": deep });
    }
    let forms = [
        Constraint::JsonSchema(json!({ "type": "string", "minLength": 5, "maxLength": 2 })),
        Constraint::JsonSchema(json!({ "type": "object", "required": ["a"], "properties": { "a": false } })),
        Constraint::JsonSchema(json!({ "enum": [] })),
        Constraint::JsonSchema(json!({ "type": "elephant" })),
        Constraint::JsonSchema(json!(7)),
        Constraint::JsonSchema(deep),
        Constraint::Regex("(".into()),
        Constraint::Regex(r"[^\s\S]".into()),
        Constraint::Grammar("start: nothing".into()),
        Constraint::Grammar("start: start start".into()),
        Constraint::Grammar(String::new()),
    ];
    for form in forms {
        let named = format!("{form:?}").chars().take(80).collect::<String>();
        match whole(bench.client.generate(bench.formed(QUESTIONS[0], form))).await {
            Err(EngineError::Failed(sentence)) => {
                assert!(sentence.ends_with('.') && sentence.lines().count() == 1, "{named}: {sentence}");
            }
            other => panic!("{named}: {:?}", other.map(|answer| answer.text)),
        }
    }
    assert_eq!(text(bench.ask(QUESTIONS[0])).await, right);
    assert_eq!(bench.pid().await, pid, "a refusal does not cost the worker");
}

#[tokio::test]
async fn a_bound_answer_can_be_cancelled_and_cut() {
    let bench = Bench::new().await;
    let right = text(bench.ask(QUESTIONS[0])).await;
    let endless = || Constraint::Regex("(?s:.{2000})".into());
    let cut = whole(bench.client.generate(bench.formed(QUESTIONS[0], endless()))).await.unwrap();
    assert_eq!((cut.finish, cut.completion_tokens), (FinishReason::Length, 200));
    let mut cancelled = bench.client.generate(bench.formed(QUESTIONS[0], endless()));
    until(&mut cancelled, is_delta).await;
    drop(cancelled);
    assert_eq!(text(bench.ask(QUESTIONS[0])).await, right);
}
