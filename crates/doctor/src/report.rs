//! What a diagnosis says.

use deskside_knowledge::breakages::{Area, Severity};
use deskside_types::plan::Step;
use schemars::JsonSchema;
use serde::Serialize;

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// The evidence leaves no other cause.
    Proven,
    /// The evidence fits; rarer causes would look the same.
    Likely,
    /// It is surely broken; what for could not be told.
    CauseUnknown,
}

/// A line that proves something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EvidenceLine {
    /// The fact, file or command.
    pub source: String,
    /// What it says there.
    pub text: String,
}

/// What follows from a finding and goes away with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Consequence {
    /// The breakage.
    pub id: String,
    /// What is broken, in a phrase.
    pub title: String,
}

/// Something that would look the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RuledOut {
    /// The breakage, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What it is, in a phrase.
    pub title: String,
    /// Why it is not this one, or what would tell them apart.
    pub why: String,
    /// It is surely not this one.
    pub surely: bool,
    /// What shows it.
    pub evidence: Vec<EvidenceLine>,
}

/// Something that could not be seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct NotSeen {
    /// What, in a phrase: `the kernel's log`.
    pub what: String,
    /// Why.
    pub reason: String,
    /// How to let it see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// A way to mend a finding, filled in for this machine.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FixOffer {
    /// What is done, as an imperative phrase.
    pub title: String,
    /// Steps of a plan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// Deskside's own command that plans it, without the program's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deskside: Option<String>,
    /// Commands that a person runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// Why a person must do it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<String>,
    /// What else is to be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// `doctor --fix` carries it out.
    pub by_itself: bool,
    /// Root is needed.
    pub root: bool,
    /// A restart is needed.
    pub reboot: bool,
}

/// One root cause.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Finding {
    /// The breakage.
    pub id: String,
    /// What is broken, in a phrase.
    pub title: String,
    /// The layer it is in.
    pub area: Area,
    /// How bad it is.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// The cause.
    pub cause: String,
    /// What it means for whoever works on the machine.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub meaning: String,
    /// It is about what was asked: the failed command, the pasted error. Always true where nothing was asked.
    pub related: bool,
    /// Why it may have no part in the failure: what fits it was said before the error that ended the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aside: Option<String>,
    /// What proves it.
    pub evidence: Vec<EvidenceLine>,
    /// What follows from it.
    pub consequences: Vec<Consequence>,
    /// What looks the same.
    pub ruled_out: Vec<RuledOut>,
    /// What would have to be seen to be sure.
    pub not_seen: Vec<NotSeen>,
    /// How it is mended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<FixOffer>,
    /// A command that shows it is mended, and what it says then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<(String, String)>,
    /// Where this is known from.
    pub sources: Vec<String>,
}

impl Finding {
    /// It is about what was asked, and not only about what was said on the way.
    pub fn accounts(&self) -> bool {
        self.related && self.aside.is_none()
    }
}

/// A cause that fits an error, and that could neither be proven nor ruled out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Suspect {
    /// The breakage.
    pub id: String,
    /// What would be broken, in a phrase.
    pub title: String,
    /// What would have to be seen to tell.
    pub not_seen: Vec<NotSeen>,
}

/// An error that was recognised, and none of its known causes is surely there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unexplained {
    /// The lines that were recognised.
    pub lines: Vec<EvidenceLine>,
    /// What it may be: nothing is claimed, and nothing could be ruled out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub possible: Vec<Suspect>,
    /// What it is not.
    pub ruled_out: Vec<RuledOut>,
}

/// One layer at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AreaState {
    /// Nothing was found.
    Fine,
    /// Worth knowing.
    Noted,
    /// Something could be better.
    Warned,
    /// Something does not work.
    Broken,
    /// It could not be seen.
    Unseen,
}

/// What a diagnosis came to.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Diagnosis {
    /// Root causes: what was asked about first, then in the order to mend them.
    pub findings: Vec<Finding>,
    /// An error without a known cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unexplained: Option<Unexplained>,
    /// What could not be seen and would have mattered.
    pub not_seen: Vec<NotSeen>,
    /// Breakages that were considered on this machine.
    pub considered: usize,
}

impl Diagnosis {
    /// Whether anything does not work.
    pub fn has_errors(&self) -> bool {
        self.unexplained.is_some()
            || self
                .findings
                .iter()
                .any(|finding| finding.severity == Severity::Error)
    }
}
