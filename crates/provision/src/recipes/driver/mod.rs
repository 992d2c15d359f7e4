//! NVIDIA's driver: one branch, from one source, with modules for the kernels that may be booted.

mod around;
mod fate;

use super::{archive, sources};
use crate::assess::assess;
use crate::branch::{Choice, Modules, choose, modules};
use crate::draft::{Draft, Restart, are, packages, refresh};
use crate::names::{branch_of, shown};
use crate::present::{Present, cards};
use around::{enrol, held, is_runfile, own_kernel, release, runfile, unblock};
pub(crate) use around::{hold_again, unhold_named};
use deskside_knowledge::platforms::{Branch, NvidiaPlatform};
use deskside_knowledge::version::order;
use deskside_types::facts::{Package, Vendor};
use deskside_types::plan::{Action, Check};
use fate::{Fate, at_version, fate};
use std::cmp::Ordering;

/// The driver's steps. Returns who builds the driver that will be there; none where none will.
pub(crate) fn plan(
    present: &Present<'_>,
    nvidia: &NvidiaPlatform,
    draft: &mut Draft,
) -> Option<String> {
    let cards = cards(present.facts, Vendor::Nvidia);
    if cards.is_empty() {
        return None;
    }
    let there = branch_there(present, nvidia);
    let (branch, why) = match choose(present, nvidia, &cards, there.as_deref()) {
        Choice::Branch(branch, why) => (branch, why),
        Choice::None(why) => {
            draft.block(why, &[]);
            return None;
        }
    };
    let origin = branch.origin.as_ref().unwrap_or(&nvidia.origin);
    let origin_name = branch.origin_name.as_ref().unwrap_or(&nvidia.origin_name);
    if let Some(origin) = keeps(present, branch, origin, there.as_deref()) {
        draft.satisfied(format!(
            "the NVIDIA driver {} is loaded, agrees with its library and answers",
            present
                .facts
                .drivers
                .nvidia
                .loaded
                .value()
                .map_or("", String::as_str)
        ));
        lost(present, draft);
        if there.as_deref() == Some(branch.name.as_str()) {
            later_kernels(present, nvidia, branch, draft);
            upgrade(present, branch, draft);
        }
        return Some(origin);
    }
    draft.why(why);
    if present.secure_boot() {
        match modules(present, nvidia, branch) {
            Modules::Prebuilt(_) => draft.why("Secure Boot stays on: the archive's modules are built for these kernels and signed"),
            Modules::Built(..) => {}
        }
    }
    install(present, nvidia, branch, origin, origin_name, draft);
    Some(origin.clone())
}

/// A card that the driver no longer reaches is mended by no step.
fn lost(present: &Present<'_>, draft: &mut Draft) {
    let found = assess(present.facts).lacking;
    if let Some(lost) = found.iter().find(|lacking| lacking.id == "nvidia.gpu.lost") {
        let commands: Vec<&str> = lost.commands.iter().map(String::as_str).collect();
        draft.block(format!("{}. {}", lost.title, lost.why), &commands);
    }
}

/// Why the driver that is wished can't be had here; none where none is wished, or it can. Where it can't, nothing else is
/// planned: a plan that goes half the way helps nobody.
pub(crate) fn impossible(present: &Present<'_>) -> Option<String> {
    let nvidia = present.platform.nvidia.as_ref()?;
    present.wish.driver.as_ref()?;
    let cards = cards(present.facts, Vendor::Nvidia);
    if cards.is_empty() {
        return Some("a driver was asked for, and no NVIDIA card is on the bus".into());
    }
    let there = branch_there(present, nvidia);
    match choose(present, nvidia, &cards, there.as_deref()) {
        Choice::Branch(..) => None,
        Choice::None(why) => Some(why),
    }
}

/// The branch whose packages are there, as the platform names it, else as the packages' names tell it.
pub(crate) fn branch_there(present: &Present<'_>, nvidia: &NvidiaPlatform) -> Option<String> {
    if present.was.is_some() {
        return present.was.clone();
    }
    if let Some(branch) = nvidia
        .branches
        .iter()
        .find(|branch| present.has_all(&branch.packages))
    {
        return Some(branch.name.clone());
    }
    present
        .driver_packages()
        .iter()
        .filter(|package| {
            package.name.starts_with("nvidia-driver-")
                || package.name.starts_with("nvidia-headless-")
        })
        .find_map(|package| branch_of(&package.name))
}

