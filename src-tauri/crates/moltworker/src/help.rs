//! The help in Chinese. The English one stands in `args.rs`, where the parser reads it; this is its translation.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command, CommandFactory, FromArgMatches};

use crate::{args::Cli, words::Words};

/// Commands by their path, and arguments by their command's path and their name.
const CHINESE: &[(&str, &str)] = &[
    ("", "您电脑上的私人 AI 助手"),
    ("/json", "输出 JSON，供程序使用"),
    ("/data_dir", "把数据放在此文件夹，而不是通常的位置（也可用 MOLTWORKER_DATA）"),
    ("/passphrase_file", "用此文件中的密码解锁数据（也可用 MOLTWORKER_PASSPHRASE_FILE）"),
    ("serve", "不开窗口运行，供本机的浏览器和脚本使用"),
    ("serve/port", "监听此端口；0 表示任意空闲端口"),
    ("web", "在浏览器中打开 Moltworker"),
    ("web/port", "监听此端口；0 表示任意空闲端口"),
    ("web/no_open", "只打印地址"),
    ("ask", "提一个问题，打印答案及其来源"),
    ("ask/question", "问题"),
    ("ask/batch", "回答多个问题：每行一个 JSON 对象 {\"id\", \"question\"}；- 表示标准输入"),
    ("ask/think", "让模型先思考再回答（如果它会思考），用时更长"),
    ("chat", "在终端中对话"),
    ("knowledge", "答案所依据的资料"),
    ("knowledge add", "添加文件和文件夹；文件夹此后会被监视"),
    ("knowledge add/paths", "文件和文件夹"),
    ("knowledge add/wait", "等到全部可供搜索（Moltworker 未运行时总是等待）"),
    ("knowledge list", "列出已添加的资料"),
    ("knowledge files", "列出资料中的文件及其状态"),
    (
        "knowledge files/states",
        "只列出这种状态：waiting、indexing、indexed、no_text、password_needed 或 failed；可以多次给出",
    ),
    ("knowledge files/folder", "只列出这个文件夹中的文件"),
    ("knowledge files/skipped", "列出不读取的文件及原因"),
    ("knowledge show", "显示资料中的一个文件及其段落"),
    ("knowledge show/path", "文件"),
    ("knowledge search", "查找段落"),
    ("knowledge search/query", "要查找的内容"),
    ("knowledge search/limit", "最多找出多少段"),
    ("knowledge search/by", "按词语（words）、含义（meaning）还是两者（both）查找"),
    ("knowledge search/kinds", "只在这种类型的文档中查找；可以多次给出"),
    ("knowledge search/since", "只在这一天或之后修改过的文档中查找"),
    ("knowledge search/folder", "只在这个文件夹（或这个文件）中查找"),
    ("knowledge search/batch", "搜索多次：每行一个 JSON 对象 {\"id\", \"query\"}；- 表示标准输入"),
    ("knowledge extract", "打印文件的文字，但不添加该文件"),
    ("knowledge extract/path", "文件"),
    ("knowledge extract/password", "文件有密码：从标准输入读取密码"),
    ("knowledge extract/batch", "读取多个文件：每行一个 JSON 对象 {\"id\", \"path\", \"password\"}；- 表示标准输入"),
    ("knowledge unlock", "读取资料中有密码的文档；密码从标准输入读取"),
    ("knowledge unlock/path", "文件"),
    ("knowledge retry", "重新读取资料中的一个文件，或所有未能读取的文件"),
    ("knowledge retry/path", "文件；省略则重新读取所有未能读取的文件"),
    ("knowledge pause", "暂停读取；已读取的仍可搜索"),
    ("knowledge resume", "继续读取"),
    ("knowledge resume/cores", "此后读取可占用的处理器核心：one（一个）、half（一半）或 all（全部）"),
    ("knowledge rules", "显示或更改文件夹中忽略哪些内容"),
    ("knowledge rules/ignore", "忽略匹配的内容，写法同 .gitignore 文件；可以多次给出，并取代之前的规则"),
    ("knowledge rules/ignore_nothing", "不再按名称忽略任何内容"),
    ("knowledge rules/largest", "忽略超过这么多 MB 的文件；0 表示不限"),
    ("knowledge remove", "移除文件或文件夹；文件本身保留"),
    ("knowledge remove/source", "路径，或编号及其开头"),
    ("task", "任务和提醒"),
    ("task add", "用一句话添加任务，例如“明天下午3点给安娜打电话”"),
    ("task add/line", "内容、时间、!优先级、#类别、/分区、~预计用时"),
    ("task add/section", "类别中的分区"),
    ("task add/estimate", "预计用时，例如 30min 或 2小时"),
    ("task add/parent", "所属任务的编号或其开头"),
    ("task list", "列出未完成的任务"),
    ("task list/all", "包括已完成的"),
    ("task done", "完成任务"),
    ("task done/task", "编号或其开头"),
    ("task skip", "跳过重复任务的一次"),
    ("task skip/task", "编号或其开头"),
    ("task skip/on", "要跳过的日期，例如 2026-12-24；不写则跳过到期的这一次"),
    ("task parse", "显示一句话会被如何理解，不添加任何内容"),
    ("task parse/line", "这句话"),
    ("task parse/batch", "解析多行：每行一个 JSON 对象 {\"id\", \"text\", \"reference_time\"}；- 表示标准输入"),
    ("task expand", "列出日历重复规则（RFC 5545）的各次时间"),
    ("task expand/rule", "规则，例如 FREQ=WEEKLY;BYDAY=MO"),
    ("task expand/start", "从何时开始：日期 20261121 或本地时间 20261121T090000"),
    ("task expand/batch", "展开多条规则：每行一个 JSON 对象 {\"id\", \"rrule\", \"dtstart\"}；- 表示标准输入"),
    ("task import", "添加 iCalendar（.ics）、todo.txt 或 Todoist（.csv）文件中的任务"),
    ("task import/file", "文件；名称以 .txt 结尾时为 todo.txt，以 .csv 结尾时为 Todoist，否则为 iCalendar"),
    ("task export", "把全部任务写入一个 iCalendar 文件"),
    ("task export/file", "新文件"),
    ("task feed", "给出本机日历程序订阅任务的地址"),
    ("task feed/off", "关闭订阅；再次打开时地址会变"),
    ("model", "本机的模型"),
    ("model list", "列出模型"),
    ("model import", "把磁盘上的模型加入列表"),
    ("model import/path", "GGUF 文件，或含有 safetensors 或 UQFF 的文件夹"),
    ("model import/use_it", "从现在起使用它"),
    ("model set", "选择用于回答、用于比较语义或用于给段落排序的模型"),
    ("model set/model", "名称、编号或其开头；none 表示不用模型，auto 表示每次提问自动选择"),
    ("model set/role", "与 none 一起用：chat 回答，embedder 比较语义，reranker 给段落排序"),
    ("model set/engine", "以后用这个引擎运行它；auto 由程序选择"),
    ("model configure", "设置模型读多少、怎样写、由哪个引擎运行；不带选项时显示当前设置"),
    ("model configure/model", "名称、编号或其开头"),
    ("model configure/context", "一次对话最多读取的词元数；auto 为常用值"),
    ("model configure/temperature", "写得多自由：0 总是取最可能的词，最大为 2；auto 为 0"),
    ("model configure/top_p", "温度大于 0 时，去掉最不可能的词后保留的比例，最大为 1；auto 为 0.95"),
    (
        "model configure/quantisation",
        "用于 safetensors 文件夹：权重怎样保存在内存中；auto 在内存足够时用 8 位，否则用 4 位",
    ),
    ("model configure/template", "改用这个文件里的对话模板（Jinja）；none 为模型自带的模板"),
    ("model configure/engine", "用这个引擎运行；auto 由程序选择"),
    ("model configure/reset", "先全部恢复为常用值，再应用其他选项"),
    ("model load", "把模型载入内存，但不选用"),
    ("model load/model", "名称、编号或其开头"),
    ("model unload", "释放模型占用的内存；已选用的模型会在下次提问时重新载入"),
    ("model unload/model", "名称、编号或其开头"),
    ("model remove", "把模型从列表移除；文件保留"),
    ("model remove/model", "名称、编号或其开头"),
    ("model catalogue", "列出可下载的开放模型，最适合本机的在前"),
    ("model download", "下载模型，或继续下载"),
    ("model download/model", "目录中的编号，或 Hugging Face 上的 所有者/名称/文件.gguf"),
    ("model download/use_it", "完成后使用它"),
    ("model download/no_wait", "Moltworker 正在运行时，不等待完成"),
    ("model downloads", "列出未完成的下载"),
    ("model pause", "暂停下载"),
    ("model pause/download", "模型的名称、下载编号或其开头"),
    ("model resume", "继续下载"),
    ("model resume/download", "模型的名称、下载编号或其开头"),
    ("model resume/no_wait", "Moltworker 正在运行时，不等待完成"),
    ("model cancel", "取消下载并删除已收到的部分"),
    ("model cancel/download", "模型的名称、下载编号或其开头"),
    ("model search", "在 Hugging Face 上搜索模型，或列出某个模型的文件"),
    ("model search/query", "名称中的词语；所有者/名称 表示列出其文件"),
    ("model scan", "列出 LM Studio、Ollama 和 Hugging Face 在本机保存的模型"),
    ("model scan/import", "全部加入列表；文件留在原处"),
    ("model benchmark", "测量在这台电脑上哪个引擎运行该模型最快，以后就用它运行"),
    ("model benchmark/model", "名称、编号或其开头"),
    ("model delete", "从磁盘上删除已下载的模型"),
    ("model delete/model", "名称、编号或其开头"),
    ("model tokenize", "显示模型如何把文本切分为词元；文件不必在列表中"),
    ("model tokenize/file", "GGUF 文件"),
    ("model tokenize/text", "文本"),
    ("model tokenize/batch", "处理多段文本：每行一个 JSON 对象 {\"id\", \"text\"}；- 表示标准输入"),
    ("model endpoint", "其他服务器上的模型（兼容 OpenAI 接口）；您的问题会发送到那里"),
    ("model endpoint add", "添加其他服务器上的模型，暂不使用"),
    ("model endpoint add/name", "在这里的名称"),
    ("model endpoint add/url", "地址，例如 https://api.example.com/v1"),
    ("model endpoint add/model", "模型在服务器上的名称；不给出时只列出服务器的模型，不添加"),
    ("model endpoint add/key", "从标准输入读取密钥"),
    ("model endpoint add/context", "上下文长度（词元数）"),
    ("model endpoint list", "列出其他服务器上的模型"),
    ("model endpoint test", "向它要一个词，看看能否回答"),
    ("model endpoint test/model", "名称、编号或其开头"),
    ("model endpoint edit", "更改给出的内容，其余不变"),
    ("model endpoint edit/model", "名称、编号或其开头"),
    ("model endpoint edit/name", "在这里的名称"),
    ("model endpoint edit/url", "地址，例如 https://api.example.com/v1"),
    ("model endpoint edit/called", "模型在服务器上的名称"),
    ("model endpoint edit/key", "从标准输入读取新密钥"),
    ("model endpoint edit/context", "上下文长度（词元数）"),
    ("model endpoint remove", "移除其他服务器上的模型及其密钥"),
    ("model endpoint remove/model", "名称、编号或其开头"),
    ("key", "打开加密数据的方式"),
    ("key status", "显示用什么打开数据，以及数据是否已锁定"),
    ("key unlock", "解锁数据"),
    ("key unlock/recovery", "用恢复码代替密码"),
    ("key lock", "锁定正在运行的 Moltworker 的数据"),
    ("key passphrase", "设置、更改或移除密码"),
    ("key passphrase/remove", "移除密码：此后打开数据时不再询问"),
    ("key passphrase/with_keyring", "仅在系统密钥环无法打开数据时才询问"),
    ("key keyring", "把密钥保存在系统密钥环中"),
    ("key recovery", "生成并打印恢复码；之前的恢复码随即失效"),
    ("key rotate", "生成新密钥，并用它重新加密数据"),
    ("restore", "用最近的完好副本替换损坏的数据；损坏的文件以其他名称保留"),
];

