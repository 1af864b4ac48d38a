//! `task import | export | feed`: tasks from and for other programs.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use molt_api::{TaskFeed as Request, TaskFile, TaskImport as Text, TaskImported};
use molt_core::Settings;

use crate::{
    args::{TaskExport, TaskFeed, TaskImport},
    connect::Connection,
    failure::Failure,
    print::{Printer, one_line},
    words::Words,
};

pub async fn import(connection: &Connection, printer: &Printer, args: TaskImport) -> Result<(), Failure> {
    let words = printer.words;
    let text = read(&args.file, words)?;
    let name = args.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let imported: TaskImported = connection.call("task_import", Text { name, text }).await?;
    if printer.json {
        return Ok(printer.value(&imported)?);
    }
    printer.line(words.tasks_imported(imported.added, imported.present))?;
    for remark in &imported.remarks {
        printer.line(words.import_remark(remark.line, one_line(&remark.title), one_line(&remark.reason)))?;
    }
    if imported.more_remarks > 0 {
        printer.line(words.more_remarks(imported.more_remarks))?;
    }
    Ok(())
}

pub async fn export(connection: &Connection, printer: &Printer, args: TaskExport) -> Result<(), Failure> {
    let exported: TaskFile = connection.call("task_export", ()).await?;
    let name = args.file.display().to_string();
    write_new(&args.file, &exported.text).map_err(|error| Failure::plain(printer.words.cannot_write(&name, error)))?;
    Ok(printer.line(printer.words.tasks_exported(name))?)
}

pub async fn feed(connection: &Connection, printer: &Printer, args: TaskFeed) -> Result<(), Failure> {
    let words = printer.words;
    let settings: Settings = connection.call("task_feed", Request { on: !args.off }).await?;
    let Some(secret) = settings.calendar_feed else { return Ok(printer.line(words.feed_closed())?) };
    // Without a running program the port is the one that `serve` will be given.
    let base = match connection {
        Connection::Client(client) => client.base(),
        Connection::Own(_) => "http://127.0.0.1:PORT",
    };
    printer.line(format!("{base}/feed/{secret}/tasks.ics"))?;
    Ok(printer.line(words.feed_hint())?)
}

/// The text of a file. One byte over the limit is enough for the program to refuse it; more is not read.
fn read(path: &Path, words: Words) -> Result<String, Failure> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(molt_tasks::FILE_LIMIT as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| Failure::plain(words.cannot_read(&name, error)))?;
    String::from_utf8(bytes).map_err(|_| Failure::plain(words.cannot_read(&name, words.not_text())))
}

/// A file that is there is not written over, and a half written one does not stay.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // It is ours and worth nothing; the first error is the one to tell.
        let _ = fs::remove_file(path);
    }
    written
}

#[cfg(test)]
mod tests {
    use molt_core::Language;

    use super::*;

    #[test]
    fn a_file_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tasks.ics");
        write_new(&path, "one").unwrap();
        assert_eq!(write_new(&path, "two").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(read(&path, Words::new(Language::En)).unwrap(), "one");
    }

    #[test]
    fn what_is_no_text_is_refused_in_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tasks.ics");
        fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
        let refused = read(&path, Words::new(Language::En)).unwrap_err().message();
        assert!(refused.contains("not text in UTF-8"), "{refused}");
        assert!(read(&folder.path().join("none.ics"), Words::new(Language::En)).is_err());
    }
}
