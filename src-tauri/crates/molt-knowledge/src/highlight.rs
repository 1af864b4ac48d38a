//! Which spans of a passage match the words of a query.

use crate::chunk::is_cjk;

/// Words too common to be worth a mark.
const COMMON: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "by", "did", "do", "does", "for", "from", "how", "in", "is", "it", "of",
    "on", "or", "that", "the", "this", "to", "was", "were", "what", "when", "where", "which", "who", "why", "with",
];
const COMMON_CJK: &str = "的了是在和与吗呢什么多少哪谁怎请我你";

/// Spans of `text` that match words of `query`, in UTF-16 code units, half open, ascending, not overlapping.
///
/// A Latin word matches a word with the same beginning, so that plural and past forms are found; Han text matches by pairs of characters.
pub fn highlights(text: &str, query: &str) -> Vec<(u32, u32)> {
    let wanted = terms(query);
    let mut spans: Vec<(usize, usize)> = Vec::new();
    let characters: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < characters.len() {
        let c = characters[at];
        if is_cjk(c) {
            let pair: String = characters[at..(at + 2).min(characters.len())].iter().collect();
            if wanted.pairs.contains(&pair) {
                spans.push((at, at + 2));
            } else if wanted.singles.contains(&c) {
                spans.push((at, at + 1));
            }
            at += 1;
        } else if c.is_alphanumeric() {
            let end = (at..characters.len())
                .find(|&i| !characters[i].is_alphanumeric() || is_cjk(characters[i]))
                .unwrap_or(characters.len());
            let word: String = characters[at..end].iter().flat_map(|c| c.to_lowercase()).collect();
            if wanted.words.iter().any(|wanted| same_stem(wanted, &word)) {
                spans.push((at, end));
            }
            at = end;
        } else {
            at += 1;
        }
    }
    to_utf16(&characters, spans)
}

#[derive(Default)]
struct Terms {
    words: Vec<String>,
    pairs: Vec<String>,
    /// Han characters that stand alone in the query.
    singles: Vec<char>,
}

fn terms(query: &str) -> Terms {
    let mut terms = Terms::default();
    let characters: Vec<char> = query.chars().collect();
    let mut at = 0;
    while at < characters.len() {
        let cjk = is_cjk(characters[at]) && characters[at].is_alphanumeric();
        if !characters[at].is_alphanumeric() {
            at += 1;
            continue;
        }
        let end = (at..characters.len())
            .find(|&i| !characters[i].is_alphanumeric() || is_cjk(characters[i]) != cjk)
            .unwrap_or(characters.len());
        let run = &characters[at..end];
        if !cjk {
            let word: String = run.iter().flat_map(|c| c.to_lowercase()).collect();
            if !COMMON.contains(&word.as_str()) {
                terms.words.push(word);
            }
        } else if let [single] = run {
            terms.singles.push(*single);
        } else {
            let common = |c: char| COMMON_CJK.contains(c);
            terms.pairs.extend(
                run.windows(2).filter(|pair| !common(pair[0]) && !common(pair[1])).map(|pair| pair.iter().collect()),
            );
        }
        at = end;
    }
    terms
}

/// Equal, or the longer continues the shorter by at most three letters ("budget", "budgets", "budgeted").
fn same_stem(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    long == short || (short.len() >= 4 && long.starts_with(short) && long.len() <= short.len() + 3)
}

/// Merges touching spans and turns character positions into UTF-16 positions.
fn to_utf16(characters: &[char], spans: Vec<(usize, usize)>) -> Vec<(u32, u32)> {
    let mut merged: Vec<(usize, usize)> = Vec::new();
    for (start, end) in spans {
        match merged.last_mut() {
            Some(last) if last.1 >= start => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    let mut position = Vec::with_capacity(characters.len() + 1);
    let mut at = 0u32;
    for c in characters {
        position.push(at);
        at += c.len_utf16() as u32;
    }
    position.push(at);
    merged.into_iter().map(|(start, end)| (position[start], position[end])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(text: &str, query: &str) -> Vec<String> {
        let units: Vec<u16> = text.encode_utf16().collect();
        highlights(text, query)
            .into_iter()
            .map(|(start, end)| String::from_utf16(&units[start as usize..end as usize]).unwrap())
            .collect()
    }

    #[test]
    fn words_match_with_their_forms_and_case() {
        assert_eq!(marked("Budgets of LYRA; the lyrebird.", "What is the budget of Lyra?"), ["Budgets", "LYRA"]);
        assert!(marked("the of is", "What is the budget?").is_empty());
    }

    #[test]
    fn han_text_matches_by_pairs_and_positions_are_utf16() {
        assert_eq!(marked("😀 天琴项目的预算是41万", "天琴的预算是多少？"), ["天琴", "预算"]);
        assert_eq!(marked("茶", "茶"), ["茶"]);
    }
}
