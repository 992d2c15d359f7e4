//! macOS: one `sysctl`, one `ioreg`, one `vm_stat`, and files.

mod gpu;
mod sysctl;

use crate::disks::{Mount, disk};
use crate::look::{known, text};
use crate::start::Start;
use crate::system::person;
use deskside_machine::{Command, Machine, Reading};
use deskside_types::Known;
use deskside_types::facts::{BootMode, Cpu, Disk, Gpu, Memory, OperatingSystem, OsKind, System};
use std::time::Duration;
use sysctl::Sysctl;

/// The file that names macOS's release; there on every Mac.
pub(crate) const VERSION_FILE: &str = "/System/Library/CoreServices/SystemVersion.plist";

/// The parts that only macOS has to tell otherwise.
pub(crate) struct Parts {
    pub system: System,
    pub cpu: Cpu,
    pub memory: Memory,
    pub disks: Known<Vec<Disk>>,
    pub gpus: Known<Vec<Gpu>>,
}

/// Reads them.
pub(crate) fn parts(machine: &dyn Machine, start: &Start) -> Parts {
    let sysctl = Sysctl::ask(machine);
    let arm = sysctl.text("hw.optional.arm64").map(|value| value == "1");
    let silicon = arm.value() == Some(&true);
    Parts {
        system: system(machine, start, &sysctl, &arm),
        cpu: Cpu {
            model: sysctl.text("machdep.cpu.brand_string"),
            cores: sysctl.needed("hw.physicalcpu"),
            threads: sysctl.needed("hw.logicalcpu"),
            performance_cores: if silicon {
                sysctl.needed("hw.perflevel0.physicalcpu")
            } else {
                Known::Absent
            },
            usable: crate::cpu::usable(start, sysctl.needed("hw.logicalcpu").value().copied()),
        },
        memory: Memory {
            total_bytes: sysctl.needed("hw.memsize"),
            available_bytes: available(machine),
            swap_bytes: sysctl.text("vm.swapusage").and_then(|text| {
                sysctl::swap_total(&text).map_or_else(
                    || Known::unknown("sysctl vm.swapusage gave no total"),
                    Known::Value,
                )
            }),
            limit_bytes: Known::Absent,
            shared_bytes: Known::Absent,
            unified: silicon,
        },
        disks: disks(machine),
        gpus: gpu::all(machine, &sysctl),
    }
}

fn system(machine: &dyn Machine, start: &Start, sysctl: &Sysctl, arm: &Known<bool>) -> System {
    System {
        kind: OsKind::MacOs,
        os: text(machine, VERSION_FILE).and_then(|plist| release(&plist)),
        kernel: sysctl.text("kern.osrelease"),
        architecture: match arm {
            Known::Value(true) => Known::Value("aarch64".into()),
            // Intel Macs do not know the key.
            Known::Value(false) | Known::Absent => Known::Value("x86_64".into()),
            Known::Unknown { unknown } => Known::unknown(unknown),
        },
        translated: sysctl
            .text("sysctl.proc_translated")
            .map(|value| value == "1"),
        glibc: Known::Absent,
        boot: Known::Value(BootMode::Apple),
        secure_boot: Known::Absent,
        wsl: Known::Absent,
        container: Known::Absent,
        provider: Known::Absent,
        model: sysctl.text("hw.model"),
        session: person::session(machine),
        person: person::person(&start.person, &text(machine, "/etc/group")),
        reboot_required: Known::unknown("macOS tells it to no file"),
        newer_kernel: Known::Absent,
    }
}

fn release(plist: &str) -> Known<OperatingSystem> {
    let Some(version) = plist_text(plist, "ProductVersion") else {
        return Known::unknown("SystemVersion.plist names no version");
    };
    let name = plist_text(plist, "ProductName").unwrap_or_else(|| "macOS".into());
    Known::Value(OperatingSystem {
        id: "macos".into(),
        name: format!("{name} {version}"),
        version: Some(version),
        codename: None,
        ubuntu_codename: None,
        like: Vec::new(),
    })
}

/// The string of a key in a property list written as XML.
pub(crate) fn plist_text(plist: &str, key: &str) -> Option<String> {
    let (_, rest) = plist.split_once(&format!("<key>{key}</key>"))?;
    let value = rest
        .trim_start()
        .strip_prefix("<string>")?
        .split_once("</string>")?
        .0;
    Some(value.trim().to_string()).filter(|value| !value.is_empty())
}

