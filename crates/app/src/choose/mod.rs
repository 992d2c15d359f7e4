//! `deskside choose`: which platform for what a person does; each cell with its reason, offline.

mod asked;
mod code;
mod platform;
mod report;
mod runs;
#[cfg(test)]
mod tests;
mod work;

pub use asked::{METHODS, Wish, WorkWish};
pub use deskside_advise::choose::{Against, Choice, Flip, Ground};
pub use report::{AskedReport, Cell, ChooseReport, CodeReport, PlatformReport, WorkAt, WorkReport};
pub use runs::SoftwareAt;

use crate::Context;
use crate::cost::{Prices, Scenario, history, standing, today};
use crate::fit::{calibrate, model, places};
use crate::offers::Catalogue;
use asked::{Work, known_platform};
use code::Used;
use deskside_advise::choose::{WEEK, Wishes, choose as decide};
use deskside_advise::fit::advice::Place;
use deskside_knowledge::choose::platforms;
use deskside_knowledge::models::device_named;
use deskside_machine::Reading;
use deskside_types::Result;
use deskside_types::facts::{Facts, Vendor};
use platform::Judge;
use std::path::PathBuf;
use work::Prepared;

/// Hours a week where nobody said how many and nothing was measured.
const USUAL_HOURS: f64 = 10.0;

/// The accelerator that hours are counted on where this machine has none.
const USUAL_ACCELERATOR: &str = "RTX 4090";

/// The sections of a person's standing scenario that are true of any machine.
const OF_ANY_MACHINE: &[&str] = &[
    "currency",
    "exchange.",
    "electricity.",
    "money.",
    "tax",
    "rent.storage",
    "rent.egress",
    "rent.waste",
    "rent.startup",
    "rent.hours",
    "use.on_hours",
];

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChooseRequest {
    /// The options.
    pub wish: Wish,
    /// A file; options win over it.
    pub scenario: Option<PathBuf>,
    /// Only this platform.
    pub only: Option<String>,
}

/// Compares the platforms and recommends one.
///
/// # Errors
/// [`deskside_types::Code::ChoiceUnclear`] with what to write; when a model, a file or a project can't be read.
pub fn choose(context: &Context, request: &ChooseRequest) -> Result<ChooseReport> {
    let wish = wish(context, request)?;
    wish.check()?;
    if let Some(id) = &request.only {
        known_platform(id)?;
    }
    let mut assumptions = Vec::new();
    let hours = match wish.hours_a_week {
        Some(hours) => hours,
        None => usual_hours(context, &wish, &mut assumptions),
    };
    let works = wish.works(hours)?;
    let hours: f64 = works.iter().map(|work| work.hours).sum();
    let (code, left_out) = used(context, &wish)?;
    assumptions.extend(left_out);
    let facts = deskside_probe::collect(&*context.machine);
    let here = here(context, &facts, &mut assumptions);
    let (reference, hours_on) = reference(&wish, here.as_ref(), &mut assumptions)?;
    let works = works
        .into_iter()
        .map(|work| prepared(context, work, reference.as_ref()))
        .collect::<Result<Vec<_>>>()?;
    for work in &works {
        if let Ok(case) = work.case(false) {
            let of = works.len() > 1;
            assumptions.extend(
                case.shape
                    .assumed
                    .iter()
                    .cloned()
                    .chain(work.work.request.assumptions(case))
                    .map(|text| {
                        if of {
                            format!("{}: {text}", work.work.label)
                        } else {
                            text
                        }
                    }),
            );
        }
    }
    assumptions.dedup();
    let scenario = scenario(context, &wish)?;
    let catalogue = Catalogue::of(context);
    let currency = scenario.currency().to_string();
    let wishes = Wishes {
        capital: wish.budget,
        month: wish.budget_a_month,
        quiet: wish.quiet,
        portable: wish.portable,
    };
    let judge = Judge {
        works: &works,
        code: &code,
        wishes: &wishes,
        prices: Prices {
            scenario: &scenario,
            today: today(context),
            catalogue: &catalogue,
        },
        currency: &currency,
        own_prices: &wish.prices,
        hours,
    };
    judge.prices.check()?;
    let mut all = Vec::new();
    if let Some(here) = &here {
        all.extend(judge.here(
            &here.place,
            here.stack,
            here.capability.as_deref(),
            here.measured,
        ));
    }
    all.extend(platforms().iter().filter_map(|one| judge.platform(one)));
    let candidates: Vec<_> = all.iter().map(|one| one.candidate.clone()).collect();
    let choice = decide(&candidates, &wishes, &currency);
    let mut warnings = catalogue.warnings.clone();
    let mut reports = Vec::new();
    for one in all {
        warnings.extend(one.warnings);
        reports.push(one.report);
    }
    let warnings = few(warnings);
    order(&mut reports, choice.platform.as_deref());
    if let Some(id) = &request.only {
        reports.retain(|one| one.id == *id);
    }
    Ok(ChooseReport {
        asked: AskedReport {
            works: works
                .iter()
                .map(|work| WorkReport {
                    label: work.work.label.clone(),
                    how: work
                        .case(false)
                        .map_or(String::new(), |case| work.work.request.work_in_words(case)),
                    read_from: work.read.from.clone(),
                    hours_a_week: work.work.hours,
                })
                .collect(),
            hours_a_week: hours,
            hours_on,
            budget: wish.budget,
            budget_a_month: wish.budget_a_month,
            quiet: wish.quiet,
            portable: wish.portable,
            code: code
                .iter()
                .map(|used| CodeReport {
                    software: used.software.name.clone(),
                    seen: used.seen.clone(),
                })
                .collect(),
        },
        choice,
        currency,
        platforms: reports,
        assumptions,
        warnings,
    })
}

