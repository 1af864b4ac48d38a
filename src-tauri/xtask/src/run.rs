//! Starting other programs: shown to the reader, with their failure as an error.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, Result, bail};

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
/// program succeeded.
pub fn watch(command: &mut Command, mut seen: impl FnMut(&str)) -> Result<bool> {
    show(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", name(command)))?;
    let errors = child
        .stderr
        .take()
        .map(|stderr| thread::spawn(move || lines(stderr).inspect(|line| eprintln!("{line}")).collect::<Vec<_>>()));
    if let Some(stdout) = child.stdout.take() {
        for line in lines(stdout) {
            println!("{line}");
            seen(&line);
        }
    }
    let status = child.wait()?;
    if let Some(errors) = errors {
        // A reader that panicked has lost log lines, nothing else.
        errors.join().unwrap_or_default().iter().for_each(|line| seen(line));
    }
    Ok(status.success())
}

fn lines(source: impl std::io::Read) -> impl Iterator<Item = String> {
    BufReader::new(source).split(b'\n').map_while(Result::ok).map(|line| String::from_utf8_lossy(&line).into_owned())
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
