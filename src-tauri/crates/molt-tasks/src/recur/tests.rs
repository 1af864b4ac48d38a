//! Rules as calendars write them, expanded and refused; no clock and no store.

use super::*;
use crate::Rule;

/// The first `n` occurrences; days without a time when the start has none.
fn first(rule: &str, start: &str, n: usize) -> Vec<String> {
    let request =
        ExpandRequest { rrule: rule.into(), dtstart: start.into(), zone: None, exdate: vec![], limit: Some(n) };
    expand(&request).unwrap_or_else(|error| panic!("{rule}: {error}")).occurrences
}

#[test]
fn days_by_month_week_and_year() {
    let at = |rule, start| first(rule, start, 3);
    assert_eq!(at("FREQ=MONTHLY", "20260131"), ["2026-01-31", "2026-03-31", "2026-05-31"]);
    assert_eq!(at("FREQ=MONTHLY;BYMONTHDAY=-1", "20260115"), ["2026-01-31", "2026-02-28", "2026-03-31"]);
    assert_eq!(at("FREQ=MONTHLY;BYDAY=2TU,-1FR", "20261101"), ["2026-11-10", "2026-11-27", "2026-12-08"]);
    assert_eq!(at("FREQ=YEARLY;BYDAY=20MO", "20260101"), ["2026-05-18", "2027-05-17", "2028-05-15"]);
    assert_eq!(at("FREQ=YEARLY;BYYEARDAY=-1,100", "20270501"), ["2027-12-31", "2028-04-09", "2028-12-31"]);
    assert_eq!(at("FREQ=YEARLY", "20240229"), ["2024-02-29", "2028-02-29", "2032-02-29"]);
    assert_eq!(at("FREQ=YEARLY;BYMONTHDAY=-29", "20240101"), ["2024-01-03", "2024-02-01", "2024-03-03"]);
    // The day after Thanksgiving is the Friday from the 23rd to the 29th.
    assert_eq!(
        at("FREQ=YEARLY;BYMONTH=11;BYDAY=FR;BYMONTHDAY=23,24,25,26,27,28,29", "20260101"),
        ["2026-11-27", "2027-11-26", "2028-11-24"]
    );
    // The start is an occurrence only if the rule says so.
    assert_eq!(at("FREQ=WEEKLY;BYDAY=MO", "20261121"), ["2026-11-23", "2026-11-30", "2026-12-07"]);
}

#[test]
fn weeks_begin_where_the_rule_says() {
    // The example of RFC 5545, 3.3.10.
    let at = |start| first(&format!("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST={start}"), "19970805", 9);
    assert_eq!(at("MO"), ["1997-08-05", "1997-08-10", "1997-08-19", "1997-08-24"]);
    assert_eq!(at("SU"), ["1997-08-05", "1997-08-17", "1997-08-19", "1997-08-31"]);
    assert_eq!(
        first("FREQ=YEARLY;BYWEEKNO=53;BYDAY=FR", "20200101", 3),
        ["2021-01-01", "2027-01-01", "2032-12-31"],
        "ISO years with 53 weeks: 2020, 2026, 2032"
    );
    assert_eq!(first("FREQ=YEARLY;BYWEEKNO=-1;BYDAY=MO", "20260101", 2), ["2026-12-28", "2027-12-27"]);
    // January 1, 2027 is of the 53rd week of 2026; three years later is 2029, which has 52.
    assert_eq!(first("FREQ=YEARLY;INTERVAL=3;BYWEEKNO=52,53;BYDAY=FR", "20270101", 2), ["2027-01-01", "2029-12-28"]);
}

#[test]
fn times_multiply_and_limit() {
    assert_eq!(
        first("FREQ=DAILY;BYHOUR=8,20;BYMINUTE=0,30", "20261121T083000", 4),
        ["2026-11-21T08:30:00", "2026-11-21T20:00:00", "2026-11-21T20:30:00", "2026-11-22T08:00:00"]
    );
    assert_eq!(
        first("FREQ=MINUTELY;INTERVAL=20;BYHOUR=9", "20261121T093000", 3),
        ["2026-11-21T09:30:00", "2026-11-21T09:50:00", "2026-11-22T09:10:00"]
    );
    assert_eq!(
        first("FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=7;BYMINUTE=7;BYSECOND=7", "20261121T093000", 2),
        ["2028-02-29T07:07:07", "2032-02-29T07:07:07"]
    );
    assert_eq!(
        first("FREQ=HOURLY;INTERVAL=5;BYDAY=SU", "20261121T200000", 3),
        ["2026-11-22T01:00:00", "2026-11-22T06:00:00", "2026-11-22T11:00:00"]
    );
    // A date has no times.
    assert_eq!(first("FREQ=DAILY;BYHOUR=8,20", "20261121", 2), ["2026-11-21", "2026-11-22"]);
}

