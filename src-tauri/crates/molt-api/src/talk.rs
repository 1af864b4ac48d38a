//! What a conversation asks of the tasks, done and told in the language of the question; no model is involved.

use std::fmt::Write;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use molt_assist::TaskCall;
use molt_core::{Due, Task, TaskId};
use molt_tasks::{
    Listed, TaskError,
    talk::{self, Change, Period, Request, Which},
};

use crate::{ApiError, TaskDesk, tasks::is_chinese};

/// Tasks in one answer; the page of tasks shows the rest.
const MOST: usize = 20;

/// The sentence, and the task that it is about.
type Reply = (String, Option<TaskId>);

impl TaskDesk {
    /// Does what a line asks of the tasks, if that is what it asks; `last` is the task that was spoken of last. The error is one plain
    /// sentence.
    pub(crate) fn reply(&self, line: &str, last: Option<TaskId>) -> Option<Result<Reply, String>> {
        let now = self.clock.now().to_zoned(self.clock.zone());
        let request = talk::request(line, &now)?;
        let words = Words { chinese: is_chinese(line), today: now.date() };
        self.carry_out(request, last, words).map_err(|error| ApiError::from(error).message).transpose()
    }

    /// Does what a model calls for on behalf of a question. The error is one plain sentence.
    pub fn called(&self, call: &TaskCall, question: &str, last: Option<TaskId>) -> Result<Reply, String> {
        let now = self.clock.now().to_zoned(self.clock.zone());
        let words = Words { chinese: is_chinese(question), today: now.date() };
        let (task, change) = match call {
            TaskCall::TaskList { when } => {
                return self.list(&talk::period_of(when, &now), words).map_err(|error| ApiError::from(error).message);
            }
            TaskCall::TaskMove { to, .. } if !talk::is_time(to, &now) => return Err(words.no_time(to)),
            TaskCall::TaskMove { task, to } => (task, Change::Move(to.to_lowercase())),
            TaskCall::TaskDone { task } => (task, Change::Done),
            TaskCall::TaskDelete { task } => (task, Change::Delete),
        };
        let request = Request::Change { which: talk::task_of(task), change };
        let done = self.carry_out(request, last, words).map_err(|error| ApiError::from(error).message)?;
        done.ok_or_else(|| words.not_found(task))
    }

    /// None where it is about nothing there is.
    fn carry_out(&self, request: Request, last: Option<TaskId>, words: Words) -> Result<Option<Reply>, TaskError> {
        match request {
            Request::List(period) => self.list(&period, words).map(Some),
            Request::Change { which, change } => self.change(&which, &change, last, words),
            Request::Undo => last.map_or(Ok(None), |last| self.undo(last, words)),
        }
    }

    fn list(&self, period: &Period, words: Words) -> Result<Reply, TaskError> {
        let zone = self.clock.zone();
        let open: Vec<_> = molt_tasks::list(self.store.as_ref(), self.clock.as_ref())?
            .into_iter()
            .filter(|listed| listed.task.done_at.is_none())
            .collect();
        let overdue = || open.iter().filter(|listed| listed.overdue);
        let mut text = String::new();
        match period {
            Period::Overdue => {
                words.put(&mut text, words.of("Overdue:", "已过期："), overdue(), None, &zone);
            }
            Period::All => {
                words.put(&mut text, words.of("Your open tasks:", "未完成的任务："), open.iter(), None, &zone);
            }
            Period::Days { first, last, called } => {
                if *first == words.today {
                    words.put(&mut text, words.of("Overdue:", "已过期："), overdue(), None, &zone);
                }
                let within = open.iter().filter(|listed| {
                    let day = listed.due_at.map(|at| at.to_zoned(zone.clone()).date());
                    !listed.overdue && day.is_some_and(|day| (*first..=*last).contains(&day))
                });
                let called = called.clone().unwrap_or_else(|| words.day(*first));
                let title = words.of(&format!("Due {called}:"), &format!("{called}到期：")).to_owned();
                // One day stands in the title, not in each row.
                let only = (first == last).then_some(*first);
                words.put(&mut text, &title, within.clone(), only, &zone);
                if within.clone().next().is_none() {
                    text.push_str(if text.is_empty() { "" } else { "\n\n" });
                    text.push_str(words.of(&format!("Nothing is due {called}."), &format!("{called}没有到期的任务。")));
                }
            }
        }
        if text.is_empty() {
            text = match period {
                Period::Overdue => words.of("Nothing is overdue.", "没有过期的任务。"),
                _ => words.of("You have no open tasks.", "没有未完成的任务。"),
            }
            .to_owned();
        }
        Ok((text, None))
    }

