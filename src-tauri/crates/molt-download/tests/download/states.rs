//! Pausing, ending, beginning again; and that nothing happens unasked.

use molt_core::DownloadState::{Done, Failed, Paused, Queued, Running};

use super::{
    server::{Fault, Tells},
    *,
};

const LENGTH: usize = 200_000;

#[tokio::test]
async fn the_contract_is_kept() {
    let server = hub_with(&bytes(LENGTH), Tells::Large).await;
    server.hold(true);
    let world = World::with(&[&server], |config| config.stall = DEADLINE);
    let release = async |_: &DownloadId| server.hold(false);
    let kept = molt_testkit::contract::model_downloads_contract(&world.downloads, request(plain()), release);
    tokio::time::timeout(DEADLINE, kept).await.unwrap();
}

#[tokio::test]
async fn no_connection_is_opened_unasked() {
    let server = hub_with(&bytes(LENGTH), Tells::Large).await;
    let mut world = World::new(&[&server]);
    world.downloads.resume_interrupted().await;
    assert_eq!(server.connections(), 0);
    server.hold(true);
    let id = world.start(plain()).await;
    world.until_it(&id, |download| download.received > 0).await;
    world.downloads.pause(&id).await.unwrap();
    let before = server.connections();
    world.restart().await;
    world.downloads.resume_interrupted().await;
    assert_eq!(world.downloads.list()[0].state, Paused, "the user had paused it");
    assert_eq!(server.connections(), before);
}

#[tokio::test]
async fn what_was_received_survives_a_pause_and_a_restart() {
    let all = bytes(LENGTH);
    let server = hub_with(&all, Tells::Large).await;
    server.hold(true);
    let mut world = World::with(&[&server], |config| config.stall = DEADLINE);
    let id = world.start(plain()).await;
    world.until_it(&id, |download| download.received == LENGTH as u64 / 2).await;
    let paused = world.downloads.pause(&id).await.unwrap();
    assert_eq!((paused.state, paused.received, paused.bytes_per_second), (Paused, LENGTH as u64 / 2, 0));
    world.downloads.resume(&id).await.unwrap();
    world.until_it(&id, |download| download.received > LENGTH as u64 / 2).await;
    // This one ends with the program.
    world.restart().await;
    let left = world.downloads.list();
    assert_eq!((left.len(), left[0].state, left[0].id.clone()), (1, Paused, id.clone()));
    assert!(left[0].received > LENGTH as u64 / 2 && left[0].size == Some(LENGTH as u64));
    server.hold(false);
    world.downloads.resume_interrupted().await;
    assert_eq!(world.until(&id, &[Done, Failed]).await.state, Done);
    assert!(world.content() == Some(all));
    let starts: Vec<Option<String>> = server.seen().into_iter().map(|seen| seen.range).collect();
    let expected = [None, Some(format!("bytes={}-", LENGTH / 2)), Some(format!("bytes={}-", LENGTH * 3 / 4))];
    assert_eq!(starts, expected);
}

#[tokio::test]
async fn after_a_sudden_end_only_what_is_surely_on_the_disk_counts() {
    let all = bytes(LENGTH);
    let server = hub_with(&all, Tells::Tag).await;
    server.plan([Fault::Drop(LENGTH / 2)]);
    let mut world = World::new(&[&server]);
    let id = world.start(plain()).await;
    world.until_it(&id, |download| download.received > 0).await;
    world.downloads.pause(&id).await.unwrap();
    if world.content().is_some() {
        return assert!(world.content() == Some(all), "it was faster than the pause");
    }
    // The length of the file was written and its content was not: after a power cut it reads as zeros.
    let part = world.config.folder.join(".downloads").join(id.as_str()).join("0.part");
    let file = fs::OpenOptions::new().write(true).open(&part).unwrap();
    file.set_len(LENGTH as u64).unwrap();
    world.restart().await;
    world.downloads.resume(&id).await.unwrap();
    assert_eq!(world.until(&id, &[Done, Failed]).await.state, Done);
    assert!(world.content() == Some(all));
}

