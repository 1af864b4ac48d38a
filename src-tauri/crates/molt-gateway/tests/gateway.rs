//! The gateway over real TCP, in front of a pretend program. Requests are written by hand, because what matters is what a
//! polite client would never send.

// Size: one suite over one fake application.
// A helper that fails fails the test that called it.
#![allow(clippy::unwrap_used)]

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use molt_api::{ApiError, Event};
use molt_core::{ConversationId, MessageId};
use molt_gateway::{Calls, Gateway, GatewayConfig, GatewayError, serve};
use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Notify, broadcast},
};

const TOKEN: &str = "4b1d0e7a9c2f4b1d0e7a9c2f4b1d0e7a";

/// Answers with what it was asked, and counts.
#[derive(Clone)]
struct Program {
    feed: Option<&'static str>,
    events: broadcast::Sender<Event>,
    calls: Arc<AtomicUsize>,
    /// The command `slow` says that it was called, and waits to be told to end.
    started: Arc<Notify>,
    go_on: Arc<Notify>,
}

impl Program {
    fn new() -> Self {
        Self {
            feed: None,
            events: broadcast::channel(4).0,
            calls: Arc::default(),
            started: Arc::default(),
            go_on: Arc::default(),
        }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Calls for Program {
    async fn call(&self, name: &str, args: Value) -> Result<Box<RawValue>, ApiError> {
        let error = |code| ApiError { code, message: "A sentence.".into(), hint: None, trace_id: "t".into() };
        match name {
            "slow" => {
                self.started.notify_one();
                self.go_on.notified().await;
            }
            "break" => panic!("a bug"),
            _ => {}
        }
        self.calls.fetch_add(1, Ordering::SeqCst);
        match args["fail"].as_str() {
            Some(code) => Err(error(serde_json::from_value(json!(code)).unwrap())),
            None => {
                let answer = match name {
                    "settings_get" => json!({ "calendar_feed": self.feed }),
                    "task_export" => json!({ "text": "BEGIN:VCALENDAR" }),
                    _ => json!({ "name": name, "args": args }),
                };
                Ok(to_raw_value(&answer).unwrap())
            }
        }
    }

    async fn document_file(&self, id: &str) -> Result<Vec<u8>, ApiError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let code = match id {
            "report" => return Ok(b"%PDF-1.4 pages".to_vec()),
            "notes" => json!("invalid"),
            "locked" => json!("locked"),
            _ => json!("not_found"),
        };
        let code = serde_json::from_value(code).unwrap();
        Err(ApiError { code, message: "A sentence.".into(), hint: None, trace_id: "t".into() })
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }
}

async fn start(program: &Program) -> Gateway {
    let config = GatewayConfig { addr: SocketAddr::from(([127, 0, 0, 1], 0)), token: TOKEN.into(), ui: true };
    serve(program.clone(), config).await.unwrap()
}

struct Answer {
    status: u16,
    headers: HashMap<String, String>,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// Sends the text as it is, with `{port}` filled in, and reads until the other side closes.
async fn raw(gateway: &Gateway, request: &str) -> Answer {
    let addr = gateway.local_addr();
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request.replace("{port}", &addr.port().to_string()).as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.into()));
    Answer { status, headers: headers.collect(), body: body.into() }
}

/// `extra` are whole header lines, each ending with `\r\n`.
async fn send(gateway: &Gateway, method: &str, path: &str, extra: &str, body: &str) -> Answer {
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{{port}}\r\nConnection: close\r\n{extra}");
    raw(gateway, &format!("{head}Content-Length: {length}\r\n\r\n{body}")).await
}

fn bearer() -> String {
    format!("Authorization: Bearer {TOKEN}\r\n")
}

const JSON: &str = "Content-Type: application/json\r\n";

async fn command(gateway: &Gateway, name: &str, body: &str) -> Answer {
    send(gateway, "POST", &format!("/api/{name}"), &format!("{}{JSON}", bearer()), body).await
}

