//! Mounted file systems a person may work on, from `/proc/self/mounts` (proc_mounts(5), fstab(5)).

use crate::look::known;
use crate::start::Start;
use deskside_machine::{Command, Machine, Reading, Space};
use deskside_types::Known;
use deskside_types::facts::Disk;
use std::collections::BTreeSet;
use std::time::Duration;

const LOCAL: [&str; 18] = [
    "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "jfs", "nilfs2", "reiserfs",
    "exfat", "vfat", "ntfs", "ntfs3", "fuseblk", "apfs", "hfsplus",
];
/// File systems behind which a server or another system stands. Asking a dead one can block for ever.
const REMOTE: [&str; 13] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "9p",
    "virtiofs",
    "drvfs",
    "ceph",
    "lustre",
    "glusterfs",
    "fuse",
    "beegfs",
    "gpfs",
];
/// Folders below which mounts belong to the system.
const SYSTEM: [&str; 11] = [
    "/proc",
    "/sys",
    "/dev",
    "/run",
    "/boot",
    "/recovery",
    "/snap",
    "/etc",
    "/usr",
    "/var/lib/docker",
    "/var/snap",
];
/// Network file systems asked at the most; each may take up to its deadline.
const REMOTE_ASKED: usize = 4;

/// One line of the mount table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    pub device: String,
    pub point: String,
    pub filesystem: String,
    pub read_only: bool,
}

