//! From how many busy hours a day owning costs less.

use super::Case;
use schemars::JsonSchema;
use serde::Serialize;

/// Where owning costs less than renting.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum BreakEven {
    /// At any use.
    Always,
    /// At no use, not even day and night.
    Never,
    /// Where it works more than that.
    From {
        /// Hours a day.
        hours: f64,
    },
    /// Where it works less than that: what is rented costs the same at any use.
    UpTo {
        /// Hours a day.
        hours: f64,
    },
    /// Between two.
    Between {
        /// Hours a day.
        from: f64,
        /// Hours a day.
        to: f64,
    },
}

/// Solves it. Renting less owning is a straight line of the hours with one bend, at the hours it is on anyway, where it gets
/// no steeper: owning wins within one stretch of hours at the most.
pub fn break_even(case: &Case) -> BreakEven {
    let bend = case.on_hours.clamp(0.0, 24.0);
    let corners = [0.0, bend, 24.0];
    let wins = |hours: f64| case.advantage_at(hours) > 0.0;
    let mut crossings = corners.windows(2).filter_map(|pair| {
        let (from, to) = (pair[0], pair[1]);
        if to <= from || wins(from) == wins(to) {
            return None;
        }
        let (left, right) = (case.advantage_at(from), case.advantage_at(to));
        Some(from + (to - from) * left / (left - right))
    });
    match (wins(0.0), crossings.next(), crossings.next()) {
        (true, None, _) => BreakEven::Always,
        (true, Some(hours), _) => BreakEven::UpTo { hours },
        (false, None, _) => BreakEven::Never,
        (false, Some(hours), None) => BreakEven::From { hours },
        (false, Some(from), Some(to)) => BreakEven::Between { from, to },
    }
}

/// Years until what is saved has paid the price, money that comes back at the end and interest left out; none when never.
pub fn payback_years(case: &Case) -> Option<f64> {
    let saved = super::rent::a_year(case, case.busy_hours)
        - super::own::running_a_year(case, case.busy_hours);
    (saved > 0.0).then(|| case.price / saved)
}

/// The same in busy hours.
pub fn payback_busy_hours(case: &Case) -> Option<f64> {
    payback_years(case).map(|years| years * case.days_a_year() * case.busy_hours)
}

/// What all that is saved is worth today, less the price: payments at the end of each year.
pub fn present_value(case: &Case) -> f64 {
    case.advantage_at(case.busy_hours) / super::capital::recovery(case.capital, case.years)
}
