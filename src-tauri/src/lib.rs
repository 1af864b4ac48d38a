//! The shell of the desktop program: windows, tray, notifications, and the bridge from the pages to the backend.
//!
//! It holds no logic of its own. A page's call goes to [`molt_api::dispatch`] as it is, events go the other way; both
//! travel exactly as they do over HTTP to a browser. It must not know what a use case does.

mod backstage;
mod badge;
mod commands;
mod environment;
mod follow;
mod shortcut;
mod tray;
mod viewer;
mod windows;
mod words;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, IsTerminal},
    process::ExitCode,
    time::Duration,
};

use tauri::{AppHandle, Manager, RunEvent, WindowEvent};
use tauri_plugin_dialog::{DialogExt, MessageDialogKind};

use crate::{backstage::Backstage, commands::Streams, shortcut::QuickAddKeys, tray::Tray, windows::MAIN, words::Words};

/// How long the backend may take to end. What was acknowledged is on the disk already.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// Runs the desktop program to its end.
pub fn run() -> ExitCode {
    molt_os::give_memory_back_at_once();
    if let Err(error) = environment::settle() {
        eprintln!("Moltworker goes on with more memory than it should: {error}");
    }
    if !molt_os::is_display_available() {
        eprintln!("There is no display to open a window on. `moltworker web` opens the same program in a browser.");
        return ExitCode::FAILURE;
    }
    // Everybody's warnings and our own news; Lance tells as news what concerns its developers.
    let filter = tracing_subscriber::EnvFilter::try_from_env("MOLTWORKER_LOG")
        .unwrap_or_else(|_| "warn,molt=info,lance_io=error".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("Moltworker cannot start its threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    tauri::async_runtime::set(runtime.handle().clone());
    match build() {
        Ok(app) => {
            let code = app.run_return(on_run_event);
            // The backend has ended in `RunEvent::Exit`; threads that still run may not hold the program up.
            molt_os::exit_at_once(u8::try_from(code).unwrap_or(1))
        }
        Err(error) => {
            eprintln!("Moltworker cannot open its window: {error}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> tauri::Result<tauri::App> {
    let mut builder = tauri::Builder::default();
    // First of the plugins: a second start must end before it touches anything.
    if let Some(name) = instance_name() {
        let plugin = tauri_plugin_single_instance::Builder::new()
            .dbus_id(name)
            .callback(|app, arguments, _folder| {
                if let Err(error) = open_first(app, arguments.iter().skip(1)) {
                    tracing::error!(%error, "the window could not be brought to the front");
                }
            })
            .build();
        builder = builder.plugin(plugin);
    }
    builder
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_global_shortcut::Builder::new().build())
        .plugin(tauri_plugin_opener::Builder::new().open_js_links_on_click(false).build())
        .plugin(
            tauri_plugin_window_state::Builder::new()
                .with_state_flags(windows::REMEMBERED)
                .with_filter(|label| label == MAIN)
                .build(),
        )
        .manage(Backstage::new())
        .manage(Streams::default())
        .manage(QuickAddKeys::default())
        .invoke_handler(tauri::generate_handler![
            commands::call,
            commands::document_file,
            commands::events,
            commands::pick_paths,
            commands::save_file,
            commands::open_path,
            commands::reveal_path,
            shortcut::take_quick_add_keys
        ])
        .setup(|app| {
            let app = app.handle();
            app.manage(Tray::build(app, app.state::<Backstage>().words())?);
            open_first(app, std::env::args().skip(1))?;
            tauri::async_runtime::spawn(start(app.clone()));
            tauri::async_runtime::spawn(quit_on_signal(app.clone()));
            Ok(())
        })
        .on_window_event(|window, event| match event {
            WindowEvent::CloseRequested { .. } if window.label() == MAIN => windows::remember(window.app_handle()),
            // It shows what is due itself.
            WindowEvent::Focused(true) if window.label() == MAIN => windows::close_reminders(window.app_handle()),
            WindowEvent::Destroyed => on_destroyed(window.app_handle(), window.label()),
            _ => {}
        })
        .build(tauri::generate_context!())
}

/// The window that a start asks for.
fn open_first(app: &AppHandle, mut arguments: impl Iterator<Item = impl AsRef<str>>) -> tauri::Result<()> {
    if arguments.any(|argument| argument.as_ref() == shortcut::ARGUMENT) {
        return windows::open_quick_add(app, app.state::<Backstage>().words());
    }
    windows::open_main(app)
}

/// The name by which a second start finds the first; none where two data directories could not be told apart by it.
fn instance_name() -> Option<String> {
    const NAME: &str = "app.moltworker.desktop";
    match std::env::var_os(molt_os::DATA_VARIABLE).filter(|folder| !folder.is_empty()) {
        None => Some(NAME.to_owned()),
        // Only the name on the message bus of Linux is ours to choose.
        Some(folder) if cfg!(target_os = "linux") => {
            let mut hasher = DefaultHasher::new();
            std::path::absolute(&folder).unwrap_or_else(|_| folder.into()).hash(&mut hasher);
            Some(format!("{NAME}.data{:016x}", hasher.finish()))
        }
        Some(_) => None,
    }
}

/// Starts the backend beside the opening window. If that fails, says why in a window and ends the program.
async fn start(app: AppHandle) {
    match app.state::<Backstage>().start().await {
        Ok(()) => follow::follow(app).await,
        Err(sentence) => {
            eprintln!("{sentence}");
            let words = Words::of(molt_core::Language::System);
            let ended = app.clone();
            app.dialog()
                .message(sentence)
                .title(words.start_failed)
                .kind(MessageDialogKind::Error)
                .show(move |_| ended.exit(1));
        }
    }
}

/// The end of the user's session, or `kill`: the program ends as if Quit had been chosen.
async fn quit_on_signal(app: AppHandle) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut terminated), Ok(mut interrupted)) =
            (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            return;
        };
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
        app.exit(0);
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_ok() {
        app.exit(0);
    }
}

fn on_destroyed(app: &AppHandle, label: &str) {
    app.state::<Streams>().replace(label, None);
    if label == MAIN && !app.state::<Backstage>().closes_to_tray() {
        app.exit(0);
    }
}

fn on_run_event(app: &AppHandle, event: RunEvent) {
    match event {
        // The last window was closed: the program stays in the tray. Quit comes with a code.
        RunEvent::ExitRequested { code: None, api, .. } if app.state::<Backstage>().closes_to_tray() => {
            api.prevent_exit();
        }
        RunEvent::Exit => {
            let app = app.clone();
            tauri::async_runtime::block_on(async move {
                let ended = tokio::time::timeout(SHUTDOWN, app.state::<Backstage>().shutdown()).await;
                if ended.is_err() {
                    tracing::warn!("the backend did not end in time");
                }
            });
        }
        _ => {}
    }
}
