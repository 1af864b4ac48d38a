//! Server-sent events as our own gateway writes them: each message is one `data:` line.

/// Puts lines together from pieces of any size.
#[derive(Debug, Default)]
pub struct Messages {
    rest: Vec<u8>,
}

impl Messages {
    /// The messages that a piece completes.
    pub fn push(&mut self, piece: &[u8]) -> Vec<String> {
        self.rest.extend_from_slice(piece);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
        let complete: Vec<u8> = self.rest.drain(..=end).collect();
        complete
            .split(|byte| *byte == b'\n')
            .filter_map(|line| line.strip_prefix(b"data:"))
            .map(|data| String::from_utf8_lossy(data).trim().to_owned())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_any_cut() {
        let text = ":\n\ndata: {\"a\":\"中\"}\n\nevent: x\ndata:2\r\n\r\ndata: cut";
        for size in 1..text.len() {
            let mut messages = Messages::default();
            let found: Vec<String> = text.as_bytes().chunks(size).flat_map(|piece| messages.push(piece)).collect();
            assert_eq!(found, ["{\"a\":\"中\"}", "2"], "{size}");
        }
    }
}
