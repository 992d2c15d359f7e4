//! What would turn the choice: hours, prices, budgets, wishes, code.

use super::against::WORD;
use super::{Against, Candidate, Ground, Wishes};
use crate::cost::{Case, Field, own, rent};
use schemars::JsonSchema;
use serde::Serialize;

/// Flips that are told.
const TOLD: usize = 2;

/// Hours are looked at up to so many times more or fewer.
const FACTOR: f64 = 64.0;

/// A step of them.
const STEP: f64 = 1.01;

/// A price that would have to change more than so many times turns nothing in practice.
const PRICE_FACTOR: f64 = 20.0;

/// Work that needs more than twice the memory, or takes more than twice the hours, is other work.
const OTHER_WORK: f64 = 2.0;

/// A fact that would turn the choice.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Flip {
    /// What kind of fact.
    pub ground: Ground,
    /// In a sentence.
    pub text: String,
    /// The platform that would be chosen then.
    pub platform: String,
    /// As it is, where it is a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<f64>,
    /// Where it turns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<f64>,
    #[serde(skip)]
    #[schemars(skip)]
    weight: f64,
}

/// The facts that would turn a choice, nearest first, no two on the same ground.
pub fn flips(
    candidates: &[Candidate],
    grounds: &[Vec<Against>],
    among: &[usize],
    best: usize,
    wishes: &Wishes,
    currency: &str,
) -> Vec<Flip> {
    let mut found = Vec::new();
    found.extend(hours(candidates, among, best));
    found.extend(prices(candidates, among, best, currency));
    let cost = candidates[best].money.map_or(0.0, |money| money.base);
    for (place, one) in candidates.iter().enumerate() {
        let [ground] = &grounds[place][..] else {
            continue;
        };
        // Only what would then be chosen counts: what is unsure comes behind what is sure.
        let unsure =
            !one.unclear.is_empty() || ground.ground != Ground::Memory && !one.is_sure(wishes);
        let behind = unsure && candidates[best].is_sure(wishes);
        if !one.money.is_some_and(|money| money.base < cost) || one.undecided.is_some() || behind {
            continue;
        }
        found.extend(excluded(one, ground, wishes, currency));
    }
    found.sort_by(|one, other| one.weight.total_cmp(&other.weight));
    let mut told: Vec<Flip> = Vec::new();
    for flip in found {
        if told.len() < TOLD && !told.iter().any(|one| one.ground == flip.ground) {
            told.push(flip);
        }
    }
    told
}

/// The nearest number of hours at which another costs less.
fn hours(candidates: &[Candidate], among: &[usize], best: usize) -> Option<Flip> {
    let now = candidates[best].hours?;
    let winner = |factor: f64| {
        among
            .iter()
            .filter_map(|place| Some((*place, candidates[*place].money_at(factor)?)))
            .min_by(|one, other| one.1.total_cmp(&other.1))
            .map(|(place, _)| place)
    };
    let turn = |up: bool| {
        let mut factor = 1.0;
        while factor < FACTOR {
            factor *= STEP;
            let at = if up { factor } else { 1.0 / factor };
            if now * at > super::WEEK {
                return None;
            }
            match winner(at) {
                Some(place) if place != best => return Some((at, place, factor.ln())),
                None => return None,
                _ => {}
            }
        }
        None
    };
    let (factor, place, weight) = [turn(true), turn(false)]
        .into_iter()
        .flatten()
        .min_by(|one, other| one.2.total_cmp(&other.2))?;
    let other = &candidates[place];
    Some(Flip {
        ground: Ground::Hours,
        text: format!(
            "{}, if the work took {} than {:.1} hours a week on what is recommended (now {now:.1})",
            other.name,
            if factor > 1.0 { "more" } else { "fewer" },
            now * factor
        ),
        platform: other.id.clone(),
        from: Some(now),
        to: Some(now * factor),
        weight,
    })
}

