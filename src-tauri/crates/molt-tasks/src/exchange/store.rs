//! Putting what was read into the store.

use molt_core::{Clock, StoreError, TaskId, TaskStore};

use super::{Imported, Remark};
use crate::{TaskError, actions};

/// Letters of an id that is made of another program's.
const UID_LIMIT: usize = 200;

/// What became of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportSummary {
    pub added: usize,
    /// Imported before, and left as they are now.
    pub present: usize,
    pub remarks: Vec<Remark>,
    pub more_remarks: usize,
}

/// Adds what was read. What was imported before (or exported from here) is not changed; a deleted task comes back.
///
/// # Errors
/// The store's; what was added before stays.
pub fn import(store: &dyn TaskStore, clock: &dyn Clock, mut imported: Imported) -> Result<ImportSummary, TaskError> {
    let mut summary = ImportSummary::default();
    let tasks = std::mem::take(&mut imported.tasks);
    for entry in tasks {
        let title = entry.task.title.clone();
        let id = entry.uid.as_deref().map_or_else(TaskId::random, id);
        match store.task(&id) {
            Ok(_) => {
                summary.present += 1;
                continue;
            }
            Err(StoreError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
        match actions::add_with(store, clock, id.clone(), entry.task, entry.done_at) {
            Ok(_) => {
                store.set_task_deleted(&id, None)?;
                summary.added += 1;
            }
            Err(TaskError::Store(error)) => return Err(error.into()),
            Err(error) => imported.remark(0, &title, error.to_string()),
        }
    }
    (summary.remarks, summary.more_remarks) = (imported.remarks, imported.more_remarks);
    Ok(summary)
}

/// The id of a task that another program calls `uid`. Our own comes back as it was.
fn id(uid: &str) -> TaskId {
    let plain = uid.len() <= UID_LIMIT && uid.bytes().all(|b| b.is_ascii_graphic());
    if plain { TaskId(uid.to_owned()) } else { TaskId::random() }
}
