//! What is set for a model, and which ones are in memory.

use super::*;

#[tokio::test]
async fn what_is_set_for_a_model_is_how_it_answers() {
    let (mut world, folder) = (world(), tempfile::tempdir().unwrap());
    let models = world.choose_model(folder.path()).await;
    let id = models["models"][0]["spec"]["id"].clone();
    let last = |world: &World| world.engine.requests().last().map(|asked| (asked.temperature, asked.top_p));
    world.ask(Value::Null, "Which colour?").await;
    assert_eq!(last(&world), Some((0.0, 1.0)), "greedy, as long as nothing is set");

    let set = async |settings: Value| {
        let models = world.call("model_configure", json!({ "id": id, "backend": null, "settings": settings })).await;
        models.map(|models| models["models"][0].clone())
    };
    let model = set(json!({ "context": 4096, "temperature": 0.5 })).await.unwrap();
    assert_eq!((&model["state"], &model["context"]), (&json!("loaded"), &json!(4096)), "it was loaded again");
    assert_eq!(model["spec"]["memory_needed"], 4_096_000);
    world.ask(Value::Null, "Which colour?").await;
    assert_eq!(last(&world), Some((0.5, ModelSettings::USUAL_TOP_P)));

    // The engine alone leaves the rest as it is.
    world.call("model_configure", json!({ "id": id, "backend": "mistral_rs" })).await.unwrap();
    let again = world.call("model_import", json!({ "path": folder.path().join("model.gguf") })).await.unwrap();
    assert_eq!(
        again["spec"]["settings"],
        json!({ "context": 4096, "temperature": 0.5, "top_p": null, "quantisation": null, "template": null })
    );
    assert_eq!((&again["spec"]["backend"], &again["spec"]["memory_needed"]), (&json!("mistral_rs"), &json!(4_096_000)));

    let set = async |settings: Value| {
        let models = world.call("model_configure", json!({ "id": id, "backend": null, "settings": settings })).await;
        models.map(|models| models["models"][0].clone())
    };
    let usual = set(json!({})).await.unwrap();
    assert_eq!((&usual["context"], &usual["spec"]["memory_needed"]), (&json!(2048), &json!(6_000_000)));
    world.ask(Value::Null, "Which colour?").await;
    assert_eq!(last(&world), Some((0.0, 1.0)));
}

#[tokio::test]
async fn nothing_is_set_that_a_model_cannot_do() {
    let (world, folder) = (world(), tempfile::tempdir().unwrap());
    let near = world.import(folder.path(), "near.gguf").await["spec"]["id"].clone();
    let quantised = world.import(folder.path(), "quantised.uqff").await["spec"]["id"].clone();
    let far = world.add_endpoint("Big").await["spec"]["id"].clone();
    for (id, request, wanted) in [
        (&near, json!({ "settings": { "context": 511 } }), "between 512 and 32768 tokens, and not 511"),
        (&near, json!({ "settings": { "context": 32_769 } }), "and not 32769"),
        (&near, json!({ "settings": { "temperature": -0.1 } }), "from 0 to 2"),
        (&near, json!({ "settings": { "temperature": 2.5 } }), "from 0 to 2"),
        (&near, json!({ "settings": { "top_p": 0 } }), "above 0"),
        (&near, json!({ "settings": { "top_p": 1.5 } }), "at most 1"),
        (&near, json!({ "settings": { "quantisation": "four_bits" } }), "held as they are in its file"),
        (&quantised, json!({ "settings": { "quantisation": "full" } }), "held as they are in its file"),
        (&quantised, json!({ "backend": "llama_cpp" }), "cannot be chosen"),
        (&near, json!({ "settings": { "template": " \n" } }), "is empty"),
        (&near, json!({ "settings": { "template": "{{ 1 }}".repeat(50_000) } }), "at most 256 KB"),
        (&near, json!({ "settings": { "template": "{% bad" } }), "The chat template cannot be used: it is bad"),
        (&far, json!({ "settings": { "template": "{{ messages }}" } }), "runs on another server"),
        (&near, json!({ "backend": "candle" }), "cannot be chosen"),
        (&far, json!({ "backend": "llama_cpp" }), "cannot be chosen"),
    ] {
        let mut arguments = json!({ "id": id, "backend": null });
        arguments.as_object_mut().unwrap().extend(request.as_object().unwrap().clone());
        let error = world.call("model_configure", arguments).await.unwrap_err();
        assert!(error.message.contains(wanted), "{request}: {error}");
    }
    let settings = json!({ "context": 131_072, "temperature": 0.7, "top_p": 0.9 });
    let models =
        world.call("model_configure", json!({ "id": far, "backend": null, "settings": settings })).await.unwrap();
    assert_eq!(models["models"][2]["context"], 131_072, "how many it reads is known to its server only");
    assert_eq!(models["models"][2]["state"], "available");
}

