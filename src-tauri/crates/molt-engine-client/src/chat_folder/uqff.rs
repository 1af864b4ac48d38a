//! Weights that mistral.rs has quantised before: UQFF.
//!
//! The matrices of a model lie in one or several files `NAME.uqff` or `NAME-0.uqff`, `NAME-1.uqff` and so on, the rest of its weights in
//! `residual.safetensors`. Both are safetensors files. In the former each tensor is a row of bytes whose name is its place among the
//! matrices of the model, and has a header of its own. mistral.rs 0.8.1 allocates what such a header claims, reads as far as the shape in
//! it says, wherever the bytes end, and takes a matrix of whatever size: so each is held against `config.json` and its length here.
//!
//! The format: `mistralrs-quant/src/gguf/mod.rs` and `utils/uqff.rs`; the order of the matrices: `get_layers` of its models.

use std::collections::BTreeMap;

use super::{
    Config, KIND,
    weights::{FLOATS, Weights, check, check_extents, is_plain},
};
use crate::{
    folder::{Folder, FolderError, Tensor, TensorList, damaged},
    gguf::kinds,
};

const RESIDUAL: &str = "residual.safetensors";
const ENDING: &str = ".uqff";
/// Entries of a folder that are looked at.
const MAX_ENTRIES: usize = 10_000;
/// mistral.rs begins a new file after 10 GB.
const MAX_PARTS: usize = 100;
/// Of the version of the format, the second number. mistral.rs 0.8.1 reads those before it in the same way.
const NEWEST_MINOR: u32 = 2;
/// The methods that are not for processors: made for graphics cards, or widening a matrix for every token. The numbers begin with 2; 0 are
/// the formats of GGUF, 1 no quantisation at all, which is what mistral.rs 0.8.1 leaves the last matrix of Gemma with.
const OTHER_METHODS: [&str; 5] = ["HQQ", "FP8", "AFQ", "F8Q8", "MXFP4"];
/// Bytes before a matrix: version, method, length, whether there is a bias, format, two sides of the shape.
const HEADER: usize = 4 + 1 + 4 + 1 + 4 + 4 + 2 * 4;
/// Bytes before the floats of a bias: its length, format, one side of its shape.
const BIAS_HEADER: usize = 4 + 4 + 4 + 4;
/// The number of 32-bit floats among the formats of what is not quantised.
const F32: u32 = 6;

/// The weights, if they are in this format: sound and of the model that `config.json` describes.
pub(super) fn read(files: &Folder<'_>, config: &Config, adds_biases: bool) -> Result<Option<Weights>, FolderError> {
    let parts = match parts(files)? {
        parts if !parts.is_empty() => parts,
        _ if !files.has(RESIDUAL) => return Ok(None),
        _ => {
            return Err(files.unsupported(format!(
                "{RESIDUAL} holds only the rest of its weights, and no file that ends in {ENDING} is beside it"
            )));
        }
    };
    let rest = files.tensors(RESIDUAL)?;
    check_extents(RESIDUAL, &rest, &FLOATS)?;
    check(files, config, &rest.tensors, adds_biases)?;
    let mut weights = Weights {
        files: vec![files.path(RESIDUAL)],
        quantised: parts.iter().map(|part| files.path(part)).collect(),
        size: rest.size,
        floats: rest.tensors.iter().map(|tensor| tensor.elements).sum(),
        ..Weights::default()
    };
    let layer = layer(config);
    let matrices = 1 + layer.len() * config.num_hidden_layers as usize;
    let mut found = vec![false; matrices];
    for part in &parts {
        let mut list = files.tensors(part)?;
        check_extents(part, &list, &[("U8", 1)])?;
        weights.size = weights.size.saturating_add(list.size);
        for tensor in std::mem::take(&mut list.tensors) {
            let Some(place) = place(&tensor.name).filter(|&place| place < matrices) else {
                let shown: String = tensor.name.chars().take(40).collect();
                return Err(damaged(part, format!("it has weights {shown:?}, for which the model has no place")));
            };
            if std::mem::replace(&mut found[place], true) {
                return Err(damaged(part, format!("{} is there twice", named(place, &layer))));
            }
            let shape = match place {
                0 => [config.vocab_size, config.hidden_size],
                place => layer[(place - 1) % layer.len()],
            };
            let (blocks, bias) = matrix(part, &mut list, &tensor, &named(place, &layer), shape)?;
            weights.blocks = weights.blocks.saturating_add(blocks);
            weights.floats += bias;
            // Several are read at once, and each is there twice for a moment; most are far smaller than the largest.
            weights.loading = weights.loading.max(blocks.saturating_mul(2));
        }
    }
    match found.iter().position(|found| !found) {
        Some(place) => Err(files.unsupported(format!(
            "{} is in none of its files that end in {ENDING}: a part of it may be missing",
            named(place, &layer)
        ))),
        None => Ok(Some(weights)),
    }
}

