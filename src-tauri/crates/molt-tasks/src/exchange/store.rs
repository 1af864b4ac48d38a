//! Putting what was read into the store.

use std::collections::BTreeMap;

use molt_core::{Clock, StoreError, TaskId, TaskStore};

use super::{Imported, ImportedTask, Remark};
use crate::{
    TaskError, actions,
    parts::{DEPTH_LIMIT, check_parent},
};

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
    let tasks = parents_first(std::mem::take(&mut imported.tasks));
    let ids: BTreeMap<String, TaskId> =
        tasks.iter().filter_map(|entry| entry.uid.as_ref()).map(|uid| (uid.clone(), id(uid))).collect();
    let known = |uid: &str| ids.get(uid).cloned().unwrap_or_else(|| id(uid));
    for ImportedTask { uid, parent, mut task, done_at } in tasks {
        let title = task.title.clone();
        let id = uid.as_deref().map_or_else(TaskId::random, known);
        match store.task(&id) {
            Ok(_) => {
                summary.present += 1;
                continue;
            }
            Err(StoreError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
        task.parent = parent.as_deref().map(known);
        if let Some(parent) = &task.parent {
            match check_parent(store, &id, parent, 1) {
                Ok(()) => {}
                Err(TaskError::Store(error)) => return Err(error.into()),
                Err(_) => {
                    imported.remark(0, &title, "what it was a part of cannot be kept; it stands by itself");
                    task.parent = None;
                }
            }
        }
        match actions::add_with(store, clock, id.clone(), task, done_at) {
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

/// In the order of the file, except that a task comes after what it is a part of.
fn parents_first(tasks: Vec<ImportedTask>) -> Vec<ImportedTask> {
    let parents: BTreeMap<&str, &str> =
        tasks.iter().filter_map(|entry| entry.uid.as_deref().zip(entry.parent.as_deref())).collect();
    // Of a circle all are equally deep; the first finds no parent.
    let depth = |entry: &ImportedTask| {
        std::iter::successors(entry.parent.as_deref(), |uid| parents.get(uid).copied()).take(DEPTH_LIMIT).count()
    };
    let depths: Vec<usize> = tasks.iter().map(depth).collect();
    let mut ordered: Vec<_> = depths.into_iter().zip(tasks).collect();
    ordered.sort_by_key(|(depth, _)| *depth);
    ordered.into_iter().map(|(_, entry)| entry).collect()
}

/// The id of a task that another program calls `uid`. Our own comes back as it was.
fn id(uid: &str) -> TaskId {
    let plain = uid.len() <= UID_LIMIT && uid.bytes().all(|b| b.is_ascii_graphic());
    if plain { TaskId(uid.to_owned()) } else { TaskId::random() }
}
