//! A person's own prices: `offers.toml` among their settings, added to by `offers add`.

use super::catalogue::OWN;
use crate::Context;
use deskside_knowledge::prices::{OfferRow, exchange, is_same_accelerator};
use deskside_machine::{ErrorKind, Reading};
use deskside_types::{Code, Problem, Result};
use serde::Deserialize;
use std::path::PathBuf;

/// One price as it stands in the file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnOffer {
    /// Who rents it out.
    pub provider: String,
    /// The accelerator.
    pub accelerator: String,
    /// Its memory in GB.
    pub memory_gb: f64,
    /// `on-demand`, `spot`, …
    #[serde(default = "usual_tier")]
    pub tier: String,
    /// Money an hour for one accelerator.
    pub per_hour: f64,
    /// The currency's letters.
    #[serde(default = "dollars")]
    pub currency: String,
    /// The day, `2026-11-26`.
    pub as_of: String,
}

fn usual_tier() -> String {
    "on-demand".into()
}

fn dollars() -> String {
    "USD".into()
}

/// Where they lie.
pub(super) fn path(context: &Context) -> PathBuf {
    context.directories.config.join("offers.toml")
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    offer: Vec<OwnOffer>,
}

/// A person's own prices in USD.
///
/// # Errors
/// [`Code::OffersRefused`] where the file can't be used, with the reason.
pub(super) fn read(context: &Context) -> Result<Vec<OfferRow>> {
    let path = path(context);
    let text = match context.machine.text(&path) {
        Ok(text) => text,
        Err(error) if error.kind == ErrorKind::Absent => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let file: File = toml::from_str(&text).map_err(|error| {
        refused(format!("{} can't be read and was left out", path.display()))
            .because(error.message().to_string())
    })?;
    let mut rows: Vec<OfferRow> = Vec::new();
    for own in &file.offer {
        let row = row(own)?;
        // A file may have been written by hand, or before a price replaced the one before it: the newest counts.
        match rows.iter_mut().find(|old| is_same(old, &row)) {
            Some(old) if old.as_of <= row.as_of => *old = row,
            Some(_) => {}
            None => rows.push(row),
        }
    }
    Ok(rows)
}

/// Whether two are prices of one thing.
pub(super) fn is_same(one: &OfferRow, other: &OfferRow) -> bool {
    one.provider == other.provider
        && one.tier == other.tier
        && (one.memory_gb - other.memory_gb).abs() < 1.0
        && is_same_accelerator(&one.accelerator, &other.accelerator, None)
}

/// The file's text with one more price in it, instead of those of the same thing; everything else stays as it was written.
pub(super) fn with(text: &str, own: &OwnOffer) -> Result<String> {
    let new = row(own)?;
    let mut kept = String::new();
    let mut block = String::new();
    let mut close = |block: &mut String| {
        let same = toml::from_str::<File>(block)
            .ok()
            .and_then(|file| file.offer.first().map(row)?.ok())
            .is_some_and(|old| is_same(&old, &new));
        for line in block.split_inclusive('\n') {
            // Remarks are the person's.
            if !same || line.trim_start().starts_with('#') {
                kept.push_str(line);
            }
        }
        block.clear();
    };
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with("[[offer]]") {
            close(&mut block);
        }
        block.push_str(line);
    }
    close(&mut block);
    let kept = kept.trim_end();
    let gap = if kept.is_empty() { "" } else { "\n\n" };
    Ok(format!("{kept}{gap}{}", written(own)))
}

/// Checks one and turns it into a row.
///
/// # Errors
/// [`Code::OffersRefused`] with what is odd.
pub(super) fn row(own: &OwnOffer) -> Result<OfferRow> {
    let plain = |text: &str| {
        !text.trim().is_empty() && text.len() <= 80 && !text.contains(char::is_control)
    };
    for (what, text) in [
        ("the provider", &own.provider),
        ("the accelerator", &own.accelerator),
        ("the tier", &own.tier),
    ] {
        if !plain(text) {
            return Err(refused(format!("{what} is empty, too long or no text")));
        }
    }
    if !(own.per_hour.is_finite() && own.per_hour > 0.0 && own.per_hour < 10_000.0) {
        return Err(refused(format!(
            "the price of {} is {}, and must be above zero",
            own.accelerator, own.per_hour
        ))
        .hint("give what one accelerator costs an hour: `--price 0.69`"));
    }
    if !(own.memory_gb.is_finite() && own.memory_gb > 0.0 && own.memory_gb < 10_000.0) {
        return Err(refused(format!(
            "the memory of {} is {} GB",
            own.accelerator, own.memory_gb
        )));
    }
    if own.as_of.parse::<jiff::civil::Date>().is_err() {
        return Err(refused(format!("{:?} is no day", own.as_of)).hint("write it as 2026-11-26"));
    }
    let rate = if own.currency == "USD" {
        1.0
    } else {
        exchange(&own.currency, "USD")
            .map(|row| row.rate.base)
            .ok_or_else(|| {
                refused(format!("nothing says what one {} is in USD", own.currency))
                    .hint("give the price in USD or EUR")
            })?
    };
    Ok(OfferRow {
        accelerator: own.accelerator.trim().into(),
        memory_gb: own.memory_gb,
        provider: own.provider.trim().into(),
        tier: own.tier.trim().into(),
        usd_an_hour: own.per_hour * rate,
        as_of: own.as_of.clone(),
        source: OWN.into(),
    })
}

/// One as text.
fn written(own: &OwnOffer) -> String {
    format!(
        "[[offer]]\nprovider = {:?}\naccelerator = {:?}\nmemory_gb = {:?}\ntier = {:?}\nper_hour = {:?}\ncurrency = {:?}\nas_of = {:?}\n",
        own.provider,
        own.accelerator,
        own.memory_gb,
        own.tier,
        own.per_hour,
        own.currency,
        own.as_of
    )
}

pub(super) fn refused(message: impl Into<String>) -> Problem {
    Problem::new(Code::OffersRefused, message)
}
