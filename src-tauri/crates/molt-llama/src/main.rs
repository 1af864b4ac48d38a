//! The worker process that runs one GGUF model with llama.cpp, for `molt-engine-client` and nobody else.
//!
//! It speaks frames over standard input and output, holds one model, and ends when its input ends. Being killed at any moment is part of
//! its life: it owns no data.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod abort;
mod answer;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod attention;
#[cfg(target_os = "linux")]
mod blank;
mod desk;
mod form;
mod heap;
mod kv;
#[cfg(target_os = "linux")]
mod mapping;
mod model;
mod pairs;
mod prefixes;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod room;
mod states;
mod text;
mod tokenize;
mod vectors;
mod weights;
mod worker;
mod writer;

use std::process::ExitCode;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into()))
        .init();
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let done = match arguments.as_slice() {
        [] => worker::run(),
        [tokenize, file] if tokenize == "tokenize" => tokenize::run(file.as_ref()),
        unknown => {
            tracing::error!("the worker does not know {unknown:?}; it is started by Moltworker");
            return ExitCode::FAILURE;
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
