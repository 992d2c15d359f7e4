//! A boot, as far as files tell it: the newest kernel, a new boot id, an empty /run, the modules that would load, the units that would run.
//!
//! Which modules load: what `modinfo` (the real one) finds for that kernel, unless a `blacklist` or `alias … off` line forbids it, Secure
//! Boot is on and nobody trusted signed it, or no card is served by it. nouveau goes by the lines that were packed into the initramfs.

use super::{Machine, hardware};
use anyhow::Result;

/// What happened.
#[derive(Clone, Debug, Default)]
pub struct Boot {
    /// The kernel that runs.
    pub kernel: String,
    /// Drivers that were loaded, with their versions where they have one.
    pub loaded: Vec<String>,
    /// Drivers that were not, and the kernel's words.
    pub refused: Vec<String>,
    /// Units that were run, with their exit codes.
    pub units: Vec<(String, i32)>,
}

impl Boot {
    /// A line about it.
    pub fn in_words(&self) -> String {
        let or = |list: &[String], none: &str| {
            if list.is_empty() {
                none.to_string()
            } else {
                list.join(", ")
            }
        };
        format!(
            "kernel {}; loaded: {}; refused: {}; units: {:?}",
            self.kernel,
            or(&self.loaded, "nothing"),
            or(&self.refused, "nothing"),
            self.units
        )
    }
}

/// A module as the real `modinfo` tells it.
struct Module {
    version: String,
    open: bool,
    signer: String,
}

fn module(machine: &Machine, kernel: &str, name: &str) -> Result<Option<Module>> {
    let field = |field: &str| -> Result<Option<String>> {
        let output = machine.run(&["modinfo", "-k", kernel, "-F", field, name])?;
        Ok((output.code == 0).then(|| output.stdout.trim().to_string()))
    };
    let Some(license) = field("license")? else {
        return Ok(None);
    };
    Ok(Some(Module {
        open: license.contains("GPL"),
        version: field("version")?.unwrap_or_default(),
        signer: field("signer")?.unwrap_or_default(),
    }))
}

/// Whether lines forbid a module, as modprobe.d does.
fn forbidden(lines: &str, name: &str) -> bool {
    lines.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        matches!(words.as_slice(), ["blacklist", one] if *one == name)
            || matches!(words.as_slice(), ["alias", one, "off"] if *one == name)
    })
}

/// Whether the firmware trusts whom a module is signed by: the makers of the distributions.
pub(super) fn is_trusted(signer: &str) -> bool {
    ["Canonical", "Debian"]
        .iter()
        .any(|maker| signer.contains(maker))
}

/// Whether a person enrolled the machine's own key at the firmware's screen: told by a mark that the caller leaves.
fn enrolled(machine: &Machine) -> bool {
    machine.text(super::ENROLLED).is_some()
}

