//! A model file that somebody writes to while answers come from it.

use molt_core::{Engine, FinishReason, Role};

use crate::bench::{Bench, Heard, MEASURED, hear, request, said, small_model, spec};

const QUESTION: &str = "[1] The printer is in room 4711.\n\nQuestion: Where is the printer?";

#[tokio::test]
async fn a_file_that_is_written_over_is_loaded_anew_before_it_gives_an_answer() {
    let _shared = MEASURED.read().await;
    let bench = Bench::new();
    let bytes = std::fs::read(small_model().path).unwrap();
    let spec = spec(&bench.file("model.gguf", &bytes));
    bench.load(&spec).await.unwrap();
    let ask = async || -> Heard {
        hear(bench.client.generate(request(&spec.id, vec![said(Role::User, QUESTION)], 12))).await
    };
    let first = ask().await;
    assert_eq!((first.end, first.text.is_empty()), (Ok(FinishReason::Stop), false));

    let pid = bench.pid(&spec.id).await;
    bench.file("model.gguf", &bytes);
    let again = ask().await;
    assert_eq!((again.end, again.text), (Ok(FinishReason::Stop), first.text.clone()));
    assert_ne!(bench.pid(&spec.id).await, pid);

    // Half of the weights are gone.
    bench.file("model.gguf", &bytes[..bytes.len() / 2]);
    let error = ask().await.end.unwrap_err();
    println!("{error}");
    bench.file("model.gguf", &bytes);
    bench.load(&spec).await.unwrap();
    assert_eq!(ask().await.text, first.text);
}
