//! What the tests need beside Rust and a C compiler, and how it is had.

use crate::shell::{has, target};
use anyhow::Result;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A program that tests use, and the Debian package that brings it.
const PROGRAMS: [(&str, &str); 5] = [
    ("git", "git"),
    ("python3", "python3"),
    ("g++", "g++"),
    ("tmux", "tmux"),
    ("dpkg-deb", "dpkg"),
];

/// Installs what is missing where that is possible, and returns what stays missing, in words.
pub fn install() -> Vec<String> {
    let missing: Vec<(&str, &str)> = PROGRAMS
        .into_iter()
        .filter(|(program, _)| !has(program))
        .collect();
    let mut stays = Vec::new();
    if !missing.is_empty() {
        let packages: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
        if has("apt-get") && is_root() {
            println!("installing for the tests: {}", packages.join(" "));
            let quiet = |arguments: &[&str]| {
                Command::new("apt-get")
                    .args(arguments)
                    .env("DEBIAN_FRONTEND", "noninteractive")
                    .stdout(Stdio::null())
                    .status()
                    .is_ok_and(|status| status.success())
            };
            let _ = quiet(&["update", "-q"])
                && quiet(
                    &[
                        &["install", "-y", "-q", "--no-install-recommends"],
                        packages.as_slice(),
                    ]
                    .concat(),
                );
        }
        for (program, package) in missing.into_iter().filter(|(program, _)| !has(program)) {
            stays.push(format!(
                "{program} is not installed and could not be (Debian package {package})"
            ));
        }
    }
    stays
}

/// Whether this is root.
pub fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

/// A folder for this test run's scratch, empty.
pub fn scratch(name: &str) -> Result<PathBuf> {
    let folder = target().join("xtask").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
