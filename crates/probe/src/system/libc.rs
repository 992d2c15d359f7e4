//! The C library's version. Old releases name it in a file; since 2.34 only `getconf` tells (getconf(1)).

use crate::look::{is_there, seen_names};
use deskside_machine::{Command, Machine, Reading};
use deskside_types::Known;
use std::time::Duration;

const LIBRARIES: [&str; 6] = [
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib/aarch64-linux-gnu/libc.so.6",
    "/lib64/libc.so.6",
    "/usr/lib64/libc.so.6",
    "/usr/lib/libc.so.6",
    "/lib/libc.so.6",
];

/// glibc's version; absent on systems with another C library.
pub(crate) fn version(machine: &dyn Machine) -> Known<String> {
    let named = LIBRARIES.iter().find_map(|path| {
        let real = machine.real_path(path).ok()?;
        Some(version_in_name(real.file_name()?.to_str()?))
    });
    match named {
        Some(Some(version)) => return Known::Value(version),
        None if seen_names(machine, "/lib")
            .iter()
            .any(|name| name.starts_with("ld-musl-")) =>
        {
            return Known::Absent;
        }
        _ => {}
    }
    let command = Command::new(["getconf", "GNU_LIBC_VERSION"]).deadline(Duration::from_secs(1));
    match machine.command(command) {
        Ok(output) if output.succeeded() => match version_in_answer(&output.text()) {
            Some(version) => Known::Value(version),
            None => Known::unknown("getconf GNU_LIBC_VERSION gave no version"),
        },
        Ok(_) if LIBRARIES.iter().all(|path| !is_there(machine, path)) => Known::Absent,
        Ok(output) => Known::unknown(format!(
            "getconf GNU_LIBC_VERSION failed with exit code {}",
            output.code
        )),
        Err(error) => Known::unknown(error.reason()),
    }
}

/// `libc-2.31.so` names its version, `libc.so.6` does not.
fn version_in_name(name: &str) -> Option<String> {
    let version = name.strip_prefix("libc-")?.strip_suffix(".so")?;
    version
        .starts_with(|letter: char| letter.is_ascii_digit())
        .then(|| version.to_string())
}

/// `glibc 2.36`
fn version_in_answer(text: &str) -> Option<String> {
    let version = text.trim().strip_prefix("glibc ")?;
    version
        .starts_with(|letter: char| letter.is_ascii_digit())
        .then(|| version.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_names_and_answers() {
        assert_eq!(version_in_name("libc-2.31.so").as_deref(), Some("2.31"));
        assert_eq!(version_in_name("libc.so.6"), None);
        assert_eq!(version_in_answer("glibc 2.36\n").as_deref(), Some("2.36"));
        assert_eq!(version_in_answer("undefined"), None);
        assert_eq!(version_in_answer(""), None);
    }
}
