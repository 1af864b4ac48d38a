//! Walking through a series: period by period, each a product of days, hours, minutes and seconds that is never written out.

use jiff::civil::{Date, DateTime, Time};

use super::{
    Every, Recur,
    days::{between, first_week, plus, week_of, week_year, weeks_in},
};

/// Days or periods that are looked at without finding an occurrence before the search is given up: 2,700 years of days. The
/// calendar repeats after 400 years, so that only rules with coprime intervals could have one later.
const PATIENCE: u32 = 1_000_000;
const DAY: i64 = 86_400;
/// Day 0 of the count of seconds.
const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// What comes next, by frequency.
#[derive(Debug, Clone, Copy)]
enum Next {
    Year(i16),
    /// The first of the month.
    Month(Date),
    /// The first day of the week.
    Week(Date),
    Day(Date),
    /// Civil seconds from [`EPOCH`], at the beginning of an hour, minute or second.
    Clock(i64),
}

/// One period's occurrences: each day with each time, ascending.
#[derive(Debug, Default)]
struct Window {
    days: Vec<Date>,
    hours: Vec<i16>,
    minutes: Vec<i16>,
    seconds: Vec<i16>,
    /// Places among the product, ascending; none means all.
    places: Option<Vec<usize>>,
}

impl Window {
    fn times(&self) -> usize {
        self.hours.len() * self.minutes.len() * self.seconds.len()
    }

    fn len(&self) -> usize {
        self.places.as_ref().map_or(self.days.len() * self.times(), Vec::len)
    }

    fn at(&self, index: usize) -> Option<DateTime> {
        let index = match &self.places {
            Some(places) => *places.get(index)?,
            None => index,
        };
        let times = self.times();
        let (day, time) = (index.checked_div(times)?, index.checked_rem(times)?);
        let (rest, second) = (time / self.seconds.len(), time % self.seconds.len());
        let (hour, minute) = (rest / self.minutes.len(), rest % self.minutes.len());
        let part = |list: &[i16], n: usize| i8::try_from(*list.get(n)?).ok();
        let time =
            Time::new(part(&self.hours, hour)?, part(&self.minutes, minute)?, part(&self.seconds, second)?, 0).ok()?;
        Some(self.days.get(day)?.to_datetime(time))
    }
}

/// The occurrences of a rule, ascending; made by [`Recur::series`].
#[derive(Debug)]
pub struct Series {
    rule: Recur,
    start: DateTime,
    until: Option<DateTime>,
    left: u32,
    next: Option<Next>,
    window: Window,
    /// Of `window`.
    index: usize,
    patience: u32,
}

impl Series {
    pub(super) fn new(mut rule: Recur, start: DateTime, until: Option<DateTime>) -> Self {
        // Civil time has no leap seconds; a rule that asks for them alone has no occurrences.
        let leap = !rule.by_second.is_empty() && rule.by_second.iter().all(|second| *second > 59);
        rule.by_second.retain(|second| *second < 60);
        let next = rule.first(start).filter(|_| !leap);
        let left = rule.count.unwrap_or(u32::MAX);
        Self { rule, start, until, left, next, window: Window::default(), index: 0, patience: PATIENCE }
    }

    /// True when the search was given up: there may be an occurrence in the far future.
    pub fn gave_up(&self) -> bool {
        self.patience == 0
    }

    fn fill(&mut self) -> Option<()> {
        self.index = 0;
        self.window = match self.next? {
            Next::Clock(at) => self.rule.clock_window(at, &mut self.next, &mut self.patience)?,
            other => {
                let days = self.rule.days_of(other);
                self.next = self.rule.after(other);
                self.patience = self.patience.saturating_sub(u32::try_from(days.len()).unwrap_or(1).max(1));
                Window {
                    days: days.into_iter().filter(|day| self.rule.allows(*day)).collect(),
                    hours: self.rule.by_hour.clone(),
                    minutes: self.rule.by_minute.clone(),
                    seconds: self.rule.by_second.clone(),
                    places: None,
                }
            }
        };
        if self.rule.by_place.is_empty() {
            // What lies before the start is not walked through.
            let first = self.start.date();
            self.window.days.retain(|day| *day >= first);
        } else {
            self.window.places = Some(self.rule.places(self.window.len()));
        }
        (self.patience > 0).then_some(())
    }
}

impl Iterator for Series {
    type Item = DateTime;

    fn next(&mut self) -> Option<DateTime> {
        loop {
            while let Some(at) = self.window.at(self.index).filter(|_| self.left > 0) {
                self.index += 1;
                if at < self.start {
                    continue;
                }
                if self.until.is_some_and(|until| at > until) {
                    self.left = 0;
                    return None;
                }
                self.left = if self.rule.count.is_some() { self.left - 1 } else { self.left };
                self.patience = PATIENCE;
                return Some(at);
            }
            let ended = self.left == 0 || self.until.is_some_and(|until| self.rule.begins(self.next) > Some(until));
            if ended {
                return None;
            }
            self.fill()?;
        }
    }
}

impl Recur {
    /// The period of the start.
    fn first(&self, start: DateTime) -> Option<Next> {
        let day = start.date();
        Some(match self.every {
            Every::Year => Next::Year(self.first_year(day)),
            Every::Month => Next::Month(day.first_of_month()),
            Every::Week => Next::Week(week_of(day, self.week_start)?),
            Every::Day => Next::Day(day),
            Every::Hour | Every::Minute | Every::Second => {
                let time = start.time();
                let (minute, second) = match self.every {
                    Every::Hour => (0, 0),
                    Every::Minute => (time.minute(), 0),
                    _ => (time.minute(), time.second()),
                };
                let seconds = i64::from(time.hour()) * 3_600 + i64::from(minute) * 60 + i64::from(second);
                Next::Clock(between(EPOCH, day) * DAY + seconds)
            }
        })
    }

