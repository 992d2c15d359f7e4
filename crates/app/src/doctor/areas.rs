//! One line for each layer: how it is at a glance, and the fact that one wants to know of it.

use super::examine::Examination;
use super::{Area, AreaState, Severity};
use deskside_types::facts::{Gpu, OsKind, SecureBoot, ToolkitKind, Vendor};
use deskside_types::{Facts, Known, units};
use schemars::JsonSchema;
use serde::Serialize;

/// A layer at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AreaLine {
    /// The layer.
    pub area: Area,
    /// How it is.
    pub state: AreaState,
    /// Its name for people.
    pub name: String,
    /// What one wants to know of it, in a phrase.
    pub fact: String,
}

/// The layers that this machine has, from the ground up.
pub(super) fn lines(examination: &Examination) -> Vec<AreaLine> {
    Area::ALL
        .iter()
        .filter_map(|area| {
            let worst = examination
                .diagnosis
                .findings
                .iter()
                .filter(|finding| finding.area == *area)
                .map(|finding| finding.severity)
                .min();
            let fact = fact(*area, examination);
            if fact.is_none() && worst.is_none() {
                return None;
            }
            Some(AreaLine {
                area: *area,
                state: state(worst, fact.as_deref()),
                name: name(*area).to_string(),
                fact: fact.unwrap_or_default(),
            })
        })
        .collect()
}

fn state(worst: Option<Severity>, fact: Option<&str>) -> AreaState {
    match worst {
        Some(Severity::Error) => AreaState::Broken,
        Some(Severity::Warning) => AreaState::Warned,
        Some(Severity::Notice) => AreaState::Noted,
        None if fact.is_some_and(|fact| fact.starts_with("could not be seen")) => AreaState::Unseen,
        None => AreaState::Fine,
    }
}

fn name(area: Area) -> &'static str {
    match area {
        Area::System => "system",
        Area::Packages => "packages",
        Area::Driver => "NVIDIA driver",
        Area::Amd => "AMD driver",
        Area::Wsl => "WSL",
        Area::Toolkit => "toolkit",
        Area::Environment => "environment",
        Area::Apple => "Apple GPU",
        Area::Remote => "remote",
    }
}

fn fact(area: Area, examination: &Examination) -> Option<String> {
    let facts = &examination.facts;
    match area {
        Area::System => Some(system(facts)),
        Area::Packages => packages(facts),
        Area::Driver => driver(facts),
        Area::Amd => amd(facts),
        Area::Wsl => facts
            .system
            .wsl
            .value()
            .map(|wsl| format!("WSL {}", wsl.version)),
        Area::Toolkit => toolkit(facts),
        Area::Environment => environment(examination),
        Area::Apple => apple(facts),
        Area::Remote => None,
    }
}

fn system(facts: &Facts) -> String {
    let system = &facts.system;
    let mut parts: Vec<String> = Vec::new();
    parts.extend(system.os.value().map(|os| os.name.clone()));
    parts.extend(
        system
            .kernel
            .value()
            .map(|kernel| format!("kernel {kernel}")),
    );
    if let Some(boot) = system.secure_boot.value() {
        parts.push(match boot {
            SecureBoot::On => "Secure Boot on".into(),
            SecureBoot::Off => "Secure Boot off".into(),
        });
    }
    let root = facts.disks.value().and_then(|disks| {
        disks
            .iter()
            .find(|disk| disk.mount == "/")
            .or_else(|| disks.first())
    });
    if let Some(free) = root.and_then(|disk| disk.free_bytes.value()) {
        parts.push(format!("{} free", units::bytes(*free)));
    }
    if parts.is_empty() {
        return "could not be seen".into();
    }
    parts.join(", ")
}

fn packages(facts: &Facts) -> Option<String> {
    if facts.system.kind != OsKind::Linux {
        return None;
    }
    match &facts.packages {
        Known::Value(packages) => Some(match &packages.installed {
            Known::Value(installed) => {
                let broken = installed
                    .iter()
                    .filter(|package| package.state.is_broken())
                    .count();
                if broken == 0 {
                    "no package is half installed".into()
                } else {
                    format!("{broken} packages are not configured")
                }
            }
            Known::Absent => return None,
            Known::Unknown { unknown } => format!("could not be seen: {unknown}"),
        }),
        Known::Absent => None,
        Known::Unknown { unknown } => Some(format!("could not be seen: {unknown}")),
    }
}

