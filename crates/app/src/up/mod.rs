//! `deskside up`: from the machine as it is to a trained model.
//!
//! Prepare (look, choose, plan), carry out, train. Nothing is changed while preparing, and
//! carrying out makes no choices.

mod choose;
mod domain;
mod locked;
mod machine_lines;
mod report;
mod train;
mod unrecorded;

pub use domain::Everything;
pub(crate) use machine_lines::lines as machine_lines;
pub use report::{Next, PlanReport, TrainedRun, UpReport};
pub use train::train;

use crate::Context;
use crate::environment::{self, Place, change};
use deskside_envs::build::{Build, Flavour};
use deskside_envs::environment::restore::was_cut_off;
use deskside_envs::project::Project;
use deskside_envs::snapshot::Choice;
use deskside_envs::uv::{self, UvState};
use deskside_machine::{Machine, Reading};
use deskside_operate::{Applied, Event, Turn, apply, apply_in, check, premise, turn};
use deskside_types::plan::{Comparison, PLAN_VERSION, Plan, Premise, Step};
use deskside_types::{Code, Facts, Problem, Result};
use std::ffi::OsString;
use std::path::PathBuf;

/// What is wanted.
#[derive(Debug, Clone, Default)]
pub struct UpRequest {
    /// The project's folder; a first project is made when none.
    pub project: Option<PathBuf>,
    /// The framework, by its word.
    pub flavour: Option<String>,
    /// Further arguments for the training command.
    pub arguments: Vec<OsString>,
    /// Train once everything is set up.
    pub train: bool,
    /// The training's output goes into its log only.
    pub silent: bool,
}

/// Everything that was found and decided, before anything is changed.
pub struct Prepared {
    /// The plan with its reasons.
    pub report: PlanReport,
    facts: Facts,
    project: Project,
    build: Option<Build>,
    /// The extra of the project's lock file that is this machine's.
    locked: Option<Choice>,
    request: UpRequest,
}

impl Prepared {
    /// The framework build that is in the environment once the plan is carried out.
    fn choice(&self) -> Option<Choice> {
        self.locked.clone().or_else(|| {
            self.build.as_ref().map(|build| Choice {
                framework: build.flavour.word().into(),
                extra: String::new(),
                variant: build.variant.clone(),
                why: build.why.clone(),
                variables: build.variables.clone(),
            })
        })
    }
}

