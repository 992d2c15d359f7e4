//! Stopping a sweep, and letting it go on.

use crate::{Answer, Context};
use deskside_machine::Machine;
use deskside_runs::queue::{JobState, Queue, vault};
use deskside_runs::sweep::{
    Course, Happening, Sweep, TrialState, adopt, find, go, record_ends, ring,
};
use deskside_types::{Code, Problem, Result};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// The answer of `sweep stop` and `sweep resume`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SweepActReport {
    /// The sweep.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What was done, in a few words.
    pub done: String,
    /// Jobs that were ended or taken out.
    pub jobs: usize,
}

impl Answer for SweepActReport {
    const SCHEMA: &'static str = "deskside.sweep-act";
}

/// Stops a sweep, and what runs and waits of it.
///
/// # Errors
/// [`Code::SweepState`] when it does not go on; as stopping a job.
pub fn stop(context: &Context, text: &str, let_running_end: bool) -> Result<SweepActReport> {
    context.require_live("sweep stop")?;
    let machine = &*context.machine;
    let directories = &context.directories;
    let mut sweep = find(machine, directories, text)?;
    let mut queue = Queue::open(machine, directories)?;
    {
        let held = sweep.hold()?;
        // One that was queued just before its driver died belongs to it, too.
        adopt(&queue, &mut sweep, &*held)?;
        if sweep.progress.course == Course::Going {
            sweep.add(&*held, Happening::Stop)?;
            queue.end_sweep(&sweep.id().0)?;
        } else if sweep.progress.open().is_empty() {
            return Err(Problem::new(
                Code::SweepState,
                format!(
                    "sweep {} does not go on: there is nothing to stop",
                    sweep.id()
                ),
            )
            .hint(format!("see it: `deskside sweep show {}`", sweep.id())));
        }
    }
    ring(machine, directories, &sweep.id().0);
    let mut jobs = 0;
    let grace = sweep.definition.spec.grace_ms.map(Duration::from_millis);
    let mut running = Vec::new();
    for (_, _, job) in sweep.progress.open() {
        // Those that wait first: none of them starts when another is ended.
        match queue.remove(job) {
            Ok(()) => jobs += 1,
            Err(problem) if problem.code == Code::JobState => running.push(job),
            Err(problem) => return Err(problem),
        }
    }
    for job in running.into_iter().filter(|_| !let_running_end) {
        deskside_runs::stop::stop(machine, directories, job, grace, "its sweep was stopped")?;
        jobs += 1;
    }
    let held = sweep.hold()?;
    record_ends(machine, directories, &queue, &mut sweep, &*held)?;
    drop(held);
    crate::queue::advance(context);
    Ok(SweepActReport {
        id: sweep.id().0.clone(),
        name: sweep.definition.name.clone(),
        done: "stopped".into(),
        jobs,
    })
}

/// Lets a sweep go on, with another number of trials where one is given. What was cut off is tried again.
///
/// # Errors
/// [`Code::SweepState`] when it goes on already, or nothing is left to try.
pub fn resume(context: &Context, text: &str, trials: Option<u64>) -> Result<SweepActReport> {
    context.require_live("sweep resume")?;
    let machine = &*context.machine;
    let directories = &context.directories;
    let mut sweep = find(machine, directories, text)?;
    let mut queue = Queue::open(machine, directories)?;
    let held = sweep.hold()?;
    adopt(&queue, &mut sweep, &*held)?;
    record_ends(machine, directories, &queue, &mut sweep, &*held)?;
    let renewed = renew(machine, &mut queue, &mut sweep)?;
    let is_known = queue.sweeps()?.contains(&sweep.id().0);
    if sweep.progress.course == Course::Going && is_known && trials.is_none() && !renewed {
        return Err(Problem::new(
            Code::SweepState,
            format!("sweep {} goes on already", sweep.id()),
        )
        .hint(format!("see it: `deskside sweep show {}`", sweep.id()))
        .hint("for more trials: --trials COUNT"));
    }
    let definition = sweep.definition.clone();
    let wants = definition.goal.is_some();
    let progress = &sweep.progress;
    let most = deskside_runs::sweep::Definition {
        trials: trials.or(progress.most).unwrap_or(definition.trials),
        ..definition.clone()
    }
    .most();
    let left = most > progress.trials.len() as u64
        || progress.count(TrialState::CutOff, wants) > 0
        || progress.count(TrialState::Open, wants) > 0;
    if !left {
        return Err(Problem::new(
            Code::SweepState,
            format!(
                "sweep {} has tried all its {} trials",
                sweep.id(),
                progress.trials.len()
            ),
        )
        .hint(format!(
            "more of them: `deskside sweep resume {} --trials {}`",
            sweep.id(),
            progress.trials.len() * 2
        )));
    }
    sweep.add(&*held, Happening::Resume { trials })?;
    drop(queue);
    go(machine, directories, &definition)?;
    drop(held);
    ring(machine, directories, &sweep.id().0);
    Ok(SweepActReport {
        id: sweep.id().0.clone(),
        name: definition.name,
        done: "goes on".into(),
        jobs: 0,
    })
}

/// Variables that were kept in memory only may be gone since a restart of the machine: this shell's are taken, and jobs that were
/// held for them let go. Whether there were any.
fn renew(machine: &dyn Machine, queue: &mut Queue<'_>, sweep: &mut Sweep<'_>) -> Result<bool> {
    let Some(surroundings) = vault::renewed(machine, &sweep.definition.surroundings)? else {
        return Ok(false);
    };
    sweep.set_surroundings(surroundings)?;
    for (trial, run, job) in sweep.progress.open() {
        let at = usize::try_from(trial).unwrap_or(usize::MAX);
        if let Some(chosen) = sweep.progress.trials.get(at)
            && queue.row(job)?.state == JobState::Held
        {
            let (_, surroundings) = sweep
                .definition
                .job(trial, run, &chosen.point, sweep.folder());
            queue.set_surroundings(job, &surroundings)?;
            queue.release(job)?;
        }
    }
    Ok(true)
}
