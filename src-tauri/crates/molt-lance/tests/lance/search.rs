//! Adding, removing and finding.

use std::time::Instant;

use molt_core::{DocumentId, IndexChunk, IndexFilter, PassageIndex, SourceId};
use molt_lance::LanceIndex;
use molt_testkit::Rng;
use tempfile::TempDir;

use crate::{assert_all_sealed, chunk, chunks_of, find, ids, key, open, space, with_vector};

async fn library(folder: &TempDir) -> LanceIndex {
    let index = open(folder.path()).await.index;
    let rows = [
        ("rent", "lease", "The monthly rent is 1,200 euros, payable on the first working day."),
        ("deposit", "lease", "A deposit of three months' rent is held by the landlord."),
        ("vector", "notes", "系统支持增量更新和向量检索，不需要重新建立整个索引。"),
        ("approve", "rules", "所有超过五千元的报销都需要部门经理审批。"),
        ("mixed", "notes", "LanceDB 的 snapshot 功能可以回滚到任意版本。"),
        ("code", "notes", "Call parse_document() before index.open_table()."),
        ("cafe", "notes", "Le café est fermé; naïve résumés were discarded."),
    ];
    let rows = rows.map(|(id, document, text)| chunk(id, document, text)).to_vec();
    index.apply(rows, vec![]).await.unwrap();
    index
}

#[tokio::test]
async fn finds_the_right_passage_in_both_languages() {
    let folder = TempDir::new().unwrap();
    let index = library(&folder).await;
    for (query, best) in [
        ("deposit landlord", "deposit"),
        ("When is the rent payable?", "rent"),
        ("paying on working days", "rent"),
        ("审批", "approve"),
        ("谁来审批报销？", "approve"),
        ("增量更新", "vector"),
        ("向量", "vector"),
        ("回滚版本", "mixed"),
        ("lancedb snapshot", "mixed"),
        ("LanceDB 如何回滚", "mixed"),
        ("parse document", "code"),
        ("open_table", "code"),
        ("cafe", "cafe"),
        ("CAFÉ", "cafe"),
        ("naive", "cafe"),
    ] {
        let hits = find(&index, query).await;
        assert_eq!(ids(&hits).first(), Some(&best), "{query}: {hits:?}");
        assert!(hits.windows(2).all(|pair| pair[0].score >= pair[1].score), "{query}: {hits:?}");
        assert!(hits.iter().all(|hit| hit.score > 0.0), "{query}: {hits:?}");
    }
    let hits = find(&index, "deposit").await;
    assert_eq!(hits[0].document_id.as_str(), "lease");
}

