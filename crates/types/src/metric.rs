//! Metrics: what training code reports.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One logged value of one metric.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// The step it was logged at; training code counts as it likes.
    pub step: i64,
    /// Milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// The value. NaN and infinities are kept: they are what happened. In JSON they are `null`.
    pub value: f64,
}

/// A metric's points in the order they were logged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// The metric's name, for example `train/loss`.
    pub name: String,
    /// Its points.
    pub points: Vec<Point>,
}

impl Series {
    /// The value logged last.
    pub fn last(&self) -> Option<f64> {
        self.points.last().map(|point| point.value)
    }
}
