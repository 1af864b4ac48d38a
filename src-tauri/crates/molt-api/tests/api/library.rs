//! What a page of documents reads.

use super::*;

/// What was told: whether anew, names with their states, and how many are gone.
async fn told(world: &World, mark: &mut Value) -> (Value, Vec<String>, usize) {
    let answer = world.call("document_changes", json!({ "mark": mark })).await.unwrap();
    assert_eq!((&answer["more"], &answer["reading"]), (&json!(false), &json!([])));
    *mark = answer["mark"].clone();
    let name = |one: &Value| format!("{} {}", one["name"].as_str().unwrap(), one["state"].as_str().unwrap());
    let changed = answer["changed"].as_array().unwrap().iter().map(name).collect();
    (answer["whole"].clone(), changed, answer["removed"].as_array().unwrap().len())
}

#[tokio::test]
async fn documents_are_told_once_and_then_what_changed() {
    let world = world();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    for name in ["a.txt", "b.txt"] {
        world.watcher.put(root.join(name), 1, sample::instant(1));
    }
    let mut mark = Value::Null;
    assert_eq!(told(&world, &mut mark).await, (json!(true), vec![], 0));
    let added = world.call("knowledge_add", json!({ "paths": [root] })).await.unwrap();
    let (whole, mut names, gone) = told(&world, &mut mark).await;
    names.sort();
    assert_eq!((whole, names, gone), (json!(false), vec!["a.txt waiting".into(), "b.txt waiting".into()], 0));
    let listed = world.call("document_list", json!({ "source_id": null })).await.unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 2);

    let read = Document { state: DocumentState::Indexed, ..serde_json::from_value(listed[0].clone()).unwrap() };
    world.store.put_document(&read).unwrap();
    assert_eq!(told(&world, &mut mark).await, (json!(false), vec!["a.txt indexed".into()], 0));
    assert_eq!(told(&world, &mut mark).await, (json!(false), vec![], 0));
    // Of a program that ran before.
    let (whole, names, _) = told(&world, &mut json!("0/0")).await;
    assert_eq!((whole, names.len()), (json!(true), 2));

    world.call("source_remove", json!({ "id": added["sources"][0]["id"] })).await.unwrap();
    assert_eq!(told(&world, &mut mark).await, (json!(false), vec![], 2));
}

#[tokio::test]
async fn many_documents_come_in_pages() {
    let world = world();
    world.store.put_source(&sample::source("s", "/s")).unwrap();
    let all: Vec<_> =
        (0..PAGE + 1).map(|at| sample::document(&format!("{at:05}"), "s", &format!("/s/{at:05}.md"))).collect();
    world.store.put_documents(&all).unwrap();
    let first = world.call("document_changes", json!({ "mark": null })).await.unwrap();
    assert_eq!((&first["whole"], &first["more"]), (&json!(true), &json!(true)));
    let rest = world.call("document_changes", json!({ "mark": first["mark"] })).await.unwrap();
    assert_eq!((&rest["whole"], &rest["more"]), (&json!(false), &json!(false)));
    let count = |answer: &Value| answer["changed"].as_array().unwrap().len();
    assert_eq!((count(&first), count(&rest)), (PAGE, 1));
}
