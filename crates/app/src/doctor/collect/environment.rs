//! The check of environments as evidence: what `env check` finds from files alone is what rules and findings are made of.

use super::Places;
use deskside_doctor::Document;
use deskside_envs::check::{self, Check, Depth, Place};
use deskside_machine::Machine;
use deskside_types::Facts;
use std::path::Path;

/// An environment that was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The environment's folder.
    pub environment: String,
    /// What was found.
    pub check: Check,
}

/// Findings that rest on what metadata and settings say. The others rest on programs, libraries and the whole of a folder,
/// which people who write a machine down by hand leave out or empty.
const FROM_WORDS: &[&str] = &[
    "another-environment-active",
    "conda-active",
    "cuda-mixed",
    "distribution-twice",
    "driver-too-old",
    "flavours-exclude-each-other",
    "frameworks-of-two-cudas",
    "gpu-unused",
    "jax-plugin-version",
    "library-path",
    "lock-edited",
    "numpy-interface",
    "old-cxx-library",
    "path-file-leads-nowhere",
    "python-home",
    "python-path",
    "python-version-differs",
    "requirement-missing",
    "torch-pair",
    "user-site",
];

/// Checks the project's environment.
pub(super) fn checked(machine: &dyn Machine, facts: &Facts, places: &Places) -> Option<Checked> {
    let environment = places.environment.clone()?;
    let folder = Path::new(&environment);
    // An environment that is not the project's own is not compared with the project's files.
    let project = match (&places.expected, &places.project) {
        (Some(_), _) => folder,
        (None, Some(project)) => Path::new(project),
        (None, None) => folder.parent().unwrap_or(folder),
    };
    let place = Place {
        environment: folder,
        project,
        extras: &places.extras,
        groups: &places.groups,
    };
    let mut check = check::check(machine, &place, facts, Depth::Sizes);
    if machine.is_synthetic() {
        check
            .findings
            .retain(|finding| FROM_WORDS.contains(&finding.id.as_str()));
    }
    Some(Checked { environment, check })
}

/// A line for each finding, `id: cause`, with its evidence and `mend: COMMAND` behind it.
pub(super) fn documents(checked: Option<&Checked>) -> Vec<Document> {
    let Some(checked) = checked else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for finding in &checked.check.findings {
        lines.push(format!("{}: {}", finding.id, finding.cause));
        lines.extend(
            finding
                .evidence
                .iter()
                .map(|line| format!("  {}: {line}", finding.id)),
        );
        lines.extend(
            finding
                .mend
                .iter()
                .map(|command| format!("  {}: mend: {command}", finding.id)),
        );
    }
    // An environment that could not be read at all tells nothing; a part of it that could not be read is said elsewhere.
    if lines.is_empty()
        && checked.check.looked_at.distributions == 0
        && let Some(reason) = checked.check.not_looked_at.first()
    {
        return vec![Document::unseen(
            checked.environment.clone(),
            reason.clone(),
        )];
    }
    vec![Document::text(
        checked.environment.clone(),
        lines.join("\n"),
    )]
}
