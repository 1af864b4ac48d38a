//! Small adapters that need no crate of their own: the clock, the opener of the index, this computer's figures.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use jiff::{Timestamp, tz::TimeZone};
use molt_api::{IndexOpener, Machine};
use molt_core::{Clock, IndexError, ModelId, ModelSpec, PassageIndex};
use molt_lance::{LanceIndex, VectorSpace};
use molt_seal::Key;

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
    /// What seals it.
    pub key: Key,
}

/// The index of a data directory, opened.
pub struct OpenedIndex {
    pub index: Arc<dyn PassageIndex>,
    /// The embedder of `index`.
    pub embedder: Option<ModelId>,
    /// The index of the embedder that was chosen, where that is another and not complete yet.
    pub next: Option<Arc<dyn PassageIndex>>,
    /// What was lost to damage, in one plain sentence.
    pub recovered: Option<String>,
}

fn space(embedder: Option<&ModelSpec>) -> Option<VectorSpace> {
    embedder.map(|spec| VectorSpace { model: spec.id.to_string(), dimension: spec.dimensions })
}

impl LanceOpener {
    pub async fn open(&self, embedder: Option<&ModelSpec>) -> Result<OpenedIndex, IndexError> {
        let opened = LanceIndex::open(&self.folder, Some(self.key.clone()), space(embedder)).await?;
        Ok(OpenedIndex {
            index: Arc::new(opened.index),
            embedder: opened.space.map(|space| ModelId::from(space.model.as_str())),
            next: opened.next.map(|next| Arc::new(next) as Arc<dyn PassageIndex>),
            recovered: opened.recovered,
        })
    }
}

#[async_trait]
impl IndexOpener for LanceOpener {
    async fn begin(&self, embedder: Option<&ModelSpec>) -> Result<Arc<dyn PassageIndex>, IndexError> {
        Ok(Arc::new(LanceIndex::begin(&self.folder, Some(self.key.clone()), space(embedder)).await?))
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