    /// The year from which an interval counts. By weeks, January 2 may belong to the year before, December 30 to the one after;
    /// that year counts where the rule has an occurrence in what is left of it.
    fn first_year(&self, start: Date) -> i16 {
        let by_weeks = || {
            let year = week_year(start, self.week_start).filter(|year| *year != start.year())?;
            self.days_of(Next::Year(year)).into_iter().any(|day| day >= start && self.allows(day)).then_some(year)
        };
        if self.by_week.is_empty() { start.year() } else { by_weeks().unwrap_or(start.year()) }
    }

    /// The earliest time of a period; none when there is no further one.
    fn begins(&self, next: Option<Next>) -> Option<DateTime> {
        let day = match next? {
            // A year by weeks begins up to three days early.
            Next::Year(year) => Date::new(year.checked_sub(1)?, 12, 25).ok()?,
            Next::Month(day) | Next::Week(day) | Next::Day(day) => day,
            Next::Clock(at) => plus(EPOCH, at.div_euclid(DAY))?,
        };
        Some(day.to_datetime(Time::midnight()))
    }

    fn after(&self, next: Next) -> Option<Next> {
        let n = i64::from(self.interval);
        Some(match next {
            Next::Year(year) => Next::Year(i16::try_from(i64::from(year) + n).ok().filter(|year| *year <= 9_999)?),
            Next::Month(day) => {
                Next::Month(day.checked_add(jiff::Span::new().try_months(n).ok()?).ok()?.first_of_month())
            }
            Next::Week(day) => Next::Week(plus(day, 7 * n)?),
            Next::Day(day) => Next::Day(plus(day, n)?),
            Next::Clock(at) => Next::Clock(at + n * self.unit()),
        })
    }

    /// Seconds of the frequency's period.
    fn unit(&self) -> i64 {
        match self.every {
            Every::Hour => 3_600,
            Every::Minute => 60,
            _ => 1,
        }
    }

    /// All days of a period.
    fn days_of(&self, next: Next) -> Vec<Date> {
        let (first, length) = match next {
            Next::Year(year) if !self.by_week.is_empty() => {
                (first_week(year, self.week_start), 7 * weeks_in(year, self.week_start))
            }
            Next::Year(year) => {
                let first = Date::new(year, 1, 1).ok();
                (first, first.map_or(0, |day| day.days_in_year().into()))
            }
            Next::Month(day) => (Some(day), day.days_in_month().into()),
            Next::Week(day) => (Some(day), 7),
            Next::Day(day) => (Some(day), 1),
            Next::Clock(_) => (None, 0),
        };
        first.map_or_else(Vec::new, |first| (0..length).filter_map(|n| plus(first, n)).collect())
    }

    /// BYSETPOS: places among so many, from the end when negative.
    fn places(&self, length: usize) -> Vec<usize> {
        let place = |n: &i16| {
            let from = usize::from(n.unsigned_abs());
            if *n > 0 { from.checked_sub(1).filter(|n| *n < length) } else { length.checked_sub(from) }
        };
        let mut places: Vec<usize> = self.by_place.iter().filter_map(place).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// The next hour, minute or second from `at` on that is allowed. Days, hours and minutes that are not allowed are jumped over;
    /// those alone would be millions of steps.
    fn clock_window(&self, at: i64, next: &mut Option<Next>, patience: &mut u32) -> Option<Window> {
        let step = i64::from(self.interval) * self.unit();
        let mut at = at;
        let mut known: Option<(i64, Date)> = None;
        while *patience > 0 {
            *patience -= 1;
            let number = at.div_euclid(DAY);
            let day = match known {
                Some((n, day)) if n == number => day,
                _ => plus(EPOCH, number)?,
            };
            let fresh = known.is_none_or(|(n, _)| n != number);
            known = Some((number, day));
            let midnight = number * DAY;
            let second = at - midnight;
            let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
            let target = if fresh && !self.allows(day) {
                midnight + DAY
            } else if let Some(hour) = blocked(&self.by_hour, hour, 24) {
                midnight + hour * 3_600
            } else if self.every >= Every::Minute
                && let Some(minute) = blocked(&self.by_minute, minute, 60)
            {
                midnight + hour * 3_600 + minute * 60
            } else if self.every == Every::Second
                && let Some(second) = blocked(&self.by_second, second, 60)
            {
                midnight + hour * 3_600 + minute * 60 + second
            } else {
                *next = self.after(Next::Clock(at));
                let one = |n: i64| i16::try_from(n).map_or_else(|_| vec![], |n| vec![n]);
                let list = |every: Every, n: i64, by: &[i16]| if self.every >= every { one(n) } else { by.to_vec() };
                return Some(Window {
                    days: vec![day],
                    hours: one(hour),
                    minutes: list(Every::Minute, minute, &self.by_minute),
                    seconds: list(Every::Second, second, &self.by_second),
                    places: None,
                });
            };
            // The first period at or after the target.
            at += (target - at + step - 1).div_euclid(step) * step;
        }
        None
    }
}

/// Where a list does not have `now`: its next value, or `end`, which begins the next larger unit.
fn blocked(list: &[i16], now: i64, end: i64) -> Option<i64> {
    let mut values = list.iter().map(|n| i64::from(*n));
    if list.is_empty() || values.clone().any(|n| n == now) {
        None
    } else {
        Some(values.find(|n| *n > now).unwrap_or(end))
    }
}
