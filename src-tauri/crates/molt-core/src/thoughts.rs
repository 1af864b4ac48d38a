//! Tells what a model thinks from what it answers.

/// Begins thoughts, in the models of the DeepSeek and Qwen families and in those that follow them.
pub const OPEN_THOUGHTS: &str = "<think>";
/// Ends them.
pub const CLOSE_THOUGHTS: &str = "</think>";

/// Takes a model's text apart: `<think>…</think>` at its beginning are thoughts, the rest is the answer. The blanks around the thoughts
/// belong to neither.
#[derive(Debug)]
pub struct Thoughts {
    held: String,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    /// Nothing but what may become the opening mark.
    Begin,
    /// Behind the opening mark, before the first thought.
    Opened,
    Thinking,
    /// Behind the closing mark, before the answer.
    Between,
    Answer,
}

/// What has become certain of a text.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Said {
    pub thought: String,
    pub answer: String,
}

impl Thoughts {
    /// `prompt`: the text before the model's; some templates open the thoughts there.
    pub fn new(prompt: &str) -> Self {
        let is_open = prompt.trim_end().ends_with(OPEN_THOUGHTS);
        Self { held: String::new(), state: if is_open { State::Opened } else { State::Begin } }
    }

    /// For a text in which there are none: all of it is the answer.
    pub fn none() -> Self {
        Self { held: String::new(), state: State::Answer }
    }

    /// Takes more text; returns what is certain by now.
    pub fn push(&mut self, text: &str) -> Said {
        self.held.push_str(text);
        let mut said = Said::default();
        loop {
            match self.state {
                State::Begin => {
                    let begin = self.held.trim_start();
                    if let Some(thoughts) = begin.strip_prefix(OPEN_THOUGHTS) {
                        self.held = thoughts.to_owned();
                        self.state = State::Opened;
                    } else if OPEN_THOUGHTS.starts_with(begin) {
                        return said;
                    } else {
                        self.state = State::Answer;
                    }
                }
                State::Opened | State::Between => {
                    let begin = self.held.trim_start().len();
                    self.held.drain(..self.held.len() - begin);
                    if self.held.is_empty() {
                        return said;
                    }
                    self.state = if self.state == State::Opened { State::Thinking } else { State::Answer };
                }
                State::Thinking => {
                    if let Some(end) = self.held.find(CLOSE_THOUGHTS) {
                        said.thought.push_str(self.held[..end].trim_end());
                        self.held.drain(..end + CLOSE_THOUGHTS.len());
                        self.state = State::Between;
                    } else {
                        // Blanks are held back as well: they may be the last.
                        let certain = self.held[..self.held.len() - self.closing()].trim_end().len();
                        said.thought.push_str(&self.held[..certain]);
                        self.held.drain(..certain);
                        return said;
                    }
                }
                State::Answer => {
                    said.answer = std::mem::take(&mut self.held);
                    return said;
                }
            }
        }
    }

    /// What is left when the text has ended.
    pub fn finish(self) -> Said {
        match self.state {
            State::Begin => Said { answer: self.held, ..Said::default() },
            State::Thinking => Said { thought: self.held.trim_end().to_owned(), ..Said::default() },
            State::Opened | State::Between | State::Answer => Said::default(),
        }
    }

    /// Bytes at the end that are the beginning of a closing mark.
    fn closing(&self) -> usize {
        (1..CLOSE_THOUGHTS.len()).rev().find(|&size| self.held.ends_with(&CLOSE_THOUGHTS[..size])).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes the text in pieces of `size` characters; returns all thoughts and the whole answer.
    fn apart(prompt: &str, text: &str, size: usize) -> (String, String) {
        let mut thoughts = Thoughts::new(prompt);
        let characters: Vec<char> = text.chars().collect();
        let pieces = characters.chunks(size).map(|piece| piece.iter().collect::<String>());
        let mut said: Vec<Said> = pieces.map(|piece| thoughts.push(&piece)).collect();
        said.push(thoughts.finish());
        (
            said.iter().map(|said| said.thought.as_str()).collect(),
            said.iter().map(|said| said.answer.as_str()).collect(),
        )
    }

    #[test]
    fn thoughts_are_told_apart_wherever_the_pieces_break() {
        let cases = [
            ("", "<think>\n让我想想 <b>\n\n</thin> </think>\n\n四。\n", "让我想想 <b>\n\n</thin>", "四。\n"),
            ("<think>\n", "so 2 + 2\n</think>4", "so 2 + 2", "4"),
            ("", " \n<think></think>\n4", "", "4"),
            ("", "<think>\n\n</think>\n\n4", "", "4"),
            ("", "<thin air>", "", "<thin air>"),
            ("", "no <think>thoughts</think>", "", "no <think>thoughts</think>"),
            ("", "<think>without end </th", "without end </th", ""),
            ("", "<thi", "", "<thi"),
            ("", "<think>a</think>b<think>c</think>", "a", "b<think>c</think>"),
        ];
        for (prompt, text, thought, answer) in cases {
            for size in 1..12 {
                assert_eq!(apart(prompt, text, size), (thought.into(), answer.into()), "{text:?} by {size}");
            }
        }
    }

    #[test]
    fn a_thought_is_told_as_soon_as_it_is_certain() {
        let mut thoughts = Thoughts::new("");
        assert_eq!(thoughts.push("<think>First "), Said { thought: "First".into(), ..Said::default() });
        assert_eq!(thoughts.push("of all </"), Said { thought: " of all".into(), ..Said::default() });
        assert_eq!(thoughts.push("b>"), Said { thought: " </b>".into(), ..Said::default() });
        assert_eq!(thoughts.push("</think> 4"), Said { answer: "4".into(), ..Said::default() });
    }

    #[test]
    fn a_text_without_thoughts_is_left_as_it_is() {
        let mut thoughts = Thoughts::none();
        assert_eq!(thoughts.push(" <think> is a tag").answer, " <think> is a tag");
        assert_eq!(thoughts.finish(), Said::default());
    }
}
