//! `deskside apply`: carries a plan of the system layer out, with root where it is needed, over a restart where one is.

mod kernels;
pub mod next;
mod root;

pub use deskside_operate::root::{ROOT_COMMAND, restart::RESUME_COMMAND};
pub use kernels::{Kernel, Outcome as KernelOutcome, kernels};
pub use root::{resume, serve};

use crate::environment::change;
use crate::plan::{PlanRequest, SystemPlanReport};
use crate::{Answer, Context};
use deskside_machine::{ErrorKind, Reading, host::conversing};
use deskside_operate::root::{self as roots, Channel, restart};
use deskside_operate::{Event, Operation, Outcome, Workshop, apply, premise};
use deskside_types::plan::{PLAN_VERSION, Plan, Risk};
use deskside_types::{Code, Problem, Result};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The largest plan that is read.
const LARGEST_PLAN: u64 = 64 << 20;

/// What is to be applied.
#[derive(Debug, Clone, Default)]
pub struct ApplyRequest {
    /// A plan that `plan --out` kept; a new one is made when none.
    pub file: Option<PathBuf>,
    /// For a new plan: what is wished.
    pub plan: PlanRequest,
    /// Go on with the plan that waits for the restart.
    pub resume: bool,
}

/// A plan that is about to be carried out.
pub struct Prepared {
    /// The plan with its reasons; none where an earlier one goes on.
    pub report: Option<SystemPlanReport>,
    /// The plan.
    pub plan: Plan,
    resumes: bool,
    risk: Risk,
}

/// The answer of `apply`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ApplyReport {
    /// What it is for.
    pub wish: String,
    /// The operation in the history; none when nothing had to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// What stands in the way, where nothing could be planned for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
    /// Steps that were carried out, by title.
    pub done: Vec<String>,
    /// Steps that were satisfied already, by title.
    pub satisfied: Vec<String>,
    /// The machine must be restarted; the plan then goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart: Option<Restart>,
    /// A small kernel on each card, once nothing waits for a restart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kernels: Vec<Kernel>,
}

/// A restart that is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Restart {
    /// The plan goes on by itself afterwards; else by `deskside apply --resume`.
    pub by_itself: bool,
}

impl Answer for ApplyReport {
    const SCHEMA: &'static str = "deskside.apply";
}

impl Prepared {
    /// A plan that was made elsewhere and is whole, each step of the risk that its actions have.
    pub fn of(context: &Context, mut plan: Plan) -> Self {
        let machine = &*context.machine;
        let rules = deskside_provision::rules();
        roots::weigh(machine, &mut plan, &rules);
        Self {
            risk: roots::risk(machine, &plan, &rules),
            report: None,
            plan,
            resumes: false,
        }
    }

    /// A new plan, each step of the risk that its actions have, whatever a file says of it.
    fn new(context: &Context, mut report: SystemPlanReport) -> Self {
        let machine = &*context.machine;
        let rules = deskside_provision::rules();
        roots::weigh(machine, &mut report.system.plan, &rules);
        let plan = report.system.plan.clone();
        Self {
            risk: roots::risk(machine, &plan, &rules),
            plan,
            report: Some(report),
            resumes: false,
        }
    }

    /// The greatest risk of its steps, told by their actions: it decides what is asked before.
    pub fn risk(&self) -> Risk {
        self.risk
    }

    /// What stands in the way, where that leaves nothing to do.
    fn blocked(&self) -> Vec<String> {
        if !self.plan.is_empty() {
            return Vec::new();
        }
        self.report
            .iter()
            .flat_map(|report| &report.system.notes)
            .filter(|note| note.blocking)
            .map(|note| note.text.clone())
            .collect()
    }
}

/// Reads the plan, or makes one, or finds the one that waits. Changes nothing.
///
/// # Errors
/// When the file is no plan, the machine is not as it was when the plan was made ([`Code::PlanStale`], with what
/// changed), or nothing waits for a restart.
pub fn prepare(context: &Context, request: &ApplyRequest) -> Result<Prepared> {
    context.require_live("apply")?;
    if request.resume {
        let plan = waiting(context)?.plan;
        return Ok(Prepared {
            report: None,
            risk: roots::risk(&*context.machine, &plan, &deskside_provision::rules()),
            plan,
            resumes: true,
        });
    }
    let mut report = match &request.file {
        Some(file) => read(context, file)?,
        None => crate::plan::plan(context, &request.plan)?,
    };
    if request.file.is_some() {
        let facts = deskside_probe::collect(&*context.machine);
        premise::require(&*context.machine, &report.system.plan, &facts)?;
        roots::require_file(&report.system.plan, &deskside_provision::rules())?;
        // What apt said when the plan was made is not what it says now.
        crate::plan::ask_again(context, &mut report);
    }
    report.require_possible()?;
    Ok(Prepared::new(context, report))
}

