//! The machine that is owned or would be bought: what it is, what it takes, what it costs.

use super::age::{HARDWARE_LIMIT_DAYS, OLD_DAYS, TARIFF_OLD_DAYS};
use super::resolve::{Found, Resolver};
use super::scenario::{invalid, lacking};
use deskside_advise::cost::{Field, Question, capital};
use deskside_knowledge::hardware::gpu_catalogue;
use deskside_knowledge::prices::{
    HardwareRow, board_watts, hardware, residual, system_watts, used,
};
use deskside_knowledge::tariffs;
use deskside_types::Result;
use deskside_types::range::Range;
use deskside_types::spelling::nearest;

/// The accelerators of a machine.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Accelerators {
    /// Their name.
    pub name: String,
    /// How many.
    pub count: f64,
}

/// The tariff.
pub(super) fn tariff(resolver: &mut Resolver<'_>) -> Result<()> {
    if let Some(found) = resolver.given("electricity.per_kwh") {
        if found.value.base == 0.0 {
            resolver
                .warnings
                .push("electricity is taken as free, as given".into());
        }
        resolver.put(Field::Tariff, found);
        return Ok(());
    }
    let (row, because, known) = match resolver.scenario.text("electricity.country") {
        Some(code) => {
            let row = tariffs::tariff(code).ok_or_else(|| {
                let codes = tariffs::codes();
                let problem = invalid(format!(
                    "electricity.country: no tariff of {code:?} is known"
                ));
                let problem = match nearest(code, codes.iter().copied()) {
                    Some(meant) => problem.hint(format!("do you mean {meant}?")),
                    None => problem,
                };
                problem
                    .hint(format!("known are: {}", codes.join(", ")))
                    .hint("or give what you pay: `electricity.per_kwh = 0.30`, --tariff 0.30")
            })?;
            let because = format!("households in {}, taxes included", row.place);
            (row, because, true)
        }
        None if resolver.bare => {
            return Err(lacking(
                "electricity.per_kwh",
                "nothing is assumed",
                "--tariff 0.30",
            ));
        }
        None => {
            let row = tariffs::anywhere()
                .ok_or_else(|| lacking("electricity.per_kwh", "no table", "--tariff 0.30"))?;
            resolver.warnings.push(
                "nobody said what a kWh costs: the world's average was taken; give --tariff 0.30 or --country DE".into(),
            );
            (
                row,
                "the world's average; the range is of continents and countries".into(),
                false,
            )
        }
    };
    let value = resolver.converted(row.per_kwh, row.currency)?;
    let mut found = Found::table(value, because, row.as_of);
    if !known {
        found.origin = super::report::Origin::Default;
    }
    resolver.put(Field::Tariff, found);
    resolver.age("the tariff", row.as_of, TARIFF_OLD_DAYS);
    Ok(())
}

