//! Completing a task, opening it again and skipping one of its occurrences, with its parts.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use molt_core::{Clock, Task, TaskId, TaskStore};

use crate::{
    TaskError,
    actions::{answered, snoozes, tidy_skipped},
    due::date_of,
    parts::{Done, following, levels},
    repeating::{days_from, next_occurrence},
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
    tidy_skipped(&mut task)?;
    put_with_parts(store, &task, became, now, &zone)?;
    Ok(task)
}

/// Leaves one occurrence of a repeating task out: the one that is due, whereupon the next one is, or a later one on `day`.
///
/// # Errors
/// When there is no such task, it does not repeat or not on that day, the one to leave out is its last, or the store's.
pub fn skip(store: &dyn TaskStore, clock: &dyn Clock, id: &TaskId, day: Option<Date>) -> Result<Task, TaskError> {
    let refused = |text: &str| Err(TaskError::Invalid(text.into()));
    let (now, zone) = (clock.now(), clock.zone());
    let mut task = store.task(id)?;
    let (Some(due), Some(rule)) = (task.due.clone(), rule_of(&task).filter(|_| task.done_at.is_none())) else {
        return refused("only an open task that repeats has a time to skip; move this one or delete it");
    };
    let start = date_of(&due);
    task.updated_at = now;
    if let Some(day) = day.filter(|day| *day != start) {
        if days_from(&task, &rule, start, day).next() != Some(day) {
            return refused("the task does not repeat on that day; choose one of its days");
        }
        task.skipped.push(day);
        tidy_skipped(&mut task)?;
        let mut reminders = reminders_for(&task, now, &zone);
        reminders.extend(snoozes(store, &task.id)?);
        store.put_task(&task, &reminders)?;
        return Ok(task);
    }
    let Some((due, rule)) = next_occurrence(&task, now, &zone) else {
        return refused("this is the last time of the task; complete it or delete it");
    };
    (task.due, task.recurrence) = (Some(due), Some(rule));
    tidy_skipped(&mut task)?;
    put_with_parts(store, &task, Done::Repeated, now, &zone)?;
    Ok(task)
}

/// Stores a task and what becomes of its parts.
fn put_with_parts(
    store: &dyn TaskStore,
    task: &Task,
    became: Done,
    now: Timestamp,
    zone: &TimeZone,
) -> Result<(), TaskError> {
    let parts = levels(store, &task.id)?.into_iter().flatten().collect();
    let changed = std::iter::once(task.clone()).chain(following(parts, became, now)).map(|task| {
        let mut reminders = reminders_for(&task, now, zone);
        // What was shown is answered by this.
        reminders.extend(answered(store, &task.id)?);
        Ok((task, reminders))
    });
    Ok(store.put_tasks(&changed.collect::<Result<Vec<_>, TaskError>>()?)?)
}

#[cfg(test)]
mod tests {
    use molt_core::{Due, RepeatFrom};
    use molt_testkit::{ManualClock, MemoryStore};

    use super::*;
    use crate::{NewTask, Scheduler, add, update};

    fn date(text: &str) -> Option<Due> {
        Some(Due::Date { date: text.parse().unwrap() })
    }

    fn time(text: &str) -> Option<Due> {
        Some(Due::Time { at: text.parse().unwrap(), zone: "Asia/Shanghai".into() })
    }

    /// Saturday, 10:00.
    fn world(due: Option<Due>, rule: &str, repeat_from: RepeatFrom) -> (MemoryStore, ManualClock, Task) {
        let (store, clock) = (MemoryStore::new(), ManualClock::at("2026-11-21T10:00", "Asia/Shanghai"));
        let recurrence = Some(rule.to_owned()).filter(|rule| !rule.is_empty());
        let new = NewTask { title: "t".into(), due, recurrence, repeat_from, ..NewTask::default() };
        let task = add(&store, &clock, new).unwrap();
        (store, clock, task)
    }

    #[test]
    fn what_repeats_from_completion_waits_for_it() {
        let (store, clock, task) = world(time("2026-11-21T11:00"), "FREQ=DAILY;INTERVAL=3", RepeatFrom::Completion);
        // A week late, with one reminder and not one every three days.
        let mut scheduler = Scheduler::new();
        let mut shown = 0;
        for _ in 0..14 {
            clock.advance(12 * 3_600);
            shown += scheduler.tick(&store, &clock).unwrap().len();
        }
        assert_eq!(shown, 1);
        let task = set_done(&store, &clock, &task.id, true).unwrap();
        assert_eq!((task.due, task.done_at), (time("2026-12-01T11:00"), None));
        // Early: three days from that day all the same.
        clock.advance(24 * 3_600);
        assert_eq!(set_done(&store, &clock, &task.id, true).unwrap().due, time("2026-12-02T11:00"));
        assert_eq!(store.open_reminders().unwrap().len(), 1);
    }

