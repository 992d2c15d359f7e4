//! The process that drives a sweep: it queues the next run when one ended, ends early what will not become good, and sleeps
//! meanwhile. The keeper starts it and, when it dies, starts it again; it holds nothing that is not in the sweep's log or in the
//! queue.
//!
//! **Nothing runs twice and nothing is lost.** A trial is in the log before its job is queued, with its values. A job carries its
//! sweep and its trial as tags: one that was queued just before this process died is found by them, and not queued again.

use super::bell;
use super::curves::Curves;
use super::definition::{Definition, config_path};
use super::optuna::Optuna;
use super::record::{adopt, record_ends};
use super::state::{Course, Happening, Next, TrialState};
use super::store::Sweep;
use crate::queue::{JobState, Queue};
use crate::supervise::{TRY_AGAIN, control, passes, say};
use crate::{stop, submit};
use deskside_machine::{
    Acting, Command, Directories, Durability, Effect, ErrorKind, Machine, Moment, Reading,
};
use deskside_types::run::RunId;
use deskside_types::{Code, Result};
use jiff::SignedDuration;
use std::time::Duration;

/// The hidden word that makes this program the driver of a sweep.
pub const COMMAND: &str = "__sweep";

/// The keeper takes the lock for a moment to see whether it is free; another driver holds it for life.
const ANOTHER: Duration = Duration::from_millis(300);
/// How often the queue is looked at when no end of a job is told: one that a person took out.
const LOOK: Duration = Duration::from_secs(30);
/// How often reports are read while trials may be ended early.
const SAMPLE: Duration = Duration::from_secs(2);
/// A Python that nothing was asked for so long is let go.
const IDLE: Duration = Duration::from_secs(60);
/// So often a Python that ended is started anew for one question.
const TRIES: usize = 2;

/// How Optuna is called for a sweep.
pub type OptunaCommand<'a> = &'a dyn Fn(&Definition) -> Result<Command>;

/// Drives a sweep until it is over, stopped, or driven by another process already.
///
/// # Errors
/// What it could not go on from; the sweep's log says it, too.
pub fn drive(
    machine: &dyn Machine,
    directories: &Directories,
    id: &RunId,
    optuna: OptunaCommand<'_>,
) -> Result<()> {
    let control = control(machine)?;
    let _driving = match machine.lock(&Sweep::driver_lock(directories, &id.0), ANOTHER) {
        Ok(held) => held,
        Err(error) if error.kind == ErrorKind::Busy => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut bell = control.bell(&bell(directories, &id.0))?;
    let mut driver = Driver {
        machine,
        directories,
        sweep: Sweep::open(machine, directories, id)?,
        queue: Queue::open(machine, directories)?,
        curves: Curves::default(),
        optuna: None,
        command: optuna,
        adopted: false,
        quiet: 0,
    };
    loop {
        match driver.turn() {
            Ok(true) => {}
            Ok(false) => return driver.leave(),
            Err(problem) if passes(&problem) => {
                machine.effect(&Effect::Sleep { span: TRY_AGAIN })?;
                continue;
            }
            Err(problem) => {
                let why = Some(problem.to_string());
                driver.sweep.tell(Happening::Over { why })?;
                driver.leave()?;
                return Err(problem);
            }
        }
        let now = machine.now()?;
        driver.let_go(now);
        let span = driver.patience()?;
        let wall = now
            .wall
            .checked_add(SignedDuration::try_from(span).unwrap_or_default())
            .unwrap_or(now.wall);
        let until = Moment {
            wall,
            monotonic: span,
        };
        bell.wait(&[], Some(until))?;
    }
}

struct Driver<'a> {
    machine: &'a dyn Machine,
    directories: &'a Directories,
    sweep: Sweep<'a>,
    queue: Queue<'a>,
    curves: Curves,
    optuna: Option<(Optuna, Duration)>,
    command: OptunaCommand<'a>,
    /// Jobs of it that are not in its log were looked for.
    adopted: bool,
    /// How often in a row nothing ran that could be ended early.
    quiet: u32,
}

