//! Another embedder: search goes on as before until the new index holds everything.

use std::sync::Arc;

use molt_core::*;
use molt_testkit::MemoryIndex;

use crate::World;

const OTHER: &str = "other";

async fn load(world: &World, model: &str) {
    world.engine.load(&molt_testkit::sample::model(model, ModelRole::Embedder)).await.unwrap();
}

/// Three documents, the index of the first embedder, and the empty one of another.
async fn world(embedder: bool) -> (World, Source, Arc<MemoryIndex>) {
    let mut world = World::new(embedder);
    load(&world, "embedder").await;
    for (name, text) in [("a.txt", "Saturn has rings."), ("b.txt", "Mars is red."), ("c.txt", "Venus is hot.")] {
        world.write(name, text);
    }
    let source = world.add().await;
    world.until_quiet().await;
    (world, source, Arc::new(MemoryIndex::new()))
}

fn has_vectors(index: &MemoryIndex) -> bool {
    index.chunks().iter().all(|chunk| chunk.vector.is_some())
}

#[tokio::test]
async fn the_index_before_answers_until_the_new_one_is_complete_and_no_file_is_read() {
    for first in [true, false] {
        let (mut world, _, next) = world(first).await;
        let read = world.reader.0.lock().unwrap().len();
        world.library.set_paused(true);
        world.library.renew(next.clone(), Some(OTHER.into())).await.unwrap();
        assert_eq!(world.library.status().unwrap().renewal, Some(0.0));
        assert_eq!(world.found("rings of Saturn").await[0], "a.txt");
        assert_eq!(world.library.status().unwrap().words_only, !first);
        load(&world, OTHER).await;
        world.library.set_paused(false);
        world.until("the new index serves", |w| w.library.embedder() == Some(OTHER.into())).await;
        assert_eq!(world.library.status().unwrap().renewal, None);
        assert_eq!((next.chunks().len(), has_vectors(&next)), (3, true));
        assert_eq!(world.reader.0.lock().unwrap().len(), read, "a file was read again");
        world.index.clear();
        assert_eq!(world.found("rings of Saturn").await[0], "a.txt");
        assert!(!world.library.status().unwrap().words_only);
        // And it is the one that follows changes.
        world.write("a.txt", "Saturn has moons, too.");
        let path = world.path("a.txt");
        world.events.send(WatchEvent::Changed(vec![path])).await.unwrap();
        world.until("the edit is found", |_| next.chunks().iter().any(|chunk| chunk.text.contains("moons"))).await;
        assert_eq!(next.chunks().len(), 3);
        assert!(world.index.chunks().is_empty());
    }
}

#[tokio::test]
async fn what_changes_meanwhile_is_in_both() {
    let (mut world, _, next) = world(true).await;
    load(&world, OTHER).await;
    // A part of the work was done before.
    let known = world.index.chunks();
    next.apply(known.into_iter().filter(|chunk| !chunk.text.contains("Venus")).collect(), Vec::new()).await.unwrap();
    world.library.set_paused(true);
    world.library.renew(next.clone(), Some(OTHER.into())).await.unwrap();
    let (edited, gone) = (world.write("a.txt", "Saturn has moons, too."), world.path("b.txt"));
    std::fs::remove_file(&gone).unwrap();
    world.events.send(WatchEvent::Changed(vec![edited, gone])).await.unwrap();
    world.until("the file is forgotten", |w| w.store.documents(None).unwrap().len() == 2).await;
    for index in [&world.index, &next] {
        assert!(!index.chunks().iter().any(|chunk| chunk.text.contains("Mars")), "it goes from both at once");
    }
    world.library.set_paused(false);
    world.until("the new index serves", |w| w.library.embedder() == Some(OTHER.into())).await;
    let mut texts: Vec<String> = next.chunks().into_iter().map(|chunk| chunk.text).collect();
    texts.sort();
    assert_eq!(texts, ["Saturn has moons, too.", "Venus is hot."]);
    assert!(has_vectors(&next));
}

#[tokio::test]
async fn after_a_restart_it_goes_on_with_what_the_new_index_holds() {
    let (mut world, source, next) = world(true).await;
    let mut held = world.index.chunks();
    held.retain(|chunk| chunk.text.contains("Mars"));
    let orphan = IndexChunk { id: "old".into(), document_id: "gone".into(), ..held[0].clone() };
    held.push(orphan);
    next.apply(held, Vec::new()).await.unwrap();
    world.cancel.cancel();
    let folder = std::mem::replace(&mut world.folder, tempfile::tempdir().unwrap());
    let mut world = World::over(folder, world.store.clone(), world.index.clone(), true);
    load(&world, "embedder").await;
    load(&world, OTHER).await;
    world.library.renew(next.clone(), Some(OTHER.into())).await.unwrap();
    world.until("the new index serves", |w| w.library.embedder() == Some(OTHER.into())).await;
    assert_eq!(world.engine.embedded(), 2, "only what was missing");
    assert!(next.chunks().iter().all(|chunk| chunk.source_id == source.id && chunk.id.as_str() != "old"));
    assert_eq!(next.chunks().len(), 3);
}

#[tokio::test]
async fn the_embedder_before_can_be_chosen_again() {
    let (world, _, next) = world(true).await;
    world.library.set_paused(true);
    world.library.renew(next, Some(OTHER.into())).await.unwrap();
    world.library.keep_embedder().await;
    let status = world.library.status().unwrap();
    assert_eq!((status.renewal, world.library.embedder()), (None, Some("embedder".into())));
    assert_eq!(world.found("rings of Saturn").await[0], "a.txt");
}

#[tokio::test]
async fn an_empty_library_goes_on_with_the_new_one_at_once() {
    let world = World::new(false);
    let next = Arc::new(MemoryIndex::new());
    world.library.renew(next, Some(OTHER.into())).await.unwrap();
    assert_eq!(world.library.embedder(), Some(OTHER.into()));
    assert_eq!(world.library.status().unwrap().renewal, None);
}
