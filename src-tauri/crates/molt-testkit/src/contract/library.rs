//! What every `DocumentStore` promises.

use molt_core::*;

use super::{
    changes::{List, changes_contract},
    is_missing,
};
use crate::sample::{chunk, document, instant, source};

/// Unique paths, replacement of chunks as a whole, removal with all that belongs to it.
pub fn document_store_contract(make: impl Fn() -> Box<dyn DocumentStore>) {
    documents(&*make());
    chunks(&*make());
    removal(&*make());
    changes(&*make());
}

struct Documents<'a>(&'a dyn DocumentStore);

impl List for Documents<'_> {
    /// Another text is another path. One document is put with its chunks, several without.
    fn put(&self, rows: &[(&str, &str)]) {
        let rows: Vec<_> = rows.iter().map(|(id, name)| document(id, "s", &format!("/s/{name}"))).collect();
        match &rows[..] {
            [one] => self.0.put_document_with_chunks(one, &[]).unwrap(),
            more => self.0.put_documents(more).unwrap(),
        }
    }

    fn remove(&self, id: &str) {
        self.0.remove_documents(&[id.into()]).unwrap();
    }

    fn changes(&self, since: Option<&str>, most: usize) -> Changes<String, String> {
        let Changes { mark, whole, more, changed, removed } = self.0.document_changes(since, most).unwrap();
        let changed = changed.into_iter().map(|row| format!("{}={}", row.id, row.name)).collect();
        Changes { mark, whole, more, changed, removed: removed.into_iter().map(|id| id.0).collect() }
    }
}

fn changes(store: &dyn DocumentStore) {
    let list = Documents(store);
    store.put_source(&source("s", "/s")).unwrap();
    changes_contract(&list);
    // What is refused is no change; with its source a document goes.
    let mark = list.changes(None, 9).mark;
    assert!(store.put_document(&document("x", "s", "/s/F")).is_err());
    assert_eq!(list.changes(Some(&mark), 9).mark, mark);
    store.remove_source(&"s".into()).unwrap();
    let mut gone = list.changes(Some(&mark), 9).removed;
    gone.sort();
    assert_eq!(gone, ["a", "d", "e", "f"]);
}

fn documents(store: &dyn DocumentStore) {
    is_missing(store.put_document(&document("d", "s", "/a")), "source");
    is_missing(store.document(&"d".into()), "document");
    let mut late = source("late", "/z");
    late.added_at = instant(9);
    store.put_source(&late).unwrap();
    store.put_source(&source("s", "/文档")).unwrap();
    assert_eq!(store.sources().unwrap(), [source("s", "/文档"), late], "in the order they were added");
    assert!(matches!(store.put_source(&source("other", "/z")), Err(StoreError::Failed(_))), "a path is one source");

    let mut full = document("d2", "s", "/文档/年度 报告.pdf");
    full.kind = DocumentKind::Pdf;
    full.pages = Some(12);
    full.size = u64::from(u32::MAX) * 4;
    store.put_document(&full).unwrap();
    store.put_document(&document("d1", "s", "/文档/a.md")).unwrap();
    store.put_document(&document("d3", "late", "/z/b.md")).unwrap();
    assert_eq!(store.document(&"d2".into()).unwrap(), full);
    let paths = |of: Option<&SourceId>| store.documents(of).unwrap().into_iter().map(|d| d.path).collect::<Vec<_>>();
    assert_eq!(paths(Some(&"s".into())), ["/文档/a.md", "/文档/年度 报告.pdf"], "by path");
    assert_eq!(paths(None).len(), 3);
    assert_eq!(paths(Some(&"unknown".into())), [""; 0]);
    assert_eq!(store.document_by_path("/z/b.md").unwrap().unwrap().id, "d3".into());
    assert_eq!(store.document_by_path("/z/B.md").unwrap(), None);
    assert!(
        matches!(store.put_document(&document("d9", "s", "/z/b.md")), Err(StoreError::Failed(_))),
        "a path is one document"
    );

    narrowed(store);

    full.state = DocumentState::Failed;
    full.reason = Some("the file is damaged".into());
    (full.reader, full.indexed_at, full.pages) = (None, None, None);
    store.put_document(&full).unwrap();
    assert_eq!(store.document(&"d2".into()).unwrap(), full);
}

