//! One running worker process and the line to it.

use std::{path::Path, process::ExitStatus, time::Duration};

use molt_wire::{WorkerCommand, WorkerHandle, WorkerWriter};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use crate::{
    config::EngineConfig,
    protocol::{ALLOCATOR_VARIABLES, CACHE_VARIABLE, Event, Request, THREADS_VARIABLE},
};

/// Events that may wait to be heard; then the worker waits.
const BACKLOG: usize = 256;
/// For a process that has closed its output to end by itself.
const LAST_BREATH: Duration = Duration::from_millis(500);

pub(crate) struct Link {
    handle: WorkerHandle,
    writer: WorkerWriter,
    events: mpsc::Receiver<Event>,
    reader: JoinHandle<()>,
}

impl Link {
    /// Starts a worker. It is killed when the link is dropped.
    pub fn start(program: &Path, config: &EngineConfig) -> std::io::Result<Self> {
        std::fs::create_dir_all(&config.cache_dir)?;
        let mut environment = vec![
            (CACHE_VARIABLE.to_owned(), config.cache_dir.to_string_lossy().into_owned()),
            (THREADS_VARIABLE.to_owned(), config.threads.max(1).to_string()),
        ];
        environment.extend(ALLOCATOR_VARIABLES.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let (handle, writer, mut reader) =
            molt_wire::spawn(&WorkerCommand { program: program.to_owned(), arguments: Vec::new(), environment })?;
        let (sender, events) = mpsc::channel(BACKLOG);
        let reader = tokio::spawn(async move {
            loop {
                match reader.receive().await {
                    Ok(event) => {
                        if sender.send(event).await.is_err() {
                            break;
                        }
                    }
                    Err(molt_wire::FrameError::Closed) => break,
                    Err(error) => {
                        tracing::warn!(%error, "a worker of the engine spoke nonsense");
                        break;
                    }
                }
            }
        });
        Ok(Self { handle, writer, events, reader })
    }

    pub fn pid(&self) -> u32 {
        self.handle.pid().unwrap_or(0)
    }

    /// Hands a request to the worker. An error means that the worker is of no more use.
    pub async fn send(&mut self, request: &Request, limit: Duration) -> Result<(), String> {
        match timeout(limit, self.writer.send(request)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_elapsed) => Err("it took no more requests".to_owned()),
        }
    }

    /// What the worker says next; `None` when it has ended. May be dropped and called again.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Ends the process, waits until its memory is given back, and tells how it ended.
    pub async fn kill(mut self) -> Option<ExitStatus> {
        let status = self.handle.kill().await;
        self.reader.abort();
        status
    }

    /// The same for a process that has ended, or is about to: tells why, and logs its last lines.
    pub async fn bury(mut self) -> Death {
        let status = match timeout(LAST_BREATH, self.handle.wait()).await {
            Ok(status) => status,
            Err(_elapsed) => self.handle.kill().await,
        };
        self.reader.abort();
        let reason = status.map_or_else(|| "it is gone".to_owned(), describe);
        tracing::warn!(%reason, stderr = %self.handle.stderr_tail(), "a worker of the engine ended unexpectedly");
        Death { reason, by_processor: status.is_some_and(is_by_processor) }
    }
}

/// How a worker ended.
pub(crate) struct Death {
    /// A few plain words.
    pub reason: String,
    /// The processor refused an instruction or an address.
    pub by_processor: bool,
}

#[cfg(unix)]
fn is_by_processor(status: ExitStatus) -> bool {
    use rustix::process::Signal;
    // Not SIGBUS: it tells that a mapped file has become shorter.
    let signals = [Signal::ILL, Signal::SEGV, Signal::FPE].map(Signal::as_raw);
    std::os::unix::process::ExitStatusExt::signal(&status).is_some_and(|signal| signals.contains(&signal))
}

#[cfg(not(unix))]
fn is_by_processor(status: ExitStatus) -> bool {
    // Exceptions of Windows: access violation, illegal instruction, privileged instruction.
    status.code().is_some_and(|code| [0xc000_0005, 0xc000_001d, 0xc000_0096].contains(&(code as u32)))
}

fn describe(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        // SIGKILL is what the kernel sends when memory runs out.
        let hint = if signal == 9 { ", perhaps because memory ran out" } else { "" };
        return format!("it was stopped by signal {signal}{hint}");
    }
    match status.code() {
        Some(code) => format!("it ended with code {code}"),
        None => "it was stopped".to_owned(),
    }
}
