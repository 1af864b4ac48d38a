//! Models of other servers, and the choice of a model for a question.

use super::*;

const KEY: &str = "sk-very-secret";

impl World {
    pub async fn add_endpoint(&self, name: &str) -> Value {
        let request = json!({ "name": name, "url": "https://api.example.com", "key": KEY, "model": "big-1" });
        self.call("model_endpoint_add", request).await.unwrap()
    }

    pub async fn import(&self, folder: &Path, name: &str) -> Value {
        std::fs::write(folder.join(name), "").unwrap();
        self.call("model_import", json!({ "path": folder.join(name) })).await.unwrap()
    }

    pub async fn set(&self, changes: Value) {
        let mut settings = self.call("settings_get", Value::Null).await.unwrap();
        for (name, value) in changes.as_object().unwrap() {
            settings[name] = value.clone();
        }
        self.call("settings_set", settings).await.unwrap();
    }

    /// The ended answer.
    pub async fn ask(&mut self, conversation: Value, text: &str) -> Message {
        let request = json!({ "conversation_id": conversation, "text": text });
        let accepted = self.call("chat_send", request).await.unwrap();
        self.ended(&accepted).await
    }

    pub async fn ended(&mut self, accepted: &Value) -> Message {
        let id = accepted["answer"]["id"].as_str().unwrap().to_owned();
        let is_end = |event: &Event| matches!(event, Event::MessageChanged { message } if message.id.as_str() == id && message.state != MessageState::Streaming);
        match self.event(is_end).await {
            Event::MessageChanged { message } => message,
            event => panic!("{event:?}"),
        }
    }
}

#[tokio::test]
async fn a_model_of_another_server_is_added_chosen_and_removed_and_its_key_never_shown() {
    let mut world = world();
    let added = world.add_endpoint(" Big ").await;
    let (id, remote) = (added["spec"]["id"].clone(), added["spec"]["remote"].clone());
    assert_eq!((&added["spec"]["name"], &remote["host"]), (&json!("Big"), &json!("api.example.com")));
    let name = key_name(&ModelId::from(id.as_str().unwrap()));
    assert_eq!(world.store.secret(&name).unwrap(), Some(Secret::new(KEY)));
    assert_eq!(world.call("settings_get", Value::Null).await.unwrap()["chat_model"], Value::Null, "it is not chosen");
    assert_eq!(world.servers.asked(), [], "and not asked");

    world.call("model_set", json!({ "role": "chat", "id": id })).await.unwrap();
    assert_eq!(world.engine.warmed(), 0, "nothing is read ahead elsewhere");
    world.engine.push(Reply::text("Blue."));
    let answer = world.ask(Value::Null, "Which colour?").await;
    let answerer = answer.answerer.unwrap();
    assert_eq!((answerer.name.as_str(), answerer.host.as_deref()), ("Big", Some("api.example.com")));
    assert_eq!(answerer.reason, None, "the user chose it");

    world.call("model_endpoint_test", json!({ "id": id })).await.unwrap();
    assert_eq!(world.engine.requests().last().unwrap().messages.len(), 1, "nothing of the user's is sent for a test");
    for name in ["model_list", "status", "settings_get", "conversation_list"] {
        assert!(!world.call(name, Value::Null).await.unwrap().to_string().contains(KEY), "{name}");
    }

    world.call("model_remove", json!({ "id": id })).await.unwrap();
    assert_eq!(world.store.secret(&name).unwrap(), None);
    assert_eq!(world.call("model_list", Value::Null).await.unwrap()["models"], json!([]));
    assert_eq!(world.call("settings_get", Value::Null).await.unwrap()["chat_model"], Value::Null);
}

