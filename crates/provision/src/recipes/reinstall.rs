//! Taking away and bringing back in one plan: for what is damaged, mixed, of the wrong branch, or past the packages.
//!
//! What could not be brought back is not taken away.

use super::clean::{self, Purpose};
use super::{driver, toolkit};
use crate::after::after;
use crate::draft::Draft;
use crate::planner::bring;
use crate::present::{Present, cards};
use crate::wish::{Part, Wish, version_parts};
use deskside_knowledge::version::order;
use deskside_types::facts::{Packages, Vendor};
use deskside_types::plan::Action;
use deskside_types::{Facts, Known};

/// The plan. Returns whether NVIDIA's driver must answer at the end.
pub(crate) fn plan(present: &Present<'_>, part: Part, draft: &mut Draft) -> bool {
    if part == Part::Mlx {
        clean::mlx(present.facts, draft);
        return false;
    }
    let Some(parts) = parts(present, part, draft) else {
        return false;
    };
    if !parts.contains(&Part::Driver) && clean::stands_in_the_way(present, draft) {
        return false;
    }
    let begun = draft.steps.len();
    let blocked = blocking(draft);
    let versions = if parts.contains(&Part::Cuda) {
        versions(present)
    } else {
        Vec::new()
    };
    let there = present
        .platform
        .nvidia
        .as_ref()
        .and_then(|nvidia| driver::branch_there(present, nvidia));
    for one in &parts {
        clean::take(present, *one, Purpose::Anew, draft);
    }
    let facts = after(present.facts, &draft.steps);
    let Known::Value(packages) = &facts.packages else {
        return false;
    };
    let wish = Wish {
        reinstall: None,
        cuda: versions.first().cloned().or(present.wish.cuda.clone()),
        rocm: present.wish.rocm || parts.contains(&Part::Rocm),
        ..present.wish.clone()
    };
    let expected = bring(
        &without(present, &facts, packages, &wish, there.clone()),
        draft,
    );
    for version in versions.iter().skip(1) {
        let wish = Wish {
            cuda: Some(version.clone()),
            ..wish.clone()
        };
        toolkit::cuda(&without(present, &facts, packages, &wish, None), draft);
    }
    hold_what_comes_back(draft, begun);
    let ids: Vec<String> = draft.steps.iter().map(|step| step.id.clone()).collect();
    let comes = |head: &str| ids.iter().any(|id| id.starts_with(head));
    let missing = [
        (Part::Driver, "driver.install"),
        (Part::Cuda, "toolkit.install"),
        (Part::Rocm, "rocm.install"),
    ]
    .into_iter()
    .any(|(one, head)| parts.contains(&one) && !comes(head));
    if missing || blocking(draft) > blocked {
        draft.steps.truncate(begun);
        draft.why.clear();
        draft.satisfied.clear();
        draft.restart = None;
        draft.notes.retain(|note| note.blocking);
        draft.block(
            "nothing is taken away, because it could not be brought back: see what stands in the way",
            &[],
        );
        return false;
    }
    if !parts.contains(&Part::Driver) && comes("driver.") {
        draft.note(
            "the driver is not as this machine needs it: it is brought in order in the same plan",
            &[],
        );
    }
    if comes("reinstall.driver") || (parts.contains(&Part::Driver) && comes("runfile.remove")) {
        draft.note(
            "between the removal and the installation there is no driver on disk; the one in memory goes on. Interrupted there, the same plan goes on, and undo brings the old one back as far as its archive has it",
            &[],
        );
    }
    expected
}

/// What was held when it was taken away is held again once it is back.
fn hold_what_comes_back(draft: &mut Draft, begun: usize) {
    let held: Vec<String> = draft.steps[begun..]
        .iter()
        .filter(|step| step.id.starts_with("reinstall."))
        .flat_map(|step| &step.actions)
        .flat_map(|action| match action {
            Action::Run { command, .. } => command.argv.clone(),
            _ => Vec::new(),
        })
        .filter(|word| word != "apt-mark" && word != "unhold")
        .collect();
    let last = draft
        .steps
        .iter_mut()
        .rfind(|step| step.id.contains("install") && !step.id.starts_with("reinstall."));
    if let Some(last) = last {
        last.actions.extend(driver::hold_again(&held));
    }
}

/// The machine without what was taken away.
fn without<'a>(
    present: &Present<'a>,
    facts: &'a Facts,
    packages: &'a Packages,
    wish: &'a Wish,
    was: Option<String>,
) -> Present<'a> {
    Present {
        facts,
        packages,
        platform: present.platform,
        wish,
        was,
    }
}

fn blocking(draft: &Draft) -> usize {
    draft.notes.iter().filter(|note| note.blocking).count()
}

/// The parts that are meant; none where one can't be.
fn parts(present: &Present<'_>, part: Part, draft: &mut Draft) -> Option<Vec<Part>> {
    let all = part == Part::All;
    let mut parts = Vec::new();
    if part.takes(Part::Driver) {
        let no_card = cards(present.facts, Vendor::Nvidia).is_empty();
        let foreign = present.facts.system.wsl.value().is_some();
        if !all && foreign {
            draft.block("the driver belongs to Windows: install it anew there", &[]);
            return None;
        }
        if !all && no_card {
            draft.block(
                "a driver was asked for, and no NVIDIA card is on the bus",
                &["lspci -nn"],
            );
            return None;
        }
        if !foreign && !no_card {
            parts.push(Part::Driver);
        }
    }
    for one in [Part::Cuda, Part::Rocm] {
        let meant = part == one
            || (all
                && match one {
                    Part::Cuda => !versions(present).is_empty(),
                    _ => clean::is_there(present, one),
                });
        if meant {
            parts.push(one);
        }
    }
    if part == Part::Cuda && versions(present).is_empty() {
        draft.block(
            "which CUDA toolkit is meant can't be told from what is there: name its version",
            &["deskside reinstall cuda --cuda 13.0"],
        );
        return None;
    }
    if parts.is_empty() {
        draft.satisfied("nothing of a driver or a toolkit is there to be installed anew");
        return None;
    }
    // What depends on another goes first.
    parts.reverse();
    Some(parts)
}

/// The toolkits that come back, the newest first: the one that is wished, else those that are there.
fn versions(present: &Present<'_>) -> Vec<String> {
    if let Some(wished) = &present.wish.cuda {
        return vec![wished.clone()];
    }
    let mut versions: Vec<String> = by_packages(present.packages)
        .into_iter()
        .chain(
            present
                .packages
                .cuda_folders
                .value()
                .into_iter()
                .flatten()
                .filter_map(|folder| folder.strip_prefix("/usr/local/cuda-").map(str::to_string)),
        )
        .filter_map(|version| version_parts(&version))
        .map(|(major, minor)| format!("{major}.{minor}"))
        .collect();
    versions.sort_by(|one, other| order(other, one));
    versions.dedup();
    versions
}

/// The versions in the names of packages that bring whole toolkits.
fn by_packages(packages: &Packages) -> Vec<String> {
    packages
        .installed
        .value()
        .into_iter()
        .flatten()
        .filter_map(|package| {
            let rest = package
                .name
                .strip_prefix("cuda-toolkit-")
                .or_else(|| package.name.strip_prefix("cuda-"))?;
            rest.bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'-')
                .then(|| rest.replace('-', "."))
        })
        .collect()
}