/// A plan that was carried out.
pub struct Carried {
    /// What it came to.
    pub applied: Applied,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// Looks at the machine and the project, and makes the plan.
///
/// # Errors
/// When the project can't be read, no build fits, or uv can't be had.
pub fn prepare(context: &Context, request: &UpRequest) -> Result<Prepared> {
    context.heeding(|context| decide(context, request))
}

fn decide(context: &Context, request: &UpRequest) -> Result<Prepared> {
    let machine = &*context.machine;
    let flavour = match &request.flavour {
        Some(word) => Some(
            word.parse::<Flavour>()
                .map_err(|error| Problem::new(Code::Usage, error))?,
        ),
        None => None,
    };
    let facts = deskside_probe::collect(machine);
    let system = deskside_provision::assess(&facts);
    let (project, build) = match &request.project {
        Some(path) => choose::named(context, &facts, path, flavour)?,
        None => choose::first(context, &facts, flavour)?,
    };
    let place = Place::of(context, &project.path);
    if was_cut_off(machine, &place.environment)?.is_some() {
        return Err(environment::settle::cut_off(context, &place));
    }
    if request.train {
        project.require_command()?;
    }
    let uv = uv_state(context, &facts)?;
    let mut warnings = project.warnings.clone();
    let (locked, packages) = locked::extra(context, &facts, &project, &mut warnings)?;
    let wheel = deskside_track::module::wheel();
    let version = deskside_track::module::VERSION;
    let module = deskside_envs::plan::module(
        version,
        &wheel.file_name,
        &wheel.bytes,
        &context.directories.cache,
    );
    let unrecorded = unrecorded::Unrecorded(machine);
    let looked_at: &dyn Machine = if context.recorded {
        &unrecorded
    } else {
        machine
    };
    let steps = deskside_envs::plan::steps(
        looked_at,
        &project,
        build.as_ref(),
        &uv,
        &packages,
        Some(&module),
    )?;
    let plan = plan(context, &facts, &project, steps)?;
    warnings.extend(locked::require_fit(context, &project, &uv, &plan)?);
    if system.blocks_accelerator() && build.as_ref().is_some_and(|build| !build.accelerated) {
        warnings.push("the accelerator can't be used yet; see the commands in the plan".into());
    }
    Ok(Prepared {
        report: PlanReport {
            project: project.path.display().to_string(),
            flavour: project.first.map(|flavour| flavour.word().to_string()),
            machine: machine_lines::lines(&facts),
            why: match &locked {
                Some(choice) => choice.why.clone(),
                None => build.iter().flat_map(|build| build.why.clone()).collect(),
            },
            training: request
                .train
                .then(|| train::shown_command(&project, &request.arguments)),
            system,
            plan,
            warnings,
        },
        facts,
        project,
        build,
        locked,
        request: request.clone(),
    })
}

/// Carries the plan out; does nothing where it is empty.
///
/// # Errors
/// When the machine changed since, or a step fails. Preparing and carrying out again goes on from there.
pub fn carry_out(
    context: &Context,
    prepared: &Prepared,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<Carried> {
    context.require_live("up")?;
    let machine = &*context.machine;
    // Between making the plan and carrying it out a person may have read it for an hour.
    premise::require(
        machine,
        &prepared.report.plan,
        &deskside_probe::collect(machine),
    )?;
    let workshop = change::workshop(context);
    if prepared.report.plan.is_empty() {
        return Ok(Carried {
            applied: apply(&workshop, &prepared.report.plan, listen)?,
            warnings: Vec::new(),
        });
    }
    let mut warnings = Vec::new();
    let turn = turn(&workshop)?;
    warnings.extend(remember(&turn, context, prepared, "as it was found", None));
    let applied = apply_in(&turn, &workshop, &prepared.report.plan, listen)?;
    let operation = applied.operation.as_ref().map(|id| id.0.clone());
    warnings.extend(remember(&turn, context, prepared, "up", operation));
    Ok(Carried { applied, warnings })
}

/// Keeps a snapshot of the project's environment; answers, in a sentence, why it can't. That must not stop a training:
/// the environment itself is as it should be, and the next change tries again.
fn remember(
    turn: &Turn,
    context: &Context,
    prepared: &Prepared,
    reason: &str,
    operation: Option<String>,
) -> Option<String> {
    let project = &prepared.project.path;
    if !context.machine.exists(project).unwrap_or(false) {
        return None;
    }
    let choice = prepared.choice().filter(|_| operation.is_some());
    Place::at(context, Some(project))
        .and_then(|place| {
            change::keep(
                turn,
                context,
                &place,
                &prepared.facts,
                reason,
                operation,
                choice,
            )
        })
        .err()
        .map(|problem| format!("a snapshot of the environment could not be kept: {problem}"))
}

/// uv as it is here, or where it comes from. A recorded machine has no network: what is known is enough for a plan to read.
fn uv_state(context: &Context, facts: &Facts) -> Result<UvState> {
    if context.recorded && uv::locate(&*context.machine, &context.directories).is_none() {
        let path = uv::tools(&context.directories)
            .join("newest/uv")
            .display()
            .to_string();
        return Ok(UvState::Fetch(uv::UvSource {
            version: "(the newest of the index)".into(),
            url: String::new(),
            file_name: String::new(),
            sha256: String::new(),
            size: 0,
            member: String::new(),
            archive: String::new(),
            local: false,
            path,
            origin: "the person's package index".into(),
        }));
    }
    environment::uv_state(context, facts)
}

/// The steps that are not satisfied yet, and what they rest on.
fn plan(context: &Context, facts: &Facts, project: &Project, steps: Vec<Step>) -> Result<Plan> {
    let machine = &*context.machine;
    let mut pending = Vec::new();
    let mut satisfied = Vec::new();
    let mut broken = false;
    for step in steps {
        // Once a step is pending, those behind it are too where they rest on it: looking costs little, and
        // carrying out looks again.
        let holds = !context.recorded && check::all_hold(machine, &Everything, &step.check)?;
        if holds && !broken {
            satisfied.push(step.title.clone());
        } else {
            broken |= step.id == "environment";
            pending.push(step);
        }
    }
    let needed: u64 = pending.iter().filter_map(|step| step.download_bytes).sum();
    let mut premises = vec![
        fact("drivers.nvidia.loaded", facts),
        fact("system.architecture", facts),
    ];
    if needed > 0 {
        premises.push(Premise {
            fact: format!("free:{}", project.path.display()),
            operator: Comparison::AtLeast,
            value: unpacked(needed).into(),
        });
    }
    Ok(Plan {
        version: PLAN_VERSION,
        wish: format!("set up {}", project.path.display()),
        made_at: machine.now()?.wall,
        premises,
        steps: pending,
        satisfied,
    })
}

/// Bytes that a download takes once it is unpacked, on the safe side. Measured on the first projects: 3.7 times for JAX
/// (152 MB), 3.4 times for MLX (72 MB), 1.8 times for PyTorch with CUDA (3.06 GB), whose libraries pack badly.
pub(crate) fn unpacked(download: u64) -> u64 {
    const MANY: u64 = 500_000_000;
    download.saturating_mul(if download > MANY { 2 } else { 4 })
}

fn fact(path: &str, facts: &Facts) -> Premise {
    let facts = serde_json::to_value(facts).unwrap_or_default();
    Premise {
        fact: path.into(),
        operator: Comparison::Equals,
        value: premise::at(&facts, path).cloned().unwrap_or_default(),
    }
}
