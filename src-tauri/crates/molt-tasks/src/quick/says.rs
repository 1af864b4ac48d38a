//! What a recognised piece of a line says, before the pieces are put together.

use jiff::civil::{Date, DateTime, Weekday};

use crate::{Frequency, Rule};

/// Which half of the day an hour from 1 to 12 belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Am,
    Pm,
    /// Not said.
    Open,
    /// The hour is on the 24-hour clock.
    Whole,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// 0 to 24.
    pub hour: i8,
    pub minute: i8,
    pub second: i8,
    pub half: Half,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// After midnight, before the morning.
    Dawn,
    Morning,
    Noon,
    Afternoon,
    Evening,
}

impl Part {
    /// The hour that is meant when no clock time is said; none where that would be a guess.
    pub fn hour(self) -> Option<i8> {
        match self {
            Self::Dawn => None,
            Self::Morning => Some(9),
            Self::Noon => Some(12),
            Self::Afternoon => Some(15),
            Self::Evening => Some(20),
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Says {
    pub day: Option<Date>,
    /// A bare weekday: it confirms a date beside it, or means the next one.
    pub weekday: Option<Weekday>,
    pub clock: Option<Clock>,
    pub part: Option<Part>,
    /// A point in time, to the second.
    pub moment: Option<DateTime>,
    pub repeat: Option<Rule>,
    /// How many times a repetition happens.
    pub count: Option<u32>,
    /// The last day of a repetition.
    pub until: Option<Date>,
    /// The day from which a repetition counts, where it would not do as a due date by itself.
    pub since: Option<Date>,
    /// How long a repetition lasts, in periods of a day and more.
    pub lasting: Option<(u16, Frequency)>,
    /// The weeks of a repetition are counted from this one: "every 3 weeks on Monday".
    pub from_this_week: bool,
    /// The repetition counts from the day of completion.
    pub from_completion: bool,
    /// This is a time, but not one that a task can be due at: past, impossible, a holiday, in another zone or calendar. What stands
    /// together with it must not be read without it.
    pub unclear: bool,
}

impl Says {
    pub fn day(day: Date) -> Self {
        Self { day: Some(day), ..Self::default() }
    }

    pub fn clock(clock: Clock) -> Self {
        Self { clock: Some(clock), ..Self::default() }
    }

    pub fn part(part: Part) -> Self {
        Self { part: Some(part), ..Self::default() }
    }

    pub fn moment(moment: DateTime) -> Self {
        Self { moment: Some(moment), ..Self::default() }
    }

    pub fn repeat(rule: Rule) -> Self {
        Self { repeat: Some(rule), ..Self::default() }
    }

    pub fn unclear() -> Self {
        Self { unclear: true, ..Self::default() }
    }

    /// Says how a repetition begins or ends, and nothing without one.
    pub fn limits(&self) -> bool {
        self.count.is_some() || self.until.is_some() || self.since.is_some() || self.lasting.is_some()
    }

    pub fn with_part(self, part: Part) -> Self {
        Self { part: Some(part), ..self }
    }
}

/// A piece that begins at a token: what it says and the token after it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hit {
    pub says: Says,
    pub end: usize,
}

impl Hit {
    pub fn new(says: Says, end: usize) -> Self {
        Self { says, end }
    }
}
