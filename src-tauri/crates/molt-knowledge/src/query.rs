//! What a line of the search box asks for: words, and phrases between quotation marks that a passage must hold.

use crate::chunk::is_cjk;

/// Quotation marks that open and close a phrase.
const MARKS: [(char, char); 6] = [('"', '"'), ('“', '”'), ('„', '“'), ('«', '»'), ('「', '」'), ('『', '』')];

pub(crate) struct Query {
    /// The line without the marks of its phrases.
    pub text: String,
    phrases: Vec<Vec<char>>,
}

impl Query {
    pub fn read(line: &str) -> Self {
        let mut query = Self { text: String::with_capacity(line.len()), phrases: Vec::new() };
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            let behind = &rest[c.len_utf8()..];
            let phrase = MARKS.iter().filter(|(open, _)| *open == c).find_map(|(_, close)| behind.split_once(*close));
            match phrase {
                // An inch, or a phrase that is still being typed.
                None => {
                    query.text.push(c);
                    rest = behind;
                }
                Some((phrase, behind)) => {
                    let letters = normal(phrase);
                    if letters.iter().any(|c| c.is_alphanumeric()) {
                        query.phrases.push(letters);
                    }
                    query.text.extend([" ", phrase, " "]);
                    rest = behind;
                }
            }
        }
        query
    }

    /// All of it words, quotation marks and all.
    pub fn of_words(line: &str) -> Self {
        Self { text: line.to_owned(), phrases: Vec::new() }
    }

    pub fn has_phrases(&self) -> bool {
        !self.phrases.is_empty()
    }

    /// Whether each phrase stands in the text, whatever the case and the white space.
    pub fn is_held_by(&self, text: &str) -> bool {
        if self.phrases.is_empty() {
            return true;
        }
        let text = normal(text);
        self.phrases.iter().all(|phrase| stands_in(phrase, &text))
    }
}

/// Lower case, white space as one space, one kind of apostrophe; none at the ends.
fn normal(text: &str) -> Vec<char> {
    let mut letters = Vec::with_capacity(text.len());
    for c in text.trim().chars() {
        match c {
            c if c.is_whitespace() => {
                if letters.last() != Some(&' ') {
                    letters.push(' ');
                }
            }
            '’' | '‘' => letters.push('\''),
            // A soft hyphen shows only at the end of a line.
            '\u{ad}' => {}
            c => letters.extend(c.to_lowercase()),
        }
    }
    letters
}

/// Whether the phrase stands there as whole words; text without spaces between words has none.
fn stands_in(phrase: &[char], text: &[char]) -> bool {
    let joins = |a: Option<&char>, b: Option<&char>| {
        let in_word = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric() && !is_cjk(*c));
        in_word(a) && in_word(b)
    };
    text.windows(phrase.len()).enumerate().any(|(at, part)| {
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        part == phrase && !joins(before, phrase.first()) && !joins(phrase.last(), text.get(at + phrase.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_stand_between_marks_of_many_languages() {
        for line in
            [r#"the "North Gate" code"#, "the “north  gate” code", "the „North Gate“ code", "the «north gate» code"]
        {
            let query = Query::read(line);
            assert_eq!(
                query.text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>(),
                ["the", "north", "gate", "code"]
            );
            assert!(query.is_held_by("At the NORTH\ngate.") && !query.is_held_by("The gate in the north"), "{line}");
        }
        let query = Query::read("「项目负责人」在哪");
        assert!(query.is_held_by("谁是项目负责人？") && !query.is_held_by("项目的负责人"));
    }

    #[test]
    fn a_phrase_is_whole_words() {
        let query = Query::read(r#""cat's house""#);
        assert!(query.is_held_by("The Cat’s house."));
        assert!(!query.is_held_by("the bobcat's house") && !query.is_held_by("a cat's houses"));
        // Han characters stand side by side.
        assert!(Query::read(r#""5G网络""#).is_held_by("使用5G网络的人"));
    }

    #[test]
    fn all_phrases_count_and_open_marks_do_not() {
        let query = Query::read(r#""one" "two" 3.5" disk"#);
        assert!(query.is_held_by("two and one") && !query.is_held_by("one"));
        assert!(query.text.ends_with("3.5\" disk"));
        for none in ["", "plain words", "\"", "\"\"", "\" , \"", "“open"] {
            let query = Query::read(none);
            assert!(!query.has_phrases() && query.is_held_by("anything"), "{none}");
        }
        assert!(Query::of_words(r#"what is "this""#).is_held_by("anything"));
    }
}
