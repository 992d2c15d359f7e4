//! AMD's kernel driver, groups, and lines in shell profiles that put a second CUDA before the frameworks' own.

use super::archive;
use super::line::{holds_more, switched_off};
use crate::draft::{Draft, are, line_stands, packages, refresh};
use crate::names::shown;
use crate::present::{Present, card_name, cards};
use deskside_types::facts::{UserClass, Vendor};
use deskside_types::plan::{Action, Check};

/// Groups that may open AMD's compute device.
const GROUPS: [&str; 2] = ["render", "video"];

/// AMD: the kernel's own amdgpu, and groups. Wheels bring ROCm with them.
pub(crate) fn amd(present: &Present<'_>, draft: &mut Draft) {
    let cards = cards(present.facts, Vendor::Amd);
    if cards.is_empty() {
        if present.wish.rocm {
            draft.note("ROCm was asked for, and no AMD card is on the bus", &[]);
        }
        return;
    }
    let driver = &present.facts.drivers.amd;
    if driver.loaded.value() == Some(&true) {
        draft.satisfied("the kernel's own amdgpu is loaded");
    } else if let Some(amd) = &present.platform.amd {
        if present.has_all(&amd.firmware) {
            draft.block(
                format!("amdgpu does not drive {}, although its firmware is there; the kernel's log says why", card_name(cards[0])),
                &["sudo dmesg | grep -i amdgpu"],
            );
        } else {
            if archive::component(present, draft, amd.firmware_component.as_deref()) {
                draft.step(
                    "firmware.amd",
                    &[],
                    vec![are(&amd.firmware, &[])],
                    vec![refresh(), packages(&amd.firmware, &[])],
                );
            }
        }
    }
    groups(present, draft);
}

fn groups(present: &Present<'_>, draft: &mut Draft) {
    if present.facts.system.person.class == UserClass::Root {
        return;
    }
    if present.facts.drivers.amd.compute_access.value() == Some(&true) {
        draft.satisfied("you may use the GPU");
        return;
    }
    let account = match present.packages.account_groups.value() {
        Some(groups) => groups,
        None => {
            draft.unknown(
                "access.groups",
                format!(
                    "packages.account_groups: {}",
                    present
                        .packages
                        .account_groups
                        .reason()
                        .unwrap_or("no /etc/group")
                ),
            );
            return;
        }
    };
    let lacking: Vec<String> = GROUPS
        .iter()
        .filter(|group| !account.iter().any(|one| one == *group))
        .map(ToString::to_string)
        .collect();
    if lacking.is_empty() {
        draft.note("your account is in the groups render and video, and this login is not yet: log out and in again", &[]);
        return;
    }
    let checks = lacking
        .iter()
        .map(|group| Check::Member {
            group: group.clone(),
        })
        .collect();
    let actions = lacking
        .iter()
        .map(|name| Action::Group { name: name.clone() })
        .collect();
    draft.step(
        "access.groups",
        &[("names", &shown(&lacking))],
        checks,
        actions,
    );
}

/// `LD_LIBRARY_PATH` for CUDA in profiles.
pub(crate) fn library_path(present: &Present<'_>, draft: &mut Draft) {
    switch_off(present, "profile.library-path", "CUDA", draft, |line| {
        line.contains("LD_LIBRARY_PATH") && line.contains("cuda")
    });
}

/// Paths in profiles to a toolkit that goes, beside those that [`library_path`] takes out.
pub(crate) fn paths(present: &Present<'_>, what: &str, draft: &mut Draft) {
    let name = if what == "cuda" { "CUDA" } else { "ROCm" };
    switch_off(present, "profile.path", name, draft, |line| {
        line.contains(what) && !(line.contains("LD_LIBRARY_PATH") && line.contains("cuda"))
    });
}

fn switch_off(
    present: &Present<'_>,
    recipe: &str,
    what: &str,
    draft: &mut Draft,
    wanted: impl Fn(&str) -> bool,
) {
    let lines: Vec<_> = present
        .packages
        .profile_lines
        .value()
        .into_iter()
        .flatten()
        .filter(|line| wanted(&line.text))
        .cloned()
        .collect();
    for line in &lines {
        let sets = if recipe == "profile.path" {
            format!("names a path to {what}")
        } else {
            "sets LD_LIBRARY_PATH for CUDA".into()
        };
        let twins = lines
            .iter()
            .filter(|other| other.file == line.file && other.text == line.text)
            .count();
        let why_not = if twins > 1 {
            Some("stands there more than once in the same words")
        } else {
            holds_more(line)
        };
        if let Some(why_not) = why_not {
            draft.note(
                format!(
                    "{} line {} {sets}, and {why_not}: it stays as it is, take out by hand what belongs to {what}",
                    line.file, line.line
                ),
                &[],
            );
            continue;
        }
        let new = switched_off(line);
        if let Some(step) = draft.step(
            recipe,
            &[("file", &line.file), ("what", what)],
            vec![line_stands(&line.file, &new)],
            vec![Action::EditFile {
                path: line.file.clone(),
                old: line.text.clone(),
                new,
            }],
        ) {
            step.root = line.file.starts_with("/etc/");
        }
    }
}
