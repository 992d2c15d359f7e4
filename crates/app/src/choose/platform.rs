//! One platform judged: memory, speed, code, money; and of a provider the accelerators that suit best.

use super::code::Used;
use super::report::{Cell, PlatformReport};
use super::runs::{SoftwareAt, at};
use super::work::{Judged, Prepared, judge};
use crate::cost::{Month, OfferChoice, Offered, Prices, Question, choose_offer};
use crate::fit::places;
use crate::offers::OWN;
use deskside_advise::choose::{Candidate, WEEK, Wishes, against};
use deskside_advise::fit::advice::Place;
use deskside_advise::fit::verdict::Verdict;
use deskside_knowledge::choose::{Kind, Platform, Runs, kind, source_of};
use deskside_knowledge::models::device_named;
use deskside_knowledge::prices::{OfferRow, target};
use deskside_types::range::Range;
use deskside_types::units::bytes;
use std::collections::BTreeMap;

/// What all platforms are judged by.
pub(super) struct Judge<'a> {
    pub works: &'a [Prepared],
    pub code: &'a [Used],
    pub wishes: &'a Wishes,
    pub prices: Prices<'a>,
    pub currency: &'a str,
    /// What platforms cost at once, by the person, in the currency that is counted in.
    pub own_prices: &'a BTreeMap<String, f64>,
    /// The hours that are counted with where a speed is not known.
    pub hours: f64,
}

/// A platform, as the choice and the report have it.
pub(super) struct Outcome {
    pub candidate: Candidate,
    pub report: PlatformReport,
    pub warnings: Vec<String>,
}

/// What is known of a platform before it is judged.
struct Known<'a> {
    id: &'a str,
    name: String,
    kind: &'a Kind,
    stack: &'a str,
    capability: Option<&'a str>,
    noise: Cell,
    portable: Cell,
    measured: bool,
}

