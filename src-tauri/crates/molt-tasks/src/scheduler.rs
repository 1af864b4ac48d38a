//! Which reminders are due, and which rows must exist so that none is missed.
//!
//! The rows are the memory: an occurrence is shown because its row (task, time) turns from scheduled to shown, and that is written
//! before anybody sees it. Of several occurrences of one task that passed unseen (the computer slept), the last is shown, once,
//! and the others are counted. Rows for them are not written, so that a clock that jumped ahead by mistake costs nothing when it is
//! set right.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use molt_core::{Clock, Due, Priority, QuietHours, Reminder, ReminderId, ReminderState, Task, TaskStore};

use crate::{
    Rule, TaskError,
    due::{date_of, on_date, remind_at},
    repeating::days_from,
};

/// Later than this after its time, a reminder is marked late.
const LATE_SECONDS: i64 = 60;
/// A task made with a due time that passed less than this ago still reminds, at once ("in 5 seconds", typed slowly).
const GRACE_MINUTES: i64 = 10;
/// Occurrences that are tried when a time is taken by a row that was shown before the clock was set back.
const TRIES: usize = 400;
/// Begins the id of a row that a snooze made, so that it is not moved with the due time.
const SNOOZE: &str = "snooze-";

/// A reminder to show now. Its row says so already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    pub reminder: Reminder,
    pub task: Task,
    /// Earlier occurrences of the same task that passed unseen and are not shown on their own.
    pub missed: u32,
}

pub(crate) fn scheduled(task: &Task, at: Timestamp) -> Reminder {
    Reminder { id: ReminderId::random(), task_id: task.id.clone(), at, state: ReminderState::Scheduled, late: false }
}

pub(crate) fn snoozed(task: &Task, at: Timestamp) -> Reminder {
    let id = ReminderId(format!("{SNOOZE}{}", ReminderId::random()));
    Reminder { id, ..scheduled(task, at) }
}

pub(crate) fn is_snooze(reminder: &Reminder) -> bool {
    reminder.id.as_str().starts_with(SNOOZE)
}

/// The rule of a task. One that cannot be read (an older or newer program wrote it) counts as none; the text stays in the task.
pub(crate) fn rule_of(task: &Task) -> Option<Rule> {
    task.recurrence.as_deref().and_then(|text| Rule::parse(text).ok())
}

/// The instants at which a task reminds, ascending, from `since` on (excluded): before each occurrence as often as it says, and at it.
fn times(task: &Task, local: &TimeZone, since: Timestamp) -> Box<dyn Iterator<Item = Timestamp>> {
    let mut before: Vec<u32> = task.remind_before.iter().copied().filter(|minutes| *minutes > 0).collect();
    if before.is_empty() {
        return times_before(task, local, since, 0);
    }
    before.push(0);
    let mut rest: Vec<_> =
        before.into_iter().map(|minutes| times_before(task, local, since, minutes).peekable()).collect();
    Box::new(std::iter::from_fn(move || {
        let next = rest.iter_mut().filter_map(|times| times.peek().copied()).min()?;
        // A day and an hour before two occurrences may be the same instant.
        for times in &mut rest {
            times.next_if_eq(&next);
        }
        Some(next)
    }))
}

/// The same for one reminder, `minutes` before each occurrence.
fn times_before(task: &Task, local: &TimeZone, since: Timestamp, minutes: u32) -> Box<dyn Iterator<Item = Timestamp>> {
    let Some(due) = task.due.clone() else { return Box::new(std::iter::empty()) };
    let ahead = i64::from(minutes).minutes();
    let since = since.checked_add(ahead).unwrap_or(since);
    let local = local.clone();
    let start = date_of(&due);
    // No zone is two days from UTC.
    let from = TimeZone::UTC.to_datetime(since).date().checked_sub(2.days()).unwrap_or(start);
    let times: Box<dyn Iterator<Item = Timestamp>> = match rule_of(task) {
        None => Box::new(std::iter::once(remind_at(&due, &local))),
        Some(rule) => {
            Box::new(days_from(task, &rule, start, from).map(move |day| remind_at(&on_date(&due, day), &local)))
        }
    };
    Box::new(times.skip_while(move |at| *at <= since).filter_map(move |at| at.checked_sub(ahead).ok()))
}

/// It reminds more than once.
fn is_series(task: &Task) -> bool {
    rule_of(task).is_some() || !task.remind_before.is_empty()
}

/// The rows that a task needs from `now` on: its next reminder, if it has one.
pub fn reminders_for(task: &Task, now: Timestamp, local: &TimeZone) -> Vec<Reminder> {
    if task.done_at.is_some() {
        return vec![];
    }
    let grace = match task.due {
        Some(Due::Time { .. }) => GRACE_MINUTES.minutes(),
        _ => 0.minutes(),
    };
    let since = now.checked_sub(grace).unwrap_or(now);
    times(task, local, since).next().map(|at| scheduled(task, at)).into_iter().collect()
}

/// What becomes of a row that is due: the row to show, and how many occurrences it stands for besides itself.
fn showing(row: &Reminder, task: &Task, now: Timestamp, local: &TimeZone) -> (Reminder, u32) {
    let mut shown = Reminder { state: ReminderState::Shown, ..row.clone() };
    let mut missed = 0;
    if !is_snooze(row) && is_series(task) {
        for at in times(task, local, row.at).take_while(|at| *at <= now) {
            shown.at = at;
            missed += 1;
        }
    }
    shown.late = now.duration_since(shown.at).as_secs() > LATE_SECONDS;
    (shown, missed)
}

