//! A hub on this machine that misbehaves on command. Plain TCP, because a library for servers would refuse to lie.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What is done with one request for a file's bytes.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// All headers, so many bytes, and the connection ends.
    Drop(usize),
    /// All headers, so many bytes, and then silence until the client goes away.
    Stall(usize),
    /// The connection ends before a word.
    Close,
    /// An answer that is no HTTP.
    Garbage,
    Status(u16),
    /// A whole file in answer to a range.
    IgnoreRange,
    /// Another part of the file than asked for, labelled as such.
    WrongRange,
    /// A range that is not named.
    NamelessRange,
    /// Says that so many more bytes follow than do.
    SaysMore(usize),
    /// Says that so many fewer bytes follow, and sends only them.
    SaysFewer(usize),
    /// More bytes than the file is long, in a body without a length.
    SendsMore,
    /// An orderly end too early, in a body without a length.
    CutShort(usize),
    /// One bit is wrong at this place.
    Flip(usize),
    /// To another path of this server.
    Redirect,
    /// Compressed, or so it says.
    Encoded,
}

/// What the headers tell of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tells {
    /// As a hub does of a large file: its SHA-256 and its size.
    Large,
    /// As a hub does of a small file: the digest of git.
    Small(&'static str),
    /// As any server does: a tag that means nothing.
    Tag,
    Nothing,
}

#[derive(Debug, Clone)]
pub struct Served {
    pub bytes: Vec<u8>,
    pub tells: Tells,
}

/// A request for bytes.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub range: Option<String>,
    pub if_range: Option<String>,
    pub authorization: Option<String>,
}

#[derive(Default)]
struct State {
    files: HashMap<String, Served>,
    faults: VecDeque<Fault>,
    seen: Vec<Seen>,
    json: HashMap<String, (u16, String)>,
    /// The file after the next request for it.
    next: Option<Served>,
}

