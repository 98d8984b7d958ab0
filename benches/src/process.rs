//! What the kernel says about processes: `/proc` of Linux.

use std::fs;
use std::time::Duration;

/// Clock ticks a second in `/proc`: 100 on every Linux that Rust supports.
const TICKS_PER_SECOND: u64 = 100;

/// CPU time that a process and its descendants have used so far.
pub(crate) fn cpu_time(pid: u32) -> Duration {
    family(pid)
        .iter()
        .filter_map(|pid| ticks_of(*pid))
        .map(|ticks| Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
        .sum()
}

/// CPU time that this process has used so far, without its descendants.
pub(crate) fn own_cpu_time() -> Duration {
    let ticks: u64 = (11..=12).filter_map(|field| stat(std::process::id(), field)).sum();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

/// CPU time that a thread of this process has used so far, by its name; `None` if there is none.
pub(crate) fn thread_cpu_time(name: &str) -> Option<Duration> {
    let tasks = fs::read_dir("/proc/self/task").ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut named = tasks.filter(|task| fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name));
    let spent = fs::read_to_string(named.next()?.join("schedstat")).ok()?;
    spent.split_ascii_whitespace().next()?.parse().map(Duration::from_nanos).ok()
}

/// Memory of a process and its descendants.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    /// Resident now.
    pub(crate) resident_bytes: u64,
    /// The most that was ever resident, added up over the processes.
    pub(crate) peak_bytes: u64,
    /// Resident now and not backed by a file.
    pub(crate) anonymous_bytes: u64,
}

/// Memory of a process and its descendants.
pub(crate) fn memory(pid: u32) -> Memory {
    let mut all = Memory::default();
    for status in family(pid).iter().filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/status")).ok()) {
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0)
        };
        all.resident_bytes += kib("VmRSS") << 10;
        all.peak_bytes += kib("VmHWM") << 10;
        all.anonymous_bytes += kib("RssAnon") << 10;
    }
    all
}

/// A process and its descendants.
fn family(pid: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, stat(pid, 1)?.try_into().ok()?)))
        .collect();
    let mut family = vec![pid];
    let mut at = 0;
    while let Some(&parent) = family.get(at) {
        family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child));
        at += 1;
    }
    family
}

/// User and system time, its own and that of children which have ended.
fn ticks_of(pid: u32) -> Option<u64> {
    (11..=14).map(|field| stat(pid, field)).sum()
}

/// A field of `/proc/PID/stat`, counted from the one after the name: 0 is the state.
fn stat(pid: u32, field: usize) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may contain anything, so it ends at the last parenthesis.
    text.rsplit_once(')')?.1.split_ascii_whitespace().nth(field)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory() {
        let memory = memory(std::process::id());
        assert!(memory.resident_bytes > 0 && memory.peak_bytes >= memory.anonymous_bytes);
        assert!(family(std::process::id()).contains(&std::process::id()));
        assert_eq!(cpu_time(u32::MAX), Duration::ZERO);
        assert_eq!(thread_cpu_time("no such thread"), None);
    }
}
