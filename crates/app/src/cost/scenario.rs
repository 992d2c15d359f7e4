//! A scenario: what a person gives, from a file and from the command line; every key checked.

use super::keys::{Holds, KEYS, Key, key};
use deskside_types::range::Range;
use deskside_types::spelling::nearest;
use deskside_types::{Code, Problem, Result};
use std::collections::BTreeMap;
use toml::Value as Toml;

/// A value of a key.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Given {
    /// A number or a range.
    Number(Range),
    /// A text.
    Text(String),
    /// Yes or no.
    Flag(bool),
}

/// What was given, by key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scenario {
    values: BTreeMap<String, Given>,
    /// Where it was read from, in words.
    pub(super) from: Vec<String>,
}

impl Scenario {
    /// Reads one from TOML.
    ///
    /// # Errors
    /// [`Code::ScenarioInvalid`] with the key, and what to write.
    pub fn parse(text: &str, from: &str) -> Result<Self> {
        let table: toml::Table = toml::from_str(text).map_err(|error: toml::de::Error| {
            invalid(format!("{from} is no TOML"))
                .because(error.to_string().trim().replace('\n', " "))
                .hint("write `key = value` lines; docs/cost.md has examples")
        })?;
        let mut scenario = Self {
            from: vec![from.into()],
            ..Self::default()
        };
        for (name, value) in &table {
            match value {
                Toml::Table(section) if key(name).is_none() => {
                    for (inner, value) in section {
                        scenario.take(&format!("{name}.{inner}"), value)?;
                    }
                }
                _ => scenario.take(name, value)?,
            }
        }
        Ok(scenario)
    }

    fn take(&mut self, path: &str, value: &Toml) -> Result<()> {
        if let Some(currency) = path.strip_prefix("exchange.") {
            check_currency(path, currency)?;
            let rate = number(path, value, "1.10")?;
            let rate = bounded(path, rate, RATE, "1.10")?;
            self.values.insert(path.into(), Given::Number(rate));
            return Ok(());
        }
        let Some(key) = key(path) else {
            return Err(unknown(path));
        };
        let given = match (key.holds, value) {
            (Holds::Number { .. }, value) => {
                let range = number(path, value, key.example)?;
                Given::Number(bounded(path, range, key.holds, key.example)?)
            }
            (Holds::Flag, Toml::Boolean(flag)) => Given::Flag(*flag),
            (Holds::Words(words), Toml::String(text)) => text_of(key, words, text)?,
            _ => return Err(wrong(path, &format!("is {}", shown(value)), key.example)),
        };
        self.values.insert(path.into(), given);
        Ok(())
    }

    /// Sets a key as the command line has it: `2200`, `2200..2800`, `5%`, or a word.
    ///
    /// # Errors
    /// [`Code::ScenarioInvalid`] with the key, and what to write.
    pub fn set(&mut self, path: &str, text: &str) -> Result<()> {
        if let Some(currency) = path.strip_prefix("exchange.") {
            check_currency(path, currency)?;
            let rate = range_of(text)
                .ok_or_else(|| wrong(path, &format!("is {text:?}, no number"), "1.10"))?;
            let rate = bounded(path, rate, RATE, "1.10")?;
            self.values.insert(path.into(), Given::Number(rate));
            return Ok(());
        }
        let Some(key) = key(path) else {
            return Err(unknown(path));
        };
        let given = match key.holds {
            Holds::Number { .. } => {
                let range = range_of(text)
                    .ok_or_else(|| wrong(path, &format!("is {text:?}, no number"), key.example))?;
                Given::Number(bounded(path, range, key.holds, key.example)?)
            }
            Holds::Words(words) => text_of(key, words, text)?,
            Holds::Flag => Given::Flag(text == "true"),
        };
        self.values.insert(path.into(), given);
        Ok(())
    }

    /// Lays another over it: what that one gives wins.
    pub fn overlay(&mut self, other: Self) {
        self.values.extend(other.values);
        self.from.extend(other.from);
    }

    /// The currency that is counted in.
    pub(crate) fn currency(&self) -> &str {
        self.text("currency").unwrap_or("USD")
    }