impl Judge<'_> {
    /// A platform of the table; none where nothing of its accelerator or provider is known.
    pub fn platform(&self, one: &Platform) -> Option<Outcome> {
        let kind = kind(&one.kind)?;
        let source = source_of(&one.source);
        let known = Known {
            id: &one.id,
            name: one.name.clone(),
            kind,
            stack: &kind.stack,
            capability: None,
            noise: Cell::new(one.noise.clone(), noise(&one.noise, kind)),
            portable: portable(one.portable, kind),
            measured: false,
        };
        match (&one.accelerator, &one.provider) {
            (Some(accelerator), _) => {
                let row = device_named(accelerator)?;
                let name = if row.is_apple() {
                    format!("{accelerator} {} GB", one.memory_gb)
                } else {
                    accelerator.clone()
                };
                let place = places::place(&name, &row, one.memory_gb, one.gpus);
                let judged = judge(self.works, &place, false, true);
                let hours = judged.hours.unwrap_or(self.hours);
                let own = self.own_prices.get(&one.id);
                let offered = Offered {
                    price: one
                        .machine
                        .or(one.card)
                        .map(deskside_knowledge::choose::Ends::range),
                    card: one.machine.is_none(),
                    watts: one.watts,
                    as_of: one.as_of.clone().unwrap_or_default(),
                    because: source.clone(),
                };
                let scenario;
                let prices = match own {
                    Some(price) => {
                        let mut with = self.prices.scenario.clone();
                        // A finite price above zero was checked when it was read.
                        let _ = with.set("machine.price", &price.to_string());
                        scenario = with;
                        &Prices {
                            scenario: &scenario,
                            today: self.prices.today,
                            catalogue: self.prices.catalogue,
                        }
                    }
                    None => &self.prices,
                };
                let month = prices.owned(
                    Question::Buy,
                    Some(accelerator),
                    f64::from(one.gpus),
                    Some(offered),
                    hours / 7.0,
                );
                let shown = format!("{} x {name}", one.gpus);
                Some(self.done(
                    Known {
                        capability: target(accelerator),
                        ..known
                    },
                    shown,
                    judged,
                    month.map_err(|problem| problem.message),
                    false,
                ))
            }
            (None, Some(provider)) => self.rented(one, known, provider),
            (None, None) => None,
        }
    }

    /// The machine at hand.
    pub fn here(
        &self,
        place: &Place,
        stack: &str,
        capability: Option<&str>,
        measured: bool,
    ) -> Option<Outcome> {
        let kind = kind("here")?;
        let judged = judge(self.works, place, measured, true);
        let hours = judged.hours.unwrap_or(self.hours);
        let month = self.prices.owned(
            Question::Keep,
            (stack != "cpu").then_some(&place.name),
            place.count,
            None,
            hours / 7.0,
        );
        let known = Known {
            id: "here",
            name: "This machine".into(),
            kind,
            stack,
            capability,
            noise: Cell::new("as it is", "you know it"),
            portable: Cell::new("as it is", "you know it"),
            measured,
        };
        Some(self.done(
            known,
            format!("{:.0} x {}", place.count, place.name),
            judged,
            month.map_err(|problem| problem.message),
            false,
        ))
    }

    /// Of a provider the accelerators, and how many, that qualify at the least money; where none does, those that are nearest.
    fn rented(&self, one: &Platform, known: Known<'_>, provider: &str) -> Option<Outcome> {
        let mut groups: BTreeMap<(String, u64), Vec<OfferRow>> = BTreeMap::new();
        for row in &self.prices.catalogue.rows {
            if row.provider == provider && row.tier != "spot" {
                groups
                    .entry((row.accelerator.clone(), (row.memory_gb * 1000.0) as u64))
                    .or_default()
                    .push(row.clone());
            }
        }
        let mut best: Option<((usize, f64), f64, OfferChoice, u32)> = None;
        for mut rows in groups.into_values() {
            rows.sort_by(|left, right| left.usd_an_hour.total_cmp(&right.usd_an_hour));
            let Some(choice) = choose_offer(&rows) else {
                continue;
            };
            let offer = &choice.row;
            let stops = self.blocks(&known, target(&offer.accelerator));
            let (blocked, unclear) = (stops.0.len(), stops.1.len());
            // Machines of other people come behind the provider's own.
            let lent =
                usize::from(!offer.is_firm() && offer.tier != "notebook" && offer.source != OWN);
            for count in &one.counts {
                let place = rented_place(offer, *count);
                let judged = judge(self.works, &place, false, false);
                let hours = judged.hours.unwrap_or(self.hours).min(WEEK);
                let grounds = usize::from(judged.fits.is_none_or(|fits| fits == Verdict::TooLarge))
                    + blocked
                    + usize::from(judged.hours.is_none_or(|hours| hours > WEEK));
                let doubt =
                    usize::from(judged.fits == Some(Verdict::Tight)) + usize::from(unclear > 0);
                let money = if grounds > 0 {
                    judged.filled.max(judged.hours.unwrap_or(0.0) / WEEK)
                } else {
                    // Start-up, storage and waste are about the same for each of them.
                    offer.usd_an_hour * f64::from(*count) * hours
                };
                let rank = (grounds * 10 + (doubt.min(1) + lent), money);
                let better = best.as_ref().is_none_or(|(than, ..)| {
                    rank.0 < than.0 || rank.0 == than.0 && rank.1 < than.1
                });
                if better {
                    best = Some((rank, hours, choice.clone(), *count));
                }
                // More of the same costs more and brings nothing where one suffices.
                if grounds == 0 && doubt == 0 {
                    break;
                }
            }
        }
        let (_, hours, choice, count) = best?;
        let offer = &choice.row;
        let place = rented_place(offer, count);
        let judged = judge(self.works, &place, false, true);
        let month = self
            .prices
            .rented(&choice, f64::from(count), hours / 7.0)
            .map_err(|problem| problem.message);
        let shown = format!("{count} x {} {} GB", offer.accelerator, offer.memory_gb);
        let known = Known {
            name: format!("{}, {count} x {}", known.name, offer.accelerator),
            capability: target(&offer.accelerator),
            ..known
        };
        Some(self.done(known, shown, judged, month, true))
    }

    fn blocks(
        &self,
        known: &Known<'_>,
        capability: Option<&str>,
    ) -> (Vec<String>, Vec<String>, Vec<SoftwareAt>) {
        let (mut blocked, mut unclear, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for used in self.code {
            let (runs, said) = at(used.software, known.stack, capability);
            match runs {
                Runs::Yes => continue,
                Runs::No => blocked.push(used.software.name.clone()),
                Runs::Partly | Runs::Unknown => unclear.push(used.software.name.clone()),
            }
            all.push(said);
        }
        (blocked, unclear, all)
    }

    fn done(
        &self,
        known: Known<'_>,
        accelerator: String,
        judged: Judged,
        month: Result<Month, String>,
        rented: bool,
    ) -> Outcome {
        let (blocked, unclear, software) = self.blocks(&known, known.capability);
        let month_cell = match &month {
            Ok(month) => Cell::new(money(month.money), month.because.clone()),
            Err(why) => Cell::new("not known", why.clone()),
        };
        let trouble = month.as_ref().err().cloned();
        let month = month.ok();
        let candidate = Candidate {
            id: known.id.into(),
            name: known.name.clone(),
            fits: judged.fits,
            filled: judged.filled,
            blocked: blocked.clone(),
            unclear: unclear.clone(),
            capital: month
                .as_ref()
                .and_then(|month| month.capital)
                .map_or(0.0, |capital| capital.base),
            money: month.as_ref().map(|month| month.money),
            running: month.as_ref().map_or(0.0, |month| month.running),
            case: month.as_ref().map(|month| month.case),
            rented,
            hours: judged.hours,
            quiet: known.noise.value != "loud" && known.noise.value != "audible",
            portable: known.portable.value != "no",
            undecided: month.as_ref().and_then(|month| month.undecided.clone()),
        };
        let against = against(&candidate, self.wishes, self.currency);
        let first = judged.works.first();
        let speed = match first.and_then(|work| Some((work, work.tokens_per_second?))) {
            Some((work, rate)) => Cell::new(
                format!("{} tok/s", short(rate)),
                format!(
                    "{}, {}; nine of ten within {} to {} tok/s",
                    work.label,
                    if known.measured {
                        "by what was measured here"
                    } else {
                        "estimated"
                    },
                    short(rate / work.speed_factor),
                    short(rate * work.speed_factor)
                ),
            ),
            None if judged.fits == Some(Verdict::TooLarge) => Cell::new("-", "it does not fit"),
            None => Cell::new("not known", "nothing is known of this accelerator's speed"),
        };
        let stack = if known.kind.id == "here" {
            known.stack
        } else {
            &known.kind.driver
        };
        let report = PlatformReport {
            id: known.id.into(),
            kind: known.kind.name.clone(),
            accelerator,
            qualifies: against.is_empty(),
            fits: fits(&judged),
            speed,
            month: month_cell,
            money_a_month: month.as_ref().map(|month| month.money),
            paid_a_month: month.as_ref().map(|month| month.running),
            capital: month.as_ref().and_then(|month| month.capital),
            terms: month
                .as_ref()
                .map_or(Vec::new(), |month| month.terms.clone()),
            hours_a_week: match judged.hours {
                Some(hours) => Cell::new(
                    format!("{hours:.1}"),
                    "the same work, by the estimated speeds there and on the accelerator that hours are counted on",
                ),
                None => Cell::new(
                    "not known",
                    "its speed is not known, or the work does not fit",
                ),
            },
            driver: Cell::new(stack, source_of(&known.kind.source)),
            best_for: Cell::new(known.kind.best_for.clone(), source_of(&known.kind.source)),
            drawback: Cell::new(known.kind.drawback.clone(), source_of(&known.kind.source)),
            noise: known.noise,
            portable: known.portable,
            code: code(self.code.len(), &blocked, &unclear, &software),
            software,
            works: judged.works,
            against,
            name: known.name,
        };
        let mut warnings = month.map_or(Vec::new(), |month| month.warnings);
        if let Some(trouble) =
            trouble.filter(|text| text.contains("electricity") || text.contains("exchange"))
        {
            warnings.push(trouble);
        }
        Outcome {
            candidate,
            report,
            warnings,
        }
    }
}

