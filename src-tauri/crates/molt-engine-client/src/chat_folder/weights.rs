//! The weights of a chat model's folder: one safetensors file, or several that a list names. Those of UQFF are in `uqff`.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
};

use molt_core::Quantisation;
use serde::Deserialize;

use super::{CONFIG, Config, KIND, MAX_LISTS, uqff};
use crate::folder::{Folder, FolderError, Tensor, TensorList, damaged};

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
const MAX_SHARDS: usize = 1000;
const MAX_TENSORS: usize = 65_536;
/// The number formats of weights that are not quantised, and the bytes of each weight.
pub(super) const FLOATS: [(&str, u64); 3] = [("F32", 4), ("F16", 2), ("BF16", 2)];

/// The weights of a chat model: where they are, and what they take in memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weights {
    /// The safetensors files.
    pub files: Vec<PathBuf>,
    /// The UQFF files, in the order of their parts: there, the matrices are already quantised, and `files` has the rest.
    pub quantised: Vec<PathBuf>,
    /// Bytes of all files.
    pub(super) size: u64,
    /// Weights that can be held in fewer bits, by the width of their rows.
    pub(super) matrices: BTreeMap<u64, u64>,
    /// Weights that are always held as 32-bit floats.
    pub(super) floats: u64,
    /// Bytes of the weights that are held as they are in the UQFF files.
    pub(super) blocks: u64,
    /// Bytes that are there besides while the weights are loaded.
    pub(super) loading: u64,
}

impl Weights {
    /// Bytes that they take, held like this.
    pub(super) fn loaded_bytes(&self, quantisation: Quantisation) -> u64 {
        let matrices = self.matrices.iter().map(|(&width, &weights)| match quantisation {
            // Blocks of 256 weights take 144 bytes, of 32 weights 34. Where rows are no whole blocks, larger formats are taken.
            Quantisation::FourBits if width.is_multiple_of(256) => weights / 256 * 144,
            Quantisation::FourBits | Quantisation::EightBits if width.is_multiple_of(32) => weights / 32 * 34,
            _ => weights.saturating_mul(4),
        });
        let matrices = matrices.fold(0, u64::saturating_add);
        let floats = self.floats.saturating_mul(4);
        [floats, self.blocks, self.loading].into_iter().fold(matrices, u64::saturating_add)
    }
}

#[derive(Deserialize)]
struct Index {
    weight_map: HashMap<String, String>,
}

/// The weights, sound and of the model that `config.json` describes.
pub(super) fn read(files: &Folder<'_>, config: &Config, adds_biases: bool) -> Result<Weights, FolderError> {
    if !files.has(SINGLE)
        && !files.has(INDEX)
        && let Some(weights) = uqff::read(files, config, adds_biases)?
    {
        return Ok(weights);
    }
    let (names, places) = if files.has(SINGLE) {
        (BTreeSet::from([SINGLE.to_owned()]), HashMap::new())
    } else {
        let index: Index = files.settings(INDEX, MAX_LISTS)?.ok_or_else(|| none(files))?;
        (index.weight_map.values().cloned().collect(), index.weight_map)
    };
    if let Some(name) = names.iter().find(|name| !is_plain(name) || !name.ends_with(".safetensors")) {
        let shown: String = name.chars().take(100).collect();
        return Err(damaged(INDEX, format!("it names {shown:?}, which is no file of this folder")));
    }
    if names.is_empty() || names.len() > MAX_SHARDS {
        return Err(damaged(INDEX, format!("it names {} files", names.len())));
    }
    let mut all: Vec<Tensor> = Vec::new();
    let (mut found, mut size) = (HashMap::new(), 0_u64);
    for name in &names {
        let list = files.tensors(name)?;
        check_extents(name, &list, &FLOATS)?;
        size = size.saturating_add(list.size);
        for tensor in &list.tensors {
            if found.insert(tensor.name.clone(), name.clone()).is_some() {
                return Err(damaged(name, format!("the tensor {} is there twice", tensor.name)));
            }
        }
        all.extend(list.tensors);
        if all.len() > MAX_TENSORS {
            return Err(damaged(name, format!("it claims to have more than {MAX_TENSORS} tensors")));
        }
    }
    if let Some((tensor, place)) = places.iter().find(|(tensor, place)| found.get(*tensor) != Some(*place)) {
        return Err(damaged(place, format!("the tensor {tensor} is not in it")));
    }
    let (matrices, floats) = check(files, config, &all, adds_biases)?;
    // A tensor is there as floats besides.
    let loading = all.iter().map(|tensor| tensor.elements.saturating_mul(4)).max().unwrap_or_default();
    let files = names.iter().map(|name| files.path(name)).collect();
    Ok(Weights { files, size, matrices, floats, loading, ..Weights::default() })
}