/// Watts, busy and idle, and what the power supply and cooling add.
pub(super) fn power(resolver: &mut Resolver<'_>, gpu: Option<&Accelerators>) -> Result<()> {
    let mut at_the_wall = resolver.scenario.flag("machine.watts_at_the_wall") == Some(true);
    // A small system with its accelerator in the chip idles far below a PC.
    let unified = gpu.is_some_and(|gpu| gpu.name.starts_with("Apple") || gpu.name.contains("GB10"));
    // What was sampled here is of this machine: it says nothing of one that is named.
    let named = resolver.scenario.text("machine.gpu").is_some();
    let sampled = resolver
        .history
        .as_ref()
        .and_then(|history| history.watts)
        .filter(|_| !named && resolver.question != Question::Buy);
    let offered = resolver
        .offered
        .as_ref()
        .and_then(|offered| Some((offered.watts?, offered.because.clone())));
    let found = match (resolver.given("machine.busy_watts"), sampled, gpu) {
        (Some(found), _, _) => found,
        (None, None, Some(_)) if offered.is_some() => {
            at_the_wall = true;
            let (watts, because) = offered.unwrap_or((Range::exactly(0.0), String::new()));
            Found::assumed(watts, because)
        }
        (None, Some((watts, runs)), Some(_)) => {
            let host = resolver.assumption("host_watts", 0.0).value;
            Found {
                value: Range::exactly(watts).plus(host),
                ..Found::measured(
                    watts,
                    format!(
                        "accelerators took {watts:.0} W in {runs} runs here; {:.0} to {:.0} W for the rest are assumed",
                        host.low, host.high
                    ),
                )
            }
        }
        (None, _, Some(gpu)) => match (system_watts(&gpu.name), board_watts(&gpu.name)) {
            (Some((watts, as_of)), _) => {
                at_the_wall = true;
                Found::table(
                    watts,
                    format!("a whole system with {}, at the wall", gpu.name),
                    as_of,
                )
            }
            (None, Some(board)) => {
                let host = resolver.assumption("host_watts", 0.0).value;
                Found::assumed(
                    Range::exactly(board * gpu.count).plus(host),
                    format!(
                        "{:.0} x {board:.0} W of {}'s board and {:.0} to {:.0} W for the rest",
                        gpu.count, gpu.name, host.low, host.high
                    ),
                )
            }
            (None, None) => {
                let problem = lacking(
                    "machine.busy_watts",
                    &format!("no power of {:?} is known", gpu.name),
                    "--watts 550",
                );
                let known: Vec<&str> = gpu_catalogue().map(|row| row.name).collect();
                return Err(match nearest(&gpu.name, known.iter().copied()) {
                    Some(meant) => problem.hint(format!("or do you mean {meant:?}?")),
                    None => problem,
                });
            }
        },
        (None, _, None) if resolver.bare => Found::left_out(0.0),
        (None, _, None) => Found::assumed(
            resolver.assumption("host_watts", 0.0).value,
            "a machine without an accelerator: our assumption",
        ),
    };
    let busy = found.value;
    resolver.put(Field::BusyWatts, found);
    let anyway = resolver.scenario.flag("job.machine_on_anyway");
    let idle = if resolver.question == Question::Job && anyway == Some(false) {
        Found {
            origin: super::report::Origin::Given,
            ..Found::assumed(Range::exactly(0.0), "the machine would be off, as given")
        }
    } else if let Some(found) = resolver.given("machine.idle_watts") {
        found
    } else if unified {
        resolver.assumption("idle_watts_unified", 0.0)
    } else if let Some(gpu) = gpu.filter(|_| card_alone(resolver)) {
        // Sold is the card, and the rest of the machine idles on.
        let mut found = resolver.assumption("idle_watts_card", 0.0);
        found.value = found.value.times(gpu.count);
        found.because = format!(
            "the card alone, as it is the card alone that would be sold; {}",
            found.because
        );
        found
    } else {
        let mut found = resolver.assumption("idle_watts", 0.0);
        let more = gpu.map_or(0.0, |gpu| gpu.count - 1.0);
        if more > 0.0 && !resolver.bare {
            let card = resolver.assumption("idle_watts_card", 0.0).value;
            found.value = found.value.plus(card.times(more));
        }
        found
    };
    // Nothing idles above what it takes at work.
    let mut idle = idle;
    if idle.origin != super::report::Origin::Given {
        idle.value.low = idle.value.low.min(busy.low);
        idle.value.base = idle.value.base.min(busy.base);
        idle.value.high = idle.value.high.min(busy.high);
    } else if idle.value.base > busy.base {
        return Err(invalid(format!(
            "machine.idle_watts is {}, above machine.busy_watts, {}",
            idle.value.base, busy.base
        ))
        .hint("write what it takes while nothing works as idle_watts, and while it works as busy_watts"));
    }
    resolver.put(Field::IdleWatts, idle);
    if at_the_wall {
        if resolver
            .given("machine.psu_efficiency")
            .is_some_and(|found| found.value.base < 1.0)
        {
            resolver.warnings.push(
                "machine.psu_efficiency counts for nothing: the watts are at the wall".into(),
            );
        }
        resolver.put(
            Field::Efficiency,
            Found::assumed(Range::exactly(1.0), "the watts are at the wall"),
        );
    } else {
        resolver.usual(Field::Efficiency, "psu_efficiency", 1.0);
    }
    resolver.usual(Field::Cooling, "cooling", 0.0);
    Ok(())
}

/// What would be sold is a card out of a machine: nobody said what the whole would bring.
fn card_alone(resolver: &Resolver<'_>) -> bool {
    resolver.question == Question::Keep
        && !resolver.bare
        && resolver.given("machine.sells_for").is_none()
}

