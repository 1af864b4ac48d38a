//! What a line of the search box finds.

use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};
use molt_core::{DocumentKind, IndexFilter, SearchBy};
use molt_knowledge::Narrowing;

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
    let notes = Narrowing { kinds: vec![DocumentKind::Markdown], since: None };
    assert_eq!(names(&world, "many north gate", &notes).await, ["notes.md", "old.md"]);
    let recent = Narrowing { since: Some(Timestamp::now() - SignedDuration::from_hours(24)), ..notes.clone() };
    assert_eq!(names(&world, "many north gate", &recent).await, ["notes.md"]);
    assert!(names(&world, "\"north gate\"", &recent).await.is_empty());
    // A question is not narrowed by what it quotes.
    assert!(!world.found("what is the \"gate closed\"?").await.is_empty());
}
