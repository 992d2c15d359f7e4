//! What households pay for electricity, by country and by state.

use crate::table::rows;
use deskside_types::range::Range;

const TARIFFS: &str = include_str!("../data/tariffs/electricity.tsv");

/// A place's tariff.
#[derive(Debug, Clone, PartialEq)]
pub struct Tariff {
    /// `DE`, `US-CA`, `WORLD`.
    pub code: &'static str,
    /// The place in words.
    pub place: &'static str,
    /// A kWh; a range where sources disagree, the newest counted with.
    pub per_kwh: Range,
    /// The currency's letters.
    pub currency: &'static str,
    /// Year and month that the newest is of.
    pub as_of: &'static str,
}

/// The tariff of a place by its code or its name, in any case.
pub fn tariff(code: &str) -> Option<Tariff> {
    let code = code.trim();
    let wanted = all()
        .find(|row| row.place.eq_ignore_ascii_case(code))
        .map_or_else(|| code.to_ascii_uppercase(), |row| row.code.to_string());
    let mut found: Option<Tariff> = None;
    for row in all().filter(|row| row.code == wanted) {
        found = Some(match found {
            Some(before) if before.as_of > row.as_of => Tariff {
                per_kwh: before.per_kwh.widened(row.per_kwh),
                ..before
            },
            Some(before) => Tariff {
                per_kwh: row.per_kwh.widened(before.per_kwh),
                ..row
            },
            None => row,
        });
    }
    found
}

/// The codes that are known.
pub fn codes() -> Vec<&'static str> {
    let mut codes: Vec<&str> = all().map(|row| row.code).collect();
    codes.dedup();
    codes
}

/// What is counted with where nobody says the place: the world's mean, and the range of
/// the places in its currency.
pub fn anywhere() -> Option<Tariff> {
    let world = tariff("WORLD")?;
    let all = all()
        .filter(|row| row.currency == world.currency)
        .map(|row| row.per_kwh)
        .fold(world.per_kwh, Range::widened);
    Some(Tariff {
        per_kwh: all,
        ..world
    })
}

fn all() -> impl Iterator<Item = Tariff> {
    rows(TARIFFS).filter_map(|row| {
        let mut cells = row.split('\t');
        Some(Tariff {
            code: cells.next()?,
            place: cells.next()?,
            per_kwh: Range::exactly(cells.next()?.parse().ok()?),
            currency: cells.next()?,
            as_of: cells.next()?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_whole_sorted_and_sourced() {
        assert_eq!(all().count(), rows(TARIFFS).count());
        let lines: Vec<&str> = rows(TARIFFS).collect();
        assert!(lines.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(TARIFFS.contains("# source"));
        for row in all() {
            assert!(row.per_kwh.base > 0.05 && row.per_kwh.base < 1.0, "{row:?}");
            assert!(row.as_of.len() == 7 && row.currency.len() == 3);
        }
    }

    #[test]
    fn two_sources_that_disagree_are_a_range() {
        let us = tariff("us").unwrap();
        assert_eq!(
            (us.per_kwh.low, us.per_kwh.base, us.per_kwh.high),
            (0.1805, 0.1872, 0.1872)
        );
        assert_eq!(us.as_of, "2026-04");
        assert_eq!(tariff("DE").unwrap().currency, "EUR");
        assert_eq!(tariff("germany").unwrap().code, "DE");
        assert!(tariff("XX").is_none());
        let anywhere = anywhere().unwrap();
        assert!(
            anywhere.per_kwh.low < 0.1
                && anywhere.per_kwh.high > 0.4
                && anywhere.per_kwh.is_ordered()
        );
        assert!(codes().len() > 30);
    }
}
