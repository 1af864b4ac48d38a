//! The few words that the shell itself says (tray, notifications, failures), in both languages.
//!
//! The pages have their own catalogues; nothing here is shown in them.

use molt_core::{Download, DownloadState, Language};

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
    one_download: &'static str,
    many_downloads: &'static str,
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
    one_download: "Downloading {}",
    many_downloads: "Downloading {} models",
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
    one_download: "正在下载 {}",
    many_downloads: "正在下载 {} 个模型",
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

    /// The line of the tray's menu that says how far downloads are; None where none is under way.
    pub fn downloads(&self, downloads: &[Download]) -> Option<String> {
        use DownloadState::{Queued, Retrying, Running, Verifying};
        let is_under_way = |one: &&Download| matches!(one.state, Queued | Running | Retrying | Verifying);
        let under_way: Vec<&Download> = downloads.iter().filter(is_under_way).collect();
        let what = match under_way.as_slice() {
            [] => return None,
            [one] => self.one_download.replace("{}", &one.name),
            several => self.many_downloads.replace("{}", &several.len().to_string()),
        };
        let received: u64 = under_way.iter().map(|one| one.received).sum();
        let size = under_way.iter().map(|one| one.size).sum::<Option<u64>>().filter(|size| *size > 0);
        Some(match size {
            Some(size) => format!("{what} · {} %", received.saturating_mul(100) / size),
            None => what,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn downloads_are_told_with_how_far_they_are() {
        let download = |name: &str, state, received, size| Download {
            id: name.into(),
            name: name.into(),
            repository: String::new(),
            state,
            received,
            size,
            bytes_per_second: 0,
            problem: None,
            path: String::new(),
        };
        let (english, chinese) = (Words::of(Language::En), Words::of(Language::ZhCn));
        let paused = download("Paused", DownloadState::Paused, 1, Some(2));
        assert_eq!(english.downloads(std::slice::from_ref(&paused)), None);
        let one = download("Qwen3 4B", DownloadState::Running, 430, Some(1000));
        assert_eq!(english.downloads(&[paused, one.clone()]).as_deref(), Some("Downloading Qwen3 4B · 43 %"));
        let other = download("Other", DownloadState::Queued, 0, Some(0));
        assert_eq!(chinese.downloads(std::slice::from_ref(&other)).as_deref(), Some("正在下载 Other"));
        assert_eq!(chinese.downloads(&[one.clone(), other]).as_deref(), Some("正在下载 2 个模型 · 43 %"));
        let unknown = download("New", DownloadState::Running, 5, None);
        assert_eq!(english.downloads(&[one, unknown]).as_deref(), Some("Downloading 2 models"));
    }

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
