//! What a line of the search box finds.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use molt_core::*;
use molt_testkit::MemoryIndex;
use tokio::sync::Barrier;

use crate::World;

#[tokio::test]
async fn a_search_is_narrowed_by_phrases_types_and_time() {
    let mut world = World::new(false);
    // More than are looked at first, and all better by their words.
    for number in 0..90 {
        world.write(&format!("many{number}.txt"), "many gate gate gate north north north");
    }
    let long = "word ".repeat(120);
    world.write("exact.txt", &format!("{long} the North\nGate is closed"));
    world.write("notes.md", &format!("{long} gate, north"));
    let old = world.write("old.md", &format!("{long} the north gate of old"));
    let years_ago = SystemTime::now() - Duration::from_secs(3 * 365 * 86_400);
    std::fs::File::options().write(true).open(old).unwrap().set_modified(years_ago).unwrap();
    world.add().await;
    world.until_quiet().await;
    async fn names(world: &World, line: &str, narrowing: &Narrowing) -> Vec<String> {
        let filter = IndexFilter::default();
        let found = world.library.find_by(SearchBy::Both, line, &filter, narrowing, 5).await.unwrap();
        let mut names: Vec<String> = found.passages.into_iter().map(|passage| passage.document_name).collect();
        names.sort();
        names
    }
    let all = Narrowing::default();
    assert!(names(&world, "many north gate", &all).await.iter().all(|name| name.starts_with("many")));
    assert_eq!(names(&world, "many “north gate”", &all).await, ["exact.txt", "old.md"]);
    assert!(names(&world, "many \"gate closed\"", &all).await.is_empty());
    let notes = Narrowing { kinds: vec![DocumentKind::Markdown], ..all.clone() };
    assert_eq!(names(&world, "many north gate", &notes).await, ["notes.md", "old.md"]);
    let recent = Narrowing { since: Some(Timestamp::now() - SignedDuration::from_hours(24)), ..notes.clone() };
    assert_eq!(names(&world, "many north gate", &recent).await, ["notes.md"]);
    assert!(names(&world, "\"north gate\"", &recent).await.is_empty());
    // A question is not narrowed by what it quotes.
    assert!(!world.found("what is the \"gate closed\"?").await.is_empty());
}

#[tokio::test]
async fn a_search_stays_in_its_folder_however_much_better_the_rest_is() {
    let mut world = World::new(false);
    for folder in ["here", "here too", "there"] {
        std::fs::create_dir(world.path(folder)).unwrap();
    }
    for number in 0..60 {
        world.write(&format!("there/{number}.txt"), "north gate");
        world.write(&format!("here too/{number}.txt"), "north gate");
    }
    world.write("here/a.txt", &format!("{} the north gate", "word ".repeat(120)));
    world.add().await;
    world.until_quiet().await;
    let found = async |folder: &str| {
        let narrowing =
            Narrowing { folder: Some(world.path(folder).to_str().unwrap().to_owned()), ..Narrowing::default() };
        let by = SearchBy::Both;
        let found = world.library.find_by(by, "north gate", &IndexFilter::default(), &narrowing, 5).await.unwrap();
        found.passages.into_iter().map(|passage| passage.document_name).collect::<Vec<_>>()
    };
    assert_eq!(found("here").await, ["a.txt"]);
    assert_eq!(found("here/a.txt").await, ["a.txt"]);
    assert_eq!(found("here too").await.len(), 5);
    assert!(found("nowhere").await.is_empty());
}

