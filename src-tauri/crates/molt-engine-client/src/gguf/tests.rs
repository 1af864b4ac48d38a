//! Hand-made files, sound and lying.

// Size: one list of lying files, read side by side.

use super::*;

// The tests of other programs use the rest of it.
#[allow(dead_code)]
#[path = "../../tests/bad_files/maker.rs"]
mod maker;
mod vectors;

use maker::{Maker, list, number, string, strings, text};

impl Maker {
    fn inspect(&self) -> Result<GgufInfo, GgufError> {
        inspect_bytes(&self.bytes())
    }

    /// The sentence with which the file is refused.
    fn refusal(&self) -> String {
        self.inspect().unwrap_err().to_string()
    }
}

/// A sound file for the tests of other modules.
pub(crate) fn sound_file(name: Option<&str>) -> Vec<u8> {
    let mut maker = Maker::sound();
    match name {
        Some(name) => maker.set("general.name", string(name)),
        None => maker.unset("general.name"),
    };
    maker.bytes()
}

/// The same without a template, as an embedding model.
pub(crate) fn sound_embedder() -> Vec<u8> {
    let mut maker = Maker::sound();
    maker.set("qwen3.pooling_type", number(3)).unset("tokenizer.chat_template");
    maker.bytes()
}

fn inspect_bytes(bytes: &[u8]) -> Result<GgufInfo, GgufError> {
    inspect_reader(bytes, bytes.len() as u64)
}

/// Applies `change` to a sound file and expects `part` in the refusal of mistral.rs, and none otherwise.
#[track_caller]
fn only_llama(part: &str, change: impl FnOnce(&mut Maker)) -> GgufInfo {
    let mut maker = Maker::sound();
    change(&mut maker);
    let info = maker.inspect().unwrap();
    let refusal = info.not_for_mistral_rs.as_deref().unwrap_or("it runs it");
    assert!(refusal.contains(part), "{refusal}");
    info
}

/// Applies `change` to a sound file and expects `part` in the refusal.
#[track_caller]
fn refused(part: &str, change: impl FnOnce(&mut Maker)) {
    let mut maker = Maker::sound();
    change(&mut maker);
    let refusal = maker.refusal();
    assert!(refusal.contains(part), "{refusal}");
}

#[test]
fn a_sound_file_tells_its_figures() {
    let info = Maker::sound().inspect().unwrap();
    let weights = 2 * (64 * 64 / 32 * 34) + 3 * 256;
    assert_eq!(
        info,
        GgufInfo {
            architecture: "qwen3".into(),
            name: Some("Tiny".into()),
            licence: Some("apache-2.0".into()),
            quantisation: "Q8_0".into(),
            context_length: 512,
            parameters: 64 * 4 + 64 * 3 + 2 * 64 * 64,
            file_size: Maker::sound().bytes().len() as u64,
            block_count: 2,
            embedding_length: 64,
            vocabulary: 4,
            heads: 4,
            kv_bytes_per_token: 2 * 2 * 32 * 4,
            // The embedding twice: it is the output layer as well.
            loaded_bytes: weights + 2 * 1024 + 512 * 16 * 4,
            template: Some("{{ messages }}".into()),
            calls_tools: false,
            comparing: None,
            not_for_mistral_rs: None,
        }
    );
}

#[test]
fn a_file_of_its_own_output_layer_holds_the_embedding_once() {
    let mut maker = Maker::sound();
    let tied = maker.inspect().unwrap().loaded_bytes;
    maker.tensor("output.weight", &[64, 4], 8, 4 * 64 / 32 * 34);
    assert_eq!(maker.inspect().unwrap().loaded_bytes, tied - 1024 + 4 * 64 / 32 * 34);
}

