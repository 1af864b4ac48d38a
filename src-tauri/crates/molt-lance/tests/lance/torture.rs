//! A child process that is killed: the test binary runs one of its own tests again, with an environment variable that
//! makes it the child. The child reports on its standard error, one whole line per write.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

/// Lines of a child's report that count as acknowledgements begin with this.
pub const ACK: &str = "ACK ";

/// Tells the parent, in one write, so that a kill never leaves half a line.
pub fn report(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Runs `test` of this binary as a child, kills it (SIGKILL) when it has acknowledged `acks` times and `then` has
/// passed, and returns all it reported. A child that ends by itself is a failure.
pub fn run_and_kill(test: &str, environment: &[(&str, &OsStr)], acks: usize, then: Duration) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (send, lines) = mpsc::channel();
    let mut pipe = BufReader::new(child.stderr.take().unwrap());
    let reader = std::thread::spawn(move || {
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).unwrap() > 0 {
            if line.pop() == Some(b'\n') {
                send.send(String::from_utf8_lossy(&line).into_owned()).unwrap();
            }
            line.clear();
        }
    });

    let mut report = Vec::new();
    let mut acknowledged = 0;
    while acknowledged < acks {
        match lines.recv_timeout(Duration::from_secs(120)) {
            Ok(line) => {
                acknowledged += usize::from(line.starts_with(ACK));
                report.push(line);
            }
            Err(error) => {
                let _ = child.kill();
                panic!("the child stopped reporting ({error}):\n{}", report.join("\n"));
            }
        }
    }
    let kill_at = Instant::now() + then;
    while let Ok(line) = lines.recv_timeout(kill_at.saturating_duration_since(Instant::now())) {
        report.push(line);
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    reader.join().unwrap();
    report.extend(lines.try_iter());
    assert_eq!(status.code(), None, "the child ended before it was killed:\n{}", report.join("\n"));
    report
}
