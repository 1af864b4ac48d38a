//! Small adapters that need no crate of their own: the clock, the opener of the index, the inspector of model files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{Timestamp, tz::TimeZone};
use molt_api::{IndexOpener, Machine, OpenedIndex};
use molt_core::{Clock, IndexError, ModelFormat, ModelId, ModelInspector, ModelRole, ModelSpec};
use molt_engine_client::{embedder, gguf, memory};
use molt_lance::{LanceIndex, VectorSpace};

/// Tokens of context that a chat model is given at the most; more costs memory before it is used.
const MAX_CONTEXT: u32 = 8192;
/// Bytes an embedder needs besides its weights: the program, the tokenizer and one batch.
const EMBEDDER_MARGIN: u64 = 128 << 20;

/// The clock of this computer.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn zone(&self) -> TimeZone {
        TimeZone::system()
    }
}

/// Opens the one index of a data directory for the vectors of an embedder.
pub struct LanceOpener {
    pub folder: PathBuf,
}

impl LanceOpener {
    /// Also tells what was lost to damage, in one plain sentence.
    pub async fn open_telling(
        &self,
        embedder: Option<&ModelSpec>,
    ) -> Result<(OpenedIndex, Option<String>), IndexError> {
        let space = embedder.map(|spec| VectorSpace { model: spec.id.to_string(), dimension: spec.dimensions });
        let opened = LanceIndex::open(&self.folder, space).await?;
        // After damage the newest changes are missing: everything is compared again.
        let fresh = opened.fresh || opened.recovered.is_some();
        Ok((OpenedIndex { index: Arc::new(opened.index), fresh }, opened.recovered))
    }
}

#[async_trait]
impl IndexOpener for LanceOpener {
    async fn open(&self, embedder: Option<&ModelSpec>) -> Result<OpenedIndex, IndexError> {
        Ok(self.open_telling(embedder).await?.0)
    }
}

/// Reads the headers of GGUF files and the settings of embedder folders.
pub struct FileInspector;

impl ModelInspector for FileInspector {
    fn inspect(&self, path: &Path) -> Result<ModelSpec, String> {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let location = path.to_str().ok_or("its path cannot be written as text")?.to_owned();
        if path.is_dir() {
            let info = embedder::inspect(path).map_err(|error| error.to_string())?;
            let name = path.file_name().map_or(stem, |name| name.to_string_lossy().into_owned());
            return Ok(ModelSpec {
                id: ModelId::random(),
                name,
                role: ModelRole::Embedder,
                format: ModelFormat::Safetensors,
                path: location,
                size: info.size,
                architecture: "bert".to_owned(),
                context_length: info.max_tokens,
                dimensions: info.dimensions,
                memory_needed: info.size + EMBEDDER_MARGIN,
                licence: None,
                bundled: false,
            });
        }
        let info = gguf::inspect(path).map_err(|error| error.to_string())?;
        let context_length = info.context_length.min(MAX_CONTEXT);
        Ok(ModelSpec {
            id: ModelId::random(),
            memory_needed: memory::needed(&info, context_length),
            name: info.name.unwrap_or(stem),
            role: ModelRole::Chat,
            format: ModelFormat::Gguf,
            path: location,
            size: info.file_size,
            architecture: info.architecture,
            context_length,
            dimensions: 0,
            licence: info.licence,
            bundled: false,
        })
    }
}

/// This computer's figures now.
pub fn machine() -> Machine {
    let hardware = molt_os::hardware();
    Machine {
        cpu: hardware.cpu_name,
        cores: hardware.physical_cores,
        memory_total: hardware.memory_total,
        memory_available: hardware.memory_available,
    }
}
