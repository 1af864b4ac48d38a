//! A clock that only moves when a test moves it.

use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use molt_core::Clock;

/// A wall clock and a zone, both set by hand. Time may go backwards, as real clocks do.
#[derive(Debug)]
pub struct ManualClock(Mutex<(Timestamp, TimeZone)>);

impl ManualClock {
    pub fn new(now: Timestamp, zone: TimeZone) -> Self {
        Self(Mutex::new((now, zone)))
    }

    /// A civil time such as `2026-11-21T09:00` in an IANA zone such as `Asia/Shanghai`.
    pub fn at(civil: &str, zone: &str) -> Self {
        let zone = TimeZone::get(zone).expect("a known zone");
        let civil: jiff::civil::DateTime = civil.parse().expect("a civil time");
        Self::new(civil.to_zoned(zone.clone()).expect("a time in range").timestamp(), zone)
    }

    pub fn set(&self, now: Timestamp) {
        self.0.lock().unwrap().0 = now;
    }

    pub fn set_zone(&self, zone: TimeZone) {
        self.0.lock().unwrap().1 = zone;
    }

    /// Moves by seconds; negative moves back.
    pub fn advance(&self, seconds: i64) {
        let mut state = self.0.lock().unwrap();
        state.0 = state.0.checked_add(SignedDuration::from_secs(seconds)).expect("a time in range");
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap().0
    }

    fn zone(&self) -> TimeZone {
        self.0.lock().unwrap().1.clone()
    }
}
