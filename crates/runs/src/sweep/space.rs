//! What a sweep varies: parameters, the values each may take, and how a person writes them.
//!
//! | written | means |
//! |---|---|
//! | `depth=2,4,8` | one of a list, as it is written |
//! | `layers=int:1..64`, `int:8..64:8` | whole numbers, with a step |
//! | `dropout=0.1..0.9`, `0.1..0.9:0.1` | real numbers, all alike; in steps |
//! | `lr=log:1e-5..1e-2` | real numbers, every order of magnitude alike |
//! | `lr=log:1e-5..1e-2/4`, `0..1/5` | so many of them, evenly apart, ends included |
//! | `batch=pow2:8..512` | powers of two |
//! | `optimizer=adam` | always that |
//! | `note=list:a,b`, `note=fixed:a,b` | a list, or one text, whatever it looks like |

use deskside_types::{Code, Problem, Result};
use serde::{Deserialize, Serialize};

/// The values a parameter may take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Domain {
    /// One of a list, without an order.
    Choice(Vec<String>),
    /// `low`, `low + step`, … up to `high`.
    Int {
        /// The least.
        low: i64,
        /// The greatest.
        high: i64,
        /// At least 1.
        step: i64,
    },
    /// Two to the power of `low` up to `high`.
    Power {
        /// The least exponent.
        low: u32,
        /// The greatest exponent.
        high: u32,
    },
    /// So many values between two, evenly apart or, by their logarithms, so.
    Even {
        /// The first.
        low: f64,
        /// The last.
        high: f64,
        /// How many, 2 at least.
        count: u32,
        /// By logarithms.
        log: bool,
    },
    /// Any value between two.
    Real {
        /// The least.
        low: f64,
        /// The greatest.
        high: f64,
        /// Every order of magnitude alike.
        log: bool,
    },
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name, as `{name}` stands in the command.
    pub name: String,
    /// Its values.
    pub domain: Domain,
}

/// The most values one parameter is written out or stepped to.
const MOST_VALUES: u64 = 1 << 40;

impl Domain {
    /// How many values there are; none where there is no end of them.
    pub fn count(&self) -> Option<u64> {
        Some(match self {
            Self::Choice(values) => values.len() as u64,
            Self::Int { low, high, step } => (high.abs_diff(*low) / step.unsigned_abs()) + 1,
            Self::Power { low, high } => u64::from(high - low) + 1,
            Self::Even { count, .. } => u64::from(*count),
            Self::Real { .. } => return None,
        })
    }

    /// The value at a place, counted from 0, of those that can be counted; places beyond the last give the last.
    pub fn value(&self, place: u64) -> String {
        match self {
            Self::Choice(values) => {
                let place = usize::try_from(place).unwrap_or(usize::MAX);
                values
                    .get(place)
                    .or(values.last())
                    .cloned()
                    .unwrap_or_default()
            }
            Self::Int { low, high, step } => {
                let value = i128::from(*low) + i128::from(*step) * i128::from(place);
                value.min(i128::from(*high)).to_string()
            }
            Self::Power { low, high } => {
                let exponent = u32::try_from(place)
                    .unwrap_or(u32::MAX)
                    .saturating_add(*low);
                (1_u64 << exponent.min(*high)).to_string()
            }
            Self::Even {
                low,
                high,
                count,
                log,
            } => {
                let share = (place.min(u64::from(*count) - 1)) as f64 / f64::from(*count - 1);
                number(between(*low, *high, *log, share), *low, *high)
            }
            Self::Real { low, high, .. } => number(*low, *low, *high),
        }
    }

    /// The value at a share between 0 and 1 of the way from the first to the last.
    pub fn at(&self, share: f64) -> String {
        let share = share.clamp(0.0, 1.0);
        match (self, self.count()) {
            (Self::Real { low, high, log }, _) => {
                number(between(*low, *high, *log, share), *low, *high)
            }
            (_, Some(count)) => self.value(((share * count as f64) as u64).min(count - 1)),
            (_, None) => String::new(),
        }
    }

    /// The place of a value among those that can be counted.
    pub fn place(&self, value: &str) -> Option<u64> {
        match self {
            Self::Choice(values) => values
                .iter()
                .position(|one| one == value)
                .map(|at| at as u64),
            Self::Int { low, step, .. } => {
                let value: i64 = value.parse().ok()?;
                Some(value.abs_diff(*low) / step.unsigned_abs())
            }
            Self::Power { low, .. } => {
                let value: u64 = value.parse().ok()?;
                u64::from(value.checked_ilog2()?).checked_sub(u64::from(*low))
            }
            Self::Even { count, .. } => {
                (0..u64::from(*count)).find(|place| self.value(*place) == value)
            }
            Self::Real { .. } => None,
        }
    }