#[tokio::test]
async fn health_is_open_and_says_nothing_else() {
    let gateway = start(&Program::new()).await;
    let answer = send(&gateway, "GET", "/health", "", "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }));
}

#[tokio::test]
async fn commands_are_passed_on_with_their_arguments() {
    let program = Program::new();
    let gateway = start(&program).await;
    let answer = command(&gateway, "task_add_line", r#"{"text":"买牛奶 🥛"}"#).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({ "name": "task_add_line", "args": { "text": "买牛奶 🥛" } }));
    assert_eq!(answer.headers["cache-control"], "no-store");
    let without_body = send(&gateway, "POST", "/api/status", &bearer(), "").await;
    assert_eq!(without_body.json(), json!({ "name": "status", "args": {} }));
    assert_eq!(program.calls(), 2);
}

#[tokio::test]
async fn a_document_is_given_as_it_is_to_be_saved_and_not_shown() {
    let gateway = start(&Program::new()).await;
    let answer = send(&gateway, "GET", "/api/documents/report/file", &bearer(), "").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "%PDF-1.4 pages"));
    assert_eq!(answer.headers["content-type"], "application/pdf");
    assert!(answer.headers["content-disposition"].starts_with("attachment"));
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn documents_that_are_not_given_say_why() {
    let gateway = start(&Program::new()).await;
    let ask = async |path: &str| send(&gateway, "GET", path, &bearer(), "").await;
    for (id, status) in [("notes", 400), ("locked", 423), ("unknown", 404)] {
        let answer = ask(&format!("/api/documents/{id}/file")).await;
        assert_eq!((answer.status, answer.json()["message"].clone()), (status, json!("A sentence.")), "{id}");
        assert_eq!(answer.headers["content-type"], "application/json");
    }
    for path in [
        "/api/documents/..%2F..%2Fetc%2Fpasswd/file",
        "/api/documents/%2Fetc%2Fpasswd/file",
        "/api/documents/report/../notes/file",
        "/api/documents/report/file/more",
        "/api/documents/report%00/file",
        "/api/documents//file",
        "/api/documents/report",
    ] {
        assert!([400, 404, 405].contains(&ask(path).await.status), "{path}");
    }
    assert_eq!(send(&gateway, "POST", "/api/documents/report/file", &bearer(), "").await.status, 405);
}

#[tokio::test]
async fn strangers_are_given_no_document() {
    let program = Program::new();
    let gateway = start(&program).await;
    let path = "/api/documents/report/file";
    for credentials in ["", "Authorization: Bearer wrong\r\n", "Cookie: moltworker-{port}=wrong\r\n"] {
        assert_eq!(send(&gateway, "GET", path, credentials, "").await.status, 401, "{credentials:?}");
    }
    for foreign in
        ["Origin: https://example.org\r\n", "Sec-Fetch-Site: cross-site\r\n", "Sec-Fetch-Site: same-site\r\n"]
    {
        let answer = send(&gateway, "GET", path, &format!("{}{foreign}", bearer()), "").await;
        assert_eq!(answer.status, 403, "{foreign:?}");
    }
    assert_eq!(send(&gateway, "GET", &format!("{path}?token={TOKEN}"), "", "").await.status, 401);
    assert_eq!(program.calls(), 0);
}

#[tokio::test]
async fn the_feed_is_open_to_who_knows_its_address() {
    let secret = "3f1c";
    let gateway = start(&Program { feed: Some(secret), ..Program::new() }).await;
    let answer = send(&gateway, "GET", "/feed/3f1c/tasks.ics", "", "").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "BEGIN:VCALENDAR"));
    assert_eq!(answer.headers["content-type"], "text/calendar; charset=utf-8");
    assert_eq!(send(&gateway, "GET", "/feed/3f1d/tasks.ics", "", "").await.status, 404);
    assert_eq!(send(&gateway, "POST", "/feed/3f1c/tasks.ics", "", "").await.status, 405);
    let elsewhere = "Origin: https://example.org\r\n";
    assert_eq!(send(&gateway, "GET", "/feed/3f1c/tasks.ics", elsewhere, "").await.status, 403);
    let off = start(&Program::new()).await;
    for guess in ["3f1c", "null", ""] {
        assert_eq!(send(&off, "GET", &format!("/feed/{guess}/tasks.ics"), "", "").await.status, 404, "{guess}");
    }
}

