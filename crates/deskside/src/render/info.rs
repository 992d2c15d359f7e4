//! `info` as text.

use super::field;
use deskside_app::info::InfoReport;
use deskside_tui::{Meaning, Ui};
use deskside_types::facts::{BootMode, Drivers, Gpu, Provider, SecureBoot, ToolkitKind};
use deskside_types::{Facts, Known, units};

/// Unknown facts that are told without `--verbose`.
const UNSEEN_TOLD: usize = 3;

/// Draws a machine.
pub fn info(ui: &Ui, report: &InfoReport, verbose: bool) {
    let facts = &report.facts;
    let dot = ui.letter(" · ", " - ");
    heading(ui, facts, dot);
    hardware(ui, report, dot);
    drivers(ui, &facts.drivers, facts);
    python(ui, facts, verbose);
    system(ui, report);
    unseen(ui, report, verbose);
}

/// The known text, or `unknown`, or nothing when absent.
fn shown<T: ToString>(fact: &Known<T>) -> Option<String> {
    match fact {
        Known::Value(value) => Some(value.to_string()),
        Known::Absent => None,
        Known::Unknown { .. } => Some("unknown".into()),
    }
}

fn size(fact: &Known<u64>) -> String {
    match fact {
        Known::Value(value) => units::bytes(*value),
        Known::Absent => "none".into(),
        Known::Unknown { .. } => "unknown".into(),
    }
}

fn heading(ui: &Ui, facts: &Facts, dot: &str) {
    let system = &facts.system;
    let name = system.os.value().map_or_else(
        || "unknown operating system".to_string(),
        |os| os.name.clone(),
    );
    let rest: Vec<String> = [
        shown(&system.kernel).map(|kernel| format!("kernel {kernel}")),
        shown(&system.architecture),
    ]
    .into_iter()
    .flatten()
    .collect();
    ui.answer(&format!(
        "{}{dot}{}",
        ui.paint(&name, Meaning::Subject),
        rest.join(dot)
    ));
    let mut machine: Vec<String> = shown(&system.model).into_iter().collect();
    machine.extend(system.boot.value().map(|boot| match boot {
        BootMode::Uefi => match system.secure_boot.value() {
            Some(SecureBoot::On) => "UEFI, Secure Boot on".to_string(),
            Some(SecureBoot::Off) => "UEFI, Secure Boot off".to_string(),
            None => "UEFI".to_string(),
        },
        BootMode::Bios => "legacy BIOS boot".to_string(),
        BootMode::Apple => "Apple boot".to_string(),
    }));
    machine.extend(system.wsl.value().map(|wsl| format!("WSL {}", wsl.version)));
    machine.extend(
        system
            .container
            .value()
            .map(|kind| format!("in a container ({kind})")),
    );
    machine.extend(system.provider.value().map(|provider| {
        match provider {
            Provider::Runpod => "rented from Runpod",
            Provider::Lambda => "rented from Lambda",
            Provider::Colab => "Google Colab",
            Provider::Other => "a virtual machine",
        }
        .to_string()
    }));
    if system.session.remote {
        machine.push("reached over SSH".into());
    }
    if !machine.is_empty() {
        field(ui, "machine", &machine.join(dot));
    }
}

fn hardware(ui: &Ui, report: &InfoReport, dot: &str) {
    let facts = &report.facts;
    let cpu = &facts.cpu;
    let mut counts = Vec::new();
    counts.extend(cpu.cores.value().map(|cores| counted(*cores, "core")));
    counts.extend(
        cpu.threads
            .value()
            .map(|threads| counted(*threads, "thread")),
    );
    if let (Some(usable), Some(threads)) = (cpu.usable.value(), cpu.threads.value())
        && usable < threads
    {
        counts.push(format!("{usable} usable here"));
    }
    field(
        ui,
        "processor",
        &[shown(&cpu.model).unwrap_or_default(), counts.join(", ")]
            .iter()
            .filter(|part| !part.is_empty())
            .cloned()
            .collect::<Vec<_>>()
            .join(dot),
    );
    let memory = &facts.memory;
    let mut parts = vec![format!(
        "{}{}, {} available",
        size(&memory.total_bytes),
        if memory.unified { " unified" } else { "" },
        size(&memory.available_bytes)
    )];
    parts.extend(
        memory
            .limit_bytes
            .value()
            .map(|limit| format!("limited to {} here", units::bytes(*limit))),
    );
    parts.extend(
        memory
            .swap_bytes
            .value()
            .filter(|swap| **swap > 0)
            .map(|swap| format!("swap {}", units::bytes(*swap))),
    );
    field(ui, "memory", &parts.join(dot));
    match &facts.disks {
        Known::Value(disks) => {
            for (place, disk) in disks.iter().enumerate() {
                let note = if disk.read_only { ", read-only" } else { "" };
                let text = format!(
                    "{}{dot}{}, {} free of {}{note}",
                    disk.mount,
                    disk.filesystem,
                    size(&disk.free_bytes),
                    size(&disk.total_bytes)
                );
                field(ui, if place == 0 { "disks" } else { "" }, &text);
            }
        }
        other => field(
            ui,
            "disks",
            &shown(&other.as_ref().map(|_| String::new())).unwrap_or_else(|| "none".into()),
        ),
    }
    match &facts.gpus {
        Known::Value(gpus) if gpus.is_empty() => field(ui, "gpu", "none"),
        Known::Value(gpus) => {
            for (place, one) in gpus.iter().enumerate() {
                let label = if gpus.len() == 1 {
                    "gpu".to_string()
                } else {
                    format!("gpu {place}")
                };
                gpu(
                    ui,
                    &label,
                    one,
                    report.model_memory.get(place).and_then(Option::as_ref),
                    dot,
                );
            }
        }
        Known::Absent => field(ui, "gpu", "none"),
        Known::Unknown { unknown } => field(ui, "gpu", &format!("unknown: {unknown}")),
    }
}

