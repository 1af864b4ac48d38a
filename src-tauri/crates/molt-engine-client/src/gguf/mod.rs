//! Reads and judges the header of a GGUF model file before any library does.
//!
//! An engine's loader allocates what a header claims, and panics on what it does not expect. A file is therefore read here first:
//! every count, length and offset is held against the size of the file, and what the loaders take for granted is asked for. What
//! mistral.rs asks beyond that is in `mistral_rs`, what a model says that compares texts in `vectors`. Importing a model and loading it
//! use the same check.
//!
//! The format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

pub(crate) mod kinds;
mod mistral_rs;
mod read;
#[cfg(test)]
pub(crate) mod tests;
mod vectors;

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use read::{Header, Numbers, TYPE_F32, TYPE_I32, Texts, Value};
pub use vectors::{Comparing, MOST_TOKENS, Pooling};

/// Architectures that llama.cpp loads, but that neither write one token after the other nor compare texts: they see, hear or guess for
/// others.
const NOT_FOR_ANSWERS: [&str; 11] = [
    "clip",
    "dflash",
    "dream",
    "eagle3",
    "llada",
    "llada-moe",
    "llama-embed",
    "rnd1",
    "t5",
    "t5encoder",
    "wavtokenizer-dec",
];
/// Fields of a header. The largest published ones have some hundreds.
const MAX_FIELDS: u64 = 4096;
/// Tensors of a file. The largest published ones have some thousands.
const MAX_TENSORS: u64 = 65_536;
const MAX_LAYERS: u64 = 1024;
/// Attention heads of a layer.
const MAX_HEADS: u32 = 4096;
/// Tokens. The tables of the rotary embedding grow with it.
const MAX_CONTEXT: u64 = 2 << 20;
/// Characters of what is wrong with a file.
const MAX_REASON: usize = 300;
/// Bytes of a chat template. The longest published ones take some tens of kilobytes.
const MAX_TEMPLATE: usize = 1 << 20;
/// Bytes that the smallest field and the smallest tensor description take in the header.
const FIELD_BYTES: u64 = 8 + 4 + 1;
const TENSOR_BYTES: u64 = 8 + 4 + 8 + 4 + 8;

/// Why a file is not a model that can be run. The text is one plain sentence for people.
#[derive(Debug, thiserror::Error)]
pub enum GgufError {
    #[error("The file cannot be read: {0}.")]
    Unreadable(#[from] std::io::Error),
    #[error("This is not a GGUF model file.")]
    NotGguf,
    #[error(
        "This GGUF file is of version {0}, which is not supported; versions 2 and 3 are. Download a newer file of this model."
    )]
    Version(u32),
    #[error("The file is incomplete: it ends before its contents do. Download or copy it again.")]
    CutShort,
    #[error("The file is damaged: {0}. Download or copy it again.")]
    Damaged(String),
    #[error("The model cannot be run: {0}.")]
    Unsupported(String),
}

fn damaged(text: impl AsRef<str>) -> GgufError {
    GgufError::Damaged(shown(text.as_ref()))
}

fn unsupported(text: impl AsRef<str>) -> GgufError {
    GgufError::Unsupported(shown(text.as_ref()))
}

/// What may hold names from the file, made fit to be shown.
pub(crate) fn shown(text: &str) -> String {
    let fit = |character: char| if character.is_control() { char::REPLACEMENT_CHARACTER } else { character };
    text.chars().map(fit).take(MAX_REASON).collect()
}

