//! What the doctor's mends hold beyond the recipes of the system layer: each an exact shape. A test holds every mend that the
//! doctor offers against it.

use super::Rules;
use super::allow::{OFF_LINE, child, is_name, is_unversioned};
use deskside_types::plan::{Action, CommandLine, FileContents, Tuning};

/// Forbids nouveau.
const NOUVEAU: (&str, &str) = (
    "/etc/modprobe.d/blacklist-nouveau.conf",
    "# Deskside: NVIDIA's driver is to have the GPU.\nblacklist nouveau\noptions nouveau modeset=0\n",
);
/// Keeps the card's memory over a suspend.
const POWER: (&str, &str) = (
    "/etc/modprobe.d/deskside-nvidia-power.conf",
    "options nvidia NVreg_PreserveVideoMemoryAllocations=1\n",
);
/// Lets nvcc take a compiler that its toolkit accepts; the version stands between both halves.
const COMPILER: (&str, &str, &str) = (
    "/etc/profile.d/deskside-nvcc.sh",
    "# Deskside: nvcc takes a compiler that its toolkit accepts.\nexport NVCC_PREPEND_FLAGS='-ccbin /usr/bin/g++-",
    "'\n",
);
/// The modules that may be loaded.
const MODULES: [&str; 3] = ["nvidia", "nvidia_uvm", "amdgpu"];
/// Where NVIDIA's archives are.
const NVIDIA: &str = "developer.download.nvidia.com/";
/// How the source entry begins that names NVIDIA's key.
const KEYED: &str = "deb [signed-by=/usr/share/keyrings/cuda-archive-keyring.gpg] ";
/// Folders of keys that everybody may read.
const KEYRINGS: [&str; 3] = [
    "/usr/share/keyrings",
    "/etc/apt/keyrings",
    "/etc/apt/trusted.gpg.d",
];
/// What stands before a line that named the toolkit's stand-in libraries.
const OFF_STUB: &str = "# switched off by deskside: ";
/// The most swap that is made, in bytes.
const MOST_SWAP: u64 = 64 << 30;

/// Whether a mend of the doctor's holds this.
pub(super) fn is_mend(action: &Action, rules: &Rules) -> bool {
    match action {
        Action::Run { command, undo } => {
            is_command(command) && undo.as_ref().is_none_or(is_command)
        }
        Action::WriteFile {
            path,
            contents: FileContents::Text(text),
            mode: 0o644,
        } => is_file(path, text),
        Action::EditFile { path, old, new } => {
            (is_source(path) && is_edit(old, new, rules)) || is_stub_off(path, old, new)
        }
        Action::Key {
            path,
            fingerprint,
            url,
        } => {
            // The fingerprint decides; entries of old name their archive without TLS.
            let at_nvidia = |url: &str| {
                ["https://", "http://"].iter().any(|scheme| {
                    url.strip_prefix(scheme)
                        .is_some_and(|rest| rest.starts_with(NVIDIA))
                })
            };
            let known = rules
                .keys
                .iter()
                .any(|key| key.proof == *fingerprint && at_nvidia(&key.url));
            known
                && at_nvidia(url)
                && ["/usr/share/keyrings", "/etc/apt/keyrings"]
                    .iter()
                    .any(|folder| child(path, folder).is_some_and(|name| name.ends_with(".gpg")))
        }
        Action::Module {
            name,
            wanted: Tuning::On,
        } => MODULES.contains(&name.as_str()),
        Action::BootParameter { parameter } => parameter == "iommu=pt",
        Action::Swap { bytes } => *bytes <= MOST_SWAP,
        _ => false,
    }
}

