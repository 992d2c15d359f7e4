//! The machine that would be rented: offers, speed, what is paid beside the hours.

use super::age::{OFFER_LIMIT_DAYS, OLD_DAYS, words as age_words};
use super::owned::Accelerators;
use super::report::OfferReport;
use super::resolve::{Found, Resolver};
use super::scenario::{invalid, lacking};
use crate::offers::OWN;
use deskside_advise::cost::speed::{Kind, ratio};
use deskside_advise::cost::{Field, Question};
use deskside_knowledge::prices::{OfferRow, is_same_accelerator, provider_terms};
use deskside_types::Result;
use deskside_types::range::Range;
use deskside_types::spelling::nearest;

/// Offers that are shown.
const SHOWN: usize = 5;

/// Finds what renting costs; the offers that were looked at.
pub(super) fn rent(
    resolver: &mut Resolver<'_>,
    owned: Option<&Accelerators>,
) -> Result<Vec<OfferReport>> {
    let flat = resolver.question != Question::Job && resolver.given("rent.per_month").is_some();
    let rented = rented(resolver, owned);
    let mut provider = resolver.scenario.text("rent.provider").map(str::to_string);
    let mut shown = Vec::new();
    let mut offered = None;
    if let Some(found) = resolver.given("rent.per_hour") {
        resolver.put(Field::RentHour, found);
    } else if !flat {
        let gpu = rented.as_ref().ok_or_else(|| {
            lacking(
                "rent.per_hour",
                "nothing says what would be rented",
                "--rent 0.69 or --rent-gpu 'RTX 4090'",
            )
        })?;
        let chosen = offer(resolver, gpu)?;
        shown = chosen.1;
        provider = Some(chosen.0.provider);
        // An H100 may be one on PCIe: price and speed have to be of one and the same.
        offered = Some(chosen.0.accelerator);
    }
    if flat && let Some(found) = resolver.given("rent.per_month") {
        resolver.put(Field::RentMonth, found);
    }
    let running = rented.map(|rented| Accelerators {
        name: offered.unwrap_or(rented.name),
        count: rented.count,
    });
    speed(resolver, owned, running.as_ref())?;
    beside(resolver, provider.as_deref(), flat)?;
    Ok(shown)
}

/// What would be rented: what is said, else the same as what is owned.
fn rented(resolver: &Resolver<'_>, owned: Option<&Accelerators>) -> Option<Accelerators> {
    let count = resolver
        .scenario
        .number("rent.gpus")
        .map(|count| count.base);
    match resolver.scenario.text("rent.gpu") {
        Some(name) => Some(Accelerators {
            name: name.into(),
            count: count.unwrap_or(1.0),
        }),
        None => owned.map(|owned| Accelerators {
            name: owned.name.clone(),
            count: count.unwrap_or(owned.count),
        }),
    }
}

fn offer(resolver: &mut Resolver<'_>, gpu: &Accelerators) -> Result<(OfferRow, Vec<OfferReport>)> {
    let all = resolver.offers().of_accelerator(&gpu.name);
    let provider = resolver.scenario.text("rent.provider");
    let tier = resolver.scenario.text("rent.tier");
    let wanted: Vec<OfferRow> = all
        .iter()
        .filter(|row| provider.is_none_or(|name| row.provider == name))
        .filter(|row| tier.is_none_or(|name| row.tier == name))
        .cloned()
        .collect();
    let Some(choice) = choose(&wanted) else {
        let of = [
            provider.map(|name| format!(" from {name}")),
            tier.map(|name| format!(" as {name}")),
        ];
        let of: String = of.into_iter().flatten().collect();
        let mut problem = lacking(
            "rent.per_hour",
            &format!("no offer of {}{of} is known", gpu.name),
            "--rent 0.69",
        );
        if !all.is_empty() {
            let mut known: Vec<String> = all
                .iter()
                .map(|row| format!("{} {}", row.provider, row.tier))
                .collect();
            known.sort_unstable();
            known.dedup();
            problem = problem.hint(format!("offers of it are known from: {}", known.join(", ")));
        } else if gpu.name.starts_with("Apple") {
            problem = problem
                .hint("say which accelerator would be rented instead: --rent-gpu 'RTX 4090'");
        }
        return Err(problem);
    };
    let value = resolver.converted(choice.usd_an_hour.times(gpu.count), "USD")?;
    let because = format!(
        "{:.0} x {} {:.0} GB from {} ({}); {}",
        gpu.count,
        choice.row.accelerator,
        choice.row.memory_gb,
        choice.row.provider,
        choice.row.tier,
        choice.how
    );
    let as_of = choice.row.as_of.as_str();
    resolver.put(Field::RentHour, Found::table(value, because, as_of));
    let days = resolver.age("the offer", as_of, OLD_DAYS);
    if days > OFFER_LIMIT_DAYS {
        resolver.undecided = Some(format!(
            "the newest offer known is {} (limit: {OFFER_LIMIT_DAYS} days); give today's price with --rent",
            age_words(days)
        ));
    }
    let rate = value.base / (choice.usd_an_hour.base * gpu.count);
    let shown = wanted
        .iter()
        .take(SHOWN)
        .map(|row| OfferReport {
            provider: row.provider.clone(),
            accelerator: row.accelerator.clone(),
            tier: row.tier.clone(),
            per_hour: row.usd_an_hour * rate,
            as_of: row.as_of.clone(),
        })
        .collect();
    Ok((choice.row, shown))
}

