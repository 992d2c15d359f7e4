//! What a person does, from options, a file, or both: checked, and turned into questions of `fit`.

use crate::fit::{FitRequest, TrainRequest};
use deskside_knowledge::choose::{Software, platforms, software, software_named};
use deskside_knowledge::models::{weight_format, weight_formats};
use deskside_knowledge::runtimes::{runtime_named, runtimes};
use deskside_types::spelling::nearest;
use deskside_types::{Code, Problem, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The most models times methods.
const MOST_WORKS: usize = 24;

/// The methods, as they are written.
pub const METHODS: &[&str] = &["inference", "full", "lora", "qlora", "scratch"];

/// What a person does and wants; nothing in it is required but a model.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wish {
    /// Models, as `fit` takes them.
    pub models: Vec<String>,
    /// What is done with each of them.
    pub methods: Vec<String>,
    /// Single pieces of work with options of their own, instead of or beside the two lists.
    pub work: Vec<WorkWish>,
    /// The weights' format.
    pub format: Option<String>,
    /// The framework.
    pub framework: Option<String>,
    /// Tokens of a sequence.
    pub context: Option<u32>,
    /// Sequences at once.
    pub batch: Option<u32>,
    /// Hours a week that an accelerator works.
    pub hours_a_week: Option<f64>,
    /// On which accelerator it takes these hours.
    pub hours_on: Option<String>,
    /// The most that may be paid at once.
    pub budget: Option<f64>,
    /// The most that may be paid a month.
    pub budget_a_month: Option<f64>,
    /// It must be quiet.
    pub quiet: bool,
    /// It must be usable from anywhere.
    pub portable: bool,
    /// Software that the code rests on.
    pub code: Vec<String>,
    /// A project whose files say it.
    pub project: Option<PathBuf>,
    /// Whose tariff.
    pub country: Option<String>,
    /// What a kWh costs.
    pub tariff: Option<f64>,
    /// The currency of all sums.
    pub currency: Option<String>,
    /// What platforms cost at once, by their short names.
    pub prices: BTreeMap<String, f64>,
}

/// One piece of work.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorkWish {
    /// The model.
    pub model: String,
    /// What is done with it; `inference` where nothing is said.
    pub method: Option<String>,
    /// The weights' format.
    pub format: Option<String>,
    /// The framework.
    pub framework: Option<String>,
    /// Tokens of a sequence.
    pub context: Option<u32>,
    /// Sequences at once.
    pub batch: Option<u32>,
    /// `none`, `selective`, `full`.
    pub checkpointing: Option<String>,
    /// The optimizer.
    pub optimizer: Option<String>,
    /// Hours a week; without it an equal share.
    pub hours_a_week: Option<f64>,
}

/// A piece of work as it is judged.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Work {
    /// In words.
    pub label: String,
    /// The question to `fit`.
    pub request: FitRequest,
    /// Hours a week on the accelerator that hours are counted on.
    pub hours: f64,
}

