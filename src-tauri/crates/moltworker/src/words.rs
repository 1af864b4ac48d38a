//! Everything the terminal says, in English and Chinese. (What the program itself answers comes as it is.)

use std::fmt::Display;

use jiff::{civil, tz::TimeZone};
use molt_core::{Due, Language, ModelRole, Priority, RouteReason};

/// The catalogue in one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    chinese: bool,
}

macro_rules! words {
    ($($name:ident($($argument:ident),*): $en:literal, $zh:literal;)*) => {
        impl Words {
            $(pub fn $name(self $(, $argument: impl Display)*) -> String {
                if self.chinese { format!($zh) } else { format!($en) }
            })*
        }
    };
}

words! {
    // Problems.
    error(message): "error: {message}", "错误：{message}";
    unreachable(): "Moltworker is running, but it cannot be reached.", "Moltworker 正在运行，但无法连接。";
    unreachable_hint(): "Quit it and try again.", "请退出后重试。";
    connection_lost(): "The connection to Moltworker was lost.", "与 Moltworker 的连接已断开。";
    connection_lost_hint(): "It was quit, perhaps. Try again.", "它可能已退出，请重试。";
    not_understood(): "Moltworker's answer was not understood.", "无法理解 Moltworker 的回应。";
    not_understood_hint(): "The running Moltworker may be of another version: quit it and try again.",
        "正在运行的 Moltworker 可能是其他版本：请退出后重试。";
    already_running(address): "Moltworker is already running at {address}.", "Moltworker 已在运行：{address}。";
    already_running_hint(): "Use that one, or quit it first; `moltworker web` opens it.",
        "请直接使用，或先退出；`moltworker web` 可以打开它。";
    cannot_read(file, reason): "{file} cannot be read: {reason}.", "无法读取 {file}：{reason}。";
    line_too_long(number): "Line {number} is too long.", "第 {number} 行过长。";
    line_is_no_object(reason): "The line is not a JSON object as it is needed here: {reason}.",
        "该行不是所需的 JSON 对象：{reason}。";
    no_such_zone(zone): "There is no time zone named {zone}.", "没有名为 {zone} 的时区。";
    no_such_time(text): "{text} is not a date and time such as 2026-11-21T09:00.",
        "{text} 不是 2026-11-21T09:00 这样的日期时间。";
    cannot_sign_in(): "The running Moltworker does not accept its own token.", "正在运行的 Moltworker 不接受自己的令牌。";
    model_problem(name, message): "{name} could not be loaded: {message}", "无法载入 {name}：{message}";
    tokenizer_failed(file): "The vocabulary of {file} cannot be read; it has to be a GGUF file.",
        "无法读取 {file} 的词表；它必须是 GGUF 文件。";
    none_matches(text): "Nothing in the list matches {text}.", "列表中没有与 {text} 相符的项目。";
    several_match(text): "Several in the list match {text}.", "列表中有多项与 {text} 相符。";
    several_match_hint(): "Give more of the id.", "请给出更长的编号。";
    list_hint(command): "`{command}` shows them.", "`{command}` 可以列出它们。";

    // Keys.
    is_locked(): "The data is locked.", "数据已锁定。";
    is_unlocked(): "The data is unlocked.", "数据已解锁。";
    unlock_hint(): "Unlock it with `moltworker key unlock`, or name a file with the passphrase with --passphrase-file.",
        "请用 `moltworker key unlock` 解锁，或用 --passphrase-file 指定存有密码的文件。";
    passphrase_prompt(): "Passphrase: ", "密码：";
    new_passphrase_prompt(): "New passphrase: ", "新密码：";
    repeat_passphrase_prompt(): "Once more: ", "再输入一次：";
    recovery_prompt(): "Recovery code: ", "恢复码：";
    passphrases_differ(): "The two are not the same; nothing was changed.", "两次输入不一致，未做任何更改。";
    restore_hint(time): "`moltworker restore` puts the copy of {time} in its place; the damaged file stays under another name.",
        "`moltworker restore` 可用 {time} 的副本替换它；损坏的文件以其他名称保留。";
    restored(time): "The copy of {time} was put back. What was changed after that is not in it.",
        "已恢复 {time} 的副本。此后的改动不在其中。";
    nothing_to_restore(): "The data opens, so nothing was put back.", "数据可以打开，无需恢复。";
    no_copy(): "The data does not open, and there is no sound copy of it.", "数据无法打开，也没有完好的副本。";
    opened_by_keyring(name): "The system's keyring ({name}) opens it at every start.", "每次启动时由系统密钥环（{name}）打开。";
    opened_by_passphrase(): "A passphrase opens it.", "可用密码打开。";
    opened_by_recovery(): "A recovery code opens it.", "可用恢复码打开。";
    no_recovery(): "There is no recovery code; `moltworker key recovery` makes one.", "没有恢复码；`moltworker key recovery` 可生成一个。";
    opened_by_file(): "The key to the data lies in a file beside it: anyone who can read your files can read your data. `moltworker key passphrase` sets a passphrase, which ends that.",
        "数据的密钥存放在数据旁边的文件里：能读取您的文件的人，就能读取您的数据。`moltworker key passphrase` 可设置密码，设置后就不再如此。";
    was_exposed(): "The key lay beside the data before; `moltworker key rotate` makes new keys that no old copy of the folder opens.",
        "密钥曾与数据放在一起；`moltworker key rotate` 可生成新密钥，使旧的文件夹副本无法打开现在的数据。";
    keep_code(): "Print it or write it down, and keep it away from this computer. It is not shown again.",
        "请打印或抄写，并与这台电脑分开存放。它不会再次显示。";
    rotated(): "The data is encrypted with new keys.", "数据已用新密钥加密。";
    open_to_others(file): "Other users of this computer can read {file}; only you should.", "本机其他用户可以读取 {file}，应仅限您本人读取。";
    serving_locked(): "The data is locked; open the page to unlock it.", "数据已锁定，请打开页面解锁。";

    // Running.
    serving(address): "Moltworker is running at {address}", "Moltworker 正在运行：{address}";
    serving_token(file): "The token for scripts is in {file}; `moltworker web` opens the page signed in.",
        "脚本所需的令牌在 {file}；`moltworker web` 可打开已登录的页面。";
    web_address(url): "Moltworker is at {url}", "Moltworker 的地址：{url}";
    keep_address(): "Whoever has this address can use your Moltworker on this computer: keep it to yourself.",
        "得到此地址的人可以在这台电脑上使用您的 Moltworker，请勿分享。";
    stop_with(): "Stop it with Ctrl+C.", "按 Ctrl+C 停止。";
    other_port(port): "It was already running, on port {port}.", "它已在运行，端口为 {port}。";
    no_browser(reason): "No browser could be opened ({reason}); open the address yourself.",
        "无法打开浏览器（{reason}），请自行打开该地址。";
    stopping(): "Stopping …", "正在停止……";

    // Answers.
    sources(): "Sources", "来源";
    page(number): "p. {number}", "第 {number} 页";
    line(number): "line {number}", "第 {number} 行";
    stopped(): "(stopped)", "（已停止）";
    queued(position): "Waiting: number {position} in the queue", "正在排队：第 {position} 位";
    thinking(): "Thinking …", "正在思考……";
    answer_cut(): "The answer was cut at its length limit.", "回答达到长度上限，已被截断。";
    messages_left_out(number): "Left out because they no longer fit: the first {number} messages of this conversation.",
        "本次对话最早的 {number} 条消息已放不下，未包括在内。";
    passages_left_out(number): "Passages that did not fit: {number}", "放不下而未采用的段落：{number}";
    passages_hurried(number): "Passages left out to answer sooner: {number}", "为尽快回答而省略的段落：{number}";
    answered_by(name, reason): "{name}: {reason}", "{name}：{reason}";
    failed_answer(): "The question could not be answered.", "无法回答这个问题。";
    chat_hint(): "Ask; Ctrl+C stops an answer, Ctrl+D ends.", "请提问；Ctrl+C 停止回答，Ctrl+D 结束。";
    you(): "you> ", "您> ";

    // Knowledge.
    reading(done, all, left, name): "{done} of {all} read{left}  {name}", "已读 {done}/{all}{left}  {name}";
    time_left(files, seconds): ", {files} files/s, about {seconds} s left", "，{files} 个文件/秒，约剩 {seconds} 秒";
    time_left_minutes(files, minutes): ", {files} files/s, about {minutes} min left", "，{files} 个文件/秒，约剩 {minutes} 分钟";
    indexed(path, indexed, documents): "{path}: {indexed} of {documents} documents can be searched",
        "{path}：{documents} 个文档中有 {indexed} 个可供搜索";
    adding(path, documents): "{path}: {documents} documents are being read", "{path}：正在读取 {documents} 个文档";
    paused(): "Indexing is paused; the documents are read when it goes on.", "索引已暂停，恢复后才会读取文档。";
    on_battery(): "Paused: on battery. The documents are read when the computer is plugged in.",
        "已暂停：正在使用电池。接通电源后才会读取文档。";
    wait_interrupted(): "Not everything was read. It goes on when Moltworker runs again.",
        "尚未全部读完，Moltworker 再次运行时会继续。";
    no_sources(): "Nothing was added yet. Add files or folders with `moltworker knowledge add PATH`.",
        "还没有添加任何资料。用 `moltworker knowledge add 路径` 添加文件或文件夹。";
    documents(indexed, documents): "{indexed} of {documents}", "{indexed}/{documents}";
    failed_documents(failed): "{failed} failed", "{failed} 个失败";
    pending_documents(pending): "{pending} waiting", "{pending} 个等待中";
    no_passages(): "Nothing was found.", "没有找到。";
    words_only(): "(compared by words only: no model for meaning is loaded)", "（仅按词语比较：未载入语义模型）";
    not_in_library(path): "{path} is not in the library.", "{path} 不在资料库中。";
    state_waiting(): "waiting", "等待中";
    state_indexing(): "being read", "正在读取";
    state_indexed(): "ready", "可搜索";
    state_no_text(): "no text", "没有文字";
    state_password(): "password needed", "需要密码";
    state_failed(): "failed", "无法读取";
    skipped_type(): "cannot be read", "不支持的类型";
    skipped_large(): "too large", "太大";
    skipped_rule(): "left out by a rule", "被规则排除";
    skipped_hidden(): "hidden", "隐藏";
    skipped_build(): "build product", "构建产物";
    skipped_temporary(): "temporary", "临时文件";
    skipped_link(): "link", "链接";
    skipped_more(count): "and {count} more", "另有 {count} 个";
    pages(count): "pages: {count}", "{count} 页";
    passages(count): "passages: {count}", "{count} 个段落";
    no_files(): "There are no such files.", "没有这样的文件。";
    nothing_failed(): "Everything could be read.", "所有文件都已读取。";
    is_paused(pending): "Reading is paused; files waiting: {pending}.", "读取已暂停，等待中的文件：{pending} 个。";
    goes_on(pending): "Reading goes on; files waiting: {pending}.", "继续读取，等待中的文件：{pending} 个。";
    removed(path): "Forgotten: {path}. The files themselves are untouched.", "已移除：{path}。文件本身未改动。";

    nothing_left_out(): "Nothing is left out by its name.", "没有按名称忽略任何内容。";
    left_out(pattern): "Left out: {pattern}", "忽略：{pattern}";
    any_size(): "Files of any size are read.", "文件大小不限。";
    largest(megabytes): "Files above {megabytes} MB are left out.", "忽略超过 {megabytes} MB 的文件。";

    // Tasks.
    task_added(title): "Added: {title}", "已添加：{title}";
    task_done(title): "Done: {title}", "已完成：{title}";
    task_again(title, when): "Done: {title}. Next: {when}", "已完成：{title}。下一次：{when}";
    task_skipped(title, when): "Skipped: {title}. Next: {when}", "已跳过：{title}。下一次：{when}";
    task_left_out(title, day): "Left out on {day}: {title}", "{day} 已跳过：{title}";
    no_such_day(text): "“{text}” is not a date; write it like 2026-12-24.", "“{text}”不是日期，请写成 2026-12-24 这样。";
    after_completion(rule): "{rule}, counted from completion", "{rule}，从完成之日算起";
    tasks_imported(added, present): "{added} tasks added; {present} were here already.", "已添加 {added} 个任务；{present} 个此前已存在。";
    import_remark(line, title, reason): "line {line}: {title}: {reason}", "第 {line} 行：{title}：{reason}";
    more_remarks(number): "and {number} more remarks", "另有 {number} 条说明";
    tasks_exported(file): "The tasks were written to {file}.", "任务已写入 {file}。";
    feed_closed(): "The calendar feed is closed.", "日历订阅已关闭。";
    feed_hint(): "Programs on this computer can subscribe to it while `moltworker serve --port N` runs. Whoever knows the address can read your tasks.", "运行 `moltworker serve --port N` 时，本机的日历程序可以订阅它。知道地址的人都能读取你的任务。";
    cannot_write(file, reason): "{file} cannot be written: {reason}.", "无法写入 {file}：{reason}。";
    not_text(): "it is not text in UTF-8", "它不是 UTF-8 文本";
    no_tasks(): "There are no open tasks.", "没有未完成的任务。";
    overdue(): "overdue", "已过期";
    no_time(): "no time", "没有时间";
    title(): "title", "标题";
    when(): "when", "时间";
    priority(): "priority", "优先级";
    category(): "category", "类别";
    repeats(): "repeats", "重复";
    estimate(): "takes", "预计用时";
    minutes(number): "{number} min", "{number} 分钟";
    no_estimate(text): "“{text}” is no estimate; write 30min or 2h.", "“{text}” 不是时长；请写成 30min 或 2小时。";

    // Models.
    no_models(): "There are no models yet. Import one with `moltworker model import PATH`.",
        "还没有模型。用 `moltworker model import 路径` 导入。";
    imported(name): "Imported: {name}", "已导入：{name}";
    in_use(name): "{name} is used from now on.", "从现在起使用 {name}。";
    no_model_in_use(role): "No model is used for this any more: {role}", "不再为此使用模型：{role}";
    as_usual(value): "{value} (usual)", "{value}（常用值）";
    setting_context(): "tokens of a conversation", "一次对话的词元数";
    setting_temperature(): "temperature", "温度";
    setting_top_p(): "top-p", "top-p";
    setting_quantisation(): "weights", "权重";
    quantisation_full(): "32-bit floats", "32 位浮点数";
    quantisation_bits(count): "{count} bits", "{count} 位";
    quantisation_auto(): "8 bits where there is room, else 4", "内存足够时 8 位，否则 4 位";
    setting_template(): "chat template", "对话模板";
    template_own(): "that of the model", "模型自带";
    template_given(count): "one of your own, {count} characters", "您提供的，{count} 个字符";
    setting_engine(): "engine", "引擎";
    loaded(name): "Loaded: {name}", "已载入：{name}";
    loaded_for_nobody(): "Moltworker is not running, so the model is unloaded again when this command ends.",
        "Moltworker 未在运行，此命令结束后模型即被卸载。";
    unloaded(name): "Unloaded: {name}", "已卸载：{name}";
    removed_from_list(name): "Removed from the list: {name}. Its file stays.", "已从列表移除：{name}。文件仍保留。";
    writes(speed): "{speed} tokens/s", "{speed} 词元/秒";
    unverified(): "unverified", "未经核对";

    // Other servers.
    offered(host): "{host} has these models; add one with --model:", "{host} 有以下模型，请用 --model 指定一个：";
    nothing_offered(): "The server has no models.", "该服务器没有模型。";
    endpoint_added(name): "Added: {name}. It is not used until you choose it with `moltworker model set`.",
        "已添加：{name}。用 `moltworker model set` 选择之前不会使用它。";
    endpoint_answers(name, seconds): "{name} answers, after {seconds} s.", "{name} 可以回答，用时 {seconds} 秒。";
    endpoint_edited(name): "Changed: {name}", "已更改：{name}";
    endpoint_removed(name): "Removed: {name}, and its key.", "已移除 {name} 及其密钥。";
    no_endpoints(): "No models of other servers were added.", "没有添加其他服务器上的模型。";
    answered_on(name, host): "Answered by {name} on {host}; your question, the conversation so far and the passages were sent there.",
        "由 {host} 上的 {name} 回答；您的问题、此前的对话和相关段落已发送到该服务器。";
    automatic_in_use(): "A model is chosen for every question from now on.", "从现在起每次提问自动选择模型。";

    // Downloads.
    downloading(name, done, all, speed): "{name}: {done} of {all}, {speed}/s", "{name}：{done}/{all}，{speed}/秒";
    download_waits(name, problem): "{name}: {problem} Trying again.", "{name}：{problem} 正在重试。";
    verifying(name): "{name}: checking", "{name}：正在校验";
    queued_download(name): "{name}: waiting for other downloads", "{name}：正在等待其他下载";
    download_begun(name): "{name} is being downloaded; `moltworker model downloads` shows how far it is.",
        "正在下载 {name}；`moltworker model downloads` 可查看进度。";
    downloaded(name): "Downloaded: {name}", "已下载：{name}";
    download_failed(name, problem): "{name} could not be downloaded: {problem}", "无法下载 {name}：{problem}";
    download_resume_hint(): "`moltworker model resume` goes on where it ended.", "`moltworker model resume` 可从中断处继续。";
    download_ended(name): "The download of {name} was ended.", "{name} 的下载已结束。";
    download_interrupted(name): "{name} is not complete. `moltworker model resume` goes on where it ended.",
        "{name} 尚未下载完。`moltworker model resume` 可从中断处继续。";
    download_goes_on(name): "{name} is still being downloaded by the running Moltworker.",
        "正在运行的 Moltworker 会继续下载 {name}。";
    download_paused(name): "Paused: {name}", "已暂停：{name}";
    download_cancelled(name): "Cancelled: {name}", "已取消：{name}";
    no_downloads(): "Nothing is being downloaded. `moltworker model catalogue` shows what there is.",
        "没有下载。`moltworker model catalogue` 可查看有哪些模型。";
    about(size): "about {size}", "约 {size}";
    recommended_mark(): "* suits this computer best", "* 最适合这台电脑";
    nothing_found(): "Nothing was found.", "没有找到。";
    gated(): "terms to accept", "需先接受条款";
    no_other_models(): "No models of other programs were found.", "没有找到其他程序的模型。";
    import_failed(name, problem): "{name} could not be imported: {problem}", "无法导入 {name}：{problem}";
    already_listed(): "in the list", "已在列表中";
    installed(): "on this computer", "已在本机";
    deleted(name, size): "Deleted: {name}. {size} are free again.", "已删除：{name}。释放了 {size}。";
}