fn is_command(command: &CommandLine) -> bool {
    let quiet = command
        .variables
        .iter()
        .all(|(name, value)| name == "DEBIAN_FRONTEND" && value == "noninteractive");
    if command.directory.is_some() || !quiet {
        return false;
    }
    let words: Vec<&str> = command.argv.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["dpkg", "--configure", "-a"]
        | ["apt-get", "update"]
        | ["apt-get", "install", "-y", "--fix-broken"]
        | ["apt-get", "-o", "DPkg::Lock::Timeout=1800", "check"]
        | [
            "apt-get",
            "-o",
            "Acquire::http::No-Cache=true",
            "-o",
            "Acquire::https::No-Cache=true",
            "update",
        ]
        | ["apt-get", "install", "-y", "--fix-broken", "--no-remove"]
        | ["ldconfig"]
        | ["true"]
        | ["update-initramfs", "-u"]
        | ["update-initramfs", "-u", "-k", "all"] => true,
        // One archive's list: the others' mistakes are no matter of this one.
        [
            "apt-get",
            "-o",
            list,
            "-o",
            "Dir::Etc::SourceParts=-",
            "-o",
            "APT::Get::List-Cleanup=0",
            "update",
        ] => list
            .strip_prefix("Dir::Etc::SourceList=")
            .is_some_and(is_source),
        ["chmod", mode, path] => {
            is_mode_of_a_key(mode)
                && KEYRINGS.iter().any(|folder| {
                    child(path, folder).is_some_and(|name| {
                        is_name(name) && (name.ends_with(".gpg") || name.ends_with(".asc"))
                    })
                })
        }
        ["dpkg", "--purge", names @ ..] => is_one_kernel(names),
        ["sysctl", "-w", setting] => [
            "fs.inotify.max_user_watches=",
            "fs.inotify.max_user_instances=",
        ]
        .iter()
        .any(|name| setting.strip_prefix(name).is_some_and(is_number)),
        _ => false,
    }
}

/// An image with its modules, all of one version.
fn is_one_kernel(names: &[&str]) -> bool {
    let version = |name: &&str| {
        ["linux-image-", "linux-modules-extra-", "linux-modules-"]
            .iter()
            .find_map(|head| name.strip_prefix(head))
            .filter(|version| version.starts_with(|letter: char| letter.is_ascii_digit()))
            .map(str::to_string)
    };
    let first = names.first().and_then(version);
    first.is_some()
        && names
            .iter()
            .all(|name| is_unversioned(name) && version(name) == first)
}

/// Nobody but the owner may write, and nothing is run: `644`, and what it may have been before.
fn is_mode_of_a_key(mode: &str) -> bool {
    let digits = mode.strip_prefix('0').unwrap_or(mode).as_bytes();
    matches!(digits, [b'4' | b'6', b'0' | b'4', b'0' | b'4'])
}

fn is_number(text: &str) -> bool {
    (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_file(path: &str, text: &str) -> bool {
    let (compiler, head, tail) = COMPILER;
    [NOUVEAU, POWER].contains(&(path, text))
        || (path == compiler
            && text
                .strip_prefix(head)
                .and_then(|rest| rest.strip_suffix(tail))
                .is_some_and(is_number))
}

fn is_source(path: &str) -> bool {
    path == "/etc/apt/sources.list" || child(path, "/etc/apt/sources.list.d").is_some_and(is_name)
}

/// The linker's line that names the toolkit's stand-in libraries, switched off.
fn is_stub_off(path: &str, old: &str, new: &str) -> bool {
    let of_the_linker = path == "/etc/ld.so.conf"
        || child(path, "/etc/ld.so.conf.d").is_some_and(|name| name.ends_with(".conf"));
    of_the_linker
        && old.starts_with('/')
        && old.trim_end().trim_end_matches('/').ends_with("/stubs")
        && !old.contains(['\n', '\r'])
        && new == format!("{OFF_STUB}{old}")
}

/// A line that is switched off, or NVIDIA's entry that is given its key.
fn is_edit(old: &str, new: &str, rules: &Rules) -> bool {
    if old.trim().is_empty() || old.contains(['\n', '\r']) {
        return false;
    }
    let off = OFF_LINE.iter().any(|mark| new == format!("{mark}{old}"));
    let keyed = new
        .strip_prefix(KEYED)
        .and_then(|rest| rest.strip_suffix(" /"))
        .is_some_and(|address| {
            !address.is_empty()
                && !address.contains(char::is_whitespace)
                && old.contains(address)
                && (rules.is_makers)(old)
        });
    off || keyed
}
