//! What becomes of documents while the embedder fails.

use std::sync::Arc;

use molt_core::*;
use molt_testkit::{MemoryIndex, sample};

use crate::World;

/// Chunks of the index without a vector.
fn bare(index: &MemoryIndex) -> usize {
    index.chunks().iter().filter(|chunk| chunk.vector.is_none()).count()
}

async fn with_a_failing_embedder(files: usize) -> World {
    let mut world = World::new(true);
    world.engine.load(&sample::model("embedder", ModelRole::Embedder)).await.unwrap();
    world.engine.refuse_embed(Some(EngineError::Failed("out of memory".into())));
    for number in 0..files {
        world.write(&format!("{number}.txt"), &format!("Saturn number {number} has rings."));
    }
    world.add().await;
    world.until_quiet().await;
    assert_eq!(bare(&world.index), files);
    world
}

#[tokio::test]
async fn a_document_whose_embedding_failed_is_found_by_words_and_gets_its_vectors_later() {
    let mut world = with_a_failing_embedder(1).await;
    let document = world.document("0.txt");
    assert_eq!(document.state, DocumentState::Indexed);
    assert!(document.reason.unwrap().contains("out of memory"));
    let problem = world.library.status().unwrap().unembedded.unwrap();
    assert!(problem.contains("out of memory") && problem.contains("One document"), "{problem}");
    assert_eq!(world.found("rings").await, ["0.txt"]);

    world.engine.refuse_embed(None);
    world.until("it has its vector", |w| bare(&w.index) == 0).await;
    world.until("nothing is wrong any more", |w| w.library.status().unwrap().unembedded.is_none()).await;
    world.until("the catalogue knows", |w| w.document("0.txt").reason.is_none()).await;
    assert_eq!(world.index.chunks().len(), 1);
    assert_eq!(world.engine.embedded(), 1);
}

#[tokio::test]
async fn an_edit_meanwhile_leaves_no_chunk_without_its_vector() {
    let mut world = with_a_failing_embedder(1).await;
    let path = world.write("0.txt", &format!("Saturn number 0 has rings.\n\n{}", "Other text. ".repeat(70)));
    world.engine.refuse_embed(None);
    world.events.send(WatchEvent::Changed(vec![path])).await.unwrap();
    world.until("the edit is found", |w| w.index.chunks().iter().any(|chunk| chunk.text.contains("Other"))).await;
    world.until("all have their vectors", |w| bare(&w.index) == 0).await;
    world.until("nothing is wrong any more", |w| w.library.status().unwrap().unembedded.is_none()).await;
}

#[tokio::test]
async fn a_restart_does_not_forget_what_lacks_its_vectors() {
    let mut world = with_a_failing_embedder(5).await;
    world.cancel.cancel();
    let folder = std::mem::replace(&mut world.folder, tempfile::tempdir().unwrap());
    let mut world = World::over(folder, world.store.clone(), world.index.clone(), true);
    world.engine.load(&sample::model("embedder", ModelRole::Embedder)).await.unwrap();
    world.until("all have their vectors", |w| bare(&w.index) == 0).await;
    world.until("the catalogue knows", |w| w.store.documents(None).unwrap().iter().all(|d| d.reason.is_none())).await;
    assert_eq!((world.index.chunks().len(), world.engine.embedded()), (5, 5));
}

#[tokio::test]
async fn a_document_that_is_removed_waits_no_longer() {
    let world = with_a_failing_embedder(4).await;
    let source = world.library.sources().unwrap().remove(0).source;
    world.library.remove(&source.id).await.unwrap();
    assert_eq!(world.library.status().unwrap().unembedded, None);
}

#[tokio::test]
async fn without_an_embedder_nothing_is_missing() {
    let mut world = with_a_failing_embedder(2).await;
    world.library.renew(Arc::new(MemoryIndex::new()), None).await.unwrap();
    world.until_quiet().await;
    world.until("the catalogue knows", |w| w.store.documents(None).unwrap().iter().all(|d| d.reason.is_none())).await;
    assert_eq!(world.library.status().unwrap().unembedded, None);
}
