//! Explicit marks for what a task has beside its time: `@label`, `{deadline}`, `!30min` and `//note`.

use jiff::civil::Date;

use super::{
    chinese, chinese_span, english, english_span,
    marks::Mark,
    resolve::{combine, due, pieces},
    token::{Kind, Line},
};
use crate::due::date_of;

/// Labels and reminders of one line; more stay in the title.
const MOST: usize = 10;
/// Minutes: four weeks. A reminder further ahead is a task of its own.
pub(crate) const EARLIEST_REMINDER: u32 = 4 * 7 * 24 * 60;

/// What was found, in the order of the line.
#[derive(Debug, Default)]
pub(super) struct Details {
    pub labels: Vec<Mark<String>>,
    pub deadline: Option<Mark<Date>>,
    /// Minutes before the due time.
    pub reminders: Vec<Mark<u32>>,
    pub note: Option<Mark<String>>,
    /// Braces around something else than a day. It was not meant as a due time, so nobody reads it.
    unread: Vec<(usize, usize)>,
}

impl Details {
    pub fn read(line: &Line, text: &str) -> Self {
        let note = note(line, text);
        let end = note.as_ref().map_or(line.len(), |note| note.start);
        let mut found = Self { note, ..Self::default() };
        let mut i = 0;
        while i < end {
            let mark = label(line, text, i).filter(|mark| mark.end <= end && found.labels.len() < MOST);
            let reminder = reminder(line, i).filter(|mark| mark.end <= end && found.reminders.len() < MOST);
            let deadline = deadline(line, text, i).filter(|mark| mark.end <= end && found.deadline.is_none());
            i = match (mark, reminder, deadline) {
                (Some(mark), ..) => {
                    let end = mark.end;
                    found.labels.push(mark);
                    end
                }
                (_, Some(mark), _) => {
                    let end = mark.end;
                    found.reminders.push(mark);
                    end
                }
                (.., Some(mark)) => {
                    let end = mark.end;
                    found.deadline = Some(mark);
                    end
                }
                _ => match closed(line, i).filter(|close| *close < end) {
                    Some(close) => {
                        found.unread.push((i, close + 1));
                        close + 1
                    }
                    None => i + 1,
                },
            };
        }
        found
    }

    /// The tokens of all marks, half open, and of what is not to be read.
    pub fn ranges(&self) -> Vec<(usize, usize)> {
        let labels = self.labels.iter().map(|mark| (mark.start, mark.end));
        let reminders = self.reminders.iter().map(|mark| (mark.start, mark.end));
        let deadline = self.deadline.iter().map(|mark| (mark.start, mark.end));
        let note = self.note.iter().map(|mark| (mark.start, mark.end));
        labels.chain(reminders).chain(deadline).chain(note).chain(self.unread.iter().copied()).collect()
    }
}

/// `@home`, `@家里`. Not `@5pm` or `@noon`, which are times, nor the address in `ann@example.org`.
fn label(line: &Line, text: &str, i: usize) -> Option<Mark<String>> {
    let named = line.glued(i + 1) && matches!(line.tokens[i + 1].kind, Kind::Word | Kind::Han);
    if !line.mark(i, "@") || line.glued(i) || !named {
        return None;
    }
    let times = [english::find(line, i, false), english::find(line, i + 1, false), chinese::find(line, i + 1, false)];
    let weekday = english::weekday(line.word(i + 1)).is_some();
    if weekday || times.into_iter().flatten().any(|hit| !hit.says.unclear) {
        return None;
    }
    let mut end = i + 1;
    while line.glued(end) && (line.tokens[end].kind != Kind::Mark || line.mark(end, "-_/")) {
        end += 1;
    }
    let says = text.get(line.tokens[i].end..line.tokens[end - 1].end)?.to_owned();
    Some(Mark { start: i, end, says })
}

/// `!30min`, `!1h`, `!2d`, `!30分钟`: so long before the due time, perhaps with "before" after it.
fn reminder(line: &Line, i: usize) -> Option<Mark<u32>> {
    if !line.mark(i, "!") || line.glued(i) || !line.glued(i + 1) {
        return None;
    }
    let found = english_span::minutes(line, i + 1).into_iter().chain(chinese_span::minutes(line, i + 1));
    let (says, end) = found.max_by_key(|(_, end)| *end)?;
    let after = line.phrase(end, "之前").or_else(|| line.phrase(end, "前"));
    let end = if line.is_word(end, &["before", "earlier"]) { end + 1 } else { after.unwrap_or(end) };
    let apart = !line.glued(end) || line.mark(end, ",.;，。；、");
    ((1..=EARLIEST_REMINDER).contains(&says) && apart).then_some(Mark { start: i, end, says })
}

/// `{Dec 5}`, `{下周五}`: everything between the braces must be one day.
fn deadline(line: &Line, text: &str, i: usize) -> Option<Mark<Date>> {
    let close = closed(line, i)?;
    let inside = Line::new(text.get(line.tokens[i].end..line.tokens[close].start)?, line.now.clone());
    let taken = vec![false; inside.len()];
    let understood = combine(&inside, &taken, pieces(&inside, &taken));
    let whole = (0..inside.len()).all(|k| understood.pieces.iter().any(|piece| (piece.start..piece.end).contains(&k)));
    let says = date_of(&due(&inside, &understood.says).filter(|_| whole && understood.says.repeat.is_none())?);
    Some(Mark { start: i, end: close + 1, says })
}

/// Where the brace that opens at `i` is closed.
fn closed(line: &Line, i: usize) -> Option<usize> {
    if !line.mark(i, "{") {
        return None;
    }
    (i + 1..line.len()).find(|k| line.mark(*k, "{}")).filter(|k| line.mark(*k, "}"))
}

/// `//` and what follows it. An address (`https://…`) has no space before it.
fn note(line: &Line, text: &str) -> Option<Mark<String>> {
    let start = (1..line.len())
        .find(|i| line.mark(*i, "/") && !line.glued(*i) && line.mark(i + 1, "/") && line.glued(i + 1))?;
    let says = text.get(line.tokens[start + 1].end..)?.trim().to_owned();
    (!says.is_empty()).then_some(Mark { start, end: line.len(), says })
}
