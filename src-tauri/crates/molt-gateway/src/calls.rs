//! What the gateway asks of the program. It exists so that the gateway can be tested without the whole house.

use async_trait::async_trait;
use molt_api::{ApiError, DocumentRef, Door, Event};
use serde_json::{Value, value::RawValue};
use tokio::sync::broadcast;

/// Answers commands and tells what changes.
#[async_trait]
pub trait Calls: Send + Sync + 'static {
    /// Runs one command, and answers in JSON; an unknown name is `ErrorCode::NotFound`.
    async fn call(&self, name: &str, args: Value) -> Result<Box<RawValue>, ApiError>;

    /// The content of a document's own file; only PDFs of the library are given.
    async fn document_file(&self, id: &str) -> Result<Vec<u8>, ApiError>;

    /// Everything that happens from now on. A reader that is too slow loses the oldest events.
    fn events(&self) -> broadcast::Receiver<Event>;
}

#[async_trait]
impl Calls for Door {
    async fn call(&self, name: &str, args: Value) -> Result<Box<RawValue>, ApiError> {
        Door::call(self, name, args).await
    }

    async fn document_file(&self, id: &str) -> Result<Vec<u8>, ApiError> {
        Door::document_file(self, DocumentRef { id: id.into() }).await
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        Door::events(self)
    }
}
