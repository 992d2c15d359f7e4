//! Breakages: what goes wrong on such machines, how each is proven, and the way back. One data file a breakage under
//! `data/breakages/`; a file in that folder is part of the program without a line of Rust.

mod recipe;

pub(crate) use recipe::as_bytes;
pub use recipe::{Fix, RecipeError, RecipeStep, text};

use crate::predicate::{self, Pattern, Predicate, Sighting};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A breakage.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Breakage {
    /// Its stable identity, the file's name.
    pub id: String,
    /// What is broken, in a phrase. It and every other text may name values: `{{kernel}}`.
    pub title: String,
    /// The layer it is in.
    pub area: Area,
    /// Where it can happen: `linux`, `macos`, `wsl`. Everywhere when empty.
    #[serde(default)]
    pub platforms: Vec<String>,
    /// How bad it is.
    pub severity: Severity,
    /// When it is less bad: the first that surely holds decides.
    #[serde(default)]
    pub milder: Vec<Milder>,
    /// The cause, in a sentence or two.
    pub cause: String,
    /// What it means for whoever works on the machine.
    #[serde(default)]
    pub meaning: String,
    /// Patterns of the texts that people see, in all their generations. They make it a candidate and prove nothing.
    #[serde(default)]
    pub symptoms: Vec<Pattern>,
    /// What proves the cause.
    pub proof: Predicate,
    /// What the proof is worth.
    #[serde(default)]
    pub certainty: Certainty,
    /// Where this holds, or could not be seen, other causes are possible and rarer, as with a certainty of `likely`.
    pub likely_when: Option<Predicate>,
    /// Where this holds it is there and has no part in what was asked about: the error names another place.
    pub beside_when: Option<Predicate>,
    /// What disproves it, each with why.
    #[serde(default)]
    pub rules_out: Vec<RuleOut>,
    /// The breakages that are its consequences, where it is proven.
    #[serde(default)]
    pub explains: Vec<String>,
    /// What the check of environments finds that is this breakage: identities of its findings, which are then not said twice.
    #[serde(default)]
    pub covers: Vec<String>,
    /// What looks the same and is something else.
    #[serde(default)]
    pub look_alikes: Vec<LookAlike>,
    /// Values that are taken from facts and evidence, for texts and recipes.
    #[serde(default)]
    pub values: BTreeMap<String, Taken>,
    /// Ways to mend it; the first whose condition holds is offered.
    #[serde(default)]
    pub fix: Vec<Fix>,
    /// How a person sees that it is mended: a command and what it says then.
    pub verify: Option<Verify>,
    /// Where in the order of mending it stands, lower first; the area's own place when left out.
    pub order: Option<u8>,
    /// Where this is known from.
    pub sources: Vec<String>,
}

/// The layers of a machine, from the ground up: what is below is mended first.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Deserialize,
    serde::Serialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Area {
    /// Disk, memory, limits, kernel, boot.
    System,
    /// apt and dpkg.
    Packages,
    /// NVIDIA's driver and the device itself.
    Driver,
    /// AMD's driver and ROCm.
    Amd,
    /// Windows Subsystem for Linux.
    Wsl,
    /// CUDA toolkit, compilers, system libraries.
    Toolkit,
    /// Python, environments, frameworks.
    Environment,
    /// Apple silicon, Metal, MLX.
    Apple,
    /// Rented machines and SSH.
    Remote,
}

impl Area {
    /// All, from the ground up.
    pub const ALL: &'static [Self] = &[
        Self::System,
        Self::Packages,
        Self::Driver,
        Self::Amd,
        Self::Wsl,
        Self::Toolkit,
        Self::Environment,
        Self::Apple,
        Self::Remote,
    ];

    /// Its place in the order of mending.
    pub fn order(self) -> u8 {
        match self {
            Self::System => 10,
            Self::Packages => 20,
            Self::Driver | Self::Amd | Self::Wsl => 30,
            Self::Toolkit => 40,
            Self::Environment => 50,
            Self::Apple => 60,
            Self::Remote => 70,
        }
    }
}