#[test]
fn a_file_cut_short_anywhere_is_refused() {
    let whole = Maker::sound().bytes();
    // The last tensor's bytes end exactly at the end of the file.
    for length in 0..whole.len() {
        let error = inspect_bytes(&whole[..length]).unwrap_err();
        assert!(matches!(error, GgufError::CutShort | GgufError::NotGguf), "at {length}: {error}");
        assert!(length < 8 || matches!(error, GgufError::CutShort), "at {length}: {error}");
    }
}

#[test]
fn any_single_byte_may_change_without_a_panic() {
    let whole = Maker::sound().bytes();
    for at in 0..whole.len() - Maker::sound().data as usize {
        for value in [0, 1, 7, 0x7f, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            let _either_is_fine = inspect_bytes(&bytes);
        }
    }
}

#[test]
fn another_kind_of_file_is_named_as_such() {
    for bytes in [&b""[..], b"GGU", b"%PDF-1.7 and so on", b"GGML\0\0\0\0\0\0\0\0"] {
        assert!(matches!(inspect_bytes(bytes), Err(GgufError::NotGguf)));
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(inspect(folder.path()), Err(GgufError::NotGguf | GgufError::Unreadable(_))));
    assert!(matches!(inspect(&folder.path().join("absent.gguf")), Err(GgufError::Unreadable(_))));
}

#[test]
fn a_file_on_disk_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    std::fs::write(&path, Maker::sound().bytes()).unwrap();
    assert_eq!(inspect(&path).unwrap(), Maker::sound().inspect().unwrap());
}

#[test]
fn versions() {
    let mut bytes = Maker::sound().bytes();
    bytes[4] = 2;
    assert!(inspect_bytes(&bytes).is_ok());
    for version in [0, 1, 4, 3 << 3] {
        bytes[4] = version;
        assert!(matches!(inspect_bytes(&bytes), Err(GgufError::Version(_))));
    }
}

#[test]
fn absurd_counts() {
    let set = |at: usize, count: u64| {
        let mut bytes = Maker::sound().bytes();
        bytes[at..at + 8].copy_from_slice(&count.to_le_bytes());
        inspect_bytes(&bytes).unwrap_err().to_string()
    };
    for count in [u64::MAX, 1 << 40, MAX_TENSORS + 1] {
        assert!(set(8, count).contains("tensors"));
    }
    assert!(set(8, 60_000).contains("incomplete"));
    assert!(set(8, 0).contains("no weights"));
    for count in [u64::MAX, 1 << 40, MAX_FIELDS + 1] {
        assert!(set(16, count).contains("fields"));
    }
    // One field more than there are: the first tensor is read as a field.
    assert!(set(16, Maker::sound().fields.len() as u64 + 1).contains("The file is"));
}

#[test]
fn absurd_lengths_of_texts_and_lists() {
    for length in [u64::MAX, 1 << 40, (8 << 20) + 1] {
        let lie = [8_u32.to_le_bytes().to_vec(), length.to_le_bytes().to_vec()].concat();
        refused("claims to be", |maker| {
            maker.set("general.name", lie);
        });
    }
    let lie = [8_u32.to_le_bytes().to_vec(), 1_000_000_u64.to_le_bytes().to_vec()].concat();
    refused("incomplete", |maker| {
        maker.set("general.name", lie);
    });
    for count in [u64::MAX, 1 << 40, 100_000] {
        refused("incomplete", |maker| {
            maker.set("x", list(8, count, b""));
        });
        refused("incomplete", |maker| {
            maker.set("x", list(0, count, b""));
        });
    }
    // As many bytes as elements, and still more than the loader could hold.
    let many = vec![0_u8; (4 << 20) + 1];
    refused("elements", |maker| {
        maker.set("x", list(0, many.len() as u64, &many));
    });
}

#[test]
fn lists_of_lists_and_unknown_types() {
    refused("holds lists", |maker| {
        maker.set("x", list(9, 1, &list(0, 0, b"")[4..]));
    });
    refused("unknown type", |maker| {
        maker.set("x", list(13, 1, &[0; 64]));
    });
    refused("unknown type", |maker| {
        maker.set("x", 99_u32.to_le_bytes().to_vec());
    });
    refused("yes-or-no", |maker| {
        maker.set("x", [&7_u32.to_le_bytes()[..], &[2]].concat());
    });
    refused("yes-or-no", |maker| {
        maker.set("x", list(7, 2, &[1, 9]));
    });
}

