//! Moltworker without a window.
//!
//! Owns what is typed and what is printed. Everything else is asked of the program: of the one that runs already, or of a
//! backend of its own.

mod answer;
mod args;
mod batch;
mod commands;
mod connect;
mod failure;
mod help;
mod lines;
mod print;
mod secret;
mod sse;
mod words;

use std::{io::IsTerminal, process::ExitCode, time::Duration};

use molt_os::DataDir;
use tracing_subscriber::EnvFilter;

use crate::{
    args::{Cli, Command, Knowledge, Model, Task},
    connect::Connection,
    failure::Failure,
    print::Printer,
    words::Words,
};

// One allocator with bounded arenas; the system's keeps what the index frees.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long background work may take to end after the command has.
const LAST_WORK: Duration = Duration::from_millis(800);

fn main() -> ExitCode {
    molt_os::give_memory_back_at_once();
    limit_libraries();
    let words = Words::new(molt_os::machine_language());
    let cli = help::parse(std::env::args_os(), words).unwrap_or_else(|error| error.exit());
    start_log(&cli.command);
    let printer = Printer { json: cli.json, words };
    let result = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let result = runtime.block_on(run(cli, printer));
            // The database must be closed before the exit handlers of its cipher run, and a blocked read of the terminal
            // must not keep the program from ending.
            runtime.shutdown_timeout(LAST_WORK);
            result
        }
        Err(error) => Err(Failure::plain(format!("The system gave no threads to work with: {error}."))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            printer.failure(&failure);
            failure.exit_code()
        }
    }
}

/// Sets the variables by which the libraries of the index are kept small, where the user has not set them.
#[allow(unsafe_code)]
fn limit_libraries() {
    for (name, value) in molt_backend::ENVIRONMENT {
        if std::env::var_os(name).is_none() {
            // SAFETY: this is the first statement of `main`; no other thread exists that could read the environment.
            unsafe { std::env::set_var(name, value) };
        }
    }
}

/// To the standard error, so that the output stays clean. The server tells what it does, a command only what is wrong.
fn start_log(command: &Command) {
    let level = if matches!(command, Command::Serve(_)) { "info" } else { "error" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

async fn run(cli: Cli, printer: Printer) -> Result<(), Failure> {
    // Reading a line or a rule needs neither data nor a model.
    match cli.command {
        Command::Task(Task::Parse(args)) => return commands::task::parse(&printer, args).await,
        Command::Model(Model::Tokenize(args)) => return commands::tokenize::tokenize(&printer, args).await,
        Command::Task(Task::Expand(args)) => return commands::task::expand(&printer, args).await,
        _ => {}
    }
    let data = match cli.data_dir {
        Some(path) => DataDir::at(std::path::absolute(&path).unwrap_or(path)),
        None => DataDir::locate().map_err(|error| Failure::plain(connect::sentence(&error.to_string())))?,
    };
    let file = secret::file(cli.passphrase_file);
    match cli.command {
        Command::Serve(args) => return commands::serve::serve(&printer, &data, args, file.as_deref()).await,
        Command::Web(args) => return commands::serve::web(&printer, &data, args, file.as_deref()).await,
        _ => {}
    }
    let connection = Connection::open(&data, None, printer.words).await?;
    if !matches!(cli.command, Command::Key(_) | Command::Restore)
        && let Err(failure) = commands::key::ensure(&connection, &printer, file.as_deref()).await
    {
        connection.close().await;
        return Err(failure);
    }
    let result = match cli.command {
        Command::Ask(args) => commands::ask::ask(&connection, &printer, args).await,
        Command::Chat => commands::ask::chat(&connection, &printer).await,
        Command::Knowledge(Knowledge::Add(args)) => commands::knowledge::add(&connection, &printer, args).await,
        Command::Knowledge(Knowledge::List) => commands::knowledge::list(&connection, &printer).await,
        Command::Knowledge(Knowledge::Search(args)) => commands::knowledge::search(&connection, &printer, args).await,
        Command::Knowledge(Knowledge::Files(args)) => {
            commands::knowledge_files::files(&connection, &printer, args).await
        }
        Command::Knowledge(Knowledge::Show(args)) => commands::knowledge_files::show(&connection, &printer, args).await,
        Command::Knowledge(Knowledge::Retry(args)) => {
            commands::knowledge_files::retry(&connection, &printer, args).await
        }
        Command::Knowledge(Knowledge::Pause) => commands::knowledge_files::pause(&connection, &printer, true).await,
        Command::Knowledge(Knowledge::Resume(args)) => {
            commands::knowledge_files::resume(&connection, &printer, args).await
        }
        Command::Knowledge(Knowledge::Extract(args)) => commands::knowledge::extract(&connection, &printer, args).await,
        Command::Knowledge(Knowledge::Unlock(args)) => commands::knowledge::unlock(&connection, &printer, args).await,
        Command::Knowledge(Knowledge::Rules(args)) => commands::knowledge::rules(&connection, &printer, args).await,
        Command::Knowledge(Knowledge::Remove(args)) => commands::knowledge::remove(&connection, &printer, args).await,
        Command::Task(task) => commands::task::run(&connection, &printer, task).await,
        Command::Model(model) => commands::model::run(&connection, &printer, model).await,
        Command::Key(key) => commands::key::run(&connection, &printer, key, file.as_deref()).await,
        Command::Restore => commands::restore::run(&connection, &printer, file.as_deref()).await,
        Command::Serve(_) | Command::Web(_) => Ok(()),
    };
    connection.close().await;
    result
}
