//! What is kept of the points that are read: everything, or a few words about each series.

use deskside_types::metric::{Point, Series};
use std::collections::HashMap;

/// Takes points in, series by series.
pub trait Collect {
    /// The number of the series of that name; new names get new numbers.
    fn series(&mut self, name: &str) -> usize;
    /// A point of the series with that number.
    fn point(&mut self, series: usize, point: Point);
}

/// Every point of every series, or of those that are wanted.
#[derive(Debug, Default)]
pub struct Everything {
    wanted: Option<Vec<String>>,
    numbers: HashMap<String, usize>,
    series: Vec<Series>,
}

impl Everything {
    /// Only these names are kept.
    pub fn only(wanted: Vec<String>) -> Self {
        Self {
            wanted: Some(wanted),
            ..Self::default()
        }
    }

    /// The series by name, each ordered by time; points of one time stay in the order they were read.
    pub fn into_series(mut self) -> Vec<Series> {
        self.series.retain(|series| !series.points.is_empty());
        for series in &mut self.series {
            if !series.points.is_sorted_by_key(|point| point.time_ms) {
                series.points.sort_by_key(|point| point.time_ms);
            }
        }
        self.series
            .sort_by(|left, right| left.name.cmp(&right.name));
        self.series
    }

    /// The points read since the last call, in the order they were read; for following a growing run.
    pub fn drain(&mut self) -> Vec<Series> {
        self.series
            .iter_mut()
            .filter(|series| !series.points.is_empty())
            .map(|series| Series {
                name: series.name.clone(),
                points: std::mem::take(&mut series.points),
            })
            .collect()
    }
}

impl Collect for Everything {
    fn series(&mut self, name: &str) -> usize {
        if self
            .wanted
            .as_ref()
            .is_some_and(|wanted| !wanted.iter().any(|one| one == name))
        {
            return usize::MAX;
        }
        *self.numbers.entry(name.to_string()).or_insert_with(|| {
            self.series.push(Series {
                name: name.to_string(),
                points: Vec::new(),
            });
            self.series.len() - 1
        })
    }

    fn point(&mut self, series: usize, point: Point) {
        if let Some(series) = self.series.get_mut(series) {
            series.points.push(point);
        }
    }
}

/// A series in a few words.
#[derive(Debug, Clone, PartialEq)]
pub struct BriefSeries {
    /// Its name.
    pub name: String,
    /// How many points it has.
    pub count: u64,
    /// The point logged last.
    pub last: Point,
    /// The smallest value that is a number; none when all are NaN.
    pub min: Option<f64>,
    /// The greatest value that is a number.
    pub max: Option<f64>,
}

/// Each series in a few words; memory does not grow with the points.
#[derive(Debug, Default)]
pub struct Brief {
    numbers: HashMap<String, usize>,
    series: Vec<(String, Option<BriefSeries>)>,
}

impl Brief {
    /// The series that have points, by name.
    pub fn series(&self) -> Vec<BriefSeries> {
        let mut series: Vec<BriefSeries> = self
            .series
            .iter()
            .filter_map(|(_, brief)| brief.clone())
            .collect();
        series.sort_by(|left, right| left.name.cmp(&right.name));
        series
    }
}

impl Collect for Brief {
    fn series(&mut self, name: &str) -> usize {
        *self.numbers.entry(name.to_string()).or_insert_with(|| {
            self.series.push((name.to_string(), None));
            self.series.len() - 1
        })
    }

    fn point(&mut self, series: usize, point: Point) {
        let Some((name, brief)) = self.series.get_mut(series) else {
            return;
        };
        let number = (!point.value.is_nan()).then_some(point.value);
        match brief {
            None => {
                *brief = Some(BriefSeries {
                    name: name.clone(),
                    count: 1,
                    last: point,
                    min: number,
                    max: number,
                })
            }
            Some(brief) => {
                brief.count += 1;
                if point.time_ms >= brief.last.time_ms {
                    brief.last = point;
                }
                if let Some(value) = number {
                    brief.min = Some(brief.min.map_or(value, |least| least.min(value)));
                    brief.max = Some(brief.max.map_or(value, |greatest| greatest.max(value)));
                }
            }
        }
    }
}
