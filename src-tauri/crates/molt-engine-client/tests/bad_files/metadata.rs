//! Tokenizers, chat templates and settings inside a GGUF file that lie.
//!
//! Most of them look sound from outside: their lies are in what a library makes of them.

use super::{
    Case,
    maker::{Maker, bytes_as_tokens, float, list, number, string, strings, text, wide},
};

/// Refused from outside.
pub fn refused() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, says: &'static str, change: &dyn Fn(&mut Maker)| {
        let mut maker = Maker::loadable();
        change(&mut maker);
        cases.push(Case::new(name, maker.bytes(), &[says]));
    };
    let set = |key: &'static str, value: Vec<u8>| {
        move |maker: &mut Maker| {
            maker.set(key, value.clone());
        }
    };
    add(
        "a template without end",
        "chat template is",
        &set("tokenizer.chat_template", string(&"{{ 1 }}".repeat(200_000))),
    );
    for (count, says) in [(0, "no vocabulary"), (1, "types of its tokens"), (258, "types of its tokens")] {
        let tokens: Vec<u8> =
            bytes_as_tokens().into_iter().cycle().take(count).flat_map(|token| text(&token)).collect();
        let name = format!("a vocabulary of {count}");
        add(&name, says, &set("tokenizer.ggml.tokens", list(8, count as u64, &tokens)));
    }
    let many: Vec<u8> = (0..300).flat_map(|n: u32| text(format!("t{n}").as_bytes())).collect();
    add("more tokens than weights", "only 259 of them have weights", &|maker| {
        maker.set("tokenizer.ggml.tokens", list(8, 300, &many)).unset("tokenizer.ggml.token_type");
    });
    for count in [0, 1, 258, 260] {
        let types = vec![0; 4 * count];
        let name = format!("types of {count} tokens");
        add(&name, "types of its tokens", &set("tokenizer.ggml.token_type", list(5, count as u64, &types)));
        let name = format!("scores of {count} tokens");
        add(&name, "score for each token", &set("tokenizer.ggml.scores", list(6, count as u64, &types)));
    }
    for (kind, width) in [(0, 1), (1, 1), (2, 2), (3, 2), (4, 4), (6, 4), (7, 1), (10, 8), (11, 8), (12, 8)] {
        let zeros = list(kind, 259, &vec![0; width * 259]);
        let name = format!("types of tokens of the type {kind}");
        add(&name, "types of its tokens", &set("tokenizer.ggml.token_type", zeros.clone()));
        if kind != 6 {
            let name = format!("scores of the type {kind}");
            add(&name, "score for each token", &set("tokenizer.ggml.scores", zeros));
        }
    }
    for (name, merges) in
        [("a merge without a blank", "ab"), ("an empty merge", ""), ("a blank of another kind", "a\u{a0}b")]
    {
        add(name, "not pairs", &set("tokenizer.ggml.merges", strings(&["a b", merges])));
    }
    for id in [259, 1 << 31, u32::MAX] {
        add(&format!("the end token {id}"), "end token", &set("tokenizer.ggml.eos_token_id", number(id)));
        add(&format!("the begin token {id}"), "begin token", &set("tokenizer.ggml.bos_token_id", number(id)));
    }
    for kind in ["adapter", "vocab", "imatrix", ""] {
        add(&format!("a file of the type {kind:?}"), "not a model", &set("general.type", string(kind)));
    }
    for architecture in ["../qwen3", "qwen3\0", "a b", "\u{7}", "<b>"] {
        let name = format!("the architecture {architecture:?}");
        add(&name, "impossible name", &set("general.architecture", string(architecture)));
    }
    for way in [5, 99, u32::MAX] {
        add(&format!("pooling in the way {way}"), "claims to pool", &set("qwen3.pooling_type", number(way)));
    }
    add("a score of nothing", "make a score", &set("qwen3.pooling_type", number(4)));
    add("pooling by a word", "is not a number", &set("qwen3.pooling_type", string("mean")));
    for field in ["embedding_length_out", "dense_2_feat_in", "dense_3_feat_out"] {
        add(&format!("{field} of another width"), "is not the width", &|maker| {
            maker.set("qwen3.pooling_type", number(1)).set(&format!("qwen3.{field}"), number(65));
        });
    }
    add("an embedding model of Ollama alone", "the form of Ollama", &|maker| {
        maker.set("qwen3.pooling_type", number(1));
        maker.rename("gemma3");
    });
    for architecture in ["t5", "clip", "llada"] {
        add(&format!("the architecture {architecture}"), "do not write answers", &|maker| maker.rename(architecture));
    }
    cases
}

/// Looks sound from outside: the worker refuses it or runs it.
pub fn suspicious() -> Vec<Case> {
    let mut cases = fields();
    cases.extend(tokenizers());
    cases.extend(tensors());
    cases
}