/// The file, and the options over it.
fn wish(context: &Context, request: &ChooseRequest) -> Result<Wish> {
    let mut wish = match &request.scenario {
        Some(path) => {
            let text = context.projects.text(path)?;
            let mut wish = Wish::parse(&text, &path.display().to_string())?;
            // A project beside the file.
            wish.project = wish
                .project
                .map(|project| path.parent().unwrap_or(&project).join(&project));
            wish
        }
        None => Wish::default(),
    };
    wish.overlay(request.wish.clone());
    Ok(wish)
}

fn usual_hours(context: &Context, wish: &Wish, assumptions: &mut Vec<String>) -> f64 {
    let said: f64 = wish.work.iter().filter_map(|work| work.hours_a_week).sum();
    if said > 0.0 && wish.work.iter().all(|work| work.hours_a_week.is_some()) {
        return said;
    }
    let held = (!context.recorded)
        .then(|| history(context))
        .flatten()
        .filter(|history| history.enough)
        .map(|history| history.held_hours_a_day * 7.0)
        .filter(|hours| *hours >= 0.5);
    match held {
        Some(hours) => {
            assumptions.push(format!(
                "{hours:.1} hours a week: as long as runs held this machine lately; --hours says otherwise"
            ));
            hours
        }
        None => {
            assumptions.push(format!(
                "{USUAL_HOURS:.0} hours a week: nobody said how many; --hours says otherwise"
            ));
            USUAL_HOURS
        }
    }
}

/// The software that was named, and that of the project.
fn used(context: &Context, wish: &Wish) -> Result<(Vec<Used>, Vec<String>)> {
    let mut all: Vec<Used> = wish
        .named_software()?
        .into_iter()
        .map(|software| Used {
            software,
            seen: vec!["as given".into()],
        })
        .collect();
    let mut left_out = Vec::new();
    if let Some(project) = &wish.project {
        let scan = code::scan(&*context.projects, project)?;
        left_out = scan.left_out;
        for used in scan.used {
            if !all.iter().any(|one| one.software == used.software) {
                all.push(used);
            }
        }
    }
    Ok((all, left_out))
}

fn prepared(context: &Context, work: Work, reference: Option<&Place>) -> Result<Prepared> {
    let read = model::read(
        &*context.projects,
        &work.request.model,
        model::Reach::Offline,
    )?;
    // A contradiction that holds everywhere is the person's to solve.
    work.request.case(&read, false)?;
    Ok(Prepared::new(work, read, reference))
}

/// The machine at hand.
struct Here {
    place: Place,
    stack: &'static str,
    capability: Option<String>,
    measured: bool,
}

