//! From the bytes of tokens to text that can be shown.

/// Joins tokens' bytes to whole characters: a character may take several tokens.
#[derive(Debug, Default)]
pub struct Joiner(Vec<u8>);

impl Joiner {
    /// Takes more bytes; returns the characters that are whole. What is no UTF-8 becomes U+FFFD.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.0.extend_from_slice(bytes);
        let mut text = String::new();
        loop {
            match std::str::from_utf8(&self.0) {
                Ok(whole) => {
                    text.push_str(whole);
                    self.0.clear();
                    return text;
                }
                Err(error) => {
                    let (whole, rest) = self.0.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(whole));
                    let Some(bad) = error.error_len() else {
                        // The beginning of a character.
                        self.0 = rest.to_vec();
                        return text;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    self.0 = rest[bad..].to_vec();
                }
            }
        }
    }
}

/// Leaves out what a model thinks before it answers, `<think>…</think>` at the beginning. The blanks behind it go as well.
#[derive(Debug)]
pub struct Thoughts {
    held: String,
    state: State,
}

#[derive(Debug, PartialEq)]
enum State {
    /// Nothing but what may become the opening mark.
    Begin,
    Thinking,
    /// Behind the closing mark, before the answer.
    Between,
    Answer,
}

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

impl Thoughts {
    /// `prompt`: the text before the answer; some templates open the thoughts there.
    pub fn new(prompt: &str) -> Self {
        let is_open = prompt.trim_end().ends_with(OPEN);
        Self { held: String::new(), state: if is_open { State::Thinking } else { State::Begin } }
    }

    /// Takes more text; returns what belongs to the answer.
    pub fn push(&mut self, text: &str) -> String {
        self.held.push_str(text);
        loop {
            match self.state {
                State::Begin => {
                    let begin = self.held.trim_start();
                    if let Some(thoughts) = begin.strip_prefix(OPEN) {
                        self.held = thoughts.to_owned();
                        self.state = State::Thinking;
                    } else if OPEN.starts_with(begin) {
                        return String::new();
                    } else {
                        self.state = State::Answer;
                    }
                }
                State::Thinking => {
                    let Some(end) = self.held.find(CLOSE) else {
                        // Enough for a closing mark of which the rest is to come.
                        let keep = self.held.char_indices().rev().nth(CLOSE.len()).map_or(0, |(at, _)| at);
                        self.held.drain(..keep);
                        return String::new();
                    };
                    self.held.drain(..end + CLOSE.len());
                    self.state = State::Between;
                }
                State::Between => {
                    let answer = self.held.trim_start().to_owned();
                    if answer.is_empty() {
                        self.held.clear();
                        return String::new();
                    }
                    self.held = answer;
                    self.state = State::Answer;
                }
                State::Answer => return std::mem::take(&mut self.held),
            }
        }
    }

    /// What is left when the answer has ended by itself.
    pub fn finish(self) -> String {
        if self.state == State::Begin { self.held } else { String::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_whole_wherever_the_tokens_break() {
        let text = "周会 at 3 🙂";
        for size in 1..=text.len() {
            let mut joiner = Joiner::default();
            let joined: String = text.as_bytes().chunks(size).map(|bytes| joiner.push(bytes)).collect();
            assert_eq!(joined, text);
        }
        let mut joiner = Joiner::default();
        assert_eq!(joiner.push(&[b'a', 0xff, b'b', 0xe5]), "a\u{fffd}b");
        assert_eq!(joiner.push(&[0x91, 0xa8]), "周");
    }

    fn shown(prompt: &str, text: &str, size: usize) -> String {
        let mut thoughts = Thoughts::new(prompt);
        let characters: Vec<char> = text.chars().collect();
        let mut shown: String =
            characters.chunks(size).map(|piece| thoughts.push(&piece.iter().collect::<String>())).collect();
        shown.push_str(&thoughts.finish());
        shown
    }

    #[test]
    fn thoughts_are_left_out_wherever_the_pieces_break() {
        for size in 1..12 {
            assert_eq!(shown("", "<think>\n让我想想 <b>\n</think>\n\n四。", size), "四。");
            assert_eq!(shown("<think>\n", "so 2 + 2\n</think>4", size), "4");
            assert_eq!(shown("", "<thin air>", size), "<thin air>");
            assert_eq!(shown("", "no <think>thoughts</think>", size), "no <think>thoughts</think>");
            assert_eq!(shown("", "<think>without end", size), "");
            assert_eq!(shown("", "<thi", size), "<thi");
        }
    }
}
