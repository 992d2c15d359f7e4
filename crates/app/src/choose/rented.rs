//! Of a provider the accelerators, and how many, that suit the work best; and the machine at hand where it is rented.

use super::cells;
use super::here::Here;
use super::platform::{Judge, Known, Outcome};
use super::report::Cell;
use super::work::judge;
use crate::cost::{OfferChoice, choose_offer};
use crate::fit::places;
use crate::offers::OWN;
use deskside_advise::choose::WEEK;
use deskside_advise::fit::advice::Place;
use deskside_advise::fit::verdict::Verdict;
use deskside_knowledge::choose::{OWN_OFFERS, Platform, kind, platforms};
use deskside_knowledge::models::device_named;
use deskside_knowledge::prices::{OfferRow, is_same_accelerator, target};
use std::collections::BTreeMap;

/// Hours a week that a hosted notebook can be counted on: some twelve a day. Our judgement; a session ends after 24 at the most.
const NOTEBOOK_HOURS: f64 = 84.0;

/// Hours a week that a kind of platform can be had.
pub(super) fn hours_most(kind: &str) -> f64 {
    if kind == "notebook" {
        NOTEBOOK_HOURS
    } else {
        WEEK
    }
}

impl Judge<'_> {
    /// Of a provider the accelerators, and how many, that qualify at the least money; where none does, those that are nearest.
    pub(super) fn rented(
        &self,
        one: &Platform,
        known: Known<'_>,
        provider: &str,
    ) -> Option<Outcome> {
        let mut best: Option<((usize, f64), OfferChoice, u32)> = None;
        let most = hours_most(&known.kind.id);
        for mut rows in self.groups(provider).into_values() {
            rows.sort_by(|left, right| left.usd_an_hour.total_cmp(&right.usd_an_hour));
            let Some(choice) = choose_offer(&rows) else {
                continue;
            };
            let offer = &choice.row;
            let stops = self.blocks(known.stack, target(&offer.accelerator));
            let (blocked, unclear) = (stops.0.len(), stops.1.len());
            // Machines of other people come behind the provider's own.
            let lent =
                usize::from(!offer.is_firm() && offer.tier != "notebook" && offer.source != OWN);
            let place = rented_place(offer);
            for count in &one.counts {
                let place = Place {
                    count: f64::from(*count),
                    ..place.clone()
                };
                let judged = judge(self.works, &place, known.stack, false, false);
                let hours = judged.hours.unwrap_or(self.hours).min(WEEK);
                let grounds = usize::from(judged.fits.is_none_or(|fits| fits == Verdict::TooLarge))
                    + blocked
                    + usize::from(judged.hours.is_none_or(|hours| hours > most));
                let doubt = judged.fits == Some(Verdict::Tight) || unclear > 0 || judged.lacks_bf16;
                let money = if grounds > 0 {
                    judged.filled.max(judged.hours.unwrap_or(0.0) / most)
                } else {
                    // Start-up, storage and waste are about the same for each of them.
                    offer.usd_an_hour * f64::from(*count) * hours
                };
                let rank = (grounds * 10 + usize::from(doubt) + lent, money);
                let better = best.as_ref().is_none_or(|(than, ..)| {
                    rank.0 < than.0 || rank.0 == than.0 && rank.1 < than.1
                });
                if better {
                    best = Some((rank, choice.clone(), *count));
                }
                // More of the same costs more and brings nothing where one suffices.
                if grounds == 0 && !doubt {
                    break;
                }
            }
        }
        let (_, choice, count) = best?;
        let offer = &choice.row;
        let place = Place {
            count: f64::from(count),
            ..rented_place(offer)
        };
        let judged = judge(self.works, &place, known.stack, false, true);
        let hours = judged.hours.unwrap_or(self.hours).min(WEEK);
        let mut month = self
            .prices
            .rented(&choice, f64::from(count), hours / 7.0)
            .map_err(|problem| problem.message);
        if let Ok(month) = &mut month
            && known.kind.id == "notebook"
        {
            month.because += "; compute units are sold from 10 USD on, and files are loaded anew in each session";
        }
        let cards = if count == 1 {
            offer.accelerator.clone()
        } else {
            format!("{count} x {}", offer.accelerator)
        };
        let from = if provider == OWN_OFFERS {
            &offer.provider
        } else {
            &known.name
        };
        let known = Known {
            name: format!("{from}, {cards}"),
            capability: target(&offer.accelerator),
            dated: Some((from.clone(), offer.as_of.clone())),
            ..known
        };
        let shown = if offer.accelerator.ends_with("GB") {
            format!("{count} x {}", offer.accelerator)
        } else {
            format!("{count} x {} {} GB", offer.accelerator, offer.memory_gb)
        };
        Some(self.done(known, shown, judged, month, true))
    }

    /// What a provider has, by accelerator and memory; of the person's own offers those of providers that are no platform.
    fn groups(&self, provider: &str) -> BTreeMap<(String, u64), Vec<OfferRow>> {
        let known = |name: &str| {
            platforms()
                .iter()
                .any(|one| one.provider.as_deref() == Some(name))
        };
        let mut groups: BTreeMap<(String, u64), Vec<OfferRow>> = BTreeMap::new();
        for row in &self.prices.catalogue.rows {
            let theirs = if provider == OWN_OFFERS {
                row.source == OWN && !known(&row.provider)
            } else {
                row.provider == provider
            };
            if theirs && row.tier != "spot" {
                groups
                    .entry((row.accelerator.clone(), (row.memory_gb * 1000.0) as u64))
                    .or_default()
                    .push(row.clone());
            }
        }
        groups
    }

    /// The machine at hand where a provider rents it out: its hours cost what the provider asks.
    pub(super) fn here_rented(&self, here: &Here, provider: &str) -> Option<Outcome> {
        let id = if provider == "colab" {
            "notebook"
        } else {
            "rented"
        };
        let kind = kind(id)?;
        let judged = judge(self.works, &here.place, here.stack, here.measured, true);
        let hours = judged.hours.unwrap_or(self.hours).min(WEEK);
        let mut rows: Vec<OfferRow> = self
            .prices
            .catalogue
            .rows
            .iter()
            .filter(|row| {
                row.provider == provider
                    && is_same_accelerator(&here.place.name, &row.accelerator, Some(row.memory_gb))
            })
            .cloned()
            .collect();
        rows.sort_by(|left, right| left.usd_an_hour.total_cmp(&right.usd_an_hour));
        let month = match choose_offer(&rows) {
            Some(choice) => self
                .prices
                .rented(&choice, here.place.count, hours / 7.0)
                .map_err(|problem| problem.message),
            None => Err(format!(
                "it is rented from {provider}, and what an hour of it costs is not known; `deskside offers add` says it"
            )),
        };
        let known = Known {
            id: "here",
            name: format!("This machine ({provider})"),
            kind,
            stack: here.stack,
            capability: here.capability.as_deref(),
            noise: Cell::new("quiet", "it runs elsewhere"),
            portable: cells::portable(true, kind),
            quiet: Some(true),
            goes_along: Some(true),
            measured: here.measured,
            dated: None,
        };
        let shown = format!("{:.0} x {}", here.place.count, here.place.name);
        Some(self.done(known, shown, judged, month, true))
    }
}

/// One accelerator of an offer.
fn rented_place(offer: &OfferRow) -> Place {
    let named = format!("{} {:.0}GB", offer.accelerator, offer.memory_gb);
    match device_named(&named).or_else(|| device_named(&offer.accelerator)) {
        Some(row) => places::place(&offer.accelerator, row, offer.memory_gb, 1),
        None => {
            let room = offer.memory_gb * 1024.0_f64.powi(3);
            Place {
                name: offer.accelerator.clone(),
                surely: room * 0.98,
                at_most: room,
                count: 1.0,
                device: None,
                watts: None,
            }
        }
    }
}
