//! Headers whose counts, lengths, types and offsets lie.

use super::{
    Case,
    maker::{Maker, float, list, number, string, strings, text, wide},
};

/// Where a text of another length leads cannot be foreseen, only that the file is refused for what is found there.
const SOMEWHERE: &[&str] = &["damaged: ", "incomplete", "cannot be run: "];

/// All of them.
pub fn cases() -> Vec<Case> {
    let mut cases = beginnings();
    cases.extend(counts_and_lengths());
    cases.extend(types());
    cases.extend(figures());
    cases.extend(tensors());
    cases.extend(doubled_and_missing());
    cases.extend(endless());
    cases
}

fn changed(name: String, says: &[&'static str], change: impl FnOnce(&mut Maker)) -> Case {
    let mut maker = Maker::sound();
    change(&mut maker);
    Case::new(name, maker.bytes(), says)
}

fn beginnings() -> Vec<Case> {
    let sound = Maker::sound().bytes();
    let mut cases = Vec::new();
    for magic in [&b"gguf"[..], b"GGML", b"FUGG", b"\0\0\0\0", b"PK\x03\x04", b"GGU", b"", b"GGUF\x03\0\0"] {
        let mut bytes = magic.to_vec();
        if magic.len() == 4 {
            bytes.extend(&sound[4..]);
        }
        cases.push(Case::new(format!("begins with {magic:?}"), bytes, &["not a GGUF"]));
    }
    for version in [0, 1, 4, 0x0300_0000, 1 << 31, u32::MAX] {
        let mut bytes = sound.clone();
        bytes[4..8].copy_from_slice(&version.to_le_bytes());
        cases.push(Case::new(format!("version {version}"), bytes, &["of version"]));
    }
    for part in 1..=30 {
        let length = (sound.len() - 1) * part / 30;
        cases.push(Case::new(format!("the first {length} bytes"), sound[..length].to_vec(), &["incomplete"]));
    }
    cases
}

/// Every count, length, dimension, format and offset there is, at every figure that overflows somewhere.
fn counts_and_lengths() -> Vec<Case> {
    let maker = Maker::sound();
    let sound = maker.bytes();
    let mut cases = Vec::new();
    for mark in maker.marks() {
        for figure in [0, 1, 1 << 31, 1 << 32, 1 << 63, u64::MAX] {
            let figure = if mark.width == 4 { figure.min(u64::from(u32::MAX)) } else { figure };
            let place = mark.at..mark.at + mark.width;
            let written = &figure.to_le_bytes()[..mark.width];
            let name = format!("{} is {figure}", mark.what);
            if &sound[place.clone()] == written || cases.iter().any(|case: &Case| case.name == name) {
                continue;
            }
            let mut bytes = sound.clone();
            bytes[place.clone()].copy_from_slice(written);
            let what = mark.what.as_str();
            // Short floats in the place of long ones are sound.
            if figure == 1 && what.starts_with("the format") && sound[place.clone()] == [0; 4] {
                continue;
            }
            let is_smaller_tensor = figure == 1
                && what.starts_with("dimension")
                && !what.contains("token_embd")
                && !what.starts_with("dimension 0 of blk.0.attn_output")
                && !what.starts_with("dimension 0 of blk.1.attn_output");
            let says: &[&str] = match figure {
                0 if what == "the number of tensors" => &["no weights"],
                0 if what.starts_with("dimension") => &["claims the size"],
                0 if what.starts_with("the rank") => &["0 dimensions"],
                // Nothing is wrong with it in itself; the worker knows the shapes.
                1 if is_smaller_tensor => &[],
                0..=1 => SOMEWHERE,
                _ if what.starts_with("the offset") => &["incomplete", "outside"],
                _ if what.starts_with("the format") => &["which no engine computes with"],
                _ if what.starts_with("the rank") => &["dimensions"],
                _ if what.starts_with("the element type") => &["unknown type"],
                _ if what.starts_with("dimension") => &["claims the size", "incomplete", "do not fit"],
                _ => &["claims to", "incomplete"],
            };
            cases.push(Case::new(name, bytes, says));
        }
    }
    cases
}

/// Values of each type that the format has.
fn of_each_type() -> Vec<(&'static str, Vec<u8>)> {
    let scalar = |kind: u32, bytes: &[u8]| [&kind.to_le_bytes()[..], bytes].concat();
    vec![
        ("an unsigned byte", scalar(0, &[2])),
        ("a signed byte", scalar(1, &[0xff])),
        ("a signed number", scalar(5, &(-1_i32).to_le_bytes())),
        ("a float", float(f32::NAN)),
        ("a boolean", scalar(7, &[1])),
        ("a text", string("2")),
        ("a list of bytes", list(0, 2, &[1, 2])),
        ("a list of texts", strings(&["1", "2"])),
        ("a wide signed number", scalar(11, &i64::MIN.to_le_bytes())),
        ("a double", scalar(12, &f64::INFINITY.to_le_bytes())),
    ]
}

fn types() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in [13, 14, 99, 255, 1 << 31, u32::MAX] {
        cases.push(changed(format!("a field of type {kind}"), &["unknown type"], |maker| {
            maker.set("x", kind.to_le_bytes().to_vec());
        }));
        cases.push(changed(format!("a list of type {kind}"), &["unknown type"], |maker| {
            maker.set("x", list(kind, 1, &[0; 64]));
        }));
    }
    for depth in [1, 2, 3, 100, 100_000] {
        let nested = [9_u32.to_le_bytes().to_vec(), 1_u64.to_le_bytes().to_vec()].concat().repeat(depth);
        cases.push(changed(format!("lists in lists, {depth} deep"), &["holds lists"], |maker| {
            maker.set("x", [&9_u32.to_le_bytes()[..], &nested, &0_u32.to_le_bytes(), &0_u64.to_le_bytes()].concat());
        }));
    }
    for value in [2, 0x80, 0xff] {
        cases.push(changed(format!("a boolean of {value}"), &["yes-or-no"], |maker| {
            maker.set("x", [&7_u32.to_le_bytes()[..], &[value]].concat());
        }));
    }
    let known: [(&str, &[&str]); 9] = [
        ("general.architecture", &["which architecture", "impossible name", "is missing"]),
        ("general.alignment", &["alignment makes no sense"]),
        ("qwen3.context_length", &["is not a number", "tokens at once"]),
        ("qwen3.attention.head_count", &["not a number for each layer", "32-bit number"]),
        ("tokenizer.ggml.model", &["no tokenizer", "kind"]),
        ("tokenizer.ggml.tokens", &["no vocabulary", "types of its tokens", "end token"]),
        ("tokenizer.ggml.merges", &["not pairs"]),
        ("tokenizer.ggml.token_type", &["types of its tokens"]),
        ("tokenizer.chat_template", &["its chat template is not text"]),
    ];
    for (key, says) in known {
        for (what, value) in of_each_type() {
            // These are what the field may be.
            if what == "a text" && ["tokenizer.ggml.model", "tokenizer.chat_template"].contains(&key) {
                continue;
            }
            cases.push(changed(format!("{key} is {what}"), says, |maker| {
                maker.set(key, value);
            }));
        }
    }
    cases
}

