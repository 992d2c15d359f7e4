//! Giving a project a framework: one extra for each of its builds.

use super::project::framework_of;
use crate::Context;
use deskside_envs::build::specifier::requirement;
use deskside_envs::manifest::Manifest;
use deskside_envs::manifest::variants::{Framework, variants};
use deskside_knowledge::frameworks;
use deskside_machine::{ErrorKind, Machine, Reading};
use deskside_types::{Code, Problem, Result};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long an index is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// Which of PyTorch's own indexes answer; each host is asked once.
pub(super) struct Reach<'a> {
    machine: &'a dyn Machine,
    root: String,
    answers: RefCell<BTreeMap<String, bool>>,
    dead: RefCell<Option<String>>,
}

impl<'a> Reach<'a> {
    pub fn new(context: &'a Context) -> Self {
        let machine = &*context.machine;
        Self {
            machine,
            root: machine
                .variable("DESKSIDE_PYTORCH_INDEX")
                .filter(|text| !text.trim().is_empty())
                .unwrap_or_else(|| frameworks::indexes().pytorch.url.clone()),
            answers: RefCell::default(),
            dead: RefCell::default(),
        }
    }

    /// The root of PyTorch's own indexes.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Whether the index of a build answers.
    pub fn answers(&self, name: &str) -> bool {
        if self.dead.borrow().is_some() {
            return false;
        }
        if let Some(known) = self.answers.borrow().get(name) {
            return *known;
        }
        let page = format!("{}/{name}/torch/", self.root.trim_end_matches('/'));
        let answers = match self.machine.fetch(&page, "text/html", 4 << 20, PATIENCE) {
            Ok(_) => true,
            Err(error) if error.kind == ErrorKind::TooLarge => true,
            Err(error) => {
                // A server that is there and has not this page is no reason to give the others up.
                if !matches!(error.kind, ErrorKind::Absent | ErrorKind::Denied) {
                    *self.dead.borrow_mut() = Some(error.detail);
                }
                false
            }
        };
        self.answers.borrow_mut().insert(name.to_string(), answers);
        answers
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
    framework: Framework,
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
    let mut companions = Vec::new();
    for name in framework
        .companions()
        .iter()
        .filter(|name| **name != framework.word())
    {
        companions.extend(manifest.take_dependency(name));
    }
    if companions.is_empty() {
        // Called again, they stand in the extras.
        for line in manifest.extras().values().flatten() {
            let is_companion = requirement(line).is_some_and(|(name, _)| {
                name != framework.word() && framework.companions().contains(&name.as_str())
            });
            if is_companion && !companions.contains(line) {
                companions.push(line.clone());
            }
        }
    }
    let all = variants(framework, &own, &companions, reach.root(), &|name| {
        reach.answers(name)
    });
    let sourced: Vec<String> = std::iter::once(framework.word().to_string())
        .chain(
            companions
                .iter()
                .filter_map(|line| requirement(line).map(|(name, _)| name)),
        )
        .collect();
    manifest.set_variants(&all, &sourced);
    Ok(match framework {
        Framework::Torch => reach.trouble().into_iter().collect(),
        _ => Vec::new(),
    })
}

/// Takes a framework out; answers whether it was there.
pub(super) fn take(manifest: &mut Manifest, framework: Framework) -> bool {
    match framework_of(&manifest.extras()) {
        Some((own, names)) if own == framework => {
            let sourced: Vec<String> = framework
                .companions()
                .iter()
                .map(|name| (*name).to_string())
                .collect();
            manifest.remove_variants(&names, &sourced);
            true
        }
        _ => false,
    }
}

fn conflict(there: Framework, wanted: Framework) -> Problem {
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
