//! Ending trials early that will not become good, by the values they report while they run. Pure.
//!
//! - **The median rule**: Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD 2017, section 3.2.2: a trial is
//!   stopped at a step if the best it reported by then is strictly worse than the median of the running averages, up to that
//!   step, of the trials that are complete.
//! - **Successive halving, asynchronous** (ASHA): Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020:
//!   rungs at `from · factor^k`; of what reached a rung the best 1/factor goes on. The paper's trials pause and are promoted; a
//!   training run can't be paused for hours, so that here it is judged when it reaches the rung, against what reached it so far,
//!   and the best so far always goes on.
//! - **Hyperband**: Li et al., JMLR 18 (2018), Algorithm 1: brackets of successive halving that begin at different rungs, each with
//!   its share of the trials.

use serde::{Deserialize, Serialize};

/// How trials are ended early.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Early {
    /// By which rule.
    pub rule: Rule,
    /// The first step at which a trial is judged, 1 at least.
    pub from: i64,
    /// Of so many one goes on, 2 at least.
    pub factor: u32,
    /// The last step of a whole trial; only Hyperband needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<i64>,
}

/// A rule of ending early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The median rule.
    Median,
    /// Asynchronous successive halving.
    Halving,
    /// Brackets of it.
    Hyperband,
}

/// So many complete trials the median rule waits for.
const COMPLETE_BEFORE_MEDIAN: usize = 4;

/// What a run reported: steps in order, values so that less is better. Values that are no numbers are infinitely bad.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Curve {
    /// The trial it belongs to.
    pub trial: u64,
    /// Steps, each greater than the one before, and values.
    pub points: Vec<(i64, f64)>,
    /// The run ended by itself, and well.
    pub complete: bool,
    /// The highest rung it was judged at.
    pub judged: Option<i64>,
}

impl Curve {
    /// Takes a value in. A step that was reported already gets the newer value.
    pub fn add(&mut self, step: i64, value: f64) {
        let value = if value.is_nan() { f64::INFINITY } else { value };
        match self.points.binary_search_by_key(&step, |point| point.0) {
            Ok(at) => self.points[at].1 = value,
            Err(at) => self.points.insert(at, (step, value)),
        }
    }

    fn last_step(&self) -> Option<i64> {
        self.points.last().map(|point| point.0)
    }

    fn until(&self, step: i64) -> &[(i64, f64)] {
        &self.points[..self.points.partition_point(|point| point.0 <= step)]
    }

    /// The first value at a rung or beyond it.
    fn at(&self, rung: i64) -> Option<f64> {
        self.points
            .get(self.points.partition_point(|point| point.0 < rung))
            .map(|point| point.1)
    }
}

/// Judges a run by what it and the others reported so far: why it is ended, or nothing. Remembers the rung it was judged at.
pub fn judge(early: &Early, curves: &mut [Curve], which: usize) -> Option<String> {
    let step = curves.get(which)?.last_step()?;
    if step < early.from {
        return None;
    }
    match early.rule {
        Rule::Median => {
            if curves[which].judged == Some(step) {
                return None;
            }
            curves[which].judged = Some(step);
            median(curves, which, step)
        }
        Rule::Halving => halving(early, early.from, curves, which, |_| true),
        Rule::Hyperband => {
            let bracket = bracket_of(early, curves[which].trial);
            let from = first_rung(early, bracket);
            halving(early, from, curves, which, |curve| {
                bracket_of(early, curve.trial) == bracket
            })
        }
    }
}

fn median(curves: &[Curve], which: usize, step: i64) -> Option<String> {
    let best = best(curves[which].until(step))?;
    let mut averages: Vec<f64> = curves
        .iter()
        .enumerate()
        .filter(|(at, curve)| *at != which && curve.complete)
        .map(|(_, curve)| curve.until(step))
        .filter(|points| !points.is_empty())
        .map(|points| points.iter().map(|point| point.1).sum::<f64>() / points.len() as f64)
        .collect();
    if averages.len() < COMPLETE_BEFORE_MEDIAN {
        return None;
    }
    averages.sort_by(f64::total_cmp);
    let middle = averages.len() / 2;
    let median = if averages.len() % 2 == 1 {
        averages[middle]
    } else {
        f64::midpoint(averages[middle - 1], averages[middle])
    };
    (best > median).then(|| format!("worse than the median of {} at step {step}", averages.len()))
}

fn best(points: &[(i64, f64)]) -> Option<f64> {
    points.iter().map(|point| point.1).min_by(f64::total_cmp)
}