fn rented_place(offer: &OfferRow, count: u32) -> Place {
    let named = format!("{} {:.0}GB", offer.accelerator, offer.memory_gb);
    match device_named(&named).or_else(|| device_named(&offer.accelerator)) {
        Some(row) => places::place(&offer.accelerator, &row, offer.memory_gb, count),
        None => {
            let room = offer.memory_gb * 1024.0_f64.powi(3);
            Place {
                name: offer.accelerator.clone(),
                surely: room * 0.98,
                at_most: room,
                count: f64::from(count),
                device: None,
                watts: None,
            }
        }
    }
}

fn noise(noise: &str, kind: &Kind) -> String {
    match (kind.id.as_str(), noise) {
        ("rented" | "notebook", _) => "it runs elsewhere".into(),
        (_, "quiet") => source_of("C6"),
        (_, "audible") => "a card of 150 to 250 W in a PC: our judgement".into(),
        _ => "a card of more than 300 W in a PC: our judgement".into(),
    }
}

fn portable(portable: bool, kind: &Kind) -> Cell {
    match (portable, kind.id.as_str()) {
        (true, "rented" | "notebook") => Cell::new(
            "by network",
            "from any laptop, as long as there is a network",
        ),
        (true, _) => Cell::new("yes", "a laptop"),
        (false, _) => Cell::new("no", "it stands on or under a desk; others reach it by ssh"),
    }
}

