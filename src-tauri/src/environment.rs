//! What the process must be before its first thread starts.

use std::io;

/// Variables of the window system. What the user has set goes first.
const WINDOW: &[(&str, &str)] = &[
    // The web view's accelerated renderer costs about 70 MB without a real graphics card, and leaves some machines with a
    // blank window; see docs/ARCHITECTURE.md.
    ("WEBKIT_DISABLE_DMABUF_RENDERER", "1"),
    // The C libraries of the window system would otherwise keep an arena of memory per thread.
    ("MALLOC_ARENA_MAX", "2"),
];

/// Starts the program again in its own place with the variables that are missing, or returns when none is.
///
/// Changing the environment of a running process is unsafe code, because any library's thread may be reading it; a new
/// start costs milliseconds. Elsewhere than on Unix a process cannot replace itself, and the variables tune memory only.
pub fn settle() -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;

        let missing: Vec<_> = WINDOW
            .iter()
            .chain(molt_backend::ENVIRONMENT)
            .filter(|(name, _)| std::env::var_os(name).is_none())
            .copied()
            .collect();
        if !missing.is_empty() {
            let mut arguments = std::env::args_os();
            let name = arguments.next().unwrap_or_default();
            let mut again = std::process::Command::new(std::env::current_exe()?);
            return Err(again.arg0(name).args(arguments).envs(missing).exec());
        }
    }
    Ok(())
}