impl Wish {
    /// Reads one from TOML.
    ///
    /// # Errors
    /// [`Code::ChoiceUnclear`] with what is odd.
    pub fn parse(text: &str, from: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            unclear(format!("{from} can't be understood"))
                .because(error.message().replace('\n', " "))
                .hint("docs/choose.md lists every key")
        })
    }

    /// What another gives wins; lists of it replace lists.
    pub fn overlay(&mut self, other: Self) {
        macro_rules! lay {
            (options $($name:ident)+) => { $(if other.$name.is_some() { self.$name = other.$name; })+ };
            (lists $($name:ident)+) => { $(if !other.$name.is_empty() { self.$name = other.$name; })+ };
        }
        lay!(options format framework context batch hours_a_week hours_on budget budget_a_month project country tariff currency);
        if !other.models.is_empty() {
            self.work.clear();
        }
        lay!(lists models methods work code);
        self.quiet |= other.quiet;
        self.portable |= other.portable;
        self.prices.extend(other.prices);
    }

    /// Nothing says what is done.
    pub fn is_empty(&self) -> bool {
        self.models.is_empty() && self.work.is_empty()
    }

    /// Refuses what can't be.
    ///
    /// # Errors
    /// [`Code::ChoiceUnclear`].
    pub(super) fn check(&self) -> Result<()> {
        let week = super::WEEK;
        for (name, value, least, most) in [
            ("hours_a_week", self.hours_a_week, 0.1, week),
            ("budget", self.budget, 0.0, 1e9),
            ("budget_a_month", self.budget_a_month, 0.0, 1e9),
            ("tariff", self.tariff, 0.0, 100.0),
        ] {
            if let Some(value) = value
                && !(least..=most).contains(&value)
            {
                return Err(unclear(format!(
                    "{name} is {value}, and must be between {least} and {most}"
                )));
            }
        }
        for (what, name) in [("format", &self.format), ("framework", &self.framework)] {
            let known = name.as_deref().is_none_or(|name| match what {
                "format" => weight_format(name).is_some(),
                _ => runtime_named(name).is_some(),
            });
            if !known {
                let name = name.as_deref().unwrap_or_default();
                let all: Vec<&str> = match what {
                    "format" => weight_formats().map(|one| one.name).collect(),
                    _ => runtimes().iter().map(|one| one.name.as_str()).collect(),
                };
                return Err(unclear(format!("the {what} {name:?} is not known"))
                    .hint(format!("known are: {}", all.join(", "))));
            }
        }
        if let Some(hours) = self.hours_a_week {
            let said: f64 = self.work.iter().filter_map(|work| work.hours_a_week).sum();
            if said > hours * 1.001 && self.models.is_empty() {
                return Err(unclear(format!(
                    "the pieces of work take {said} hours a week, and hours_a_week is {hours}"
                ))
                .hint("leave hours_a_week away, or give every piece less"));
            }
        }
        if self.prices.contains_key("here") {
            return Err(
                unclear("this machine is paid already: no price of it counts")
                    .hint("`deskside cost keep --sells-for 900` asks whether to sell it"),
            );
        }
        for (id, price) in &self.prices {
            if !(price.is_finite() && *price > 0.0) {
                return Err(unclear(format!(
                    "the price of {id} is {price}, and must be above zero"
                )));
            }
            known_platform(id)?;
        }
        Ok(())
    }

    /// The software by name.
    pub(super) fn named_software(&self) -> Result<Vec<&'static Software>> {
        self.code
            .iter()
            .map(|name| {
                software_named(name).ok_or_else(|| {
                    let all: Vec<&str> = software().iter().map(|one| one.name.as_str()).collect();
                    let problem = unclear(format!("where {name:?} runs is not known"));
                    match nearest(name, all.iter().copied()) {
                        Some(meant) => problem.hint(format!("do you mean {meant:?}?")),
                        None => problem.hint(format!("known are: {}", all.join(", "))),
                    }
                })
            })
            .collect()
    }

    /// The work, with `hours` a week in all.
    pub(super) fn works(&self, hours: f64) -> Result<Vec<Work>> {
        let mut all = self.work.clone();
        let methods: &[String] = if self.methods.is_empty() {
            &["inference".to_string()]
        } else {
            &self.methods
        };
        for model in &self.models {
            for method in methods {
                all.push(WorkWish {
                    model: model.clone(),
                    method: Some(method.clone()),
                    ..WorkWish::default()
                });
            }
        }
        if all.is_empty() {
            return Err(unclear("nothing says what you do")
                .hint("`deskside choose --model Llama-3.1-8B --method inference --method qlora --hours 10`")
                .hint("or write it into a file: `deskside choose --scenario mine.toml` (docs/choose.md)"));
        }
        if all.len() > MOST_WORKS {
            return Err(unclear(format!(
                "{} pieces of work are more than {MOST_WORKS}",
                all.len()
            )));
        }
        let said: f64 = all.iter().filter_map(|work| work.hours_a_week).sum();
        let open = all
            .iter()
            .filter(|work| work.hours_a_week.is_none())
            .count();
        let each = ((hours - said) / open.max(1) as f64).max(0.1);
        all.iter()
            .map(|work| self.one(work, work.hours_a_week.unwrap_or(each)))
            .collect()
    }

    /// What was said for all of the work and can't be meant for some of it, in words.
    pub(super) fn left_out(&self) -> Vec<String> {
        let usual = ["inference".to_string()];
        let methods: &[String] = if self.methods.is_empty() && !self.models.is_empty() {
            &usual
        } else {
            &self.methods
        };
        let of_work = self.work.iter().map(|work| {
            let method = work.method.as_deref().unwrap_or("inference");
            (method, work.format.is_some(), work.framework.is_some())
        });
        let all: Vec<(&str, bool, bool)> = methods
            .iter()
            .filter(|_| !self.models.is_empty())
            .map(|method| (method.as_str(), false, false))
            .chain(of_work)
            .collect();
        let without = |takes: &dyn Fn(&(&str, bool, bool)) -> bool| {
            let mut left: Vec<&str> = all
                .iter()
                .filter(|one| !takes(one))
                .map(|one| one.0)
                .collect();
            left.dedup();
            left.join(", ")
        };
        let mut said = Vec::new();
        if let Some(name) = &self.format {
            let left = without(&|one| one.1 || takes_format(one.0, name));
            if !left.is_empty() {
                said.push(format!("the format {name} is not taken for {left}"));
            }
        }
        if let Some(name) = &self.framework {
            let left = without(&|one| one.2 || takes_framework(one.0, name));
            if !left.is_empty() {
                said.push(format!("the framework {name} is not taken for {left}"));
            }
        }
        said
    }

    fn one(&self, work: &WorkWish, hours: f64) -> Result<Work> {
        let method = work.method.as_deref().unwrap_or("inference");
        let train = match method {
            "inference" => None,
            "full" | "scratch" | "lora" | "qlora" => Some(TrainRequest {
                method: if method == "scratch" { "full" } else { method }.into(),
                optimizer: work.optimizer.clone(),
                checkpointing: work.checkpointing.clone(),
                ..TrainRequest::default()
            }),
            other => {
                let problem = unclear(format!("the method {other:?} is not known"));
                return Err(match nearest(other, METHODS.iter().copied()) {
                    Some(meant) => problem.hint(format!("do you mean {meant:?}?")),
                    None => problem.hint(format!("known are: {}", METHODS.join(", "))),
                });
            }
        };
        if !(hours.is_finite() && hours > 0.0 && hours <= super::WEEK) {
            return Err(unclear(format!("{hours} hours a week can't be")));
        }
        let mut request = FitRequest {
            format: work.format.clone().or_else(|| {
                self.format
                    .clone()
                    .filter(|name| takes_format(method, name))
            }),
            framework: work.framework.clone().or_else(|| {
                self.framework
                    .clone()
                    .filter(|name| takes_framework(method, name))
            }),
            context: work.context.or(self.context),
            batch: work.batch.or(self.batch),
            ..FitRequest::of(&work.model)
        };
        request.train = train;
        request.check()?;
        let words = match method {
            "inference" => "running",
            "full" => "training all of",
            "scratch" => "training from scratch",
            "lora" => "LoRA on",
            _ => "QLoRA on",
        };
        Ok(Work {
            label: format!("{words} {}", work.model),
            request,
            hours,
        })
    }
}

