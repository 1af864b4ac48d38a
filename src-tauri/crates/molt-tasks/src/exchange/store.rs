//! Putting what was read into the store.

use std::collections::{BTreeMap, BTreeSet};

use molt_core::{Clock, Reminder, StoreError, Task, TaskId, TaskStore};

use super::{Imported, ImportedTask, Remark};
use crate::{
    TaskError, actions,
    parts::{DEPTH_LIMIT, check_parent},
};

/// Tasks that are stored at once: each time, the disk is waited for.
const BATCH: usize = 500;

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
    let mut batch = Batch { store, rows: Vec::new(), ids: BTreeSet::new(), summary: &mut summary };
    for ImportedTask { uid, parent, mut task, done_at } in tasks {
        let title = task.title.clone();
        let id = uid.as_deref().map_or_else(TaskId::random, known);
        task.parent = parent.as_deref().map(known);
        // A part is checked against the stored task that it is a part of.
        if batch.rows.len() == BATCH || task.parent.as_ref().is_some_and(|parent| batch.ids.contains(parent)) {
            batch.store()?;
        }
        if batch.knows(&id)? {
            batch.summary.present += 1;
            continue;
        }
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
        match actions::prepare(store, clock, id, task, done_at) {
            Ok(row) => batch.add(row),
            Err(TaskError::Store(error)) => return Err(error.into()),
            Err(error) => imported.remark(0, &title, error.to_string()),
        }
    }
    batch.store()?;
    (summary.remarks, summary.more_remarks) = (imported.remarks, imported.more_remarks);
    Ok(summary)
}

/// Tasks that wait to be stored together.
struct Batch<'a> {
    store: &'a dyn TaskStore,
    rows: Vec<(Task, Vec<Reminder>)>,
    ids: BTreeSet<TaskId>,
    summary: &'a mut ImportSummary,
}

impl Batch<'_> {
    fn knows(&self, id: &TaskId) -> Result<bool, StoreError> {
        if self.ids.contains(id) {
            return Ok(true);
        }
        match self.store.task(id) {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn add(&mut self, row: (Task, Vec<Reminder>)) {
        self.ids.insert(row.0.id.clone());
        self.rows.push(row);
    }

    fn store(&mut self) -> Result<(), StoreError> {
        self.store.put_tasks(&self.rows)?;
        self.rows.clear();
        for id in std::mem::take(&mut self.ids) {
            if !self.knows(&id)? {
                // It had been deleted here.
                self.store.set_task_deleted(&id, None)?;
            }
            self.summary.added += 1;
        }
        Ok(())
    }
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
