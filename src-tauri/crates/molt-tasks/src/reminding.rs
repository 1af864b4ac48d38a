//! What a user does with reminders that are shown: done, dismiss, snooze.

use jiff::ToSpan;
use molt_core::{Clock, Reminder, ReminderId, ReminderState, Task, TaskStore};

use crate::{
    TaskError,
    completing::set_done,
    due::remind_at,
    scheduler::{rule_of, snoozed},
};

/// Thirty days.
const SNOOZE_LIMIT: u32 = 30 * 24 * 60;

/// A reminder that waits for an answer, with its task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownReminder {
    pub reminder: Reminder,
    pub task: Task,
}

/// All that are shown and not answered, oldest first.
///
/// # Errors
/// The store's.
pub fn shown(store: &dyn TaskStore) -> Result<Vec<ShownReminder>, TaskError> {
    let rows = store.open_reminders()?.into_iter().filter(|r| r.state == ReminderState::Shown);
    rows.map(|reminder| Ok(ShownReminder { task: store.task(&reminder.task_id)?, reminder })).collect()
}

fn answer(store: &dyn TaskStore, reminder: Reminder) -> Result<(), TaskError> {
    if reminder.state != ReminderState::Answered {
        store.put_reminder(&Reminder { state: ReminderState::Answered, ..reminder })?;
    }
    Ok(())
}

/// Completes the reminder's task. A second click on the same reminder does nothing, nor does one on a reminder of an occurrence
/// that was completed before.
///
/// # Errors
/// When there is no such reminder or its task is gone, or the store's.
pub fn complete(store: &dyn TaskStore, clock: &dyn Clock, id: &ReminderId) -> Result<(), TaskError> {
    let reminder = store.reminder(id)?;
    if reminder.state == ReminderState::Answered {
        return Ok(());
    }
    let task = store.task(&reminder.task_id)?;
    let due = task.due.as_ref().map(|due| remind_at(due, &clock.zone()));
    // A reminder before the due time, perhaps put off, is of the occurrence that is now due.
    let before = task.remind_before.iter().max().copied().unwrap_or(0);
    let latest = reminder.at.checked_add(i64::from(before).minutes()).unwrap_or(reminder.at);
    if rule_of(&task).is_none() || due.is_none_or(|due| latest >= due) {
        set_done(store, clock, &task.id, true)?;
    }
    answer(store, reminder)
}

/// Closes the reminder and leaves the task as it is.
///
/// # Errors
/// When there is no such reminder, or the store's.
pub fn dismiss(store: &dyn TaskStore, id: &ReminderId) -> Result<(), TaskError> {
    answer(store, store.reminder(id)?)
}

/// Closes the reminder and reminds again in so many minutes. An answered reminder stays answered.
///
/// # Errors
/// Minutes out of 1..=43,200, no such reminder or task, or the store's.
pub fn snooze(store: &dyn TaskStore, clock: &dyn Clock, id: &ReminderId, minutes: u32) -> Result<(), TaskError> {
    if !(1..=SNOOZE_LIMIT).contains(&minutes) {
        return Err(TaskError::Invalid(
            "a reminder can be put off by 1 minute to 30 days; choose a time between".into(),
        ));
    }
    let reminder = store.reminder(id)?;
    if reminder.state == ReminderState::Answered {
        return Ok(());
    }
    let task = store.task(&reminder.task_id)?;
    let out_of_range = |_| TaskError::Invalid("that time is out of range; choose an earlier one".into());
    let at = clock.now().checked_add(i64::from(minutes).minutes()).map_err(out_of_range)?;
    // In one piece: a crash between two would remind twice, or never.
    let mut reminders = store.open_reminders()?;
    reminders.retain(|row| row.task_id == task.id && row.state == ReminderState::Scheduled);
    reminders.push(snoozed(&task, at));
    reminders.push(Reminder { state: ReminderState::Answered, ..reminder });
    Ok(store.put_task(&task, &reminders)?)
}

#[cfg(test)]
mod tests {
    use molt_core::{Due, StoreError};
    use molt_testkit::{ManualClock, MemoryStore};

    use super::*;
    use crate::{Effect, NewTask, Scheduler, actions, add};

    struct World {
        store: MemoryStore,
        clock: ManualClock,
        scheduler: Scheduler,
    }

    impl World {
        fn with(due: &str, recurrence: Option<&str>) -> Self {
            let (store, clock) = (MemoryStore::new(), ManualClock::at("2026-11-21T10:00", "Asia/Shanghai"));
            let due = Some(Due::Time { at: due.parse().unwrap(), zone: "Asia/Shanghai".into() });
            let new = NewTask { title: "t".into(), due, recurrence: recurrence.map(Into::into), ..NewTask::default() };
            add(&store, &clock, new).unwrap();
            Self { store, clock, scheduler: Scheduler::new() }
        }

