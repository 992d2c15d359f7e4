//! Collects the facts of a machine through the door, and parses what came back.
//!
//! Each source has its own small file with a pure parser. Invariants: nothing here fails, hangs or
//! guesses; what can't be read is unknown with the door's reason; files come before commands; no root.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod changes;
mod cpu;
mod disks;
mod driver;
mod gpu;
mod look;
mod macos;
mod memory;
mod packages;
mod python;
mod start;
mod system;
mod toolkits;
mod tools;

pub use changes::{Changes, changes};

use deskside_machine::{Machine, Reading};
use deskside_types::facts::OsKind;
use deskside_types::{Facts, Known};
use start::Start;
use std::time::Duration;

/// How long a group of sources took.
pub type Timing = (&'static str, Duration);

/// The facts of a machine, now.
pub fn collect(machine: &dyn Machine) -> Facts {
    collect_timed(machine).0
}

/// What a bundle keeps of a file that tells more than [`collect`] reads of it: a list of everything that is installed,
/// a person's shell profile. None for a file that is kept as it is. What is kept gives the same facts.
pub fn thinned(path: &std::path::Path, contents: &[u8]) -> Option<Vec<u8>> {
    let path = path.to_string_lossy();
    if path == packages::STATUS {
        return Some(packages::dpkg::thinned(contents).into_bytes());
    }
    packages::profiles::is_profile(&path)
        .then(|| packages::profiles::thinned(&String::from_utf8_lossy(contents)).into_bytes())
}

/// The facts of the hardware alone: system, processor, memory, accelerators and their drivers. What is installed is not looked at,
/// and stands as not known or empty: a question of speed or money needs none of it, and it is most of the time.
pub fn collect_hardware(machine: &dyn Machine) -> Facts {
    let mut watch = Watch {
        machine,
        timings: Vec::new(),
    };
    let taken_at = machine.now().map(|now| now.wall).unwrap_or_default();
    let start = Start::of(machine);
    let parts = match start.kind {
        OsKind::Linux => linux(machine, &start, &mut watch, false),
        OsKind::MacOs => of_mac(macos::parts(machine, &start)),
    };
    Facts {
        taken_at,
        system: parts.system,
        cpu: parts.cpu,
        memory: parts.memory,
        disks: parts.disks,
        gpus: parts.gpus,
        drivers: parts.drivers,
        toolkits: parts.toolkits,
        packages: Known::unknown(NOT_LOOKED_AT),
        pythons: Vec::new(),
        uv: parts.uv,
        tools: Vec::new(),
        environments: Vec::new(),
    }
}

/// Why what is installed is not known where only the hardware was asked for.
const NOT_LOOKED_AT: &str = "only the hardware was looked at";

/// The facts of a machine, and how long each group of sources took, in the order they were read.
pub fn collect_timed(machine: &dyn Machine) -> (Facts, Vec<Timing>) {
    let mut watch = Watch {
        machine,
        timings: Vec::new(),
    };
    // A machine without a clock is one in a damaged bundle; its facts are as old as they can be.
    let taken_at = machine.now().map(|now| now.wall).unwrap_or_default();
    let start = watch.time("start", || Start::of(machine));
    let parts = match start.kind {
        OsKind::Linux => linux(machine, &start, &mut watch, true),
        OsKind::MacOs => {
            let parts = watch.time("macos", || macos::parts(machine, &start));
            let toolkits = watch.time("toolkits", || toolkits::macos(machine));
            let uv = watch.time("uv", || tools::uv(machine, &start));
            Parts {
                toolkits,
                uv,
                ..of_mac(parts)
            }
        }
    };
    let packages = watch.time("packages", || match start.kind {
        OsKind::Linux => packages::linux(machine, &start, &parts.system.os, taken_at),
        OsKind::MacOs => Known::Absent,
    });
    let developer_tools = toolkits::has_developer_tools(&parts.toolkits);
    let pythons = watch.time("pythons", || {
        python::interpreters::all(machine, &start, developer_tools)
    });
    let environments = watch.time("environments", || {
        python::environments::all(machine, &start, &pythons)
    });
    let tools = watch.time("tools", || tools::others(machine, &start, developer_tools));
    let facts = Facts {
        taken_at,
        system: parts.system,
        cpu: parts.cpu,
        memory: parts.memory,
        disks: parts.disks,
        gpus: parts.gpus,
        drivers: parts.drivers,
        toolkits: parts.toolkits,
        packages,
        pythons,
        uv: parts.uv,
        tools,
        environments,
    };
    (facts, watch.timings)
}

/// What both kernel families tell in their own ways.
struct Parts {
    system: deskside_types::facts::System,
    cpu: deskside_types::facts::Cpu,
    memory: deskside_types::facts::Memory,
    disks: Known<Vec<deskside_types::facts::Disk>>,
    gpus: Known<Vec<deskside_types::facts::Gpu>>,
    drivers: deskside_types::facts::Drivers,
    toolkits: Known<Vec<deskside_types::facts::Toolkit>>,
    uv: Known<deskside_types::facts::Tool>,
}

fn of_mac(parts: macos::Parts) -> Parts {
    Parts {
        system: parts.system,
        cpu: parts.cpu,
        memory: parts.memory,
        disks: parts.disks,
        gpus: parts.gpus,
        drivers: driver::none(),
        toolkits: Known::unknown(NOT_LOOKED_AT),
        uv: Known::unknown(NOT_LOOKED_AT),
    }
}

/// `whole`: with what is installed, not only the hardware.
fn linux(machine: &dyn Machine, start: &Start, watch: &mut Watch<'_>, whole: bool) -> Parts {
    let bus = watch.time("pci", || gpu::pci::devices(machine));
    let involved = watch.time("nvidia?", || gpu::nvidia_may_be_there(machine, &bus, start));
    // The device library may keep its caller waiting: it is asked at once, beside everything else. So is uv.
    std::thread::scope(|scope| {
        let library = involved.then(|| scope.spawn(|| gpu::nvml::ask(machine)));
        let uv = whole.then(|| scope.spawn(|| tools::uv(machine, start)));
        let system = watch.time("system", || system::linux(machine, start));
        let cpu = watch.time("cpu", || cpu::linux(machine, start));
        let memory = watch.time("memory", || memory::linux(machine, start));
        let (disks, toolkits) = if whole {
            (
                watch.time("disks", || disks::linux(machine, start)),
                watch.time("toolkits", || toolkits::linux(machine)),
            )
        } else {
            (Known::unknown(NOT_LOOKED_AT), Known::unknown(NOT_LOOKED_AT))
        };
        let nvml = watch.time("nvml (rest)", || {
            match library.map(std::thread::ScopedJoinHandle::join) {
                Some(Ok(nvml)) => nvml,
                Some(Err(_)) => {
                    gpu::nvml::parse(&serde_json::json!({ "error": "the question broke off" }))
                }
                None => gpu::nvml::not_needed(),
            }
        });
        let drivers = watch.time("drivers", || driver::linux(machine, start, &nvml, involved));
        let gpus = watch.time("gpus", || gpu::linux(machine, start, &bus, &nvml));
        let uv = watch.time("uv (rest)", || match uv {
            Some(uv) => uv
                .join()
                .unwrap_or_else(|_| Known::unknown("the question broke off")),
            None => Known::unknown(NOT_LOOKED_AT),
        });
        Parts {
            system,
            cpu,
            memory,
            disks,
            gpus,
            drivers,
            toolkits,
            uv,
        }
    })
}

/// Measures by the machine's own clock, so that a replayed machine's measure is nothing.
struct Watch<'a> {
    machine: &'a dyn Machine,
    timings: Vec<Timing>,
}

impl Watch<'_> {
    fn time<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> T {
        let now = || {
            self.machine
                .now()
                .map(|now| now.monotonic)
                .unwrap_or_default()
        };
        let begun = now();
        let done = work();
        let span = now().saturating_sub(begun);
        self.timings.push((name, span));
        done
    }
}