/// The answers are the same whether rows are in the word index or not.
#[tokio::test]
async fn finds_the_same_before_and_after_the_words_are_indexed() {
    let folder = TempDir::new().unwrap();
    let index = library(&folder).await;
    let queries = ["rent", "审批", "向量检索", "snapshot 版本", "open_table", "cafe"];
    let mut before = Vec::new();
    for query in queries {
        before.push(find(&index, query).await.into_iter().map(|hit| hit.id).collect::<Vec<_>>());
    }
    let now = molt_lance::Upkeep { unindexed_rows: 1, ..Default::default() };
    index.keep_up(&now).await.unwrap();
    for (query, before) in queries.into_iter().zip(before) {
        let after: Vec<_> = find(&index, query).await.into_iter().map(|hit| hit.id).collect();
        assert_eq!(after, before, "{query}");
        assert!(!after.is_empty(), "{query}");
    }
    // And with some rows in the index and some not.
    index.apply(vec![chunk("late", "notes", "审批 of the late rent")], vec![]).await.unwrap();
    for (query, expected) in [("审批", vec!["approve", "late"]), ("rent", vec!["deposit", "late", "rent"])] {
        let hits = find(&index, query).await;
        let mut found = ids(&hits);
        found.sort_unstable();
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn a_query_is_text_and_never_a_language() {
    let folder = TempDir::new().unwrap();
    let index = library(&folder).await;
    for nothing in ["", "   ", "?!", "「」，。", "🙂", "\u{0}", "zzzyyyxxx"] {
        assert_eq!(find(&index, nothing).await, [], "{nothing:?}");
    }
    for odd in ["rent' OR '1'='1", "\"rent", "rent AND (", "+rent -deposit", "text:rent", "rent\u{0}", "*rent*"] {
        assert!(!find(&index, odd).await.is_empty(), "{odd:?}");
    }
    let pasted = format!("{} deposit", "rent 租金 ".repeat(50_000));
    assert!(!find(&index, &pasted).await.is_empty());
}

#[tokio::test]
async fn an_empty_index_answers_everything() {
    let folder = TempDir::new().unwrap();
    let opened = LanceIndex::open(folder.path(), key(), space("m", 3)).await.unwrap();
    assert!(opened.fresh);
    assert_eq!(opened.recovered, None);
    let index = opened.index;
    assert_eq!(index.count().await.unwrap(), 0);
    assert_eq!(index.contents().await.unwrap(), []);
    assert_eq!(index.chunk_ids(&"d1".into()).await.unwrap(), []);
    assert_eq!(find(&index, "rent").await, []);
    assert_eq!(index.search_vector(&[1.0, 0.0, 0.0], &IndexFilter::default(), 5).await.unwrap(), []);
    index.remove_documents(&["d1".into()]).await.unwrap();
    index.remove_documents(&[]).await.unwrap();
    index.apply(vec![], vec![]).await.unwrap();
    index.apply(vec![], vec!["c1".into()]).await.unwrap();
    index.maintain().await.unwrap();
    assert_eq!(index.count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_document_is_replaced_removed_and_still_so_after_reopening() {
    let folder = TempDir::new().unwrap();
    let index = library(&folder).await;
    // An edit: one chunk stays, one goes, one comes.
    let new = chunk("rent2", "lease", "The monthly rent rises to 1,350 euros next spring.");
    index.apply(vec![new], vec!["rent".into()]).await.unwrap();
    assert_eq!(chunks_of(&index, "lease").await, ["deposit", "rent2"]);
    assert_eq!(ids(&find(&index, "payable").await), [] as [&str; 0]);
    assert_eq!(ids(&find(&index, "spring").await), ["rent2"]);
    assert_eq!(index.count().await.unwrap(), 7);

    index.remove_documents(&["notes".into(), "absent".into()]).await.unwrap();
    drop(index);
    let opened = open(folder.path()).await;
    assert!(!opened.fresh);
    assert_eq!(opened.recovered, None);
    let index = opened.index;
    assert_eq!(index.count().await.unwrap(), 3);
    let mut contents = index.contents().await.unwrap();
    contents.sort();
    let pair = |document: &str, chunk: &str| (document.into(), chunk.into());
    assert_eq!(contents, [pair("lease", "deposit"), pair("lease", "rent2"), pair("rules", "approve")]);
    assert_eq!(chunks_of(&index, "notes").await, [] as [&str; 0]);
    assert_eq!(ids(&find(&index, "spring").await), ["rent2"]);
    assert_eq!(ids(&find(&index, "向量").await), [] as [&str; 0]);
}

/// Work that was cut short is done again from the start.
#[tokio::test]
async fn adding_a_chunk_again_replaces_it() {
    let folder = TempDir::new().unwrap();
    let index = library(&folder).await;
    let again =
        vec![chunk("rent", "lease", "old words"), chunk("new", "lease", "new"), chunk("rent", "lease", "fresh words")];
    index.apply(again, vec![]).await.unwrap();
    assert_eq!(index.count().await.unwrap(), 8);
    assert_eq!(chunks_of(&index, "lease").await, ["deposit", "new", "rent"]);
    assert_eq!(ids(&find(&index, "fresh").await), ["rent"]);
    assert_eq!(ids(&find(&index, "old").await), [] as [&str; 0]);
}

#[tokio::test]
async fn searches_can_be_limited_to_sources_and_documents() {
    let folder = TempDir::new().unwrap();
    let index = LanceIndex::open(folder.path(), key(), space("m", 2)).await.unwrap().index;
    let row = |id: &str, source: &str, vector: [f32; 2]| IndexChunk {
        source_id: source.into(),
        vector: Some(vector.to_vec()),
        ..chunk(id, if id == "a" { "d1" } else { "d2" }, "shared words 共同")
    };
    let rows = vec![row("a", "s1", [1.0, 0.0]), row("b", "s2", [0.8, 0.6]), row("c", "s3", [0.0, 1.0])];
    index.apply(rows, vec![]).await.unwrap();
    for indexed in [false, true] {
        if indexed {
            let now = molt_lance::Upkeep { unindexed_rows: 1, ..Default::default() };
            index.keep_up(&now).await.unwrap();
        }
        for (sources, expected) in [
            (vec![], vec!["a", "b", "c"]),
            (vec!["s2"], vec!["b"]),
            (vec!["s1", "s3"], vec!["a", "c"]),
            (vec!["none"], vec![]),
        ] {
            let sources: Vec<SourceId> = sources.into_iter().map(Into::into).collect();
            let filter = IndexFilter { sources: sources.clone(), ..IndexFilter::default() };
            let words = index.search_words("共同 shared", &filter, 10).await.unwrap();
            let mut found = ids(&words);
            found.sort_unstable();
            assert_eq!(found, expected, "{sources:?}, indexed: {indexed}");
            let near = index.search_vector(&[1.0, 0.0], &filter, 10).await.unwrap();
            assert_eq!(ids(&near), expected, "{sources:?}");
        }
        for (sources, documents, expected) in [
            (vec![], vec!["d2"], vec!["b", "c"]),
            (vec!["s3"], vec!["d2", "none"], vec!["c"]),
            (vec![], vec!["none"], vec![]),
        ] {
            let filter = IndexFilter {
                sources: sources.into_iter().map(Into::into).collect(),
                documents: documents.into_iter().map(Into::into).collect(),
            };
            let words = index.search_words("共同 shared", &filter, 10).await.unwrap();
            let mut found = ids(&words);
            found.sort_unstable();
            assert_eq!(found, expected, "{filter:?}, indexed: {indexed}");
            let near = index.search_vector(&[1.0, 0.0], &filter, 10).await.unwrap();
            assert_eq!(ids(&near), expected, "{filter:?}");
        }
    }
    let hostile = || "x') OR (true".to_owned();
    for hostile in [
        IndexFilter { sources: vec![SourceId(hostile())], ..IndexFilter::default() },
        IndexFilter { documents: vec![DocumentId(hostile())], ..IndexFilter::default() },
    ] {
        assert!(index.search_words("shared", &hostile, 10).await.is_err());
        assert!(index.search_vector(&[1.0, 0.0], &hostile, 10).await.is_err());
    }
}

#[tokio::test]
async fn vectors_are_ranked_by_cosine() {
    let folder = TempDir::new().unwrap();
    let index = LanceIndex::open(folder.path(), key(), space("m", 3)).await.unwrap().index;
    let rows = vec![
        with_vector("same", &[0.6, 0.8, 0.0]),
        with_vector("longer", &[6.0, 0.0, 8.0]),
        with_vector("opposite", &[-0.6, -0.8, 0.0]),
        with_vector("zero", &[0.0, 0.0, 0.0]),
        chunk("none", "d1", "no vector"),
    ];
    index.apply(rows, vec![]).await.unwrap();
    let hits = index.search_vector(&[0.6, 0.8, 0.0], &IndexFilter::default(), 10).await.unwrap();
    assert_eq!(ids(&hits), ["same", "longer", "opposite"]);
    for (hit, expected) in hits.iter().zip([1.0, 0.36, -1.0]) {
        assert!((hit.score - expected).abs() < 1e-5, "{hit:?}");
    }
    let best = index.search_vector(&[0.6, 0.8, 0.0], &IndexFilter::default(), 1).await.unwrap();
    assert_eq!(ids(&best), ["same"]);
    assert_eq!(index.search_vector(&[1.0, 0.0, 0.0], &IndexFilter::default(), 0).await.unwrap(), []);
    assert_eq!(index.search_vector(&[0.0; 3], &IndexFilter::default(), 5).await.unwrap(), []);
    assert!(index.search_vector(&[1.0, 0.0], &IndexFilter::default(), 5).await.is_err());
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused_before_anything_is_written() {
    let folder = TempDir::new().unwrap();
    let index = LanceIndex::open(folder.path(), key(), space("m", 2)).await.unwrap().index;
    for bad in [
        with_vector("short", &[1.0]),
        with_vector("nan", &[1.0, f32::NAN]),
        chunk("quote'", "d1", "text"),
        chunk("c9", "", "text"),
    ] {
        let rows = vec![chunk("good", "d1", "text"), bad.clone()];
        assert!(index.apply(rows, vec![]).await.is_err(), "{bad:?}");
    }
    assert!(index.apply(vec![chunk("good", "d1", "text")], vec!["' OR true".into()]).await.is_err());
    assert!(index.remove_documents(&["d') OR (true".into()]).await.is_err());
    assert!(index.chunk_ids(&"d' OR true".into()).await.is_err());
    assert_eq!(index.count().await.unwrap(), 0);
}

#[tokio::test]
async fn two_handles_never_lose_each_others_commits() {
    let folder = TempDir::new().unwrap();
    let one = std::sync::Arc::new(open(folder.path()).await.index);
    let two = std::sync::Arc::new(open(folder.path()).await.index);
    let writers = [("one", one), ("two", two)].map(|(name, index)| {
        tokio::spawn(async move {
            for n in 0..8 {
                let id = format!("{name}-{n}");
                index.apply(vec![chunk(&id, name, "text")], vec![]).await.unwrap();
            }
        })
    });
    for writer in writers {
        writer.await.unwrap();
    }
    let index = open(folder.path()).await.index;
    assert_eq!(index.count().await.unwrap(), 16);
}

#[tokio::test]
async fn holds_thousands_of_rows_and_finds_each() {
    const ROWS: usize = 5_000;
    const DIMENSION: usize = 384;
    let folder = TempDir::new().unwrap();
    let index = LanceIndex::open(folder.path(), key(), space("m", DIMENSION as u32)).await.unwrap().index;
    let mut random = Rng::new(7);
    let rows: Vec<_> = (0..ROWS)
        .map(|n| {
            let vector: Vec<f32> = (0..DIMENSION).map(|_| random.range(-1000, 1000) as f32).collect();
            let text = format!("Invoice number {n} concerns customer kunde{} 第{n}号发票", n % 97);
            IndexChunk { vector: Some(vector), ..chunk(&format!("c{n}"), &format!("d{}", n / 20), &text) }
        })
        .collect();
    let started = Instant::now();
    index.apply(rows.clone(), vec![]).await.unwrap();
    println!("{ROWS} rows added in {:?}", started.elapsed());

    for round in ["before", "after"] {
        for n in [0, 1, 2_500, 4_999] {
            let started = Instant::now();
            let hits = find(&index, &format!("invoice number {n}")).await;
            println!("{round} upkeep: words {:?}", started.elapsed());
            assert_eq!(ids(&hits)[0], format!("c{n}"), "{round}");
            let started = Instant::now();
            let vector = rows[n].vector.as_ref().unwrap();
            let hits = index.search_vector(vector, &IndexFilter::default(), 10).await.unwrap();
            println!("{round} upkeep: vector {:?}", started.elapsed());
            assert_eq!(ids(&hits)[0], format!("c{n}"), "{round}");
            assert_eq!(hits.len(), 10);
        }
        let started = Instant::now();
        index.maintain().await.unwrap();
        println!("upkeep {:?}", started.elapsed());
    }

    let gone: Vec<_> = (0..ROWS).filter(|n| n % 2 == 0).map(|n| format!("c{n}").as_str().into()).collect();
    index.apply(vec![], gone).await.unwrap();
    assert_eq!(index.count().await.unwrap(), ROWS as u64 / 2);
    assert_eq!(index.contents().await.unwrap().len(), ROWS / 2);
    assert_ne!(ids(&find(&index, "invoice number 2500").await)[0], "c2500");
    assert_eq!(ids(&find(&index, "invoice number 2501").await)[0], "c2501");
    index.maintain().await.unwrap();
    assert_eq!(index.count().await.unwrap(), ROWS as u64 / 2);
    assert_eq!(ids(&find(&index, "invoice number 2501").await)[0], "c2501");
    assert_all_sealed(folder.path());
}
