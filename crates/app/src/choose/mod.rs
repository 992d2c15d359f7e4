//! `deskside choose`: which platform for what a person does; each cell with its reason, offline.

mod asked;
mod cells;
mod code;
mod here;
mod platform;
mod rented;
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
use crate::cost::{OLD_DAYS, Prices, Scenario, days, history, standing, today};
use crate::fit::model;
use crate::offers::Catalogue;
use asked::{Work, known_platform};
use code::Used;
use deskside_advise::choose::{WEEK, Wishes, choose as decide};
use deskside_knowledge::choose::platforms;
use deskside_machine::Reading;
use deskside_types::Result;
use here::{Reference, here, reference};
use jiff::civil::Date;
use platform::Judge;
use std::collections::BTreeMap;
use std::path::PathBuf;
use work::Prepared;

/// Hours a week where nobody said how many and nothing was measured.
const USUAL_HOURS: f64 = 10.0;

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
    let facts = deskside_probe::collect_hardware(&*context.machine);
    let here = here(context, &facts, &mut assumptions);
    let (reference, hours_on) = reference(&wish, here.as_ref(), &mut assumptions)?;
    let works = works
        .into_iter()
        .map(|work| prepared(context, work, reference.as_ref()))
        .collect::<Result<Vec<_>>>()?;
    assumptions.extend(wish.left_out());
    for work in &works {
        assumptions.extend(of_work(work, works.len() > 1));
    }
    assumptions.dedup();
    let mut hours_on = hours_on;
    if let Some(one) = &reference
        && works.iter().any(|work| !work.fits(&one.place, one.stack))
    {
        hours_on += ", as if it had the memory";
    }
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
        all.extend(judge.here(here));
    }
    all.extend(platforms().iter().filter_map(|one| judge.platform(one)));
    let candidates: Vec<_> = all.iter().map(|one| one.candidate.clone()).collect();
    let choice = decide(&candidates, &wishes, &currency);
    let mut warnings = catalogue.warnings.clone();
    let mut reports = Vec::new();
    let mut dated = Vec::new();
    for one in all {
        warnings.extend(one.warnings);
        dated.extend(one.dated);
        reports.push(one.report);
    }
    // How old prices are is told once for all of them.
    warnings.retain(|text| !text.ends_with("check it"));
    warnings.sort_unstable();
    warnings.dedup();
    let conventions = conventions(&currency, dated, today(context));
    cells::order(&mut reports, choice.platform.as_deref());
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
                        .case("cuda")
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
        conventions,
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

/// What was assumed of a piece of work; `named`: each with the work's name.
fn of_work(work: &Prepared, named: bool) -> Vec<String> {
    let Ok(case) = work.case("cuda") else {
        return Vec::new();
    };
    let request = &work.work.request;
    let mut all = case.shape.assumed.clone();
    if request.framework.is_none() {
        all.push(format!(
            "the engine: {}; --framework names one for all",
            work.engines()
        ));
    }
    // The framework stands there for all platforms together.
    all.extend(
        request
            .assumptions(case)
            .into_iter()
            .filter(|text| !text.starts_with("the framework: ")),
    );
    if named {
        for text in &mut all {
            *text = format!("{}: {text}", work.work.label);
        }
    }
    all
}

/// Currency, taxes, month; whose prices are of when.
fn conventions(currency: &str, dated: Vec<(String, String)>, today: Date) -> Vec<String> {
    let mut of: BTreeMap<String, (String, String)> = BTreeMap::new();
    for (whose, day) in dated {
        let ends = of
            .entry(whose)
            .or_insert_with(|| (day.clone(), day.clone()));
        ends.0 = ends.0.clone().min(day.clone());
        ends.1 = ends.1.clone().max(day);
    }
    let mut lines = vec![format!(
        "sums in {currency}, a month of 730 hours; prices in USD are without sales tax (in Europe 19 to 25 % come on top), tariffs of households with all taxes"
    )];
    if !of.is_empty() {
        let oldest = of
            .values()
            .filter_map(|(first, _)| days(first, today))
            .max()
            .unwrap_or_default();
        let told: Vec<String> = of
            .into_iter()
            .map(|(whose, (first, last))| {
                if first == last {
                    format!("{whose} {first}")
                } else {
                    format!("{whose} {first} to {last}")
                }
            })
            .collect();
        lines.push(format!(
            "prices: {}{}",
            told.join(", "),
            if oldest > OLD_DAYS {
                "; check what is months old"
            } else {
                ""
            }
        ));
    }
    lines
}

fn prepared(context: &Context, work: Work, reference: Option<&Reference>) -> Result<Prepared> {
    let read = model::read(
        &*context.projects,
        &work.request.model,
        model::Reach::Offline,
    )?;
    // A contradiction that holds everywhere is the person's to solve.
    work.request.case_on(&read, "cuda")?;
    Ok(Prepared::new(
        work,
        read,
        reference.map(|one| (&one.place, one.stack)),
    ))
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
