//! What a job that shares a card claims where nothing was said: what earlier runs of the same command took at the most.

use crate::Context;
use deskside_runs::queue::New;
use deskside_track::index::Filter;
use deskside_track::{Folder, Store, measured};
use deskside_types::run::{RunId, RunState};
use deskside_types::{Code, Problem, Result, units};
use std::collections::BTreeMap;

/// Runs that are looked at; the newest first.
const LOOKED_AT: usize = 500;
/// Of those of the same command as many are enough.
const ENOUGH: usize = 20;

/// Parameters that don't change how much memory a training takes. Any other that differs makes it another command.
const HARMLESS: &[&str] = &[
    "seed",
    "lr",
    "learning-rate",
    "weight-decay",
    "wd",
    "momentum",
    "epochs",
    "steps",
    "max-steps",
    "warmup",
    "warmup-steps",
    "name",
    "run-name",
    "out",
    "output",
    "output-dir",
    "save-dir",
    "log-dir",
    "tag",
];

/// Fills in the claims of jobs that share a card and don't say how much of it; in words, what was filled in.
///
/// # Errors
/// [`Code::QueueUsage`] where no earlier run tells it.
pub(super) fn fill_in(context: &Context, jobs: &mut [New]) -> Result<Option<String>> {
    let mut known: Option<Vec<(Vec<String>, RunId)>> = None;
    let mut found: BTreeMap<Vec<String>, (u64, usize)> = BTreeMap::new();
    for job in jobs
        .iter_mut()
        .filter(|job| job.claim.share && job.claim.vram == 0)
    {
        let shown = job.spec.shown();
        let key = without_harmless(&shown);
        let peak = match found.get(&key) {
            Some((peak, _)) => *peak,
            None => {
                if known.is_none() {
                    known = Some(runs(context)?);
                }
                let peaks: Vec<u64> = known
                    .iter()
                    .flatten()
                    .filter(|(other, _)| *other == key)
                    .filter_map(|(_, id)| peak(context, id))
                    .take(ENOUGH)
                    .collect();
                let Some(peak) = peaks.iter().copied().max() else {
                    return Err(Problem::new(
                        Code::QueueUsage,
                        "--share needs to know how much memory of a card the job takes",
                    )
                    .because(format!(
                        "no earlier run of `{}` was measured on a card",
                        deskside_types::shell::command(&shown)
                    ))
                    .hint("say it: `--share --vram 20G`")
                    .hint("or run it once with a card of its own (`--gpus 1`): what it takes is measured, and counts from then on"));
                };
                // A little more: the next run need not be the leanest.
                let peak = peak.saturating_add(peak / 20);
                found.insert(key, (peak, peaks.len()));
                peak
            }
        };
        job.claim.vram = peak;
    }
    let most = found.values().max();
    Ok(most.map(|(peak, runs)| {
        let runs = match runs {
            1 => "an earlier run".to_string(),
            count => format!("{count} earlier runs"),
        };
        format!(
            "{} of a card are claimed: what {runs} of the same command took at the most, and a twentieth more",
            units::bytes(*peak)
        )
    }))
}

fn runs(context: &Context) -> Result<Vec<(Vec<String>, RunId)>> {
    let filter = Filter {
        limit: Some(LOOKED_AT),
        ..Filter::default()
    };
    let listed = Store::new(&*context.machine, &context.directories).list(&filter)?;
    Ok(listed
        .runs
        .into_iter()
        // What ended early may not have taken all that it needs.
        .filter(|run| matches!(run.state.state, RunState::Finished { .. }))
        .map(|run| (without_harmless(&run.argv), run.id))
        .collect())
}

fn peak(context: &Context, id: &RunId) -> Option<u64> {
    let folder = Folder::of(&context.directories, id);
    measured::read(&*context.machine, &folder)?
        .vram_peak()
        .filter(|peak| *peak > 0)
}

