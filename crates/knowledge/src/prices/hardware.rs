//! What hardware costs, new and used, and the watts of systems whose accelerator has no board of its own.

use super::is_same_accelerator;
use crate::table::rows;
use deskside_types::range::Range;

const HARDWARE: &str = include_str!("../../data/prices/hardware.tsv");
const USED: &str = include_str!("../../data/prices/used.tsv");
const SYSTEMS: &str = include_str!("../../data/prices/systems.tsv");

/// What a card or a machine costs on a day.
#[derive(Debug, Clone, PartialEq)]
pub struct HardwareRow {
    /// The accelerator.
    pub accelerator: &'static str,
    /// `card` or `machine`; `sold` or `asked` for used cards.
    pub what: &'static str,
    /// The low end.
    pub low: f64,
    /// The high end.
    pub high: f64,
    /// The currency's letters.
    pub currency: &'static str,
    /// Year and month.
    pub as_of: &'static str,
    /// Where this is known from; the letters stand at the table's head.
    pub source: &'static str,
}

impl HardwareRow {
    /// Its price.
    pub fn price(&self) -> Range {
        Range::between(self.low, self.high)
    }
}

/// Prices of an accelerator or of a machine with it; machines first, newest first.
pub fn hardware(accelerator: &str) -> Vec<HardwareRow> {
    let mut found: Vec<HardwareRow> = all_hardware()
        .filter(|row| is_same_accelerator(accelerator, row.accelerator, None))
        .collect();
    found.sort_by(|left, right| (right.what, right.as_of).cmp(&(left.what, left.as_of)));
    found
}

/// Used prices of an accelerator, newest first.
pub fn used(accelerator: &str) -> Vec<HardwareRow> {
    let mut found: Vec<HardwareRow> = all_used()
        .filter(|row| is_same_accelerator(accelerator, row.accelerator, None))
        .collect();
    found.sort_by(|left, right| right.as_of.cmp(left.as_of));
    found
}

/// Watts at the wall of a whole system under load, by its chip, and the month it was measured.
pub fn system_watts(chip: &str) -> Option<(Range, &'static str)> {
    rows(SYSTEMS).find_map(|row| {
        let mut cells = row.split('\t');
        let name = cells.next()?;
        if !is_same_accelerator(chip, name, None) {
            return None;
        }
        let range = Range {
            low: cells.next()?.parse().ok()?,
            base: cells.next()?.parse().ok()?,
            high: cells.next()?.parse().ok()?,
        };
        Some((range, cells.next()?))
    })
}

fn all_hardware() -> impl Iterator<Item = HardwareRow> {
    rows(HARDWARE).filter_map(|row| {
        let mut cells = row.split('\t');
        Some(HardwareRow {
            accelerator: cells.next()?,
            what: cells.next()?,
            // New or used is told by the source's note; both are what one pays.
            low: cells.nth(1)?.parse().ok()?,
            high: cells.next()?.parse().ok()?,
            currency: cells.next()?,
            as_of: cells.next()?,
            source: cells.next()?,
        })
    })
}

fn all_used() -> impl Iterator<Item = HardwareRow> {
    rows(USED).filter_map(|row| {
        let mut cells = row.split('\t');
        Some(HardwareRow {
            accelerator: cells.next()?,
            low: cells.next()?.parse().ok()?,
            high: cells.next()?.parse().ok()?,
            currency: cells.next()?,
            as_of: cells.next()?,
            what: cells.next()?,
            source: cells.next()?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_whole_dated_and_sourced() {
        assert_eq!(all_hardware().count(), rows(HARDWARE).count());
        assert_eq!(all_used().count(), rows(USED).count());
        for row in all_hardware().chain(all_used()) {
            assert!(row.low > 0.0 && row.low <= row.high, "{row:?}");
            assert!(row.as_of.len() == 7 && row.currency.len() == 3, "{row:?}");
        }
        for table in [HARDWARE, USED, SYSTEMS] {
            assert!(table.contains("# source"));
        }
    }

    #[test]
    fn machines_come_before_cards_and_new_before_old() {
        assert_eq!(hardware("RTX 4090")[0].what, "machine");
        assert_eq!(used("NVIDIA GeForce RTX 3090")[0].as_of, "2026-02");
        assert_eq!(system_watts("Apple M3 Ultra").unwrap().0.base, 215.0);
        assert!(system_watts("Apple M9").is_none() && hardware("Voodoo 2").is_empty());
    }
}
