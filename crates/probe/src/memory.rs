//! Main memory: `/proc/meminfo` (proc_meminfo(5)) and the limits of control groups (kernel documentation, cgroup-v1 and v2).

use crate::disks::Mount;
use crate::look::{field, known, text};
use crate::start::Start;
use deskside_machine::{Machine, Reading};
use deskside_types::Known;
use deskside_types::facts::Memory;

/// Memory of a Linux machine.
pub(crate) fn linux(machine: &dyn Machine, start: &Start) -> Memory {
    let table = text(machine, "/proc/meminfo");
    let entry = |key: &str| match &table {
        Known::Value(text) => kibibytes(text, key).map_or_else(
            || Known::unknown(format!("/proc/meminfo names no {key}")),
            Known::Value,
        ),
        Known::Absent => Known::unknown("there is no /proc/meminfo"),
        Known::Unknown { unknown } => Known::unknown(unknown),
    };
    let total = entry("MemTotal");
    let limit = limit(machine).filter(|limit| total.value().is_none_or(|total| limit < total));
    let shared = match &start.mounts {
        Known::Value(mounts) if Mount::all(mounts).any(|mount| mount.point == "/dev/shm") => {
            known(machine.space("/dev/shm")).map(|space| space.total)
        }
        Known::Value(_) | Known::Absent => Known::Absent,
        Known::Unknown { unknown } => Known::unknown(unknown),
    };
    Memory {
        total_bytes: total,
        available_bytes: entry("MemAvailable"),
        swap_bytes: entry("SwapTotal"),
        limit_bytes: limit.into(),
        shared_bytes: shared,
        unified: false,
    }
}

fn kibibytes(text: &str, key: &str) -> Option<u64> {
    field(text, key, ':')?
        .strip_suffix("kB")?
        .trim()
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}

/// The lowest limit on the way from this process's control group up to the root.
fn limit(machine: &dyn Machine) -> Option<u64> {
    let groups = text(machine, "/proc/self/cgroup");
    let groups = groups.value()?;
    let mut files = Vec::new();
    for (root, file, group) in memory_groups(groups) {
        let mut group = group;
        loop {
            files.push(format!("{root}{}/{file}", group.trim_end_matches('/')));
            match group.rfind('/') {
                Some(at) if !group.trim_matches('/').is_empty() => group = &group[..at],
                _ => break,
            }
        }
    }
    files
        .iter()
        .filter_map(|path| text(machine, path).value().and_then(|text| limit_of(text)))
        .min()
}

/// Where the memory limits of a process lie, by `/proc/self/cgroup`: root folder, file name, group.
fn memory_groups(text: &str) -> Vec<(&'static str, &'static str, &str)> {
    text.lines()
        .filter_map(|line| {
            let mut cells = line.splitn(3, ':');
            let (number, controllers, group) = (cells.next()?, cells.next()?, cells.next()?);
            if !group.starts_with('/') || group.contains("..") {
                return None;
            }
            if number == "0" && controllers.is_empty() {
                Some(("/sys/fs/cgroup", "memory.max", group))
            } else if controllers.split(',').any(|name| name == "memory") {
                Some(("/sys/fs/cgroup/memory", "memory.limit_in_bytes", group))
            } else {
                None
            }
        })
        .collect()
}

/// `max`, and version 1's number near 2^63, mean no limit.
fn limit_of(text: &str) -> Option<u64> {
    text.trim()
        .parse::<u64>()
        .ok()
        .filter(|bytes| *bytes < 1 << 62)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meminfo_counts_in_kibibytes() {
        let text = "MemTotal:       65536 kB\nMemFree:  12 kB\nSwapTotal: 0 kB\nHugePages_Total:       0\nBad: 99999999999999999999 kB\nHuge: 18446744073709551615 kB\n";
        for (key, bytes) in [
            ("MemTotal", Some(67_108_864)),
            ("SwapTotal", Some(0)),
            ("HugePages_Total", None),
            ("Bad", None),
            ("Huge", None),
            ("No", None),
        ] {
            assert_eq!(kibibytes(text, key), bytes, "{key}");
        }
    }

    #[test]
    fn limits_are_looked_for_where_the_group_lies() {
        assert_eq!(
            memory_groups("0::/user.slice/x.scope\n"),
            [("/sys/fs/cgroup", "memory.max", "/user.slice/x.scope")]
        );
        assert_eq!(
            memory_groups("5:cpu,memory:/docker/1\n3:pids:/\n"),
            [(
                "/sys/fs/cgroup/memory",
                "memory.limit_in_bytes",
                "/docker/1"
            )]
        );
        assert!(memory_groups("garbage\n0::relative\n0::/../../etc\n").is_empty());
        for (text, bytes) in [
            ("max\n", None),
            ("9223372036854771712", None),
            ("1073741824\n", Some(1 << 30)),
            ("", None),
        ] {
            assert_eq!(limit_of(text), bytes, "{text}");
        }
    }
}
