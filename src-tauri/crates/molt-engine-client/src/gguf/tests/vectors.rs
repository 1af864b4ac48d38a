//! Models that compare texts.

use super::*;

/// What a file of this architecture that pools in this way is.
fn comparing(architecture: &str, way: Option<u32>, change: impl FnOnce(&mut Maker)) -> Option<Comparing> {
    let mut maker = Maker::sound();
    maker.rename(architecture);
    if let Some(way) = way {
        maker.set(&format!("{architecture}.pooling_type"), number(way));
    }
    change(&mut maker);
    maker.inspect().unwrap().comparing
}

fn of(architecture: &str, way: Option<u32>) -> Option<(Pooling, bool, u32)> {
    let scores = |maker: &mut Maker| {
        maker.tensor("cls.output.weight", &[64, 1], 0, 256);
    };
    comparing(architecture, way, scores).map(|it| (it.pooling, it.is_encoder, it.batch))
}

#[test]
fn a_model_that_pools_does_not_write() {
    assert_eq!(of("qwen3", None), None);
    assert_eq!(of("qwen3", Some(0)), None);
    assert_eq!(of("qwen3", Some(3)), Some((Pooling::Last, false, 64)));
    assert_eq!(of("qwen3", Some(4)), Some((Pooling::Score, false, 64)));
    assert_eq!(of("qwen2", Some(1)), Some((Pooling::Mean, false, 512)), "all of a text counts");
}

#[test]
fn an_encoder_compares_texts_whatever_it_says() {
    assert_eq!(of("bert", None), Some((Pooling::Mean, true, 512)));
    assert_eq!(of("gemma-embedding", Some(0)), Some((Pooling::Mean, true, 512)));
    assert_eq!(of("bert", Some(2)), Some((Pooling::First, true, 512)));
    assert_eq!(of("bert", Some(4)), Some((Pooling::Score, true, 512)));
    assert_eq!(of("nomic-bert", Some(1)), Some((Pooling::Mean, true, 512)));
}

#[test]
fn a_text_whose_tokens_see_those_behind_them_is_read_in_one_go() {
    let no = [&7_u32.to_le_bytes()[..], &[0]].concat();
    let both_ways = comparing("qwen2", Some(3), |maker| {
        maker.set("qwen2.attention.causal", no);
    });
    assert_eq!(both_ways.map(|it| it.batch), Some(512));
}
