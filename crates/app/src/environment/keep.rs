//! `deskside env snapshot`: keeps the environment as it is, and with `--full` its wheels, too.

use super::settle::settle;
use super::{Place, change};
use crate::{Answer, Context};
use deskside_envs::index::wheel::{self, Platform};
use deskside_envs::index::{address, settings};
use deskside_envs::snapshot::origin::{self, Looking, MODULE, Origin};
use deskside_envs::snapshot::{Distribution, Kept, Snapshot, Wheel};
use deskside_machine::{Effect, Machine, Progress, Reading};
use deskside_operate::turn;
use deskside_types::{Code, Problem, Result, units};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::Path;
use std::time::Duration;

/// One wheel may take that long.
const DOWNLOAD_DEADLINE: Duration = Duration::from_secs(2 * 3600);

/// The answer of `env snapshot`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SnapshotReport {
    /// The project's folder.
    pub project: String,
    /// The snapshot.
    pub id: String,
    /// It was kept just now; otherwise the newest snapshot was of this state already.
    pub new: bool,
    /// How many distributions it has.
    pub distributions: usize,
    /// The wheels of all that comes from an index are kept.
    pub full: bool,
    /// Wheels that were downloaded for it.
    pub downloaded: usize,
    /// Bytes of the wheels it keeps.
    pub kept_bytes: u64,
    /// What can't be kept, and why, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_kept: Vec<String>,
    /// What a person should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Answer for SnapshotReport {
    const SCHEMA: &'static str = "deskside.environment-snapshot";
}

/// What is heard while wheels are downloaded.
pub enum Keeping<'a> {
    /// A wheel begins.
    Wheel {
        /// Its file name.
        file: &'a str,
        /// Its place, from 1.
        place: usize,
        /// How many there are.
        of: usize,
    },
    /// Something goes on within it.
    Progress(Progress<'a>),
}

