//! A server on this machine that answers what it was told to. Plain TCP, because a library for servers would refuse to lie.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// How an answer ends after its last byte.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Then {
    Close,
    /// Nothing more, until the client goes away.
    Stall,
    /// Remarks without an end, in a body in pieces.
    Chatter,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub head: String,
    pub body: String,
}

/// What is sent, and what is done then.
type Answer = (Vec<u8>, Then);

#[derive(Clone)]
pub struct Server {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Clients that went away while they were kept waiting.
    left: Arc<watch::Sender<u32>>,
    pub url: String,
    pub host: String,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let server = Self {
            answers: Arc::default(),
            seen: Arc::default(),
            left: Arc::new(watch::Sender::new(0)),
            url: format!("http://{host}/v1"),
            host,
        };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                // The client may go away at any moment; that is its right.
                tokio::spawn(async move { drop(serving.serve(stream).await) });
            }
        });
        server
    }

    /// The bytes of a whole response to the next request, head and all.
    pub fn raw(&self, bytes: impl Into<Vec<u8>>, then: Then) {
        self.answers.lock().unwrap().push_back((bytes.into(), then));
    }

    /// A stream of events whose body comes in these pieces.
    pub fn pieces<'a>(&self, pieces: impl IntoIterator<Item = &'a [u8]>, then: Then) {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n";
        let mut bytes = format!("{head}connection: close\r\ntransfer-encoding: chunked\r\n\r\n").into_bytes();
        for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
            bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            bytes.extend_from_slice(piece);
            bytes.extend_from_slice(b"\r\n");
        }
        if then == Then::Close {
            bytes.extend_from_slice(b"0\r\n\r\n");
        }
        self.raw(bytes, then);
    }

    pub fn stream(&self, body: &str, then: Then) {
        self.pieces([body.as_bytes()], then);
    }

    pub fn status(&self, status: u16, headers: &str, body: &str) {
        let length = body.len();
        let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n");
        self.raw(head + body, Then::Close);
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until so many clients have gone away.
    pub async fn left(&self, number: u32) {
        self.left.subscribe().wait_for(|left| *left >= number).await.unwrap();
    }

    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok())
            .unwrap_or(0);
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        self.seen.lock().unwrap().push(Seen { head, body: String::from_utf8_lossy(&body).into_owned() });
        let answer = self.answers.lock().unwrap().pop_front();
        let Some((bytes, then)) = answer else { return Ok(()) };
        stream.write_all(&bytes).await?;
        stream.flush().await?;
        if then == Then::Chatter {
            while stream.write_all(b"5\r\n: x\n\n\r\n").await.is_ok() {
                tokio::task::yield_now().await;
            }
            self.left.send_modify(|left| *left += 1);
        }
        if then == Then::Stall {
            let _ = stream.read_u8().await;
            self.left.send_modify(|left| *left += 1);
        }
        Ok(())
    }
}
