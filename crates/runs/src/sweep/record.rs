//! What the queue knows of a sweep's jobs, taken into its log: jobs that did not come into it any more, and ends.

use super::definition::Definition;
use super::state::{Happening, RunEnd};
use super::store::Sweep;
use crate::queue::{JobState, Queue, Row};
use deskside_machine::{Directories, Held, Machine};
use deskside_track::Folder;
use deskside_track::summary::summary;
use deskside_types::{Code, Result};

/// Takes jobs into the log that were queued for a run and did not come into it any more.
///
/// # Errors
/// When queue or log can't be read or written.
pub fn adopt(queue: &Queue<'_>, sweep: &mut Sweep<'_>, held: &dyn Held) -> Result<()> {
    for job in queue.tagged("sweep", &sweep.id().0)? {
        if sweep.progress.jobs.contains(&job.number) {
            continue;
        }
        let number = |name: &str| job.tags.get(name).and_then(|text| text.parse::<i64>().ok());
        let run = match number("seed") {
            Some(seed) => sweep.definition.seeds.iter().position(|one| *one == seed),
            None => Some(0),
        };
        let trial = number("trial").and_then(|trial| u64::try_from(trial).ok());
        if let (Some(trial), Some(run)) = (trial, run)
            && sweep.progress.planned().contains(&(trial, run))
        {
            let (job, id) = (job.number, job.id);
            sweep.add(
                held,
                Happening::Queued {
                    trial,
                    run,
                    job,
                    id,
                },
            )?;
        }
    }
    Ok(())
}

/// Takes the ends of jobs into the log; whether there were any.
///
/// # Errors
/// When queue or log can't be read or written.
pub fn record_ends(
    machine: &dyn Machine,
    directories: &Directories,
    queue: &Queue<'_>,
    sweep: &mut Sweep<'_>,
    held: &dyn Held,
) -> Result<bool> {
    let mut any = false;
    for (trial, run, job) in sweep.progress.open() {
        let row = match queue.row(job) {
            Ok(row) if row.state == JobState::Ended => Some(row),
            Ok(_) => None,
            // The queue's file was begun anew: what the job did is not known there any more.
            Err(problem) if problem.code == Code::JobUnknown => {
                let end = RunEnd {
                    word: "exit-unknown".into(),
                    why: Some(format!("job {job} is not in the queue any more")),
                    ..RunEnd::default()
                };
                sweep.add(held, Happening::Ended { trial, run, end })?;
                any = true;
                None
            }
            Err(problem) => return Err(problem),
        };
        if let Some(row) = row {
            let end = end_of(machine, directories, &sweep.definition, &row);
            sweep.add(held, Happening::Ended { trial, run, end })?;
            any = true;
        }
    }
    Ok(any)
}

/// How a job ended, and what its run reported.
fn end_of(
    machine: &dyn Machine,
    directories: &Directories,
    definition: &Definition,
    row: &Row,
) -> RunEnd {
    let mut end = RunEnd {
        word: row.outcome.clone().unwrap_or_else(|| "exit-unknown".into()),
        exit: row.exit,
        run: row.run.clone(),
        duration_ms: row
            .started_at
            .zip(row.ended_at)
            .and_then(|(from, to)| u64::try_from(to - from).ok()),
        why: row.reason.clone(),
        ..RunEnd::default()
    };
    let (Some(goal), Some(run)) = (&definition.goal, &row.run) else {
        return end;
    };
    let reported = summary(machine, &Folder::of(directories, run)).unwrap_or_default();
    let brief = reported.metrics.iter().find(|one| one.name == goal.metric);
    end.step = brief.map(|brief| brief.last.step);
    let value = match brief {
        Some(brief) if goal.by_best => {
            if goal.minimize {
                brief.min
            } else {
                brief.max
            }
        }
        _ => reported
            .values
            .get(&goal.metric)
            .and_then(|value| value.number()),
    };
    end.value = value.filter(|value| value.is_finite());
    if end.value.is_none() && end.word == "finished" && end.exit == Some(0) {
        end.why = Some(match value {
            Some(value) => format!("its {} is {value}", goal.metric),
            None => format!("it logged no {}", goal.metric),
        });
    }
    end
}
