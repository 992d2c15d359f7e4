//! Who this process is and what it may use.

use super::place::Base;
use super::read;
use crate::question::PersonIdentity;
use std::path::{Path, PathBuf};

/// Who this process is.
pub(crate) fn person() -> PersonIdentity {
    let uid = rustix::process::geteuid().as_raw();
    let mut groups: Vec<u32> = rustix::process::getgroups()
        .unwrap_or_default()
        .into_iter()
        .map(|group| group.as_raw())
        .collect();
    groups.push(rustix::process::getegid().as_raw());
    groups.sort_unstable();
    groups.dedup();
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    PersonIdentity {
        uid,
        groups,
        name: name(uid),
        host: Some(host).filter(|host| !host.is_empty()),
        processors: processors(),
    }
}

fn name(uid: u32) -> Option<String> {
    let told = ["USER", "LOGNAME"].into_iter().filter_map(super::variable);
    told.into_iter().find(|name| !name.is_empty()).or_else(|| {
        let accounts = read::file(&Base::Whole, Path::new("/etc/passwd"), 1 << 20).ok()?;
        account(&String::from_utf8_lossy(&accounts), uid)
    })
}

/// The name of a user in `/etc/passwd` (`passwd(5)`: name:password:uid:gid:...).
fn account(accounts: &str, uid: u32) -> Option<String> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_string())
    })
}

/// Processors this process may use: its affinity, further limited by its control groups' quota.
fn processors() -> u32 {
    let allowed = affinity();
    quota().map_or(allowed, |quota| quota.clamp(1, allowed))
}

#[cfg(target_os = "linux")]
fn affinity() -> u32 {
    match rustix::thread::sched_getaffinity(None) {
        Ok(set) if set.count() > 0 => set.count(),
        // More than 1024 processors do not fit the fixed set.
        _ => parallelism(),
    }
}

#[cfg(not(target_os = "linux"))]
fn affinity() -> u32 {
    parallelism()
}

fn parallelism() -> u32 {
    std::thread::available_parallelism()
        .map_or(1, |count| u32::try_from(count.get()).unwrap_or(u32::MAX))
}

/// The least quota of this process's control groups (version 2), rounded up.
fn quota() -> Option<u32> {
    let text = |path: &Path| {
        read::file(&Base::Whole, path, 64 << 10)
            .ok()
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    let groups = text(Path::new("/proc/self/cgroup"))?;
    let group = groups
        .lines()
        .find_map(|line| line.strip_prefix("0::"))?
        .trim_start_matches('/')
        .to_string();
    let root = Path::new("/sys/fs/cgroup");
    let mut folder: PathBuf = root.join(group);
    let mut least = None;
    while folder.starts_with(root) {
        if let Some(quota) = text(&folder.join("cpu.max"))
            .as_deref()
            .and_then(whole_processors)
        {
            least = Some(least.map_or(quota, |least: u32| least.min(quota)));
        }
        if !folder.pop() {
            break;
        }
    }
    least
}

/// `cpu.max` is `QUOTA PERIOD` in microseconds, or `max PERIOD` (Linux, cgroup-v2.rst).
fn whole_processors(limit: &str) -> Option<u32> {
    let mut words = limit.split_whitespace();
    let quota: u64 = words.next()?.parse().ok()?;
    let period: u64 = words.next()?.parse().ok().filter(|period| *period > 0)?;
    u32::try_from(quota.div_ceil(period).max(1)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_rounded_up_to_whole_processors() {
        for (limit, processors) in [
            ("max 100000\n", None),
            ("150000 100000\n", Some(2)),
            ("100000 100000", Some(1)),
            ("1000 100000", Some(1)),
            ("100000 0", None),
            ("", None),
            ("x y", None),
        ] {
            assert_eq!(whole_processors(limit), processors, "{limit:?}");
        }
    }

    #[test]
    fn a_name_is_found_by_number() {
        let accounts =
            "root:x:0:0:root:/root:/bin/sh\nbroken\nada:x:1000:1000::/home/ada:/bin/sh\n";
        assert_eq!(account(accounts, 1000).as_deref(), Some("ada"));
        assert_eq!(account(accounts, 7), None);
    }

    #[test]
    fn this_process_is_somebody() {
        let person = person();
        assert!(person.processors >= 1);
        assert!(person.groups.contains(&rustix::process::getegid().as_raw()));
        assert!(person.host.is_some());
    }
}