    /// Only the keys for which `keeps` holds.
    #[must_use]
    pub(crate) fn only(&self, keeps: impl Fn(&str) -> bool) -> Self {
        let mut kept = self.clone();
        kept.values.retain(|path, _| keeps(path));
        kept
    }

    /// A number.
    pub(super) fn number(&self, path: &str) -> Option<Range> {
        match self.values.get(path)? {
            Given::Number(range) => Some(*range),
            _ => None,
        }
    }

    /// A text.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        match self.values.get(path)? {
            Given::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A flag.
    pub(super) fn flag(&self, path: &str) -> Option<bool> {
        match self.values.get(path)? {
            Given::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The first of these keys that was given.
    pub(super) fn first<'a>(&self, paths: &[&'a str]) -> Option<&'a str> {
        paths
            .iter()
            .copied()
            .find(|path| self.values.contains_key(*path))
    }

    /// What was given under the keys that no [`super::report::Input`] shows: words and flags.
    pub(super) fn words(&self) -> impl Iterator<Item = (&str, String)> {
        self.values.iter().filter_map(|(path, given)| match given {
            Given::Text(text) => Some((path.as_str(), format!("{text:?}"))),
            Given::Flag(flag) => Some((path.as_str(), flag.to_string())),
            Given::Number(_) => None,
        })
    }
}

/// `2200`, `2200..2800`, `5%`.
fn range_of(text: &str) -> Option<Range> {
    let one = |text: &str| -> Option<f64> {
        let text = text.trim();
        match text.strip_suffix('%') {
            Some(percent) => percent.trim().parse::<f64>().ok().map(|part| part / 100.0),
            None => text.parse().ok(),
        }
    };
    match text.split_once("..") {
        Some((low, high)) => Some(Range::between(one(low)?, one(high)?)),
        None => one(text).map(Range::exactly),
    }
}

fn number(path: &str, value: &Toml, example: &str) -> Result<Range> {
    let plain = |value: &Toml| match value {
        Toml::Integer(number) => Some(*number as f64),
        Toml::Float(number) => Some(*number),
        _ => None,
    };
    if let Some(number) = plain(value) {
        return Ok(Range::exactly(number));
    }
    let Toml::Table(table) = value else {
        return Err(wrong(
            path,
            &format!("is {}, no number", shown(value)),
            example,
        ));
    };
    if let Some(odd) = table
        .keys()
        .find(|name| !matches!(name.as_str(), "low" | "base" | "high"))
    {
        return Err(wrong(
            path,
            &format!("has {odd:?}; a range has low, base and high"),
            "{ low = 2, base = 3, high = 4 }",
        ));
    }
    let end = |name: &str| -> Result<Option<f64>> {
        table
            .get(name)
            .map(|value| {
                plain(value).ok_or_else(|| {
                    wrong(
                        &format!("{path}.{name}"),
                        &format!("is {}, no number", shown(value)),
                        "3",
                    )
                })
            })
            .transpose()
    };
    match (end("low")?, end("base")?, end("high")?) {
        (Some(low), Some(base), Some(high)) => Ok(Range { low, base, high }),
        (Some(low), None, Some(high)) => Ok(Range::between(low, high)),
        _ => Err(wrong(
            path,
            "lacks low or high",
            "{ low = 2, base = 3, high = 4 }",
        )),
    }
}

/// What an exchange rate may be.
const RATE: Holds = Holds::Number {
    positive: true,
    least: 1e-9,
    most: 1e9,
};

fn bounded(path: &str, range: Range, holds: Holds, example: &str) -> Result<Range> {
    let Holds::Number {
        positive,
        least,
        most,
    } = holds
    else {
        return Ok(range);
    };
    let odd = if ![range.low, range.base, range.high]
        .iter()
        .all(|value| value.is_finite())
    {
        Some("is no finite number".to_string())
    } else if !range.is_ordered() {
        Some(format!(
            "goes from {} by {} to {}: low, base and high must be in this order",
            range.low, range.base, range.high
        ))
    } else if positive && range.low <= 0.0 {
        Some(format!("is {}, and must be above zero", range.low))
    } else if range.low < 0.0 {
        Some(format!("is {}, and must not be below zero", range.low))
    } else if range.low < least {
        Some(format!(
            "is {}, and must be {least} at the least",
            range.low
        ))
    } else if range.high > most {
        Some(format!("is {}, and must be {most} at the most", range.high))
    } else {
        None
    };
    odd.map_or(Ok(range), |odd| Err(wrong(path, &odd, example)))
}

