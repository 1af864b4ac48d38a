//! Todoist's CSV of a project, as it exports one and takes one as a template: a row a task, section or comment. The project is named
//! by the file alone.

use std::collections::BTreeMap;

use csv::StringRecord;
use jiff::{Timestamp, Zoned, civil::DateTime, tz::TimeZone};
use molt_core::{Due, Priority, RepeatFrom, SpanKind, TaskId};

use super::{
    ENTRY_LIMIT, Imported, ImportedTask, check_size,
    entry::{NAME_LIMIT, estimate, fill, names},
    too_many, zones,
};
use crate::{
    NewTask, TaskError,
    due::date_of,
    quick::{byte_spans, quick_add},
};

/// Characters of a date; what is longer was not meant as one.
const DATE_LIMIT: usize = 200;

/// Reads a CSV file of Todoist. `now` is what "tomorrow" in it is counted from, in the zone of times that name none.
///
/// # Errors
/// A text that is no such file, or beyond the limits.
pub fn read_todoist(name: &str, text: &str, now: &Zoned) -> Result<Imported, TaskError> {
    check_size(text)?;
    // So that lines are counted right, and notes have line breaks of one kind.
    let text = text.replace("\r\n", "\n");
    let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let columns = rows.headers().map(Columns::of).map_err(|error| unreadable(&error))?;
    if !["TYPE", "CONTENT"].iter().all(|name| columns.0.contains_key(*name)) {
        return Err(TaskError::Invalid(
            "this is no CSV file of Todoist: its first line does not name the columns TYPE and CONTENT".into(),
        ));
    }
    let category = project(name);
    let (mut imported, mut rest) = (Imported::default(), None::<Row>);
    // The section that began last, and the tasks that a further indented one would be a part of.
    let (mut section, mut above): (Option<String>, Vec<String>) = (None, Vec::new());
    for row in rows.records() {
        let row = row.map_err(|error| unreadable(&error))?;
        let line = row.position().map_or(0, |position| usize::try_from(position.line()).unwrap_or(usize::MAX));
        let said = |column: &str| columns.cell(&row, column);
        match said("TYPE").to_ascii_lowercase().as_str() {
            "task" => {
                if imported.tasks.len() + usize::from(rest.is_some()) >= ENTRY_LIMIT {
                    return Err(too_many());
                }
                let mut row = Row::read(line, said, now);
                (row.task.category, row.task.section) = (category.clone(), section.clone());
                above.truncate(said("INDENT").parse::<usize>().unwrap_or(1).saturating_sub(1));
                row.parent = above.last().cloned();
                above.push(row.uid.clone());
                keep(rest.replace(row), &mut imported);
            }
            "note" => match &mut rest {
                Some(task) => task.notes.push(said("CONTENT").to_owned()),
                None => imported.remark(line, said("CONTENT"), "a comment on no task was left out"),
            },
            "section" => {
                section = Some(said("CONTENT").chars().take(NAME_LIMIT).collect());
                above.clear();
            }
            // How Todoist shows the project, and the rows that part its sections.
            "meta" | "" => {}
            other => imported.remark(line, said("CONTENT"), format!("“{other:.40}” is no kind of row that is known")),
        }
    }
    keep(rest, &mut imported);
    Ok(imported)
}

fn unreadable(error: &csv::Error) -> TaskError {
    TaskError::Invalid(format!("the CSV file cannot be read: {error}"))
}

/// The columns by their names. Older files have fewer, and people move them.
struct Columns(BTreeMap<String, usize>);

impl Columns {
    fn of(header: &StringRecord) -> Self {
        Self(header.iter().enumerate().map(|(at, name)| (name.trim().to_ascii_uppercase(), at)).collect())
    }

    fn cell<'a>(&self, row: &'a StringRecord, name: &str) -> &'a str {
        self.0.get(name).and_then(|at| row.get(*at)).unwrap_or_default().trim()
    }
}

/// "Work.csv", and "Work [2203306141].csv" of a backup. The inbox is no project.
fn project(name: &str) -> Option<String> {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = name.rsplit_once('.').map_or(name, |(name, _)| name).trim();
    let numbered = name.strip_suffix(']').and_then(|name| name.rsplit_once('['));
    let name = numbered.filter(|(_, id)| id.bytes().all(|b| b.is_ascii_digit())).map_or(name, |(name, _)| name.trim());
    let inbox = ["", "inbox", "收件箱"].contains(&name.to_lowercase().as_str());
    (!inbox).then(|| name.chars().take(NAME_LIMIT).collect())
}

/// A task whose comments may still follow.
struct Row {
    line: usize,
    /// The file has no names for tasks; a part needs one for what it is a part of.
    uid: String,
    parent: Option<String>,
    title: String,
    task: NewTask,
    notes: Vec<String>,
    remarks: Vec<String>,
}

