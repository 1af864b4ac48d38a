//! One worker process, reused, watched and replaced.

use std::{
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use molt_core::{DocumentKind, ExtractError, ExtractedDocument, Extractor};
use molt_wire::{FrameError, Limits, SendError, WorkerCommand, WorkerHandle, WorkerReader, WorkerWriter};
use tokio::{sync::Mutex, time::timeout_at};

use crate::{Failure, Reader, Reply, Request, input::Input, kind_of};

/// A killed process is waited for this long; one that hangs in a dead file system is left to the system.
const PATIENCE: Duration = Duration::from_secs(1);

/// Workers started for one document at the most: the first, one after an end from outside, one without the reader that failed.
const ATTEMPTS: u32 = 3;

/// Limits of the worker and of one document.
#[derive(Debug, Clone)]
pub struct ExtractConfig {
    /// The `molt-extract` program.
    pub worker: PathBuf,
    /// For one document, both readers and restarts included.
    pub time_limit: Duration,
    /// Bytes of address space of the worker.
    pub memory_limit: u64,
    /// The worker is replaced after this many documents …
    pub most_documents: u32,
    /// … or when it holds more than this many bytes afterwards: the parsers leak.
    pub most_memory: u64,
    /// An idle worker ends by itself after this long and gives its memory back.
    pub idle_limit: Duration,
}

impl ExtractConfig {
    pub fn new(worker: PathBuf) -> Self {
        Self {
            worker,
            time_limit: Duration::from_secs(60),
            memory_limit: 1 << 30,
            most_documents: 200,
            most_memory: 256 << 20,
            idle_limit: Duration::from_secs(30),
        }
    }
}

/// The real `Extractor`. Documents are read one after the other; a dropped call kills the worker it used, and so does dropping the client.
#[derive(Debug)]
pub struct ExtractClient {
    config: ExtractConfig,
    worker: Mutex<Option<Worker>>,
    /// 0 when there is none.
    pid: Arc<AtomicU32>,
    /// It was said that the worker has no cage here.
    uncaged: AtomicBool,
}

#[derive(Debug)]
struct Worker {
    pid: Arc<AtomicU32>,
    handle: WorkerHandle,
    writer: WorkerWriter,
    reader: WorkerReader,
    documents: u32,
}

/// How one try to read a document ended.
enum Outcome {
    Done(ExtractedDocument),
    Failed(Failure),
    /// The worker is gone without an answer. `reader` is the last that started.
    Lost {
        reader: Option<Reader>,
        end: End,
    },
}

enum End {
    TimeOut,
    /// An idle worker had ended (by itself, or someone ended it) before it took the request.
    Stale,
    /// It ended from outside: an administrator, or the system in need of memory.
    Killed,
    /// It gave up its memory limit.
    Memory,
    /// It crashed, or said something that is no reply.
    Crashed(String),
}

impl ExtractClient {
    pub fn new(config: ExtractConfig) -> Self {
        Self { config, worker: Mutex::new(None), pid: Arc::default(), uncaged: AtomicBool::new(false) }
    }

    /// The process that reads or waits now.
    pub fn worker_pid(&self) -> Option<u32> {
        Some(self.pid.load(Ordering::Relaxed)).filter(|pid| *pid != 0)
    }

    /// One request to the worker, a new one if there is none. The worker goes back into the slot only after an answer, so that a
    /// dropped call drops (and so kills) it.
    async fn attempt(
        &self,
        slot: &mut Option<Worker>,
        request: &Request,
        input: &mut Input,
        until: Instant,
    ) -> std::io::Result<Outcome> {
        let mut worker = match slot.take() {
            Some(worker) => worker,
            None => self.start()?,
        };
        let reused = worker.documents > 0;
        let mut reader = None;
        let answer = timeout_at(until.into(), async {
            worker.writer.send_with(request, &mut input.content().await.map_err(SendError::Content)?).await?;
            loop {
                match worker.reader.receive().await? {
                    Reply::Reading(started) => reader = Some(started),
                    Reply::Done { document, memory, caged } => {
                        self.note_cage(caged, &worker);
                        return Ok((Outcome::Done(document), memory));
                    }
                    Reply::Failed(failure) => return Ok::<_, SendError>((Outcome::Failed(failure), 0)),
                }
            }
        })
        .await;
        let (outcome, memory) = match answer {
            Ok(Ok(answered)) => answered,
            Ok(Err(SendError::Content(error))) => {
                worker.kill().await;
                return Ok(Outcome::Failed(input.failure(&error)));
            }
            Ok(Err(SendError::Frame(error))) => {
                let end = worker.end(error).await;
                let stale = reused && reader.is_none() && !matches!(end, End::Crashed(_) | End::Memory);
                return Ok(Outcome::Lost { reader, end: if stale { End::Stale } else { end } });
            }
            Err(_elapsed) => {
                worker.kill().await;
                return Ok(Outcome::Lost { reader, end: End::TimeOut });
            }
        };
        worker.documents += 1;
        if worker.documents >= self.config.most_documents || memory > self.config.most_memory {
            tracing::debug!(documents = worker.documents, memory, "the document reader is replaced");
            worker.kill().await;
        } else {
            *slot = Some(worker);
        }
        Ok(outcome)
    }

    fn note_cage(&self, caged: bool, worker: &Worker) {
        if !caged && !self.uncaged.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                details = worker.handle.stderr_tail(),
                "this system does not keep the document reader from files and connections; limits of time, memory and size hold"
            );
        }
    }

    fn start(&self) -> std::io::Result<Worker> {
        let limits = Limits {
            memory: Some(self.config.memory_limit),
            cpu_seconds: None,
            open_files: Some(32),
            // It cannot write any file.
            file_size: Some(0),
            nice: Some(5),
        };
        let command = WorkerCommand {
            program: self.config.worker.clone(),
            arguments: vec![
                "--limits".into(),
                serde_json::to_string(&limits)?,
                "--idle-seconds".into(),
                self.config.idle_limit.as_secs().max(1).to_string(),
            ],
            environment: Vec::new(),
        };
        let (handle, writer, reader) = molt_wire::spawn(&command)?;
        self.pid.store(handle.pid().unwrap_or(0), Ordering::Relaxed);
        Ok(Worker { pid: self.pid.clone(), handle, writer, reader, documents: 0 })
    }

    fn lost(&self, name: &str, end: &End) -> ExtractError {
        match end {
            End::TimeOut => ExtractError::LimitReached(format!(
                "reading “{name}” took longer than {} seconds and was stopped; splitting the file or saving it anew may help",
                self.config.time_limit.as_secs().max(1)
            )),
            End::Memory => ExtractError::LimitReached(format!(
                "reading “{name}” took more than {} MB of memory and was stopped; splitting the file may help",
                self.config.memory_limit >> 20
            )),
            End::Killed | End::Stale => ExtractError::Unreadable(format!(
                "the document reader was ended while it read “{name}”; try this file again"
            )),
            End::Crashed(details) => {
                tracing::warn!(details, "the document reader crashed");
                ExtractError::Unreadable(format!(
                    "the document reader failed on “{name}”; the file may be damaged, saving it anew may help"
                ))
            }
        }
    }
}

