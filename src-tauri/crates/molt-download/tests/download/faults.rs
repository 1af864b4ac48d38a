//! What goes wrong on the way, and that the file is right in the end or not there.

use molt_core::DownloadState::{Done, Failed};
use molt_testkit::Rng;

use super::{
    server::{Fault, Server, Tells},
    *,
};

const LENGTH: usize = 100_000;

#[tokio::test]
async fn a_file_arrives_whole_under_its_name() {
    let all = bytes(LENGTH);
    let server = hub_with(&all, Tells::Large).await;
    let world = World::new(&[&server]);
    let download = world.fetch(plain()).await;
    assert_eq!((download.state, download.received, download.size), (Done, LENGTH as u64, Some(LENGTH as u64)));
    assert_eq!(download.path, world.target().display().to_string());
    assert!(world.content() == Some(all));
    assert_eq!(world.files(), ["owner/name/model.gguf"], "nothing else is left");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn fifty_drops_are_fifty_continuations() {
    let all = bytes(LENGTH);
    for tells in [Tells::Large, Tells::Tag] {
        let server = hub_with(&all, tells).await;
        server.plan((0..50).map(|_| Fault::Drop(1500)));
        let world = World::new(&[&server]);
        assert_eq!(world.fetch(plain()).await.state, Done);
        assert!(world.content().is_some_and(|content| content == all));
        let seen = server.seen();
        assert_eq!(seen.len(), 51);
        for (number, request) in seen.iter().enumerate().skip(1) {
            assert_eq!(request.range, Some(format!("bytes={}-", number * 1500)), "{tells:?}");
            assert!(request.if_range.is_some(), "{tells:?}: it must be the same file still");
        }
    }
}

/// One bad answer after the first half; the next ones are honest.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_single_fault_is_recovered_from() {
    let all = bytes(LENGTH);
    let faults = [
        Fault::Drop(0),
        Fault::Drop(777),
        Fault::Stall(0),
        Fault::Stall(777),
        Fault::Close,
        Fault::Garbage,
        Fault::Status(429),
        Fault::Status(500),
        Fault::Status(503),
        Fault::Status(416),
        Fault::IgnoreRange,
        Fault::WrongRange,
        Fault::NamelessRange,
        Fault::SaysMore(100),
        Fault::SaysFewer(100),
        Fault::SendsMore,
        Fault::CutShort(1234),
        Fault::Flip(55),
        Fault::Redirect,
        Fault::Encoded,
    ];
    let mut runs = Vec::new();
    for tells in [Tells::Large, Tells::Tag, Tells::Nothing] {
        for fault in &faults {
            // Without a digest nobody can see a flipped bit.
            if matches!(fault, Fault::Flip(_)) && tells != Tells::Large {
                continue;
            }
            for first in [None, Some(Fault::Drop(LENGTH / 2))] {
                let (all, fault) = (all.clone(), fault.clone());
                runs.push(tokio::spawn(async move {
                    let server = hub_with(&all, tells).await;
                    server.plan(first.clone().into_iter().chain([fault.clone()]));
                    let world = World::new(&[&server]);
                    let download = world.fetch(plain()).await;
                    assert_eq!(download.state, Done, "{tells:?} {first:?} {fault:?}: {:?}", download.problem);
                    assert!(world.content().is_some_and(|content| content == all), "{tells:?} {first:?} {fault:?}");
                    assert_eq!(world.files(), ["owner/name/model.gguf"], "{tells:?} {first:?} {fault:?}");
                }));
            }
        }
    }
    for run in runs {
        run.await.unwrap();
    }
}

fn draw(rng: &mut Rng) -> Fault {
    let some = rng.below(LENGTH as u64) as usize;
    match rng.below(15) {
        0..=3 => Fault::Drop(some / 4),
        4 => Fault::Stall(some / 4),
        5 => Fault::Close,
        6 => Fault::Garbage,
        7 => Fault::Status(*rng.pick(&[429, 500, 502, 503, 504])),
        8 => Fault::IgnoreRange,
        9 => Fault::WrongRange,
        10 => Fault::SaysMore(some + 1),
        11 => Fault::SaysFewer(some / 2 + 1),
        12 => Fault::SendsMore,
        13 => Fault::CutShort(some / 2),
        _ => Fault::Redirect,
    }
}

/// Two hundred faults in random order, in forty downloads of which some are ended and begun again in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_faults_never_make_a_wrong_file() {
    let seed = 0x6d6f_6c74;
    let mut rng = Rng::new(seed);
    let all = bytes(LENGTH);
    let mut runs = Vec::new();
    for number in 0..40 {
        let faults: Vec<Fault> = (0..5).map(|_| draw(&mut rng)).collect();
        let restarts = rng.below(3);
        let all = all.clone();
        runs.push(tokio::spawn(async move {
            let server = hub_with(&all, Tells::Large).await;
            server.plan(faults.clone());
            let mut world = World::with(&[&server], |config| config.tries = 64);
            let id = world.start(plain()).await;
            for _ in 0..restarts {
                world.until_it(&id, |download| download.received > 0 || download.state == Done).await;
                world.restart().await;
                let right = world.content().is_none_or(|content| content == all);
                assert!(right, "seed {seed}, run {number}, {faults:?}: a wrong file under its final name");
                world.downloads.resume_interrupted().await;
            }
            let download = world.until(&id, &[Done, Failed]).await;
            assert_eq!(download.state, Done, "seed {seed}, run {number}, {faults:?}: {:?}", download.problem);
            assert!(world.content().is_some_and(|content| content == all), "seed {seed}, run {number}, {faults:?}");
            5 - server.faults_left()
        }));
    }
    let mut met = 0;
    for run in runs {
        met += run.await.unwrap();
    }
    assert!(met > 150, "most of the faults were met, not only planned: {met}");
}

