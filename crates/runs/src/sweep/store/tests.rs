//! Tests of `store`.

use super::super::definition::tests::definition;
use super::*;
use crate::sweep::state::{Course, TrialState};
use deskside_machine::wrappers::{Fault, Faulty, Mode};
use deskside_testkit::Sim;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn what_is_said_is_read_again_and_a_torn_line_is_passed_over() {
    let sim = Sim::linux();
    let directories = Directories::of(&sim).unwrap();
    let mut sweep = Sweep::make(&sim, &directories, definition()).unwrap();
    let point = definition().point(0).unwrap();
    let trial = |trial| Happening::Trial {
        trial,
        point: point.clone(),
    };
    sweep.tell(trial(0)).unwrap();
    sim.append_file(sweep.log(), "{\"at\":7,\"wh", Durability::Process)
        .unwrap();
    let mut again = find(&sim, &directories, "abcd").unwrap();
    assert_eq!(again.progress.trials.len(), 1);
    again.tell(trial(1)).unwrap();
    sweep.refresh().unwrap();
    assert_eq!(sweep.progress, again.progress);
    assert_eq!(sweep.progress.trials.len(), 2);
    for text in ["latest", "train", "20261126", "20261126-010203-abcd"] {
        assert_eq!(
            find(&sim, &directories, text).unwrap().progress,
            sweep.progress
        );
    }
    assert_eq!(
        find(&sim, &directories, "other").err().unwrap().code,
        Code::SweepUnknown
    );
}

/// Whatever breaks at whichever effect: who looks afterwards finds no sweep or a whole one, and every event that was confirmed.
#[test]
fn at_every_effect_something_breaks() {
    let (mut died, mut failed) = (0, 0);
    let modes = [
        Mode::Fail(ErrorKind::Full),
        Mode::DieBefore,
        Mode::DieAfter,
        Mode::Half,
    ];
    for (at, mode) in (1..16).flat_map(|at| modes.map(|mode| (at, mode))) {
        let sim = Sim::linux();
        let directories = Directories::of(&sim).unwrap();
        let faulty = Faulty::new(sim.shared(), Fault { at, mode });
        let confirmed = std::cell::Cell::new(0);
        let outcome = catch_unwind(AssertUnwindSafe(|| -> Result<()> {
            let mut sweep = Sweep::make(&faulty, &directories, definition())?;
            for trial in 0..4 {
                let point = definition().point(trial).unwrap_or_default();
                sweep.tell(Happening::Trial { trial, point })?;
                confirmed.set(trial + 1);
            }
            Ok(())
        }));
        died += usize::from(outcome.is_err());
        failed += usize::from(matches!(outcome, Ok(Err(_))));
        let found = all(&sim, &directories).unwrap();
        let Some(mut sweep) = found
            .first()
            .and_then(|id| Sweep::open(&sim, &directories, id).ok())
        else {
            assert_eq!(confirmed.get(), 0, "{mode:?}@{at}");
            continue;
        };
        let there = sweep.progress.trials.len() as u64;
        assert!(
            there == confirmed.get() || there == confirmed.get() + 1,
            "{mode:?}@{at}: {there} of {}",
            confirmed.get()
        );
        let point = definition().point(0).unwrap();
        sweep
            .tell(Happening::Trial {
                trial: there,
                point,
            })
            .unwrap();
        let again = Sweep::open(&sim, &directories, &definition().id).unwrap();
        assert_eq!(
            again.progress.trials.len() as u64,
            there + 1,
            "{mode:?}@{at}: it goes on"
        );
    }
    assert!(
        died > 10 && failed > 3,
        "{died} {failed}: the faults were met"
    );
}

#[test]
fn a_newer_sweep_is_refused() {
    let sim = Sim::linux();
    let directories = Directories::of(&sim).unwrap();
    Sweep::make(
        &sim,
        &directories,
        Definition {
            version: 9,
            ..definition()
        },
    )
    .unwrap();
    let problem = find(&sim, &directories, "latest").err().unwrap();
    assert_eq!(problem.code, Code::SweepBroken);
}

/// A folder as the first version wrote it is read for ever.
#[test]
fn the_golden_folder_is_read() {
    let sim = Sim::linux();
    let directories = Directories::of(&sim).unwrap();
    let folder = sweeps(&directories).join("20261126-010203-gold");
    let texts = [
        (
            "sweep.json",
            include_str!("../../../tests/golden/sweep-1/sweep.json"),
        ),
        (
            "trials.jsonl",
            include_str!("../../../tests/golden/sweep-1/trials.jsonl"),
        ),
    ];
    for (name, text) in texts {
        sim.put_file(folder.join(name).display().to_string(), text);
    }
    let sweep = find(&sim, &directories, "gold").unwrap();
    let definition = &sweep.definition;
    assert_eq!((definition.most(), definition.runs()), (40, 2));
    assert_eq!(definition.space[2], "batch=pow2:8..512".parse().unwrap());
    assert_eq!(definition.space[3], "dropout=0.0..0.5/6".parse().unwrap());
    assert_eq!(definition.claim.gpus, 1);
    assert_eq!(
        definition
            .window
            .map(|window| window.to_string())
            .as_deref(),
        Some("09:00-18:00")
    );
    let states: Vec<TrialState> = sweep
        .progress
        .trials
        .iter()
        .map(|trial| trial.state(true))
        .collect();
    assert_eq!(states, [TrialState::Done, TrialState::Pruned]);
    let (mean, spread) = sweep.progress.trials[0].value().unwrap();
    assert!((mean - 0.5).abs() < 1e-9 && (spread.unwrap() - 0.125_f64.sqrt()).abs() < 1e-9);
    assert_eq!(
        (sweep.progress.course.clone(), sweep.progress.most),
        (Course::Over(None), Some(2))
    );
    assert_eq!(sweep.progress.jobs.len(), 3);
}
