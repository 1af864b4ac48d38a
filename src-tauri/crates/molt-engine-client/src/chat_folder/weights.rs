//! The weights of a chat model's folder: one safetensors file, or several that a list names.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
};

use serde::Deserialize;

use super::{CONFIG, Config, KIND, MAX_LISTS};
use crate::folder::{Folder, FolderError, Tensor, TensorList, damaged};

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
const MAX_SHARDS: usize = 1000;
const MAX_TENSORS: usize = 65_536;

#[derive(Deserialize)]
struct Index {
    weight_map: HashMap<String, String>,
}

/// The files of the weights, what is in them, and their size in bytes.
pub(super) fn read(files: &Folder<'_>) -> Result<(Vec<PathBuf>, Vec<Tensor>, u64), FolderError> {
    let (names, places) = if files.has(SINGLE) {
        (BTreeSet::from([SINGLE.to_owned()]), HashMap::new())
    } else {
        let index: Index = files.settings(INDEX, MAX_LISTS)?.ok_or_else(|| none(files))?;
        (index.weight_map.values().cloned().collect(), index.weight_map)
    };
    if let Some(name) = names.iter().find(|name| !is_plain(name)) {
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
        check_extents(name, &list)?;
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
    Ok((names.iter().map(|name| files.path(name)).collect(), all, size))
}

/// Why there are no weights.
fn none(files: &Folder<'_>) -> FolderError {
    let others = [
        ("residual.safetensors", "UQFF"),
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
fn is_plain(name: &str) -> bool {
    let is_forbidden = |c: char| c.is_control() || matches!(c, '/' | '\\' | ':');
    name.len() <= 200 && name.ends_with(".safetensors") && !name.starts_with('.') && !name.contains(is_forbidden)
}

/// The tensors lie behind each other without gaps, as long as their formats make them: the library refuses others.
fn check_extents(file: &str, list: &TensorList) -> Result<(), FolderError> {
    let mut in_order: Vec<&Tensor> = list.tensors.iter().collect();
    in_order.sort_by_key(|tensor| tensor.extent);
    let mut end = 0;
    for Tensor { name, kind, elements, extent, .. } in in_order {
        let bytes = match kind.as_str() {
            "F32" => 4,
            "F16" | "BF16" => 2,
            other => {
                let shown: String = other.chars().take(20).collect();
                return Err(FolderError::Unsupported {
                    kind: KIND,
                    reason: format!("its weights are in the format {shown:?}; F32, F16 and BF16 are supported"),
                });
            }
        };
        if extent[0] != end || elements.checked_mul(bytes) != Some(extent[1] - extent[0]) {
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
