//! Starting other programs: shown to the reader, with their failure as an error.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};

/// No test waits this long, and the slowest crate is compiled in less.
const SILENCE: Duration = Duration::from_secs(20 * 60);

/// Runs a program with our own input and output; an error when it fails.
pub fn run(command: &mut Command) -> Result<()> {
    show(command);
    let status = command.status().with_context(|| format!("cannot start {}", name(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", line(command));
    }
    Ok(())
}

/// Runs a program silently and gives what it wrote to its standard output.
pub fn output(command: &mut Command) -> Result<String> {
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start {}", name(command)))?;
    if !output.status.success() {
        bail!("{} failed ({})", line(command), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// True when the program exists and succeeds; nothing of it is shown.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs a program, passes every line of its two outputs on as it comes, and hands it to `seen`. Answers whether the
/// program succeeded; one that says nothing for [`SILENCE`] is ended, and that is an error.
pub fn watch(command: &mut Command, mut seen: impl FnMut(&str)) -> Result<bool> {
    show(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", name(command)))?;
    let (said, heard) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        pass_on(stdout, said.clone(), |line| println!("{line}"));
    }
    if let Some(stderr) = child.stderr.take() {
        pass_on(stderr, said, |line| eprintln!("{line}"));
    }
    loop {
        match heard.recv_timeout(SILENCE) {
            Ok(line) => seen(&line),
            Err(RecvTimeoutError::Disconnected) => return Ok(child.wait()?.success()),
            Err(RecvTimeoutError::Timeout) => {
                child.kill()?;
                bail!("{} said nothing for {} minutes and was ended", line(command), SILENCE.as_secs() / 60);
            }
        }
    }
}

fn pass_on(source: impl Read + Send + 'static, said: Sender<String>, print: fn(&str)) {
    thread::spawn(move || {
        for line in BufReader::new(source).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            print(&line);
            // Nobody listens once the program was ended.
            let _ = said.send(line);
        }
    });
}

fn show(command: &Command) {
    println!("$ {}", line(command));
    // The program's own lines come through another handle.
    let _ = std::io::stdout().flush();
}

fn name(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    program.rsplit(['/', '\\']).next().unwrap_or(&program).to_owned()
}

fn line(command: &Command) -> String {
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(name(command)).chain(arguments).collect::<Vec<_>>().join(" ")
}
