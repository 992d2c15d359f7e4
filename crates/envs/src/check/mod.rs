//! Checking an environment from its files alone: no Python is started and nothing is imported.
//!
//! What is there is read once ([`scene`]), families of checks look at it, and [`fold`] leaves one finding for each root
//! cause with its consequences below it. What could not be looked at is said, never guessed.

mod cuda;
mod cut_off;
pub mod deep;
mod distributions;
mod files;
mod fold;
mod frameworks;
mod header;
mod interpreter;
mod libraries;
pub mod lock;
mod numpy;
mod overlap;
mod paths;
mod platform;
mod program;
mod requirements;
mod scene;
mod shadow;
mod stale;
mod tags;

pub use scene::Scene;

use deskside_machine::{Machine, Reading};
use deskside_types::Facts;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where an environment was made, if its programs start the Python of another place since it was moved or copied.
pub fn made_at(machine: &dyn Machine, environment: &Path) -> Option<PathBuf> {
    interpreter::moved_from(machine, environment).map(|(place, _)| place)
}

/// Where is checked.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The environment's folder.
    pub environment: &'a Path,
    /// The project's folder.
    pub project: &'a Path,
    /// The project's extras that are chosen for this machine.
    pub extras: &'a [String],
    /// The dependency groups that are installed on this machine, as far as that is noted.
    pub groups: &'a [String],
}

/// How thoroughly files are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Sizes; contents only of files that changed after they were installed.
    Sizes,
    /// The contents of every file.
    Hashes,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It does not work now.
    Broken,
    /// It fails as soon as it is used, or with the next change.
    WillBreak,
    /// It works, and is rarely meant.
    Suspicious,
}

/// One root cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// Its stable identity: `files-missing`.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// The cause, in a sentence.
    pub cause: String,
    /// What proves it: files with lines, or values.
    pub evidence: Vec<String>,
    /// What it means for whoever uses the environment.
    pub meaning: String,
    /// The commands that mend it, in order.
    pub mend: Vec<String>,
    /// What follows from it and goes away with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub consequences: Vec<String>,
    /// The distributions it is about: findings of a higher rank about the same are its consequences.
    #[serde(skip)]
    pub(crate) about: BTreeSet<String>,
    /// How near to the root it is; lower is nearer.
    #[serde(skip)]
    pub(crate) rank: Rank,
}

/// How near to the root a kind of finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// The interpreter and the environment's own layout.
    Interpreter,
    /// The shell's surroundings.
    Surroundings,
    /// Two of one name, half installed, of another Python.
    Installation,
    /// Kinds of CUDA, flavours that exclude each other.
    Family,
    /// Two distributions write one file.
    Overlap,
    /// Files missing or changed.
    Files,
    /// Another version than the lock file's.
    Lock,
    /// Versions that belong together, by what frameworks say.
    Pair,
    /// A requirement that is not met.
    Requirement,
    /// What importing and computing showed.
    Proof,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct LookedAt {
    /// Installed distributions.
    pub distributions: usize,
    /// Files of distributions.
    pub files: usize,
    /// Files whose contents were compared.
    pub hashed: usize,
    /// Requirements that hold for this Python and system.
    pub requirements: usize,
}

/// What a check came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Root causes, the worst first.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub looked_at: LookedAt,
    /// What could not be looked at, a sentence each.
    pub not_looked_at: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

impl Finding {
    fn new(rank: Rank, id: &str, severity: Severity, cause: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            severity,
            cause: cause.into(),
            evidence: Vec::new(),
            meaning: String::new(),
            mend: Vec::new(),
            consequences: Vec::new(),
            about: BTreeSet::new(),
            rank,
        }
    }

    fn evidence(mut self, line: impl Into<String>) -> Self {
        self.evidence.push(line.into());
        self
    }

    fn evidences(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.evidence.extend(lines);
        self
    }

    fn meaning(mut self, meaning: impl Into<String>) -> Self {
        self.meaning = meaning.into();
        self
    }

    fn mend(mut self, command: impl Into<String>) -> Self {
        self.mend.push(command.into());
        self
    }

    fn about<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.about.extend(names.into_iter().map(Into::into));
        self
    }
}

/// Checks an environment. Changes nothing and fails never: what can't be read is said in the answer.
pub fn check(machine: &dyn Machine, place: &Place<'_>, facts: &Facts, depth: Depth) -> Check {
    let begun = clock(machine);
    let scene = Scene::read(machine, place);
    let mut check = judge(&scene, facts, depth);
    check.took = clock(machine).saturating_sub(begun);
    check
}

/// Judges what was read.
pub fn judge(scene: &Scene<'_>, facts: &Facts, depth: Depth) -> Check {
    let begun = clock(scene.machine);
    let mut looked_at = LookedAt {
        distributions: scene.distributions.len(),
        ..LookedAt::default()
    };
    if let Some(finding) = cut_off::finding(scene) {
        return Check {
            findings: vec![finding],
            looked_at: LookedAt::default(),
            not_looked_at: vec!["the environment itself, which is half made".into()],
            took: clock(scene.machine).saturating_sub(begun),
        };
    }
    let mut findings = interpreter::findings(scene, facts);
    findings.extend(cut_off::left_over(scene));
    let platform = platform::of(scene, facts);
    // A folder that Python does not take for an environment has no packages, whatever lies in it.
    let is_environment = !findings.iter().any(|one| one.id == "settings-missing");
    if scene.site.is_some() && is_environment {
        findings.extend(distributions::findings(scene));
        findings.extend(paths::findings(scene));
        findings.extend(tags::findings(scene, &platform));
        let overlaps = overlap::overlaps(scene);
        findings.extend(overlap::findings(scene, &overlaps));
        findings.extend(files::findings(scene, depth, &overlaps, &mut looked_at));
        let graph = requirements::Graph::of(scene, &platform);
        looked_at.requirements = graph.edges.len();
        findings.extend(requirements::findings(scene, &graph));
        findings.extend(cuda::findings(scene, &graph));
        findings.extend(frameworks::findings(scene, facts, &graph));
        findings.extend(numpy::findings(scene, &graph));
        findings.extend(lock::findings(scene, &platform));
        findings.extend(shadow::findings(scene));
        findings.extend(libraries::findings(scene, facts));
    }
    findings.extend(stale::unreadable(scene));
    findings.extend(stale::findings(scene));
    Check {
        findings: fold::fold(findings),
        looked_at,
        not_looked_at: scene.unseen(),
        took: clock(scene.machine).saturating_sub(begun),
    }
}

fn clock(machine: &dyn Machine) -> Duration {
    machine.now().map(|now| now.monotonic).unwrap_or_default()
}

#[cfg(test)]
mod tests;