#[test]
fn every_scalar_type_is_read() {
    let mut maker = Maker::sound();
    for (kind, width) in [(0, 1), (1, 1), (2, 2), (3, 2), (4, 4), (5, 4), (6, 4), (7, 1), (10, 8), (11, 8), (12, 8)] {
        maker.set(&format!("x.{kind}"), [&u32::to_le_bytes(kind)[..], &vec![0; width]].concat());
        maker.set(&format!("list.{kind}"), list(kind, 3, &vec![0; 3 * width]));
    }
    assert_eq!(maker.inspect().unwrap().parameters, Maker::sound().inspect().unwrap().parameters);
}

#[test]
fn texts_that_are_not_utf8() {
    refused("not valid text", |maker| maker.fields.push((vec![0xff, 0xfe], number(1))));
    refused("not valid text", |maker| {
        maker.change("output_norm.weight", |tensor| tensor.0 = vec![0xc3, 0x28]);
    });
    // A token may be any bytes: the loader replaces what is not UTF-8.
    let mut maker = Maker::sound();
    let tokens: Vec<u8> = [&b"a"[..], b"\xff", b"ab", b"<|im_end|>"].iter().flat_map(|token| text(token)).collect();
    maker.set("tokenizer.ggml.tokens", list(8, 4, &tokens));
    assert!(maker.inspect().is_ok());
}

#[test]
fn duplicates() {
    refused("is there twice", |maker| maker.fields.push((b"general.name".to_vec(), string("again"))));
    refused("is there twice", |maker| {
        maker.tensor("output_norm.weight", &[64], 0, 256);
    });
}

#[test]
fn architectures() {
    for known in mistral_rs::ARCHITECTURES {
        let mut maker = Maker::sound();
        maker.rename(known);
        let info = maker.inspect().unwrap();
        assert_eq!((info.architecture.as_str(), info.not_for_mistral_rs), (known, None));
    }
    let info = only_llama("does not know its architecture gemma3", |maker| maker.rename("gemma3"));
    assert_eq!((info.architecture.as_str(), info.kv_bytes_per_token), ("gemma3", 2 * 2 * 32 * 4));
    refused("do not write answers", |maker| maker.rename("t5encoder"));
    refused("impossible name", |maker| {
        maker.set("general.architecture", string("a/b"));
    });
    refused("which architecture", |maker| {
        maker.set("general.architecture", number(3));
    });
    refused("which architecture", |maker| {
        maker.unset("general.architecture");
    });
    refused("not a model", |maker| {
        maker.set("general.type", string("adapter"));
    });
    refused("one of the 3 parts", |maker| {
        maker.set("split.count", [&2_u32.to_le_bytes()[..], &[3, 0]].concat());
    });
    refused("split.count", |maker| {
        maker.set("split.count", string("three"));
    });
    let mut maker = Maker::sound();
    maker.set("general.architecture", string(&"é".repeat(5000)));
    assert!(maker.refusal().chars().count() < 250);
}

