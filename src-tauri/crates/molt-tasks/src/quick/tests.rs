//! What is understood, as tables.

use molt_core::Due;

use super::*;

fn at(now: &str) -> Zoned {
    let civil: civil::DateTime = now.parse().unwrap();
    civil.to_zoned(TimeZone::get("Asia/Shanghai").unwrap()).unwrap()
}

/// Saturday.
const NOW: &str = "2026-11-21T10:00";

pub(super) fn draft(line: &str) -> TaskDraft {
    quick_add(line, at(NOW))
}

pub(super) fn when(draft: &TaskDraft) -> String {
    match &draft.due {
        None => String::new(),
        Some(Due::Date { date }) => date.to_string(),
        Some(Due::Time { at, zone }) => {
            assert_eq!(zone, "Asia/Shanghai");
            let text = at.strftime("%Y-%m-%dT%H:%M:%S").to_string();
            text.strip_suffix(":00").unwrap_or(&text).into()
        }
    }
}

/// Lines with their title and due time.
pub(super) fn check(table: &[(&str, &str, &str)]) {
    let mut wrong = Vec::new();
    for (line, title, expected) in table {
        let draft = draft(line);
        let got = (draft.title.clone(), when(&draft));
        if got != ((*title).to_owned(), (*expected).to_owned()) {
            wrong.push(format!("{line}: {got:?}, expected {:?}", (title, expected)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Lines with their title, rule and first due time.
pub(super) fn check_repeats(table: &[(&str, &str, &str, &str)]) {
    let mut wrong = Vec::new();
    for (line, title, rule, due) in table {
        let draft = draft(line);
        let got = (draft.title.clone(), draft.recurrence.clone().unwrap_or_default(), when(&draft));
        if got != ((*title).to_owned(), (*rule).to_owned(), (*due).to_owned()) {
            wrong.push(format!("{line}: {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn english_lines() {
    check(&[
        ("call mom", "call mom", ""),
        ("buy milk today", "buy milk", "2026-11-21"),
        ("buy milk tomorrow", "buy milk", "2026-11-22"),
        ("buy milk the day after tomorrow", "buy milk", "2026-11-23"),
        ("tomorrow at 3pm call mom", "call mom", "2026-11-22T15:00"),
        ("Call mom tomorrow at 3:30 p.m.", "Call mom", "2026-11-22T15:30"),
        ("dinner with Ann tonight", "dinner with Ann", "2026-11-21T20:00"),
        ("dinner with Ann tonight at 7", "dinner with Ann", "2026-11-21T19:00"),
        ("party tonight at 12", "party", "2026-11-22T00:00"),
        ("submit report next Monday", "submit report", "2026-11-23"),
        ("submit report this Friday", "submit report", "2026-11-27"),
        ("submit report on Tuesday at noon", "submit report", "2026-11-24T12:00"),
        ("submit report on Saturday", "submit report", "2026-11-28"),
        ("dentist Nov 25", "dentist", "2026-11-25"),
        ("dentist 25 November at half past nine", "dentist", "2026-11-25T09:30"),
        ("dentist on the 25th of November, 15:30", "dentist", "2026-11-25T15:30"),
        ("dentist 2026-11-25", "dentist", "2026-11-25"),
        ("dentist 11/25", "dentist", "2026-11-25"),
        ("dentist 25/11", "dentist", "2026-11-25"),
        ("dentist Jan 3", "dentist", "2027-01-03"),
        ("dentist on the 5th", "dentist", "2026-12-05"),
        ("stretch in 10 minutes", "stretch", "2026-11-21T10:10"),
        ("stretch in 30 seconds", "stretch", "2026-11-21T10:00:30"),
        ("stretch in half an hour", "stretch", "2026-11-21T10:30"),
        ("call back in 2 hours", "call back", "2026-11-21T12:00"),
        ("call back in 3 days", "call back", "2026-11-24"),
        ("renew passport in two weeks", "renew passport", "2026-12-05"),
        ("stand up at 9", "stand up", "2026-11-21T21:00"),
        ("stand up at 9am", "stand up", "2026-11-22T09:00"),
        ("tea at quarter to five", "tea", "2026-11-21T16:45"),
        ("pay rent at the end of the month", "pay rent", "2026-11-30"),
        ("book flights by Friday", "book flights", "2026-11-27"),
        ("first Friday of December: review", "review", "2026-12-04"),
    ]);
}

#[test]
fn chinese_lines() {
    check(&[
        ("买牛奶", "买牛奶", ""),
        ("今天买牛奶", "买牛奶", "2026-11-21"),
        ("明天下午3点给安娜打电话", "给安娜打电话", "2026-11-22T15:00"),
        ("后天交报告", "交报告", "2026-11-23"),
        ("大后天交报告", "交报告", "2026-11-24"),
        ("今晚和小李吃饭", "和小李吃饭", "2026-11-21T20:00"),
        ("今晚八点开会", "开会", "2026-11-21T20:00"),
        ("明早7点半跑步", "跑步", "2026-11-22T07:30"),
        ("下午三点一刻开会", "开会", "2026-11-21T15:15"),
        ("早上8点开会", "开会", "2026-11-22T08:00"),
        ("晚上十二点看比赛", "看比赛", "2026-11-22T00:00"),
        ("凌晨一点看比赛", "看比赛", "2026-11-22T01:00"),
        ("15:30开会", "开会", "2026-11-21T15:30"),
        ("两点开会", "开会", "2026-11-21T14:00"),
        ("周一交周报", "交周报", "2026-11-23"),
        ("下周三下午两点开会", "开会", "2026-11-25T14:00"),
        ("星期天去爬山", "去爬山", "2026-11-22"),
        ("本周日去爬山", "去爬山", "2026-11-22"),
        ("11月25日看牙医", "看牙医", "2026-11-25"),
        ("2027年1月3号上午十点半看牙医", "看牙医", "2027-01-03T10:30"),
        ("25号交房租", "交房租", "2026-11-25"),
        ("下个月15号交房租", "交房租", "2026-12-15"),
        ("月底前交报告", "交报告", "2026-11-30"),
        ("周五前交报告", "交报告", "2026-11-27"),
        ("10分钟后喝水", "喝水", "2026-11-21T10:10"),
        ("半小时后喝水", "喝水", "2026-11-21T10:30"),
        ("一个半小时后喝水", "喝水", "2026-11-21T11:30"),
        ("两个小时后喝水", "喝水", "2026-11-21T12:00"),
        ("30秒后喝水", "喝水", "2026-11-21T10:00:30"),
        ("三天后还书", "还书", "2026-11-24"),
        ("两周后还书", "还书", "2026-12-05"),
        ("过20分钟关火", "关火", "2026-11-21T10:20"),
        ("在明天上午10点开会", "开会", "2026-11-22T10:00"),
        ("開會 後天下午兩點", "開會", "2026-11-23T14:00"),
    ]);
}

#[test]
fn mixed_lines() {
    check(&[
        ("meeting with 王总 明天下午3点", "meeting with 王总", "2026-11-22T15:00"),
        ("下周五 3pm review PR", "review PR", "2026-11-27T15:00"),
        ("明天 at 9am 开会", "开会", "2026-11-22T09:00"),
        ("３点半 tomorrow 取快递", "取快递", "2026-11-22T15:30"),
    ]);
}

#[test]
fn what_is_not_a_time_stays_in_the_title() {
    check(&[
        ("buy 3 apples", "buy 3 apples", ""),
        ("read chapter 5", "read chapter 5", ""),
        ("go to the 4th floor", "go to the 4th floor", ""),
        ("meet at 5 Main Street", "meet at 5 Main Street", ""),
        ("prepare tomorrow's meeting", "prepare tomorrow's meeting", ""),
        ("review Feb 30 numbers", "review Feb 30 numbers", ""),
        ("dentist 2026-02-30", "dentist 2026-02-30", ""),
        ("dentist 31/11", "dentist 31/11", ""),
        ("call at 25:00", "call at 25:00", ""),
        ("minutes of last Friday", "minutes of last Friday", ""),
        ("what we did 3 days ago", "what we did 3 days ago", ""),
        ("notes of 2024-05-01", "notes of 2024-05-01", ""),
        ("Black Friday shopping", "Black Friday shopping", ""),
        ("dinner at 6 on Christmas", "dinner at 6 on Christmas", ""),
        ("support 24/7", "support 24/7", ""),
        ("add 1/2 cup of milk", "add 1/2 cup of milk", ""),
        ("pay $5 to Ann", "pay $5 to Ann", ""),
        ("we may march", "we may march", ""),
        ("read \"tomorrow at 5\"", "read \"tomorrow at 5\"", ""),
        ("call at 8 GMT", "call at 8 GMT", ""),
        ("open Mon-Fri", "open Mon-Fri", ""),
        ("2月30日开会", "2月30日开会", ""),
        ("提三点建议", "提三点建议", ""),
        ("早一点回家", "早一点回家", ""),
        ("坐3号线", "坐3号线", ""),
        ("上周三的纪要", "上周三的纪要", ""),
        ("一周三次健身", "一周三次健身", ""),
        ("准备明天的会议", "准备明天的会议", ""),
        ("看《明日之后》", "看《明日之后》", ""),
        ("5分钟前的消息", "5分钟前的消息", ""),
        ("农历八月十五日聚餐", "农历八月十五日聚餐", ""),
        ("除夕晚上6点吃饭", "除夕晚上6点吃饭", ""),
        ("周一到周五上班", "周一到周五上班", ""),
        ("25点开会", "25点开会", ""),
        ("写1976年后的历史", "写1976年后的历史", ""),
        ("记下发现在哪里", "记下发现在哪里", ""),
        ("写写时至今日的变化", "写写时至今日的变化", ""),
        ("昨晚8点的录音", "昨晚8点的录音", ""),
        ("整理2月30日下午3点的票", "整理2月30日下午3点的票", ""),
        ("看2020年1月5日晚上8点的录像", "看2020年1月5日晚上8点的录像", ""),
        ("写黑色星期五的方案", "写黑色星期五的方案", ""),
        ("Labor Day party at 5pm", "Labor Day party at 5pm", ""),
        ("圣诞节聚餐晚上6点", "圣诞节聚餐晚上6点", ""),
        ("first week of October on Friday", "first week of October on Friday", ""),
        ("party on Labor Day at 5pm", "party on Labor Day at 5pm", ""),
        ("watch last night at 8", "watch last night at 8", ""),
        ("minutes of tuesday of last week", "minutes of tuesday of last week", ""),
        ("meet Monday Nov 24", "meet Monday Nov 24", ""),
        ("fill at 2,500 psi", "fill at 2,500 psi", ""),
    ]);
}

#[test]
fn repetitions() {
    check_repeats(&[
        ("take pills every day at 9pm", "take pills", "FREQ=DAILY", "2026-11-21T21:00"),
        ("every weekday at 8am stand-up", "stand-up", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-11-23T08:00"),
        ("water plants every Monday", "water plants", "FREQ=WEEKLY;BYDAY=MO", "2026-11-23"),
        ("gym every Mon, Wed and Fri at 6:30pm", "gym", "FREQ=WEEKLY;BYDAY=MO,WE,FR", "2026-11-23T18:30"),
        ("review every 2 weeks", "review", "FREQ=WEEKLY;INTERVAL=2", "2026-11-21"),
        ("review every other Tuesday", "review", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", "2026-11-24"),
        ("pay rent every month on the 1st", "pay rent", "FREQ=MONTHLY;BYMONTHDAY=1", "2026-12-01"),
        ("report on the last day of every month", "report", "FREQ=MONTHLY;BYMONTHDAY=-1", "2026-11-30"),
        ("board first Friday of each month", "board", "FREQ=MONTHLY;BYDAY=1FR", "2026-12-04"),
        ("taxes every year on May 31", "taxes", "FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=31", "2027-05-31"),
        ("stretch every morning", "stretch", "FREQ=DAILY", "2026-11-22T09:00"),
        ("course daily at 7pm for 8 times", "course", "FREQ=DAILY;COUNT=8", "2026-11-21T19:00"),
        ("board every first Friday of the month", "board", "FREQ=MONTHLY;BYDAY=1FR", "2026-12-04"),
        ("backup at the end of each month", "backup", "FREQ=MONTHLY;BYMONTHDAY=-1", "2026-11-30"),
        ("swim on weekends", "swim", "FREQ=WEEKLY;BYDAY=SA,SU", "2026-11-21"),
        ("course daily at 7pm until Dec 5", "course", "FREQ=DAILY;UNTIL=20261205", "2026-11-21T19:00"),
        ("swim Tuesdays for the next six weeks", "swim", "FREQ=WEEKLY;BYDAY=TU;UNTIL=20270104", "2026-11-24"),
        ("pay every 4th and 10th of the month", "pay", "FREQ=MONTHLY;BYMONTHDAY=4,10", "2026-12-04"),
        ("ping every hour", "ping every hour", "", ""),
        ("weekly report", "weekly report", "", ""),
        ("每天早上8点吃药", "吃药", "FREQ=DAILY", "2026-11-22T08:00"),
        ("每周一开例会", "开例会", "FREQ=WEEKLY;BYDAY=MO", "2026-11-23"),
        ("每周一三五晚上7点健身", "健身", "FREQ=WEEKLY;BYDAY=MO,WE,FR", "2026-11-23T19:00"),
        ("每周一到周五打卡", "打卡", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-11-23"),
        ("每个工作日9点站会", "站会", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-11-23T09:00"),
        ("每两周周五复盘", "复盘", "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR", "2026-11-27"),
        ("隔天跑步", "跑步", "FREQ=DAILY;INTERVAL=2", "2026-11-21"),
        ("每月1号交房租", "交房租", "FREQ=MONTHLY;BYMONTHDAY=1", "2026-12-01"),
        ("每月最后一天结账", "结账", "FREQ=MONTHLY;BYMONTHDAY=-1", "2026-11-30"),
        ("每年5月31日报税", "报税", "FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=31", "2027-05-31"),
        ("每年春节回家", "每年春节回家", "", ""),
        ("每周三次健身", "每周三次健身", "", ""),
    ]);
}

#[test]
fn marks_are_read_only_where_they_are_meant() {
    let parts = |line: &str| {
        let d = draft(line);
        (d.title, d.priority, d.category)
    };
    assert_eq!(parts("pay rent p1 #home"), ("pay rent".into(), Priority::Urgent, Some("home".into())));
    assert_eq!(parts("pay rent !! tomorrow"), ("pay rent".into(), Priority::High, None));
    assert_eq!(parts("!!! pay rent"), ("pay rent".into(), Priority::Urgent, None));
    assert_eq!(parts("交房租 !紧急 #家里"), ("交房租".into(), Priority::Urgent, Some("家里".into())));
    assert_eq!(parts("交房租！！"), ("交房租！！".into(), Priority::Normal, None));
    assert_eq!(parts("pay rent!"), ("pay rent!".into(), Priority::Normal, None));
    assert_eq!(parts("urgent: fix issue #12 in C#"), ("urgent: fix issue #12 in C#".into(), Priority::Normal, None));
    assert_eq!(parts("ask about p10"), ("ask about p10".into(), Priority::Normal, None));
    assert_eq!(parts("low tide p4"), ("low tide".into(), Priority::Low, None));
}

#[test]
fn requests_lose_their_words() {
    check(&[
        ("remind me to call Bob tomorrow at 3pm", "call Bob", "2026-11-22T15:00"),
        ("Remind me tomorrow at 3pm to call Bob", "call Bob", "2026-11-22T15:00"),
        ("Please remind me in 10 minutes that the tea is ready", "the tea is ready", "2026-11-21T10:10"),
        ("tomorrow at 9am remind me about the rent", "the rent", "2026-11-22T09:00"),
        ("can you remind me to stretch in 1 hour?", "stretch?", "2026-11-21T11:00"),
        ("remind me in 5 minutes", "remind me in 5 minutes", "2026-11-21T10:05"),
        ("提醒我明天下午3点开会", "开会", "2026-11-22T15:00"),
        ("明天下午3点提醒我开会", "开会", "2026-11-22T15:00"),
        ("请提醒我10分钟后喝水", "喝水", "2026-11-21T10:10"),
        ("记得提醒我周一交报告", "交报告", "2026-11-23"),
        ("帮我提醒我 11月25日 看牙医", "看牙医", "2026-11-25"),
        ("提醒客户明天付款", "提醒客户付款", "2026-11-22"),
    ]);
}

#[test]
fn only_requests_are_reminders() {
    for line in [
        "remind me to call Bob",
        "Remind me tomorrow to call Bob",
        "please remind me about the rent on Friday",
        "Tomorrow at 9, remind me to pay",
        "hey, can you remind me to stretch in 10 minutes?",
        "in 10 minutes remind me to stretch",
        "set a reminder for 5pm",
        "提醒我开会",
        "明天下午3点提醒我开会",
        "请在明天下午3点提醒我开会",
        "10分钟后提醒我喝水",
        "每天早上8点提醒我吃药",
        "能不能明天提醒我开会吗",
        "麻烦提醒我交房租",
    ] {
        assert!(is_reminder(line), "{line}");
    }
    for line in [
        "",
        "remind me",
        "what reminds me of summer",
        "This reminds me to be careful",
        "remind me what we decided",
        "can you remind me how this works?",
        "remind me of the plot of Hamlet",
        "remind me when the meeting is on Friday",
        "He asked you to remind me to call",
        "What does \"remind me to call\" mean?",
        "how do I make the phone remind me to drink?",
        "提醒我",
        "提醒我了",
        "他提醒我明天开会",
        "为什么要提醒我",
        "提醒我昨天说了什么",
        "谁会提醒我开会",
        "提醒功能怎么用",
    ] {
        assert!(!is_reminder(line), "{line}");
    }
}

#[test]
fn spans_count_utf16_units() {
    let line = "🥛 提醒我 明天下午3点 买牛奶 #家 p2";
    let draft = draft(line);
    let units: Vec<u16> = line.encode_utf16().collect();
    let spans: Vec<_> = draft
        .spans
        .iter()
        .map(|s| (s.kind, String::from_utf16(&units[s.start as usize..s.end as usize]).unwrap()))
        .collect();
    // The milk before it is no politeness, so the request is not ours: it stays.
    assert_eq!(
        spans,
        [(SpanKind::When, "明天下午3点".into()), (SpanKind::Category, "#家".into()), (SpanKind::Priority, "p2".into())]
    );
    assert_eq!(draft.title, "🥛 提醒我买牛奶");
}

#[test]
fn any_text_is_survived() {
    let pieces = [
        "明",
        "天",
        "下",
        "周",
        "三",
        "点",
        "半",
        "15",
        ":",
        "30",
        "每",
        "月",
        "号",
        "后",
        "at",
        "every",
        "the",
        "Nov",
        "in",
        " ",
        "#",
        "!",
        "p1",
        "“",
        "”",
        "\"",
        "remind me",
        "提醒我",
        "🥛",
        "e\u{301}",
        "\u{0}",
        "99999999999",
        "２０２６",
        "-",
        "/",
        ".",
        "of",
        "next",
        "first",
        "Friday",
        "不",
        "、",
    ];
    let mut rng = molt_testkit::Rng::new(7);
    for _ in 0..10_000 {
        let line: String =
            (0..rng.below(12)).map(|_| *rng.pick(&pieces)).collect::<Vec<_>>().join(*rng.pick(&["", " "]));
        let draft = draft(&line);
        is_reminder(&line);
        let length = line.encode_utf16().count() as u32;
        let mut at = 0;
        for span in &draft.spans {
            assert!(at <= span.start && span.start < span.end && span.end <= length, "{line}: {:?}", draft.spans);
            at = span.end;
        }
        assert!(draft.recurrence.is_none() || draft.due.is_some(), "{line}");
        if let Some(rule) = &draft.recurrence {
            crate::Rule::parse(rule).unwrap();
        }
    }
    assert_eq!(draft(&"明天 ".repeat(1_000_000)).due, None);
}
