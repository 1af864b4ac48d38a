//! Writes GGUF files field by field, so that a test can lie in any place.

use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
};

/// Writes headers field by field, so that a test can lie in any place.
#[derive(Clone, Default)]
pub struct Maker {
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    pub tensors: Vec<(Vec<u8>, Vec<u64>, u32, u64)>,
    pub data: u64,
}

pub fn text(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text].concat()
}

pub fn number(number: u32) -> Vec<u8> {
    [4_u32.to_le_bytes(), number.to_le_bytes()].concat()
}

pub fn string(string: &str) -> Vec<u8> {
    [8_u32.to_le_bytes().to_vec(), text(string.as_bytes())].concat()
}

pub fn list(kind: u32, count: u64, body: &[u8]) -> Vec<u8> {
    [&9_u32.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), body].concat()
}

pub fn strings(strings: &[&str]) -> Vec<u8> {
    let body: Vec<u8> = strings.iter().flat_map(|string| text(string.as_bytes())).collect();
    list(8, strings.len() as u64, &body)
}

impl Maker {
    /// A sound Qwen3 file of two layers, 64 wide, with four tokens.
    pub fn sound() -> Self {
        let mut maker = Self::default();
        maker.set("general.architecture", string("qwen3"));
        maker.set("general.name", string("Tiny"));
        maker.set("general.license", string("apache-2.0"));
        maker.set("qwen3.context_length", number(512));
        maker.set("qwen3.block_count", number(2));
        maker.set("qwen3.embedding_length", number(64));
        maker.set("qwen3.attention.head_count", number(4));
        maker.set("qwen3.attention.head_count_kv", number(2));
        maker.set("tokenizer.ggml.model", string("gpt2"));
        maker.set("tokenizer.ggml.tokens", strings(&["a", "b", "ab", "<|im_end|>"]));
        maker.set("tokenizer.ggml.token_type", list(5, 4, &[0; 16]));
        maker.set("tokenizer.ggml.merges", strings(&["a b"]));
        maker.set("tokenizer.ggml.eos_token_id", number(3));
        maker.set("tokenizer.chat_template", string("{{ messages }}"));
        maker.tensor("token_embd.weight", &[64, 4], 0, 1024);
        maker.tensor("output_norm.weight", &[64], 0, 256);
        for layer in 0..2 {
            maker.tensor(&format!("blk.{layer}.attn_norm.weight"), &[64], 0, 256);
            maker.tensor(&format!("blk.{layer}.attn_output.weight"), &[64, 64], 8, 64 * 64 / 32 * 34);
        }
        maker
    }

    pub fn set(&mut self, key: &str, value: Vec<u8>) -> &mut Self {
        match self.fields.iter_mut().find(|(name, _)| name == key.as_bytes()) {
            Some(field) => field.1 = value,
            None => self.fields.push((key.as_bytes().to_vec(), value)),
        }
        self
    }

    pub fn unset(&mut self, key: &str) -> &mut Self {
        self.fields.retain(|(name, _)| name != key.as_bytes());
        self
    }

    /// Makes it a file of another architecture.
    pub fn rename(&mut self, architecture: &str) {
        for field in &mut self.fields {
            field.0 =
                String::from_utf8(field.0.clone()).unwrap().replace("qwen3.", &format!("{architecture}.")).into_bytes();
        }
        self.set("general.architecture", string(architecture));
    }

    pub fn tensor(&mut self, name: &str, dimensions: &[u64], kind: u32, bytes: u64) -> &mut Self {
        self.tensors.push((name.as_bytes().to_vec(), dimensions.to_vec(), kind, self.data));
        self.data += bytes.next_multiple_of(32);
        self
    }

