//! Bringing offers up to date from public catalogues: read, checked row by row, compared, kept beside what was before.

use super::catalogue::{Catalogue, OWN, before, current, read as read_file, written};
use super::own::refused;
use super::read::{Raw, csv_in_zip, day_of_version, gpu_pricing, gpuhunt, skypilot};
use super::report::{OfferChange, OffersChangedReport, RefreshReport, SourceReport};
use super::sanity::check;
use crate::Context;
use crate::cost::today;
use deskside_knowledge::prices::{CatalogueSource, OfferRow, catalogue_sources};
use deskside_machine::{Acting, Durability, ErrorKind, Reading};
use deskside_types::spelling::nearest;
use deskside_types::{Code, Result};
use std::time::Duration;

/// The longest answer of a catalogue, in bytes.
const LONGEST: u64 = 32 << 20;
/// For one exchange.
const DEADLINE: Duration = Duration::from_secs(60);

/// What is asked of `offers refresh`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RefreshRequest {
    /// Only this catalogue.
    pub from: Option<String>,
    /// Where it lies instead: a mirror.
    pub url: Option<String>,
    /// Only look: nothing is kept.
    pub plan: bool,
}

/// Refreshes.
///
/// # Errors
/// [`Code::OffersRefused`] where nothing could be taken; then everything is as it was.
pub fn refresh(context: &Context, request: &RefreshRequest) -> Result<RefreshReport> {
    let sources = sources(request)?;
    let old = Catalogue::of(context);
    let known: Vec<OfferRow> = old.rows.clone();
    let day = today(context);
    let mut rows: Vec<OfferRow> = Vec::new();
    let (mut reports, mut odd) = (Vec::new(), Vec::new());
    for source in &sources {
        let mut whole = None;
        for (theirs, ours) in &source.providers {
            if rows.iter().any(|row| row.provider == *ours) {
                continue;
            }
            let (url, raw) = fetched(context, source, theirs, &mut whole);
            let mut report = SourceReport {
                catalogue: source.id.clone(),
                provider: ours.clone(),
                url,
                taken: 0,
                refused: 0,
                repeated: 0,
                as_of: None,
                trouble: None,
            };
            match raw {
                Err(why) => report.trouble = Some(why),
                Ok(raw) => {
                    let checked = check(ours, raw, &known, day, &source.id);
                    report.taken = checked.taken.len() as u32;
                    report.refused = checked.refused.len() as u32;
                    report.repeated = checked.repeated as u32;
                    report.as_of = checked.taken.iter().map(|row| row.as_of.clone()).max();
                    report.trouble = checked.whole;
                    odd.extend(checked.refused);
                    rows.extend(checked.taken);
                }
            }
            reports.push(report);
        }
    }
    if rows.is_empty() {
        let problem = refused("nothing was taken from any catalogue; the offers are as they were");
        let problem = reports.iter().take(6).fold(problem, |problem, one| {
            problem.because(format!(
                "{} at {}: {}",
                one.provider,
                one.catalogue,
                one.trouble.clone().unwrap_or_default()
            ))
        });
        return Err(problem
            .hint("`deskside offers` shows what is counted with, and how old it is")
            .hint("without a network your own prices serve: `deskside offers add --gpu 'RTX 4090' --provider NAME --price 0.69`"));
    }
    // Providers that were refreshed earlier, and not now, stay as they were.
    let mut all = read_file(context, &current(context)).unwrap_or_default();
    all.retain(|row| !rows.iter().any(|new| new.provider == row.provider));
    all.extend(rows);
    all.sort_by(|one, other| {
        (&one.accelerator, &one.provider, &one.tier).cmp(&(
            &other.accelerator,
            &other.provider,
            &other.tier,
        ))
    });
    let mut new = Catalogue::built_in();
    new.refresh(all.clone());
    let changes = changes(&old.rows, &new.rows);
    if !request.plan {
        context.require_live("offers refresh")?;
        keep(context, &written(&all))?;
    }
    Ok(RefreshReport {
        sources: reports,
        changes,
        refused: odd,
        offers: new.rows.len() as u32,
        kept: !request.plan,
    })
}

/// The catalogues that are asked.
fn sources(request: &RefreshRequest) -> Result<Vec<CatalogueSource>> {
    let all = catalogue_sources();
    let Some(id) = &request.from else {
        if request.url.is_some() {
            return Err(refused(
                "--url needs --from: which catalogue it is a mirror of",
            ));
        }
        return Ok(all.to_vec());
    };
    let ids = || all.iter().map(|one| one.id.as_str());
    let Some(mut one) = all.iter().find(|one| one.id == *id).cloned() else {
        let problem = refused(format!("there is no catalogue {id:?}"));
        return Err(match nearest(id, ids()) {
            Some(meant) => problem.hint(format!("do you mean {meant}?")),
            None => problem.hint(format!(
                "known are: {}",
                ids().collect::<Vec<_>>().join(", ")
            )),
        });
    };
    if let Some(url) = &request.url {
        one.base = url.trim_end_matches('/').to_string();
    }
    Ok(vec![one])
}

