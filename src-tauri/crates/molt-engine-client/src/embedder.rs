//! Reads and judges a folder with an embedding model before any library does.
//!
//! An embedding model is a BERT in a folder as sentence-transformers writes it: `config.json`, `tokenizer.json`, `model.safetensors`,
//! and small files that say how the vectors of the tokens become one vector. Importing and loading use the same check. It must not
//! know how a vector is computed.

use std::path::Path;

use serde::Deserialize;

use crate::folder::{Folder, FolderError, MAX_SETTINGS, MAX_TOKENIZER, damaged};

/// Bytes of the weights.
const MAX_WEIGHTS: u64 = 4 << 30;
const WEIGHTS: &str = "model.safetensors";
const KIND: &str = "embedding model";

/// How the vectors of the tokens become the vector of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The mean over all tokens.
    Mean,
    /// The vector of the first token.
    First,
}

/// The figures of a BERT, by the names of its `config.json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct BertShape {
    pub vocab_size: u64,
    pub hidden_size: u64,
    pub num_hidden_layers: u64,
    pub num_attention_heads: u64,
    pub intermediate_size: u64,
    pub max_position_embeddings: u64,
    #[serde(default = "two")]
    pub type_vocab_size: u64,
    #[serde(default = "tiny")]
    pub layer_norm_eps: f64,
    #[serde(default = "gelu")]
    pub hidden_act: String,
    #[serde(default)]
    position_embedding_type: Option<String>,
    model_type: String,
}

fn two() -> u64 {
    2
}

fn tiny() -> f64 {
    1e-12
}

fn gelu() -> String {
    "gelu".to_owned()
}

/// What a sound folder says of its model.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbedderInfo {
    pub shape: BertShape,
    pub pooling: Pooling,
    /// Tokens of a text that are read, special tokens included; the rest is left out.
    pub max_tokens: u32,
    /// Length of a vector.
    pub dimensions: u32,
    /// What the model expects before a question.
    pub query_prefix: String,
    /// What the model expects before a passage.
    pub passage_prefix: String,
    /// Bytes of the files that are loaded.
    pub size: u64,
    /// Weights.
    pub parameters: u64,
}

/// Checks the folder; blocking, reads some kilobytes.
pub fn inspect(folder: &Path) -> Result<EmbedderInfo, FolderError> {
    let files = Folder { path: folder, kind: KIND };
    let shape: BertShape = files.settings("config.json", MAX_SETTINGS)?.ok_or_else(|| files.missing("config.json"))?;
    check_shape(&files, &shape)?;
    let tokenizer_size = files.size("tokenizer.json", MAX_TOKENIZER)?;
    let weights_size = files.size(WEIGHTS, MAX_WEIGHTS)?;
    let parameters = check_tensors(&files, &shape)?;
    check_modules(&files)?;
    let (query_prefix, passage_prefix) = prefixes(&files)?;
    let longest: LongestText = files.settings("sentence_bert_config.json", MAX_SETTINGS)?.unwrap_or_default();
    let max_tokens = longest.max_seq_length.unwrap_or(shape.max_position_embeddings).min(shape.max_position_embeddings);
    if max_tokens < 8 {
        return Err(damaged("sentence_bert_config.json", format!("texts of {max_tokens} tokens cannot be told apart")));
    }
    Ok(EmbedderInfo {
        pooling: pooling(&files)?,
        // Bounded by `check_shape`.
        max_tokens: max_tokens as u32,
        dimensions: shape.hidden_size as u32,
        query_prefix,
        passage_prefix,
        size: tokenizer_size + weights_size,
        parameters,
        shape,
    })
}

fn check_shape(files: &Folder<'_>, shape: &BertShape) -> Result<(), FolderError> {
    let unsupported = |text: String| Err(files.unsupported(text));
    if shape.model_type != "bert" {
        let shown: String = shape.model_type.chars().take(40).collect();
        return unsupported(format!("it is of the kind {shown:?}, and only \"bert\" is supported"));
    }
    if !["gelu", "relu"].contains(&shape.hidden_act.as_str()) {
        return unsupported("its activation function is not supported".into());
    }
    if shape.position_embedding_type.as_deref().is_some_and(|kind| kind != "absolute") {
        return unsupported("its position embedding is not supported".into());
    }
    let bounds = [
        (shape.vocab_size, 2 << 20),
        (shape.hidden_size, 8192),
        (shape.num_hidden_layers, 128),
        (shape.num_attention_heads, 256),
        (shape.intermediate_size, 65_536),
        (shape.max_position_embeddings, 65_536),
        (shape.type_vocab_size, 16),
    ];
    if bounds.iter().any(|&(figure, limit)| figure == 0 || figure > limit)
        || !shape.hidden_size.is_multiple_of(shape.num_attention_heads)
    {
        return Err(damaged("config.json", "its figures make no sense"));
    }
    Ok(())
}

