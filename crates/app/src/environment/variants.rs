//! Giving a project a framework: one extra for each of its builds.

use super::extra::framework_of;
use crate::Context;
use deskside_envs::build::specifier::requirement;
use deskside_envs::build::{self, Flavour, IndexChoice, Wish};
use deskside_envs::manifest::{Manifest, Variant};
use deskside_machine::{ErrorKind, Machine, Reading};
use deskside_types::{Code, Problem, Result};
use std::cell::RefCell;
use std::time::Duration;

/// How long an index is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// Packages that come in the same build as a framework, and from the same index.
pub(super) fn companions(framework: Flavour) -> &'static [&'static str] {
    match framework {
        Flavour::Torch => &["torchvision", "torchaudio"],
        _ => &[],
    }
}

/// Which of PyTorch's own indexes answer; a server that does not answer is asked once.
pub(super) struct Reach<'a> {
    machine: &'a dyn Machine,
    dead: RefCell<Option<String>>,
}

impl<'a> Reach<'a> {
    pub fn new(context: &'a Context) -> Self {
        Self {
            machine: &*context.machine,
            dead: RefCell::default(),
        }
    }

    /// Whether an index answers.
    fn answers(&self, index: &IndexChoice) -> bool {
        if self.dead.borrow().is_some() {
            return false;
        }
        let page = format!("{}/torch/", index.url.trim_end_matches('/'));
        match self.machine.fetch(&page, "text/html", 4 << 20, PATIENCE) {
            Ok(_) => true,
            Err(error) if error.kind == ErrorKind::TooLarge => true,
            // A server that is there and has not this page is no reason to give the others up.
            Err(error)
                if matches!(
                    error.kind,
                    ErrorKind::Status | ErrorKind::Absent | ErrorKind::Denied
                ) =>
            {
                false
            }
            Err(error) => {
                *self.dead.borrow_mut() = Some(error.detail);
                false
            }
        }
    }

    /// Why none answers, in a sentence; none where all did.
    pub fn trouble(&self) -> Option<String> {
        let detail = self.dead.borrow().clone()?;
        Some(format!(
            "PyTorch's own indexes can't be reached ({detail}): only the default index's build is among the extras; run `deskside env add torch` again where they answer"
        ))
    }
}

/// Gives a project a framework; answers with what a person should know.
///
/// # Errors
/// [`Code::FrameworksConflict`] when it has another framework whose CUDA is of another major version.
pub(super) fn give(
    manifest: &mut Manifest,
    framework: Flavour,
    bounds: &str,
    reach: &Reach<'_>,
) -> Result<Vec<String>> {
    if let Some((other, _)) = framework_of(&manifest.extras())
        && other != framework
    {
        return Err(conflict(other, framework));
    }
    // What was a plain dependency becomes part of each build.
    let mut own = bounds.to_string();
    for old in manifest.take_dependency(framework.word()) {
        if own.is_empty()
            && let Some((_, specifiers)) = requirement(&old)
        {
            own = specifiers;
        }
    }
    let beside = companions(framework);
    let is_companion =
        |line: &str| requirement(line).is_some_and(|(name, _)| beside.contains(&name.as_str()));
    let mut along = Vec::new();
    for name in beside {
        along.extend(manifest.take_dependency(name));
    }
    // Called again, they stand in the extras.
    for line in manifest.extras().values().flatten() {
        let bare = line.split(';').next().unwrap_or(line).trim().to_string();
        if is_companion(&bare) && !along.contains(&bare) {
            along.push(bare);
        }
    }
    let wish = Wish {
        flavour: Some(framework),
        python: manifest.requires_python().map(String::from),
        framework: own,
        ..Wish::default()
    };
    let wish = build::with_mirror(reach.machine, wish);
    let known = build::variants(framework, &wish);
    if known.is_empty() {
        return Err(Problem::new(
            Code::NoFittingBuild,
            format!(
                "no build of {} {} is known",
                framework.word(),
                wish.framework
            ),
        )
        .hint(format!(
            "see what there is: deskside env why {}",
            framework.word()
        )));
    }
    let extras = manifest.extras();
    let mut all = Vec::new();
    for variant in known {
        // What the project has already stays as it is, bounds and all, whether its index answers now or not.
        let there = extras.get(&variant.extra).filter(|_| bounds.is_empty());
        if there.is_none()
            && variant
                .index
                .as_ref()
                .is_some_and(|index| !reach.answers(index))
        {
            continue;
        }
        let marked = |requirement: &str| match &variant.marker {
            Some(marker) => format!("{requirement}; {marker}"),
            None => requirement.to_string(),
        };
        let own = there.and_then(|lines| {
            lines
                .iter()
                .find(|line| requirement(line).is_some_and(|(name, _)| name == framework.word()))
                .cloned()
        });
        all.push(Variant {
            requirements: std::iter::once(own.unwrap_or_else(|| marked(&variant.requirement)))
                .chain(along.iter().map(|line| marked(line)))
                .collect(),
            extra: variant.extra,
            index: variant.index,
            marker: variant.marker.clone(),
        });
    }
    let sourced: Vec<String> = std::iter::once(framework.word().to_string())
        .chain(
            along
                .iter()
                .filter_map(|line| requirement(line).map(|(name, _)| name)),
        )
        .collect();
    manifest.set_variants(&all, &sourced);
    Ok(match framework {
        Flavour::Torch => reach.trouble().into_iter().collect(),
        _ => Vec::new(),
    })
}

/// Takes a framework out; answers whether it was there.
pub(super) fn take(manifest: &mut Manifest, framework: Flavour) -> bool {
    match framework_of(&manifest.extras()) {
        Some((own, names)) if own == framework => {
            let sourced: Vec<String> = std::iter::once(framework.word())
                .chain(companions(framework).iter().copied())
                .map(String::from)
                .collect();
            manifest.remove_variants(&names, &sourced);
            true
        }
        _ => false,
    }
}

fn conflict(there: Flavour, wanted: Flavour) -> Problem {
    Problem::new(
        Code::FrameworksConflict,
        format!(
            "{} and {} don't go into one environment",
            there.word(),
            wanted.word()
        ),
    )
    .because(
        "each brings CUDA libraries of its own, and of two major versions only one can be loaded",
    )
    .hint(format!(
        "use a project of its own for {}: mkdir other && deskside env init other --flavour {}",
        wanted.word(),
        wanted.word()
    ))
    .hint(format!(
        "or take {} out first: deskside env remove {}",
        there.word(),
        there.word()
    ))
}
