//! What every `TaskStore` promises.

use molt_core::*;

use super::{
    changes::{List, changes_contract},
    is_missing,
};
use crate::sample::{instant, reminder, task};

/// Every field kept, reminders replaced with their task, one row per (task, time).
pub fn task_store_contract(make: impl Fn() -> Box<dyn TaskStore>) {
    rows(&*make());
    scheduling(&*make());
    uniqueness(&*make());
    openness(&*make());
    within_each_other(&*make());
    changes(&*make());
}

fn ids(reminders: &[Reminder]) -> Vec<&str> {
    reminders.iter().map(|r| r.id.as_str()).collect()
}

fn rows(store: &dyn TaskStore) {
    assert_eq!(store.tasks().unwrap(), []);
    is_missing(store.task(&"t".into()), "task");
    is_missing(store.set_task_deleted(&"t".into(), None), "task");
    let mut full = task("t", "买牛奶 🥛");
    full.notes = "two lines\nof notes".into();
    full.priority = Priority::Urgent;
    full.category = Some("家".into());
    full.section = Some("以后, later".into());
    full.labels = vec!["钱".into(), "a \"b\"".into()];
    full.deadline = Some(jiff::civil::date(2026, 12, 31));
    full.remind_before = vec![30, 1_440];
    full.estimate_minutes = Some(90);
    full.parent = Some("elsewhere".into());
    full.due = Some(Due::Time { at: "2026-11-22T15:30:00".parse().unwrap(), zone: "Asia/Shanghai".into() });
    full.recurrence = Some("FREQ=WEEKLY;BYDAY=MO".into());
    full.repeat_from = RepeatFrom::Completion;
    full.skipped = vec![jiff::civil::date(2026, 12, 7), jiff::civil::date(2027, 2, 28)];
    full.source = Some(TaskSource { conversation_id: "c".into(), message_id: "m".into() });
    full.created_at = "2026-11-21T00:00:00.000000001Z".parse().unwrap();
    store.put_task(&full, &[]).unwrap();
    let mut plain = task("p", "plain");
    plain.due = Some(Due::Date { date: "2026-11-22".parse().unwrap() });
    plain.priority = Priority::Low;
    store.put_task(&plain, &[]).unwrap();
    assert_eq!(store.tasks().unwrap(), [full.clone(), plain.clone()], "in the order they were made");
    full.done_at = Some(instant(100));
    (full.category, full.due, full.recurrence, full.source) = (None, None, None, None);
    (full.labels, full.deadline, full.remind_before) = (vec![], None, vec![]);
    (full.section, full.estimate_minutes, full.parent) = (None, None, None);
    (full.repeat_from, full.skipped) = (RepeatFrom::Schedule, vec![]);
    store.put_task(&full, &[]).unwrap();
    assert_eq!(store.task(&"t".into()).unwrap(), full);
    assert_eq!(store.tasks().unwrap().len(), 2, "done ones are listed");

    store.set_task_deleted(&"t".into(), Some(instant(9))).unwrap();
    is_missing(store.task(&"t".into()), "task");
    assert_eq!(store.tasks().unwrap(), [plain]);
    store.set_task_deleted(&"t".into(), None).unwrap();
    assert_eq!(store.task(&"t".into()).unwrap(), full);
}

struct Tasks<'a>(&'a dyn TaskStore);

impl List for Tasks<'_> {
    fn put(&self, rows: &[(&str, &str)]) {
        let rows: Vec<_> = rows.iter().map(|(id, title)| (task(id, title), vec![])).collect();
        self.0.put_tasks(&rows).unwrap();
    }

    fn remove(&self, id: &str) {
        self.0.set_task_deleted(&id.into(), Some(instant(1))).unwrap();
    }

    fn changes(&self, since: Option<&str>, most: usize) -> Changes<String, String> {
        let Changes { mark, whole, more, changed, removed } = self.0.task_changes(since, most).unwrap();
        let changed = changed.into_iter().map(|task| format!("{}={}", task.id, task.title)).collect();
        Changes { mark, whole, more, changed, removed: removed.into_iter().map(|id| id.0).collect() }
    }
}

fn changes(store: &dyn TaskStore) {
    let list = Tasks(store);
    changes_contract(&list);
    // A part is deleted and brought back with the whole.
    store.put_task(&Task { parent: Some("e".into()), ..task("g", "part") }, &[]).unwrap();
    let mut mark = None;
    list.told(&mut mark, 9);
    let mut since = || {
        let (_, _, mut changed, mut removed) = list.told(&mut mark, 9);
        changed.sort();
        removed.sort();
        (changed, removed)
    };
    store.set_task_deleted(&"e".into(), Some(instant(1))).unwrap();
    assert_eq!(since(), (vec![], vec!["e".into(), "g".into()]));
    store.set_task_deleted(&"e".into(), None).unwrap();
    assert_eq!(since(), (vec!["e=V".into(), "g=part".into()], vec![]));
}

