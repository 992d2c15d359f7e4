//! Which points of a space are tried, by methods that need nobody's advice: the grid, and chance.
//!
//! Both are functions of the trial's number: a sweep that goes on after anything died goes on with the same points.

use super::space::Parameter;
use std::collections::BTreeMap;

/// A point: each parameter's value.
pub type Point = BTreeMap<String, String>;

/// How many points a space has; none where there is no end of them. What is beyond 2^64 is told as that.
pub fn size(space: &[Parameter]) -> Option<u64> {
    space.iter().try_fold(1_u64, |size, parameter| {
        parameter
            .domain
            .count()
            .map(|count| size.saturating_mul(count))
    })
}

/// The point of the grid with a number, counted from 0: the last parameter changes first, as in nested loops.
pub fn grid(space: &[Parameter], number: u64) -> Point {
    let mut rest = number;
    let mut point = Point::new();
    for parameter in space.iter().rev() {
        let count = parameter.domain.count().unwrap_or(1);
        point.insert(parameter.name.clone(), parameter.domain.value(rest % count));
        rest /= count;
    }
    point
}

/// The random point of a trial. Where points can be counted none comes twice before all came.
pub fn random(space: &[Parameter], seed: u64, trial: u64) -> Point {
    match size(space) {
        Some(size) if size < u64::MAX >> 2 => {
            let round = trial / size;
            let shuffled = shuffled(trial % size, size, mixed(seed, round, u64::MAX));
            grid(space, shuffled)
        }
        _ => space
            .iter()
            .enumerate()
            .map(|(at, parameter)| {
                let bits = mixed(seed, trial, at as u64);
                // The upper 53 bits: every share is as likely as every other.
                let share = (bits >> 11) as f64 / (1_u64 << 53) as f64;
                (parameter.name.clone(), parameter.domain.at(share))
            })
            .collect(),
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014) over three numbers.
pub fn mixed(seed: u64, trial: u64, at: u64) -> u64 {
    let step = |state: u64| {
        let mut word = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    };
    step(step(step(seed) ^ trial) ^ at)
}

/// Where a number of 0 to `size` is in a shuffle of all of them: a Feistel network over the next power of four, walked until it
/// lands below `size`.
fn shuffled(number: u64, size: u64, key: u64) -> u64 {
    let half = (u64::BITS - (size - 1).leading_zeros()).div_ceil(2).max(1);
    let mask = (1_u64 << half) - 1;
    let mut number = number;
    loop {
        let (mut left, mut right) = (number >> half, number & mask);
        for round in 0..6 {
            (left, right) = (right, left ^ (mixed(key, right, round) & mask));
        }
        number = left << half | right;
        if number < size {
            return number;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn space(texts: &[&str]) -> Vec<Parameter> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn words(point: &Point) -> String {
        point.values().cloned().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_grid_is_nested_loops() {
        let space = space(&["a=1,2", "b=x,y,z"]);
        assert_eq!(size(&space), Some(6));
        let all: Vec<String> = (0..6).map(|number| words(&grid(&space, number))).collect();
        assert_eq!(all, ["1 x", "1 y", "1 z", "2 x", "2 y", "2 z"]);
    }

    #[test]
    fn a_space_may_be_without_end_or_beyond_counting() {
        assert_eq!(size(&space(&["a=1,2", "b=0.1..0.2"])), None);
        let large = space(&[
            "a=int:1..1000000000",
            "b=int:1..1000000000",
            "c=int:1..1000000000",
        ]);
        assert_eq!(size(&large), Some(u64::MAX));
        let point = random(&large, 1, 7);
        assert_eq!(point.len(), 3);
        assert_eq!(size(&[]), Some(1));
    }

    #[test]
    fn chance_can_be_repeated_and_is_spread() {
        let space = space(&["lr=log:1e-4..1e0"]);
        assert_eq!(random(&space, 7, 3), random(&space, 7, 3));
        assert_ne!(random(&space, 7, 3), random(&space, 8, 3));
        let mut decades = [0; 4];
        for trial in 0..4000 {
            let lr: f64 = random(&space, 1, trial)["lr"].parse().unwrap();
            let decade = (lr.log10() + 4.0).floor() as usize;
            decades[decade.min(3)] += 1;
        }
        assert!(
            decades.iter().all(|count| (900..1100).contains(count)),
            "{decades:?}"
        );
    }

    proptest! {
        #[test]
        fn no_point_comes_twice_before_all_came(seed: u64, a in 1..9i64, b in 1..9i64) {
            let space = space(&[&format!("a=int:1..{a}"), &format!("b=int:1..{b}")]);
            let size = size(&space).unwrap();
            for round in 0..2 {
                let points: BTreeSet<Point> = (0..size).map(|trial| random(&space, seed, round * size + trial)).collect();
                prop_assert_eq!(points.len() as u64, size);
            }
        }

        #[test]
        fn every_point_of_the_grid_comes_once(counts in prop::collection::vec(1..5i64, 0..5)) {
            let texts: Vec<String> = counts.iter().enumerate().map(|(at, count)| format!("p{at}=int:1..{count}")).collect();
            let space = space(&texts.iter().map(String::as_str).collect::<Vec<_>>());
            let size = size(&space).unwrap();
            prop_assert_eq!(size, counts.iter().product::<i64>() as u64);
            let all: Vec<Point> = (0..size).map(|number| grid(&space, number)).collect();
            prop_assert_eq!(all.iter().collect::<BTreeSet<_>>().len() as u64, size);
        }
    }
}
