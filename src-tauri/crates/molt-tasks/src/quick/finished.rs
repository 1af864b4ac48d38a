//! Repetitions that count from the day of completion: "3 days after I finish", "every 2 weeks after completion", 完成后三天再来,
//! 每3个月（完成后）.
//!
//! What else is finished ("3 days after I finish the course") is not read.

use super::{
    chinese_span,
    says::{Hit, Says},
    token::Line,
};

/// What stands for the task itself.
const ITSELF: [&str; 6] = ["it", "this", "that", "them", "the task", "this task"];

/// The token after "after I finish", "after completion", "from when it is done".
pub(super) fn finished(line: &Line, i: usize) -> Option<usize> {
    let at = line.words(i, "from when").or_else(|| line.is_word(i, &["after", "from"]).then_some(i + 1))?;
    let at = if line.is_word(at, &["each", "every", "the", "last", "its"]) { at + 1 } else { at };
    let object = |at: usize| ITSELF.iter().find_map(|words| line.words(at, words));
    let ends = |at: usize| line.ends(at) || line.is_word(at, &["at", "starting", "from"]);
    let alone = |at: usize| object(at).or(Some(at)).filter(|at| ends(*at));
    if line.is_word(at, &["completion", "finishing", "completing"]) {
        return alone(at + 1);
    }
    if line.word(at) == "doing" {
        return object(at + 1).filter(|at| ends(*at));
    }
    if line.is_word(at, &["i'm", "it's"]) && line.is_word(at + 1, &["done", "finished", "completed", "complete"]) {
        return alone(at + 2);
    }
    if line.is_word(at, &["it", "i"]) && line.is_word(at + 1, &["is", "am", "was"]) {
        return line.is_word(at + 2, &["done", "finished", "completed", "complete"]).then_some(at + 3).and_then(alone);
    }
    let verb = match line.word(at) {
        "i" | "we" if line.is_word(at + 1, &["have", "last"]) => at + 2,
        "i" | "we" | "i've" | "we've" => at + 1,
        _ => return None,
    };
    if line.is_word(verb, &["do", "did"]) {
        return object(verb + 1).filter(|at| ends(*at));
    }
    line.is_word(verb, &["finish", "finished", "complete", "completed", "done"]).then_some(verb + 1).and_then(alone)
}

/// The same repetition, from completion when words after it say so.
pub(super) fn after_finishing(line: &Line, hit: Hit) -> Hit {
    let counted = hit.says.repeat.as_ref().filter(|_| !hit.says.unclear);
    match counted.and_then(|_| finished(line, hit.end)) {
        Some(end) => Hit { says: Says { from_completion: true, ..hit.says }, end },
        None => hit,
    }
}

const DONE: &[(&str, ())] = &[
    ("完成之后", ()),
    ("完成以后", ()),
    ("完成后", ()),
    ("做完之后", ()),
    ("做完以后", ()),
    ("做完后", ()),
    ("办完后", ()),
    ("搞定后", ()),
];
const AGAIN: &[(&str, ())] = &[
    ("再提醒我", ()),
    ("再来一次", ()),
    ("再做一次", ()),
    ("再次提醒", ()),
    ("再提醒", ()),
    ("再重复", ()),
    ("再来", ()),
    ("再做", ()),
    ("再次", ()),
    ("重复", ()),
];

/// 完成后三天再来, 每次完成后过一周: the length from one completion to the next time.
pub(super) fn find_zh(line: &Line, i: usize) -> Option<Hit> {
    let each = line.phrase(i, "每次");
    let (_, at) = line.one_of(each.unwrap_or(i), DONE)?;
    // 作业完成后三天再来 speaks of something else.
    let begins = i == 0 || !line.glued(i) || line.han(i - 1).is_empty();
    // 完成后每三天.
    if let Some(hit) = super::chinese_repeat::find(line, at).filter(|hit| hit.says.repeat.is_some() && begins) {
        return Some(Hit { says: Says { from_completion: true, ..hit.says }, ..hit });
    }
    let from = line.phrase(at, "再过").or_else(|| line.phrase(at, "过")).unwrap_or(at);
    let (rule, end) = chinese_span::length(line, from)?;
    let end = line.phrase(end, "之后").or_else(|| line.phrase(end, "后")).unwrap_or(end);
    let again = line.one_of(end, AGAIN).map(|(_, end)| end);
    let closes = again.is_some() || each.is_some() || line.ends(end);
    (begins && closes).then(|| Hit::new(Says { from_completion: true, ..Says::repeat(rule) }, again.unwrap_or(end)))
}

/// The same repetition, from completion when 完成后 follows: in brackets, or where the clause ends.
pub(super) fn after_finishing_zh(line: &Line, hit: Hit) -> Hit {
    let open = line.mark(hit.end, "(（");
    let at = if open { hit.end + 1 } else { hit.end };
    let at = line.phrase(at, "从").unwrap_or(at);
    let Some((_, end)) = line.one_of(at, DONE).filter(|_| hit.says.repeat.is_some() && !hit.says.unclear) else {
        return hit;
    };
    let end = ["开始算", "算起", "开始", "起", "重复"].iter().find_map(|words| line.phrase(end, words)).unwrap_or(end);
    let closed = if open { line.mark(end, ")）").then_some(end + 1) } else { Some(end).filter(|end| line.ends(*end)) };
    match closed {
        Some(end) => Hit { says: Says { from_completion: true, ..hit.says }, end },
        None => hit,
    }
}
