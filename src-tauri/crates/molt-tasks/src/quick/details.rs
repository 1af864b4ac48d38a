//! Explicit marks for what a task has beside its time: `/section`, `@label`, `{deadline}`, `!30min`, `~2h` and `//note`.

use jiff::civil::Date;

use super::{
    chinese, chinese_span, english, english_span,
    marks::Mark,
    resolve::{combine, due, pieces},
    token::{Kind, Line},
};
use crate::{actions::ESTIMATE_LIMIT, due::date_of};

/// Labels and reminders of one line; more stay in the title.
const MOST: usize = 10;
/// Minutes: four weeks. A reminder further ahead is a task of its own.
pub(crate) const EARLIEST_REMINDER: u32 = 4 * 7 * 24 * 60;

/// What was found, in the order of the line.
#[derive(Debug, Default)]
pub(super) struct Details {
    pub section: Option<Mark<String>>,
    pub labels: Vec<Mark<String>>,
    pub deadline: Option<Mark<Date>>,
    /// Minutes before the due time.
    pub reminders: Vec<Mark<u32>>,
    /// Minutes that it will take.
    pub estimate: Option<Mark<u32>>,
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
            let fits = |mark_end: usize| mark_end <= end;
            if let Some(mark) = label(line, text, i).filter(|mark| fits(mark.end) && found.labels.len() < MOST) {
                i = mark.end;
                found.labels.push(mark);
            } else if let Some(mark) = reminder(line, i).filter(|mark| fits(mark.end) && found.reminders.len() < MOST) {
                i = mark.end;
                found.reminders.push(mark);
            } else if let Some(mark) = deadline(line, text, i).filter(|m| fits(m.end) && found.deadline.is_none()) {
                i = mark.end;
                found.deadline = Some(mark);
            } else if let Some(mark) = section(line, text, i).filter(|m| fits(m.end) && found.section.is_none()) {
                i = mark.end;
                found.section = Some(mark);
            } else if let Some(mark) = estimate(line, text, i).filter(|m| fits(m.end) && found.estimate.is_none()) {
                i = mark.end;
                found.estimate = Some(mark);
            } else if let Some(close) = closed(line, i).filter(|close| *close < end) {
                found.unread.push((i, close + 1));
                i = close + 1;
            } else {
                i += 1;
            }
        }
        found
    }

    /// The tokens of all marks, half open, and of what is not to be read.
    pub fn ranges(&self) -> Vec<(usize, usize)> {
        let labels = self.labels.iter().map(|mark| (mark.start, mark.end));
        let reminders = self.reminders.iter().map(|mark| (mark.start, mark.end));
        let deadline = self.deadline.iter().map(|mark| (mark.start, mark.end));
        let note = self.note.iter().map(|mark| (mark.start, mark.end));
        let section = self.section.iter().map(|mark| (mark.start, mark.end));
        let estimate = self.estimate.iter().map(|mark| (mark.start, mark.end));
        let marks = labels.chain(reminders).chain(deadline).chain(note).chain(section).chain(estimate);
        marks.chain(self.unread.iter().copied()).collect()
    }
}

/// `/later`, `/以后`: a word by itself after other words. Not `and/or`, `/usr/bin` or `/etc.conf`, nor the month in "5 € /month".
fn section(line: &Line, text: &str, i: usize) -> Option<Mark<String>> {
    let named = line.glued(i + 1) && matches!(line.tokens[i + 1].kind, Kind::Word | Kind::Han);
    let amount = i > 0 && (matches!(line.tokens[i - 1].kind, Kind::Number) || line.mark(i - 1, "$€£¥%"));
    if !line.mark(i, "/") || i == 0 || line.glued(i) || !named || amount {
        return None;
    }
    let mut end = i + 1;
    while line.glued(end) && (line.tokens[end].kind != Kind::Mark || line.mark(end, "-_")) {
        end += 1;
    }
    let sentence = line.mark(end, ",.;:!?，。；：！？、)）") && !line.glued(end + 1);
    let says = text.get(line.tokens[i].end..line.tokens[end - 1].end)?.to_owned();
    (!line.glued(end) || sentence).then_some(Mark { start: i, end, says })
}

/// `~30min`, `~2h`, `~2小时`: how long it will take. Not "~2h later" or 两小时后, which are times.
fn estimate(line: &Line, text: &str, i: usize) -> Option<Mark<u32>> {
    // As many tokens as the longest has: ~1 hour and 30 minutes, ~1个小时30分钟.
    const LONGEST: usize = 10;
    let counted = line.glued(i + 1) && matches!(line.tokens[i + 1].kind, Kind::Number | Kind::Han);
    if !line.mark(i, "~") || line.glued(i) || !counted {
        return None;
    }
    // By itself, because a number that is tied to a mark is no distance elsewhere.
    let last = (i + LONGEST).min(line.len() - 1);
    let inside = Line::new(text.get(line.tokens[i + 1].start..line.tokens[last].end)?, line.now.clone());
    let found = english_span::minutes(&inside, 0).into_iter().chain(chinese_span::minutes(&inside, 0));
    let (says, end) = found.max_by_key(|(_, end)| *end).map(|(says, end)| (says, end + i + 1))?;
    let time =
        line.is_word(end, &["ago", "later", "before", "after", "earlier", "from"]) || line.is_han(end, "前后之以");
    let apart = !line.glued(end) || line.mark(end, ",.;，。；、");
    ((1..=ESTIMATE_LIMIT).contains(&says) && apart && !time).then_some(Mark { start: i, end, says })
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
