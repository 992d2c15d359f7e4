//! Small texts of `/proc` and `/sys`, read without trusting their form.

/// What `/proc/PID/stat` tells (`proc_pid_stat(5)`): field 4, 14 to 17.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    pub parent: u32,
    /// Clock ticks of the process itself.
    pub own: u64,
    /// Clock ticks of its children that ended and were collected.
    pub of_children: u64,
}

/// Reads it; none for a process that has ended. The name in field 2 may hold blanks and brackets; what follows its last bracket
/// does not.
pub(super) fn stat(bytes: &[u8]) -> Option<Stat> {
    let close = bytes.iter().rposition(|byte| *byte == b')')?;
    let mut fields = std::str::from_utf8(&bytes[close + 1..])
        .ok()?
        .split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X" | "x") {
        return None;
    }
    let parent = fields.next()?.parse().ok()?;
    let mut times = fields.skip(9);
    let mut next = || times.next()?.parse::<u64>().ok();
    let own = next()?.saturating_add(next()?);
    let of_children = next()?.saturating_add(next()?);
    Some(Stat {
        parent,
        own,
        of_children,
    })
}

/// Clock ticks a second in `/proc`: 100 on every Linux (`time(7)`, USER_HZ).
pub(super) const TICKS: f64 = 100.0;

/// Pages of `/proc/PID/statm`: in all, resident, and of those shared with files or other processes' mappings.
pub(super) fn statm(bytes: &[u8]) -> Option<(u64, u64, u64)> {
    let mut numbers = text(bytes).split_ascii_whitespace().map(str::parse::<u64>);
    let mut next = || numbers.next()?.ok();
    Some((next()?, next()?, next()?))
}

/// A number behind a name at the beginning of a line: `read_bytes: 4096`, `MemTotal:  1024 kB`.
pub(super) fn named(bytes: &[u8], name: &str) -> Option<u64> {
    text(bytes).lines().find_map(|line| {
        let rest = line.strip_prefix(name)?.strip_prefix(':')?;
        rest.split_ascii_whitespace().next()?.parse().ok()
    })
}

/// Busy and all ticks of all processors together, from the first line of `/proc/stat` (`proc_stat(5)`): idle and waiting for
/// disks is not busy; the time of guests is within the others.
pub(super) fn processors(bytes: &[u8]) -> Option<(u64, u64)> {
    let line = text(bytes).lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line
        .split_ascii_whitespace()
        .take(8)
        .filter_map(|word| word.parse().ok())
        .collect();
    let all: u64 = ticks.iter().sum();
    let idle = ticks.get(3)? + ticks.get(4).copied().unwrap_or(0);
    Some((all.checked_sub(idle)?, all))
}

/// Bytes received and sent by interfaces that lead outside, from `/proc/net/dev` (`proc_pid_net(5)`).
pub(super) fn network(bytes: &[u8]) -> Option<(u64, u64)> {
    const INSIDE: [&str; 9] = [
        "lo", "veth", "docker", "br-", "virbr", "cni", "flannel", "tap", "vnet",
    ];
    let mut sum = None;
    for line in text(bytes).lines().skip(2) {
        let (name, numbers) = line.split_once(':')?;
        if INSIDE.iter().any(|inside| name.trim().starts_with(inside)) {
            continue;
        }
        let numbers: Vec<u64> = numbers
            .split_ascii_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        let (received, sent) = sum.unwrap_or((0_u64, 0_u64));
        sum = Some((
            received.saturating_add(*numbers.first()?),
            sent.saturating_add(*numbers.get(8)?),
        ));
    }
    sum
}

/// A file that is one number.
pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    text(bytes).trim().parse().ok()
}

pub(super) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let tail = "S 7 1 1 0 -1 4194560 100 200 0 0 250 50 30 20 20 0 1 0 4711 1000 25";
        for name in ["(python)", "(a) R 1 2)", "()"] {
            let stat = stat(format!("77 {name} {tail}").as_bytes()).unwrap();
            assert_eq!(
                (stat.parent, stat.own, stat.of_children),
                (7, 300, 50),
                "{name}"
            );
        }
        for broken in [
            "",
            "77",
            "77 (a)",
            "77 (a) S",
            "77 (a) S 1 2 3",
            "77 (a) Z 7 1 1 0 -1 4 1 2 0 0 2 5 3 2",
        ] {
            assert_eq!(stat(broken.as_bytes()), None, "{broken}");
        }
        assert_eq!(statm(b"1000 200 50 1 0 90 0\n"), Some((1000, 200, 50)));
        assert_eq!(statm(b"1000 200"), None);
    }

    #[test]
    fn the_machines_own_numbers() {
        let stat = b"cpu  100 0 50 800 50 0 0 0 10 0\ncpu0 1 2\nintr 1\n";
        assert_eq!(processors(stat), Some((150, 1000)));
        assert_eq!(processors(b"cpu\n"), None);
        let net = b"Inter-|   Receive\n face |bytes\n    lo: 5 0 0 0 0 0 0 0 5 0\n  eth0: 100 1 0 0 0 0 0 0 40 1 0\nveth1: 9 0 0 0 0 0 0 0 9\n wlan0: 1 0 0 0 0 0 0 0 2 0\n";
        assert_eq!(network(net), Some((101, 42)));
        assert_eq!(network(b"a\nb\nbroken\n"), None);
        assert_eq!(network(b"a\nb\n"), None);
        let io = b"rchar: 1\nread_bytes: 4096\nwrite_bytes: 8192\n";
        assert_eq!(
            (
                named(io, "read_bytes"),
                named(io, "write_bytes"),
                named(io, "no")
            ),
            (Some(4096), Some(8192), None)
        );
        assert_eq!(named(b"MemAvailable:   12 kB\n", "MemAvailable"), Some(12));
        assert_eq!(number(b" 12\n"), Some(12));
        assert_eq!(number(b"\xff"), None);
    }
}
