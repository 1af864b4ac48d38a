//! What notifications say, in both languages.

use molt_core::Language;

pub struct Words {
    pub done: &'static str,
    pub snooze: &'static str,
    pub show: &'static str,
    pub now: &'static str,
    pub missed: &'static str,
}

static ENGLISH: Words =
    Words { done: "Done", snooze: "Snooze 10 min", show: "Show", now: "It is time.", missed: "This was due earlier." };

static CHINESE: Words =
    Words {
        done: "完成", snooze: "10 分钟后提醒", show: "查看", now: "时间到了。", missed: "这条提醒已经过了时间。"
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
}
