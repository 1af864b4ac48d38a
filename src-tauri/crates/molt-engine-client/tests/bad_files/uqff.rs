//! Folders of chat models with weights in UQFF, whose headers lie.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{chats, folders::Replaced};

/// The first variant of the model, in two parts.
const PARTS: [&str; 2] = ["tiny-q8_0-0.uqff", "tiny-q8_0-1.uqff"];
const RESIDUAL: &str = "residual.safetensors";
/// Of a layer.
const SIDES: [[u32; 2]; 7] = [[64, 64], [32, 64], [32, 64], [64, 64], [128, 64], [128, 64], [64, 128]];
/// Matrices in the first part.
const CUT: usize = 8;

/// A matrix field by field, so that a test can lie in any place.
#[derive(Clone)]
struct Matrix {
    name: String,
    version: u32,
    method: u8,
    length: u32,
    has_bias: u8,
    format: u32,
    dimensions: u32,
    sides: Vec<u32>,
    blocks: Vec<u8>,
    bias: Vec<u8>,
}

impl Matrix {
    /// Zeros of 8 bits.
    fn sound(place: usize, sides: [u32; 2]) -> Self {
        let length = sides[0] * sides[1] / 32 * 34;
        let blocks = vec![0; length as usize];
        let (name, version, dimensions) = (place.to_string(), 0x200, 2);
        let sides = sides.to_vec();
        Self { name, version, method: 0, length, has_bias: 0, format: 8, dimensions, sides, blocks, bias: Vec::new() }
    }

    fn with_bias(mut self, floats: &[f32]) -> Self {
        let header = [floats.len() as u32 * 4, 6, 1, floats.len() as u32].map(u32::to_le_bytes).concat();
        self.has_bias = 1;
        self.bias = [header, floats.iter().flat_map(|float| float.to_le_bytes()).collect()].concat();
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let numbers = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
        let (length, bias) = (numbers(&[self.length]), vec![self.has_bias]);
        [
            numbers(&[self.version]),
            vec![self.method],
            // In another order where it is not quantised.
            if self.method == 1 { [bias, length].concat() } else { [length, bias].concat() },
            numbers(&[self.format, self.dimensions]),
            numbers(&self.sides),
            self.blocks.clone(),
            self.bias.clone(),
        ]
        .concat()
    }
}

fn matrices() -> Vec<Matrix> {
    let sides = [[259, 64]].into_iter().chain(SIDES).chain(SIDES);
    sides.enumerate().map(|(place, sides)| Matrix::sound(place, sides)).collect()
}

fn file(matrices: &[Matrix]) -> Vec<u8> {
    let named: Vec<(String, Vec<u8>)> = matrices.iter().map(|one| (one.name.clone(), one.bytes())).collect();
    raw(&named)
}

fn raw(named: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut list, mut end) = (Map::new(), 0);
    for (name, bytes) in named {
        let begin = end;
        end += bytes.len();
        list.insert(name.clone(), json!({ "dtype": "U8", "shape": [bytes.len()], "data_offsets": [begin, end] }));
    }
    let list = Value::Object(list).to_string();
    let bytes: Vec<u8> = named.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
    [&(list.len() as u64).to_le_bytes()[..], list.as_bytes(), &bytes].concat()
}

/// What is no matrix of a layer.
fn rest() -> Vec<(String, Vec<u64>)> {
    chats::tensors().into_iter().filter(|(name, _)| !name.contains("_proj")).collect()
}

/// Writes a folder that mistral.rs loads: the Qwen3 of the other tests, with zeros of 8 bits.
pub fn sound(folder: &Path) {
    chats::sound(folder);
    std::fs::remove_file(folder.join(chats::SINGLE)).unwrap();
    std::fs::write(folder.join(RESIDUAL), chats::weights(&rest(), "BF16", 2)).unwrap();
    std::fs::write(folder.join(PARTS[0]), file(&matrices()[..CUT])).unwrap();
    std::fs::write(folder.join(PARTS[1]), file(&matrices()[CUT..])).unwrap();
}

/// The same in one file, whose name ends in a number.
pub fn sound_in_one(folder: &Path) {
    sound(folder);
    for part in PARTS {
        std::fs::remove_file(folder.join(part)).unwrap();
    }
    std::fs::write(folder.join("tiny-8.uqff"), file(&matrices())).unwrap();
}

/// The first part with one matrix changed.
fn changed(place: usize, change: impl Fn(&mut Matrix)) -> Vec<u8> {
    let mut matrices = matrices();
    change(&mut matrices[place]);
    file(&matrices[..CUT])
}

