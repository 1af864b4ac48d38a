//! What says that a model is in use.

use std::sync::Arc;

/// Held as long as something needs a model, by as many as need it. All leases are equal, so that what holds one can be compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lease(Arc<()>);

impl Lease {
    /// Whether there is another one of it.
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}
