//! Hebrew and Arabic. A page draws them from left to right as they are seen; people write, search and read them the other way.

/// Letters of scripts that run from right to left.
fn runs_left(character: char) -> bool {
    matches!(character, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
        && !character.is_numeric()
}

fn runs_right(character: char) -> bool {
    character.is_alphanumeric() && !runs_left(character)
}

/// Signs that belong to the letter before them.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}' | '\u{5c5}' | '\u{5c7}'
        | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e4}')
}

/// A line as it is written, from one as it is seen.
pub fn logical(line: &str) -> String {
    if !line.chars().any(runs_left) {
        return line.to_owned();
    }
    let seen: Vec<char> = line.chars().collect();
    let left = seen.iter().filter(|character| runs_left(**character)).count();
    let right = seen.iter().filter(|character| character.is_alphabetic() && !runs_left(**character)).count();
    if left >= right {
        // A line of such a script: its words of other scripts, and numbers, keep their order.
        let mut written = reversed(&seen);
        flip_runs(&mut written, runs_right);
        written.into_iter().collect()
    } else {
        let mut written = seen;
        flip_runs(&mut written, runs_left);
        written.into_iter().collect()
    }
}

/// Turns the runs of some letters around, with what stands between two of them.
fn flip_runs(line: &mut [char], belongs: fn(char) -> bool) {
    let mut start = 0;
    while let Some(first) = line[start..].iter().position(|character| belongs(*character)) {
        let first = start + first;
        let opposite = if belongs('a') { runs_left } else { runs_right };
        let until =
            line[first..].iter().position(|character| opposite(*character)).map_or(line.len(), |end| first + end);
        let last =
            line[first..until].iter().rposition(|character| belongs(*character)).map_or(first, |last| first + last);
        let flipped = reversed(&line[first..=last]);
        line[first..=last].copy_from_slice(&flipped);
        start = last + 1;
    }
}

fn reversed(characters: &[char]) -> Vec<char> {
    let mut reversed: Vec<char> = Vec::with_capacity(characters.len());
    for character in characters.iter().rev() {
        reversed.push(mirrored(*character));
    }
    // What followed its letter now stands before it.
    for index in (1..reversed.len()).rev() {
        if is_mark(reversed[index - 1]) && !is_mark(reversed[index]) && !reversed[index].is_whitespace() {
            reversed.swap(index - 1, index);
        }
    }
    reversed
}

fn mirrored(character: char) -> char {
    const PAIRS: [(char, char); 5] = [('(', ')'), ('[', ']'), ('{', '}'), ('<', '>'), ('«', '»')];
    PAIRS
        .into_iter()
        .find_map(|(open, close)| {
            if character == open {
                Some(close)
            } else if character == close {
                Some(open)
            } else {
                None
            }
        })
        .unwrap_or(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_turned_into_their_written_order() {
        for (seen, written) in [
            ("?םלוכ םולש", "שלום כולם?"),
            ("2026 תנשב Plan (םולש)", "(שלום) Plan בשנת 2026"),
            ("the word םולש םלוע means hello world", "the word עולם שלום means hello world"),
            ("plain words (1)", "plain words (1)"),
            ("会议 3", "会议 3"),
        ] {
            assert_eq!(logical(seen), written);
        }
    }

    #[test]
    fn marks_stay_with_their_letter() {
        assert_eq!(logical("\u{628}\u{64e}\u{62d}"), "\u{62d}\u{628}\u{64e}");
    }
}
