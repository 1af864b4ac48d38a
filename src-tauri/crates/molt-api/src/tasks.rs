//! Tasks and reminders.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use molt_core::{Clock, ReminderState, Settings, Task, TaskDraft, TaskId, TaskSource, TaskStore};
use molt_tasks::{Listed, NewTask, Scheduler};

use crate::{
    ApiError, App, Bus, ChangesSince, Empty, Event, ImportRemark, ReminderRef, ReminderSnooze, ReminderView, TaskAdd,
    TaskChanges, TaskFeed, TaskFile, TaskImport, TaskImported, TaskLine, TaskRef, TaskSetDone, TaskSkip, TaskView,
    events::Burst,
};

impl App {
    pub async fn task_list(&self) -> Result<Vec<TaskView>, ApiError> {
        let parts = self.parts();
        Ok(molt_tasks::list(parts.tasks.as_ref(), parts.clock.as_ref())?.into_iter().map(TaskView::from).collect())
    }

    /// What changed since an earlier answer. A page reads the whole list once; ten thousand tasks are megabytes.
    pub async fn task_changes(&self, request: ChangesSince) -> Result<TaskChanges, ApiError> {
        let parts = self.parts();
        let changes = molt_tasks::changes(parts.tasks.as_ref(), parts.clock.as_ref(), request.mark.as_deref())?;
        Ok(TaskChanges {
            mark: changes.mark,
            whole: changes.whole,
            more: changes.more,
            changed: changes.changed.into_iter().map(TaskView::from).collect(),
            removed: changes.removed,
        })
    }

    /// What a line would become; nothing is stored.
    pub async fn task_parse(&self, request: TaskLine) -> Result<TaskDraft, ApiError> {
        let clock = &self.parts().clock;
        Ok(molt_tasks::quick_add(&request.text, clock.now().to_zoned(clock.zone())))
    }

    pub async fn task_add(&self, request: TaskAdd) -> Result<TaskView, ApiError> {
        let new = NewTask {
            title: request.title,
            notes: request.notes.unwrap_or_default(),
            priority: request.priority,
            category: request.category,
            section: request.section,
            labels: request.labels,
            deadline: request.deadline,
            remind_before: request.remind_before,
            estimate_minutes: request.estimate_minutes,
            parent: request.parent,
            due: request.due,
            recurrence: request.recurrence,
            repeat_from: request.repeat_from,
            skipped: vec![],
            source: None,
        };
        let _one_at_a_time = self.parts().desk.lock();
        let task = molt_tasks::add(self.parts().tasks.as_ref(), self.parts().clock.as_ref(), new)?;
        Ok(self.task_changed(task))
    }

    pub async fn task_add_line(&self, request: TaskLine) -> Result<TaskView, ApiError> {
        let _one_at_a_time = self.parts().desk.lock();
        let task = molt_tasks::add_line(self.parts().tasks.as_ref(), self.parts().clock.as_ref(), &request.text, None)?;
        Ok(self.task_changed(task))
    }

    pub async fn task_update(&self, request: Task) -> Result<TaskView, ApiError> {
        let _one_at_a_time = self.parts().desk.lock();
        let task = molt_tasks::update(self.parts().tasks.as_ref(), self.parts().clock.as_ref(), request)?;
        Ok(self.task_changed(task))
    }

    pub async fn task_set_done(&self, request: TaskSetDone) -> Result<TaskView, ApiError> {
        let _one_at_a_time = self.parts().desk.lock();
        let task =
            molt_tasks::set_done(self.parts().tasks.as_ref(), self.parts().clock.as_ref(), &request.id, request.done)?;
        Ok(self.task_changed(task))
    }

    /// Leaves one occurrence of a repeating task out.
    pub async fn task_skip(&self, request: TaskSkip) -> Result<TaskView, ApiError> {
        let _one_at_a_time = self.parts().desk.lock();
        let (tasks, clock) = (self.parts().tasks.as_ref(), self.parts().clock.as_ref());
        let task = molt_tasks::skip(tasks, clock, &request.id, request.day)?;
        Ok(self.task_changed(task))
    }

    /// Hides a task with its parts; `task_restore` brings them back.
    pub async fn task_delete(&self, request: TaskRef) -> Result<Empty, ApiError> {
        let _one_at_a_time = self.parts().desk.lock();
        molt_tasks::delete(self.parts().tasks.as_ref(), self.parts().clock.as_ref(), &request.id)?;
        self.tasks_changed();
        Ok(Empty {})
    }

    pub async fn task_restore(&self, request: TaskRef) -> Result<TaskView, ApiError> {
        let _one_at_a_time = self.parts().desk.lock();
        let task = molt_tasks::restore(self.parts().tasks.as_ref(), &request.id)?;
        Ok(self.task_changed(task))
    }

    /// Adds the tasks of a file of another program. What was imported before is left as it is.
    pub async fn task_import(&self, request: TaskImport) -> Result<TaskImported, ApiError> {
        let parts = self.parts();
        let now = parts.clock.now().to_zoned(parts.clock.zone());
        let imported = molt_tasks::read_file(&request.name, &request.text, &now)?;
        let summary = {
            let _one_at_a_time = parts.desk.lock();
            molt_tasks::import(parts.tasks.as_ref(), parts.clock.as_ref(), imported)?
        };
        self.tasks_changed();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let remarks = summary.remarks.into_iter().map(|remark| ImportRemark {
            line: count(remark.line),
            title: remark.title,
            reason: remark.reason,
        });
        Ok(TaskImported {
            added: count(summary.added),
            present: count(summary.present),
            remarks: remarks.collect(),
            more_remarks: count(summary.more_remarks),
        })
    }

