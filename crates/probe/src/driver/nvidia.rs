//! NVIDIA's driver in its three places: loaded, on disk, in user space.

use crate::gpu::nvml::Nvml;
use crate::look::text;
use crate::start::Start;
use deskside_machine::{Command, ErrorKind, Machine, Output, Reading};
use deskside_types::Known;
use deskside_types::facts::NvidiaDriver;
use std::time::Duration;

/// Where distributions, WSL and container runtimes put the library.
const LIBRARY_FOLDERS: [&str; 9] = [
    "/usr/lib/wsl/lib",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu/nvidia/current",
    "/usr/lib64",
    "/usr/lib",
    "/usr/lib64-nvidia",
    "/usr/local/nvidia/lib64",
    "/run/opengl-driver/lib",
];

/// The driver. `involved` says whether anything of NVIDIA's is there.
pub(crate) fn driver(
    machine: &dyn Machine,
    start: &Start,
    nvml: &Nvml,
    involved: bool,
) -> NvidiaDriver {
    let module = text(machine, "/sys/module/nvidia/version");
    let on_disk = if involved {
        ModuleOnDisk::ask(machine, start)
    } else {
        ModuleOnDisk::absent()
    };
    // Under WSL the loaded driver is Windows'; the library knows its version.
    let loaded = match (&module, &nvml.driver) {
        (Known::Absent, Known::Value(version)) => Known::Value(version.clone()),
        _ => module,
    };
    let flavour = match text(machine, "/proc/driver/nvidia/version") {
        Known::Value(text) => flavour(&text),
        Known::Absent => on_disk.flavour,
        Known::Unknown { unknown } => Known::unknown(unknown),
    };
    NvidiaDriver {
        loaded,
        on_disk: on_disk.version,
        user_space: user_space(machine),
        flavour,
        cuda: nvml.cuda.clone(),
        device_library: nvml.outcome.clone(),
    }
}

/// `Open Kernel Module` names the open flavour; the proprietary one says `Kernel Module` only.
fn flavour(version: &str) -> Known<String> {
    match version.lines().next() {
        Some(line) if line.contains("Open Kernel Module") => Known::Value("open".into()),
        Some(line) if line.contains("Kernel Module") => Known::Value("proprietary".into()),
        _ => Known::unknown("/proc/driver/nvidia/version names no kernel module"),
    }
}

/// What `modinfo` says of the module that the next load takes.
struct ModuleOnDisk {
    version: Known<String>,
    flavour: Known<String>,
}

impl ModuleOnDisk {
    fn absent() -> Self {
        Self {
            version: Known::Absent,
            flavour: Known::Absent,
        }
    }

    fn unknown(reason: &str) -> Self {
        Self {
            version: Known::unknown(reason),
            flavour: Known::unknown(reason),
        }
    }

    fn ask(machine: &dyn Machine, start: &Start) -> Self {
        if start.in_wsl() {
            return Self::absent();
        }
        if start.contained() {
            return Self::unknown(
                "the host's kernel modules can't be seen from inside a container",
            );
        }
        // Debian names the file nvidia-current; the module inside is still called nvidia.
        for module in ["nvidia", "nvidia-current"] {
            match modinfo(machine, module) {
                Ok(output) if output.succeeded() => return Self::parse(&output.text()),
                Ok(output) if output.last_lines(1).join("").contains("not found") => {}
                Ok(output) => {
                    return Self::unknown(&format!(
                        "modinfo failed with exit code {}",
                        output.code
                    ));
                }
                Err(reason) => return Self::unknown(&reason),
            }
        }
        Self::absent()
    }

    fn parse(text: &str) -> Self {
        let field =
            |key: &str| crate::look::field(text, key, ':').filter(|value| !value.is_empty());
        let version = field("version").map_or_else(
            || Known::unknown("modinfo names no version"),
            |version| Known::Value(version.to_string()),
        );
        let flavour = match field("license") {
            Some(license) if license.contains("MIT") => Known::Value("open".into()),
            Some("NVIDIA") => Known::Value("proprietary".into()),
            _ => Known::unknown("modinfo names no licence that tells the flavour"),
        };
        Self { version, flavour }
    }
}

