//! `deskside offers`: what rented accelerators cost, how old that is, and how it is brought up to date.

mod catalogue;
mod own;
mod read;
mod refresh;
mod report;
mod sanity;
#[cfg(test)]
mod tests;

pub(crate) use catalogue::{Catalogue, OWN};
pub use own::OwnOffer;
pub use refresh::{RefreshRequest, refresh, undo};
pub use report::{
    OfferChange, OfferLine, OffersChangedReport, OffersReport, RefreshReport, RefusedOffer,
    SourceReport,
};

use crate::Context;
use crate::cost::{OFFER_LIMIT_DAYS, days, today};
use deskside_knowledge::prices::is_same_accelerator;
use deskside_machine::{Acting, Durability, ErrorKind, Reading};
use deskside_types::{Code, Problem, Result};

/// Lists the offers that are counted with; only those of an accelerator or a provider where one is named.
///
/// # Errors
/// [`Code::OffersRefused`] where nothing is known of what is named.
pub fn list(context: &Context, gpu: Option<&str>, provider: Option<&str>) -> Result<OffersReport> {
    let catalogue = Catalogue::of(context);
    let day = today(context);
    let mut offers: Vec<OfferLine> = catalogue
        .rows
        .iter()
        .filter(|row| {
            gpu.is_none_or(|name| is_same_accelerator(name, &row.accelerator, Some(row.memory_gb)))
        })
        .filter(|row| provider.is_none_or(|name| row.provider == name))
        .map(|row| {
            let age = days(&row.as_of, day).unwrap_or(i64::MAX / 4);
            OfferLine {
                accelerator: row.accelerator.clone(),
                memory_gb: row.memory_gb,
                provider: row.provider.clone(),
                tier: row.tier.clone(),
                usd_an_hour: row.usd_an_hour,
                as_of: row.as_of.clone(),
                age_days: age,
                too_old: age > OFFER_LIMIT_DAYS,
                // The letters of the built-in table's sources.
                from: if row.source.starts_with('O') {
                    "built-in".into()
                } else {
                    row.source.clone()
                },
            }
        })
        .collect();
    if offers.is_empty() {
        let mut known: Vec<&str> = catalogue
            .rows
            .iter()
            .map(|row| row.provider.as_str())
            .collect();
        known.sort_unstable();
        known.dedup();
        return Err(Problem::new(Code::OffersRefused, "no offer of that is known")
            .hint(format!("providers that are known: {}", known.join(", ")))
            .hint("`deskside offers add --gpu NAME --provider NAME --price 0.69` adds one of your own"));
    }
    offers.sort_by(|one, other| {
        one.accelerator
            .cmp(&other.accelerator)
            .then(one.usd_an_hour.total_cmp(&other.usd_an_hour))
    });
    let newest = offers
        .iter()
        .map(|one| one.as_of.clone())
        .max()
        .unwrap_or_default();
    let oldest = offers
        .iter()
        .map(|one| one.as_of.clone())
        .min()
        .unwrap_or_default();
    let age = |text: &str| days(text, day).unwrap_or_default();
    Ok(OffersReport {
        newest_age_days: age(&newest),
        oldest_age_days: age(&oldest),
        newest,
        oldest,
        limit_days: OFFER_LIMIT_DAYS,
        offers,
        warnings: catalogue.warnings,
    })
}

/// Adds a price of the person's own; it wins over every catalogue.
///
/// # Errors
/// [`Code::OffersRefused`] with what is odd.
pub fn add(context: &Context, mut offer: OwnOffer) -> Result<OffersChangedReport> {
    context.require_live("offers add")?;
    if offer.as_of.is_empty() {
        offer.as_of = today(context).to_string();
    }
    if offer.memory_gb <= 0.0 {
        let known = Catalogue::of(context).of_accelerator(&offer.accelerator);
        offer.memory_gb = known.first().map(|row| row.memory_gb).ok_or_else(|| {
            own::refused(format!(
                "the memory of {:?} is not known",
                offer.accelerator
            ))
            .hint("say it: --memory 24")
        })?;
    }
    let row = own::row(&offer)?;
    let day = row.as_of.parse::<jiff::civil::Date>();
    if day.is_ok_and(|day| day > today(context)) {
        return Err(own::refused(format!("{} is yet to come", row.as_of))
            .hint("give the day on which you saw the price, or leave it away: today"));
    }
    // What is there must be whole: nothing is added to a file that can't be read.
    let before = own::read(context)?
        .into_iter()
        .find(|old| own::is_same(old, &row));
    let path = own::path(context);
    let text = match context.machine.text(&path) {
        Ok(text) => text,
        Err(error) if error.kind == ErrorKind::Absent => String::new(),
        Err(error) => return Err(error.into()),
    };
    context
        .machine
        .write_file(&path, own::with(&text, &offer)?, 0o644, Durability::Power)?;
    let from = before.map(|old| old.usd_an_hour);
    let instead = from.map_or_else(
        || "every catalogue's price of it".to_string(),
        |from| format!("{from:.3}, your price before, and of every catalogue's"),
    );
    Ok(OffersChangedReport {
        done: format!(
            "{} {:.0} GB from {} at {:.3} USD an hour counts from now on, instead of {instead}",
            row.accelerator, row.memory_gb, row.provider, row.usd_an_hour
        ),
        file: path.display().to_string(),
        changes: vec![OfferChange {
            what: if from.is_some() { "price" } else { "new" }.into(),
            accelerator: row.accelerator,
            memory_gb: row.memory_gb,
            provider: row.provider,
            tier: row.tier,
            from,
            to: Some(row.usd_an_hour),
        }],
    })
}
