//! That what needs root is carried out and taken back with the real apt, dpkg, usermod, update-alternatives and
//! systemctl: packages with versions, marks, and /etc by hash are the same before and after.
//!
//! Not here: loading a kernel module and switching swap on, which would reach the kernel that the lab runs on, and
//! fetching a key, for which the lab has no server. Those are proved on the simulated machine.

use super::machine::{Description, Machine, differences};
use super::state;
use crate::shell::{cargo, target};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

type Case = (&'static str, fn() -> Result<()>);

/// The cases.
pub const CASES: [Case; 6] = [
    (
        "actions: every kind is carried out and taken back",
        every_kind,
    ),
    (
        "actions: a driver is changed for another branch and comes back",
        branch,
    ),
    ("actions: packages killed at every effect", killed),
    ("actions: apt itself killed at any moment", apt_killed),
    ("actions: broken starting states", broken),
    (
        "actions: what is not named stays, and who works is waited for",
        refused,
    ),
];

const PROGRAM: &str = "/usr/local/bin/carry-out";
/// Files of /etc that may differ, and why.
const EXCEPTIONS: [(&str, &str); 8] = [
    (
        "/etc/ld.so.cache",
        "made anew by ldconfig, in whatever order",
    ),
    ("/etc/group-", "usermod's copy of the table before"),
    ("/etc/gshadow-", "usermod's copy of the table before"),
    ("/etc/passwd-", "usermod's copy of the table before"),
    ("/etc/shadow-", "usermod's copy of the table before"),
    ("/etc/subuid-", "usermod's copy of the table before"),
    ("/etc/subgid-", "usermod's copy of the table before"),
    ("/etc/.pwd.lock", "usermod's lock"),
];

/// The program that carries out, built once.
fn program() -> Result<&'static [u8]> {
    static PROGRAM: OnceLock<Vec<u8>> = OnceLock::new();
    if let Some(bytes) = PROGRAM.get() {
        return Ok(bytes);
    }
    let status = cargo(&[
        "build",
        "--quiet",
        "-p",
        "deskside-operate",
        "--example",
        "carry-out",
    ])
    .status()
    .context("cargo could not be started")?;
    ensure!(status.success(), "carry-out could not be built");
    let path = target().join("debug/examples/carry-out");
    let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
    Ok(PROGRAM.get_or_init(|| bytes))
}

fn start(name: &str) -> Result<Machine> {
    let machine = Machine::start(&Description::named(name)?)?;
    put(&machine)?;
    Ok(machine)
}

fn put(machine: &Machine) -> Result<()> {
    machine.write(PROGRAM, program()?)?;
    machine.run(&["chmod", "755", PROGRAM])?;
    Ok(())
}

/// What must be the same before and after.
struct Standing {
    packages: BTreeMap<String, String>,
    etc: BTreeMap<String, String>,
    marks: BTreeMap<String, String>,
    modes: BTreeMap<String, String>,
}

impl Standing {
    fn of(machine: &Machine) -> Result<Self> {
        let mut marks = BTreeMap::new();
        for mark in ["showauto", "showmanual", "showhold"] {
            for name in machine.run(&["apt-mark", mark])?.stdout.lines() {
                marks.insert(format!("{mark} {name}"), "yes".into());
            }
        }
        let modes = machine
            .run(&["find", "/etc", "-type", "f", "-printf", "%p\\t%m %U:%G\\n"])?
            .stdout
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(path, mode)| (path.to_string(), mode.to_string()))
            .collect();
        Ok(Self {
            packages: machine.packages()?,
            etc: machine.etc()?,
            marks,
            modes,
        })
    }

    /// Whether it is as it was, but for the exceptions.
    fn ensure_same(&self, machine: &Machine, when: &str) -> Result<()> {
        let now = Self::of(machine)?;
        let mut lines = Vec::new();
        for (before, after) in [
            (&self.packages, &now.packages),
            (&self.etc, &now.etc),
            (&self.marks, &now.marks),
            (&self.modes, &now.modes),
        ] {
            lines.extend(differences(before, after));
        }
        lines.retain(|line| {
            let path = line.split(' ').nth(1).unwrap_or_default();
            !EXCEPTIONS.iter().any(|(exception, _)| *exception == path)
        });
        ensure!(lines.is_empty(), "{when}: {lines:#?}");
        Ok(())
    }
}