/// Ordinary users of Debian have no sbin on PATH.
fn modinfo(machine: &dyn Machine, module: &str) -> Result<Output, String> {
    let mut reason = String::new();
    for program in ["/usr/sbin/modinfo", "modinfo"] {
        match machine.command(Command::new([program, module]).deadline(Duration::from_secs(1))) {
            Ok(output) => return Ok(output),
            Err(error) if error.kind == ErrorKind::Absent => reason = error.reason(),
            Err(error) => return Err(error.reason()),
        }
    }
    Err(reason)
}

/// The version in the name of the file behind the library's link, looked for in the loader's order:
/// `LD_LIBRARY_PATH` first (ld.so(8)).
pub(crate) fn user_space(machine: &dyn Machine) -> Known<String> {
    let mut outcome = Known::Absent;
    let named = machine.variable("LD_LIBRARY_PATH").unwrap_or_default();
    let named = named
        .split([':', ';'])
        .map(|folder| folder.trim_end_matches('/'));
    let named = named.filter(|folder| folder.starts_with('/')).take(16);
    for folder in named.chain(LIBRARY_FOLDERS) {
        for library in ["libnvidia-ml.so.1", "libcuda.so.1"] {
            match machine.real_path(format!("{folder}/{library}")) {
                Ok(real) => {
                    let name = real
                        .file_name()
                        .map(|name| name.to_string_lossy().into_owned())
                        .unwrap_or_default();
                    match version_in_name(&name) {
                        Some(version) => return Known::Value(version),
                        None => {
                            outcome = Known::unknown(format!(
                                "{folder}/{library} does not name its version"
                            ))
                        }
                    }
                }
                Err(error) if error.kind == ErrorKind::Absent => {}
                Err(error) => {
                    if outcome.is_absent() {
                        outcome = Known::unknown(error.reason());
                    }
                }
            }
        }
    }
    outcome
}

/// `libnvidia-ml.so.580.95.05`
fn version_in_name(name: &str) -> Option<String> {
    let version = name.split_once(".so.")?.1;
    let plausible = version.contains('.')
        && version
            .split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    plausible.then(|| version.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flavours_are_told_by_the_version_text() {
        for (text, name) in [
            (
                "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  (dvs-builder@x)\nGCC version: gcc",
                Some("open"),
            ),
            (
                "NVRM version: NVIDIA UNIX x86_64 Kernel Module  590.48.01  Mon Dec  8 11:22:45 UTC 2025",
                Some("proprietary"),
            ),
            ("", None),
            ("garbage", None),
        ] {
            assert_eq!(flavour(text).value().map(String::as_str), name, "{text}");
        }
    }

    #[test]
    fn modinfo_tells_version_and_flavour() {
        let open = ModuleOnDisk::parse(
            "filename:       /lib/modules/x/nvidia.ko\nlicense:        Dual MIT/GPL\nversion:        580.95.05\nsrcversion:     1\n",
        );
        assert_eq!(
            (open.version, open.flavour),
            (
                Known::Value("580.95.05".into()),
                Known::Value("open".into())
            )
        );
        let closed = ModuleOnDisk::parse("license: NVIDIA\nversion: 570.1");
        assert_eq!(closed.flavour, Known::Value("proprietary".into()));
        assert!(ModuleOnDisk::parse("").version.reason().is_some());
    }

    #[test]
    fn libraries_name_their_version() {
        for (name, version) in [
            ("libnvidia-ml.so.580.95.05", Some("580.95.05")),
            ("libcuda.so.535.183", Some("535.183")),
            ("libnvidia-ml.so.1", None),
            ("libnvidia-ml.so", None),
            ("libcuda.so.1.1x", None),
            ("", None),
        ] {
            assert_eq!(version_in_name(name).as_deref(), version, "{name}");
        }
    }
}
