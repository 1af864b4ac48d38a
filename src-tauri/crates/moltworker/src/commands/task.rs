//! `task add | list | done | skip | parse | expand | import | export | feed`.

use jiff::{Timestamp, Zoned, civil, tz::TimeZone};
use molt_api::{TaskAdd as Request, TaskLine, TaskSetDone, TaskSkip as SkipRequest, TaskView};
use molt_core::{Due, Priority, RepeatFrom, TaskDraft};
use molt_tasks::{ExpandRequest, Expansion};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    args::{Task, TaskAdd, TaskDone, TaskExpand, TaskList, TaskParse, TaskSkip},
    batch::{self, Object},
    commands::{choose, task_file},
    connect::{Connection, sentence},
    failure::Failure,
    print::{Printer, one_line, short, table},
    words::Words,
};

pub async fn run(connection: &Connection, printer: &Printer, task: Task) -> Result<(), Failure> {
    match task {
        Task::Add(args) => add(connection, printer, args).await,
        Task::List(args) => list(connection, printer, args).await,
        Task::Done(args) => done(connection, printer, args).await,
        Task::Skip(args) => skip(connection, printer, args).await,
        Task::Parse(args) => parse(printer, args).await,
        Task::Expand(args) => expand(printer, args).await,
        Task::Import(args) => task_file::import(connection, printer, args).await,
        Task::Export(args) => task_file::export(connection, printer, args).await,
        Task::Feed(args) => task_file::feed(connection, printer, args).await,
    }
}

async fn add(connection: &Connection, printer: &Printer, args: TaskAdd) -> Result<(), Failure> {
    let line = TaskLine { text: args.line.join(" ") };
    let view: TaskView = if args.section.is_none() && args.estimate.is_none() && args.parent.is_none() {
        connection.call("task_add_line", line).await?
    } else {
        let estimate = args.estimate.map(|text| estimate(&text, printer.words)).transpose()?;
        let parent = match args.parent {
            Some(wanted) => Some(open_task(connection, printer, &wanted).await?.task.id),
            None => None,
        };
        check(&line.text)?;
        let draft: TaskDraft = connection.call("task_parse", line).await?;
        let request = Request {
            title: draft.title,
            notes: Some(draft.notes),
            priority: draft.priority,
            category: draft.category,
            section: args.section.or(draft.section),
            labels: draft.labels,
            deadline: draft.deadline,
            remind_before: draft.remind_before,
            estimate_minutes: estimate.or(draft.estimate_minutes),
            parent,
            due: draft.due,
            recurrence: draft.recurrence,
            repeat_from: draft.repeat_from,
        };
        connection.call("task_add", request).await?
    };
    if printer.json {
        return Ok(printer.value(&view)?);
    }
    let task = view.task;
    printer.line(printer.words.task_added(one_line(&task.title)))?;
    let draft = TaskDraft {
        title: task.title,
        notes: task.notes,
        priority: task.priority,
        category: task.category,
        section: task.section,
        labels: task.labels,
        deadline: task.deadline,
        remind_before: task.remind_before,
        estimate_minutes: task.estimate_minutes,
        due: task.due,
        recurrence: task.recurrence,
        repeat_from: task.repeat_from,
        spans: vec![],
    };
    details(printer, &draft)
}

/// Minutes of `30min`, `2h` or `2小时`; a number alone is minutes.
fn estimate(text: &str, words: Words) -> Result<u32, Failure> {
    let text = text.trim();
    let unit = if text.bytes().all(|b| b.is_ascii_digit()) { "min" } else { "" };
    let line = format!("x ~{text}{unit}");
    let draft = (text.len() <= 100).then(|| molt_tasks::quick_add(&line, Zoned::now()));
    let minutes =
        draft.filter(|draft| draft.title == "x" && draft.spans.len() == 1).and_then(|draft| draft.estimate_minutes);
    minutes.ok_or_else(|| Failure::Usage(words.no_estimate(one_line(text))))
}

/// The open task that an id or the beginning of it names.
async fn open_task(connection: &Connection, printer: &Printer, wanted: &str) -> Result<TaskView, Failure> {
    let mut tasks: Vec<TaskView> = connection.call("task_list", ()).await?;
    tasks.retain(|view| view.task.done_at.is_none());
    let names = |view: &TaskView| (view.task.id.to_string(), vec![view.task.title.clone()]);
    Ok(choose(&tasks, wanted, printer, "moltworker task list", names)?.clone())
}

