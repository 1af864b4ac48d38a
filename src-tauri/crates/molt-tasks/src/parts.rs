//! Tasks that are parts of others: which task may be a part of which, and what completing one does to its parts.

use std::collections::BTreeSet;

use jiff::Timestamp;
use molt_core::{StoreError, Task, TaskId, TaskStore};

use crate::TaskError;

/// Levels of tasks within each other, the outermost included; as deep as Todoist goes.
pub(crate) const DEPTH_LIMIT: usize = 5;

/// The parts of a task, their parts and so on, a list for each level.
pub(crate) fn levels(store: &dyn TaskStore, id: &TaskId) -> Result<Vec<Vec<Task>>, StoreError> {
    let (mut levels, mut seen) = (Vec::new(), BTreeSet::from([id.clone()]));
    let mut parents = vec![id.clone()];
    while !parents.is_empty() {
        let mut level = Vec::new();
        for parent in &parents {
            level.extend(store.parts(parent)?.into_iter().filter(|part| seen.insert(part.id.clone())));
        }
        parents = level.iter().map(|part| part.id.clone()).collect();
        if !level.is_empty() {
            levels.push(level);
        }
    }
    Ok(levels)
}

/// Refuses what a task cannot be a part of. `height` is how many levels the task itself has, 1 without parts.
pub(crate) fn check_parent(
    store: &dyn TaskStore,
    id: &TaskId,
    parent: &TaskId,
    height: usize,
) -> Result<(), TaskError> {
    let refused = |text: &str| Err(TaskError::Invalid(text.into()));
    let (mut above, mut next) = (0, Some(parent.clone()));
    while let Some(at) = next {
        if at == *id {
            return refused("a task cannot be a part of itself or of one of its parts; choose another");
        }
        next = match store.task(&at) {
            Ok(task) => task.parent,
            // Only the nearest must be there; one further up may have been deleted for itself.
            Err(StoreError::NotFound(_)) if above > 0 => break,
            Err(StoreError::NotFound(_)) => {
                return refused("the task that it is to be a part of is not there any more; choose another");
            }
            Err(error) => return Err(error.into()),
        };
        above += 1;
        if above + height > DEPTH_LIMIT {
            return refused("tasks can stand within each other five levels deep; choose one further out");
        }
    }
    Ok(())
}

/// What becomes of the parts when their task is completed or opened again. What does not change is left out.
pub(crate) fn following(parts: Vec<Task>, done: Done, now: Timestamp) -> Vec<Task> {
    let change = |part: Task| {
        let done_at = match done {
            Done::Completed if part.done_at.is_none() => Some(now),
            Done::Repeated if part.done_at.is_some() => None,
            Done::Reopened { done_at } if part.done_at == Some(done_at) => None,
            _ => return None,
        };
        Some(Task { done_at, updated_at: now, ..part })
    };
    parts.into_iter().filter_map(change).collect()
}

/// What happened to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// Its open parts are completed with it, those that repeat for good.
    Completed,
    /// It moved to its next occurrence; its parts are to be done again.
    Repeated,
    /// It was opened again. Those that were completed with it, at this very instant, are opened with it.
    Reopened { done_at: Timestamp },
}

#[cfg(test)]
mod tests {
    use molt_core::Due;
    use molt_testkit::{ManualClock, MemoryStore};

    use super::*;
    use crate::{NewTask, add, delete, restore, set_done, update};

    struct World {
        store: MemoryStore,
        clock: ManualClock,
    }

    impl World {
        fn new() -> Self {
            Self { store: MemoryStore::new(), clock: ManualClock::at("2026-11-21T10:00", "Asia/Shanghai") }
        }

        fn add(&self, title: &str, parent: Option<&Task>) -> Result<Task, TaskError> {
            let parent = parent.map(|task| task.id.clone());
            add(&self.store, &self.clock, NewTask { title: title.into(), parent, ..NewTask::default() })
        }

        /// A trip with two parts, one of them with a part of its own.
        fn trip(&self) -> [Task; 4] {
            let trip = self.add("trip", None).unwrap();
            let pack = self.add("pack", Some(&trip)).unwrap();
            let socks = self.add("socks", Some(&pack)).unwrap();
            let ticket = self.add("ticket", Some(&trip)).unwrap();
            [trip, pack, socks, ticket]
        }

        fn set_done(&self, task: &Task, done: bool) {
            self.clock.advance(60);
            set_done(&self.store, &self.clock, &task.id, done).unwrap();
        }

        fn open(&self) -> Vec<String> {
            let tasks = self.store.tasks().unwrap();
            tasks.into_iter().filter(|task| task.done_at.is_none()).map(|task| task.title).collect()
        }
    }

