//! Capital: a price and what comes back of it, spread evenly over years at an interest.

/// What one unit of money today is as an equal payment at the end of each of some years.
pub fn recovery(rate: f64, years: f64) -> f64 {
    // Below this the closed form loses its digits, and the first terms of its series are exact to them.
    if rate.abs() * years < 1e-6 {
        return 1.0 / years + rate * (years + 1.0) / (2.0 * years);
    }
    rate / (1.0 - (1.0 + rate).powf(-years))
}

/// What one unit of money at the end is as an equal payment at the end of each of some years.
pub fn sinking(rate: f64, years: f64) -> f64 {
    recovery(rate, years) - rate
}

/// The share of a price that is left after some years, in a straight line to nothing at the end of its life.
pub fn straight_line(years: f64, life: f64) -> f64 {
    (1.0 - years / life).max(0.0)
}

/// The share of a price that is left when each year takes the same share of what is left.
pub fn declining(years: f64, a_year: f64) -> f64 {
    (1.0 - a_year).powf(years)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_of_textbooks() {
        for (rate, years, factor) in [
            (0.0, 4.0, 0.25),
            (0.1, 4.0, 0.315_470_8),
            (0.08, 3.0, 0.388_033_5),
            (0.12, 10.0, 0.176_984_2),
        ] {
            assert!(
                (recovery(rate, years) - factor).abs() < 1e-6,
                "{rate} {years}"
            );
        }
        assert!((sinking(0.1, 4.0) - 0.215_470_8).abs() < 1e-6);
        assert!((recovery(1e-8, 3.0) - recovery(1e-6, 3.0)).abs() < 1e-5);
        assert_eq!(straight_line(3.0, 5.0), 0.4);
        assert_eq!(straight_line(6.0, 5.0), 0.0);
        assert!((declining(2.0, 0.25) - 0.5625).abs() < 1e-12);
    }

    #[test]
    fn it_is_smooth_where_the_form_changes() {
        for years in [0.5, 1.0, 3.0, 10.0] {
            let at = 1e-6 / years;
            let (below, above) = (recovery(at * 0.999, years), recovery(at * 1.001, years));
            assert!((below - above).abs() < 1e-7, "{years}: {below} {above}");
        }
    }
}