    /// None where no task is meant.
    fn change(
        &self,
        which: &Which,
        change: &Change,
        last: Option<TaskId>,
        words: Words,
    ) -> Result<Option<Reply>, TaskError> {
        let _one_at_a_time = self.lock();
        let tasks = self.store.tasks()?;
        let found: Vec<&Task> = match which {
            Which::Last => tasks.iter().filter(|task| last.as_ref() == Some(&task.id)).collect(),
            Which::Titled(title) => talk::find(tasks.iter(), title),
        };
        let task = match found[..] {
            [] => return Ok(None),
            [task] => task,
            _ => return Ok(Some((words.which(&found), None))),
        };
        let (store, clock) = (self.store.as_ref(), self.clock.as_ref());
        let now = clock.now().to_zoned(clock.zone());
        let title = plain(&task.title);
        let text = match change {
            Change::Move(_) | Change::Shift(_) => {
                let due = match (change, &task.due) {
                    (Change::Move(phrase), due) => talk::moved(due.as_ref(), phrase, &now),
                    (Change::Shift(phrase), Some(due)) => talk::shifted(due, phrase, &now),
                    _ => None,
                };
                let Some(due) = due else { return Ok(Some((words.not_movable(&title), Some(task.id.clone())))) };
                let moved = molt_tasks::update(store, clock, Task { due: Some(due), ..task.clone() })?;
                words.moved(&title, task.due.as_ref(), moved.due.as_ref())
            }
            Change::Done => {
                let done = molt_tasks::set_done(store, clock, &task.id, true)?;
                words.done(&title, done.due.as_ref().filter(|_| done.done_at.is_none()))
            }
            Change::Delete => {
                molt_tasks::delete(store, clock, &task.id)?;
                words
                    .of(
                        &format!("Deleted: {title}. Say “undo” to bring it back."),
                        &format!("已删除：{title}。说“撤销”可以恢复。"),
                    )
                    .to_owned()
            }
        };
        *self.before() = Some(task.clone());
        self.bus.tasks();
        Ok(Some((text, Some(task.id.clone()))))
    }

    /// None where the conversation has changed nothing that could be taken back.
    fn undo(&self, last: TaskId, words: Words) -> Result<Option<Reply>, TaskError> {
        let _one_at_a_time = self.lock();
        let Some(before) = self.before().take_if(|before| before.id == last) else { return Ok(None) };
        let (store, clock) = (self.store.as_ref(), self.clock.as_ref());
        molt_tasks::restore(store, &last)?;
        molt_tasks::set_done(store, clock, &last, before.done_at.is_some())?;
        let task = molt_tasks::update(store, clock, before)?;
        self.bus.tasks();
        let (title, when) = (plain(&task.title), words.when(task.due.as_ref()));
        let text = words.of(&format!("As it was: {title}, {when}."), &format!("已恢复：{title}，{when}。")).to_owned();
        Ok(Some((text, Some(last))))
    }

    fn before(&self) -> std::sync::MutexGuard<'_, Option<Task>> {
        self.before.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A title as it may stand in Markdown.
fn plain(title: &str) -> String {
    title.chars().fold(String::new(), |mut text, letter| {
        if "\\`*_[]<>#".contains(letter) {
            text.push('\\');
        }
        text.push(letter);
        text
    })
}

/// The two languages of an answer.
#[derive(Clone, Copy)]
struct Words {
    chinese: bool,
    today: Date,
}

impl Words {
    fn of<'a>(self, english: &'a str, chinese: &'a str) -> &'a str {
        if self.chinese { chinese } else { english }
    }