/// What lacks on this machine before its accelerators can be used, as a plan that `up` may carry out on the way; none
/// where nothing lacks, or only what needs a person who looks closer.
///
/// # Errors
/// When apt can't be asked.
pub fn lacking(context: &Context) -> Result<Option<Prepared>> {
    let machine = &*context.machine;
    if context.recorded
        || !deskside_provision::assess(&deskside_probe::collect(machine)).blocks_accelerator()
    {
        return Ok(None);
    }
    let report = match crate::plan::plan(context, &PlanRequest::default()) {
        Ok(report) => report,
        Err(problem) if problem.code == Code::PlatformUnknown => return Ok(None),
        Err(problem) => return Err(problem),
    };
    report.require_possible()?;
    let prepared = Prepared::new(context, report);
    Ok((prepared.plan.needs_root() && prepared.risk() < Risk::Severe).then_some(prepared))
}

/// Carries the plan out.
///
/// # Errors
/// When root is not given, a step fails, or what was done does not hold. Applying again goes on from there.
pub fn carry_out(
    context: &Context,
    prepared: &Prepared,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<ApplyReport> {
    let machine = &*context.machine;
    if !prepared.resumes {
        // Between making the plan and carrying it out a person may have read it for an hour.
        premise::require(machine, &prepared.plan, &deskside_probe::collect(machine))?;
    }
    let channel = match machine.variable(restart::CHANNEL) {
        Some(_) if prepared.resumes => Channel::over(machine, conversing::with_parent()?),
        _ => Channel::new(machine),
    }
    .agreed(prepared.risk());
    let workshop = Workshop {
        root: Some(&channel),
        ..change::workshop(context)
    };
    let applied = apply(&workshop, &prepared.plan, listen)?;
    let titles = |ids: &[String]| -> Vec<String> {
        let steps = prepared.plan.steps.iter();
        steps
            .filter(|step| ids.contains(&step.id))
            .map(|step| step.title.clone())
            .collect()
    };
    Ok(ApplyReport {
        wish: prepared.plan.wish.clone(),
        operation: applied.operation.map(|id| id.0),
        blocked: prepared.blocked(),
        done: titles(&applied.done),
        satisfied: titles(&applied.satisfied),
        restart: applied
            .restart
            .then(|| machine.exists("/run/systemd/system"))
            .transpose()?
            .map(|by_itself| Restart { by_itself }),
        kernels: Vec::new(),
    })
}

/// Restarts the machine, after a person agreed.
///
/// # Errors
/// When root is not given or the machine does not restart.
pub fn restart_now(context: &Context) -> Result<()> {
    Channel::new(&*context.machine).restart()
}

/// Whether the newest plan of the system layer waits for the restart that it asked for.
pub fn waits_for_restart(context: &Context) -> bool {
    waiting(context).is_ok_and(|operation| operation.outcome == Outcome::Restart)
}

/// The operation that waits for a restart.
///
/// # Errors
/// When none does.
fn waiting(context: &Context) -> Result<Operation> {
    let (operations, _) = deskside_operate::history(&*context.machine, &context.directories.state)?;
    // The unit names the operation that goes on: another may have been begun before the restart.
    let named = context.machine.variable(restart::OPERATION);
    let newest = operations
        .into_iter()
        .filter(|operation| named.as_ref().is_none_or(|id| operation.id.0 == *id))
        .rfind(|operation| operation.outcome != Outcome::Undone && operation.plan.needs_root());
    match newest {
        Some(operation) if operation.outcome != Outcome::Done => Ok(operation),
        _ => Err(Problem::new(
            Code::PlanStale,
            "no plan of the system layer waits to go on",
        )
        .hint("deskside apply")),
    }
}

fn read(context: &Context, file: &Path) -> Result<SystemPlanReport> {
    let machine = &*context.projects;
    let path = machine.working_directory()?.join(file);
    let unusable = |why: &dyn std::fmt::Display| {
        Problem::new(
            Code::PlanStale,
            format!("{} is no plan that can be applied", path.display()),
        )
        .because(why)
        .hint(format!(
            "make it again: deskside plan --out {}",
            deskside_types::shell::quoted(&file.display().to_string())
        ))
    };
    let bytes = machine
        .file(&path, LARGEST_PLAN)
        .map_err(|error| match error.kind {
            ErrorKind::Absent => unusable(&"there is no such file"),
            _ => error.into(),
        })?;
    let report: SystemPlanReport =
        serde_json::from_slice(&bytes).map_err(|error| unusable(&error))?;
    if report.system.plan.version != PLAN_VERSION {
        return Err(unusable(&"another version of Deskside made it"));
    }
    Ok(report)
}
