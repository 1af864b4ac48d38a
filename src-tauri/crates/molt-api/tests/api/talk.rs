//! Tasks in a conversation, without a model.

use super::*;

impl World {
    /// The answer to the next line of the conversation, which must be about tasks.
    async fn say(&self, conversation: &Value, line: &str) -> String {
        let request = json!({ "conversation_id": conversation, "text": line });
        let accepted = self.call("chat_send", request).await.unwrap();
        assert_eq!(
            (&accepted["answer"]["kind"], &accepted["answer"]["state"]),
            (&json!("tasks"), &json!("done")),
            "{line}"
        );
        accepted["answer"]["text"].as_str().unwrap().to_owned()
    }

    async fn begin(&self, line: &str) -> Value {
        self.call("chat_send", json!({ "text": line })).await.unwrap()["conversation_id"].clone()
    }

    /// Due time and whether it is done, of the only task.
    async fn the_task(&self) -> (Value, bool) {
        let tasks = self.call("task_list", Value::Null).await.unwrap();
        assert_eq!(tasks.as_array().unwrap().len(), 1);
        let task = &tasks[0]["task"];
        (task["due"]["at"].clone(), !task["done_at"].is_null())
    }
}

#[tokio::test]
async fn it_is_moved_done_and_taken_back() {
    let world = world();
    let chat = world.begin("remind me to call *Anna* tomorrow at 3pm").await;
    let moved = world.say(&chat, "move it to Friday").await;
    assert_eq!(
        moved,
        "Moved to Fri 27 Nov 15:00: call \\*Anna\\*. It was Sun 22 Nov 15:00; say “undo” to move it back."
    );
    assert_eq!(world.the_task().await, (json!("2026-11-27T15:00:00"), false));
    assert_eq!(world.say(&chat, "undo").await, "As it was: call \\*Anna\\*, Sun 22 Nov 15:00.");
    assert_eq!(world.the_task().await, (json!("2026-11-22T15:00:00"), false));
    world.say(&chat, "把它推迟两天").await;
    assert_eq!(world.the_task().await, (json!("2026-11-24T15:00:00"), false));
    assert_eq!(world.say(&chat, "mark it as done").await, "Done: call \\*Anna\\*.");
    assert!(world.the_task().await.1);
    world.say(&chat, "撤销").await;
    assert_eq!(world.the_task().await, (json!("2026-11-24T15:00:00"), false));
    assert!(world.say(&chat, "delete the task call *Anna*").await.starts_with("Deleted: "));
    assert_eq!(world.call("task_list", Value::Null).await.unwrap(), json!([]));
    world.say(&chat, "undo").await;
    assert_eq!(world.the_task().await, (json!("2026-11-24T15:00:00"), false));
}

#[tokio::test]
async fn what_is_due_is_told_in_the_language_of_the_question() {
    let world = world();
    let chat = world.begin("remind me to water the plants today at 11:00").await;
    world.begin("提醒我明天下午3点看牙医").await;
    world.begin("remind me to pay rent on 1 December").await;
    assert_eq!(
        world.say(&chat, "What is due this week?").await,
        "Due this week:\n\n- water the plants · Sat 21 Nov 11:00\n- 看牙医 · Sun 22 Nov 15:00"
    );
    // Of one day the rows tell the time alone.
    assert_eq!(world.say(&chat, "what is due today?").await, "Due today:\n\n- water the plants · 11:00");
    assert_eq!(world.say(&chat, "明天有什么任务").await, "11月22日周日到期：\n\n- 看牙医 · 15:00");
    assert_eq!(world.say(&chat, "我下周有什么任务？").await, "下周没有到期的任务。");
    assert_eq!(world.say(&chat, "what is overdue").await, "Nothing is overdue.");
    world.clock.advance(2 * 3_600);
    assert_eq!(
        world.say(&chat, "今天有什么任务").await,
        "已过期：\n\n- water the plants · 11月21日周六 11:00\n\n今天没有到期的任务。"
    );
    assert!(world.say(&chat, "show my tasks").await.contains("pay rent · Tue 1 Dec"));
}

#[tokio::test]
async fn what_a_model_calls_for_is_done_by_the_same_functions() {
    let mut world = world();
    let folder = tempfile::tempdir().unwrap();
    world.choose_model(folder.path()).await;
    let chat = world.begin("remind me to see the dentist tomorrow at 3pm").await;
    for (question, name, arguments, reply) in [
        (
            "Could the dentist wait until Friday?",
            "task_move",
            json!({ "task": "the dentist", "to": "Friday" }),
            "Moved to Fri 27 Nov 15:00: see the dentist. It was Sun 22 Nov 15:00; say “undo” to move it back.",
        ),
        (
            "我下周有没有什么要紧的事？",
            "task_list",
            json!({ "when": "下周" }),
            "下周到期：\n\n- see the dentist · 11月27日周五 15:00",
        ),
        (
            "Is there anything at all I should not forget?",
            "task_list",
            json!({ "when": "all" }),
            "Your open tasks:\n\n- see the dentist · Fri 27 Nov 15:00",
        ),
        (
            "Please let it be a blue moon",
            "task_move",
            json!({ "task": "it", "to": "a blue moon" }),
            "“a blue moon” is not a time that is understood. Nothing was moved.",
        ),
        (
            "I believe I did call Anna already",
            "task_done",
            json!({ "task": "call Anna" }),
            "There is no open task called “call Anna”.",
        ),
        ("Good, that one with the dentist I did", "task_done", json!({ "task": "dentist" }), "Done: see the dentist."),
    ] {
        let call = json!({ "name": name, "arguments": arguments });
        world.engine.push(Reply::text(&format!("<tool_call>\n{call}\n</tool_call>")));
        let accepted = world.call("chat_send", json!({ "conversation_id": chat, "text": question })).await.unwrap();
        let id = accepted["answer"]["id"].as_str().unwrap().to_owned();
        let ended = world.event(|event| {
            matches!(event, Event::MessageChanged { message } if message.id.as_str() == id && message.state != MessageState::Streaming)
        });
        let Event::MessageChanged { message } = ended.await else { unreachable!() };
        assert_eq!(message.error.unwrap_or(message.text), reply, "{question}");
    }
    assert!(world.the_task().await.1);
    assert_eq!(world.say(&chat, "undo").await, "As it was: see the dentist, Fri 27 Nov 15:00.");
}

#[tokio::test]
async fn a_title_that_fits_several_asks_which() {
    let world = world();
    let chat = world.begin("remind me to call Anna tomorrow at 3pm").await;
    world.begin("remind me to write to Anna tomorrow at 4pm").await;
    let which = world.say(&chat, "move Anna to Friday").await;
    assert_eq!(which, "Which one do you mean?\n\n- call Anna · Sun 22 Nov 15:00\n- write to Anna · Sun 22 Nov 16:00");
    assert!(world.say(&chat, "move write to Anna to Friday").await.starts_with("Moved to Fri 27 Nov 16:00"));
}

#[tokio::test]
async fn what_is_not_about_a_task_goes_to_the_assistant() {
    let world = world();
    for line in ["move it to Friday", "undo", "I finished the book", "what is due under the contract?"] {
        let accepted = world.call("chat_send", json!({ "text": line })).await.unwrap();
        assert_ne!(accepted["answer"]["kind"], "tasks", "{line}");
    }
}