/// The names of the files with the matrices, in their order: the one variant that the folder has.
fn parts(files: &Folder<'_>) -> Result<Vec<String>, FolderError> {
    let names = files.names(MAX_ENTRIES)?;
    let mut variants: BTreeMap<String, BTreeMap<u64, String>> = BTreeMap::new();
    for name in names.into_iter().filter(|name| is_plain(name)) {
        let Some(stem) = name.strip_suffix(ENDING) else { continue };
        let numbered = stem.rsplit_once('-').and_then(|(variant, number)| Some((variant, place(number)? as u64)));
        let (variant, number) = numbered.map_or((name.clone(), 0), |(variant, number)| (variant.to_owned(), number));
        variants.entry(variant).or_default().insert(number, name);
    }
    if variants.len() > 1 {
        let first: Vec<&str> =
            variants.values().filter_map(|parts| parts.values().next()).map(String::as_str).collect();
        return Err(files.unsupported(format!(
            "its folder has the weights in {} variants, which begin with {} and {}. Keep the files of one and move the others away",
            variants.len(),
            first[0],
            first[1]
        )));
    }
    let Some((variant, parts)) = variants.pop_first() else { return Ok(Vec::new()) };
    if parts.len() > MAX_PARTS {
        return Err(files.unsupported(format!("its weights are in {} files", parts.len())));
    }
    // Whether the one file is all of them, its content tells.
    if parts.len() > 1
        && let Some(number) = (0..parts.len() as u64).find(|number| !parts.contains_key(number))
    {
        return Err(files.missing(&format!("{variant}-{number}{ENDING}")));
    }
    Ok(parts.into_values().collect())
}

/// A number as the format writes it.
fn place(name: &str) -> Option<usize> {
    name.parse().ok().filter(|number: &usize| number.to_string() == name)
}

/// Rows and width of the matrices of a layer. The one before all layers makes tokens.
fn layer(config: &Config) -> Vec<[u64; 2]> {
    let (hidden, inner) = (config.hidden_size, config.intermediate_size);
    // Bounded by `check_figures`.
    let (queries, keys) = (config.num_attention_heads * config.head(), config.kv_heads() * config.head());
    // Phi has queries, keys and values in one, and both sides of the gate.
    if config.model_type == "phi3" {
        return vec![[queries + 2 * keys, hidden], [hidden, queries], [2 * inner, hidden], [hidden, inner]];
    }
    let attention = [[queries, hidden], [keys, hidden], [keys, hidden], [hidden, queries]];
    [&attention[..], &[[inner, hidden], [inner, hidden], [hidden, inner]]].concat()
}

fn named(place: usize, layer: &[[u64; 2]]) -> String {
    match place.checked_sub(1) {
        None => "the matrix 0 that makes tokens".to_owned(),
        Some(behind) => format!("the matrix {place} of layer {}", behind / layer.len()),
    }
}

/// Bytes of it without its header, and floats of its bias.
fn matrix(
    part: &str,
    list: &mut TensorList,
    tensor: &Tensor,
    name: &str,
    shape: [u64; 2],
) -> Result<(u64, u64), FolderError> {
    let unsupported = |reason: String| FolderError::Unsupported { kind: KIND, reason };
    let length = tensor.extent[1] - tensor.extent[0];
    if length < HEADER as u64 {
        return Err(damaged(part, format!("{name} is cut short")));
    }
    let mut header = [0; HEADER];
    list.bytes(part, tensor.extent[0], &mut header)?;
    let version = number(&header, 0);
    if version >> 16 != 0 || (version >> 8) & 0xff > NEWEST_MINOR {
        let (major, minor, patch) = (version >> 16, (version >> 8) & 0xff, version & 0xff);
        return Err(unsupported(format!(
            "its weights are in version {major}.{minor}.{patch} of UQFF; supported are those up to 0.{NEWEST_MINOR}"
        )));
    }
    let method = usize::from(header[4]);
    let format = number(&header, 10);
    // Where the length stands and whether there is a bias; elements that are stored together, and their bytes.
    let (length_at, bias_at, block, bytes) = match method {
        0 => match kinds::kind(format).filter(|kind| kind.quantised && kind.in_mistral_rs) {
            Some(kind) => (5, 9, kind.block, kind.bytes),
            None => return Err(unsupported(format!("its weights are in the format {}", kinds::name(format)))),
        },
        // The engine multiplies it with 32-bit floats.
        1 if format == F32 => (6, 5, 1, 4),
        1 => return Err(unsupported(format!("{name} is not quantised, and not in 32-bit floats"))),
        other => {
            let Some(method) = OTHER_METHODS.get(other - 2) else {
                return Err(damaged(part, format!("{name} is quantised by an unknown method")));
            };
            return Err(unsupported(format!(
                "its weights are quantised by the method {method}, which is not for processors. Choose another variant of this model, such as q4k or q8_0"
            )));
        }
    };
    let [rows, width] = shape;
    if number(&header, 14) != 2 || [18, 22].map(|at| u64::from(number(&header, at))) != shape {
        return Err(damaged(part, format!("{name} is not of the size that config.json says")));
    }
    if !width.is_multiple_of(block) {
        return Err(damaged(part, format!("{name} has rows that are no whole blocks")));
    }
    // Each side is below 2^26.
    let blocks = rows * (width / block) * bytes;
    let bias = match header[bias_at] {
        0 => 0,
        1 => rows,
        _ => return Err(damaged(part, format!("{name} has no sensible header"))),
    };
    let with_bias = if bias == 0 { 0 } else { BIAS_HEADER as u64 + bias * 4 };
    if u64::from(number(&header, length_at)) != blocks || length != HEADER as u64 + blocks + with_bias {
        return Err(damaged(part, format!("{name} is not as long as its format makes it")));
    }
    if bias > 0 {
        let mut header = [0; BIAS_HEADER];
        list.bytes(part, tensor.extent[0] + HEADER as u64 + blocks, &mut header)?;
        // The engine adds it to 32-bit floats.
        if [0, 4, 8, 12].map(|at| u64::from(number(&header, at))) != [bias * 4, F32.into(), 1, bias] {
            return Err(damaged(part, format!("{name} has a bias of another size or format")));
        }
    }
    Ok((blocks, bias))
}

/// The 32-bit number that begins there.
fn number(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].iter().take(4).rev().fold(0, |number, &byte| number << 8 | u32::from(byte))
}
