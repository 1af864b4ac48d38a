//! What a reader of the whole list has to be told after it has read it once.

use molt_core::{Changes, Clock, PAGE, TaskId, TaskStore};

use crate::{Listed, TaskError, describe};

/// What changed since the mark of an earlier answer; without one everything, in pages. Instants depend on the local zone, so in another
/// zone everything is told anew.
///
/// # Errors
/// The store's.
pub fn changes(
    store: &dyn TaskStore,
    clock: &dyn Clock,
    mark: Option<&str>,
) -> Result<Changes<Listed, TaskId>, TaskError> {
    let zone = clock.zone();
    let zone = zone.iana_name().unwrap_or("-");
    let since = mark.and_then(|mark| mark.rsplit_once(' ')).filter(|(_, known)| *known == zone);
    let Changes { mark, whole, more, changed, removed } = store.task_changes(since.map(|(mark, _)| mark), PAGE)?;
    let changed = changed.into_iter().map(|task| describe(task, clock)).collect();
    Ok(Changes { mark: format!("{mark} {zone}"), whole, more, changed, removed })
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
        for nonsense in ["", "x", "1", "x Europe/Berlin", "1/x Europe/Berlin", "/1 Europe/Berlin"] {
            assert!(ask(Some(nonsense)).whole, "{nonsense:?}");
        }
    }

    #[test]
    fn pages_of_a_long_list_come_one_after_the_other() {
        let (store, clock) = (MemoryStore::default(), ManualClock::at("2026-11-21T10:00:00", "Asia/Shanghai"));
        for at in 0..PAGE + 1 {
            crate::add_line(&store, &clock, &format!("Buy tea {at}"), None).unwrap();
        }
        let first = changes(&store, &clock, None).unwrap();
        assert_eq!((first.whole, first.more, first.changed.len()), (true, true, PAGE));
        let rest = changes(&store, &clock, Some(&first.mark)).unwrap();
        assert_eq!((rest.whole, rest.more, rest.changed.len()), (false, false, 1));
        let after = changes(&store, &clock, Some(&rest.mark)).unwrap();
        assert_eq!((after.whole, after.more, after.changed.len()), (false, false, 0));
    }
}
