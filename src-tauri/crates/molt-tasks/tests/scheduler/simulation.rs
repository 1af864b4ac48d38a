//! 10,000 days of a life with a computer: it sleeps, its clock jumps, the program is restarted. What the scheduler shows is
//! compared with occurrences that are worked out here, day by day, without its code.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::{Date, DateTime, Weekday},
    tz::TimeZone,
};
use molt_core::{Clock, Due, Priority, QuietHours, TaskId};
use molt_tasks::{Effect, NewTask, Scheduler, add, dismiss};
use molt_testkit::{ManualClock, MemoryStore, Rng};

use super::ZONES;

const DAYS_IN_EACH_ZONE: i64 = 500;

/// Rules with what they mean, said a second time.
type Meaning = fn(Date, Date) -> bool;
const RULES: [(Option<&str>, Meaning); 6] = [
    (None, |day, start| day == start),
    (Some("FREQ=DAILY"), |_, _| true),
    (Some("FREQ=DAILY;INTERVAL=3"), |day, start| (day - start).get_days() % 3 == 0),
    (Some("FREQ=WEEKLY;BYDAY=MO,TH"), |day, start| {
        day == start || matches!(day.weekday(), Weekday::Monday | Weekday::Thursday)
    }),
    (Some("FREQ=MONTHLY;BYMONTHDAY=-1"), |day, start| day == start || day == day.last_of_month()),
    (Some("FREQ=DAILY;COUNT=40"), |day, start| (day - start).get_days() < 40),
];

/// The first instant at which a clock on the wall shows this time or a later one.
fn first_instant(at: DateTime, zone: &TimeZone) -> Timestamp {
    let found = zone.to_ambiguous_timestamp(at);
    if !found.is_ambiguous() {
        return found.compatible().unwrap();
    }
    // No change of clocks is longer than two hours in these years.
    let guess = TimeZone::UTC.to_timestamp(at).unwrap();
    let offset = SignedDuration::from_secs(zone.to_offset(guess).seconds().into());
    let mut instant = guess.checked_sub(offset).unwrap().checked_sub(SignedDuration::from_hours(4)).unwrap();
    while zone.to_datetime(instant) < at {
        instant = instant.checked_add(SignedDuration::from_secs(60)).unwrap();
    }
    instant
}

struct Plan {
    due: Due,
    rule: Option<&'static str>,
    remind_before: Vec<u32>,
    urgent: bool,
    /// When it should remind, ascending.
    times: BTreeSet<Timestamp>,
}

fn plan(rng: &mut Rng, local: &TimeZone, zone: &'static str, today: Date) -> Plan {
    let (rule, meaning) = *rng.pick(&RULES);
    let start = today.checked_add(rng.range(1, 30).days()).unwrap();
    // Often in the hours in which clocks are changed.
    let hour = if rng.one_in(3) { rng.below(4) } else { rng.below(24) } as i8;
    let time = jiff::civil::time(hour, rng.below(60) as i8, 0, 0);
    let there = if rng.one_in(3) { *rng.pick(&ZONES) } else { zone };
    let whole_day = rng.one_in(4);
    let remind_before = if rng.one_in(3) { vec![rng.range(1, 3_000) as u32, 30] } else { vec![] };
    let (due, at, zone) = if whole_day {
        (Due::Date { date: start }, jiff::civil::time(9, 0, 0, 0), local.clone())
    } else {
        (Due::Time { at: start.to_datetime(time), zone: there.into() }, time, TimeZone::get(there).unwrap())
    };
    let mut times = BTreeSet::new();
    // The clock may be ahead by two months at the end.
    for n in 0..DAYS_IN_EACH_ZONE + 120 {
        let day = start.checked_add(n.days()).unwrap();
        if meaning(day, start) {
            let occurs = first_instant(day.to_datetime(at), &zone);
            times.insert(occurs);
            for minutes in &remind_before {
                times.insert(occurs.checked_sub(SignedDuration::from_mins((*minutes).into())).unwrap());
            }
        }
    }
    Plan { due, rule, remind_before, urgent: rng.one_in(4), times }
}

/// What was delivered of one task.
#[derive(Default)]
struct Delivered {
    /// On their own, each once.
    shown: BTreeSet<Timestamp>,
    /// Counted with a later one while the computer slept.
    counted: BTreeMap<Timestamp, u32>,
}

