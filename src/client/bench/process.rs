//! What other processes use, as `/proc` tells it.

use nix::unistd::{SysconfVar, sysconf};

/// CPU and memory of a process and all that it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// User and system time in microseconds; the kernel tells it in steps of a clock tick.
    pub cpu_micros: u64,
    /// Resident memory in KiB; pages that processes share are counted for each.
    pub rss_kib: u64,
}

/// A process and its descendants.
fn tree(pid: u32, found: &mut Vec<u32>) {
    found.push(pid);
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return };
    for task in tasks.flatten() {
        let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|word| word.parse().ok()) {
            if !found.contains(&child) {
                tree(child, found);
            }
        }
    }
}

/// User and system time in clock ticks, from a line of `/proc/PID/stat`.
fn ticks(stat: &str) -> Option<u64> {
    // The name may hold anything; fields are counted behind its closing parenthesis.
    let mut fields = stat.get(stat.rfind(')')? + 2..)?.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn setting(name: SysconfVar, otherwise: u64) -> u64 {
    sysconf(name).ok().flatten().and_then(|value| u64::try_from(value).ok()).unwrap_or(otherwise)
}

/// What a process and its descendants use; `None` if there is no such process.
#[must_use]
pub fn usage(pid: u32) -> Option<Usage> {
    let mut pids = Vec::new();
    tree(pid, &mut pids);
    let per_tick = 1_000_000 / setting(SysconfVar::CLK_TCK, 100).max(1);
    let page_kib = setting(SysconfVar::PAGE_SIZE, 4096) / 1024;
    let mut usage = None;
    for pid in pids {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
        let pages: u64 =
            statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
        let sum = usage.get_or_insert_with(Usage::default);
        sum.cpu_micros += ticks(&stat).unwrap_or_default() * per_tick;
        sum.rss_kib += pages * page_kib;
    }
    usage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "42 (a) b (c)) S 1 42 42 0 -1 4194560 1 2 3 4 700 31 5 6 20 0 1 0 99 8 7";
        assert_eq!(ticks(stat), Some(731));
        assert_eq!(ticks("nonsense"), None);
    }

    #[test]
    fn this_process_uses_memory_and_no_process_uses_none() {
        assert!(usage(std::process::id()).unwrap().rss_kib > 0);
        assert_eq!(usage(u32::MAX), None);
    }
}
