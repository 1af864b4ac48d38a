//! Tasks and reminders in the real store, under SIGKILL: nothing acknowledged is lost, and no occurrence is shown twice.
//!
//! A process of its own adds, completes, snoozes and shows while a clock of its own runs, and says what it did. It is killed at
//! random moments and started again at the time it told last, as a computer comes back from a power cut.
#![cfg(unix)]
// Helpers of tests fail on the spot as tests do.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{HashMap, HashSet},
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use molt_core::{Clock, Due, Task, TaskId, TaskStore};
use molt_store::Store;
use molt_tasks::{NewTask, Scheduler, add, complete, remind_at, shown, snooze};
use molt_testkit::{ManualClock, Rng};

const KEY: [u8; 32] = [0x5a; 32];
const KILLS: usize = 1_000;
const SEED: u64 = 20_261_121;
const ZONE: &str = "Europe/Berlin";
const START: &str = "2026-11-21T08:00:00Z";
/// Tells the child its database, its first instant and its seed.
const CHILD: &str = "MOLT_REMINDERS_CHILD";

#[test]
fn sigkill_loses_and_doubles_nothing() {
    if let Ok(order) = std::env::var(CHILD) {
        return be_the_child(&order);
    }
    println!("seed {SEED}, {KILLS} kills");
    let mut rng = Rng::new(SEED);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("moltworker.db");
    let mut told = Told { at: START.parse().unwrap(), ..Told::default() };
    for _ in 0..KILLS {
        live_until_killed(&path, &mut told, &mut rng);
    }
    // A quiet week, in which all that was promised comes.
    let mut lines = Vec::new();
    let mut life = Life::begin(&path, told.at, rng, |line| lines.push(line));
    (0..7 * 24 * 4).for_each(|_| life.pass(900));
    drop(life);
    lines.iter().for_each(|line| told.read(line));
    check(&path, &told);
}

fn be_the_child(order: &str) {
    let [path, start, seed] = order.split('|').collect::<Vec<_>>()[..] else { panic!("{order}") };
    let mut out = std::io::stdout().lock();
    let say = |line| writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
    let mut life = Life::begin(Path::new(path), start.parse().unwrap(), Rng::new(seed.parse().unwrap()), say);
    loop {
        let seconds = life.rng.range(60, 900);
        life.pass(seconds);
        life.act();
    }
}

fn live_until_killed(path: &Path, told: &mut Told, rng: &mut Rng) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sigkill_loses_and_doubles_nothing", "--nocapture"])
        .env(CHILD, format!("{}|{}|{}", path.display(), told.at, rng.draw()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut left, spin) = (rng.below(30), rng.below(200_000));
    let mut killed = false;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        told.read(&line.unwrap());
        if left == 0 && !killed {
            (0..spin).for_each(|_| std::hint::spin_loop());
            child.kill().unwrap();
            killed = true;
        }
        left = left.saturating_sub(1);
    }
    child.wait().unwrap();
    assert!(killed, "the child ended by itself");
}

/// One run of the program, on a clock of its own.
struct Life<S> {
    store: Store,
    clock: ManualClock,
    scheduler: Scheduler,
    rng: Rng,
    say: S,
}

impl<S: FnMut(String)> Life<S> {
    fn begin(path: &Path, start: Timestamp, rng: Rng, say: S) -> Self {
        let clock = ManualClock::new(start, TimeZone::get(ZONE).unwrap());
        let mut life = Self { store: Store::open(path, &KEY).unwrap(), clock, scheduler: Scheduler::new(), rng, say };
        // As the program does at its start: what was written as shown may never have been seen.
        for view in shown(&life.store).unwrap() {
            (life.say)(format!("waits {} {} {}", view.reminder.id, view.task.id, view.reminder.at));
        }
        life
    }

    fn pass(&mut self, seconds: i64) {
        self.clock.advance(seconds);
        for effect in self.scheduler.tick(&self.store, &self.clock).unwrap() {
            (self.say)(format!("shown {} {} {}", effect.reminder.id, effect.task.id, effect.reminder.at));
        }
        (self.say)(format!("at {}", self.clock.now()));
    }

