//! `deskside env rollback`: the environment and the project's files as an earlier snapshot has them.

use super::change::Prepared;
use super::present::Present;
use super::restoring::{self, Restoration, Survey};
use super::settle::settle;
use super::{Place, change};
use crate::Context;
use deskside_envs::snapshot::store::Local;
use deskside_envs::snapshot::take::PROJECT_FILES;
use deskside_envs::snapshot::{Snapshot, difference};
use deskside_machine::{Machine, Reading};
use deskside_operate::turn;
use deskside_types::plan::{Action, Check, FileContents, Step};
use deskside_types::{Result, units};
use std::path::Path;

/// Looks at the snapshot a person means, and makes the plan. Where an earlier attempt was cut off after all was done,
/// the snapshot that it did not come to is kept, unless only the plan is wanted.
///
/// # Errors
/// When there is no such snapshot, or its packages can't be had any more.
pub fn rollback(
    context: &Context,
    project: Option<&Path>,
    wanted: &str,
    only_plan: bool,
) -> Result<Prepared> {
    context.heeding(|context| back(context, project, wanted, only_plan))
}

fn back(
    context: &Context,
    project: Option<&Path>,
    wanted: &str,
    only_plan: bool,
) -> Result<Prepared> {
    context.require_live("env rollback")?;
    let machine = &*context.machine;
    let mut place = Place::find(context, project)?;
    let mut warnings = if only_plan {
        Vec::new()
    } else {
        settle(context, &mut place, only_plan)?
    };
    let facts = deskside_probe::collect(machine);
    let present = Present::look(context, &place, &facts)?;
    let target = present.find(wanted)?.clone();
    let then: Vec<Step> = files_step(machine, &place, &target, &mut warnings)?
        .into_iter()
        .collect();
    let mut why = vec![format!(
        "snapshot {} was taken {} ({})",
        target.id,
        taken(machine, &target)?,
        target.reason
    )];
    if present.now.is_some() && present.first_number() > 0 {
        why.push(
            "the state that is there now is in no snapshot yet: it is kept as one first".into(),
        );
    }
    if present.unrecorded.as_ref() == Some(&target.id) && !only_plan {
        change::keep(
            &turn(&change::workshop(context))?,
            context,
            &place,
            &facts,
            &reason(&target),
            None,
            target.choice.clone(),
        )?;
    }
    let survey = Survey::of(machine, &place, &present.there);
    let now = present.snapshot();
    let wish = format!(
        "Bring {} back to snapshot {}",
        place.project.display(),
        target.id
    );
    let same = now.is_some_and(|now| {
        difference(now, &target).same_packages() && now.python.version == target.python.version
    });
    if same && survey.damaged.is_empty() {
        // Only files differ, or nothing does: the packages stay as they are.
        let plan = change::plan(context, &place, wish, then, PROJECT_FILES)?;
        return Ok(Prepared {
            plan,
            why,
            expected: now
                .map(|now| difference(now, &target))
                .filter(|difference| !difference.is_empty()),
            warnings,
            reason: reason(&target),
            goes_back: true,
            choice: target.choice.clone(),
            facts,
            place,
        });
    }
    restoring::prepare(
        context,
        Restoration {
            reason: reason(&target),
            goes_back: true,
            target: &target,
            now,
            there: &present.there,
            then,
            resting_on: PROJECT_FILES.to_vec(),
            wish,
            why,
            survey: Some(survey),
            warnings,
            place,
            facts,
        },
    )
}

fn reason(target: &Snapshot) -> String {
    format!("env rollback to {}", target.id)
}

/// How long ago a snapshot was taken.
fn taken(machine: &dyn Machine, target: &Snapshot) -> Result<String> {
    let seconds = machine
        .now()?
        .wall
        .duration_since(target.taken_at)
        .as_secs()
        .max(0);
    if seconds == 0 {
        return Ok("just now".into());
    }
    let span = std::time::Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    Ok(format!("{} ago", units::duration(span)))
}

/// Writes the project's files and this machine's choice as the snapshot has them; none where nothing differs.
fn files_step(
    machine: &dyn Machine,
    place: &Place,
    target: &Snapshot,
    warnings: &mut Vec<String>,
) -> Result<Option<Step>> {
    let mut actions = Vec::new();
    let mut verify = Vec::new();
    let (mut names, mut gone) = (Vec::new(), Vec::new());
    for name in PROJECT_FILES {
        let path = place.project.join(name);
        let shown = path.display().to_string();
        let now = if machine.exists(&path)? {
            Some(machine.file(&path, u64::MAX)?)
        } else {
            None
        };
        match (target.files.get(*name), now) {
            (None, None) => {}
            // It came later; it is kept by the snapshot of now and by the journal.
            (None, Some(_)) => {
                actions.push(Action::Remove {
                    path: shown.clone(),
                });
                verify.push(Check::Absent { path: shown });
                gone.push((*name).to_string());
            }
            (Some(hash), now) => {
                if now.is_some_and(|now| deskside_envs::environment::sha256(&now) == *hash) {
                    continue;
                }
                let Ok(text) = String::from_utf8(place.store.object(machine, hash)?) else {
                    warnings.push(format!(
                        "{name} of the snapshot is no text, and is not put back"
                    ));
                    continue;
                };
                actions.push(Action::WriteFile {
                    path: shown.clone(),
                    contents: FileContents::Text(text),
                    mode: 0o644,
                });
                verify.push(Check::FileIs {
                    path: shown,
                    sha256: hash.clone(),
                });
                names.push((*name).to_string());
            }
        }
    }
    let local = place.store.local(machine);
    let parts = target.parts.clone().unwrap_or_else(|| local.parts.clone());
    if local.choice != target.choice || local.parts != parts {
        let mut text = serde_json::to_string_pretty(&Local {
            choice: target.choice.clone(),
            parts,
            ..local
        })
        .unwrap_or_default();
        text.push('\n');
        let path = place.store.local_path().display().to_string();
        verify.push(Check::FileIs {
            path: path.clone(),
            sha256: deskside_envs::environment::sha256(text.as_bytes()),
        });
        actions.push(Action::WriteFile {
            path,
            contents: FileContents::Text(text),
            mode: 0o644,
        });
        names.push("what is noted for this machine".into());
    }
    if actions.is_empty() {
        return Ok(None);
    }
    Ok(Some(Step {
        id: "files".into(),
        title: match (names.is_empty(), gone.is_empty()) {
            (false, true) => format!("Put {} back", restoring::listed(&names)),
            (true, _) => format!("Take {} away, as it was then", restoring::listed(&gone)),
            (false, false) => format!(
                "Put {} back and take {} away, as it was then",
                restoring::listed(&names),
                restoring::listed(&gone)
            ),
        },
        why: "they say which packages the environment has; what stands in them now is kept".into(),
        check: verify.clone(),
        actions,
        verify,
        ..Step::simple()
    }))
}
