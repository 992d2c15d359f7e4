//! Plans that somebody edited: root's process holds each against what this program knows by itself. The ways here gave a
//! shell as root, or took something away unasked, before that was so.

use super::{ADA, deskside, planned, prepared, seen};
use crate::lab::machine::{Description, Machine, differences};
use crate::lab::state;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

fn bare(program: &[u8]) -> Result<Machine> {
    let description = Description::named("ubuntu-22.04-rtx-4090")?;
    prepared(program, &description, &state::named("bare")?)
}

fn run(words: &[&str]) -> Value {
    json!({ "kind": "run", "command": { "argv": words, "deadline_seconds": 60 } })
}

fn write(path: &str, text: &str) -> Value {
    json!({ "kind": "write-file", "path": path, "mode": 0o644, "contents": { "text": text } })
}

fn edit(path: &str, old: &str, new: &str) -> Value {
    json!({ "kind": "edit-file", "path": path, "old": old, "new": new })
}

/// What was put into a plan, and an action each.
fn ways(secret_sha256: &str) -> Vec<(&'static str, Value)> {
    let evil = "APT::Update::Pre-Invoke {\"id>/root/pwned\";};\n";
    let local = "/home/ada/secret";
    let download = |url: &str, path: &str| json!({ "kind": "download", "url": url, "path": path, "sha256": secret_sha256, "size": 0 });
    vec![
        (
            "apt's settings in a command",
            run(&[
                "apt-get",
                "update",
                "-o",
                "APT::Update::Pre-Invoke::=id>/root/pwned",
            ]),
        ),
        (
            "a pattern for apt",
            run(&["apt-get", "-y", "remove", "linux-modules-extra.*"]),
        ),
        (
            "a package from a home",
            run(&["dpkg", "-i", "/home/ada/evil.deb"]),
        ),
        ("a shell", run(&["bash", "-c", "id>/root/pwned"])),
        (
            "apt's settings in a file",
            write("/etc/apt/apt.conf.d/00x", evil),
        ),
        (
            "apt's settings in our own file",
            write("/etc/apt/apt.conf.d/52deskside-driver", evil),
        ),
        (
            "a new profile",
            write("/etc/profile.d/x.sh", "id>/root/pwned\n"),
        ),
        (
            "an edited profile",
            edit(
                "/etc/profile",
                "# /etc/profile: system-wide .profile file for the Bourne shell (sh(1))",
                "id>/root/pwned",
            ),
        ),
        (
            "a path that steps back",
            write("/etc/apt/preferences.d/../../x", "x"),
        ),
        (
            "a file of this machine's into apt's settings",
            download(&format!("file://{local}"), "/etc/apt/apt.conf.d/01evil"),
        ),
        (
            "a file of this machine's as a package",
            download(
                &format!("file://{local}"),
                "/var/cache/deskside/cuda-keyring_1.1-1_all.deb",
            ),
        ),
        (
            "another package from a maker's own server",
            download(
                "https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2204/x86_64/other.deb",
                "/var/cache/deskside/cuda-keyring_1.1-1_all.deb",
            ),
        ),
        (
            "another key for a maker's archive",
            json!({ "kind": "key", "url": "https://repo.radeon.com/rocm/rocm.gpg.key", "path": "/etc/apt/keyrings/rocm.gpg", "fingerprint": "0000000000000000000000000000000000000000" }),
        ),
        (
            "an archive that nobody signs",
            json!({ "kind": "apt-source", "name": "deskside-rocm.sources", "contents": "Types: deb\nURIs: http://evil.example/\nSuites: /\nTrusted: yes\n" }),
        ),
        (
            "another group",
            json!({ "kind": "group", "name": "shadow" }),
        ),
        (
            "a service",
            json!({ "kind": "service", "name": "ssh.service", "wanted": "off" }),
        ),
        (
            "a module",
            json!({ "kind": "module", "name": "dm_crypt", "wanted": "off" }),
        ),
        (
            "a kernel parameter",
            json!({ "kind": "boot-parameter", "parameter": "init=/bin/sh" }),
        ),
        (
            "an alternative",
            json!({ "kind": "alternative", "name": "editor", "path": "/home/ada/x" }),
        ),
        ("swap", json!({ "kind": "swap", "bytes": 1_u64 << 40 })),
        (
            "somebody else's settings moved aside",
            json!({ "kind": "remove", "path": "/etc/apt/sources.list" }),
        ),
        (
            "a package source that is not a maker's",
            edit(
                "/etc/apt/sources.list",
                "deb http://archive.ubuntu.com/ubuntu jammy main restricted universe multiverse",
                "# switched off by deskside: deb http://archive.ubuntu.com/ubuntu jammy main restricted universe multiverse",
            ),
        ),
    ]
}

