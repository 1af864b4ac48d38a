//! What is left of a line when the pieces that were understood are taken out.

use super::marks::Ask;

const CLOSING: &str = ",.;:!?，。；：！？、)）";
const LOOSE_AT_START: &str = ",.;:，。；：、-–—@";
const LOOSE_AT_END: &str = ",;:，；：、-–—@";
/// What joined the request to the deed, when the time stood between them ("remind me at 5 to call").
const JOINTS: [&str; 3] = ["to ", "that ", "about "];

/// The line without the byte ranges (ascending), tidied. When nothing is left, the whole line: a task needs a title.
pub(super) fn title(line: &str, taken: &[(usize, usize)], ask: Option<Ask>) -> String {
    let mut text = String::with_capacity(line.len());
    let mut at = 0;
    for (start, end) in taken {
        text.push_str(line.get(at..*start).unwrap_or_default());
        // A space keeps the words on both sides apart; Chinese needs none.
        text.push(' ');
        at = *end;
    }
    text.push_str(line.get(at..).unwrap_or_default());
    let mut out = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()) {
        let closes = word.chars().next().is_some_and(|c| CLOSING.contains(c)) && !taken.is_empty();
        let chinese = out.chars().next_back().is_some_and(is_wide) && word.chars().next().is_some_and(is_wide);
        // Only where a piece was taken out do two Chinese characters lose their space.
        let cut = chinese && !line.contains(&format!("{} {word}", out.chars().next_back().unwrap_or(' ')));
        if !out.is_empty() && !closes && !cut {
            out.push(' ');
        }
        out.push_str(word);
    }
    if taken.is_empty() {
        return out;
    }
    // Marks are loose only where the piece beside them was taken out.
    let bare = |text: &str, marks: &str| text.chars().all(|c| c.is_whitespace() || marks.contains(c));
    let first = taken.first().and_then(|(start, _)| line.get(..*start)).is_some_and(|head| bare(head, LOOSE_AT_START));
    let last = taken.last().and_then(|(_, end)| line.get(*end..)).is_some_and(|tail| bare(tail, LOOSE_AT_END));
    let mut rest =
        if first { out.trim_start_matches(|c: char| c == ' ' || LOOSE_AT_START.contains(c)) } else { out.as_str() };
    if ask.is_some() {
        rest = JOINTS.iter().find_map(|joint| strip(rest, joint)).unwrap_or(rest);
    }
    let rest = if last { rest.trim_end_matches(|c: char| c == ' ' || LOOSE_AT_END.contains(c)) } else { rest };
    if rest.chars().any(char::is_alphanumeric) {
        rest.to_owned()
    } else {
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

fn strip<'a>(text: &'a str, joint: &str) -> Option<&'a str> {
    text.get(..joint.len()).filter(|head| head.eq_ignore_ascii_case(joint)).map(|_| &text[joint.len()..])
}

fn is_wide(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ff60}')
}
