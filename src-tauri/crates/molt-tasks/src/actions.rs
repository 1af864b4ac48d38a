//! What a user does with tasks: add, change, delete, list. Completing them is in [`crate::completing`].

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use molt_core::{
    Clock, Due, Priority, Reminder, ReminderState, RepeatFrom, StoreError, Task, TaskDraft, TaskId, TaskSource,
    TaskStore,
};

use crate::{
    Rule, TaskError,
    due::{date_of, due_at, is_overdue},
    parts::{check_parent, levels},
    quick::{EARLIEST_REMINDER, check_line, distinct, quick_add},
    scheduler::{is_snooze, reminders_for},
};

/// Characters.
const TITLE_LIMIT: usize = 1_000;
const NOTES_LIMIT: usize = 100_000;
const CATEGORY_LIMIT: usize = 100;
/// Minutes: a month. What takes longer has parts.
pub(crate) const ESTIMATE_LIMIT: u32 = 31 * 24 * 60;
/// Days that are left out of a repetition; a daily one over almost three years.
pub(crate) const SKIPPED_LIMIT: usize = 1_000;
/// Labels of a task, and reminders before its due time.
const LIST_LIMIT: usize = 20;

/// What a new task is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewTask {
    pub title: String,
    pub notes: String,
    pub priority: Priority,
    pub category: Option<String>,
    pub section: Option<String>,
    pub labels: Vec<String>,
    pub deadline: Option<Date>,
    /// Minutes before the due time.
    pub remind_before: Vec<u32>,
    pub estimate_minutes: Option<u32>,
    /// The task that it is a part of.
    pub parent: Option<TaskId>,
    pub due: Option<Due>,
    pub recurrence: Option<String>,
    pub repeat_from: RepeatFrom,
    /// Days that are left out of the repetition.
    pub skipped: Vec<Date>,
    pub source: Option<TaskSource>,
}

impl From<TaskDraft> for NewTask {
    fn from(draft: TaskDraft) -> Self {
        Self {
            title: draft.title,
            notes: draft.notes,
            priority: draft.priority,
            category: draft.category,
            section: draft.section,
            labels: draft.labels,
            deadline: draft.deadline,
            remind_before: draft.remind_before,
            estimate_minutes: draft.estimate_minutes,
            parent: None,
            due: draft.due,
            recurrence: draft.recurrence,
            repeat_from: draft.repeat_from,
            skipped: vec![],
            source: None,
        }
    }
}

/// A task with what its due time means now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub task: Task,
    /// The instant of `due`; for a whole day its last second.
    pub due_at: Option<Timestamp>,
    /// Due has passed and the task is not done.
    pub overdue: bool,
}

/// Adds a task with its reminder.
///
/// # Errors
/// A title that is empty or too long, a repetition that is not understood, an unknown time zone, a task that it cannot be a part of,
/// or the store's.
pub fn add(store: &dyn TaskStore, clock: &dyn Clock, new: NewTask) -> Result<Task, TaskError> {
    let (task, reminders) = prepare(store, clock, TaskId::random(), new, None)?;
    store.put_task(&task, &reminders)?;
    Ok(task)
}

/// A task with its reminders, checked and ready to be stored; perhaps it is done already.
pub(crate) fn prepare(
    store: &dyn TaskStore,
    clock: &dyn Clock,
    id: TaskId,
    new: NewTask,
    done_at: Option<Timestamp>,
) -> Result<(Task, Vec<Reminder>), TaskError> {
    let now = clock.now();
    let mut task = Task {
        id,
        title: new.title,
        notes: new.notes,
        priority: new.priority,
        category: new.category,
        section: new.section,
        labels: new.labels,
        deadline: new.deadline,
        remind_before: new.remind_before,
        estimate_minutes: new.estimate_minutes,
        parent: new.parent,
        due: new.due,
        recurrence: new.recurrence,
        repeat_from: new.repeat_from,
        skipped: new.skipped,
        done_at,
        source: new.source,
        created_at: now,
        updated_at: now,
    };
    tidy(&mut task, clock)?;
    check_zone(&task)?;
    if let Some(parent) = &task.parent {
        check_parent(store, &task.id, parent, 1)?;
    }
    let reminders = reminders_for(&task, now, &clock.zone());
    Ok((task, reminders))
}

