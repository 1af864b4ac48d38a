//! What the worker may still ask of the system: memory, threads, the time, and its own pipes.
//!
//! The list says what is allowed, and everything else is refused, also what newer systems bring. With the content of a file on
//! standard input there is nothing left to open: no file, no socket, no other process.

use std::collections::BTreeMap;

use libc::{
    CLONE_THREAD, ENOSYS, PROT_EXEC, SYS_brk, SYS_clock_gettime, SYS_clock_nanosleep, SYS_clone, SYS_close, SYS_exit,
    SYS_exit_group, SYS_fstat, SYS_futex, SYS_getpid, SYS_getrandom, SYS_gettid, SYS_lseek, SYS_madvise, SYS_mmap,
    SYS_mprotect, SYS_mremap, SYS_munmap, SYS_nanosleep, SYS_ppoll, SYS_pread64, SYS_prlimit64, SYS_read,
    SYS_restart_syscall, SYS_rseq, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sched_getaffinity,
    SYS_sched_yield, SYS_set_robust_list, SYS_sigaltstack, SYS_tgkill, SYS_write, SYS_writev,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpArgLen::Qword, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule,
};

const ALLOWED: &[i64] = &[
    SYS_read,
    SYS_write,
    SYS_writev,
    SYS_pread64,
    SYS_lseek,
    SYS_fstat,
    SYS_close,
    SYS_ppoll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    SYS_brk,
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_futex,
    SYS_set_robust_list,
    SYS_rseq,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_getpid,
    SYS_gettid,
    SYS_getrandom,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_restart_syscall,
    // An overflow of the stack and an abort end the process as they always do.
    SYS_sigaltstack,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_exit,
    SYS_exit_group,
];

/// Puts this thread, and every one that it starts, into the cage. There is no way out.
pub fn enter() -> Result<(), seccompiler::Error> {
    seccompiler::apply_filter(&program()?)
}

fn program() -> Result<BpfProgram, seccompiler::Error> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    let no_code = SeccompCondition::new(2, Dword, SeccompCmpOp::MaskedEq(PROT_EXEC as u64), 0)?;
    let only_threads =
        SeccompCondition::new(0, Dword, SeccompCmpOp::MaskedEq(CLONE_THREAD as u64), CLONE_THREAD as u64)?;
    let only_itself = SeccompCondition::new(0, Dword, SeccompCmpOp::Eq, std::process::id().into())?;
    let only_its_own = SeccompCondition::new(0, Dword, SeccompCmpOp::Eq, 0)?;
    let only_asked = SeccompCondition::new(2, Qword, SeccompCmpOp::Eq, 0)?;
    for (call, conditions) in [
        (SYS_mmap, vec![no_code.clone()]),
        (SYS_mprotect, vec![no_code]),
        (SYS_clone, vec![only_threads]),
        (SYS_tgkill, vec![only_itself]),
        (SYS_prlimit64, vec![only_its_own, only_asked]),
    ] {
        rules.insert(call, vec![SeccompRule::new(conditions)?]);
    }
    // "There is no such call": libraries then take an older one (`clone3`, whose flags a filter cannot see, becomes `clone`).
    let refused = SeccompAction::Errno(ENOSYS as u32);
    let filter = SeccompFilter::new(rules, refused, SeccompAction::Allow, std::env::consts::ARCH.try_into()?)?;
    Ok(filter.try_into()?)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{File, Permissions},
        net::{TcpListener, TcpStream, UdpSocket},
        os::unix::{
            fs::PermissionsExt,
            net::{UnixDatagram, UnixListener, UnixStream},
        },
        process::Command,
    };

    use rustix::{
        fs::{MemfdFlags, memfd_create},
        process::{Pid, Resource, getppid, getrlimit, setrlimit, test_kill_process},
    };

    use super::*;

    /// Does something, alone and then in the cage of a thread, and says how it went.
    fn tried<T: Send>(attempt: impl Fn() -> std::io::Result<T> + Sync) -> (bool, Option<i32>) {
        let free = attempt().is_ok();
        let caged = std::thread::scope(|scope| {
            scope.spawn(|| enter().map(|()| attempt().map(drop))).join().expect("the thread of the probe panicked")
        });
        (free, caged.expect("no cage").err().and_then(|error| error.raw_os_error()))
    }

    #[test]
    fn nothing_can_be_opened_sent_started_or_ended() {
        let folder = tempfile::tempdir().unwrap();
        let (file, socket) = (folder.path().join("secret.txt"), folder.path().join("socket"));
        std::fs::write(&file, "words").unwrap();
        let _listener = UnixListener::bind(&socket).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = port.local_addr().unwrap();
        let parent = getppid().unwrap_or(Pid::INIT);
        let probes: [(&str, (bool, Option<i32>)); 18] = [
            ("read a file", tried(|| std::fs::read(&file))),
            ("look at a file", tried(|| file.metadata())),
            ("list a folder", tried(|| std::fs::read_dir(folder.path()))),
            ("write a file", tried(|| File::create(folder.path().join("new.txt")))),
            ("append to a file", tried(|| File::options().append(true).open(&file))),
            ("make a folder", tried(|| std::fs::create_dir_all(folder.path().join("new")))),
            ("rename a file", tried(|| std::fs::rename(&file, &file))),
            ("change a file's rights", tried(|| std::fs::set_permissions(&file, Permissions::from_mode(0o600)))),
            ("read itself", tried(|| std::fs::read("/proc/self/environ"))),
            ("connect", tried(|| TcpStream::connect(address))),
            ("listen", tried(|| TcpListener::bind("127.0.0.1:0"))),
            ("send a datagram", tried(|| UdpSocket::bind("127.0.0.1:0"))),
            ("connect to a program here", tried(|| UnixStream::connect(&socket))),
            ("a socket pair", tried(UnixDatagram::pair)),
            ("start a program", tried(|| Command::new("/bin/true").status())),
            ("signal another process", tried(|| Ok(test_kill_process(parent)?))),
            ("change a limit", tried(|| Ok(setrlimit(Resource::Core, getrlimit(Resource::Core))?))),
            ("memory as a file", tried(|| Ok(memfd_create("x", MemfdFlags::CLOEXEC)?))),
        ];
        for (what, (free, caged)) in probes {
            assert!(free, "{what} fails without the cage too");
            assert_eq!(caged, Some(ENOSYS), "{what}");
        }
        assert_eq!(std::fs::read(&file).unwrap(), b"words");
    }

    #[test]
    fn threads_memory_and_time_are_left() {
        let done = std::thread::spawn(|| {
            enter().map(|()| {
                let inner = std::thread::Builder::new().stack_size(8 << 20).spawn(|| {
                    let sum: usize = vec![1u8; 64 << 20].iter().map(|byte| usize::from(*byte)).sum();
                    (sum, std::time::Instant::now().elapsed().as_secs())
                });
                inner.unwrap().join().unwrap()
            })
        });
        assert_eq!(done.join().unwrap().unwrap(), (64 << 20, 0));
    }
}
