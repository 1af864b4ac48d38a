//! The backend's side: start a worker, speak with it, end it.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::frame::{FrameError, checked_length, encode};

/// Lines of a worker's standard error that are kept for an error report.
const STDERR_LINES: usize = 40;

/// Bytes of a piece of content that is sent behind a frame.
const PIECE: usize = 64 << 10;

/// How to start a worker.
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// Added to a small inherited environment (`PATH`, `HOME`, `LANG`, temporary directory, `RUST_LOG`, `MOLT_*`).
    pub environment: Vec<(String, String)>,
}

/// Finds a worker's program: in `directory` if given, else beside the running program, else (a test binary in `deps/`) one folder up.
pub fn worker_program(name: &str, directory: Option<&Path>) -> PathBuf {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    if let Some(directory) = directory {
        return directory.join(file);
    }
    let beside =
        std::env::current_exe().ok().and_then(|program| program.parent().map(Path::to_path_buf)).unwrap_or_default();
    let here = beside.join(&file);
    if here.exists() {
        return here;
    }
    match beside.parent() {
        Some(parent) if parent.join(&file).exists() => parent.join(file),
        _ => here,
    }
}

/// Starts a worker. It is killed when the handle is dropped.
pub fn spawn(command: &WorkerCommand) -> std::io::Result<(WorkerHandle, WorkerWriter, WorkerReader)> {
    let mut child = Command::new(&command.program)
        .args(&command.arguments)
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| {
            let name = name.to_string_lossy();
            matches!(
                &*name,
                "PATH"
                    | "HOME"
                    | "LANG"
                    | "LC_ALL"
                    | "TMPDIR"
                    | "TEMP"
                    | "TMP"
                    | "SYSTEMROOT"
                    | "RUST_LOG"
                    | "RUST_BACKTRACE"
            ) || name.starts_with("MOLT_")
        }))
        .envs(command.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(std::io::Error::other("the worker's pipes are missing"));
    };
    let tail = Arc::new(Mutex::new(VecDeque::with_capacity(STDERR_LINES)));
    let name = command.program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    tokio::spawn(drain_stderr(BufReader::new(stderr), name, tail.clone()));
    let pid = child.id();
    Ok((WorkerHandle { child, pid, tail }, WorkerWriter { stdin }, WorkerReader { stdout: BufReader::new(stdout) }))
}

async fn drain_stderr(
    mut lines: BufReader<tokio::process::ChildStderr>,
    name: String,
    tail: Arc<Mutex<VecDeque<String>>>,
) {
    let mut line = Vec::new();
    // `take` bounds one line: a worker that prints without line ends must not fill our memory.
    while let Ok(read) = (&mut lines).take(4096).read_until(b'\n', &mut line).await {
        if read == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        tracing::debug!(worker = %name, "{text}");
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        if tail.len() == STDERR_LINES {
            tail.pop_front();
        }
        tail.push_back(text);
        line.clear();
    }
}

/// A running worker.
#[derive(Debug)]
pub struct WorkerHandle {
    child: Child,
    pid: Option<u32>,
    tail: Arc<Mutex<VecDeque<String>>>,
}

impl WorkerHandle {
    /// The process id it was started with.
    pub fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// Ends it at once and waits until its memory is given back.
    pub async fn kill(&mut self) -> Option<ExitStatus> {
        // An error means that it has ended already.
        let _ = self.child.start_kill();
        self.child.wait().await.ok()
    }

    /// Waits until it ends.
    pub async fn wait(&mut self) -> Option<ExitStatus> {
        self.child.wait().await.ok()
    }

