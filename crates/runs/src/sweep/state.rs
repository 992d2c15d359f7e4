//! Where a sweep is: what its log says, and what follows from it. Pure.
//!
//! The log is the truth: one event a line, only ever added to. Whoever reads it from its beginning knows every trial, which job
//! stands for each of its runs, and how each ended. What is not in it did not happen; what happened in the queue and did not
//! come into it any more is found by the job's tags (`crate::sweep::drive`).

use super::definition::Definition;
use super::points::Point;
use deskside_types::run::RunId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Something that happened to a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Happening {
    /// A trial was chosen. Its number is the count of those before.
    Trial {
        /// Its number, from 0.
        trial: u64,
        /// Its values.
        point: Point,
    },
    /// A run of a trial is in the queue.
    Queued {
        /// Its trial.
        trial: u64,
        /// Which run of it, from 0.
        run: usize,
        /// The job's number.
        job: i64,
        /// The job's identity, which is its first run's.
        id: RunId,
    },
    /// A trial is to be ended early. Said before it is.
    Prune {
        /// Its trial.
        trial: u64,
        /// Why.
        why: String,
    },
    /// A run of a trial is over.
    Ended {
        /// Its trial.
        trial: u64,
        /// Which run of it.
        run: usize,
        /// How.
        end: RunEnd,
    },
    /// A person stopped it.
    Stop,
    /// It goes on.
    Resume {
        /// With another number of trials at the most.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trials: Option<u64>,
    },
    /// It is over, or can't go on by itself.
    Over {
        /// Why, in words; none where every trial is over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// What a newer program wrote.
    #[serde(other)]
    Unknown,
}

/// An event of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, in milliseconds of the epoch.
    pub at: i64,
    /// What.
    #[serde(flatten)]
    pub what: Happening,
}

/// How a run of a trial ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunEnd {
    /// The job's end: `finished`, `failed`, `stopped`, `removed`, `skipped`, `interrupted`, `exit-unknown`.
    pub word: String,
    /// Its exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// The newest run of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// What it reported of the goal; a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The step of its last report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<i64>,
    /// How long it ran, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// What is to be said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// One run of a trial.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TrialRun {
    /// Its job, where it was queued.
    pub job: Option<(i64, RunId)>,
    /// Its end.
    pub end: Option<RunEnd>,
}

/// A trial.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trial {
    /// Its values.
    pub point: Point,
    /// Its runs: one, or one a seed.
    pub runs: Vec<TrialRun>,
    /// Why it was ended early.
    pub pruned: Option<String>,
}

/// Where a trial is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrialState {
    /// A run of it waits or goes on, or is still to be queued.
    Open,
    /// All its runs ended well, with a result where one is sought.
    Done,
    /// It was ended early.
    Pruned,
    /// A run of it failed, or brought no result.
    Failed,
    /// It was cut off: by a person, or nobody saw its end.
    CutOff,
}

impl TrialState {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Pruned => "pruned",
            Self::Failed => "failed",
            Self::CutOff => "cut-off",
        }
    }
}

impl Trial {
    /// Where it is.
    pub fn state(&self, wants_value: bool) -> TrialState {
        let ends: Vec<&RunEnd> = self
            .runs
            .iter()
            .filter_map(|run| run.end.as_ref())
            .collect();
        let going_on = self
            .runs
            .iter()
            .any(|run| run.end.is_none() && (run.job.is_some() || self.pruned.is_none()));
        let is_good = |end: &&RunEnd| {
            end.word == "finished" && end.exit == Some(0) && (!wants_value || end.value.is_some())
        };
        if going_on {
            TrialState::Open
        } else if ends.len() == self.runs.len() && ends.iter().all(is_good) {
            // One that was to be ended early and was quicker is whole.
            TrialState::Done
        } else if self.pruned.is_some() {
            TrialState::Pruned
        } else if ends.iter().filter(|end| !is_good(end)).all(|end| {
            ["stopped", "removed", "exit-unknown", "interrupted"].contains(&end.word.as_str())
        }) {
            TrialState::CutOff
        } else {
            TrialState::Failed
        }
    }

    /// The mean of its runs' results, and how far they spread (the sample's standard deviation) where there are several.
    pub fn value(&self) -> Option<(f64, Option<f64>)> {
        let values: Vec<f64> = self
            .runs
            .iter()
            .filter_map(|run| run.end.as_ref()?.value)
            .collect();
        if values.is_empty() {
            return None;
        }
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let spread = (values.len() > 1).then(|| {
            (values
                .iter()
                .map(|value| (value - mean).powi(2))
                .sum::<f64>()
                / (count - 1.0))
                .sqrt()
        });
        Some((mean, spread))
    }
}

/// Whether a sweep goes on.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Course {
    /// It goes on.
    #[default]
    Going,
    /// A person stopped it.
    Stopped,
    /// It is over; or why it can't go on.
    Over(Option<String>),
}

/// Where a sweep is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// The trials, by their numbers.
    pub trials: Vec<Trial>,
    /// Whether it goes on.
    pub course: Course,
    /// Another number of trials at the most, said when it was resumed.
    pub most: Option<u64>,
    /// How many trials there were, and how many of them had failed, when it was resumed last: they don't keep it from going on.
    pub before: (usize, usize),
    /// The numbers of all jobs that were queued for it.
    pub jobs: BTreeSet<i64>,
    /// When something happened last, in milliseconds of the epoch.
    pub changed_at: i64,
}

