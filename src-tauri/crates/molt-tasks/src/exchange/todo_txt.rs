//! todo.txt: a task a line, `x 2026-11-20 (A) 2026-11-01 pay rent +home @bank due:2026-12-01 rec:1m`.

use jiff::{civil::Date, tz::TimeZone};
use molt_core::{Due, Priority, RepeatFrom};

use super::{ENTRY_LIMIT, Imported, ImportedTask, check_size, too_many};
use crate::{Frequency, NewTask, Rule, TaskError};

/// Characters of a line; longer ones are no tasks.
const LINE_LIMIT: usize = 1_000;
const MOST_LABELS: usize = 20;

/// Reads a todo.txt file. `local` tells the day on which tasks without one were completed.
///
/// # Errors
/// A file beyond the limits.
pub fn read_todo_txt(text: &str, local: &TimeZone) -> Result<Imported, TaskError> {
    check_size(text)?;
    let mut imported = Imported::default();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start_matches('\u{feff}').trim();
        if line.is_empty() {
            continue;
        }
        if imported.tasks.len() >= ENTRY_LIMIT {
            return Err(too_many());
        }
        if line.chars().count() > LINE_LIMIT {
            imported.remark(
                number + 1,
                line,
                "the line is too long for a task (over 1,000 characters), so it was left out",
            );
            continue;
        }
        read_line(line, number + 1, local, &mut imported);
    }
    Ok(imported)
}

/// A date in front of the rest.
fn leading_date(text: &str) -> (Option<Date>, &str) {
    let found = text.split_once(' ').and_then(|(date, rest)| Some((date.parse().ok()?, rest.trim_start())));
    found.map_or((None, text), |(date, rest)| (Some(date), rest))
}

fn priority(letter: char) -> Option<Priority> {
    Some(match letter {
        'A' => Priority::Urgent,
        'B' => Priority::High,
        'C' => Priority::Normal,
        'D'..='Z' => Priority::Low,
        _ => return None,
    })
}

/// `(A)` in front of the rest.
fn leading_priority(text: &str) -> (Option<Priority>, &str) {
    let letter = text.strip_prefix('(').and_then(|rest| rest.split_once(") "));
    let found = letter.and_then(|(letter, rest)| {
        let mut letters = letter.chars();
        let level = priority(letters.next()?).filter(|_| letters.next().is_none())?;
        Some((level, rest.trim_start()))
    });
    found.map_or((None, text), |(level, rest)| (Some(level), rest))
}

/// `1w`, `+2m`, `3d`, `1y`, `5b` (working days are not known).
fn repetition(text: &str) -> Option<Rule> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let (n, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let frequency = match unit {
        "d" => Frequency::Daily,
        "w" => Frequency::Weekly,
        "m" => Frequency::Monthly,
        "y" => Frequency::Yearly,
        _ => return None,
    };
    Some(Rule::every(frequency, n.parse().ok().filter(|n| (1..=1_000).contains(n))?))
}

fn read_line(line: &str, number: usize, local: &TimeZone, imported: &mut Imported) {
    let (done, rest) = line.strip_prefix("x ").map_or((false, line), |rest| (true, rest.trim_start()));
    let (first, rest) = leading_priority(rest);
    // Of a done task the first date is that of its completion, the second that of its making.
    let (completed, rest) = leading_date(rest);
    let (_, rest) = leading_date(rest);
    let (second, rest) = leading_priority(rest);
    let mut task = NewTask { priority: first.or(second).unwrap_or_default(), ..NewTask::default() };
    let mut title: Vec<&str> = Vec::new();
    for word in rest.split_whitespace() {
        let tag = |mark: char| word.strip_prefix(mark).filter(|name| name.chars().any(char::is_alphanumeric));
        if let Some(project) = tag('+') {
            match task.category {
                None => task.category = Some(project.chars().take(100).collect()),
                Some(_) => task.labels.push(project.to_owned()),
            }
        } else if let Some(context) = tag('@') {
            task.labels.push(context.to_owned());
        } else if let Some(day) = word.strip_prefix("due:").and_then(|day| day.parse().ok()) {
            task.due = Some(Due::Date { date: day });
        } else if let Some(rule) = word.strip_prefix("rec:").and_then(repetition) {
            // Without the plus it counts from the day of completion.
            task.repeat_from = if word.starts_with("rec:+") { RepeatFrom::Schedule } else { RepeatFrom::Completion };
            task.recurrence = Some(rule.to_string());
        } else if let Some(level) = word.strip_prefix("pri:").and_then(|level| priority(level.chars().next()?)) {
            task.priority = level;
        } else {
            title.push(word);
        }
    }
    task.labels =
        crate::quick::distinct(task.labels.drain(..).map(|label| label.chars().take(100).collect()).take(MOST_LABELS));
    task.title = title.join(" ");
    if task.title.is_empty() {
        imported.remark(number, line, "it says nothing that could be done, so it was left out");
        return;
    }
    let done_at = done.then(|| {
        let midnight = completed.and_then(|day| day.to_zoned(local.clone()).ok());
        midnight.map_or(jiff::Timestamp::UNIX_EPOCH, |midnight| midnight.timestamp())
    });
    imported.tasks.push(ImportedTask { task, done_at, ..ImportedTask::default() });
}
