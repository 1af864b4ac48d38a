//! Contract suites: what every adapter of a port promises. Each takes a maker of a fresh, empty adapter.

mod changes;
mod chat;
mod download;
mod library;
mod small;
mod tasks;

pub use chat::conversation_store_contract;
pub use download::model_downloads_contract;
pub use library::document_store_contract;
pub use small::{model_store_contract, secret_store_contract, settings_store_contract};
pub use tasks::task_store_contract;

use molt_core::{StoreError, StoreResult};

fn is_missing<T: std::fmt::Debug>(result: StoreResult<T>, what: &str) {
    assert!(matches!(&result, Err(StoreError::NotFound(name)) if *name == what), "expected no {what}, got {result:?}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryStore, ScriptedDownloads};

    #[test]
    fn the_fakes_keep_the_contracts() {
        conversation_store_contract(|| Box::new(MemoryStore::new()));
        document_store_contract(|| Box::new(MemoryStore::new()));
        task_store_contract(|| Box::new(MemoryStore::new()));
        settings_store_contract(|| Box::new(MemoryStore::new()));
        model_store_contract(|| Box::new(MemoryStore::new()));
        secret_store_contract(|| Box::new(MemoryStore::new()));
    }

    #[test]
    fn scripted_downloads_keep_the_contract() {
        let port = ScriptedDownloads::new("/models");
        let file = molt_core::HubFile { path: "m.gguf".into(), size: Some(5), sha256: None };
        let request = molt_core::DownloadRequest {
            name: "M".into(),
            repository: "o/n".into(),
            revision: None,
            files: vec![file],
        };
        futures::executor::block_on(model_downloads_contract(&port, request, async |id| port.finish(id)));
    }
}
