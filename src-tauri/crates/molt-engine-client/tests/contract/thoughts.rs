//! Models that think before they answer.

use super::*;

/// Opens thoughts when it is told to think.
const THINKER: &str = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}\
                       {{ '<|im_start|>assistant\\n' + ('<think>\\n' if enable_thinking else '') }}{# </think> #}";

/// The small model with another template.
async fn thinker() -> Bench {
    let mut spec = ModelFiles.inspect(&model()).unwrap();
    spec.settings.template = Some(THINKER.into());
    Bench::with(spec).await
}

#[tokio::test]
async fn thoughts_are_told_apart_from_the_answer() {
    let bench = thinker().await;
    let quick = whole(bench.ask(QUESTIONS[0])).await.unwrap();
    assert_eq!(quick.thoughts, "");
    assert!(quick.text.contains("4711"), "{}", quick.text);
    let request = GenerateRequest { think: true, ..bench.request(QUESTIONS[0]) };
    let slow = whole(bench.client.generate(request)).await.unwrap();
    assert!(slow.prompt_tokens > quick.prompt_tokens, "the template heard of it");
    // The small model never learned to end its thoughts.
    assert_eq!(slow.text, "");
    assert!(!slow.thoughts.is_empty() && slow.thoughts == slow.thoughts.trim(), "{:?}", slow.thoughts);
}
