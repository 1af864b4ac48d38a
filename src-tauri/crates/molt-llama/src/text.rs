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
}
