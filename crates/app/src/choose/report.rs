//! The answer of `choose`.

use super::runs::SoftwareAt;
use crate::Answer;
use deskside_advise::choose::{Against, Choice};
use deskside_advise::cost::Term;
use deskside_advise::fit::advice::Place;
use deskside_advise::fit::verdict::Verdict;
use deskside_types::Problem;
use deskside_types::range::Range;
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `choose`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ChooseReport {
    /// What was asked, as it was understood.
    pub asked: AskedReport,
    /// The recommendation.
    pub choice: Choice,
    /// The currency of every sum.
    pub currency: String,
    /// The platforms: those that qualify first, cheapest first.
    pub platforms: Vec<PlatformReport>,
    /// What was assumed because nobody said it.
    pub assumptions: Vec<String>,
    /// What all sums are counted by: taxes, months, the days of the prices.
    pub conventions: Vec<String>,
    /// What a person should know: old prices, exchange rates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Answer for ChooseReport {
    const SCHEMA: &'static str = "deskside.choose";
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AskedReport {
    /// The pieces of work.
    pub works: Vec<WorkReport>,
    /// Hours a week in all, on the accelerator that they are counted on.
    pub hours_a_week: f64,
    /// That accelerator.
    pub hours_on: String,
    /// The most that may be paid at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<f64>,
    /// The most that may be paid a month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_a_month: Option<f64>,
    /// It must be quiet.
    pub quiet: bool,
    /// It must be usable from anywhere.
    pub portable: bool,
    /// Software that the code rests on.
    pub code: Vec<CodeReport>,
}

/// A piece of work.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct WorkReport {
    /// In words.
    pub label: String,
    /// In more words: batch, tokens, optimizer.
    pub how: String,
    /// What the model was read from.
    pub read_from: String,
    /// Hours a week.
    pub hours_a_week: f64,
}

/// Software that the code rests on.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CodeReport {
    /// Its name.
    pub software: String,
    /// Where that was seen; `as given` where the person said so.
    pub seen: Vec<String>,
}

/// A cell of the comparison: what it says and why.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Cell {
    /// What it says.
    pub value: String,
    /// Why.
    pub because: String,
}

impl Cell {
    pub(super) fn new(value: impl Into<String>, because: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            because: because.into(),
        }
    }
}

/// A platform.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PlatformReport {
    /// Its short name: what `--why` takes.
    pub id: String,
    /// In words.
    pub name: String,
    /// The kind of platform.
    pub kind: String,
    /// The accelerators that are counted with.
    pub accelerator: String,
    /// Nothing stands against it.
    pub qualifies: bool,
    /// Whether all of the work fits.
    pub fits: Cell,
    /// How fast it is, by estimate, at the first piece of work.
    pub speed: Cell,
    /// Money a month, everything in it.
    pub month: Cell,
    /// The same as numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub money_a_month: Option<Range>,
    /// What of it is paid each month: without the price, spread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_a_month: Option<f64>,
    /// What is paid at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capital: Option<Range>,
    /// The terms of a month.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<Term>,
    /// Hours a week that the work takes there.
    pub hours_a_week: Cell,
    /// What one mainly works with.
    pub driver: Cell,
    /// What it is best for.
    pub best_for: Cell,
    /// Its main drawback.
    pub drawback: Cell,
    /// How loud it is where the person is.
    pub noise: Cell,
    /// Whether it can be worked with from anywhere.
    pub portable: Cell,
    /// Whether all of the code runs there.
    pub code: Cell,
    /// What of it does not run whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub software: Vec<SoftwareAt>,
    /// Each piece of work.
    pub works: Vec<WorkAt>,
    /// What stands against it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub against: Vec<Against>,
}

/// A piece of work at a platform.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct WorkAt {
    /// In words.
    pub label: String,
    /// Whether it fits; none where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Bytes needed on one accelerator.
    pub needed_bytes: f64,
    /// Nine of ten times it needs more than this.
    pub needed_low_bytes: f64,
    /// Nine of ten times it needs less than this.
    pub needed_high_bytes: f64,
    /// Bytes on one accelerator that may surely be used.
    pub memory_bytes: f64,
    /// Tokens a second, by estimate: generated, or trained on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_second: Option<f64>,
    /// How far that may be off, as a factor, in nine of ten cases.
    pub speed_factor: f64,
    /// The speed rests on what was measured on this machine.
    pub measured_here: bool,
    /// The cheapest change that would make it fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// Why it can't be judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

impl WorkAt {
    /// A piece of work that can't be judged there.
    pub(super) fn untold(label: &str, place: &Place, problem: &Problem) -> Self {
        Self {
            label: label.into(),
            verdict: None,
            needed_bytes: 0.0,
            needed_low_bytes: 0.0,
            needed_high_bytes: 0.0,
            memory_bytes: place.surely,
            tokens_per_second: None,
            speed_factor: 1.0,
            measured_here: false,
            change: None,
            trouble: Some(problem.message.clone()),
        }
    }
}
