//! Tasks in a conversation, without a model: "what is due this week?", "move it to Friday", 把看牙医推迟两天.
//!
//! A line counts only when it is such a request as a whole; everything else is left to the assistant. What a line says of a time is read
//! by quick-add. Which task is meant, and whether there is one, is for the caller to see: [`find`] helps.

mod frames;
#[cfg(test)]
mod tests;

use jiff::{ToSpan, Zoned, civil::Date};
use molt_core::{Due, Priority, Task, TaskDraft};

use crate::{due::date_of, quick::quick_add};

/// Longer lines are no such requests (characters).
const LINE_LIMIT: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    List(Period),
    Change {
        which: Which,
        change: Change,
    },
    /// Takes the last change back.
    Undo,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Period {
    /// Days from the first to the last, and how people call them, if they have a name.
    Days {
        first: Date,
        last: Date,
        called: Option<String>,
    },
    Overdue,
    All,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The one that was spoken of last.
    Last,
    /// A title, or a part of one.
    Titled(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// To a time that [`moved`] reads.
    Move(String),
    /// By a length of time that [`shifted`] reads.
    Shift(String),
    Done,
    Delete,
}

/// What a line asks of the tasks, if that is all that it says. `now` gives the moment and the zone it is read in.
pub fn request(line: &str, now: &Zoned) -> Option<Request> {
    if line.chars().nth(LINE_LIMIT).is_some() {
        return None;
    }
    let line = plain(line);
    // The bare line first: 我 is politeness in 我今天有什么任务 and a part of 我完成了.
    [line.as_str(), polite(&line)].into_iter().find_map(|line| read(line, now))
}

/// The period that a few words name, such as "next week" or 今天; all of time where they name none.
pub fn period_of(words: &str, now: &Zoned) -> Period {
    let words = plain(words);
    if ["overdue", "过期", "已过期"].contains(&words.as_str()) {
        return Period::Overdue;
    }
    if let Some((first, last)) = days(&words, now) {
        return Period::Days { first, last, called: Some(words) };
    }
    time(&words, now).map_or(Period::All, |due| {
        let day = date_of(&due);
        Period::Days { first: day, last: day, called: None }
    })
}

/// The task that a few words name.
pub fn task_of(words: &str) -> Which {
    which(&plain(words))
}

/// Whether a few words are a time that a task can be moved to.
pub fn is_time(words: &str, now: &Zoned) -> bool {
    time(&plain(words), now).is_some()
}

fn read(line: &str, now: &Zoned) -> Option<Request> {
    if frames::UNDO.contains(&line) {
        return Some(Request::Undo);
    }
    if let Some(period) = period(line, now) {
        return Some(Request::List(period));
    }
    let moves =
        frames::MOVES.iter().flat_map(|frame| fits(frame, line)).map(|(it, x)| (it, Change::Move(x.to_owned())));
    let shifts =
        frames::SHIFTS.iter().flat_map(|frame| fits(frame, line)).map(|(it, x)| (it, Change::Shift(x.to_owned())));
    let done = frames::DONE.iter().flat_map(|frame| fits(frame, line)).map(|(it, _)| (it, Change::Done));
    let deletes = frames::DELETES.iter().flat_map(|frame| fits(frame, line)).map(|(it, _)| (it, Change::Delete));
    let is_time = |change: &Change| match change {
        Change::Move(x) => time(x, now).is_some(),
        Change::Shift(x) => length(x, now).is_some(),
        Change::Done | Change::Delete => true,
    };
    let (it, change) = moves.chain(shifts).chain(done).chain(deletes).find(|(_, change)| is_time(change))?;
    Some(Request::Change { which: which(it), change })
}

/// Lower case with plain apostrophes, without marks at the end.
fn plain(line: &str) -> String {
    let line = line.trim().trim_end_matches(['.', '!', '?', '。', '！', '？', '~', ' ']).replace('’', "'");
    line.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

fn polite(mut line: &str) -> &str {
    while let Some(rest) = frames::BEFORE.iter().find_map(|word| line.strip_prefix(word)) {
        line = rest.trim_start_matches([',', '，', ' ']);
    }
    while let Some(rest) = frames::AFTER.iter().find_map(|word| line.strip_suffix(word)) {
        line = rest.trim_end_matches([',', '，', ' ']);
    }
    line
}

fn period(line: &str, now: &Zoned) -> Option<Period> {
    if frames::OVERDUE.contains(&line) {
        return Some(Period::Overdue);
    }
    let phrases = || {
        frames::LISTS.iter().filter_map(|(before, after)| Some(line.strip_prefix(before)?.strip_suffix(after)?.trim()))
    };
    let named = phrases().find_map(|called| {
        let (first, last) = days(called, now)?;
        Some(Period::Days { first, last, called: Some(called.to_owned()) })
    });
    let all = || frames::ALL.contains(&line.strip_prefix('我').unwrap_or(line)).then_some(Period::All);
    // A name first: quick-add would take "for next week" for a day.
    named.or_else(all).or_else(|| {
        let day =
            phrases().filter(|called| !called.is_empty()).find_map(|called| Some(date_of(&time(called, now)?)))?;
        Some(Period::Days { first: day, last: day, called: None })
    })
}

/// The days that have a name. Weeks begin on Monday; what has passed of one is not asked for.
fn days(called: &str, now: &Zoned) -> Option<(Date, Date)> {
    let today = now.date();
    let sunday = today.checked_add((7 - i64::from(today.weekday().to_monday_one_offset())).days()).ok()?;
    let end_of_month = |day: Date| (day.first_of_month(), day.last_of_month());
    Some(match called {
        "today" | "tonight" | "今天" | "今日" | "今晚" => (today, today),
        "this week" | "本周" | "这周" | "这一周" | "这个星期" | "这星期" | "本星期" | "这个礼拜" => {
            (today, sunday)
        }
        "next week" | "下周" | "下一周" | "下个星期" | "下星期" | "下个礼拜" => {
            (sunday.tomorrow().ok()?, sunday.checked_add(7.days()).ok()?)
        }
        "this weekend" | "at the weekend" | "周末" | "这个周末" | "这周末" | "本周末" => {
            (today.max(sunday.yesterday().ok()?), sunday)
        }
        "this month" | "本月" | "这个月" => (today, end_of_month(today).1),
        "next month" | "下个月" | "下月" => end_of_month(today.last_of_month().tomorrow().ok()?),
        _ => return None,
    })
}

/// The time that a phrase says, and nothing else.
fn time(phrase: &str, now: &Zoned) -> Option<Due> {
    only_due(&format!("x {phrase}"), now)
}

/// The same for a length of time from `now` on.
fn length(phrase: &str, now: &Zoned) -> Option<Due> {
    only_due(&format!("x in {phrase}"), now).or_else(|| only_due(&format!("x {phrase}后"), now))
}

fn only_due(line: &str, now: &Zoned) -> Option<Due> {
    let TaskDraft { title, notes, priority, category, labels, deadline, remind_before, due, recurrence, .. } =
        quick_add(line, now.clone());
    let nothing_else = title == "x"
        && notes.is_empty()
        && priority == Priority::Normal
        && (category, deadline, recurrence) == (None, None, None)
        && labels.is_empty()
        && remind_before.is_empty();
    due.filter(|_| nothing_else)
}

/// The due time of a task after "move it to `phrase`": a day keeps the time of day, a time keeps the day.
pub fn moved(due: Option<&Due>, phrase: &str, now: &Zoned) -> Option<Due> {
    let new = time(phrase, now)?;
    // A day may be said before a time of day, and not before a day.
    let is_hour = ["today ", "今天"].iter().any(|day| time(&format!("{day}{phrase}"), now).is_some());
    Some(match (due, new) {
        (Some(old), Due::Time { at, zone }) if is_hour => {
            let same_day = date_of(old).to_datetime(at.time());
            Due::Time { at: if same_day > now.datetime() { same_day } else { at }, zone }
        }
        (Some(Due::Time { at, zone }), Due::Date { date }) => {
            Due::Time { at: date.to_datetime(at.time()), zone: zone.clone() }
        }
        (_, new) => new,
    })
}

/// The due time of a task after "postpone it by `phrase`"; none when a whole day is to be put off by hours.
pub fn shifted(due: &Due, phrase: &str, now: &Zoned) -> Option<Due> {
    let start = match due {
        Due::Date { date } => date.at(0, 0, 0, 0).to_zoned(now.time_zone().clone()),
        Due::Time { at, zone } => at.in_tz(zone),
    };
    match (due, length(phrase, &start.ok()?)?) {
        (Due::Date { .. }, Due::Time { at, .. }) if at.time() != jiff::civil::Time::midnight() => None,
        (Due::Date { .. }, new) => Some(Due::Date { date: date_of(&new) }),
        (Due::Time { at, zone }, Due::Date { date }) => {
            Some(Due::Time { at: date.to_datetime(at.time()), zone: zone.clone() })
        }
        (_, new) => Some(new),
    }
}

fn which(it: &str) -> Which {
    let it = it.trim();
    if frames::IT.contains(&it) {
        return Which::Last;
    }
    let title = frames::BEFORE_TITLES.iter().find_map(|word| it.strip_prefix(word)).unwrap_or(it);
    let marks = |c: char| "\"'“”‘’「」《》 ".contains(c);
    Which::Titled(title.trim_matches(marks).to_owned())
}

/// The open tasks that a title names: those called exactly so, else those in whose title it stands.
pub fn find<'a>(tasks: impl Iterator<Item = &'a Task>, title: &str) -> Vec<&'a Task> {
    let open: Vec<_> = tasks.filter(|task| task.done_at.is_none()).map(|task| (task, plain(&task.title))).collect();
    let named = |fits: &dyn Fn(&str) -> bool| -> Vec<&'a Task> {
        open.iter().filter(|(_, name)| fits(name)).map(|(task, _)| *task).collect()
    };
    let exact = named(&|name| name == title);
    // One or two letters, or one Chinese character, stand in every other title.
    let long_enough = title.len() >= 3 && title.chars().count() >= 2;
    if exact.is_empty() && long_enough { named(&|name| name.contains(title)) } else { exact }
}

/// How a frame fits a line: the task and the time. Where the words between the two stand more than once, the last is tried first.
fn fits<'a>(frame: &str, line: &'a str) -> Vec<(&'a str, &'a str)> {
    let Some((before, rest)) = frame.split_once("{it}") else { return vec![] };
    let (between, after) = rest.split_once("{x}").map_or((rest, None), |(between, after)| (between, Some(after)));
    let Some(line) = line.strip_prefix(before) else { return vec![] };
    match after {
        None => line.strip_suffix(between).map(|it| (it, "")).into_iter().collect(),
        Some(after) => {
            let Some(line) = line.strip_suffix(after) else { return vec![] };
            let places = line.rmatch_indices(between);
            places.map(|(at, between)| (&line[..at], &line[at + between.len()..])).collect()
        }
    }
}
