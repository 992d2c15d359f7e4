//! What the runs of a sweep report while they go on, read from their metric segments as these grow.

use super::definition::Goal;
use super::early::{Curve, Early, judge};
use super::state::{Progress, TrialState};
use deskside_machine::{Directories, Machine};
use deskside_track::Folder;
use deskside_track::segment::{Everything, RunMetrics};
use deskside_types::Result;
use deskside_types::run::RunId;

/// The curves of all runs that reported something.
#[derive(Default)]
pub struct Curves {
    curves: Vec<Curve>,
    sources: Vec<Source>,
}

struct Source {
    trial: u64,
    run: usize,
    id: RunId,
    metrics: RunMetrics<Everything>,
    read: bool,
}

impl Curves {
    /// Reads what was reported since, and judges what goes on: the trials to be ended, and why. `newest` tells the newest run of
    /// a job that goes on.
    ///
    /// # Errors
    /// When a job or a folder of metrics can't be read.
    pub fn judge(
        &mut self,
        machine: &dyn Machine,
        directories: &Directories,
        progress: &Progress,
        early: &Early,
        goal: &Goal,
        newest: &dyn Fn(i64) -> Result<Option<RunId>>,
    ) -> Result<Vec<(u64, String)>> {
        for (number, trial) in progress.trials.iter().enumerate() {
            let number = number as u64;
            for (at, run) in trial.runs.iter().enumerate() {
                let id = match (&run.job, &run.end) {
                    (_, Some(end)) => end.run.clone(),
                    (Some((job, _)), None) => newest(*job)?,
                    (None, None) => None,
                };
                if let Some(id) = id {
                    let source = self.source(directories, goal, number, at, &id);
                    self.read(machine, goal, source, run.end.is_some())?;
                    self.curves[source].complete = trial.state(true) == TrialState::Done;
                }
            }
        }
        let mut ended: Vec<(u64, String)> = Vec::new();
        for (trial, run, _) in progress.open() {
            let at = usize::try_from(trial).unwrap_or(usize::MAX);
            let is_pruned = progress
                .trials
                .get(at)
                .is_some_and(|one| one.pruned.is_some());
            let found = self
                .sources
                .iter()
                .position(|one| (one.trial, one.run) == (trial, run));
            if let Some(found) =
                found.filter(|_| !is_pruned && ended.iter().all(|one| one.0 != trial))
                && let Some(why) = judge(early, &mut self.curves, found)
            {
                ended.push((trial, why));
            }
        }
        Ok(ended)
    }

    /// The place of a run's curve; a further attempt begins a new one.
    fn source(
        &mut self,
        directories: &Directories,
        goal: &Goal,
        trial: u64,
        run: usize,
        id: &RunId,
    ) -> usize {
        let folder = Folder::of(directories, id).metrics();
        let new = || Source {
            trial,
            run,
            id: id.clone(),
            metrics: RunMetrics::new(folder, Everything::only(vec![goal.metric.clone()])),
            read: false,
        };
        let curve = Curve {
            trial,
            ..Curve::default()
        };
        match self
            .sources
            .iter()
            .position(|one| (one.trial, one.run) == (trial, run))
        {
            Some(at) => {
                if self.sources[at].id != *id {
                    self.sources[at] = new();
                    self.curves[at] = curve;
                }
                at
            }
            None => {
                self.sources.push(new());
                self.curves.push(curve);
                self.sources.len() - 1
            }
        }
    }

    fn read(&mut self, machine: &dyn Machine, goal: &Goal, at: usize, over: bool) -> Result<()> {
        let source = &mut self.sources[at];
        if source.read {
            return Ok(());
        }
        source.metrics.refresh(machine)?;
        for series in source.metrics.collected.drain() {
            for point in series.points {
                self.curves[at].add(point.step, goal.cost(point.value), point.time_ms);
            }
        }
        // One that is over says nothing more.
        source.read = over;
        Ok(())
    }
}
