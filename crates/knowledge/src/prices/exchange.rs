//! Exchange rates that are counted with where a person gives none.

use crate::table::rows;
use deskside_types::range::Range;

const EXCHANGE: &str = include_str!("../../data/prices/exchange.tsv");

/// One unit of a currency in another.
#[derive(Debug, Clone, PartialEq)]
pub struct ExchangeRow {
    /// Units of the other currency.
    pub rate: Range,
    /// Year and month.
    pub as_of: &'static str,
}

/// What one unit of `from` is in `to`; none where no rate is known.
pub fn exchange(from: &str, to: &str) -> Option<ExchangeRow> {
    rows(EXCHANGE).find_map(|row| {
        let cells: Vec<&'static str> = row.split('\t').collect();
        let number = |at: usize| cells.get(at)?.parse::<f64>().ok();
        let rate = Range {
            low: number(2)?,
            base: number(3)?,
            high: number(4)?,
        };
        let as_of = cells.get(5)?;
        if cells[0] == from && cells[1] == to {
            return Some(ExchangeRow { rate, as_of });
        }
        (cells[0] == to && cells[1] == from).then(|| ExchangeRow {
            rate: Range {
                low: 1.0 / rate.high,
                base: 1.0 / rate.base,
                high: 1.0 / rate.low,
            },
            as_of,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_and_its_inverse_agree() {
        let there = exchange("EUR", "USD").unwrap();
        let back = exchange("USD", "EUR").unwrap();
        assert!(there.rate.is_ordered() && back.rate.is_ordered());
        assert!((there.rate.base * back.rate.base - 1.0).abs() < 1e-12);
        assert!(exchange("EUR", "XYZ").is_none() && EXCHANGE.contains("# source"));
    }
}