#[tokio::test]
async fn errors_keep_their_words_and_get_a_status() {
    let gateway = start(&Program::new()).await;
    let statuses = [
        ("invalid", 400),
        ("not_found", 404),
        ("busy", 429),
        ("unavailable", 503),
        ("disk_full", 507),
        ("internal", 500),
    ];
    for (code, status) in statuses {
        let answer = command(&gateway, "any", &json!({ "fail": code }).to_string()).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.json(), json!({ "code": code, "message": "A sentence.", "hint": null, "trace_id": "t" }));
    }
    let answer = command(&gateway, "break", "{}").await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (500, json!("internal")));
    assert!(!answer.body.contains("a bug"), "{}", answer.body);
}

#[tokio::test]
async fn nothing_works_without_the_token() {
    let program = Program::new();
    let gateway = start(&program).await;
    let wrong = [
        String::new(),
        "Authorization: Bearer\r\n".into(),
        "Authorization: Bearer \r\n".into(),
        format!("Authorization: Bearer {TOKEN}x\r\n"),
        format!("Authorization: Bearer {}\r\n", &TOKEN[1..]),
        format!("Authorization: Basic {TOKEN}\r\n"),
        format!("Authorization: {TOKEN}\r\n"),
        format!("X-Authorization: Bearer {TOKEN}\r\n"),
        format!("{0}{0}", bearer()),
        format!("Cookie: moltworker-{{port}}={TOKEN}\r\n"),
        "Cookie: moltworker-{port}=\r\n".into(),
    ];
    let places = [
        ("POST", "/api/status"),
        ("POST", "/api/session/code"),
        ("GET", "/api/events"),
        ("GET", "/api"),
        ("POST", "/api/"),
        ("GET", "/api/a/b"),
        ("POST", "/api/session/"),
    ];
    for (method, path) in places {
        for credentials in &wrong {
            let answer = send(&gateway, method, path, credentials, "").await;
            assert_eq!(answer.status, 401, "{method} {path} {credentials:?}");
            assert_eq!(answer.json()["code"], "invalid");
        }
        let in_the_address = send(&gateway, method, &format!("{path}?token={TOKEN}"), "", "").await;
        assert_eq!(in_the_address.status, 401, "{method} {path}");
    }
    assert_eq!(program.calls(), 0);
}

#[tokio::test]
async fn a_session_is_bought_with_the_token_or_a_code() {
    let program = Program::new();
    let gateway = start(&program).await;
    let sign_in = async |token: &str| {
        let body = json!({ "token": token }).to_string();
        send(&gateway, "POST", "/api/session", JSON, &body).await
    };
    for secret in ["", "x", &TOKEN[1..]] {
        let refused = sign_in(secret).await;
        assert_eq!(refused.status, 401);
        assert!(!refused.headers.contains_key("set-cookie"));
    }
    let made_over_http = send(&gateway, "POST", "/api/session/code", &bearer(), "").await.json();
    for secret in [TOKEN, &gateway.sign_in_code(), made_over_http["code"].as_str().unwrap()] {
        let answer = sign_in(secret).await;
        assert_eq!(answer.status, 200);
        let set = &answer.headers["set-cookie"];
        assert!(set.ends_with("; Path=/api; HttpOnly; SameSite=Strict") && !set.contains(TOKEN), "{set}");
        let pair = set.split(';').next().unwrap();
        let with_cookie = format!("Cookie: theme=dark; {pair}\r\n");
        assert_eq!(send(&gateway, "POST", "/api/status", &with_cookie, "").await.status, 200);
        let beside_a_wrong_token = format!("{with_cookie}Authorization: Bearer wrong\r\n");
        assert_eq!(send(&gateway, "POST", "/api/status", &beside_a_wrong_token, "").await.status, 401);
    }
    assert_eq!(sign_in(made_over_http["code"].as_str().unwrap()).await.status, 401);
    let malformed = send(&gateway, "POST", "/api/session", JSON, r#"{"token":1}"#).await;
    assert_eq!(malformed.status, 400);
}

#[tokio::test]
async fn only_our_own_host_is_answered() {
    let program = Program::new();
    let gateway = start(&program).await;
    let own = ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}", "[::1]:{port}"];
    let foreign = [
        "evil.example",
        "evil.example:{port}",
        "localhost.evil.example:{port}",
        "127.0.0.1.nip.io:{port}",
        "127.0.0.1:1",
        "127.0.0.1",
        "127.0.0.1:0{port}",
        "0.0.0.0:{port}",
        "127.0.0.2:{port}",
        "[::ffff:7f00:1]:{port}",
        "user@127.0.0.1:{port}",
        "127.0.0.1:{port}@evil.example",
        "",
    ];
    for (path, credentials) in [("/health", String::new()), ("/api/status", bearer()), ("/", String::new())] {
        let method = if path == "/api/status" { "POST" } else { "GET" };
        for host in foreign {
            let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{credentials}\r\n");
            assert!([400, 421].contains(&raw(&gateway, &request).await.status), "{method} {path} {host}");
        }
        for host in own {
            let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{credentials}\r\n");
            assert!(![400, 421].contains(&raw(&gateway, &request).await.status), "{method} {path} {host}");
        }
    }
    assert_eq!(program.calls(), own.len());
    let odd = [
        "GET /health HTTP/1.0\r\n\r\n",
        "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        "GET http://evil.example/health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: 127.0.0.1:{port}\r\nForwarded: host=127.0.0.1:{port}\r\n\
         Connection: close\r\n\r\n",
    ];
    for request in odd {
        assert!([400, 421].contains(&raw(&gateway, request).await.status), "{request}");
    }
    let absolute = "GET http://127.0.0.1:{port}/health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n";
    assert_eq!(raw(&gateway, absolute).await.status, 200);
}

