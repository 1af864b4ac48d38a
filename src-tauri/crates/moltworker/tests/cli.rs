//! The real program in a data folder of its own: with and without another one running, for people and for programs.
//!
//! No model is chosen here (`model set none`), so that answers are passages and every run is quick; the flows with the small
//! model are in `tests/e2e`.
//!
//! Size: one program, and every command of it as a person types it.

// Helpers of tests fail on the spot as tests do.
#![allow(clippy::unwrap_used)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use serde_json::{Value, json};

/// A data folder and a folder of documents, gone at the end.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(place.documents()).unwrap();
        place.run(&["model", "set", "none"]);
        place
    }

    fn documents(&self) -> PathBuf {
        self.folder.path().join("documents")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.documents().join(name), content).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command.arg("--data-dir").arg(self.data()).args(arguments);
        command
    }

    /// Runs to the end, whatever that is.
    fn try_run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_owned();
        // A program that does not read its input is no failure.
        let writing = std::thread::spawn(move || stdin.write_all(input.as_bytes()).is_ok());
        let output = child.wait_with_output().unwrap();
        writing.join().unwrap();
        output
    }

    /// Runs and succeeds; gives what was printed.
    fn run(&self, arguments: &[&str]) -> String {
        self.run_with(arguments, "")
    }

    fn run_with(&self, arguments: &[&str], input: &str) -> String {
        let output = self.try_run(arguments, input);
        assert!(
            output.status.success(),
            "{arguments:?}: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let text = self.run(&[&["--json"], arguments].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Runs a batch and gives the objects of its lines.
    fn batch(&self, arguments: &[&str], input: &[Value]) -> Vec<Value> {
        let input: String = input.iter().map(|line| format!("{line}\n")).collect();
        let text = self.run_with(&[arguments, &["--batch", "-"]].concat(), &input);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn path(&self) -> String {
        self.documents().canonicalize().unwrap().to_str().unwrap().to_owned()
    }
}

/// The program with an environment in which neither the user's language nor browser plays a part.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_moltworker"));
    for name in [
        "RUST_LOG",
        "LANG",
        "LANGUAGE",
        "LC_MESSAGES",
        "DISPLAY",
        "WAYLAND_DISPLAY",
        "MOLTWORKER_DATA",
        "MOLTWORKER_PASSPHRASE_FILE",
    ] {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C.UTF-8").env("TZ", "UTC").env("MOLTWORKER_KEYRING", "off");
    command
}

/// A server that is killed when the test is over.
struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: String,
}

impl Server {
    fn start(place: &Place, arguments: &[&str]) -> Self {
        let mut child = place
            .command(&[&["--json"], arguments].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        let address = said["address"].as_str().unwrap().to_owned();
        Self { child, stdout, address }
    }

    fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap()
    }

    /// The status line and the body of a request.
    fn ask(&self, method: &str, path: &str, headers: &str) -> String {
        let host = self.address.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}Content-Length: 0\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[cfg(unix)]
    fn terminate(mut self) -> std::process::ExitStatus {
        assert!(Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().unwrap().success());
        let status = self.child.wait().unwrap();
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
        status
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn error_of(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn documents_without_a_running_program() {
    let place = Place::new();
    place.write("office.md", "# Office\n\n## Door\n\nThe code of the front door is 4711.\n");
    place.write("garten.txt", "花园的钥匙在蓝色的花盆下面。\n");
    let path = place.path();
    let added = place.run(&["knowledge", "add", &path]);
    assert!(added.contains("2 of 2 documents can be searched"), "{added}");

    let found = place.run(&["knowledge", "search", "front", "door", "code"]);
    assert!(found.starts_with("[1] office.md › Office › Door line 1\n"), "{found}");
    assert!(found.contains("4711"), "{found}");
    let lines = [json!({ "id": "q1", "query": "front door" }), json!({ "id": 2, "text": "钥匙在哪里", "limit": 1 })];
    let answers = place.batch(&["knowledge", "search"], &lines);
    assert_eq!((answers[0]["id"].clone(), answers[0]["ids"][0].clone()), (json!("q1"), json!("office")));
    assert_eq!((answers[1]["id"].clone(), answers[1]["ids"].clone()), (json!(2), json!(["garten"])));
    assert!(answers[1]["passages"][0]["text"].as_str().unwrap().contains("蓝色"));
    assert_eq!(answers[0]["words_only"], true);

    let listed = place.json(&["knowledge", "list"]);
    assert_eq!((listed[0]["source"]["path"].clone(), listed[0]["indexed"].clone()), (json!(path), json!(2)));
    assert!(place.run(&["knowledge", "list"]).contains("2 of 2"));
    let removed = place.run(&["knowledge", "remove", &path]);
    assert!(removed.contains(&path), "{removed}");
    assert_eq!(place.json(&["knowledge", "search", "front door"])["passages"], json!([]));
    assert!(Path::new(&path).join("office.md").exists());
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_goes_on() {
    let place = Place::new();
    place.write("good.txt", "Everything is well here.\n");
    let good = place.documents().join("good.txt");
    let missing = place.documents().join("missing.txt");
    let output = place.try_run(&["knowledge", "add", good.to_str().unwrap(), missing.to_str().unwrap()], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(error_of(&output).contains("missing.txt"), "{}", error_of(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 of 1"));

    let lines = [json!({ "id": 1, "path": good }), json!({ "id": 2, "path": missing }), json!({ "id": 3 }), json!([4])];
    let answers = place.batch(&["knowledge", "extract"], &lines);
    assert_eq!(
        answers.iter().map(|answer| answer["id"].clone()).collect::<Vec<_>>(),
        [json!(1), json!(2), json!(3), json!(null)]
    );
    assert_eq!(
        (answers[0]["status"].clone(), answers[0]["text"].clone()),
        (json!("ok"), json!("Everything is well here."))
    );
    assert!(answers[0]["secs"].is_number() && answers[0]["reader"].is_string());
    assert_eq!(answers[1]["status"], "error");
    assert!(answers[2]["error"]["message"].as_str().unwrap().contains("path"));
    assert_eq!(answers[3]["error"]["code"], "invalid");
}

#[test]
fn files_are_listed_shown_and_read_again() {
    let place = Place::new();
    place.write("good.txt", "Everything is well here.\n");
    place.write("data.json", "{ broken");
    std::fs::create_dir(place.documents().join("below")).unwrap();
    place.write("below/empty.md", "\n");
    place.run(&["knowledge", "add", &place.path()]);
    let names = |arguments: &[&str]| -> Vec<String> {
        let files = place.json(&[&["knowledge", "files"], arguments].concat());
        files.as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&[]).len(), 3);
    assert!(names(&["--state", "indexed", "--state", "NO_TEXT"]).contains(&"empty.md".to_owned()));
    assert_eq!(names(&["--in", place.documents().join("below").to_str().unwrap()]), ["empty.md"]);
    place.write("film.bin", "no text");
    place.write("~$good.txt", "open elsewhere");
    let skipped = place.run(&["knowledge", "files", "--skipped"]);
    assert!(skipped.contains("cannot be read") && skipped.contains("film.bin"), "{skipped}");
    assert!(skipped.contains("temporary") && !skipped.contains("empty.md"), "{skipped}");
    assert_eq!(place.json(&["knowledge", "files", "--skipped"])["files"][0]["reason"], "type");
    let listed = place.run(&["knowledge", "files"]);
    assert!(listed.contains("ready") && listed.contains("no text") && listed.contains("It is empty."), "{listed}");
    assert_eq!(place.try_run(&["knowledge", "files", "--state", "lost"], "").status.code(), Some(2));

    let good = place.documents().join("good.txt");
    let shown = place.run(&["knowledge", "show", good.to_str().unwrap()]);
    assert!(shown.contains("good.txt") && shown.contains("Everything is well here."), "{shown}");
    let missing = place.try_run(&["knowledge", "show", "nowhere.txt"], "");
    assert!(error_of(&missing).contains("not in the library"), "{}", error_of(&missing));

    place.write("below/empty.md", "Now there is something.\n");
    place.run(&["knowledge", "retry", place.documents().join("below/empty.md").to_str().unwrap()]);
    assert!(names(&["--state", "no_text"]).is_empty());
    assert!(place.run(&["knowledge", "search", "something"]).contains("empty.md"));

    assert!(place.run(&["knowledge", "pause"]).contains("paused"));
    assert_eq!(place.json(&["knowledge", "resume"])["paused"], false);
    let here = place.run(&["knowledge", "search", "well something", "--in", good.to_str().unwrap()]);
    assert!(here.contains("good.txt") && !here.contains("empty.md"), "{here}");
}

#[test]
fn text_of_strangers_cannot_command_the_terminal() {
    let place = Place::new();
    let evil = "harmless words \u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m and a \u{202e}turn\n";
    // With enough plain text around it that the file counts as text.
    place.write("evil.txt", &format!("{evil}\n{}", "Nothing to see here, only plain words.\n".repeat(40)));
    place.run(&["knowledge", "add", &place.path()]);
    place.run(&["task", "add", "look \u{1b}[31mhere"]);
    let path = place.documents().join("evil.txt");
    let printed = [
        place.run(&["knowledge", "search", "harmless"]),
        place.run(&["knowledge", "extract", path.to_str().unwrap()]),
        place.run(&["--json", "knowledge", "search", "harmless"]),
        place.run(&["ask", "harmless words"]),
        place.run(&["task", "list"]),
    ];
    for text in printed {
        assert!(text.contains("harmless") || text.contains("look"), "{text}");
        assert!(!text.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
    }
}

#[test]
fn answers_are_passages_with_sources_when_there_is_no_model() {
    let place = Place::new();
    place.write("office.md", "# Office\n\nThe code of the front door is 4711.\n");
    place.run(&["knowledge", "add", &place.path()]);
    let answer = place.run(&["ask", "What", "is", "the", "door", "code?"]);
    let source = answer.find("\n[1] office.md › Office line 1\n").unwrap_or_else(|| panic!("{answer}"));
    assert!(answer[source..].contains("    The code of the front door is 4711.\n"), "{answer}");
    let conversations =
        place.batch(&["ask"], &[json!({ "id": "a", "question": "door code?" }), json!({ "id": "b", "text": "code?" })]);
    for (answer, id) in conversations.iter().zip(["a", "b"]) {
        assert_eq!(
            (answer["id"].clone(), answer["kind"].clone(), answer["state"].clone()),
            (json!(id), json!("passages"), json!("done"))
        );
        assert_eq!(answer["citations"][0]["document_name"], "office.md");
    }
}

#[test]
fn a_conversation_through_a_pipe() {
    let place = Place::new();
    let printed =
        place.run_with(&["--json", "chat"], "Remind me to water the plants tomorrow at 9am\n\nWhat is there?\n");
    let answers: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0]["kind"], "task");
    assert_eq!(answers[1]["kind"], "passages");
    assert_eq!(answers[0]["conversation_id"], answers[1]["conversation_id"]);
    assert_eq!(place.json(&["task", "list"])[0]["task"]["id"], answers[0]["task_id"]);
}

#[test]
fn tasks_with_and_without_a_running_program() {
    let place = Place::new();
    let alone = place.json(&["task", "add", "buy milk tomorrow #home"]);
    assert_eq!((alone["task"]["title"].clone(), alone["task"]["category"].clone()), (json!("buy milk"), json!("home")));
    let server = Server::start(&place, &["serve"]);
    place.run(&["task", "add", "明天下午3点开会"]);
    let listed = place.json(&["task", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let id = alone["task"]["id"].as_str().unwrap();
    let done = place.run(&["task", "done", &id[..13]]);
    assert_eq!(done, "Done: buy milk\n");
    drop(server);
    // The server was killed: what it acknowledged is there, and nothing keeps the folder locked.
    let titles = |arguments: &[&str]| -> Vec<Value> {
        place.json(arguments).as_array().unwrap().iter().map(|view| view["task"]["title"].clone()).collect()
    };
    assert_eq!(titles(&["task", "list"]), [json!("开会")]);
    assert_eq!(titles(&["task", "list", "--all"]), [json!("开会"), json!("buy milk")]);
    let unknown = place.try_run(&["--json", "task", "done", "no-such-task"], "");
    assert_eq!(unknown.status.code(), Some(1));
    let error: Value = serde_json::from_str(&error_of(&unknown)).unwrap();
    assert!(error["error"]["message"].as_str().unwrap().contains("no-such-task"));
}

#[test]
fn a_passphrase_locks_the_data_and_a_recovery_code_opens_it() {
    let place = Place::new();
    place.run(&["task", "add", "call Anna"]);
    let status = place.json(&["key", "status"]);
    assert_eq!(
        (&status["locked"], &status["file"], &status["passphrase"]),
        (&json!(false), &json!(true), &json!(false))
    );
    let refused = place.try_run(&["key", "passphrase"], "short\n");
    assert!(error_of(&refused).contains("too short"), "{}", error_of(&refused));
    place.run_with(&["key", "passphrase"], "four words of mine\n");
    assert!(!place.data().join("store.key").exists());
    let status = place.json(&["key", "status"]);
    assert_eq!(
        (&status["locked"], &status["file"], &status["passphrase"]),
        (&json!(true), &json!(false), &json!(true))
    );

    let refused = place.try_run(&["task", "list"], "");
    assert!(!refused.status.success() && error_of(&refused).contains("locked"), "{}", error_of(&refused));
    let file = place.folder.path().join("passphrase");
    std::fs::write(&file, "four words of mine\n").unwrap();
    let file = file.to_str().unwrap();
    assert!(place.run(&["task", "list", "--passphrase-file", file]).contains("call Anna"));
    let wrong = place.folder.path().join("wrong");
    std::fs::write(&wrong, "not the passphrase\n").unwrap();
    let refused = place.try_run(&["task", "list", "--passphrase-file", wrong.to_str().unwrap()], "");
    assert!(error_of(&refused).contains("not the passphrase"), "{}", error_of(&refused));

    let made = place.json(&["key", "recovery", "--passphrase-file", file]);
    let code = made["code"].as_str().unwrap();
    assert!(place.run_with(&["key", "unlock", "--recovery"], &format!("{code}\n")).contains("unlocked"));
    let new = place.json(&["key", "rotate", "--passphrase-file", file]);
    let refused = place.try_run(&["key", "unlock", "--recovery"], &format!("{code}\n"));
    assert!(error_of(&refused).contains("not the recovery code"), "{}", error_of(&refused));
    let code = new["code"].as_str().unwrap();
    assert!(place.run_with(&["key", "unlock", "--recovery"], &format!("{code}\n")).contains("unlocked"));
    assert!(place.run(&["task", "list", "--passphrase-file", file]).contains("call Anna"));
}

#[test]
fn a_running_program_is_locked_and_unlocked() {
    let place = Place::new();
    place.run(&["task", "add", "call Anna"]);
    place.run_with(&["key", "passphrase"], "four words of mine\n");
    let file = place.folder.path().join("passphrase");
    std::fs::write(&file, "four words of mine\n").unwrap();
    let _server = Server::start(&place, &["serve", "--passphrase-file", file.to_str().unwrap()]);
    assert!(place.run(&["task", "list"]).contains("call Anna"));
    assert_eq!(place.json(&["key", "lock"])["locked"], true);
    assert!(!place.try_run(&["task", "list"], "").status.success());
    assert!(place.run_with(&["key", "unlock"], "four words of mine\n").contains("unlocked"));
    assert!(place.run(&["task", "list"]).contains("call Anna"));
}

#[test]
fn many_at_once_share_one_program() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for number in 0..4 {
            let place = &place;
            scope.spawn(move || place.run(&["task", "add", &format!("task number{number}")]));
        }
    });
    assert_eq!(place.json(&["task", "list"]).as_array().unwrap().len(), 4);
}

#[test]
fn a_second_server_points_to_the_first() {
    let place = Place::new();
    let server = Server::start(&place, &["serve"]);
    let second = place.try_run(&["serve"], "");
    assert_eq!(second.status.code(), Some(1));
    assert!(error_of(&second).contains(&server.address), "{}", error_of(&second));
    let web = place.json(&["web", "--no-open"]);
    assert_eq!(web["address"], json!(server.address));
    let token = web["url"].as_str().unwrap().rsplit("#token=").next().unwrap().to_owned();

    let other = Place::new();
    let taken = other.try_run(&["serve", "--port", server.port()], "");
    assert_eq!(taken.status.code(), Some(1));
    assert!(error_of(&taken).contains(&format!("Port {} is already used", server.port())), "{}", error_of(&taken));
    // It left the folder free.
    other.run(&["task", "list"]);

    assert!(server.ask("GET", "/health", "").contains("{\"status\":\"ok\""));
    assert!(server.ask("POST", "/api/status", "").starts_with("HTTP/1.1 401"));
    let authorised = format!("Authorization: Bearer {token}\r\n");
    assert!(server.ask("POST", "/api/status", &authorised).starts_with("HTTP/1.1 200"));
}

#[cfg(unix)]
#[test]
fn a_server_ends_in_good_order() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let server = Server::start(&place, &["serve"]);
    let owner_file = place.data().join("owner.json");
    assert_eq!(std::fs::metadata(&owner_file).unwrap().permissions().mode() & 0o777, 0o600);
    let status = server.terminate();
    assert!(status.success(), "{status}");
    assert!(!owner_file.exists());
}

#[test]
fn lines_are_read_without_any_data() {
    // The data folder cannot be made below a file, and is not needed.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let batch = folder.path().join("lines.jsonl");
    let lines = [
        json!({ "id": "a", "text": "call Anna tomorrow at 3pm", "reference_time": "2013-02-12T04:30:00" }),
        json!({ "id": "b", "text": "明天交报告", "reference_time": "2013-02-12T04:30:00", "zone": "Asia/Shanghai" }),
        json!({ "id": "c", "text": "buy milk", "reference_time": "yesterday" }),
    ];
    std::fs::write(&batch, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let mut command = program();
    command.arg("--data-dir").arg(file.join("data")).args(["task", "parse", "--batch"]).arg(&batch);
    let output = command.output().unwrap();
    assert!(output.status.success());
    let answers: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((answers[0]["id"].clone(), answers[0]["pred"].clone()), (json!("a"), json!("2013-02-13T15:00:00")));
    assert_eq!((answers[1]["time"].clone(), answers[1]["grain"].clone()), (json!("2013-02-13"), json!("day")));
    assert_eq!((answers[2]["id"].clone(), answers[2]["error"]["code"].clone()), (json!("c"), json!("invalid")));

    let mut unusable = program();
    let output = unusable.arg("--data-dir").arg(file.join("data")).args(["task", "list"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error_of(&output).contains("cannot be used"), "{}", error_of(&output));
}

#[test]
fn wrong_usage_and_chinese() {
    let wrong = program().args(["task", "fly"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(error_of(&wrong).contains("fly"));
    let chinese = program().env("LC_ALL", "zh_CN.UTF-8").args(["task", "--help"]).output().unwrap();
    assert!(chinese.status.success());
    assert!(String::from_utf8(chinese.stdout).unwrap().contains("完成任务"));
    let parsed = program().env("LC_ALL", "zh_CN.UTF-8").args(["task", "parse", "明天交报告"]).output().unwrap();
    assert!(String::from_utf8(parsed.stdout).unwrap().contains("标题: 交报告"));
}

#[cfg(unix)]
#[test]
fn a_reader_that_stops_reading_is_no_error() {
    let mut child =
        program().args(["task", "parse", "--batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdin.write_all(b"{\"id\":1,\"text\":\"a\"}\n").unwrap();
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.contains("\"id\":1"));
    drop(stdout);
    // The next line cannot be written any more.
    stdin.write_all(b"{\"id\":2,\"text\":\"b\"}\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
}

#[test]
fn a_model_of_another_server_is_added_listed_and_removed_and_its_key_is_not_shown() {
    let place = Place::new();
    let add = ["model", "endpoint", "add", "Far", "https://api.example.com", "--model", "big-1", "--key"];
    let said = place.run_with(&add, "sk-very-secret\n");
    assert!(said.contains("Added: Far"), "{said}");
    let listed = place.run(&["--json", "model", "endpoint", "list"]);
    assert!(!listed.contains("sk-very-secret"), "{listed}");
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["spec"]["remote"]["url"], "https://api.example.com/v1");
    assert!(place.run(&["model", "list"]).contains("api.example.com"), "it stands among the others");

    let refused = place.try_run(&["model", "endpoint", "add", "Near", "http://example.com", "--model", "m"], "");
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("https://"));
    place.run(&["model", "endpoint", "remove", "Far"]);
    assert_eq!(place.json(&["model", "endpoint", "list"]), json!([]));
}