fn error_of(failure: Failure) -> ExtractError {
    match failure {
        Failure::PasswordNeeded => ExtractError::PasswordNeeded,
        Failure::Unreadable(sentence) => ExtractError::Unreadable(sentence),
        Failure::LimitReached(sentence) => ExtractError::LimitReached(sentence),
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.pid.store(0, Ordering::Relaxed);
    }
}

impl Worker {
    async fn kill(&mut self) -> Option<ExitStatus> {
        tokio::time::timeout(PATIENCE, self.handle.kill()).await.ok().flatten()
    }

    /// After the connection failed: why.
    async fn end(&mut self, error: FrameError) -> End {
        let status = match error {
            // It ended by itself; a kill now would hide how.
            FrameError::Closed | FrameError::Io(_) => match tokio::time::timeout(PATIENCE, self.handle.wait()).await {
                Ok(status) => status,
                Err(_elapsed) => {
                    self.kill().await;
                    return End::Crashed("it closed its output and ran on".to_owned());
                }
            },
            _ => {
                self.kill().await;
                return End::Crashed(error.to_string());
            }
        };
        if status.is_some_and(|status| status.success() || was_killed(status)) {
            return End::Killed;
        }
        let words = self.last_words().await;
        // The line that the standard library prints before it aborts.
        if words.contains("memory allocation of") { End::Memory } else { End::Crashed(format!("{status:?}: {words}")) }
    }

