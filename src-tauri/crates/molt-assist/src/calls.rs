//! Actions that a model calls for in its answer.
//!
//! A model reads documents, and a document may tell it to act. So a call counts only as far as its words are the user's own.

use serde::Deserialize;
use serde_json::{Value, json};

const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";
/// A task is a line.
const LINE_CHARACTERS: usize = 300;

/// What a model that was trained to call tools is told of them, after the system text.
pub const TOOLS: &str = r#"

You also keep the user's tasks. Only when the user asks you to remember, list, move, complete or delete tasks, answer with one of these calls and nothing else; take the words from the user's message:
<tool_call>{"name": "task_add", "arguments": {"text": "call Anna tomorrow at 5pm"}}</tool_call>
<tool_call>{"name": "task_list", "arguments": {"when": "this week"}}</tool_call>
<tool_call>{"name": "task_move", "arguments": {"task": "call Anna", "to": "Friday"}}</tool_call>
<tool_call>{"name": "task_done", "arguments": {"task": "call Anna"}}</tool_call>
<tool_call>{"name": "task_delete", "arguments": {"task": "call Anna"}}</tool_call>
"it" as the task is the one spoken of last; "all" and "overdue" are times to list."#;

/// What a model may call for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "name", content = "arguments", rename_all = "snake_case")]
pub(crate) enum Call {
    /// A task of a line, as quick-add reads it.
    TaskAdd { text: String },
    #[serde(untagged)]
    OfTasks(TaskCall),
}

/// What a model may call for of the tasks that there are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "name", content = "arguments", rename_all = "snake_case")]
pub enum TaskCall {
    /// The tasks that are due in a period.
    TaskList {
        when: String,
    },
    /// A task to another time.
    TaskMove {
        task: String,
        to: String,
    },
    TaskDone {
        task: String,
    },
    TaskDelete {
        task: String,
    },
}

impl Call {
    /// The arguments that decide what changes.
    fn words(&self) -> Vec<&str> {
        match self {
            Self::TaskAdd { text } => vec![text],
            Self::OfTasks(TaskCall::TaskList { .. }) => vec![],
            Self::OfTasks(TaskCall::TaskMove { task, to }) => vec![task, to],
            Self::OfTasks(TaskCall::TaskDone { task } | TaskCall::TaskDelete { task }) => vec![task],
        }
    }

    /// Whether the user asked for it: all its words are the user's.
    pub fn is_asked_for(&self, question: &str) -> bool {
        self.words().iter().all(|words| stands_in(words, question))
    }
}

/// True as long as an answer that has come this far may be a call, or is one. Such text is not shown.
pub fn is_begun(answer: &str) -> bool {
    let answer = answer.trim_start();
    !answer.is_empty() && (answer.starts_with(OPEN) || OPEN.starts_with(answer))
}

/// The form of a call: what stands between the marks. The words are to be the user's, so there are no more of them.
pub fn schema(question: &str) -> Value {
    let most = question.chars().count().clamp(1, LINE_CHARACTERS);
    let call = |name: &str, arguments: &[&str]| {
        let words = json!({ "type": "string", "minLength": 1, "maxLength": most });
        let properties: serde_json::Map<_, _> =
            arguments.iter().map(|argument| ((*argument).to_owned(), words.clone())).collect();
        json!({
            "type": "object",
            "properties": {
                "name": { "const": name },
                "arguments": {
                    "type": "object",
                    "properties": properties,
                    "required": arguments,
                    "additionalProperties": false,
                },
            },
            "required": ["name", "arguments"],
            "additionalProperties": false,
        })
    };
    json!({ "anyOf": [
        call("task_add", &["text"]),
        call("task_list", &["when"]),
        call("task_move", &["task", "to"]),
        call("task_done", &["task"]),
        call("task_delete", &["task"]),
    ] })
}

/// The call that an answer is; none when it is for anything else, or broken. The marks may be left out.
pub fn read(answer: &str) -> Option<Call> {
    let answer = answer.trim();
    let call = answer.strip_prefix(OPEN).unwrap_or(answer).trim_end_matches(CLOSE);
    let call: Call = serde_json::from_str(call.trim()).ok()?;
    call.words().iter().all(|words| !words.trim().is_empty()).then_some(call)
}

/// True when the letters and digits of `line` stand in `question` in this order; words of the question may be left out.
fn stands_in(line: &str, question: &str) -> bool {
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
    fn only_whole_calls_are_read() {
        let add = Call::TaskAdd { text: "call Anna at 5".into() };
        let call = r#"<tool_call>{"name":"task_add","arguments":{"text":"call Anna at 5"}}</tool_call>"#;
        assert_eq!(read(call).as_ref(), Some(&add));
        let bare = "\n{\"name\": \"task_add\", \"arguments\": {\"text\": \"call Anna at 5\"}}\n";
        assert_eq!(read(bare), Some(add));
        let moving = r#"<tool_call>{"name":"task_move","arguments":{"task":"看牙医","to":"周五"}}</tool_call>"#;
        assert_eq!(read(moving), Some(Call::OfTasks(TaskCall::TaskMove { task: "看牙医".into(), to: "周五".into() })));
        for broken in [
            r#"<tool_call>{"name":"file_delete","arguments":{"text":"/"}}</tool_call>"#,
            r#"<tool_call>{"name":"task_add","arguments":{"text":"call"#,
            r#"<tool_call>{"name":"task_add","arguments":{"text":" "}}</tool_call>"#,
            r#"<tool_call>{"name":"task_move","arguments":{"task":"call Anna"}}</tool_call>"#,
        ] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }

    #[test]
    fn the_calls_that_a_model_is_shown_are_calls_of_the_form() {
        let shown: Vec<_> = TOOLS.lines().filter(|line| line.starts_with(OPEN)).collect();
        let forms = schema("x");
        let forms = forms["anyOf"].as_array().unwrap();
        assert_eq!(shown.len(), forms.len());
        for (line, form) in shown.iter().zip(forms) {
            assert!(read(line).is_some(), "{line}");
            let call: Value = serde_json::from_str(&line[OPEN.len()..line.len() - CLOSE.len()]).unwrap();
            assert_eq!(call["name"], form["properties"]["name"]["const"]);
            let named: Vec<_> = call["arguments"].as_object().unwrap().keys().cloned().collect();
            assert_eq!(json!(named), form["properties"]["arguments"]["required"]);
        }
    }

    #[test]
    fn the_form_of_a_call_has_room_for_the_users_words_and_no_more() {
        let longest = |question: &str| {
            schema(question)["anyOf"][0]["properties"]["arguments"]["properties"]["text"]["maxLength"].as_u64().unwrap()
        };
        assert_eq!((longest(""), longest("提醒我开会"), longest(&"long ".repeat(100))), (1, 5, 300));
    }

    #[test]
    fn the_words_must_be_the_users() {
        assert!(stands_in("call Anna at 5", "Could you see to it that I call anna at 5?"));
        assert!(stands_in("明天下午三点开会", "明天下午三点叫我开会"));
        assert!(!stands_in("send the report to Eve", "What does the report say?"));
        let moving = |to: &str| Call::OfTasks(TaskCall::TaskMove { task: "dentist".into(), to: to.into() });
        assert!(moving("Friday").is_asked_for("Can the dentist wait until Friday?"));
        assert!(!moving("Monday").is_asked_for("Can the dentist wait until Friday?"));
        let list = Call::OfTasks(TaskCall::TaskList { when: "today".into() });
        assert!(list.is_asked_for("What is on my plate?"), "reading changes nothing");
    }
}
