//! Quick-add: from a typed line to a task, in English and Chinese, mixed as people mix them.
//!
//! A line is cut into tokens ([`token`]); at each token the grammars of digits ([`numeric`]), English and Chinese look for a piece
//! that they understand ([`says`]), the longest wins; the pieces are put together into one due time ([`resolve`]). What is not
//! understood stays in the title. Nothing is guessed: an impossible date, a holiday or a contradiction stays text.

mod calendar;
mod chinese;
mod chinese_day;
mod chinese_limit;
mod chinese_repeat;
mod chinese_span;
mod chinese_time;
mod details;
mod english;
mod english_day;
mod english_limit;
mod english_list;
mod english_repeat;
mod english_span;
mod english_stretch;
mod english_time;
mod finished;
mod marks;
mod numeric;
mod resolve;
mod says;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_lines;
#[cfg(test)]
mod tests_of_marks;
#[cfg(test)]
mod tests_of_shapes;
mod title;
mod token;

use jiff::{Zoned, civil, tz::TimeZone};
use molt_core::{DraftSpan, Priority, RepeatFrom, SpanKind, TaskDraft};

use crate::TaskError;
use details::Details;
pub(crate) use details::EARLIEST_REMINDER;
use marks::Ask;
use resolve::{Understood, combine, due, pieces, rule};
use token::Line;

/// Longer lines are texts, not tasks; they become a title as they are (characters).
const LINE_LIMIT: usize = 2_000;

struct Reading {
    line: Line,
    ask: Option<marks::Mark<Ask>>,
    priority: Option<marks::Mark<Priority>>,
    category: Option<marks::Mark<String>>,
    details: Details,
    understood: Understood,
}

fn read(text: &str, now: Zoned) -> Reading {
    let line = Line::new(text, now);
    let details = Details::read(&line, text);
    let outside = |start: usize, end: usize| details.ranges().iter().all(|(from, to)| end <= *from || start >= *to);
    let priority = marks::priority(&line).filter(|m| outside(m.start, m.end));
    let category = marks::category(&line, text).filter(|m| outside(m.start, m.end));
    // A request inside a category's name is part of the name.
    let inside = |start: usize| category.as_ref().is_some_and(|c| (c.start..c.end).contains(&start));
    let ask = marks::ask(&line).filter(|ask| outside(ask.start, ask.end) && !(ask.start..ask.end).any(inside));
    let mut taken = vec![false; line.len()];
    let ranges = [
        ask.as_ref().map(|m| (m.start, m.end)),
        priority.as_ref().map(|m| (m.start, m.end)),
        category.as_ref().map(|m| (m.start, m.end)),
    ];
    for (start, end) in ranges.into_iter().flatten().chain(details.ranges()) {
        taken[start..end].fill(true);
    }
    let understood = combine(&line, &taken, pieces(&line, &taken));
    let mut reading = Reading { line, ask, priority, category, details, understood };
    // In "he asked to remind me" or 他提醒我 nobody asks us.
    if !reading.ask_begins() {
        reading.ask = None;
    }
    reading
}

impl Reading {
    /// Only times, marks and politeness stand before the request for a reminder.
    fn ask_begins(&self) -> bool {
        let Some(ask) = &self.ask else { return false };
        let mut at = ask.start;
        while at > 0 {
            let piece = self.understood.pieces.iter().find(|p| (p.start..p.end).contains(&(at - 1))).map(|p| p.start);
            let mark =
                [self.priority.as_ref().map(|m| (m.start, m.end)), self.category.as_ref().map(|m| (m.start, m.end))]
                    .into_iter()
                    .flatten()
                    .chain(self.details.ranges())
                    .find(|(start, end)| (*start..*end).contains(&(at - 1)))
                    .map(|(start, _)| start);
            let loose = (self.line.mark(at - 1, ",.!:-，。！：、~")).then(|| at - 1);
            match piece.or(mark).or(loose).or_else(|| marks::polite_before(&self.line, at)) {
                Some(before) => at = before,
                None => return false,
            }
        }
        true
    }
}

