//! Loading, chatting and unloading, again and again.

use std::path::Path;

use molt_core::{Engine, Role};
use molt_engine_client::memory;

use crate::bench::{Bench, MEASURED, hear, request, said, small_model};

const ROUNDS: usize = 20;
const CHATS: usize = 50;
/// Bytes that this process may grow by from the round in which everything has been used once, up to the last.
const GROWTH: u64 = 2 << 20;

#[tokio::test]
async fn a_model_that_is_loaded_again_and_again_leaves_nothing_behind() {
    let _alone = MEASURED.write().await;
    let bench = Bench::new();
    let spec = small_model();
    let mut held = Vec::new();
    for round in 0..ROUNDS {
        bench.load(&spec).await.unwrap();
        let pid = bench.pid(&spec.id).await;
        for chat in 0..CHATS {
            let question = said(Role::User, format!("Hello {chat}!"));
            hear(bench.client.generate(request(&spec.id, vec![question], 3))).await.end.unwrap();
        }
        bench.client.unload(&spec.id).await;
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "the worker is gone in round {round}");
        assert!(bench.client.stats().await.is_empty());
        held.push(memory::of_process(std::process::id()));
    }
    let kilobytes: Vec<u64> = held.iter().map(|bytes| bytes >> 10).collect();
    println!("after {ROUNDS} rounds of {CHATS} chats: {:.1} KB a round, {kilobytes:?} KB", slope(&kilobytes[5..]));
    assert!(held[ROUNDS - 1] < held[5] + GROWTH, "{kilobytes:?} KB");
}

/// By which the figures grow from one to the next, by least squares.
fn slope(figures: &[u64]) -> f64 {
    let count = figures.len() as f64;
    let (middle, mean) = ((count - 1.0) / 2.0, figures.iter().sum::<u64>() as f64 / count);
    let along = |(place, &figure): (usize, &u64)| (place as f64 - middle) * (figure as f64 - mean);
    let across = (0..figures.len()).map(|place| (place as f64 - middle).powi(2)).sum::<f64>();
    figures.iter().enumerate().map(along).sum::<f64>() / across
}
