//! One rule in, its occurrences out: what `task expand` answers for a line.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{Recur, SeriesStart};
use crate::TaskError;

/// Occurrences given when none are asked for, and at most.
const USUAL_LIMIT: usize = 1_000;
const LIMIT: usize = 10_000;

/// A rule to expand. Other fields of a line are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ExpandRequest {
    /// The value of an RRULE property.
    pub rrule: String,
    /// `20261121`, `20261121T090000` or ISO 8601; local time.
    pub dtstart: String,
    /// IANA name of the zone of `dtstart`; needed where the rule ends at a time in UTC. Without one that time is read as local.
    pub zone: Option<String>,
    /// How many occurrences at most: 1,000 when not given, never more than 10,000.
    pub limit: Option<usize>,
}

/// What a rule yields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expansion {
    /// Local ISO 8601, ascending: `2026-11-21T09:00:00`, or `2026-11-21` for a series of whole days.
    pub occurrences: Vec<String>,
    /// These are all. Otherwise there are more than the limit, or the search was given up.
    pub complete: bool,
}

/// Expands a rule from its start.
///
/// # Errors
/// A rule that is malformed or not supported, a start or a zone that cannot be read.
pub fn expand(request: &ExpandRequest) -> Result<Expansion, TaskError> {
    let recur = Recur::parse(&request.rrule)?;
    let start = SeriesStart::parse(&request.dtstart).ok_or_else(|| {
        let shown = request.dtstart.chars().take(40).collect::<String>();
        TaskError::Invalid(format!("the start “{shown}” is not a date or a local time; write 20261121T090000"))
    })?;
    let zone = request.zone.as_deref().map(|name| {
        let shown = || name.chars().take(40).collect::<String>();
        TimeZone::get(name).map_err(|_| TaskError::Invalid(format!("the time zone “{}” is not known", shown())))
    });
    let mut series = recur.series(start, zone.transpose()?.as_ref())?;
    let limit = request.limit.unwrap_or(USUAL_LIMIT).min(LIMIT);
    let occurrences = series
        .by_ref()
        .take(limit)
        .map(|at| match start {
            SeriesStart::Day(_) => at.date().to_string(),
            SeriesStart::Time(_) => at.to_string(),
        })
        .collect::<Vec<_>>();
    let complete = (occurrences.len() < limit || series.next().is_none()) && !series.gave_up();
    Ok(Expansion { occurrences, complete })
}
