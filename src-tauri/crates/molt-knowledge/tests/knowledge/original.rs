//! The files whose pages are shown: PDFs of the library, and nothing else that a name in the catalogue could lead to.

use molt_knowledge::OriginalError;
use molt_testkit::sample;

use super::*;

const PDF: &str = "%PDF-1.4\nsome pages\n%%EOF\n";

/// A world that has the folder `library` as a source, and the document `d` at a path.
fn world_with(path: impl FnOnce(&World) -> PathBuf, kind: DocumentKind) -> World {
    let world = World::new(false);
    let root = world.path("library");
    std::fs::create_dir_all(&root).unwrap();
    world.store.put_source(&sample::source("s", root.to_str().unwrap())).unwrap();
    let path = path(&world);
    let document = Document { kind, ..sample::document("d", "s", path.to_str().unwrap()) };
    world.store.put_document(&document).unwrap();
    world
}

async fn refused(world: &World) -> OriginalError {
    world.library.original(&"d".into()).await.unwrap_err()
}

fn pdf(name: &'static str) -> impl FnOnce(&World) -> PathBuf {
    move |world| world.write(name, PDF)
}

#[tokio::test]
async fn a_pdf_of_the_library_is_given_whole() {
    let world = world_with(pdf("library/报告.pdf"), DocumentKind::Pdf);
    assert_eq!(world.library.original(&"d".into()).await.unwrap(), PDF.as_bytes());
    // Mail programs put a line before it.
    world.write("library/报告.pdf", &format!("From the scanner\n{PDF}"));
    assert!(world.library.original(&"d".into()).await.unwrap().ends_with(PDF.as_bytes()));
}

#[tokio::test]
async fn what_is_not_in_the_catalogue_is_not_given() {
    let world = world_with(pdf("library/a.pdf"), DocumentKind::Pdf);
    for id in ["", "e", "../a.pdf", "/etc/hostname", world.path("library/a.pdf").to_str().unwrap()] {
        let error = world.library.original(&id.into()).await.unwrap_err();
        assert!(matches!(error, OriginalError::Store(StoreError::NotFound(_))), "{id}: {error}");
    }
    world.store.remove_source(&"s".into()).unwrap();
    assert!(matches!(refused(&world).await, OriginalError::Store(StoreError::NotFound(_))));
}

#[tokio::test]
async fn other_kinds_are_not_given_whatever_they_are_called() {
    let by_kind = world_with(pdf("library/a.pdf"), DocumentKind::Markdown);
    assert!(matches!(refused(&by_kind).await, OriginalError::NotPaged(_)));
    let by_content = world_with(|world| world.write("library/a.pdf", "a letter"), DocumentKind::Pdf);
    assert!(matches!(refused(&by_content).await, OriginalError::NotPaged(_)));
}

#[tokio::test]
async fn a_file_beside_the_library_is_not_given() {
    let world = world_with(pdf("beside.pdf"), DocumentKind::Pdf);
    assert!(matches!(refused(&world).await, OriginalError::Outside(_)));
    let by_dots = world_with(
        |world| {
            world.write("beside.pdf", PDF);
            world.path("library/../beside.pdf")
        },
        DocumentKind::Pdf,
    );
    assert!(matches!(refused(&by_dots).await, OriginalError::Outside(_)));
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_out_of_the_library_is_not_followed() {
    use std::os::unix::fs::symlink;

    let world = world_with(pdf("library/a.pdf"), DocumentKind::Pdf);
    let (inside, outside) = (world.path("library/a.pdf"), world.write("secret.pdf", PDF));
    std::fs::remove_file(&inside).unwrap();
    symlink(&outside, &inside).unwrap();
    assert!(matches!(refused(&world).await, OriginalError::Outside(_)));
    // Nor a folder on the way.
    let below = world_with(|world| world.path("library/year/a.pdf"), DocumentKind::Pdf);
    std::fs::create_dir(below.path("elsewhere")).unwrap();
    below.write("elsewhere/a.pdf", PDF);
    symlink(below.path("elsewhere"), below.path("library/year")).unwrap();
    assert!(matches!(refused(&below).await, OriginalError::Outside(_)));
}

#[tokio::test]
async fn a_file_that_is_gone_or_no_file_is_one_sentence() {
    let world = world_with(pdf("library/a.pdf"), DocumentKind::Pdf);
    let path = world.path("library/a.pdf");
    std::fs::remove_file(&path).unwrap();
    let gone = refused(&world).await;
    assert!(matches!(gone, OriginalError::Gone(_)));
    assert!(gone.to_string().contains("a.pdf is not there any more"), "{gone}");
    std::fs::create_dir(&path).unwrap();
    assert!(matches!(refused(&world).await, OriginalError::Unreadable { .. }));
}

#[cfg(unix)]
#[tokio::test]
async fn a_pipe_in_the_place_of_a_file_holds_nothing_up() {
    let world = world_with(|world| world.path("library/a.pdf"), DocumentKind::Pdf);
    let made = std::process::Command::new("mkfifo").arg(world.path("library/a.pdf")).status().unwrap();
    assert!(made.success());
    let refused = tokio::time::timeout(Duration::from_secs(5), refused(&world)).await.unwrap();
    assert!(matches!(refused, OriginalError::Unreadable { .. }));
}

#[tokio::test]
async fn a_huge_file_is_not_read() {
    let world = world_with(pdf("library/a.pdf"), DocumentKind::Pdf);
    let file = std::fs::OpenOptions::new().write(true).open(world.path("library/a.pdf")).unwrap();
    // Holes on the disk: nothing is written.
    file.set_len(64 << 20).unwrap();
    assert_eq!(world.library.original(&"d".into()).await.unwrap().len(), 64 << 20);
    file.set_len((64 << 20) + 1).unwrap();
    let error = refused(&world).await;
    assert!(matches!(error, OriginalError::TooLarge(_)));
    assert!(error.to_string().contains("a.pdf is larger than 64 MB"), "{error}");
}