/// Price or what it would bring, its years, what is left of it, interest, maintenance.
pub(super) fn money(resolver: &mut Resolver<'_>, gpu: Option<&Accelerators>) -> Result<()> {
    let price = match resolver.question {
        Question::Keep => sells_for(resolver, gpu)?,
        _ => price(resolver, gpu)?,
    };
    let base = price.value;
    resolver.put(Field::Price, price);
    resolver.usual(Field::Years, "years", 3.0);
    if resolver.bare && resolver.given("machine.years").is_none() {
        resolver
            .warnings
            .push("machine.years was not given: 3 were taken".into());
    }
    resale(resolver, gpu)?;
    resolver.usual(Field::Capital, "cost_of_capital", 0.0);
    let found = resolver
        .given("machine.maintenance_a_year")
        .unwrap_or_else(|| {
            let share = resolver.assumption("maintenance_share_a_year", 0.0);
            let because = if resolver.bare {
                share.because
            } else {
                format!(
                    "{:.0} to {:.0} % of the price a year: {}",
                    share.value.low * 100.0,
                    share.value.high * 100.0,
                    share.because
                )
            };
            Found {
                value: Range {
                    low: base.base * share.value.low,
                    base: base.base * share.value.base,
                    high: base.base * share.value.high,
                },
                because,
                ..share
            }
        });
    resolver.put(Field::Maintenance, found);
    running(resolver);
    Ok(())
}

/// What an hour of work costs beside electricity: nothing but what is given.
pub(super) fn running(resolver: &mut Resolver<'_>) {
    if let Some(found) = resolver.given("machine.running_a_busy_hour") {
        resolver.put(Field::Running, found);
    }
}

fn price(resolver: &mut Resolver<'_>, gpu: Option<&Accelerators>) -> Result<Found> {
    if let Some(found) = resolver.given("machine.price") {
        return Ok(found);
    }
    if let Some(offered) = resolver.offered.clone()
        && let Some(mut price) = offered.price
    {
        if offered.card {
            let rest = resolver.assumption("rest_of_machine_price", 0.0).value;
            price = price.times(gpu.map_or(1.0, |gpu| gpu.count)).plus(rest);
        }
        let value = resolver.converted(price, "USD")?;
        resolver.age("the price of the hardware", &offered.as_of, OLD_DAYS);
        return Ok(Found::table(value, offered.because, &offered.as_of));
    }
    let missing = |why: &str| lacking("machine.price", why, "--price 3200");
    let gpu = gpu.ok_or_else(|| missing("nothing says what would be bought"))?;
    let rows = recent(resolver, hardware(&gpu.name));
    let named = format!("no price of {} of the last two years is known", gpu.name);
    let first = rows.first().ok_or_else(|| missing(&named))?;
    let (what, currency, as_of) = (first.what, first.currency, first.as_of);
    let together = union(rows.iter().filter(|row| row.what == what));
    let together = together.ok_or_else(|| missing(&named))?;
    resolver.age("the price of the hardware", as_of, OLD_DAYS);
    if what == "machine" && gpu.count == 1.0 {
        let value = resolver.converted(together, currency)?;
        return Ok(Found::table(
            value,
            format!("a machine with {}", gpu.name),
            as_of,
        ));
    }
    let cards =
        union(rows.iter().filter(|row| row.what == "card")).ok_or_else(|| missing(&named))?;
    let rest = resolver.assumption("rest_of_machine_price", 0.0).value;
    let value = resolver.converted(cards.times(gpu.count).plus(rest), currency)?;
    Ok(Found::table(
        value,
        format!(
            "{:.0} x {} at {:.0} to {:.0} {currency}, and {:.0} to {:.0} for the rest of a PC",
            gpu.count, gpu.name, cards.low, cards.high, rest.low, rest.high
        ),
        as_of,
    ))
}

fn sells_for(resolver: &mut Resolver<'_>, gpu: Option<&Accelerators>) -> Result<Found> {
    if let Some(found) = resolver.given("machine.sells_for") {
        return Ok(found);
    }
    let missing = |why: &str| lacking("machine.sells_for", why, "--sells-for 700..1000");
    let gpu = gpu.ok_or_else(|| missing("nothing says what it would bring today"))?;
    let rows = recent(resolver, used(&gpu.name));
    let named = format!(
        "no used price of {} of the last two years is known",
        gpu.name
    );
    let first = rows.first().ok_or_else(|| missing(&named))?;
    let (currency, as_of) = (first.currency, first.as_of);
    let together = union(rows.iter()).ok_or_else(|| missing(&named))?;
    resolver.age("the used price", as_of, OLD_DAYS);
    let value = resolver.converted(together.times(gpu.count), currency)?;
    Ok(Found::table(
        value,
        format!(
            "{:.0} x {} used; the rest of the machine is not counted",
            gpu.count, gpu.name
        ),
        as_of,
    ))
}