#[tokio::test]
async fn neighbours_are_one_passage_with_the_text_of_the_document() {
    let mut world = World::new(false);
    let section = |number: usize| format!("Gate {number} opens at nine. ").repeat(25).trim().to_owned();
    let text: Vec<String> = (0..6).map(section).collect();
    world.write("a.txt", &text.join("\n\n"));
    world.write("b.txt", "A gate that opens.");
    world.add().await;
    world.until_quiet().await;
    let id = world.document("a.txt").id;
    let chunks = world.store.chunks(&id).unwrap();
    assert_eq!(chunks.len(), 6);

    let narrowing = Narrowing::default();
    let found = world.library.find_by(SearchBy::Both, "gate opens nine", &IndexFilter::default(), &narrowing, 5).await;
    let passages = found.unwrap().passages;
    let of_a: Vec<&Passage> = passages.iter().filter(|passage| passage.document_id == id).collect();
    let all: usize = of_a.iter().map(|passage| passage.text.matches("opens").count()).sum();
    assert_eq!(all, 4 * 25, "four chunks of a document, none of them twice");
    assert!(of_a.len() < 4);
    for passage in &of_a {
        let inside: Vec<&Chunk> = chunks
            .iter()
            .filter(|chunk| {
                chunk.position.start >= passage.position.start && chunk.position.end <= passage.position.end
            })
            .collect();
        let joined = inside.iter().map(|chunk| chunk.text.as_str()).collect::<Vec<_>>().join("\n");
        assert_eq!(passage.text, joined);
        assert!(inside.iter().any(|chunk| chunk.id == passage.chunk_id));
        assert_eq!(passage.position.line, inside[0].position.line);
        let (from, to) = *passage.highlights.last().unwrap();
        assert_eq!(&passage.text[from as usize..to as usize], "nine");
    }
    // A model reads no more than two of them as one.
    let found = world.library.find("gate opens nine", &IndexFilter::default(), 5).await.unwrap();
    assert!(found.passages.iter().all(|passage| passage.text.matches("opens").count() <= 2 * 25));
    assert!(found.passages.iter().any(|passage| passage.text.matches("opens").count() == 2 * 25));
}

/// Answers by words only once it is asked for meaning too, and the other way round.
struct SideBySide(MemoryIndex, Barrier);

#[async_trait]
impl PassageIndex for SideBySide {
    async fn search_words(&self, query: &str, filter: &IndexFilter, limit: usize) -> Result<Vec<IndexHit>, IndexError> {
        self.1.wait().await;
        self.0.search_words(query, filter, limit).await
    }

    async fn search_vector(
        &self,
        vector: &[f32],
        filter: &IndexFilter,
        limit: usize,
    ) -> Result<Vec<IndexHit>, IndexError> {
        self.1.wait().await;
        self.0.search_vector(vector, filter, limit).await
    }

    async fn chunk_ids(&self, document: &DocumentId) -> Result<Vec<ChunkId>, IndexError> {
        self.0.chunk_ids(document).await
    }

    async fn contents(&self) -> Result<Vec<(DocumentId, ChunkId)>, IndexError> {
        self.0.contents().await
    }

    async fn apply(&self, add: Vec<IndexChunk>, remove: Vec<ChunkId>) -> Result<(), IndexError> {
        self.0.apply(add, remove).await
    }

    async fn remove_documents(&self, documents: &[DocumentId]) -> Result<(), IndexError> {
        self.0.remove_documents(documents).await
    }

    async fn count(&self) -> Result<u64, IndexError> {
        self.0.count().await
    }

    async fn maintain(&self) -> Result<(), IndexError> {
        self.0.maintain().await
    }

    fn owes_erasure(&self) -> bool {
        self.0.owes_erasure()
    }
}

#[tokio::test]
async fn words_and_meaning_are_looked_for_side_by_side() {
    let mut world = World::new(true);
    world.engine.load(&molt_testkit::sample::model("embedder", ModelRole::Embedder)).await.unwrap();
    world.write("a.txt", "The north gate.");
    world.add().await;
    world.until_quiet().await;
    let index = Arc::new(SideBySide(MemoryIndex::new(), Barrier::new(2)));
    world.library.renew(index, Some("embedder".into())).await.unwrap();
    world.until("the new index serves", |w| w.library.status().unwrap().renewal.is_none()).await;
    let found = tokio::time::timeout(Duration::from_secs(10), world.found("north gate")).await;
    assert_eq!(found.expect("one leg waits for the other"), ["a.txt"]);
}
