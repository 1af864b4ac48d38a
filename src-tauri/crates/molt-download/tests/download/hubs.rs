//! Several hubs, what they refuse, and what they list.

use molt_core::DownloadState::{Done, Failed};

use super::{
    server::{COMMIT, Fault, Server, Tells},
    *,
};

#[tokio::test]
async fn refusals_name_the_file_and_the_reason() {
    let all = bytes(1000);
    for (status, wanted) in
        [(401, "accept the model's terms"), (403, "accept the model's terms"), (404, "has no model.gguf")]
    {
        let server = hub_with(&all, Tells::Large).await;
        server.plan([Fault::Status(status)]);
        let world = World::new(&[&server]);
        let download = world.fetch(plain()).await;
        assert_eq!(download.state, Failed, "{status}");
        assert!(download.problem.is_some_and(|problem| problem.contains(wanted)), "{status}");
        assert_eq!(server.seen().len(), 1, "{status}: it is not tried again");
    }
    let empty = Server::start().await;
    let world = World::new(&[&empty]);
    assert!(world.fetch(plain()).await.problem.is_some_and(|problem| problem == "The hub has no model.gguf."));
}

#[tokio::test]
async fn a_mirror_stands_in_and_does_not_learn_the_token() {
    let all = bytes(50_000);
    let (first, mirror) = (hub_with(&all, Tells::Large).await, hub_with(&all, Tells::Large).await);
    first.plan([Fault::Drop(20_000), Fault::Close, Fault::Status(404)]);
    mirror.plan([Fault::Drop(10_000), Fault::Close]);
    let world = World::with(&[&first, &mirror], |config| config.token = Some("secret".into()));
    assert_eq!(world.fetch(plain()).await.state, Done);
    assert!(world.content() == Some(all));
    assert!(first.seen().iter().all(|seen| seen.authorization.as_deref() == Some("Bearer secret")));
    assert!(!mirror.seen().is_empty());
    assert!(mirror.seen().iter().all(|seen| seen.authorization.is_none()));
    assert_eq!(mirror.seen()[0].range.as_deref(), Some("bytes=20000-"), "it goes on where the other ended");
}

#[tokio::test]
async fn bytes_of_a_mirror_without_a_digest_are_not_mixed_in() {
    let (all, other) = (bytes(50_000), vec![3; 50_000]);
    let (first, mirror) = (hub_with(&all, Tells::Tag).await, hub_with(&other, Tells::Tag).await);
    first.plan([Fault::Drop(20_000), Fault::Close, Fault::Status(404)]);
    let world = World::new(&[&first, &mirror]);
    assert_eq!(world.fetch(plain()).await.state, Done);
    assert!(world.content() == Some(other), "all of it from one hub");
}

#[tokio::test]
async fn all_files_of_a_model_come_from_one_commit_and_are_placed_together() {
    let server = Server::start().await;
    let files = ["config.json", "1_Pooling/config.json", "model.safetensors"];
    for (number, file) in files.iter().enumerate() {
        let revision = if number == 0 { "main" } else { COMMIT };
        server.put(&format!("/owner/name/resolve/{revision}/{file}"), &bytes(100 + number), Tells::Large);
    }
    let world = World::new(&[&server]);
    let wanted = files.map(|path| HubFile { path: path.into(), size: None, sha256: None }).to_vec();
    let started = world.downloads.start(DownloadRequest { files: wanted, ..request(plain()) }).await.unwrap();
    let download = world.until(&started.id, &[Done, Failed]).await;
    assert_eq!((download.state, download.size, download.received), (Done, Some(303), 303), "{:?}", download.problem);
    assert_eq!(download.path, world.config.folder.join("owner/name").display().to_string());
    assert_eq!(
        world.files(),
        ["owner/name/1_Pooling/config.json", "owner/name/config.json", "owner/name/model.safetensors"]
    );
    world.downloads.cancel(&started.id).await.unwrap();
    assert!(world.files().is_empty() && !world.config.folder.join("owner").exists());
}

#[tokio::test]
async fn searching_and_listing_pass_on_what_is_sound() {
    let (broken, server) = (Server::start().await, Server::start().await);
    broken.json("/api/models", 200, "<html>");
    let found = serde_json::json!([
        { "id": "Qwen/Qwen3-4B-GGUF", "downloads": 9, "tags": ["license:apache-2.0"], "gated": false },
        { "id": "../../etc", "downloads": 9 },
        "nonsense",
    ]);
    server.json("/api/models", 200, found.to_string());
    let digest = "a".repeat(64);
    let tree = serde_json::json!([
        { "type": "directory", "path": "x" },
        { "type": "file", "path": "q.gguf", "size": 12, "lfs": { "oid": digest, "size": 12 } },
        { "type": "file", "path": "../q.gguf", "size": 12 },
    ]);
    server.json("/api/models/Qwen/Qwen3-4B-GGUF/tree/main", 200, tree.to_string());
    let world = World::new(&[&broken, &server]);
    let hub = Hub::new(&world.config).unwrap();
    let models = hub.search("qwen 3 & more", 10).await.unwrap();
    assert_eq!(models.len(), 1);
    assert_eq!(
        (models[0].repository.as_str(), models[0].licence.as_deref()),
        ("Qwen/Qwen3-4B-GGUF", Some("apache-2.0"))
    );
    let files = hub.files("Qwen/Qwen3-4B-GGUF").await.unwrap();
    assert_eq!(files, [HubFile { path: "q.gguf".into(), size: Some(12), sha256: Some(digest) }]);
    assert!(matches!(hub.files("owner/unknown").await, Err(DownloadError::Missing(_))));
    assert!(matches!(hub.files("../x").await, Err(DownloadError::Invalid(_))));
    broken.json("/api/models", 200, "[".repeat(9 << 20));
    server.json("/api/models", 500, "");
    assert!(matches!(hub.search("x", 10).await, Err(DownloadError::Unreachable(_))));
}
