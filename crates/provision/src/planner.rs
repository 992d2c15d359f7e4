//! Facts and a wish become a plan. Pure: no machine, no clock but the facts' own.

use crate::draft::{Draft, SystemPlan};
use crate::present::{Present, card_name, cards, platform};
use crate::recipes::{
    access, apple, clean, driver, fetch, hold, reinstall, repair, sources, toolkit,
};
use crate::wish::Wish;
use deskside_knowledge::hardware::{KernelModules, nvidia_architectures};
use deskside_knowledge::platforms::branch_number;
use deskside_types::facts::{Gpu, OsKind, Packages, Vendor};
use deskside_types::plan::{Comparison, PLAN_VERSION, Plan, Premise};
use deskside_types::{Code, Facts, Known, Problem, Result};
use serde_json::Value;

/// The plan of the system layer for a machine and a wish.
///
/// # Errors
/// [`Code::PlatformUnknown`] where the distribution is not one that Deskside plans for; the problem says what it does
/// know and what a person can do.
pub fn plan(facts: &Facts, wish: &Wish) -> Result<SystemPlan> {
    let mut draft = Draft::default();
    let Some(platform) = platform(facts) else {
        return unsupported(facts, wish, draft);
    };
    let mut driver_expected = false;
    if facts.system.container.value().is_some() {
        draft.satisfied("this is a container: the driver belongs to its host");
        if *wish != Wish::default() {
            draft.block(
                "what is installed in a container goes with it: put it into the container's image",
                &[],
            );
        }
    } else if facts.system.kind == OsKind::MacOs {
        apple::mac(facts, wish, platform, &mut draft);
    } else {
        match &facts.packages {
            Known::Value(packages) if packages.installed.value().is_some() => {
                let present = Present {
                    facts,
                    packages,
                    platform,
                    wish,
                    was: None,
                };
                driver_expected = linux(&present, &mut draft);
                if wish.clean.is_none() {
                    let half = repair::is_half_unpacked(&present);
                    fetch::before_removal(&mut draft, &moment(facts), half);
                }
            }
            other => unseen(facts, other, &mut draft),
        }
    }
    draft.end(driver_expected);
    Ok(finished(facts, wish, Some(platform.name.clone()), draft))
}