#[tokio::test]
async fn a_model_of_another_server_is_edited_and_its_key_stays_with_its_server() {
    let (mut world, folder) = (world(), tempfile::tempdir().unwrap());
    let id = world.add_endpoint("Big").await["spec"]["id"].clone();
    world.call("model_set", json!({ "role": "chat", "id": id })).await.unwrap();
    let secret = || world.store.secret(&key_name(&ModelId::from(id.as_str().unwrap()))).unwrap();
    let edit = async |changes: Value| {
        let mut request = json!({ "id": id, "name": "Big", "url": "https://api.example.com", "model": "big-1" });
        request.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        world.call("model_endpoint_edit", request).await
    };
    let edited = edit(json!({ "name": "Bigger ", "model": "big-2", "context_length": 16_384 })).await.unwrap();
    assert_eq!((&edited["spec"]["name"], &edited["spec"]["remote"]["model"]), (&json!("Bigger"), &json!("big-2")));
    assert_eq!((&edited["state"], &edited["context"]), (&json!("loaded"), &json!(16_384)), "it is still in use");
    assert_eq!(secret(), Some(Secret::new(KEY)), "an empty field changes nothing");

    let refused = edit(json!({ "url": "https://elsewhere.example.org" })).await.unwrap_err();
    assert!(refused.message.contains("is for api.example.com"), "{refused}");
    let moved = edit(json!({ "url": "https://elsewhere.example.org", "key": "sk-other" })).await.unwrap();
    assert_eq!(moved["spec"]["remote"]["host"], "elsewhere.example.org");
    assert_eq!(moved["context"], 16_384);
    assert_eq!(secret(), Some(Secret::new("sk-other")));
    assert_eq!(world.servers.asked(), [], "nobody was asked anything");
    for changes in [json!({ "name": "" }), json!({ "url": "http://api.example.com" }), json!({ "model": " " })] {
        assert_eq!(edit(changes).await.unwrap_err().code, ErrorCode::Invalid);
    }
    assert_eq!(world.ask(Value::Null, "Which colour?").await.answerer.unwrap().name, "Big");
    let near = world.import(folder.path(), "near.gguf").await["spec"]["id"].clone();
    let request = json!({ "id": near, "name": "n", "url": "https://api.example.com", "model": "m" });
    assert!(world.call("model_endpoint_edit", request).await.unwrap_err().message.contains("runs on this computer"));
}

#[tokio::test]
async fn a_server_is_asked_for_its_models_only_when_told_to() {
    let world = world();
    let request = json!({ "url": "https://api.example.com/", "key": format!(" {KEY}\n") });
    let found = world.call("model_endpoint_models", request).await.unwrap();
    assert_eq!(found, json!([{ "name": "big-1", "context_length": 32_768 }]));
    assert_eq!(world.servers.asked(), [("https://api.example.com/v1".to_owned(), Some(Secret::new(KEY)))]);
    for (change, wanted) in [
        (json!({ "url": "http://api.example.com" }), "https://"),
        (json!({ "key": "a key with spaces" }), "without spaces"),
        (json!({ "model": " " }), "which model"),
        (json!({ "name": "" }), "needs a name"),
        (json!({ "name": "a\nb" }), "one line"),
    ] {
        let mut request = json!({ "name": "Big", "url": "https://x.com", "model": "m" });
        request.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let error = world.call("model_endpoint_add", request).await.unwrap_err();
        assert!(error.message.contains(wanted), "{error}");
    }
    let error = world.call("model_endpoint_models", json!({ "url": "https://x.com" })).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unavailable);
    assert_eq!(world.call("model_list", Value::Null).await.unwrap()["models"], json!([]));
}

#[tokio::test]
async fn automatic_stays_on_this_computer_until_the_user_allows_more() {
    let (mut world, folder) = (world(), tempfile::tempdir().unwrap());
    let near = world.import(folder.path(), "near.gguf").await["spec"]["id"].clone();
    world.add_endpoint("Big").await;
    let hard = "Explain step by step why the plans differ, compare their costs, and say what is better?";

    assert_eq!(
        world.ask(Value::Null, hard).await.kind,
        Some(AnswerKind::Passages),
        "nothing is chosen, nothing is automatic"
    );
    world.set(json!({ "automatic_model": true })).await;
    let answer = world.ask(Value::Null, hard).await;
    let answerer = answer.answerer.unwrap();
    assert_eq!((json!(answerer.model), answerer.host, answerer.reason), (near, None, Some(RouteReason::Only)));

    world.set(json!({ "automatic_remote": true })).await;
    let far = world.ask(Value::Null, hard).await;
    let answerer = far.answerer.clone().unwrap();
    assert_eq!((answerer.host.as_deref(), answerer.reason), (Some("api.example.com"), Some(RouteReason::Able)));
    // The conversation stays there, as long as that is allowed.
    let kept = world.ask(json!(far.conversation_id), "And when is the meeting on Friday?").await.answerer.unwrap();
    assert_eq!((kept.host.as_deref(), kept.reason), (Some("api.example.com"), Some(RouteReason::Kept)));
    world.set(json!({ "automatic_remote": false })).await;
    let back = world.ask(json!(far.conversation_id), "And when is the meeting on Monday?").await;
    assert_eq!(back.answerer.as_ref().unwrap().host, None);
    let asked = world.engine.requests();
    let texts: Vec<_> = asked.last().unwrap().messages.iter().map(|message| message.text.as_str()).collect();
    assert!(
        texts.iter().any(|text| text.contains("meeting on Friday")),
        "it goes on where the other one was: {texts:?}"
    );

    // A choice of the user's ends it.
    let id = back.answerer.unwrap().model;
    world.call("model_set", json!({ "role": "chat", "id": id })).await.unwrap();
    assert_eq!(world.call("settings_get", Value::Null).await.unwrap()["automatic_model"], false);
    assert_eq!(world.ask(Value::Null, hard).await.answerer.unwrap().reason, None);
}