#[tokio::test]
async fn other_pages_are_refused_and_never_invited() {
    let program = Program::new();
    let gateway = start(&program).await;
    let cookie = send(&gateway, "POST", "/api/session", JSON, &json!({ "token": TOKEN }).to_string()).await;
    let cookie = format!("Cookie: {}\r\n", cookie.headers["set-cookie"].split(';').next().unwrap());
    let foreign = [
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Origin: https://127.0.0.1:{port}\r\n",
        "Origin: http://127.0.0.1:1\r\n",
        "Origin: http://localhost:{port}\r\n",
        "Origin: tauri://localhost\r\n",
        "Origin: http://127.0.0.1:{port}\r\nOrigin: http://evil.example\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
    ];
    for (method, path) in
        [("POST", "/api/status"), ("GET", "/api/events"), ("OPTIONS", "/api/status"), ("POST", "/api/session")]
    {
        for origin in foreign {
            let answer = send(&gateway, method, path, &format!("{cookie}{origin}"), "").await;
            assert_eq!(answer.status, 403, "{method} {path} {origin}");
            assert!(!answer.headers.keys().any(|name| name.starts_with("access-control")), "{:?}", answer.headers);
        }
    }
    assert_eq!(program.calls(), 0);
    for origin in ["Origin: http://127.0.0.1:{port}\r\nSec-Fetch-Site: same-origin\r\n", "Sec-Fetch-Site: none\r\n"] {
        assert_eq!(send(&gateway, "POST", "/api/status", &format!("{cookie}{origin}"), "").await.status, 200);
    }
    // A link on another page may open ours, as with any program in a browser.
    assert_ne!(send(&gateway, "GET", "/", "Sec-Fetch-Site: cross-site\r\nAccept: text/html\r\n", "").await.status, 403);
}

#[tokio::test]
async fn only_json_is_a_command() {
    let program = Program::new();
    let gateway = start(&program).await;
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx"]
    {
        let headers = format!("{}Content-Type: {kind}\r\n", bearer());
        assert_eq!(send(&gateway, "POST", "/api/status", &headers, "{}").await.status, 415, "{kind}");
    }
    assert_eq!(send(&gateway, "POST", "/api/status", &bearer(), "{}").await.status, 415);
    for body in ["{", "\u{0}", "{\"a\":1} x"] {
        assert_eq!(command(&gateway, "status", body).await.status, 400, "{body:?}");
    }
    assert_eq!(command(&gateway, "status", &"[".repeat(100_000)).await.status, 400);
    for method in ["GET", "PUT", "DELETE"] {
        assert_eq!(send(&gateway, method, "/api/status", &bearer(), "").await.status, 405, "{method}");
    }
    assert_eq!(program.calls(), 0);
    let with_charset = format!("{}Content-Type: Application/JSON; charset=utf-8\r\n", bearer());
    assert_eq!(send(&gateway, "POST", "/api/status", &with_charset, "{}").await.status, 200);
}