fn within_each_other(store: &dyn TaskStore) {
    let part = |id: &str, parent: &str| Task { parent: Some(parent.into()), ..task(id, id) };
    let all = [task("a", "a"), part("b", "a"), part("c", "b"), part("d", "a"), part("e", "a"), task("f", "f")];
    let rows: Vec<_> =
        all.iter().map(|task| (task.clone(), vec![reminder(task.id.as_str(), task.id.as_str(), 5)])).collect();
    store.put_tasks(&rows).unwrap();
    assert_eq!(store.tasks().unwrap(), all);
    assert_eq!(store.open_reminders().unwrap().len(), 6);
    let left = || store.tasks().unwrap().into_iter().map(|task| task.id.0).collect::<Vec<_>>();
    let parts = |id: &str| store.parts(&id.into()).unwrap().into_iter().map(|task| task.id.0).collect::<Vec<_>>();
    assert_eq!((parts("a"), parts("c")), (vec!["b".into(), "d".into(), "e".into()], vec![]));
    // Of several, one that is refused takes all with it.
    let foreign = (task("g", "g"), vec![reminder("x", "other", 1)]);
    assert!(store.put_tasks(&[(task("f", "changed"), vec![]), foreign]).is_err());
    assert_eq!(store.tasks().unwrap(), all);

    // What was deleted before stays deleted when the rest comes back.
    store.set_task_deleted(&"d".into(), Some(instant(1))).unwrap();
    store.set_task_deleted(&"a".into(), Some(instant(2))).unwrap();
    assert_eq!(left(), ["f"]);
    store.set_task_deleted(&"a".into(), None).unwrap();
    assert_eq!(left(), ["a", "b", "c", "e", "f"]);
    assert_eq!(parts("a"), ["b", "e"]);
    store.set_task_deleted(&"a".into(), None).unwrap();
    assert_eq!(left(), ["a", "b", "c", "e", "f"]);
}

fn scheduling(store: &dyn TaskStore) {
    store.put_task(&task("t", "t"), &[reminder("b", "t", 20), reminder("a", "t", 10)]).unwrap();
    assert_eq!(ids(&store.open_reminders().unwrap()), ["a", "b"], "by time");
    store.put_reminder(&Reminder { state: ReminderState::Shown, late: true, ..reminder("a", "t", 10) }).unwrap();
    // A changed task replaces what is scheduled, and only that.
    store.put_task(&task("t", "t"), &[reminder("c", "t", 30)]).unwrap();
    let open = store.open_reminders().unwrap();
    assert_eq!(ids(&open), ["a", "c"]);
    assert!(open[0].late && open[0].state == ReminderState::Shown);
    is_missing(store.reminder(&"b".into()), "reminder");
    // An occurrence that was shown is not scheduled again.
    store.put_task(&task("t", "t"), &[reminder("again", "t", 10), reminder("d", "t", 40)]).unwrap();
    assert_eq!(ids(&store.open_reminders().unwrap()), ["a", "d"]);
    // What was shown can be answered with it.
    let answered = Reminder { state: ReminderState::Answered, ..reminder("a", "t", 10) };
    store.put_task(&task("t", "t"), &[reminder("d", "t", 40), answered.clone()]).unwrap();
    assert_eq!(ids(&store.open_reminders().unwrap()), ["d"]);
    assert_eq!(store.reminder(&"a".into()).unwrap(), answered);
    // Reminders of another task are refused, and nothing changes.
    let mut renamed = task("t", "changed");
    renamed.title = "changed".into();
    assert!(matches!(store.put_task(&renamed, &[reminder("x", "other", 1)]), Err(StoreError::Failed(_))));
    assert_eq!(store.task(&"t".into()).unwrap().title, "t");
    assert_eq!(ids(&store.open_reminders().unwrap()), ["d"]);
}

fn uniqueness(store: &dyn TaskStore) {
    is_missing(store.put_reminder(&reminder("r", "nowhere", 0)), "task");
    store.put_task(&task("t", "t"), &[]).unwrap();
    store.put_task(&task("u", "u"), &[]).unwrap();
    assert!(store.put_reminder(&reminder("r1", "t", 5)).unwrap());
    assert!(!store.put_reminder(&reminder("r2", "t", 5)).unwrap(), "one row per (task, at)");
    assert!(store.put_reminder(&reminder("r2", "u", 5)).unwrap());
    assert!(store.put_reminder(&reminder("r3", "t", 6)).unwrap());
    assert!(!store.put_reminder(&reminder("r3", "t", 5)).unwrap(), "nor by moving one there");
    assert_eq!(store.reminder(&"r3".into()).unwrap(), reminder("r3", "t", 6));
    let shown = Reminder { state: ReminderState::Shown, ..reminder("r1", "t", 5) };
    assert!(store.put_reminder(&shown).unwrap(), "the row itself may change");
    assert_eq!(store.reminder(&"r1".into()).unwrap(), shown);
    let moved = reminder("r3", "t", 7);
    assert!(store.put_reminder(&moved).unwrap());
    assert_eq!(store.reminder(&"r3".into()).unwrap(), moved);
}

fn openness(store: &dyn TaskStore) {
    for (n, id) in ["open", "done", "deleted"].into_iter().enumerate() {
        store.put_task(&task(id, id), &[reminder(id, id, n as i64)]).unwrap();
        let answered =
            Reminder { state: ReminderState::Answered, ..reminder(&format!("{id}-answered"), id, 50 + n as i64) };
        store.put_reminder(&answered).unwrap();
    }
    let mut done = task("done", "done");
    done.done_at = Some(instant(3));
    store.put_task(&done, &[reminder("done", "done", 1)]).unwrap();
    store.set_task_deleted(&"deleted".into(), Some(instant(3))).unwrap();
    assert_eq!(ids(&store.open_reminders().unwrap()), ["open"]);
    store.set_task_deleted(&"deleted".into(), None).unwrap();
    assert_eq!(ids(&store.open_reminders().unwrap()), ["open", "deleted"]);
}