fn gpu(ui: &Ui, label: &str, gpu: &Gpu, memory: Option<&deskside_app::ModelMemory>, dot: &str) {
    let mut parts = vec![ui.paint(
        &shown(&gpu.name).unwrap_or_else(|| "unnamed".into()),
        Meaning::Subject,
    )];
    let kind: Vec<String> = [
        shown(&gpu.architecture),
        gpu.compute_capability
            .value()
            .map(|capability| format!("compute capability {capability}")),
        gpu.gfx_target.value().cloned(),
        gpu.apple
            .as_ref()
            .and_then(|apple| apple.cores.value())
            .map(|cores| format!("{cores} cores")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !kind.is_empty() {
        parts.push(kind.join(", "));
    }
    if let Some(total) = gpu.memory.total_bytes.value() {
        let used = gpu
            .memory
            .used_bytes
            .value()
            .map(|used| format!(", {} used", units::bytes(*used)))
            .unwrap_or_default();
        parts.push(format!("{}{used}", units::bytes(*total)));
    }
    field(ui, label, &parts.join(dot));
    let mut second = Vec::new();
    if let Some(memory) = memory {
        second.push(if memory.low_bytes == memory.high_bytes {
            format!("{} for models", units::bytes(memory.low_bytes))
        } else {
            format!(
                "{} to {} for models ({})",
                units::bytes(memory.low_bytes),
                units::bytes(memory.high_bytes),
                memory.because
            )
        });
    }
    second.extend(
        gpu.power_limit_watts
            .value()
            .map(|watts| format!("{watts:.0} W limit")),
    );
    second.extend(
        gpu.temperature_celsius
            .value()
            .map(|celsius| format!("{celsius} {}", ui.letter("°C", "C"))),
    );
    second.extend(
        gpu.utilization_percent
            .value()
            .map(|percent| format!("{percent} % busy")),
    );
    if let Some(pci) = &gpu.pci {
        second.push(format!(
            "PCI {}{}",
            pci.address,
            pci.link_max
                .value()
                .map(|link| format!(" ({link})"))
                .unwrap_or_default()
        ));
    }
    if gpu.is_accelerator() || !second.is_empty() {
        field(ui, "", &second.join(dot));
    }
}

fn drivers(ui: &Ui, drivers: &Drivers, facts: &Facts) {
    let nvidia = &drivers.nvidia;
    if let Some(version) = shown(&nvidia.loaded).or_else(|| shown(&nvidia.user_space)) {
        let flavour = nvidia
            .flavour
            .value()
            .map(|flavour| format!(", {flavour} modules"))
            .unwrap_or_default();
        let cuda = nvidia
            .cuda
            .value()
            .map(|cuda| format!(", serves CUDA {cuda}"))
            .unwrap_or_default();
        field(ui, "driver", &format!("NVIDIA {version}{flavour}{cuda}"));
        let versions: Vec<&String> = [&nvidia.loaded, &nvidia.on_disk, &nvidia.user_space]
            .into_iter()
            .filter_map(Known::value)
            .collect();
        if versions.windows(2).any(|pair| pair[0] != pair[1]) {
            let text = format!(
                "loaded {}, on disk {}, library {}: they differ",
                shown(&nvidia.loaded).unwrap_or_else(|| "none".into()),
                shown(&nvidia.on_disk).unwrap_or_else(|| "none".into()),
                shown(&nvidia.user_space).unwrap_or_else(|| "none".into())
            );
            field(ui, "", &ui.paint(&text, Meaning::Warning));
        }
    }
    if drivers.amd.loaded.value() == Some(&true) {
        let version = drivers
            .amd
            .version
            .value()
            .map(|version| format!(" {version}"))
            .unwrap_or_default();
        let access = match drivers.amd.compute_access.value() {
            Some(true) => ", compute device usable",
            Some(false) => ", compute device not usable by this login",
            None => "",
        };
        field(ui, "driver", &format!("amdgpu{version}{access}"));
    }
    for (place, toolkit) in facts.toolkits.value().into_iter().flatten().enumerate() {
        let kind = match toolkit.kind {
            ToolkitKind::Cuda => "CUDA",
            ToolkitKind::Rocm => "ROCm",
            ToolkitKind::Xcode => "Command Line Tools",
        };
        let version = shown(&toolkit.version).unwrap_or_default();
        field(
            ui,
            if place == 0 { "toolkits" } else { "" },
            &format!(
                "{kind} {version} at {}{}",
                toolkit.path,
                if toolkit.default { " (default)" } else { "" }
            ),
        );
    }
}

fn python(ui: &Ui, facts: &Facts, verbose: bool) {
    let told = if verbose { usize::MAX } else { 4 };
    for (place, python) in facts.pythons.iter().take(told).enumerate() {
        let default = if python.default { ", default" } else { "" };
        let origin = serde_json::to_value(python.origin)
            .ok()
            .and_then(|value| value.as_str().map(str::to_string))
            .unwrap_or_default();
        field(
            ui,
            if place == 0 { "python" } else { "" },
            &format!(
                "{} at {} ({origin}{default})",
                shown(&python.version).unwrap_or_default(),
                python.path
            ),
        );
    }
    if facts.pythons.len() > told {
        field(
            ui,
            "",
            &ui.paint(
                &format!("and {} more (-v)", facts.pythons.len() - told),
                Meaning::Quiet,
            ),
        );
    }
    match &facts.uv {
        Known::Value(uv) => field(
            ui,
            "uv",
            &format!("{} at {}", shown(&uv.version).unwrap_or_default(), uv.path),
        ),
        Known::Absent => field(
            ui,
            "uv",
            &format!(
                "not here yet; {} fetches it",
                ui.paint("deskside up", Meaning::Hint)
            ),
        ),
        Known::Unknown { unknown } => field(ui, "uv", &format!("unknown: {unknown}")),
    }
    for (place, environment) in facts.environments.iter().take(told).enumerate() {
        let frameworks: Vec<String> = environment
            .frameworks
            .iter()
            .map(|framework| format!("{} {}", framework.name, framework.version))
            .collect();
        let broken = if environment.interpreter_present.value() == Some(&false) {
            ui.paint(", its Python is gone", Meaning::Warning)
        } else {
            String::new()
        };
        let active = if environment.active { ", active" } else { "" };
        field(
            ui,
            if place == 0 { "envs" } else { "" },
            &format!(
                "{} (Python {}{active}{broken})",
                environment.path,
                shown(&environment.python).unwrap_or_else(|| "?".into())
            ),
        );
        if !frameworks.is_empty() {
            field(ui, "", &frameworks.join(", "));
        }
    }
    if verbose && !facts.tools.is_empty() {
        field(
            ui,
            "tools",
            &facts
                .tools
                .iter()
                .map(|tool| tool.name.clone())
                .collect::<Vec<_>>()
                .join(", "),
        );
    }
}

fn system(ui: &Ui, report: &InfoReport) {
    for lacking in &report.system.lacking {
        ui.answer("");
        let mark = ui.paint(
            ui.letter("✗", "x"),
            if lacking.blocks_accelerator {
                Meaning::Bad
            } else {
                Meaning::Warning
            },
        );
        ui.answer(&format!(
            "{mark} {}",
            ui.paint(&lacking.title, Meaning::Subject)
        ));
        ui.answer(&format!("  {}", lacking.why));
        for command in &lacking.commands {
            ui.answer(&format!("    {}", ui.paint(command, Meaning::Hint)));
        }
        if let Some(note) = &lacking.note {
            ui.answer(&format!("  {note}"));
        }
    }
}

fn unseen(ui: &Ui, report: &InfoReport, verbose: bool) {
    if report.unseen.is_empty() {
        return;
    }
    ui.answer("");
    let told = if verbose { usize::MAX } else { UNSEEN_TOLD };
    for one in report.unseen.iter().take(told) {
        ui.answer(&format!(
            "{} {}: {}",
            ui.paint("not seen:", Meaning::Warning),
            one.fact,
            one.reason
        ));
    }
    if report.unseen.len() > told {
        ui.answer(&ui.paint(
            &format!(
                "and {} more that could not be seen (-v)",
                report.unseen.len() - told
            ),
            Meaning::Quiet,
        ));
    }
}

fn counted(count: u32, thing: &str) -> String {
    if count == 1 {
        format!("1 {thing}")
    } else {
        format!("{count} {thing}s")
    }
}