/// Embedding models that look sound from outside and hold what their architecture does not have: the worker refuses each.
pub fn embedders() -> Vec<Case> {
    let of = |architecture: &str, way: u32| {
        changed(format!("a {architecture} that pools in the way {way}"), |maker| {
            maker.rename(architecture);
            maker.set(&format!("{architecture}.pooling_type"), number(way));
        })
    };
    ["bert", "eurobert", "gemma-embedding", "jina-bert-v2", "jina-bert-v3", "modern-bert", "neo-bert", "nomic-bert"]
        .into_iter()
        .flat_map(|architecture| [of(architecture, 0), of(architecture, 2)])
        .chain(["llama", "phi3", "mamba", "wobbly"].map(|architecture| of(architecture, 3)))
        .collect()
}

fn changed(name: impl Into<String>, change: impl FnOnce(&mut Maker)) -> Case {
    let mut maker = Maker::loadable();
    change(&mut maker);
    Case::new(name, maker.bytes(), &[])
}

fn fields() -> Vec<Case> {
    let sets: Vec<(&str, Vec<u8>)> = vec![
        ("tokenizer.chat_template", string("")),
        ("tokenizer.chat_template", string(" \n\t\u{3000}")),
        ("general.name", number(7)),
        ("general.license", list(0, 2, &[1, 2])),
        ("general.name", string(&"🙂".repeat(100_000))),
        ("qwen3.block_count", number(1)),
        ("qwen3.context_length", number(16)),
        ("qwen3.context_length", number(2 << 20)),
        ("qwen3.attention.head_count", number(2)),
        ("qwen3.attention.head_count", number(64)),
        ("qwen3.attention.head_count_kv", number(1)),
        ("qwen3.attention.head_count_kv", number(4)),
        ("qwen3.attention.key_length", number(1)),
        ("qwen3.attention.key_length", number(15)),
        ("qwen3.attention.key_length", number(65_536)),
        ("qwen3.attention.value_length", number(32)),
        ("qwen3.attention.layer_norm_rms_epsilon", float(f32::NAN)),
        ("qwen3.attention.layer_norm_rms_epsilon", float(f32::INFINITY)),
        ("qwen3.attention.layer_norm_rms_epsilon", float(0.0)),
        ("qwen3.attention.layer_norm_rms_epsilon", float(-1.0)),
        ("qwen3.attention.layer_norm_rms_epsilon", string("small")),
        ("qwen3.feed_forward_length", number(0)),
        ("qwen3.feed_forward_length", number(1 << 31)),
        ("qwen3.feed_forward_length", wide(u64::MAX)),
        ("qwen3.rope.dimension_count", number(0)),
        ("qwen3.rope.dimension_count", number(7)),
        ("qwen3.rope.dimension_count", number(u32::MAX)),
        ("qwen3.rope.freq_base", float(0.0)),
        ("qwen3.rope.freq_base", float(f32::NAN)),
        ("qwen3.rope.scaling.type", string("wobbly")),
        ("qwen3.rope.scaling.factor", float(0.0)),
        ("qwen3.rope.scaling.original_context_length", number(0)),
        ("qwen3.expert_count", number(1 << 31)),
        ("qwen3.expert_used_count", number(9)),
        ("qwen3.vocab_size", number(1)),
        ("qwen3.pooling_type", number(3)),
        ("split.count", number(1)),
        ("split.no", number(7)),
        ("general.file_type", number(u32::MAX)),
        ("general.quantization_version", number(u32::MAX)),
    ];
    let mut cases: Vec<Case> = sets
        .into_iter()
        .enumerate()
        .map(|(number, (key, value))| {
            changed(format!("{key}, {number}"), |maker| {
                maker.set(key, value);
            })
        })
        .collect();
    for key in ["qwen3.feed_forward_length", "qwen3.attention.layer_norm_rms_epsilon", "tokenizer.ggml.pre"] {
        cases.push(changed(format!("without {key}"), |maker| {
            maker.unset(key);
        }));
    }
    for architecture in ["llama", "gemma3", "phi3", "mamba", "wobbly", "qwen3moe", "rwkv7", "deepseek2"] {
        cases.push(changed(format!("as a {architecture}"), |maker| maker.rename(architecture)));
    }
    cases
}