#[tokio::test]
async fn a_huge_request_is_refused_before_it_is_read() {
    let program = Program::new();
    let gateway = start(&program).await;
    let head =
        format!("POST /api/status HTTP/1.1\r\nHost: 127.0.0.1:{{port}}\r\nConnection: close\r\n{}{JSON}", bearer());
    let announced = raw(&gateway, &format!("{head}Content-Length: 16777217\r\n\r\n")).await;
    assert_eq!((announced.status, announced.json()["code"].clone()), (413, json!("invalid")));
    // Without a good token, not even the size is looked at.
    let stranger = head.replace(TOKEN, "wrong");
    assert_eq!(raw(&gateway, &format!("{stranger}Content-Length: 16777217\r\n\r\n")).await.status, 401);
    assert_eq!(program.calls(), 0);
    let large = json!({ "text": "x".repeat(15 << 20) }).to_string();
    assert_eq!(command(&gateway, "any", &large).await.status, 200);
}

#[tokio::test]
async fn a_request_in_pieces_that_grows_too_large_is_refused() {
    let program = Program::new();
    let gateway = start(&program).await;
    let port = gateway.local_addr().port();
    let (mut read, mut write) = TcpStream::connect(gateway.local_addr()).await.unwrap().into_split();
    let head = format!(
        "POST /api/any HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{}{JSON}Transfer-Encoding: chunked\r\n\r\n",
        bearer()
    );
    let pieces = tokio::spawn(async move {
        write.write_all(head.as_bytes()).await.unwrap();
        let piece = format!("100000\r\n{}\r\n", " ".repeat(1 << 20));
        // The other side stops reading at 16 of them and closes.
        for _ in 0..64 {
            if write.write_all(piece.as_bytes()).await.is_err() {
                return false;
            }
        }
        true
    });
    let mut answer = Vec::new();
    // A reset instead of an orderly end is fine too: the request was cut off either way.
    let _ = read.read_to_end(&mut answer).await;
    if !answer.is_empty() {
        assert!(answer.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
    }
    assert!(!pieces.await.unwrap());
    assert_eq!(program.calls(), 0);
}

#[tokio::test]
async fn a_caller_who_leaves_does_not_stop_the_command() {
    let program = Program::new();
    let gateway = start(&program).await;
    let port = gateway.local_addr().port();
    let mut stream = TcpStream::connect(gateway.local_addr()).await.unwrap();
    let head = format!("POST /api/slow HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{}Content-Length: 0\r\n\r\n", bearer());
    stream.write_all(head.as_bytes()).await.unwrap();
    program.started.notified().await;
    drop(stream);
    // By the time that another caller was answered, it is known that the first one left.
    assert_eq!(command(&gateway, "status", "{}").await.status, 200);
    assert_eq!(program.calls(), 1);
    program.go_on.notify_one();
    until(|| program.calls() == 2).await;
}

/// Lets the others run until something holds.
async fn until(holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), waiting).await.expect("it never came to hold");
}

/// A connection to the events, read piece by piece.
struct Listening {
    stream: TcpStream,
    text: String,
}

impl Listening {
    async fn open(gateway: &Gateway) -> Self {
        let port = gateway.local_addr().port();
        let mut stream = TcpStream::connect(gateway.local_addr()).await.unwrap();
        let head = format!("GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{}\r\n", bearer());
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut listening = Self { stream, text: String::new() };
        listening.read_until("\r\n\r\n").await;
        listening
    }

    /// Everything up to and with the mark; what follows is kept.
    async fn read_until(&mut self, mark: &str) -> String {
        loop {
            if let Some(place) = self.text.find(mark) {
                let rest = self.text.split_off(place + mark.len());
                return std::mem::replace(&mut self.text, rest);
            }
            let mut piece = [0; 4096];
            let length = self.stream.read(&mut piece).await.unwrap();
            assert!(length > 0, "the stream ended: {}", self.text);
            self.text.push_str(std::str::from_utf8(&piece[..length]).unwrap());
        }
    }