fn fits(judged: &Judged) -> Cell {
    let fullest = judged.works.iter().max_by(|one, other| {
        let share = |work: &super::report::WorkAt| work.needed_bytes / work.memory_bytes.max(1.0);
        share(one).total_cmp(&share(other))
    });
    let because = match fullest {
        None => String::new(),
        Some(work) if work.trouble.is_some() => work.trouble.clone().unwrap_or_default(),
        Some(work) => format!(
            "{} needs {}, nine of ten times {} to {}, and {} are there{}",
            work.label,
            size(work.needed_bytes),
            size(work.needed_low_bytes),
            size(work.needed_high_bytes),
            size(work.memory_bytes),
            work.change.as_ref().map_or(String::new(), |change| format!(
                "; it would fit with: {change}"
            ))
        ),
    };
    let value = match judged.fits {
        Some(Verdict::Fits) => "fits",
        Some(Verdict::Tight) => "tight",
        Some(Verdict::TooLarge) => "too large",
        None => "not known",
    };
    Cell::new(value, because)
}

fn code(uses: usize, blocked: &[String], unclear: &[String], software: &[SoftwareAt]) -> Cell {
    let why = || {
        software
            .iter()
            .map(|one| format!("{}: {}", one.software, one.because))
            .collect::<Vec<_>>()
            .join("; ")
    };
    if !blocked.is_empty() {
        Cell::new("no", why())
    } else if !unclear.is_empty() {
        Cell::new("partly", why())
    } else if uses > 0 {
        Cell::new("runs", "all of the software named or found")
    } else {
        Cell::new(
            "runs",
            "no software is named that is tied to one maker; --project finds it",
        )
    }
}

fn size(count: f64) -> String {
    bytes(count.max(0.0) as u64)
}

fn money(range: Range) -> String {
    if range.is_exact() {
        format!("{:.0}", range.base)
    } else {
        format!("{:.0} ({:.0}-{:.0})", range.base, range.low, range.high)
    }
}

/// A number with two or three digits that matter.
pub(super) fn short(value: f64) -> String {
    if value >= 10_000.0 {
        format!("{:.0}k", value / 1000.0)
    } else if value >= 1000.0 {
        format!("{:.1}k", value / 1000.0)
    } else if value >= 10.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}