fn step(id: &str, check: Value, actions: Vec<Value>) -> Value {
    json!({
        "id": id, "title": id, "why": "for the lab", "check": check, "actions": actions, "verify": check,
        "undo": { "kind": "exact" }, "root": true, "risk": "low",
    })
}

fn packages(install: &[&str], remove: &[&str]) -> Value {
    json!({ "kind": "packages", "install": install, "remove": remove })
}

fn are(installed: &[&str], absent: &[&str]) -> Value {
    json!([{ "kind": "packages", "installed": installed, "absent": absent }])
}

fn run(words: &[&str]) -> Value {
    json!({ "kind": "run", "command": { "argv": words, "deadline_seconds": 600 } })
}

fn write(machine: &Machine, steps: &[Value]) -> Result<()> {
    let plan = json!({
        "version": 1, "wish": "the lab's", "made_at": "2026-11-25T00:00:00Z",
        "premises": [], "satisfied": [], "steps": steps,
    });
    machine.write("plan.json", plan.to_string().as_bytes())
}

/// Runs it for the person `ada`.
fn call(machine: &Machine, words: &str, fault: &str) -> Result<super::machine::Output> {
    machine.shell(&format!(
        "SUDO_USER=ada DESKSIDE_FAULT={fault} {PROGRAM} {words}"
    ))
}

fn must(machine: &Machine, words: &str) -> Result<String> {
    let output = call(machine, words, "")?;
    ensure!(
        output.code == 0,
        "`{words}`: {}\n{}",
        output.code,
        output.text()
    );
    Ok(output.text())
}

fn shell(machine: &Machine, script: &str) -> Result<String> {
    let output = machine.shell(&format!("set -e\n{script}"))?;
    ensure!(
        output.code == 0,
        "`{script}`: {}\n{}",
        output.code,
        output.text()
    );
    Ok(output.text())
}