    /// Standard error is read by another task, which may be a moment behind the end of the process.
    async fn last_words(&self) -> String {
        let deadline = Instant::now() + Duration::from_millis(200);
        loop {
            let words = self.handle.stderr_tail();
            if !words.is_empty() || Instant::now() >= deadline {
                return words;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[cfg(unix)]
fn was_killed(status: ExitStatus) -> bool {
    const SIGKILL: i32 = 9;
    const SIGTERM: i32 = 15;
    matches!(std::os::unix::process::ExitStatusExt::signal(&status), Some(SIGKILL | SIGTERM))
}

#[cfg(not(unix))]
fn was_killed(_status: ExitStatus) -> bool {
    false
}

#[async_trait]
impl Extractor for ExtractClient {
    async fn extract(&self, path: &Path, password: Option<&str>) -> Result<ExtractedDocument, ExtractError> {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let Some(kind) = kind_of(path) else {
            return Err(ExtractError::Unreadable(format!("“{name}” is of a type that cannot be read")));
        };
        if path.to_str().is_none() {
            return Err(ExtractError::Unreadable(format!(
                "the name of “{name}” or of its folder is damaged; rename it and try again"
            )));
        }
        let mut slot = self.worker.lock().await;
        let deadline = Instant::now() + self.config.time_limit;
        // A file on a disk that does not answer may not be opened in time.
        let mut input = match timeout_at(deadline.into(), Input::open(path, &name, kind)).await {
            Ok(opened) => opened.map_err(error_of)?,
            Err(_elapsed) => return Err(self.lost(&name, &End::TimeOut)),
        };
        let mut request = Request {
            name: name.clone(),
            size: input.size(),
            kind,
            password: password.map(str::to_owned),
            skip: None,
            first_reader_ms: 0,
        };
        let mut attempt = 1;
        loop {
            let now = Instant::now();
            // A PDF gets half of the time first, so that the other reader has the other half.
            let may_skip = kind == DocumentKind::Pdf && request.skip.is_none();
            let until = if may_skip { now + deadline.saturating_duration_since(now) / 2 } else { deadline };
            request.first_reader_ms = (until.saturating_duration_since(now) / 2).as_millis() as u64;
            let (reader, end) = match self.attempt(&mut slot, &request, &mut input, until).await {
                Ok(Outcome::Done(document)) => return Ok(document),
                Ok(Outcome::Failed(failure)) => return Err(error_of(failure)),
                Ok(Outcome::Lost { reader, end }) => (reader, end),
                Err(error) => {
                    tracing::error!(%error, worker = %self.config.worker.display(), "the document reader does not start");
                    return Err(ExtractError::Unreadable(format!(
                        "“{name}” was not read because the document reader did not start; installing Moltworker again helps"
                    )));
                }
            };
            if matches!(end, End::Stale) {
                continue;
            }
            let again = attempt < ATTEMPTS && Instant::now() < deadline;
            match (reader, &end) {
                (_, End::Killed) if again && attempt == 1 => {}
                (Some(reader), _) if again && may_skip => request.skip = Some(reader),
                _ => return Err(self.lost(&name, &end)),
            }
            attempt += 1;
        }
    }
}