impl Driver<'_> {
    /// Does what is to be done now; whether it goes on.
    fn turn(&mut self) -> Result<bool> {
        {
            let held = self.sweep.hold()?;
            if !self.adopted {
                adopt(&self.queue, &mut self.sweep, &*held)?;
                self.adopted = true;
            }
            record_ends(
                self.machine,
                self.directories,
                &self.queue,
                &mut self.sweep,
                &*held,
            )?;
        }
        self.end_early()?;
        loop {
            match self.sweep.progress.next(&self.sweep.definition) {
                Next::Queue(trial, run) => {
                    if !self.queue_run(trial, run)? {
                        return Ok(false);
                    }
                }
                Next::Choose => self.choose()?,
                Next::Over(why) => {
                    let held = self.sweep.hold()?;
                    if self.sweep.progress.course == Course::Going {
                        self.sweep.add(&*held, Happening::Over { why })?;
                    }
                    drop(held);
                    self.tell();
                    return Ok(false);
                }
                Next::Wait => return Ok(self.sweep.progress.course == Course::Going),
            }
        }
    }

    fn choose(&mut self) -> Result<()> {
        let trial = self.sweep.progress.trials.len() as u64;
        let point = match self.sweep.definition.point(trial) {
            Some(point) => point,
            None => self.ask()?,
        };
        self.sweep.tell(Happening::Trial { trial, point })
    }

    fn ask(&mut self) -> Result<super::points::Point> {
        let mut tries = 0;
        loop {
            if self.optuna.is_none() {
                let command = (self.command)(&self.sweep.definition)?;
                let optuna = Optuna::start(self.machine, &command, self.sweep.folder())?;
                self.optuna = Some((optuna, Duration::ZERO));
            }
            let Some((optuna, used)) = &mut self.optuna else {
                continue;
            };
            *used = self.machine.now()?.monotonic;
            match optuna.ask(&self.sweep.definition, &self.sweep.progress) {
                Ok(point) => return Ok(point),
                // It may have been killed: another one is told the same.
                Err(problem) => {
                    self.optuna = None;
                    tries += 1;
                    if tries >= TRIES {
                        return Err(problem);
                    }
                }
            }
        }
    }

    /// How long nothing is looked at, when nothing is told.
    fn patience(&mut self) -> Result<Duration> {
        if self.sweep.definition.early.is_none() {
            return Ok(LOOK);
        }
        for (_, _, job) in self.sweep.progress.open() {
            if self.queue.row(job)?.state == JobState::Running {
                self.quiet = 0;
                return Ok(SAMPLE);
            }
        }
        // What waits for a card may wait for hours.
        self.quiet = (self.quiet + 1).min(8);
        Ok((SAMPLE * 2_u32.pow(self.quiet - 1)).min(LOOK))
    }

    fn let_go(&mut self, now: Moment) {
        let idle = |used: Duration| now.monotonic.saturating_sub(used) > IDLE;
        if self.optuna.as_ref().is_some_and(|(_, used)| idle(*used)) {
            self.optuna = None;
        }
    }

    /// Queues a run of a trial; false when the sweep was stopped meanwhile.
    fn queue_run(&mut self, trial: u64, run: usize) -> Result<bool> {
        let held = self.sweep.hold()?;
        if self.sweep.progress.course != Course::Going {
            return Ok(false);
        }
        let at = usize::try_from(trial).unwrap_or(usize::MAX);
        let Some(chosen) = self.sweep.progress.trials.get(at) else {
            return Ok(true);
        };
        let point = chosen.point.clone();
        let folder = self.sweep.folder().to_path_buf();
        let definition = &self.sweep.definition;
        for kind in definition.config_kinds() {
            self.machine.write_file(
                config_path(&folder, trial, run, kind),
                definition.config(run, &point, kind),
                0o644,
                Durability::Process,
            )?;
        }
        let (job, surroundings) = definition.job(trial, run, &point, &folder);
        // From here on it may be in the queue, and this process may die before it is in the log.
        self.adopted = false;
        let (added, _) = submit::submit(self.machine, self.directories, &surroundings, &[job])?;
        for added in added {
            let queued = Happening::Queued {
                trial,
                run,
                job: added.number,
                id: added.id,
            };
            self.sweep.add(&*held, queued)?;
        }
        self.adopted = true;
        self.quiet = 0;
        Ok(true)
    }

    /// Ends trials early: says so first, then ends their jobs.
    fn end_early(&mut self) -> Result<()> {
        let (Some(early), Some(goal)) = (
            self.sweep.definition.early.clone(),
            self.sweep.definition.goal.clone(),
        ) else {
            return Ok(());
        };
        let newest = |number: i64| Ok(self.queue.row(number)?.run);
        let judged = self.curves.judge(
            self.machine,
            self.directories,
            &self.sweep.progress,
            &early,
            &goal,
            &newest,
        )?;
        for (trial, why) in judged {
            self.sweep.tell(Happening::Prune { trial, why })?;
        }
        let mut stopped = false;
        for (trial, _, job) in self.sweep.progress.open() {
            let at = usize::try_from(trial).unwrap_or(usize::MAX);
            let is_pruned = |trial: &super::state::Trial| trial.pruned.is_some();
            if self.sweep.progress.trials.get(at).is_some_and(is_pruned) {
                let grace = self
                    .sweep
                    .definition
                    .spec
                    .grace_ms
                    .map(Duration::from_millis);
                let why = "ended early by its sweep";
                match stop::stop(self.machine, self.directories, job, grace, why) {
                    // It hangs in the kernel: the others go on, and it is asked again with the next look.
                    Err(problem) if problem.code == Code::Supervision => continue,
                    stopped => drop(stopped?),
                }
                stopped = true;
            }
        }
        if stopped {
            let held = self.sweep.hold()?;
            record_ends(
                self.machine,
                self.directories,
                &self.queue,
                &mut self.sweep,
                &*held,
            )?;
        }
        Ok(())
    }

    /// Tells who is to be told that it is over.
    fn tell(&self) {
        let (definition, progress) = (&self.sweep.definition, &self.sweep.progress);
        let wants = definition.goal.is_some();
        let Course::Over(why) = &progress.course else {
            return;
        };
        let done = progress.count(TrialState::Done, wants);
        let title = format!(
            "sweep {} is over: {done} of {} trials done",
            definition.name,
            progress.trials.len()
        );
        let variables = [
            ("DESKSIDE_SWEEP", definition.id.0.clone()),
            ("DESKSIDE_TITLE", title.clone()),
            ("DESKSIDE_NAME", definition.name.clone()),
            ("DESKSIDE_STATE", "over".to_string()),
            ("DESKSIDE_REASON", why.clone().unwrap_or_default()),
        ];
        let body = why
            .clone()
            .unwrap_or_else(|| format!("deskside sweep show {}", definition.id));
        say(self.machine, &definition.notify, &variables, &title, &body);
    }

    /// Takes the sweep off the keeper's list, unless somebody let it go on at this moment.
    fn leave(&mut self) -> Result<()> {
        let _held = self.sweep.hold()?;
        if self.sweep.progress.course != Course::Going {
            self.queue.end_sweep(&self.sweep.id().0)?;
            self.machine
                .remove_file(bell(self.directories, &self.sweep.id().0))?;
        }
        Ok(())
    }
}
