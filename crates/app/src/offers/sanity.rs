//! Whether a row of a catalogue can be: published prices have faults, and one bad row must not decide a verdict.

use super::read::Raw;
use super::report::RefusedOffer;
use deskside_knowledge::prices::{OfferRow, is_same_accelerator, target};
use jiff::civil::Date;
use std::collections::BTreeMap;

/// A price is refused below this share of the median of its accelerator, and above its inverse.
const BOUND: f64 = 5.0;
/// USD an hour that no accelerator costs, at either end.
const LEAST: f64 = 0.005;
const MOST: f64 = 60.0;
/// Beyond this share of refused rows nothing of a provider is taken.
const TOO_MANY: f64 = 0.5;

/// What became of the rows of one provider.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Checked {
    /// Those that are taken, one a key.
    pub taken: Vec<OfferRow>,
    /// Those that are not, and why.
    pub refused: Vec<RefusedOffer>,
    /// Rows that said the same again.
    pub repeated: usize,
    /// Why nothing of it is taken.
    pub whole: Option<String>,
}

/// Checks the rows of one provider against what is known. `known` are all offers; `today` is the day that nothing is newer than.
pub(super) fn check(
    provider: &str,
    rows: Vec<Raw>,
    known: &[OfferRow],
    today: Date,
    source: &str,
) -> Checked {
    let mut checked = Checked::default();
    let mut seen = 0;
    let mut taken: BTreeMap<(String, u64, String), OfferRow> = BTreeMap::new();
    for raw in rows {
        seen += 1;
        match row(provider, &raw, known, today, source) {
            Ok(row) => {
                let key = (
                    row.accelerator.clone(),
                    (row.memory_gb * 1000.0) as u64,
                    row.tier.clone(),
                );
                match taken.get_mut(&key) {
                    // The same in several places: the cheapest can be had.
                    Some(other) => {
                        checked.repeated += 1;
                        if row.usd_an_hour < other.usd_an_hour {
                            *other = row;
                        }
                    }
                    None => {
                        taken.insert(key, row);
                    }
                }
            }
            Err(why) => checked.refused.push(RefusedOffer {
                provider: provider.into(),
                accelerator: clipped(&raw.accelerator),
                tier: clipped(&raw.tier),
                price: raw.price.filter(|price| price.is_finite()),
                because: why,
            }),
        }
    }
    let mut all: Vec<OfferRow> = taken.into_values().collect();
    // Whoever takes the risk of losing it pays no more for that.
    let firm: Vec<OfferRow> = all.iter().filter(|row| row.is_firm()).cloned().collect();
    all.retain(|row| {
        let odd = row.tier == "spot"
            && firm.iter().any(|other| {
                other.accelerator == row.accelerator
                    && other.memory_gb == row.memory_gb
                    && other.usd_an_hour < row.usd_an_hour
            });
        if odd {
            checked.refused.push(RefusedOffer {
                provider: provider.into(),
                accelerator: row.accelerator.clone(),
                tier: row.tier.clone(),
                price: Some(row.usd_an_hour),
                because: "it costs more than the same without the risk of losing it".into(),
            });
        }
        !odd
    });
    let newest = all.iter().map(|row| row.as_of.as_str()).max().unwrap_or("");
    let newest_known = known
        .iter()
        .filter(|row| row.provider == provider && row.source != super::OWN)
        .map(|row| row.as_of.as_str())
        .max()
        .unwrap_or("");
    checked.whole = if seen == 0 {
        Some("it has no rows".into())
    } else if all.is_empty() {
        Some("no row of it passed the checks".into())
    } else if (checked.refused.len() as f64) > TOO_MANY * seen as f64 {
        Some(format!(
            "{} of {seen} rows are odd, so the rest is not trusted",
            checked.refused.len()
        ))
    } else if newest < newest_known {
        Some(format!(
            "it is of {newest}, and what is there is newer ({newest_known})"
        ))
    } else {
        None
    };
    if checked.whole.is_none() {
        checked.taken = all;
    }
    checked
}

fn clipped(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_control())
        .take(60)
        .collect()
}

