//! Finds stop strings in a stream of text, and holds back what may be the beginning of one.
//!
//! The engine checks stop strings one token late and does not trim what it streams, so the worker does it.

/// The filter of one answer.
#[derive(Debug)]
pub struct StopFilter {
    stops: Vec<String>,
    /// Text that was not let through, because it may be the beginning of a stop string.
    held: String,
}

impl StopFilter {
    /// Empty stop strings mean nothing and are left out.
    pub fn new(stops: &[String]) -> Self {
        Self { stops: stops.iter().filter(|stop| !stop.is_empty()).cloned().collect(), held: String::new() }
    }

    /// Takes more text. Returns what can be shown, and whether a stop string was met; then nothing more must be pushed.
    pub fn push(&mut self, text: &str) -> (String, bool) {
        self.held.push_str(text);
        if let Some(at) = self.stops.iter().filter_map(|stop| self.held.find(stop)).min() {
            self.held.truncate(at);
            return (std::mem::take(&mut self.held), true);
        }
        let safe = self.held.len() - self.beginning();
        let rest = self.held.split_off(safe);
        (std::mem::replace(&mut self.held, rest), false)
    }

    /// What is left when the answer has ended by itself.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// Bytes at the end that are the beginning of a stop string.
    fn beginning(&self) -> usize {
        let longest = |stop: &String| {
            let starts = stop.char_indices().map(|(at, _)| at).skip(1);
            starts.filter(|&at| self.held.ends_with(&stop[..at])).max().unwrap_or(0)
        };
        self.stops.iter().map(longest).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes the pieces; returns all that was shown, and whether a stop was met.
    fn run(stops: &[&str], pieces: &[&str]) -> (String, bool) {
        let mut filter = StopFilter::new(&stops.iter().map(ToString::to_string).collect::<Vec<_>>());
        let mut shown = String::new();
        for piece in pieces {
            let (text, met) = filter.push(piece);
            shown.push_str(&text);
            if met {
                return (shown, true);
            }
        }
        (shown + &filter.finish(), false)
    }

    #[test]
    fn text_without_a_stop_is_whole() {
        assert_eq!(run(&[], &["a", "b"]), ("ab".into(), false));
        assert_eq!(run(&["", "END"], &["the E", "N", "d"]), ("the ENd".into(), false));
        assert_eq!(run(&["END"], &["the EN"]), ("the EN".into(), false));
    }

    #[test]
    fn a_stop_is_cut_off_wherever_the_pieces_break() {
        let text = "一二 three\n\nUser: four";
        let breaks: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        for &first in &breaks {
            for &second in breaks.iter().filter(|&&second| second >= first) {
                let pieces = [&text[..first], &text[first..second], &text[second..]];
                assert_eq!(run(&["\n\nUser:"], &pieces), ("一二 three".into(), true), "{pieces:?}");
            }
        }
    }

    #[test]
    fn the_first_of_several_stops_counts() {
        assert_eq!(run(&["three", "two"], &["one two three"]), ("one ".into(), true));
        assert_eq!(run(&["aab"], &["aa", "ab", "c"]), ("a".into(), true));
        assert_eq!(run(&["。", "！"], &["好", "的！", "再见"]), ("好的".into(), true));
    }

    #[test]
    fn only_what_may_become_a_stop_is_held_back() {
        let mut filter = StopFilter::new(&["</s>".into()]);
        assert_eq!(filter.push("a < b </"), ("a < b ".into(), false));
        assert_eq!(filter.push("p"), ("</p".into(), false));
    }
}
