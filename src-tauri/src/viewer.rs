//! Opening a PDF at a page, where the system's viewer is one of those that can be told a page.

use std::path::Path;

use tokio::process::Command;

/// Viewers by the name of their desktop entry: the program, and the option that is followed by a page from 1.
const VIEWERS: [(&str, &str, &str); 7] = [
    ("org.gnome.Evince.desktop", "evince", "--page-index"),
    ("evince.desktop", "evince", "--page-index"),
    ("org.gnome.Papers.desktop", "papers", "--page-index"),
    ("atril.desktop", "atril", "--page-index"),
    ("xreader.desktop", "xreader", "--page-index"),
    ("org.kde.okular.desktop", "okular", "--page"),
    ("org.pwmt.zathura.desktop", "zathura", "--page"),
];

/// True when the viewer was started. Otherwise the caller opens the file in the ordinary way.
pub async fn open_at_page(path: &Path, page: u32) -> bool {
    if !cfg!(target_os = "linux") || path.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("pdf")) {
        return false;
    }
    let Ok(asked) = Command::new("xdg-mime").args(["query", "default", "application/pdf"]).output().await else {
        return false;
    };
    let entry = String::from_utf8_lossy(&asked.stdout);
    let Some((_, program, option)) = VIEWERS.iter().find(|(name, ..)| *name == entry.trim()) else { return false };
    match Command::new(program).arg(option).arg(page.to_string()).arg(path).spawn() {
        Ok(mut viewer) => {
            // Waited for so that the ended viewer does not stay in the process table.
            tauri::async_runtime::spawn(async move { viewer.wait().await });
            true
        }
        Err(_) => false,
    }
}
