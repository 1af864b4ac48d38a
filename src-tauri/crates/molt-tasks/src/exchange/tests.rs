//! Files as other programs write them, our own and back, and files that are broken on purpose.

use molt_core::{Clock, Due, Priority, RepeatFrom, Task, TaskStore};
use molt_testkit::{ManualClock, MemoryStore, Rng};

use super::*;
use crate::{Rule, add, list, set_done};

fn local() -> TimeZone {
    TimeZone::get("Asia/Shanghai").unwrap()
}

/// A file with one entry of these lines.
fn file(kind: &str, lines: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:{kind}\r\n{}\r\nEND:{kind}\r\nEND:VCALENDAR\r\n", lines.trim())
}

fn read_one(kind: &str, lines: &str) -> (ImportedTask, Vec<String>) {
    let mut imported = read_calendar(&file(kind, lines), &local()).unwrap();
    assert_eq!(imported.tasks.len(), 1, "{lines}");
    (imported.tasks.remove(0), imported.remarks.into_iter().map(|remark| remark.reason).collect())
}

fn time(at: &str, zone: &str) -> Option<Due> {
    Some(Due::Time { at: at.parse().unwrap(), zone: zone.into() })
}

#[test]
fn an_event_of_another_program() {
    let (event, remarks) = read_one(
        "VEVENT",
        "SUMMARY:Stand-up\\, daily\r\nDTSTART;TZID=Europe/Berlin:20261123T091500\r\nDTEND;TZID=Europe/Berlin:20261123T093000\r\n\
         DTSTAMP:20261121T000000Z\r\nUID:abc@example.org\r\nCATEGORIES:work,team a\\,b\r\nDESCRIPTION:First line\\nand a ver\r\n \
         y long second\r\nLOCATION:Room 5\r\nPRIORITY:1\r\nRRULE:FREQ=WEEKLY;UNTIL=20261231T081400Z;BYDAY=MO,WE;WKST=MO\r\n\
         BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER;RELATED=START:-PT15M\r\nEND:VALARM\r\n\
         BEGIN:VALARM\r\nACTION:AUDIO\r\nTRIGGER;RELATED=END:-P1D\r\nEND:VALARM\r\n\
         BEGIN:VALARM\r\nACTION:AUDIO\r\nTRIGGER;VALUE=DATE-TIME:20261123T071500Z\r\nEND:VALARM",
    );
    assert_eq!(remarks, [] as [&str; 0]);
    assert_eq!(event.uid.as_deref(), Some("abc@example.org"));
    let task = event.task;
    assert_eq!((task.title.as_str(), task.priority), ("Stand-up, daily", Priority::Urgent));
    assert_eq!(task.notes, "First line\nand a very long second\n\nRoom 5");
    assert_eq!(task.due, time("2026-11-23T09:15", "Europe/Berlin"));
    assert_eq!(task.recurrence.as_deref(), Some("FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20261230"));
    assert_eq!(task.labels, ["work", "team a,b"]);
    // From the end 15 minutes later, and at 08:15 in Berlin.
    assert_eq!(task.remind_before, [15, 60, 1_425]);
}

#[test]
fn a_task_of_another_program() {
    let (todo, remarks) = read_one(
        "VTODO",
        "SUMMARY:交房租\r\nDUE;VALUE=DATE:20261201\r\nDTSTART;VALUE=DATE:20261130\r\nRRULE:FREQ=MONTHLY\r\nPRIORITY:9\r\n\
         STATUS:COMPLETED\r\nCOMPLETED:20261120T103000Z\r\nBEGIN:VALARM\r\nTRIGGER;RELATED=END:-PT15H\r\nEND:VALARM\r\n\
         BEGIN:VALARM\r\nTRIGGER;RELATED=END:PT9H\r\nEND:VALARM",
    );
    assert_eq!(remarks, [] as [&str; 0]);
    assert_eq!(todo.task.due, Some(Due::Date { date: "2026-12-01".parse().unwrap() }));
    assert_eq!((todo.task.priority, todo.task.recurrence.as_deref()), (Priority::Low, Some("FREQ=MONTHLY")));
    assert_eq!(todo.done_at, Some("2026-11-20T10:30:00Z".parse().unwrap()));
    // 09:00 the day before; the alarm at 09:00 of the day is the usual one.
    assert_eq!(todo.task.remind_before, [1_440]);
    // Where a rule names days, it counts from the start.
    let (todo, _) =
        read_one("VTODO", "SUMMARY:x\r\nDTSTART:20261123T090000\r\nDUE:20261124T090000\r\nRRULE:FREQ=WEEKLY;BYDAY=MO");
    assert_eq!(todo.task.due, time("2026-11-23T09:00", "Asia/Shanghai"));
}