async fn list(connection: &Connection, printer: &Printer, args: TaskList) -> Result<(), Failure> {
    let words = printer.words;
    let mut tasks: Vec<TaskView> = connection.call("task_list", ()).await?;
    tasks.retain(|view| args.all || view.task.done_at.is_none());
    // By time, then by priority; what has no time comes last, and what is done after it.
    tasks.sort_by_key(|view| {
        let task = &view.task;
        (task.done_at.is_some(), view.due_at.is_none(), view.due_at, task.priority, task.created_at)
    });
    if printer.json {
        return Ok(printer.value(&tasks)?);
    }
    if tasks.is_empty() {
        return Ok(printer.line(words.no_tasks())?);
    }
    let local = TimeZone::system();
    let row = |view: &TaskView| {
        let task = &view.task;
        let due = task.due.as_ref().map_or_else(|| words.no_time(), |due| words.due(due, &local));
        let priority = if task.priority == Priority::Normal { "" } else { words.priority_name(task.priority) };
        let category = task.category.as_ref().map(|category| format!(" #{category}")).unwrap_or_default();
        let mark = if task.done_at.is_some() { "✓" } else { " " };
        let late = if view.overdue { format!(" ({})", words.overdue()) } else { String::new() };
        let title = format!("{}{category}{late}", task.title);
        vec![short(task.id.as_str()).to_owned(), mark.to_owned(), due, priority.to_owned(), title]
    };
    Ok(printer.line(table(&tasks.iter().map(row).collect::<Vec<_>>()))?)
}

async fn done(connection: &Connection, printer: &Printer, args: TaskDone) -> Result<(), Failure> {
    let chosen = open_task(connection, printer, &args.task).await?;
    let request = TaskSetDone { id: chosen.task.id, done: true };
    let view: TaskView = connection.call("task_set_done", request).await?;
    if printer.json {
        return Ok(printer.value(&view)?);
    }
    let title = one_line(&view.task.title);
    // A repeating task goes on to its next time instead of being done for good.
    Ok(printer.line(match (&view.task.done_at, &view.task.due) {
        (None, Some(due)) => printer.words.task_again(title, printer.words.due(due, &TimeZone::system())),
        _ => printer.words.task_done(title),
    })?)
}

async fn skip(connection: &Connection, printer: &Printer, args: TaskSkip) -> Result<(), Failure> {
    let words = printer.words;
    let day = match &args.on {
        Some(text) => Some(text.parse().map_err(|_| Failure::Usage(words.no_such_day(one_line(text))))?),
        None => None,
    };
    let chosen = open_task(connection, printer, &args.task).await?.task;
    let request = SkipRequest { id: chosen.id, day };
    let view: TaskView = connection.call("task_skip", request).await?;
    if printer.json {
        return Ok(printer.value(&view)?);
    }
    let title = one_line(&view.task.title);
    Ok(printer.line(match (day, &view.task.due) {
        (Some(day), due) if *due == chosen.due => words.task_left_out(title, day.to_string()),
        (_, Some(due)) => words.task_skipped(title, words.due(due, &TimeZone::system())),
        (_, None) => words.task_done(title),
    })?)
}

/// A line of `task parse --batch`.
#[derive(Debug, Deserialize)]
struct Line {
    text: String,
    /// What counts as now: a local time, or an instant. None is now.
    reference_time: Option<String>,
    /// IANA name of the time zone; none is the computer's.
    zone: Option<String>,
}

/// Shows how lines are understood. Needs neither data nor a running program.
pub async fn parse(printer: &Printer, args: TaskParse) -> Result<(), Failure> {
    if let Some(file) = args.batch {
        return batch::run(printer, &file, async |line: Line| {
            let now = reference(&line, printer.words)?;
            understood(&line.text, now)
        })
        .await;
    }
    let (line, now) = (args.line.join(" "), Zoned::now());
    if printer.json {
        return Ok(printer.value(&understood(&line, now)?)?);
    }
    check(&line)?;
    let draft = molt_tasks::quick_add(&line, now);
    printer.line(format!("{}: {}", printer.words.title(), one_line(&draft.title)))?;
    details(printer, &draft)
}

