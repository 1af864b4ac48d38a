//! Explicit marks: what they say, where they stand, and what only looks like one.

use molt_core::SpanKind;

use super::{byte_spans, check_line, tests::draft};

/// The recognised pieces of a line, as typed.
fn spans(line: &str) -> Vec<(SpanKind, &str)> {
    byte_spans(line, &draft(line)).into_iter().map(|(kind, bytes)| (kind, &line[bytes])).collect()
}

#[test]
fn every_mark_has_its_span_in_bytes() {
    let line = "🥛 交房租 明天下午3点 !30分钟 @家里 #财务 /每月 ~20分钟 p1 {12月1日} // 给房东：“王”";
    assert_eq!(
        spans(line),
        [
            (SpanKind::When, "明天下午3点"),
            (SpanKind::Reminder, "!30分钟"),
            (SpanKind::Label, "@家里"),
            (SpanKind::Category, "#财务"),
            (SpanKind::Section, "/每月"),
            (SpanKind::Estimate, "~20分钟"),
            (SpanKind::Priority, "p1"),
            (SpanKind::Deadline, "{12月1日}"),
            (SpanKind::Note, "// 给房东：“王”"),
        ]
    );
    let draft = draft(line);
    assert_eq!((draft.title.as_str(), draft.notes.as_str()), ("🥛 交房租", "给房东：“王”"));
    assert_eq!((draft.labels, draft.remind_before), (vec!["家里".to_owned()], vec![30]));
    assert_eq!(draft.deadline, Some(jiff::civil::date(2026, 12, 1)));
}

#[test]
fn reminders_are_minutes_before_a_due_time() {
    let before = |line: &str| draft(line).remind_before;
    assert_eq!(before("call Ann tomorrow 3pm !30min"), [30]);
    assert_eq!(before("call Ann tomorrow 3pm !1h before !2d !1h"), [60, 2_880]);
    assert_eq!(before("call Ann tomorrow 3pm !1.5h"), [90]);
    assert_eq!(before("明天下午3点开会 !半小时前 !1天"), [30, 1_440]);
    // Nothing is due, or it is too far ahead, or no whole minutes.
    for line in ["call Ann !30min", "call Ann tomorrow !5 weeks", "call Ann tomorrow !90s", "call Ann tomorrow !0min"] {
        assert_eq!(before(line), [] as [u32; 0], "{line}");
        assert!(draft(line).title.contains('!'), "{line}");
    }
}

#[test]
fn labels_are_no_addresses_and_no_times() {
    let read = |line: &str| (draft(line).title, draft(line).labels);
    let owned = |labels: &[&str]| labels.iter().map(|label| (*label).to_owned()).collect::<Vec<_>>();
    assert_eq!(read("pay @home @bank-1 @home"), ("pay".into(), owned(&["home", "bank-1"])));
    assert_eq!(read("write to ann@example.org"), ("write to ann@example.org".into(), vec![]));
    assert_eq!(read("swim @5pm"), ("swim".into(), vec![]));
    assert_eq!(read("lunch @noon"), ("lunch".into(), vec![]));
    assert_eq!(read("mail @ once"), ("mail @ once".into(), vec![]));
}

#[test]
fn a_section_is_a_word_after_a_slash() {
    let read = |line: &str| (draft(line).title, draft(line).section.unwrap_or_default());
    let found = |title: &str, section: &str| (title.to_owned(), section.to_owned());
    assert_eq!(read("pay rent /home-office"), found("pay rent", "home-office"));
    assert_eq!(read("pay rent #Work /Q3, then sleep"), found("pay rent, then sleep", "Q3"));
    assert_eq!(read("买牛奶 /以后 #家"), found("买牛奶", "以后"));
    assert_eq!(read("pay /a /b"), found("pay /b", "a"));
    for line in [
        "tea and/or coffee",
        "look into /usr/bin",
        "edit /etc.conf",
        "/later pay",
        "pay / later",
        "read https://example.org/a",
        "save 5€ /month",
        "save 5 /month",
        "pay \"rent /later\"",
        "pay /1",
    ] {
        assert_eq!(read(line), found(line, ""));
    }
}