/// Why there are no weights.
fn none(files: &Folder<'_>) -> FolderError {
    let others = [
        ("pytorch_model.bin", "PyTorch, whose files can hold programs"),
        ("pytorch_model.bin.index.json", "PyTorch, whose files can hold programs"),
    ];
    match others.iter().find(|(name, _)| files.has(name)) {
        Some((_, format)) => files.unsupported(format!(
            "its weights are in the format of {format}. Choose a folder of this model with safetensors, or a GGUF file"
        )),
        None => files.missing(SINGLE),
    }
}

/// Whether it is the name of a file in a folder, on any system.
pub(super) fn is_plain(name: &str) -> bool {
    let is_forbidden = |c: char| c.is_control() || matches!(c, '/' | '\\' | ':');
    name.len() <= 200 && !name.starts_with('.') && !name.contains(is_forbidden)
}

/// The tensors lie behind each other without gaps, as long as their formats make them: the library refuses others.
pub(super) fn check_extents(file: &str, list: &TensorList, formats: &[(&str, u64)]) -> Result<(), FolderError> {
    let mut in_order: Vec<&Tensor> = list.tensors.iter().collect();
    in_order.sort_by_key(|tensor| tensor.extent);
    let mut end = 0;
    for Tensor { name, kind, elements, extent, .. } in in_order {
        let Some((_, bytes)) = formats.iter().find(|(known, _)| known == kind) else {
            let shown: String = kind.chars().take(20).collect();
            let known: Vec<&str> = formats.iter().map(|(known, _)| *known).collect();
            return Err(FolderError::Unsupported {
                kind: KIND,
                reason: format!("its weights are in the format {shown:?}; supported here: {}", known.join(", ")),
            });
        };
        if extent[0] != end || elements.checked_mul(*bytes) != Some(extent[1] - extent[0]) {
            return Err(damaged(file, format!("the tensor {name} does not lie where it should")));
        }
        end = extent[1];
    }
    if end == list.data { Ok(()) } else { Err(damaged(file, "it has more bytes than its tensors take")) }
}

/// The token embedding has the size that `config.json` says, there is something of each layer, and nothing is left out silently. Tells the
/// weights that can be held in fewer bits, by the width of their rows, and how many others there are.
pub(super) fn check(
    files: &Folder<'_>,
    config: &Config,
    tensors: &[Tensor],
    adds_biases: bool,
) -> Result<(BTreeMap<u64, u64>, u64), FolderError> {
    let embedding = tensors.iter().find(|tensor| tensor.name == "model.embed_tokens.weight");
    match embedding {
        Some(embedding) if embedding.shape == [config.vocab_size, config.hidden_size] => {}
        Some(_) => return Err(damaged(CONFIG, "its vocabulary is not the one of the weights")),
        None => return Err(files.unsupported("its weights have other names than those of its class")),
    }
    let mut layers = BTreeSet::new();
    let (mut matrices, mut floats) = (BTreeMap::new(), 0);
    for tensor in tensors {
        let layer =
            tensor.name.strip_prefix("model.layers.").and_then(|rest| rest.split('.').next()?.parse::<u64>().ok());
        layers.extend(layer);
        if !adds_biases && tensor.name.ends_with(".bias") {
            return Err(files.unsupported("its layers have biases, which would be left out"));
        }
        match tensor.shape.as_slice() {
            &[_, width] if layer.is_some() || tensor.name == "lm_head.weight" => {
                *matrices.entry(width).or_default() += tensor.elements;
            }
            _ => floats += tensor.elements,
        }
    }
    let missing = (0..config.num_hidden_layers).find(|layer| !layers.contains(layer));
    match (missing, layers.len() as u64 > config.num_hidden_layers) {
        (Some(layer), _) => Err(damaged(CONFIG, format!("the weights of layer {layer} are missing"))),
        (None, true) => Err(damaged(CONFIG, format!("the weights have {} layers", layers.len()))),
        (None, false) => Ok((matrices, floats)),
    }
}