#[tokio::test]
async fn another_template_loads_the_model_again() {
    let (world, folder) = (world(), tempfile::tempdir().unwrap());
    let [a] = world.imported(folder.path(), ["a.gguf"]).await;
    world.choose(&a).await;
    let set = async |template: Value| {
        world.call("model_configure", json!({ "id": a, "backend": null, "settings": { "template": template } })).await
    };
    let models = set(json!("{{ messages[0].content }}")).await.unwrap();
    assert_eq!(models["models"][0]["spec"]["settings"]["template"], "{{ messages[0].content }}");
    let loaded = || world.engine.loaded(&ModelId::from(a.as_str().unwrap())).unwrap().settings.template;
    assert_eq!(loaded().as_deref(), Some("{{ messages[0].content }}"));
    set(Value::Null).await.unwrap();
    assert_eq!(loaded(), None);
}

/// The least that is free so that nothing need go for a model: its need and what stays free beside it.
const ENOUGH: u64 = 6_000_000 + (512 << 20);

impl World {
    async fn choose(&self, id: &Value) {
        self.call("model_set", json!({ "role": "chat", "id": id })).await.unwrap();
    }

    /// Imports models with these names; their ids.
    async fn imported<const N: usize>(&self, folder: &Path, names: [&str; N]) -> [Value; N] {
        let mut ids = Vec::new();
        for name in names {
            ids.push(self.import(folder, name).await["spec"]["id"].clone());
        }
        ids.try_into().unwrap()
    }

    fn is_loaded(&self, id: &Value) -> bool {
        self.engine.is_loaded(&ModelId::from(id.as_str().unwrap()))
    }

    async fn chosen(&self) -> Vec<Value> {
        let models = self.call("model_list", Value::Null).await.unwrap()["models"].clone();
        let chosen = models.as_array().unwrap().iter().filter(|model| model["chosen"] == true);
        chosen.map(|model| model["spec"]["id"].clone()).collect()
    }
}

#[tokio::test]
async fn models_stay_loaded_as_long_as_there_is_room_and_the_longest_unused_goes_first() {
    let (mut world, folder) = (world(), tempfile::tempdir().unwrap());
    let [a, b, c] = world.imported(folder.path(), ["a.gguf", "b.gguf", "c.gguf"]).await;
    for id in [&a, &b, &a] {
        world.choose(id).await;
        world.clock.advance(1);
    }
    assert!(world.is_loaded(&a) && world.is_loaded(&b), "there is room for both");
    assert_eq!(world.engine.warmed(), 2, "going back to one does not disturb what it has read");
    assert_eq!(world.chosen().await, std::slice::from_ref(&a));
    world.ask(Value::Null, "Which colour?").await;

    // One must go: a loaded model of these takes one MiB.
    world.memory.store(ENOUGH - 1, Ordering::Relaxed);
    world.choose(&c).await;
    assert_eq!([&a, &b, &c].map(|id| world.is_loaded(id)), [true, false, true]);
    // With too little for any, all others go, and it is tried.
    world.memory.store(0, Ordering::Relaxed);
    world.choose(&b).await;
    assert_eq!([&a, &b, &c].map(|id| world.is_loaded(id)), [false, true, false]);
    // Without a model nothing is kept.
    world.call("model_set", json!({ "role": "chat", "id": null })).await.unwrap();
    assert!(!world.is_loaded(&b));
}

