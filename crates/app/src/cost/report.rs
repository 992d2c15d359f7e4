//! The answer of `cost` to one of its three questions.

use crate::Answer;
use deskside_advise::cost::break_even::BreakEven;
use deskside_advise::cost::{Comparison, Question, Term};
use deskside_types::range::Range;
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `cost`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CostReport {
    /// What was asked.
    pub question: Question,
    /// What the scenario is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The currency of every sum.
    pub currency: String,
    /// Month, year, tax, and how values over time are made comparable, in words.
    pub conventions: Vec<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// What the sums are of: `month` or `job`.
    pub span: String,
    /// The terms of owning; of a job, what it adds here.
    pub own: Vec<Term>,
    /// The terms of renting.
    pub rent: Vec<Term>,
    /// The sums in three cases: all in favour of owning, what is counted with, all against it.
    pub cases: Comparison,
    /// What else follows.
    pub figures: Figures,
    /// The inputs that would turn the verdict, nearest first, two at the most.
    pub flips: Vec<FlipReport>,
    /// Every input that was counted with.
    pub inputs: Vec<Input>,
    /// What was given and counts for nothing in this question, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// What a person should know: old prices, exchange rates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The offers that were looked at, cheapest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<OfferReport>,
    /// What was given, as a scenario's words; for writing it out.
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) words: Vec<(String, String)>,
}

/// The verdict.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Verdict {
    /// `buy`, `rent`, `keep`, `sell`, `here`, or `none` where what is known is too old to decide by.
    pub answer: String,
    /// It is the same at both ends of every range.
    pub firm: bool,
    /// In a sentence.
    pub sentence: String,
}

/// What follows from the sums.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(default)]
pub struct Figures {
    /// From how many busy hours a day owning costs less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub break_even: Option<BreakEven>,
    /// The same without cost of capital.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub break_even_nominal: Option<BreakEven>,
    /// The break-even as a share of all hours, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub break_even_share: Option<f64>,
    /// Days until what is saved has paid the price; interest and what it sells for left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payback_days: Option<f64>,
    /// The same in months of the convention.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payback_months: Option<f64>,
    /// The same in busy hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payback_busy_hours: Option<f64>,
    /// All that is saved less the price, worth today at the cost of capital.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_present_value: Option<f64>,
    /// Money in all over its years, without interest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_total_nominal: Option<f64>,
    /// The same rented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rent_total_nominal: Option<f64>,
    /// What owning saves in all, without interest; negative where it costs more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saving_nominal: Option<f64>,
    /// What a busy hour of the owned machine costs in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_per_busy_hour: Option<f64>,
    /// What the work of that hour costs rented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rent_per_busy_hour: Option<f64>,
    /// kWh a year at the wall; of a job, kWh that it adds.
    pub kwh: f64,
    /// Their money.
    pub electricity: f64,
    /// Of a job: hours until it is done here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub here_hours: Option<f64>,
    /// Of a job: hours until it is done on a rented machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rented_hours: Option<f64>,
    /// Of a job: what an hour sooner must be worth so that renting costs no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worth_of_an_hour: Option<f64>,
}

/// Where an input is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Measured on this machine.
    Measured,
    /// Given by the person.
    Given,
    /// From a dated table inside the program.
    Table,
    /// Assumed.
    Default,
    /// Not given, and nothing was to be assumed: it counts for nothing.
    LeftOut,
}

/// An input.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Input {
    /// Its key in a scenario.
    pub key: String,
    /// Its value, with the ends of its range.
    pub value: Range,
    /// Its unit.
    pub unit: String,
    /// Where it is from.
    pub origin: Origin,
    /// More about that, in words.
    pub because: String,
    /// The day or month it is of, where it is dated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
}

/// An input that would turn the verdict.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FlipReport {
    /// Its key in a scenario.
    pub key: String,
    /// What is counted with.
    pub from: f64,
    /// Where the verdict turns, all others as they are.
    pub to: f64,
    /// Its unit.
    pub unit: String,
    /// Where it is from.
    pub origin: Origin,
}

/// An offer of a rented accelerator.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct OfferReport {
    /// Who rents it out.
    pub provider: String,
    /// The accelerator.
    pub accelerator: String,
    /// `on-demand`, `secure`, `community`, `spot`, …
    pub tier: String,
    /// An hour of one accelerator, in the report's currency.
    pub per_hour: f64,
    /// The day it was seen.
    pub as_of: String,
}

impl Answer for CostReport {
    const SCHEMA: &'static str = "deskside.cost";
}

impl CostReport {
    /// The whole as a scenario that gives the same answer again: every input, with where it is from as a comment.
    pub fn scenario(&self) -> String {
        let mut lines = vec![
            "# A scenario of `deskside cost`: keep it, change it, run it again with --scenario."
                .into(),
            "# Once written here a value counts as given; the comment says where it was from."
                .into(),
        ];
        let question = match self.question {
            Question::Buy => "buy",
            Question::Keep => "keep",
            Question::Job => "job",
        };
        lines.push(format!("question = \"{question}\""));
        lines.push("assume = \"nothing\"".into());
        lines.push(format!("currency = \"{}\"", self.currency));
        let mut sections: Vec<(&str, Vec<String>)> = Vec::new();
        let mut put = |path: &'_ str, line: String| match path.split_once('.') {
            None => lines.push(line),
            Some((section, _)) => {
                let section = super::keys::KEYS
                    .iter()
                    .filter_map(|key| key.path.split_once('.'))
                    .map(|(section, _)| section)
                    .find(|known| *known == section)
                    .unwrap_or("exchange");
                match sections.iter_mut().find(|(name, _)| *name == section) {
                    Some((_, lines)) => lines.push(line),
                    None => sections.push((section, vec![line])),
                }
            }
        };
        let name = |path: &str| path.rsplit('.').next().unwrap_or(path).to_string();
        for (path, text) in &self.words {
            if !matches!(
                path.as_str(),
                "question"
                    | "assume"
                    | "currency"
                    | "electricity.country"
                    | "machine.resale_method"
                    | "machine.watts_at_the_wall"
            ) {
                put(path, format!("{} = {text}", name(path)));
            }
        }
        for input in self
            .inputs
            .iter()
            .filter(|input| !input.key.starts_with("exchange."))
        {
            let origin = match input.origin {
                Origin::Measured => "measured",
                Origin::Given => "given",
                Origin::Table => "table",
                Origin::Default => "default",
                Origin::LeftOut => "left out",
            };
            let dated = input
                .as_of
                .as_ref()
                .map_or(String::new(), |day| format!(", {day}"));
            put(
                &input.key,
                format!(
                    "{} = {}  # {}, {origin}: {}{dated}",
                    name(&input.key),
                    toml_of(input.value),
                    input.unit,
                    input.because.replace(['\n', '\r'], " ")
                ),
            );
        }
        for (section, inside) in sections {
            lines.push(String::new());
            lines.push(format!("[{section}]"));
            lines.extend(inside);
        }
        lines.push(String::new());
        lines.join("\n")
    }
}

/// A range as TOML that reads back as it is.
fn toml_of(range: Range) -> String {
    let number = |value: f64| format!("{value:?}");
    if range.is_exact() {
        number(range.base)
    } else {
        format!(
            "{{ low = {}, base = {}, high = {} }}",
            number(range.low),
            number(range.base),
            number(range.high)
        )
    }
}