fn row(
    provider: &str,
    raw: &Raw,
    known: &[OfferRow],
    today: Date,
    source: &str,
) -> Result<OfferRow, String> {
    let plain = |text: &str| {
        !text.trim().is_empty() && text.len() <= 60 && !text.contains(char::is_control)
    };
    if !plain(&raw.accelerator) || !plain(&raw.tier) {
        return Err("its accelerator or tier is missing".into());
    }
    if raw.currency != "USD" {
        return Err(format!(
            "its currency is {:?}, not USD",
            clipped(&raw.currency)
        ));
    }
    let price = raw.price.ok_or("its price is missing")?;
    if !price.is_finite() || price <= 0.0 {
        return Err(format!("its price is {price}"));
    }
    if !(LEAST..=MOST).contains(&price) {
        return Err(format!(
            "{price:.4} USD an hour is outside {LEAST} to {MOST}"
        ));
    }
    let day: Date = raw
        .as_of
        .parse()
        .map_err(|_| format!("{:?} is no day", clipped(&raw.as_of)))?;
    if (day - today).get_days() > 1 {
        return Err(format!("it is of {day}, which is to come"));
    }
    let same: Vec<&OfferRow> = known
        .iter()
        .filter(|row| {
            is_same_accelerator(
                &raw.accelerator,
                &row.accelerator,
                raw.memory_gb.or(Some(row.memory_gb)),
            )
        })
        .collect();
    let memory = raw
        .memory_gb
        .filter(|memory| memory.is_finite() && (1.0..2000.0).contains(memory))
        .or_else(|| same.first().map(|row| row.memory_gb))
        .ok_or("its memory is missing")?;
    if same.is_empty() && target(&raw.accelerator).is_none() {
        return Err("this accelerator is not known".into());
    }
    let mut prices: Vec<f64> = same.iter().map(|row| row.usd_an_hour).collect();
    prices.sort_by(f64::total_cmp);
    if let Some(median) = prices.get(prices.len() / 2)
        && !(median / BOUND..=median * BOUND).contains(&price)
    {
        return Err(format!(
            "{price:.3} USD is beyond {BOUND:.0} times the median of this accelerator, {median:.2}, one way or the other"
        ));
    }
    let before = known.iter().find(|row| {
        row.provider == provider
            && row.tier == raw.tier
            && row.memory_gb == memory
            && is_same_accelerator(&raw.accelerator, &row.accelerator, Some(memory))
            && row.source != super::OWN
    });
    if let Some(before) = before
        && !(before.usd_an_hour / BOUND..=before.usd_an_hour * BOUND).contains(&price)
    {
        return Err(format!(
            "{price:.3} USD is more than {BOUND:.0} times off what it was, {:.2} on {}",
            before.usd_an_hour, before.as_of
        ));
    }
    Ok(OfferRow {
        accelerator: raw.accelerator.trim().into(),
        memory_gb: memory,
        provider: provider.into(),
        tier: raw.tier.trim().into(),
        usd_an_hour: (price * 1e4).round() / 1e4,
        as_of: raw.as_of.clone(),
        source: source.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use deskside_knowledge::prices::offers;

    fn raw(accelerator: &str, memory: f64, tier: &str, price: f64) -> Raw {
        Raw {
            provider: "runpod".into(),
            accelerator: accelerator.into(),
            memory_gb: Some(memory),
            tier: tier.into(),
            price: Some(price),
            currency: "USD".into(),
            as_of: "2026-11-20".into(),
        }
    }

    fn checked(rows: Vec<Raw>) -> Checked {
        let known: Vec<OfferRow> = offers().collect();
        check(
            "runpod",
            rows,
            &known,
            "2026-11-26".parse().unwrap(),
            "test",
        )
    }

    fn good() -> Vec<Raw> {
        vec![
            raw("RTX 4090", 24.0, "secure", 0.6),
            raw("H100 SXM", 80.0, "secure", 3.0),
            raw("A40", 48.0, "community", 0.4),
            raw("L4", 24.0, "community", 0.5),
        ]
    }

    #[test]
    fn each_fault_is_found_by_its_rule_and_the_rest_is_taken() {
        let change = |name: &str, edit: fn(&mut Raw)| {
            let mut odd = raw("RTX 4090", 24.0, "on-demand", 0.5);
            edit(&mut odd);
            let checked = checked(good().into_iter().chain([odd]).collect());
            assert_eq!(checked.refused.len(), 1, "{name}");
            assert_eq!(checked.taken.len(), 4, "{name}");
            assert!(
                checked.refused[0].because.contains(name),
                "{name}: {}",
                checked.refused[0].because
            );
        };
        change("median", |row| row.price = Some(20.0));
        change("median", |row| row.price = Some(0.02));
        change("outside", |row| row.price = Some(0.001));
        change("price is", |row| row.price = Some(-1.0));
        change("price is", |row| row.price = Some(f64::NAN));
        change("missing", |row| row.price = None);
        change("missing", |row| row.accelerator = String::new());
        change("currency", |row| row.currency = "EUR".into());
        change("no day", |row| row.as_of = "soon".into());
        change("to come", |row| row.as_of = "2027-03-01".into());
        change("not known", |row| row.accelerator = "Voodoo 2".into());
        change("without the risk", |row| {
            row.tier = "spot".into();
            row.price = Some(0.7);
        });
    }

    #[test]
    fn a_jump_and_repetitions_and_old_or_odd_catalogues() {
        // Known: secure 0.69. The median of all 4090s lets 1.6 pass, and so does the jump.
        let mut known: Vec<OfferRow> = offers().collect();
        for row in known.iter_mut().filter(|row| {
            row.provider == "runpod" && row.accelerator == "RTX 4090" && row.tier == "secure"
        }) {
            row.usd_an_hour = 0.1;
        }
        let today = "2026-11-26".parse().unwrap();
        let checked_with = check("runpod", good(), &known, today, "test");
        assert!(
            checked_with.refused[0]
                .because
                .contains("more than 5 times off"),
            "{:?}",
            checked_with.refused
        );
        let twice = checked(
            good()
                .into_iter()
                .chain([raw("RTX 4090", 24.0, "secure", 0.55)])
                .collect(),
        );
        assert_eq!(twice.repeated, 1);
        assert!(twice.taken.iter().any(|row| row.usd_an_hour == 0.55) && twice.taken.len() == 4);
        assert!(checked(Vec::new()).whole.is_some());
        let odd: Vec<Raw> = good()
            .into_iter()
            .map(|mut row| {
                row.currency = "XYZ".into();
                row
            })
            .collect();
        assert!(checked(odd).whole.unwrap().contains("no row"));
        let mixed: Vec<Raw> = good()
            .into_iter()
            .enumerate()
            .map(|(place, mut row)| {
                if place < 3 {
                    row.price = None;
                }
                row
            })
            .collect();
        let mixed = checked(mixed);
        assert!(mixed.whole.unwrap().contains("not trusted") && mixed.taken.is_empty());
        let old: Vec<Raw> = good()
            .into_iter()
            .map(|mut row| {
                row.as_of = "2025-01-01".into();
                row
            })
            .collect();
        assert!(checked(old).whole.unwrap().contains("newer"));
    }
}