/// The word embedding has the size that `config.json` says. Returns the weights' count.
fn check_tensors(files: &Folder<'_>, shape: &BertShape) -> Result<u64, FolderError> {
    let tensors = files.tensors(WEIGHTS)?.tensors;
    let words = tensors.iter().find(|tensor| tensor.name.ends_with("embeddings.word_embeddings.weight"));
    match words {
        Some(words) if words.shape == [shape.vocab_size, shape.hidden_size] => {
            // Each takes a byte of the file at least.
            Ok(tensors.iter().map(|tensor| tensor.elements).sum())
        }
        Some(_) => Err(damaged(WEIGHTS, "its vocabulary is not the one of config.json")),
        None => Err(files.unsupported("its weights have other names than those of a BERT")),
    }
}

#[derive(Default, Deserialize)]
struct LongestText {
    max_seq_length: Option<u64>,
}

#[derive(Default, Deserialize)]
struct PoolingModes {
    #[serde(default)]
    pooling_mode_cls_token: bool,
    #[serde(default)]
    pooling_mode_mean_tokens: bool,
}

#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Default, Deserialize)]
struct Prompts {
    #[serde(default)]
    prompts: std::collections::HashMap<String, String>,
}

/// A further layer behind the pooling would be left out silently, and the vectors be wrong.
fn check_modules(files: &Folder<'_>) -> Result<(), FolderError> {
    let modules: Vec<Module> = files.settings("modules.json", MAX_SETTINGS)?.unwrap_or_default();
    let known = ["Transformer", "Pooling", "Normalize"];
    match modules.iter().find(|module| !known.contains(&module.kind.rsplit('.').next().unwrap_or_default())) {
        None => Ok(()),
        Some(module) => {
            let shown: String = module.kind.chars().take(60).collect();
            Err(files.unsupported(format!("it needs the module {shown:?}, which is not supported")))
        }
    }
}

fn pooling(files: &Folder<'_>) -> Result<Pooling, FolderError> {
    let modes: Option<PoolingModes> = files.settings("1_Pooling/config.json", MAX_SETTINGS)?;
    match modes.map(|modes| (modes.pooling_mode_mean_tokens, modes.pooling_mode_cls_token)) {
        None | Some((true, false)) => Ok(Pooling::Mean),
        Some((false, true)) => Ok(Pooling::First),
        Some(_) => Err(files.unsupported("its way of pooling is not supported")),
    }
}

