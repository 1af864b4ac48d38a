//! One rule in, its occurrences out: what `task expand` answers for a line.

use std::collections::BTreeSet;

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
    /// Times or days that are left out, written as `dtstart`; a day leaves out all its times.
    #[serde(default)]
    pub exdate: Vec<String>,
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
/// A rule that is malformed or not supported, a start, a time that is left out or a zone that cannot be read.
pub fn expand(request: &ExpandRequest) -> Result<Expansion, TaskError> {
    let recur = Recur::parse(&request.rrule)?;
    let start = time(&request.dtstart, "start")?;
    let zone = request.zone.as_deref().map(|name| {
        let shown = || name.chars().take(40).collect::<String>();
        TimeZone::get(name).map_err(|_| TaskError::Invalid(format!("the time zone “{}” is not known", shown())))
    });
    let (mut days, mut times) = (BTreeSet::new(), BTreeSet::new());
    for out in &request.exdate {
        match (time(out, "time that is left out")?, start) {
            (SeriesStart::Day(day), _) => days.insert(day),
            (SeriesStart::Time(at), SeriesStart::Day(_)) => days.insert(at.date()),
            (SeriesStart::Time(at), SeriesStart::Time(_)) => times.insert(at),
        };
    }
    let mut series = recur.series(start, zone.transpose()?.as_ref())?;
    let limit = request.limit.unwrap_or(USUAL_LIMIT).min(LIMIT);
    let mut kept = series.by_ref().filter(|at| !days.contains(&at.date()) && !times.contains(at));
    let occurrences = kept
        .by_ref()
        .take(limit)
        .map(|at| match start {
            SeriesStart::Day(_) => at.date().to_string(),
            SeriesStart::Time(_) => at.to_string(),
        })
        .collect::<Vec<_>>();
    let complete = (occurrences.len() < limit || kept.next().is_none()) && !series.gave_up();
    Ok(Expansion { occurrences, complete })
}

fn time(text: &str, what: &str) -> Result<SeriesStart, TaskError> {
    SeriesStart::parse(text).ok_or_else(|| {
        let shown = text.chars().take(40).collect::<String>();
        TaskError::Invalid(format!("the {what} “{shown}” is not a date or a local time; write 20261121T090000"))
    })
}
