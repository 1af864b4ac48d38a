//! Reminders under clocks that jump, zones that change, sleeps and restarts: every occurrence is shown exactly once, on time or
//! late.

// Helpers of tests fail on the spot as tests do.
#![allow(clippy::unwrap_used)]

mod simulation;

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use molt_core::{Clock, Due, ReminderState, Task, TaskId, TaskStore};
use molt_tasks::{Effect, NewTask, Rule, Scheduler, add, complete, dismiss, remind_at, set_done, snooze};
use molt_testkit::{ManualClock, MemoryStore, Rng};

const ZONES: [&str; 20] = [
    "America/New_York",
    "America/Los_Angeles",
    "America/St_Johns",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/Havana",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Dublin",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Shanghai",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Antarctica/Troll",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Pacific/Auckland",
    "Pacific/Apia",
];

fn new(title: &str, due: Due, recurrence: Option<&str>) -> NewTask {
    NewTask { title: title.into(), due: Some(due), recurrence: recurrence.map(Into::into), ..NewTask::default() }
}

fn random_due(rng: &mut Rng, now: Timestamp, zone: &str) -> Due {
    let at = now.checked_add(SignedDuration::from_secs(rng.range(1, 40 * 86_400))).unwrap();
    let civil = at.to_zoned(TimeZone::get(zone).unwrap()).datetime();
    if rng.one_in(4) {
        return Due::Date { date: civil.date().tomorrow().unwrap() };
    }
    // Often in the hours in which clocks are changed.
    let hour = if rng.one_in(3) { rng.below(4) as i8 } else { civil.hour() };
    let time = jiff::civil::time(hour, civil.minute(), 0, 0);
    Due::Time { at: civil.date().tomorrow().unwrap().to_datetime(time), zone: zone.into() }
}

/// What has been seen of one run.
#[derive(Default)]
struct Seen {
    shown: HashSet<(TaskId, Timestamp)>,
    per_task: HashMap<TaskId, u32>,
}

impl Seen {
    fn note(&mut self, effects: &[Effect], store: &MemoryStore, now: Timestamp, context: &str) {
        for effect in effects {
            let reminder = &effect.reminder;
            let new = self.shown.insert((reminder.task_id.clone(), reminder.at));
            assert!(new, "{context}: {} at {} was shown twice", effect.task.title, reminder.at);
            assert!(reminder.at <= now, "{context}: shown before its time");
            assert_eq!(reminder.late, now.duration_since(reminder.at).as_secs() > 60, "{context}");
            assert_eq!(store.reminder(&reminder.id).unwrap(), *reminder, "{context}: written before it is shown");
            assert_eq!(reminder.state, ReminderState::Shown);
            *self.per_task.entry(reminder.task_id.clone()).or_default() += 1;
        }
    }
}

/// The last time at which a task should have reminded by `now`.
fn last_time(task: &Task, now: Timestamp, local: &TimeZone) -> Option<Timestamp> {
    let due = task.due.as_ref().unwrap();
    let on = |date: Date| match due {
        Due::Date { .. } => remind_at(&Due::Date { date }, local),
        Due::Time { at, zone } => remind_at(&Due::Time { at: date.to_datetime(at.time()), zone: zone.clone() }, local),
    };
    let date = match due {
        Due::Date { date } => *date,
        Due::Time { at, .. } => at.date(),
    };
    match task.recurrence.as_deref() {
        None => Some(on(date)).filter(|at| *at <= now),
        Some(rule) => Rule::parse(rule).unwrap().days(date).map(on).take_while(|at| *at <= now).last(),
    }
}

