//! The line to the client, as a worker holds it.

use std::{fs::File, io, sync::mpsc, thread, time::Duration};

use crate::protocol::{Event, Request};

/// For the last events of a worker that ends by itself.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The way to the client. Cheap to clone; what is said comes out in order.
#[derive(Clone)]
pub struct Voice(mpsc::Sender<Said>);

enum Said {
    Event(Box<Event>),
    /// Everything before it is written.
    Flush(mpsc::Sender<()>),
}

impl Voice {
    /// Starts the thread that writes.
    fn new(mut output: File) -> std::io::Result<Self> {
        let (sender, said) = mpsc::channel();
        thread::Builder::new().name("voice".into()).spawn(move || {
            for said in said {
                match said {
                    Said::Event(event) => {
                        if let Err(error) = molt_wire::write_frame(&mut output, &event) {
                            tracing::debug!(%error, "nobody listens any more");
                            exit(0);
                        }
                    }
                    // An error means that the asker did not wait.
                    Said::Flush(done) => drop(done.send(())),
                }
            }
        })?;
        Ok(Self(sender))
    }

    pub fn say(&self, event: Event) {
        // The writing thread lives as long as the process.
        let _ = self.0.send(Said::Event(Box::new(event)));
    }

    /// Returns when everything that was said is written, or cannot be.
    pub fn finish(&self) {
        let (done, written) = mpsc::channel();
        if self.0.send(Said::Flush(done)).is_ok() {
            let _ = written.recv_timeout(LAST_WORDS);
        }
    }
}

/// Takes the connection to the client. `take` is handed every request and answers whether it wants more.
///
/// Requests are read by a thread of its own: when the client goes, however it does, this process ends at once. The kernel's death signal
/// would be tied to the client's thread, not to its process, and so is not used.
pub fn connect(mut take: impl FnMut(Request) -> bool + Send + 'static) -> io::Result<Voice> {
    forbid_core_dumps()?;
    let (mut input, output) = molt_wire::claim_stdio()?;
    let voice = Voice::new(output)?;
    thread::Builder::new().name("ear".into()).spawn(move || {
        loop {
            match molt_wire::read_frame(&mut input) {
                Ok(Request::Shutdown) | Err(molt_wire::FrameError::Closed) => exit(0),
                Ok(request) => {
                    if !take(request) {
                        return;
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "the client cannot be understood");
                    exit(1);
                }
            }
        }
    })?;
    Ok(voice)
}

/// Ends this process without the exit handlers of the libraries in it: they free what a computation on another thread still uses, and
/// the process would end by a crash (llama.cpp, seen in 1 of 100 ends). Nothing is left to be written.
fn exit(code: i32) -> ! {
    #[cfg(unix)]
    signal_hook::low_level::exit(code);
    #[cfg(not(unix))]
    std::process::exit(code);
}

/// A dump would hold the user's conversations.
#[cfg(unix)]
fn forbid_core_dumps() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    Ok(setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?)
}

#[cfg(not(unix))]
fn forbid_core_dumps() -> io::Result<()> {
    Ok(())
}
