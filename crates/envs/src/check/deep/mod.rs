//! `--deep`: the environment's own Python imports packages and computes on each device, in processes that are bounded.
//!
//! A package that ends its process by a signal, or that never comes back, is a finding like any other. Each framework
//! has a process of its own, because two of them in one can be in each other's way.

mod explain;
mod modules;

use super::scene::Scene;
use super::{Check, Finding, Rank, Severity, fold};
use deskside_machine::{Command, ErrorKind, Output, Reading};
use deskside_types::facts::{Facts, Vendor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The program that the environment's Python runs.
const PROGRAM: &str = include_str!("program.py");
/// Seconds a package may take: a first import compiles, and a first computation may compile kernels.
const STEP_SECONDS: u64 = 120;
/// Frameworks that compute, each in a process of its own.
const FRAMEWORKS: &[&str] = &["numpy", "torch", "jax", "mlx", "tensorflow"];

/// How proving one package ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was imported, and what it computed is right.
    Good,
    /// It raised an error.
    Failed,
    /// Its process was ended by a signal, or ended itself.
    Crashed,
    /// It did not come back in time.
    Hung,
}

/// A device that a framework computed on.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Device {
    /// `cpu`, `cuda:0`, `mps`.
    pub name: String,
    /// Seconds the first small computation took.
    pub seconds: f64,
    /// The result was right.
    pub right: bool,
}

/// One package that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Step {
    /// The distribution.
    pub package: String,
    /// The module that was imported.
    pub module: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Seconds the import took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// The version that the module itself tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Devices it computed on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<Device>,
}

/// A line of the program.
#[derive(Debug, Clone, Deserialize)]
struct Line {
    step: String,
    event: String,
    #[serde(default)]
    device: Option<String>,
    #[serde(default)]
    right: bool,
    #[serde(default)]
    seconds: f64,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    error: String,
    #[serde(default)]
    causes: Vec<String>,
    #[serde(default)]
    frames: Vec<String>,
}

/// Imports and computes, and adds what fails to a check's findings. `hear` is told of each package before it is tried.
pub fn prove(
    scene: &Scene<'_>,
    facts: &Facts,
    check: &mut Check,
    hear: &mut dyn FnMut(&str),
) -> Vec<Step> {
    let begun = super::clock(scene.machine);
    let dead = check
        .findings
        .iter()
        .any(|finding| finding.rank == Rank::Interpreter && finding.severity == Severity::Broken);
    if dead {
        check
            .not_looked_at
            .push("nothing was imported: the environment's Python can't be started".into());
        return Vec::new();
    }
    let wanted = modules::wanted(scene);
    let (frameworks, plain): (Vec<_>, Vec<_>) = wanted
        .into_iter()
        .partition(|(name, _)| FRAMEWORKS.contains(&name.as_str()));
    let mut runs: Vec<Vec<(String, String)>> =
        frameworks.into_iter().map(|one| vec![one]).collect();
    if !plain.is_empty() {
        runs.push(plain);
    }
    let mut steps = Vec::new();
    let mut findings = Vec::new();
    'runs: for mut run in runs {
        while !run.is_empty() {
            hear(
                &run.iter()
                    .map(|(name, _)| name.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            );
            let ended = start(scene, &run);
            // Ctrl-C says nothing of the environment; whoever asked hears that it was interrupted.
            if matches!(&ended, Err(error) if error.kind == ErrorKind::Interrupted) {
                break 'runs;
            }
            let lines = match &ended {
                Ok(output) => lines(&output.text()),
                Err(_) => Vec::new(),
            };
            if lines.is_empty() && !matches!(&ended, Ok(output) if output.succeeded()) {
                findings.push(no_start(scene, &ended));
                break 'runs;
            }
            let mut done = 0;
            for (name, module) in &run {
                let own: Vec<&Line> = lines.iter().filter(|line| line.step == *name).collect();
                let whole = own.iter().any(|line| line.event == "end");
                if own.is_empty() {
                    break;
                }
                done += 1;
                let (step, found) = judged(scene, name, module, &own, whole, &ended);
                steps.push(step);
                findings.extend(found);
                if !whole {
                    break;
                }
            }
            if done == 0 {
                break;
            }
            // Those behind one that ended the process are tried in another.
            run.drain(..done);
        }
    }
    findings.extend(idle_gpus(scene, facts, &steps));
    // What a variable of the shell brings in is told as that.
    if let Some(path) = check
        .findings
        .iter_mut()
        .find(|finding| finding.id == "python-path")
    {
        let (theirs, others): (Vec<Finding>, Vec<Finding>) = findings
            .into_iter()
            .partition(|finding| finding.id == "imported-from-elsewhere");
        path.consequences
            .extend(theirs.into_iter().map(|finding| finding.cause));
        findings = others;
    }
    check.findings.extend(alike(findings));
    check.findings = fold::fold(std::mem::take(&mut check.findings));
    check.took += super::clock(scene.machine).saturating_sub(begun);
    steps
}

