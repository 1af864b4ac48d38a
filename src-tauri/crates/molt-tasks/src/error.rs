//! What can go wrong with a task.

use molt_core::StoreError;

use crate::RuleError;

#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The request cannot be carried out as it is; one plain sentence.
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Rule(#[from] RuleError),
    #[error(transparent)]
    Store(#[from] StoreError),
}
