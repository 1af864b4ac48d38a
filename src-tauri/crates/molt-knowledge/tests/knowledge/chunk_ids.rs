//! What makes a chunk the same one after a change, and another one.

use molt_core::*;

use crate::World;

#[tokio::test]
async fn a_heading_with_another_name_is_found_above_all_of_its_section() {
    let mut world = World::new(true);
    world.engine.load(&molt_testkit::sample::model("embedder", ModelRole::Embedder)).await.unwrap();
    let text = |heading: &str| {
        let paragraphs: String =
            (0..4).map(|n| format!("\n\n{}", format!("Gate {n} opens at nine. ").repeat(30))).collect();
        format!("# Elsewhere\n\nIt stays as it is.\n\n# {heading}{paragraphs}")
    };
    let path = world.write("a.txt", &text("Saturn"));
    world.add().await;
    world.until_quiet().await;
    let (before, embedded) = (world.index.chunks(), world.engine.embedded());
    let about = |chunks: &[IndexChunk], word: &str| chunks.iter().filter(|chunk| chunk.text.contains(word)).count();
    assert!(about(&before, "Saturn") >= 3 && about(&before, "Saturn") + 1 == before.len());

    world.write("a.txt", &text("Neptune and its moons"));
    world.events.send(WatchEvent::Changed(vec![path])).await.unwrap();
    world.until("the new heading is found", |w| about(&w.index.chunks(), "Neptune") > 0).await;
    world.until_quiet().await;
    let after = world.index.chunks();
    assert_eq!((about(&after, "Saturn"), about(&after, "Neptune")), (0, about(&before, "Saturn")));
    assert_eq!(after.len(), before.len());
    assert_eq!(world.engine.embedded(), embedded + about(&after, "Neptune") as u64, "the other section stays");
}

/// Libraries of an earlier version have other ids for the same text.
#[tokio::test]
async fn chunks_with_ids_of_before_stay_until_their_file_changes_and_are_never_doubled() {
    let mut world = World::new(true);
    world.engine.load(&molt_testkit::sample::model("embedder", ModelRole::Embedder)).await.unwrap();
    let path = world.write("a.txt", "# Saturn\n\nIt has rings.");
    world.add().await;
    world.until_quiet().await;
    world.cancel.cancel();
    let document = world.document("a.txt");
    let mut chunk = world.store.chunks(&document.id).unwrap().remove(0);
    let mut held = world.index.chunks().remove(0);
    let now = std::mem::replace(&mut chunk.id, "of-before".into());
    held.id = "of-before".into();
    world.index.apply(vec![held], vec![now.clone()]).await.unwrap();
    world.store.put_document_with_chunks(&document, &[chunk]).unwrap();

    let folder = std::mem::replace(&mut world.folder, tempfile::tempdir().unwrap());
    let mut world = World::over(folder, world.store.clone(), world.index.clone(), true);
    world.engine.load(&molt_testkit::sample::model("embedder", ModelRole::Embedder)).await.unwrap();
    world.write("b.txt", "It is read after the start.");
    world.events.send(WatchEvent::Rescan(world.path(""))).await.unwrap();
    world.until("the other file is found", |w| w.index.chunks().len() == 2).await;
    assert_eq!(world.engine.embedded(), 1, "what has not changed is not embedded again");
    assert!(world.index.chunks().iter().any(|chunk| chunk.id.as_str() == "of-before"));

    world.write("a.txt", "# Saturn\n\nIt has rings.\n\n");
    world.events.send(WatchEvent::Changed(vec![path])).await.unwrap();
    world.until("its chunk has the id of now", |w| w.index.chunks().iter().any(|chunk| chunk.id == now)).await;
    world.until_quiet().await;
    assert_eq!(world.index.chunks().len(), 2);
    assert_eq!(world.store.chunks(&document.id).unwrap().len(), 1);
}