/// Refused from outside.
pub fn refused() -> Vec<Replaced> {
    let mut cases = headers();
    cases.extend(lists());
    cases.extend(settings());
    cases
}

fn headers() -> Vec<Replaced> {
    let mut cases = Vec::new();
    let mut add = |says: &'static str, change: &dyn Fn(&mut Matrix)| {
        for place in [0, 3, 7] {
            cases.push(Replaced { file: PARTS[0], content: changed(place, change), says: vec![says] });
        }
    };
    add("in version 0.3.0 of UQFF", &|it| it.version = 0x300);
    add("in version 1.0.0 of UQFF", &|it| it.version = 0x1_0000);
    add("in version 65535.255.255 of UQFF", &|it| it.version = u32::MAX);
    // Floats of 32 bits, which it does not have.
    add("is not quantised, and not in 32-bit floats", &|it| it.method = 1);
    add("not as long as its format makes it", &|it| (it.method, it.format) = (1, 6));
    add("by the method HQQ", &|it| it.method = 2);
    add("by the method AFQ", &|it| it.method = 4);
    add("by an unknown method", &|it| it.method = 7);
    add("by an unknown method", &|it| it.method = 255);
    // Floats, formats of intermediate results, and what only the other engine knows.
    add("in the format F32", &|it| it.format = 0);
    add("in the format Q8_1", &|it| it.format = 9);
    add("in the format Q8_K", &|it| it.format = 15);
    add("in the format IQ4_XS", &|it| it.format = 23);
    add("in the format number 4294967295", &|it| it.format = u32::MAX);
    add("no whole blocks", &|it| it.format = 12);
    add("not as long as its format makes it", &|it| it.format = 2);
    add("not of the size that config.json says", &|it| it.sides.swap(0, 1));
    add("not of the size that config.json says", &|it| it.sides = vec![u32::MAX, u32::MAX]);
    add("not of the size that config.json says", &|it| it.sides = vec![0, 0]);
    for dimensions in [0, 1, 3, u32::MAX] {
        add("not of the size that config.json says", &|it| it.dimensions = dimensions);
    }
    // Shapes that overflow to the length that the blocks have.
    add("not of the size that config.json says", &|it| {
        (it.dimensions, it.sides) = (4, vec![1 << 31, 1 << 31, 4, 64]);
    });
    for length in [0, 1, u32::MAX] {
        add("not as long as its format makes it", &|it| it.length = length);
    }
    add("not as long as its format makes it", &|it| it.blocks.truncate(1000));
    add("not as long as its format makes it", &|it| it.blocks.push(0));
    add("not as long as its format makes it", &|it| it.blocks.clear());
    add("not as long as its format makes it", &|it| it.has_bias = 1);
    add("no sensible header", &|it| it.has_bias = 2);
    add("not as long as its format makes it", &|it| {
        *it = it.clone().with_bias(&vec![0.0; it.sides[0] as usize]);
        it.has_bias = 0;
    });
    add("not as long as its format makes it", &|it| *it = it.clone().with_bias(&[0.0]));
    for (at, lie) in [(0, u32::MAX), (4, 5), (4, u32::MAX), (8, 2), (8, u32::MAX), (12, 1)] {
        add("a bias of another size or format", &|it| {
            *it = it.clone().with_bias(&vec![0.0; it.sides[0] as usize]);
            it.bias[at..at + 4].copy_from_slice(&lie.to_le_bytes());
        });
    }
    cases
}