    async fn event(&mut self) -> Value {
        self.read_until("data: ").await;
        let line = self.read_until("\n").await;
        serde_json::from_str(&line).unwrap()
    }
}

fn delta(text: &str) -> Event {
    let ids = (ConversationId("c".into()), MessageId("m".into()));
    Event::AnswerDelta { conversation_id: ids.0, message_id: ids.1, offset: 0, text: text.into() }
}

#[tokio::test]
async fn events_arrive_as_they_happen() {
    let program = Program::new();
    let gateway = start(&program).await;
    let (mut first, mut second) = (Listening::open(&gateway).await, Listening::open(&gateway).await);
    program.events.send(delta("one\r\n\u{2028}二")).unwrap();
    program.events.send(Event::TasksChanged {}).unwrap();
    for listening in [&mut first, &mut second] {
        let event = listening.event().await;
        assert_eq!(
            (event["topic"].clone(), event["text"].clone()),
            (json!("answer_delta"), json!("one\r\n\u{2028}二"))
        );
        assert_eq!(listening.event().await, json!({ "topic": "tasks_changed" }));
    }
}

#[tokio::test]
async fn who_is_too_slow_is_told_to_read_again() {
    let program = Program::new();
    let gateway = start(&program).await;
    let mut listening = Listening::open(&gateway).await;
    // Nothing else runs between these sends: the channel keeps four of the ten.
    for number in 0..10 {
        program.events.send(delta(&number.to_string())).unwrap();
    }
    assert_eq!(listening.event().await, json!({ "topic": "resync" }));
    assert_eq!(listening.event().await["text"], "6");
}

#[tokio::test]
async fn stopping_ends_the_streams_and_frees_the_port() {
    let program = Program::new();
    let gateway = start(&program).await;
    let addr = gateway.local_addr();
    let mut listening = Listening::open(&gateway).await;
    gateway.shutdown().await;
    let mut rest = Vec::new();
    listening.stream.read_to_end(&mut rest).await.unwrap();
    let config = GatewayConfig { addr, token: TOKEN.into(), ui: false };
    let again = serve(program.clone(), config).await.unwrap();
    assert_eq!(again.local_addr(), addr);
    assert_eq!(send(&again, "GET", "/", "Accept: text/html\r\n", "").await.status, 404);
}

#[tokio::test]
async fn a_bad_place_to_listen_is_one_plain_sentence() {
    let program = Program::new();
    let gateway = start(&program).await;
    let open = async |addr: SocketAddr, token: &str| {
        serve(program.clone(), GatewayConfig { addr, token: token.into(), ui: true }).await.unwrap_err()
    };
    let taken = open(gateway.local_addr(), TOKEN).await;
    assert!(matches!(taken, GatewayError::PortTaken(_)));
    assert!(taken.to_string().contains(&format!("port {} is already used", gateway.local_addr().port())), "{taken}");
    let everywhere = open(SocketAddr::from(([0, 0, 0, 0], 0)), TOKEN).await;
    assert!(matches!(everywhere, GatewayError::NotLocal(_)));
    assert!(matches!(open(SocketAddr::from(([127, 0, 0, 1], 0)), "short").await, GatewayError::WeakToken));
}

#[tokio::test]
async fn every_answer_carries_the_protective_headers() {
    let gateway = start(&Program::new()).await;
    let answers = [
        send(&gateway, "GET", "/health", "", "").await,
        send(&gateway, "GET", "/", "Accept: text/html\r\n", "").await,
        send(&gateway, "GET", "/nothing.js", "", "").await,
        command(&gateway, "status", "{}").await,
        send(&gateway, "POST", "/api/status", "", "").await,
        raw(&gateway, "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n").await,
    ];
    for answer in answers {
        let csp = &answer.headers["content-security-policy"];
        assert!(csp.contains("default-src 'none'") && csp.contains("frame-ancestors 'none'"), "{csp}");
        assert!(csp.contains("script-src 'self';") && csp.contains("worker-src 'self';"), "{csp}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer");
        assert!(answer.headers.contains_key("cache-control"));
    }
}