#[tokio::test]
async fn a_file_that_is_always_damaged_is_given_up_and_not_kept() {
    let all = bytes(LENGTH);
    let server = hub_with(&all, Tells::Large).await;
    server.plan((0..10).map(|_| Fault::Flip(9)));
    let world = World::new(&[&server]);
    let download = world.fetch(plain()).await;
    assert_eq!(download.state, Failed);
    assert!(download.problem.is_some_and(|problem| problem.contains("model.gguf") && problem.contains("damaged")));
    assert_eq!(world.files(), Vec::<String>::new());
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_fetched_is_begun_again() {
    let (old, new) = (bytes(LENGTH), bytes(LENGTH + 4000)[4000..].to_vec());
    for tells in [Tells::Large, Tells::Tag, Tells::Nothing] {
        // The same length, so that only its identity can tell.
        assert!(old.len() == new.len() && old != new);
        let server = hub_with(&old, tells).await;
        server.plan([Fault::Drop(LENGTH / 2)]);
        server.change_after_next(&new, tells);
        // By the commit it is asked for again.
        let world = World::new(&[&server]);
        if tells == Tells::Large {
            server.put(PINNED_PATH, &new, tells);
        }
        assert_eq!(world.fetch(plain()).await.state, Done, "{tells:?}");
        assert!(world.content().is_some_and(|content| content == new), "{tells:?}: no mixture of the two");
    }
}

#[tokio::test]
async fn another_file_than_the_pinned_one_is_refused_before_a_byte_of_it() {
    let (old, new) = (bytes(LENGTH), bytes(LENGTH + 1));
    let server = hub_with(&new, Tells::Large).await;
    let world = World::new(&[&server]);
    let download = world.fetch(pinned(&old)).await;
    assert_eq!(download.state, Failed);
    assert!(download.problem.is_some_and(|problem| problem.contains("another model.gguf")));
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn a_pinned_digest_catches_a_hub_that_says_nothing() {
    let (wanted, other) = (bytes(LENGTH), vec![7; LENGTH]);
    let server = hub_with(&other, Tells::Nothing).await;
    let world = World::new(&[&server]);
    assert_eq!(world.fetch(pinned(&wanted)).await.state, Failed);
    assert_eq!(world.content(), None);
    server.put(PATH, &wanted, Tells::Nothing);
    let id = world.downloads.list()[0].id.clone();
    world.downloads.resume(&id).await.unwrap();
    assert_eq!(world.until(&id, &[Done, Failed]).await.state, Done);
    assert!(world.content() == Some(wanted));
}

#[tokio::test]
async fn a_server_that_never_goes_on_is_given_up_with_a_sentence() {
    let all = bytes(LENGTH);
    let server = hub_with(&all, Tells::Large).await;
    server.plan((0..100).map(|_| Fault::Close));
    let world = World::new(&[&server]);
    let id = world.start(plain()).await;
    let retrying = world.until(&id, &[DownloadState::Retrying]).await;
    assert!(retrying.problem.is_some_and(|problem| problem.ends_with('.')));
    assert_eq!(retrying.bytes_per_second, 0);
    let failed = world.until(&id, &[Failed, Done]).await;
    assert_eq!(failed.state, Failed);
    assert_eq!(server.seen().len(), 12);
}

#[tokio::test]
async fn a_full_disk_is_told_before_and_while_it_fills() {
    let all = bytes(3 << 20);
    let server = hub_with(&all, Tells::Large).await;
    let world = World::new(&[&server]);
    world.disk.says.store(1 << 20, Ordering::SeqCst);
    let download = world.fetch(plain()).await;
    assert_eq!(download.state, Failed);
    assert!(
        download
            .problem
            .is_some_and(|problem| problem.contains("model.gguf takes 4 MB") && problem.contains("has 2 MB free"))
    );
    assert_eq!(server.seen().len(), 0, "nothing was fetched in vain");

    world.disk.says.store(0, Ordering::SeqCst);
    world.disk.full_after.store(2 << 20, Ordering::SeqCst);
    let id = download.id;
    world.downloads.resume(&id).await.unwrap();
    let download = world.until(&id, &[Done, Failed]).await;
    assert_eq!(download.state, Failed);
    assert!(download.problem.is_some_and(|problem| problem.contains("disk is full")));
    assert_eq!(world.content(), None);

    world.disk.full_after.store(0, Ordering::SeqCst);
    world.downloads.resume(&id).await.unwrap();
    assert_eq!(world.until(&id, &[Done, Failed]).await.state, Done);
    assert!(world.content() == Some(all));
}

#[tokio::test]
async fn a_small_file_has_the_digest_of_git() {
    let server = Server::start().await;
    // `git hash-object` of these bytes.
    server.put(PATH, b"hello\n", Tells::Small("ce013625030ba8dba906f756967f9e9ca394464a"));
    server.put(PINNED_PATH, b"hello\n", Tells::Small("ce013625030ba8dba906f756967f9e9ca394464a"));
    server.plan([Fault::Flip(1)]);
    let world = World::new(&[&server]);
    assert_eq!(world.fetch(plain()).await.state, Done);
    assert_eq!(world.content().as_deref(), Some(&b"hello\n"[..]));
    assert_eq!(server.seen().len(), 2, "the damaged one was noticed");
}
