//! A metric's curve in few enough points to be drawn.

use deskside_types::metric::Series;
use schemars::JsonSchema;
use serde::Serialize;

/// Points kept of a curve.
const POINTS: usize = 96;

/// A metric's curve: means of equal stretches of its points.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Curve {
    /// The metric.
    pub name: String,
    /// How many points it has in all.
    pub count: usize,
    /// Its first value; `null` when it is no finite number.
    pub first: f64,
    /// Its last value.
    pub last: f64,
    /// Means of equal stretches; NaN (`null`) where a stretch holds a value that is not finite.
    pub values: Vec<f64>,
}

impl Curve {
    /// The curve of a metric; none without points.
    pub fn of(series: &Series) -> Option<Self> {
        let points = &series.points;
        let (first, last) = (points.first()?.value, points.last()?.value);
        let columns = points.len().min(POINTS);
        let values = (0..columns)
            .map(|column| {
                let from = column * points.len() / columns;
                let to = ((column + 1) * points.len() / columns).max(from + 1);
                let stretch = &points[from..to];
                stretch.iter().map(|point| point.value).sum::<f64>() / stretch.len() as f64
            })
            .collect();
        Some(Self {
            name: series.name.clone(),
            count: points.len(),
            first,
            last,
            values,
        })
    }
}