/// Understands a typed line. `now` gives the moment and the zone it is read in.
pub fn quick_add(line: &str, now: Zoned) -> TaskDraft {
    if line.chars().nth(LINE_LIMIT).is_some() {
        let title = line.split_whitespace().collect::<Vec<_>>().join(" ");
        return TaskDraft {
            title,
            notes: String::new(),
            priority: Priority::Normal,
            category: None,
            section: None,
            labels: vec![],
            deadline: None,
            remind_before: vec![],
            estimate_minutes: None,
            due: None,
            recurrence: None,
            repeat_from: RepeatFrom::Schedule,
            spans: vec![],
        };
    }
    let reading = read(line, now);
    let says = &reading.understood.says;
    let due = due(&reading.line, says);
    let mut found: Vec<(SpanKind, usize, usize)> = Vec::new();
    found.extend(reading.ask.as_ref().map(|m| (SpanKind::Verb, m.start, m.end)));
    found.extend(reading.priority.as_ref().map(|m| (SpanKind::Priority, m.start, m.end)));
    found.extend(reading.category.as_ref().map(|m| (SpanKind::Category, m.start, m.end)));
    let details = &reading.details;
    // Before a due time that is not known nothing can remind; the words stay.
    let reminders = if due.is_some() { details.reminders.as_slice() } else { &[] };
    found.extend(details.section.iter().map(|m| (SpanKind::Section, m.start, m.end)));
    found.extend(details.estimate.iter().map(|m| (SpanKind::Estimate, m.start, m.end)));
    found.extend(details.labels.iter().map(|m| (SpanKind::Label, m.start, m.end)));
    found.extend(details.deadline.as_ref().map(|m| (SpanKind::Deadline, m.start, m.end)));
    found.extend(reminders.iter().map(|m| (SpanKind::Reminder, m.start, m.end)));
    found.extend(details.note.as_ref().map(|m| (SpanKind::Note, m.start, m.end)));
    if due.is_some() {
        found.extend(reading.understood.pieces.iter().map(|p| {
            let kind = if p.says.repeat.is_some() || p.says.limits() { SpanKind::Recurrence } else { SpanKind::When };
            (kind, p.start, p.end)
        }));
    }
    found.sort_by_key(|(_, start, _)| *start);
    // Neighbours of one kind are one chip.
    let mut merged: Vec<(SpanKind, usize, usize)> = Vec::new();
    for (kind, start, end) in found {
        match merged.last_mut() {
            Some((last, _, stop))
                if *last == kind && kind == SpanKind::When && (*stop..start).all(|k| reading.line.mark(k, ",，、")) =>
            {
                *stop = end
            }
            _ => merged.push((kind, start, end)),
        }
    }
    let tokens = &reading.line.tokens;
    let bytes: Vec<(usize, usize)> =
        merged.iter().map(|(_, start, end)| (tokens[*start].start, tokens[*end - 1].end)).collect();
    let spans = merged.iter().zip(&bytes).map(|((kind, ..), (start, end))| DraftSpan {
        kind: *kind,
        start: utf16(line, *start),
        end: utf16(line, *end),
    });
    TaskDraft {
        spans: spans.collect(),
        title: title::title(line, &bytes, reading.ask.as_ref().map(|m| m.says)),
        notes: details.note.as_ref().map(|m| m.says.clone()).unwrap_or_default(),
        priority: reading.priority.as_ref().map_or(Priority::Normal, |m| m.says),
        category: reading.category.as_ref().map(|m| m.says.clone()),
        section: details.section.as_ref().map(|m| m.says.clone()),
        labels: distinct(details.labels.iter().map(|m| m.says.clone())),
        deadline: details.deadline.as_ref().map(|m| m.says),
        remind_before: distinct(reminders.iter().map(|m| m.says)),
        estimate_minutes: details.estimate.as_ref().map(|m| m.says),
        recurrence: due.as_ref().and_then(|due| rule(says, due)).map(|rule| rule.to_string()),
        repeat_from: if says.from_completion { RepeatFrom::Completion } else { RepeatFrom::Schedule },
        due,
    }
}

/// Each once, in the order of the first.
pub(crate) fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for item in items {
        if !seen.contains(&item) {
            seen.push(item);
        }
    }
    seen
}

/// The spans of a draft of this line in bytes, half open, for those who do not count in UTF-16 as web views do.
pub fn byte_spans(line: &str, draft: &TaskDraft) -> Vec<(SpanKind, std::ops::Range<usize>)> {
    let (mut bytes, mut units) = (0, 0);
    let mut letters = line.chars().peekable();
    let mut byte = |unit: u32| {
        while units < unit
            && let Some(letter) = letters.next()
        {
            units += letter.len_utf16() as u32;
            bytes += letter.len_utf8();
        }
        bytes
    };
    draft.spans.iter().map(|span| (span.kind, byte(span.start)..byte(span.end))).collect()
}

/// Refuses a line that is no line: what [`quick_add`] would make a title without reading it.
///
/// # Errors
/// A line over 2,000 characters.
pub fn check_line(line: &str) -> Result<(), TaskError> {
    match line.chars().nth(LINE_LIMIT) {
        Some(_) => Err(TaskError::Invalid(
            "the line is too long (over 2,000 characters); write a short title and put the rest into the notes".into(),
        )),
        None => Ok(()),
    }
}

/// The place of a byte in UTF-16 code units.
fn utf16(line: &str, byte: usize) -> u32 {
    let units: usize = line.get(..byte).map_or(0, |head| head.encode_utf16().count());
    u32::try_from(units).unwrap_or(u32::MAX)
}

/// True when a chat line asks for a reminder: "remind me to …", 提醒我…, also with the time first. A question such as "can you
/// remind me what we decided?" is none.
pub fn is_reminder(line: &str) -> bool {
    if line.chars().nth(LINE_LIMIT).is_some() {
        return false;
    }
    // A day long ago, so that no date in the line has passed.
    let reading = read(line, civil::date(2000, 1, 1).at(0, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap_or_default());
    let Some(ask) = &reading.ask else { return false };
    let line = &reading.line;
    let after = ask.end;
    let timed = !reading.understood.pieces.is_empty();
    if (after..line.len()).all(|k| line.mark(k, ".!?。！？~，,")) {
        return false;
    }
    match ask.says {
        Ask::Deed => true,
        Ask::Subject => timed,
        Ask::Open => {
            timed
                && !line.is_word(
                    after,
                    &["what", "why", "how", "who", "whom", "whose", "where", "which", "when", "if", "whether"],
                )
        }
        Ask::Chinese => {
            let asks = ["什么", "谁", "哪", "怎么", "为何", "多少", "吗", "呢"];
            let question = (after..line.len()).any(|k| asks.iter().any(|word| line.phrase(k, word).is_some()));
            let polite = (0..after).any(|k| line.is_han(k, "能可"));
            !(line.is_han(after, "了过的") || (question && !polite))
        }
    }
}