#[test]
fn an_estimate_is_a_number_of_minutes_or_hours() {
    let read = |line: &str| (draft(line).title, draft(line).estimate_minutes);
    assert_eq!(read("write ~30min"), ("write".into(), Some(30)));
    assert_eq!(read("write ~2h tomorrow at 9"), ("write".into(), Some(120)));
    assert_eq!(read("write ~1.5h ~2h"), ("write ~2h".into(), Some(90)));
    assert_eq!(read("写报告 ~2小时"), ("写报告".into(), Some(120)));
    assert_eq!(read("写报告 ～半小时"), ("写报告".into(), Some(30)));
    for line in
        ["write ~30", "write ~ 30min", "a~30min", "write ~90s", "call ~2h later", "write ~0min", "write ~99 weeks"]
    {
        assert_eq!(read(line), (line.to_owned(), None));
    }
}

#[test]
fn a_deadline_is_one_day_and_nothing_else() {
    let read = |line: &str| draft(line).deadline.map(|day| day.to_string());
    assert_eq!(read("report {Friday}").as_deref(), Some("2026-11-27"));
    assert_eq!(read("report tomorrow {Dec 5}").as_deref(), Some("2026-12-05"));
    assert_eq!(read("交报告 {下周五}").as_deref(), Some("2026-11-27"));
    let report = draft("report tomorrow {Dec 5}");
    assert_eq!((report.title.as_str(), super::tests::when(&report).as_str()), ("report", "2026-11-22"));
    for line in [
        "report {x}",
        "report {Feb 30}",
        "report {Dec 5 or so}",
        "report {every day}",
        "report {",
        "report {}",
        "f({1})",
    ] {
        assert_eq!(read(line), None, "{line}");
        assert_eq!(draft(line).title, line);
    }
}

#[test]
fn notes_begin_at_two_slashes_after_a_space() {
    let read = |line: &str| (draft(line).title, draft(line).notes);
    assert_eq!(read("pay //bank, p1 tomorrow"), ("pay".into(), "bank, p1 tomorrow".into()));
    assert_eq!(read("pay tomorrow // a // b"), ("pay".into(), "a // b".into()));
    assert_eq!(read("read https://example.org/a"), ("read https://example.org/a".into(), String::new()));
    assert_eq!(read("pay //"), ("pay //".into(), String::new()));
    assert_eq!(read("// pay"), ("// pay".into(), String::new()));
}

#[test]
fn quoted_text_stays() {
    for line in ["read \"p1 @home {Friday} !30min tomorrow // x\"", "看“明天 #家 p1 每天”", "watch 「every day at 5」"]
    {
        let draft = draft(line);
        assert_eq!((draft.title.as_str(), draft.spans.len()), (line, 0));
    }
}

#[test]
fn hostile_lines_get_a_plain_answer() {
    let long = "明天 p1 {Friday} ".repeat(150_000);
    let refused = check_line(&long).unwrap_err().to_string();
    assert!(refused.contains("too long"), "{refused}");
    assert_eq!(draft(&long).spans.len(), 0);
    assert!(check_line("明天交房租").is_ok());
    // At the limit every mark at once is still read in a moment.
    for piece in ["{", "@a", "!1h ", "//", "\"", "每", "every "] {
        let line: String = piece.repeat(2_000).chars().take(2_000).collect();
        assert!(draft(&line).spans.len() <= 2_000, "{piece}");
    }
    for bomb in
        ["FREQ=SECONDLY", "FREQ=DAILY;INTERVAL=99999999999", "FREQ=DAILY;COUNT=99999999999", "FREQ=YEARLY;BYEASTER=1"]
    {
        let refused = crate::Rule::parse(bomb).unwrap_err().to_string();
        assert!(refused.contains("is not understood"), "{refused}");
    }
}
