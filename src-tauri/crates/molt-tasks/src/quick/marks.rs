//! Explicit marks: priorities, the category, and the words that ask for a reminder.

use molt_core::Priority;

use super::token::{Kind, Line};

/// A mark over tokens, half open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark<T> {
    pub start: usize,
    pub end: usize,
    pub says: T,
}

const LEVELS: &[(&str, Priority)] = &[
    ("urgent", Priority::Urgent),
    ("high", Priority::High),
    ("medium", Priority::Normal),
    ("normal", Priority::Normal),
    ("low", Priority::Low),
];
const LEVELS_ZH: &[(&str, Priority)] = &[
    ("紧急", Priority::Urgent),
    ("高优先级", Priority::High),
    ("低优先级", Priority::Low),
    ("重要", Priority::High),
    ("普通", Priority::Normal),
    ("高", Priority::High),
    ("中", Priority::Normal),
    ("低", Priority::Low),
];

/// White space or the end of the line stands before token `i`.
fn apart(line: &Line, i: usize) -> bool {
    !line.glued(i)
}

/// `p1` to `p4`; `!!!`, `!!`, `!`; `!urgent`, `!紧急`.
pub(super) fn priority(line: &Line) -> Option<Mark<Priority>> {
    (0..line.len()).find_map(|i| {
        if !apart(line, i) {
            return None;
        }
        let (says, end) = level(line, i)?;
        apart(line, end).then_some(Mark { start: i, end, says })
    })
}

fn level(line: &Line, i: usize) -> Option<(Priority, usize)> {
    if line.word(i) == "p" && line.glued(i + 1) {
        let says = match line.number(i + 1)? {
            (1, 1) => Priority::Urgent,
            (2, 1) => Priority::High,
            (3, 1) => Priority::Normal,
            (4, 1) => Priority::Low,
            _ => return None,
        };
        return Some((says, i + 2));
    }
    if !line.mark(i, "!") {
        return None;
    }
    let mut end = i + 1;
    while line.mark(end, "!") && line.glued(end) {
        end += 1;
    }
    if !line.glued(end) {
        return match end - i {
            1 => Some((Priority::Normal, end)),
            2 => Some((Priority::High, end)),
            3 => Some((Priority::Urgent, end)),
            _ => None,
        };
    }
    if let Some((_, level)) = LEVELS.iter().find(|(name, _)| *name == line.word(end)) {
        return Some((*level, end + 1));
    }
    line.one_of(end, LEVELS_ZH)
}

/// `#work`, `#工作`: up to white space or a mark. `#12` is a number.
pub(super) fn category(line: &Line, text: &str) -> Option<Mark<String>> {
    (0..line.len()).find_map(|i| {
        let begins = apart(line, i)
            || (i > 0 && line.tokens[i - 1].kind != Kind::Word && line.tokens[i - 1].kind != Kind::Number);
        if !line.mark(i, "#") || !begins {
            return None;
        }
        let mut end = i + 1;
        while line.glued(end) && (line.tokens[end].kind != Kind::Mark || line.mark(end, "-_/")) {
            end += 1;
        }
        let named = (i + 1..end).any(|k| matches!(line.tokens[k].kind, Kind::Word | Kind::Han));
        let name = text.get(line.tokens[i].end..line.tokens[end - 1].end)?;
        named.then(|| Mark { start: i, end, says: name.to_owned() })
    })
}

/// What follows the words that ask for a reminder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// "remind me to", "remind me that": what is to be done follows.
    Deed,
    /// "remind me about", "remind me of": a subject follows; it may as well be a question.
    Subject,
    /// "remind me" with something else after it.
    Open,
    /// 提醒我.
    Chinese,
}

/// Words of politeness before the request.
const POLITE: &[&str] = &[
    "i would like you to",
    "i'd like you to",
    "i need you to",
    "i want you to",
    "can you please",
    "could you please",
    "can you",
    "could you",
    "would you",
    "will you",
    "please",
    "pls",
    "kindly",
    "hey",
    "hi",
    "ok",
    "okay",
    "and",
    "also",
    "then",
    "so",
];
const POLITE_ZH: &[(&str, ())] = &[
    ("能不能", ()),
    ("可不可以", ()),
    ("麻烦你", ()),
    ("到时候", ()),
    ("到时", ()),
    ("请你", ()),
    ("麻烦", ()),
    ("记得", ()),
    ("别忘了", ()),
    ("不要忘了", ()),
    ("务必", ()),
    ("一定要", ()),
    ("可以", ()),
    ("帮我", ()),
    ("帮忙", ()),
    ("请", ()),
    ("你", ()),
    ("能", ()),
    ("帮", ()),
    ("要", ()),
    ("再", ()),
    ("就", ()),
];

/// A word of politeness that ends at token `end`; where it begins.
pub(super) fn polite_before(line: &Line, end: usize) -> Option<usize> {
    let english = POLITE.iter().find_map(|phrase| {
        let start = end.checked_sub(phrase.split(' ').count())?;
        (line.words(start, phrase) == Some(end)).then_some(start)
    });
    english.or_else(|| {
        POLITE_ZH.iter().find_map(|(phrase, ())| {
            let start = end.checked_sub(phrase.chars().count())?;
            (line.phrase(start, phrase) == Some(end)).then_some(start)
        })
    })
}

fn ask_at(line: &Line, i: usize) -> Option<(Ask, usize)> {
    for phrase in ["提醒我一下", "提醒一下我", "提醒下我", "提醒我"] {
        if let Some(end) = line.phrase(i, phrase) {
            let end = if line.mark(end, ":，,") { end + 1 } else { end };
            return Some((Ask::Chinese, end));
        }
    }
    let reminder = ["set a reminder", "set reminder", "create a reminder", "add a reminder", "don't let me forget"];
    if let Some(end) = reminder.iter().find_map(|phrase| line.words(i, phrase)) {
        return Some(match line.word(end) {
            "to" | "that" => (Ask::Deed, end + 1),
            "about" => (Ask::Deed, end + 1),
            _ => (Ask::Open, end),
        });
    }
    let end = line.words(i, "remind me")?;
    Some(match line.word(end) {
        "to" | "that" => (Ask::Deed, end + 1),
        "about" | "of" => (Ask::Subject, end + 1),
        _ => (Ask::Open, end),
    })
}

/// The first request for a reminder, with the politeness directly before it.
pub(super) fn ask(line: &Line) -> Option<Mark<Ask>> {
    let (found, (says, end)) = (0..line.len()).find_map(|i| Some((i, ask_at(line, i)?)))?;
    let mut start = found;
    while let Some(earlier) = polite_before(line, start) {
        start = earlier;
    }
    Some(Mark { start, end, says })
}
