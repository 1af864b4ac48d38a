//! Memory of processes and of whole process trees.
//!
//! The figure is PSS on Linux: each shared page counts once over all processes that share it, so that a sum over a tree is honest.
//! Elsewhere it is the resident size.

use std::collections::HashMap;

/// One process of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessMemory {
    pub pid: u32,
    pub name: String,
    /// Bytes.
    pub memory: u64,
}

/// Bytes that one process holds; none when it is gone or belongs to someone else.
pub fn process_memory(pid: u32) -> Option<u64> {
    system::memory(pid)
}

/// A process and all its descendants, the root first. Processes that end meanwhile are left out.
pub fn process_tree(root: u32) -> Vec<ProcessMemory> {
    let mut children: HashMap<u32, Vec<(u32, String)>> = HashMap::new();
    let mut pending = Vec::new();
    for (pid, parent, name) in system::processes() {
        if pid == root {
            pending.push((pid, name));
        } else {
            children.entry(parent).or_default().push((pid, name));
        }
    }
    let mut tree = Vec::new();
    while let Some((pid, name)) = pending.pop() {
        // Taking the children out keeps a loop (pids reused while we read) from going round.
        pending.extend(children.remove(&pid).unwrap_or_default());
        if let Some(memory) = process_memory(pid) {
            tree.push(ProcessMemory { pid, name, memory });
        }
    }
    tree
}

/// Bytes of a process and all its descendants.
pub fn tree_memory(root: u32) -> u64 {
    process_tree(root).iter().map(|process| process.memory).sum()
}

#[cfg(target_os = "linux")]
mod system {
    pub fn memory(pid: u32) -> Option<u64> {
        pss(&std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?)
    }

    /// (pid, parent, name) of every process.
    pub fn processes() -> Vec<(u32, u32, String)> {
        let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        pids.filter_map(|pid| {
            let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
            let (parent, name) = parent_and_name(&String::from_utf8_lossy(&stat))?;
            Some((pid, parent, name))
        })
        .collect()
    }

    fn pss(rollup: &str) -> Option<u64> {
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
    }

    /// A name may hold spaces and parentheses; the fields start after the last `)`.
    fn parent_and_name(stat: &str) -> Option<(u32, String)> {
        let (head, fields) = stat.rsplit_once(')')?;
        let (_, name) = head.split_once('(')?;
        Some((fields.split_whitespace().nth(1)?.parse().ok()?, name.to_owned()))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_kernels_formats_are_read() {
            let rollup =
                "00400000-7ffd rw-p 00000000 00:00 0 [rollup]\nRss:  2048 kB\nPss:      1536 kB\nPss_Dirty: 12 kB\n";
            assert_eq!(pss(rollup), Some(1536 << 10));
            assert_eq!(pss("Rss: 1 kB\n"), None);
            assert_eq!(parent_and_name("42 (a (b) c) S 7 42 42 0 -1"), Some((7, "a (b) c".into())));
            assert_eq!(parent_and_name("42"), None);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

    fn refreshed(which: ProcessesToUpdate<'_>) -> System {
        let mut system = System::new();
        system.refresh_processes_specifics(which, true, ProcessRefreshKind::nothing().with_memory());
        system
    }

    pub fn memory(pid: u32) -> Option<u64> {
        let pid = Pid::from_u32(pid);
        refreshed(ProcessesToUpdate::Some(&[pid])).process(pid).map(|process| process.memory())
    }

    /// (pid, parent, name) of every process.
    pub fn processes() -> Vec<(u32, u32, String)> {
        let system = refreshed(ProcessesToUpdate::All);
        let described = system.processes().iter().map(|(pid, process)| {
            let parent = process.parent().map_or(0, |parent| parent.as_u32());
            (pid.as_u32(), parent, process.name().to_string_lossy().into_owned())
        });
        described.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_holds_its_children_and_their_memory() {
        let me = std::process::id();
        let mut child = std::process::Command::new(if cfg!(windows) { "more" } else { "cat" })
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let tree = process_tree(me);
        let total = tree_memory(me);
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(tree[0].pid, me);
        assert!(tree.iter().any(|process| process.pid == child.id()), "{tree:?}");
        assert!(tree.iter().all(|process| process.memory > 0), "{tree:?}");
        assert!(total > process_memory(me).unwrap_or(u64::MAX) / 2);
        assert_eq!(process_memory(child.id()), None);
        assert!(process_tree(child.id()).is_empty());
    }
}
