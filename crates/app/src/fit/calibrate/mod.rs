//! `deskside fit --calibrate`: measured once on this machine, counted with from then on.
//!
//! An environment's own framework measures in a child with a deadline; without one the processor is measured by a small kernel.

mod kernel;
mod store;
#[cfg(test)]
mod tests;

pub(super) use store::kind;
pub(crate) use store::read;
pub use store::{Calibration, MeasuredDevice};

use crate::{Answer, Context};
use deskside_advise::fit::case::Device;
use deskside_machine::{Command, Reading};
use deskside_types::facts::Facts;
use deskside_types::{Code, Problem, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

const SCRIPT: &str = include_str!("measure.py");

/// The child is ended after that.
const DEADLINE: Duration = Duration::from_secs(180);

/// A copy reaches about that share of the bandwidth that data sheets name: general knowledge of published copies, unverified.
const COPY_SHARE: f64 = 0.90;

/// Large matrices reach about that share of the peak that data sheets name: general knowledge, unverified.
const MATRIX_SHARE: f64 = 0.75;

/// A measurement that is further off the data sheet is not believed: something else used the card.
const BELIEVED: std::ops::RangeInclusive<f64> = 0.3..=1.3;

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CalibrateRequest {
    /// The interpreter of the environment that measures; none: the project's, else the active one.
    pub python: Option<PathBuf>,
}

/// The answer of `fit --calibrate`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CalibrationReport {
    /// What was measured.
    pub calibration: Calibration,
    /// The interpreter that measured; none: this program's own kernel alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// What could not be measured, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<String>,
    /// Where it is kept.
    pub file: String,
}

impl Answer for CalibrationReport {
    const SCHEMA: &'static str = "deskside.fit-calibration";
}

/// What measures where no framework does: copying alone.
const OWN_KERNEL: &str = "deskside's own kernel";

#[derive(Debug, Deserialize)]
struct Said {
    python: String,
    devices: Vec<SaidDevice>,
    #[serde(default)]
    troubles: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SaidDevice {
    kind: String,
    place: u32,
    name: String,
    framework: String,
    held_bytes: Option<f64>,
    copy_bytes_per_second: Option<f64>,
    matrix_flops: Option<f64>,
    tiny_peak_bytes: Option<f64>,
    tiny_parameters: Option<f64>,
}

/// Measures and keeps it.
///
/// # Errors
/// [`Code::CalibrationFailed`] where nothing could be measured; then what was measured earlier is kept.
pub fn calibrate(context: &Context, request: &CalibrateRequest) -> Result<CalibrationReport> {
    context.require_live("fit --calibrate")?;
    let machine = &*context.machine;
    let facts = deskside_probe::collect(machine);
    let python = match &request.python {
        Some(path) => Some(path.clone()),
        None => interpreter(context),
    };
    let mut troubles = Vec::new();
    let mut devices = Vec::new();
    let mut version = None;
    if let Some(python) = &python {
        match ask(context, python) {
            Ok(said) => {
                version = Some(said.python.chars().take(40).collect());
                troubles.extend(said.troubles.into_iter().take(20));
                devices.extend(
                    said.devices
                        .into_iter()
                        .take(64)
                        .filter_map(|one| device(&facts, one)),
                );
            }
            Err(problem) if request.python.is_some() => return Err(problem),
            Err(problem) => troubles.push(
                std::iter::once(problem.message)
                    .chain(problem.causes)
                    .collect::<Vec<_>>()
                    .join(": "),
            ),
        }
    }
    if !devices.iter().any(|one| one.kind == "cpu") {
        let threads = machine.person().map_or(1, |person| person.processors);
        if let Some(copied) = kernel::copied(machine, threads as usize) {
            devices.push(MeasuredDevice {
                kind: "cpu".into(),
                name: processor(&facts),
                framework: OWN_KERNEL.into(),
                copy_bytes_per_second: Some(copied),
                ..MeasuredDevice::default()
            });
        }
    }
    let measured = devices
        .iter()
        .any(|one| one.copy_bytes_per_second.is_some() || one.matrix_flops.is_some());
    if !measured {
        let problem = Problem::new(Code::CalibrationFailed, "nothing could be measured here");
        return Err(troubles
            .iter()
            .fold(problem, |problem, text| problem.because(text.clone()))
            .hint(
                "`--python .venv/bin/python` names an environment with torch, jax, mlx or numpy",
            ));
    }
    let calibration = Calibration::of(machine.now()?.wall, version, devices);
    store::write(context, &calibration)?;
    Ok(CalibrationReport {
        calibration,
        python: python.map(|path| path.display().to_string()),
        troubles,
        file: store::path(context).display().to_string(),
    })
}

/// The project's environment, else the active one.
fn interpreter(context: &Context) -> Option<PathBuf> {
    let machine = &*context.machine;
    let here = machine.working_directory().ok()?.join(".venv/bin/python");
    let active = || {
        machine
            .variable("VIRTUAL_ENV")
            .or_else(|| machine.variable("CONDA_PREFIX"))
            .map(|folder| Path::new(&folder).join("bin/python"))
    };
    [Some(here), active()]
        .into_iter()
        .flatten()
        .find(|path| machine.exists(path).unwrap_or(false))
}

/// Runs the measurement in a child; what others hold on the cards is known before.
fn ask(context: &Context, python: &Path) -> Result<Said> {
    let failed = |why: String| {
        Problem::new(
            Code::CalibrationFailed,
            format!("{} could not measure", python.display()),
        )
        .because(why)
    };
    let mut command = Command::new([python.display().to_string(), "-".into()]).deadline(DEADLINE);
    command.input = SCRIPT.as_bytes().to_vec();
    let output = context.machine.command(command)?;
    let text = output.text();
    // A framework may greet before the answer.
    let line = text
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("DESKSIDE "))
        .ok_or_else(|| {
            let last = output.last_lines(3).join("; ");
            failed(format!("exit code {}: {last}", output.code))
        })?;
    serde_json::from_str(line).map_err(|error| failed(format!("its answer is damaged: {error}")))
}

