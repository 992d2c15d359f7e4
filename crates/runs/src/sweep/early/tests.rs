//! Tests of `early`.

use super::*;
use proptest::prelude::*;

/// Table 1 of the Hyperband paper, R = 81 and a factor of 3: trials and steps of every bracket, rung by rung.
#[test]
fn brackets_are_those_of_the_paper() {
    let table: Vec<Vec<(usize, i64)>> = brackets(81, 3)
        .iter()
        .map(|(trials, from)| {
            let mut left = *trials as usize;
            rungs(*from, 3, 81)
                .map(|rung| {
                    let here = (left, rung);
                    left /= 3;
                    here
                })
                .collect()
        })
        .collect();
    assert_eq!(
        table,
        [
            vec![(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
            vec![(34, 3), (11, 9), (3, 27), (1, 81)],
            vec![(15, 9), (5, 27), (1, 81)],
            vec![(8, 27), (2, 81)],
            vec![(5, 81)],
        ]
    );
}

fn early(rule: Rule) -> Early {
    Early {
        rule,
        from: 1,
        factor: 3,
        most: Some(81),
    }
}

/// All reach a rung before the first is judged: then the asynchronous rule keeps what the synchronous table keeps.
#[test]
fn what_goes_on_is_what_the_table_says() {
    let early = early(Rule::Halving);
    let mut curves: Vec<Curve> = (0..81)
        .map(|trial| Curve {
            trial,
            ..Curve::default()
        })
        .collect();
    let mut running: Vec<usize> = (0..81).collect();
    let mut counts = vec![];
    for rung in rungs(1, 3, 81) {
        counts.push(running.len());
        for at in &running {
            // A good trial is good at every step.
            curves[*at].add(rung, (*at as f64 * 7.0) % 81.0, rung);
        }
        let ended: Vec<bool> = running
            .iter()
            .map(|at| judge(&early, &mut curves, *at).is_some())
            .collect();
        running = running
            .iter()
            .zip(ended)
            .filter(|(_, ended)| !ended)
            .map(|(at, _)| *at)
            .collect();
    }
    assert_eq!(counts, [81, 27, 9, 3, 1]);
    assert_eq!(
        running,
        [0],
        "the best is left, and is not ended at its end"
    );
}

#[test]
fn a_run_is_judged_by_what_had_reached_the_rung_by_then() {
    let early = early(Rule::Halving);
    let mut curves = vec![
        Curve::default(),
        Curve {
            trial: 1,
            ..Curve::default()
        },
    ];
    curves[0].add(1, 5.0, 10);
    assert_eq!(judge(&early, &mut curves, 0), None, "the first goes on");
    curves[1].add(1, 6.0, 20);
    assert!(judge(&early, &mut curves, 1).is_some());
    // A better one that came later changes nothing, also for who looks anew.
    curves[1].points[0].1 = 1.0;
    curves[0].add(4, f64::NAN, 30);
    curves[0].judged = None;
    assert_eq!(judge(&early, &mut curves, 0), None);
    // Far beyond the rungs when it is looked at first: it is judged at each of them.
    curves[1] = Curve {
        trial: 1,
        ..Curve::default()
    };
    curves[1].add(1, 4.0, 40);
    curves[1].add(2, 9.0, 41);
    curves[1].add(200, 9.0, 42);
    assert_eq!(
        judge(&early, &mut curves, 1),
        None,
        "no number at the second rung is worse"
    );
    curves[1].judged = None;
    curves[1].points[0].1 = 6.0;
    let why = judge(&early, &mut curves, 1).unwrap_or_default();
    assert!(why.contains("step 1,"), "{why}");
}

#[test]
fn worse_than_the_median_is_ended() {
    let rule = Early {
        from: 2,
        ..early(Rule::Median)
    };
    let curve = |trial: u64, values: &[f64], complete: bool| {
        let mut curve = Curve {
            trial,
            complete,
            ..Curve::default()
        };
        for (step, value) in values.iter().enumerate() {
            curve.add(step as i64 + 1, *value, 0);
        }
        curve
    };
    // Running averages up to step 2: 1.5, 2.5, 3.5, 4.5; their median is 3.
    let others = [
        [1.0, 2.0, 0.0],
        [2.0, 3.0, 0.0],
        [3.0, 4.0, 0.0],
        [4.0, 5.0, 0.0],
    ];
    for (values, ended) in [
        (vec![9.0], false),
        (vec![9.0, 3.1], true),
        (vec![9.0, 3.0], false),
        (vec![2.0, 9.0], false),
        (vec![f64::NAN, f64::NAN], true),
    ] {
        let mut curves = vec![curve(9, &values, false)];
        curves.extend(
            others
                .iter()
                .enumerate()
                .map(|(at, values)| curve(at as u64, values, true)),
        );
        assert_eq!(judge(&rule, &mut curves, 0).is_some(), ended, "{values:?}");
        assert_eq!(judge(&rule, &mut curves, 0), None, "once a step");
        curves.truncate(4);
        curves[0].judged = None;
        assert_eq!(judge(&rule, &mut curves, 0), None, "too few are complete");
    }
}

#[test]
fn brackets_are_not_mixed() {
    let early = early(Rule::Hyperband);
    // Trials 0 to 80 are in the first bracket, 81 to 114 in the second, whose first rung is 3.
    assert_eq!(
        (
            bracket_of(&early, 80),
            bracket_of(&early, 81),
            bracket_of(&early, 143)
        ),
        (0, 1, 0)
    );
    let mut curves = vec![
        Curve {
            trial: 0,
            ..Curve::default()
        },
        Curve {
            trial: 81,
            ..Curve::default()
        },
    ];
    curves[0].add(3, 1.0, 0);
    curves[1].add(3, 2.0, 0);
    assert_eq!(judge(&early, &mut curves, 1), None);
    curves[0].trial = 82;
    curves[1].judged = None;
    assert!(judge(&early, &mut curves, 1).is_some());
}

proptest! {
    #[test]
    fn the_best_of_all_is_never_ended(values in prop::collection::vec(0..100u32, 1..40), factor in 2..5u32) {
        let early = Early { factor, ..early(Rule::Halving) };
        let mut curves: Vec<Curve> = Vec::new();
        let mut ended = Vec::new();
        for (trial, value) in values.iter().enumerate() {
            let mut curve = Curve { trial: trial as u64, ..Curve::default() };
            curve.add(1, f64::from(*value), trial as i64);
            curves.push(curve);
            ended.push(judge(&early, &mut curves, trial).is_some());
        }
        let best = values.iter().min().unwrap();
        for (value, ended) in values.iter().zip(ended) {
            prop_assert!(value != best || !ended);
        }
    }
}