/// What a sound file says of its model.
#[derive(Debug, Clone, PartialEq)]
pub struct GgufInfo {
    /// For example `qwen3`.
    pub architecture: String,
    /// The name that the file gives itself.
    pub name: Option<String>,
    pub licence: Option<String>,
    /// The format of most of the weights, for example `Q4_K`.
    pub quantisation: String,
    /// Tokens that the model was made to read.
    pub context_length: u32,
    /// Weights.
    pub parameters: u64,
    /// Bytes of the file.
    pub file_size: u64,
    pub block_count: u32,
    /// Length of the vector that stands for a token.
    pub embedding_length: u32,
    /// Rows of the token embedding.
    pub vocabulary: u32,
    /// Attention heads of the layer that has the most; 0 without attention.
    pub heads: u32,
    /// Bytes that each token of a conversation takes in memory, at 32-bit floats.
    pub kv_bytes_per_token: u64,
    /// Bytes of the loaded weights, of the token embedding (held as 32-bit floats besides) and of the rotary tables.
    pub loaded_bytes: u64,
    /// How a conversation is laid out for it. Without that the model can only continue text.
    pub template: Option<String>,
    /// The chat template lays out tools: the model was trained to call them.
    pub calls_tools: bool,
    /// How it compares texts; none: it writes answers.
    pub comparing: Option<Comparing>,
    /// Why mistral.rs cannot run it, if so: a plain sentence. llama.cpp knows many more architectures and formats, and says itself
    /// which ones it does not know.
    pub not_for_mistral_rs: Option<String>,
}

/// Reads the header of the file at `path` and checks everything that loading it relies on.
///
/// Reads the header only, some megabytes at most; blocking.
pub fn inspect(path: &Path) -> Result<GgufInfo, GgufError> {
    let file = File::open(path)?;
    let details = file.metadata()?;
    if !details.is_file() {
        return Err(GgufError::NotGguf);
    }
    inspect_reader(BufReader::with_capacity(256 << 10, file), details.len())
}

/// The same, of any reader that holds `size` bytes.
fn inspect_reader(reader: impl BufRead, size: u64) -> Result<GgufInfo, GgufError> {
    let mut header = Header::new(reader, size);
    if size < 8 || header.u32()? != u32::from_le_bytes(*b"GGUF") {
        return Err(GgufError::NotGguf);
    }
    match header.u32()? {
        2 | 3 => {}
        version => return Err(GgufError::Version(version)),
    }
    let tensor_count = header.u64()?;
    let field_count = header.u64()?;
    if tensor_count == 0 {
        return Err(damaged("it holds no weights"));
    }
    for (count, limit, bytes, what) in
        [(field_count, MAX_FIELDS, FIELD_BYTES, "fields"), (tensor_count, MAX_TENSORS, TENSOR_BYTES, "tensors")]
    {
        if count > limit {
            return Err(damaged(format!("it claims to have {count} {what}")));
        }
        if count * bytes > header.left() {
            return Err(GgufError::CutShort);
        }
    }

    let mut fields = HashMap::new();
    for _ in 0..field_count {
        let key = header.key()?;
        let value = header.value()?;
        if let Some(_earlier) = fields.insert(key.clone(), value) {
            return Err(damaged(format!("the field {key} is there twice")));
        }
    }
    let fields = Fields(fields);
    let architecture = fields.architecture()?;
    let tensors = read_tensors(&mut header, tensor_count)?;
    let alignment = fields.alignment()?;
    let data_start = header.position().div_ceil(alignment) * alignment;
    check_extent(&tensors, size.saturating_sub(data_start), alignment)?;

    let tokens = fields.check_tokenizer()?;
    if !matches!(fields.0.get("tokenizer.chat_template"), None | Some(Value::Text(_))) {
        return Err(damaged("its chat template is not text"));
    }
    let template = fields.text("tokenizer.chat_template").unwrap_or_default();
    if template.len() > MAX_TEMPLATE {
        return Err(damaged(format!("its chat template is {} KB long", template.len() >> 10)));
    }
    let shape = fields.shape(&architecture)?;
    let embedding = check_embedding(&tensors, &shape, tokens)?;
    let comparing = vectors::inspect(&fields, &architecture, &tensors)?;
    let not_for_mistral_rs = match mistral_rs::check(&fields, &architecture, &tensors) {
        Ok(()) => None,
        // Nobody else would read it either.
        Err(error @ GgufError::Damaged(_)) => return Err(error),
        Err(error) => Some(error.to_string()),
    };

    Ok(GgufInfo {
        name: fields.text("general.name"),
        licence: fields.text("general.license").or_else(|| fields.text("general.license.name")),
        quantisation: main_format(&tensors),
        context_length: shape.context,
        parameters: tensors.iter().map(|tensor| tensor.elements).sum(),
        file_size: size,
        block_count: shape.layers,
        embedding_length: shape.embedding,
        vocabulary: embedding.rows,
        heads: shape.heads,
        kv_bytes_per_token: shape.kv_bytes_per_token(),
        loaded_bytes: mistral_rs::loaded_bytes(&tensors, &embedding, &shape),
        calls_tools: template.contains("tools"),
        template: Some(template).filter(|template| !template.trim().is_empty()),
        comparing,
        not_for_mistral_rs,
        architecture,
    })
}