/// What a child said of a device, by the names that the probe has; none where the probe knows no such card.
fn device(facts: &Facts, said: SaidDevice) -> Option<MeasuredDevice> {
    let good = |value: Option<f64>, least: f64, most: f64| {
        value.filter(|value| (least..=most).contains(value))
    };
    let (name, used) = if said.kind == "cpu" {
        (processor(facts), 0.0)
    } else {
        let gpus = facts.known_gpus();
        let of_kind: Vec<_> = gpus
            .iter()
            .filter(|gpu| gpu.is_accelerator() && kind(gpu.vendor) == said.kind)
            .collect();
        let gpu = of_kind
            .iter()
            .find(|gpu| gpu.name.value().is_some_and(|name| *name == said.name))
            .or_else(|| of_kind.get(said.place as usize))?;
        (
            super::places::shown(gpu),
            gpu.memory
                .used_bytes
                .value()
                .map_or(0.0, |bytes| *bytes as f64),
        )
    };
    Some(MeasuredDevice {
        driver: store::driver(facts, &said.kind),
        name,
        place: said.place,
        framework: said.framework.chars().take(80).collect(),
        context_bytes: good(said.held_bytes.map(|held| held - used), 16e6, 8e9),
        copy_bytes_per_second: good(said.copy_bytes_per_second, 1e8, 1e14),
        matrix_flops: good(said.matrix_flops, 1e7, 1e17),
        tiny_peak_bytes: good(said.tiny_peak_bytes, 1e6, 1e12),
        tiny_parameters: good(said.tiny_parameters, 1e3, 1e12),
        kind: said.kind,
    })
}

fn processor(facts: &Facts) -> String {
    facts
        .cpu
        .model
        .value()
        .cloned()
        .unwrap_or_else(|| "a processor without a name".into())
}

/// A device's speeds by what was measured, over what a table says of it; the sentence for the person.
pub(super) fn applied(device: &mut Device, measured: &MeasuredDevice, day: &str) -> String {
    let mut said = Vec::new();
    if let Some(copied) = measured.copy_bytes_per_second {
        let bandwidth = copied / COPY_SHARE;
        if BELIEVED.contains(&(bandwidth / device.bandwidth)) {
            device.bandwidth = bandwidth;
            said.push(format!("a copy moves {:.0} GB/s", copied / 1e9));
        }
    }
    if let Some(done) = measured.matrix_flops {
        let factor = done / MATRIX_SHARE / device.peak_flops;
        if BELIEVED.contains(&factor) {
            device.peak_flops *= factor;
            device.prompt_flops *= factor;
            device.training_flops = device.peak_flops;
            said.push(format!("matrices reach {:.1} TFLOP/s", done / 1e12));
        }
    }
    if let Some(bytes) = measured.context_bytes {
        device.context_bytes = Some(bytes);
        said.push(format!("the context takes {:.0} MB", bytes / 1e6));
    }
    if said.is_empty() {
        return format!(
            "what was measured of {} here on {day} is too far off its data sheet to be believed",
            measured.name
        );
    }
    format!(
        "measured here on {day} with {}: {}",
        measured.framework,
        said.join(", ")
    )
}

/// The processor as a device, where it was measured: bound by what a copy moves and what its matrices reach.
pub(super) fn processor_device(
    calibration: &Calibration,
    facts: &Facts,
    memory: f64,
) -> Option<(Device, String)> {
    let measured = calibration.device(facts, &processor(facts), "cpu")?.ok()?;
    let copied = measured.copy_bytes_per_second?;
    // An earlier version measured matrix work by itself, far below what a library reaches: no estimate rests on that.
    let done = measured
        .matrix_flops
        .filter(|_| !measured.framework.starts_with(OWN_KERNEL));
    let flops = done.unwrap_or(0.0);
    let device = Device {
        name: measured.name.clone(),
        memory_bytes: Some(memory),
        bandwidth: copied,
        reach: 1.0,
        vector_flops: flops,
        prompt_flops: flops,
        peak_flops: flops,
        training_flops: flops,
        link: copied,
        bf16: true,
        training_seen: false,
        unified: true,
        // There is no driver's context in main memory.
        context_bytes: Some(0.0),
    };
    let matrices = match done {
        Some(done) => format!("matrices reach {:.0} GFLOP/s", done / 1e9),
        None => "what matrices reach was not measured, so only decoding has a speed, by bandwidth alone; --python names an environment with torch, jax or numpy".into(),
    };
    let said = format!(
        "{}: measured here on {} with {}: a copy moves {:.1} GB/s; {matrices}",
        measured.name,
        calibration.day(),
        measured.framework,
        copied / 1e9,
    );
    Some((device, said))
}