fn text_of(key: &Key, words: &[&'static str], text: &str) -> Result<Given> {
    let text = text.trim();
    if text.is_empty() || text.len() > 200 || text.contains(char::is_control) {
        return Err(wrong(
            key.path,
            "is empty, too long or no text",
            key.example,
        ));
    }
    if !words.is_empty() && !words.contains(&text) {
        let meant = nearest(text, words.iter().copied());
        let meant = meant.map_or(String::new(), |word| format!("; do you mean {word:?}?"));
        return Err(wrong(
            key.path,
            &format!("is {text:?}, and can be {}{meant}", words.join(", ")),
            key.example,
        ));
    }
    if key.path == "currency" {
        let letters = text.to_ascii_uppercase();
        check_currency(key.path, &letters)?;
        return Ok(Given::Text(letters));
    }
    Ok(Given::Text(text.into()))
}

fn check_currency(path: &str, letters: &str) -> Result<()> {
    if letters.len() == 3 && letters.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return Ok(());
    }
    Err(invalid(format!(
        "{path}: {letters:?} is no currency's three capital letters"
    ))
    .hint("write USD, EUR, GBP, …"))
}

fn shown(value: &Toml) -> String {
    let text = value.to_string();
    let short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        format!("{short}…")
    } else {
        short
    }
}

/// Words that people write for a key.
const ALIASES: &[(&str, &str)] = &[
    ("tariff", "electricity.per_kwh"),
    ("price_per_kwh", "electricity.per_kwh"),
    ("power", "machine.busy_watts"),
    ("watts", "machine.busy_watts"),
    ("interest", "money.cost_of_capital"),
    ("discount_rate", "money.cost_of_capital"),
    ("utilization", "use.share"),
    ("hours_per_day", "use.busy_hours_a_day"),
    ("hourly", "rent.per_hour"),
    ("price_per_hour", "rent.per_hour"),
];

fn unknown(path: &str) -> Problem {
    let last = path.rsplit('.').next().unwrap_or(path);
    let alias = nearest(last, ALIASES.iter().map(|(word, _)| *word))
        .and_then(|word| ALIASES.iter().find(|(alias, _)| *alias == word))
        .map(|(_, path)| *path);
    let paths = || KEYS.iter().map(|key| key.path);
    let meant = nearest(path, paths()).or_else(|| {
        let last_of = |path: &'static str| path.rsplit('.').next().unwrap_or(path);
        let word = nearest(last, KEYS.iter().map(|key| last_of(key.path)))?;
        paths().find(|path| last_of(path) == word)
    });
    let meant = meant.or(alias);
    let problem = invalid(format!("there is no key {path}"));
    match meant.and_then(key) {
        Some(key) => problem.hint(format!("do you mean `{} = {}`?", key.path, key.example)),
        None => problem.hint("docs/cost.md lists every key"),
    }
}

fn wrong(path: &str, odd: &str, example: &str) -> Problem {
    invalid(format!("{path} {odd}")).hint(format!("write for example `{path} = {example}`"))
}

/// A problem of a scenario.
pub(super) fn invalid(message: impl Into<String>) -> Problem {
    Problem::new(Code::ScenarioInvalid, message)
}