fn start(
    scene: &Scene<'_>,
    run: &[(String, String)],
) -> Result<Output, deskside_machine::DoorError> {
    let seconds = STEP_SECONDS * (run.len() as u64).clamp(1, 8) + 10;
    let mut argv = vec![
        scene.environment.join("bin/python").display().to_string(),
        "-B".into(),
        "-c".into(),
        PROGRAM.into(),
        STEP_SECONDS.to_string(),
    ];
    argv.extend(run.iter().map(|(name, module)| format!("{name}={module}")));
    let mut command = Command::new(argv)
        // Not the project's folder: its files must not be taken for packages.
        .directory(scene.environment.clone())
        .deadline(Duration::from_secs(seconds))
        .variable("PYTHONDONTWRITEBYTECODE", "1");
    command.limit = 4 << 20;
    scene.machine.command(command)
}

fn lines(text: &str) -> Vec<Line> {
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

fn no_start(scene: &Scene<'_>, ended: &Result<Output, deskside_machine::DoorError>) -> Finding {
    let shown = scene.shown(&scene.environment.join("bin/python"));
    let (cause, evidence) = match ended {
        Ok(output) => (
            format!(
                "the environment's Python does not start: it ended with exit code {}",
                output.code
            ),
            output.last_lines(4),
        ),
        Err(error) if error.kind == ErrorKind::Timeout => (
            "the environment's Python hangs".to_string(),
            vec![error.detail.clone()],
        ),
        Err(error) => (
            "the environment's Python can't be started".to_string(),
            vec![error.detail.clone()],
        ),
    };
    Finding::new(
        Rank::Interpreter,
        "python-does-not-start",
        Severity::Broken,
        cause,
    )
    .evidence(shown)
    .evidences(evidence)
    .meaning("nothing of the environment can run")
    .mend("deskside env rebuild")
}

fn judged(
    scene: &Scene<'_>,
    name: &str,
    module: &str,
    own: &[&Line],
    whole: bool,
    ended: &Result<Output, deskside_machine::DoorError>,
) -> (Step, Vec<Finding>) {
    let imported = own.iter().find(|line| line.event == "imported");
    let mut step = Step {
        package: name.into(),
        module: module.into(),
        outcome: Outcome::Good,
        seconds: imported.map(|line| line.seconds),
        version: imported.and_then(|line| line.version.clone()),
        devices: own
            .iter()
            .filter(|line| line.event == "device")
            .map(|line| Device {
                name: line.device.clone().unwrap_or_default(),
                seconds: line.seconds,
                right: line.right,
            })
            .collect(),
    };
    let mut findings = Vec::new();
    for line in own.iter().filter(|line| line.event == "failed") {
        step.outcome = Outcome::Failed;
        findings.push(explain::failure(scene, name, module, line));
    }
    for device in step.devices.iter().filter(|device| !device.right) {
        step.outcome = Outcome::Failed;
        findings.push(
            Finding::new(
                Rank::Proof,
                "wrong-result",
                Severity::Broken,
                format!("{name} computes wrong results on {}", device.name),
            )
            .evidence(format!(
                "a product of two matrices of ones on {}",
                device.name
            ))
            .meaning("whatever is trained there is not to be trusted")
            .mend("deskside env rebuild")
            .about([name]),
        );
    }
    if let Some(line) = imported
        && let Some(elsewhere) = from_elsewhere(scene, line)
    {
        findings.push(
            Finding::new(
                Rank::Proof,
                "imported-from-elsewhere",
                Severity::WillBreak,
                format!(
                    "{name} is imported from {}, not from the environment",
                    elsewhere.display()
                ),
            )
            .evidence(format!("{module}.__file__ = {}", elsewhere.display()))
            .meaning("what runs is not what is installed and locked here")
            .mend("unset PYTHONPATH")
            .about([name]),
        );
    }
    if !whole {
        let last = own.iter().rev().find_map(|line| line.device.clone());
        let (outcome, finding) =
            explain::cut_off(scene, name, module, imported.is_some(), last, ended);
        step.outcome = outcome;
        findings.push(finding);
    }
    (step, findings)
}

/// Where a module was imported from, when not from the environment and not from an editable install.
fn from_elsewhere(scene: &Scene<'_>, line: &Line) -> Option<PathBuf> {
    let file = PathBuf::from(line.file.as_ref()?);
    let real = |path: &Path| {
        scene
            .machine
            .real_path(path)
            .unwrap_or_else(|_| path.to_path_buf())
    };
    let editable = scene.named(&line.step).any(|dist| dist.direct.is_some());
    let inside =
        real(&file).starts_with(real(&scene.environment)) || file.starts_with(&scene.environment);
    let outside = scene.outside.contains_key(&line.step);
    (!inside && !editable && !outside && !scene.is_conda).then_some(file)
}

/// GPUs that are there and that a build for them did not reach.
fn idle_gpus(scene: &Scene<'_>, facts: &Facts, steps: &[Step]) -> Vec<Finding> {
    let nvidia = facts
        .known_gpus()
        .iter()
        .any(|gpu| gpu.vendor == Vendor::Nvidia)
        && facts.drivers.nvidia.loaded.value().is_some();
    if !nvidia {
        return Vec::new();
    }
    steps
        .iter()
        .filter(|step| step.outcome == Outcome::Good)
        .filter_map(|step| {
            let built = match step.package.as_str() {
                "torch" => step
                    .version
                    .as_deref()
                    .is_some_and(|version| version.contains("+cu")),
                "jax" => scene
                    .distributions
                    .iter()
                    .any(|dist| dist.name.starts_with("jax-cuda")),
                _ => false,
            };
            let reached = step
                .devices
                .iter()
                .any(|device| device.name.starts_with("cuda") || device.name.starts_with("gpu"));
            (built && !reached).then(|| {
                let hidden = scene.machine.variable("CUDA_VISIBLE_DEVICES");
                let mut finding = Finding::new(
                    Rank::Proof,
                    "gpu-not-reached",
                    Severity::WillBreak,
                    format!(
                        "{} is built for NVIDIA GPUs and found none, though one is here",
                        step.package
                    ),
                )
                .evidence(format!(
                    "devices: {}",
                    step.devices
                        .iter()
                        .map(|device| device.name.as_str())
                        .collect::<Vec<_>>()
                        .join(", ")
                ));
                if let Some(value) = &hidden {
                    finding = finding.evidence(format!("CUDA_VISIBLE_DEVICES={value}"));
                }
                finding
                    .meaning("it computes on the processor, or code that asks for the GPU fails")
                    .mend(if hidden.is_some() {
                        "unset CUDA_VISIBLE_DEVICES"
                    } else {
                        "deskside info"
                    })
                    .about([step.package.as_str()])
            })
        })
        .collect()
}

/// Packages that fail in the same way fail for one reason: the first is told, the others follow from it.
fn alike(mut findings: Vec<Finding>) -> Vec<Finding> {
    // One that is about itself alone comes before those that only imported it.
    findings.sort_by_key(|finding| finding.about.len());
    let mut by_error: BTreeMap<String, usize> = BTreeMap::new();
    let mut roots: Vec<Finding> = Vec::new();
    for finding in findings {
        let key = format!(
            "{} {}",
            finding.id,
            finding.evidence.first().cloned().unwrap_or_default()
        );
        match by_error.get(&key) {
            // Two crashes look the same and need not be.
            Some(place)
                if finding.rank == Rank::Proof
                    && !["crashes", "hangs"].contains(&finding.id.as_str()) =>
            {
                let root = &mut roots[*place];
                root.consequences.push(finding.cause);
                root.about.extend(finding.about);
            }
            _ => {
                by_error.insert(key, roots.len());
                roots.push(finding);
            }
        }
    }
    roots
}