#[test]
fn each_occurrence_is_shown_once_whatever_the_clock_does() {
    let seed = 20_261_121;
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    let rules = [
        None,
        None,
        Some("FREQ=DAILY"),
        Some("FREQ=WEEKLY;BYDAY=MO,TH"),
        Some("FREQ=MONTHLY"),
        Some("FREQ=DAILY;INTERVAL=3"),
    ];
    let mut steps = 0;
    for (round, zone) in ZONES.iter().cycle().take(100).enumerate() {
        // The zone of the user stays within a run: every occurrence has one instant.
        let clock = ManualClock::at("2026-01-15T08:00", zone);
        clock.advance(rng.range(0, 700 * 86_400));
        let local = clock.zone();
        let store = MemoryStore::new();
        let mut scheduler = Scheduler::new();
        let mut seen = Seen::default();
        let mut tasks = Vec::new();
        for n in 0..6 {
            let there: &str = if n % 2 == 0 { zone } else { rng.pick::<&str>(&ZONES) };
            let due = random_due(&mut rng, clock.now(), there);
            tasks.push(add(&store, &clock, new(&format!("task {n}"), due, *rng.pick(&rules))).unwrap());
        }
        let start = clock.now();
        for step in 0..100 {
            steps += 1;
            match rng.below(20) {
                // A jump to anywhere within a year, back as well.
                0 => clock.advance(rng.range(-300 * 86_400, 365 * 86_400)),
                1 => clock.advance(rng.range(-3_600, 3_600)),
                2 => clock.advance(30 * 86_400),
                3 => scheduler = Scheduler::new(),
                _ => clock.advance(rng.range(1, 2 * 86_400)),
            }
            if clock.now() < start {
                clock.set(start);
            }
            let context = format!("seed {seed}, round {round} ({zone}), step {step}");
            let effects = scheduler.tick(&store, &clock).unwrap();
            seen.note(&effects, &store, clock.now(), &context);
            for task in &tasks {
                if let Some(at) = last_time(task, clock.now(), &local) {
                    let shown = seen.shown.contains(&(task.id.clone(), at));
                    assert!(
                        shown,
                        "{context}: {} {:?} {:?} at {at} was not shown by {}",
                        task.title,
                        task.due,
                        task.recurrence,
                        clock.now()
                    );
                }
            }
        }
        clock.advance(400 * 86_400);
        seen.note(&scheduler.tick(&store, &clock).unwrap(), &store, clock.now(), "the end");
        for task in tasks.iter().filter(|t| t.recurrence.is_none()) {
            assert_eq!(seen.per_task.get(&task.id), Some(&1), "{} in round {round}", task.title);
        }
        assert!(scheduler.tick(&store, &clock).unwrap().is_empty());
    }
    assert_eq!(steps, 10_000);
}

/// With a beat every few hours and a clock that only runs ahead, nothing is folded: each occurrence of a daily task is shown.
#[test]
fn a_running_clock_shows_every_day_of_three_years() {
    for zone in ZONES {
        let clock = ManualClock::at("2026-01-01T00:00", zone);
        let store = MemoryStore::new();
        // 02:30 does not exist, or exists twice, on some days.
        let due = Due::Time { at: "2026-01-01T02:30".parse().unwrap(), zone: zone.into() };
        add(&store, &clock, new("daily", due, Some("FREQ=DAILY"))).unwrap();
        let mut scheduler = Scheduler::new();
        let mut days = Vec::new();
        for beat in 0..3 * 365 * 4 {
            clock.advance(6 * 3_600);
            if beat % 97 == 0 {
                scheduler = Scheduler::new();
            }
            for effect in scheduler.tick(&store, &clock).unwrap() {
                assert_eq!(effect.missed, 0);
                dismiss(&store, &effect.reminder.id).unwrap();
                days.push(effect.reminder.at.to_zoned(clock.zone()).date());
            }
        }
        assert_eq!(days.len(), 3 * 365, "{zone}");
        assert!(days.windows(2).all(|pair| pair[0].tomorrow().unwrap() == pair[1]), "{zone}");
    }
}

#[test]
fn what_was_slept_through_is_shown_once_and_counted() {
    let clock = ManualClock::at("2026-11-21T08:00", "Asia/Shanghai");
    let store = MemoryStore::new();
    let due = Due::Time { at: "2026-11-21T09:00".parse().unwrap(), zone: "Asia/Shanghai".into() };
    add(&store, &clock, new("pills", due, Some("FREQ=DAILY"))).unwrap();
    let mut scheduler = Scheduler::new();
    assert!(scheduler.tick(&store, &clock).unwrap().is_empty());
    clock.advance(4 * 86_400 + 7_200);
    let effects = scheduler.tick(&store, &clock).unwrap();
    assert_eq!((effects.len(), effects[0].missed, effects[0].reminder.late), (1, 4, true));
    assert_eq!(effects[0].reminder.at.to_string(), "2026-11-25T01:00:00Z");
    let next: Vec<_> =
        store.open_reminders().unwrap().into_iter().filter(|r| r.state == ReminderState::Scheduled).collect();
    assert_eq!((next.len(), next[0].at.to_string().as_str()), (1, "2026-11-26T01:00:00Z"));
}

#[test]
fn a_clock_that_was_a_year_ahead_costs_nothing() {
    let clock = ManualClock::at("2026-11-21T08:00", "Asia/Shanghai");
    let right = clock.now();
    let store = MemoryStore::new();
    let due = Due::Time { at: "2026-11-21T09:00".parse().unwrap(), zone: "Asia/Shanghai".into() };
    add(&store, &clock, new("pills", due, Some("FREQ=DAILY"))).unwrap();
    let mut scheduler = Scheduler::new();
    clock.advance(365 * 86_400);
    assert_eq!(scheduler.tick(&store, &clock).unwrap().len(), 1);
    clock.set(right);
    assert!(scheduler.tick(&store, &clock).unwrap().is_empty());
    for day in 0..10 {
        clock.advance(86_400);
        let effects = scheduler.tick(&store, &clock).unwrap();
        assert_eq!(effects.len(), 1, "day {day}");
        assert_eq!(effects[0].missed, 0);
    }
}

