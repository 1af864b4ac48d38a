//! Completing a task and opening it again, with its next occurrence and its parts.

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use molt_core::{Clock, Due, Task, TaskId, TaskStore};

use crate::{
    Rule, TaskError,
    actions::answered,
    due::{date_of, due_at, on_date},
    parts::{Done, following, levels},
    scheduler::{reminders_for, rule_of},
};

/// Completes a task or opens it again. Completing a recurring task moves it to its next occurrence after now; the task that is
/// returned tells. The last occurrence completes it for good. Its parts follow: they are completed with it, opened again with it, and
/// opened for the next occurrence.
///
/// # Errors
/// When there is no such task, or the store's.
pub fn set_done(store: &dyn TaskStore, clock: &dyn Clock, id: &TaskId, done: bool) -> Result<Task, TaskError> {
    let now = clock.now();
    let zone = clock.zone();
    let mut task = store.task(id)?;
    if task.done_at.is_some() == done {
        return Ok(task);
    }
    task.updated_at = now;
    let became = if let Some(done_at) = task.done_at.take() {
        Done::Reopened { done_at }
    } else if let Some((due, rule)) = next_occurrence(&task, now, &zone) {
        (task.due, task.recurrence) = (Some(due), Some(rule));
        Done::Repeated
    } else {
        task.done_at = Some(now);
        Done::Completed
    };
    let parts = levels(store, id)?.into_iter().flatten().collect();
    let changed = std::iter::once(task.clone()).chain(following(parts, became, now)).map(|task| {
        let mut reminders = reminders_for(&task, now, &zone);
        // What was shown is answered by this.
        reminders.extend(answered(store, &task.id)?);
        Ok((task, reminders))
    });
    store.put_tasks(&changed.collect::<Result<Vec<_>, TaskError>>()?)?;
    Ok(task)
}

/// The next due time after now, and the rule from there on.
fn next_occurrence(task: &Task, now: Timestamp, local: &TimeZone) -> Option<(Due, String)> {
    let due = task.due.as_ref()?;
    let rule = rule_of(task)?;
    let today = now.to_zoned(local.clone()).date();
    let passed = |due: &Due| match due {
        Due::Date { date } => *date <= today,
        Due::Time { .. } => due_at(due, local) <= now,
    };
    let start = date_of(due);
    let Some(count) = rule.count else {
        // A time of today in another zone may be two days away.
        let from = start.max(today.saturating_sub(2.days()));
        let day = rule.days_from(start, from).find(|day| *day > start && !passed(&on_date(due, *day)))?;
        return Some((on_date(due, day), task.recurrence.clone()?));
    };
    let (n, day) = rule.days(start).enumerate().skip(1).find(|(_, day)| !passed(&on_date(due, *day)))?;
    let left = count.saturating_sub(u32::try_from(n).unwrap_or(u32::MAX));
    Some((on_date(due, day), Rule { count: Some(left), ..rule }.to_string()))
}
