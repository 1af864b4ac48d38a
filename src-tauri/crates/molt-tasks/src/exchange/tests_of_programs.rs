//! Files that other programs wrote (tests/calendars/make_calendars.py): nothing of title, time, zone, repetition and alarm is lost.

use molt_core::{Clock, Due, Priority, TaskStore};
use molt_testkit::{ManualClock, MemoryStore};

use super::*;

/// By the Python library, and back from a CalDAV server.
pub(super) const ICALENDAR: &str = include_str!("../../tests/calendars/icalendar.ics");
pub(super) const RADICALE: &str = include_str!("../../tests/calendars/radicale.ics");

fn clock() -> ManualClock {
    ManualClock::at("2026-11-21T10:00", "Asia/Shanghai")
}

/// The task that is called so in each of both files.
fn task(uid: &str) -> [ImportedTask; 2] {
    [ICALENDAR, RADICALE].map(|text| {
        let imported = read_calendar(text, &clock().zone()).unwrap();
        let uid = format!("{uid}@moltworker.example");
        imported.tasks.into_iter().find(|entry| entry.uid.as_deref() == Some(&uid)).unwrap()
    })
}

/// Title, due time with its zone, rule, and minutes of its reminders.
fn says(uid: &str) -> (String, String, String, Vec<u32>) {
    let [one, other] = task(uid);
    assert_eq!(one, other);
    let due = match one.task.due {
        Some(Due::Date { date }) => date.to_string(),
        Some(Due::Time { at, zone }) => format!("{at} {zone}"),
        None => String::new(),
    };
    (one.task.title, due, one.task.recurrence.unwrap_or_default(), one.task.remind_before)
}

#[test]
fn titles_times_zones_repetitions_and_alarms_are_kept() {
    let found = |title: &str, due: &str, rule: &str, before: &[u32]| {
        (title.to_owned(), due.to_owned(), rule.to_owned(), before.to_vec())
    };
    // The end of the series is an instant in summer time; an alarm is given by its time of day.
    assert_eq!(
        says("weekly"),
        found(
            "Stand-up; team, \\ “north”",
            "2026-11-24T09:15:00 Europe/Berlin",
            "FREQ=WEEKLY;BYDAY=TU,TH;UNTIL=20270330",
            &[15, 60]
        )
    );
    assert_eq!(says("todo"), found("交房租 🏠", "2026-12-01T18:30:00 America/New_York", "", &[30, 1_440]));
    // At nine on the day before.
    assert_eq!(says("birthday"), found("Birthday", "2026-12-24", "FREQ=YEARLY", &[1_440]));
    // The alarm at the due time is the one that every task has.
    assert_eq!(says("utc"), found("Release", "2026-11-30T23:00:00 UTC", "", &[]));
    assert_eq!(
        says("month-end"),
        found("Close the books", "2026-11-30T17:00:00 America/New_York", "FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=6", &[120])
    );
    // An hour and a half before its end, which is an hour after its start.
    assert_eq!(says("course"), found("Yoga", "2026-11-25T06:00:00 Asia/Kolkata", "FREQ=WEEKLY;INTERVAL=2", &[30]));
    assert_eq!(says("floating"), found("Breakfast", "2026-11-26T08:00:00 Asia/Shanghai", "", &[]));
}

#[test]
fn what_else_an_entry_says_is_kept() {
    let [weekly, _] = task("weekly");
    assert_eq!((weekly.task.notes.as_str(), weekly.task.labels), ("Room 5", vec!["work".into(), "team a,b".into()]));
    let [todo, _] = task("todo");
    let folded = "把这些行折叠起来，折叠处可能在一个汉字的中间。".repeat(8);
    assert_eq!(todo.task.notes, format!("First line\nsecond; with, marks\n{folded}"));
    assert_eq!((todo.task.priority, todo.done_at), (Priority::Urgent, None));
    let [done, _] = task("done");
    assert_eq!(done.done_at, Some("2026-11-19T10:30:00Z".parse().unwrap()));
}

#[test]
fn a_part_knows_its_task_and_its_estimate() {
    let [part, _] = task("part");
    assert_eq!(part.parent.as_deref(), Some("todo@moltworker.example"));
    assert_eq!(part.task.estimate_minutes, Some(45));
    let store = MemoryStore::new();
    import(&store, &clock(), read_calendar(RADICALE, &clock().zone()).unwrap()).unwrap();
    assert_eq!(store.parts(&"todo@moltworker.example".into()).unwrap()[0].title, "Sign the form");
}

#[test]
fn whole_files_are_imported_once() {
    let (store, clock) = (MemoryStore::new(), clock());
    for (text, added, present) in [(ICALENDAR, 9, 0), (RADICALE, 0, 9)] {
        let imported = read_calendar(text, &clock.zone()).unwrap();
        let summary = import(&store, &clock, imported).unwrap();
        assert_eq!((summary.added, summary.present, summary.remarks), (added, present, vec![]));
    }
    // And what is exported then is read again without any loss.
    let tasks = store.tasks().unwrap();
    let again = MemoryStore::new();
    import(&again, &clock, read_calendar(&write_calendar(&tasks, clock.now()), &clock.zone()).unwrap()).unwrap();
    let back = again.tasks().unwrap();
    assert_eq!((back.len(), tasks.iter().filter(|task| !back.contains(task)).count()), (9, 0));
}
