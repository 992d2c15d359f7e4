//! Cells of the comparison: what they say, and why.

use super::report::{Cell, PlatformReport, WorkAt};
use super::runs::SoftwareAt;
use super::work::Judged;
use deskside_advise::fit::verdict::Verdict;
use deskside_knowledge::choose::{Kind, Platform};
use deskside_knowledge::prices::board_watts;
use deskside_types::range::Range;
use deskside_types::units::bytes;

/// How loud a platform is where the person is. Nobody measured it: watts, and what its maker builds it for.
pub(super) fn noise(one: &Platform, kind: &Kind) -> Cell {
    let at_the_wall = one.watts.map(|watts| {
        format!(
            ", {:.0} to {:.0} W at the wall while it works",
            watts.low, watts.high
        )
    });
    let board = one.accelerator.as_deref().and_then(board_watts);
    let because = match (kind.id.as_str(), one.noise.as_str(), board) {
        ("rented" | "notebook", _, _) => "it runs elsewhere".into(),
        (_, "quiet", _) => format!(
            "one small case that is built to be quiet{}: our judgement, not measured",
            at_the_wall.unwrap_or_default()
        ),
        (_, _, Some(board)) => format!("a card of {board:.0} W in a PC: our judgement"),
        _ => "a card in a PC: our judgement".into(),
    };
    Cell::new(one.noise.clone(), because)
}

pub(super) fn portable(portable: bool, kind: &Kind) -> Cell {
    match (portable, kind.id.as_str()) {
        (true, "rented" | "notebook") => Cell::new(
            "by network",
            "from any laptop, as long as there is a network",
        ),
        (true, _) => Cell::new("yes", "a laptop"),
        (false, _) => Cell::new("no", "it stands on or under a desk; others reach it by ssh"),
    }
}

/// Whether all of the work fits, by the fullest piece of it.
pub(super) fn fits(judged: &Judged) -> Cell {
    let fullest = judged.works.iter().max_by(|one, other| {
        let share = |work: &WorkAt| work.needed_bytes / work.memory_bytes.max(1.0);
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

/// The speed of the first piece of work.
pub(super) fn speed(judged: &Judged, measured: bool) -> Cell {
    let first = judged.works.first();
    match first.and_then(|work| Some((work, work.tokens_per_second?))) {
        Some((work, rate)) => Cell::new(
            format!("{} tok/s", short(rate)),
            format!(
                "{}, {}; nine of ten within {} to {} tok/s{}",
                work.label,
                if measured {
                    "by what was measured here"
                } else {
                    "estimated"
                },
                short(rate / work.speed_factor),
                short(rate * work.speed_factor),
                if judged.in_fp16 {
                    "; in fp16, because it has no bf16"
                } else {
                    ""
                }
            ),
        ),
        None if judged.fits == Some(Verdict::TooLarge) => Cell::new("-", "it does not fit"),
        None => Cell::new(
            "not known",
            "nothing is known of this accelerator's speed, or of this model's steps",
        ),
    }
}

/// Hours a week that the work takes there.
pub(super) fn hours(judged: &Judged) -> Cell {
    match judged.hours {
        Some(hours) => Cell::new(
            format!("{hours:.1}"),
            format!(
                "the same work, by the estimated speeds there and on the accelerator that hours are counted on{}",
                if judged.fits == Some(Verdict::TooLarge) {
                    ", as if it had the memory"
                } else {
                    ""
                }
            ),
        ),
        None => Cell::new("not known", "its speed is not known"),
    }
}

/// Whether all of the code, and what the work itself rests on, runs there.
pub(super) fn code(
    uses: usize,
    blocked: &[String],
    unclear: &[String],
    software: &[SoftwareAt],
) -> Cell {
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
        Cell::new("runs", "all of the software named, found, or asked for")
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

pub(super) fn money(range: Range) -> String {
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

/// The recommended one first, then what qualifies by its money, then the others by how much stands against them.
pub(super) fn order(reports: &mut [PlatformReport], chosen: Option<&str>) {
    let money = |one: &PlatformReport| one.money_a_month.map_or(f64::INFINITY, |money| money.base);
    reports.sort_by(|one, other| {
        (Some(other.id.as_str()) == chosen)
            .cmp(&(Some(one.id.as_str()) == chosen))
            .then(one.against.len().cmp(&other.against.len()))
            .then(money(one).total_cmp(&money(other)))
    });
}