    #[test]
    fn parts_are_completed_with_their_task_and_come_back_with_it() {
        let world = World::new();
        let [trip, pack, socks, ticket] = world.trip();
        world.set_done(&ticket, true);
        world.set_done(&trip, true);
        assert_eq!(world.open(), [] as [&str; 0]);
        world.set_done(&trip, false);
        assert_eq!(world.open(), ["trip", "pack", "socks"], "the ticket was bought before");
        // A part is done by itself; what it is a part of stays open.
        world.set_done(&pack, true);
        assert_eq!(world.open(), ["trip"]);
        world.set_done(&socks, false);
        assert_eq!(world.open(), ["trip", "socks"]);
    }

    #[test]
    fn the_reminders_of_parts_go_and_come_back_with_them() {
        let world = World::new();
        let [trip, pack, ..] = world.trip();
        let due = Some(Due::Time { at: "2026-11-22T09:00".parse().unwrap(), zone: "Asia/Shanghai".into() });
        let rule = Some("FREQ=DAILY".to_owned());
        update(&world.store, &world.clock, Task { due: due.clone(), recurrence: rule, ..pack.clone() }).unwrap();
        assert_eq!(world.store.open_reminders().unwrap().len(), 1);
        world.set_done(&trip, true);
        assert_eq!(world.store.open_reminders().unwrap(), []);
        // One that repeats was done for good and is due as before.
        world.set_done(&trip, false);
        assert_eq!(world.store.task(&pack.id).unwrap().due, due);
        assert_eq!(world.store.open_reminders().unwrap().len(), 1);
    }

    #[test]
    fn a_task_that_repeats_opens_its_parts_for_the_next_time() {
        let world = World::new();
        let [trip, _, socks, ticket] = world.trip();
        let due = Some(Due::Date { date: "2026-11-21".parse().unwrap() });
        let rule = Some("FREQ=WEEKLY".to_owned());
        let trip = update(&world.store, &world.clock, Task { due, recurrence: rule, ..trip }).unwrap();
        world.set_done(&socks, true);
        world.set_done(&ticket, true);
        world.set_done(&trip, true);
        assert_eq!(world.open(), ["trip", "pack", "socks", "ticket"]);
        assert_eq!(world.store.task(&trip.id).unwrap().due, Some(Due::Date { date: "2026-11-28".parse().unwrap() }));
    }

    #[test]
    fn parts_are_deleted_with_their_task_and_come_back_with_it() {
        let world = World::new();
        let [trip, pack, socks, ticket] = world.trip();
        delete(&world.store, &world.clock, &ticket.id).unwrap();
        world.clock.advance(60);
        delete(&world.store, &world.clock, &trip.id).unwrap();
        assert_eq!(world.open(), [] as [&str; 0]);
        restore(&world.store, &trip.id).unwrap();
        assert_eq!(world.store.tasks().unwrap(), [trip, pack, socks]);
        // Alone it comes back where it was.
        assert_eq!(restore(&world.store, &ticket.id).unwrap(), ticket);
    }

    #[test]
    fn what_a_task_cannot_be_a_part_of_is_refused() {
        let world = World::new();
        let [trip, pack, socks, ticket] = world.trip();
        let part_of = |task: &Task, parent: &Task| {
            let moved = Task { parent: Some(parent.id.clone()), ..task.clone() };
            update(&world.store, &world.clock, moved).map_err(|error| error.to_string())
        };
        for parent in [&trip, &pack, &socks] {
            assert!(part_of(&trip, parent).unwrap_err().contains("a part of itself"), "{}", parent.title);
        }
        let wool = world.add("wool", Some(&socks)).unwrap();
        let sheep = world.add("sheep", Some(&wool)).unwrap();
        assert!(world.add("grass", Some(&sheep)).unwrap_err().to_string().contains("five levels"));
        // With what it holds, it would stand too deep; further out there is room.
        let other = world.add("other", None).unwrap();
        assert!(part_of(&pack, &ticket).unwrap_err().contains("five levels"));
        assert_eq!(part_of(&pack, &other).unwrap().parent, Some(other.id.clone()));
        delete(&world.store, &world.clock, &other.id).unwrap();
        assert!(part_of(&ticket, &other).unwrap_err().contains("not there any more"));
        // Nothing of this changed anything, and a task whose parent is gone can be edited.
        assert_eq!(world.open(), ["trip", "ticket"]);
        restore(&world.store, &wool.id).unwrap();
        let wool = Task { title: "cotton".into(), ..world.store.task(&wool.id).unwrap() };
        assert_eq!(update(&world.store, &world.clock, wool).unwrap().title, "cotton");
    }
}
