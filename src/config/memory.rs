//! `limits.memory`: how much memory the process may use.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::value::ValueError;

const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// A server of a thousand people, with what its store and its tables take, has room in this.
const LEAST: u64 = 256 << 20;

/// `"auto"`, `"0"` for no ceiling, or a size: `"512MiB"`, `"2GiB"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Memory {
    /// Half of what the machine has, or of what the control group of the process may use; 256 MiB
    /// of less than 512 MiB, as far as there are.
    #[default]
    Auto,
    /// There is no ceiling.
    Off,
    /// So many bytes.
    Bytes(u64),
}

impl Memory {
    /// The ceiling in bytes on this machine; `None`: there is none, or it cannot be found out.
    #[must_use]
    pub fn ceiling(self) -> Option<u64> {
        match self {
            Memory::Auto => available(Path::new("/")).map(share),
            Memory::Off => None,
            Memory::Bytes(bytes) => Some(bytes),
        }
    }
}

/// What is ours of so much: half, and of little more.
fn share(available: u64) -> u64 {
    (available / 2).max(available.min(LEAST))
}

impl FromStr for Memory {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Memory, ValueError> {
        let text = text.trim();
        let wrong = || {
            ValueError(format!(
                "{text:?} is no size of memory; write \"auto\", \"0\", or a number and a unit: 512MiB, 2GiB"
            ))
        };
        match text {
            "auto" => return Ok(Memory::Auto),
            "0" => return Ok(Memory::Off),
            _ => {}
        }
        let known = |(unit, size): &(&str, u64)| Some((text.strip_suffix(unit)?, *size));
        let (number, size) = UNITS.iter().find_map(known).ok_or_else(wrong)?;
        let number: u64 = number.trim().parse().map_err(|_| wrong())?;
        match number.checked_mul(size) {
            None => Err(wrong()),
            Some(0) => Ok(Memory::Off),
            Some(bytes) => Ok(Memory::Bytes(bytes)),
        }
    }
}

impl TryFrom<String> for Memory {
    type Error = ValueError;

    fn try_from(text: String) -> Result<Memory, ValueError> {
        text.parse()
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Memory::Auto => f.write_str("auto"),
            Memory::Off => f.write_str("0"),
            Memory::Bytes(bytes) => {
                let divides = |(_, size): &&(&str, u64)| bytes.is_multiple_of(*size);
                let (unit, size) = UNITS.iter().find(divides).copied().unwrap_or(("KiB", 1 << 10));
                write!(f, "{}{unit}", bytes / size)
            }
        }
    }
}

impl From<Memory> for String {
    fn from(memory: Memory) -> String {
        memory.to_string()
    }
}

/// What the machine whose root that is has, or what the control group of this process may use, if
/// that is less.
fn available(root: &Path) -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(root.join(path)).ok();
    let machine = read("proc/meminfo").and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1 << 10)
    });
    let group = read("proc/self/cgroup").and_then(|text| {
        // Version 2 has one line; the limit of each group above holds as well.
        let own = text.lines().find_map(|line| line.strip_prefix("0::/"))?.trim().to_owned();
        Path::new(&own)
            .ancestors()
            .filter_map(|group| read(&format!("sys/fs/cgroup/{}/memory.max", group.display())))
            .filter_map(|limit| limit.trim().parse().ok())
            .min()
    });
    machine.into_iter().chain(group).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_they_are_written() {
        for (text, memory) in [
            ("auto", Memory::Auto),
            ("0", Memory::Off),
            ("0MiB", Memory::Off),
            ("512MiB", Memory::Bytes(512 << 20)),
            (" 2 GiB ", Memory::Bytes(2 << 30)),
            ("3KiB", Memory::Bytes(3 << 10)),
        ] {
            assert_eq!(text.parse(), Ok(memory), "{text}");
            assert_eq!(memory.to_string().parse(), Ok(memory), "{text}");
        }
        for wrong in
            ["", "1", "GiB", "-1GiB", "1.5GiB", "1 TB", "99999999999999999999GiB", "17179869184GiB"]
        {
            assert!(wrong.parse::<Memory>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_least_of_the_machine_and_its_control_groups_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert_eq!(available(root.path()), None);
        write("proc/meminfo", "MemTotal:        2048 kB\nMemFree: 1 kB\n");
        assert_eq!(available(root.path()), Some(2048 << 10));
        write("proc/self/cgroup", "0::/a/b\n");
        write("sys/fs/cgroup/a/b/memory.max", "max\n");
        assert_eq!(available(root.path()), Some(2048 << 10));
        write("sys/fs/cgroup/a/memory.max", "1048576\n");
        assert_eq!(available(root.path()), Some(1 << 20));
    }

    #[test]
    fn half_is_ours_and_more_of_little() {
        for (mib, ours) in [(64, 64), (300, 256), (512, 256), (1_024, 512), (65_536, 32_768)] {
            assert_eq!(share(mib << 20), ours << 20, "{mib} MiB");
        }
    }

    #[test]
    fn this_machine_has_memory() {
        assert!(Memory::Auto.ceiling().is_some_and(|bytes| bytes > 1 << 20));
    }
}
