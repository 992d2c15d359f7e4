//! `deskside cost`: buy or not, keep or sell, this job here or rented; and what runs took.

mod age;
pub(crate) mod history;
mod keys;
mod month;
mod owned;
mod rented;
mod report;
mod resolve;
mod runs;
mod scenario;
pub(crate) mod since;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use age::{OFFER_LIMIT_DAYS, OLD_DAYS, days};
pub use deskside_advise::cost::break_even::BreakEven;
pub use deskside_advise::cost::{Comparison, Question, Side, Term};
pub(crate) use history::history;
pub(crate) use month::{Month, Prices};
pub(crate) use rented::{Choice as OfferChoice, choose as choose_offer};
pub use report::{CostReport, Figures, FlipReport, Input, OfferReport, Origin, Verdict};
pub(crate) use resolve::Offered;
pub(crate) use runs::of_one;
pub use runs::{RunCost, RunPrices, of_run};
pub use scenario::Scenario;
pub use since::{SinceReport, since};

use crate::Context;
use crate::offers::Catalogue;
use deskside_advise::cost::break_even::{
    break_even, payback_busy_hours, payback_years, present_value,
};
use deskside_advise::cost::sensitivity::flips;
use deskside_advise::cost::{Case, Field, compare, job, own, rent};
use deskside_machine::{ErrorKind, Reading};
use deskside_types::Result;
use deskside_types::range::Range;
use jiff::civil::Date;
use owned::Accelerators;
use resolve::{Found, Resolver};
use scenario::{invalid, lacking};
use std::path::{Path, PathBuf};

/// Flips that are told.
const FLIPS: usize = 2;

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CostRequest {
    /// The question; none: as the scenario has it.
    pub question: Option<Question>,
    /// The scenario's file; none: the person's own, where there is one.
    pub scenario: Option<PathBuf>,
    /// Keys and values of the command line; they win over the file.
    pub set: Vec<(String, String)>,
}

/// Answers a question.
///
/// # Errors
/// [`deskside_types::Code::ScenarioInvalid`] with the key and what to write; when the file can't be read.
pub fn cost(context: &Context, request: &CostRequest) -> Result<CostReport> {
    let scenario = read(context, request.scenario.as_deref(), &request.set)?;
    let question = match (request.question, scenario.text("question")) {
        (Some(question), _) => question,
        (None, Some("buy")) => Question::Buy,
        (None, Some("keep")) => Question::Keep,
        (None, Some(_)) => Question::Job,
        (None, None) => {
            return Err(invalid("nothing says what is asked")
                .hint("`deskside cost buy`: buy a machine, or rent for the same use")
                .hint("`deskside cost keep`: keep this machine, or sell it and rent")
                .hint("`deskside cost job --job-hours 12`: one job, here or rented")
                .hint("or write `question = \"buy\"` into the scenario"));
        }
    };
    let today = today(context);
    let mut resolver = Resolver::new(&scenario, question, today);
    let catalogue = Catalogue::of(context);
    resolver.warnings.extend(catalogue.warnings.clone());
    resolver.catalogue = Some(catalogue);
    let owned = accelerators(context, &mut resolver)?;
    if !resolver.bare {
        resolver.history = history(context);
    }
    let offers = resolve(&mut resolver, owned.as_ref())?;
    Ok(answer(resolver, offers))
}

const USE: &[&str] = &["use.busy_hours_a_day", "use.busy_hours_a_year", "use.share"];

/// The scenario: the file, else the person's own where they have one, and the command line over it.
fn read(context: &Context, file: Option<&Path>, set: &[(String, String)]) -> Result<Scenario> {
    let mut scenario = match file {
        Some(path) => {
            let text = context.projects.text(path)?;
            Scenario::parse(&text, &path.display().to_string())?
        }
        None => standing(context)?.unwrap_or_default(),
    };
    let mut flags = Scenario::default();
    for (key, value) in set {
        flags.set(key, value)?;
    }
    if !set.is_empty() {
        flags.from.push("the command line".into());
        scenario.overlay(flags);
    }
    Ok(scenario)
}