impl Row {
    fn read<'a>(line: usize, said: impl Fn(&str) -> &'a str, now: &Zoned) -> Self {
        let (title, labels) = labelled(said("CONTENT"));
        let mut task = NewTask { labels, priority: priority(said("PRIORITY")), ..NewTask::default() };
        let (mut notes, mut remarks) = (vec![said("DESCRIPTION").to_owned()], Vec::new());
        let mut date = |column: &str| {
            let text = said(column);
            let found = (!text.is_empty()).then(|| when(text, said("TIMEZONE"), now, &mut remarks)).flatten();
            if found.is_none() && !text.is_empty() {
                remarks.push(format!("its date “{text:.60}” is not understood; it is in the notes"));
                notes.push(format!("{column}: {text}"));
            }
            found
        };
        if let Some(when) = date("DATE") {
            (task.due, task.recurrence, task.repeat_from) = (Some(when.due), when.rule, when.from);
        }
        task.deadline = date("DEADLINE").map(|when| date_of(&when.due));
        if !said("DURATION").is_empty() {
            let unit = if said("DURATION_UNIT") == "day" { 24 * 60 } else { 1 };
            let minutes = said("DURATION").parse::<i64>().ok().and_then(|count| count.checked_mul(unit));
            task.estimate_minutes = estimate(minutes, &mut remarks);
        }
        Self { line, uid: TaskId::random().0, parent: None, title, task, notes, remarks }
    }
}

fn keep(row: Option<Row>, imported: &mut Imported) {
    let Some(Row { line, uid, parent, title, mut task, notes, mut remarks }) = row else { return };
    fill(&mut task, &title, notes, &mut remarks);
    for reason in remarks {
        imported.remark(line, &title, reason);
    }
    imported.tasks.push(ImportedTask { uid: Some(uid), parent, task, done_at: None });
}

/// 1 is the highest, as p1 is here.
fn priority(text: &str) -> Priority {
    match text {
        "1" => Priority::Urgent,
        "2" => Priority::High,
        "4" => Priority::Low,
        _ => Priority::Normal,
    }
}

/// Takes the labels, `@home`, out of a content. One that is nothing else stays the title too.
fn labelled(content: &str) -> (String, Vec<String>) {
    let label = |word: &&str| word.starts_with('@') && word.chars().any(char::is_alphanumeric);
    let (labels, words): (Vec<&str>, Vec<&str>) = content.split_whitespace().partition(label);
    let title = if words.is_empty() { content.to_owned() } else { words.join(" ") };
    (title, names(labels.iter().map(|label| label[1..].to_owned())))
}

/// What a date says.
struct When {
    due: Due,
    rule: Option<String>,
    from: RepeatFrom,
}

/// A date as Todoist writes it: exact, or in the words of its user. What is not understood to its end is not understood.
fn when(text: &str, zone: &str, now: &Zoned, remarks: &mut Vec<String>) -> Option<When> {
    let local = now.time_zone().iana_name().unwrap_or("UTC").to_owned();
    let known = zones::known(zone);
    let unknown = !zone.is_empty() && known.is_none();
    let there = known.unwrap_or(local);
    let exact = exact(text, &there).map(|due| When { due, rule: None, from: RepeatFrom::Schedule });
    let when = exact.or_else(|| in_words(text, &there, now))?;
    if unknown && matches!(when.due, Due::Time { .. }) {
        remarks.push(format!("the time zone “{zone:.60}” is not known; the time was taken as local"));
    }
    Some(when)
}

/// `2026-12-01`, with a time, and as an instant. These may have passed.
fn exact(text: &str, zone: &str) -> Option<Due> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(Due::Time { at: TimeZone::get(zone).ok()?.to_datetime(instant), zone: zone.to_owned() });
    }
    let at = text.parse::<DateTime>().ok()?;
    Some(if text.contains(':') { Due::Time { at, zone: zone.to_owned() } } else { Due::Date { date: at.date() } })
}

fn in_words(text: &str, zone: &str, now: &Zoned) -> Option<When> {
    if text.chars().nth(DATE_LIMIT).is_some() {
        return None;
    }
    let draft = quick_add(text, now.with_time_zone(TimeZone::get(zone).ok()?));
    let read = byte_spans(text, &draft);
    let covered = |at: usize| {
        let dates = read.iter().filter(|(kind, _)| matches!(kind, SpanKind::When | SpanKind::Recurrence));
        dates.into_iter().any(|(_, bytes)| bytes.contains(&at))
    };
    if !text.char_indices().all(|(at, c)| !c.is_alphanumeric() || covered(at)) {
        return None;
    }
    Some(When { due: draft.due?, rule: draft.recurrence, from: draft.repeat_from })
}
