//! What is removed is erased soon, and nobody waits for that.

use std::time::{Duration, Instant};

use molt_core::*;

use crate::World;

#[tokio::test]
async fn what_was_removed_is_erased_soon() {
    let mut world = World::new(false);
    world.write("a.txt", "Saturn has rings.");
    let source = world.add().await;
    world.until_quiet().await;
    let (upkeeps, started) = (world.index.upkeeps(), Instant::now());
    world.library.remove(&source.id).await.unwrap();
    world.until("it is erased", |w| !w.index.owes_erasure() && !w.library.status().unwrap().erasing).await;
    assert!(world.index.upkeeps() > upkeeps);
    assert!(started.elapsed() < Duration::from_secs(5), "it waited for an idle time");
}

#[tokio::test]
async fn a_removal_during_upkeep_returns_at_once_and_is_erased_after_it() {
    let mut world = World::new(false);
    let sources = ["one", "two"].map(|name| {
        std::fs::create_dir(world.path(name)).unwrap();
        world.write(&format!("{name}/a.txt"), &format!("Saturn is number {name}."));
        world.library.add(&world.path(name)).unwrap()
    });
    for source in &sources {
        world.library.scan_now(source).await;
    }
    world.until_quiet().await;
    let held = world.index.hold_upkeep();
    world.library.remove(&sources[0].id).await.unwrap();
    world.until("the upkeep has begun", |w| w.library.status().unwrap().erasing).await;
    assert_eq!(world.found("Saturn").await.len(), 1);
    world.library.remove(&sources[1].id).await.unwrap();
    assert!(world.found("Saturn").await.is_empty(), "it is gone from every answer");
    assert!(world.library.status().unwrap().erasing);
    let upkeeps = world.index.upkeeps();
    drop(held);
    world.until("both are erased", |w| w.index.upkeeps() >= upkeeps + 2 && !w.index.owes_erasure()).await;
    assert!(world.index.chunks().is_empty());
    world.until("nothing is shown any more", |w| !w.library.status().unwrap().erasing).await;
}

#[tokio::test]
async fn what_fails_to_be_removed_from_the_index_is_tried_again() {
    let mut world = World::new(false);
    world.write("a.txt", "Saturn has rings.");
    let source = world.add().await;
    world.until_quiet().await;
    world.index.fail(Some("the disk is full"));
    assert!(world.library.remove(&source.id).await.is_err(), "it is said");
    world.index.fail(None);
    assert!(world.found("Saturn").await.is_empty());
    assert_eq!(world.index.chunks().len(), 1);
    let folder = std::mem::replace(&mut world.folder, tempfile::tempdir().unwrap());
    world.cancel.cancel();
    let mut world = World::over(folder, world.store.clone(), world.index.clone(), false);
    world.until("the next start removes it", |w| w.index.chunks().is_empty()).await;
}