fn available(machine: &dyn Machine) -> Known<u64> {
    match machine.command(Command::new(["/usr/bin/vm_stat"]).deadline(Duration::from_secs(1))) {
        Ok(output) => available_of(&output.text()).map_or_else(
            || Known::unknown("vm_stat gave no free pages"),
            Known::Value,
        ),
        Err(error) => Known::unknown(error.reason()),
    }
}

/// Free and inactive pages, as psutil counts what is available.
fn available_of(text: &str) -> Option<u64> {
    let page: u64 = text
        .split("page size of ")
        .nth(1)?
        .split_whitespace()
        .next()?
        .parse()
        .ok()?;
    let pages = |key: &str| {
        crate::look::field(text, key, ':')?
            .trim_end_matches('.')
            .parse::<u64>()
            .ok()
    };
    pages("Pages free")?
        .checked_add(pages("Pages inactive")?)?
        .checked_mul(page)
}

/// Volumes. `/` is a sealed snapshot; what a person writes lies on the data volume, which macOS shows under `/`.
fn disks(machine: &dyn Machine) -> Known<Vec<Disk>> {
    match machine.command(Command::new(["/sbin/mount"]).deadline(Duration::from_secs(1))) {
        Ok(output) => {
            let mounts = mounts(&output.text());
            let space = |mount: Mount| {
                let asked = if mount.point == "/" && !mount.read_only {
                    "/System/Volumes/Data"
                } else {
                    &mount.point
                };
                let space = known(machine.space(asked));
                disk(mount, &space)
            };
            Known::Value(mounts.into_iter().map(space).collect())
        }
        Err(error) => Known::unknown(error.reason()),
    }
}

/// Lines `/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse)`.
fn mounts(text: &str) -> Vec<Mount> {
    let all: Vec<Mount> = text
        .lines()
        .filter_map(|line| {
            let (device, rest) = line.split_once(" on ")?;
            let (point, options) = rest.strip_suffix(')')?.rsplit_once(" (")?;
            let mut options = options.split(", ");
            let filesystem = options.next()?.to_string();
            Some(Mount {
                device: device.into(),
                point: point.into(),
                filesystem,
                read_only: options.any(|option| option == "read-only"),
            })
        })
        .collect();
    let data = all
        .iter()
        .find(|mount| mount.point == "/System/Volumes/Data")
        .map(|mount| mount.read_only);
    let shown = |mount: &Mount| {
        (mount.point == "/" || mount.point.starts_with("/Volumes/"))
            && mount.device.starts_with("/dev/")
    };
    all.into_iter()
        .filter(shown)
        .map(|mount| {
            if mount.point == "/" {
                Mount {
                    read_only: data.unwrap_or(mount.read_only),
                    ..mount
                }
            } else {
                mount
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn property_lists_and_page_counts_are_read() {
        let plist = "<dict>\n\t<key>ProductName</key>\n\t<string>macOS</string>\n\t<key>ProductVersion</key>\n\t<string>15.6</string>\n</dict>";
        assert_eq!(
            release(plist).value().map(|os| os.name.as_str()),
            Some("macOS 15.6")
        );
        assert!(release("<dict/>").reason().is_some());
        let stat = "Mach Virtual Memory Statistics: (page size of 16384 bytes)\nPages free:                             100.\nPages active: 5.\nPages inactive:                          50.\n";
        assert_eq!(available_of(stat), Some(150 * 16384));
        assert_eq!(available_of("page size of x"), None);
    }

    #[test]
    fn the_data_volume_stands_for_the_root() {
        let text = "/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)\ndevfs on /dev (devfs, local, nobrowse)\n/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse)\n/dev/disk5s1 on /Volumes/My (old) Disk (hfs, local, read-only)\nmap auto_home on /System/Volumes/Data/home (autofs, automounted)\nodd\n";
        let mounts: Vec<(String, String, bool)> = mounts(text)
            .into_iter()
            .map(|mount| (mount.point, mount.filesystem, mount.read_only))
            .collect();
        assert_eq!(
            mounts,
            [
                ("/".into(), "apfs".into(), false),
                ("/Volumes/My (old) Disk".into(), "hfs".into(), true)
            ]
        );
    }
}
