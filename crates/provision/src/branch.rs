//! Which driver branch drives all cards, and which kernel modules of it there are for this machine's kernels.

use crate::present::{Present, card_name};
use deskside_knowledge::hardware::{KernelModules, nvidia_architecture, nvidia_architectures};
use deskside_knowledge::platforms::{Branch, NvidiaPlatform, branch_number};
use deskside_types::facts::Gpu;

/// What comes of choosing.
pub(crate) enum Choice<'a> {
    /// This branch.
    Branch(&'a Branch, String),
    /// None, and why.
    None(String),
}

/// Where the driver's kernel modules come from.
pub(crate) enum Modules {
    /// Prebuilt and signed, one package a kernel flavour.
    Prebuilt(Vec<String>),
    /// Built on this machine: packages, and for what there are no prebuilt ones.
    Built(Vec<String>, String),
}

/// Whether a branch drives a card; unknown where nothing is known of the card.
pub(crate) fn drives(card: &Gpu, branch: &Branch) -> Option<bool> {
    let architecture = card
        .compute_capability
        .value()
        .and_then(|capability| nvidia_architecture(capability))
        .or_else(|| {
            let name = card.architecture.value()?;
            nvidia_architectures().iter().find(|row| row.name == *name)
        })?;
    let by_modules = match architecture.kernel_modules {
        KernelModules::Proprietary => !branch.is_open(),
        KernelModules::Open => branch.is_open() && branch.number() >= 570,
        KernelModules::Either => true,
        KernelModules::Jetson => false,
    };
    let by_age = architecture
        .last_driver_branch
        .as_ref()
        .is_none_or(|last| branch.number() <= branch_number(last));
    // The archive's own list of cards knows exceptions within an architecture.
    let listed =
        ["470", "580", "580-open", "595", "595-open", "615-open"].contains(&branch.name.as_str());
    let by_list =
        card.driver_branches.is_empty() || !listed || card.driver_branches.contains(&branch.name);
    Some(by_modules && by_age && by_list)
}

/// The branch for all cards: the one that is wished, else the one that is there and fits, else the preferred one.
pub(crate) fn choose<'a>(
    present: &Present<'_>,
    nvidia: &'a NvidiaPlatform,
    cards: &[&Gpu],
    there: Option<&str>,
) -> Choice<'a> {
    let mut names: Vec<String> = Vec::new();
    for card in cards {
        let name = card_name(card);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let names = names.join(" and ");
    let on_server = there.is_some_and(|there| there.contains("-server"));
    if let Some(unknown) = cards.iter().find(|card| {
        nvidia
            .branches
            .iter()
            .all(|branch| drives(card, branch).is_none())
    }) {
        return Choice::None(format!(
            "{} is in no table that Deskside has, so no driver is chosen for it; NVIDIA's page of supported products names its branch",
            card_name(unknown)
        ));
    }
    let serves = |branch: &Branch| {
        branch.name.contains("-server") == on_server
            && cards.iter().all(|card| drives(card, branch) == Some(true))
    };
    if let Some(wished) = &present.wish.driver {
        return as_wished(present, nvidia, cards, wished, &names, &serves);
    }
    if let Some(branch) = nvidia
        .branches
        .iter()
        .find(|branch| there == Some(branch.name.as_str()) && serves(branch))
    {
        return Choice::Branch(
            branch,
            format!("driver {} is there and drives {names}", branch.name),
        );
    }
    match nvidia.branches.iter().find(|branch| serves(branch)) {
        Some(branch) => Choice::Branch(branch, reason(branch, cards, &names)),
        None => Choice::None(impossible(present, nvidia, cards, &names)),
    }
}

/// The branch that a person asked for, in its own form, else in its open one.
fn as_wished<'a>(
    present: &Present<'_>,
    nvidia: &'a NvidiaPlatform,
    cards: &[&Gpu],
    wished: &str,
    names: &str,
    serves: &dyn Fn(&Branch) -> bool,
) -> Choice<'a> {
    let meant: Vec<&Branch> = nvidia
        .branches
        .iter()
        .filter(|branch| branch.name == wished || branch.name.strip_suffix("-open") == Some(wished))
        .collect();
    if let Some(branch) = meant.iter().find(|branch| serves(branch)) {
        let form = if branch.name == wished {
            String::new()
        } else {
            " in its open form".into()
        };
        return Choice::Branch(
            branch,
            format!(
                "driver {wished}{form}, as you asked: {} branch; it drives {names}",
                branch.support
            ),
        );
    }
    let fitting: Vec<&str> = nvidia
        .branches
        .iter()
        .filter(|branch| serves(branch))
        .map(|branch| branch.name.as_str())
        .collect();
    let fitting = if fitting.is_empty() {
        "none".into()
    } else {
        fitting.join(", ")
    };
    if meant.is_empty() {
        return Choice::None(format!(
            "there is no driver {wished} for {}; for {names} {fitting} would do",
            present.platform.name
        ));
    }
    let mut dark: Vec<String> = Vec::new();
    for card in cards {
        let name = card_name(card);
        let driven = meant
            .iter()
            .any(|branch| drives(card, branch) == Some(true));
        if !driven && !dark.contains(&name) {
            dark.push(name);
        }
    }
    let dark = if dark.is_empty() {
        // Each is driven by one form of it, and none by the same.
        format!("{names} in one form")
    } else {
        dark.join(" and ")
    };
    Choice::None(format!(
        "driver {wished} does not drive {dark} on {}; for {names} {fitting} would do",
        present.platform.name
    ))
}