#[test]
fn ten_thousand_days() {
    let seed = 20_281_231;
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    let (mut days, mut shown, mut late, mut restarts, mut jumps, mut loud) = (0, 0, 0, 0, 0, 0);
    let hour = |hour: u64| jiff::civil::time((hour % 24) as i8, 0, 0, 0);
    for zone in ZONES {
        let clock = ManualClock::at("2026-01-02T08:00", zone);
        clock.advance(rng.range(0, 500 * 86_400));
        let local = clock.zone();
        let first_day = clock.now().to_zoned(local.clone()).date();
        let end = clock.now().checked_add(SignedDuration::from_hours(24 * DAYS_IN_EACH_ZONE)).unwrap();
        // Clocks are set wrong in every second zone, so that the others prove that nothing is even counted twice.
        let jumping = rng.one_in(2);
        let quiet = rng.one_in(2).then(|| QuietHours { from: hour(21 + rng.below(3)), to: hour(5 + rng.below(4)) });
        let is_quiet = |now: Timestamp| quiet.is_some_and(|hours| hours.hold(local.to_datetime(now).time()));
        let store = MemoryStore::new();
        let mut scheduler = Scheduler::new();
        let mut plans: BTreeMap<TaskId, (Plan, Delivered)> = BTreeMap::new();
        for n in 0..8 {
            let plan = plan(&mut rng, &local, zone, first_day);
            let new = NewTask {
                title: format!("task {n}"),
                due: Some(plan.due.clone()),
                recurrence: plan.rule.map(Into::into),
                remind_before: plan.remind_before.clone(),
                priority: if plan.urgent { Priority::Urgent } else { Priority::Normal },
                ..NewTask::default()
            };
            plans.insert(add(&store, &clock, new).unwrap().id, (plan, Delivered::default()));
        }
        let begun = clock.now();
        // How far the clock is wrong.
        let mut wrong = 0;
        while clock.now() < end {
            match rng.below(40) {
                0 => clock.advance(rng.range(1, 20) * 86_400),
                1 => {
                    scheduler = Scheduler::new();
                    restarts += 1;
                }
                2 if jumping && wrong == 0 => {
                    wrong = rng.range(-40 * 86_400, 60 * 86_400);
                    clock.advance(wrong);
                    jumps += 1;
                }
                3..6 if wrong != 0 => {
                    clock.advance(-wrong);
                    wrong = 0;
                }
                // Awake: a beat, or the beat at which something is due.
                6..12 => clock.advance(30),
                12..20 => {
                    let now = clock.now();
                    let next = plans.values().filter_map(|(plan, _)| plan.times.range(now..).next()).min();
                    let seconds = next.map_or(60, |at| at.duration_since(now).as_secs());
                    clock.advance(seconds.min(86_400) + rng.range(0, 30));
                }
                _ => clock.advance(rng.range(60, 43_200)),
            }
            let now = clock.now();
            let context = format!("seed {seed}, {zone}, {now}");
            scheduler.set_quiet_hours(quiet);
            for effect in scheduler.tick(&store, &clock).unwrap() {
                shown += 1;
                late += u32::from(effect.reminder.late);
                let urgent = effect.task.priority == Priority::Urgent;
                assert!(urgent || !is_quiet(now), "{context}: shown in the quiet hours");
                loud += u32::from(urgent && is_quiet(now));
                let (plan, delivered) = plans.get_mut(&effect.task.id).unwrap();
                note(&effect, plan, delivered, now, &context);
                if rng.one_in(2) {
                    dismiss(&store, &effect.reminder.id).unwrap();
                }
            }
            for (plan, delivered) in plans.values().filter(|(plan, _)| plan.urgent || !is_quiet(now)) {
                for at in plan.times.range(..=now).filter(|at| **at > begun) {
                    let times = u32::from(delivered.shown.contains(at)) + delivered.counted.get(at).unwrap_or(&0);
                    assert!(times > 0, "{context}: {:?} {:?} at {at} was lost", plan.due, plan.rule);
                    assert!(jumping || times == 1, "{context}: {:?} {:?} at {at} came twice", plan.due, plan.rule);
                }
            }
        }
        days += DAYS_IN_EACH_ZONE;
    }
    println!(
        "{days} days: {shown} shown, {late} of them late, {restarts} restarts, {jumps} jumps, {loud} in quiet hours"
    );
    assert_eq!(days, 10_000);
    assert!(shown > 10_000 && late > 1_000 && restarts > 500 && jumps > 50 && loud > 50, "too little happened");
}

fn note(effect: &Effect, plan: &Plan, delivered: &mut Delivered, now: Timestamp, context: &str) {
    let at = effect.reminder.at;
    let what = format!("{context}: {:?} {:?} {:?} at {at}", plan.due, plan.rule, plan.remind_before);
    assert!(plan.times.contains(&at), "{what} was never to be shown");
    assert!(delivered.shown.insert(at), "{what} was shown twice");
    assert!(at <= now, "{what} was shown before its time");
    assert_eq!(effect.reminder.late, now.duration_since(at).as_secs() > 60, "{what}");
    for earlier in plan.times.range(..at).rev().take(effect.missed as usize) {
        *delivered.counted.entry(*earlier).or_default() += 1;
    }
}