#[test]
fn zones_are_found_or_said_to_be_unknown() {
    let due = |line: &str| {
        let (entry, remarks) = read_one("VEVENT", &format!("SUMMARY:x\r\n{line}"));
        (entry.task.due, remarks)
    };
    assert_eq!(due("DTSTART:20261123T090000Z").0, time("2026-11-23T09:00", "UTC"));
    assert_eq!(due("DTSTART:20261123T090000").0, time("2026-11-23T09:00", "Asia/Shanghai"));
    assert_eq!(
        due("DTSTART;TZID=\"W. Europe Standard Time\":20261123T090000").0,
        time("2026-11-23T09:00", "Europe/Berlin")
    );
    assert_eq!(
        due("DTSTART;TZID=/example.org/America/Havana:20261123T090000").0,
        time("2026-11-23T09:00", "America/Havana")
    );
    let (lost, remarks) = due("DTSTART;TZID=Mars/Base:20261123T090000");
    assert_eq!(lost, time("2026-11-23T09:00", "Asia/Shanghai"));
    assert_eq!(remarks, ["the time zone “Mars/Base” is not known; the time was taken as local"]);
}

#[test]
fn what_cannot_be_kept_is_said() {
    let (hourly, remarks) = read_one("VEVENT", "SUMMARY:x\r\nDTSTART:20261123T090000\r\nRRULE:FREQ=HOURLY");
    assert_eq!((hourly.task.recurrence, hourly.task.notes.as_str()), (None, "RRULE:FREQ=HOURLY"));
    assert!(remarks[0].contains("is not understood"), "{remarks:?}");
    let (odd, remarks) = read_one("VTODO", "SUMMARY:x\r\nDUE:20260230T090000\r\nEXDATE:20261123");
    assert_eq!((odd.task.due, odd.task.notes.as_str()), (None, "DUE:20260230T090000"));
    assert_eq!(remarks, ["its time “20260230T090000” cannot be read"]);
    let (late, remarks) = read_one(
        "VTODO",
        "DUE:20261123T090000\r\nEXDATE:20261124T090000\r\nRRULE:FREQ=DAILY\r\nBEGIN:VALARM\r\nTRIGGER:PT5M\r\nEND:VALARM\r\n\
         BEGIN:VALARM\r\nTRIGGER:-P60D\r\nEND:VALARM\r\nBEGIN:VALARM\r\nTRIGGER:soon\r\nEND:VALARM",
    );
    assert_eq!((late.task.title.as_str(), late.task.remind_before.len(), remarks.len()), ("?", 0, 3));
    let long = "字".repeat(700);
    let (long_title, _) = read_one("VTODO", &format!("SUMMARY:{long}"));
    assert_eq!((long_title.task.title.chars().count(), long_title.task.notes), (500, long));
    let left_out = read_calendar(&file("VEVENT", "SUMMARY:x\r\nSTATUS:CANCELLED"), &local()).unwrap();
    assert_eq!((left_out.tasks.len(), left_out.remarks[0].line), (0, 3));
}