/// The nearest price, of the chosen one or of another, at which that other costs no more.
fn prices(candidates: &[Candidate], among: &[usize], best: usize, currency: &str) -> Option<Flip> {
    let chosen = &candidates[best];
    let cost = chosen.money?.base;
    among
        .iter()
        .filter(|place| **place != best)
        .filter_map(|place| {
            let other = &candidates[*place];
            let theirs = other.money?.base;
            let fall = solved(other, cost).map(|(key, from, to)| (other, key, from, to));
            let rise = solved(chosen, theirs).map(|(key, from, to)| (chosen, key, from, to));
            [fall, rise]
                .into_iter()
                .flatten()
                .filter(|(_, _, from, to)| *from > 0.0 && *to > 0.0)
                .map(|(whose, key, from, to)| Flip {
                    ground: Ground::Price,
                    text: format!(
                        "{}, if {} cost {} {currency} {key} instead of {}",
                        other.name,
                        whose.name,
                        money(to),
                        money(from)
                    ),
                    platform: other.id.clone(),
                    from: Some(from),
                    to: Some(to),
                    weight: (to / from).ln().abs(),
                })
                .min_by(|one, other| one.weight.total_cmp(&other.weight))
        })
        .filter(|flip| flip.weight < PRICE_FACTOR.ln())
        .min_by(|one, other| one.weight.total_cmp(&other.weight))
}

/// The price at which a platform costs `money` a month; its sum is a straight line in it.
fn solved(one: &Candidate, money: f64) -> Option<(&'static str, f64, f64)> {
    let case = one.case.as_ref()?;
    let (field, key) = if one.rented {
        (Field::RentHour, "an hour")
    } else {
        (Field::Price, "at once")
    };
    let from = case.get(field);
    let month = |value: f64| {
        let mut case: Case = *case;
        case.set(field, value);
        let year = if one.rented {
            rent::a_year(&case, case.busy_hours)
        } else {
            own::a_year(&case, case.busy_hours)
        };
        year / 12.0
    };
    let slope = month(from + 1.0) - month(from);
    (slope.abs() > 1e-9).then(|| (key, from, from + (money - month(from)) / slope))
}

fn money(value: f64) -> String {
    if value < 10.0 {
        format!("{value:.3}")
    } else {
        format!("{value:.0}")
    }
}

/// What keeps out one that would cost less.
fn excluded(one: &Candidate, ground: &Against, wishes: &Wishes, currency: &str) -> Option<Flip> {
    let flip = |text: String, from: Option<f64>, to: Option<f64>| {
        Some(Flip {
            ground: ground.ground,
            text: format!("{}, if {text}", one.name),
            platform: one.id.clone(),
            from,
            to,
            weight: ground.weight.max(1e-6),
        })
    };
    match ground.ground {
        Ground::Capital => flip(
            format!("{:.0} {currency} could be paid at once", one.capital),
            wishes.capital,
            Some(one.capital),
        ),
        Ground::Month => flip(
            format!("{:.0} {currency} could be paid a month", one.running),
            wishes.month,
            Some(one.running),
        ),
        Ground::Code => flip(
            format!("the code did without {}", one.blocked.join(", ")),
            None,
            None,
        ),
        Ground::Noise => flip("noise did not matter".into(), None, None),
        Ground::Place => flip("it might stay where it stands".into(), None, None),
        // Down to where its upper end fits: what may just not fit is not chosen beside what is sure.
        Ground::Memory if one.filled_high < OTHER_WORK => flip(
            format!(
                "the work needed {:.0} % less memory",
                (100.0 * (1.0 - 1.0 / one.filled_high.max(1.0))).ceil()
            ),
            Some(one.filled_high),
            Some(1.0),
        ),
        Ground::Memory => None,
        Ground::Time
            if one
                .hours
                .is_none_or(|hours| hours > OTHER_WORK * one.hours_most) =>
        {
            None
        }
        Ground::Time => flip(
            format!(
                "there were {:.0} % less work",
                (100.0 * (1.0 - one.hours_most / one.hours.unwrap_or(one.hours_most))).ceil()
            ),
            one.hours,
            Some(one.hours_most),
        ),
        Ground::Price | Ground::Speed | Ground::Hours => None,
    }
    .map(|mut flip| {
        // Words are no distance: they come behind numbers that are near.
        if matches!(ground.ground, Ground::Code | Ground::Noise | Ground::Place) {
            flip.weight = flip.weight.max(WORD);
        }
        flip
    })
}
