//! Chat templates that would run for ever or take all memory.

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use molt_core::{Engine, EngineError, Role};

use crate::{
    bad_files::metadata::{ENDLESS, with_template},
    bench::{Bench, MEASURED, hear, request, said, spec},
};

/// Within which a template is stopped.
const STOPPED: Duration = Duration::from_secs(30);

async fn time_to_load(bench: &Bench, name: &str, template: &str) -> (Result<(), EngineError>, Duration) {
    let spec = spec(&bench.file(name, &with_template(template)));
    let begun = Instant::now();
    let result = bench.load(&spec).await;
    let took = begun.elapsed();
    bench.client.unload(&spec.id).await;
    (result, took)
}

#[tokio::test]
async fn templates_without_end_are_stopped_while_loading() {
    let _shared = MEASURED.read().await;
    let bench = &Bench::new();
    let (sound, usual) = time_to_load(bench, "sound.gguf", "Hello").await;
    sound.unwrap();
    let loads = ENDLESS.iter().enumerate().map(|(number, template)| async move {
        (template, time_to_load(bench, &format!("{number}.gguf"), template).await)
    });
    let mut loads = stream::iter(loads).buffer_unordered(2);
    let mut slowest = Duration::ZERO;
    while let Some((template, (result, took))) = loads.next().await {
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
        slowest = slowest.max(took);
    }
    println!(
        "{} templates without end, the slowest stopped after {slowest:?}; a sound file loads in {usual:?}",
        ENDLESS.len()
    );
    assert!(slowest < STOPPED + usual);
}

#[tokio::test]
async fn templates_without_end_cost_one_answer() {
    let _shared = MEASURED.read().await;
    let bench = Bench::new();
    for template in [ENDLESS[0], ENDLESS[2], ENDLESS[8], ENDLESS[14], ENDLESS[15], ENDLESS[23]] {
        let trap = format!("{{% if messages | length > 1 %}}{template}{{% endif %}}{{{{ messages[0].content }}}}");
        let spec = spec(&bench.file("model.gguf", &with_template(&trap)));
        bench.load(&spec).await.unwrap();
        let ask = |count: usize| bench.client.generate(request(&spec.id, vec![said(Role::User, "Hello"); count], 2));
        let begun = Instant::now();
        let (trapped, waiting) = (ask(2), ask(1));
        match hear(trapped).await.end {
            Err(EngineError::Failed(text)) => assert!(text.contains("the model's chat template"), "{template}: {text}"),
            other => panic!("{template}: {other:?}"),
        }
        println!("{:?} {template}", begun.elapsed());
        assert!(begun.elapsed() < STOPPED);
        hear(waiting).await.end.unwrap();
        hear(ask(1)).await.end.unwrap();
        bench.client.unload(&spec.id).await;
    }
}