    /// All tasks as a file that other programs read.
    pub async fn task_export(&self) -> Result<TaskFile, ApiError> {
        let parts = self.parts();
        let tasks = parts.tasks.tasks()?;
        Ok(TaskFile { text: molt_tasks::write_calendar(&tasks, parts.clock.now()) })
    }

    /// Opens the tasks to other programs on this computer, or closes them. Opened again they have another address.
    pub async fn task_feed(&self, request: TaskFeed) -> Result<Settings, ApiError> {
        let settings = self.parts().settings.settings()?;
        let calendar_feed = match (request.on, &settings.calendar_feed) {
            (true, Some(open)) => Some(open.clone()),
            (true, None) => Some(uuid::Uuid::new_v4().simple().to_string()),
            (false, _) => None,
        };
        self.save_settings(Settings { calendar_feed, ..settings })
    }

    /// Reminders that were shown and wait for an answer.
    pub async fn reminder_list(&self) -> Result<Vec<ReminderView>, ApiError> {
        let shown = molt_tasks::shown(self.parts().tasks.as_ref())?;
        Ok(shown.into_iter().map(|shown| ReminderView { reminder: shown.reminder, task: shown.task }).collect())
    }

    /// Completes the task of a reminder.
    pub async fn reminder_done(&self, request: ReminderRef) -> Result<Empty, ApiError> {
        let _one_at_a_time = self.parts().desk.lock();
        molt_tasks::complete(self.parts().tasks.as_ref(), self.parts().clock.as_ref(), &request.id)?;
        self.tasks_changed();
        Ok(Empty {})
    }

    /// Answers a reminder and leaves the task open.
    pub async fn reminder_dismiss(&self, request: ReminderRef) -> Result<Empty, ApiError> {
        let _one_at_a_time = self.parts().desk.lock();
        molt_tasks::dismiss(self.parts().tasks.as_ref(), &request.id)?;
        self.tasks_changed();
        Ok(Empty {})
    }

    pub async fn reminder_snooze(&self, request: ReminderSnooze) -> Result<Empty, ApiError> {
        let _one_at_a_time = self.parts().desk.lock();
        molt_tasks::snooze(self.parts().tasks.as_ref(), self.parts().clock.as_ref(), &request.id, request.minutes)?;
        self.tasks_changed();
        Ok(Empty {})
    }

    /// Shows what is due. Called on the backend's beat; each occurrence is stored as shown before it is told.
    pub fn tick(&self, scheduler: &mut Scheduler) -> Result<(), ApiError> {
        scheduler.set_quiet_hours(self.parts().settings.settings()?.quiet_hours);
        let effects = {
            let _one_at_a_time = self.parts().desk.lock();
            scheduler.tick(self.parts().tasks.as_ref(), self.parts().clock.as_ref())?
        };
        if effects.is_empty() {
            return Ok(());
        }
        for effect in effects {
            let reminder = ReminderView { reminder: effect.reminder, task: effect.task };
            debug_assert_eq!(reminder.reminder.state, ReminderState::Shown);
            self.parts().bus.send(Event::ReminderDue { reminder });
        }
        self.parts().bus.send(Event::RemindersChanged {});
        self.status_changed();
        Ok(())
    }

    fn task_changed(&self, task: Task) -> TaskView {
        self.tasks_changed();
        molt_tasks::describe(task, self.parts().clock.as_ref()).into()
    }

    fn tasks_changed(&self) {
        self.parts().bus.tasks();
    }
}

impl From<Listed> for TaskView {
    fn from(listed: Listed) -> Self {
        Self { task: listed.task, due_at: listed.due_at, overdue: listed.overdue }
    }
}

/// Where tasks are changed: a change reads, decides and writes, so changes must not overlap.
pub struct TaskDesk {
    pub(crate) store: Arc<dyn TaskStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) bus: Bus,
    changing: Mutex<()>,
    /// How the task was that a conversation changed last.
    pub(crate) before: Mutex<Option<Task>>,
}

impl TaskDesk {
    pub fn new(store: Arc<dyn TaskStore>, clock: Arc<dyn Clock>, bus: Bus) -> Self {
        Self { store, clock, bus, changing: Mutex::default(), before: Mutex::default() }
    }

    /// Makes a task of a line of a conversation; gives it with the sentence about it, or one plain sentence why there is none.
    pub fn from_chat(&self, line: &str, source: TaskSource) -> Result<(TaskId, String), String> {
        let _one_at_a_time = self.lock();
        let task = molt_tasks::add_line(self.store.as_ref(), self.clock.as_ref(), line, Some(source))
            .map_err(|error| ApiError::from(error).message)?;
        self.bus.tasks();
        let reply = confirmation(&task, line);
        Ok((task.id, reply))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bus {
    /// Tells that tasks changed, and with them reminders and the status.
    pub(crate) fn tasks(&self) {
        self.send(Event::TasksChanged {});
        self.send(Event::RemindersChanged {});
        self.soon(Burst::Status);
    }
}

pub(crate) fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4E00}'..='\u{9FFF}').contains(&c))
}

/// The sentence under a task card, in the language of the question.
fn confirmation(task: &Task, question: &str) -> String {
    match (is_chinese(question), task.due.is_some()) {
        (false, true) => format!("I will remind you: {}", task.title),
        (false, false) => format!("Added to your tasks, without a time: {}", task.title),
        (true, true) => format!("好的，到时提醒你：{}", task.title),
        (true, false) => format!("已加入任务，未设时间：{}", task.title),
    }
}