/// One tensor's description.
struct Tensor {
    name: String,
    /// Row length first, as in the file.
    dimensions: Vec<u64>,
    elements: u64,
    kind: kinds::Kind,
    offset: u64,
    /// In the file.
    bytes: u64,
}

fn read_tensors(header: &mut Header<impl BufRead>, count: u64) -> Result<Vec<Tensor>, GgufError> {
    let mut names = HashSet::new();
    let mut tensors = Vec::new();
    for _ in 0..count {
        let name = header.tensor_name()?;
        let rank = header.u32()?;
        if !(1..=4).contains(&rank) {
            return Err(damaged(format!("the tensor {name} has {rank} dimensions")));
        }
        let mut dimensions = Vec::new();
        for _ in 0..rank {
            dimensions.push(header.u64()?);
        }
        let number = header.u32()?;
        let offset = header.u64()?;
        let elements = dimensions
            .iter()
            .try_fold(1_u64, |product, &dimension| product.checked_mul(dimension))
            // Beyond 2^48 elements even the sizes in bytes would overflow.
            .filter(|elements| (1..1 << 48).contains(elements))
            .ok_or_else(|| damaged(format!("the tensor {name} claims the size {dimensions:?}")))?;
        let kind = kinds::kind(number).ok_or_else(|| {
            unsupported(format!("its weights are in the format {}, which no engine computes with", kinds::name(number)))
        })?;
        if dimensions[0] % kind.block != 0 {
            return Err(damaged(format!("the rows of the tensor {name} do not fit its format {}", kind.name)));
        }
        if !names.insert(name.clone()) {
            return Err(damaged(format!("the tensor {name} is there twice")));
        }
        tensors.push(Tensor { name, dimensions, elements, kind, offset, bytes: elements / kind.block * kind.bytes });
    }
    Ok(tensors)
}

/// Every tensor lies inside the file, where a tensor may begin, and none in another.
fn check_extent(tensors: &[Tensor], available: u64, alignment: u64) -> Result<(), GgufError> {
    for tensor in tensors {
        match tensor.offset.checked_add(tensor.bytes) {
            None => return Err(damaged(format!("the tensor {} lies outside of the file", tensor.name))),
            Some(end) if end > available => return Err(GgufError::CutShort),
            Some(_) if !tensor.offset.is_multiple_of(alignment) => {
                return Err(damaged(format!("the tensor {} begins where none may", tensor.name)));
            }
            Some(_) => {}
        }
    }
    let mut in_order: Vec<&Tensor> = tensors.iter().collect();
    in_order.sort_unstable_by_key(|tensor| tensor.offset);
    match in_order.windows(2).find(|pair| pair[0].offset + pair[0].bytes > pair[1].offset) {
        Some(pair) => Err(damaged(format!("the tensors {} and {} overlap", pair[0].name, pair[1].name))),
        None => Ok(()),
    }
}

/// The figures of a model that sizes follow from.
struct Shape {
    layers: u32,
    embedding: u32,
    context: u32,
    /// Of the layer that has the most.
    heads: u32,
    /// Of all layers together; 0 where a model keeps no keys and values.
    kv_heads: u64,
    key_length: u32,
    value_length: u32,
}

impl Shape {
    fn kv_bytes_per_token(&self) -> u64 {
        self.kv_heads * (u64::from(self.key_length) + u64::from(self.value_length)) * 4
    }
}