/// Reads a line and adds what it says.
///
/// # Errors
/// As [`add`].
pub fn add_line(
    store: &dyn TaskStore,
    clock: &dyn Clock,
    line: &str,
    source: Option<TaskSource>,
) -> Result<Task, TaskError> {
    check_line(line)?;
    let draft = quick_add(line, clock.now().to_zoned(clock.zone()));
    add(store, clock, NewTask { source, ..draft.into() })
}

/// Replaces what the user can change. Whether the task is done is changed by [`set_done`](crate::set_done) only.
///
/// # Errors
/// As [`add`], and when there is no such task.
pub fn update(store: &dyn TaskStore, clock: &dyn Clock, task: Task) -> Result<Task, TaskError> {
    let now = clock.now();
    let old = store.task(&task.id)?;
    let mut task =
        Task { done_at: old.done_at, created_at: old.created_at, source: old.source.clone(), updated_at: now, ..task };
    tidy(&mut task, clock)?;
    // One whose parent was deleted since can still be changed.
    if let Some(parent) = task.parent.as_ref().filter(|_| task.parent != old.parent) {
        check_parent(store, &task.id, parent, 1 + levels(store, &task.id)?.len())?;
    }
    if task.due == old.due && task.remind_before == old.remind_before {
        // Snoozed reminders stay.
        let mut scheduled = reminders_for(&task, now, &clock.zone());
        scheduled.extend(snoozes(store, &task.id)?);
        store.put_task(&task, &scheduled)?;
    } else {
        check_zone(&task)?;
        let mut reminders = reminders_for(&task, now, &clock.zone());
        // A new time answers what was shown for the old one.
        reminders.extend(answered(store, &task.id)?);
        store.put_task(&task, &reminders)?;
    }
    Ok(task)
}

/// Hides a task with its parts; [`restore`] brings them back.
///
/// # Errors
/// When there is no such task, or the store's.
pub fn delete(store: &dyn TaskStore, clock: &dyn Clock, id: &TaskId) -> Result<(), TaskError> {
    store.task(id)?;
    Ok(store.set_task_deleted(id, Some(clock.now()))?)
}

/// Brings a deleted task back, with the parts that were deleted with it. A reminder that passed meanwhile is shown late.
///
/// # Errors
/// When there is no such task, or the store's.
pub fn restore(store: &dyn TaskStore, id: &TaskId) -> Result<Task, TaskError> {
    store.set_task_deleted(id, None)?;
    Ok(store.task(id)?)
}

/// Open tasks first, by due time (those without one last), then by priority and age; then the done ones, newest first.
///
/// # Errors
/// The store's.
pub fn list(store: &dyn TaskStore, clock: &dyn Clock) -> Result<Vec<Listed>, TaskError> {
    let mut rows: Vec<_> = store.tasks()?.into_iter().map(|task| describe(task, clock)).collect();
    rows.sort_by(|a, b| {
        let open = |r: &Listed| r.task.done_at.is_some();
        open(a).cmp(&open(b)).then_with(|| match (a.task.done_at, b.task.done_at) {
            (Some(x), Some(y)) => y.cmp(&x),
            _ => (a.due_at.is_none(), a.due_at, a.task.priority, a.task.created_at).cmp(&(
                b.due_at.is_none(),
                b.due_at,
                b.task.priority,
                b.task.created_at,
            )),
        })
    });
    Ok(rows)
}

/// One task as [`list`] gives it.
pub fn describe(task: Task, clock: &dyn Clock) -> Listed {
    let zone = clock.zone();
    let due_at = task.due.as_ref().map(|due| due_at(due, &zone));
    let overdue = task.done_at.is_none() && task.due.as_ref().is_some_and(|due| is_overdue(due, clock.now(), &zone));
    Listed { task, due_at, overdue }
}

