//! How far reading is, how fast it goes, and how long it will take.

use std::time::Duration;

use tokio::time::Instant;

/// Files differ: the speed is that of about the last half minute.
const MEMORY: Duration = Duration::from_secs(30);
/// Before that a speed says nothing.
const SURE_AFTER: Duration = Duration::from_secs(3);

/// What is read between one time at which nothing is left and the next.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Files read so far.
    done: u32,
    /// Time in which files were read.
    spent: Duration,
    /// When the last were, or reading began or went on.
    since: Option<Instant>,
    /// Files and bytes in a second, lately.
    speed: (f64, f64),
}

/// What is known of reading while something is left.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Progress {
    /// From 0 to 1.
    pub done: f32,
    /// In a second; nothing before it is known.
    pub files: Option<f32>,
    pub bytes: Option<f32>,
    /// Until nothing is left.
    pub left: Option<Duration>,
}

impl Pace {
    /// Files are read from now on, if they were not already.
    pub fn begin(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// So many files, and bytes, were read since the last time.
    pub fn read(&mut self, files: u32, bytes: u64, now: Instant) {
        self.done += files;
        let Some(since) = self.since.replace(now) else { return };
        let time = now.duration_since(since);
        let seconds = time.as_secs_f64().max(1e-3);
        self.spent += time;
        // A mean of all that was read, until that is more than what is remembered.
        let weight = (seconds / self.spent.min(MEMORY).as_secs_f64().max(seconds)).min(1.0);
        self.speed.0 += (f64::from(files) / seconds - self.speed.0) * weight;
        self.speed.1 += (bytes as f64 / seconds - self.speed.1) * weight;
    }

    /// Reading waits; the time until it goes on does not count.
    pub fn wait(&mut self) {
        self.since = None;
    }

    /// Nothing is left.
    pub fn end(&mut self) {
        *self = Self::default();
    }

    pub fn progress(&self, pending: u32) -> Progress {
        let all = self.done.saturating_add(pending).max(1);
        let (files, bytes) = self.speed;
        let is_sure = self.spent >= SURE_AFTER && files > 0.0;
        Progress {
            done: (f64::from(self.done) / f64::from(all)) as f32,
            files: is_sure.then_some(files as f32),
            bytes: is_sure.then_some(bytes as f32),
            left: if is_sure { Duration::try_from_secs_f64(f64::from(pending) / files).ok() } else { None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_even_speed_is_told_as_it_is() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        pace.begin(now);
        assert_eq!(pace.progress(1_000), Progress::default());
        for second in 1..=100_u32 {
            now += SECOND;
            pace.begin(now);
            pace.read(8, 8_000, now);
            let progress = pace.progress(1_000 - 8 * second);
            assert!((progress.done - 0.008 * second as f32).abs() < 1e-6);
            assert_eq!(progress.files.is_some(), second >= 3);
            if let (Some(files), Some(bytes), Some(left)) = (progress.files, progress.bytes, progress.left) {
                assert!((files - 8.0).abs() < 1e-3 && (bytes - 8_000.0).abs() < 1.0, "{progress:?}");
                assert!((left.as_secs_f64() - f64::from(125 - second)).abs() < 0.01);
            }
        }
    }

    #[test]
    fn one_large_file_moves_the_speed_a_little_and_a_minute_of_them_moves_it_there() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        pace.begin(now);
        let mut files = |count: u32, seconds: u64| {
            now += SECOND * u32::try_from(seconds).unwrap();
            pace.read(count, 0, now);
            pace.progress(100).files.unwrap_or_default()
        };
        for _ in 0..60 {
            files(10, 1);
        }
        let after_one = files(1, 3);
        assert!((8.5..10.0).contains(&after_one), "{after_one}");
        let mut last = after_one;
        for _ in 0..40 {
            let next = files(1, 3);
            assert!(next < last, "it does not jump back and forth");
            last = next;
        }
        assert!((0.3..0.6).contains(&last), "{last}");
    }

    #[test]
    fn a_pause_does_not_count_and_the_end_begins_anew() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        pace.begin(now);
        pace.read(40, 0, now + SECOND * 4);
        pace.wait();
        pace.begin(now + SECOND * 1_000);
        pace.read(10, 0, now + SECOND * 1_001);
        let progress = pace.progress(50);
        assert!((progress.done - 0.5).abs() < 1e-6);
        assert!((progress.files.unwrap() - 10.0).abs() < 1e-3, "{progress:?}");
        pace.end();
        assert_eq!(pace.progress(10), Progress::default());
    }
}
