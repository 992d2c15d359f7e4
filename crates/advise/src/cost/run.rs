//! What a run took: energy from samples of power, or estimated from the accelerator's board.

use deskside_types::range::Range;

/// Seconds between two samples beyond which nothing is said of what lay between.
const GAP_SECONDS: f64 = 60.0;

/// Power over a span.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampled {
    /// Mean watts while samples were there.
    pub mean_watts: f64,
    /// The share of the span that samples cover.
    pub covered: f64,
}

/// The mean of samples (milliseconds, watts) in order of time, within a span of milliseconds; none where they cover nothing.
/// Values that are no numbers or negative are left out.
pub fn sampled(samples: &[(i64, f64)], from: i64, to: i64) -> Option<Sampled> {
    let good: Vec<(i64, f64)> = samples
        .iter()
        .copied()
        .filter(|(at, watts)| (from..=to).contains(at) && watts.is_finite() && *watts >= 0.0)
        .collect();
    let (mut seconds, mut joules) = (0.0, 0.0);
    for pair in good.windows(2) {
        let span = (pair[1].0 - pair[0].0) as f64 / 1000.0;
        if span > 0.0 && span <= GAP_SECONDS {
            seconds += span;
            joules += span * f64::midpoint(pair[0].1, pair[1].1);
        }
    }
    let whole = (to - from) as f64 / 1000.0;
    (seconds > 0.0 && whole > 0.0).then(|| Sampled {
        mean_watts: joules / seconds,
        covered: (seconds / whole).min(1.0),
    })
}

/// Watt-hours at the wall of so many hours.
pub fn watt_hours(inside_watts: Range, efficiency: Range, hours: f64) -> Range {
    Range {
        low: inside_watts.low / efficiency.high * hours,
        base: inside_watts.base / efficiency.base * hours,
        high: inside_watts.high / efficiency.low * hours,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_is_the_area_under_the_samples() {
        let minute: Vec<(i64, f64)> = (0..=60).map(|second| (second * 1000, 300.0)).collect();
        let seen = sampled(&minute, 0, 60_000).unwrap();
        assert_eq!((seen.mean_watts, seen.covered), (300.0, 1.0));
        let half = sampled(&minute, 0, 120_000).unwrap();
        assert_eq!(half.covered, 0.5);
        let ramp = sampled(
            &[(0, 0.0), (1000, 100.0), (2000, f64::NAN), (3000, 100.0)],
            0,
            3000,
        );
        let ramp = ramp.unwrap();
        assert!((ramp.mean_watts - 250.0 / 3.0).abs() < 1e-9, "{ramp:?}");
        for bad in [
            &[][..],
            &[(0, 5.0)],
            &[(0, 5.0), (3_600_000, 5.0)],
            &[(5, 1.0), (5, 2.0)],
        ] {
            assert!(sampled(bad, 0, 3_600_000).is_none(), "{bad:?}");
        }
        let hours = watt_hours(Range::exactly(460.0), Range::exactly(0.92), 2.0);
        assert_eq!(hours.base, 1000.0);
    }
}
