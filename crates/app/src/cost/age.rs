//! How old a price is, and when it is too old to decide by.

use jiff::civil::Date;

/// Days after which the age is told as a warning.
pub(crate) const OLD_DAYS: i64 = 90;
/// Days after which no verdict rests on an offer.
pub(crate) const OFFER_LIMIT_DAYS: i64 = 365;
/// Days after which a price of hardware, new or used, is left out.
pub(super) const HARDWARE_LIMIT_DAYS: i64 = 2 * 365;
/// Days after which a tariff's age is told as a warning.
pub(super) const TARIFF_OLD_DAYS: i64 = 550;

/// Days since a day (`2026-05-24`) or the first of a month (`2026-05`); none when it is no day. Never below zero.
pub(crate) fn days(as_of: &str, today: Date) -> Option<i64> {
    let whole = if as_of.len() == 7 {
        format!("{as_of}-01")
    } else {
        as_of.to_string()
    };
    let day: Date = whole.parse().ok()?;
    let days = (today - day).get_days();
    Some(i64::from(days).max(0))
}

/// The age in words.
pub(super) fn words(days: i64) -> String {
    match days {
        0 => "of today".into(),
        1 => "a day old".into(),
        2..=60 => format!("{days} days old"),
        61..=730 => format!("{} months old", days * 2 / 61),
        _ => format!("{} years old", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_counted_in_days() {
        let today: Date = "2026-11-25".parse().unwrap();
        for (as_of, expected, text) in [
            ("2026-11-25", Some(0), "of today"),
            ("2026-05-24", Some(185), "6 months old"),
            ("2026-11", Some(24), "24 days old"),
            ("2023-11", Some(1120), "3 years old"),
            ("2027-01-01", Some(0), "of today"),
            ("soon", None, ""),
            ("", None, ""),
        ] {
            assert_eq!(days(as_of, today), expected, "{as_of}");
            if let Some(days) = expected {
                assert_eq!(words(days), text);
            }
        }
    }
}
