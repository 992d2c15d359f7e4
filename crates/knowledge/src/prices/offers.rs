//! Rented accelerators by the hour, as public price pages had them on a day.

use super::is_same_accelerator;
use crate::table::rows;

const OFFERS: &str = include_str!("../../data/prices/offers.tsv");

/// One accelerator for rent, the machine around it included.
#[derive(Debug, Clone, PartialEq)]
pub struct OfferRow {
    /// The accelerator, as the provider names it.
    pub accelerator: String,
    /// Its memory in GB.
    pub memory_gb: f64,
    /// Who rents it out.
    pub provider: String,
    /// `on-demand`, `secure`, `community`, `spot`, …
    pub tier: String,
    /// USD an hour.
    pub usd_an_hour: f64,
    /// The day it was seen, `2026-05-24`.
    pub as_of: String,
    /// Where this is known from; the letters stand at the table's head.
    pub source: String,
}

impl OfferRow {
    /// The provider's own machine, whole, which nobody takes away while it is paid.
    pub fn is_firm(&self) -> bool {
        matches!(self.tier.as_str(), "on-demand" | "secure" | "production")
    }
}

/// A row of a table of offers; none where a cell is lacking or no number. Tabs part the cells.
pub fn offer_row(row: &str) -> Option<OfferRow> {
    let mut cells = row.split('\t');
    Some(OfferRow {
        accelerator: cells.next()?.into(),
        memory_gb: cells.next()?.parse().ok()?,
        provider: cells.next()?.into(),
        tier: cells.next()?.into(),
        usd_an_hour: cells.next()?.parse().ok()?,
        as_of: cells.next()?.into(),
        source: cells.next()?.into(),
    })
}

/// All offers.
pub fn offers() -> impl Iterator<Item = OfferRow> {
    rows(OFFERS).filter_map(offer_row)
}

/// The built-in offers of an accelerator by any of its names, cheapest first.
pub fn offers_of(accelerator: &str) -> Vec<OfferRow> {
    offers_among(offers(), accelerator)
}

/// Those of an accelerator by any of its names, cheapest first.
pub fn offers_among(rows: impl Iterator<Item = OfferRow>, accelerator: &str) -> Vec<OfferRow> {
    let mut found: Vec<OfferRow> = rows
        .filter(|row| is_same_accelerator(accelerator, &row.accelerator, Some(row.memory_gb)))
        .collect();
    found.sort_by(|left, right| left.usd_an_hour.total_cmp(&right.usd_an_hour));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offer_is_whole_and_sane() {
        assert_eq!(offers().count(), rows(OFFERS).count());
        assert!(offers().count() > 140 && OFFERS.contains("# source"));
        for row in offers() {
            assert!(row.usd_an_hour > 0.0 && row.usd_an_hour < 50.0, "{row:?}");
            assert!(
                row.as_of.len() == 10 && row.source.starts_with('O'),
                "{row:?}"
            );
            if row.tier == "spot" {
                let firm = offers()
                    .filter(|other| {
                        other.provider == row.provider
                            && other.accelerator == row.accelerator
                            && other.memory_gb == row.memory_gb
                            && other.is_firm()
                    })
                    .map(|other| other.usd_an_hour)
                    .fold(f64::INFINITY, f64::min);
                assert!(
                    row.usd_an_hour <= firm,
                    "dearer than without the risk: {row:?}"
                );
            }
        }
    }

    #[test]
    fn the_cheapest_comes_first() {
        let found = offers_of("NVIDIA GeForce RTX 4090");
        assert!(found.len() >= 4, "{found:?}");
        assert!(
            found
                .windows(2)
                .all(|pair| pair[0].usd_an_hour <= pair[1].usd_an_hour)
        );
        assert!(found.iter().any(|row| row.provider == "runpod"
            && row.tier == "secure"
            && row.usd_an_hour == 0.69));
        assert!(offers_of("Voodoo 2").is_empty());
    }
}
