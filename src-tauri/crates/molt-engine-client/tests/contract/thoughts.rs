//! Models that think before they answer.

use super::*;

/// The small model with a template that opens thoughts when it is told to think.
async fn thinker() -> Bench {
    let mut bytes = std::fs::read(small_model()).unwrap();
    let begin = bytes.windows(6).position(|window| window == b"{% for").unwrap();
    let end = b"{{ '<|im_start|>assistant\\n' }}{% endif %}";
    let length = bytes[begin..].windows(end.len()).position(|window| window == end).unwrap() + end.len();
    let template = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}\
                    {{ '<|im_start|>assistant\\n' + ('<think>\\n' if enable_thinking else '') }}{# </think>";
    // As long as the one in its place; what is left over is a comment.
    let filled = format!("{template:width$}#}}", width = length - 2);
    bytes[begin..begin + length].copy_from_slice(filled.as_bytes());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("thinker.gguf");
    std::fs::write(&path, bytes).unwrap();
    Bench::with(&path, folder).await
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