#[derive(Clone)]
pub struct Server {
    state: Arc<Mutex<State>>,
    connections: Arc<AtomicUsize>,
    /// While true, bodies stop after their first half.
    held: Arc<watch::Sender<bool>>,
    pub address: String,
}

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = Self {
            state: Arc::default(),
            connections: Arc::default(),
            held: Arc::new(watch::Sender::new(false)),
            address,
        };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.connections.fetch_add(1, Ordering::SeqCst);
                let serving = serving.clone();
                // The client may go away at any moment; that is its right.
                tokio::spawn(async move { drop(serving.serve(stream).await) });
            }
        });
        server
    }

    pub fn put(&self, path: &str, bytes: &[u8], tells: Tells) {
        let served = Served { bytes: bytes.to_vec(), tells };
        self.state.lock().unwrap().files.insert(path.to_owned(), served);
    }

    /// The file becomes another one when it has been asked for once more.
    pub fn change_after_next(&self, bytes: &[u8], tells: Tells) {
        self.state.lock().unwrap().next = Some(Served { bytes: bytes.to_vec(), tells });
    }

    pub fn json(&self, path: &str, status: u16, body: impl Into<String>) {
        self.state.lock().unwrap().json.insert(path.to_owned(), (status, body.into()));
    }

    /// The next requests for bytes go wrong like this, in this order.
    pub fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.lock().unwrap().faults.extend(faults);
    }

    pub fn faults_left(&self) -> usize {
        self.state.lock().unwrap().faults.len()
    }

    pub fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let head = read_head(&mut stream).await?;
        let mut lines = head.lines();
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_owned());
        let header = |name: &str| {
            head.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        let path = target.split('?').next().unwrap_or_default().trim_start_matches("/elsewhere").to_owned();
        let json = self.state.lock().unwrap().json.get(&path).cloned();
        if let Some((status, body)) = json {
            return answer(&mut stream, status, &[], Some(body.len()), body.as_bytes()).await;
        }
        let Some(file) = self.state.lock().unwrap().files.get(&path).cloned() else {
            return answer(&mut stream, 404, &[], Some(0), b"").await;
        };
        if method == "HEAD" {
            let told = file.tells;
            let mut headers = file.headers();
            headers.push(("content-length".into(), file.bytes.len().to_string()));
            // A hub leads to its store for large files, and says beforehand what they are.
            let status = if told == Tells::Large { 302 } else { 200 };
            headers.push(("location".into(), "http://store.invalid/x".into()));
            return answer(&mut stream, status, &headers, None, b"").await;
        }
        let (fault, file) = {
            let mut state = self.state.lock().unwrap();
            state.seen.push(Seen {
                range: header("range"),
                if_range: header("if-range"),
                authorization: header("authorization"),
            });
            let fault = state.faults.pop_front();
            if let Some(next) = state.next.take() {
                state.files.insert(path, next);
            }
            (fault, file)
        };
        self.send(&mut stream, &file, fault, header("range"), header("if-range"), &target).await
    }

    async fn send(
        &self,
        stream: &mut TcpStream,
        file: &Served,
        fault: Option<Fault>,
        range: Option<String>,
        if_range: Option<String>,
        target: &str,
    ) -> std::io::Result<()> {
        let all = &file.bytes;
        let tag = file.tag();
        let asked = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
        // An honest server sends the whole file when it is another one than the client has the beginning of.
        let is_same = if_range.is_none() || if_range == tag;
        let mut start = asked.filter(|_| is_same && fault != Some(Fault::IgnoreRange)).unwrap_or(0);
        if start > 0 && start >= all.len() {
            let headers = [("content-range".to_owned(), format!("bytes */{}", all.len()))];
            return answer(stream, 416, &headers, Some(0), b"").await;
        }
        let mut headers = file.headers();
        let mut status = 200;
        if start > 0 {
            status = 206;
            if fault == Some(Fault::WrongRange) {
                start /= 2;
            }
            if fault != Some(Fault::NamelessRange) {
                headers.push(("content-range".into(), format!("bytes {start}-{}/{}", all.len() - 1, all.len())));
            }
        }
        let mut body = all[start..].to_vec();
        let (mut length, mut silent) = (Some(body.len()), false);
        match fault {
            None | Some(Fault::IgnoreRange | Fault::WrongRange | Fault::NamelessRange) => {}
            Some(Fault::Close) => return Ok(()),
            Some(Fault::Garbage) => return stream.write_all(b"\x00\x01 not a word of HTTP\r\n\r\n").await,
            Some(Fault::Status(status)) => return answer(stream, status, &[], Some(0), b"").await,
            Some(Fault::Redirect) if !target.starts_with("/elsewhere") => {
                let place = [("location".to_owned(), format!("{}/elsewhere{target}", self.address))];
                return answer(stream, 302, &place, Some(0), b"").await;
            }
            Some(Fault::Redirect) => {}
            Some(Fault::Encoded) => headers.push(("content-encoding".into(), "gzip".into())),
            Some(Fault::Drop(bytes)) => body.truncate(bytes),
            Some(Fault::Stall(bytes)) => {
                body.truncate(bytes);
                silent = true;
            }
            Some(Fault::SaysMore(bytes)) => length = Some(body.len() + bytes),
            Some(Fault::SaysFewer(bytes)) => {
                body.truncate(body.len().saturating_sub(bytes));
                length = Some(body.len());
            }
            Some(Fault::SendsMore) => {
                body.extend_from_slice(b"and more");
                length = None;
            }
            Some(Fault::CutShort(bytes)) => {
                body.truncate(bytes);
                length = None;
            }
            Some(Fault::Flip(place)) => {
                if let Some(byte) = body.get_mut(place) {
                    *byte ^= 1;
                }
            }
        }
        if *self.held.borrow() {
            let half = body.len() / 2;
            answer(stream, status, &headers, length, &body[..half]).await?;
            let mut held = self.held.subscribe();
            tokio::select! {
                released = held.wait_for(|held| !held) => drop(released),
                _ = stream.read_u8() => return Ok(()),
            }
            return stream.write_all(&body[half..]).await;
        }
        answer(stream, status, &headers, length, &body).await?;
        if silent {
            // Ends when the client has had enough.
            let _ = stream.read_u8().await;
        }
        Ok(())
    }
}

impl Served {
    fn tag(&self) -> Option<String> {
        match self.tells {
            Tells::Nothing => None,
            Tells::Small(digest) => Some(format!("\"{digest}\"")),
            Tells::Large | Tells::Tag => Some(format!("\"{}\"", &sha256(&self.bytes)[..16])),
        }
    }

    fn headers(&self) -> Vec<(String, String)> {
        let mut headers: Vec<(String, String)> = Vec::new();
        if let Some(tag) = self.tag() {
            headers.push(("etag".into(), tag));
        }
        if self.tells == Tells::Large {
            headers.push(("x-linked-etag".into(), format!("\"{}\"", sha256(&self.bytes))));
            headers.push(("x-linked-size".into(), self.bytes.len().to_string()));
        }
        if matches!(self.tells, Tells::Large | Tells::Small(_)) {
            headers.push(("x-repo-commit".into(), COMMIT.into()));
        }
        headers
    }
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn read_head(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Without a length the body is sent in chunks with an orderly end.
async fn answer(
    stream: &mut TcpStream,
    status: u16,
    headers: &[(String, String)],
    length: Option<usize>,
    body: &[u8],
) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let told = headers.iter().any(|(name, _)| name == "content-length");
    match length {
        Some(length) => head.push_str(&format!("content-length: {length}\r\n\r\n")),
        None if told => head.push_str("\r\n"),
        None => head.push_str("transfer-encoding: chunked\r\n\r\n"),
    }
    stream.write_all(head.as_bytes()).await?;
    if length.is_none() && !told {
        for piece in body.chunks(1000) {
            stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await?;
            stream.write_all(piece).await?;
            stream.write_all(b"\r\n").await?;
        }
        stream.write_all(b"0\r\n\r\n").await?;
    } else {
        stream.write_all(body).await?;
    }
    stream.flush().await
}