/// How bad a breakage is.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Deserialize,
    serde::Serialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Something does not work.
    Error,
    /// Something works less well than it could, or will fail.
    Warning,
    /// Worth knowing; nothing is wrong.
    Notice,
}

/// What a proof is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// It leaves no other cause.
    #[default]
    Proven,
    /// Other causes are possible and rarer.
    Likely,
    /// It is surely broken, and what for is not known.
    CauseUnknown,
}

/// When a breakage is less bad: the other GPU works, or it is long past and nobody asks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Milder {
    /// When.
    pub when: Predicate,
    /// How bad it is then.
    pub severity: Severity,
}

/// What disproves a breakage.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleOut {
    /// When it is disproven.
    pub when: Predicate,
    /// Why that disproves it, in a sentence.
    pub why: String,
}

/// Something that looks the same.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookAlike {
    /// Its identity, where it is a breakage.
    pub id: Option<String>,
    /// What it is, where it is none.
    pub title: Option<String>,
    /// What tells the two apart.
    pub apart: String,
}

/// How a person sees that it is mended.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The command.
    pub run: String,
    /// What it says then.
    pub expect: String,
}

/// Where a value is taken from.
#[derive(Debug, Clone)]
pub enum Taken {
    /// A fact by its path, with `where` inside lists as in predicates: the field `take` of the first element that passes.
    Fact {
        /// The fact's path.
        path: String,
        /// Which places count.
        filter: Option<Predicate>,
        /// The field of the place that is taken.
        take: Option<String>,
    },
    /// The first group of lines of evidence.
    Seen(Sighting),
    /// The source (file, command) of lines of evidence.
    Source(Sighting),
}

impl<'de> Deserialize<'de> for Taken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let wrong = |text: String| serde::de::Error::custom(text);
        let Some(mut object) = value.as_object().cloned() else {
            return Err(wrong("a value is taken from `fact` or `seen`".into()));
        };
        let take = object
            .remove("take")
            .and_then(|take| take.as_str().map(String::from));
        if let Some(path) = object.get("fact").and_then(Value::as_str) {
            let filter = match object.get("where") {
                Some(filter) => {
                    Some(Predicate::from_value(filter).map_err(|error| wrong(error.to_string()))?)
                }
                None => None,
            };
            return Ok(Self::Fact {
                path: path.to_string(),
                filter,
                take,
            });
        }
        let sighting = Sighting::from_value(&Value::Object(object))
            .map_err(|error| wrong(error.to_string()))?;
        Ok(if take.as_deref() == Some("source") {
            Self::Source(sighting)
        } else {
            Self::Seen(sighting)
        })
    }
}

impl Taken {
    /// The values it stands for in a scene, in the order they are found, each once.
    pub fn values(&self, root: &Value) -> Vec<String> {
        let mut values = match self {
            Self::Fact { path, filter, take } => {
                predicate::values(root, path, filter.as_ref(), take.as_deref())
            }
            Self::Seen(sighting) => sighting
                .found(root)
                .into_iter()
                .map(|one| one.value)
                .collect(),
            Self::Source(sighting) => sighting
                .found(root)
                .into_iter()
                .map(|one| one.source)
                .collect(),
        };
        let mut seen = std::collections::BTreeSet::new();
        values.retain(|value: &String| seen.insert(value.clone()));
        values
    }
}

impl Breakage {
    /// Its place in the order of mending.
    pub fn mended_at(&self) -> u8 {
        self.order.unwrap_or_else(|| self.area.order())
    }
}

const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/breakages.rs"));

/// Every breakage, by identity.
pub fn breakages() -> &'static [Breakage] {
    static BREAKAGES: OnceLock<Vec<Breakage>> = OnceLock::new();
    // The files are part of the program and a test reads each, so none is passed over here.
    BREAKAGES.get_or_init(|| {
        FILES
            .iter()
            .filter_map(|(_, text)| toml::from_str(text).ok())
            .collect()
    })
}

/// The breakage of an identity.
pub fn breakage(id: &str) -> Option<&'static Breakage> {
    breakages().iter().find(|one| one.id == id)
}

#[cfg(test)]
mod tests;
