//! Packages of the operating system, and everything beside them that decides which driver and toolkit a machine has.
//!
//! All of it is read from files, without root and without starting apt.

mod display;
pub(crate) mod dpkg;
mod lock;
mod outside;
mod pins;
pub(crate) mod profiles;
mod sources;
mod unattended;

use crate::look::{known, names};
use crate::start::Start;
use crate::system::person::account_groups;
use deskside_knowledge::platforms::platforms;
use deskside_knowledge::version;
use deskside_machine::{Machine, Reading};
use deskside_types::Known;
use deskside_types::facts::{InstalledKernel, KeyFile, OperatingSystem, Packages};

/// dpkg's list of packages.
pub(crate) const STATUS: &str = "/var/lib/dpkg/status";
/// A list of packages is 2 to 8 MB.
const LARGEST_STATUS: u64 = 32 << 20;
/// A file of keys is a few KB.
const LARGEST_KEYS: u64 = 4 << 20;

/// The packages of a Linux machine; absent where there is no dpkg.
pub(crate) fn linux(
    machine: &dyn Machine,
    start: &Start,
    os: &Known<OperatingSystem>,
    taken_at: jiff::Timestamp,
) -> Known<Packages> {
    let installed = match known(machine.file(STATUS, LARGEST_STATUS)) {
        Known::Absent => return Known::Absent,
        Known::Value(bytes) => Known::Value(dpkg::parse(&bytes)),
        Known::Unknown { unknown } => Known::unknown(unknown),
    };
    Known::Value(Packages {
        installed,
        interrupted: names(machine, "/var/lib/dpkg/updates").map(|names| {
            names
                .iter()
                .any(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        }),
        sources: sources::all(machine),
        key_files: key_files(machine, &keyrings(machine)),
        keyrings: keyrings(machine),
        pins: pins::all(machine),
        lock_holder: lock::holder(machine),
        kernels: kernels(machine),
        boot_free_bytes: known(machine.space("/boot")).map(|space| space.free),
        runfile: Known::Value(outside::runfile(machine)),
        cuda_folders: outside::cuda_folders(machine),
        cuda_link: known(machine.link("/usr/local/cuda"))
            .map(|target| target.to_string_lossy().into_owned()),
        linker_files: outside::linker_files(machine),
        display_lines: display::lines(machine),
        unattended: unattended::all(machine),
        dkms: outside::dkms(machine),
        module_lines: profiles::module_lines(machine),
        profile_lines: Known::Value(profiles::profile_lines(machine, start.home.as_deref())),
        account_groups: account_groups(machine, start),
        signing_keys: Known::Value(outside::signing_keys(machine)),
        clock_behind: os.as_ref().and_then(|os| clock_behind(os, taken_at)),
    })
}

/// Files of keys that apt trusts.
fn keyrings(machine: &dyn Machine) -> Known<Vec<String>> {
    let mut found = Vec::new();
    for folder in [
        "/etc/apt/keyrings",
        "/etc/apt/trusted.gpg.d",
        "/usr/share/keyrings",
    ] {
        match names(machine, folder) {
            Known::Value(names) => {
                // A hidden file is none that apt takes: it was moved aside.
                let names = names.into_iter().filter(|name| !name.starts_with('.'));
                found.extend(names.map(|name| format!("{folder}/{name}")));
            }
            Known::Absent => {}
            Known::Unknown { unknown } => return Known::unknown(unknown),
        }
    }
    if machine.exists("/etc/apt/trusted.gpg").unwrap_or(false) {
        found.push("/etc/apt/trusted.gpg".into());
    }
    Known::Value(found)
}

/// The fingerprints in the files of keys below `/etc/apt`. What can't be read as keys is left out.
fn key_files(machine: &dyn Machine, files: &Known<Vec<String>>) -> Vec<KeyFile> {
    files
        .value()
        .into_iter()
        .flatten()
        .filter(|file| file.starts_with("/etc/apt/"))
        .filter_map(|file| {
            let bytes = machine.file(file, LARGEST_KEYS).ok()?;
            let keys = deskside_machine::openpgp::read(&bytes).ok()?;
            Some(KeyFile {
                file: file.clone(),
                fingerprints: keys.fingerprints,
            })
        })
        .collect()
}

/// Kernels by their files in `/boot`; headers by the build link of each.
fn kernels(machine: &dyn Machine) -> Known<Vec<InstalledKernel>> {
    names(machine, "/boot").map(|names| {
        let mut releases: Vec<String> = names
            .iter()
            .filter_map(|name| name.strip_prefix("vmlinuz-"))
            .filter(|release| release.starts_with(|letter: char| letter.is_ascii_digit()))
            .map(str::to_string)
            .collect();
        releases.sort_by(|one, other| version::order(one, other));
        releases
            .into_iter()
            .map(|release| InstalledKernel {
                headers: crate::look::exists(machine, &format!("/usr/src/linux-headers-{release}")),
                release,
            })
            .collect()
    })
}

/// Whether the clock is before the day this distribution came out.
fn clock_behind(os: &OperatingSystem, now: jiff::Timestamp) -> Known<bool> {
    let version = os.version.as_deref().unwrap_or_default();
    let id = format!("{}-{version}", os.id);
    let released = platforms()
        .iter()
        .find(|platform| platform.id == id)
        .and_then(|platform| {
            format!("{}T00:00:00Z", platform.released)
                .parse::<jiff::Timestamp>()
                .ok()
        });
    released.map(|released| now < released).into()
}
