//! A home that several machines share by a network file system.
//!
//! A process is told by its boot, so that a boot of another machine looks like an earlier one of this machine, and its runs as if a
//! restart had ended them. So on a network file system each machine says in a file of its own, `<data>/machines/<machine>`, which
//! boot it is in. A machine is told by a hash of `/etc/machine-id`, which machine-id(5) asks to keep to itself.

use deskside_machine::{Acting, Directories, Durability, Machine, Reading};
use deskside_types::Result;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// File systems that several machines see at once.
const SHARED: [&str; 13] = [
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "fuse.ceph",
    "fuse.glusterfs",
    "fuse.sshfs",
    "glusterfs",
    "gpfs",
    "lustre",
    "nfs",
    "nfs4",
    "smb3",
];

/// Whether a path lies on a file system that several machines see at once, by `/proc/self/mounts` (proc_mounts(5)).
pub fn is_on_network(machine: &dyn Machine, path: &Path) -> bool {
    let table = machine.text("/proc/self/mounts").unwrap_or_default();
    let mut found: Option<(usize, bool)> = None;
    for line in table.lines() {
        let mut cells = line.split(' ').skip(1);
        let (Some(point), Some(kind)) = (cells.next(), cells.next()) else {
            continue;
        };
        let point = point.replace("\\040", " ");
        // The last of several at the same place is the one that is seen.
        if path.starts_with(&point) && found.is_none_or(|(length, _)| point.len() >= length) {
            found = Some((point.len(), SHARED.contains(&kind)));
        }
    }
    found.is_some_and(|(_, shared)| shared)
}

/// This machine, told from every other; none where it has no identity.
pub fn own(machine: &dyn Machine) -> Option<String> {
    let id = machine.text("/etc/machine-id").ok()?;
    let id = id.trim();
    if id.is_empty() {
        return None;
    }
    let hash = Sha256::digest(format!("deskside {id}").as_bytes());
    Some(hash[..8].iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Says which boot this machine is in, where others may see it. Nothing where the home is this machine's alone.
///
/// # Errors
/// When it can't be written.
pub fn sign(machine: &dyn Machine, directories: &Directories) -> Result<()> {
    if !is_on_network(machine, &directories.data) {
        return Ok(());
    }
    let Some(own) = own(machine) else {
        return Ok(());
    };
    let (path, boot) = (machines(&directories.data).join(own), machine.boot_id());
    if machine.text(&path).ok().as_deref() != Some(&boot) {
        machine.write_file(path, boot, 0o644, Durability::Process)?;
    }
    Ok(())
}

/// Whether a boot is the one that another machine said last: then nothing is known here of its processes.
pub(crate) fn is_of_another(machine: &dyn Machine, data: &Path, boot: &str) -> bool {
    let folder = machines(data);
    let Ok(entries) = machine.entries(&folder) else {
        return false;
    };
    let own = own(machine);
    entries.iter().any(|entry| {
        Some(&entry.name) != own.as_ref()
            && machine
                .text(folder.join(&entry.name))
                .is_ok_and(|text| text.trim() == boot)
    })
}

fn machines(data: &Path) -> PathBuf {
    data.join("machines")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Folder, truth};
    use deskside_testkit::Sim;
    use deskside_types::run::{RunId, RunState};

    #[test]
    fn what_is_mounted_where() {
        let sim = Sim::linux();
        sim.put_file(
            "/proc/self/mounts",
            "/dev/sda1 / ext4 rw 0 0\nserver:/home /home nfs4 rw 0 0\n/dev/sdb1 /home/a\\040b ext4 rw 0 0\n\
             me@far: /mnt/far fuse.sshfs rw 0 0\nx /mnt/far/over tmpfs rw 0 0\n",
        );
        for (path, expected) in [
            ("/data", false),
            ("/home/user/.local/share/deskside", true),
            ("/home/a b/x", false),
            ("/home/a", true),
            ("/mnt/far/x", true),
            ("/mnt/far/over/x", false),
        ] {
            assert_eq!(is_on_network(&sim, Path::new(path)), expected, "{path}");
        }
    }

    /// Two machines, one home: neither takes the other's runs for its own of an earlier boot.
    #[test]
    fn another_machines_runs_are_left_alone() {
        let sim = Sim::linux();
        let directories = Directories::of(&sim).unwrap();
        let folder = Folder::of(&directories, &RunId("20260101-000000-aaaa".into()));
        let state =
            "state = \"running\"\n[process]\npid = 7\nstart_time = 7\nboot_id = \"theirs\"\n";
        sim.put_file("/etc/machine-id", "0123\n");
        sign(&sim, &directories).unwrap();
        assert!(
            !sim.exists(machines(&directories.data)).unwrap(),
            "nobody shares it"
        );
        sim.put_file("/proc/self/mounts", "server:/ / nfs rw 0 0\n");
        sign(&sim, &directories).unwrap();
        let other = machines(&directories.data).join("another");
        sim.put_file(&other, "theirs");
        sim.put_file(folder.state(), state);
        let running = truth(&sim, &folder).unwrap();
        assert!(
            matches!(running.state, RunState::Running { .. }),
            "{running:?}"
        );
        // It was started anew since.
        sim.put_file(&other, "newer");
        assert_eq!(truth(&sim, &folder).unwrap().state, RunState::Interrupted);
        // This machine's own earlier boots are its own.
        let own = machines(&directories.data).join(own(&sim).unwrap());
        sim.put_file(&own, "theirs");
        sim.put_file(folder.state(), state);
        assert_eq!(truth(&sim, &folder).unwrap().state, RunState::Interrupted);
    }
}
