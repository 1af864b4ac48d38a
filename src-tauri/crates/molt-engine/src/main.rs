//! The worker process that runs one model, for `molt-engine-client` and nobody else.
//!
//! It speaks frames over standard input and output, holds one model, and ends when its input ends. Being killed at any moment is part of
//! its life: it owns no data.

mod bert;
mod chat;
mod panics;
mod pump;
mod sampling;
mod source;
mod worker;

use std::process::ExitCode;

/// Returns large pages to the system sooner than the system's own allocator does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    panics::note();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into()))
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the worker has no threads to run on");
            return ExitCode::FAILURE;
        }
    };
    if let Some(argument) = std::env::args().nth(1) {
        tracing::error!("the worker does not know {argument:?}; it is started by Moltworker");
        return ExitCode::FAILURE;
    }
    match worker::run(&runtime) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