fn names(facts: &Facts, vendor: Vendor) -> Vec<&Gpu> {
    facts
        .known_gpus()
        .iter()
        .filter(|gpu| gpu.vendor == vendor)
        .collect()
}

fn listed(gpus: &[&Gpu]) -> String {
    let mut counted: Vec<(String, usize)> = Vec::new();
    for gpu in gpus {
        let name = gpu.name.value().map_or("a GPU", String::as_str).to_string();
        match counted.iter_mut().find(|(one, _)| *one == name) {
            Some((_, count)) => *count += 1,
            None => counted.push((name, 1)),
        }
    }
    counted
        .into_iter()
        .map(|(name, count)| {
            if count == 1 {
                name
            } else {
                format!("{count} × {name}")
            }
        })
        .collect::<Vec<_>>()
        .join(", ")
}

fn driver(facts: &Facts) -> Option<String> {
    let gpus = names(facts, Vendor::Nvidia);
    if gpus.is_empty()
        || facts.system.wsl.value().is_some() && facts.drivers.nvidia.loaded.value().is_none()
    {
        return None;
    }
    let nvidia = &facts.drivers.nvidia;
    let driver = match (&nvidia.loaded, &nvidia.user_space) {
        (Known::Value(version), _) => format!("{version} is loaded"),
        (_, Known::Value(version)) => format!("{version} is installed, not loaded"),
        (Known::Unknown { unknown }, _) => format!("could not be seen: {unknown}"),
        _ => "none is installed; `deskside up` or `deskside apply` brings it".into(),
    };
    let cuda = nvidia
        .cuda
        .value()
        .map(|cuda| format!(", serves CUDA {cuda}"))
        .unwrap_or_default();
    Some(format!("{driver}{cuda}; {}", listed(&gpus)))
}

fn amd(facts: &Facts) -> Option<String> {
    let gpus = names(facts, Vendor::Amd);
    if gpus.is_empty() {
        return None;
    }
    let amd = &facts.drivers.amd;
    let driver = match (&amd.loaded, &amd.compute_access) {
        (Known::Value(true), Known::Value(true)) => "amdgpu is loaded and usable",
        (Known::Value(true), Known::Value(false)) => "amdgpu is loaded, and you may not use it",
        (Known::Value(true), _) => "amdgpu is loaded",
        (Known::Unknown { .. }, _) => "could not be seen",
        _ => "amdgpu is not loaded",
    };
    Some(format!("{driver}; {}", listed(&gpus)))
}

fn toolkit(facts: &Facts) -> Option<String> {
    let toolkits = facts.toolkits.value()?;
    if toolkits.is_empty() {
        return (!names(facts, Vendor::Nvidia).is_empty())
            .then(|| "no CUDA toolkit; only compiling needs one".to_string());
    }
    Some(
        toolkits
            .iter()
            .map(|toolkit| {
                let kind = match toolkit.kind {
                    ToolkitKind::Cuda => "CUDA",
                    ToolkitKind::Rocm => "ROCm",
                    ToolkitKind::Xcode => "Command Line Tools",
                };
                match toolkit.version.value() {
                    Some(version) => format!("{kind} {version}"),
                    None => kind.to_string(),
                }
            })
            .collect::<Vec<_>>()
            .join(", "),
    )
}

fn environment(examination: &Examination) -> Option<String> {
    let checked = examination.collected.checked.as_ref()?;
    let count = checked.check.looked_at.distributions;
    let frameworks: Vec<String> = examination
        .facts
        .environments
        .iter()
        .find(|one| one.path == checked.environment)
        .map(|one| {
            one.frameworks
                .iter()
                .map(|framework| format!("{} {}", framework.name, framework.version))
                .collect()
        })
        .unwrap_or_default();
    let with = if frameworks.is_empty() {
        String::new()
    } else {
        format!(", {}", frameworks.join(", "))
    };
    Some(format!("{}: {count} packages{with}", checked.environment))
}

fn apple(facts: &Facts) -> Option<String> {
    let gpus = names(facts, Vendor::Apple);
    let gpu = gpus.first()?;
    let cores = gpu
        .apple
        .as_ref()
        .and_then(|apple| apple.cores.value())
        .map(|cores| format!(", {cores} cores"))
        .unwrap_or_default();
    Some(format!("{}{cores}", listed(&gpus)))
}
