//! The worker that reads documents.
//!
//! It is given the content of one file after the other on standard input and answers with blocks of text on standard output, see
//! `molt_extract_client::Request`. It puts itself under limits and into a cage before it reads anything: it can open no file and no
//! connection. It ends with its input, with its parent, or after a while without work. It must not know what the text is for.

mod archive;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod cage;
mod code;
mod epub;
mod flow;
mod html;
mod json;
mod mail;
mod markdown;
mod office;
mod output;
mod pdf;
mod plain;
mod table;
mod xml;

use std::{
    any::Any,
    fs::File,
    io::{Read, Seek},
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use molt_core::{DocumentKind, ExtractedDocument};
use molt_extract_client::{Failure, Reader, Reply, Request};
use molt_wire::{FrameError, Limits, read_content, read_frame, write_frame};

/// Bytes. Parsers recurse as deep as a document is nested; this lets them go far before they end the process.
const STACK: usize = 64 << 20;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let (limits, idle) = arguments(std::env::args().skip(1))?;
    let (input, output) = molt_wire::claim_stdio().context("taking over standard input and output")?;
    molt_wire::enter(&limits).context("lowering the limits of this process")?;
    // A panic is an ordinary way for a parser to give up. Its message may quote the document, so only the place is told.
    std::panic::set_hook(Box::new(|panic| {
        if let Some(place) = panic.location() {
            eprintln!("gave up at {place}");
        }
    }));
    // Held open, because nothing can be opened in the cage.
    let status = File::open("/proc/self/status").ok();
    let caged = enter_cage();
    // The thread inherits the cage of the one that starts it.
    let mut serving = Serving { input, output, idle, status, caged };
    let worker = std::thread::Builder::new().stack_size(STACK).spawn(move || serving.serve()).context("starting")?;
    worker.join().unwrap_or_else(|_| bail!("the worker panicked between two documents"))
}

/// `--limits JSON --idle-seconds N`
fn arguments(mut arguments: impl Iterator<Item = String>) -> Result<(Limits, Duration)> {
    let mut limits = Limits::default();
    let mut idle = Duration::from_secs(3600);
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--limits" => limits = serde_json::from_str(&value).context("--limits")?,
            "--idle-seconds" => idle = Duration::from_secs(value.parse().context("--idle-seconds")?),
            _ => bail!("unknown argument {name}"),
        }
    }
    Ok((limits, idle))
}

/// Where the system has no cage, the limits alone have to do; the other side is told.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn enter_cage() -> bool {
    cage::enter().inspect_err(|error| eprintln!("without a cage: {error}")).is_ok()
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn enter_cage() -> bool {
    false
}

struct Serving {
    input: File,
    output: File,
    idle: Duration,
    status: Option<File>,
    caged: bool,
}

impl Serving {
    fn serve(&mut self) -> Result<()> {
        while wait_for_work(&self.input, self.idle)? {
            let (request, content) = match self.receive() {
                Ok(received) => received,
                Err(FrameError::Closed) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            // A reader is announced before it starts, so that the other side knows whom to blame. When that fails nobody listens any more.
            let mut announced = Ok(());
            let answer = catch_unwind(AssertUnwindSafe(|| {
                let output = &mut self.output;
                read(&request, content, &mut |reader| announced = write_frame(output, &Reply::Reading(reader)))
            }));
            announced?;
            let reply = match answer.unwrap_or_else(|panic| Err(panicked(panic.as_ref(), &request))) {
                Ok(document) => Reply::Done { document, memory: self.resident_memory(), caged: self.caged },
                Err(failure) => Reply::Failed(failure),
            };
            write_frame(&mut self.output, &reply)?;
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<(Request, Vec<u8>), FrameError> {
        let request: Request = read_frame(&mut self.input)?;
        let content = read_content(&mut self.input, request.size as usize)?;
        Ok((request, content))
    }

    /// Bytes; 0 where the system does not tell.
    fn resident_memory(&mut self) -> u64 {
        let mut status = String::new();
        let read = self.status.as_mut().map(|file| file.rewind().and_then(|()| file.read_to_string(&mut status)));
        if matches!(read, Some(Ok(_))) { resident(&status).unwrap_or(0) } else { 0 }
    }
}

fn read(request: &Request, bytes: Vec<u8>, announce: &mut dyn FnMut(Reader)) -> Result<ExtractedDocument, Failure> {
    let name = request.name.as_str();
    // Names lie, in all directions.
    match request.kind {
        _ if pdf::has_mark(&bytes) => pdf::read(bytes, request, name, announce),
        kind if archive::has_mark(&bytes) || archive::has_compound_mark(&bytes) => office::read(bytes, kind, name),
        DocumentKind::Pdf => pdf::read(bytes, request, name, announce),
        kind @ (DocumentKind::Docx
        | DocumentKind::Pptx
        | DocumentKind::Xlsx
        | DocumentKind::Odf
        | DocumentKind::Epub) => office::read(bytes, kind, name),
        DocumentKind::Markdown => markdown::read(&bytes, name),
        DocumentKind::Text => plain::read(&bytes, name),
        DocumentKind::Html => html::read(&bytes, name),
        DocumentKind::Csv => table::read(&bytes, name),
        DocumentKind::Json => json::read(&bytes, name),
        DocumentKind::Eml => mail::read(&bytes, name),
        DocumentKind::Code => code::read(&bytes, name),
    }
}

/// The readers' panics are caught where they happen; this is for our own.
fn panicked(_panic: &(dyn Any + Send), request: &Request) -> Failure {
    Failure::Unreadable(format!("the document reader failed on “{}”; the file may be damaged", request.name))
}

/// Waits for the next request; false after a time without one.
#[cfg(unix)]
fn wait_for_work(input: &File, idle: Duration) -> Result<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut waiting = [PollFd::new(input, PollFlags::IN)];
    let limit = Timespec { tv_sec: idle.as_secs().min(i32::MAX as u64) as i64, tv_nsec: 0 };
    loop {
        match poll(&mut waiting, Some(&limit)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(not(unix))]
fn wait_for_work(_input: &File, _idle: Duration) -> Result<bool> {
    Ok(true)
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<(Limits, Duration)> {
        super::arguments(arguments.iter().map(|argument| argument.to_string()))
    }

    #[test]
    fn arguments_are_read_and_unknown_ones_refused() {
        let (limits, idle) = parsed(&["--limits", r#"{"memory":5,"file_size":0}"#, "--idle-seconds", "7"]).unwrap();
        assert_eq!((limits.memory, limits.file_size, idle), (Some(5), Some(0), Duration::from_secs(7)));
        assert!(parsed(&["--limits", "5 GB"]).is_err());
        assert!(parsed(&["--limits"]).is_err());
        assert!(parsed(&["--help", "x"]).is_err());
    }

    #[test]
    fn the_kernels_format_is_read() {
        assert_eq!(resident("Name:\tx\nVmRSS:\t    1536 kB\nThreads:\t1\n"), Some(1536 << 10));
        assert_eq!(resident("Name:\tx\n"), None);
    }
}
