//! One platform judged: memory, speed, code, money.

use super::cells;
use super::code::Used;
use super::here::Here;
use super::rented::hours_most;
use super::report::{Cell, PlatformReport};
use super::runs::{SoftwareAt, at};
use super::work::{Judged, Prepared, judge};
use crate::cost::{Month, Offered, Prices};
use crate::fit::places;
use deskside_advise::choose::{Candidate, Wishes, against};
use deskside_knowledge::choose::{Kind, Platform, Runs, Software, kind, source_of};
use deskside_knowledge::models::device_named;
use deskside_knowledge::prices::target;
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
    /// Whose price was counted with, and the day or month that it is of.
    pub dated: Option<(String, String)>,
}

/// What is known of a platform before it is judged.
pub(super) struct Known<'a> {
    pub id: &'a str,
    pub name: String,
    pub kind: &'a Kind,
    pub stack: &'a str,
    pub capability: Option<&'a str>,
    pub noise: Cell,
    pub portable: Cell,
    pub quiet: Option<bool>,
    pub goes_along: Option<bool>,
    pub measured: bool,
    pub dated: Option<(String, String)>,
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
            noise: cells::noise(one, kind),
            portable: cells::portable(one.portable, kind),
            quiet: Some(one.noise == "quiet"),
            goes_along: Some(one.portable),
            measured: false,
            dated: None,
        };
        match (&one.accelerator, &one.provider) {
            (Some(accelerator), _) => {
                let row = device_named(accelerator)?;
                let name = if row.is_apple() {
                    format!("{accelerator} {} GB", one.memory_gb)
                } else {
                    accelerator.clone()
                };
                let place = places::place(&name, row, one.memory_gb, one.gpus);
                let judged = judge(self.works, &place, &kind.stack, false, true);
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

    /// The machine at hand. What is owned is paid: only what the work adds counts.
    pub fn here(&self, here: &Here) -> Option<Outcome> {
        if let Some(provider) = here.provider {
            return self.here_rented(here, provider);
        }
        let kind = kind("here")?;
        let judged = judge(self.works, &here.place, here.stack, here.measured, true);
        let hours = judged.hours.unwrap_or(self.hours);
        let month = self.prices.at_hand(
            (here.stack != "cpu").then_some(&here.place.name),
            here.place.count,
            hours / 7.0,
        );
        let known = Known {
            id: "here",
            name: "This machine".into(),
            kind,
            stack: here.stack,
            capability: here.capability.as_deref(),
            noise: Cell::new("as it is", "nobody measured it: you know it"),
            portable: match here.portable {
                Some(true) => Cell::new("yes", "a laptop, by its model"),
                _ => Cell::new("as it is", "its model does not tell: you know it"),
            },
            quiet: None,
            goes_along: here.portable,
            measured: here.measured,
            dated: None,
        };
        Some(self.done(
            known,
            format!("{:.0} x {}", here.place.count, here.place.name),
            judged,
            month.map_err(|problem| problem.message),
            false,
        ))
    }

    /// How many pieces of software are looked at.
    fn rests_on(&self, stack: &str) -> usize {
        let of_work: usize = self
            .works
            .iter()
            .map(|work| work.rests_on(stack).len())
            .sum();
        self.code.len() + of_work
    }

    /// What does not run on a stack, and what not surely whole: of the code, and of what the work itself rests on.
    pub(super) fn blocks(
        &self,
        stack: &str,
        capability: Option<&str>,
    ) -> (Vec<String>, Vec<String>, Vec<SoftwareAt>) {
        let (mut blocked, mut unclear, mut all) = (Vec::new(), Vec::new(), Vec::new());
        let of_work = self.works.iter().flat_map(|work| work.rests_on(stack));
        let of_code = self.code.iter().map(|used| (used.software, ""));
        let mut seen: Vec<&Software> = Vec::new();
        for (software, why) in of_code.chain(of_work) {
            if seen.contains(&software) {
                continue;
            }
            seen.push(software);
            let (runs, mut said) = at(software, stack, capability);
            match runs {
                Runs::Yes => continue,
                Runs::No => blocked.push(software.name.clone()),
                Runs::Partly | Runs::Unknown => unclear.push(software.name.clone()),
            }
            if !why.is_empty() {
                said.because += &format!(" ({why})");
            }
            all.push(said);
        }
        (blocked, unclear, all)
    }

    pub(super) fn done(
        &self,
        known: Known<'_>,
        accelerator: String,
        judged: Judged,
        month: Result<Month, String>,
        rented: bool,
    ) -> Outcome {
        let (blocked, mut unclear, mut software) = self.blocks(known.stack, known.capability);
        if judged.lacks_bf16 {
            unclear.push("bf16".into());
            software.push(SoftwareAt {
                software: "bf16".into(),
                runs: "partly".into(),
                because: "it has no bf16: training goes by fp16, whose gradients have to be scaled, and not every recipe does that".into(),
                instead: Some("fp16 with a gradient scaler, or a card of compute capability 8.0 or newer".into()),
                source: "NVIDIA's compute capabilities: bf16 in matrix units from 8.0".into(),
            });
        }
        let month_cell = match &month {
            Ok(month) => Cell::new(cells::money(month.money), month.because.clone()),
            Err(why) => Cell::new("not known", why.clone()),
        };
        let trouble = month.as_ref().err().cloned();
        let month = month.ok();
        let candidate = Candidate {
            id: known.id.into(),
            name: known.name.clone(),
            fits: judged.fits,
            filled: judged.filled,
            filled_high: judged.filled_high,
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
            hours_most: hours_most(&known.kind.id),
            lent: known.kind.id == "notebook",
            quiet: known.quiet,
            portable: known.goes_along,
            undecided: month.as_ref().and_then(|month| month.undecided.clone()),
        };
        let against = against(&candidate, self.wishes, self.currency);
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
            fits: cells::fits(&judged),
            speed: cells::speed(&judged, known.measured),
            month: month_cell,
            money_a_month: month.as_ref().map(|month| month.money),
            paid_a_month: month.as_ref().map(|month| month.running),
            capital: month.as_ref().and_then(|month| month.capital),
            terms: month
                .as_ref()
                .map_or(Vec::new(), |month| month.terms.clone()),
            hours_a_week: cells::hours(&judged),
            driver: Cell::new(stack, source_of(&known.kind.source)),
            best_for: Cell::new(known.kind.best_for.clone(), source_of(&known.kind.source)),
            drawback: Cell::new(known.kind.drawback.clone(), source_of(&known.kind.source)),
            noise: known.noise,
            portable: known.portable,
            code: cells::code(self.rests_on(known.stack), &blocked, &unclear, &software),
            software,
            works: judged.works,
            against,
            name: known.name,
        };
        let dated = known.dated.or_else(|| {
            let month = month.as_ref()?;
            month.capital?;
            Some(("hardware".to_string(), month.as_of.clone()?))
        });
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
            dated,
        }
    }
}
