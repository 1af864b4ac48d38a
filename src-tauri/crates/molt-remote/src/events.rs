//! Lines of a stream of server-sent events, from pieces that are cut anywhere.

/// Bytes of one line. A piece of an answer is some hundred.
pub const LONGEST_LINE: usize = 1 << 20;

/// A line came that is longer than any line of an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLong;

/// Gathers bytes until they are lines, and gives what stands behind `data:`.
#[derive(Debug, Default)]
pub struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// The data of the lines that are complete now. These servers write one line for an event.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, TooLong> {
        let mut found = Vec::new();
        for piece in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            self.rest.extend_from_slice(piece);
            if self.rest.len() > LONGEST_LINE {
                return Err(TooLong);
            }
            if piece.ends_with(b"\n") || piece.ends_with(b"\r") {
                found.extend(self.end());
            }
        }
        Ok(found)
    }

    /// The data of a last line without an end.
    pub fn end(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.rest);
        // Characters are whole again here; what is none is shown as a mark for that.
        let line = String::from_utf8_lossy(&line);
        let data = line.strip_prefix("data:")?.trim();
        (!data.is_empty()).then(|| data.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_anywhere_the_lines_are_the_same() {
        let text =
            ": hello\r\nevent: x\r\ndata: {\"a\":\"é 🥛\"}\r\n\r\ndata:second\n\ndata: 三\r\rdata:\n\ndata: last";
        let whole = ["{\"a\":\"é 🥛\"}", "second", "三", "last"];
        for cut in 0..=text.len() {
            let mut lines = Lines::default();
            let mut found = lines.push(&text.as_bytes()[..cut]).unwrap();
            found.extend(lines.push(&text.as_bytes()[cut..]).unwrap());
            found.extend(lines.end());
            assert_eq!(found, whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_line_without_an_end_is_given_up() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(&vec![b'a'; LONGEST_LINE]), Ok(Vec::new()));
        assert_eq!(lines.push(b"a"), Err(TooLong));
    }
}
