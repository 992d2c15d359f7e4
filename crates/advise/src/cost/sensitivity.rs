//! Which inputs would turn the verdict, and at what value.

use super::{Case, Field, Question};

/// Steps in each direction in which a turn is sought before it is solved.
const STEPS: u32 = 100;

/// An input that turns the verdict.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flip {
    /// The input.
    pub field: Field,
    /// What is counted with.
    pub from: f64,
    /// Where the verdict turns, all others as they are.
    pub to: f64,
    /// How far that is, in the input itself or in noticeable steps where it is small.
    pub distance: f64,
}

/// The inputs that turn the verdict within what is plausible, nearest first.
pub fn flips(case: &Case, question: Question) -> Vec<Flip> {
    let mut found: Vec<Flip> = Field::ALL
        .iter()
        .filter(|field| field.matters_for(question) && **field != Field::MonthHours)
        .filter_map(|field| flip(case, question, *field))
        .collect();
    found.sort_by(|left, right| left.distance.total_cmp(&right.distance));
    found
}

fn flip(case: &Case, question: Question, field: Field) -> Option<Flip> {
    let about = field.about();
    let from = case.get(field);
    let most = if about.bounded {
        about.most
    } else if from > 0.0 {
        about.most * from
    } else {
        about.most * about.scale
    };
    let wins = case.advantage(question) > 0.0;
    let at = |value: f64| {
        let mut one = *case;
        one.set(field, value);
        one.advantage(question) > 0.0
    };
    let toward = |end: f64| {
        let mut last = from;
        for step in 1..=STEPS {
            let value = from + (end - from) * f64::from(step) / f64::from(STEPS);
            if at(value) != wins {
                return Some(solve(&at, last, value));
            }
            last = value;
        }
        None
    };
    // What can't be zero goes down as many times as it goes up.
    let least = if about.least > 0.0 && !about.bounded {
        about.least.max(from / about.most)
    } else {
        about.least
    };
    let ends = [least.min(from), most.max(from)];
    ends.into_iter()
        .filter(|end| *end != from)
        .filter_map(toward)
        .map(|to| Flip {
            field,
            from,
            to,
            distance: (to - from).abs() / from.abs().max(about.scale),
        })
        .min_by(|left, right| left.distance.total_cmp(&right.distance))
}

/// The value between two of which only one wins.
fn solve(wins: &dyn Fn(f64) -> bool, mut kept: f64, mut turned: f64) -> f64 {
    let was = wins(kept);
    for _ in 0..60 {
        let middle = f64::midpoint(kept, turned);
        if wins(middle) == was {
            kept = middle;
        } else {
            turned = middle;
        }
    }
    turned
}