impl Mount {
    /// The lines of a mount table that can be understood.
    pub(crate) fn all(table: &str) -> impl Iterator<Item = Self> {
        table.lines().filter_map(|line| {
            let mut cells = line.split(' ');
            let (device, point, filesystem, options) =
                (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
            let point = unescaped(point);
            point.starts_with('/').then(|| Self {
                device: unescaped(device),
                point,
                filesystem: filesystem.to_string(),
                read_only: options.split(',').any(|option| option == "ro"),
            })
        })
    }

    fn is_remote(&self) -> bool {
        REMOTE.contains(&self.filesystem.as_str()) || self.filesystem.starts_with("fuse.")
    }

    fn is_for_work(&self) -> bool {
        let of_system = SYSTEM.iter().any(|folder| {
            self.point
                .strip_prefix(folder)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        let removable = self.point.starts_with("/run/media/");
        let portal = self.filesystem == "fuse.portal"
            || self.filesystem == "fuse.gvfsd-fuse"
            || self.filesystem == "fuse.lxcfs"
            || self.filesystem == "fuse.snapfuse";
        (!of_system || removable)
            && !portal
            && (LOCAL.contains(&self.filesystem.as_str())
                || self.is_remote()
                || (self.filesystem == "overlay" && self.point == "/"))
    }

    /// What tells that two mounts are the same storage: a device, or a ZFS pool.
    fn storage(&self) -> String {
        match self.filesystem.as_str() {
            "zfs" => format!(
                "zfs {}",
                self.device.split('/').next().unwrap_or(&self.device)
            ),
            "overlay" => format!("overlay {}", self.point),
            filesystem => format!("{filesystem} {}", self.device),
        }
    }
}

/// `\040` and its kind, as the kernel writes blanks in paths.
fn unescaped(text: &str) -> String {
    let mut plain = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let octal = bytes
            .get(at + 1..at + 4)
            .filter(|_| bytes[at] == b'\\')
            .and_then(|digits| {
                let digits = std::str::from_utf8(digits).ok()?;
                u8::from_str_radix(digits, 8).ok()
            });
        plain.push(octal.unwrap_or(bytes[at]));
        at += if octal.is_some() { 4 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// The mounts to show: the last mount at a point hides the ones before, each storage once by its shortest point.
fn chosen(table: &str) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = Vec::new();
    for mount in Mount::all(table) {
        mounts.retain(|earlier| earlier.point != mount.point);
        mounts.push(mount);
    }
    mounts.retain(Mount::is_for_work);
    mounts.sort_by(|one, other| {
        one.point
            .len()
            .cmp(&other.point.len())
            .then_with(|| one.point.cmp(&other.point))
    });
    let mut seen = BTreeSet::new();
    mounts.retain(|mount| seen.insert(mount.storage()));
    mounts.sort_by(|one, other| one.point.cmp(&other.point));
    mounts
}

/// The disks of a Linux machine.
pub(crate) fn linux(machine: &dyn Machine, start: &Start) -> Known<Vec<Disk>> {
    let mut remote_asked = 0;
    start.mounts.as_ref().map(|table| {
        chosen(table)
            .into_iter()
            .map(|mount| {
                let space = if !mount.is_remote() {
                    known(machine.space(&mount.point))
                } else if remote_asked < REMOTE_ASKED {
                    remote_asked += 1;
                    remote_space(machine, &mount.point)
                } else {
                    Known::unknown("not asked: there are many network file systems")
                };
                disk(mount, &space)
            })
            .collect()
    })
}

pub(crate) fn disk(mount: Mount, space: &Known<Space>) -> Disk {
    Disk {
        total_bytes: space.as_ref().map(|space| space.total),
        free_bytes: space.as_ref().map(|space| space.free),
        mount: mount.point,
        filesystem: mount.filesystem,
        read_only: mount.read_only,
    }
}

/// The space of a file system that may not answer: asked in a process that can be given up (stat(1) of coreutils).
fn remote_space(machine: &dyn Machine, point: &str) -> Known<Space> {
    let command = Command::new(["stat", "--file-system", "--format=%S %b %a", point])
        .deadline(Duration::from_millis(500));
    match machine.command(command) {
        Ok(output) if output.succeeded() => remote_answer(&output.text())
            .map_or_else(|| Known::unknown("stat gave no sizes"), Known::Value),
        Ok(output) => Known::unknown(format!("stat failed: {}", output.last_lines(1).join(" "))),
        Err(error) => Known::unknown(error.reason()),
    }
}

fn remote_answer(text: &str) -> Option<Space> {
    let mut numbers = text.split_whitespace().map(|word| word.parse::<u64>().ok());
    let (block, total, free) = (numbers.next()??, numbers.next()??, numbers.next()??);
    Some(Space {
        total: block.checked_mul(total)?,
        free: block.checked_mul(free)?,
        read_only: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_storage_to_work_on_is_shown_and_once() {
        let table = "sysfs /sys sysfs rw 0 0\n\
            /dev/nvme0n1p2 / ext4 rw,relatime 0 0\n\
            /dev/nvme0n1p1 /boot/efi vfat rw 0 0\n\
            /dev/loop3 /snap/core22/1 squashfs ro 0 0\n\
            tmpfs /tmp tmpfs rw 0 0\n\
            /dev/nvme0n1p2 /var/snap/x ext4 rw 0 0\n\
            /dev/nvme0n1p2 /mnt/bind ext4 rw 0 0\n\
            /dev/sda1 /mnt/my\\040data xfs ro,noatime 0 0\n\
            server:/x /net nfs4 rw 0 0\n\
            gvfsd-fuse /run/user/1000/gvfs fuse.gvfsd-fuse rw 0 0\n\
            rpool/ROOT/u /z zfs rw 0 0\n\
            rpool/USERDATA/home /z/home zfs rw 0 0\n\
            /dev/sdb1 /run/media/me/usb exfat rw 0 0\n\
            broken line\n";
        let shown: Vec<(String, bool)> = chosen(table)
            .into_iter()
            .map(|mount| (mount.point, mount.read_only))
            .collect();
        let points: Vec<(&str, bool)> = shown
            .iter()
            .map(|(point, read_only)| (point.as_str(), *read_only))
            .collect();
        assert_eq!(
            points,
            [
                ("/", false),
                ("/mnt/my data", true),
                ("/net", false),
                ("/run/media/me/usb", false),
                ("/z", false)
            ]
        );
    }

    #[test]
    fn a_container_shows_its_overlay_and_no_bound_files() {
        let table = "overlay / overlay rw 0 0\n/dev/sda1 /etc/hosts ext4 rw 0 0\n/dev/sda1 /workspace ext4 rw 0 0\nproc /proc proc rw 0 0\n";
        let points: Vec<String> = chosen(table).into_iter().map(|mount| mount.point).collect();
        assert_eq!(points, ["/", "/workspace"]);
    }

    #[test]
    fn odd_text_is_survived() {
        assert_eq!(unescaped("a\\040b\\134\\9\\"), "a b\\\\9\\");
        assert_eq!(
            remote_answer("4096 100 50\n"),
            Some(Space {
                total: 409_600,
                free: 204_800,
                read_only: false
            })
        );
        assert_eq!(remote_answer("18446744073709551615 2 1"), None);
        assert_eq!(remote_answer(""), None);
    }
}
