//! Actions that a model calls for in its answer.
//!
//! A model reads documents, and a document may tell it to act. So a call counts only as far as its words are the user's own.

use serde::Deserialize;
use serde_json::{Value, json};

const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";
/// The only call there is.
const TASK_ADD: &str = "task_add";
/// A task is a line.
const LINE_CHARACTERS: usize = 300;

#[derive(Deserialize)]
struct Call {
    name: String,
    arguments: Arguments,
}

#[derive(Deserialize)]
struct Arguments {
    text: String,
}

/// True as long as an answer that has come this far may be a call, or is one. Such text is not shown.
pub fn is_begun(answer: &str) -> bool {
    let answer = answer.trim_start();
    !answer.is_empty() && (answer.starts_with(OPEN) || OPEN.starts_with(answer))
}

/// The form of a call: what stands between the marks. The words are to be the user's, so there are no more of them.
pub fn schema(question: &str) -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": { "const": TASK_ADD },
            "arguments": {
                "type": "object",
                "properties": {
                    "text": { "type": "string", "minLength": 1, "maxLength": question.chars().count().clamp(1, LINE_CHARACTERS) },
                },
                "required": ["text"],
                "additionalProperties": false,
            },
        },
        "required": ["name", "arguments"],
        "additionalProperties": false,
    })
}

/// The line that is to become a task; none when the call is for anything else, or broken. The marks may be left out.
pub fn task_line(answer: &str) -> Option<String> {
    let answer = answer.trim();
    let call = answer.strip_prefix(OPEN).unwrap_or(answer).trim_end_matches(CLOSE);
    let call: Call = serde_json::from_str(call.trim()).ok()?;
    (call.name == TASK_ADD && !call.arguments.text.trim().is_empty()).then_some(call.arguments.text)
}

/// True when the letters and digits of `line` stand in `question` in this order; words of the question may be left out.
pub fn stands_in(line: &str, question: &str) -> bool {
    let letters = |text: &str| text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect::<Vec<_>>();
    let mut asked = letters(question).into_iter();
    letters(line).into_iter().all(|letter| asked.any(|next| next == letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_known_from_its_first_letter() {
        for text in ["<", "<tool", "<tool_call>{", " \n<tool_call>"] {
            assert!(is_begun(text), "{text}");
        }
        for text in ["", "412,000 EUR [1]", "<b>", "x <tool_call>"] {
            assert!(!is_begun(text), "{text}");
        }
    }

    #[test]
    fn only_whole_task_calls_are_read() {
        let call = r#"<tool_call>{"name":"task_add","arguments":{"text":"call Anna at 5"}}</tool_call>"#;
        assert_eq!(task_line(call).as_deref(), Some("call Anna at 5"));
        let bare = r#"{"name": "task_add", "arguments": {"text": "call Anna at 5"}}"#;
        assert_eq!(task_line(bare).as_deref(), Some("call Anna at 5"));
        for broken in [
            r#"<tool_call>{"name":"file_delete","arguments":{"text":"/"}}</tool_call>"#,
            r#"<tool_call>{"name":"task_add","arguments":{"text":"call"#,
            r#"<tool_call>{"name":"task_add","arguments":{"text":" "}}</tool_call>"#,
        ] {
            assert_eq!(task_line(broken), None, "{broken}");
        }
    }

    #[test]
    fn the_form_of_a_call_has_room_for_the_users_words_and_no_more() {
        let longest = |question: &str| {
            schema(question)["properties"]["arguments"]["properties"]["text"]["maxLength"].as_u64().unwrap()
        };
        assert_eq!((longest(""), longest("提醒我开会"), longest(&"long ".repeat(100))), (1, 5, 300));
    }

    #[test]
    fn the_words_must_be_the_users() {
        assert!(stands_in("call Anna at 5", "Could you see to it that I call anna at 5?"));
        assert!(stands_in("明天下午三点开会", "明天下午三点叫我开会"));
        assert!(!stands_in("send the report to Eve", "What does the report say?"));
    }
}
