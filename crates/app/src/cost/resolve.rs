//! Every input found: given, measured, from a table, assumed; in this order, and each said.

use super::age;
use super::history::History;
use super::report::{Input, Origin};
use super::scenario::{Scenario, invalid};
use crate::offers::Catalogue;
use deskside_advise::cost::{Field, Question, Ranges, Values};
use deskside_knowledge::prices::{assumed, exchange};
use deskside_types::Result;
use deskside_types::range::Range;
use jiff::civil::Date;
use std::borrow::Cow;

/// Where inputs are collected.
pub(super) struct Resolver<'a> {
    pub scenario: &'a Scenario,
    pub question: Question,
    pub currency: String,
    pub today: Date,
    /// What is not given counts for nothing, instead of what is usual.
    pub bare: bool,
    pub ranges: Ranges,
    pub inputs: Vec<Input>,
    pub warnings: Vec<String>,
    /// Why no verdict may rest on this.
    pub undecided: Option<String>,
    pub history: Option<History>,
    /// The offers that are looked at.
    pub catalogue: Option<Catalogue>,
    /// What is known of the machine that is looked at, beside the tables.
    pub offered: Option<Offered>,
}

/// A machine's own price and power, where the tables by accelerator would be too coarse.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Offered {
    /// USD for the card or the whole machine.
    pub price: Option<Range>,
    /// The price is of one card: the rest of a PC comes on top.
    pub card: bool,
    /// Watts of the whole at the wall.
    pub watts: Option<Range>,
    /// Month of the price.
    pub as_of: String,
    /// Where this is from, in words.
    pub because: String,
}

/// A value that was found.
pub(super) struct Found {
    pub value: Range,
    pub origin: Origin,
    pub because: String,
    pub as_of: Option<String>,
}

impl Found {
    pub fn table(value: Range, because: impl Into<String>, as_of: &str) -> Self {
        Self {
            value,
            origin: Origin::Table,
            because: because.into(),
            as_of: Some(as_of.into()),
        }
    }

    pub fn measured(value: f64, because: impl Into<String>) -> Self {
        Self {
            value: Range::exactly(value),
            origin: Origin::Measured,
            because: because.into(),
            as_of: None,
        }
    }

    pub fn left_out(neutral: f64) -> Self {
        Self {
            value: Range::exactly(neutral),
            origin: Origin::LeftOut,
            because: "nothing is assumed, as asked".into(),
            as_of: None,
        }
    }

    pub fn assumed(value: Range, because: impl Into<String>) -> Self {
        Self {
            value,
            origin: Origin::Default,
            because: because.into(),
            as_of: None,
        }
    }
}

impl<'a> Resolver<'a> {
    pub fn new(scenario: &'a Scenario, question: Question, today: Date) -> Self {
        let mut ranges = Values::all(Range::exactly(0.0));
        // What divides must never be zero, also where a question leaves it out.
        for field in [
            Field::Years,
            Field::Efficiency,
            Field::Speed,
            Field::SessionHours,
            Field::JobHours,
        ] {
            ranges.set(field, Range::exactly(1.0));
        }
        Self {
            scenario,
            question,
            currency: scenario.text("currency").unwrap_or("USD").to_string(),
            today,
            bare: scenario.text("assume") == Some("nothing"),
            ranges,
            inputs: Vec::new(),
            warnings: Vec::new(),
            undecided: None,
            history: None,
            catalogue: None,
            offered: None,
        }
    }

    /// The offers that are looked at; the built-in ones where nothing else was said.
    pub fn offers(&self) -> Cow<'_, Catalogue> {
        self.catalogue
            .as_ref()
            .map_or_else(|| Cow::Owned(Catalogue::built_in()), Cow::Borrowed)
    }

    /// What a person gave under a key.
    pub fn given(&self, path: &str) -> Option<Found> {
        Some(Found {
            value: self.scenario.number(path)?,
            origin: Origin::Given,
            because: self.scenario.from.join(", "),
            as_of: None,
        })
    }

    /// Counts with a value.
    pub fn put(&mut self, field: Field, found: Found) {
        self.ranges.set(field, found.value);
        let unit = field.unit(self.question).replace("money", &self.currency);
        self.list(field.key(self.question), &unit, found);
    }

    /// Lists a value that no field holds.
    pub fn list(&mut self, key: &str, unit: &str, found: Found) {
        self.inputs.push(Input {
            key: key.into(),
            value: found.value,
            unit: unit.into(),
            origin: found.origin,
            because: found.because,
            as_of: found.as_of,
        });
    }

    /// The given value of a field, else an assumption by its name; `neutral` where nothing is to be assumed.
    pub fn usual(&mut self, field: Field, assumption: &str, neutral: f64) {
        let path = field.key(self.question);
        let found = self
            .given(path)
            .unwrap_or_else(|| self.assumption(assumption, neutral));
        self.put(field, found);
    }

    /// An assumption by its name.
    pub fn assumption(&self, name: &str, neutral: f64) -> Found {
        match assumed(name) {
            Some(one) if !self.bare => Found::assumed(one.range(), one.because()),
            _ => Found::left_out(neutral),
        }
    }

    /// A price in the currency that is counted in.
    ///
    /// # Errors
    /// Where no rate is known.
    pub fn converted(&mut self, value: Range, from: &str) -> Result<Range> {
        if from == self.currency {
            return Ok(value);
        }
        let path = format!("exchange.{from}");
        let found = match self.given(&path) {
            Some(found) => found,
            None => {
                let row = exchange(from, &self.currency).ok_or_else(|| {
                    invalid(format!(
                        "a price is in {from}, and nothing says what that is in {}",
                        self.currency
                    ))
                    .hint(format!(
                        "write `{path} = …`, or --exchange {from}=…: what one {from} is in {}",
                        self.currency
                    ))
                    .hint("or count in USD: --currency USD")
                })?;
                Found::table(row.rate, "a range of past rates", row.as_of)
            }
        };
        let rate = found.value;
        if !self.inputs.iter().any(|input| input.key == path) {
            let unit = format!("{} for one {from}", self.currency);
            if found.origin != Origin::Given {
                self.warnings.push(format!(
                    "1 {from} is taken as {:.2} to {:.2} {}: give today's rate, `{path} = {:.2}`",
                    rate.low, rate.high, self.currency, rate.base
                ));
            }
            self.list(&path, &unit, found);
        }
        Ok(Range {
            low: value.low * rate.low,
            base: value.base * rate.base,
            high: value.high * rate.high,
        })
    }

    /// Warns of a price that is old.
    pub fn age(&mut self, what: &str, as_of: &str, old_days: i64) -> i64 {
        let days = age::days(as_of, self.today).unwrap_or(i64::MAX / 4);
        if days > old_days {
            let text = format!("{what} is {} ({as_of}): check it", age::words(days));
            if !self.warnings.contains(&text) {
                self.warnings.push(text);
            }
        }
        days
    }
}