#[test]
fn places_count_within_the_period() {
    assert_eq!(
        first("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "20261101", 3),
        ["2026-11-30", "2026-12-31", "2027-01-29"]
    );
    // The places of the first month are counted before the start cuts it.
    assert_eq!(
        first("FREQ=MONTHLY;BYMONTHDAY=1,10,20,30;BYSETPOS=2,9,-1", "20261115", 3),
        ["2026-11-30", "2026-12-10", "2026-12-30"]
    );
    assert_eq!(
        first("FREQ=HOURLY;BYMINUTE=15,45;BYSECOND=15,45;BYSETPOS=3,-3", "20261121T090000", 3),
        ["2026-11-21T09:15:45", "2026-11-21T09:45:15", "2026-11-21T10:15:45"]
    );
}

#[test]
fn the_end_is_included() {
    let all = |rule: &str, start: &str, zone: Option<&str>| {
        let request = ExpandRequest {
            rrule: rule.into(),
            dtstart: start.into(),
            zone: zone.map(Into::into),
            exdate: vec![],
            limit: None,
        };
        expand(&request).unwrap()
    };
    let count = |rule, zone| all(rule, "20261121T090000", zone).occurrences.len();
    assert_eq!(count("FREQ=DAILY;UNTIL=20261123T090000", None), 3);
    assert_eq!(count("FREQ=DAILY;UNTIL=20261123T085959", None), 2);
    assert_eq!(count("FREQ=DAILY;UNTIL=20261123", None), 3);
    // 01:00 UTC is 09:00 in Shanghai.
    assert_eq!(count("FREQ=DAILY;UNTIL=20261123T010000Z", Some("Asia/Shanghai")), 3);
    assert_eq!(count("FREQ=DAILY;UNTIL=20261123T005959Z", Some("Asia/Shanghai")), 2);
    assert_eq!(count("FREQ=DAILY;UNTIL=20251123", None), 0);
    assert_eq!(count("FREQ=DAILY;COUNT=7", None), 7);
    assert!(all("FREQ=DAILY;COUNT=7", "20261121", None).complete);
    assert!(all("FREQ=DAILY;COUNT=1000", "20261121", None).complete);
    let cut = all("FREQ=DAILY;COUNT=1001", "20261121", None);
    assert_eq!((cut.occurrences.len(), cut.complete), (1_000, false));
    assert_eq!(first("FREQ=DAILY", "99991230", 9), ["9999-12-30", "9999-12-31"]);
}

/// Rules that name millions of times, or none: an answer comes, within the limits.
#[test]
fn bombs_do_not_go_off() {
    let list = |to: u32| (0..to).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let every = format!("BYHOUR={};BYMINUTE={};BYSECOND={}", list(24), list(60), list(60));
    assert_eq!(
        first(&format!("FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;{every}"), "20261121T235959", 2),
        ["2026-11-21T23:59:59", "2026-11-22T00:00:00"]
    );
    assert_eq!(
        first(&format!("FREQ=YEARLY;BYYEARDAY=1,-1;BYSETPOS=-1;{every}"), "20261121T000000", 1),
        ["2026-12-31T23:59:59"]
    );
    for (rule, start) in [
        ("FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", "20261121T090000"),
        ("FREQ=SECONDLY;INTERVAL=2;BYSECOND=1", "20261121T090000"),
        ("FREQ=SECONDLY;BYSECOND=60", "20261121T090000"),
        ("FREQ=MINUTELY;INTERVAL=1440;BYHOUR=8", "20261121T090000"),
        ("FREQ=HOURLY;INTERVAL=4294967295;BYHOUR=8;BYMONTH=2", "20261121T090000"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "20261121"),
        ("FREQ=MONTHLY;BYYEARDAY=1;BYMONTH=2", "20261121"),
        ("FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29", "20261121"),
        ("FREQ=WEEKLY;INTERVAL=4294967295", "20261128"),
    ] {
        let rest: Vec<_> = first(rule, start, 9).into_iter().filter(|at| !at.starts_with("2026-11-28")).collect();
        assert_eq!(rest, [] as [&str; 0], "{rule}");
    }
    let many = ExpandRequest {
        rrule: "FREQ=SECONDLY".into(),
        dtstart: "20261121T090000".into(),
        zone: None,
        exdate: vec![],
        limit: Some(usize::MAX),
    };
    assert_eq!(expand(&many).unwrap().occurrences.len(), 10_000);
}

#[test]
fn what_is_malformed_is_refused() {
    for rule in [
        "",
        "DAILY",
        "FREQ=DAILY;",
        "FREQ=FORTNIGHTLY",
        "INTERVAL=2",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=+2",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=2;UNTIL=20270101",
        "FREQ=DAILY;UNTIL=20260230",
        "FREQ=DAILY;UNTIL=20260228T250000",
        "FREQ=DAILY;BYHOUR=24",
        "FREQ=DAILY;BYMONTH=0",
        "FREQ=DAILY;BYMONTH=-1",
        "FREQ=DAILY;BYMONTHDAY=-32768",
        "FREQ=DAILY;BYDAY=",
        "FREQ=DAILY;BYDAY=日",
        "FREQ=WEEKLY;BYDAY=1MO",
        "FREQ=MONTHLY;BYDAY=54MO",
        "FREQ=YEARLY;BYWEEKNO=1;BYDAY=2MO",
        "FREQ=YEARLY;BYWEEKNO=54",
        "FREQ=YEARLY;BYEASTER=1",
        "FREQ=YEARLY;RSCALE=CHINESE",
        "FREQ=MONTHLY;SKIP=FORWARD",
    ] {
        assert!(Recur::parse(rule).is_err(), "{rule}");
    }
    assert!(Recur::parse(&format!("FREQ=DAILY;BYSECOND={}", vec!["1"; 6_000].join(","))).is_err());
    assert!(
        Recur::parse("rrule:freq=weekly;byday=mo,+1we").is_err() && Recur::parse("rrule:freq=weekly;byday=mo").is_ok()
    );
    for start in
        ["", "2026", "tomorrow", "20261121T", "20261121T090000+01", "2026-11-21T09:00-04:00", "20261121Z", "2026-02-30"]
    {
        assert_eq!(SeriesStart::parse(start), None, "{start}");
    }
    let hourly = Recur::parse("FREQ=HOURLY").unwrap();
    assert!(hourly.series(SeriesStart::parse("20261121").unwrap(), None).is_err());
    let request = ExpandRequest {
        rrule: "FREQ=DAILY".into(),
        dtstart: "20261121".into(),
        zone: Some("Mars/Base".into()),
        exdate: vec![],
        limit: None,
    };
    assert!(expand(&request).unwrap_err().to_string().contains("Mars/Base"));
}

/// The rules that tasks use mean the same here, from any day that they name.
#[test]
fn agrees_with_the_rules_of_tasks() {
    for text in [
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU",
        "FREQ=MONTHLY;INTERVAL=5;BYMONTHDAY=31,-1",
        "FREQ=MONTHLY;BYDAY=2TU,-1FR",
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        "FREQ=YEARLY;INTERVAL=3;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=YEARLY;BYDAY=20MO,-1SU",
        "FREQ=YEARLY;BYMONTH=5,9;BYDAY=2SU",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "FREQ=YEARLY;INTERVAL=2;BYMONTH=3,6;BYDAY=WE,FR;BYSETPOS=2,-3",
        "FREQ=WEEKLY;BYDAY=TU,TH,SA;BYSETPOS=2",
        "FREQ=WEEKLY;BYDAY=WE;COUNT=5",
        "FREQ=MONTHLY;BYMONTHDAY=1;UNTIL=20280101",
    ] {
        let (task, whole) = (Rule::parse(text).unwrap(), Recur::parse(text).unwrap());
        for ahead in [0, 40, 200, 700] {
            let start = task.first_from(days::plus(jiff::civil::date(2026, 11, 21), ahead).unwrap());
            // The first day of a rule with an interval is any day that the rule names.
            let expected: Vec<_> = task.days(start).take(12).collect();
            let found: Vec<_> =
                whole.series(SeriesStart::Day(start), None).unwrap().take(12).map(|at| at.date()).collect();
            assert_eq!(found, expected, "{text} from {start}");
        }
    }
}

#[test]
fn times_that_are_left_out() {
    let ask = |exdate: &str, start: &str| {
        let line = serde_json::json!({
            "rrule": "FREQ=DAILY;COUNT=4", "dtstart": start, "exdate": exdate.split(',').collect::<Vec<_>>()
        });
        expand(&serde_json::from_value(line).unwrap()).map_err(|error| error.to_string())
    };
    let found = ask("20261122T090000,20261123T080000", "20261121T090000").unwrap();
    assert_eq!(found.occurrences, ["2026-11-21T09:00:00", "2026-11-23T09:00:00", "2026-11-24T09:00:00"]);
    assert!(found.complete);
    assert_eq!(ask("2026-11-21,20261124", "20261121").unwrap().occurrences, ["2026-11-22", "2026-11-23"]);
    assert_eq!(ask("20261121T090000", "20261121").unwrap().occurrences.len(), 3);
    assert!(ask("soon", "20261121").unwrap_err().contains("left out “soon”"));
}