fn reason(branch: &Branch, cards: &[&Gpu], names: &str) -> String {
    let open_only = cards
        .iter()
        .any(|card| modules_of(card) == Some(KernelModules::Open));
    let closed_only = cards
        .iter()
        .any(|card| modules_of(card) == Some(KernelModules::Proprietary));
    let kind = if open_only {
        "the open kernel modules, the only ones that drive Blackwell"
    } else if closed_only && branch.number() == 470 {
        "the proprietary modules, and the last that drives Kepler; today's frameworks have no code for it"
    } else if closed_only
        && cards.len() > 1
        && cards
            .iter()
            .any(|card| modules_of(card) == Some(KernelModules::Either))
    {
        "the proprietary modules of the last branch that drives both generations"
    } else if closed_only {
        "the proprietary modules, the only ones that drive cards before Turing"
    } else {
        "the open kernel modules, NVIDIA's default"
    };
    format!(
        "driver {} for {names}: {} branch, with {kind}",
        branch.name, branch.support
    )
}

fn modules_of(card: &Gpu) -> Option<KernelModules> {
    let name = card.architecture.value()?;
    nvidia_architectures()
        .iter()
        .find(|row| row.name == *name)
        .map(|row| row.kernel_modules)
}

fn impossible(
    present: &Present<'_>,
    nvidia: &NvidiaPlatform,
    cards: &[&Gpu],
    names: &str,
) -> String {
    let alone: Vec<String> = cards
        .iter()
        .map(|card| {
            let branches: Vec<&str> = nvidia
                .branches
                .iter()
                .filter(|branch| {
                    drives(card, branch) == Some(true) && !branch.name.contains("-server")
                })
                .map(|branch| branch.name.as_str())
                .collect();
            if branches.is_empty() {
                format!("{} has none there", card_name(card))
            } else {
                format!("{} alone takes {}", card_name(card), branches.join(" or "))
            }
        })
        .collect();
    let alone = alone.join("; ");
    if cards.len() == 1 {
        return format!(
            "no driver in the archives for {} drives {names}",
            present.platform.name
        );
    }
    format!(
        "no one driver drives {names} together: {alone}. Take one out, or train on one and leave the other without a driver"
    )
}

/// Where the modules of a branch come from on this machine.
pub(crate) fn modules(present: &Present<'_>, nvidia: &NvidiaPlatform, branch: &Branch) -> Modules {
    let kernels = present.kernels();
    let mut packages: Vec<String> = Vec::new();
    let mut lacking = None;
    for (place, release) in kernels.iter().enumerate() {
        match set_for(present, nvidia, release) {
            Some(set) if set.branches.contains(&branch.name) => {
                if let Some(template) = &nvidia.modules {
                    let name = template
                        .replace("{branch}", &branch.name)
                        .replace("{flavour}", &set.flavour);
                    if !packages.contains(&name) {
                        packages.push(name);
                    }
                }
            }
            // The running kernel is left behind at the restart, the newest one is what counts.
            _ if place > 0 && !packages.is_empty() => {}
            _ => {
                lacking = Some(release.clone());
                break;
            }
        }
    }
    if lacking.is_none() && !packages.is_empty() {
        return Modules::Prebuilt(packages);
    }
    let mut built = vec![nvidia.dkms.replace("{branch}", &branch.name)];
    if nvidia.repository.is_some() {
        // The driver's own package brings its module sources.
        built.clear();
    }
    built.extend(headers(present, nvidia));
    Modules::Built(
        built,
        lacking.map_or_else(
            || format!("{}'s kernels", present.platform.name),
            |release| format!("kernel {release}"),
        ),
    )
}

/// The set of prebuilt modules that a kernel belongs to.
fn set_for<'a>(
    present: &Present<'_>,
    nvidia: &'a NvidiaPlatform,
    release: &str,
) -> Option<&'a deskside_knowledge::platforms::ModuleSet> {
    let flavour = release.splitn(3, '-').nth(2)?;
    let fitting: Vec<_> = nvidia
        .module_sets
        .iter()
        .filter(|set| set.flavour.split('-').next() == Some(flavour))
        .collect();
    let of_series = |set: &&&deskside_knowledge::platforms::ModuleSet| {
        release.starts_with(&format!("{}.", set.kernel))
    };
    let followed =
        |set: &&&deskside_knowledge::platforms::ModuleSet| present.packages.has(&set.image);
    fitting
        .iter()
        .find(|set| of_series(set) && followed(set))
        .or_else(|| fitting.iter().find(of_series))
        // An older kernel of a flavour that is followed: its package moves on to the newest one.
        .or_else(|| fitting.iter().find(followed))
        .copied()
}

/// Packages of headers for the kernels that modules are built for.
fn headers(present: &Present<'_>, nvidia: &NvidiaPlatform) -> Vec<String> {
    let lacking: Vec<String> = present
        .packages
        .kernels
        .value()
        .into_iter()
        .flatten()
        .filter(|kernel| {
            kernel.headers.value() == Some(&false) && present.kernels().contains(&kernel.release)
        })
        .map(|kernel| format!("linux-headers-{}", kernel.release))
        .collect();
    let mut names = Vec::new();
    if !nvidia.headers_by_release {
        let flavour = present
            .kernels()
            .first()
            .and_then(|release| release.splitn(3, '-').nth(2).map(str::to_string));
        let followed = nvidia
            .module_sets
            .iter()
            .find(|set| present.packages.has(&set.image))
            .map(|set| set.flavour.clone());
        if nvidia.headers.contains("{architecture}") {
            names.push(
                nvidia
                    .headers
                    .replace("{architecture}", present.dpkg_architecture()),
            );
        } else if let (Some(followed), true) = (followed, flavour.as_deref() == Some("generic")) {
            names.push(nvidia.headers.replace("{flavour}", &followed));
        }
    }
    names.extend(lacking);
    names.dedup();
    names
}
