//! Which platform for this work: what stands against each, which of the rest costs least, and what would turn that.
//!
//! Pure. A platform that does not fit, can't run the code, or whose price or speed nobody knows, is never recommended.

pub mod against;
pub mod flips;
#[cfg(test)]
mod tests;

use crate::cost::{Case, own, rent};
use crate::fit::verdict::Verdict;
use deskside_knowledge::choose::Runs;
use deskside_types::range::Range;
use schemars::JsonSchema;
use serde::Serialize;

pub use against::{Against, Ground, against};
pub use flips::{Flip, flips};

/// Hours of a week.
pub const WEEK: f64 = 168.0;

/// A platform as far as the choice rests on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its short name.
    pub id: String,
    /// In words.
    pub name: String,
    /// Whether all of the work fits; none where that is not known.
    pub fits: Option<Verdict>,
    /// Bytes needed over bytes there, of the work that is nearest to its limit.
    pub filled: f64,
    /// The same for the upper end of what may be needed: below one it surely fits.
    pub filled_high: f64,
    /// Software of the person's that does not run there.
    pub blocked: Vec<String>,
    /// Software of which only some runs, or nobody knows.
    pub unclear: Vec<String>,
    /// Money to be paid at once; zero where nothing is bought.
    pub capital: f64,
    /// Money a month, everything in it.
    pub money: Option<Range>,
    /// Money that is paid each month: without what was paid at once.
    pub running: f64,
    /// What the money is counted with.
    pub case: Option<Case>,
    /// It is rented.
    pub rented: bool,
    /// Hours a week that the work takes there, as if it had the memory; none where the speed is not known.
    pub hours: Option<f64>,
    /// Hours a week that it can be had.
    pub hours_most: f64,
    /// Nobody promises that it can be had when it is asked for.
    pub lent: bool,
    /// It is quiet where the person is; none where nobody knows.
    pub quiet: Option<bool>,
    /// It can be worked with from anywhere; none where nobody knows.
    pub portable: Option<bool>,
    /// Why no verdict may rest on its price.
    pub undecided: Option<String>,
}

impl Candidate {
    /// Money a month at so many times the hours; none beyond what a week has, or where it is not known.
    pub fn money_at(&self, factor: f64) -> Option<f64> {
        let case = self.case.as_ref()?;
        if self.hours? * factor > self.hours_most {
            return None;
        }
        let hours = (case.busy_hours * factor).min(24.0);
        let year = if self.rented {
            rent::a_year(case, hours)
        } else {
            own::a_year(case, hours)
        };
        Some(year / 12.0)
    }

    /// Nothing about it is a guess: it fits, its upper end included, all of the code runs, and it is what was wished for.
    pub fn is_sure(&self, wishes: &Wishes) -> bool {
        self.fits == Some(Verdict::Fits)
            && self.unclear.is_empty()
            && (!wishes.quiet || self.quiet.is_some())
            && (!wishes.portable || self.portable.is_some())
    }
}

/// What a person wants beside the work.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wishes {
    /// The most that may be paid at once.
    pub capital: Option<f64>,
    /// The most that may be paid a month.
    pub month: Option<f64>,
    /// It must be quiet.
    pub quiet: bool,
    /// It must be usable from anywhere.
    pub portable: bool,
}

/// What is recommended.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Choice {
    /// The platform's short name; none where nothing qualifies, or no verdict may be given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Only platforms qualify of which something is not sure: a tight fit, or software that is not surely whole there.
    pub unsure: bool,
    /// In a sentence.
    pub sentence: String,
    /// What would turn it, nearest first: two at the most.
    pub flips: Vec<Flip>,
    /// Where nothing qualifies: the one that is nearest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
}