#[test]
fn figures_that_the_loader_takes_for_granted() {
    for key in ["context_length", "block_count", "embedding_length"] {
        refused("is missing", |maker| {
            maker.unset(&format!("qwen3.{key}"));
        });
        refused("is not a number", |maker| {
            maker.set(&format!("qwen3.{key}"), string("much"));
        });
    }
    for key in ["attention.head_count", "attention.head_count_kv"] {
        refused("is missing", |maker| {
            maker.unset(&format!("qwen3.{key}"));
        });
        refused("not a number for each layer", |maker| {
            maker.set(&format!("qwen3.{key}"), list(4, 1, &[0; 4]));
        });
        refused("The file is damaged", |maker| {
            maker.set(&format!("qwen3.{key}"), number(0));
        });
    }
    for context in [0, 15, u32::MAX] {
        refused("tokens at once", |maker| {
            maker.set("qwen3.context_length", number(context));
        });
    }
    refused("tokens at once", |maker| {
        maker.set("qwen3.context_length", [&10_u32.to_le_bytes()[..], &u64::MAX.to_le_bytes()].concat());
    });
    refused("layers", |maker| {
        maker.set("qwen3.block_count", number(u32::MAX));
    });
    refused("heads", |maker| {
        maker.set("qwen3.attention.head_count_kv", number(3));
    });
    refused("heads", |maker| {
        maker.set("qwen3.attention.head_count", number(1 << 20));
    });
    refused("cannot be shared", |maker| {
        maker.set("qwen3.attention.head_count", number(6));
    });
    refused("makes no sense", |maker| {
        maker.set("qwen3.attention.key_length", number(0));
    });
    refused("alignment", |maker| {
        maker.set("general.alignment", number(0));
    });
    refused("alignment", |maker| {
        maker.set("general.alignment", number(48));
    });
}

#[test]
fn each_layer_may_have_its_own_heads() {
    let numbers = |numbers: [u32; 2]| list(5, 2, &numbers.map(u32::to_le_bytes).concat());
    let info = only_llama("as a 32-bit number", |maker| {
        maker.set("qwen3.attention.head_count", numbers([4, 4])).set("qwen3.attention.head_count_kv", numbers([2, 0]));
    });
    assert_eq!(info.kv_bytes_per_token, 2 * 32 * 4);
    let info = only_llama("architecture mamba", |maker| {
        maker.unset("qwen3.attention.head_count").unset("qwen3.attention.head_count_kv").rename("mamba");
    });
    assert_eq!(info.kv_bytes_per_token, 0);
    only_llama("block_count as a 32-bit number", |maker| {
        maker.set("qwen3.block_count", [&10_u32.to_le_bytes()[..], &2_u64.to_le_bytes()].concat());
    });
}

#[test]
fn tensors_that_lie() {
    refused("0 dimensions", |maker| {
        maker.change("output_norm.weight", |tensor| tensor.1.clear());
    });
    refused("dimensions", |maker| {
        maker.change("output_norm.weight", |tensor| tensor.1 = vec![1; 5]);
    });
    for size in [vec![u64::MAX, 2], vec![1 << 33, 1 << 33], vec![1 << 24, 1 << 24, 2], vec![64, 0]] {
        refused("claims the size", |maker| {
            maker.change("output_norm.weight", |tensor| tensor.1 = size);
        });
    }
    refused("incomplete", |maker| {
        maker.change("output_norm.weight", |tensor| tensor.1 = vec![1 << 40]);
    });
    refused("incomplete", |maker| {
        maker.change("output_norm.weight", |tensor| tensor.3 = 1 << 40);
    });
    refused("outside", |maker| {
        maker.change("output_norm.weight", |tensor| tensor.3 = u64::MAX);
    });
    refused("do not fit its format Q8_0", |maker| {
        maker.change("blk.0.attn_output.weight", |tensor| tensor.1 = vec![33, 64]);
    });
    only_llama("format IQ4_NL", |maker| {
        maker.change("blk.0.attn_output.weight", |tensor| tensor.2 = 20);
    });
    refused("do not fit its format IQ4_XS", |maker| {
        maker.change("blk.0.attn_output.weight", |tensor| tensor.2 = 23);
    });
    refused("format Q8_1", |maker| {
        maker.change("blk.0.attn_output.weight", |tensor| tensor.2 = 9);
    });
    refused("number 4000000000", |maker| {
        maker.change("blk.0.attn_output.weight", |tensor| tensor.2 = 4_000_000_000);
    });
}

