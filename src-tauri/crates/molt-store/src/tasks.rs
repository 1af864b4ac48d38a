//! Tasks and reminders.

use std::sync::{MutexGuard, PoisonError};

use jiff::Timestamp;
use molt_core::*;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use crate::{
    Store,
    error::{failed, is_orphan, is_taken},
    sql::{At, Json, Name},
};

const TASK: StoreError = StoreError::NotFound("task");
const TASK_COLUMNS: &str = "id, title, notes, priority, category, due_date, due_time, due_zone, recurrence, done_at, \
                            source_conversation, source_message, created_at, updated_at, labels, deadline, \
                            remind_before, section, estimate_minutes, parent, repeat_from, skipped";
const REMINDER_COLUMNS: &str = "r.id, r.task_id, r.at, r.state, r.late";

fn task(row: &Row<'_>) -> rusqlite::Result<Task> {
    let date: Option<Name<_>> = row.get(5)?;
    let at: Option<Name<_>> = row.get(6)?;
    let zone: Option<String> = row.get(7)?;
    let due = match (date, at, zone) {
        (Some(date), _, _) => Some(Due::Date { date: date.0 }),
        (None, Some(at), Some(zone)) => Some(Due::Time { at: at.0, zone }),
        _ => None,
    };
    let conversation: Option<String> = row.get(10)?;
    let message: Option<String> = row.get(11)?;
    let source = conversation
        .zip(message)
        .map(|(c, m)| TaskSource { conversation_id: ConversationId(c), message_id: MessageId(m) });
    Ok(Task {
        id: TaskId(row.get(0)?),
        title: row.get(1)?,
        notes: row.get(2)?,
        priority: row.get::<_, Name<_>>(3)?.0,
        category: row.get(4)?,
        section: row.get(17)?,
        labels: row.get::<_, Json<_>>(14)?.0,
        deadline: row.get::<_, Option<Name<_>>>(15)?.map(|day| day.0),
        remind_before: row.get::<_, Json<_>>(16)?.0,
        estimate_minutes: row.get(18)?,
        parent: row.get::<_, Option<String>>(19)?.map(TaskId),
        due,
        recurrence: row.get(8)?,
        repeat_from: row.get::<_, Name<_>>(20)?.0,
        skipped: row.get::<_, Json<_>>(21)?.0,
        done_at: row.get::<_, Option<At>>(9)?.map(|at| at.0),
        source,
        created_at: row.get::<_, At>(12)?.0,
        updated_at: row.get::<_, At>(13)?.0,
    })
}

fn reminder(row: &Row<'_>) -> rusqlite::Result<Reminder> {
    Ok(Reminder {
        id: ReminderId(row.get(0)?),
        task_id: TaskId(row.get(1)?),
        at: row.get::<_, At>(2)?.0,
        state: row.get::<_, Name<_>>(3)?.0,
        late: row.get(4)?,
    })
}

fn put_reminder(tx: &Transaction<'_>, reminder: &Reminder) -> StoreResult<bool> {
    let put = tx.execute(
        "INSERT INTO reminders (id, task_id, at, state, late) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET task_id = excluded.task_id, at = excluded.at, state = excluded.state,
         late = excluded.late",
        params![reminder.id.as_str(), reminder.task_id.as_str(), At(reminder.at), Name(reminder.state), reminder.late],
    );
    match put {
        Ok(_) => Ok(true),
        Err(e) if is_taken(&e) => Ok(false),
        Err(e) if is_orphan(&e) => Err(TASK),
        Err(e) => Err(failed(e)),
    }
}

fn put_task(tx: &Transaction<'_>, task: &Task, reminders: &[Reminder]) -> StoreResult<()> {
    let (date, at, zone) = match &task.due {
        Some(Due::Date { date }) => (Some(Name(date)), None, None),
        Some(Due::Time { at, zone }) => (None, Some(Name(at)), Some(zone)),
        None => (None, None, None),
    };
    let put = "INSERT INTO tasks (id, title, notes, priority, category, due_date, due_time, due_zone, recurrence,
         done_at, source_conversation, source_message, created_at, updated_at, labels, deadline, remind_before,
         section, estimate_minutes, parent, repeat_from, skipped)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET title = excluded.title, notes = excluded.notes,
         priority = excluded.priority, category = excluded.category, due_date = excluded.due_date,
         due_time = excluded.due_time, due_zone = excluded.due_zone, recurrence = excluded.recurrence,
         done_at = excluded.done_at, source_conversation = excluded.source_conversation,
         source_message = excluded.source_message, created_at = excluded.created_at,
         updated_at = excluded.updated_at, labels = excluded.labels, deadline = excluded.deadline,
         remind_before = excluded.remind_before, section = excluded.section,
         estimate_minutes = excluded.estimate_minutes, parent = excluded.parent,
         repeat_from = excluded.repeat_from, skipped = excluded.skipped";
    let put = tx.prepare_cached(put);
    put.and_then(|mut statement| {
        statement.execute(params![
            task.id.as_str(),
            task.title,
            task.notes,
            Name(task.priority),
            task.category,
            date,
            at,
            zone,
            task.recurrence,
            task.done_at.map(At),
            task.source.as_ref().map(|s| s.conversation_id.as_str()),
            task.source.as_ref().map(|s| s.message_id.as_str()),
            At(task.created_at),
            At(task.updated_at),
            Json(&task.labels),
            task.deadline.map(Name),
            Json(&task.remind_before),
            task.section,
            task.estimate_minutes,
            task.parent.as_ref().map(TaskId::as_str),
            Name(task.repeat_from),
            Json(&task.skipped)
        ])
    })
    .map_err(failed)?;
    tx.execute("DELETE FROM reminders WHERE task_id = ? AND state = 'scheduled'", [task.id.as_str()])
        .map_err(failed)?;
    for reminder in reminders {
        put_reminder(tx, reminder)?;
    }
    Ok(())
}