        fn after(&mut self, seconds: i64) -> Vec<Effect> {
            self.clock.advance(seconds);
            self.scheduler.tick(&self.store, &self.clock).unwrap()
        }
    }

    #[test]
    fn snooze_reminds_again_and_done_completes() {
        let mut world = World::with("2026-11-21T10:01", None);
        let first = world.after(60).remove(0).reminder;
        assert!(!first.late);
        snooze(&world.store, &world.clock, &first.id, 10).unwrap();
        snooze(&world.store, &world.clock, &first.id, 10).unwrap();
        assert!(shown(&world.store).unwrap().is_empty());
        assert_eq!(world.after(599), []);
        // A change of something else keeps the snooze.
        let mut task = world.store.tasks().unwrap().remove(0);
        task.notes = "changed".into();
        actions::update(&world.store, &world.clock, task).unwrap();
        let second = world.after(1).remove(0).reminder;
        assert_ne!(second.id, first.id);
        assert_eq!(shown(&world.store).unwrap()[0].reminder, second);
        complete(&world.store, &world.clock, &second.id).unwrap();
        complete(&world.store, &world.clock, &second.id).unwrap();
        assert!(world.store.tasks().unwrap()[0].done_at.is_some());
        assert!(shown(&world.store).unwrap().is_empty());
    }

    #[test]
    fn done_on_an_early_reminder_completes_its_occurrence() {
        let mut world = World::with("2026-11-21T11:00", Some("FREQ=DAILY"));
        let task = world.store.tasks().unwrap().remove(0);
        actions::update(&world.store, &world.clock, Task { remind_before: vec![30], ..task }).unwrap();
        let early = world.after(1_800).remove(0).reminder;
        assert_eq!(early.at.to_string(), "2026-11-21T02:30:00Z");
        complete(&world.store, &world.clock, &early.id).unwrap();
        let due = world.store.tasks().unwrap().remove(0).due;
        assert_eq!(due, Some(Due::Time { at: "2026-11-22T11:00".parse().unwrap(), zone: "Asia/Shanghai".into() }));
        assert_eq!(world.after(1_800), [], "the one at the due time is not needed any more");
        let next: Vec<_> = world.after(23 * 3_600 + 1_800).into_iter().map(|effect| effect.reminder).collect();
        assert_eq!((next.len(), next[0].at.to_string().as_str()), (1, "2026-11-22T02:30:00Z"));
        // Also when it was put off.
        snooze(&world.store, &world.clock, &next[0].id, 10).unwrap();
        let later = world.after(600).remove(0).reminder;
        complete(&world.store, &world.clock, &later.id).unwrap();
        assert_eq!(world.after(1_200), []);
    }

    #[test]
    fn dismiss_leaves_the_task_open() {
        let mut world = World::with("2026-11-21T10:01", None);
        let reminder = world.after(300).remove(0).reminder;
        assert!(reminder.late);
        dismiss(&world.store, &reminder.id).unwrap();
        assert!(shown(&world.store).unwrap().is_empty());
        assert_eq!(world.store.tasks().unwrap()[0].done_at, None);
        assert_eq!(world.after(100_000), []);
    }

    #[test]
    fn one_click_completes_one_occurrence() {
        let mut world = World::with("2026-11-21T10:01", Some("FREQ=DAILY"));
        let reminder = world.after(60).remove(0).reminder;
        let due = |world: &World| match world.store.tasks().unwrap().remove(0).due {
            Some(Due::Time { at, .. }) => at.to_string(),
            other => panic!("{other:?}"),
        };
        complete(&world.store, &world.clock, &reminder.id).unwrap();
        assert_eq!(due(&world), "2026-11-22T10:01:00");
        // As after a crash between the task's row and the reminder's.
        world.store.put_reminder(&reminder).unwrap();
        complete(&world.store, &world.clock, &reminder.id).unwrap();
        assert_eq!(due(&world), "2026-11-22T10:01:00");
        assert_eq!(world.after(86_400).len(), 1);
    }

    #[test]
    fn bad_requests_are_refused() {
        let mut world = World::with("2026-11-21T10:01", None);
        let reminder = world.after(60).remove(0).reminder;
        for minutes in [0, SNOOZE_LIMIT + 1] {
            assert!(matches!(snooze(&world.store, &world.clock, &reminder.id, minutes), Err(TaskError::Invalid(_))));
        }
        let missing = dismiss(&world.store, &"nothing".into());
        assert!(matches!(missing, Err(TaskError::Store(StoreError::NotFound("reminder")))));
        actions::delete(&world.store, &world.clock, &reminder.task_id).unwrap();
        assert!(complete(&world.store, &world.clock, &reminder.id).is_err());
    }
}