/// Whether a method can be meant with a format: what is trained whole is not quantised, what QLoRA stands on is.
fn takes_format(method: &str, format: &str) -> bool {
    let Some(format) = weight_format(format) else {
        return true;
    };
    let quantised = format.linear_bits < 12.0;
    match method {
        "full" | "scratch" => !quantised,
        "qlora" => quantised && format.kind != "gguf",
        "lora" => format.kind != "gguf",
        _ => true,
    }
}

/// Whether a framework does that at all.
fn takes_framework(method: &str, framework: &str) -> bool {
    method == "inference"
        || runtime_named(framework).is_some_and(|runtime| runtime.training_efficiency > 0.0)
}

/// A platform's short name.
///
/// # Errors
/// [`Code::ChoiceUnclear`] with the nearest.
pub(super) fn known_platform(id: &str) -> Result<()> {
    let ids = || {
        platforms()
            .iter()
            .map(|one| one.id.as_str())
            .chain(["here"])
    };
    if ids().any(|known| known == id) {
        return Ok(());
    }
    let problem = unclear(format!("there is no platform {id:?}"));
    Err(match nearest(id, ids()) {
        Some(meant) => problem.hint(format!("do you mean {meant}?")),
        None => problem.hint(format!(
            "known are: {}",
            ids().collect::<Vec<_>>().join(", ")
        )),
    })
}

pub(super) fn unclear(message: impl Into<String>) -> Problem {
    Problem::new(Code::ChoiceUnclear, message)
}