/// One provider's rows, and where they were read. `whole` keeps a catalogue that has all providers in one file.
fn fetched(
    context: &Context,
    source: &CatalogueSource,
    theirs: &str,
    whole: &mut Option<Result<Vec<Raw>, String>>,
) -> (String, Result<Vec<Raw>, String>) {
    let get = |url: &str| {
        context
            .machine
            .fetch(url, "*/*", LONGEST, DEADLINE)
            .map(|response| response.body)
            .map_err(|error| error.to_string())
    };
    let base = &source.base;
    match source.format.as_str() {
        "gpuhunt" => {
            let url = format!("{base}/{theirs}/latest/catalog.zip");
            let rows = get(&format!("{base}/{theirs}/version")).and_then(|version| {
                let day = day_of_version(&String::from_utf8_lossy(&version))
                    .ok_or("its version is no day, so nobody knows how old it is")?;
                gpuhunt(theirs, &csv_in_zip(&get(&url)?)?, &day)
            });
            (url, rows)
        }
        "skypilot" => {
            let url = format!("{base}/{theirs}/vms.csv");
            // Its files have no day: what is fetched now counts as of now.
            let day = today(context).to_string();
            let rows =
                get(&url).and_then(|text| skypilot(theirs, &String::from_utf8_lossy(&text), &day));
            (url, rows)
        }
        _ => {
            let rows = whole
                .get_or_insert_with(|| get(base).and_then(|text| gpu_pricing(&text)))
                .clone()
                .map(|rows| {
                    rows.into_iter()
                        .filter(|row| row.provider == theirs)
                        .collect()
                });
            (base.clone(), rows)
        }
    }
}

/// Keeps new offers, and those before them beside.
fn keep(context: &Context, text: &str) -> Result<()> {
    let path = current(context);
    let old = match context.machine.file(&path, LONGEST) {
        Ok(old) => old,
        // Before the first refresh: the built-in ones alone.
        Err(error) if error.kind == ErrorKind::Absent => written(&[]).into_bytes(),
        Err(error) => return Err(error.into()),
    };
    context
        .machine
        .write_file(before(context), old, 0o644, Durability::Power)?;
    context
        .machine
        .write_file(path, text, 0o644, Durability::Power)?;
    Ok(())
}

/// Brings back what was before the last refresh; once more, and the refresh is back.
///
/// # Errors
/// [`Code::OffersRefused`] where nothing is kept.
pub fn undo(context: &Context) -> Result<OffersChangedReport> {
    context.require_live("offers undo")?;
    let (now, then) = (current(context), before(context));
    let old = match context.machine.file(&then, LONGEST) {
        Ok(old) => old,
        Err(error) if error.kind == ErrorKind::Absent => {
            return Err(refused("no refresh was kept that could be taken back"));
        }
        Err(error) => return Err(error.into()),
    };
    let shown = Catalogue::of(context);
    let new = context.machine.file(&now, LONGEST).unwrap_or_default();
    context
        .machine
        .write_file(&now, old, 0o644, Durability::Power)?;
    context
        .machine
        .write_file(&then, new, 0o644, Durability::Power)?;
    let back = Catalogue::of(context);
    if let Some(why) = back.warnings.first() {
        return Err(deskside_types::Problem::new(
            Code::OffersRefused,
            why.clone(),
        ));
    }
    Ok(OffersChangedReport {
        done: "brought back the offers from before the last refresh; `deskside offers undo` once more takes that back".into(),
        file: now.display().to_string(),
        changes: changes(&shown.rows, &back.rows),
    })
}

/// What is different between two catalogues, the person's own prices left out; the largest changes of price first.
pub(super) fn changes(old: &[OfferRow], new: &[OfferRow]) -> Vec<OfferChange> {
    let same = |one: &OfferRow, other: &OfferRow| {
        one.provider == other.provider
            && one.accelerator == other.accelerator
            && one.memory_gb == other.memory_gb
            && one.tier == other.tier
    };
    let change = |what: &str, row: &OfferRow, from: Option<f64>, to: Option<f64>| OfferChange {
        what: what.into(),
        accelerator: row.accelerator.clone(),
        memory_gb: row.memory_gb,
        provider: row.provider.clone(),
        tier: row.tier.clone(),
        from,
        to,
    };
    let mut all = Vec::new();
    for row in new.iter().filter(|row| row.source != OWN) {
        match old.iter().find(|one| one.source != OWN && same(one, row)) {
            None => all.push(change("new", row, None, Some(row.usd_an_hour))),
            Some(one) if (one.usd_an_hour - row.usd_an_hour).abs() > 1e-6 => {
                all.push(change(
                    "price",
                    row,
                    Some(one.usd_an_hour),
                    Some(row.usd_an_hour),
                ));
            }
            Some(_) => {}
        }
    }
    for row in old.iter().filter(|row| row.source != OWN) {
        if !new.iter().any(|one| same(one, row)) {
            all.push(change("gone", row, Some(row.usd_an_hour), None));
        }
    }
    let size = |change: &OfferChange| match (change.from, change.to) {
        (Some(from), Some(to)) => (to / from).ln().abs(),
        _ => 0.0,
    };
    all.sort_by(|one, other| size(other).total_cmp(&size(one)));
    all
}