fn here(context: &Context, facts: &Facts, assumptions: &mut Vec<String>) -> Option<Here> {
    let calibration = calibrate::read(context);
    let (places, measured) = places::own(
        facts,
        &crate::fit::FitRequest::default(),
        calibration.as_ref(),
    );
    let place = places.into_iter().next()?;
    let is_measured = measured
        .iter()
        .any(|text| text.contains("measured here on"));
    assumptions.extend(measured);
    let gpus = facts.known_gpus();
    let gpu = gpus.iter().find(|gpu| gpu.is_accelerator());
    let stack = match gpu.map(|gpu| gpu.vendor) {
        Some(Vendor::Nvidia) => "cuda",
        Some(Vendor::Amd) => "rocm",
        Some(Vendor::Apple) => "metal",
        _ => "cpu",
    };
    Some(Here {
        capability: deskside_knowledge::prices::target(&place.name).map(str::to_string),
        place,
        stack,
        measured: is_measured,
    })
}

/// The accelerator that hours are counted on, with room for anything, and how it is called.
fn reference(
    wish: &Wish,
    here: Option<&Here>,
    assumptions: &mut Vec<String>,
) -> Result<(Option<Place>, String)> {
    let roomy = |mut place: Place| {
        place.surely = 1e18;
        place.at_most = 1e18;
        place.count = 1.0;
        if let Some(device) = &mut place.device {
            device.memory_bytes = None;
        }
        place
    };
    if let Some(name) = &wish.hours_on {
        let place = places::named(name, &crate::fit::FitRequest::default())?;
        return Ok((Some(roomy(place)), name.clone()));
    }
    // Hours on a processor say little of hours on an accelerator.
    if let Some(here) = here.filter(|here| here.stack != "cpu" && here.place.device.is_some()) {
        return Ok((
            Some(roomy(here.place.clone())),
            format!("{}, this machine's", here.place.name),
        ));
    }
    assumptions.push(format!(
        "hours are those that the work takes on one {USUAL_ACCELERATOR}: this machine has no accelerator whose speed is known; --hours-on says otherwise"
    ));
    let place = device_named(USUAL_ACCELERATOR)
        .map(|row| roomy(places::place(USUAL_ACCELERATOR, &row, row.memory_gb, 1)));
    Ok((place, USUAL_ACCELERATOR.into()))
}

/// What of the person's standing scenario is true of any machine, and what was said here over it.
fn scenario(context: &Context, wish: &Wish) -> Result<Scenario> {
    let mut scenario = standing(context)?
        .unwrap_or_default()
        .only(|path| OF_ANY_MACHINE.iter().any(|head| path.starts_with(head)));
    let tariff = wish.tariff.map(|tariff| tariff.to_string());
    for (key, value) in [
        ("electricity.country", &wish.country),
        ("electricity.per_kwh", &tariff),
        ("currency", &wish.currency),
    ] {
        if let Some(value) = value {
            scenario.set(key, value)?;
        }
    }
    Ok(scenario)
}

/// Each warning once; of prices that are old only the oldest of a kind.
fn few(mut all: Vec<String>) -> Vec<String> {
    all.sort_unstable();
    all.dedup();
    let mut kept: Vec<(String, String, String)> = Vec::new();
    for text in all {
        let (head, day) = match (text.split_once(" is "), text.rsplit_once('(')) {
            (Some((head, _)), Some((_, day))) if text.ends_with("check it") => {
                (head.to_string(), day.to_string())
            }
            _ => (text.clone(), String::new()),
        };
        match kept.iter_mut().find(|one| one.0 == head) {
            Some(one) if day < one.1 => (one.1, one.2) = (day, text),
            Some(_) => {}
            None => kept.push((head, day, text)),
        }
    }
    kept.into_iter().map(|one| one.2).collect()
}

/// The recommended one first, then what qualifies by its money, then the others by how much stands against them.
fn order(reports: &mut [PlatformReport], chosen: Option<&str>) {
    let money = |one: &PlatformReport| one.money_a_month.map_or(f64::INFINITY, |money| money.base);
    reports.sort_by(|one, other| {
        (Some(other.id.as_str()) == chosen)
            .cmp(&(Some(one.id.as_str()) == chosen))
            .then(one.against.len().cmp(&other.against.len()))
            .then(money(one).total_cmp(&money(other)))
    });
}