struct EmbeddingShape {
    rows: u32,
    elements: u64,
    /// The output layer has no weights of its own and takes the embedding's.
    tied: bool,
}

/// The table of token vectors is there and fits the figures.
fn check_embedding(tensors: &[Tensor], shape: &Shape, tokens: u64) -> Result<EmbeddingShape, GgufError> {
    let find = |name: &str| tensors.iter().find(|tensor| tensor.name == name);
    let embedding = find("token_embd.weight").ok_or_else(|| damaged("the tensor token_embd.weight is missing"))?;
    let &[width, rows] = embedding.dimensions.as_slice() else {
        return Err(damaged("the token embedding is not a table"));
    };
    if width != u64::from(shape.embedding) {
        return Err(damaged(format!("the token embedding is {width} wide and should be {}", shape.embedding)));
    }
    if rows < tokens {
        return Err(damaged(format!("the vocabulary has {tokens} tokens and only {rows} of them have weights")));
    }
    let rows = u32::try_from(rows).map_err(|_| damaged(format!("the token embedding claims {rows} rows")))?;
    Ok(EmbeddingShape { rows, elements: embedding.elements, tied: find("output.weight").is_none() })
}

/// The format that takes most of the file.
fn main_format(tensors: &[Tensor]) -> String {
    let mut bytes: HashMap<&str, u64> = HashMap::new();
    for tensor in tensors {
        *bytes.entry(tensor.kind.name).or_default() += tensor.bytes;
    }
    bytes.into_iter().max_by_key(|&(name, bytes)| (bytes, name)).map(|(name, _)| name.to_owned()).unwrap_or_default()
}

/// The metadata of a header.
struct Fields(HashMap<String, Value>);

impl Fields {
    fn text(&self, key: &str) -> Option<String> {
        match self.0.get(key) {
            Some(Value::Text(text)) if !text.is_empty() => Some(text.clone()),
            _ => None,
        }
    }

    fn architecture(&self) -> Result<String, GgufError> {
        let Some(architecture) = self.text("general.architecture") else {
            return Err(damaged("it does not say which architecture the model has"));
        };
        if matches!(self.0.get("general.type"), Some(Value::Text(kind)) if kind != "model") {
            return Err(unsupported("the file is an addition to another model, not a model"));
        }
        if let Some(parts @ 2..) = self.widened("split.count")? {
            return Err(unsupported(format!(
                "the file is one of the {parts} parts of a model; join them to one file first"
            )));
        }
        // The name is part of the names of other fields, and is shown to people.
        let is_a_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if architecture.len() > 40 || !architecture.chars().all(is_a_name) {
            return Err(damaged("its architecture has an impossible name"));
        }
        if NOT_FOR_ANSWERS.contains(&architecture.as_str()) {
            return Err(unsupported(format!("models of the architecture {architecture} do not write answers")));
        }
        Ok(architecture)
    }

    /// Where the weights may begin, in bytes.
    fn alignment(&self) -> Result<u64, GgufError> {
        match self.0.get("general.alignment") {
            None => Ok(32),
            Some(Value::U32(alignment)) if alignment.is_power_of_two() && (8..=65_536).contains(alignment) => {
                Ok(u64::from(*alignment))
            }
            Some(_) => Err(damaged("its alignment makes no sense")),
        }
    }

    /// A number of any width, if it is there.
    fn widened(&self, key: &str) -> Result<Option<u64>, GgufError> {
        match self.0.get(key) {
            None => Ok(None),
            Some(Value::U32(number)) => Ok(Some(u64::from(*number))),
            Some(Value::Unsigned(number)) => Ok(Some(*number)),
            Some(_) => Err(damaged(format!("the field {key} is not a number"))),
        }
    }