    pub fn change(&mut self, name: &str, change: impl FnOnce(&mut (Vec<u8>, Vec<u64>, u32, u64))) -> &mut Self {
        change(self.tensors.iter_mut().find(|tensor| tensor.0 == name.as_bytes()).unwrap());
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(3_u32.to_le_bytes());
        bytes.extend((self.tensors.len() as u64).to_le_bytes());
        bytes.extend((self.fields.len() as u64).to_le_bytes());
        for (key, value) in &self.fields {
            bytes.extend(text(key));
            bytes.extend(value);
        }
        for (name, dimensions, kind, offset) in &self.tensors {
            bytes.extend(text(name));
            bytes.extend((dimensions.len() as u32).to_le_bytes());
            dimensions.iter().for_each(|dimension| bytes.extend(dimension.to_le_bytes()));
            bytes.extend(kind.to_le_bytes());
            bytes.extend(offset.to_le_bytes());
        }
        let start = bytes.len().next_multiple_of(32);
        bytes.resize(start + self.data as usize, 0);
        bytes
    }

    /// The file with the bytes that `fill` gives for each tensor, by its name and format.
    pub fn filled(&self, mut fill: impl FnMut(&[u8], u32) -> Vec<u8>) -> Vec<u8> {
        let mut bytes = self.bytes();
        let start = bytes.len() - self.data as usize;
        for (name, _, kind, offset) in &self.tensors {
            let content = fill(name, *kind);
            bytes[start + *offset as usize..][..content.len()].copy_from_slice(&content);
        }
        bytes
    }

    /// The file with weights of chance, the same for the same seed: matrices in Q8_0 around zero, vectors of 32-bit floats around one.
    pub fn random(&self, seed: u64) -> Vec<u8> {
        let mut count = 0;
        let mut chance = || {
            count += 1;
            BuildHasherDefault::<DefaultHasher>::default().hash_one((seed, count))
        };
        let sizes: HashMap<&[u8], u64> =
            self.tensors.iter().map(|(name, dimensions, ..)| (name.as_slice(), dimensions.iter().product())).collect();
        self.filled(|name, kind| {
            let mut bytes = Vec::new();
            match kind {
                0 => {
                    (0..sizes[name]).for_each(|_| bytes.extend((0.5 + (chance() % 1024) as f32 / 1024.0).to_le_bytes()))
                }
                // A block is a 16-bit float, here 2⁻⁹, and 32 numbers of a byte.
                8 => (0..sizes[name] / 32).for_each(|_| {
                    bytes.extend(0x1800_u16.to_le_bytes());
                    (0..4).for_each(|_| bytes.extend(chance().to_le_bytes()));
                }),
                other => panic!("weights of chance in the format {other}"),
            }
            bytes
        })
    }

    /// A file that llama.cpp loads: a whole Qwen3 of two layers with all bytes, `<|im_start|>` and `<|im_end|>` as its tokens.
    pub fn loadable() -> Self {
        let mut tokens = bytes_as_tokens();
        let mut types = vec![1; tokens.len()];
        for marker in ["<|im_start|>", "<|im_end|>", "<|endoftext|>"] {
            tokens.push(marker.as_bytes().to_vec());
            types.push(3);
        }
        Self::loadable_with(&tokens, &types)
    }

    /// The same with these tokens, the last but one of which ends an answer.
    pub fn loadable_with(tokens: &[Vec<u8>], types: &[i32]) -> Self {
        let mut maker = Self::sound();
        let count = tokens.len() as u64;
        maker.set("qwen3.feed_forward_length", number(128));
        maker.set("qwen3.attention.key_length", number(16));
        maker.set("qwen3.attention.value_length", number(16));
        maker.set("qwen3.attention.layer_norm_rms_epsilon", float(1e-6));
        maker.set("tokenizer.ggml.pre", string("qwen2"));
        maker.set(
            "tokenizer.ggml.tokens",
            list(8, count, &tokens.iter().flat_map(|token| text(token)).collect::<Vec<_>>()),
        );
        let types: Vec<u8> = types.iter().flat_map(|kind| kind.to_le_bytes()).collect();
        maker.set("tokenizer.ggml.token_type", list(5, count, &types));
        maker.set("tokenizer.ggml.eos_token_id", number(tokens.len() as u32 - 2));
        maker.set("tokenizer.chat_template", string(TEMPLATE));
        maker.tensors.clear();
        maker.data = 0;
        let norm = |maker: &mut Self, name: &str, width: u64| {
            maker.tensor(name, &[width], 0, width * 4);
        };
        let matrix = |maker: &mut Self, name: &str, width: u64, rows: u64| {
            maker.tensor(name, &[width, rows], 8, width * rows / 32 * 34);
        };
        matrix(&mut maker, "token_embd.weight", 64, count);
        norm(&mut maker, "output_norm.weight", 64);
        for layer in 0..2 {
            let name = |part: &str| format!("blk.{layer}.{part}.weight");
            norm(&mut maker, &name("attn_norm"), 64);
            norm(&mut maker, &name("attn_q_norm"), 16);
            norm(&mut maker, &name("attn_k_norm"), 16);
            norm(&mut maker, &name("ffn_norm"), 64);
            for (part, width, rows) in [
                ("attn_q", 64, 64),
                ("attn_k", 64, 32),
                ("attn_v", 64, 32),
                ("attn_output", 64, 64),
                ("ffn_gate", 64, 128),
                ("ffn_up", 64, 128),
                ("ffn_down", 128, 64),
            ] {
                matrix(&mut maker, &name(part), width, rows);
            }
        }
        maker
    }

