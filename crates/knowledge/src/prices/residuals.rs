//! What is left of a price after some years, as used markets showed it.

use super::is_same_accelerator;
use super::name::catalogued;
use crate::table::rows;
use deskside_types::range::Range;

const RESIDUALS: &str = include_str!("../../data/prices/residuals.tsv");
/// How much wider the range of another product of the class is.
const OTHER_PRODUCT: f64 = 0.2;

/// A share of the price that is left.
#[derive(Debug, Clone, PartialEq)]
pub struct Residual {
    /// The share.
    pub share: Range,
    /// The newest observation that it rests on, year and month.
    pub as_of: &'static str,
    /// On whose prices it rests, in words.
    pub from: String,
}

struct Point {
    key: &'static str,
    months: f64,
    low: f64,
    high: f64,
    as_of: &'static str,
}

fn points(matching: impl Fn(&str) -> bool) -> Vec<Point> {
    rows(RESIDUALS)
        .filter_map(|row| {
            let mut cells = row.split('\t');
            Some(Point {
                key: cells.next()?,
                months: cells.next()?.parse().ok()?,
                low: cells.next()?.parse().ok()?,
                high: cells.next()?.parse().ok()?,
                as_of: cells.next()?,
            })
        })
        .filter(|point| matching(point.key))
        .collect()
}

/// The share of its price that an accelerator keeps after some months; none where nothing that old was observed.
pub fn residual(accelerator: &str, months: f64) -> Option<Residual> {
    let own = points(|key| is_same_accelerator(accelerator, key, None));
    if let Some(share) = at(&own, months) {
        return Some(Residual {
            share,
            as_of: newest(&own),
            from: format!("used prices of the {}", own[0].key),
        });
    }
    // Another product of its class stands in for it, within a wider range.
    let class = catalogued(accelerator)?.class;
    let (key, words) = match class {
        "datacentre" => ("datacentre", "used prices of datacentre cards"),
        "consumer" | "workstation" => {
            ("RTX 3090", "used prices of the RTX 3090, as another card's")
        }
        _ => return None,
    };
    let others = points(|name| name == key);
    let share = at(&others, months)?;
    Some(Residual {
        share: Range {
            low: share.low * (1.0 - OTHER_PRODUCT),
            base: share.base,
            high: share.high * (1.0 + OTHER_PRODUCT),
        },
        as_of: newest(&others),
        from: words.into(),
    })
}

fn newest(points: &[Point]) -> &'static str {
    points.iter().map(|point| point.as_of).max().unwrap_or("")
}

/// Between two observations in a straight line; the first line begins at the whole price.
fn at(points: &[Point], months: f64) -> Option<Range> {
    let mut before = (0.0, 1.0, 1.0);
    for point in points {
        if months <= point.months {
            let part = (months - before.0) / (point.months - before.0);
            let between = |from: f64, to: f64| from + (to - from) * part.max(0.0);
            return Some(Range::between(
                between(before.1, point.low),
                between(before.2, point.high),
            ));
        }
        before = (point.months, point.low, point.high);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_what_was_observed() {
        for (name, months, low, high) in [
            ("H100", 36.0, 0.25, 0.35),
            ("NVIDIA H100 80GB HBM3", 30.0, 0.325, 0.4),
            ("RTX 3090", 38.0, 0.47, 0.47),
            ("RTX 4090", 8.0, 0.93, 0.93),
            ("H100", 0.0, 1.0, 1.0),
            ("A100", 36.0, 0.2, 0.25),
        ] {
            let found = residual(name, months).unwrap();
            assert!(
                (found.share.low - low).abs() < 1e-9 && (found.share.high - high).abs() < 1e-9,
                "{name} {months}: {found:?}"
            );
        }
        let other = residual("RTX 4090", 36.0).unwrap();
        assert!(other.from.contains("RTX 3090") && other.share.low < other.share.high);
        assert!(residual("H100", 600.0).is_none());
        assert!(residual("Apple M4 Max", 36.0).is_none());
        assert!(RESIDUALS.contains("# source"));
    }
}