/// The time from which "tomorrow" counts.
fn reference(line: &Line, words: Words) -> Result<Zoned, Failure> {
    let zone = match &line.zone {
        Some(name) => TimeZone::get(name).map_err(|_| Failure::Usage(words.no_such_zone(name)))?,
        None => TimeZone::system(),
    };
    let Some(text) = &line.reference_time else { return Ok(Timestamp::now().to_zoned(zone)) };
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant.to_zoned(zone));
    }
    let local = text.parse::<civil::DateTime>().ok().and_then(|time| time.to_zoned(zone).ok());
    local.ok_or_else(|| Failure::Usage(words.no_such_time(text)))
}

fn check(line: &str) -> Result<(), Failure> {
    molt_tasks::check_line(line).map_err(|error| Failure::Usage(sentence(&error.to_string())))
}

/// Occurrences of a repetition that are shown with it.
const SHOWN: usize = 20;

/// `time` is the local time, or the day alone, that was understood, or null; `grain` is how exactly it was said; `spans` are in
/// bytes. `pred`, `rrule` and `occurrences` say time and rule under the names that scoring scripts read.
fn understood(line: &str, now: Zoned) -> Result<Object, Failure> {
    check(line)?;
    let draft = &molt_tasks::quick_add(line, now);
    let occurrences = draft
        .due
        .as_ref()
        .filter(|_| draft.recurrence.is_some())
        .map(|due| molt_tasks::occurrences(due, draft.recurrence.as_deref(), SHOWN));
    let spans: Vec<Value> = molt_tasks::byte_spans(line, draft)
        .into_iter()
        .map(|(kind, at)| json!({ "kind": kind, "start": at.start, "end": at.end, "text": line.get(at) }))
        .collect();
    let (time, grain) = match &draft.due {
        None => (None, None),
        Some(Due::Date { date }) => (Some(date.to_string()), Some("day")),
        Some(Due::Time { at, .. }) => (Some(at.to_string()), Some(if at.second() == 0 { "minute" } else { "second" })),
    };
    let zone = match &draft.due {
        Some(Due::Time { zone, .. }) => Some(zone),
        _ => None,
    };
    Ok(batch::object(json!({
        "time": time,
        "pred": time,
        "grain": grain,
        "zone": zone,
        "rule": draft.recurrence,
        "rrule": draft.recurrence,
        "repeat_from": draft.repeat_from,
        "occurrences": occurrences,
        "title": draft.title,
        "notes": draft.notes,
        "priority": draft.priority,
        "category": draft.category,
        "section": draft.section,
        "labels": draft.labels,
        "deadline": draft.deadline,
        "remind_before": draft.remind_before,
        "estimate_minutes": draft.estimate_minutes,
        "spans": spans,
    })))
}

/// Shows the times of a calendar's rule, a line each. Needs neither data nor a running program.
pub async fn expand(printer: &Printer, args: TaskExpand) -> Result<(), Failure> {
    if let Some(file) = args.batch {
        return batch::run(printer, &file, async |request: ExpandRequest| Ok(batch::object(expanded(&request)?))).await;
    }
    let (rrule, dtstart) = (args.rule.unwrap_or_default(), args.start.unwrap_or_default());
    let expansion = expanded(&ExpandRequest { rrule, dtstart, zone: None, exdate: vec![], limit: None })?;
    if printer.json {
        return Ok(printer.value(&expansion)?);
    }
    Ok(printer.line(expansion.occurrences.join("\n"))?)
}

fn expanded(request: &ExpandRequest) -> Result<Expansion, Failure> {
    molt_tasks::expand(request).map_err(|error| Failure::Usage(sentence(&error.to_string())))
}

/// What is known of a task beside its title, a line each.
fn details(printer: &Printer, task: &TaskDraft) -> Result<(), Failure> {
    let words = printer.words;
    let mut rows = Vec::new();
    let mut row = |name: String, value: String| rows.push(vec![format!("  {name}"), value]);
    row(words.when(), task.due.as_ref().map_or_else(|| words.no_time(), |due| words.due(due, &TimeZone::system())));
    if task.priority != Priority::Normal {
        row(words.priority(), words.priority_name(task.priority).to_owned());
    }
    let place: Vec<&str> = task.category.iter().chain(&task.section).map(String::as_str).collect();
    if !place.is_empty() {
        row(words.category(), place.join(" / "));
    }
    if let Some(rule) = &task.recurrence {
        let counted = task.repeat_from == RepeatFrom::Completion;
        row(words.repeats(), if counted { words.after_completion(rule) } else { rule.clone() });
    }
    if let Some(minutes) = task.estimate_minutes {
        row(words.estimate(), words.minutes(minutes));
    }
    Ok(printer.line(table(&rows))?)
}

