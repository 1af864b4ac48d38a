//! Damage that shows while the index is used: another one is built from the catalogue, and no file is read for it.

use std::sync::Arc;

use molt_core::*;
use molt_testkit::MemoryIndex;

use crate::World;

/// Two documents that are indexed.
async fn world() -> (World, Source) {
    let mut world = World::new(true);
    world.engine.load(&molt_testkit::sample::model("embedder", ModelRole::Embedder)).await.unwrap();
    world.write("a.txt", "Saturn has rings.");
    world.write("b.txt", "Mars is red.");
    let source = world.add().await;
    world.until_quiet().await;
    (world, source)
}

async fn search(world: &World) -> Result<Found, IndexError> {
    world.library.find("rings of Saturn", &IndexFilter::default(), 5).await
}

#[tokio::test]
async fn a_search_that_meets_damage_asks_for_another_index_which_takes_its_place() {
    let (mut world, source) = world().await;
    let read = world.reader.0.lock().unwrap().len();
    world.index.damage();
    assert!(search(&world).await.unwrap_err().is_damage());
    assert!(world.library.is_damaged());
    // Changes go on meanwhile, to the catalogue alone.
    let (edited, gone) = (world.write("a.txt", "Saturn has rings and moons."), world.path("b.txt"));
    std::fs::remove_file(&gone).unwrap();
    world.events.send(WatchEvent::Changed(vec![edited, gone])).await.unwrap();
    world.until("the changes are in the catalogue", |w| w.store.documents(None).unwrap().len() == 1).await;
    world.until("the edit is read", |w| w.reader.0.lock().unwrap().len() > read).await;
    world.until_quiet().await;
    let next = Arc::new(MemoryIndex::new());
    world.library.renew(next.clone(), Some("embedder".into())).await.unwrap();
    world.until("the new index serves", |w| !w.library.is_damaged() && !w.library.is_renewing()).await;
    assert_eq!(world.reader.0.lock().unwrap().len(), read + 1, "only the edit was read");
    let texts: Vec<String> = next.chunks().into_iter().map(|chunk| chunk.text).collect();
    assert_eq!(texts, ["Saturn has rings and moons."]);
    assert_eq!(search(&world).await.unwrap().passages.len(), 1);
    // What is removed while it is damaged is removed all the same.
    next.damage();
    assert!(search(&world).await.is_err());
    world.library.remove(&source.id).await.unwrap();
    assert!(world.store.documents(None).unwrap().is_empty());
}

#[tokio::test]
async fn other_failures_ask_for_no_other_index() {
    let (world, _) = world().await;
    world.index.fail(Some("the disk is full"));
    assert!(!search(&world).await.unwrap_err().is_damage());
    assert!(!world.library.is_damaged());
    world.index.fail(None);
    assert!(!search(&world).await.unwrap().passages.is_empty());
}

#[tokio::test]
async fn a_library_that_starts_with_a_damaged_index_reads_what_waits() {
    let (mut world, source) = world().await;
    world.cancel.cancel();
    world.write("c.txt", "Venus is hot.");
    world.index.damage();
    let folder = std::mem::replace(&mut world.folder, tempfile::tempdir().unwrap());
    let mut world = World::over(folder, world.store.clone(), world.index.clone(), true);
    world.engine.load(&molt_testkit::sample::model("embedder", ModelRole::Embedder)).await.unwrap();
    world.until("the damage is noticed", |w| w.library.is_damaged()).await;
    world.until("what is new is read", |w| w.store.documents(Some(&source.id)).unwrap().len() == 3).await;
    let next = Arc::new(MemoryIndex::new());
    world.library.renew(next.clone(), Some("embedder".into())).await.unwrap();
    world.until("the new index serves", |w| !w.library.is_damaged() && !w.library.is_renewing()).await;
    world.until("all of it is there", |_| next.chunks().len() == 3).await;
}