    /// The last lines it printed to standard error, for the log.
    pub fn stderr_tail(&self) -> String {
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

/// The sending half.
#[derive(Debug)]
pub struct WorkerWriter {
    stdin: ChildStdin,
}

impl WorkerWriter {
    pub async fn send<T: Serialize>(&mut self, value: &T) -> Result<(), FrameError> {
        let frame = encode(value)?;
        self.stdin.write_all(&frame).await?;
        Ok(self.stdin.flush().await?)
    }

    /// A frame and behind it what `content` holds, for `read_content`. What is small is one write. After an error the worker can only
    /// be ended: it waits for the rest.
    pub async fn send_with<T: Serialize>(
        &mut self,
        value: &T,
        content: &mut (impl AsyncRead + Unpin),
    ) -> Result<(), SendError> {
        let mut buffer = encode(value)?;
        loop {
            let start = buffer.len();
            buffer.resize(start + 4 + PIECE, 0);
            let length = content.read(&mut buffer[start + 4..]).await.map_err(SendError::Content)?;
            buffer[start..start + 4].copy_from_slice(&(length as u32).to_le_bytes());
            buffer.truncate(start + 4 + length);
            if length == 0 || buffer.len() >= PIECE {
                self.stdin.write_all(&buffer).await.map_err(FrameError::from)?;
                buffer.clear();
            }
            if length == 0 {
                return Ok(self.stdin.flush().await.map_err(FrameError::from)?);
            }
        }
    }
}

/// Why a frame did not go out with its content.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("what was to be sent could not be read: {0}")]
    Content(#[source] std::io::Error),
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// The receiving half.
#[derive(Debug)]
pub struct WorkerReader {
    stdout: BufReader<ChildStdout>,
}

impl WorkerReader {
    /// The next frame. Not cancel-safe: a dropped call may lose part of a frame, so one task owns the reader.
    pub async fn receive<T: DeserializeOwned>(&mut self) -> Result<T, FrameError> {
        let closed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => FrameError::Closed,
            _ => FrameError::Io(error),
        };
        let mut prefix = [0; 4];
        self.stdout.read_exact(&mut prefix).await.map_err(closed)?;
        let mut body = vec![0; checked_length(prefix)?];
        self.stdout.read_exact(&mut body).await.map_err(closed)?;
        Ok(serde_json::from_slice(&body)?)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> WorkerCommand {
        WorkerCommand {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            environment: Vec::new(),
        }
    }

    #[tokio::test]
    async fn frames_go_there_and_back() {
        let (_handle, mut writer, mut reader) = spawn(&shell("cat")).unwrap();
        for text in ["a", "提醒我", ""] {
            writer.send(&text).await.unwrap();
            assert_eq!(reader.receive::<String>().await.unwrap(), text);
        }
    }

    #[tokio::test]
    async fn content_goes_behind_a_frame() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (mut handle, mut writer, _reader) = spawn(&shell(&format!("cat > {}", file.path().display()))).unwrap();
        let long = "提".repeat(PIECE);
        for content in ["", "a", &long] {
            writer.send_with(&7, &mut content.as_bytes()).await.unwrap();
        }
        drop(writer);
        handle.wait().await;
        let sent = std::fs::read(file.path()).unwrap();
        let mut sent = sent.as_slice();
        for content in ["", "a", &long] {
            assert_eq!(crate::read_frame::<u32>(&mut sent).unwrap(), 7);
            assert!(crate::read_content(&mut sent, 1).unwrap() == content.as_bytes());
        }
        assert!(matches!(crate::read_content(&mut sent, 0), Err(FrameError::Closed)));
    }

    #[tokio::test]
    async fn the_end_of_a_worker_is_seen_and_its_words_are_kept() {
        let (mut handle, _writer, mut reader) = spawn(&shell("echo out of luck >&2; exit 3")).unwrap();
        assert!(matches!(reader.receive::<String>().await, Err(FrameError::Closed)));
        assert_eq!(handle.wait().await.and_then(|status| status.code()), Some(3));
        while handle.stderr_tail().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(handle.stderr_tail(), "out of luck");
    }

    #[tokio::test]
    async fn a_killed_worker_is_gone() {
        // `exec`, because a child of the shell would outlive it and keep the pipe open.
        let (mut handle, _writer, mut reader) = spawn(&shell("exec cat")).unwrap();
        handle.kill().await;
        assert!(matches!(reader.receive::<String>().await, Err(FrameError::Closed)));
    }
}
