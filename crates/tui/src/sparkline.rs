//! A curve in one line.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII: [char; 8] = ['_', '.', '-', '~', '=', '+', '*', '#'];

/// How many times the greatest value must be the least one before a curve is drawn by its logarithm.
const WIDE: f64 = 50.0;

/// Whether a curve is drawn by its logarithm: all values are above zero and they span decades, as a loss does.
pub fn is_logarithmic(values: &[f64]) -> bool {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let low = finite().fold(f64::INFINITY, f64::min);
    let high = finite().fold(f64::NEG_INFINITY, f64::max);
    low > 0.0 && high / low > WIDE
}

/// Values as one line of at most `width` characters: each character shows the mean of its stretch.
///
/// Values that are not finite are shown as `!`, for a diverged loss must be seen.
pub fn sparkline(values: &[f64], width: usize, unicode: bool) -> String {
    let marks = if unicode { &BLOCKS } else { &ASCII };
    let logarithms: Vec<f64>;
    let values = if is_logarithmic(values) {
        logarithms = values.iter().map(|value| value.ln()).collect();
        &logarithms
    } else {
        values
    };
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
    fn a_loss_that_falls_over_decades_keeps_its_shape() {
        let loss = [1.0, 0.1, 0.01, 0.001];
        assert!(
            is_logarithmic(&loss) && !is_logarithmic(&[0.0, 100.0]) && !is_logarithmic(&[1.0, 2.0])
        );
        assert_eq!(sparkline(&loss, 4, true), "█▆▃▁");
    }

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