#[test]
fn days_that_are_left_out() {
    let read = |lines: &str| read_one("VEVENT", &format!("SUMMARY:x\r\n{lines}"));
    let days = |task: &NewTask| task.skipped.iter().map(ToString::to_string).collect::<Vec<_>>();
    // In the zone of the series, in UTC, in another zone, as whole days, in one property or several; another time leaves nothing out.
    let (weekly, remarks) = read(
        "DTSTART;TZID=Europe/Berlin:20261123T091500\r\nRRULE:FREQ=DAILY;COUNT=30\r\n\
         EXDATE;TZID=Europe/Berlin:20261125T091500,20261126T100000\r\nEXDATE:20261127T081500Z\r\n\
         EXDATE;TZID=Asia/Shanghai:20261128T161500\r\nEXDATE;VALUE=DATE:20261129\r\nEXDATE:nonsense",
    );
    assert_eq!(remarks, [] as [&str; 0]);
    assert_eq!(days(&weekly.task), ["2026-11-25", "2026-11-27", "2026-11-28", "2026-11-29"]);
    // Without its first two days it begins with the third, and has two less.
    let (late, _) =
        read("DTSTART;VALUE=DATE:20261123\r\nRRULE:FREQ=DAILY;COUNT=5\r\nEXDATE;VALUE=DATE:20261123,20261124");
    assert_eq!(late.task.due, Some(Due::Date { date: "2026-11-25".parse().unwrap() }));
    assert_eq!(late.task.recurrence.as_deref(), Some("FREQ=DAILY;COUNT=3"));
    let (none, remarks) = read("DTSTART;VALUE=DATE:20261123\r\nRRULE:FREQ=DAILY;COUNT=1\r\nEXDATE;VALUE=DATE:20261123");
    assert_eq!((none.task.recurrence, remarks.len()), (None, 1));
    let many = (0..60_000).map(|n| format!("20{:02}{:02}{:02}", n % 90 + 10, n % 12 + 1, n % 28 + 1));
    let (bomb, _) = read(&format!(
        "DTSTART;VALUE=DATE:20261123\r\nRRULE:FREQ=DAILY\r\nEXDATE;VALUE=DATE:{}",
        many.collect::<Vec<_>>().join(",")
    ));
    assert!(bomb.task.skipped.len() <= 1_000);
}

/// Tasks of every kind.
fn sample(store: &MemoryStore, clock: &ManualClock) -> Vec<Task> {
    let due = |at: &str, zone: &str| time(at, zone);
    let new = |title: &str| NewTask { title: title.into(), ..NewTask::default() };
    let day = Some(Due::Date { date: "2026-12-01".parse().unwrap() });
    let tasks = [
        new("plain"),
        NewTask {
            notes: "两行\n; , \\ \"quoted\" 🥛".repeat(20),
            priority: Priority::Urgent,
            category: Some("家, 里".into()),
            section: Some("以后; later".into()),
            estimate_minutes: Some(90),
            labels: vec!["a,b".into(), "后天".into()],
            deadline: Some("2027-01-02".parse().unwrap()),
            due: due("2026-11-30T09:30", "America/New_York"),
            remind_before: vec![15, 1_440],
            ..new("back\\slash; comma, and a title that is long enough to be folded 在中间断开的很长的标题在中间断开")
        },
        NewTask { due: day.clone(), remind_before: vec![60], priority: Priority::High, ..new("whole day") },
        NewTask {
            due: day,
            recurrence: Some("FREQ=MONTHLY;BYDAY=1TU;UNTIL=20280101".into()),
            skipped: vec!["2027-01-05".parse().unwrap()],
            ..new("first Tuesday")
        },
        NewTask {
            recurrence: Some("FREQ=DAILY;INTERVAL=3".into()),
            repeat_from: RepeatFrom::Completion,
            ..new("from completion")
        },
        NewTask {
            due: due("2026-11-24T02:30", "Europe/Berlin"),
            recurrence: Some("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;UNTIL=20270401".into()),
            skipped: vec!["2026-12-08".parse().unwrap(), "2027-03-30".parse().unwrap()],
            remind_before: vec![5],
            priority: Priority::Low,
            ..new("fortnightly")
        },
        NewTask {
            due: due("2026-11-24T08:00", "UTC"),
            recurrence: Some("FREQ=DAILY;COUNT=3".into()),
            skipped: vec!["2026-11-25".parse().unwrap()],
            ..new("in UTC")
        },
    ];
    let mut tasks: Vec<Task> = tasks.into_iter().map(|task| add(store, clock, task).unwrap()).collect();
    tasks[2] = set_done(store, clock, &tasks[2].id, true).unwrap();
    let mut part = |title: &str, parent: usize| {
        let new = NewTask { parent: Some(tasks[parent].id.clone()), ..new(title) };
        tasks.push(add(store, clock, new).unwrap());
    };
    part("part", 1);
    part("part of a part", 7);
    // A part may stand before what it is a part of.
    tasks.swap(0, 8);
    tasks
}