/// The offer that is counted with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Choice {
    /// It.
    pub row: OfferRow,
    /// The range around it.
    pub usd_an_hour: Range,
    /// How it was chosen.
    pub how: &'static str,
}

/// The cheapest of a provider's own that nobody takes away; where there is none the cheapest of other people's, then any. Down
/// to the cheapest but spot, up to the middle of its group.
pub(crate) fn choose(offers: &[OfferRow]) -> Option<Choice> {
    // Offers come cheapest first.
    let steady = |row: &&OfferRow| !matches!(row.tier.as_str(), "spot" | "notebook");
    let groups = [
        (
            offers.iter().filter(|row| row.source == OWN).collect(),
            "your own price",
        ),
        (
            offers
                .iter()
                .filter(|row| row.is_firm())
                .collect::<Vec<_>>(),
            "the cheapest of a provider's own that nobody takes away",
        ),
        (
            offers.iter().filter(steady).collect(),
            "the cheapest; no provider's own is known, only shared ones and other people's",
        ),
        (
            offers.iter().collect(),
            "the cheapest; only what may be taken away or is limited is known",
        ),
    ];
    let (group, how) = groups.into_iter().find(|(group, _)| !group.is_empty())?;
    let row = *group.first()?;
    let middle = group[group.len() / 2].usd_an_hour;
    let cheapest = offers
        .iter()
        .find(steady)
        .map_or(row.usd_an_hour, |row| row.usd_an_hour);
    Some(Choice {
        usd_an_hour: Range {
            low: cheapest.min(row.usd_an_hour),
            base: row.usd_an_hour,
            high: middle.max(row.usd_an_hour),
        },
        how,
        row: row.clone(),
    })
}

fn speed(
    resolver: &mut Resolver<'_>,
    owned: Option<&Accelerators>,
    rented: Option<&Accelerators>,
) -> Result<()> {
    if let Some(found) = resolver.given("rent.speed") {
        resolver.put(Field::Speed, found);
        return Ok(());
    }
    let kind = match resolver.scenario.text("rent.work") {
        Some("decode") => Some(Kind::Decode),
        Some("prompt") => Some(Kind::Prompt),
        Some("training") => Some(Kind::Training),
        _ => None,
    };
    let found = match (owned, rented) {
        (Some(owned), Some(rented)) => {
            let count = rented.count / owned.count;
            let same = is_same_accelerator(&owned.name, &rented.name, None);
            let ratio = if same {
                Range::exactly(1.0)
            } else {
                ratio(&owned.name, &rented.name, kind).ok_or_else(|| {
                    lacking(
                        "rent.speed",
                        &format!(
                            "the speeds of {} and {} are not both known",
                            owned.name, rented.name
                        ),
                        "--speed 1.5",
                    )
                })?
            };
            let what = match kind {
                _ if same => "the same accelerator".to_string(),
                Some(kind) => kind.because().to_string(),
                None => {
                    "over all kinds of work, bound by bandwidth or by matrix units: say which with --work training".into()
                }
            };
            Found::assumed(ratio.times(count), what)
        }
        (None, Some(rented)) => {
            return Err(lacking(
                "rent.speed",
                &format!(
                    "how many times as fast {} does your work is not known",
                    rented.name
                ),
                "--speed 10",
            ));
        }
        _ => Found::assumed(Range::exactly(1.0), "taken as the same machine"),
    };
    resolver.put(Field::Speed, found);
    Ok(())
}

