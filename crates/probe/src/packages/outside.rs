//! What lies outside the packages: the `.run` installer, CUDA folders, module sources, the machine's own module keys.

use crate::look::{is_there, names, seen_names};
use deskside_machine::{FileKind, Machine, Reading};
use deskside_types::Known;
use deskside_types::facts::DkmsTree;

/// Traces of NVIDIA's `.run` installer, by path; the uninstaller first (nvidia-uninstall(1)).
pub(crate) fn runfile(machine: &dyn Machine) -> Vec<String> {
    [
        "/usr/bin/nvidia-uninstall",
        "/usr/local/bin/nvidia-uninstall",
        "/var/log/nvidia-installer.log",
        "/etc/modprobe.d/nvidia-installer-disable-nouveau.conf",
        "/usr/lib/modprobe.d/nvidia-installer-disable-nouveau.conf",
    ]
    .into_iter()
    .filter(|path| is_there(machine, path))
    .map(str::to_string)
    .collect()
}

/// Folders `/usr/local/cuda-X.Y`.
pub(crate) fn cuda_folders(machine: &dyn Machine) -> Known<Vec<String>> {
    match machine.entries("/usr/local") {
        Ok(entries) => Known::Value(
            entries
                .into_iter()
                .filter(|entry| entry.kind == FileKind::Directory)
                .filter(|entry| entry.name == "cuda" || entry.name.starts_with("cuda-"))
                .map(|entry| format!("/usr/local/{}", entry.name))
                .collect(),
        ),
        Err(error) if error.kind == deskside_machine::ErrorKind::Absent => Known::Value(Vec::new()),
        Err(error) => Known::unknown(error.reason()),
    }
}

/// Files by which the linker finds libraries of CUDA, NVIDIA or ROCm (ldconfig(8)).
pub(crate) fn linker_files(machine: &dyn Machine) -> Known<Vec<String>> {
    let folder = "/etc/ld.so.conf.d";
    match names(machine, folder) {
        Known::Value(names) => Known::Value(
            names
                .into_iter()
                .filter(|name| {
                    ["cuda", "nvidia", "rocm"]
                        .iter()
                        .any(|word| name.contains(word))
                })
                .map(|name| format!("{folder}/{name}"))
                .collect(),
        ),
        Known::Absent => Known::Value(Vec::new()),
        unknown => unknown,
    }
}

/// `/var/lib/dkms/MODULE/VERSION/KERNEL/…` (dkms(8)).
pub(crate) fn dkms(machine: &dyn Machine) -> Known<Vec<DkmsTree>> {
    let root = "/var/lib/dkms";
    let mut trees = Vec::new();
    match names(machine, root) {
        Known::Value(modules) => {
            for module in modules
                .into_iter()
                .filter(|name| name.starts_with("nvidia") || name.starts_with("amdgpu"))
            {
                for version in seen_names(machine, &format!("{root}/{module}")) {
                    if !version.starts_with(|letter: char| letter.is_ascii_digit()) {
                        continue;
                    }
                    let built_for = seen_names(machine, &format!("{root}/{module}/{version}"))
                        .into_iter()
                        .filter(|name| name.starts_with(|letter: char| letter.is_ascii_digit()))
                        .collect();
                    trees.push(DkmsTree {
                        module: module.clone(),
                        version,
                        built_for,
                    });
                }
            }
            Known::Value(trees)
        }
        Known::Absent => Known::Value(trees),
        Known::Unknown { unknown } => Known::unknown(unknown),
    }
}

/// Public halves of keys that modules of this machine are signed with (Ubuntu's shim-signed, dkms from 3.0).
pub(crate) fn signing_keys(machine: &dyn Machine) -> Vec<String> {
    ["/var/lib/shim-signed/mok/MOK.der", "/var/lib/dkms/mok.pub"]
        .into_iter()
        .filter(|path| is_there(machine, path))
        .map(str::to_string)
        .collect()
}
