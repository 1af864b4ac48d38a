//! What a server writes: the pieces of an answer, a whole answer, a list of models, an error.

use molt_core::OfferedModel;
use serde::Deserialize;
use serde_json::Value;

/// A piece of an answer, or a whole one. What we do not need is not read; servers add much.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Completion {
    choices: Vec<Choice>,
    pub usage: Option<Usage>,
    error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice {
    delta: Option<Said>,
    message: Option<Said>,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    content: Option<String>,
    /// What the model thinks, as vLLM, llama.cpp and DeepSeek name it, and as Ollama and OpenRouter do.
    reasoning_content: Option<String>,
    reasoning: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct Usage {
    pub prompt_tokens: u32,
    pub completion_tokens: u32,
    pub prompt_tokens_details: Option<Details>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct Details {
    pub cached_tokens: Option<u32>,
}

impl Completion {
    /// Thoughts and text of the first choice; we ask for no second one.
    pub fn said(&self) -> (Option<&str>, Option<&str>) {
        let said = self.choices.first().and_then(|choice| choice.delta.as_ref().or(choice.message.as_ref()));
        let some = |text: &'_ Option<String>| -> bool { text.as_ref().is_some_and(|text| !text.is_empty()) };
        let Some(said) = said else { return (None, None) };
        let thought = [&said.reasoning_content, &said.reasoning].into_iter().find(|text| some(text));
        (thought.and_then(|text| text.as_deref()), said.content.as_deref().filter(|text| !text.is_empty()))
    }

    pub fn finish_reason(&self) -> Option<&str> {
        self.choices.first()?.finish_reason.as_deref().filter(|reason| !reason.is_empty())
    }

    /// What the server says went wrong.
    pub fn error(&self) -> Option<String> {
        error_text(self.error.as_ref()?)
    }

    pub fn has_choices(&self) -> bool {
        !self.choices.is_empty()
    }
}

/// The words of an error, from `{"error": {"message": …}}`, `{"error": "…"}`, `{"message": …}` or `{"detail": …}`.
pub fn error_of_body(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    ["error", "message", "detail"].into_iter().find_map(|name| error_text(&value[name]))
}

fn error_text(value: &Value) -> Option<String> {
    value.as_str().or_else(|| value["message"].as_str()).map(str::to_owned).filter(|text| !text.trim().is_empty())
}

/// Models of a list, in its order. The length of the context stands under several names, or nowhere.
pub fn offered(body: &[u8], most: usize) -> Option<Vec<OfferedModel>> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let listed = value["data"].as_array()?;
    let model = |one: &Value| {
        let lengths =
            [&one["context_length"], &one["max_model_len"], &one["meta"]["n_ctx"], &one["meta"]["n_ctx_train"]];
        Some(OfferedModel {
            name: one["id"].as_str().filter(|name| !name.trim().is_empty())?.to_owned(),
            context_length: lengths.into_iter().find_map(Value::as_u64).and_then(|length| u32::try_from(length).ok()),
        })
    };
    Some(listed.iter().filter_map(model).take(most).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_several_servers_are_read() {
        let body = br#"{"object":"list","data":[{"id":"a","context_length":4096},{"id":"b","max_model_len":8192},
                       {"id":"c","meta":{"n_ctx_train":2048}},{"id":"d","context_length":-1},{"id":7},{"x":1}]}"#;
        let found = offered(body, 100).unwrap();
        let found: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.context_length)).collect();
        assert_eq!(found, [("a", Some(4096)), ("b", Some(8192)), ("c", Some(2048)), ("d", None)]);
        assert_eq!(offered(body, 1).unwrap().len(), 1);
        for wrong in [&b"[]"[..], b"{}", b"<html>", b""] {
            assert_eq!(offered(wrong, 100), None);
        }
    }

    #[test]
    fn errors_are_found_where_servers_put_them() {
        for body in [r#"{"error":{"message":"m"}}"#, r#"{"error":"m"}"#, r#"{"message":"m"}"#, r#"{"detail":"m"}"#] {
            assert_eq!(error_of_body(body.as_bytes()).as_deref(), Some("m"), "{body}");
        }
        for body in ["", "<html>", "{}", r#"{"error":7}"#, r#"{"error":{"message":" "}}"#] {
            assert_eq!(error_of_body(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn thoughts_stand_apart_from_the_text() {
        let read = |text: &str| serde_json::from_str::<Completion>(text).unwrap();
        let piece = read(r#"{"choices":[{"delta":{"content":"","reasoning_content":"hm"},"index":0}],"id":"x"}"#);
        assert_eq!(piece.said(), (Some("hm"), None));
        let piece = read(r#"{"choices":[{"delta":{"role":"assistant","content":"Hi","reasoning":null}}]}"#);
        assert_eq!(piece.said(), (None, Some("Hi")));
        assert_eq!(read(r#"{"choices":[],"usage":{"prompt_tokens":3}}"#).said(), (None, None));
    }
}
