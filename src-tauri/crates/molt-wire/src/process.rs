//! What a worker does first: take its connection, lower its own limits.

use std::fs::File;

/// Limits that a worker puts on itself. `None` leaves the inherited limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Limits {
    /// Address space in bytes.
    pub memory: Option<u64>,
    /// Processor seconds; the kernel ends the process at the limit.
    pub cpu_seconds: Option<u64>,
    pub open_files: Option<u64>,
    /// The process may not make any file longer than this many bytes; 0 forbids writing files.
    pub file_size: Option<u64>,
    /// Added to the scheduling priority; 19 yields to everything.
    pub nice: Option<i32>,
}

/// Lowers the limits of this process and asks the kernel to end it when its parent ends.
///
/// Called first thing in a worker's `main`. A limit that cannot be set is an error: a worker never runs without its walls.
#[cfg(unix)]
pub fn enter(limits: &Limits) -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let set = |resource: Resource, value: Option<u64>| -> std::io::Result<()> {
        let Some(value) = value else { return Ok(()) };
        let maximum = getrlimit(resource).maximum.map_or(value, |maximum| maximum.min(value));
        Ok(setrlimit(resource, Rlimit { current: Some(maximum), maximum: Some(maximum) })?)
    };
    set(Resource::Core, Some(0))?;
    set(Resource::As, limits.memory)?;
    set(Resource::Cpu, limits.cpu_seconds)?;
    set(Resource::Nofile, limits.open_files)?;
    set(Resource::Fsize, limits.file_size)?;
    if let Some(nice) = limits.nice {
        rustix::process::nice(nice)?;
    }
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    Ok(())
}

#[cfg(not(unix))]
pub fn enter(_limits: &Limits) -> std::io::Result<()> {
    Ok(())
}

/// Takes standard input and output for frames, and lets everything that libraries print go to standard error instead.
///
/// Returns (input, output).
#[cfg(unix)]
pub fn claim_stdio() -> std::io::Result<(File, File)> {
    use std::os::fd::AsFd;

    let input = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let output = File::from(std::io::stdout().as_fd().try_clone_to_owned()?);
    let null = File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(std::io::stderr())?;
    Ok((input, output))
}

#[cfg(windows)]
pub fn claim_stdio() -> std::io::Result<(File, File)> {
    use std::os::windows::io::AsHandle;

    let input = File::from(std::io::stdin().as_handle().try_clone_to_owned()?);
    let output = File::from(std::io::stdout().as_handle().try_clone_to_owned()?);
    Ok((input, output))
}