    /// Whether a value is one of them.
    pub fn holds(&self, value: &str) -> bool {
        match self {
            Self::Real { low, high, .. } => value
                .parse::<f64>()
                .is_ok_and(|value| (*low..=*high).contains(&value)),
            _ => self
                .place(value)
                .is_some_and(|place| self.value(place) == value),
        }
    }

    /// Whether its values have an order and are numbers.
    pub fn is_ordered(&self) -> bool {
        !matches!(self, Self::Choice(_))
    }

    /// Texts that it may put into a command; none where they are numbers by its kind.
    pub fn texts(&self) -> &[String] {
        match self {
            Self::Choice(values) => values,
            _ => &[],
        }
    }
}

fn between(low: f64, high: f64, log: bool, share: f64) -> f64 {
    if log {
        (low.ln() + (high.ln() - low.ln()) * share).exp()
    } else {
        low + (high - low) * share
    }
}

/// A number with six digits that count, within its bounds: what stands in a command can be read, typed again, and is what was
/// recorded.
pub fn number(value: f64, low: f64, high: f64) -> String {
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    let rounded = rounded.clamp(low, high);
    let size = rounded.abs();
    if rounded != 0.0 && !(1e-4..1e15).contains(&size) {
        format!("{rounded:e}")
    } else {
        format!("{rounded}")
    }
}

impl std::str::FromStr for Parameter {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self> {
        let (name, values) = text
            .split_once('=')
            .ok_or_else(|| wrong(text, "there is no `=` in it"))?;
        Self::of(name, values)
    }
}

impl Parameter {
    /// A parameter of its name and its values as a person writes them.
    ///
    /// # Errors
    /// [`Code::SweepParameter`].
    pub fn of(name: &str, values: &str) -> Result<Self> {
        let name = name.trim();
        if !is_name(name) {
            return Err(wrong(
                &format!("{name}={values}"),
                "a name begins with a letter and goes on with letters, digits, `_`, `.` and `-`",
            ));
        }
        let domain = domain(values).map_err(|why| wrong(&format!("{name}={values}"), &why))?;
        Ok(Self {
            name: name.to_string(),
            domain,
        })
    }

    /// A parameter that takes one of some values, as they are.
    ///
    /// # Errors
    /// [`Code::SweepParameter`].
    pub fn choice(name: &str, values: Vec<String>) -> Result<Self> {
        let domain = choice(values).map_err(|why| wrong(name, &why))?;
        Ok(Self {
            domain,
            ..Self::of(name, "fixed:")?
        })
    }
}

/// Whether `{name}` may stand for something.
pub fn is_name(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

fn wrong(text: &str, why: &str) -> Problem {
    Problem::new(
        Code::SweepParameter,
        format!("the parameter {text} can't be understood"),
    )
    .because(why)
    .hint("lists `depth=2,4,8`; whole numbers `layers=int:1..64`; real numbers `dropout=0.1..0.9`")
    .hint("by orders of magnitude `lr=log:1e-5..1e-2`; powers of two `batch=pow2:8..512`; a text as it is `note=fixed:a..b`")
}

fn domain(text: &str) -> std::result::Result<Domain, String> {
    if let Some(text) = text.strip_prefix("fixed:") {
        return Ok(Domain::Choice(vec![text.to_string()]));
    }
    if let Some(text) = text.strip_prefix("list:") {
        return choice(text.split(',').map(String::from).collect());
    }
    if let Some(range) = text.strip_prefix("int:") {
        return int(range);
    }
    if let Some(range) = text.strip_prefix("pow2:") {
        return power(range);
    }
    if let Some(range) = text.strip_prefix("log:") {
        return real(range, true);
    }
    if text.contains(',') {
        return choice(text.split(',').map(String::from).collect());
    }
    let Some((low, rest)) = text.split_once("..") else {
        return Ok(Domain::Choice(vec![text.to_string()]));
    };
    let high = rest.split([':', '/']).next().unwrap_or_default();
    match (low.parse::<f64>(), high.parse::<f64>()) {
        (Ok(from), Ok(to)) if is_whole(low) && is_whole(high) && !rest.contains('/') => {
            let (low, high) = if from > to { (high, low) } else { (low, high) };
            let step = rest.split_once(':').map(|(_, step)| format!(":{step}"));
            let step = step.unwrap_or_default();
            Err(format!(
                "whole or real numbers? write int:{low}..{high}{step}, or {low}.0..{high}.0"
            ))
        }
        (Ok(_), Ok(_)) => real(text, false),
        _ => Ok(Domain::Choice(vec![text.to_string()])),
    }
}

fn is_whole(text: &str) -> bool {
    text.parse::<i64>().is_ok()
}

fn choice(values: Vec<String>) -> std::result::Result<Domain, String> {
    for (at, value) in values.iter().enumerate() {
        if values[..at].contains(value) {
            return Err(format!("`{value}` stands in it twice"));
        }
    }
    if values.is_empty() {
        return Err("there is no value in it".into());
    }
    Ok(Domain::Choice(values))
}

/// `LOW..HIGH[:STEP][/COUNT]` as texts.
struct Range<'a> {
    low: &'a str,
    high: &'a str,
    step: Option<&'a str>,
    count: Option<&'a str>,
}