    /// A list under its title; nothing when it is empty.
    /// A list under its title; of what is due on the `only` day it tells the time alone.
    fn put<'a>(
        self,
        text: &mut String,
        title: &str,
        tasks: impl Iterator<Item = &'a Listed>,
        only: Option<Date>,
        zone: &TimeZone,
    ) {
        let tasks: Vec<_> = tasks.collect();
        if tasks.is_empty() {
            return;
        }
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(title);
        text.push('\n');
        for listed in tasks.iter().take(MOST) {
            let name = plain(&listed.task.title);
            // Writing into a string cannot fail.
            let _ = match (listed.due_at, &listed.task.due) {
                (Some(at), Some(due)) if only == Some(at.to_zoned(zone.clone()).date()) => match due {
                    Due::Date { .. } => write!(text, "\n- {name}"),
                    Due::Time { .. } => write!(text, "\n- {name} · {}", at.to_zoned(zone.clone()).strftime("%H:%M")),
                },
                (Some(at), Some(due)) => write!(text, "\n- {name} · {}", self.local(at, due, zone)),
                _ => write!(text, "\n- {name}"),
            };
        }
        let more = tasks.len().saturating_sub(MOST);
        if more > 0 {
            let _ = write!(text, "\n\n{}", self.of(&format!("And {more} more."), &format!("还有{more}项。")));
        }
    }

    /// As the clock on the wall will show it here.
    fn local(self, at: Timestamp, due: &Due, zone: &TimeZone) -> String {
        let here = at.to_zoned(zone.clone());
        match due {
            Due::Date { .. } => self.day(here.date()),
            Due::Time { .. } => format!("{} {}", self.day(here.date()), here.strftime("%H:%M")),
        }
    }

    fn when(self, due: Option<&Due>) -> String {
        match due {
            None => self.of("without a time", "未设时间").to_owned(),
            Some(Due::Date { date }) => self.day(*date),
            Some(Due::Time { at, .. }) => format!("{} {}", self.day(at.date()), at.strftime("%H:%M")),
        }
    }

    fn day(self, day: Date) -> String {
        let other_year = day.year() != self.today.year();
        if !self.chinese {
            return day.strftime(if other_year { "%a %-d %b %Y" } else { "%a %-d %b" }).to_string();
        }
        let names = ["一", "二", "三", "四", "五", "六", "日"];
        let name = names[day.weekday().to_monday_zero_offset().unsigned_abs() as usize];
        let year = if other_year { format!("{}年", day.year()) } else { String::new() };
        format!("{year}{}月{}日周{name}", day.month(), day.day())
    }

    fn which(self, found: &[&Task]) -> String {
        let mut text = self.of("Which one do you mean?\n", "你指的是哪一项？\n").to_owned();
        for task in found.iter().take(MOST) {
            let _ = write!(text, "\n- {} · {}", plain(&task.title), self.when(task.due.as_ref()));
        }
        text
    }

    fn moved(self, title: &str, old: Option<&Due>, new: Option<&Due>) -> String {
        let (old, new) = (self.when(old), self.when(new));
        self.of(
            &format!("Moved to {new}: {title}. It was {old}; say “undo” to move it back."),
            &format!("已改到{new}：{title}。原来是{old}，说“撤销”可以改回去。"),
        )
        .to_owned()
    }

    fn not_found(self, task: &str) -> String {
        self.of(&format!("There is no open task called “{task}”."), &format!("没有名为“{task}”的未完成任务。"))
            .to_owned()
    }

    fn no_time(self, words: &str) -> String {
        self.of(
            &format!("“{words}” is not a time that is understood. Nothing was moved."),
            &format!("无法理解时间“{words}”，没有改动任何任务。"),
        )
        .to_owned()
    }

    fn not_movable(self, title: &str) -> String {
        self.of(
            &format!(
                "{title} is due on a whole day or at no time, so it cannot be put off by that. Say a day instead."
            ),
            &format!("{title}没有具体时间，无法这样推迟。请说一个日期。"),
        )
        .to_owned()
    }

    fn done(self, title: &str, next: Option<&Due>) -> String {
        match next {
            None => self.of(&format!("Done: {title}."), &format!("已完成：{title}。")).to_owned(),
            Some(due) => {
                let next = self.when(Some(due));
                self.of(
                    &format!("Done: {title}. It is due again on {next}."),
                    &format!("已完成：{title}。下次：{next}。"),
                )
                .to_owned()
            }
        }
    }
}