/// Whether the driver that is there stays as it is; then who builds it.
fn keeps(
    present: &Present<'_>,
    branch: &Branch,
    origin: &str,
    there: Option<&str>,
) -> Option<String> {
    if !present.driver_answers()
        || present
            .packages
            .runfile
            .value()
            .is_some_and(|traces| is_runfile(traces))
    {
        return None;
    }
    let installed = present.driver_packages();
    let origins = origins(&installed);
    // A driver of a distribution's archive, or all of it from NVIDIA's: either is one source.
    let one_source = match origins.as_slice() {
        [] => true,
        [one] => *one == origin || *one == "nvidia" || *one == "ubuntu" || *one == "pop",
        _ => false,
    };
    if !one_source || installed.iter().any(|package| package.state.is_broken()) {
        return None;
    }
    let loaded = present.facts.drivers.nvidia.loaded.value()?;
    let new_enough = order(loaded, "580") != Ordering::Less
        || order(loaded, &branch.version) != Ordering::Less
        || branch.number() <= 470;
    // The flavour that is loaded must be one that drives the cards; that it answers proves it.
    let wished = present
        .wish
        .driver
        .as_ref()
        .is_none_or(|_| there == Some(branch.name.as_str()));
    (new_enough && wished).then(|| {
        origins
            .first()
            .map_or_else(|| origin.to_string(), ToString::to_string)
    })
}

/// Who built the packages, each once.
fn origins<'a>(packages: &[&'a Package]) -> Vec<&'a str> {
    let mut origins: Vec<&str> = packages
        .iter()
        // Packages without a branch in their name are shared by all: settings, persistence.
        .filter(|package| {
            branch_of(&package.name).is_some()
                || package.name.contains("driver")
                || package.name.starts_with("nvidia-open")
        })
        .filter_map(|package| package.origin.value().map(String::as_str))
        .collect();
    origins.sort_unstable();
    origins.dedup();
    origins
}

fn install(
    present: &Present<'_>,
    nvidia: &NvidiaPlatform,
    branch: &Branch,
    origin: &str,
    origin_name: &str,
    draft: &mut Draft,
) {
    if !archive::component(
        present,
        draft,
        branch.component.as_deref().or(nvidia.component.as_deref()),
    ) {
        return;
    }
    runfile(present, draft);
    let mut wanted: Vec<String> = branch.packages.clone();
    let modules = modules(present, nvidia, branch);
    match &modules {
        Modules::Prebuilt(names) => wanted.extend(names.iter().cloned()),
        Modules::Built(names, _) => wanted.extend(names.iter().cloned()),
    }
    let dropped: Vec<String> = draft
        .steps
        .iter()
        .filter(|step| step.id == "dpkg.drop")
        .flat_map(|step| &step.actions)
        .flat_map(|action| match action {
            Action::Packages { remove, .. } => remove.clone(),
            _ => Vec::new(),
        })
        .collect();
    let mut before = Vec::new();
    let mut before_at = Vec::new();
    let mut with = Vec::new();
    let mut moves = Vec::new();
    let mut gone = Vec::new();
    let mut stays = Vec::new();
    for package in present.driver_packages() {
        if dropped.contains(&package.name) {
            continue;
        }
        match fate(
            package,
            branch,
            origin,
            &wanted,
            matches!(modules, Modules::Prebuilt(_)) && present.secure_boot(),
        ) {
            Fate::Stays => stays.push(package.name.clone()),
            Fate::GoesWith => {
                with.push(package.name.clone());
                gone.push(package.name.clone());
            }
            Fate::Moves => {
                moves.push(package.name.clone());
                gone.push(at_version(package));
            }
            Fate::GoesBefore => {
                before.push(package.name.clone());
                before_at.push(at_version(package));
            }
        }
    }
    // The installer's own files lay over those of the packages that stay.
    if let Some(step) = draft
        .steps
        .iter_mut()
        .find(|step| step.id == "runfile.remove")
        && !stays.is_empty()
    {
        let mut again = crate::draft::command(["apt-get", "install", "--reinstall", "-y"], 1800);
        again.argv.extend(stays.iter().cloned());
        step.actions.push(Action::Run {
            command: again,
            undo: None,
        });
    }
    let held = held(
        present,
        &[before.clone(), with.clone(), moves.clone()].concat(),
    );
    let mut released = release(&held);
    let again: Vec<String> = held
        .into_iter()
        .filter(|name| !with.contains(name))
        .collect();
    if !released.is_empty() {
        draft.why("packages that were held at their version are released, because the driver needs them to go or to move");
    }
    if branch.origin.is_none()
        && let Some(place) = &nvidia.repository
    {
        let why = format!(
            "{}'s own driver is too old for today's builds of PyTorch and JAX.",
            present.platform.name
        );
        if !sources::enter(present, draft, "nvidia", place, &why) {
            return;
        }
    }
    if !before.is_empty() {
        for name in &branch.packages {
            if present.packages.has(name) && !before.contains(name) {
                before.push(name.clone());
            }
        }
        draft.step(
            "driver.remove",
            &[
                ("why_short", "another builder made"),
                ("why", "apt does not go down in version by itself, and two builders' packages of one driver do not fit together. Until the next step there is no driver on disk; the loaded one goes on."),
            ],
            vec![are(&[], &before_at)],
            released.drain(..).chain([packages(&[], &before)]).collect(),
        );
    }
    // What depends on packages that go goes with them, so all that is wanted is asked for again.
    let anew = !before.is_empty();
    let mut lacking: Vec<String> = wanted
        .iter()
        .filter(|name| anew || !present.packages.has(name) || dropped.contains(name))
        .cloned()
        .chain(moves.iter().filter(|name| !dropped.contains(name)).cloned())
        .chain(
            before
                .iter()
                .filter(|name| branch_of(name).is_some())
                .cloned(),
        )
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    lacking.retain(|name| seen.insert(name.clone()));
    if lacking.is_empty() && with.is_empty() {
        already_there(present, draft);
    } else {
        if !super::repair::boot_space(present, draft) {
            return;
        }
        let only_modules = present.has_all(&branch.packages) && gone.is_empty() && !anew;
        let what = match &modules {
            Modules::Prebuilt(names) => shown(names),
            Modules::Built(_, what) => what.clone(),
        };
        let mut why = String::from("Without it no framework can use the card.");
        if !with.is_empty() {
            why.push_str(&format!(
                " In the same transaction what does not fit goes: {}.",
                shown(&with)
            ));
        }
        let (recipe, words): (&str, Vec<(&str, &str)>) = if only_modules {
            ("driver.modules", vec![("what", &what)])
        } else {
            (
                "driver.install",
                vec![
                    ("branch", branch.name.as_str()),
                    ("origin", origin_name),
                    ("why", &why),
                ],
            )
        };
        draft.step(
            recipe,
            &words,
            vec![are(&wanted, &gone)],
            released
                .into_iter()
                .chain([refresh(), packages(&lacking, &with)])
                .chain(hold_again(&again))
                .collect(),
        );
    }
    unblock(present, draft);
    own_kernel(present, nvidia, &modules, draft);
    if let Modules::Built(_, what) = &modules
        && present.secure_boot()
        && !present.driver_answers()
    {
        enrol(nvidia, what, draft);
    }
}