/// Boots it.
pub fn boot(machine: &mut Machine) -> Result<Boot> {
    let mut boot = Boot::default();
    let kernels = machine.shell("ls /boot | sed -n 's/^vmlinuz-//p' | sort -V | tail -n 1")?;
    boot.kernel = kernels.stdout.trim().to_string();
    let id = std::fs::read_to_string("/proc/sys/kernel/random/uuid")?;
    std::fs::write(machine.root.join(".lab/proc/boot_id"), id)?;
    machine.shell("rm -rf /run/* /tmp/*; mkdir -p /run/lock")?;
    hardware::unload(&machine.root, &machine.description)?;
    std::fs::write(
        machine.root.join(".lab/kernel.log"),
        "[    0.000000] Linux version (the lab's stand-in for a kernel's log)\n",
    )?;
    if boot.kernel.is_empty() {
        return Ok(boot);
    }
    std::fs::write(
        machine.root.join(".lab/proc/osrelease"),
        format!("{}\n", boot.kernel),
    )?;
    let rules = machine
        .shell("cat /etc/modprobe.d/*.conf /usr/lib/modprobe.d/*.conf 2>/dev/null")?
        .stdout;
    let packed = machine
        .shell(&format!(
            "grep -a -E '^(blacklist|alias)' /boot/initrd.img-{} 2>/dev/null",
            boot.kernel
        ))?
        .stdout;
    let description = machine.description.clone();
    let cards: Vec<_> = description.cards.iter().enumerate().collect();
    let nvidia: Vec<_> = cards
        .iter()
        .filter(|(_, card)| card.nvidia())
        .copied()
        .collect();
    if !nvidia.is_empty() {
        let taken = if forbidden(&packed, "nouveau") {
            false
        } else if module(machine, &boot.kernel, "nouveau")?.is_some() {
            for (place, _) in &nvidia {
                hardware::nouveau(&machine.root, *place)?;
            }
            boot.loaded.push("nouveau".into());
            true
        } else {
            false
        };
        if let Some(found) = module(machine, &boot.kernel, "nvidia")? {
            let served: Vec<_> = nvidia
                .iter()
                .filter(|(_, card)| card.served_by(&found.version, found.open))
                .copied()
                .collect();
            let words = if forbidden(&rules, "nvidia") {
                Some("blacklisted")
            } else if description.secure_boot && !is_trusted(&found.signer) && !enrolled(machine) {
                Some("Key was rejected by service")
            } else if taken {
                Some(
                    "NVRM: the NVIDIA probe routine was not called for 1 device(s): nouveau has it",
                )
            } else if served.is_empty() {
                Some(
                    "NVRM: No NVIDIA GPU found (the card is not supported by this driver): No such device",
                )
            } else {
                None
            };
            match words {
                Some(words) => boot
                    .refused
                    .push(format!("nvidia {}: {words}", found.version)),
                None => {
                    hardware::nvidia(&machine.root, &served, &found.version, found.open)?;
                    boot.loaded.push(format!(
                        "nvidia {}{}",
                        found.version,
                        if found.open { " open" } else { "" }
                    ));
                }
            }
        }
    }
    for (place, _) in cards.iter().filter(|(_, card)| !card.nvidia()) {
        if let Some(found) = module(machine, &boot.kernel, "amdgpu")? {
            if forbidden(&rules, "amdgpu") {
                boot.refused.push("amdgpu: blacklisted".into());
            } else if description.secure_boot && !is_trusted(&found.signer) && !enrolled(machine) {
                boot.refused
                    .push("amdgpu: Key was rejected by service".into());
            } else {
                let version = (!found.version.is_empty()).then_some(found.version.as_str());
                hardware::amdgpu(&machine.root, *place, version)?;
                boot.loaded
                    .push(format!("amdgpu {}", found.version).trim().to_string());
            }
        }
    }
    log(machine, &boot)?;
    units(machine, &mut boot)?;
    Ok(boot)
}

/// What the kernel and the driver say of a module that was refused, in their words.
fn log(machine: &Machine, boot: &Boot) -> Result<()> {
    use std::fmt::Write;
    let mut text = machine.text(".lab/kernel.log").unwrap_or_default();
    for refused in &boot.refused {
        let mut say = |line: &str| {
            let _ = writeln!(text, "[    4.200000] {line}");
        };
        let card = machine.description.cards.iter().find(|card| card.nvidia());
        if refused.contains("Key was rejected") {
            say("Loading of module with unavailable key is rejected");
        } else if refused.contains("probe routine was not called") {
            say("NVRM: The NVIDIA probe routine was not called for 1 device(s).");
            say("NVRM: This can occur when another driver was loaded and");
            say("NVRM: obtained ownership of the NVIDIA device(s).");
        } else if refused.contains("not supported")
            && let Some(card) = card
        {
            let version = refused.split([' ', ':']).nth(1).unwrap_or_default();
            let id = format!("{}:{}", card.vendor, card.device);
            say(&format!("NVRM: The NVIDIA GPU 0000:01:00.0 (PCI ID: {id})"));
            if card.served_by(version, true) {
                say(
                    "NVRM: installed in this system requires use of the NVIDIA open kernel modules.",
                );
            } else if card.served_by(version, false) {
                say(&format!(
                    "NVRM: installed in this system is not supported by open nvidia.ko {version}"
                ));
                say("NVRM: because it does not include the required GPU System Processor (GSP).");
            } else {
                say(&format!(
                    "NVRM: installed in this system is not supported by the NVIDIA {version} driver release."
                ));
            }
        }
    }
    machine.write(".lab/kernel.log", text.as_bytes())
}

/// Runs the `ExecStart` lines of units that someone enabled in /etc (those of packages are not the lab's matter).
fn units(machine: &Machine, boot: &mut Boot) -> Result<()> {
    let list = machine.shell(
        "for f in /etc/systemd/system/multi-user.target.wants/*.service; do t=$(readlink -f \"$f\"); case \"$t\" in /etc/systemd/*) echo \"${t##*/}\" ;; esac; done",
    )?;
    for unit in list.stdout.lines() {
        let Some(text) = machine.text(&format!("etc/systemd/system/{unit}")) else {
            continue;
        };
        for line in text
            .lines()
            .filter_map(|line| line.strip_prefix("ExecStart="))
        {
            let words: Vec<&str> = line.split_whitespace().collect();
            if !words.is_empty() {
                boot.units
                    .push((unit.to_string(), machine.run(&words)?.code));
            }
        }
    }
    Ok(())
}