fn every_kind() -> Result<()> {
    let machine = start("ubuntu-24.04-rtx-4090")?;
    shell(
        &machine,
        "update-alternatives --install /usr/bin/labtool labtool /bin/true 10
         update-alternatives --install /usr/bin/labtool labtool /bin/false 5
         printf '[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n' > /etc/systemd/system/lab.service
         printf 'GRUB_DEFAULT=0\\n' > /etc/default/grub; printf '#!/bin/sh\\ncat /etc/default/grub.d/*.cfg > /boot/grub.cfg 2>/dev/null || :\\n' > /usr/sbin/update-grub; chmod 755 /usr/sbin/update-grub
         printf 'a\\nb\\n' > /etc/lab.conf; chown root:adm /etc/lab.conf; chmod 640 /etc/lab.conf",
    )?;
    let before = Standing::of(&machine)?;
    let source = "Types: deb\nURIs: https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64/\nSuites: /\nSigned-By: /.lab/archives/keys/nvidia.gpg\n";
    write(
        &machine,
        &[
            step(
                "source",
                json!([{ "kind": "exists", "path": "/etc/apt/sources.list.d/deskside-nvidia.sources" }]),
                vec![
                    json!({ "kind": "apt-source", "name": "deskside-nvidia.sources", "contents": source }),
                    json!({ "kind": "write-file", "path": "/etc/apt/preferences.d/deskside", "contents": { "text": "Package: nvidia-*\nPin: release o=NVIDIA\nPin-Priority: -1\n" }, "mode": 0o644 }),
                    run(&["apt-get", "update"]),
                ],
            ),
            step(
                "toolkit",
                are(&["cuda-toolkit-12-8"], &[]),
                vec![packages(&["cuda-toolkit-12-8"], &[])],
            ),
            step(
                "driver",
                are(&["nvidia-driver-580-open"], &[]),
                vec![packages(
                    &[
                        "nvidia-driver-580-open",
                        "linux-modules-nvidia-580-open-generic",
                    ],
                    &[],
                )],
            ),
            step(
                "hold",
                json!([]),
                vec![run(&["apt-mark", "hold", "nvidia-driver-580-open"])],
            ),
            step(
                "group",
                json!([{ "kind": "member", "group": "render" }]),
                vec![json!({ "kind": "group", "name": "render" })],
            ),
            step(
                "alternative",
                json!([]),
                vec![json!({ "kind": "alternative", "name": "labtool", "path": "/bin/false" })],
            ),
            step(
                "service",
                json!([]),
                vec![json!({ "kind": "service", "name": "lab.service", "wanted": "on" })],
            ),
            step(
                "module",
                json!([]),
                vec![json!({ "kind": "module", "name": "nouveau", "wanted": "off" })],
            ),
            step(
                "boot",
                json!([]),
                vec![json!({ "kind": "boot-parameter", "parameter": "pci=realloc" })],
            ),
            step(
                "files",
                json!([]),
                vec![
                    json!({ "kind": "edit-file", "path": "/etc/hosts", "old": "127.0.1.1 lab", "new": "127.0.1.1 lab deskside" }),
                    json!({ "kind": "remove", "path": "/etc/lab.conf" }),
                ],
            ),
        ],
    )?;
    must(&machine, "apply /plan.json")?;
    let said = shell(
        &machine,
        "id -nG ada; readlink /etc/alternatives/labtool; systemctl is-enabled lab.service; cat /etc/modprobe.d/deskside-nouveau.conf /boot/grub.cfg; apt-mark showhold; cat /etc/hosts; dpkg-query -W -f '${Status}\\n' cuda-toolkit-12-8 nvidia-driver-580-open",
    )?;
    for word in [
        "render",
        "/bin/false",
        "enabled",
        "blacklist nouveau",
        "pci=realloc",
        "nvidia-driver-580-open",
        "lab deskside",
        "install ok installed",
    ] {
        ensure!(said.contains(word), "`{word}` is not in:\n{said}");
    }
    let left = must(&machine, "undo")?;
    ensure!(!left.contains("left: "), "{left}");
    before.ensure_same(&machine, "taken back")
}

/// The driver of branch 595, with a package of the lab's own whose configuration file was changed, and the plan to 580.
///
/// That package is in no archive, only in apt's cache; the driver's are only in the archive.
fn with_old_driver(machine: &Machine) -> Result<(Standing, Vec<Value>)> {
    shell(
        machine,
        "apt-get -q -y install nvidia-driver-595-open linux-modules-nvidia-595-open-generic; apt-get clean
         mkdir -p /tmp/p/DEBIAN /tmp/p/etc/modprobe.d; cd /tmp/p
         printf 'Package: lab-settings-595\nVersion: 1:2.0\nArchitecture: all\nMaintainer: lab\nDepends: nvidia-kernel-common-595\nDescription: settings\n' > DEBIAN/control
         printf '/etc/modprobe.d/lab-595.conf\n/etc/modprobe.d/lab-gone.conf\n' > DEBIAN/conffiles; echo 'options nvidia a=1' | tee etc/modprobe.d/lab-595.conf > etc/modprobe.d/lab-gone.conf
         dpkg-deb -b . /var/cache/apt/archives/lab-settings-595_1%3a2.0_all.deb; dpkg -i /var/cache/apt/archives/lab-settings-595_1%3a2.0_all.deb; apt-mark auto lab-settings-595
         echo 'options nvidia a=2' > /etc/modprobe.d/lab-595.conf; chmod 600 /etc/modprobe.d/lab-595.conf; rm /etc/modprobe.d/lab-gone.conf; cd /; rm -r /tmp/p",
    )?;
    let old: Vec<String> = machine
        .packages()?
        .into_iter()
        .filter(|(name, state)| name.contains("595") && state.starts_with("ii"))
        .map(|(name, _)| name)
        .collect();
    ensure!(!old.is_empty(), "no driver of the old branch is there");
    let old: Vec<&str> = old.iter().map(String::as_str).collect();
    let new = [
        "nvidia-driver-580-open",
        "linux-modules-nvidia-580-open-generic",
    ];
    let steps = vec![step(
        "driver",
        are(&new, &old),
        vec![run(&["apt-get", "update"]), packages(&new, &old)],
    )];
    Ok((Standing::of(machine)?, steps))
}