#[tokio::test]
async fn with_automatic_a_conversation_is_taken_up_by_the_model_that_answered() {
    let (mut world, folder) = (world(), tempfile::tempdir().unwrap());
    world.import(folder.path(), "near.gguf").await;
    world.set(json!({ "automatic_model": true })).await;
    let answer = world.ask(Value::Null, "Which colour is it?").await;
    world.call("conversation_get", json!({ "id": answer.conversation_id })).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), async {
        while world.engine.recalled().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("it is taken up");
}

#[tokio::test]
async fn automatic_turns_away_from_what_fails() {
    let (mut world, folder) = (world(), tempfile::tempdir().unwrap());
    world.import(folder.path(), "a.gguf").await;
    world.import(folder.path(), "b.gguf").await;
    world.set(json!({ "automatic_model": true })).await;
    let follows = tokio::spawn(world.app.follow_answers());
    world.engine.push(Reply::CrashAfter(vec!["Bl".into()]));
    let broken = world.ask(Value::Null, "Which colour is it?").await;
    assert_eq!((broken.state, broken.text.as_str()), (MessageState::Failed, "Bl"));
    let first = broken.answerer.unwrap().model;
    let next = world.ask(Value::Null, "Which colour is it?").await.answerer.unwrap();
    assert_eq!((next.model == first, next.reason), (false, Some(RouteReason::Failing)));
    follows.abort();
}

#[tokio::test]
async fn automatic_takes_the_next_model_if_one_cannot_be_loaded() {
    let (mut world, folder) = (world(), tempfile::tempdir().unwrap());
    world.import(folder.path(), "a.gguf").await;
    world.set(json!({ "automatic_model": true })).await;
    world.engine.refuse_load(Some(EngineError::BadModel("the file is cut short".into())));
    assert_eq!(world.ask(Value::Null, "Which colour is it?").await.kind, Some(AnswerKind::Passages));
}

#[tokio::test]
async fn a_model_thinks_where_it_is_asked_to_and_again_where_it_did() {
    let (mut world, folder) = (world(), tempfile::tempdir().unwrap());
    world.choose_model(folder.path()).await;
    let thinks = || Reply::Thinks(vec!["Hm.".into()], vec!["Blue.".into()]);
    let asked_to = |world: &World| world.engine.requests().pop().unwrap().think;
    world.engine.push(Reply::text("Blue."));
    world.ask(Value::Null, "Which colour is it?").await;
    assert!(!asked_to(&world));

    world.engine.push(thinks());
    let accepted = world.call("chat_send", json!({ "text": "Which colour is it?", "think": true })).await.unwrap();
    let answer = world.ended(&accepted).await;
    assert_eq!((asked_to(&world), answer.thoughts.as_deref()), (true, Some("Hm.")));
    world.engine.push(thinks());
    let accepted = world.call("chat_retry", json!({ "id": answer.id })).await.unwrap();
    let answer = world.ended(&accepted).await;
    assert!(asked_to(&world));

    let question = json!({ "message_id": accepted["user_message"]["id"], "text": "Which colour is it now?" });
    let accepted = world.call("chat_edit", question).await.unwrap();
    world.ended(&accepted).await;
    assert!(!asked_to(&world), "{answer:?}");

    let error = world.call("chat_continue", json!({ "id": accepted["answer"]["id"] })).await.unwrap_err();
    assert_eq!((error.code, error.message.contains("cut")), (ErrorCode::Invalid, true), "{error}");
}
