//! Ending trials early that will not become good, by the values they report while they run. Pure.
//!
//! - **The median rule**: Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD 2017, section 3.2.2: a trial is
//!   stopped at a step if the best it reported by then is strictly worse than the median of the running averages, up to that
//!   step, of the trials that are complete.
//! - **Successive halving, asynchronous** (ASHA): Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020:
//!   rungs at `from · factor^k`; of what reached a rung the best 1/factor goes on. The paper's trials pause and are promoted; a
//!   training run can't be paused for hours, so that here it is judged when it reaches the rung, against what had reached it
//!   by then, and the best so far always goes on.
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
    /// Steps, each greater than the one before, values, and when they were reported, in milliseconds of the epoch.
    pub points: Vec<(i64, f64, i64)>,
    /// The run ended by itself, and well.
    pub complete: bool,
    /// The highest rung it was judged at.
    pub judged: Option<i64>,
}

impl Curve {
    /// Takes a value in. A step that was reported already gets the newer value.
    pub fn add(&mut self, step: i64, value: f64, time_ms: i64) {
        let value = if value.is_nan() { f64::INFINITY } else { value };
        match self.points.binary_search_by_key(&step, |point| point.0) {
            Ok(at) => self.points[at].1 = value,
            Err(at) => self.points.insert(at, (step, value, time_ms)),
        }
    }

    fn last_step(&self) -> Option<i64> {
        self.points.last().map(|point| point.0)
    }

    fn until(&self, step: i64) -> &[(i64, f64, i64)] {
        &self.points[..self.points.partition_point(|point| point.0 <= step)]
    }

    /// The first value at a rung or beyond it, and when it was reported.
    fn at(&self, rung: i64) -> Option<(f64, i64)> {
        let at = self.points.partition_point(|point| point.0 < rung);
        self.points.get(at).map(|point| (point.1, point.2))
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

fn best(points: &[(i64, f64, i64)]) -> Option<f64> {
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
    let due: Vec<i64> = rungs(from, early.factor, early.most.unwrap_or(i64::MAX))
        .take_while(|rung| *rung <= step && early.most.is_none_or(|most| *rung < most))
        .filter(|rung| curves[which].judged.is_none_or(|judged| judged < *rung))
        .collect();
    for rung in due {
        curves[which].judged = Some(rung);
        let (own, when) = curves[which].at(rung)?;
        // Only what had reached it by then: whoever looks later, or once more, comes to the same.
        let reached: Vec<f64> = curves
            .iter()
            .filter(|curve| is_rival(curve))
            .filter_map(|curve| curve.at(rung))
            .filter(|(_, time)| *time <= when)
            .map(|(value, _)| value)
            .collect();
        let better = reached.iter().filter(|value| **value < own).count();
        let goes_on = kept(reached.len(), early.factor);
        if better >= goes_on {
            return Some(format!(
                "place {} of {} at step {rung}, where {goes_on} go on",
                better + 1,
                reached.len()
            ));
        }
    }
    None
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
mod tests;