/// Trims and checks what a person typed; a repetition without a due time begins today.
fn tidy(task: &mut Task, clock: &dyn Clock) -> Result<(), TaskError> {
    let invalid = |text: &str| Err(TaskError::Invalid(text.into()));
    task.title = one_line(&task.title);
    task.category = task.category.as_deref().map(one_line).filter(|c| !c.is_empty());
    task.section = task.section.as_deref().map(one_line).filter(|s| !s.is_empty());
    task.estimate_minutes = task.estimate_minutes.filter(|minutes| *minutes > 0);
    task.recurrence = task.recurrence.take().filter(|r| !r.trim().is_empty());
    if task.title.is_empty() {
        return invalid("a task needs a title; write what is to be done");
    }
    if task.title.chars().count() > TITLE_LIMIT {
        return invalid("the title is too long (over 1,000 characters); put the details into the notes");
    }
    if task.notes.chars().count() > NOTES_LIMIT {
        return invalid("the notes are too long (over 100,000 characters); shorten them");
    }
    if task.category.as_ref().is_some_and(|c| c.chars().count() > CATEGORY_LIMIT) {
        return invalid("the category is too long (over 100 characters); shorten it");
    }
    if task.section.as_ref().is_some_and(|s| s.chars().count() > CATEGORY_LIMIT) {
        return invalid("the name of the section is too long (over 100 characters); shorten it");
    }
    if task.estimate_minutes.is_some_and(|minutes| minutes > ESTIMATE_LIMIT) {
        return invalid("the estimate is too long (over 31 days); split the task into parts");
    }
    task.labels = task.labels.iter().map(|label| one_line(label)).filter(|label| !label.is_empty()).collect();
    task.labels = distinct(task.labels.drain(..));
    if task.labels.len() > LIST_LIMIT || task.labels.iter().any(|label| label.chars().count() > CATEGORY_LIMIT) {
        return invalid("a task can have 20 labels of 100 characters; remove some or shorten them");
    }
    task.remind_before.sort_unstable();
    task.remind_before.dedup();
    task.remind_before.retain(|minutes| *minutes > 0);
    if task.remind_before.len() > LIST_LIMIT || task.remind_before.iter().any(|minutes| *minutes > EARLIEST_REMINDER) {
        return invalid(
            "a task can have 20 reminders within the four weeks before it is due; choose fewer or nearer ones",
        );
    }
    if let Some(text) = &task.recurrence {
        let rule = Rule::parse(text)?;
        if task.due.is_none() {
            let today = clock.now().to_zoned(clock.zone()).date();
            task.due = Some(Due::Date { date: rule.first_from(today) });
        }
    }
    tidy_skipped(task)
}

/// Keeps the days that are still to be left out.
pub(crate) fn tidy_skipped(task: &mut Task) -> Result<(), TaskError> {
    let start = task.due.as_ref().map(date_of).filter(|_| task.recurrence.is_some());
    if task.recurrence.is_none() {
        task.repeat_from = RepeatFrom::Schedule;
    }
    task.skipped.retain(|day| start.is_some_and(|start| *day > start));
    task.skipped.sort_unstable();
    task.skipped.dedup();
    if task.skipped.len() > SKIPPED_LIMIT {
        return Err(TaskError::Invalid(
            "over 1,000 days are left out of the repetition; let it begin later or choose another one".into(),
        ));
    }
    Ok(())
}

fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ")
}

fn check_zone(task: &Task) -> Result<(), TaskError> {
    match &task.due {
        Some(Due::Time { zone, .. }) if TimeZone::get(zone).is_err() => {
            Err(TaskError::Invalid(format!("the time zone “{zone:.60}” is not known; choose another")))
        }
        _ => Ok(()),
    }
}

pub(crate) fn snoozes(store: &dyn TaskStore, id: &TaskId) -> Result<Vec<Reminder>, StoreError> {
    let mut rows = store.open_reminders()?;
    rows.retain(|r| &r.task_id == id && r.state == ReminderState::Scheduled && is_snooze(r));
    Ok(rows)
}

