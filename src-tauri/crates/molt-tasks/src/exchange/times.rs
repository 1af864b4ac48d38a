//! Dates, times and durations of RFC 5545 (3.3.4 to 3.3.6).

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use molt_core::Due;

use super::{lines::Property, zones};
use crate::SeriesStart;

/// A DTSTART or DUE as a due time, and what could not be kept of it.
pub(super) fn due(property: &Property, local: &TimeZone) -> Option<(Due, Option<String>)> {
    let value = property.value.trim();
    let at = match SeriesStart::parse(value)? {
        SeriesStart::Day(date) => return Some((Due::Date { date }, None)),
        SeriesStart::Time(at) => at,
    };
    if value.ends_with(['Z', 'z']) {
        return Some((Due::Time { at, zone: "UTC".into() }, None));
    }
    let Some(name) = property.parameter("TZID") else { return Some((floating(at, local)?, None)) };
    Some(match zones::known(name) {
        Some(zone) => (Due::Time { at, zone }, None),
        None => {
            let shown: String = name.chars().take(60).collect();
            let remark = format!("the time zone “{shown}” is not known; the time was taken as local");
            (floating(at, local)?, Some(remark))
        }
    })
}

/// A time that names no zone is that of the user's clock.
fn floating(at: DateTime, local: &TimeZone) -> Option<Due> {
    Some(match local.iana_name() {
        Some(name) => Due::Time { at, zone: name.to_owned() },
        None => Due::Time {
            at: at.to_zoned(local.clone()).ok()?.timestamp().to_zoned(TimeZone::UTC).datetime(),
            zone: "UTC".into(),
        },
    })
}

/// An instant in UTC, such as that of COMPLETED.
pub(super) fn utc(value: &str) -> Option<Timestamp> {
    match SeriesStart::parse(value.trim())? {
        SeriesStart::Time(at) => TimeZone::UTC.to_timestamp(at).ok(),
        SeriesStart::Day(date) => TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok(),
    }
}

/// A duration such as `-PT15M`, `P1DT2H` or `P2W`, in seconds.
pub(super) fn duration(value: &str) -> Option<i64> {
    let value = value.trim().to_ascii_uppercase();
    let (sign, rest) = match value.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, value.strip_prefix('+').unwrap_or(&value)),
    };
    let (mut seconds, mut digits, mut time) = (0_i64, String::new(), false);
    let rest = rest.strip_prefix('P').filter(|rest| !rest.is_empty())?;
    for c in rest.chars() {
        let unit = match (c, time) {
            ('0'..='9', _) if digits.len() < 9 => {
                digits.push(c);
                continue;
            }
            ('T', false) if digits.is_empty() => {
                time = true;
                continue;
            }
            ('W', false) => 604_800,
            ('D', false) => 86_400,
            ('H', true) => 3_600,
            ('M', true) => 60,
            ('S', true) => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(digits.parse::<i64>().ok()?.checked_mul(unit)?)?;
        digits.clear();
    }
    digits.is_empty().then_some(sign * seconds)
}