/// Each is refused before anything is done, and its text shows what it holds.
///
/// # Errors
///
/// Which was not.
pub fn refused(program: &[u8]) -> Result<String> {
    let machine = bare(program)?;
    machine.write("/home/ada/secret", b"hello\n")?;
    planned(&machine, ADA, "plan")?;
    let text = machine
        .text("/home/ada/plan.json")
        .context("no plan was kept")?;
    let before = seen(&machine)?;
    let ways = ways(&crate::lab::hex(b"hello\n"));
    for (what, action) in &ways {
        let mut plan: Value = serde_json::from_str(&text)?;
        plan["system"]["plan"]["steps"] = json!([{
            "id": "t.1", "title": "A harmless step", "why": "Nothing to see.", "root": true, "reboot": false,
            "risk": "low", "check": [], "verify": [], "undo": { "kind": "exact" }, "download_bytes": 0,
            "actions": [action],
        }]);
        machine.write("/home/ada/edited.json", plan.to_string().as_bytes())?;
        let (said, code) = deskside(&machine, ADA, "apply edited.json --yes --machine-name lab")?;
        ensure!(
            code != 0 && said.contains("[DS0303]"),
            "{what}: exit code {code}:\n{said}"
        );
        let changed = differences(&before, &seen(&machine)?);
        ensure!(changed.is_empty(), "{what}: {changed:?}");
        let left = machine.shell("ls -d /root/pwned /etc/x 2>/dev/null")?;
        ensure!(left.stdout.is_empty(), "{what}: {}", left.stdout);
    }
    Ok(format!("{} ways, nothing changed", ways.len()))
}

/// A plan that takes the driver away and calls itself harmless asks for this machine's name all the same.
///
/// # Errors
///
/// When it was carried out unasked.
pub fn says_less(program: &[u8]) -> Result<String> {
    let machine = bare(program)?;
    super::deskside(&machine, ADA, "apply --yes")?;
    planned(&machine, ADA, "clean driver")?;
    let text = machine
        .text("/home/ada/plan.json")
        .context("no plan was kept")?;
    let edited = text.replace("\"severe\"", "\"low\"");
    ensure!(edited != text, "there is nothing to edit in it:\n{text}");
    machine.write("/home/ada/edited.json", edited.as_bytes())?;
    let before = seen(&machine)?;
    for arguments in [
        "apply edited.json --yes",
        "apply edited.json --yes --machine-name other",
    ] {
        let (said, code) = deskside(&machine, ADA, arguments)?;
        ensure!(
            code != 0 && !said.contains("carried out"),
            "`{arguments}` ended with {code}:\n{said}"
        );
        let changed = differences(&before, &seen(&machine)?);
        ensure!(changed.is_empty(), "`{arguments}`: {changed:?}");
    }
    let (said, code) = deskside(&machine, ADA, "apply edited.json --yes --machine-name lab")?;
    ensure!(code == 0, "with the name it ended with {code}:\n{said}");
    Ok("asked for the machine's name, and done with it".into())
}
