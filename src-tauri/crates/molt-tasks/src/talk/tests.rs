//! What counts as a request about tasks, and what it does to a due time.

use jiff::tz::TimeZone;
use molt_testkit::sample;

use super::*;

/// A Saturday.
fn now() -> Zoned {
    "2026-11-21T10:00[Asia/Shanghai]".parse().unwrap()
}

fn listed(line: &str) -> Option<(String, String)> {
    match request(line, &now())? {
        Request::List(Period::Days { first, last, .. }) => Some((first.to_string(), last.to_string())),
        Request::List(Period::Overdue) => Some(("overdue".into(), String::new())),
        Request::List(Period::All) => Some(("all".into(), String::new())),
        other => panic!("{line}: {other:?}"),
    }
}

fn change(line: &str) -> (Which, Change) {
    match request(line, &now()) {
        Some(Request::Change { which, change }) => (which, change),
        other => panic!("{line}: {other:?}"),
    }
}

fn titled(title: &str) -> Which {
    Which::Titled(title.into())
}

fn at(text: &str) -> Due {
    Due::Time { at: text.parse().unwrap(), zone: "Asia/Shanghai".into() }
}

fn date(text: &str) -> Due {
    Due::Date { date: text.parse().unwrap() }
}

#[test]
fn questions_about_tasks() {
    for (line, first, last) in [
        ("What is due this week?", "2026-11-21", "2026-11-22"),
        ("what’s due today", "2026-11-21", "2026-11-21"),
        ("What do I have to do tomorrow?", "2026-11-22", "2026-11-22"),
        ("Could you show me my tasks for next week, please?", "2026-11-23", "2026-11-29"),
        ("which tasks are due on Friday?", "2026-11-27", "2026-11-27"),
        ("anything due on 2 December", "2026-12-02", "2026-12-02"),
        ("list my tasks for next month", "2026-12-01", "2026-12-31"),
        ("What's on my list this weekend", "2026-11-21", "2026-11-22"),
        ("我今天有什么任务？", "2026-11-21", "2026-11-21"),
        ("这周有什么要做的吗？", "2026-11-21", "2026-11-22"),
        ("下周五有什么安排", "2026-11-27", "2026-11-27"),
        ("请列出本月的任务", "2026-11-21", "2026-11-30"),
        ("明天到期的任务有哪些？", "2026-11-22", "2026-11-22"),
        ("我明天要做什么", "2026-11-22", "2026-11-22"),
        ("What is overdue?", "overdue", ""),
        ("有哪些过期的任务？", "overdue", ""),
        ("Show my tasks", "all", ""),
        ("我有什么任务？", "all", ""),
        ("我的任务", "all", ""),
    ] {
        assert_eq!(listed(line), Some((first.into(), last.into())), "{line}");
    }
}

#[test]
fn changes_of_tasks() {
    let friday = Change::Move("friday".into());
    assert_eq!(change("Move it to Friday"), (Which::Last, friday.clone()));
    assert_eq!(change("please move the dentist to Friday."), (titled("dentist"), friday.clone()));
    assert_eq!(change("move “Talk to Anna” to Friday"), (titled("talk to anna"), friday));
    assert_eq!(change("reschedule that task for tomorrow at 3pm").1, Change::Move("tomorrow at 3pm".into()));
    assert_eq!(change("把它改到周五"), (Which::Last, Change::Move("周五".into())));
    assert_eq!(change("把看牙医推迟到明天下午3点"), (titled("看牙医"), Change::Move("明天下午3点".into())));
    assert_eq!(change("推迟到下周一"), (Which::Last, Change::Move("下周一".into())));
    assert_eq!(change("Postpone it by two days"), (Which::Last, Change::Shift("two days".into())));
    assert_eq!(change("把看牙医推迟两天"), (titled("看牙医"), Change::Shift("两天".into())));
    assert_eq!(change("Mark it as done"), (Which::Last, Change::Done));
    assert_eq!(change("I finished the tax return"), (titled("tax return"), Change::Done));
    assert_eq!(change("我完成了报税"), (titled("报税"), Change::Done));
    assert_eq!(change("把它标记为完成"), (Which::Last, Change::Done));
    assert_eq!(change("delete the task call Anna"), (titled("call anna"), Change::Delete));
    assert_eq!(change("标记为完成"), (Which::Last, Change::Done));
    assert_eq!(change("取消这个提醒"), (Which::Last, Change::Delete));
    assert_eq!(request("Undo!", &now()), Some(Request::Undo));
    assert_eq!(request("撤销", &now()), Some(Request::Undo));
}

