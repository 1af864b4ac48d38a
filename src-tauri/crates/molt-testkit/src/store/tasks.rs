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

impl TaskStore for MemoryStore {
    fn tasks(&self) -> StoreResult<Vec<Task>> {
        Ok(self.read().tasks.iter().filter(|r| r.1.is_none()).map(|r| r.0.clone()).collect())
    }

    fn task_changes(&self, since: Option<&str>, most: usize) -> StoreResult<Changes<Task, TaskId>> {
        let state = self.read();
        let at = |id: &str| state.tasks.iter().position(|r| r.0.id.as_str() == id);
        let row =
            |id: &TaskId| Ok(at(id.as_str()).map(|at| &state.tasks[at]).filter(|r| r.1.is_none()).map(|r| r.0.clone()));
        let rows = |after: Option<&str>, most: usize| {
            let from = after.and_then(at).map_or(0, |at| at + 1);
            Ok(state.tasks[from..].iter().filter(|r| r.1.is_none()).take(most).map(|r| r.0.clone()).collect())
        };
        state.recent_tasks.tell(since, most, |task| &task.id, row, rows)
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
        for (task, scheduled) in tasks {
            state.recent_tasks.note([task.id.clone()]);
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
        state.recent_tasks.note(touched);
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