/// A command without the parameters that don't change its memory: `--lr 1`, `--lr=1`, `lr=1`.
fn without_harmless(argv: &[String]) -> Vec<String> {
    let harmless = |name: &str| {
        let name = name.trim_start_matches('-').replace('_', "-");
        HARMLESS.contains(&name.to_ascii_lowercase().as_str())
    };
    let mut kept = Vec::new();
    let mut words = argv.iter().peekable();
    while let Some(word) = words.next() {
        match word.split_once('=') {
            Some((name, _)) if harmless(name) => {}
            None if word.starts_with('-') && harmless(word) => {
                words.next_if(|value| !value.starts_with("--"));
            }
            _ => kept.push(word.clone()),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use deskside_machine::{Directories, Machine};
    use deskside_runs::queue::{Spec, Word};
    use deskside_runs::schedule::Claim;
    use deskside_testkit::Sim;
    use deskside_track::record;
    use deskside_types::measured::{MEASURED_VERSION, Measured, MeasuredGpu};
    use deskside_types::run::{Place, RUN_FOLDER_VERSION, RunExit, RunRecord, StateRecord};

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(String::from).collect()
    }

    fn job(text: &str, vram: u64) -> New {
        New {
            spec: Spec {
                argv: words(text).into_iter().map(Word::Text).collect(),
                ..Spec::default()
            },
            claim: Claim {
                share: true,
                vram,
                ..Claim::default()
            },
            ..New::default()
        }
    }

    fn keep_run(machine: &dyn Machine, directories: &Directories, id: &str, text: &str, peak: u64) {
        let folder = Folder::of(directories, &RunId(id.into()));
        let at: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let state = StateRecord {
            state: RunState::Finished {
                exit: RunExit::ExitCode(0),
            },
            started_at: Some(at),
            ended_at: Some(at),
        };
        let run = RunRecord {
            version: RUN_FOLDER_VERSION,
            id: RunId(id.into()),
            name: "t".into(),
            experiment: "default".into(),
            created_at: at,
            argv: words(text),
            working_directory: "/p".into(),
            project: None,
            params: BTreeMap::new(),
            tags: BTreeMap::new(),
            place: Place::Here,
            code: None,
            environment: BTreeMap::new(),
            machine: None,
        };
        record::create(machine, &folder, &run, &state).unwrap();
        let measured = Measured {
            version: MEASURED_VERSION,
            samples: 3,
            gpus: vec![MeasuredGpu {
                memory_peak: Some(peak),
                ..MeasuredGpu::default()
            }],
            ..Measured::default()
        };
        measured::write(machine, &folder, &measured).unwrap();
    }

    #[test]
    fn earlier_runs_of_the_same_command_tell_the_claim() {
        let sim = Sim::linux();
        let context = Context::here(sim.shared()).unwrap();
        let directories = &context.directories;
        for (id, text, peak) in [
            (
                "20260101-000000-aaaa",
                "python t.py --batch 8 --lr 1",
                4 << 30,
            ),
            (
                "20260101-000001-aaaa",
                "python t.py --batch 8 --lr=2 --seed 7",
                5 << 30,
            ),
            ("20260101-000002-aaaa", "python t.py --batch 64", 9 << 30),
        ] {
            keep_run(&*context.machine, directories, id, text, peak);
        }
        let mut jobs = [
            job("python t.py --batch 8 --seed 3", 0),
            job("python t.py --batch 64", 1 << 30),
        ];
        let said = fill_in(&context, &mut jobs).unwrap().unwrap();
        assert_eq!(jobs[0].claim.vram, (5 << 30) + (5 << 30) / 20);
        assert_eq!(jobs[1].claim.vram, 1 << 30, "what was said counts");
        assert!(said.contains("2 earlier runs"), "{said}");
        let problem = fill_in(&context, &mut [job("python t.py --batch 16", 0)]).unwrap_err();
        assert_eq!(problem.code, Code::QueueUsage);
        assert!(format!("{:?}", problem.hints).contains("--vram"));
    }

    #[test]
    fn only_what_does_not_change_memory_is_left_out() {
        for (text, key) in [
            ("python t.py --lr 1 --batch 8", "python t.py --batch 8"),
            ("t.py learning_rate=1 width=2", "t.py width=2"),
            ("t.py --seed --amp", "t.py --amp"),
            ("lr x", "lr x"),
        ] {
            assert_eq!(without_harmless(&words(text)), words(key), "{text}");
        }
    }
}