#[test]
fn a_whole_day_follows_the_user_to_another_zone() {
    let clock = ManualClock::at("2026-11-21T08:00", "Asia/Shanghai");
    let store = MemoryStore::new();
    add(&store, &clock, new("pack", Due::Date { date: "2026-11-22".parse().unwrap() }, None)).unwrap();
    add(
        &store,
        &clock,
        new("call", Due::Time { at: "2026-11-22T09:00".parse().unwrap(), zone: "Asia/Shanghai".into() }, None),
    )
    .unwrap();
    let mut scheduler = Scheduler::new();
    scheduler.tick(&store, &clock).unwrap();
    clock.set_zone(TimeZone::get("Europe/Berlin").unwrap());
    scheduler.tick(&store, &clock).unwrap();
    let times: Vec<_> = store.open_reminders().unwrap().into_iter().map(|r| r.at.to_string()).collect();
    assert_eq!(times, ["2026-11-22T01:00:00Z", "2026-11-22T08:00:00Z"]);
}

#[test]
fn a_full_disk_shows_nothing_twice_and_loses_nothing() {
    let clock = ManualClock::at("2026-11-21T08:00", "Asia/Shanghai");
    let store = MemoryStore::new();
    let due = Due::Time { at: "2026-11-21T08:01".parse().unwrap(), zone: "Asia/Shanghai".into() };
    add(&store, &clock, new("tea", due, None)).unwrap();
    let mut scheduler = Scheduler::new();
    clock.advance(61);
    store.set_disk_full(true);
    assert!(scheduler.tick(&store, &clock).is_err());
    store.set_disk_full(false);
    assert_eq!(scheduler.tick(&store, &clock).unwrap().len(), 1);
    assert!(scheduler.tick(&store, &clock).unwrap().is_empty());
}

/// Random clicks on random reminders while time passes: no reminder comes back, none is lost, no click counts twice.
#[test]
fn clicks_in_any_order() {
    let seed = 11;
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    for round in 0..200 {
        let clock = ManualClock::at("2026-03-01T08:00", ZONES[round % ZONES.len()]);
        let store = MemoryStore::new();
        let mut scheduler = Scheduler::new();
        let mut seen = Seen::default();
        for n in 0..4 {
            let due = random_due(&mut rng, clock.now(), ZONES[round % ZONES.len()]);
            add(&store, &clock, new(&n.to_string(), due, *rng.pick(&[None, Some("FREQ=DAILY")]))).unwrap();
        }
        let mut clicked = Vec::new();
        for _ in 0..60 {
            clock.advance(rng.range(1, 86_400));
            let effects = scheduler.tick(&store, &clock).unwrap();
            seen.note(&effects, &store, clock.now(), &format!("seed {seed}, round {round}"));
            clicked.extend(effects.into_iter().map(|e| e.reminder));
            if clicked.is_empty() {
                continue;
            }
            let reminder = rng.pick(&clicked).clone();
            let before = store.task(&reminder.task_id).unwrap();
            let answered = store.reminder(&reminder.id).unwrap().state == ReminderState::Answered;
            match rng.below(4) {
                0 => complete(&store, &clock, &reminder.id).unwrap(),
                1 => dismiss(&store, &reminder.id).unwrap(),
                2 => snooze(&store, &clock, &reminder.id, rng.range(1, 600) as u32).unwrap(),
                _ => {
                    set_done(&store, &clock, &reminder.task_id, before.done_at.is_none()).unwrap();
                    continue;
                }
            }
            assert_eq!(store.reminder(&reminder.id).unwrap().state, ReminderState::Answered);
            if answered {
                assert_eq!(store.task(&reminder.task_id).unwrap(), before, "an answered reminder does nothing");
            }
        }
        // Every open task that is still to come has exactly one row of its own.
        for task in store.tasks().unwrap().into_iter().filter(|t| t.done_at.is_none()) {
            let zone = clock.zone();
            let next = remind_at(task.due.as_ref().unwrap(), &zone);
            let rows = store.open_reminders().unwrap();
            let ahead = rows.iter().filter(|r| {
                r.task_id == task.id && r.state == ReminderState::Scheduled && !r.id.as_str().starts_with("snooze-")
            });
            let expected = usize::from(task.recurrence.is_some() || next > clock.now());
            assert_eq!(ahead.count(), expected, "{task:?} at {}", clock.now());
        }
    }
}