/// Keeps the environment as it is. With `full`, the wheels of what comes from an index are downloaded, by address and
/// hash, and kept.
///
/// # Errors
/// [`Code::EnvironmentMissing`] when no whole environment is there; when the snapshot or a wheel can't be kept. What was
/// downloaded stays, and the same command goes on from there.
pub fn snapshot(
    context: &Context,
    project: Option<&Path>,
    full: bool,
    listen: &mut dyn FnMut(Keeping<'_>),
) -> Result<SnapshotReport> {
    context.heeding(|context| keep(context, project, full, listen))
}

fn keep(
    context: &Context,
    project: Option<&Path>,
    full: bool,
    listen: &mut dyn FnMut(Keeping<'_>),
) -> Result<SnapshotReport> {
    context.require_live("env snapshot")?;
    let machine = &*context.machine;
    let mut place = Place::find(context, project)?;
    let warnings = settle(context, &mut place, false)?;
    let facts = deskside_probe::collect(machine);
    let newest = place.store.list(machine)?.snapshots.pop();
    // Held while wheels are downloaded, too: what no snapshot names yet would be rubbish to `env gc`.
    let turn = turn(&change::workshop(context))?;
    let kept = change::keep(&turn, context, &place, &facts, "env snapshot", None, None)?;
    let Some(mut snapshot) = kept else {
        return Err(Problem::new(
            Code::EnvironmentMissing,
            format!(
                "there is no whole environment at {}",
                place.environment.display()
            ),
        )
        .hint("make it again: deskside env rebuild")
        .hint(format!(
            "or make one from the project's files: {}",
            place.making(machine)
        )));
    };
    let mut report = SnapshotReport {
        project: place.project.display().to_string(),
        id: snapshot.id.clone(),
        new: newest.is_none_or(|newest| newest.id != snapshot.id),
        distributions: snapshot.distributions.len(),
        full: snapshot.full,
        downloaded: 0,
        kept_bytes: 0,
        not_kept: Vec::new(),
        warnings,
    };
    if full {
        let platform = Platform::of(&facts);
        keep_wheels(
            context,
            &place,
            &mut snapshot,
            platform.as_ref(),
            &mut report,
            listen,
        )?;
    }
    for kept in snapshot
        .distributions
        .iter()
        .filter_map(|one| one.kept.as_ref())
    {
        report.kept_bytes += machine
            .stat(place.store.wheel_path(kept))
            .map_or(0, |stat| stat.size);
    }
    Ok(report)
}

fn keep_wheels(
    context: &Context,
    place: &Place,
    snapshot: &mut Snapshot,
    platform: Option<&Platform>,
    report: &mut SnapshotReport,
    listen: &mut dyn FnMut(Keeping<'_>),
) -> Result<()> {
    let machine = &*context.machine;
    let looking = Looking {
        store: &place.store,
        snapshot,
        offline: false,
        platform,
    };
    let origins = origin::origins(machine, &looking);
    let mut wanted: Vec<(usize, Wheel, Kept)> = Vec::new();
    for (at, (one, origin)) in snapshot.distributions.iter().zip(&origins).enumerate() {
        match keepable(one, origin) {
            Ok(Some((wheel, kept))) => wanted.push((at, wheel, kept)),
            Ok(None) => {}
            Err(why) => report.not_kept.push(why),
        }
    }
    let needed: u64 = wanted.iter().filter_map(|(_, wheel, _)| wheel.size).sum();
    require_space(machine, place, needed)?;
    let of = wanted.len();
    for (number, (at, wheel, kept)) in wanted.into_iter().enumerate() {
        let path = place.store.wheel_path(&kept);
        listen(Keeping::Wheel {
            file: &kept.file,
            place: number + 1,
            of,
        });
        if !machine.exists(&path)? {
            let effect = Effect::Download {
                url: settings::address(machine, &wheel.url),
                path,
                sha256: wheel.sha256.clone(),
                size: wheel.size.unwrap_or(0),
                deadline: DOWNLOAD_DEADLINE,
            };
            machine.act(&effect, &mut |progress| listen(Keeping::Progress(progress)))?;
            report.downloaded += 1;
        }
        let one = &mut snapshot.distributions[at];
        one.kept = Some(kept);
        one.wheel = one.wheel.take().or(Some(wheel));
    }
    snapshot.full = report.not_kept.is_empty();
    report.full = snapshot.full;
    // What could be kept is kept with it even where something could not.
    place.store.keep(machine, snapshot, &Default::default())
}

/// The wheel to be kept of a distribution; none where nothing is to be done, a sentence where it can't be kept.
fn keepable(one: &Distribution, origin: &Origin) -> Result<Option<(Wheel, Kept)>, String> {
    let named = format!("{} {}", one.name, one.version);
    match origin {
        Origin::Lying { .. } => Ok(None),
        Origin::Files { wheels, .. } => {
            let carries = |wheel: &&Wheel| {
                wheel::parse(&address::file_name(&wheel.url))
                    .is_some_and(|name| name.tags().iter().any(|tag| one.tags.contains(tag)))
            };
            let wheel = match wheels.as_slice() {
                [only] => Some(only),
                several => several.iter().find(carries),
            };
            match wheel {
                Some(wheel) => {
                    let kept = Kept {
                        file: address::file_name(&wheel.url),
                        sha256: wheel.sha256.clone(),
                    };
                    Ok(Some((wheel.clone(), kept)))
                }
                None if wheels.is_empty() => {
                    Err(format!("{named} has no wheel: it was built from source"))
                }
                None => Err(format!(
                    "{named} has several wheels that fit, and nothing tells which one it was"
                )),
            }
        }
        Origin::Direct(direct) if direct.get("dir_info").is_some() => Ok(None),
        Origin::Direct(_) => Err(format!(
            "{named} was installed from an address, and not from an index"
        )),
        Origin::Version { why } => Err(format!("{named} could not be looked up: {why}")),
        Origin::Gone { .. } => Err(format!("the index no longer has {named}")),
        Origin::NotKept if one.name == MODULE => Ok(None),
        Origin::NotKept => Err(format!("{named} is kept nowhere")),
    }
}

fn require_space(machine: &dyn Machine, place: &Place, needed: u64) -> Result<()> {
    let free = machine.space(place.store.folder())?.free;
    if needed <= free {
        return Ok(());
    }
    Err(Problem::new(
        Code::DiskFull,
        format!(
            "the wheels need {}, and {} are free at {}",
            units::bytes(needed),
            units::bytes(free),
            place.store.folder().display()
        ),
    )
    .hint("free some space (`df -h` shows what is full; `deskside env gc --full` removes kept wheels)"))
}
