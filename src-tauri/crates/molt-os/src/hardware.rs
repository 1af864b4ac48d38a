//! What this machine is: processor, memory, free disk space.

use std::path::Path;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// What matters to the choice of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hardware {
    /// As the processor calls itself; empty where the system does not tell.
    pub cpu_name: String,
    /// Cores that exist; at least 1.
    pub physical_cores: u32,
    /// Threads that this process may run at once (containers and affinity count); at least 1.
    pub usable_threads: u32,
    /// Bytes of memory; a container's limit where that is lower.
    pub memory_total: u64,
    /// Bytes that programs can still take without swapping.
    pub memory_available: u64,
}

/// Probes the machine. Takes a few milliseconds.
pub fn hardware() -> Hardware {
    let system = System::new_with_specifics(
        RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()).with_memory(MemoryRefreshKind::nothing().with_ram()),
    );
    let usable_threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u32);
    let (mut memory_total, mut memory_available) = (system.total_memory(), system.available_memory());
    if let Some(limits) = system.cgroup_limits().filter(|limits| limits.total_memory < system.total_memory()) {
        memory_total = limits.total_memory;
        // Its `free_memory` counts cached files as taken.
        memory_available = memory_available.min(limits.total_memory.saturating_sub(limits.rss));
    }
    Hardware {
        cpu_name: system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()).unwrap_or_default(),
        physical_cores: System::physical_core_count().map_or(usable_threads, |cores| cores as u32).max(1),
        usable_threads,
        memory_total,
        memory_available,
    }
}

/// Bytes that this user can still write on the disk of `path`; none where the system does not tell.
pub fn free_space(path: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let disk = rustix::fs::statvfs(path).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_makes_sense() {
        let machine = hardware();
        assert!(machine.physical_cores >= 1 && machine.usable_threads >= 1, "{machine:?}");
        assert!(machine.memory_available > 0 && machine.memory_available <= machine.memory_total, "{machine:?}");
        assert!(machine.memory_total > 256 << 20, "{machine:?}");
    }

    #[cfg(unix)]
    #[test]
    fn free_space_is_told_for_what_exists() {
        assert!(free_space(Path::new("/")).is_some());
        assert_eq!(free_space(Path::new("/no/such/place")), None);
    }
}
