//! The best passages in the order of a model, as far as it gets in time.

use molt_core::*;
use molt_testkit::{Reranking, sample};

use crate::World;

/// Four files; the more words of "north gate key code" one has, the longer it is.
async fn world() -> World {
    let mut world = World::new(false);
    let words = ["north", "gate", "key", "code"];
    for count in 1..=4 {
        world.write(
            &format!("{count}.txt"),
            &format!("{} {}", words[..count].join(" "), "and more ".repeat(count * 10)),
        );
    }
    world.add().await;
    world.until_quiet().await;
    world.engine.load(&sample::model("judge", ModelRole::Reranker)).await.unwrap();
    world.library.set_reranker(Some("judge".into()));
    world
}

const BY_WORDS: [&str; 4] = ["4.txt", "3.txt", "2.txt", "1.txt"];

#[tokio::test]
async fn the_best_passages_stand_in_the_order_of_the_model() {
    let world = world().await;
    assert_eq!(world.found("north gate key code").await, ["1.txt", "2.txt", "3.txt", "4.txt"]);
    let filter = IndexFilter::default();
    let found = world.library.find("north gate key code", &filter, 2).await.unwrap().passages;
    let names: Vec<&str> = found.iter().map(|passage| passage.document_name.as_str()).collect();
    assert_eq!(names, ["1.txt", "2.txt"], "more are judged than wanted");
    assert!(found[0].score > found[1].score, "what is better has the better score");
    // Who asks for words alone gets their order.
    let all = Narrowing::default();
    let words = world.library.find_by(SearchBy::Words, "north gate key code", &filter, &all, 4).await.unwrap();
    assert_eq!(words.passages[0].document_name, "4.txt");
    world.library.set_reranker(None);
    assert_eq!(world.found("north gate key code").await, BY_WORDS);
}

#[tokio::test]
async fn without_the_model_the_order_is_that_of_words_and_meaning() {
    let world = world().await;
    for error in [EngineError::Crashed("signal 9".into()), EngineError::Busy, EngineError::Failed("no".into())] {
        world.engine.rerank_by(Reranking::Fail(error));
        assert_eq!(world.found("north gate key code").await, BY_WORDS);
    }
    world.engine.rerank_by(Reranking::ShortFirst);
    world.library.set_reranker(Some("not loaded".into()));
    assert_eq!(world.found("north gate key code").await, BY_WORDS);
}

#[tokio::test]
async fn a_model_that_is_slow_holds_a_search_up_for_a_moment_only() {
    let world = world().await;
    // What it has judged in time stands before the rest.
    world.engine.rerank_by(Reranking::StallAfter(2));
    assert_eq!(world.found("north gate key code").await, ["3.txt", "4.txt", "2.txt", "1.txt"]);
    world.engine.rerank_by(Reranking::StallAfter(1));
    assert_eq!(world.found("north gate key code").await, BY_WORDS);
    // One that puts nothing in order is not waited for again so soon, until it is chosen again.
    world.engine.rerank_by(Reranking::ShortFirst);
    assert_eq!(world.found("north gate key code").await, BY_WORDS);
    world.library.set_reranker(Some("judge".into()));
    assert_eq!(world.found("north gate key code").await, ["1.txt", "2.txt", "3.txt", "4.txt"]);
}