/// Reads the arguments. The error is a help text, a version or a mistake, ready to be shown.
pub fn parse(arguments: impl IntoIterator<Item = OsString>, words: Words) -> Result<Cli, clap::Error> {
    let command = if words.is_chinese() { chinese(Cli::command(), "") } else { Cli::command() };
    Cli::from_arg_matches(&command.try_get_matches_from(arguments)?)
}

fn chinese(command: Command, path: &str) -> Command {
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help).help("显示帮助").help_heading("选项");
    let version =
        Arg::new("version").short('V').long("version").action(ArgAction::Version).help("显示版本").help_heading("选项");
    let mut command = command
        .about(translated(path))
        .disable_help_flag(true)
        .subcommand_help_heading("命令")
        .help_template("{about}\n\n用法：{usage}\n\n{all-args}")
        .mut_args(|argument| {
            let heading = if argument.is_positional() { "参数" } else { "选项" };
            let text = translated(&format!("{path}/{}", argument.get_id()));
            let argument = argument.help(text).help_heading(heading);
            // The values are described in English; the translation names them itself.
            if argument.get_action().takes_values() { argument.hide_possible_values(true) } else { argument }
        })
        .arg(help);
    if path.is_empty() {
        command = command.disable_version_flag(true).arg(version);
    }
    let names: Vec<String> = command.get_subcommands().map(|child| child.get_name().to_owned()).collect();
    for name in names {
        let below = format!("{path} {name}").trim_start().to_owned();
        command = command.mut_subcommand(name, |child| chinese(child, &below));
    }
    command
}