fn halving(
    early: &Early,
    from: i64,
    curves: &mut [Curve],
    which: usize,
    is_rival: impl Fn(&Curve) -> bool,
) -> Option<String> {
    let step = curves[which].last_step()?;
    // At the last rung a trial is whole: there is nothing to end.
    let rung = rungs(from, early.factor, early.most.unwrap_or(i64::MAX))
        .take_while(|rung| *rung <= step)
        .last()
        .filter(|rung| early.most.is_none_or(|most| *rung < most))?;
    if curves[which].judged.is_some_and(|judged| judged >= rung) {
        return None;
    }
    curves[which].judged = Some(rung);
    let own = curves[which].at(rung)?;
    let reached: Vec<f64> = curves
        .iter()
        .filter(|curve| is_rival(curve))
        .filter_map(|curve| curve.at(rung))
        .collect();
    let better = reached.iter().filter(|value| **value < own).count();
    let goes_on = kept(reached.len(), early.factor);
    (better >= goes_on).then(|| {
        format!(
            "place {} of {} at step {rung}, where {goes_on} go on",
            better + 1,
            reached.len()
        )
    })
}

/// The steps at which trials are judged.
pub fn rungs(from: i64, factor: u32, most: i64) -> impl Iterator<Item = i64> {
    std::iter::successors(Some(from.max(1)), move |rung| {
        rung.checked_mul(i64::from(factor.max(2)))
    })
    .take_while(move |rung| *rung <= most)
}

/// How many of those that reached a rung go on: the best 1/factor, one at least.
pub fn kept(reached: usize, factor: u32) -> usize {
    (reached / factor.max(2) as usize).max(1)
}

/// The brackets of Hyperband: how many trials each begins with, and after how many steps they are judged first.
pub fn brackets(most: i64, factor: u32) -> Vec<(u64, i64)> {
    let factor = i64::from(factor.max(2));
    let mut greatest = 0_u32;
    while factor
        .checked_pow(greatest + 1)
        .is_some_and(|power| power <= most)
    {
        greatest += 1;
    }
    (0..=greatest)
        .rev()
        .map(|bracket| {
            // n = ceil((s_max + 1) · factor^s / (s + 1)), r = R · factor^-s.
            let trials = (u64::from(greatest) + 1) * factor.pow(bracket).unsigned_abs();
            let trials = trials.div_ceil(u64::from(bracket) + 1);
            (trials, (most / factor.pow(bracket)).max(1))
        })
        .collect()
}

fn bracket_of(early: &Early, trial: u64) -> usize {
    let brackets = brackets(early.most.unwrap_or(81), early.factor);
    let round: u64 = brackets.iter().map(|bracket| bracket.0).sum();
    let mut place = trial % round.max(1);
    for (at, bracket) in brackets.iter().enumerate() {
        if place < bracket.0 {
            return at;
        }
        place -= bracket.0;
    }
    0
}

fn first_rung(early: &Early, bracket: usize) -> i64 {
    brackets(early.most.unwrap_or(81), early.factor)
        .get(bracket)
        .map_or(1, |bracket| bracket.1)
        .max(early.from)
}

#[cfg(test)]
mod tests {
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
                curves[*at].add(rung, (*at as f64 * 7.0) % 81.0);
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
    fn a_run_is_judged_once_a_rung_and_the_first_goes_on() {
        let early = early(Rule::Halving);
        let mut curves = vec![
            Curve::default(),
            Curve {
                trial: 1,
                ..Curve::default()
            },
        ];
        curves[0].add(1, 5.0);
        assert_eq!(judge(&early, &mut curves, 0), None);
        curves[1].add(1, 6.0);
        assert!(judge(&early, &mut curves, 1).is_some());
        curves[1].points[0].1 = 1.0;
        curves[0].add(2, 5.0);
        assert_eq!(
            judge(&early, &mut curves, 0),
            None,
            "it was judged at that rung"
        );
        curves[0].add(4, f64::NAN);
        assert_eq!(
            judge(&early, &mut curves, 0),
            None,
            "nobody else has reached the rung"
        );
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
                curve.add(step as i64 + 1, *value);
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
        curves[0].add(3, 1.0);
        curves[1].add(3, 2.0);
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
                curve.add(1, f64::from(*value));
                curves.push(curve);
                ended.push(judge(&early, &mut curves, trial).is_some());
            }
            let best = values.iter().min().unwrap();
            for (value, ended) in values.iter().zip(ended) {
                prop_assert!(value != best || !ended);
            }
        }
    }
}