fn recent(resolver: &Resolver<'_>, rows: Vec<HardwareRow>) -> Vec<HardwareRow> {
    rows.into_iter()
        .filter(|row| {
            super::age::days(row.as_of, resolver.today)
                .is_some_and(|days| days <= HARDWARE_LIMIT_DAYS)
        })
        .collect()
}

fn union<'r>(mut rows: impl Iterator<Item = &'r HardwareRow>) -> Option<Range> {
    let first = rows.next()?.price();
    let whole = rows.fold(first, |range, row| range.widened(row.price()));
    Some(Range::between(whole.low, whole.high))
}

/// What is left at the end: given as money or share, or by a method.
fn resale(resolver: &mut Resolver<'_>, gpu: Option<&Accelerators>) -> Result<()> {
    let given = [
        "machine.resale",
        "machine.resale_share",
        "machine.resale_method",
    ];
    let set: Vec<&str> = given
        .into_iter()
        .filter(|path| resolver.scenario.first(&[path]).is_some())
        .collect();
    if set.len() > 1 {
        return Err(
            invalid(format!("{} say the same thing twice", set.join(" and ")))
                .hint("leave one away"),
        );
    }
    if let Some(found) = resolver.given("machine.resale") {
        resolver.put(Field::Resale, found);
        return Ok(());
    }
    if let Some(found) = resolver.given("machine.resale_share") {
        resolver.put(Field::ResaleShare, found);
        return Ok(());
    }
    let years = resolver.ranges.years;
    let method = resolver
        .scenario
        .text("machine.resale_method")
        .map(str::to_string);
    let found = match method.as_deref() {
        Some("straight-line") => {
            let life = resolver.given("machine.life_years").ok_or_else(|| {
                lacking("machine.life_years", "a straight line ends with its life", "--resale instead")
            })?;
            let share = |life: f64| capital::straight_line(years.base, life);
            Found {
                value: Range {
                    low: share(life.value.low),
                    base: share(life.value.base),
                    high: share(life.value.high),
                },
                because: "a straight line to nothing at the end of its life".into(),
                ..life
            }
        }
        Some("declining-balance") => declining(resolver, years.base),
        Some(_) => observed(resolver, gpu, years.base).ok_or_else(|| {
            invalid("machine.resale_method is \"observed\", and nothing that old was observed of it")
                .hint("write `machine.resale_method = \"declining-balance\"`, or `machine.resale_share = 0.4`")
        })?,
        None if resolver.bare => Found::left_out(0.0),
        None => match observed(resolver, gpu, years.base) {
            Some(found) => found,
            None => declining(resolver, years.base),
        },
    };
    resolver.put(Field::ResaleShare, found);
    Ok(())
}

fn declining(resolver: &mut Resolver<'_>, years: f64) -> Found {
    let a_year = resolver
        .given("machine.decline_a_year")
        .unwrap_or_else(|| resolver.assumption("decline_a_year", 0.25));
    let share = |rate: f64| capital::declining(years, rate);
    Found {
        value: Range {
            low: share(a_year.value.high),
            base: share(a_year.value.base),
            high: share(a_year.value.low),
        },
        because: format!(
            "each year takes {:.0} to {:.0} % of what is left",
            a_year.value.low * 100.0,
            a_year.value.high * 100.0
        ),
        ..a_year
    }
}

/// By used prices. What is owned is some years old: what is left then over what is left now.
fn observed(resolver: &mut Resolver<'_>, gpu: Option<&Accelerators>, years: f64) -> Option<Found> {
    let name = &gpu?.name;
    let age = match resolver.question {
        Question::Keep => resolver.given("machine.age_years")?.value.base,
        _ => 0.0,
    };
    let then = residual(name, (age + years) * 12.0)?;
    let now = residual(name, age * 12.0)?;
    let value = Range {
        low: then.share.low / now.share.base,
        base: then.share.base / now.share.base,
        high: then.share.high / now.share.base,
    };
    resolver.age(
        "the used prices behind the resale",
        then.as_of,
        2 * HARDWARE_LIMIT_DAYS,
    );
    Some(Found::table(
        value,
        format!("{}, for the whole machine", then.from),
        then.as_of,
    ))
}
