//! What stands against a platform.

use super::{Candidate, WEEK, Wishes};
use crate::fit::verdict::Verdict;
use schemars::JsonSchema;
use serde::Serialize;

/// The ground of a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ground {
    /// It does not fit.
    Memory,
    /// Code does not run there.
    Code,
    /// It costs more at once than there is.
    Capital,
    /// It costs more a month than there is.
    Month,
    /// It is not quiet.
    Noise,
    /// It stays where it stands.
    Place,
    /// The work takes more hours than a week has.
    Time,
    /// Its price is not known.
    Price,
    /// Its speed is not known.
    Speed,
    /// How many hours it is used: only of what would turn the choice.
    Hours,
}

/// A reason against a platform.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Against {
    /// Its ground.
    pub ground: Ground,
    /// In words.
    pub text: String,
    /// How far it is from qualifying, as a logarithm where it is a number.
    #[serde(skip)]
    #[schemars(skip)]
    pub weight: f64,
}

/// How far a yes is from a no.
pub(super) const WORD: f64 = 0.7;

/// What is not known keeps a platform out, but is no distance: it weighs more than what can be changed.
const NOT_KNOWN: f64 = 3.0;

/// Everything that stands against a platform; nothing where it qualifies.
pub fn against(one: &Candidate, wishes: &Wishes, currency: &str) -> Vec<Against> {
    let mut found = Vec::new();
    let mut say = |ground: Ground, weight: f64, text: String| {
        found.push(Against {
            ground,
            text,
            weight,
        });
    };
    match one.fits {
        None => say(
            Ground::Memory,
            NOT_KNOWN,
            "whether it fits is not known".into(),
        ),
        Some(Verdict::TooLarge) => say(
            Ground::Memory,
            one.filled.max(1.0).ln(),
            format!("the work needs {:.2} times its memory", one.filled),
        ),
        Some(_) => {}
    }
    if !one.blocked.is_empty() {
        say(
            Ground::Code,
            WORD * one.blocked.len() as f64,
            format!("{} does not run there", one.blocked.join(", ")),
        );
    }
    let over = |has: f64, may: f64| (has / may.max(1e-9)).max(1.0).ln();
    if let Some(most) = wishes.capital.filter(|most| one.capital > *most) {
        say(
            Ground::Capital,
            over(one.capital, most),
            format!(
                "it costs {:.0} {currency} at once, and {most:.0} are there",
                one.capital
            ),
        );
    }
    if let Some(most) = wishes.month.filter(|most| one.running > *most) {
        say(
            Ground::Month,
            over(one.running, most),
            format!(
                "{:.0} {currency} are paid a month, and {most:.0} are there",
                one.running
            ),
        );
    }
    if wishes.quiet && one.quiet == Some(false) {
        say(Ground::Noise, WORD, "it is not quiet".into());
    }
    if wishes.portable && one.portable == Some(false) {
        say(Ground::Place, WORD, "it stays where it stands".into());
    }
    match one.hours {
        None => say(
            Ground::Speed,
            NOT_KNOWN,
            "how long the work takes there is not known".into(),
        ),
        Some(hours) if hours > one.hours_most => say(
            Ground::Time,
            over(hours, one.hours_most),
            if one.hours_most < WEEK {
                format!(
                    "the work takes {hours:.0} hours a week there, and more than {:.0} can't be counted on",
                    one.hours_most
                )
            } else {
                format!("the work takes {hours:.0} hours a week there, and a week has {WEEK:.0}")
            },
        ),
        _ => {}
    }
    if one.money.is_none() {
        say(
            Ground::Price,
            NOT_KNOWN,
            "what it costs is not known".into(),
        );
    }
    found
}
