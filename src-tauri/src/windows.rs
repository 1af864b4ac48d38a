//! The windows: one large, two small, each a page of the same UI.
//!
//! Windows are made here, not in the configuration, because closing one destroys its web view (most of the program's
//! memory) and opening makes it anew. What stands in them is the pages' business.

use std::time::Duration;

use tauri::{
    AppHandle, LogicalPosition, LogicalSize, Manager, WebviewUrl, WebviewWindow, WebviewWindowBuilder, Wry,
    webview::{NewWindowResponse, PageLoadEvent},
};
use tauri_plugin_window_state::{AppHandleExt, StateFlags};

use crate::words::Words;

pub const MAIN: &str = "main";
pub const REMINDERS: &str = "reminders";
pub const QUICK_ADD: &str = "quick-add";

/// What is remembered of the main window from one start to the next.
pub const REMEMBERED: StateFlags = StateFlags::SIZE.union(StateFlags::POSITION).union(StateFlags::MAXIMIZED);

const MAIN_SIZE: LogicalSize<f64> = LogicalSize::new(1160.0, 780.0);
const MAIN_LEAST: LogicalSize<f64> = LogicalSize::new(420.0, 480.0);
const REMINDERS_SIZE: LogicalSize<f64> = LogicalSize::new(380.0, 260.0);
const QUICK_ADD_SIZE: LogicalSize<f64> = LogicalSize::new(600.0, 200.0);
/// Between the reminder window and the edges of the screen.
const MARGIN: f64 = 16.0;
/// A page that has not loaded by then is shown as it is.
const PATIENCE: Duration = Duration::from_secs(3);

type Builder<'a> = WebviewWindowBuilder<'a, Wry, AppHandle>;

/// Opens the main window, or brings it to the front.
pub fn open_main(app: &AppHandle) -> tauri::Result<()> {
    if bring_to_front(app, MAIN)? {
        return Ok(());
    }
    let builder = page(app, MAIN, "")
        .title("Moltworker")
        .inner_size(MAIN_SIZE.width, MAIN_SIZE.height)
        .min_inner_size(MAIN_LEAST.width, MAIN_LEAST.height);
    show_when_loaded(builder)
}

/// Opens the line for a new task in the middle of the screen.
pub fn open_quick_add(app: &AppHandle, words: &Words) -> tauri::Result<()> {
    if bring_to_front(app, QUICK_ADD)? {
        return Ok(());
    }
    let builder = page(app, QUICK_ADD, "quick-add")
        .title(words.quick_add_title)
        .inner_size(QUICK_ADD_SIZE.width, QUICK_ADD_SIZE.height)
        .resizable(false)
        .decorations(false)
        .always_on_top(true)
        .skip_taskbar(true)
        .center();
    show_when_loaded(builder)
}

/// Opens the list of due reminders in the upper right corner without taking the keyboard away from what the user does.
pub fn open_reminders(app: &AppHandle, words: &Words) -> tauri::Result<()> {
    if let Some(window) = app.get_webview_window(REMINDERS) {
        return window.show();
    }
    let mut builder = page(app, REMINDERS, "reminders")
        .title(words.reminders_title)
        .inner_size(REMINDERS_SIZE.width, REMINDERS_SIZE.height)
        .resizable(false)
        .decorations(false)
        .always_on_top(true)
        .visible_on_all_workspaces(true)
        .skip_taskbar(true)
        .focused(false);
    if let Some(LogicalPosition { x, y }) = upper_right(app)? {
        builder = builder.position(x, y);
    }
    show_when_loaded(builder)
}

/// Closes the list of reminders when none is left in it.
pub fn close_reminders(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(REMINDERS)
        && let Err(error) = window.close()
    {
        tracing::warn!(%error, "the reminder window could not be closed");
    }
}

/// Whether the user is looking at the main window, which shows due reminders itself.
pub fn is_main_in_front(app: &AppHandle) -> bool {
    app.get_webview_window(MAIN)
        .is_some_and(|window| window.is_visible().unwrap_or(false) && window.is_focused().unwrap_or(false))
}

/// Writes down where the main window stands; called before it goes.
pub fn remember(app: &AppHandle) {
    if let Err(error) = app.save_window_state(REMEMBERED) {
        tracing::warn!(%error, "the place of the window could not be saved");
    }
}

fn bring_to_front(app: &AppHandle, label: &str) -> tauri::Result<bool> {
    let Some(window) = app.get_webview_window(label) else { return Ok(false) };
    window.unminimize()?;
    window.show()?;
    window.set_focus()?;
    Ok(true)
}

/// A window that shows one page of the UI and can go nowhere else.
fn page<'a>(app: &'a AppHandle, label: &str, route: &str) -> Builder<'a> {
    let url = if route.is_empty() { "index.html".to_owned() } else { format!("index.html#/{route}") };
    let own_pages = app.config().build.dev_url.clone().filter(|_| tauri::is_dev());
    WebviewWindowBuilder::new(app, label, WebviewUrl::App(url.into()))
        .on_navigation(move |url| {
            let packaged = url.scheme() == "tauri" || url.host_str() == Some("tauri.localhost");
            packaged || own_pages.as_ref().is_some_and(|own| own.origin() == url.origin())
        })
        .on_new_window(|_, _| NewWindowResponse::Deny)
}

/// Shows the window once its page stands, so that no white square flashes in the dark.
fn show_when_loaded(builder: Builder<'_>) -> tauri::Result<()> {
    let window = builder
        .visible(false)
        .on_page_load(|window, load| {
            if load.event() == PageLoadEvent::Finished {
                show(&window);
            }
        })
        .build()?;
    tauri::async_runtime::spawn(async move {
        tokio::time::sleep(PATIENCE).await;
        show(&window);
    });
    Ok(())
}

fn show(window: &WebviewWindow) {
    // It may have been closed in the meantime, and then there is nothing to show.
    if let Ok(false) = window.is_visible() {
        let _ = window.show();
    }
}

fn upper_right(app: &AppHandle) -> tauri::Result<Option<LogicalPosition<f64>>> {
    let Some(monitor) = app.primary_monitor()? else { return Ok(None) };
    let scale = monitor.scale_factor();
    let corner = monitor.work_area().position.to_logical::<f64>(scale);
    let size = monitor.work_area().size.to_logical::<f64>(scale);
    Ok(Some(LogicalPosition::new(corner.x + size.width - REMINDERS_SIZE.width - MARGIN, corner.y + MARGIN)))
}