/// Beside "/文档/a.md", "/文档/年度 报告.pdf" and "/z/b.md".
fn narrowed(store: &dyn DocumentStore) {
    let mut late = document("d4", "s", "/文档/年度%_/c.csv");
    (late.kind, late.modified_at) = (DocumentKind::Csv, instant(90));
    store.put_document(&late).unwrap();
    let everything = Narrowing::default();
    let of = |narrowing: &Narrowing| {
        let mut ids = store.document_ids(narrowing, 10).unwrap();
        ids.sort();
        ids.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let below = |folder: &str| of(&Narrowing { folder: Some(folder.to_owned()), ..everything.clone() });
    assert_eq!(of(&everything), ["d1", "d2", "d3", "d4"]);
    assert_eq!(store.document_ids(&everything, 2).unwrap().len(), 2);
    let kinds = Narrowing { kinds: vec![DocumentKind::Pdf, DocumentKind::Csv], ..everything.clone() };
    assert_eq!(of(&kinds), ["d2", "d4"]);
    assert_eq!(of(&Narrowing { since: Some(instant(90)), ..everything.clone() }), ["d4"]);
    assert_eq!(of(&Narrowing { since: Some(instant(91)), ..everything.clone() }), [""; 0]);
    for folder in ["/文档", "/文档/"] {
        assert_eq!(below(folder), ["d1", "d2", "d4"], "{folder}");
    }
    assert_eq!((below("/文档/年度%_"), below("/文档/a.md")), (vec!["d4".into()], vec!["d1".into()]));
    assert_eq!(below("/").len(), 4);
    for beside in ["/文", "/文档/a", "/文档/年度", "/%", "x"] {
        assert_eq!(below(beside), [""; 0], "{beside}");
    }
    store.remove_documents(&["d4".into()]).unwrap();
}

fn chunks(store: &dyn DocumentStore) {
    store.put_source(&source("s", "/s")).unwrap();
    let mut row = document("d", "s", "/s/d");
    assert_eq!(store.chunks(&"d".into()).unwrap(), []);
    row.chunks = 3;
    let first = [chunk("c2", "d", 2, "三"), chunk("c0", "d", 0, "one"), chunk("c1", "d", 1, "two")];
    store.put_document_with_chunks(&row, &first).unwrap();
    assert_eq!(store.chunks(&"d".into()).unwrap(), [first[1].clone(), first[2].clone(), first[0].clone()]);

    // Kept, moved, gone and new chunks.
    row.chunks = 2;
    let second = [chunk("c2", "d", 0, "三"), chunk("c9", "d", 1, "new")];
    store.put_document_with_chunks(&row, &second).unwrap();
    assert_eq!(store.chunks(&"d".into()).unwrap(), second);
    assert_eq!(store.document(&"d".into()).unwrap(), row);

    // A refused call changes nothing.
    store.put_document(&document("e", "s", "/s/e")).unwrap();
    let twice = [chunk("n", "e", 0, "a"), chunk("n", "e", 1, "b")];
    let stolen = [chunk("c9", "e", 0, "a")];
    let foreign = [chunk("n", "d", 0, "a")];
    for wrong in [&twice[..], &stolen, &foreign] {
        assert!(matches!(
            store.put_document_with_chunks(&document("e", "s", "/s/moved"), wrong),
            Err(StoreError::Failed(_))
        ));
        assert_eq!(store.document(&"e".into()).unwrap().path, "/s/e");
        assert_eq!(store.chunks(&"e".into()).unwrap(), []);
        assert_eq!(store.chunks(&"d".into()).unwrap(), second);
    }

    // Nor does a batch of which one is refused.
    let batch = [(document("f", "s", "/s/f"), vec![]), (document("e", "s", "/s/e"), stolen.to_vec())];
    assert!(matches!(store.put_documents_with_chunks(&batch), Err(StoreError::Failed(_))));
    assert!(matches!(
        store.put_documents(&[document("f", "s", "/s/f"), document("g", "s", "/s/f")]),
        Err(StoreError::Failed(_))
    ));
    is_missing(store.document(&"f".into()), "document");

    let many: Vec<_> = (0..1200).map(|n| chunk(&format!("e{n}"), "e", n, "x")).collect();
    store.put_document_with_chunks(&document("e", "s", "/s/e"), &many).unwrap();
    let mut ids: Vec<ChunkId> = many.iter().map(|c| c.id.clone()).collect();
    ids.push("missing".into());
    ids.push("c9".into());
    assert_eq!(store.chunks_by_id(&ids).unwrap().len(), 1201);
    assert_eq!(store.chunks_by_id(&[]).unwrap(), []);
    let one = store.chunks_by_id(&["c9".into(), "c9".into()]).unwrap();
    assert_eq!(one, [second[1].clone()]);
}

fn removal(store: &dyn DocumentStore) {
    for id in ["a", "b"] {
        store.put_source(&source(id, &format!("/{id}"))).unwrap();
        for n in 0..3 {
            let name = format!("{id}{n}");
            let chunks = [chunk(&format!("c-{name}"), &name, 0, "text")];
            store.put_document_with_chunks(&document(&name, id, &format!("/{id}/{n}")), &chunks).unwrap();
        }
    }
    let mut counts = store.document_counts().unwrap();
    counts.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(counts, [("a".into(), DocumentState::Indexed, 3), ("b".into(), DocumentState::Indexed, 3)]);
    let mut chunks = store.chunk_ids().unwrap();
    chunks.sort();
    assert_eq!((chunks.len(), &chunks[0]), (6, &("a0".into(), "c-a0".into())));
    store.remove_documents(&["a0".into()]).unwrap();
    store.remove_documents(&["a0".into(), "missing".into()]).unwrap();
    assert_eq!(store.chunks(&"a0".into()).unwrap(), []);
    let mut removed = store.remove_source(&"a".into()).unwrap();
    removed.sort();
    assert_eq!(removed, ["a1".into(), "a2".into()]);
    assert_eq!(store.remove_source(&"a".into()).unwrap(), [], "removing what is gone is fine");
    assert_eq!(store.chunks_by_id(&["c-a1".into(), "c-b1".into()]).unwrap().len(), 1);
    assert_eq!(store.documents(None).unwrap().len(), 3);
    // The path is free again.
    store.put_document(&document("new", "b", "/a/1")).unwrap();
}