/// Everything is installed and the driver is not in use: a restart loads it.
fn already_there(present: &Present<'_>, draft: &mut Draft) {
    draft.satisfied("the driver's packages are there");
    let driver = &present.facts.drivers.nvidia;
    match (driver.loaded.value(), driver.user_space.value()) {
        _ if present
            .packages
            .runfile
            .value()
            .is_some_and(|traces| is_runfile(traces)) =>
        {
            draft.why("the driver in memory is the .run file's: a restart loads the packaged one");
        }
        (Some(loaded), Some(library)) if loaded != library => draft.why(format!(
            "the loaded module is {loaded}, its library {library}: a restart loads the new one"
        )),
        (None, _) => draft.why("the driver is installed and not loaded: a restart loads it"),
        _ => draft.why("the driver is loaded and does not answer: a restart loads it anew"),
    }
    draft.restart = Some(Restart::Now);
}

/// A driver that stays still needs modules for the kernel that the next boot starts.
fn later_kernels(
    present: &Present<'_>,
    nvidia: &NvidiaPlatform,
    branch: &Branch,
    draft: &mut Draft,
) {
    let Modules::Prebuilt(wanted) = modules(present, nvidia, branch) else {
        return;
    };
    let built = present
        .of_kind(&["nvidia-modules"])
        .iter()
        .any(|package| package.name.starts_with("nvidia-dkms-"));
    let lacking: Vec<String> = wanted
        .into_iter()
        .filter(|name| !present.packages.has(name))
        .collect();
    if lacking.is_empty() || (built && !present.secure_boot()) {
        return;
    }
    // Modules that DKMS built and this machine's key signed go on to be built.
    if built {
        return;
    }
    draft.step(
        "driver.modules",
        &[("what", &shown(&lacking))],
        vec![are(&lacking, &[])],
        vec![refresh(), packages(&lacking, &[])],
    );
}

/// The newest version within the branch, on wish.
fn upgrade(present: &Present<'_>, branch: &Branch, draft: &mut Draft) {
    if !present.wish.upgrade {
        return;
    }
    let loaded = present
        .facts
        .drivers
        .nvidia
        .loaded
        .value()
        .map_or("", String::as_str);
    if order(loaded, &branch.version) != Ordering::Less {
        draft.satisfied(format!(
            "driver {loaded} is as new as the archive's, as far as Deskside knows"
        ));
        return;
    }
    let names: Vec<String> = present
        .driver_packages()
        .iter()
        .filter(|package| {
            branch_of(&package.name).is_some() || branch.packages.contains(&package.name)
        })
        .map(|package| package.name.clone())
        .collect();
    let module = Check::Succeeds {
        command: crate::draft::command(
            ["dpkg", "--compare-versions", loaded, "ge", &branch.version],
            10,
        ),
    };
    if let Some(step) = draft.step(
        "driver.upgrade",
        &[("branch", &branch.name)],
        vec![module],
        vec![refresh(), packages(&names, &[])],
    ) {
        // Which version the archive holds is known only after its lists were fetched.
        step.verify = vec![are(&names, &[])];
    }
}
