//! Tests of `state`.

use super::super::definition::tests::definition;
use super::*;
use proptest::prelude::*;

fn end(word: &str, exit: i32, value: Option<f64>) -> RunEnd {
    RunEnd {
        word: word.into(),
        exit: Some(exit),
        value,
        ..RunEnd::default()
    }
}

fn take(progress: &mut Progress, what: Happening) {
    // Through the text of the log, as it is read again.
    let text = serde_json::to_string(&Event { at: 1, what }).unwrap();
    progress.take(&definition(), &serde_json::from_str(&text).unwrap());
}

/// Goes on by itself: every job ends as `ends` says, oldest first.
fn play(ends: impl FnMut(u64, usize) -> RunEnd) -> (Progress, usize) {
    play_with(definition(), ends)
}

fn play_with(definition: Definition, ends: impl FnMut(u64, usize) -> RunEnd) -> (Progress, usize) {
    play_on(Progress::default(), &definition, ends)
}

fn play_on(
    mut progress: Progress,
    definition: &Definition,
    mut ends: impl FnMut(u64, usize) -> RunEnd,
) -> (Progress, usize) {
    let (mut job, mut most_open) = (0, 0);
    loop {
        match progress.next(definition) {
            Next::Choose => {
                let trial = progress.trials.len() as u64;
                let point = definition.point(trial).unwrap();
                take(&mut progress, Happening::Trial { trial, point });
            }
            Next::Queue(trial, run) => {
                job += 1;
                take(
                    &mut progress,
                    Happening::Queued {
                        trial,
                        run,
                        job,
                        id: RunId(format!("r{job}")),
                    },
                );
                most_open = most_open.max(progress.open().len());
            }
            Next::Wait => {
                let (trial, run, _) = progress.open()[0];
                take(
                    &mut progress,
                    Happening::Ended {
                        trial,
                        run,
                        end: ends(trial, run),
                    },
                );
            }
            Next::Over(why) => {
                take(&mut progress, Happening::Over { why });
                return (progress, most_open);
            }
        }
    }
}

#[test]
fn every_point_runs_with_every_seed_and_results_have_a_spread() {
    let (progress, most_open) =
        play(|trial, run| end("finished", 0, Some(trial as f64 + run as f64)));
    assert_eq!((progress.trials.len(), most_open), (4, 2));
    assert_eq!(progress.count(TrialState::Done, true), 4);
    let (mean, spread) = progress.trials[1].value().unwrap();
    assert!((mean - 1.5).abs() < 1e-9 && (spread.unwrap() - 0.5_f64.sqrt()).abs() < 1e-9);
    assert_eq!(progress.course, Course::Over(None));
}

#[test]
fn a_broken_script_is_not_tried_for_ever() {
    let many = Definition {
        space: vec!["depth=int:1..50".parse().unwrap()],
        ..definition()
    };
    let (mut progress, _) = play_with(many.clone(), |_, _| end("finished", 1, None));
    // The fourth began before the third was over.
    assert_eq!(progress.trials.len(), 4);
    // A person who resumes it has mended something, or thinks so.
    for (at, fails) in [(8, true), (50, false)] {
        take(&mut progress, Happening::Resume { trials: None });
        let ends = |_, _| end("finished", i32::from(fails), Some(1.0));
        (progress, _) = play_on(progress, &many, ends);
        assert_eq!(progress.trials.len(), at);
        let failed = matches!(&progress.course, Course::Over(Some(why)) if why.contains("since it was resumed failed"));
        assert_eq!(failed, fails, "{:?}", progress.course);
    }
    let few = Definition {
        max_failures: Some(1),
        ..many
    };
    let (mut progress, _) = play_with(few.clone(), |_, _| end("finished", 1, None));
    let tried = progress.trials.len();
    take(&mut progress, Happening::Resume { trials: None });
    let (progress, _) = play_on(progress, &few, |_, _| end("finished", 1, None));
    assert!(progress.trials.len() >= tried + 2, "two more may fail");
    let (progress, _) = play_with(
        Definition {
            space: vec!["depth=int:1..50".parse().unwrap()],
            ..definition()
        },
        |_, _| end("finished", 1, None),
    );
    assert!(matches!(&progress.course, Course::Over(Some(why)) if why.contains("failed")));
    let (progress, _) = play(|trial, _| end("finished", i32::from(trial != 1), Some(1.0)));
    assert_eq!(
        (
            progress.trials.len(),
            progress.count(TrialState::Failed, true)
        ),
        (4, 3)
    );
    assert_eq!(progress.trials[0].state(true), TrialState::Failed);
}