/// The person's own standing scenario, `cost.toml` among their settings: tariff, country, what they paid.
pub(crate) fn standing(context: &Context) -> Result<Option<Scenario>> {
    if context.recorded {
        return Ok(None);
    }
    let path = context.directories.config.join("cost.toml");
    match context.machine.text(&path) {
        Ok(text) => Scenario::parse(&text, &path.display().to_string()).map(Some),
        Err(error) if error.kind == ErrorKind::Absent => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The accelerators that are owned or would be bought; this machine's where nothing is said and something rests on them.
fn accelerators(context: &Context, resolver: &mut Resolver<'_>) -> Result<Option<Accelerators>> {
    let count = resolver
        .scenario
        .number("machine.gpus")
        .map(|count| count.base);
    if let Some(name) = resolver.scenario.text("machine.gpu") {
        let name = name.to_string();
        let count = count.unwrap_or(1.0);
        return Ok(Some(Accelerators { name, count }));
    }
    let told = resolver.given("machine.busy_watts").is_some()
        && (resolver.given("rent.per_hour").is_some()
            || resolver.given("rent.per_month").is_some());
    // What is bought is another machine than this one.
    if resolver.question == Question::Buy || resolver.bare || told {
        return Ok(None);
    }
    let facts = deskside_probe::collect_hardware(&*context.machine);
    let gpus: Vec<String> = facts
        .known_gpus()
        .iter()
        .filter(|gpu| gpu.is_accelerator())
        .filter_map(|gpu| gpu.name.value().cloned())
        .collect();
    let Some(name) = gpus.first() else {
        return Ok(None);
    };
    let count = gpus.iter().filter(|other| *other == name).count();
    if count < gpus.len() {
        resolver.warnings.push(format!(
            "this machine has several kinds of accelerators; counted with {count} x {name}"
        ));
    }
    Ok(Some(Accelerators {
        name: name.clone(),
        count: count as f64,
    }))
}

fn resolve(resolver: &mut Resolver<'_>, owned: Option<&Accelerators>) -> Result<Vec<OfferReport>> {
    if resolver.question == Question::Buy
        && owned.is_none()
        && resolver.given("machine.price").is_none()
    {
        return Err(lacking(
            "machine.gpu",
            "nothing says what would be bought",
            "--gpu 'RTX 4090', or --price with --watts and --rent",
        ));
    }
    let month = resolver
        .given("month_hours")
        .map_or(730.0, |month| month.value.base);
    resolver
        .ranges
        .set(Field::MonthHours, Range::exactly(month));
    if resolver.question == Question::Job {
        this_job(resolver)?;
    } else {
        hours(resolver)?;
    }
    owned::tariff(resolver)?;
    owned::power(resolver, owned)?;
    if resolver.question == Question::Job {
        owned::running(resolver);
    } else {
        owned::money(resolver, owned)?;
    }
    rented::rent(resolver, owned)
}

fn this_job(resolver: &mut Resolver<'_>) -> Result<()> {
    let hours = resolver.given("job.hours").ok_or_else(|| {
        lacking(
            "job.hours",
            "how long it takes on the machine that is there",
            "--job-hours 12",
        )
    })?;
    resolver.put(Field::JobHours, hours);
    for (field, because) in [
        (Field::WaitHours, "it can begin at once"),
        (
            Field::HourValue,
            "an hour sooner is worth nothing, until you say so",
        ),
    ] {
        let found = resolver
            .given(field.about().key)
            .unwrap_or_else(|| Found::assumed(Range::exactly(0.0), because));
        resolver.put(field, found);
    }
    Ok(())
}

/// Busy hours and hours it is on.
fn hours(resolver: &mut Resolver<'_>) -> Result<()> {
    let days = resolver.ranges.month_hours.base / 2.0;
    let mut given = USE
        .iter()
        .filter_map(|path| Some((*path, resolver.given(path)?)));
    let (first, second) = (given.next(), given.next());
    drop(given);
    if let (Some((one, _)), Some((other, _))) = (&first, &second) {
        return Err(
            invalid(format!("{one} and {other} say the same thing twice")).hint("leave one away"),
        );
    }
    let measured = resolver.history.clone();
    let found = match (first, measured) {
        (Some((path, mut found)), _) => {
            found.value = match path {
                "use.busy_hours_a_year" => found.value.times(1.0 / days),
                "use.share" => found.value.times(24.0),
                _ => found.value,
            };
            if found.value.high > 24.0 {
                return Err(invalid(format!("{path} is more than the year has hours"))
                    .hint("count hours of the machine, not of each of its accelerators"));
            }
            found
        }
        (None, Some(history)) if history.enough => of_history(&history),
        (None, _) if resolver.bare => {
            return Err(lacking(
                "use.busy_hours_a_day",
                "nothing is assumed",
                "--hours 4",
            ));
        }
        (None, history) => {
            let mut found = resolver.assumption("busy_hours_a_day", 0.0);
            if let Some(history) = history {
                found.because = format!(
                    "{}; the history here covers only {:.1} days",
                    found.because, history.days
                );
            }
            found
        }
    };
    resolver.put(Field::BusyHours, found);
    let sampled = resolver
        .history
        .as_ref()
        .and_then(|history| history.sampled);
    match sampled.filter(|sampled| sampled.enough()) {
        Some(sampled)
            if resolver
                .given(Field::OnHours.key(resolver.question))
                .is_none() =>
        {
            let because = format!("this machine's sampler, over {:.0} days", sampled.days);
            let found = Found::measured(sampled.on_hours_a_day, because);
            resolver.put(Field::OnHours, found);
        }
        _ => resolver.usual(Field::OnHours, "on_hours_a_day", 0.0),
    }
    Ok(())
}

/// Hours in which the machine was held by runs are hours that would be rented; where it was sampled, the hours in which it
/// really computed are the other end of the range: fewer where runs waited, more where it worked without a run.
fn of_history(history: &history::History) -> Found {
    let held = history.held_hours_a_day;
    let runs = format!(
        "held by {} runs in the last {:.0} days here",
        history.runs, history.days
    );
    match history.sampled.filter(history::Sampled::enough) {
        Some(sampled) => {
            let busy = sampled.busy_hours_a_day;
            let because = format!(
                "{runs}, {held:.1} hours a day; it computed {busy:.1} hours a day by its sampler, over {:.0} days",
                sampled.days
            );
            Found {
                value: Range {
                    low: held.min(busy),
                    base: held.max(busy),
                    high: held.max(busy),
                },
                ..Found::measured(held, because)
            }
        }
        None => Found::measured(
            held,
            format!("{runs}; how busy they kept it was not measured"),
        ),
    }
}

fn answer(mut resolver: Resolver<'_>, offers: Vec<OfferReport>) -> CostReport {
    let question = resolver.question;
    let cases = compare(&resolver.ranges, question);
    let case = resolver.ranges.map(|range| range.base);
    let origin = |key: &str| {
        resolver
            .inputs
            .iter()
            .find(|input| input.key == key)
            .map_or(Origin::Default, |input| input.origin)
    };
    let flips = flips(&case, question)
        .into_iter()
        // What is one by its nature turns nothing: the same accelerator's speed, watts that are the wall's.
        .filter(|flip| {
            !(matches!(flip.field, Field::Speed | Field::Efficiency)
                && flip.from == 1.0
                && origin(flip.field.key(question)) != Origin::Given)
        })
        .take(FLIPS)
        .map(|flip| {
            let key = flip.field.key(question);
            FlipReport {
                key: key.into(),
                from: flip.from,
                to: flip.to,
                unit: flip
                    .field
                    .unit(question)
                    .replace("money", &resolver.currency),
                origin: origin(key),
            }
        })
        .collect();
    let figures = figures(&case, question);
    let (own, rent) = if question == Question::Job {
        (job::here_terms(&case), job::rented_terms(&case))
    } else {
        (own::terms(&case, question), rent::terms(&case))
    };
    let verdict = words::verdict(
        question,
        &cases,
        &figures,
        &case,
        &resolver.currency,
        &resolver.ranges,
        resolver.undecided.as_deref(),
    );
    let left_out = left_out(&resolver);
    resolver.warnings.sort_unstable();
    resolver.warnings.dedup();
    CostReport {
        question,
        name: resolver.scenario.text("name").map(Into::into),
        conventions: words::conventions(
            question,
            &case,
            &resolver.currency,
            resolver.scenario.text("tax"),
        ),
        currency: resolver.currency.clone(),
        verdict,
        span: if question == Question::Job {
            "job"
        } else {
            "month"
        }
        .into(),
        own,
        rent,
        cases,
        figures,
        flips,
        left_out,
        warnings: resolver.warnings,
        offers,
        words: resolver
            .scenario
            .words()
            .map(|(path, text)| (path.to_string(), text))
            .chain([("month_hours".to_string(), format!("{:?}", case.month_hours))])
            .chain(
                resolver
                    .scenario
                    .number("machine.gpus")
                    .map(|count| ("machine.gpus".to_string(), format!("{:?}", count.base))),
            )
            .collect(),
        inputs: resolver.inputs,
    }
}

fn figures(case: &Case, question: Question) -> Figures {
    if question == Question::Job {
        return Figures {
            kwh: job::kwh(case),
            electricity: job::kwh(case) * case.tariff,
            here_hours: Some(job::here_hours(case)),
            rented_hours: Some(job::rented_hours(case)),
            worth_of_an_hour: job::worth_of_an_hour(case),
            ..Figures::default()
        };
    }
    let hours = case.busy_hours;
    let nominal = Case {
        capital: 0.0,
        ..*case
    };
    let even = break_even(case);
    let whole = |a_year: f64| a_year * case.years;
    let (own_total, rent_total) = (
        whole(own::a_year(&nominal, hours)),
        whole(rent::a_year(&nominal, hours)),
    );
    let busy = (hours > 0.0).then(|| hours * case.days_a_year());
    let payback = payback_years(case);
    Figures {
        break_even: Some(even),
        break_even_nominal: Some(break_even(&nominal)),
        break_even_share: match even {
            BreakEven::From { hours } | BreakEven::UpTo { hours } => Some(hours / 24.0),
            _ => None,
        },
        payback_days: payback.map(|years| years * case.days_a_year()),
        payback_months: payback.map(|years| years * 12.0),
        payback_busy_hours: payback_busy_hours(case),
        net_present_value: Some(present_value(case)),
        own_total_nominal: Some(own_total),
        rent_total_nominal: Some(rent_total),
        saving_nominal: Some(rent_total - own_total),
        own_per_busy_hour: busy.map(|busy| own::a_year(case, hours) / busy),
        rent_per_busy_hour: busy.map(|busy| rent::a_year(case, hours) / busy),
        kwh: case.kwh_a_year(hours),
        electricity: case.kwh_a_year(hours) * case.tariff,
        here_hours: None,
        rented_hours: None,
        worth_of_an_hour: None,
    }
}

/// What was given and plays no part in the question: said, so that nobody thinks it was counted.
fn left_out(resolver: &Resolver<'_>) -> Vec<String> {
    const PAID: &str = "what was paid is gone either way";
    const NOT_OF_A_JOB: &str = "it is there whether this job runs or not";
    let keys: &[(&str, &str)] = match resolver.question {
        Question::Buy => &[("machine.sells_for", "it is about a machine that is owned")],
        Question::Keep => &[("machine.price", PAID)],
        Question::Job => &[
            ("machine.price", PAID),
            ("machine.sells_for", NOT_OF_A_JOB),
            ("machine.resale", NOT_OF_A_JOB),
            ("machine.resale_share", NOT_OF_A_JOB),
            ("machine.maintenance_a_year", NOT_OF_A_JOB),
            ("money.cost_of_capital", NOT_OF_A_JOB),
            ("rent.per_month", "it is paid whether this job runs or not"),
        ],
    };
    keys.iter()
        .filter(|(key, _)| resolver.given(key).is_some())
        .map(|(key, why)| format!("{key}: {why}"))
        .collect()
}

/// The day that ages are counted to.
pub(crate) fn today(context: &Context) -> Date {
    let now = context.machine.now().map(|now| now.wall);
    jiff::tz::Offset::UTC
        .to_datetime(now.unwrap_or_default())
        .date()
}