/// Start-up, waste, storage, egress.
pub(super) fn beside(
    resolver: &mut Resolver<'_>,
    provider: Option<&str>,
    flat: bool,
) -> Result<()> {
    let job = resolver.question == Question::Job;
    if flat && resolver.given("rent.per_hour").is_none() {
        // What is paid by the month has no starts and no disks of its own.
        for (field, neutral) in [
            (Field::StartupMinutes, 0.0),
            (Field::SessionHours, 1.0),
            (Field::Waste, 0.0),
            (Field::StorageGb, 0.0),
            (Field::StoragePrice, 0.0),
            (Field::EgressGb, 0.0),
            (Field::EgressPrice, 0.0),
        ] {
            if let Some(found) = resolver.given(field.key(resolver.question)) {
                resolver.put(field, found);
            } else {
                resolver.ranges.set(field, Range::exactly(neutral));
            }
        }
        return Ok(());
    }
    let terms = provider.and_then(provider_terms);
    if let (Some(name), None) = (resolver.scenario.text("rent.provider"), terms)
        && resolver.given("rent.per_hour").is_some()
    {
        let offers = resolver.offers();
        let known: Vec<&str> = offers
            .rows
            .iter()
            .map(|row| row.provider.as_str())
            .collect();
        if !known.contains(&name) {
            let problem = invalid(format!("rent.provider: {name:?} is not known"));
            return Err(match nearest(name, known.iter().copied()) {
                Some(meant) => problem.hint(format!("do you mean {meant:?}?")),
                None => problem.hint("leave it away: its other prices are assumed then"),
            });
        }
    }
    let startup = |terms: &deskside_knowledge::prices::ProviderTerms| {
        Found::table(
            terms.startup_minutes,
            format!("{}, renting to ready", terms.name),
            &terms.as_of,
        )
    };
    let found = match (resolver.given("rent.startup_minutes"), terms) {
        (Some(found), _) => found,
        (None, Some(terms)) if !resolver.bare => startup(terms),
        _ => resolver.assumption("startup_minutes", 0.0),
    };
    resolver.put(Field::StartupMinutes, found);
    if !job {
        let measured = resolver
            .history
            .as_ref()
            .filter(|history| history.enough && history.runs >= 5);
        let found = match (resolver.given("rent.hours_a_session"), measured) {
            (Some(found), _) => found,
            (None, Some(history)) if !resolver.bare => Found::measured(
                history.mean_run_hours.max(0.25),
                format!("the mean of {} runs here", history.runs),
            ),
            _ => resolver.assumption("hours_a_session", 1.0),
        };
        resolver.put(Field::SessionHours, found);
    }
    resolver.usual(Field::Waste, "waste", 0.0);
    resolver.usual(Field::StorageGb, "storage_gb", 0.0);
    let found = match (resolver.given("rent.storage_per_gb_month"), terms) {
        (Some(found), _) => found,
        (None, Some(terms)) if !resolver.bare => {
            let value = resolver.converted(terms.storage_per_gb_month, &terms.currency)?;
            Found::table(value, format!("{}'s volumes", terms.name), &terms.as_of)
        }
        _ => dollars(resolver, "storage_per_gb_month")?,
    };
    resolver.put(Field::StoragePrice, found);
    let path = if job {
        "job.egress_gb"
    } else {
        "rent.egress_gb_month"
    };
    let assumption = if job {
        "egress_gb_job"
    } else {
        "egress_gb_month"
    };
    let found = resolver
        .given(path)
        .unwrap_or_else(|| resolver.assumption(assumption, 0.0));
    resolver.put(Field::EgressGb, found);
    let egress = terms.and_then(|terms| Some((terms, terms.egress_per_gb?)));
    let found = match (resolver.given("rent.egress_per_gb"), egress) {
        (Some(found), _) => found,
        (None, Some((terms, price))) if !resolver.bare => {
            Found::table(price, format!("{}'s transfer", terms.name), &terms.as_of)
        }
        _ => dollars(resolver, "egress_per_gb")?,
    };
    resolver.put(Field::EgressPrice, found);
    Ok(())
}

/// An assumption in USD, in the currency that is counted in.
fn dollars(resolver: &mut Resolver<'_>, name: &str) -> Result<Found> {
    let found = resolver.assumption(name, 0.0);
    if found.value == Range::exactly(0.0) {
        return Ok(found);
    }
    let value = resolver.converted(found.value, "USD")?;
    Ok(Found { value, ..found })
}
