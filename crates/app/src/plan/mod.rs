//! `deskside plan`: what would be done to the system layer, in full, before anything is done. `apply` carries it out.

mod held;
mod private;
mod removals;
mod simulate;

pub use simulate::Simulation;

use crate::{Answer, Context};
use deskside_machine::{Acting, Durability, ErrorKind, Machine, Reading};
use deskside_provision::{SystemPlan, Wish};
use deskside_types::{Code, Problem, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What is wished, and of which project.
#[derive(Debug, Clone, Default)]
pub struct PlanRequest {
    /// Wishes as words: `cuda=13.0`, `rocm`, `clean=cuda`.
    pub wishes: Vec<String>,
    /// The project whose `deskside.toml` may hold the wish; the current folder when none.
    pub project: Option<PathBuf>,
}

/// The answer of `plan`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SystemPlanReport {
    /// The machine in a few lines.
    pub machine: Vec<String>,
    /// The wish.
    pub wish: Wish,
    /// The file the wish is from, where it is from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wish_from: Option<String>,
    /// The plan with its reasons.
    pub system: SystemPlan,
    /// What apt says of it.
    pub simulation: Simulation,
}

impl Answer for SystemPlanReport {
    const SCHEMA: &'static str = "deskside.system-plan";
}

/// Looks at the machine and makes the plan; on a living machine apt simulates it.
///
/// # Errors
/// When the wish can't be understood, or the machine is none that Deskside plans for.
pub fn plan(context: &Context, request: &PlanRequest) -> Result<SystemPlanReport> {
    let (wish, wish_from) = wish(context, request)?;
    let machine = &*context.machine;
    let facts = deskside_probe::collect(machine);
    let mut system = if wish.revert.is_some() {
        let told = deskside_probe::changes(machine);
        deskside_provision::revert(&facts, &wish, &told.changes)?
    } else {
        deskside_provision::plan(&facts, &wish)?
    };
    under_runs(context, &mut system);
    let simulation = if !simulate::has_packages(&system) {
        Simulation::default()
    } else if context.recorded {
        Simulation::not("this is the record of a machine, and apt is asked on the machine itself")
    } else {
        simulate::simulate(machine, &context.directories.cache, &mut system)
    };
    Ok(SystemPlanReport {
        machine: crate::up::machine_lines(&facts),
        wish,
        wish_from,
        system,
        simulation,
    })
}

/// Asks apt anew about a plan that was kept, and changes nothing else of it.
pub(crate) fn ask_again(context: &Context, report: &mut SystemPlanReport) {
    report.simulation = if simulate::has_packages(&report.system) {
        let mut system = report.system.clone();
        simulate::simulate(&*context.machine, &context.directories.cache, &mut system)
    } else {
        Simulation::default()
    };
}

/// Says so where runs go on under a plan that takes the driver or a toolkit from them.
fn under_runs(context: &Context, system: &mut SystemPlan) {
    let touches = system
        .plan
        .steps
        .iter()
        .any(|step| step.reboot || removals::takes_away(step));
    if context.recorded || !touches {
        return;
    }
    let runs = crate::live::going_on(context);
    if runs.is_empty() {
        return;
    }
    system.notes.insert(
        0,
        deskside_provision::Note {
            text: format!(
                "runs go on now: {}. What they have loaded stays with them; what they start later, and they themselves at the restart, are hit: wait for their end",
                runs.join(", ")
            ),
            blocking: false,
            commands: vec!["deskside runs --state running".into()],
        },
    );
}

impl SystemPlanReport {
    /// Whether it can be carried out: apt did not refuse it, or refused for what a step of it mends.
    ///
    /// # Errors
    /// [`Code::CommandFailed`] with apt's words.
    pub fn require_possible(&self) -> Result<()> {
        let mends = self.system.plan.steps.iter().any(|step| {
            ["dpkg.", "sources."]
                .iter()
                .any(|head| step.id.starts_with(head))
        });
        if self.simulation.refused.is_empty() || mends {
            return Ok(());
        }
        let problem = Problem::new(
            Code::CommandFailed,
            "apt refuses this plan, so nothing of it is carried out",
        );
        let refused = self.simulation.refused.iter();
        Err(refused
            .fold(problem, |problem, line| {
                problem.because(line.trim_start_matches("E: "))
            })
            .hint("deskside plan    # the plan, with what apt says of it")
            .hint("sudo apt-get update    # shows which package source does not answer"))
    }
}

/// The plan as a POSIX script.
pub fn script(report: &SystemPlanReport) -> String {
    deskside_provision::script::posix(&report.system)
}

/// Keeps the answer as a file, for `--out`. Replaces a file, and nothing else.
///
/// # Errors
/// When it can't be written.
pub fn keep(context: &Context, report: &SystemPlanReport, path: &Path) -> Result<PathBuf> {
    let machine = &*context.projects;
    let path = machine.working_directory()?.join(path);
    let text = serde_json::to_string_pretty(&report.json()).map_err(|error| {
        Problem::new(Code::Bug, "the plan could not be written as JSON").because(error)
    })?;
    machine
        .write_file(&path, text + "\n", 0o644, Durability::Power)
        .map_err(|error| {
            Problem::from(error).within(format!("could not write the plan to {}", path.display()))
        })?;
    Ok(path)
}

/// The wish of the command line, else of the project.
fn wish(context: &Context, request: &PlanRequest) -> Result<(Wish, Option<String>)> {
    if !request.wishes.is_empty() {
        let wish = request
            .wishes
            .iter()
            .try_fold(Wish::default(), |wish, word| wish.with(word))?;
        return Ok((wish, None));
    }
    let machine = &*context.projects;
    let Ok(here) = machine.working_directory() else {
        return Ok((Wish::default(), None));
    };
    let file = request
        .project
        .as_ref()
        .map_or_else(|| here.clone(), |project| here.join(project))
        .join("deskside.toml");
    match machine.text(&file) {
        Ok(text) => {
            let wish = Wish::of_project(&text)
                .map_err(|problem| problem.within(format!("{} can't be used", file.display())))?;
            let from = (wish != Wish::default()).then(|| file.display().to_string());
            Ok((wish, from))
        }
        Err(error) if error.kind == ErrorKind::Absent => Ok((Wish::default(), None)),
        Err(error) => Err(error.into()),
    }
}

/// Whether a living machine has apt.
fn has_apt(machine: &dyn Machine) -> bool {
    machine.program("apt-get").is_some()
}