fn tokenizers() -> Vec<Case> {
    let bytes = bytes_as_tokens();
    let with_last = |last: [&[u8]; 3]| {
        let tokens = bytes.iter().map(Vec::as_slice).chain(last);
        list(8, 259, &tokens.flat_map(text).collect::<Vec<u8>>())
    };
    let types = |kind: i32| list(5, 259, &kind.to_le_bytes().repeat(259));
    let scores = |score: f32| list(6, 259, &score.to_le_bytes().repeat(259));
    let long = vec![b'x'; 1 << 20];
    let mut cases = Vec::new();
    for (name, tokens) in [
        ("tokens with zeros", with_last([b"a\0b", b"\0", b"<|im_end|>\0"])),
        ("tokens that are no text", with_last([&[0xff, 0xfe], &[0xed, 0xa0, 0x80], &[0xc3]])),
        ("the same token thrice", with_last([b"<|im_end|>", b"<|im_end|>", b"<|im_end|>"])),
        ("empty tokens", with_last([b"", b"", b""])),
        ("a token of a megabyte", with_last([&long, b"<|im_end|>", b"b"])),
    ] {
        cases.push(changed(name, |maker| {
            maker.set("tokenizer.ggml.tokens", tokens);
        }));
    }
    cases.push(changed("no bytes among the tokens", |maker| {
        let tokens: Vec<u8> = (0..259).flat_map(|n: u32| text(format!("token{n}").as_bytes())).collect();
        maker.set("tokenizer.ggml.tokens", list(8, 259, &tokens));
    }));
    for kind in [0, 2, 3, 4, 5, 6, 7, 99, -1, i32::MIN] {
        cases.push(changed(format!("all tokens of the type {kind}"), |maker| {
            maker.set("tokenizer.ggml.token_type", types(kind));
        }));
    }
    for kind in ["llama", "bert", "t5", "rwkv", "plamo2", "no_vocab", "none", "wobbly"] {
        cases.push(changed(format!("a tokenizer of the kind {kind}"), |maker| {
            maker.set("tokenizer.ggml.model", string(kind)).set("tokenizer.ggml.scores", scores(-1.0));
        }));
    }
    for score in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
        cases.push(changed(format!("scores of {score}"), |maker| {
            maker.set("tokenizer.ggml.model", string("llama")).set("tokenizer.ggml.scores", scores(score));
        }));
    }
    for (name, merges) in [
        ("merges of unknown tokens", strings(&["zzz yyy", "q w"])),
        ("merges of nothing", strings(&[" ", "  "])),
        ("a merge twice", strings(&["a b", "a b"])),
        ("merges with zeros", strings(&["a\0 b", "\0 \0"])),
        ("no merges", strings(&[])),
    ] {
        cases.push(changed(name, |maker| {
            maker.set("tokenizer.ggml.merges", merges);
        }));
    }
    for (key, value) in [
        ("tokenizer.ggml.pre", string("wobbly")),
        ("tokenizer.ggml.pre", string("")),
        ("tokenizer.ggml.pre", number(1)),
        ("tokenizer.ggml.eos_token_id", wide(3)),
        ("tokenizer.ggml.eos_token_id", string("end")),
        ("tokenizer.ggml.bos_token_id", wide(u64::MAX)),
        ("tokenizer.ggml.padding_token_id", number(u32::MAX)),
        ("tokenizer.ggml.eot_token_id", number(1 << 31)),
        ("tokenizer.ggml.fim_pre_token_id", number(u32::MAX)),
        ("tokenizer.ggml.add_bos_token", string("yes")),
        ("tokenizer.ggml.add_bos_token", [&7_u32.to_le_bytes()[..], &[1]].concat()),
        ("tokenizer.ggml.add_space_prefix", number(9)),
        ("tokenizer.ggml.precompiled_charsmap", list(0, 4, &[0xff; 4])),
        ("tokenizer.ggml.token_type_count", number(u32::MAX)),
    ] {
        cases.push(changed(format!("{key}, {}", cases.len()), |maker| {
            maker.set(key, value);
        }));
    }
    cases.push(changed("an end token that stands for a letter", |maker| {
        maker.set("tokenizer.ggml.eos_token_id", number(0));
    }));
    cases
}