#[test]
fn everything_else_is_left_alone() {
    for line in [
        "",
        "?",
        "What is due under the contract?",
        "what is due diligence",
        "what do I have to do to renew my passport",
        "move the meeting to the big room",
        "How do I move it to another folder?",
        "change the tone to something friendlier",
        "合同的任务",
        "这个项目的任务",
        "把它改成英文",
        "项目有什么任务",
        "what did we decide this week",
    ] {
        assert_eq!(request(line, &now()), None, "{line}");
    }
    assert_eq!(request(&"what is due this week ".repeat(20), &now()), None);
}

#[test]
fn a_day_keeps_the_time_and_a_time_keeps_the_day() {
    let due = at("2026-11-24T15:00");
    assert_eq!(moved(Some(&due), "friday", &now()), Some(at("2026-11-27T15:00")));
    assert_eq!(moved(Some(&due), "5pm", &now()), Some(at("2026-11-24T17:00")));
    assert_eq!(moved(Some(&due), "下午5点", &now()), Some(at("2026-11-24T17:00")));
    assert_eq!(moved(Some(&due), "friday at 9", &now()), Some(at("2026-11-27T09:00")));
    assert_eq!(moved(Some(&date("2026-11-24")), "周五", &now()), Some(date("2026-11-27")));
    assert_eq!(moved(Some(&date("2026-11-24")), "5pm", &now()), Some(at("2026-11-24T17:00")));
    assert_eq!(moved(None, "friday", &now()), Some(date("2026-11-27")));
    // A day that has passed is not meant.
    assert_eq!(moved(Some(&at("2026-11-20T15:00")), "5pm", &now()), Some(at("2026-11-21T17:00")));
    assert_eq!(moved(Some(&due), "the big room", &now()), None);
}

#[test]
fn lengths_are_counted_from_the_due_time() {
    let due = at("2026-11-24T15:00");
    assert_eq!(shifted(&due, "two days", &now()), Some(at("2026-11-26T15:00")));
    assert_eq!(shifted(&due, "2小时", &now()), Some(at("2026-11-24T17:00")));
    assert_eq!(shifted(&due, "一周", &now()), Some(at("2026-12-01T15:00")));
    assert_eq!(shifted(&date("2026-11-24"), "3 days", &now()), Some(date("2026-11-27")));
    assert_eq!(shifted(&date("2026-11-24"), "2 hours", &now()), None);
    let there = Due::Time { at: "2026-11-24T23:00".parse().unwrap(), zone: "Europe/Berlin".into() };
    let later = Due::Time { at: "2026-11-25T01:00".parse().unwrap(), zone: "Europe/Berlin".into() };
    assert_eq!(shifted(&there, "2 hours", &now()), Some(later));
    assert_eq!(now().time_zone(), &TimeZone::get("Asia/Shanghai").unwrap());
}

#[test]
fn a_title_finds_its_task() {
    let done = Task { done_at: Some(now().timestamp()), ..sample::task("d", "Call Anna") };
    let tasks = [
        sample::task("a", "Call Anna"),
        sample::task("b", "Call Anna about the car"),
        done,
        sample::task("c", "看牙医"),
    ];
    let found = |title: &str| find(tasks.iter(), title).iter().map(|task| task.id.as_str()).collect::<Vec<_>>();
    assert_eq!(found("call anna"), ["a"]);
    assert_eq!(found("anna"), ["a", "b"]);
    assert_eq!(found("牙医"), ["c"]);
    assert_eq!(found("a"), [""; 0]);
    assert_eq!(found("bob"), [""; 0]);
}
