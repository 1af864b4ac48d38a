//! A reader that reads all documents once and then what changed knows what the catalogue knows.

use std::collections::BTreeMap;

use super::*;

#[derive(Default)]
struct Reader {
    mark: Option<String>,
    known: BTreeMap<DocumentId, Document>,
}

impl Reader {
    fn read(&mut self, store: &MemoryStore) {
        while self.page(store) {}
    }

    /// Whether there is more.
    fn page(&mut self, store: &MemoryStore) -> bool {
        let changes = store.document_changes(self.mark.as_deref(), 3).unwrap();
        if changes.whole {
            self.known.clear();
        }
        self.known.extend(changes.changed.into_iter().map(|document| (document.id.clone(), document)));
        changes.removed.iter().for_each(|id| drop(self.known.remove(id)));
        self.mark = Some(changes.mark);
        changes.more
    }

    fn assert_complete(&mut self, store: &MemoryStore) {
        self.read(store);
        let known: Vec<&Document> = self.known.values().collect();
        let mut all = store.documents(None).unwrap();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        assert_eq!(known, all.iter().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_reader_follows_files_that_come_change_move_and_go() {
    let mut world = World::new(false);
    for at in 0..20 {
        world.write(&format!("{at:02}.txt"), &format!("text {at}"));
    }
    world.write("broken.txt", "x");
    // All are read later than they were written.
    world.clock.advance(3600);
    let mut reader = Reader::default();
    reader.read(&world.store);
    let source = world.add().await;
    // In the middle of it, from one change to the next.
    while world.library.status().unwrap().pending > 0 {
        world.changes.changed().await.unwrap();
        reader.read(&world.store);
    }
    reader.assert_complete(&world.store);
    assert_eq!(reader.known.len(), 21);

    world.library.scan_now(&source).await;
    world.until_quiet().await;
    let changes = world.store.document_changes(reader.mark.as_deref(), 3).unwrap();
    assert_eq!((changes.whole, changes.changed, changes.removed), (false, Vec::new(), Vec::new()), "nothing happened");

    let path = world.write("03.txt", "another and longer text");
    world.events.send(WatchEvent::Changed(vec![path])).await.unwrap();
    world.until("the edit is found", |w| w.index.chunks().iter().any(|chunk| chunk.text.contains("another"))).await;
    world.until_quiet().await;
    reader.assert_complete(&world.store);
    assert_eq!(reader.known.len(), 21);

    let (from, to) = (world.path("04.txt"), world.path("moved.txt"));
    let id = world.document("04.txt").id;
    std::fs::rename(&from, &to).unwrap();
    world.library.scan_now(&source).await;
    world
        .until("it has its new name", |w| w.store.document(&id).is_ok_and(|document| document.name == "moved.txt"))
        .await;
    world.until_quiet().await;
    reader.assert_complete(&world.store);
    assert_eq!(reader.known[&id].name, "moved.txt");

    std::fs::remove_file(&to).unwrap();
    world.events.send(WatchEvent::Changed(vec![to])).await.unwrap();
    world.until("it is forgotten", |w| w.store.document(&id).is_err()).await;
    reader.assert_complete(&world.store);
    assert_eq!(reader.known.len(), 20);

    world.library.remove(&source.id).await.unwrap();
    reader.assert_complete(&world.store);
    assert!(reader.known.is_empty());
}

#[tokio::test]
async fn what_is_read_at_the_moment_is_known() {
    let mut world = World::new(false);
    world.write("slow.txt", "takes its time");
    world.add().await;
    let id = world.document("slow.txt").id;
    world.until("it is read", |w| w.library.reading() == [id.clone()]).await;
    world.until_quiet().await;
    world.until("it was read", |w| w.library.reading().is_empty()).await;
}
