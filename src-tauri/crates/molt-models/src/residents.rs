//! Which loaded models stay in memory. Pure: it is told what is loaded and what time it is, and unloads nothing itself.
//!
//! Loading is what costs, so a model stays as long as there is room for the next one. The one that was used the longest time ago goes
//! first; one that is answering never does.

use jiff::{SignedDuration, Timestamp};
use molt_core::ModelId;

/// Bytes that stay free beside a model that is loaded: for the system, for the window, and because the need of a model is an estimate.
const MARGIN: u64 = 512 << 20;

/// A chat model that is loaded on this computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resident {
    pub id: ModelId,
    /// Bytes that unloading it gives back.
    pub memory: u64,
    pub used_at: Timestamp,
    /// It is answering.
    pub busy: bool,
}

/// The models to unload, in this order, before one that needs `needed` bytes is loaded where `available` are free. If even all of them
/// do not make enough room, all of them: the next one may still run with less than it would like.
pub fn evict(needed: u64, available: u64, residents: &[Resident]) -> Vec<ModelId> {
    let mut idle: Vec<&Resident> = residents.iter().filter(|one| !one.busy).collect();
    idle.sort_by(|one, other| one.used_at.cmp(&other.used_at).then_with(|| one.id.cmp(&other.id)));
    let wanted = needed.saturating_add(MARGIN);
    let mut free = available;
    let mut evicted = Vec::new();
    for one in idle {
        if free >= wanted {
            break;
        }
        free = free.saturating_add(one.memory);
        evicted.push(one.id.clone());
    }
    evicted
}

/// Whether a model that needs `needed` bytes has room once others have gone. Nothing need go where it fits as it is, if barely.
pub fn fits(needed: u64, available: u64, residents: &[Resident]) -> bool {
    let idle = residents.iter().filter(|one| !one.busy).map(|one| one.memory);
    needed <= available || needed.saturating_add(MARGIN) <= idle.fold(available, u64::saturating_add)
}

/// The models that nobody has used for so long.
pub fn idle(residents: &[Resident], now: Timestamp, after: SignedDuration) -> Vec<ModelId> {
    let is_idle = |one: &&Resident| !one.busy && now.duration_since(one.used_at) >= after;
    residents.iter().filter(is_idle).map(|one| one.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn resident(id: &str, memory: u64, minute: i64, busy: bool) -> Resident {
        Resident { id: id.into(), memory, used_at: Timestamp::from_second(60 * minute).unwrap(), busy }
    }

    fn names(ids: &[ModelId]) -> Vec<&str> {
        ids.iter().map(ModelId::as_str).collect()
    }

    #[test]
    fn the_longest_unused_goes_first_and_no_more_than_need_be() {
        let residents =
            [resident("new", 2 * GIB, 9, false), resident("old", GIB, 1, false), resident("mid", GIB, 5, false)];
        let evicted = |needed, available| evict(needed, available, &residents);
        assert_eq!(names(&evicted(GIB, 2 * GIB)), [""; 0], "there is room beside them");
        assert_eq!(names(&evicted(GIB, GIB)), ["old"], "the margin stays free");
        assert_eq!(names(&evicted(2 * GIB, GIB)), ["old", "mid"]);
        assert_eq!(names(&evicted(9 * GIB, GIB)), ["old", "mid", "new"], "it is tried with all there is");
    }

    #[test]
    fn who_answers_stays() {
        let residents = [resident("answering", 4 * GIB, 1, true), resident("idle", GIB, 5, false)];
        assert_eq!(names(&evict(4 * GIB, GIB, &residents)), ["idle"]);
        assert!(fits(GIB, GIB, &residents) && !fits(4 * GIB, GIB, &residents));
        assert!(fits(GIB + GIB / 2, GIB, &residents), "with what the idle one gives back");
        assert!(!fits(GIB + GIB / 2 + 1, GIB, &residents));
        let at =
            |minute: i64| idle(&residents, Timestamp::from_second(60 * minute).unwrap(), SignedDuration::from_mins(15));
        assert_eq!(names(&at(19)), [""; 0]);
        assert_eq!(names(&at(20)), ["idle"]);
        // A clock that was set back makes nobody idle.
        assert_eq!(names(&at(-1000)), [""; 0]);
    }
}