fn branch() -> Result<()> {
    let machine = start("ubuntu-24.04-rtx-4090")?;
    let (before, steps) = with_old_driver(&machine)?;
    write(&machine, &steps)?;
    must(&machine, "apply /plan.json")?;
    let rest: Vec<String> = machine
        .packages()?
        .into_iter()
        .filter(|(name, _)| name.contains("595"))
        .map(|(name, state)| format!("{name} {state}"))
        .collect();
    ensure!(
        rest.is_empty() && machine.text("etc/modprobe.d/lab-595.conf").is_none(),
        "what goes is purged: {rest:?}"
    );
    let again = must(&machine, "apply /plan.json")?;
    ensure!(again.contains("satisfied driver"), "{again}");
    let left = must(&machine, "undo")?;
    ensure!(!left.contains("left: "), "{left}");
    before.ensure_same(&machine, "taken back")
}

fn killed() -> Result<()> {
    let machine = start("ubuntu-24.04-rtx-4090")?;
    let (before, steps) = with_old_driver(&machine)?;
    write(&machine, &steps)?;
    let mut reference: Option<Standing> = None;
    let mut effects = 0;
    for effect in 1..60 {
        let mut died = false;
        for mode in ["die-before", "die-after", "half"] {
            let output = call(&machine, "apply /plan.json", &format!("{mode}@{effect}"))?;
            died |= output.code != 0;
            effects += usize::from(output.code != 0);
            must(&machine, "apply /plan.json").with_context(|| format!("{mode}@{effect}"))?;
            match &reference {
                Some(reference) => {
                    reference.ensure_same(&machine, &format!("{mode}@{effect}: gone on with"))?
                }
                None => reference = Some(Standing::of(&machine)?),
            }
            must(&machine, "undo")?;
            before.ensure_same(&machine, &format!("{mode}@{effect}: taken back"))?;
        }
        if !died {
            break;
        }
    }
    ensure!(effects > 20, "only {effects} deaths");
    Ok(())
}

fn apt_killed() -> Result<()> {
    let machine = start("ubuntu-24.04-rtx-4090")?;
    let (before, steps) = with_old_driver(&machine)?;
    write(&machine, &steps)?;
    let mut half = 0;
    for moment in 5..=14_u64 {
        // Everything of it at once, as a power cut does.
        let span = Duration::from_millis(moment * 70);
        machine.shell(&format!(
            "SUDO_USER=ada setsid {PROGRAM} apply /plan.json > /dev/null 2>&1 & sleep {}; for p in apt-get dpkg carry-out; do for f in /proc/[0-9]*/comm; do [ \"$(cat $f 2>/dev/null)\" = $p ] && kill -9 $(echo $f | cut -d/ -f3) 2>/dev/null; done; done; sleep 0.2; :",
            span.as_secs_f64()
        ))?;
        let audit = machine.run(&["dpkg", "--audit"])?;
        let told = machine.run(&["dpkg", "-l"])?;
        let told = told
            .stdout
            .lines()
            .any(|line| line.starts_with("pi ") || line.starts_with("ri "));
        half += usize::from(told || !audit.stdout.is_empty());
        // Every other time it is given up instead of gone on with.
        let goes_on = moment % 2 == 0;
        if goes_on {
            must(&machine, "apply /plan.json").with_context(|| format!("killed after {span:?}"))?;
        }
        let refused = loop {
            let output = call(&machine, "undo", "")?;
            if output.code != 0 {
                break output.text();
            }
        };
        ensure!(
            refused.contains("there is nothing to undo"),
            "killed after {span:?}, gone on with: {goes_on}: {refused}"
        );
        before.ensure_same(
            &machine,
            &format!("killed after {span:?}, gone on with: {goes_on}, taken back"),
        )?;
    }
    println!("          dpkg was left half-way {half} of 10 times");
    Ok(())
}

