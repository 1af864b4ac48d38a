//! Projects of Todoist: as it exports them, as people fill in its template, and files that are none.

use jiff::Zoned;
use molt_core::{Due, Priority, RepeatFrom, TaskId, TaskStore};
use molt_testkit::{ManualClock, MemoryStore};

use super::*;

fn now() -> Zoned {
    "2026-11-21T10:00[Asia/Shanghai]".parse().unwrap()
}

fn read(rows: &str) -> Imported {
    let header = "\u{feff}TYPE,CONTENT,DESCRIPTION,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DATE,DATE_LANG,TIMEZONE,DURATION,\
                  DURATION_UNIT,DEADLINE,DEADLINE_LANG\r\n";
    read_file("Work [2203306141].csv", &format!("{header}{rows}"), &now()).unwrap()
}

fn reasons(imported: &Imported) -> Vec<&str> {
    imported.remarks.iter().map(|remark| remark.reason.as_str()).collect()
}

/// The due time and the rule of a task with this date and zone.
fn due(date: &str, zone: &str) -> (String, Option<String>, Vec<String>) {
    let mut imported = read(&format!("task,x,,4,1,,,\"{date}\",en,{zone},,,,\r\n"));
    let task = imported.tasks.remove(0).task;
    let due = match task.due {
        Some(Due::Date { date }) => date.to_string(),
        Some(Due::Time { at, zone }) => format!("{at} {zone}"),
        None => task.notes,
    };
    (due, task.recurrence, imported.remarks.into_iter().map(|remark| remark.reason).collect())
}

#[test]
fn a_project_of_todoist() {
    let imported = read(
        "meta,view_style=list,,,,,,,,,,,,\r\n\
         task,Send the offer @mail @客户,\"First line\nand \"\"second\"\"\",1,1,Ann (1),Bo (2),every day at 9am,en,Europe/Berlin,,,2026-12-01,en\r\n\
         note,Ask \"Bo\" first,,,,Ann (1),,,,,,,,\r\n,,,,,,,,,,,,,\r\n\
         task,买牛奶,,4,,,,明天,zh,,,,,\r\ntask,@home,,3,1,,,,,,,,,\r\ntask,pay,,2\r\n",
    );
    assert_eq!(reasons(&imported), [] as [&str; 0]);
    let tasks: Vec<_> = imported.tasks.iter().map(|entry| &entry.task).collect();
    assert_eq!(
        tasks.iter().map(|task| task.title.as_str()).collect::<Vec<_>>(),
        ["Send the offer", "买牛奶", "@home", "pay"]
    );
    assert!(tasks.iter().all(|task| task.category.as_deref() == Some("Work")));
    assert_eq!(tasks[0].labels, ["mail", "客户"]);
    assert_eq!(tasks[0].notes, "First line\nand \"second\"\n\nAsk \"Bo\" first");
    assert_eq!(tasks[0].deadline, Some(jiff::civil::date(2026, 12, 1)));
    assert_eq!(tasks[0].recurrence.as_deref(), Some("FREQ=DAILY"));
    // It is three in the morning in Berlin.
    assert_eq!(tasks[0].due, Some(Due::Time { at: "2026-11-21T09:00".parse().unwrap(), zone: "Europe/Berlin".into() }));
    assert_eq!(tasks[1].due, Some(Due::Date { date: "2026-11-22".parse().unwrap() }));
    let priorities: Vec<_> = tasks.iter().map(|task| task.priority).collect();
    assert_eq!(priorities, [Priority::Urgent, Priority::Low, Priority::Normal, Priority::High]);
}

#[test]
fn sections_indents_and_durations_are_kept() {
    let imported = read(
        "task,before,,4,1\r\nsection,Later,,\r\ntask,trip,,4,1,,,,,,2,day\r\ntask,pack,,4,2,,,,,,45,minute\r\n\
         task,socks,,4,3\r\ntask,ticket,,4,2\r\nsection,Ideas,,\r\ntask,alone,,4,4,,,,,,soon,minute\r\n",
    );
    assert_eq!(reasons(&imported), ["its estimate cannot be kept"]);
    let (store, clock) = (MemoryStore::new(), ManualClock::at("2026-11-21T10:00", "Asia/Shanghai"));
    assert_eq!(import(&store, &clock, imported).unwrap().added, 6);
    let tasks = store.tasks().unwrap();
    let title = |id: &TaskId| tasks.iter().find(|task| task.id == *id).unwrap().title.clone();
    let mut rows: Vec<_> = tasks
        .iter()
        .map(|task| {
            (task.title.as_str(), task.section.as_deref(), task.parent.as_ref().map(title), task.estimate_minutes)
        })
        .collect();
    rows.sort_unstable();
    assert_eq!(
        rows,
        [
            ("alone", Some("Ideas"), None, None),
            ("before", None, None, None),
            ("pack", Some("Later"), Some("trip".into()), Some(45)),
            ("socks", Some("Later"), Some("pack".into()), None),
            ("ticket", Some("Later"), Some("trip".into()), None),
            ("trip", Some("Later"), None, Some(2_880)),
        ]
    );
}

