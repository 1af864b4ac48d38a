//! The files of a model that is a folder, and the list of tensors at the beginning of a safetensors file.
//!
//! Owns reading them under limits, and what is said of one that cannot be read. It must not know which files a model has.
//!
//! The format: <https://github.com/huggingface/safetensors#format>.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::DeserializeOwned};

use crate::gguf::shown;

/// Bytes of a settings file.
pub(crate) const MAX_SETTINGS: u64 = 1 << 20;
/// Bytes of a tokenizer. Multilingual ones take 17 MB, the largest published ones 33 MB.
pub(crate) const MAX_TOKENIZER: u64 = 64 << 20;
/// Bytes of the list of tensors before the weights.
const MAX_TENSOR_LIST: u64 = 8 << 20;

/// Why a folder is not a model that can be run. The text is one plain sentence for people.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("The file {file} of the model cannot be read: {source}.")]
    Unreadable {
        file: String,
        #[source]
        source: std::io::Error,
    },
    #[error("The folder is not a complete {kind}: the file {file} is missing.")]
    Missing { kind: &'static str, file: String },
    #[error("The file {file} of the model is damaged: {reason}. Download or copy the model again.")]
    Damaged { file: String, reason: String },
    #[error("The {kind} cannot be run: {reason}.")]
    Unsupported { kind: &'static str, reason: String },
}

pub(crate) fn damaged(file: &str, reason: impl ToString) -> FolderError {
    FolderError::Damaged { file: file.to_owned(), reason: shown(&reason.to_string()) }
}

/// One tensor of a safetensors file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tensor {
    pub name: String,
    /// For example `BF16`.
    pub kind: String,
    pub shape: Vec<u64>,
    pub elements: u64,
    /// Where it begins and ends behind the list, in bytes.
    pub extent: [u64; 2],
}

/// What is in a safetensors file.
pub(crate) struct TensorList {
    pub tensors: Vec<Tensor>,
    /// Bytes of the file.
    pub size: u64,
    /// Bytes behind the list.
    pub data: u64,
    file: File,
}

impl TensorList {
    /// Reads what begins there behind the list; it has to lie inside the file, whose name this is.
    pub fn bytes(&mut self, name: &str, at: u64, bytes: &mut [u8]) -> Result<(), FolderError> {
        let begin = self.size - self.data + at;
        let read = self.file.seek(SeekFrom::Start(begin)).and_then(|_| self.file.read_exact(bytes));
        read.map_err(|source| FolderError::Unreadable { file: name.into(), source })
    }
}

#[derive(Deserialize)]
struct TensorEntry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// The files of a model. None is followed out of the folder by name: the names are ours, or were checked.
pub(crate) struct Folder<'a> {
    pub path: &'a Path,
    /// What it is to be, for example `chat model`.
    pub kind: &'static str,
}

impl Folder<'_> {
    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub fn missing(&self, name: &str) -> FolderError {
        FolderError::Missing { kind: self.kind, file: name.to_owned() }
    }

    pub fn unsupported(&self, reason: impl AsRef<str>) -> FolderError {
        FolderError::Unsupported { kind: self.kind, reason: shown(reason.as_ref()) }
    }

    /// A file that has to be there, and its size in bytes.
    fn open(&self, name: &str) -> Result<(File, u64), FolderError> {
        let path = self.path(name);
        let cannot = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::NotFound => self.missing(name),
            _ => FolderError::Unreadable { file: name.to_owned(), source },
        };
        // Looked at first: opening a pipe would wait for its other end.
        if !path.metadata().map_err(cannot)?.is_file() {
            return Err(damaged(name, "it is not a file"));
        }
        let file = File::open(&path).map_err(cannot)?;
        let size = file.metadata().map_err(cannot)?.len();
        Ok((file, size))
    }

    pub fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// The names of what is in the folder, as far as they are text.
    pub fn names(&self, limit: usize) -> Result<Vec<String>, FolderError> {
        let cannot = |source| FolderError::Unreadable { file: ".".into(), source };
        let mut names = Vec::new();
        for (number, entry) in self.path.read_dir().map_err(cannot)?.enumerate() {
            if number == limit {
                return Err(self.unsupported(format!("its folder has more than {limit} files")));
            }
            names.extend(entry.map_err(cannot)?.file_name().into_string());
        }
        Ok(names)
    }

    /// The size of a file that has to be there, in bytes.
    pub fn size(&self, name: &str, limit: u64) -> Result<u64, FolderError> {
        match self.open(name)?.1 {
            0 => Err(damaged(name, "it is empty")),
            size if size > limit => Err(damaged(name, format!("it is larger than {} MB", limit >> 20))),
            size => Ok(size),
        }
    }

    /// The text of a file, if there is one.
    pub fn text(&self, name: &str, limit: u64) -> Result<Option<String>, FolderError> {
        let file = match self.open(name) {
            Ok((file, _)) => file,
            Err(FolderError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut text = String::new();
        file.take(limit + 1).read_to_string(&mut text).map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => damaged(name, "it is not text"),
            _ => FolderError::Unreadable { file: name.to_owned(), source: error },
        })?;
        if text.len() as u64 > limit {
            return Err(damaged(name, "it is too large"));
        }
        Ok(Some(text))
    }

    /// A settings file, if there is one.
    pub fn settings<T: DeserializeOwned>(&self, name: &str, limit: u64) -> Result<Option<T>, FolderError> {
        let Some(text) = self.text(name, limit)? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|error| damaged(name, error))
    }

    /// What is in a safetensors file. Each tensor lies inside the file and takes at least a byte for each element.
    pub fn tensors(&self, name: &str) -> Result<TensorList, FolderError> {
        let (mut file, size) = self.open(name)?;
        let unreadable = |source| FolderError::Unreadable { file: name.into(), source };
        if size == 0 {
            return Err(damaged(name, "it is empty"));
        }
        if size < 8 {
            return Err(damaged(name, "it is cut short"));
        }
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(unreadable)?;
        let length = u64::from_le_bytes(length);
        if length > MAX_TENSOR_LIST || length > size - 8 {
            return Err(damaged(name, "it is cut short or no such file"));
        }
        let mut list = vec![0; length as usize];
        file.read_exact(&mut list).map_err(unreadable)?;
        let list: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&list).map_err(|error| damaged(name, error))?;
        let available = size - 8 - length;
        let mut tensors = Vec::new();
        for (tensor, entry) in list {
            if tensor == "__metadata__" {
                continue;
            }
            let entry: TensorEntry = serde_json::from_value(entry).map_err(|error| damaged(name, error))?;
            let [start, end] = entry.data_offsets;
            if start > end || end > available {
                return Err(damaged(name, format!("it ends before the tensor {tensor} does")));
            }
            let elements = entry.shape.iter().try_fold(1_u64, |product, &side| product.checked_mul(side));
            let Some(elements) = elements.filter(|&elements| elements <= end - start) else {
                return Err(damaged(name, format!("the tensor {tensor} has no sensible size")));
            };
            let (kind, shape) = (entry.dtype, entry.shape);
            tensors.push(Tensor { name: tensor, kind, shape, elements, extent: [start, end] });
        }
        Ok(TensorList { tensors, size, data: available, file })
    }
}