    fn act(&mut self) {
        let now = self.clock.now();
        if self.rng.one_in(3) {
            let at = now.checked_add(SignedDuration::from_secs(self.rng.range(60, 7_200))).unwrap();
            let due = Due::Time { at: at.to_zoned(self.clock.zone()).datetime(), zone: ZONE.into() };
            let recurrence = self.rng.one_in(100).then(|| "FREQ=DAILY".to_owned());
            let new = NewTask { title: "t".into(), due: Some(due), recurrence, ..NewTask::default() };
            let task = add(&self.store, &self.clock, new).unwrap();
            (self.say)(format!("added {}", task.id));
        }
        for view in shown(&self.store).unwrap() {
            if self.rng.one_in(3) {
                let minutes = self.rng.range(1, 90);
                snooze(&self.store, &self.clock, &view.reminder.id, minutes as u32).unwrap();
                let again = now.checked_add(SignedDuration::from_mins(minutes)).unwrap();
                (self.say)(format!("snoozed {} {again}", view.task.id));
            } else if self.rng.one_in(2) {
                complete(&self.store, &self.clock, &view.reminder.id).unwrap();
                (self.say)(format!("completed {}", view.task.id));
            }
        }
    }
}

/// What the child has told, over all its lives.
#[derive(Default)]
struct Told {
    at: Timestamp,
    added: HashSet<TaskId>,
    completed: HashSet<TaskId>,
    /// Task and the time at which it is to remind again.
    snoozed: HashSet<(TaskId, Timestamp)>,
    /// Reminders by occurrence: more than one is a doubled one.
    shown: HashMap<(TaskId, Timestamp), HashSet<String>>,
    shown_again: Vec<String>,
}

impl Told {
    fn read(&mut self, line: &str) {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["at", time] => self.at = time.parse().unwrap(),
            ["added", task] => drop(self.added.insert(task.into())),
            ["completed", task] => drop(self.completed.insert(task.into())),
            ["snoozed", task, time] => drop(self.snoozed.insert((task.into(), time.parse().unwrap()))),
            [how @ ("shown" | "waits"), reminder, task, time] => {
                let rows = self.shown.entry((task.into(), time.parse().unwrap())).or_default();
                if !rows.insert(reminder.to_owned()) && how == "shown" {
                    self.shown_again.push(reminder.to_owned());
                }
            }
            // The test's own runner speaks too.
            _ => {}
        }
    }

    fn was_shown(&self, task: &TaskId, at: Timestamp) -> bool {
        self.shown.contains_key(&(task.clone(), at))
    }
}

fn check(path: &Path, told: &Told) {
    let tasks = Store::open(path, &KEY).unwrap().tasks().unwrap();
    let kept: HashSet<_> = tasks.iter().map(|task| task.id.clone()).collect();
    assert!(told.added.is_subset(&kept), "tasks that were acknowledged are lost");
    assert_eq!(told.shown_again, [""; 0], "shown twice");
    let doubled: Vec<_> = told.shown.iter().filter(|(_, rows)| rows.len() > 1).collect();
    assert!(doubled.is_empty(), "shown under two reminders: {doubled:?}");
    let lost: Vec<_> = told.snoozed.iter().filter(|(task, at)| !told.was_shown(task, *at)).collect();
    assert!(lost.is_empty(), "snoozed and never shown again: {lost:?}");
    for task in tasks.iter().filter(|task| told.completed.contains(&task.id)) {
        assert!(task.recurrence.is_some() || task.done_at.is_some(), "completed and open again: {task:?}");
    }
    let occurrences: usize = tasks.iter().map(|task| check_occurrences(task, told)).sum();
    let days = told.at.duration_since(START.parse().unwrap()).as_hours() / 24;
    println!("{} tasks, {occurrences} occurrences over {days} days, {} snoozes", tasks.len(), told.snoozed.len());
    let enough = told.added.len() > 500 && told.snoozed.len() > 100 && told.completed.len() > 100;
    assert!(enough, "too little happened to prove anything");
}

/// Every occurrence of the task until the end was shown. Returns how many there were.
fn check_occurrences(task: &Task, told: &Told) -> usize {
    let zone = TimeZone::get(ZONE).unwrap();
    let due = task.due.as_ref().unwrap();
    if task.recurrence.is_none() {
        assert!(told.was_shown(&task.id, remind_at(due, &zone)), "never shown: {task:?}");
        return 1;
    }
    // Completing moved the due time on, so the first day is known from what was shown; snoozes stand at other times of the day.
    let Due::Time { at, .. } = due else { panic!("{task:?}") };
    let instant = |day: jiff::civil::Date| day.to_datetime(at.time()).to_zoned(zone.clone()).unwrap().timestamp();
    let made = task.created_at.to_zoned(zone.clone()).date();
    let first = if instant(made) > task.created_at { made } else { made.tomorrow().unwrap() };
    let days = std::iter::successors(Some(first), |day| day.tomorrow().ok()).take_while(|day| instant(*day) <= told.at);
    days.inspect(|day| assert!(told.was_shown(&task.id, instant(*day)), "not shown on {day}: {task:?}")).count()
}
