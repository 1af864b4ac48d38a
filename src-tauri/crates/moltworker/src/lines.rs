//! Lines from a file or the standard input, without keeping the runtime waiting and without holding more than a few of them.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use tokio::sync::mpsc;

use crate::{failure::Failure, words::Words};

/// Bytes; a batch line holds at most a document's path or a long question.
const LONGEST: usize = 16 << 20;
/// Lines read ahead.
const AHEAD: usize = 8;

/// Lines as they come. `-` is the standard input. A thread reads, because a terminal or a pipe may keep it waiting for ever.
pub fn open(source: &Path, words: Words) -> Result<mpsc::Receiver<Result<String, Failure>>, Failure> {
    let name = source.display().to_string();
    let input: Box<dyn BufRead + Send> = if source == Path::new("-") {
        Box::new(BufReader::new(io::stdin()))
    } else {
        let file = File::open(source).map_err(|error| Failure::plain(words.cannot_read(&name, error)))?;
        Box::new(BufReader::new(file))
    };
    let (sender, receiver) = mpsc::channel(AHEAD);
    std::thread::spawn(move || send_lines(input, &name, words, &sender));
    Ok(receiver)
}

fn send_lines(mut input: impl BufRead, name: &str, words: Words, sender: &mpsc::Sender<Result<String, Failure>>) {
    for number in 1_u64.. {
        let line = match read_line(&mut input) {
            Ok(None) => return,
            Ok(Some(line)) if line.len() > LONGEST => Err(Failure::Usage(words.line_too_long(number))),
            Ok(Some(line)) => Ok(String::from_utf8_lossy(&line).into_owned()),
            Err(error) => Err(Failure::plain(words.cannot_read(name, error))),
        };
        let is_last = line.is_err();
        // Nobody wants more lines when the receiver is gone.
        if sender.blocking_send(line).is_err() || is_last {
            return;
        }
    }
}

/// The next line without its end; one byte more than `LONGEST` when it is longer.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if input.by_ref().take(LONGEST as u64 + 1).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        line.pop();
    }
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use molt_core::Language;

    use super::*;

    async fn lines_of(input: Vec<u8>) -> Vec<Result<String, String>> {
        let (sender, mut receiver) = mpsc::channel(AHEAD);
        std::thread::spawn(move || send_lines(&input[..], "input", Words::new(Language::En), &sender));
        let mut lines = Vec::new();
        while let Some(line) = receiver.recv().await {
            lines.push(line.map_err(|failure| failure.message()));
        }
        lines
    }

    #[tokio::test]
    async fn lines_keep_their_order_whatever_ends_them() {
        let expected = ["a", "", "b", "\u{FFFD}中"].map(|line| Ok(line.to_owned()));
        assert_eq!(lines_of("a\n\nb\r\n".bytes().chain([0xFF]).chain("中".bytes()).collect()).await, expected);
        assert_eq!(lines_of(Vec::new()).await, []);
        assert_eq!(lines_of((0..100).map(|_| b'\n').collect()).await.len(), 100);
    }

    #[tokio::test]
    async fn an_endless_line_is_an_error_that_names_it() {
        let mut input = b"a\n".to_vec();
        input.extend(std::iter::repeat_n(b'x', LONGEST + 10));
        assert_eq!(lines_of(input).await, [Ok("a".into()), Err("Line 2 is too long.".into())]);
    }

    #[test]
    fn a_missing_file_is_named() {
        let failure = open(Path::new("/no/such/batch.jsonl"), Words::new(Language::En)).err().unwrap();
        assert!(failure.message().contains("/no/such/batch.jsonl"), "{}", failure.message());
    }
}
