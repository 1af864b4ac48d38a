//! An answer that was cut at the length of an answer, and how it is gone on with.
//!
//! The model is shown the answer up to its last whole sentence or line: in the middle of a word nothing can be joined, because no model
//! says whether it goes on with the word or begins a new one.

use molt_core::{Citation, Message, MessageState, Passage};

/// So much of the end may be written anew, in bytes; where nothing ends there, the text is gone on with as it is.
const UNFINISHED: usize = 600;
const FENCE: &str = "```";

/// Whether there is an answer to go on with.
pub(crate) fn is_cut(answer: &Message) -> bool {
    let has_ended = matches!(answer.state, MessageState::Done | MessageState::Stopped);
    has_ended && !answer.text.trim().is_empty() && answer.stats.as_ref().is_some_and(|stats| stats.cut)
}

/// What a model is told behind the answer.
pub(crate) fn request(question: &str) -> &'static str {
    if is_chinese(question) {
        "你的回答太长，被截断了。请直接从结尾处接着写，不要重复，也不要说明。"
    } else {
        "Your answer was too long and was cut off. Go on directly from where it ends. Repeat nothing, and do not comment on this."
    }
}

pub(crate) fn is_chinese(text: &str) -> bool {
    text.chars().any(is_ideograph)
}

fn is_ideograph(c: char) -> bool {
    ('\u{4E00}'..='\u{9FFF}').contains(&c)
}

/// The text up to the end of its last whole sentence, with the blanks behind it; in a block of code up to its last whole line.
pub(crate) fn whole_part(text: &str) -> &str {
    let is_code = text.matches(FENCE).count() % 2 == 1;
    let mut end = 0;
    let mut before = None;
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let next = letters.peek().map(|(_, next)| *next);
        let behind = at + letter.len_utf8();
        let ends = match letter {
            '\n' => true,
            _ if is_code => false,
            '。' | '！' | '？' | '；' => true,
            // Not the point of a number or of a numbered line.
            '.' => next.is_none_or(char::is_whitespace) && !before.is_some_and(|c: char| c.is_ascii_digit()),
            '!' | '?' => next.is_none_or(char::is_whitespace),
            // The blanks between two sentences belong to the first.
            ' ' => end == at && at > 0,
            _ => false,
        };
        if ends {
            end = behind;
        }
        before = Some(letter);
    }
    if end == 0 || text.len() - end > UNFINISHED { text } else { &text[..end] }
}

/// The first piece of what is gone on with, as it joins the text before it.
pub(crate) fn joint(before: &str, piece: &str) -> String {
    let piece_begin = piece.trim_start();
    let (Some(last), Some(first)) = (before.chars().last(), piece_begin.chars().next()) else {
        return String::new();
    };
    if last.is_whitespace() {
        // A line of code keeps its indentation.
        return if last == '\n' { piece.trim_start_matches(['\n', '\r']) } else { piece_begin }.to_owned();
    }
    let is_spaced = piece.len() > piece_begin.len() || !(last.is_ascii() && first.is_ascii());
    if is_spaced { piece.to_owned() } else { format!(" {piece}") }
}

/// The passages that an answer was written behind, from its citations.
pub(crate) fn passages(citations: &[Citation]) -> Vec<Passage> {
    (citations.iter())
        .map(|citation| Passage {
            chunk_id: citation.chunk_id.clone(),
            document_id: citation.document_id.clone(),
            source_id: "".into(),
            document_name: citation.document_name.clone(),
            path: citation.path.clone(),
            text: citation.text.clone(),
            position: citation.position.clone(),
            score: 0.0,
            highlights: Vec::new(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_whole_is_written_anew() {
        for (text, whole) in [
            ("One. Two is not", "One. "),
            ("One.\n\nTwo is not", "One.\n\n"),
            ("It is 3.5 percent", "It is 3.5 percent"),
            ("First:\n1. Bread and\n2. Bu", "First:\n1. Bread and\n"),
            ("一共四项。其中第", "一共四项。"),
            ("All is said.", "All is said."),
            ("Really? Yes! And th", "Really? Yes! "),
            ("```rust\nlet a = 1; // One. Two\nlet b", "```rust\nlet a = 1; // One. Two\n"),
            ("no end at all", "no end at all"),
        ] {
            assert_eq!(whole_part(text), whole, "{text}");
        }
        let long = format!("One. {}", "and so on ".repeat(100));
        assert_eq!(whole_part(&long), long, "what would be lost is too much");
    }

    #[test]
    fn what_follows_is_joined_without_a_gap() {
        for (before, piece, joined) in [
            ("One. ", " Two", "Two"),
            ("One.", "Two", " Two"),
            ("One", " two", " two"),
            ("一共四项。", "其中", "其中"),
            ("let a = 1;\n", "\n    let b", "    let b"),
            ("One. ", "\n", ""),
        ] {
            assert_eq!(joint(before, piece), joined, "{before:?} and {piece:?}");
        }
    }
}
