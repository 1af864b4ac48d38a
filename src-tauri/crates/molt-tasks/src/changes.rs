//! What a reader of the whole list has to be told after it has read it once.

use molt_core::{Clock, TaskId, TaskStore};

use crate::{Listed, TaskError, describe};

/// What changed since a mark.
pub struct Changes {
    /// To ask with next time. It means nothing to anybody else.
    pub mark: String,
    /// All tasks are among the changed; what the reader had before is worth nothing.
    pub whole: bool,
    pub changed: Vec<Listed>,
    pub removed: Vec<TaskId>,
}

/// What changed since the mark of an earlier answer; everything without one. Instants depend on the local zone, so in another zone
/// everything is told anew.
///
/// # Errors
/// The store's.
pub fn changes(store: &dyn TaskStore, clock: &dyn Clock, mark: Option<&str>) -> Result<Changes, TaskError> {
    let zone = clock.zone();
    let zone = zone.iana_name().unwrap_or("-");
    let since = mark.and_then(|mark| mark.split_once(' ')).filter(|(_, known)| *known == zone);
    let changes = store.task_changes(since.and_then(|(revision, _)| revision.parse().ok()))?;
    Ok(Changes {
        mark: format!("{} {zone}", changes.revision),
        whole: changes.whole,
        changed: changes.changed.into_iter().map(|task| describe(task, clock)).collect(),
        removed: changes.removed,
    })
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use molt_testkit::{ManualClock, MemoryStore};

    use super::*;

    #[test]
    fn another_zone_is_told_everything_anew() {
        let (store, clock) = (MemoryStore::default(), ManualClock::at("2026-11-21T10:00:00", "Asia/Shanghai"));
        crate::add_line(&store, &clock, "Buy tea tomorrow", None).unwrap();
        let ask = |mark: Option<&str>| changes(&store, &clock, mark).unwrap();
        let first = ask(None);
        assert_eq!((first.whole, first.changed.len()), (true, 1));
        let next = ask(Some(&first.mark));
        assert_eq!((next.whole, next.changed.len(), &next.mark), (false, 0, &first.mark));
        clock.set_zone(TimeZone::get("Europe/Berlin").unwrap());
        let moved = ask(Some(&first.mark));
        assert_eq!((moved.whole, moved.changed.len()), (true, 1));
        assert_ne!(moved.changed[0].due_at, first.changed[0].due_at);
        for nonsense in ["", "x", "1", "x Europe/Berlin"] {
            assert!(ask(Some(nonsense)).whole, "{nonsense:?}");
        }
    }
}
