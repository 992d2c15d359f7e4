//! The kernel: its release, its architecture, and the one the next boot starts.

use deskside_knowledge::version;
use deskside_types::Known;
use std::cmp::Ordering;

/// The release in `/proc/version`: `Linux version 6.8.0-45-generic (…`.
pub(crate) fn release_of_version(text: &str) -> Option<&str> {
    text.strip_prefix("Linux version ")?
        .split_whitespace()
        .next()
}

/// The architecture by what `/proc/cpuinfo` says of the processor.
pub(crate) fn architecture_of_cpuinfo(text: &str) -> Option<&'static str> {
    let field = |key| crate::look::field(text, key, ':');
    if field("flags").is_some_and(|flags| flags.split_whitespace().any(|flag| flag == "lm")) {
        return Some("x86_64");
    }
    let arm =
        field("CPU architecture").is_some_and(|version| version == "8" || version == "AArch64");
    arm.then_some("aarch64")
}

/// The newest kernel in `/boot`, where it is newer than the running one.
pub(crate) fn newer(names: &[String], running: &Known<String>) -> Known<String> {
    let newest = names
        .iter()
        .filter_map(|name| name.strip_prefix("vmlinuz-"))
        .filter(|release| release.starts_with(|letter: char| letter.is_ascii_digit()))
        .max_by(|one, other| version::order(one, other));
    let Some(newest) = newest else {
        return Known::Absent;
    };
    match running {
        Known::Value(running) if version::order(newest, running) == Ordering::Greater => {
            Known::Value(newest.to_string())
        }
        Known::Value(_) | Known::Absent => Known::Absent,
        Known::Unknown { unknown } => Known::unknown(unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_kernel_is_named_only_when_it_is_not_the_running_one() {
        let names: Vec<String> = [
            "config-6.8.0-51-generic",
            "vmlinuz",
            "vmlinuz.old",
            "vmlinuz-6.8.0-9-generic",
            "vmlinuz-6.8.0-51-generic",
            "vmlinuz-0-rescue-x",
        ]
        .map(String::from)
        .into();
        for (running, newer_one) in [
            (
                "6.8.0-45-generic",
                Known::Value("6.8.0-51-generic".to_string()),
            ),
            ("6.8.0-51-generic", Known::Absent),
            ("7.0.0", Known::Absent),
        ] {
            assert_eq!(
                newer(&names, &Known::Value(running.into())),
                newer_one,
                "{running}"
            );
        }
        assert_eq!(newer(&[], &Known::Value("6.1".into())), Known::Absent);
        assert!(newer(&names, &Known::unknown("no")).reason().is_some());
    }

    #[test]
    fn release_and_architecture_come_from_the_texts() {
        assert_eq!(
            release_of_version("Linux version 5.15.153.1-microsoft-standard-WSL2 (root@x) (gcc)"),
            Some("5.15.153.1-microsoft-standard-WSL2")
        );
        assert_eq!(release_of_version("Darwin"), None);
        assert_eq!(
            architecture_of_cpuinfo("processor\t: 0\nflags\t\t: fpu lm avx2\n"),
            Some("x86_64")
        );
        assert_eq!(
            architecture_of_cpuinfo("processor\t: 0\nCPU architecture: 8\n"),
            Some("aarch64")
        );
        assert_eq!(architecture_of_cpuinfo("flags: fpu film"), None);
    }
}