fn tensors() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, size) in [
        ("blk.0.attn_q.weight", vec![64, 32]),
        ("blk.0.attn_q.weight", vec![32, 64]),
        ("blk.0.attn_k_norm.weight", vec![1]),
        ("blk.1.ffn_down.weight", vec![64, 128]),
        ("blk.1.ffn_up.weight", vec![64, 1, 128]),
        ("output_norm.weight", vec![32]),
    ] {
        cases.push(changed(format!("{name} of {size:?}"), |maker| {
            maker.change(name, |tensor| tensor.1 = size);
        }));
    }
    for (name, kind) in [("output_norm.weight", 26), ("blk.0.attn_norm.weight", 1), ("blk.0.attn_q.weight", 20)] {
        cases.push(changed(format!("{name} of the format {kind}"), |maker| {
            maker.change(name, |tensor| tensor.2 = kind);
        }));
    }
    for name in ["blk.0.attn_q.weight", "blk.1.ffn_up.weight", "blk.0.attn_k_norm.weight"] {
        cases.push(changed(format!("{name} under a name with a zero"), |maker| {
            maker.change(name, |tensor| tensor.0.extend(b"\0x"));
        }));
        cases.push(changed(format!("{name} under another name"), |maker| {
            maker.change(name, |tensor| tensor.0.insert(0, b'x'));
        }));
    }
    cases.push(changed("a tensor that nobody asks for", |maker| {
        maker.tensor("wobbly.weight", &[64], 0, 256);
    }));
    cases.push(changed("a gap between tensors", |maker| {
        maker.data += 64;
        maker.tensor("rope_freqs.weight", &[8], 0, 32);
    }));
    cases.push(changed("tensors in another order", |maker| maker.tensors.reverse()));
    let mut nonsense = Maker::loadable().bytes();
    let data = Maker::loadable().data as usize;
    let start = nonsense.len() - data;
    nonsense[start..].fill(0xff);
    cases.push(Case::new("weights that are no numbers", nonsense.clone(), &[]));
    nonsense[start..].fill(0x7b);
    cases.push(Case::new("weights beyond all measure", nonsense, &[]));
    cases
}

/// 100,000 tokens of this type besides the bytes: a loader that compares each with each takes many minutes.
pub fn many_special(kind: i32) -> Case {
    const MANY: usize = 100_000;
    let mut tokens = bytes_as_tokens();
    let mut types = vec![1; tokens.len()];
    for number in 0..MANY {
        tokens.push(format!("<|special_{number}|>").into_bytes());
        types.push(kind);
    }
    for marker in ["<|im_start|>", "<|im_end|>", "<|endoftext|>"] {
        tokens.push(marker.as_bytes().to_vec());
        types.push(3);
    }
    Case::new(format!("{MANY} tokens of the type {kind}"), Maker::loadable_with(&tokens, &types).bytes(), &[])
}

/// A sound file whose weights are larger than the memory of any computer; on the disk they are empty space.
pub fn larger_than_memory() -> Case {
    let mut maker = Maker::loadable();
    let (size, start) = (1_u64 << 40, maker.data);
    maker.tensors.push((b"blk.0.extra.weight".to_vec(), vec![1 << 20, 1 << 18], 0, start));
    let bytes = maker.bytes();
    let length = bytes.len() as u64 + size;
    Case { length: Some(length), ..Case::new("a model of a terabyte", bytes, &[]) }
}

/// The file with this template.
pub fn with_template(template: &str) -> Vec<u8> {
    let mut maker = Maker::loadable();
    maker.set("tokenizer.chat_template", string(template));
    maker.bytes()
}

/// Templates that would run for ever, or take all memory; each as soon as it is used.
pub const ENDLESS: [&str; 24] = [
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(9) %}x{% endfor %}{% endfor %}{% endfor %}",
    "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
    "{% macro one() %}{{ two() }}{% endmacro %}{% macro two() %}{{ one() }}{% endmacro %}{{ two() }}",
    "{% macro twice(n) %}{{ twice(n) ~ twice(n) }}{% endmacro %}{{ twice(1) }}",
    "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "{% include 'chat' %}",
    "{% for n in range(99999) %}{{ 'aaaaaaaaaaaaaaaa' }}{% endfor %}",
    // Each step doubles the text.
    "{% set ns = namespace(s='a') %}{% for n in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}",
    "{% set ns = namespace(s='a') %}{% for n in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "{% set ns = namespace(s='a') %}{% for n in range(60) %}{% set ns.s = [ns.s, ns.s] | join %}{% endfor %}",
    "{% set ns = namespace(s='a') %}{% for n in range(60) %}{% set ns.s = ns.s.replace('a', 'aa') %}{% endfor %}",
    "{% set s = 'a' * 90000000 %}{{ s | replace('a', s) }}",
    "{{ ('a' * 90000000) ~ ('b' * 90000000) ~ ('c' * 90000000) ~ ('d' * 90000000) }}",
    "{% set ns = namespace(a=[]) %}{% for n in range(99999) %}{% set ns.a = ns.a + ['a' * 100000] %}{% endfor %}",
    // One step of the program, and many of a filter's.
    "{{ ([0] * 10**12) | join }}",
    "{{ ([0] * 10**12) | list }}",
    "{{ ([0] * 10**12) | sum }}",
    "{{ ([0] * 10**12) | map('string') | list | length }}",
    "{{ ([0] * 10**12) | select('odd') | list }}",
    "{{ ','.join([0] * 10**12) }}",
    "{{ 1 in [0] * 10**12 }}",
    "{{ ([0] * 10**12).count(1) if false else ([0] * 10**12) | last }}",
    // The counting does not move on.
    "{{ 'abc'.count('') }}",
];