fn lists() -> Vec<Replaced> {
    let mut cases = Vec::new();
    let mut add = |file: &'static str, content: Vec<u8>, says: &'static str| {
        cases.push(Replaced { file, content, says: vec![says] });
    };
    for name in ["15", "-1", "+1", "01", "1.0", "", "lm_head", "18446744073709551616"] {
        add(PARTS[0], changed(1, |it| it.name = name.to_owned()), "for which the model has no place");
    }
    add(PARTS[0], changed(1, |it| it.name = "8".to_owned()), "the matrix 8 of layer 1 is there twice");
    add(PARTS[0], file(&matrices()[1..CUT]), "the matrix 0 that makes tokens is in none of its files");
    add(PARTS[0], file(&matrices()[..CUT - 1]), "the matrix 7 of layer 0 is in none of its files");
    add(PARTS[1], file(&[]), "the matrix 8 of layer 1 is in none of its files");
    add(PARTS[0], raw(&[("0".to_owned(), vec![0; 25])]), "the matrix 0 that makes tokens is cut short");
    let sound = file(&matrices()[..CUT]);
    add(PARTS[0], Vec::new(), "it is empty");
    add(PARTS[0], sound[..100].to_vec(), "cut short");
    add(PARTS[0], sound[..sound.len() - 1].to_vec(), "it ends before the tensor");
    add(PARTS[0], [sound.clone(), vec![0]].concat(), "more bytes than its tensors take");
    add(
        PARTS[0],
        chats::weights(&[("0".to_owned(), vec![259, 64])], "F32", 4),
        "its weights are in the format \"F32\"",
    );
    let residual = chats::weights(&rest(), "BF16", 2);
    add(RESIDUAL, Vec::new(), "it is empty");
    add(RESIDUAL, residual[..residual.len() / 2].to_vec(), "it ends before the tensor");
    add(RESIDUAL, chats::weights(&rest(), "U8", 1), "its weights are in the format \"U8\"");
    add(RESIDUAL, chats::weights(&rest()[1..], "F32", 4), "other names");
    let first: Vec<_> = rest().into_iter().filter(|(name, _)| !name.contains("layers.1.")).collect();
    add(RESIDUAL, chats::weights(&first, "F32", 4), "the weights of layer 1 are missing");
    // Another variant, and a part too many.
    add("tiny-q4k-0.uqff", sound.clone(), "2 variants, which begin with tiny-q4k-0.uqff and tiny-q8_0-0.uqff");
    add("tiny.uqff", sound.clone(), "2 variants, which begin with tiny-q8_0-0.uqff and tiny.uqff");
    add("tiny-q8_0-3.uqff", sound.clone(), "tiny-q8_0-2.uqff is missing");
    add("tiny-q8_0-2.uqff", sound, "is there twice");
    cases
}

fn settings() -> Vec<Replaced> {
    let size = "not of the size that config.json says";
    let lies = [
        ("head_dim", json!(32), size),
        ("num_key_value_heads", json!(4), size),
        ("num_attention_heads", json!(8), size),
        ("intermediate_size", json!(64), size),
        ("intermediate_size", json!(1_048_576), size),
        ("vocab_size", json!(260), "its vocabulary is not the one"),
        ("num_hidden_layers", json!(1), "the weights have 2 layers"),
        ("num_hidden_layers", json!(1024), "the weights of layer 2 are missing"),
    ];
    let case = |(name, value, says): (&str, Value, &'static str)| {
        let mut config = chats::config();
        config.insert(name.to_owned(), value);
        Replaced { file: "config.json", content: Value::Object(config).to_string().into(), says: vec![says] }
    };
    lies.into_iter().map(case).collect()
}

/// Looks sound from outside: the worker refuses it or runs it.
pub fn suspicious() -> Vec<Replaced> {
    let mut cases = Vec::new();
    let mut add = |file: &'static str, content: Vec<u8>| cases.push(Replaced { file, content, says: Vec::new() });
    for missing in ["model.norm.weight", "model.layers.1.post_attention_layernorm.weight"] {
        let rest: Vec<_> = rest().into_iter().filter(|(name, _)| name != missing).collect();
        add(RESIDUAL, chats::weights(&rest, "BF16", 2));
    }
    let mut shorter = rest();
    shorter.last_mut().unwrap().1 = vec![15];
    add(RESIDUAL, chats::weights(&shorter, "F32", 4));
    let mut wider = rest();
    wider.push(("model.layers.0.self_attn.q_proj.weight".into(), vec![64, 64]));
    add(RESIDUAL, chats::weights(&wider, "F16", 2));
    // No numbers.
    add(PARTS[0], changed(0, |it| it.blocks.fill(0xff)));
    add(PARTS[0], changed(3, |it| it.blocks.fill(0xff)));
    add(PARTS[0], changed(1, |it| *it = it.clone().with_bias(&[f32::NAN; 64])));
    // What is sound, in another way.
    add(PARTS[0], changed(1, |it| *it = it.clone().with_bias(&[0.5; 64])));
    add(PARTS[0], changed(0, |it| *it = it.clone().with_bias(&[0.5; 259])));
    add(PARTS[0], changed(0, |it| it.version = 0x103));
    add(
        PARTS[0],
        changed(0, |it| {
            (it.method, it.format, it.length, it.blocks) = (1, 6, 259 * 64 * 4, vec![0; 259 * 64 * 4]);
        }),
    );
    add(
        PARTS[0],
        changed(2, |it| {
            (it.format, it.length, it.blocks) = (2, 32 * 2 * 18, vec![0; 32 * 2 * 18]);
        }),
    );
    cases
}