impl Progress {
    /// Takes an event in. One that can't be is passed over: what a trial's event names is there.
    pub fn take(&mut self, definition: &Definition, event: &Event) {
        self.changed_at = self.changed_at.max(event.at);
        match &event.what {
            Happening::Trial { trial, point } => {
                if *trial == self.trials.len() as u64 {
                    self.trials.push(Trial {
                        point: point.clone(),
                        runs: vec![TrialRun::default(); definition.runs()],
                        pruned: None,
                    });
                }
            }
            Happening::Queued {
                trial,
                run,
                job,
                id,
            } => {
                self.jobs.insert(*job);
                if let Some(run) = self.run(*trial, *run) {
                    run.job = Some((*job, id.clone()));
                    run.end = None;
                }
            }
            Happening::Prune { trial, why } => {
                if let Some(trial) = self.trial(*trial) {
                    trial.pruned.get_or_insert_with(|| why.clone());
                }
            }
            Happening::Ended { trial, run, end } => {
                if let Some(run) = self.run(*trial, *run) {
                    run.end = Some(end.clone());
                }
            }
            Happening::Stop => self.course = Course::Stopped,
            Happening::Resume { trials } => {
                self.course = Course::Going;
                self.most = trials.or(self.most);
                let failed = self.count(TrialState::Failed, definition.goal.is_some());
                self.before = (self.trials.len(), failed);
                // What was cut off is tried again, from its beginning.
                for trial in &mut self.trials {
                    if trial.state(definition.goal.is_some()) == TrialState::CutOff {
                        for run in &mut trial.runs {
                            if run.end.as_ref().is_some_and(|end| end.word != "finished") {
                                *run = TrialRun::default();
                            }
                        }
                    }
                }
            }
            Happening::Over { why } => self.course = Course::Over(why.clone()),
            Happening::Unknown => {}
        }
    }

    fn trial(&mut self, trial: u64) -> Option<&mut Trial> {
        self.trials.get_mut(usize::try_from(trial).ok()?)
    }

    fn run(&mut self, trial: u64, run: usize) -> Option<&mut TrialRun> {
        self.trial(trial)?.runs.get_mut(run)
    }

    /// Runs that are in the queue or going on: trial, run, job.
    pub fn open(&self) -> Vec<(u64, usize, i64)> {
        self.each(|_, run| match (&run.job, &run.end) {
            (Some((job, _)), None) => Some(*job),
            _ => None,
        })
    }

    /// Runs that are to be queued: trial, run.
    pub fn planned(&self) -> Vec<(u64, usize)> {
        let planned = self.each(|trial, run| {
            (run.job.is_none() && run.end.is_none() && trial.pruned.is_none()).then_some(0)
        });
        planned
            .into_iter()
            .map(|(trial, run, _)| (trial, run))
            .collect()
    }

    fn each(&self, wanted: impl Fn(&Trial, &TrialRun) -> Option<i64>) -> Vec<(u64, usize, i64)> {
        let mut found = Vec::new();
        for (number, trial) in self.trials.iter().enumerate() {
            for (at, run) in trial.runs.iter().enumerate() {
                if let Some(job) = wanted(trial, run) {
                    found.push((number as u64, at, job));
                }
            }
        }
        found
    }

    /// How many trials are in a state.
    pub fn count(&self, state: TrialState, wants_value: bool) -> usize {
        let same = |trial: &&Trial| trial.state(wants_value) == state;
        self.trials.iter().filter(same).count()
    }

    /// Trials there will be at the most.
    pub fn most(&self, definition: &Definition) -> u64 {
        match self.most {
            None => definition.most(),
            Some(trials) => Definition {
                trials,
                ..definition.clone()
            }
            .most(),
        }
    }

    /// Why no further trial is begun though there could be; none where there is no such reason. What failed before a person let
    /// it go on does not count.
    pub fn gave_up(&self, definition: &Definition) -> Option<String> {
        let wants = definition.goal.is_some();
        let (trials, failed) = self.before;
        let failed = self.count(TrialState::Failed, wants).saturating_sub(failed);
        let since = if trials == 0 {
            ""
        } else {
            " since it was resumed"
        };
        if let Some(most) = definition.max_failures {
            return (failed > most as usize)
                .then(|| format!("{failed} trials failed{since}, {most} may"));
        }
        if self.count(TrialState::Done, wants) > 0 {
            return None;
        }
        let newer = self.trials.get(trials..).unwrap_or_default();
        let states = || newer.iter().map(|trial| trial.state(wants));
        let failed = states()
            .filter(|state| *state == TrialState::Failed)
            .count();
        let others = states().any(|state| !matches!(state, TrialState::Failed | TrialState::Open));
        (failed >= FIRST && !others)
            .then(|| format!("the first {failed} trials{since} failed, and none went well"))
    }

    /// What is to be done next.
    pub fn next(&self, definition: &Definition) -> Next {
        let open = self.open().len();
        let room = (definition.parallel as usize).saturating_sub(open);
        if self.course != Course::Going {
            return Next::Wait;
        }
        let gave_up = self.gave_up(definition);
        if gave_up.is_none() {
            if let Some((trial, run)) = self.planned().first().filter(|_| room > 0) {
                return Next::Queue(*trial, *run);
            }
            if room > 0 && (self.trials.len() as u64) < self.most(definition) {
                return Next::Choose;
            }
        }
        if open > 0 {
            return Next::Wait;
        }
        match gave_up {
            Some(why) => Next::Over(Some(why)),
            None if self.planned().is_empty() => Next::Over(None),
            None => Next::Wait,
        }
    }
}

/// When so many trials all fail, the next ones are not tried.
const FIRST: usize = 3;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// A run of a trial is to be queued.
    Queue(u64, usize),
    /// A further trial is to be chosen.
    Choose,
    /// Something is waited for.
    Wait,
    /// It is over; why, where not all was tried.
    Over(Option<String>),
}

#[cfg(test)]
mod tests;
