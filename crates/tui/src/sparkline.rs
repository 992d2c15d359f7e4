//! A curve in one line.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII: [char; 8] = ['_', '.', '-', '~', '=', '+', '*', '#'];

/// Values as one line of at most `width` characters: each character shows the mean of its stretch.
///
/// Values that are not finite are shown as `!`, for a diverged loss must be seen.
pub fn sparkline(values: &[f64], width: usize, unicode: bool) -> String {
    let marks = if unicode { &BLOCKS } else { &ASCII };
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let low = finite().fold(f64::INFINITY, f64::min);
    let high = finite().fold(f64::NEG_INFINITY, f64::max);
    let columns = width.min(values.len());
    (0..columns)
        .map(|column| {
            let from = column * values.len() / columns;
            let to = ((column + 1) * values.len() / columns).max(from + 1);
            let stretch = &values[from..to];
            if stretch.iter().any(|value| !value.is_finite()) {
                return '!';
            }
            let mean = stretch.iter().sum::<f64>() / stretch.len() as f64;
            let place = if high > low {
                (mean - low) / (high - low)
            } else {
                0.0
            };
            marks[((place * 7.0).round() as usize).min(7)]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_fall_and_rise() {
        assert_eq!(
            sparkline(&[7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0], 8, true),
            "█▇▆▅▄▃▂▁"
        );
        assert_eq!(sparkline(&[0.0, 7.0], 8, false), "_#");
        assert_eq!(sparkline(&[], 8, true), "");
        assert_eq!(sparkline(&[2.0; 3], 8, true), "▁▁▁");
        assert_eq!(sparkline(&[1.0, f64::NAN, 0.0], 3, true), "█!▁");
        assert_eq!(
            sparkline(&(0..1000).map(f64::from).collect::<Vec<_>>(), 4, true),
            "▂▄▅▇"
        );
        assert_eq!(sparkline(&[-1.7e308, 1.7e308], 2, true).chars().count(), 2);
    }
}