    fn shape(&self, architecture: &str) -> Result<Shape, GgufError> {
        let key = |name: &str| format!("{architecture}.{name}");
        let needed = |name: &str| {
            self.widened(&key(name))?.ok_or_else(|| damaged(format!("the field {} is missing", key(name))))
        };
        let context = needed("context_length")?;
        if !(16..=MAX_CONTEXT).contains(&context) {
            return Err(damaged(format!("it claims to read {context} tokens at once")));
        }
        let layers = needed("block_count")?;
        if !(1..=MAX_LAYERS).contains(&layers) {
            return Err(damaged(format!("it claims to have {layers} layers")));
        }
        let embedding = needed("embedding_length")?;
        if !(1..=1 << 20).contains(&embedding) {
            return Err(damaged(format!("it claims to compute in {embedding} dimensions")));
        }
        let heads = self.each_layer(&key("attention.head_count"), layers)?;
        // Without a figure of its own, each head has keys and values of its own.
        let kv_heads = self.each_layer(&key("attention.head_count_kv"), layers)?.or_else(|| heads.clone());
        let heads = heads.unwrap_or_default().into_iter().max().unwrap_or(0);
        let length = |name: &str| match self.0.get(&key(name)) {
            Some(Value::U32(length @ 1..=65_536)) => Ok(*length),
            Some(_) => Err(damaged(format!("the field {} makes no sense", key(name)))),
            // Models without attention have no heads.
            None => Ok((embedding / u64::from(heads.max(1))) as u32),
        };
        Ok(Shape {
            layers: layers as u32,
            embedding: embedding as u32,
            context: context as u32,
            heads,
            kv_heads: kv_heads.unwrap_or_default().into_iter().map(u64::from).sum(),
            key_length: length("attention.key_length")?,
            value_length: length("attention.value_length")?,
        })
    }

    /// A number of heads: one for all layers or one for each, 0 in layers without attention. `None` where the file names none.
    fn each_layer(&self, key: &str, layers: u64) -> Result<Option<Vec<u32>>, GgufError> {
        let counts = match self.0.get(key) {
            None => return Ok(None),
            Some(Value::U32(count)) => vec![*count; layers as usize],
            Some(Value::Numbers(Numbers { few, .. })) if few.len() as u64 >= layers => few.clone(),
            Some(_) => return Err(damaged(format!("the field {key} is not a number for each layer"))),
        };
        match counts.iter().find(|&&count| count > MAX_HEADS) {
            Some(count) => Err(damaged(format!("its attention claims to have {count} heads"))),
            None => Ok(Some(counts)),
        }
    }

    /// The number of tokens, when what the tokenizer's tables claim fits together.
    fn check_tokenizer(&self) -> Result<u64, GgufError> {
        let field = |name: &str| self.0.get(&format!("tokenizer.ggml.{name}"));
        let Some(model) = self.text("tokenizer.ggml.model") else {
            return Err(damaged("it has no tokenizer"));
        };
        let tokens = match field("tokens") {
            Some(Value::Texts(Texts { count: count @ 1.., .. })) => *count,
            _ => return Err(damaged("it has no vocabulary")),
        };
        match (model.as_str(), field("merges")) {
            (_, Some(Value::Texts(_))) => {}
            ("gpt2", None) => return Err(damaged("its tokenizer has no merges")),
            (_, None) => {}
            (_, Some(_)) => return Err(damaged("the merges of its tokenizer are not pairs")),
        }
        match field("scores") {
            None if model != "llama" => {}
            Some(Value::Numbers(Numbers { kind: TYPE_F32, count, .. })) if *count == tokens => {}
            _ => return Err(damaged("its tokenizer does not have a score for each token")),
        }
        match field("token_type") {
            None => {}
            Some(Value::Numbers(Numbers { kind: TYPE_I32, count, .. })) if *count == tokens => {}
            Some(_) => return Err(damaged("the types of its tokens are not a number for each token")),
        }
        for (what, name) in [("end", "eos_token_id"), ("begin", "bos_token_id"), ("unknown", "unknown_token_id")] {
            if self.optional(name).is_some_and(|id| u64::from(id) >= tokens) {
                return Err(damaged(format!("its {what} token is not in its vocabulary")));
            }
        }
        Ok(tokens)
    }

    fn optional(&self, name: &str) -> Option<u32> {
        match self.0.get(&format!("tokenizer.ggml.{name}")) {
            Some(Value::U32(id)) => Some(*id),
            _ => None,
        }
    }
}
