//! What kind of session this is: a display or none, and the user's language.

use std::ffi::OsString;

use molt_core::Language;

/// True when a window can be opened: on Linux, when a Wayland or X server answers at the address that the environment names.
///
/// A server that does not answer is told apart here because the toolkit would end the whole process over it.
pub fn is_display_available() -> bool {
    #[cfg(all(unix, not(target_os = "macos")))]
    {
        unix::display(|name| std::env::var_os(name))
    }
    #[cfg(not(all(unix, not(target_os = "macos"))))]
    {
        true
    }
}

/// The language that the system's settings ask for, by the rules of gettext; English when they ask for one we do not speak.
///
/// Never `Language::System`. Where the environment says nothing (macOS and Windows programs started from the desktop), the web view
/// knows better.
pub fn machine_language() -> Language {
    language(|name| std::env::var_os(name))
}

fn language(variable: impl Fn(&str) -> Option<OsString>) -> Language {
    let text = |name: &str| variable(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty());
    let locale = text("LC_ALL").or_else(|| text("LC_MESSAGES")).or_else(|| text("LANG")).unwrap_or_default();
    let plain = |name: &str| matches!(name.split('.').next(), Some("" | "C" | "POSIX") | None);
    // `LANGUAGE` is a list of preferences that does not count in the C locale.
    let listed = if plain(&locale) { None } else { text("LANGUAGE") };
    let wanted = listed.unwrap_or(locale);
    for name in wanted.split(':') {
        match name.split(['_', '-', '.', '@']).next().map(str::to_ascii_lowercase).as_deref() {
            Some("zh") => return Language::ZhCn,
            Some("en") => return Language::En,
            _ => {}
        }
    }
    Language::En
}

#[cfg(all(unix, not(target_os = "macos")))]
mod unix {
    use std::{
        ffi::OsString,
        os::unix::net::UnixStream,
        path::{Path, PathBuf},
    };

    pub fn display(variable: impl Fn(&str) -> Option<OsString>) -> bool {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        if let Some(name) = variable("WAYLAND_DISPLAY") {
            let socket = match variable("XDG_RUNTIME_DIR") {
                Some(directory) => PathBuf::from(directory).join(&name),
                None => PathBuf::from(&name),
            };
            if UnixStream::connect(socket).is_ok() {
                return true;
            }
        }
        variable("DISPLAY").and_then(|name| name.into_string().ok()).is_some_and(|name| x_server(&name))
    }

    /// `name` is `:0`, `:0.0` or `host:0`; a remote one is believed, asking it could take minutes.
    fn x_server(name: &str) -> bool {
        let Some((host, rest)) = name.rsplit_once(':') else { return false };
        let number = rest.split('.').next().unwrap_or_default();
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return false;
        }
        if !host.is_empty() && host != "unix" {
            return true;
        }
        let socket = format!("/tmp/.X11-unix/X{number}");
        UnixStream::connect(Path::new(&socket)).is_ok() || abstract_socket(&socket)
    }

    #[cfg(target_os = "linux")]
    fn abstract_socket(name: &str) -> bool {
        use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};
        SocketAddr::from_abstract_name(name).and_then(|address| UnixStream::connect_addr(&address)).is_ok()
    }

    #[cfg(not(target_os = "linux"))]
    fn abstract_socket(_name: &str) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup<'a>(variables: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<OsString> + 'a {
        |name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
    }

    #[test]
    fn the_language_follows_gettext() {
        for (variables, expected) in [
            (&[("LANG", "zh_CN.UTF-8")][..], Language::ZhCn),
            (&[("LANG", "zh_TW.UTF-8")], Language::ZhCn),
            (&[("LANG", "en_GB.UTF-8"), ("LC_ALL", "zh_CN.UTF-8")], Language::ZhCn),
            (&[("LANG", "zh_CN.UTF-8"), ("LC_MESSAGES", "en_US")], Language::En),
            (&[("LANG", "de_DE.UTF-8"), ("LANGUAGE", "fr:zh_CN:en")], Language::ZhCn),
            (&[("LANG", "C.UTF-8"), ("LANGUAGE", "zh_CN")], Language::En),
            (&[("LANG", "de_DE.UTF-8")], Language::En),
            (&[("LC_ALL", ""), ("LANG", "zh")], Language::ZhCn),
            (&[], Language::En),
        ] {
            assert_eq!(language(lookup(variables)), expected, "{variables:?}");
        }
    }

    #[cfg(all(unix, not(target_os = "macos")))]
    #[test]
    fn only_a_server_that_answers_is_a_display() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().to_str().unwrap();
        let wayland = [("WAYLAND_DISPLAY", "w-0"), ("XDG_RUNTIME_DIR", directory)];
        assert!(!unix::display(lookup(&wayland)));
        let _server = std::os::unix::net::UnixListener::bind(folder.path().join("w-0")).unwrap();
        assert!(unix::display(lookup(&wayland)));
        assert!(!unix::display(lookup(&[])));
        assert!(!unix::display(lookup(&[("DISPLAY", "")])));
        assert!(!unix::display(lookup(&[("DISPLAY", ":987654")])));
        assert!(!unix::display(lookup(&[("DISPLAY", "nonsense")])));
        assert!(unix::display(lookup(&[("DISPLAY", "far.example:0")])));
    }
}
