//! A number that is not known exactly: between a low and a high end, with the value that is counted with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A low end, the value counted with, a high end; in the unit of whatever holds it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The low end.
    pub low: f64,
    /// What is counted with.
    pub base: f64,
    /// The high end.
    pub high: f64,
}

impl Range {
    /// A number that is known.
    pub const fn exactly(value: f64) -> Self {
        Self {
            low: value,
            base: value,
            high: value,
        }
    }

    /// Two ends; the middle is counted with.
    pub fn between(low: f64, high: f64) -> Self {
        Self {
            low,
            base: f64::midpoint(low, high),
            high,
        }
    }

    /// The smallest range that holds both; `self` is counted with.
    #[must_use]
    pub fn widened(self, other: Self) -> Self {
        Self {
            low: self.low.min(other.low),
            base: self.base,
            high: self.high.max(other.high),
        }
    }

    /// Each of the three times a number that is not negative.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self {
            low: self.low * factor,
            base: self.base * factor,
            high: self.high * factor,
        }
    }

    /// The sums of ends: low with low, high with high.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            low: self.low + other.low,
            base: self.base + other.base,
            high: self.high + other.high,
        }
    }

    /// It is one number.
    pub fn is_exact(&self) -> bool {
        self.low == self.high
    }

    /// All three are numbers, in their order.
    pub fn is_ordered(&self) -> bool {
        [self.low, self.base, self.high]
            .iter()
            .all(|value| value.is_finite())
            && self.low <= self.base
            && self.base <= self.high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_stay_ends() {
        let range = Range::between(2.0, 4.0);
        assert_eq!(range.base, 3.0);
        assert!(range.is_ordered() && !range.is_exact());
        let wide = Range::exactly(3.0).widened(Range::between(1.0, 2.0));
        assert_eq!((wide.low, wide.base, wide.high), (1.0, 3.0, 3.0));
        assert_eq!(range.times(2.0).plus(Range::exactly(1.0)).high, 9.0);
        for (low, base, high) in [
            (1.0, 0.5, 2.0),
            (f64::NAN, 1.0, 2.0),
            (0.0, 1.0, f64::INFINITY),
        ] {
            assert!(!Range { low, base, high }.is_ordered());
        }
    }
}