#[test]
fn tensors_that_are_missing_or_misshapen() {
    for name in ["token_embd.weight", "output_norm.weight", "blk.1.attn_norm.weight", "blk.0.attn_output.weight"] {
        refused("is missing", |maker| maker.tensors.retain(|tensor| tensor.0 != name.as_bytes()));
    }
    refused("not a table", |maker| {
        maker.change("token_embd.weight", |tensor| tensor.1 = vec![64]);
    });
    refused("32 wide", |maker| {
        maker.change("token_embd.weight", |tensor| tensor.1 = vec![32, 8]);
    });
    refused("only 3 of them", |maker| {
        maker.change("token_embd.weight", |tensor| tensor.1 = vec![64, 3]);
    });
}

#[test]
fn tokenizers() {
    refused("no tokenizer", |maker| {
        maker.unset("tokenizer.ggml.model");
    });
    only_llama("tokenizers of the kind \"bert\"", |maker| {
        maker.set("tokenizer.ggml.model", string("bert"));
    });
    refused("no vocabulary", |maker| {
        maker.unset("tokenizer.ggml.tokens");
    });
    refused("no vocabulary", |maker| {
        maker.set("tokenizer.ggml.tokens", strings(&[]));
    });
    refused("no vocabulary", |maker| {
        maker.set("tokenizer.ggml.tokens", list(4, 4, &[0; 16]));
    });
    refused("no merges", |maker| {
        maker.unset("tokenizer.ggml.merges");
    });
    refused("not pairs", |maker| {
        maker.set("tokenizer.ggml.merges", strings(&["a b", "ab"]));
    });
    refused("not pairs", |maker| {
        maker.set("tokenizer.ggml.merges", list(4, 1, &[0; 4]));
    });
    refused("types of its tokens", |maker| {
        maker.set("tokenizer.ggml.token_type", list(4, 4, &[0; 16]));
    });
    refused("a number for each token", |maker| {
        maker.set("tokenizer.ggml.token_type", list(5, 3, &[0; 12]));
    });
    refused("added tokens", |maker| {
        maker.set("tokenizer.ggml.added_tokens", number(1));
    });
    refused("eos_token_id is missing", |maker| {
        maker.unset("tokenizer.ggml.eos_token_id");
    });
    refused("end token is not in", |maker| {
        maker.set("tokenizer.ggml.eos_token_id", number(4));
    });
    refused("begin token is not in", |maker| {
        maker.set("tokenizer.ggml.bos_token_id", number(u32::MAX));
    });
    refused("unknown token is not in", |maker| {
        maker.set("tokenizer.ggml.unknown_token_id", number(4));
    });
    refused("score for each", |maker| {
        maker.set("tokenizer.ggml.model", string("llama"));
    });
    refused("score for each", |maker| {
        maker.set("tokenizer.ggml.model", string("llama")).set("tokenizer.ggml.scores", list(6, 3, &[0; 12]));
    });
    only_llama("tokenizers of the kind \"llama\"", |maker| {
        maker.set("tokenizer.ggml.model", string("llama")).set("tokenizer.ggml.scores", list(6, 4, &[0; 16]));
    });
    only_llama("in the way \"llama-bpe\"", |maker| {
        maker.set("tokenizer.ggml.pre", string("llama-bpe"));
    });
    let mut maker = Maker::sound();
    maker.set("tokenizer.ggml.pre", string("qwen2"));
    assert!(maker.inspect().is_ok_and(|info| info.not_for_mistral_rs.is_none()));
}

#[test]
fn a_file_without_a_template_is_sound_and_says_so() {
    let mut maker = Maker::sound();
    maker.unset("tokenizer.chat_template");
    assert_eq!(maker.inspect().unwrap().template, None);
    maker.set("tokenizer.chat_template", string("{%- if tools %}"));
    assert!(maker.inspect().unwrap().calls_tools);
    maker.set("tokenizer.chat_template", string("  \n"));
    assert_eq!(maker.inspect().unwrap().template, None);
}
