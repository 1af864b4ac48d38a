//! Small adapters that need no crate of their own: the clock, the opener of the index, this computer's figures.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use jiff::{Timestamp, tz::TimeZone};
use molt_api::{IndexOpener, Machine};
use molt_core::{Clock, IndexError, ModelSpec, PassageIndex};
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

impl LanceOpener {
    /// Also tells what was lost to damage, in one plain sentence.
    pub async fn open_telling(
        &self,
        embedder: Option<&ModelSpec>,
    ) -> Result<(Arc<dyn PassageIndex>, Option<String>), IndexError> {
        let space = embedder.map(|spec| VectorSpace { model: spec.id.to_string(), dimension: spec.dimensions });
        let opened = LanceIndex::open(&self.folder, Some(self.key.clone()), space).await?;
        Ok((Arc::new(opened.index), opened.recovered))
    }
}

#[async_trait]
impl IndexOpener for LanceOpener {
    async fn open(&self, embedder: Option<&ModelSpec>) -> Result<Arc<dyn PassageIndex>, IndexError> {
        Ok(self.open_telling(embedder).await?.0)
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