#[cfg(test)]
mod tests {
    use molt_core::Language;

    use super::*;

    fn line(reference_time: Option<&str>, zone: Option<&str>) -> Line {
        Line { text: String::new(), reference_time: reference_time.map(Into::into), zone: zone.map(Into::into) }
    }

    #[test]
    fn a_reference_is_local_unless_it_is_an_instant() {
        let words = Words::new(Language::En);
        let read = |time, zone| reference(&line(Some(time), Some(zone)), words).unwrap().to_string();
        assert_eq!(read("2013-02-12T04:30:00", "Asia/Shanghai"), "2013-02-12T04:30:00+08:00[Asia/Shanghai]");
        assert_eq!(read("2013-02-12T04:30", "Europe/Paris"), "2013-02-12T04:30:00+01:00[Europe/Paris]");
        assert_eq!(read("2013-02-12T04:30:00Z", "Asia/Shanghai"), "2013-02-12T12:30:00+08:00[Asia/Shanghai]");
        let wrong = |time, zone| reference(&line(time, zone), words).unwrap_err().message();
        assert!(wrong(Some("soon"), None).contains("soon"));
        assert!(wrong(None, Some("Mars/Base")).contains("Mars/Base"));
    }

    #[test]
    fn a_rule_is_expanded_or_refused_in_a_sentence() {
        let ask = |rrule: &str| {
            let line = json!({ "rrule": rrule, "dtstart": "20261121T090000", "source": "elsewhere" });
            expanded(&serde_json::from_value(line).unwrap()).map(batch::object).map_err(|failure| failure.message())
        };
        let found = ask("FREQ=WEEKLY;COUNT=2").unwrap();
        assert_eq!(found["occurrences"], json!(["2026-11-21T09:00:00", "2026-11-28T09:00:00"]));
        assert_eq!(found["complete"], true);
        let refused = ask("FREQ=FORTNIGHTLY").unwrap_err();
        assert!(refused.starts_with("The repetition") && refused.ends_with('.'), "{refused}");
    }

    #[test]
    fn an_estimate_is_minutes_or_refused_in_a_sentence() {
        let read = |text: &str| estimate(text, Words::new(Language::En)).map_err(|failure| failure.message());
        for (text, minutes) in [("30min", 30), ("2h", 120), ("45", 45), (" 2小时 ", 120)] {
            assert_eq!(read(text), Ok(minutes), "{text}");
        }
        for text in ["soon", "", "-5", "2h tomorrow", "99999999999999999999"] {
            assert!(read(text).unwrap_err().contains("no estimate"), "{text}");
        }
    }

    #[test]
    fn what_was_understood_has_its_grain() {
        let now = reference(&line(Some("2013-02-12T04:30:00"), Some("UTC")), Words::new(Language::En)).unwrap();
        let read = |line: &str| understood(line, now.clone()).unwrap();
        let day = read("买牛奶 tomorrow");
        assert_eq!(day["spans"], json!([{ "kind": "when", "start": 10, "end": 18, "text": "tomorrow" }]));
        assert_eq!(day["title"], "买牛奶");
        let day = read("buy milk tomorrow");
        assert_eq!((day["time"].clone(), day["grain"].clone()), (json!("2013-02-13"), json!("day")));
        assert_eq!(day["title"], "buy milk");
        let time = read("明天下午3点开会");
        assert_eq!((time["pred"].clone(), time["grain"].clone()), (json!("2013-02-13T15:00:00"), json!("minute")));
        assert_eq!(time["zone"], "UTC");
        let none = read("buy milk");
        assert!(none["time"].is_null() && none["grain"].is_null() && none["pred"].is_null());
        let often = read("swim every day at 7am");
        assert_eq!(often["occurrences"][1], "2013-02-13T07:00:00");
        assert_eq!((often["rule"].clone(), often["rrule"].clone()), (json!("FREQ=DAILY"), json!("FREQ=DAILY")));
        let long = understood(&"明天 ".repeat(700_000), now.clone()).unwrap_err();
        assert!(long.message().starts_with("The line is too long"), "{}", long.message());
    }
}
