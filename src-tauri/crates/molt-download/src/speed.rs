//! How fast bytes have come lately.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// What "lately" is.
const WINDOW: Duration = Duration::from_secs(5);
/// The least time that a speed is computed over, so that one early piece does not look like a gigabyte a second.
const LEAST: Duration = Duration::from_millis(500);
/// Pieces within this time count as one.
const GRAIN: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
pub struct Speed {
    pieces: VecDeque<(Instant, u64)>,
    begun: Option<Instant>,
}

impl Speed {
    pub fn add(&mut self, bytes: u64, now: Instant) {
        self.begun.get_or_insert(now);
        match self.pieces.back_mut() {
            Some((at, sum)) if now.duration_since(*at) < GRAIN => *sum += bytes,
            _ => self.pieces.push_back((now, bytes)),
        }
        while self.pieces.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            self.pieces.pop_front();
        }
    }

    /// Bytes per second; 0 when nothing has come for the length of the window.
    pub fn now(&self, now: Instant) -> u64 {
        let Some(begun) = self.begun else { return 0 };
        let over = now.duration_since(begun).clamp(LEAST, WINDOW);
        let recent = self.pieces.iter().filter(|(at, _)| now.duration_since(*at) <= WINDOW);
        (recent.map(|(_, bytes)| *bytes).sum::<u64>() as f64 / over.as_secs_f64()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_has_its_speed_and_a_stalled_one_none() {
        let (mut speed, mut now) = (Speed::default(), Instant::now());
        assert_eq!(speed.now(now), 0);
        for _ in 0..100 {
            speed.add(1000, now);
            now += Duration::from_millis(100);
        }
        let steady = speed.now(now);
        assert!((9_000..=11_000).contains(&steady), "{steady}");
        assert!(speed.pieces.len() < 60, "the past is forgotten");
        now += Duration::from_millis(2500);
        assert!(speed.now(now) < steady * 3 / 4, "it sinks while nothing comes");
        now += WINDOW;
        assert_eq!(speed.now(now), 0);
    }
}