const WEEKDAYS: [(&str, &str); 7] = [
    ("Mon", "周一"),
    ("Tue", "周二"),
    ("Wed", "周三"),
    ("Thu", "周四"),
    ("Fri", "周五"),
    ("Sat", "周六"),
    ("Sun", "周日"),
];

impl Words {
    pub fn new(language: Language) -> Self {
        Self { chinese: language == Language::ZhCn }
    }

    pub fn is_chinese(self) -> bool {
        self.chinese
    }

    fn pick(self, (en, zh): (&'static str, &'static str)) -> &'static str {
        if self.chinese { zh } else { en }
    }

    pub fn priority_name(self, priority: Priority) -> &'static str {
        self.pick(match priority {
            Priority::Urgent => ("urgent", "紧急"),
            Priority::High => ("high", "高"),
            Priority::Normal => ("normal", "普通"),
            Priority::Low => ("low", "低"),
        })
    }

    pub fn reason(self, reason: RouteReason) -> &'static str {
        self.pick(match reason {
            RouteReason::Kept => ("the model of this conversation", "沿用本次对话的模型"),
            RouteReason::Only => ("the only model that can be asked", "目前唯一可用的模型"),
            RouteReason::Quick => ("chosen for a quick answer to a simple question", "问题简单，选了较快的模型"),
            RouteReason::Able => ("chosen for a hard question", "问题较难，选了能力更强的模型"),
            RouteReason::Length => ("chosen because it has room for so much text", "文字较多，选了容得下的模型"),
            RouteReason::Language => ("chosen for the language of the question", "按问题的语言选择"),
            RouteReason::Ability => ("chosen for what it can do", "选了具备所需能力的模型"),
            RouteReason::Failing => {
                ("chosen because another model failed a short time ago", "另一个模型刚才出错，换用了这个")
            }
        })
    }

    pub fn role(self, role: ModelRole) -> &'static str {
        self.pick(match role {
            ModelRole::Chat => ("answers", "回答"),
            ModelRole::Embedder => ("meaning", "语义"),
            ModelRole::Reranker => ("order", "排序"),
        })
    }

    pub fn model_state(self, state: molt_api::ModelState) -> &'static str {
        use molt_api::ModelState;
        self.pick(match state {
            ModelState::Available => ("not loaded", "未载入"),
            ModelState::Loading => ("loading", "载入中"),
            ModelState::Loaded => ("loaded", "已载入"),
            ModelState::Failed => ("failed", "失败"),
            ModelState::Missing => ("missing", "文件缺失"),
        })
    }

    /// What an engine came to when it was measured.
    pub fn trial(self, outcome: &molt_core::TrialOutcome) -> String {
        use molt_core::TrialOutcome;
        match outcome {
            TrialOutcome::Measured { prompt_tokens_per_second: reads, tokens_per_second: writes } if self.chinese => {
                format!("每秒读取 {reads:.0}、生成 {writes:.1} 个词元")
            }
            TrialOutcome::Measured { prompt_tokens_per_second: reads, tokens_per_second: writes } => {
                format!("reads {reads:.0} and writes {writes:.1} tokens a second")
            }
            TrialOutcome::TooSlow => self.pick(("several times slower; stopped", "慢数倍，已停止")).into(),
            TrialOutcome::Failed { reason } => reason.clone(),
        }
    }

    /// What the libraries call themselves; not translated.
    pub fn engine(self, backend: molt_core::Backend) -> &'static str {
        use molt_core::Backend;
        match backend {
            Backend::LlamaCpp => "llama.cpp",
            Backend::MistralRs => "mistral.rs",
            Backend::Candle => "candle",
            Backend::Remote => "",
        }
    }

    pub fn fit(self, fit: molt_core::ModelFit) -> &'static str {
        use molt_core::ModelFit;
        self.pick(match fit {
            ModelFit::FitsWell => ("fits well", "适合"),
            ModelFit::Tight => ("tight", "勉强"),
            ModelFit::TooLarge => ("too large", "太大"),
        })
    }

    pub fn download_state(self, state: molt_core::DownloadState) -> &'static str {
        use molt_core::DownloadState;
        self.pick(match state {
            DownloadState::Queued => ("waiting", "等待中"),
            DownloadState::Running => ("running", "下载中"),
            DownloadState::Retrying => ("trying again", "重试中"),
            DownloadState::Verifying => ("checking", "校验中"),
            DownloadState::Paused => ("paused", "已暂停"),
            DownloadState::Failed => ("failed", "失败"),
            DownloadState::Done => ("complete", "已完成"),
        })
    }

    pub fn date(self, date: civil::Date) -> String {
        let weekday = self.pick(WEEKDAYS[date.weekday().to_monday_zero_offset() as usize]);
        if self.chinese {
            format!("{}年{}月{}日 {weekday}", date.year(), date.month(), date.day())
        } else {
            format!("{weekday} {}", date.strftime("%-d %b %Y"))
        }
    }

    pub fn time(self, time: civil::DateTime) -> String {
        format!("{} {:02}:{:02}", self.date(time.date()), time.hour(), time.minute())
    }

    /// A due time as the user chose it; the zone is said when it is not the computer's.
    pub fn due(self, due: &Due, local: &TimeZone) -> String {
        match due {
            Due::Date { date } => self.date(*date),
            Due::Time { at, zone } if local.iana_name() == Some(zone) => self.time(*at),
            Due::Time { at, zone } => format!("{} ({zone})", self.time(*at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_speak() {
        let (en, zh) = (Words::new(Language::En), Words::new(Language::ZhCn));
        assert_eq!(en.serving("http://a"), "Moltworker is running at http://a");
        assert_eq!(zh.serving("http://a"), "Moltworker 正在运行：http://a");
        let date = civil::date(2026, 11, 21);
        assert_eq!(en.date(date), "Sat 21 Nov 2026");
        assert_eq!(zh.date(date), "2026年11月21日 周六");
    }

    #[test]
    fn another_zone_is_named() {
        let words = Words::new(Language::En);
        let due = Due::Time { at: civil::datetime(2026, 11, 21, 9, 5, 0, 0), zone: "Europe/Paris".into() };
        assert_eq!(words.due(&due, &TimeZone::get("Europe/Paris").unwrap()), "Sat 21 Nov 2026 09:05");
        assert_eq!(words.due(&due, &TimeZone::UTC), "Sat 21 Nov 2026 09:05 (Europe/Paris)");
    }
}