/// The plan's moment, as names of files hold it: another plan has another.
pub(crate) fn moment(facts: &Facts) -> String {
    facts.taken_at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// A machine with apt. Returns whether NVIDIA's driver must answer at the end.
fn linux(present: &Present<'_>, draft: &mut Draft) -> bool {
    repair::surroundings(present, draft);
    for (fact, reason) in unseen_facts(present.packages) {
        draft.unknown("system.packages", format!("packages.{fact}: {reason}"));
    }
    repair::dpkg(present, draft);
    if let Some(clean) = present.wish.clean {
        clean::plan(present, clean, draft);
        return false;
    }
    if let Some(part) = present.wish.reinstall {
        return reinstall::plan(present, part, draft);
    }
    if let Some(change) = &present.wish.revert {
        draft.block(
            format!("no change {change} is known: the package managers' logs were not read"),
            &["deskside history"],
        );
        return false;
    }
    let expected = bring(present, draft);
    hold::plan(present, draft);
    expected
}

/// Brings what is wished and lacks. Returns whether NVIDIA's driver must answer at the end.
pub(crate) fn bring(present: &Present<'_>, draft: &mut Draft) -> bool {
    if present.facts.system.wsl.value().is_none()
        && let Some(why) = driver::impossible(present)
    {
        draft.steps.clear();
        draft.block(why, &["deskside plan", "lspci -nn"]);
        return false;
    }
    let rests = toolkit::rests_on_archive(present);
    let wished = toolkit::wants_archive(present);
    let taken_out = sources::mend(present, draft, rests || wished);
    let mut builder = None;
    if present.facts.system.wsl.value().is_some() {
        apple::wsl(present, draft);
        if taken_out && rests {
            toolkit::enter_again(present, draft);
        }
    } else if let Some(nvidia) = &present.platform.nvidia {
        if let Known::Unknown { unknown } = &present.facts.gpus {
            draft.unknown("nvidia.driver", format!("gpus: {unknown}"));
        }
        toolkit::floating(present, draft);
        let at = draft.steps.len();
        builder = driver::plan(present, nvidia, draft);
        // NVIDIA's archive is entered, and its drivers are fenced off, before anything is installed: its pin would
        // lift its driver above the distribution's.
        let behind = draft.steps.len();
        let stays_entered = sources::is_entered(present, "nvidia");
        let foreign = builder
            .as_deref()
            .is_some_and(|builder| builder != "nvidia");
        if foreign && (stays_entered || rests || wished) {
            sources::fence(present, draft);
        }
        if taken_out && rests {
            toolkit::enter_again(present, draft);
        }
        let count = draft.steps.len() - behind;
        draft.steps[at..].rotate_right(count);
    }
    access::amd(present, draft);
    toolkit::cuda(present, draft);
    toolkit::rocm(present, draft);
    access::library_path(present, draft);
    if cards(present.facts, Vendor::Nvidia).is_empty()
        && cards(present.facts, Vendor::Amd).is_empty()
        && present.facts.gpus.value().is_some()
        && present.facts.system.wsl.value().is_none()
    {
        draft.satisfied("no NVIDIA or AMD card is on the bus: training runs on the processor, which needs no driver");
    }
    builder.is_some()
}

/// Facts about packages that could not be seen.
fn unseen_facts(packages: &Packages) -> Vec<(&'static str, String)> {
    let reason = |name, fact: Option<&str>| fact.map(|reason| (name, reason.to_string()));
    [
        reason("sources", packages.sources.reason()),
        reason("pins", packages.pins.reason()),
        reason("kernels", packages.kernels.reason()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What is installed could not be seen: nothing is planned, and nothing guessed.
fn unseen(facts: &Facts, packages: &Known<Packages>, draft: &mut Draft) {
    let reason = match packages {
        Known::Unknown { unknown } => unknown.clone(),
        Known::Absent => "there is no dpkg on this machine".into(),
        Known::Value(packages) => packages
            .installed
            .reason()
            .unwrap_or("the list of packages is not there")
            .to_string(),
    };
    draft.unknown("system.packages", format!("packages: {reason}"));
    if facts
        .known_gpus()
        .iter()
        .any(|gpu| matches!(gpu.vendor, Vendor::Nvidia | Vendor::Amd))
    {
        draft.block(
            "what is installed could not be seen, so nothing is planned",
            &["deskside info --record machine.tar.zst"],
        );
    }
}

/// A machine of no known platform.
fn unsupported(facts: &Facts, wish: &Wish, mut draft: Draft) -> Result<SystemPlan> {
    let name = facts
        .system
        .os
        .value()
        .map_or_else(|| "this system".to_string(), |os| os.name.clone());
    if facts.system.container.value().is_some() {
        draft.satisfied("this is a container: the driver belongs to its host");
        return Ok(finished(facts, wish, None, draft));
    }
    let nvidia = cards(facts, Vendor::Nvidia);
    let needs_nothing =
        nvidia.is_empty() && cards(facts, Vendor::Amd).is_empty() && *wish == Wish::default();
    if needs_nothing && facts.gpus.value().is_some() {
        draft.satisfied("no NVIDIA or AMD card is on the bus: training runs on the processor, which needs no driver");
        return Ok(finished(facts, wish, None, draft));
    }
    let problem = Problem::new(
        Code::PlatformUnknown,
        format!("Deskside makes no plans for drivers and toolkits on {name}"),
    )
    .because("it plans for Ubuntu 22.04, 24.04 and 26.04, Pop!_OS 22.04 and 24.04, Debian 12 and 13, WSL 2, and macOS on Apple silicon");
    let amd = !cards(facts, Vendor::Amd).is_empty();
    let (causes, way) = unmanaged(&nvidia, amd);
    let problem = causes.into_iter().fold(problem, Problem::because);
    Err(problem.hint(format!(
        "{way}, restart, then `deskside up`: environments need no more than a driver that answers"
    )))
}

/// Which driver a person takes where Deskside makes no plans: what each card takes, and the way that is right for all.
fn unmanaged(nvidia: &[&Gpu], amd: bool) -> (Vec<String>, String) {
    let mut causes = Vec::new();
    for card in nvidia
        .iter()
        .filter(|card| !card.driver_branches.is_empty())
    {
        let told = format!(
            "{} is driven by NVIDIA's branches {}",
            card_name(card),
            card.driver_branches.join(", ")
        );
        if !causes.contains(&told) {
            causes.push(told);
        }
    }
    let with = "with your distribution's package manager";
    if nvidia.is_empty() {
        let way = if amd {
            format!(
                "install the firmware for AMD cards {with}, and join the groups render and video; the kernel's own amdgpu is the driver"
            )
        } else {
            format!("install the driver {with}")
        };
        return (causes, way);
    }
    let known: Vec<&&Gpu> = nvidia
        .iter()
        .filter(|card| !card.driver_branches.is_empty())
        .collect();
    let Some(first) = known.first() else {
        return (
            causes,
            format!(
                "install the driver {with}; NVIDIA's page of supported products names the card's branch"
            ),
        );
    };
    let common: Vec<&String> = first
        .driver_branches
        .iter()
        .filter(|branch| {
            known
                .iter()
                .all(|card| card.driver_branches.contains(branch))
        })
        .collect();
    let newest = common.iter().max_by_key(|branch| branch_number(branch));
    let Some(newest) = newest else {
        causes.push("no one driver drives them together".into());
        return (
            causes,
            "take one card out, or leave one without a driver; then install the other's driver"
                .into(),
        );
    };
    // A card that its maker dropped has a last branch.
    let ends = known.iter().any(|card| {
        let name = card.architecture.value();
        nvidia_architectures()
            .iter()
            .any(|row| name == Some(&row.name) && row.last_driver_branch.is_some())
    });
    let number = branch_number(newest);
    let takes = |wanted: KernelModules| {
        known.iter().any(|card| {
            let name = card.architecture.value();
            nvidia_architectures()
                .iter()
                .any(|row| name == Some(&row.name) && row.kernel_modules == wanted)
        })
    };
    let modules = if takes(KernelModules::Open) {
        " with its open kernel modules"
    } else if takes(KernelModules::Proprietary) {
        " with its proprietary kernel modules"
    } else {
        ""
    };
    let branch = if ends || number < 580 {
        format!("branch {number}")
    } else {
        "branch 580 or newer".into()
    };
    (
        causes,
        format!("install NVIDIA's {branch}{modules}, {with}"),
    )
}

pub(crate) fn finished(
    facts: &Facts,
    wish: &Wish,
    platform: Option<String>,
    draft: Draft,
) -> SystemPlan {
    let premises = if draft.steps.is_empty() {
        Vec::new()
    } else {
        premises(facts)
    };
    SystemPlan {
        platform,
        plan: Plan {
            version: PLAN_VERSION,
            wish: wish.phrase(),
            made_at: facts.taken_at,
            premises,
            steps: draft.steps,
            satisfied: draft.satisfied,
        },
        why: draft.why,
        notes: draft.notes,
        undecided: draft.undecided,
    }
}

/// The facts that decided.
fn premises(facts: &Facts) -> Vec<Premise> {
    let value = serde_json::to_value(facts).unwrap_or(Value::Null);
    let mut paths: Vec<String> = [
        "system.os.id",
        "system.os.version",
        "system.architecture",
        "system.kernel",
        "system.secure_boot",
        "system.wsl",
        "drivers.nvidia.loaded",
        "drivers.nvidia.user_space",
        "packages.installed",
        "packages.sources",
        "packages.pins",
        "packages.kernels",
        "packages.runfile",
    ]
    .map(str::to_string)
    .to_vec();
    for (place, gpu) in facts.known_gpus().iter().enumerate() {
        if gpu.pci.is_some() {
            paths.push(format!("gpus.{place}.pci.device_id"));
        }
    }
    paths
        .into_iter()
        .filter_map(|fact| {
            let value = at(&value, &fact)?.clone();
            // What was not seen is nothing to rest on.
            (value.get("unknown").is_none() && !value.is_null()).then_some(Premise {
                fact,
                operator: Comparison::Equals,
                value,
            })
        })
        .collect()
}

fn at<'a>(facts: &'a Value, path: &str) -> Option<&'a Value> {
    deskside_operate::premise::at(facts, path)
}
