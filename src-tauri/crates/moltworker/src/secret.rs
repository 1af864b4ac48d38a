//! Reading a passphrase or a recovery code: from a file, from the terminal without showing it, or from the standard input.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
};

use crate::{connect::sentence, failure::Failure, print::Printer};

/// Names the file that holds the passphrase, for services that nobody sits before.
pub const FILE_VARIABLE: &str = "MOLTWORKER_PASSPHRASE_FILE";

/// The file that was named on the command line, else by the environment.
pub fn file(named: Option<PathBuf>) -> Option<PathBuf> {
    named.or_else(|| std::env::var_os(FILE_VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from))
}

/// The first line of a file.
pub fn read_file(path: &Path, printer: &Printer) -> Result<String, Failure> {
    let failed = |reason: String| Failure::plain(printer.words.cannot_read(path.display(), reason));
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.permissions().mode();
        if mode & 0o077 != 0 {
            printer.note(printer.words.open_to_others(path.display()));
        }
    }
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Asks on the terminal; where the standard input is none, its next line is the answer.
pub fn ask(prompt: &str) -> Result<String, Failure> {
    let mut line = String::new();
    let is_terminal = io::stdin().is_terminal();
    if is_terminal {
        let mut err = io::stderr().lock();
        write!(err, "{prompt}")?;
        err.flush()?;
    }
    let hidden = is_terminal.then(Hidden::begin);
    let read = io::stdin().lock().read_line(&mut line);
    drop(hidden);
    if is_terminal {
        writeln!(io::stderr().lock())?;
    }
    read.map_err(|error| Failure::plain(sentence(&error.to_string())))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// While it lives the terminal does not show what is typed.
struct Hidden;

impl Hidden {
    fn begin() -> Self {
        stty("-echo");
        Self
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        stty("echo");
    }
}

/// The system's own program for it. Where there is none, what is typed can be seen, as in every other prompt.
fn stty(mode: &str) {
    if cfg!(unix) && std::process::Command::new("stty").arg(mode).status().is_err() {
        tracing::debug!("the terminal cannot hide what is typed");
    }
}

#[cfg(test)]
mod tests {
    use molt_core::Language;

    use super::*;
    use crate::words::Words;

    #[test]
    fn a_passphrase_is_the_first_line_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passphrase");
        let printer = Printer { json: false, words: Words::new(Language::En) };
        std::fs::write(&path, "four words of mine \r\nand a remark\n").unwrap();
        assert_eq!(read_file(&path, &printer).unwrap(), "four words of mine ");
        assert!(read_file(&folder.path().join("other"), &printer).unwrap_err().message().contains("other"));
        assert_eq!(file(Some("a".into())), Some(PathBuf::from("a")));
    }
}