fn figures() -> Vec<Case> {
    const HUGE: [u64; 5] = [1 << 31, u32::MAX as u64, 1 << 32, 1 << 63, u64::MAX];
    let mut cases = Vec::new();
    let mut add = |key: &str, figures: &[u64], says: &[&'static str]| {
        for &figure in figures {
            let value = u32::try_from(figure).map_or_else(|_| wide(figure), number);
            cases.push(changed(format!("{key} is {figure}"), says, |maker| {
                maker.set(key, value);
            }));
        }
    };
    add("qwen3.context_length", &[0, 1, 15, (2 << 20) + 1], &["tokens at once"]);
    add("qwen3.context_length", &HUGE, &["tokens at once"]);
    add("qwen3.block_count", &[0, 1025], &["layers"]);
    add("qwen3.block_count", &HUGE, &["layers"]);
    add("qwen3.block_count", &[3, 1024], &["is missing"]);
    add("qwen3.embedding_length", &[0, (1 << 20) + 1], &["dimensions"]);
    add("qwen3.embedding_length", &HUGE, &["dimensions"]);
    add("qwen3.embedding_length", &[1, 32, 65, 128], &["64 wide"]);
    for key in ["qwen3.attention.head_count", "qwen3.attention.head_count_kv"] {
        add(key, &[4097, 1 << 31, u32::MAX as u64], &["heads"]);
        add(key, &[0, 3], &["heads"]);
        add(key, &[1 << 32, 1 << 63, u64::MAX], &["not a number for each layer"]);
    }
    for key in ["qwen3.attention.key_length", "qwen3.attention.value_length"] {
        add(key, &[0, 65_537], &["makes no sense"]);
        add(key, &HUGE, &["makes no sense"]);
    }
    add("general.alignment", &[0, 1, 3, 4, 7, 33, 48, 131_072], &["alignment makes no sense"]);
    add("general.alignment", &HUGE, &["alignment makes no sense"]);
    add("split.count", &[2, 3, 65_535, 1 << 31, u64::MAX], &["parts of a model"]);
    for (name, what) in [("eos_token_id", "end"), ("bos_token_id", "begin"), ("unknown_token_id", "unknown")] {
        let says: &[&str] = match what {
            "end" => &["end token is not in"],
            "begin" => &["begin token is not in"],
            _ => &["unknown token is not in"],
        };
        add(&format!("tokenizer.ggml.{name}"), &[4, 5, 1 << 31, u32::MAX as u64], says);
    }
    cases
}