#[test]
fn what_is_exported_comes_back_equal() {
    let clock = ManualClock::at("2026-11-21T10:00", "Asia/Shanghai");
    let store = MemoryStore::new();
    let tasks = sample(&store, &clock);
    let text = write_calendar(&tasks, clock.now());
    assert!(text.lines().all(|line| line.len() <= 75), "RFC 5545, 3.1: lines are folded");
    assert_eq!(text.matches("BEGIN:VTIMEZONE").count(), 2);
    assert!(text.contains("RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;UNTIL=20270401T003000Z"), "{text}");

    let imported = read_calendar(&text, &clock.zone()).unwrap();
    assert_eq!(imported.remarks, []);
    let other = MemoryStore::new();
    assert_eq!(import(&other, &clock, imported.clone()).unwrap().added, tasks.len());
    let mut back = other.tasks().unwrap();
    back.sort_by_key(|task| tasks.iter().position(|t| t.id == task.id));
    assert_eq!(back, tasks);
    // Once more changes nothing, and brings back what was deleted meanwhile.
    crate::delete(&other, &clock, &tasks[0].id).unwrap();
    let again = import(&other, &clock, imported).unwrap();
    assert_eq!((again.added, again.present), (1, tasks.len() - 1));
    assert_eq!(list(&other, &clock).unwrap().len(), tasks.len());
}

#[test]
fn parts_that_cannot_be_parts_stand_by_themselves() {
    let entry = |uid: &str, parent: &str| {
        format!("BEGIN:VTODO\r\nUID:{uid}\r\nSUMMARY:{uid}\r\nRELATED-TO{parent}\r\nEND:VTODO\r\n")
    };
    let parts = [
        ("a", ":b"),
        ("b", ":a"),
        ("own", ":own"),
        ("lost", ":nowhere"),
        ("friend", ";RELTYPE=SIBLING:a"),
        ("odd", ";RELTYPE=parent:with space"),
        ("with space", ";RELTYPE=CHILD:a"),
        ("1", ":with space"),
        ("2", ":1"),
        ("3", ":2"),
        ("4", ":3"),
        ("5", ":4"),
    ];
    let entries: String = parts.iter().map(|(uid, parent)| entry(uid, parent)).collect();
    let text = format!("BEGIN:VCALENDAR\r\n{entries}END:VCALENDAR\r\n");
    let (store, clock) = (MemoryStore::new(), ManualClock::at("2026-11-21T10:00", "Asia/Shanghai"));
    let summary = import(&store, &clock, read_calendar(&text, &clock.zone()).unwrap()).unwrap();
    assert_eq!(summary.added, parts.len());
    let alone: Vec<_> = summary.remarks.iter().map(|remark| remark.title.as_str()).collect();
    // Of a circle the first, what names itself or nothing that is there, and the sixth level.
    assert_eq!(alone, ["lost", "a", "own", "5"]);
    let tasks = store.tasks().unwrap();
    let title = |id: &molt_core::TaskId| tasks.iter().find(|task| task.id == *id).unwrap().title.clone();
    let kept: Vec<_> =
        tasks.iter().filter_map(|task| Some((task.title.as_str(), title(task.parent.as_ref()?)))).collect();
    assert_eq!(kept.len(), 6);
    for pair in [("b", "a"), ("odd", "with space"), ("1", "with space"), ("2", "1"), ("3", "2"), ("4", "3")] {
        assert!(kept.contains(&(pair.0, pair.1.into())), "{pair:?} of {kept:?}");
    }
}

#[test]
fn todo_txt_lines() {
    let text = "(A) 2026-11-01 pay rent +home @bank @phone due:2026-12-01 rec:1m note:x\n\n\
                x 2026-11-20 2026-11-01 call Ann pri:B\n\
                x(A) no mark, a@b.c 1+1\n(a) small\nB) +p\n+only @these";
    let imported = read_todo_txt(text, &local()).unwrap();
    let tasks: Vec<_> = imported.tasks.iter().map(|entry| &entry.task).collect();
    let titles: Vec<_> = tasks.iter().map(|task| task.title.as_str()).collect();
    assert_eq!(titles, ["pay rent note:x", "call Ann", "x(A) no mark, a@b.c 1+1", "(a) small", "B)"]);
    assert_eq!((tasks[0].priority, tasks[0].category.as_deref()), (Priority::Urgent, Some("home")));
    assert_eq!(tasks[0].labels, ["bank", "phone"]);
    assert_eq!(tasks[0].due, Some(Due::Date { date: "2026-12-01".parse().unwrap() }));
    assert_eq!(tasks[0].recurrence.as_deref(), Some("FREQ=MONTHLY"));
    assert_eq!(imported.tasks[1].done_at, Some("2026-11-19T16:00:00Z".parse().unwrap()), "midnight in Shanghai");
    assert_eq!(tasks[1].priority, Priority::High);
    assert_eq!((imported.remarks.len(), imported.remarks[0].line), (1, 7));
}

