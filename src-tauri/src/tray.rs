//! The tray's icon and menu. On Linux a click always opens the menu, so everything is in it.

use std::sync::{Mutex, PoisonError};

use serde_json::json;
use tauri::{
    AppHandle, Manager, Wry,
    menu::{CheckMenuItem, Menu, MenuEvent, MenuItem, PredefinedMenuItem},
    tray::{TrayIcon, TrayIconBuilder},
};

use crate::{backstage::Backstage, badge, windows, words::Words};

const OPEN: &str = "open";
const QUICK_ADD: &str = "quick-add";
const PAUSE: &str = "pause";
const REMINDERS: &str = "reminders";
const DOWNLOADS: &str = "downloads";
const QUIT: &str = "quit";
/// Where the line of downloads is put into the menu: behind those that open something, and their separator.
const DOWNLOADS_AT: usize = 3;

/// The tray as it stands; managed by Tauri as state.
pub struct Tray {
    icon: TrayIcon<Wry>,
    menu: Menu<Wry>,
    downloads: MenuItem<Wry>,
    /// What the line of downloads says; it is in the menu only then.
    said: Mutex<Option<String>>,
    open: MenuItem<Wry>,
    quick_add: MenuItem<Wry>,
    pause: CheckMenuItem<Wry>,
    reminders: MenuItem<Wry>,
    quit: MenuItem<Wry>,
}

impl Tray {
    pub fn build(app: &AppHandle, words: &Words) -> tauri::Result<Self> {
        let item = |id, text: &str, enabled| MenuItem::with_id(app, id, text, enabled, None::<&str>);
        let open = item(OPEN, words.open, true)?;
        let quick_add = item(QUICK_ADD, words.quick_add, true)?;
        let pause = CheckMenuItem::with_id(app, PAUSE, words.pause_indexing, true, false, None::<&str>)?;
        let reminders = item(REMINDERS, &words.reminders(0), false)?;
        let downloads = item(DOWNLOADS, "", true)?;
        let quit = item(QUIT, words.quit, true)?;
        let line = || PredefinedMenuItem::separator(app);
        let menu = Menu::with_items(app, &[&open, &quick_add, &line()?, &reminders, &pause, &line()?, &quit])?;
        let icon = TrayIconBuilder::with_id("main")
            .icon(badge::icon(0)?)
            .tooltip("Moltworker")
            .menu(&menu)
            .on_menu_event(chosen)
            .build(app)?;
        Ok(Self { icon, menu, downloads, said: Mutex::default(), open, quick_add, pause, reminders, quit })
    }

    /// Puts everything into the user's language.
    pub fn translate(&self, words: &Words, waiting: u32) -> tauri::Result<()> {
        self.open.set_text(words.open)?;
        self.quick_add.set_text(words.quick_add)?;
        self.pause.set_text(words.pause_indexing)?;
        self.reminders.set_text(words.reminders(waiting))?;
        self.quit.set_text(words.quit)
    }

    pub fn set_paused(&self, paused: bool) -> tauri::Result<()> {
        self.pause.set_checked(paused)
    }

    /// Says how far downloads are, and nothing where none is under way.
    pub fn set_downloads(&self, line: Option<String>) -> tauri::Result<()> {
        let before = std::mem::replace(&mut *self.said.lock().unwrap_or_else(PoisonError::into_inner), line.clone());
        if before == line {
            // Progress is told many times a second; most of the time the line is the same.
            return Ok(());
        }
        let Some(line) = line else { return self.menu.remove(&self.downloads) };
        self.downloads.set_text(line)?;
        if before.is_none() { self.menu.insert(&self.downloads, DOWNLOADS_AT) } else { Ok(()) }
    }

    /// Counts the reminders that were shown and not answered.
    pub fn set_waiting(&self, words: &Words, waiting: u32) -> tauri::Result<()> {
        self.reminders.set_text(words.reminders(waiting))?;
        self.reminders.set_enabled(waiting > 0)?;
        self.icon.set_icon(Some(badge::icon(waiting)?))
    }
}

fn chosen(app: &AppHandle, event: MenuEvent) {
    let words = app.state::<Backstage>().words();
    let done = match event.id().as_ref() {
        OPEN | DOWNLOADS => windows::open_main(app),
        QUICK_ADD => windows::open_quick_add(app, words),
        REMINDERS => windows::open_reminders(app, words),
        PAUSE => {
            pause(app);
            Ok(())
        }
        QUIT => {
            app.exit(0);
            Ok(())
        }
        _ => Ok(()),
    };
    if let Err(error) = done {
        tracing::error!(%error, choice = event.id().as_ref(), "the choice in the tray's menu failed");
    }
}

/// Does what the box in the menu now says; if that fails the box goes back to how things are.
fn pause(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let tray = app.state::<Tray>();
        let Ok(paused) = tray.pause.is_checked() else { return };
        if let Err(error) = app.state::<Backstage>().call("knowledge_pause", json!({ "paused": paused })).await {
            tracing::error!(%error, "indexing could not be paused or resumed");
            let _ = tray.set_paused(!paused);
        }
    });
}
