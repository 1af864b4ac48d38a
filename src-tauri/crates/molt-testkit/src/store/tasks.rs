//! Tasks and reminders in memory.

use jiff::Timestamp;
use molt_core::*;

use super::{MemoryStore, State};

const TASK: StoreError = StoreError::NotFound("task");

/// Inserts or replaces by id, unless another row has the same (task, at).
fn put_reminder(state: &mut State, reminder: &Reminder) -> bool {
    let taken =
        state.reminders.values().any(|r| r.id != reminder.id && r.task_id == reminder.task_id && r.at == reminder.at);
    if !taken {
        state.reminders.insert(reminder.id.clone(), reminder.clone());
    }
    !taken
}

fn revision(state: &State) -> i64 {
    state.task_revisions.values().max().copied().unwrap_or(0)
}

impl TaskStore for MemoryStore {
    fn tasks(&self) -> StoreResult<Vec<Task>> {
        Ok(self.read().tasks.iter().filter(|r| r.1.is_none()).map(|r| r.0.clone()).collect())
    }

    fn task_changes(&self, since: Option<TaskMark>, most: usize) -> StoreResult<TaskChanges> {
        let state = self.read();
        let revision = revision(&state);
        let since = since.filter(|since| since.revision <= revision);
        if let Some(mark @ TaskMark { read_to: None, .. }) = since {
            let after = |r: &&(Task, Option<Timestamp>)| state.task_revisions[&r.0.id] > mark.revision;
            let (kept, gone): (Vec<_>, Vec<_>) = state.tasks.iter().filter(after).partition(|r| r.1.is_none());
            if kept.len() + gone.len() <= most {
                let changed = kept.iter().map(|r| r.0.clone()).collect();
                let removed = gone.iter().map(|r| r.0.id.clone()).collect();
                return Ok(TaskChanges { mark: TaskMark { revision, read_to: None }, whole: false, changed, removed });
            }
        }
        let begun = since.and_then(|mark| Some((mark.revision, mark.read_to?)));
        let (revision, read_to) = begun.unwrap_or((revision, -1));
        let mut left = (0..).zip(&state.tasks).filter(|(seq, row)| *seq > read_to && row.1.is_none());
        let page: Vec<_> = left.by_ref().take(most).collect();
        let read_to = page.last().map(|row| row.0).filter(|_| left.next().is_some());
        let changed = page.into_iter().map(|(_, row)| row.0.clone()).collect();
        Ok(TaskChanges { mark: TaskMark { revision, read_to }, whole: begun.is_none(), changed, removed: Vec::new() })
    }

    fn task(&self, id: &TaskId) -> StoreResult<Task> {
        self.read().tasks.iter().find(|r| &r.0.id == id && r.1.is_none()).map(|r| r.0.clone()).ok_or(TASK)
    }

    fn parts(&self, id: &TaskId) -> StoreResult<Vec<Task>> {
        let of = |task: &Task| task.parent.as_ref() == Some(id);
        Ok(self.read().tasks.iter().filter(|r| r.1.is_none() && of(&r.0)).map(|r| r.0.clone()).collect())
    }

    fn put_tasks(&self, tasks: &[(Task, Vec<Reminder>)]) -> StoreResult<()> {
        let mut state = self.write()?;
        if tasks.iter().any(|(task, reminders)| reminders.iter().any(|r| r.task_id != task.id)) {
            return Err(StoreError::Failed("a task was given the reminder of another".into()));
        }
        let next = revision(&state) + 1;
        for (task, scheduled) in tasks {
            state.task_revisions.insert(task.id.clone(), next);
            match state.tasks.iter_mut().find(|r| r.0.id == task.id) {
                Some(row) => row.0 = task.clone(),
                None => state.tasks.push((task.clone(), None)),
            }
            state.reminders.retain(|_, r| r.task_id != task.id || r.state != ReminderState::Scheduled);
            for reminder in scheduled {
                put_reminder(&mut state, reminder);
            }
        }
        Ok(())
    }

    fn set_task_deleted(&self, id: &TaskId, deleted_at: Option<Timestamp>) -> StoreResult<()> {
        let mut state = self.write()?;
        let row = state.tasks.iter_mut().find(|r| &r.0.id == id).ok_or(TASK)?;
        // Brought back is what was deleted at the same time, deleted what is not deleted yet.
        let together = if deleted_at.is_some() { None } else { row.1 };
        if deleted_at == together {
            return Ok(());
        }
        row.1 = deleted_at;
        let mut touched = vec![id.clone()];
        let mut parents = vec![id.clone()];
        while let Some(parent) = parents.pop() {
            for row in state.tasks.iter_mut().filter(|r| r.0.parent.as_ref() == Some(&parent) && r.1 == together) {
                row.1 = deleted_at;
                parents.push(row.0.id.clone());
                touched.push(row.0.id.clone());
            }
        }
        let next = revision(&state) + 1;
        state.task_revisions.extend(touched.into_iter().map(|id| (id, next)));
        Ok(())
    }

    fn open_reminders(&self) -> StoreResult<Vec<Reminder>> {
        let state = self.read();
        let open = |id: &TaskId| state.tasks.iter().any(|r| &r.0.id == id && r.1.is_none() && r.0.done_at.is_none());
        let rows = state.reminders.values().filter(|r| r.state != ReminderState::Answered && open(&r.task_id));
        let mut rows: Vec<_> = rows.cloned().collect();
        rows.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        Ok(rows)
    }

    fn put_reminder(&self, reminder: &Reminder) -> StoreResult<bool> {
        let mut state = self.write()?;
        if !state.tasks.iter().any(|r| r.0.id == reminder.task_id) {
            return Err(TASK);
        }
        Ok(put_reminder(&mut state, reminder))
    }

    fn reminder(&self, id: &ReminderId) -> StoreResult<Reminder> {
        self.read().reminders.get(id).cloned().ok_or(StoreError::NotFound("reminder"))
    }
}