    /// Every count, length and type in the header: what it is, where it stands, and how many bytes it takes.
    pub fn marks(&self) -> Vec<Mark> {
        let mut marks = Vec::new();
        let mut mark = |what: String, at: usize, width: usize| marks.push(Mark { what, at, width });
        mark("the number of tensors".into(), 8, 8);
        mark("the number of fields".into(), 16, 8);
        let mut at = 24;
        for (key, value) in &self.fields {
            let shown = String::from_utf8_lossy(key).into_owned();
            mark(format!("the length of the key {shown}"), at, 8);
            at += 8 + key.len();
            let u32_at = |at: usize| u32::from_le_bytes(value[at..at + 4].try_into().unwrap());
            let u64_at = |at: usize| u64::from_le_bytes(value[at..at + 8].try_into().unwrap());
            match u32_at(0) {
                8 => mark(format!("the length of {shown}"), at + 4, 8),
                9 => {
                    mark(format!("the element type of {shown}"), at + 4, 4);
                    mark(format!("the count of {shown}"), at + 8, 8);
                    let mut inner = 16;
                    while u32_at(4) == 8 && inner < value.len() {
                        mark(format!("the length of an element of {shown}"), at + inner, 8);
                        inner += 8 + u64_at(inner) as usize;
                    }
                }
                _ => {}
            }
            at += value.len();
        }
        for (name, dimensions, ..) in &self.tensors {
            let shown = String::from_utf8_lossy(name).into_owned();
            mark(format!("the length of the name {shown}"), at, 8);
            at += 8 + name.len();
            mark(format!("the rank of {shown}"), at, 4);
            at += 4;
            for dimension in 0..dimensions.len() {
                mark(format!("dimension {dimension} of {shown}"), at, 8);
                at += 8;
            }
            mark(format!("the format of {shown}"), at, 4);
            mark(format!("the offset of {shown}"), at + 4, 8);
            at += 12;
        }
        marks
    }
}

/// A place in a file where a count, a length or a type stands.
pub struct Mark {
    pub what: String,
    pub at: usize,
    /// In bytes.
    pub width: usize,
}

/// Lays a conversation out as most models have it.
pub const TEMPLATE: &str = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}{{ '<|im_start|>assistant\\n' }}";

pub fn float(number: f32) -> Vec<u8> {
    [6_u32.to_le_bytes(), number.to_le_bytes()].concat()
}

pub fn wide(number: u64) -> Vec<u8> {
    [&10_u32.to_le_bytes()[..], &number.to_le_bytes()].concat()
}

/// The tokens for single bytes, as byte-level tokenizers write them.
pub fn bytes_as_tokens() -> Vec<Vec<u8>> {
    let is_shown = |byte: &u32| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let shown = (0..256).filter(is_shown);
    let others = (0..256).filter(|byte| !is_shown(byte)).zip(256..).map(|(_, stand_in)| stand_in);
    shown.chain(others).map(|character| char::from_u32(character).unwrap().to_string().into_bytes()).collect()
}
