//! What every other source needs first: which kernel family, which kernel, container, WSL, who asks.

use crate::look::{is_there, known, text};
use crate::system::{kernel, surroundings};
use deskside_machine::{Machine, PersonIdentity, Reading};
use deskside_types::Known;
use deskside_types::facts::{OsKind, Wsl};

/// Read once, used by all.
pub(crate) struct Start {
    pub kind: OsKind,
    pub kernel: Known<String>,
    pub container: Known<String>,
    pub wsl: Known<Wsl>,
    pub person: Known<PersonIdentity>,
    pub cpuinfo: Known<String>,
    pub mounts: Known<String>,
    pub home: Option<String>,
}

impl Start {
    pub(crate) fn of(machine: &dyn Machine) -> Self {
        let release = text(machine, "/proc/sys/kernel/osrelease");
        let kernel = match release {
            Known::Value(release) if !release.is_empty() => Known::Value(release),
            _ => text(machine, "/proc/version").and_then(|text| kernel::release_of_version(&text).map(str::to_string).into()),
        };
        let person = known(machine.person());
        let home = machine.variable("HOME").filter(|home| home.starts_with('/')).map(|home| home.trim_end_matches('/').to_string());
        if kernel.value().is_none() && is_there(machine, crate::macos::VERSION_FILE) {
            let nothing = || Known::Absent;
            return Self { kind: OsKind::MacOs, kernel: nothing(), container: nothing(), wsl: Known::Absent, person, cpuinfo: nothing(), mounts: nothing(), home };
        }
        Self {
            kind: OsKind::Linux,
            container: surroundings::container(machine),
            wsl: surroundings::wsl(machine, &kernel),
            cpuinfo: text(machine, "/proc/cpuinfo"),
            mounts: text(machine, "/proc/self/mounts"),
            kernel,
            person,
            home,
        }
    }

    /// Surely inside a container.
    pub(crate) fn contained(&self) -> bool {
        self.container.value().is_some()
    }

    /// Surely inside WSL.
    pub(crate) fn in_wsl(&self) -> bool {
        self.wsl.value().is_some()
    }
}