#[tokio::test]
async fn cancelling_leaves_nothing() {
    let server = hub_with(&bytes(LENGTH), Tells::Large).await;
    server.hold(true);
    let mut world = World::with(&[&server], |config| config.stall = DEADLINE);
    let id = world.start(plain()).await;
    world.until_it(&id, |download| download.received > 0).await;
    world.downloads.cancel(&id).await.unwrap();
    assert!(world.downloads.list().is_empty() && world.files().is_empty());
    world.restart().await;
    assert!(world.downloads.list().is_empty());
}

#[tokio::test]
async fn so_many_run_and_the_others_wait() {
    let server = hub_with(&bytes(LENGTH), Tells::Large).await;
    let names = ["a.gguf", "b.gguf", "c.gguf"];
    for name in names {
        for revision in ["main", super::server::COMMIT] {
            server.put(&format!("/owner/name/resolve/{revision}/{name}"), &bytes(LENGTH), Tells::Large);
        }
    }
    server.hold(true);
    let world = World::with(&[&server], |config| (config.stall, config.parallel) = (DEADLINE, 2));
    let mut ids = Vec::new();
    for name in names {
        ids.push(world.start(HubFile { path: name.into(), ..plain() }).await);
    }
    for id in &ids[..2] {
        world.until_it(id, |download| download.state == Running && download.received > 0).await;
    }
    assert_eq!(world.downloads.list()[2].state, Queued);
    world.downloads.pause(&ids[0]).await.unwrap();
    world.until_it(&ids[2], |download| download.state == Running && download.received > 0).await;
    server.hold(false);
    world.downloads.resume(&ids[0]).await.unwrap();
    for id in &ids {
        assert_eq!(world.until(id, &[Done, Failed]).await.state, Done);
    }
    let order: Vec<DownloadId> = world.downloads.list().into_iter().map(|download| download.id).collect();
    assert_eq!(order, ids);
}

#[tokio::test]
async fn a_file_that_is_in_place_already_is_not_fetched_again() {
    let all = bytes(LENGTH);
    let server = hub_with(&all, Tells::Large).await;
    let world = World::new(&[&server]);
    fs::create_dir_all(world.target().parent().unwrap()).unwrap();
    fs::write(world.target(), &all).unwrap();
    let found = world.fetch(plain()).await;
    assert_eq!((found.state, server.seen().len()), (Done, 0));
    world.downloads.cancel(&found.id).await.unwrap();
    assert!(world.content().is_some_and(|content| content == all), "it was there before");
    // One of the same length that is damaged is.
    let mut damaged = all.clone();
    damaged[7] ^= 1;
    fs::write(world.target(), damaged).unwrap();
    assert_eq!(world.fetch(plain()).await.state, Done);
    assert!(world.content() == Some(all));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn what_is_settled_leaves_the_list_and_stays_on_the_disk() {
    let all = bytes(1000);
    let server = hub_with(&all, Tells::Large).await;
    let mut world = World::new(&[&server]);
    let download = world.fetch(plain()).await;
    world.restart().await;
    assert_eq!(world.downloads.list()[0].state, Done, "it was not settled yet");
    world.downloads.settle(&download.id, None).await.unwrap();
    assert!(world.downloads.list().is_empty() && world.content() == Some(all));
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_and_touches_nothing() {
    let server = hub_with(&bytes(10), Tells::Large).await;
    let world = World::new(&[&server]);
    let wrong = [
        DownloadRequest { repository: "owner".into(), ..request(plain()) },
        DownloadRequest { files: Vec::new(), ..request(plain()) },
        DownloadRequest { revision: Some("../x".into()), ..request(plain()) },
        request(HubFile { path: "../../model.gguf".into(), ..plain() }),
        request(HubFile { path: "/etc/passwd".into(), ..plain() }),
        request(HubFile { sha256: Some("abc".into()), ..plain() }),
    ];
    for request in wrong {
        let refused = world.downloads.start(request.clone()).await;
        assert!(matches!(refused, Err(DownloadError::Invalid(_))), "{request:?}");
    }
    assert!(world.downloads.list().is_empty() && !world.config.folder.exists());
    assert_eq!(server.connections(), 0);
}
