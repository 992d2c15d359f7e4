//! The machine in a few lines, for the head of a plan and for a run's record.

use deskside_types::facts::Gpu;
use deskside_types::run::RunMachine;
use deskside_types::{Facts, units};

/// The machine for the head of a plan.
pub fn lines(facts: &Facts) -> Vec<String> {
    let short = of(facts);
    let mut lines = vec![format!("{}, {}", short.os, short.cpu)];
    let accelerators: Vec<String> = facts
        .known_gpus()
        .iter()
        .filter(|gpu| gpu.is_accelerator())
        .map(|gpu| described(gpu, facts))
        .collect();
    lines.push(if accelerators.is_empty() {
        "no accelerator: training runs on the processor".into()
    } else {
        accelerators.join(", ")
    });
    lines
}

/// The machine for a run's record.
pub fn of(facts: &Facts) -> RunMachine {
    RunMachine {
        os: facts
            .system
            .os
            .value()
            .map_or_else(|| "unknown".into(), |os| os.name.clone()),
        cpu: facts
            .cpu
            .model
            .value()
            .cloned()
            .unwrap_or_else(|| "unknown processor".into()),
        gpus: facts
            .known_gpus()
            .iter()
            .filter(|gpu| gpu.is_accelerator())
            .map(name)
            .collect(),
    }
}

fn name(gpu: &Gpu) -> String {
    gpu.name
        .value()
        .cloned()
        .unwrap_or_else(|| "unnamed GPU".into())
}

fn described(gpu: &Gpu, facts: &Facts) -> String {
    let memory = gpu
        .memory
        .total_bytes
        .value()
        .map(|bytes| format!(", {}", units::bytes(*bytes)))
        .unwrap_or_default();
    let driver = facts.drivers.nvidia.loaded.value().filter(|_| {
        gpu.kernel_driver
            .value()
            .is_some_and(|driver| driver == "nvidia")
    });
    let driver = driver
        .map(|version| format!(", driver {version}"))
        .unwrap_or_default();
    format!("{}{memory}{driver}", name(gpu))
}
