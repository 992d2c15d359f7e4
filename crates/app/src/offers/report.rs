//! The answers of `offers`.

use crate::Answer;
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `offers`: the list that is counted with.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct OffersReport {
    /// The offers, by accelerator and price.
    pub offers: Vec<OfferLine>,
    /// The newest day of any of them, and its age in days.
    pub newest: String,
    /// Days since then.
    pub newest_age_days: i64,
    /// The oldest day, and its age in days.
    pub oldest: String,
    /// Days since then.
    pub oldest_age_days: i64,
    /// No verdict rests on an offer that is older.
    pub limit_days: i64,
    /// A file that can't be used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// One offer.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct OfferLine {
    /// The accelerator.
    pub accelerator: String,
    /// GB of one.
    pub memory_gb: f64,
    /// Who rents it out.
    pub provider: String,
    /// `on-demand`, `secure`, `community`, `spot`, …
    pub tier: String,
    /// USD an hour of one.
    pub usd_an_hour: f64,
    /// The day it was seen.
    pub as_of: String,
    /// Days since then.
    pub age_days: i64,
    /// It is too old for a verdict.
    pub too_old: bool,
    /// `own`, `built-in`, or the catalogue it was refreshed from.
    pub from: String,
}

/// The answer of `offers refresh`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RefreshReport {
    /// What was asked, and what came of it.
    pub sources: Vec<SourceReport>,
    /// What is different now.
    pub changes: Vec<OfferChange>,
    /// Rows that were not taken, and why.
    pub refused: Vec<RefusedOffer>,
    /// Offers that are counted with now, the person's own left out.
    pub offers: u32,
    /// It was kept; else it was only looked at.
    pub kept: bool,
}

/// One provider at one catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SourceReport {
    /// The catalogue.
    pub catalogue: String,
    /// The provider.
    pub provider: String,
    /// Where it was read.
    pub url: String,
    /// Rows that were taken.
    pub taken: u32,
    /// Rows that were not.
    pub refused: u32,
    /// Rows that said the same again.
    pub repeated: u32,
    /// Its day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Why nothing of it was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// An offer that came, went, or changed its price.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct OfferChange {
    /// `new`, `gone`, `price`.
    pub what: String,
    /// The accelerator.
    pub accelerator: String,
    /// GB of one.
    pub memory_gb: f64,
    /// Who rents it out.
    pub provider: String,
    /// Its tier.
    pub tier: String,
    /// USD an hour before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<f64>,
    /// USD an hour now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<f64>,
}

/// A row that was not taken.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RefusedOffer {
    /// Who rents it out.
    pub provider: String,
    /// The accelerator.
    pub accelerator: String,
    /// Its tier.
    pub tier: String,
    /// Its price, where it is a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<f64>,
    /// Why.
    pub because: String,
}

/// The answer of `offers add` and `offers undo`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct OffersChangedReport {
    /// What was done, in a sentence.
    pub done: String,
    /// The file.
    pub file: String,
    /// What is different now.
    pub changes: Vec<OfferChange>,
}

impl Answer for OffersReport {
    const SCHEMA: &'static str = "deskside.offers";
}

impl Answer for RefreshReport {
    const SCHEMA: &'static str = "deskside.offers-refresh";
}

impl Answer for OffersChangedReport {
    const SCHEMA: &'static str = "deskside.offers-changed";
}