/// What is shown for an open task, answered; not stored yet.
pub(crate) fn answered(store: &dyn TaskStore, id: &TaskId) -> Result<Vec<Reminder>, StoreError> {
    let mut rows = store.open_reminders()?;
    rows.retain(|r| &r.task_id == id && r.state == ReminderState::Shown);
    rows.iter_mut().for_each(|row| row.state = ReminderState::Answered);
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use molt_testkit::{ManualClock, MemoryStore};

    use super::*;
    use crate::{Scheduler, set_done};

    fn date(text: &str) -> Due {
        Due::Date { date: text.parse().unwrap() }
    }

    fn time(text: &str) -> Due {
        Due::Time { at: text.parse().unwrap(), zone: "Asia/Shanghai".into() }
    }

    fn world() -> (MemoryStore, ManualClock) {
        (MemoryStore::new(), ManualClock::at("2026-11-21T10:00", "Asia/Shanghai"))
    }

    fn new(title: &str, due: Option<Due>, recurrence: Option<&str>) -> NewTask {
        NewTask { title: title.into(), due, recurrence: recurrence.map(Into::into), ..NewTask::default() }
    }

    #[test]
    fn what_is_added_is_tidied_or_refused_in_plain_words() {
        let (store, clock) = world();
        let task = add(&store, &clock, new("  buy\n milk ", None, Some("FREQ=WEEKLY;BYDAY=MO"))).unwrap();
        assert_eq!((task.title.as_str(), task.due), ("buy milk", Some(date("2026-11-23"))));
        for (wrong, words) in [
            (new(" \n", None, None), "needs a title"),
            (new(&"x".repeat(1001), None, None), "too long"),
            (new("x", None, Some("FREQ=SECONDLY")), "not understood"),
            (
                new("x", Some(Due::Time { at: "2026-11-22T09:00".parse().unwrap(), zone: "Nowhere".into() }), None),
                "not known",
            ),
        ] {
            let said = add(&store, &clock, wrong).unwrap_err().to_string();
            assert!(said.contains(words), "{said}");
        }
        assert_eq!(store.tasks().unwrap().len(), 1);
    }

    #[test]
    fn a_line_becomes_a_task_with_its_reminder() {
        let (store, clock) = world();
        let source = TaskSource { conversation_id: "c".into(), message_id: "m".into() };
        let task = add_line(&store, &clock, "提醒我明天下午3点开会", Some(source.clone())).unwrap();
        assert_eq!((task.title.as_str(), task.due.clone()), ("开会", Some(time("2026-11-22T15:00"))));
        assert_eq!(task.source, Some(source));
        assert_eq!(store.open_reminders().unwrap()[0].at.to_string(), "2026-11-22T07:00:00Z");
    }

    #[test]
    fn what_a_line_says_beside_its_time_is_kept() {
        let (store, clock) = world();
        let line = "pay rent tomorrow 3pm !30min @home {Dec 1} // to the bank";
        let task = add_line(&store, &clock, line, None).unwrap();
        assert_eq!((task.title.as_str(), task.notes.as_str()), ("pay rent", "to the bank"));
        assert_eq!((task.labels.clone(), task.remind_before.clone()), (vec!["home".to_owned()], vec![30]));
        assert_eq!(task.deadline, Some(jiff::civil::date(2026, 12, 1)));
        assert_eq!(store.open_reminders().unwrap()[0].at.to_string(), "2026-11-22T06:30:00Z");
        // Without the earlier reminder the one at the due time is next.
        update(&store, &clock, Task { remind_before: vec![], ..task }).unwrap();
        let rows = store.open_reminders().unwrap();
        assert_eq!((rows.len(), rows[0].at.to_string().as_str()), (1, "2026-11-22T07:00:00Z"));
        let long = add_line(&store, &clock, &"明天 ".repeat(700_000), None).unwrap_err().to_string();
        assert!(long.contains("over 2,000 characters"), "{long}");
        let many = NewTask { remind_before: (1..=21).collect(), ..new("x", None, None) };
        assert!(add(&store, &clock, many).unwrap_err().to_string().contains("20 reminders"));
        assert_eq!(store.tasks().unwrap().len(), 1);
    }

    #[test]
    fn completing_a_recurring_task_moves_it_past_now() {
        let (store, clock) = world();
        let id = add(&store, &clock, new("pills", Some(time("2026-11-18T09:00")), Some("FREQ=DAILY"))).unwrap().id;
        let task = set_done(&store, &clock, &id, true).unwrap();
        assert_eq!((task.due, task.done_at), (Some(time("2026-11-22T09:00")), None));
        // Done again, early: the occurrence after.
        assert_eq!(set_done(&store, &clock, &id, true).unwrap().due, Some(time("2026-11-23T09:00")));
        let rows = store.open_reminders().unwrap();
        assert_eq!((rows.len(), rows[0].at.to_string().as_str()), (1, "2026-11-23T01:00:00Z"));

        let all_day =
            add(&store, &clock, new("plants", Some(date("2026-11-21")), Some("FREQ=WEEKLY;INTERVAL=2"))).unwrap();
        assert_eq!(set_done(&store, &clock, &all_day.id, true).unwrap().due, Some(date("2026-12-05")));
    }

    #[test]
    fn the_last_occurrence_completes_the_task() {
        let (store, clock) = world();
        let rule = Some("FREQ=DAILY;COUNT=3");
        let id = add(&store, &clock, new("course", Some(date("2026-11-20")), rule)).unwrap().id;
        let task = set_done(&store, &clock, &id, true).unwrap();
        assert_eq!((task.due, task.recurrence.as_deref()), (Some(date("2026-11-22")), Some("FREQ=DAILY;COUNT=1")));
        assert!(set_done(&store, &clock, &id, true).unwrap().done_at.is_some());
        assert_eq!(store.open_reminders().unwrap(), []);
    }

    #[test]
    fn done_and_open_again() {
        let (store, clock) = world();
        let id = add(&store, &clock, new("call", Some(time("2026-11-21T10:05")), None)).unwrap().id;
        clock.advance(400);
        assert_eq!(Scheduler::new().tick(&store, &clock).unwrap().len(), 1);
        let done = set_done(&store, &clock, &id, true).unwrap();
        assert_eq!(done.done_at, Some(clock.now()));
        assert_eq!(store.open_reminders().unwrap(), []);
        assert_eq!(set_done(&store, &clock, &id, true).unwrap(), done, "twice is once");
        assert_eq!(set_done(&store, &clock, &id, false).unwrap().done_at, None);
        assert_eq!(store.open_reminders().unwrap(), [], "it was shown before and is not shown again");
    }

    #[test]
    fn a_changed_time_replaces_the_reminder_and_a_changed_title_does_not() {
        let (store, clock) = world();
        let mut task = add(&store, &clock, new("call", Some(time("2026-11-21T11:00")), None)).unwrap();
        task.title = "call Anna".into();
        task.done_at = Some(clock.now());
        task = update(&store, &clock, task).unwrap();
        assert_eq!((task.title.as_str(), task.done_at), ("call Anna", None));
        assert_eq!(store.open_reminders().unwrap().len(), 1);
        task.due = Some(time("2026-11-21T12:00"));
        update(&store, &clock, task.clone()).unwrap();
        let rows = store.open_reminders().unwrap();
        assert_eq!((rows.len(), rows[0].at.to_string().as_str()), (1, "2026-11-21T04:00:00Z"));
        task.due = None;
        update(&store, &clock, task).unwrap();
        assert_eq!(store.open_reminders().unwrap(), []);
    }

    #[test]
    fn deleted_tasks_come_back_whole() {
        let (store, clock) = world();
        let task = add(&store, &clock, new("call", Some(time("2026-11-21T11:00")), None)).unwrap();
        delete(&store, &clock, &task.id).unwrap();
        assert!(list(&store, &clock).unwrap().is_empty());
        assert!(matches!(delete(&store, &clock, &task.id), Err(TaskError::Store(StoreError::NotFound("task")))));
        assert_eq!(restore(&store, &task.id).unwrap(), task);
        assert_eq!(store.open_reminders().unwrap().len(), 1);
    }

    #[test]
    fn the_list_has_what_is_due_first() {
        let (store, clock) = world();
        for (title, due) in
            [("someday", None), ("today", Some(date("2026-11-21"))), ("late", Some(time("2026-11-21T09:00")))]
        {
            add(&store, &clock, new(title, due, None)).unwrap();
        }
        let urgent = NewTask { priority: Priority::Urgent, ..new("urgent", None, None) };
        add(&store, &clock, urgent).unwrap();
        let done = add(&store, &clock, new("done", Some(date("2026-11-01")), None)).unwrap();
        set_done(&store, &clock, &done.id, true).unwrap();
        let rows = list(&store, &clock).unwrap();
        let shown: Vec<_> = rows.iter().map(|r| (r.task.title.as_str(), r.overdue)).collect();
        assert_eq!(shown, [("late", true), ("today", false), ("urgent", false), ("someday", false), ("done", false)]);
        assert_eq!(rows[1].due_at.unwrap().to_string(), "2026-11-21T15:59:59Z");
    }
}
