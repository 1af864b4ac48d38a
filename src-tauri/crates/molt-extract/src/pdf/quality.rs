//! How good a page's text is: when to ask the second reader, and whose text to take.

use super::{Line, Page};
use crate::markdown::is_cjk;

/// More than this share of characters without a letter calls for the other reader.
const MOST_LOST: f64 = 0.02;

/// Below this the words do not look like words.
const LEAST_NATURAL: f64 = 0.8;

/// True when the other reader may do better.
pub fn is_poor(page: Option<&Page>) -> bool {
    let Some(page) = page else { return true };
    page.broken
        || page.lines.is_empty()
        || f64::from(page.lost) > f64::from(page.drawn) * MOST_LOST
        || naturalness(&page.lines) < LEAST_NATURAL
}

/// Larger is better; 0 when there is nothing.
pub fn score(page: Option<&Page>) -> f64 {
    let Some(page) = page else { return 0.0 };
    let letters = page.lines.iter().flat_map(|line| line.text.chars()).filter(|c| c.is_alphanumeric()).count();
    letters as f64 * naturalness(&page.lines)
}

/// From 0 to 1: 1 when the words have ordinary lengths and characters.
///
/// Wrong widths tear words into letters or glue lines into one word; a wrong character map gives symbols and rare characters.
fn naturalness(lines: &[Line]) -> f64 {
    let (mut words, mut torn, mut letters, mut glued, mut all, mut odd) = (0u32, 0u32, 0u32, 0u32, 0u32, 0u32);
    for line in lines {
        for character in line.text.chars().filter(|c| !c.is_whitespace()) {
            all += 1;
            odd += u32::from(is_odd(character));
        }
        for word in line.text.split(|c: char| !c.is_alphabetic() || is_cjk(c)).filter(|word| !word.is_empty()) {
            let length = word.chars().count() as u32;
            words += 1;
            letters += length;
            torn += u32::from(length == 1);
            glued += if length > 30 { length } else { 0 };
        }
    }
    let share = |part: u32, whole: u32| if whole == 0 { 0.0 } else { f64::from(part) / f64::from(whole) };
    // Formulas and tables have many single letters, so only most words being torn counts, and only in a longer text.
    let torn = if words < 20 { 0.0 } else { (share(torn, words) - 0.4).max(0.0) / 0.6 };
    let glued = if letters < 100 { 0.0 } else { share(glued, letters) };
    (1.0 - torn) * (1.0 - glued) * (1.0 - share(odd, all)).powi(2)
}

/// Characters that ordinary pages hardly have: damage, controls, private ones, the spare half of Latin-1 and its neighbours, and Arabic
/// letters in their drawn forms, which stand in drawn order too.
fn is_odd(character: char) -> bool {
    matches!(character, '\u{fffd}' | '\u{80}'..='\u{a0}' | '\u{a4}'..='\u{a6}' | '\u{a8}' | '\u{aa}' | '\u{ac}'..='\u{af}' | '\u{b4}' | '\u{b8}' | '\u{ba}'
        | '\u{1c0}'..='\u{24f}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..)
        || character.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        Page {
            lines: vec![Line { text: text.into(), apart: false }],
            drawn: text.chars().count() as u32,
            lost: 0,
            broken: false,
        }
    }

    #[test]
    fn ordinary_pages_are_good() {
        for text in [
            "The committee met on Wednesday at three o'clock and talked about the budget of 30,000 euros for the coming year.",
            "会议纪要：下周三下午三点在二号会议室讨论预算。",
            "Der Überblick über die Straßenverkehrsordnung, naïve façade, Łódź, señor.",
            "12.5  13.7  99.1\n4  5  6",
            "x",
        ] {
            assert!(!is_poor(Some(&page(text))), "{text}");
        }
    }

    #[test]
    fn damage_is_noticed() {
        let torn = "T h e c o m m i t t e e m e t o n W e d n e s d a y a t t h r e e";
        let glued = "Thecommitteemetonwednesdayatthreeoclockandtalkedaboutthebudgetofthirtythousandeurosforthecomingyearinthebigroom";
        for text in [torn, glued, "\u{a4}\u{ac}\u{1e5}\u{a6} \u{af}\u{b4}\u{fffd} ab"] {
            assert!(is_poor(Some(&page(text))), "{text}");
        }
        assert!(is_poor(None));
        assert!(is_poor(Some(&Page::default())));
        assert!(is_poor(Some(&Page { broken: true, ..page("good words") })));
        assert!(is_poor(Some(&Page { lost: 5, drawn: 100, ..page("good words") })));
        assert!(score(Some(&page("The committee met"))) > score(Some(&page(&"\u{fffd}".repeat(30)))));
    }
}
