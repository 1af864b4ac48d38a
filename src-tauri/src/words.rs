//! The few words that the shell itself says (tray, notifications, failures), in both languages.
//!
//! The pages have their own catalogues; nothing here is shown in them.

use molt_core::Language;

/// Everything the shell says, in one language.
pub struct Words {
    pub open: &'static str,
    pub quick_add: &'static str,
    pub pause_indexing: &'static str,
    pub quit: &'static str,
    pub quick_add_title: &'static str,
    pub reminders_title: &'static str,
    pub start_failed: &'static str,
    no_reminders: &'static str,
    one_reminder: &'static str,
    many_reminders: &'static str,
}

static ENGLISH: Words = Words {
    open: "Open Moltworker",
    quick_add: "Quick add…",
    pause_indexing: "Pause indexing",
    quit: "Quit",
    quick_add_title: "Quick add",
    reminders_title: "Reminders",
    start_failed: "Moltworker cannot start",
    no_reminders: "No reminders",
    one_reminder: "1 reminder waiting",
    many_reminders: "{} reminders waiting",
};

static CHINESE: Words = Words {
    open: "打开 Moltworker",
    quick_add: "快速添加…",
    pause_indexing: "暂停索引",
    quit: "退出",
    quick_add_title: "快速添加",
    reminders_title: "提醒",
    start_failed: "Moltworker 无法启动",
    no_reminders: "没有提醒",
    one_reminder: "1 条提醒待处理",
    many_reminders: "{} 条提醒待处理",
};

impl Words {
    pub fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &ENGLISH,
            Language::ZhCn => &CHINESE,
            // `machine_language` never answers `System`.
            Language::System => match molt_os::machine_language() {
                Language::ZhCn => &CHINESE,
                _ => &ENGLISH,
            },
        }
    }

    /// The line of the tray's menu that counts the reminders that were shown and not answered.
    pub fn reminders(&self, count: u32) -> String {
        match count {
            0 => self.no_reminders.to_owned(),
            1 => self.one_reminder.to_owned(),
            _ => self.many_reminders.replace("{}", &count.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_reminders_as_people_do() {
        let (english, chinese) = (Words::of(Language::En), Words::of(Language::ZhCn));
        assert_eq!(
            [0, 1, 12].map(|count| english.reminders(count)),
            ["No reminders", "1 reminder waiting", "12 reminders waiting"]
        );
        assert_eq!([0, 1, 12].map(|count| chinese.reminders(count)), ["没有提醒", "1 条提醒待处理", "12 条提醒待处理"]);
    }
}