#[tokio::test]
async fn a_model_that_answers_does_not_go_for_another() {
    let (mut world, folder) = (world(), tempfile::tempdir().unwrap());
    let [a, b] = world.imported(folder.path(), ["a.gguf", "b.gguf"]).await;
    world.choose(&a).await;
    world.engine.push(Reply::StallAfter(vec!["It ".into()]));
    let accepted = world.call("chat_send", json!({ "text": "Which colour?" })).await.unwrap();
    world.event(|event| matches!(event, Event::AnswerDelta { .. })).await;
    world.memory.store(0, Ordering::Relaxed);
    world.choose(&b).await;
    world.clock.advance(3600);
    world.app.unload_idle().await.unwrap();
    assert!(world.is_loaded(&a), "it is writing");
    assert!(!world.is_loaded(&b));

    world.call("chat_stop", json!({ "id": accepted["conversation_id"] })).await.unwrap();
    world.ended(&accepted).await;
    // The clock begins when it has ended, and its lease ends a moment after its last word.
    let unloaded = async {
        while world.is_loaded(&a) {
            tokio::task::yield_now().await;
            world.clock.advance(3600);
            world.app.unload_idle().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(10), unloaded).await.expect("it is unloaded once it has answered");
}

#[tokio::test]
async fn who_is_not_asked_gives_the_memory_back_until_the_next_question() {
    let (mut world, folder) = (world(), tempfile::tempdir().unwrap());
    let [a] = world.imported(folder.path(), ["a.gguf"]).await;
    world.choose(&a).await;
    world.clock.advance(15 * 60 - 1);
    world.app.unload_idle().await.unwrap();
    assert!(world.is_loaded(&a));
    world.clock.advance(1);
    world.app.unload_idle().await.unwrap();
    assert!(!world.is_loaded(&a));
    assert_eq!(world.chosen().await, std::slice::from_ref(&a), "it is still the one that answers");

    let answer = world.ask(Value::Null, "Which colour?").await;
    assert_eq!((answer.kind, answer.state), (Some(AnswerKind::Model), MessageState::Done));
    assert!(world.is_loaded(&a));

    world.set(json!({ "idle_unload_minutes": 0 })).await;
    world.clock.advance(1_000_000);
    world.app.unload_idle().await.unwrap();
    assert!(world.is_loaded(&a), "never means never");

    // By hand: it stays chosen as well.
    let models = world.call("model_unload", json!({ "id": a })).await.unwrap();
    assert_eq!((&models["models"][0]["state"], &models["models"][0]["chosen"]), (&json!("available"), &json!(true)));
    let models = world.call("model_load", json!({ "id": a })).await.unwrap();
    assert_eq!(models["models"][0]["state"], "loaded");

    // If it cannot be loaded any more, that is said, and the answer is passages.
    world.call("model_unload", json!({ "id": a })).await.unwrap();
    world.engine.refuse_load(Some(EngineError::BadModel("the file is cut short".into())));
    assert_eq!(world.ask(Value::Null, "Which colour?").await.kind, Some(AnswerKind::Passages));
    let status = world.call("status", Value::Null).await.unwrap();
    assert!(status["activities"].to_string().contains("cut short"), "{status}");
}

#[tokio::test]
async fn automatic_may_unload_what_nobody_uses_for_an_abler_model() {
    let (mut world, folder) = (world(), tempfile::tempdir().unwrap());
    let [a] = world.imported(folder.path(), ["a.gguf"]).await;
    world.choose(&a).await;
    let [b] = world.imported(folder.path(), ["b.gguf"]).await;
    let b_id = ModelId::from(b.as_str().unwrap());
    let spec = world.store.models().unwrap().into_iter().find(|spec| spec.id == b_id).unwrap();
    world.store.put_model(&ModelSpec { size: 9_000_000_000, ..spec }).unwrap();
    world.set(json!({ "automatic_model": true })).await;
    world.memory.store(ENOUGH - (1 << 20), Ordering::Relaxed);
    let hard = "Explain step by step why the plans differ, compare their costs, and say what is better?";
    let answerer = world.ask(Value::Null, hard).await.answerer.unwrap();
    assert_eq!((json!(answerer.model), answerer.reason), (b.clone(), Some(RouteReason::Able)));
    assert_eq!([&a, &b].map(|id| world.is_loaded(id)), [false, true]);
    assert_eq!(world.chosen().await, [Value::Null; 0], "nothing is chosen while it is automatic");
}

#[tokio::test]
async fn a_model_that_puts_passages_in_order_is_chosen_for_that_alone() {
    let (world, folder) = (world(), tempfile::tempdir().unwrap());
    let [chat, judge] = world.imported(folder.path(), ["a.gguf", "rerank.gguf"]).await;
    let error = world.call("model_set", json!({ "role": "reranker", "id": chat })).await.unwrap_err();
    assert!(error.message.contains("cannot put passages in order"), "{error:?}");
    assert!(world.call("model_set", json!({ "role": "chat", "id": judge })).await.is_err());

    world.call("model_set", json!({ "role": "reranker", "id": judge })).await.unwrap();
    assert!(world.is_loaded(&judge));
    let settings = world.call("settings_get", json!({})).await.unwrap();
    assert_eq!((&settings["reranker"], &settings["chat_model"]), (&json!(judge), &Value::Null));
    // It is no chat model: it is neither configured nor unloaded by itself, and other settings leave it alone.
    assert!(world.call("model_unload", json!({ "id": judge })).await.is_err());
    assert!(world.call("model_configure", json!({ "id": judge, "backend": "mistral_rs" })).await.is_err());
    let mut changed = settings.clone();
    changed["reranker"] = Value::Null;
    assert_eq!(world.call("settings_set", changed).await.unwrap()["reranker"], json!(judge));

    world.call("model_remove", json!({ "id": judge })).await.unwrap();
    assert!(!world.is_loaded(&judge));
    assert_eq!(world.call("settings_get", json!({})).await.unwrap()["reranker"], Value::Null);
}