/// Chooses. `currency` is only for the sentences.
pub fn choose(candidates: &[Candidate], wishes: &Wishes, currency: &str) -> Choice {
    let grounds: Vec<Vec<Against>> = candidates
        .iter()
        .map(|one| against(one, wishes, currency))
        .collect();
    let qualify: Vec<usize> = (0..candidates.len())
        .filter(|place| grounds[*place].is_empty())
        .collect();
    let sure: Vec<usize> = qualify
        .iter()
        .copied()
        .filter(|place| candidates[*place].is_sure(wishes))
        .collect();
    let unsure = sure.is_empty();
    let among = if unsure { qualify } else { sure };
    if let Some(stale) = among.iter().find_map(|place| {
        Some((
            &candidates[*place].name,
            candidates[*place].undecided.as_ref()?,
        ))
    }) {
        return Choice {
            platform: None,
            unsure,
            sentence: format!(
                "No verdict: {} qualifies, and {}. `deskside offers refresh` brings prices up to date.",
                stale.0, stale.1
            ),
            flips: Vec::new(),
            nearest: None,
        };
    }
    let cost = |place: usize| {
        candidates[place]
            .money
            .map_or(f64::INFINITY, |money| money.base)
    };
    let Some(best) = among
        .iter()
        .copied()
        .min_by(|one, other| cost(*one).total_cmp(&cost(*other)))
    else {
        return nothing(candidates, &grounds);
    };
    let chosen = &candidates[best];
    let next = among
        .iter()
        .copied()
        .filter(|place| *place != best)
        .min_by(|one, other| cost(*one).total_cmp(&cost(*other)));
    let mut after = next.map_or(" Nothing else qualifies.".to_string(), |next| {
        format!(" Next is {} at {:.0}.", candidates[next].name, cost(next))
    });
    // What is lent may not be there: the next that is.
    if chosen.lent {
        let promised = among
            .iter()
            .copied()
            .filter(|place| !candidates[*place].lent)
            .min_by(|one, other| cost(*one).total_cmp(&cost(*other)));
        after = match promised {
            Some(place) => format!(
                " It is not promised to you when you ask for it; the next that is: {} at {:.0}.",
                candidates[place].name,
                cost(place)
            ),
            None => {
                " It is not promised to you when you ask for it, and nothing else qualifies.".into()
            }
        };
    }
    let doubt = match (unsure, chosen.fits) {
        (true, Some(Verdict::Tight)) => " It may just not fit: see its interval.",
        (true, _) if !chosen.unclear.is_empty() => " Some of your code is not surely whole there.",
        (true, _) => " Whether it is as quiet or as portable as you wish is not known.",
        _ => "",
    };
    let at_once = if chosen.capital > 0.0 {
        format!(
            " ({:.0} at once, then {:.0} a month)",
            chosen.capital, chosen.running
        )
    } else {
        String::new()
    };
    let least = match among.len() {
        1 => String::new(),
        count => format!(", the least of {count} that qualify"),
    };
    Choice {
        platform: Some(chosen.id.clone()),
        unsure,
        sentence: format!(
            "{}: {:.0} {currency} a month for this work{at_once}{least}.{doubt}{after}",
            chosen.name,
            cost(best),
        ),
        flips: flips(candidates, &grounds, &among, best, wishes, currency),
        nearest: None,
    }
}

/// Nothing qualifies: says which is nearest, and what stands against it.
fn nothing(candidates: &[Candidate], grounds: &[Vec<Against>]) -> Choice {
    let far = |place: &usize| {
        let sum: f64 = grounds[*place].iter().map(|ground| ground.weight).sum();
        (grounds[*place].len() as f64) * 10.0 + sum
    };
    let nearest = (0..candidates.len()).min_by(|one, other| far(one).total_cmp(&far(other)));
    let sentence = nearest.map_or("Nothing qualifies.".to_string(), |place| {
        let why: Vec<&str> = grounds[place]
            .iter()
            .map(|ground| ground.text.as_str())
            .collect();
        format!(
            "Nothing qualifies. Nearest is {}: {}.",
            candidates[place].name,
            why.join("; ")
        )
    });
    Choice {
        platform: None,
        unsure: false,
        sentence,
        flips: Vec::new(),
        nearest: nearest.map(|place| candidates[place].id.clone()),
    }
}

/// The worst of several; `Yes` for none.
pub fn worst(runs: impl Iterator<Item = Runs>) -> Runs {
    runs.max().unwrap_or(Runs::Yes)
}