/// What stands before a question and before a passage.
fn prefixes(files: &Folder<'_>) -> Result<(String, String), FolderError> {
    const NAME: &str = "config_sentence_transformers.json";
    let Prompts { mut prompts } = files.settings(NAME, MAX_SETTINGS)?.unwrap_or_default();
    let mut take = |names: &[&str]| names.iter().find_map(|name| prompts.remove(*name)).unwrap_or_default();
    let (query, passage) = (take(&["query"]), take(&["passage", "document"]));
    if query.len().max(passage.len()) > 1024 {
        return Err(damaged(NAME, "its prompts are too long"));
    }
    Ok((query, passage))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const CONFIG: &str = r#"{"model_type":"bert","vocab_size":10,"hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,
        "intermediate_size":16,"max_position_embeddings":32}"#;

    fn weights(list: &str, bytes: usize) -> Vec<u8> {
        [&(list.len() as u64).to_le_bytes()[..], list.as_bytes(), &vec![0; bytes]].concat()
    }

    /// A sound folder, also for the tests of other modules.
    pub(crate) fn sound() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).unwrap();
        put("config.json", CONFIG.as_bytes());
        put("tokenizer.json", b"{}");
        let list = r#"{"__metadata__":{"format":"pt"},
            "embeddings.word_embeddings.weight":{"dtype":"F32","shape":[10,8],"data_offsets":[0,320]}}"#;
        put("model.safetensors", &weights(list, 320));
        folder
    }

    /// Replaces one file of a sound folder and expects `part` in the refusal.
    #[track_caller]
    fn refused(part: &str, name: &str, content: &[u8]) {
        let folder = sound();
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        let refusal = inspect(folder.path()).unwrap_err().to_string();
        assert!(refusal.contains(part), "{refusal}");
    }

    #[test]
    fn a_sound_folder_tells_its_figures() {
        let info = inspect(sound().path()).unwrap();
        assert_eq!((info.dimensions, info.max_tokens, info.pooling, info.parameters), (8, 32, Pooling::Mean, 80));
        assert_eq!((info.query_prefix, info.passage_prefix), (String::new(), String::new()));
    }

    #[test]
    fn the_small_files_are_followed() {
        let folder = sound();
        let put = |name: &str, content: &str| std::fs::write(folder.path().join(name), content).unwrap();
        std::fs::create_dir(folder.path().join("1_Pooling")).unwrap();
        put("1_Pooling/config.json", r#"{"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":false}"#);
        put("sentence_bert_config.json", r#"{"max_seq_length":16}"#);
        put("config_sentence_transformers.json", r#"{"prompts":{"query":"query: ","document":"passage: "}}"#);
        put(
            "modules.json",
            r#"[{"type":"sentence_transformers.models.Transformer"},{"type":"sentence_transformers.models.Pooling"}]"#,
        );
        let info = inspect(folder.path()).unwrap();
        assert_eq!((info.max_tokens, info.pooling), (16, Pooling::First));
        assert_eq!((info.query_prefix.as_str(), info.passage_prefix.as_str()), ("query: ", "passage: "));
    }

    #[test]
    fn missing_files_are_named() {
        for name in ["config.json", "tokenizer.json", "model.safetensors"] {
            let folder = sound();
            std::fs::remove_file(folder.path().join(name)).unwrap();
            assert!(matches!(inspect(folder.path()), Err(FolderError::Missing { file, .. }) if file == name));
        }
        assert!(inspect(Path::new("/nowhere/at/all")).is_err());
    }

    #[test]
    fn other_models_and_nonsense_are_refused() {
        refused("\"xlm-roberta\"", "config.json", CONFIG.replace("\"bert\"", "\"xlm-roberta\"").as_bytes());
        refused(
            "activation",
            "config.json",
            CONFIG.replace("{\"model", "{\"hidden_act\":\"gelu_new\",\"model").as_bytes(),
        );
        refused(
            "position",
            "config.json",
            CONFIG.replace("{\"model", "{\"position_embedding_type\":\"rope\",\"model").as_bytes(),
        );
        refused("make no sense", "config.json", CONFIG.replace("\"hidden_size\":8", "\"hidden_size\":7").as_bytes());
        refused("make no sense", "config.json", CONFIG.replace(":32}", ":9000000}").as_bytes());
        refused("damaged", "config.json", b"{");
        refused("not text", "config.json", b"\xff\xfe");
        refused("too large", "config.json", &vec![b' '; (1 << 20) + 1]);
        refused("it is empty", "tokenizer.json", b"");
        refused("pooling", "1_Pooling/config.json", b"{}");
        refused("models.Dense", "modules.json", br#"[{"type":"sentence_transformers.models.Dense"}]"#);
        refused("cannot be told apart", "sentence_bert_config.json", br#"{"max_seq_length":0}"#);
    }

    #[test]
    fn weights_that_lie_are_refused() {
        let name = "model.safetensors";
        let list = |shape: &str, offsets: &str| {
            format!(
                r#"{{"embeddings.word_embeddings.weight":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#
            )
        };
        refused("cut short", name, b"1234");
        refused("cut short", name, &u64::MAX.to_le_bytes());
        refused("damaged", name, &weights("no list", 0));
        refused("ends before", name, &weights(&list("[10,8]", "[0,320]"), 319));
        refused("ends before", name, &weights(&list("[10,8]", "[320,0]"), 320));
        refused("no sensible size", name, &weights(&list("[10,4611686018427387904]", "[0,320]"), 320));
        refused("not the one of config.json", name, &weights(&list("[9,8]", "[0,320]"), 320));
        refused("other names", name, &weights("{}", 0));
    }
}