#[test]
fn states_of_trials() {
    let runs = |ends: &[Option<RunEnd>]| Trial {
        runs: ends
            .iter()
            .map(|end| TrialRun {
                job: Some((1, RunId("r".into()))),
                end: end.clone(),
            })
            .collect(),
        ..Trial::default()
    };
    let good = Some(end("finished", 0, Some(1.0)));
    let cut = Some(end("stopped", 143, None));
    for (ends, pruned, state) in [
        (vec![good.clone()], false, TrialState::Done),
        (vec![good.clone()], true, TrialState::Done),
        (vec![cut.clone()], true, TrialState::Pruned),
        (vec![cut.clone(), good.clone()], false, TrialState::CutOff),
        (vec![good.clone(), None], false, TrialState::Open),
        (
            vec![Some(end("finished", 0, None))],
            false,
            TrialState::Failed,
        ),
        (
            vec![Some(end("failed", 1, None)), cut],
            false,
            TrialState::Failed,
        ),
        (
            vec![Some(end("exit-unknown", 0, None))],
            false,
            TrialState::CutOff,
        ),
    ] {
        let mut trial = runs(&ends);
        trial.pruned = pruned.then(|| "why".into());
        assert_eq!(trial.state(true), state, "{ends:?} {pruned}");
    }
}

#[test]
fn what_was_cut_off_is_tried_again_when_it_goes_on() {
    let mut progress = Progress::default();
    let point = definition().point(0).unwrap();
    take(&mut progress, Happening::Trial { trial: 0, point });
    for run in 0..2 {
        take(
            &mut progress,
            Happening::Queued {
                trial: 0,
                run,
                job: 1,
                id: RunId("r".into()),
            },
        );
    }
    take(&mut progress, Happening::Stop);
    take(
        &mut progress,
        Happening::Ended {
            trial: 0,
            run: 0,
            end: end("finished", 0, Some(1.0)),
        },
    );
    take(
        &mut progress,
        Happening::Ended {
            trial: 0,
            run: 1,
            end: end("stopped", 143, None),
        },
    );
    assert_eq!(progress.next(&definition()), Next::Wait);
    take(&mut progress, Happening::Resume { trials: Some(2) });
    assert_eq!(
        progress.next(&definition()),
        Next::Queue(0, 1),
        "the run that ended well is not run again"
    );
    assert_eq!(progress.most(&definition()), 2);
}

#[test]
fn what_a_newer_program_wrote_is_passed_over() {
    let event: Event = serde_json::from_str(r#"{"at":1,"what":"blessed","by":["whom"]}"#).unwrap();
    assert_eq!(event.what, Happening::Unknown);
}

proptest! {
    /// Whatever ends how: no more open at once than may be, and it comes to an end.
    #[test]
    fn it_comes_to_an_end(codes in prop::collection::vec(0..3i32, 8)) {
        let (progress, most_open) = play(|trial, run| {
            match codes[trial as usize * 2 + run] {
                0 => end("finished", 0, Some(1.0)),
                1 => end("finished", 1, None),
                _ => end("exit-unknown", 0, None),
            }
        });
        prop_assert!(most_open <= 2 && progress.open().is_empty());
    }
}
