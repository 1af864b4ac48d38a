//! Less usual shapes of times and repetitions, and those that must not be read by half.

use super::tests::{check, check_repeats};

#[test]
fn ranges_begin_with_their_first_time() {
    check(&[
        ("meeting 3-4pm tomorrow", "meeting", "2026-11-22T15:00"),
        ("meeting tomorrow between 3pm and 5pm", "meeting", "2026-11-22T15:00"),
        ("lunch from 11 to 1pm on friday", "lunch", "2026-11-27T11:00"),
        ("shift from 9am to 17:30 tomorrow", "shift", "2026-11-22T09:00"),
        ("下午两点到四点开会", "开会", "2026-11-21T14:00"),
        ("明天上午9:00-10:00开会", "开会", "2026-11-22T09:00"),
    ]);
}

#[test]
fn times_of_less_usual_shape() {
    check(&[
        ("the 25th at 5pm call Ann", "call Ann", "2026-11-25T17:00"),
        ("concert 20 June at 20.15", "concert", "2027-06-20T20:15"),
        ("tea in 1h30", "tea", "2026-11-21T11:30"),
        ("renew half a year from now", "renew", "2027-05-21"),
        ("swim sat 8am", "swim", "2026-11-28T08:00"),
        ("train at 1530", "train", "2026-11-21T15:30"),
        ("tea at twenty past seven", "tea", "2026-11-21T19:20"),
        ("pay by the end of this year", "pay", "2026-12-31"),
        ("明晚9:30看电影", "看电影", "2026-11-22T21:30"),
        ("差五分九点出发", "出发", "2026-11-21T20:55"),
        ("下午一点差一刻出发", "出发", "2026-11-21T12:45"),
        ("五点过十分出发", "出发", "2026-11-21T17:10"),
        ("体检 三月二十八", "体检", "2027-03-28"),
    ]);
}

#[test]
fn what_is_understood_by_half_is_not_read() {
    for line in [
        "pay by the end of next week",
        "call tue/thu at 5pm",
        "review at the end of every quarter",
        "sync biweekly on friday",
        "sync bi-weekly",
        "audit semi-annually",
        "walk every day except sunday",
        "walk every day except on Fridays",
        "meet every Tue and Fri in week 14",
        "feed every 90 secs",
        "feed hourly",
        "双周五开会",
        "每双周一开会",
        "每季度最后一天结账",
        "每年农历八月十五聚餐",
        "每天早晚8点吃药",
        "每天三次吃药",
        "每15分钟喝水",
        "每天除了周末跑步",
    ] {
        check(&[(line, line, "")]);
    }
}

#[test]
fn repetitions_of_less_usual_shape() {
    check_repeats(&[
        ("swim every mon wed fri", "swim", "FREQ=WEEKLY;BYDAY=MO,WE,FR", "2026-11-23"),
        ("swim every 2nd and 4th Wednesday", "swim", "FREQ=MONTHLY;BYDAY=2WE,4WE", "2026-11-25"),
        ("jazz every friday from march to june", "jazz", "FREQ=WEEKLY;BYDAY=FR;UNTIL=20270601", "2027-03-05"),
        ("fair first monday of january every year", "fair", "FREQ=YEARLY;BYMONTH=1;BYDAY=1MO", "2027-01-04"),
        (
            "report monthly on the first and last instance of wed and fri",
            "report",
            "FREQ=MONTHLY;BYDAY=WE,FR;BYSETPOS=-1,1",
            "2026-11-27",
        ),
        ("pi every year on 3/14", "pi", "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=14", "2027-03-14"),
        ("dance fridays 3x", "dance", "FREQ=WEEKLY;BYDAY=FR;COUNT=3", "2026-11-27"),
        ("dance fridays twice", "dance", "FREQ=WEEKLY;BYDAY=FR;COUNT=2", "2026-11-27"),
        // Today is a Saturday: the weeks are counted from this one.
        ("bins every 3 weeks on mon", "bins", "FREQ=WEEKLY;INTERVAL=3;BYDAY=MO", "2026-12-07"),
        ("swim daily at 10am", "swim", "FREQ=DAILY", "2026-11-21T10:00"),
        ("工作日早上9点站会", "站会", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-11-23T09:00"),
        ("周一至周五每天9点站会", "站会", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-11-23T09:00"),
        ("每月倒数第二天盘点", "盘点", "FREQ=MONTHLY;BYMONTHDAY=-2", "2026-11-29"),
        ("每月倒数第二个周五盘点", "盘点", "FREQ=MONTHLY;BYDAY=-2FR", "2026-12-18"),
        ("每年5月第二个星期日送花", "送花", "FREQ=YEARLY;BYMONTH=5;BYDAY=2SU", "2027-05-09"),
        ("每年12月最后一天总结", "总结", "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=-1", "2026-12-31"),
        ("连续七天每天早上8点吃药", "吃药", "FREQ=DAILY;UNTIL=20261128", "2026-11-22T08:00"),
        ("每周五下午5点共8次", "每周五下午5点共8次", "FREQ=WEEKLY;BYDAY=FR;COUNT=8", "2026-11-27T17:00"),
        ("从下周一起每天9点打卡", "打卡", "FREQ=DAILY", "2026-11-23T09:00"),
        ("每天9点打卡直到12月5日", "打卡", "FREQ=DAILY;UNTIL=20261205", "2026-11-22T09:00"),
    ]);
}