fn range(text: &str) -> std::result::Result<Range<'_>, String> {
    let (low, rest) = text
        .split_once("..")
        .ok_or("a range is written LOW..HIGH")?;
    let (rest, count) = match rest.split_once('/') {
        Some((rest, count)) => (rest, Some(count)),
        None => (rest, None),
    };
    let (high, step) = match rest.split_once(':') {
        Some((high, step)) => (high, Some(step)),
        None => (rest, None),
    };
    Ok(Range {
        low,
        high,
        step,
        count,
    })
}

fn int(text: &str) -> std::result::Result<Domain, String> {
    let range = range(text)?;
    let whole = |text: &str| {
        text.parse::<i64>()
            .map_err(|_| format!("`{text}` is no whole number"))
    };
    let (low, high) = (whole(range.low)?, whole(range.high)?);
    let step = range.step.map_or(Ok(1), whole)?;
    if range.count.is_some() {
        return Err("whole numbers take a step (`int:8..64:8`), not a number of points".into());
    }
    if low > high || step < 1 {
        return Err("the greater number stands behind, and a step is 1 at least".into());
    }
    if high.abs_diff(low) / step.unsigned_abs() > MOST_VALUES {
        return Err("it holds too many numbers; take a greater step".into());
    }
    let last =
        i128::from(low) + i128::from(high.abs_diff(low) / step.unsigned_abs()) * i128::from(step);
    Ok(Domain::Int {
        low,
        high: i64::try_from(last).unwrap_or(high),
        step,
    })
}

fn power(text: &str) -> std::result::Result<Domain, String> {
    let range = range(text)?;
    let exponent = |text: &str| match text.parse::<u64>() {
        Ok(number) if number.is_power_of_two() && number.ilog2() < 63 => Ok(number.ilog2()),
        _ => Err(format!("`{text}` is no power of two")),
    };
    let (low, high) = (exponent(range.low)?, exponent(range.high)?);
    if low > high || range.step.is_some() || range.count.is_some() {
        return Err("powers of two are written pow2:8..512".into());
    }
    Ok(Domain::Power { low, high })
}

fn real(text: &str, log: bool) -> std::result::Result<Domain, String> {
    let range = range(text)?;
    let real = |text: &str| match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(format!("`{text}` is no number")),
    };
    let (low, high) = (real(range.low)?, real(range.high)?);
    if low >= high {
        return Err("the greater number stands behind".into());
    }
    if log && low <= 0.0 {
        return Err("orders of magnitude need numbers above 0".into());
    }
    let count = match (range.step, range.count) {
        (None, None) => return Ok(Domain::Real { low, high, log }),
        (Some(_), Some(_)) => return Err("a step or a number of points, not both".into()),
        (None, Some(count)) => count
            .parse::<u32>()
            .ok()
            .filter(|count| *count >= 2)
            .ok_or("behind the slash stands how many, 2 at least")?,
        (Some(step), None) => {
            let step = real(step)?;
            let count = ((high - low) / step + 1e-9).floor() + 1.0;
            if log || !(2.0..1e9).contains(&count) {
                return Err(if log {
                    "orders of magnitude have no step; take a number of points: log:1e-5..1e-2/4"
                        .into()
                } else {
                    "the step does not fit into the range".into()
                });
            }
            let high = low + step * (count - 1.0);
            return Ok(Domain::Even {
                low,
                high,
                count: count as u32,
                log,
            });
        }
    };
    Ok(Domain::Even {
        low,
        high,
        count,
        log,
    })
}

#[cfg(test)]
mod tests;