fn tensors() -> Vec<Case> {
    const SOME: &str = "blk.0.attn_output.weight";
    let mut cases = Vec::new();
    type Change<'a> = &'a dyn Fn(&mut (Vec<u8>, Vec<u64>, u32, u64));
    let mut add = |name: String, says: &[&'static str], change: Change<'_>| {
        cases.push(changed(name, says, |maker| {
            maker.change(SOME, change);
        }));
    };
    for rank in [0, 5, 6, 64, 1000] {
        add(format!("a tensor of {rank} dimensions"), &["dimensions"], &|tensor| tensor.1 = vec![1; rank]);
    }
    for size in [
        vec![1 << 32, 1 << 32],
        vec![1 << 63, 2],
        vec![u64::MAX, u64::MAX],
        vec![1 << 16, 1 << 16, 1 << 16, 1 << 16],
        vec![1 << 22, 1 << 22, 1 << 22],
        vec![32, 1 << 43],
        vec![64, 0],
        vec![0],
        vec![64, 64, 64, 0],
        vec![u64::MAX, 1, 1, 1],
    ] {
        add(format!("a tensor of the size {size:?}"), &["claims the size"], &|tensor| tensor.1.clone_from(&size));
    }
    for size in [vec![64, 1 << 20], vec![1 << 20, 1 << 20], vec![32, 1 << 42]] {
        add(format!("a tensor of the size {size:?}"), &["incomplete"], &|tensor| tensor.1.clone_from(&size));
    }
    for kind in [4, 5, 9, 15, 24, 25, 27, 28, 31, 32, 33, 36, 37, 38, 43, 100, 1 << 31, u32::MAX] {
        add(format!("a tensor of the format {kind}"), &["which no engine computes with"], &|tensor| tensor.2 = kind);
    }
    for kind in [2, 3, 6, 7, 8, 10, 11, 12, 13, 14, 16, 20, 23, 39, 40, 41, 42] {
        add(format!("rows that do not fit the format {kind}"), &["do not fit its format"], &|tensor| {
            tensor.1 = vec![31, 64];
            tensor.2 = kind;
        });
    }
    for offset in [1, 8, 16, 31, 33] {
        add(format!("a tensor that begins at {offset}"), &["begins where none may"], &|tensor| tensor.3 = offset);
    }
    for offset in [0, 32, 256] {
        add(format!("a tensor over the one at {offset}"), &["overlap"], &|tensor| tensor.3 = offset);
    }
    for offset in [1 << 20, 1 << 40, 1 << 63] {
        add(format!("a tensor at {offset}"), &["incomplete"], &|tensor| tensor.3 = offset);
    }
    for offset in [u64::MAX, u64::MAX - 31] {
        add(format!("a tensor at {offset}"), &["outside"], &|tensor| tensor.3 = offset);
    }
    for name in [vec![0xff, 0xfe], vec![0xc3, 0x28], vec![b'a'; 513], vec![0xed, 0xa0, 0x80]] {
        add(format!("a tensor named {:?}", &name[..2]), &["not valid text", "claims to be"], &|tensor| {
            tensor.0.clone_from(&name);
        });
    }
    for (dimensions, says) in [
        (vec![64], "not a table"),
        (vec![64, 2, 2], "not a table"),
        (vec![32, 8], "32 wide"),
        (vec![64, 3], "only 3 of them"),
        (vec![64, 1], "only 1 of them"),
    ] {
        cases.push(changed(format!("a token embedding of {dimensions:?}"), &[says], |maker| {
            maker.change("token_embd.weight", |tensor| tensor.1 = dimensions);
        }));
    }
    cases
}

fn doubled_and_missing() -> Vec<Case> {
    let sound = Maker::sound();
    let mut cases = Vec::new();
    for (key, value) in &sound.fields {
        let shown = String::from_utf8_lossy(key).into_owned();
        cases.push(changed(format!("{shown} twice"), &["is there twice"], |maker| {
            maker.fields.push((key.clone(), value.clone()));
        }));
        let needless = ["general.name", "general.license", "tokenizer.ggml.token_type", "tokenizer.chat_template"];
        if !needless.contains(&shown.as_str()) {
            let says = &["is missing", "which architecture", "no tokenizer", "no vocabulary", "no merges"];
            cases.push(changed(format!("{shown} is missing"), says, |maker| {
                maker.unset(&shown);
            }));
        }
    }
    for tensor in &sound.tensors {
        let shown = String::from_utf8_lossy(&tensor.0).into_owned();
        cases.push(changed(format!("{shown} twice"), &["is there twice"], |maker| maker.tensors.push(tensor.clone())));
        cases.push(changed(format!("{shown} is missing"), &["is missing"], |maker| {
            maker.tensors.retain(|other| other.0 != tensor.0);
        }));
    }
    cases.push(changed("a field without a name, twice".into(), &["is there twice"], |maker| {
        maker.fields.extend([(Vec::new(), number(1)), (Vec::new(), number(1))]);
    }));
    for name in [vec![0xff, 0xfe], vec![b'k'; 65_536], vec![0xed, 0xa0, 0x80]] {
        cases.push(changed(format!("a field named {:?}", &name[..2]), &["not valid text", "claims to be"], |maker| {
            maker.fields.push((name, number(1)));
        }));
    }
    cases
}

/// Files that are as large as they claim, of empty space: what is claimed would be read.
fn endless() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, says: &'static str, length: u64, counts: [u64; 2], body: &[u8]| {
        let bytes = [b"GGUF\x03\0\0\0", &counts.map(u64::to_le_bytes).concat()[..], body].concat();
        cases.push(Case { length: Some(length), ..Case::new(name, bytes, &[says]) });
    };
    let of_list = |kind: u32, count: u64| [text(b"x"), list(kind, count, b"")].concat();
    add("fields of nothing", "is there twice", 1 << 30, [1, 4096], b"");
    add("too many fields", "fields", 1 << 30, [1, 4097], b"");
    add("too many tensors", "tensors", 1 << 34, [65_537, 0], b"");
    for kind in [0, 4, 5, 8, 10] {
        add(&format!("a list of 2^32 elements of type {kind}"), "elements", 1 << 40, [1, 1], &of_list(kind, 1 << 32));
    }
    for count in [1 << 20, 4 << 20] {
        let texts = [text(b"x"), list(8, count, b"")].concat();
        add(&format!("{count} empty texts"), "damaged", 1 << 30, [1, 2], &texts);
        let numbers = [text(b"x"), list(11, count, b"")].concat();
        add(&format!("{count} wide numbers"), "damaged", 1 << 30, [1, 2], &numbers);
    }
    // Texts of eight megabytes, one after the other, as long as there is file.
    let long_text = [text(b""), 8_u32.to_le_bytes().to_vec(), (8_u64 << 20).to_le_bytes().to_vec()].concat();
    add("a long text", "is there twice", 1 << 30, [1, 4096], &long_text);
    cases
}

/// A sound header whose fields go on for gigabytes.
pub fn longest(path: &std::path::Path) {
    use std::io::{Seek, SeekFrom, Write};
    let mut file = std::fs::File::create(path).unwrap();
    let counts = [1_u64, 4000].map(u64::to_le_bytes).concat();
    file.write_all(&[b"GGUF\x03\0\0\0", &counts[..]].concat()).unwrap();
    for field in 0..4000_u32 {
        let length = 8_u64 << 20;
        let key = text(format!("field.{field}").as_bytes());
        file.write_all(&[&key[..], &8_u32.to_le_bytes(), &length.to_le_bytes()].concat()).unwrap();
        file.seek(SeekFrom::Current(length as i64)).unwrap();
    }
    file.write_all(&[0; 64]).unwrap();
}