#[test]
fn dates_are_exact_or_in_words() {
    let plain = |due: &str| (due.to_owned(), None, Vec::<String>::new());
    assert_eq!(due("2026-12-01 10:00", ""), plain("2026-12-01T10:00:00 Asia/Shanghai"));
    assert_eq!(due("2026-12-01T10:00:00", "US/Pacific"), plain("2026-12-01T10:00:00 US/Pacific"));
    assert_eq!(due("2026-12-01T10:00:00Z", "Europe/Berlin"), plain("2026-12-01T11:00:00 Europe/Berlin"));
    // What was due before is overdue, not due next year.
    assert_eq!(due("2026-11-01", ""), plain("2026-11-01"));
    assert_eq!(due("Dec 5 at 3pm", "Europe/Berlin"), plain("2026-12-05T15:00:00 Europe/Berlin"));
    assert_eq!(due("下周五下午3点", ""), plain("2026-11-27T15:00:00 Asia/Shanghai"));
    let (day, rule, remarks) = due("every! 3 days", "");
    assert_eq!((day.as_str(), rule.as_deref(), remarks.len()), ("2026-11-21", Some("FREQ=DAILY;INTERVAL=3"), 0));
    let file = "task,x,,4,1,,,every! 3 days,en\r\ntask,y,,4,1,,,every 3 days,en\r\n";
    let from: Vec<_> = read(file).tasks.into_iter().map(|entry| entry.task.repeat_from).collect();
    assert_eq!(from, [RepeatFrom::Completion, RepeatFrom::Schedule]);
    let (_, _, remarks) = due("2026-12-01 10:00", "Mars/Base");
    assert_eq!(remarks, ["the time zone “Mars/Base” is not known; the time was taken as local"]);
    assert_eq!(due("2026-12-01", "Mars/Base"), plain("2026-12-01"));
}

#[test]
fn what_is_not_understood_is_in_the_notes() {
    for date in ["alle drei Tage", "2026-02-30", "tomorrow or so", "tomorrow p1", &"every day ".repeat(1_000)] {
        let (notes, rule, remarks) = due(date, "");
        assert_eq!((notes, rule), (format!("DATE: {}", date.trim()), None));
        assert!(remarks.len() == 1 && remarks[0].contains("is not understood"), "{remarks:?}");
    }
    let odd = read("note,on the project,,,\r\ntask,x,,9,1,,,,,,,,soon,en\r\nsubtask,y,,\r\nsection,Later,,\r\n");
    assert_eq!((odd.tasks.len(), odd.tasks[0].task.notes.as_str()), (1, "DEADLINE: soon"));
    let lines: Vec<_> = odd.remarks.iter().map(|remark| (remark.line, remark.title.as_str())).collect();
    assert_eq!(lines, [(2, "on the project"), (4, "y"), (3, "x")]);
}

#[test]
fn the_project_is_the_name_of_the_file() {
    let project = |name: &str| read_file(name, "content,type\nx,task\n", &now()).unwrap().tasks.remove(0).task.category;
    assert_eq!(project("家里.CSV").as_deref(), Some("家里"));
    assert_eq!(project("/home/ann/v1.2 [draft].csv").as_deref(), Some("v1.2 [draft]"));
    assert_eq!(project("C:\\Inbox [220330].csv"), None);
    assert_eq!(project(&format!("{}.csv", "字".repeat(300))).map(|name| name.chars().count()), Some(100));
}

#[test]
fn files_that_are_none_are_refused_or_survived() {
    let said = |text: &str| read_file("x.csv", text, &now()).unwrap_err().to_string();
    assert!(said("").contains("no CSV file of Todoist"));
    assert!(said("Title,Due\nx,y\n").contains("TYPE and CONTENT"));
    assert!(said(&format!("TYPE,CONTENT\n{}", "task,x\n".repeat(ENTRY_LIMIT + 1))).contains("over 20,000"));
    assert!(said(&"x".repeat(FILE_LIMIT + 1)).contains("10 MiB"));
    // A quotation mark that is not closed takes the rest of the file with it, and that is no more than one task.
    let open = format!("TYPE,CONTENT\ntask,\"{}", "task,x\n".repeat(10_000));
    let imported = read_file("x.csv", &open, &now()).unwrap();
    assert_eq!((imported.tasks.len(), imported.tasks[0].task.title.chars().count()), (1, 500));
    assert!(imported.tasks[0].task.notes.ends_with("task,x"));
}
