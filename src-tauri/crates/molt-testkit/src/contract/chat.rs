//! What every `ConversationStore` promises.

use molt_core::*;

use super::is_missing;
use crate::sample::{citation, conversation, instant, message, stats};

fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|m| m.text.as_str()).collect()
}

/// Order, replacement in place, hiding and bringing back, superseding, and what is left after a crash.
pub fn conversation_store_contract(make: impl Fn() -> Box<dyn ConversationStore>) {
    conversations(&*make());
    messages(&*make());
    superseding(&*make());
    streaming(&*make());
}

fn conversations(store: &dyn ConversationStore) {
    assert_eq!(store.conversations().unwrap(), []);
    is_missing(store.conversation(&"a".into()), "conversation");
    is_missing(store.messages(&"a".into()), "conversation");
    is_missing(store.set_conversation_deleted(&"a".into(), None), "conversation");

    for (id, updated) in [("a", 10), ("b", 30), ("c", 20)] {
        store.put_conversation(&conversation(id, updated)).unwrap();
    }
    let ids = || store.conversations().unwrap().into_iter().map(|c| c.id.0).collect::<Vec<_>>();
    assert_eq!(ids(), ["b", "c", "a"], "newest first");

    let mut renamed = conversation("a", 40);
    renamed.title = "预算 & <b>bold</b> 🎉".into();
    renamed.named = true;
    store.put_message(&message("m", "a", Role::User, "hi")).unwrap();
    store.put_conversation(&renamed).unwrap();
    assert_eq!(store.conversation(&"a".into()).unwrap(), renamed);
    assert_eq!(store.messages(&"a".into()).unwrap().len(), 1, "replacing a conversation keeps its messages");
    assert_eq!(ids(), ["a", "b", "c"]);

    store.set_conversation_deleted(&"a".into(), Some(instant(50))).unwrap();
    assert_eq!(ids(), ["b", "c"]);
    is_missing(store.conversation(&"a".into()), "conversation");
    is_missing(store.messages(&"a".into()), "conversation");
    // An answer that was being written when its conversation was hidden is still stored.
    store.put_message(&message("m2", "a", Role::Assistant, "hello")).unwrap();
    store.set_conversation_deleted(&"a".into(), None).unwrap();
    assert_eq!(texts(&store.messages(&"a".into()).unwrap()), ["hi", "hello"]);
    assert_eq!(store.conversation(&"a".into()).unwrap(), renamed);
}

fn messages(store: &dyn ConversationStore) {
    is_missing(store.put_message(&message("m", "nowhere", Role::User, "x")), "conversation");
    is_missing(store.message(&"m".into()), "message");
    store.put_conversation(&conversation("a", 0)).unwrap();
    store.put_conversation(&conversation("b", 0)).unwrap();

    // Ids that sort the other way and equal times: the order is that of insertion.
    for n in 0..20 {
        store.put_message(&message(&format!("m{:02}", 99 - n), "a", Role::User, &n.to_string())).unwrap();
        store.put_message(&message(&format!("x{n}"), "b", Role::User, "other")).unwrap();
    }
    let mut full = message("m99", "a", Role::Assistant, "first [1]\n\u{0}二");
    full.thoughts = Some("it says 一\n<b>".into());
    full.citations = vec![citation(1), citation(2)];
    full.stats = Some(stats());
    full.kind = Some(AnswerKind::Passages);
    full.state = MessageState::Failed;
    full.error = Some("the model's process ended".into());
    full.task_id = Some("t".into());
    full.answerer = Some(Answerer {
        model: "m".into(),
        name: "Far 远".into(),
        host: Some("api.example.com".into()),
        reason: Some(RouteReason::Able),
    });
    full.created_at = "2026-11-21T00:00:00.123456789Z".parse().unwrap();
    store.put_message(&full).unwrap();
    let rows = store.messages(&"a".into()).unwrap();
    assert_eq!(rows.len(), 20);
    assert_eq!(rows[0], full, "replaced in place, every field kept");
    assert_eq!(texts(&rows[1..4]), ["1", "2", "3"]);
    assert_eq!(store.message(&"m99".into()).unwrap(), full);
}

fn superseding(store: &dyn ConversationStore) {
    is_missing(store.supersede_from(&"m".into()), "message");
    store.put_conversation(&conversation("a", 0)).unwrap();
    store.put_conversation(&conversation("b", 0)).unwrap();
    for text in ["q1", "a1", "q2", "a2"] {
        store.put_message(&message(text, "a", Role::User, text)).unwrap();
        store.put_message(&message(&format!("b-{text}"), "b", Role::User, text)).unwrap();
    }
    store.supersede_from(&"q2".into()).unwrap();
    assert_eq!(texts(&store.messages(&"a".into()).unwrap()), ["q1", "a1"]);
    assert_eq!(store.messages(&"b".into()).unwrap().len(), 4, "other conversations are untouched");
    assert_eq!(store.message(&"q2".into()).unwrap().text, "q2", "what is superseded is kept");
    store.put_message(&message("q3", "a", Role::User, "q3")).unwrap();
    // A late write to a superseded answer does not bring it back.
    store.put_message(&message("a2", "a", Role::Assistant, "late")).unwrap();
    assert_eq!(texts(&store.messages(&"a".into()).unwrap()), ["q1", "a1", "q3"]);
    store.supersede_from(&"a1".into()).unwrap();
    assert_eq!(texts(&store.messages(&"a".into()).unwrap()), ["q1"]);
}

fn streaming(store: &dyn ConversationStore) {
    assert_eq!(store.stop_streaming().unwrap(), 0);
    store.put_conversation(&conversation("a", 0)).unwrap();
    store.put_message(&message("q", "a", Role::User, "q")).unwrap();
    let mut answer = message("a", "a", Role::Assistant, "half an ans");
    answer.state = MessageState::Streaming;
    store.put_message(&answer).unwrap();
    assert_eq!(store.stop_streaming().unwrap(), 1);
    answer.state = MessageState::Stopped;
    assert_eq!(store.message(&"a".into()).unwrap(), answer, "what was written is kept");
    assert_eq!(store.stop_streaming().unwrap(), 0);
}
