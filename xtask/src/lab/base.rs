//! The root that all machines stand on: a real Debian, made once and kept.

use super::{folder, key};
use crate::needs::is_root;
use crate::shell::{has, run};
use anyhow::{Context, Result, bail};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The release, and what it has beside the smallest set.
const SUITE: &str = "bookworm";
const EXTRA: &str = "apt-utils,gpg,gpg-agent,kmod,mount,sudo,systemd";
const MIRROR: &str = "http://deb.debian.org/debian";
/// To be raised when this file changes what is made.
const RECIPE: &str = "1";

/// Programs that the lab needs on this machine, with their Debian packages.
const PROGRAMS: [(&str, &str); 6] = [
    ("debootstrap", "debootstrap"),
    ("gpg", "gpg"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("dpkg", "dpkg"),
    ("openssl", "openssl"),
];

/// Why the lab can't run here, if it can't.
pub fn hindrance() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("the lab needs Linux".into());
    }
    if !is_root() {
        return Some("the lab needs root (overlays and namespaces)".into());
    }
    let overlay = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    if !overlay
        .lines()
        .any(|line| line.trim_end().ends_with("overlay"))
    {
        return Some("the kernel has no overlayfs".into());
    }
    let namespace = Command::new("unshare")
        .args(["--mount", "--pid", "--net", "--fork", "true"])
        .stderr(Stdio::null())
        .status();
    if !namespace.is_ok_and(|status| status.success()) {
        return Some("namespaces can't be made here (unshare fails)".into());
    }
    None
}

/// Installs the programs that are missing, and says so.
fn programs() -> Result<()> {
    let missing: Vec<&str> = PROGRAMS
        .iter()
        .filter(|(program, _)| !has(program) && !Path::new("/usr/sbin").join(program).exists())
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("installing for the lab: {}", missing.join(" "));
    let apt = |arguments: &[&str]| {
        run(Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(Stdio::null()))
    };
    apt(&["update", "-q"])?;
    apt(&[
        &["install", "-y", "-q", "--no-install-recommends"],
        missing.as_slice(),
    ]
    .concat())
    .with_context(|| format!("install {} by hand", missing.join(" ")))
}

/// The base's folder, made when it is not there. Its name is a key of what it is made from.
pub fn base() -> Result<PathBuf> {
    if let Some(why) = hindrance() {
        bail!("{why}");
    }
    let key = key(&[SUITE, EXTRA, MIRROR, RECIPE], &[])?;
    let base = folder()?.join(format!("base-{key}"));
    programs()?;
    if base.is_dir() {
        return Ok(base);
    }
    super::forget("base-")?;
    let half = folder()?.join("half-base");
    super::remove(&half)?;
    println!("making the base: debootstrap {SUITE} (about a minute)");
    let log = folder()?.join("debootstrap.log");
    let output = std::fs::File::create(&log)?;
    run(Command::new("debootstrap")
        .args(["--variant=minbase", &format!("--include={EXTRA}"), SUITE])
        .arg(&half)
        .arg(MIRROR)
        .stdout(output.try_clone()?)
        .stderr(output))
    .with_context(|| format!("its words are in {}", log.display()))?;
    furnish(&half)?;
    std::fs::rename(&half, &base)?;
    Ok(base)
}

/// What every machine of the lab has.
fn furnish(root: &Path) -> Result<()> {
    let put = |path: &str, text: &[u8], mode: u32| -> Result<()> {
        let path = root.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode))?;
        Ok(())
    };
    // No service is started in a root that nothing has booted.
    put("usr/sbin/policy-rc.d", b"#!/bin/sh\nexit 101\n", 0o755)?;
    put(
        "etc/apt/apt.conf.d/90lab",
        b"Acquire::Languages \"none\";\nAPT::Color \"0\";\nDpkg::Use-Pty \"0\";\n",
        0o644,
    )?;
    put("etc/sudoers.d/lab", b"ada ALL=(ALL) NOPASSWD: ALL\n", 0o440)?;
    let chroot = |words: &[&str]| {
        run(Command::new("chroot")
            .arg(root)
            .args(words)
            .stdout(Stdio::null()))
    };
    chroot(&[
        "dpkg-divert",
        "--rename",
        "--divert",
        "/usr/lib/apt/methods/http.real",
        "--add",
        "/usr/lib/apt/methods/http",
    ])?;
    chroot(&[
        "useradd",
        "--create-home",
        "--uid",
        "1000",
        "--shell",
        "/bin/bash",
        "ada",
    ])?;
    // groupadd works on numbers of its own choice; Ubuntu's and Debian's have these two from the installer on.
    chroot(&["groupadd", "--system", "--force", "render"])?;
    for path in ["etc/apt/sources.list", "etc/resolv.conf"] {
        let _ = std::fs::remove_file(root.join(path));
    }
    for folder in [
        "var/lib/apt/lists",
        "var/cache/apt/archives",
        "usr/share/doc",
        "usr/share/locale",
        "usr/share/man",
    ] {
        super::remove(&root.join(folder))?;
    }
    for folder in [
        "var/lib/apt/lists/partial",
        "var/cache/apt/archives/partial",
        ".lab",
        "boot",
    ] {
        std::fs::create_dir_all(root.join(folder))?;
    }
    Ok(())
}