    #[test]
    fn what_repeats_from_completion_ends() {
        let (store, clock, task) = world(date("2026-11-01"), "FREQ=WEEKLY;COUNT=2", RepeatFrom::Completion);
        let task = set_done(&store, &clock, &task.id, true).unwrap();
        assert_eq!((task.due, task.recurrence.as_deref()), (date("2026-11-28"), Some("FREQ=WEEKLY;COUNT=1")));
        assert!(set_done(&store, &clock, &task.id, true).unwrap().done_at.is_some());
        let (store, clock, task) = world(date("2026-11-01"), "FREQ=WEEKLY;UNTIL=20261127", RepeatFrom::Completion);
        assert!(set_done(&store, &clock, &task.id, true).unwrap().done_at.is_some());
    }

    #[test]
    fn the_time_that_is_due_is_skipped_and_comes_back() {
        let (store, clock, before) = world(time("2026-11-21T11:00"), "FREQ=DAILY;COUNT=3", RepeatFrom::Schedule);
        let task = skip(&store, &clock, &before.id, None).unwrap();
        assert_eq!(
            (task.due.clone(), task.recurrence.as_deref()),
            (time("2026-11-22T11:00"), Some("FREQ=DAILY;COUNT=2"))
        );
        assert_eq!(store.open_reminders().unwrap()[0].at.to_string(), "2026-11-22T03:00:00Z");
        skip(&store, &clock, &task.id, None).unwrap();
        let last = skip(&store, &clock, &task.id, None).unwrap_err().to_string();
        assert!(last.contains("last time"), "{last}");
        let task = update(&store, &clock, before.clone()).unwrap();
        assert_eq!((task.due, task.recurrence), (before.due, before.recurrence));
    }

    #[test]
    fn a_later_day_is_left_out_when_it_comes() {
        let (store, clock, task) = world(time("2026-11-21T11:00"), "FREQ=DAILY", RepeatFrom::Schedule);
        let day = |text: &str| Some(text.parse().unwrap());
        let task = skip(&store, &clock, &task.id, day("2026-11-23")).unwrap();
        assert_eq!((task.due.clone(), task.skipped.len()), (time("2026-11-21T11:00"), 1));
        for (wrong, words) in [("2026-11-23", "does not repeat on that day"), ("2026-11-20", "does not repeat")] {
            let said = skip(&store, &clock, &task.id, day(wrong)).unwrap_err().to_string();
            assert!(said.contains(words), "{said}");
        }
        let mut scheduler = Scheduler::new();
        let mut shown = Vec::new();
        for _ in 0..4 * 24 {
            clock.advance(3_600);
            shown.extend(scheduler.tick(&store, &clock).unwrap().into_iter().map(|e| e.reminder.at.to_string()));
        }
        assert_eq!(shown, ["2026-11-21T03:00:00Z", "2026-11-22T03:00:00Z", "2026-11-24T03:00:00Z"]);
        // Completing goes over it too, and what has passed is forgotten.
        let task = update(&store, &clock, Task { skipped: vec!["2026-11-26".parse().unwrap()], ..task }).unwrap();
        let task = set_done(&store, &clock, &task.id, true).unwrap();
        assert_eq!((task.due.clone(), task.skipped.len()), (time("2026-11-25T11:00"), 1));
        assert_eq!(set_done(&store, &clock, &task.id, true).unwrap().due, time("2026-11-27T11:00"));
        assert_eq!(store.task(&task.id).unwrap().skipped, []);
    }

    #[test]
    fn what_has_nothing_to_skip_says_so() {
        let (store, clock, once) = world(date("2026-11-22"), "", RepeatFrom::Schedule);
        let said = skip(&store, &clock, &once.id, None).unwrap_err().to_string();
        assert!(said.contains("repeats"), "{said}");
        let done = set_done(&store, &clock, &once.id, true).unwrap();
        assert!(skip(&store, &clock, &done.id, None).is_err());
        let many = Task { recurrence: Some("FREQ=DAILY".into()), ..once };
        let days = (1..=1_001).map(|n| jiff::civil::date(2026, 11, 22).checked_add(jiff::Span::new().days(n)).unwrap());
        let said = update(&store, &clock, Task { skipped: days.collect(), ..many }).unwrap_err().to_string();
        assert!(said.contains("1,000 days"), "{said}");
    }
}
