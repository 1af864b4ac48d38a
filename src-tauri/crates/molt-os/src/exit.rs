//! Ending the process.

/// Ends the process at once, without the C libraries' exit handlers.
///
/// Those free what threads of the window system and of OpenSSL still use: about one in a hundred ends was a crash in
/// `XextFindDisplay` or a double free. Whatever must be kept is to be written before.
pub fn exit_at_once(code: u8) -> ! {
    #[cfg(unix)]
    signal_hook::low_level::exit(code.into());
    #[cfg(not(unix))]
    std::process::exit(code.into());
}