/// What is lacking, and how it is given.
pub(super) fn lacking(path: &str, why: &str, option: &str) -> Problem {
    let example = key(path).map_or("…", |key| key.example);
    invalid(format!("{path} is lacking: {why}")).hint(format!(
        "write `{path} = {example}` into the scenario, or give {option}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_odd_is_named_with_what_to_write() {
        for (text, named, hint) in [
            ("machine.pric = 3", "machine.pric", "machine.price"),
            (
                "[electricity]\ntarif = 1",
                "electricity.tarif",
                "electricity.per_kwh",
            ),
            ("zzzzqqqq = 1", "zzzzqqqq", "docs"),
            (
                "[electricity]\nper_kw = 1",
                "electricity.per_kw",
                "electricity.per_kwh",
            ),
            ("price = 3", "price", "machine.price"),
            ("[machine]\nprice = 0", "machine.price", "3200"),
            ("[machine]\nprice = -5", "above zero", "3200"),
            ("[machine]\nprice = \"dear\"", "no number", "3200"),
            ("[machine]\nprice = nan", "finite", "3200"),
            ("[machine]\nprice = inf", "finite", "3200"),
            (
                "[machine]\nprice = { low = 5, base = 3, high = 9 }",
                "order",
                "3200",
            ),
            ("[machine]\nprice = { low = 5 }", "lacks", "low = 2"),
            (
                "[machine]\nprice = { low = 5, mid = 6, high = 7 }",
                "mid",
                "low = 2",
            ),
            ("[machine]\npsu_efficiency = 92", "at the most", "0.92"),
            ("[machine]\nyears = 1e-300", "at the least", "3"),
            ("[machine]\ngpus = 0.5", "at the least", "1"),
            ("[rent]\nspeed = 1e-300", "at the least", "1.0"),
            ("month_hours = 24", "at the least", "730"),
            ("[use]\nbusy_hours_a_day = 25", "24", "low = 2"),
            ("[rent]\nper_hour = 0", "rent.per_hour", "0.69"),
            ("question = \"by\"", "by", "\"buy\""),
            ("question = 3", "question", "\"buy\""),
            ("currency = \"dollars\"", "capital letters", "USD"),
            ("[exchange]\nEUR = 0", "above zero", "1.10"),
            ("[exchange]\neuro = 1", "euro", "USD"),
            ("[job]\nmachine_on_anyway = 1", "machine_on_anyway", "true"),
            ("machine = 3", "machine", "machine."),
            ("][", "no TOML", "docs"),
            (
                "[machine.price]\nlow = 1\nbase = 2\nhigh = 3\nmore = 4",
                "more",
                "low = 2",
            ),
        ] {
            let problem = Scenario::parse(text, "a file").unwrap_err();
            assert_eq!(problem.code, Code::ScenarioInvalid, "{text}");
            assert!(
                problem.message.contains(named),
                "{text}: {}",
                problem.message
            );
            assert!(
                problem.hints.iter().any(|text| text.contains(hint)),
                "{text}: {:?}",
                problem.hints
            );
        }
    }

    #[test]
    fn ranges_are_written_in_two_ways() {
        let mut scenario = Scenario::parse(
            "[machine]\nprice = { low = 2200, high = 2800 }\n[exchange]\nEUR = 1.1",
            "a file",
        )
        .unwrap();
        assert_eq!(scenario.number("machine.price").unwrap().base, 2500.0);
        assert_eq!(scenario.number("exchange.EUR").unwrap().base, 1.1);
        scenario.set("machine.price", "3000..3400").unwrap();
        scenario.set("money.cost_of_capital", "5%").unwrap();
        scenario.set("exchange.EUR", "1.05..1.15").unwrap();
        assert_eq!(scenario.number("exchange.EUR").unwrap().high, 1.15);
        assert_eq!(scenario.number("machine.price").unwrap().high, 3400.0);
        assert_eq!(scenario.number("money.cost_of_capital").unwrap().base, 0.05);
        for (path, text) in [
            ("machine.price", "cheap"),
            ("machine.price", "4..3"),
            ("machine.price", "NaN"),
            ("money.cost_of_capital", "5"),
            ("machine.prize", "4"),
            ("exchange.EUR", "-1"),
            ("exchange.euro", "1"),
            ("rent.work", "dekode"),
        ] {
            assert!(scenario.set(path, text).is_err(), "{path} {text}");
        }
    }

    #[test]
    fn every_example_can_be_read_and_every_key_is_documented() {
        let page = include_str!("../../../../docs/cost.md");
        for key in KEYS {
            assert!(
                page.contains(&format!("`{}`", key.path)),
                "docs/cost.md does not name {}",
                key.path
            );
            Scenario::parse(&format!("{} = {}", key.path, key.example), "an example")
                .unwrap_or_else(|problem| panic!("{}: {problem}", key.path));
        }
    }
}