#[test]
fn limits_are_said_in_plain_words() {
    let said = |text: &str| read_calendar(text, &local()).unwrap_err().to_string();
    assert!(said("hello").contains("no calendar"));
    assert!(said(&"BEGIN:VCALENDAR\n".repeat(100)).contains("line 17"));
    let entry = "BEGIN:VEVENT\nSUMMARY:x\nDTSTART:20261123\nEND:VEVENT\n";
    // Refused as soon as it is known: what stands behind would be refused for another reason.
    let deep = "BEGIN:VCALENDAR\n".repeat(100);
    let many = format!("BEGIN:VCALENDAR\n{}{deep}", entry.repeat(100_000));
    assert!(said(&many).contains("over 20,000 entries"));
    assert!(said(&"x".repeat(FILE_LIMIT + 1)).contains("10 MiB"));
    assert!(read_todo_txt(&"a\n".repeat(ENTRY_LIMIT + 1), &local()).unwrap_err().to_string().contains("20,000"));
    // One line of many megabytes, thousands of alarms, a remark for each entry.
    let fat = file("VTODO", &format!("SUMMARY:x\r\nATTACH:{}", " y\r\n ".repeat(1_000_000)));
    assert_eq!(read_calendar(&fat, &local()).unwrap().tasks.len(), 1);
    let alarms = "BEGIN:VALARM\r\nTRIGGER:-PT1M\r\nEND:VALARM\r\n".repeat(10_000);
    assert_eq!(read_one("VTODO", &format!("DUE:20261123T090000\r\n{alarms}")).0.task.remind_before, [1]);
    let cancelled = "BEGIN:VEVENT\nSTATUS:CANCELLED\nEND:VEVENT\n".repeat(1_000);
    let found = read_calendar(&format!("BEGIN:VCALENDAR\n{cancelled}"), &local()).unwrap();
    assert_eq!((found.remarks.len(), found.more_remarks), (200, 800));
}

/// 500 files of ours and of other programs with random damage: each is read to the end, and what is read can be kept.
#[test]
fn damaged_files_are_survived() {
    let clock = ManualClock::at("2026-11-21T10:00", "Asia/Shanghai");
    let tasks = sample(&MemoryStore::new(), &clock);
    let ours = write_calendar(&tasks, clock.now());
    let whole = [ours.as_str(), tests_of_programs::ICALENDAR, tests_of_programs::RADICALE];
    let seed = 5_545;
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    let tokens = [
        ":", ";", "\\", "\"", "\r\n ", "\n", "BEGIN:", "END:", "\u{0}", "9", "-", "T", "Z", "=", "🥛", "P", ",",
        "\u{feff}",
    ];
    let mut kept = 0;
    for round in 0..500 {
        let mut text: Vec<char> = whole[round % whole.len()].chars().collect();
        for _ in 0..rng.range(1, 40) {
            let at = rng.below(text.len() as u64) as usize;
            let end = (at + rng.below(60) as usize).min(text.len());
            match rng.below(5) {
                0 => drop(text.drain(at..end)),
                1 => text = [&text[..end], &text[at..]].concat(),
                2 => drop(text.splice(at..at, rng.pick(&tokens).chars())),
                3 => drop(text.splice(at..(at + 1).min(text.len()), rng.pick(&tokens).chars())),
                _ => text.truncate(text.len() - rng.below(text.len() as u64 / 4 + 1) as usize),
            }
            if text.is_empty() {
                break;
            }
        }
        let text: String = text.into_iter().collect();
        let Ok(imported) = read_calendar(&text, &clock.zone()) else { continue };
        assert!(imported.tasks.len() <= 200, "round {round}");
        for entry in &imported.tasks {
            assert!(!entry.task.title.trim().is_empty(), "round {round}");
            if let Some(rule) = &entry.task.recurrence {
                Rule::parse(rule).unwrap();
            }
        }
        let store = MemoryStore::new();
        let summary = import(&store, &clock, imported).unwrap();
        assert_eq!(store.tasks().unwrap().len(), summary.added, "round {round}");
        kept += summary.added;
        read_todo_txt(&text, &clock.zone()).unwrap();
        let rows = format!("TYPE,CONTENT,DATE\n{}", text.replace("BEGIN:V", "task,"));
        assert!(read_todoist("x.csv", &rows, &clock.now().to_zoned(clock.zone())).unwrap().tasks.len() <= 200);
    }
    assert!(kept > 500, "only {kept} tasks were left to check");
}