fn task_of(connection: &Connection, id: &TaskId) -> StoreResult<Option<Task>> {
    let sql = format!("SELECT {TASK_COLUMNS} FROM tasks WHERE id = ? AND deleted_at IS NULL");
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    statement.query_row([id.as_str()], task).optional().map_err(failed)
}

impl Store {
    fn recent_tasks(&self) -> MutexGuard<'_, Recent<TaskId>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TaskStore for Store {
    fn tasks(&self) -> StoreResult<Vec<Task>> {
        let connection = self.lock();
        let sql = format!("SELECT {TASK_COLUMNS} FROM tasks WHERE deleted_at IS NULL ORDER BY seq");
        let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
        statement.query_map([], task).and_then(Iterator::collect).map_err(failed)
    }

    fn task_changes(&self, since: Option<&str>, most: usize) -> StoreResult<Changes<Task, TaskId>> {
        let recent = self.recent_tasks();
        let connection = self.lock();
        let rows = |after: Option<&str>, most: usize| {
            let sql = format!(
                "SELECT {TASK_COLUMNS} FROM tasks WHERE deleted_at IS NULL
                 AND seq > coalesce((SELECT seq FROM tasks WHERE id = ?), 0) ORDER BY seq LIMIT ?"
            );
            let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
            let values = params![after, i64::try_from(most).unwrap_or(i64::MAX)];
            statement.query_map(values, task).and_then(Iterator::collect).map_err(failed)
        };
        recent.tell(since, most, |task| &task.id, |id| task_of(&connection, id), rows)
    }

    fn task(&self, id: &TaskId) -> StoreResult<Task> {
        task_of(&self.lock(), id)?.ok_or(TASK)
    }

    fn parts(&self, id: &TaskId) -> StoreResult<Vec<Task>> {
        let connection = self.lock();
        let sql = format!("SELECT {TASK_COLUMNS} FROM tasks WHERE parent = ? AND deleted_at IS NULL ORDER BY seq");
        let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
        statement.query_map([id.as_str()], task).and_then(Iterator::collect).map_err(failed)
    }

    fn put_tasks(&self, tasks: &[(Task, Vec<Reminder>)]) -> StoreResult<()> {
        if tasks.iter().any(|(task, reminders)| reminders.iter().any(|r| r.task_id != task.id)) {
            return Err(StoreError::Failed("a task was given the reminder of another".into()));
        }
        self.write(|tx| tasks.iter().try_for_each(|(task, reminders)| put_task(tx, task, reminders)))?;
        self.recent_tasks().note(tasks.iter().map(|(task, _)| task.id.clone()));
        Ok(())
    }

    fn set_task_deleted(&self, id: &TaskId, deleted_at: Option<Timestamp>) -> StoreResult<()> {
        let touched: Vec<TaskId> = self.write(|tx| {
            // Deleted is what is not deleted yet; brought back is what was deleted at the same time.
            let together = match deleted_at {
                Some(_) => "part.deleted_at IS NULL",
                None => "part.deleted_at = (SELECT deleted_at FROM tasks WHERE id = ?1)",
            };
            let sql = format!(
                "WITH RECURSIVE whole (id) AS (SELECT ?1 UNION SELECT part.id FROM tasks part
                 JOIN whole ON part.parent = whole.id WHERE {together})
                 UPDATE tasks SET deleted_at = ?2 WHERE id IN (SELECT id FROM whole) RETURNING id"
            );
            let mut update = tx.prepare_cached(&sql).map_err(failed)?;
            let touched = update.query_map(params![id.as_str(), deleted_at.map(At)], |row| row.get(0).map(TaskId));
            touched.and_then(Iterator::collect).map_err(failed)
        })?;
        if touched.is_empty() {
            return Err(TASK);
        }
        self.recent_tasks().note(touched);
        Ok(())
    }

    fn open_reminders(&self) -> StoreResult<Vec<Reminder>> {
        let connection = self.lock();
        let sql = format!(
            "SELECT {REMINDER_COLUMNS} FROM reminders r JOIN tasks t ON t.id = r.task_id
             WHERE r.state <> 'answered' AND t.done_at IS NULL AND t.deleted_at IS NULL ORDER BY r.at, r.id"
        );
        let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
        statement.query_map([], reminder).and_then(Iterator::collect).map_err(failed)
    }

    fn put_reminder(&self, reminder: &Reminder) -> StoreResult<bool> {
        self.write(|tx| put_reminder(tx, reminder))
    }

    fn reminder(&self, id: &ReminderId) -> StoreResult<Reminder> {
        let sql = format!("SELECT {REMINDER_COLUMNS} FROM reminders r WHERE r.id = ?");
        let found = self.lock().query_row(&sql, [id.as_str()], reminder).optional().map_err(failed)?;
        found.ok_or(StoreError::NotFound("reminder"))
    }
}
