//! The work at one place: whether it fits, how fast it is, how many hours it takes there.

use super::asked::Work;
use super::report::WorkAt;
use crate::fit::model::Read;
use deskside_advise::fit::advice::{Place, PlaceAdvice, at, place_advice};
use deskside_advise::fit::case::{Case, Work as Kind};
use deskside_advise::fit::change::cheapest;
use deskside_advise::fit::estimate;
use deskside_advise::fit::verdict::Verdict;
use deskside_types::Problem;

/// A piece of work, read and made a case for each of the two families of machines.
pub(super) struct Prepared {
    /// In words.
    pub work: Work,
    /// The model.
    pub read: Read,
    /// On Apple silicon, and elsewhere.
    cases: [Result<Case, Problem>; 2],
    /// Seconds of a piece of it on the accelerator that hours are counted on; none where its speed is not known.
    reference: Option<f64>,
}

/// All of the work at a place.
pub(super) struct Judged {
    /// Each piece.
    pub works: Vec<WorkAt>,
    /// The worst verdict; none where one is not known.
    pub fits: Option<Verdict>,
    /// Bytes needed over bytes there, the fullest.
    pub filled: f64,
    /// Hours a week; none where a speed is not known.
    pub hours: Option<f64>,
}

impl Prepared {
    /// Makes the cases. `reference` is the accelerator that hours are counted on, with room for anything.
    pub fn new(work: Work, read: Read, reference: Option<&Place>) -> Self {
        let cases = [true, false].map(|apple| work.request.case(&read, apple));
        let mut prepared = Self {
            work,
            read,
            cases,
            reference: None,
        };
        prepared.reference = reference.and_then(|place| {
            let case = prepared.case(is_apple(place)).ok()?;
            seconds(case, &place_advice(case, place, None))
        });
        prepared
    }

    /// The case on Apple silicon, or elsewhere.
    pub fn case(&self, apple: bool) -> Result<&Case, &Problem> {
        self.cases[usize::from(!apple)].as_ref()
    }
}

pub(super) fn is_apple(place: &Place) -> bool {
    place.name.starts_with("Apple")
}

/// Seconds for one round of a case: a batch of requests, or a step of training.
fn seconds(case: &Case, said: &PlaceAdvice) -> Option<f64> {
    match &case.work {
        Kind::Inference(work) => {
            let read = match said.prompt_tokens_per_second {
                Some(rate) if rate > 0.0 => work.prompt * work.batch / rate,
                Some(_) => return None,
                None => 0.0,
            };
            let written = match said.decode_tokens_per_second {
                Some(rate) if rate > 0.0 => work.generate * work.batch / rate,
                Some(_) => return None,
                None => 0.0,
            };
            (read + written > 0.0).then_some(read + written)
        }
        Kind::Training(work) => said
            .training_tokens_per_second
            .filter(|rate| *rate > 0.0)
            .map(|rate| work.batch * work.sequence / rate),
    }
}

/// Judges all of the work at a place. `changes`: the cheapest change is sought where something does not fit.
pub(super) fn judge(works: &[Prepared], place: &Place, measured: bool, changes: bool) -> Judged {
    let mut all = Vec::new();
    let mut fits = Some(Verdict::Fits);
    let mut hours = Some(0.0);
    let mut filled = 0.0_f64;
    for prepared in works {
        let label = prepared.work.label.clone();
        let case = match prepared.case(is_apple(place)) {
            Ok(case) => case,
            Err(problem) => {
                fits = None;
                hours = None;
                all.push(WorkAt {
                    label,
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
                });
                continue;
            }
        };
        let said = place_advice(case, place, None);
        filled = filled.max(said.needed_bytes / place.surely.max(1.0));
        fits = match (fits, said.verdict) {
            (None, _) => None,
            (_, Verdict::TooLarge) | (Some(Verdict::TooLarge), _) => Some(Verdict::TooLarge),
            (_, Verdict::Tight) | (Some(Verdict::Tight), _) => Some(Verdict::Tight),
            _ => Some(Verdict::Fits),
        };
        let change = (changes && said.verdict != Verdict::Fits)
            .then(|| cheapest(case, place))
            .flatten()
            .map(|change| change.steps.join(", "));
        hours = match (hours, seconds(case, &said)) {
            (Some(hours), Some(there)) => {
                // Without a reference hours are hours everywhere.
                let factor = prepared.reference.map_or(1.0, |here| there / here);
                Some(hours + prepared.work.hours * factor)
            }
            _ => None,
        };
        all.push(WorkAt {
            label,
            verdict: Some(said.verdict),
            needed_bytes: said.needed_bytes,
            needed_low_bytes: estimate(&at(case, place)).low,
            needed_high_bytes: said.needed_high_bytes,
            memory_bytes: place.surely,
            tokens_per_second: said
                .decode_tokens_per_second
                .or(said.training_tokens_per_second)
                .or(said.prompt_tokens_per_second),
            speed_factor: said.speed_factor,
            measured_here: measured,
            change,
            trouble: None,
        });
    }
    Judged {
        works: all,
        fits,
        filled,
        hours,
    }
}