/// What a plan does for a state, and that it arrives.
fn broken() -> Result<()> {
    let finish = run(&["dpkg", "--configure", "--pending"]);
    let cases = [
        // Unpacked, and what it needs is not there: apt brings it.
        (
            "interrupted-dpkg",
            vec![
                step(
                    "finish",
                    are(&["nvidia-utils-580"], &[]),
                    vec![finish.clone()],
                ),
                step("tool", are(&["dkms"], &[]), vec![packages(&["dkms"], &[])]),
            ],
            true,
        ),
        // Settled on the way.
        (
            "interrupted-dpkg",
            vec![step(
                "tool",
                are(&["dkms"], &[]),
                vec![packages(&["dkms"], &[])],
            )],
            true,
        ),
        // Its set-up fails again: it goes.
        (
            "half-configured",
            vec![step(
                "drop",
                are(&[], &["nvidia-dkms-580"]),
                vec![packages(&[], &["nvidia-dkms-580"])],
            )],
            true,
        ),
        (
            "half-configured",
            vec![step("finish", json!([]), vec![finish])],
            false,
        ),
    ];
    for (name, steps, arrives) in cases {
        let state = state::named(name)?;
        let mut machine = Machine::start(&Description::named(&state.machine)?)?;
        state.make(&mut machine)?;
        put(&machine)?;
        let before = shell(&machine, "dpkg --audit || true")?;
        ensure!(!before.is_empty(), "{name} is not broken");
        write(&machine, &steps)?;
        let output = call(&machine, "apply /plan.json", "")?;
        ensure!((output.code == 0) == arrives, "{name}: {}", output.text());
        if arrives {
            let audit = shell(&machine, "dpkg --audit")?;
            ensure!(audit.is_empty(), "{name}: {audit}");
            must(&machine, "undo").with_context(|| name.to_string())?;
        } else {
            ensure!(
                output.text().contains("returned error exit status")
                    && output.text().contains("hint: "),
                "{name}: {}",
                output.text()
            );
        }
    }
    Ok(())
}

fn refused() -> Result<()> {
    let machine = start("ubuntu-24.04-rtx-4090")?;
    shell(
        &machine,
        "apt-get -q -y install nvidia-driver-595-open linux-modules-nvidia-595-open-generic",
    )?;
    let before = Standing::of(&machine)?;
    write(
        &machine,
        &[step(
            "driver",
            json!([]),
            vec![packages(&["nvidia-driver-580-open"], &[])],
        )],
    )?;
    let output = call(&machine, "apply /plan.json", "")?;
    ensure!(
        output.code != 0
            && output
                .text()
                .contains("apt would remove what the plan does not name")
            && output.text().contains("nvidia-driver-595-open"),
        "{}",
        output.text()
    );
    before.ensure_same(&machine, "refused")?;
    // Somebody else holds dpkg's lock for three seconds.
    write(
        &machine,
        &[step(
            "tool",
            are(&["dkms"], &[]),
            vec![packages(&["dkms"], &[])],
        )],
    )?;
    let output = machine.shell(&format!(
        "perl -e 'open F, \">>\", \"/var/lib/dpkg/lock-frontend\"; my $l = pack(\"s s x4 l! l! i x4\", 1, 0, 0, 0, 0); fcntl(F, 6, $l) or die; sleep 3' & sleep 0.3; SUDO_USER=ada {PROGRAM} apply /plan.json"
    ))?;
    ensure!(
        output.code == 0 && output.stdout.contains("waiting for perl (process "),
        "{}",
        output.text()
    );
    Ok(())
}
