//! Chat templates that would run for ever or take all memory.

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use molt_core::{Engine, EngineError, ModelInspector, ModelSpec, PromptMessage, Role};
use molt_engine_client::ModelFiles;

use crate::{
    bad_files::metadata::ENDLESS,
    contract::{client, request, small_model, whole},
};

/// Within which a template is stopped, on a machine that does other things as well.
const STOPPED: Duration = Duration::from_secs(60);

fn with(template: &str) -> ModelSpec {
    let mut spec = ModelFiles.inspect(&small_model()).unwrap();
    spec.settings.template = Some(template.into());
    spec
}

#[tokio::test]
async fn templates_without_end_are_stopped_while_loading() {
    let cache = tempfile::tempdir().unwrap();
    let client = &client(cache.path());
    let loads = ENDLESS.iter().map(|template| async move {
        let spec = with(template);
        let begun = Instant::now();
        let result = client.load(&spec).await;
        client.unload(&spec.id).await;
        (template, result, begun.elapsed())
    });
    let mut loads = stream::iter(loads).buffer_unordered(2);
    while let Some((template, result, took)) = loads.next().await {
        println!("{took:?} {template}: {result:?}");
        match result {
            Err(EngineError::Failed(text)) => assert!(text.contains("the model's chat template"), "{template}: {text}"),
            // A limit of the language itself, by name; or memory that no system gives, which ends the process.
            Err(EngineError::BadModel(text)) => {
                let is_named =
                    ["its chat template fails", "its process ended twice"].iter().any(|why| text.contains(why));
                assert!(is_named, "{template}: {text}");
            }
            other => panic!("{template}: {other:?}"),
        }
        assert!(took < STOPPED, "{template}");
    }
}

#[tokio::test]
async fn templates_without_end_cost_one_answer() {
    let cache = tempfile::tempdir().unwrap();
    let client = client(cache.path());
    for template in [ENDLESS[0], ENDLESS[8], ENDLESS[15], ENDLESS[23]] {
        let trap = format!("{{% if messages | length > 1 %}}{template}{{% endif %}}{{{{ messages[0].content }}}}");
        let spec = with(&trap);
        client.load(&spec).await.unwrap();
        let ask = |count: usize| {
            let messages = vec![PromptMessage { role: Role::User, text: "Hello".into() }; count];
            whole(client.generate(molt_core::GenerateRequest { messages, ..request(&spec.id, "", 2) }))
        };
        match ask(2).await.map(|answer| answer.text) {
            Err(EngineError::Failed(text)) => assert!(text.contains("the model's chat template"), "{template}: {text}"),
            other => panic!("{template}: {other:?}"),
        }
        assert!(ask(1).await.unwrap().completion_tokens > 0, "{template}");
        client.unload(&spec.id).await;
    }
}

#[tokio::test]
async fn a_template_is_tried_without_a_model() {
    let cache = tempfile::tempdir().unwrap();
    let client = client(cache.path());
    client.check_template("{% for m in messages %}[{{ m.content }}]{% endfor %}").await.unwrap();
    for (template, says) in [
        ("{% for", "syntax error"),
        ("{{ raise_exception('roles must alternate') }}", "roles must alternate"),
        ("", "leaves out what is said"),
        ("Hi!", "leaves out what is said"),
        (ENDLESS[0], "does not end"),
        (ENDLESS[15], "chat template"),
        (ENDLESS[23], "does not end"),
    ] {
        match client.check_template(template).await {
            Err(EngineError::Failed(text)) => {
                assert!(
                    text.starts_with("The chat template cannot be used: ") && text.contains(says),
                    "{template}: {text}"
                );
            }
            other => panic!("{template}: {other:?}"),
        }
    }
    assert!(client.stats().await.is_empty());
}
