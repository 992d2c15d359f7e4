//! The three cases side by side: everything in favour of owning, what is counted with, everything against it.

use super::break_even::{BreakEven, break_even};
use super::{Case, Field, Question, Ranges, job, own, rent};
use schemars::JsonSchema;
use serde::Serialize;

/// One case's sums: of a month for a machine, in all for a job.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Side {
    /// What owning costs; for a job, what it adds here.
    pub own: f64,
    /// What renting costs.
    pub rent: f64,
    /// Where owning costs less; none for a job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub break_even: Option<BreakEven>,
}

/// The comparison.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Comparison {
    /// Every input at the end of its range that favours owning.
    pub low: Side,
    /// What is counted with.
    pub base: Side,
    /// Every input at the end that favours renting.
    pub high: Side,
}

impl Comparison {
    /// Owning costs less by what is counted with.
    pub fn own_wins(&self) -> bool {
        self.base.own < self.base.rent
    }

    /// All three cases say the same.
    pub fn is_firm(&self) -> bool {
        let own = |side: &Side| side.own < side.rent;
        own(&self.low) == own(&self.base) && own(&self.base) == own(&self.high)
    }
}

/// The case that is counted with.
pub fn base(ranges: &Ranges) -> Case {
    ranges.map(|range| range.base)
}

/// The case that favours owning most, or least.
pub fn extreme(ranges: &Ranges, question: Question, owning: bool) -> Case {
    let base = base(ranges);
    let mut case = base;
    for field in Field::ALL {
        let range = ranges.get(*field);
        let at = |value: f64| {
            let mut one = base;
            one.set(*field, value);
            one.advantage(question)
        };
        let (low, high) = (at(range.low), at(range.high));
        let best = if (low > high) == owning {
            range.low
        } else {
            range.high
        };
        case.set(*field, best);
    }
    case
}

fn side(case: &Case, question: Question) -> Side {
    match question {
        Question::Job => Side {
            own: job::here(case),
            rent: job::rented(case),
            break_even: None,
        },
        Question::Buy | Question::Keep => Side {
            own: own::a_year(case, case.busy_hours) / 12.0,
            rent: rent::a_year(case, case.busy_hours) / 12.0,
            break_even: Some(break_even(case)),
        },
    }
}

/// Compares.
pub fn compare(ranges: &Ranges, question: Question) -> Comparison {
    Comparison {
        low: side(&extreme(ranges, question, true), question),
        base: side(&base(ranges), question),
        high: side(&extreme(ranges, question, false), question),
    }
}