/// Decides on a beat what is shown. Keeps only what it needs to notice that the clock or the zone was changed.
#[derive(Debug, Default)]
pub struct Scheduler {
    last: Option<(Timestamp, TimeZone)>,
    quiet: Option<QuietHours>,
}

impl Scheduler {
    pub fn new() -> Self {
        Self::default()
    }

    /// What comes due in these hours is shown when they end, as late; what is urgent is shown at once.
    pub fn set_quiet_hours(&mut self, quiet: Option<QuietHours>) {
        self.quiet = quiet;
    }

    /// To be called at least every 30 seconds, and after the computer wakes. Returns what is to be shown now, in order of time;
    /// each row was written as shown before.
    ///
    /// # Errors
    /// When nothing could be shown because the store failed. The next call tries again.
    pub fn tick(&mut self, store: &dyn TaskStore, clock: &dyn Clock) -> Result<Vec<Effect>, TaskError> {
        let (now, zone) = (clock.now(), clock.zone());
        let last = self.last.take();
        let course = match &last {
            Some((then, _)) if *then > now => Course::Back,
            Some((_, there)) if *there == zone => Course::Steady,
            _ => Course::Unknown,
        };
        let quiet = self.quiet.is_some_and(|hours| hours.hold(zone.to_datetime(now).time()));
        let mut effects = Vec::new();
        let done = run(store, now, &zone, course, quiet, &mut effects);
        effects.sort_by_key(|e| e.reminder.at);
        match done {
            // What a changed clock asks for is not finished while reminders are held.
            Ok(()) if quiet && course != Course::Steady => self.last = last,
            Ok(()) => self.last = Some((now, zone)),
            // What was written as shown must be shown; the failure comes again with the next call.
            Err(_) if !effects.is_empty() => {}
            Err(error) => return Err(error),
        }
        Ok(effects)
    }
}

/// How the clock went since the last beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    /// Ahead, in the same zone: what was scheduled still holds.
    Steady,
    /// The first beat, or the zone is another.
    Unknown,
    /// It was set back.
    Back,
}

fn run(
    store: &dyn TaskStore,
    now: Timestamp,
    zone: &TimeZone,
    course: Course,
    quiet: bool,
    effects: &mut Vec<Effect>,
) -> Result<(), TaskError> {
    let rows = store.open_reminders()?;
    let (due, ahead): (Vec<_>, Vec<_>) =
        rows.into_iter().filter(|r| r.state == ReminderState::Scheduled).partition(|r| r.at <= now);
    let is_held = |task: &Task| quiet && task.priority != Priority::Urgent;
    for row in due {
        let task = store.task(&row.task_id)?;
        if is_held(&task) {
            continue;
        }
        let (mut shown, mut missed) = showing(&row, &task, now, zone);
        if !store.put_reminder(&shown)? {
            // The last one was shown before the clock was set back; this row itself was not.
            (shown, missed) = (Reminder { at: row.at, late: true, ..shown }, 0);
            store.put_reminder(&shown)?;
        }
        effects.push(Effect { reminder: shown, task, missed });
    }
    if course == Course::Steady && effects.is_empty() {
        return Ok(());
    }
    // They come by time, and the last that is put in stays: the first of each task.
    let next: BTreeMap<_, _> = ahead.iter().rev().filter(|r| !is_snooze(r)).map(|r| (&r.task_id, r)).collect();
    if course == Course::Steady {
        // A task may have shown two rows, its own and a snoozed one.
        let tasks: BTreeMap<_, _> = effects.iter().map(|e| (e.task.id.clone(), e.task.clone())).collect();
        for task in tasks.values() {
            schedule_next(store, task, next.get(&task.id).copied(), now, zone)?;
        }
    } else {
        for task in store.tasks()?.into_iter().filter(|task| !is_held(task)) {
            effects.extend(show_last(store, &task, now, zone, course)?);
            schedule_next(store, &task, next.get(&task.id).copied(), now, zone)?;
        }
    }
    Ok(())
}

/// The last occurrence of a recurring task before `now`, if it was never shown. That happens when a clock was ahead and is set back
/// between occurrences that were counted as missed.
fn show_last(
    store: &dyn TaskStore,
    task: &Task,
    now: Timestamp,
    zone: &TimeZone,
    course: Course,
) -> Result<Option<Effect>, TaskError> {
    // In another zone the instants of a whole day are others; that alone is no reason to remind again.
    let moves = matches!(task.due, Some(Due::Date { .. })) && course != Course::Back;
    if task.done_at.is_some() || moves || !is_series(task) {
        return Ok(None);
    }
    // What lies before the task was made or changed was never to be shown.
    let Some(at) = times(task, zone, task.updated_at).take_while(|at| *at <= now).last() else { return Ok(None) };
    let late = now.duration_since(at).as_secs() > LATE_SECONDS;
    let reminder = Reminder { state: ReminderState::Shown, late, ..scheduled(task, at) };
    Ok(store.put_reminder(&reminder)?.then(|| Effect { reminder, task: task.clone(), missed: 0 }))
}

/// Makes sure that the task's next reminder after `now` has a row, moving the `current` one that stands elsewhere because the clock
/// or the zone was another.
fn schedule_next(
    store: &dyn TaskStore,
    task: &Task,
    current: Option<&Reminder>,
    now: Timestamp,
    zone: &TimeZone,
) -> Result<(), TaskError> {
    if task.done_at.is_some() || task.due.is_none() {
        return Ok(());
    }
    for at in times(task, zone, now).take(TRIES) {
        if current.is_some_and(|r| r.at == at) {
            return Ok(());
        }
        let row = current.map_or_else(|| scheduled(task, at), |r| Reminder { at, ..r.clone() });
        if store.put_reminder(&row)? {
            return Ok(());
        }
    }
    Ok(())
}