fn translated(key: &str) -> &'static str {
    CHINESE.iter().find(|(known, _)| *known == key).map_or("", |(_, text)| text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use molt_core::Language;

    use super::*;

    fn keys(command: &Command, path: &str, found: &mut BTreeSet<String>) {
        found.insert(path.to_owned());
        found.extend(command.get_arguments().map(|argument| format!("{path}/{}", argument.get_id())));
        for child in command.get_subcommands() {
            keys(child, format!("{path} {}", child.get_name()).trim_start(), found);
        }
    }

    #[test]
    fn everything_that_can_be_typed_is_translated_and_nothing_else() {
        let mut typed = BTreeSet::new();
        keys(&Cli::command(), "", &mut typed);
        let translated: BTreeSet<String> = CHINESE.iter().map(|(key, _)| (*key).to_owned()).collect();
        assert_eq!(translated, typed);
        assert!(CHINESE.iter().all(|(_, text)| !text.is_empty()));
    }

    #[test]
    fn both_languages_take_the_same_arguments() {
        Cli::command().debug_assert();
        chinese(Cli::command(), "").debug_assert();
        for language in [Language::En, Language::ZhCn] {
            let typed = ["moltworker", "--json", "knowledge", "search", "a", "b", "--limit", "3"].map(OsString::from);
            let cli = parse(typed, Words::new(language)).unwrap();
            assert!(cli.json);
            let wrong = parse(["moltworker", "task", "done"].map(OsString::from), Words::new(language)).unwrap_err();
            assert_eq!(wrong.exit_code(), 2);
        }
    }

    #[test]
    fn the_help_is_in_the_language_asked_for() {
        let help = |language, typed: &[&str]| {
            parse(typed.iter().map(OsString::from), Words::new(language)).unwrap_err().to_string()
        };
        let chinese = help(Language::ZhCn, &["moltworker", "knowledge", "search", "--help"]);
        for text in
            ["查找段落", "用法：moltworker knowledge search", "参数:", "选项:", "--limit", "显示帮助", "输出 JSON"]
        {
            assert!(chinese.contains(text), "{text} is missing in:\n{chinese}");
        }
        assert!(!chinese.contains("Usage") && !chinese.contains("Print"), "{chinese}");
        assert!(help(Language::En, &["moltworker", "task", "--help"]).contains("Complete a task"));
    }
}
