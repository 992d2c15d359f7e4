//! What the system layer lacks at a glance, for `info` and `up`: findings with the commands a person would run.
//!
//! Whether a driver fits card, kernel and Secure Boot, and how it is brought, is the planner's: [`crate::plan`].

use deskside_knowledge::predicate::Truth;
use deskside_knowledge::system::{Lack, lacks};
use deskside_types::Facts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the system layer lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Assessment {
    /// What is surely lacking.
    pub lacking: Vec<Lacking>,
    /// What can't be told, because a fact could not be seen.
    pub undecided: Vec<Undecided>,
}

/// Something that is lacking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lacking {
    /// Its stable, dotted identity.
    pub id: String,
    /// What, in a phrase.
    pub title: String,
    /// Why it matters.
    pub why: String,
    /// Accelerators can't be used while it lacks.
    pub blocks_accelerator: bool,
    /// Commands that a person would run, in order.
    pub commands: Vec<String>,
    /// What else is to be done or known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Where the advice is from.
    pub source: String,
}

/// Something that can't be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Undecided {
    /// What would be lacking.
    pub id: String,
    /// The facts that could not be seen, with the reasons.
    pub because: Vec<String>,
}

impl Assessment {
    /// Whether an accelerator that is there can't be used for now.
    pub fn blocks_accelerator(&self) -> bool {
        self.lacking
            .iter()
            .any(|lacking| lacking.blocks_accelerator)
    }
}

/// Judges the facts.
pub fn assess(facts: &Facts) -> Assessment {
    let facts = serde_json::to_value(facts).unwrap_or(Value::Null);
    let mut assessment = Assessment {
        lacking: Vec::new(),
        undecided: Vec::new(),
    };
    for lack in lacks() {
        match lack.when.evaluate(&facts) {
            Truth::True => assessment.lacking.push(lacking(lack, &facts)),
            Truth::False => {}
            Truth::Unknown(unseen) => assessment.undecided.push(Undecided {
                id: lack.id.clone(),
                because: unseen
                    .into_iter()
                    .map(|one| format!("{}: {}", one.fact, one.reason))
                    .collect(),
            }),
        }
    }
    assessment
}

fn lacking(lack: &Lack, facts: &Value) -> Lacking {
    let way = lack.ways.iter().find(|way| {
        way.when
            .as_ref()
            .is_none_or(|when| when.evaluate(facts).holds())
    });
    Lacking {
        id: lack.id.clone(),
        title: lack.title.clone(),
        why: lack.why.clone(),
        blocks_accelerator: lack.blocks_accelerator,
        commands: way.map(|way| way.commands.clone()).unwrap_or_default(),
        note: way.and_then(|way| way.note.clone()),
        source: lack.source.clone(),
    }
}
