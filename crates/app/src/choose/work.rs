//! The work at one place: whether it fits, how fast it is, how many hours it takes there.

use super::asked::Work;
use super::report::WorkAt;
use crate::fit::model::Read;
use deskside_advise::fit::advice::{Place, Rates, at, place_advice, rates};
use deskside_advise::fit::case::{Case, Work as Kind};
use deskside_advise::fit::change::cheapest;
use deskside_advise::fit::verdict::Verdict;
use deskside_knowledge::choose::{Software, software_named};
use deskside_types::{Problem, Result};

/// What programs reach accelerators by.
pub(super) const STACKS: [&str; 4] = ["cuda", "rocm", "metal", "cpu"];

/// A piece of work, read and made a case for each stack.
pub(super) struct Prepared {
    /// In words.
    pub work: Work,
    /// The model.
    pub read: Read,
    /// On each stack.
    cases: Vec<Result<Case>>,
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
    /// The same for the upper ends of what may be needed.
    pub filled_high: f64,
    /// Hours a week, as if it had the memory; none where a speed is not known.
    pub hours: Option<f64>,
    /// Training in bf16 on an accelerator that has none.
    pub lacks_bf16: bool,
    /// Work in 16 bit on an accelerator that has no bf16: it is done in fp16.
    pub in_fp16: bool,
}

impl Prepared {
    /// Makes the cases. `reference` is the accelerator that hours are counted on, with room for anything, and its stack.
    pub fn new(work: Work, read: Read, reference: Option<(&Place, &str)>) -> Self {
        let cases = STACKS
            .iter()
            .map(|stack| work.request.case_on(&read, stack))
            .collect();
        let mut prepared = Self {
            work,
            read,
            cases,
            reference: None,
        };
        prepared.reference = reference.and_then(|(place, stack)| {
            let case = at(prepared.case(stack).ok()?, place);
            seconds(&case, &rates(&case))
        });
        prepared
    }

    /// The case on a stack.
    pub fn case(&self, stack: &str) -> Result<&Case, &Problem> {
        let place = STACKS.iter().position(|one| *one == stack).unwrap_or(0);
        self.cases[place].as_ref()
    }

    /// Whether it fits a place, or nobody knows.
    pub fn fits(&self, place: &Place, stack: &str) -> bool {
        self.case(stack)
            .is_ok_and(|case| place_advice(case, place, None).verdict != Verdict::TooLarge)
    }

    /// What the work itself rests on there, whatever the code does, and why.
    pub fn rests_on(&self, stack: &str) -> Vec<(&'static Software, &'static str)> {
        self.case(stack)
            .map(|case| self.work.request.rests_on(case))
            .unwrap_or_default()
            .into_iter()
            .filter_map(|(name, why)| Some((software_named(name)?, why)))
            .collect()
    }

    /// The engine on each stack, once where they are one: `vLLM on NVIDIA, …`.
    pub fn engines(&self) -> String {
        let of = |stack: &str| {
            self.case(stack).map_or("-".to_string(), |case| {
                let format = case.weights.format.name;
                let other = self
                    .case("cuda")
                    .is_ok_and(|cuda| cuda.weights.format.name != format);
                if other {
                    format!("{} ({format})", case.runtime.name)
                } else {
                    case.runtime.name.clone()
                }
            })
        };
        let (cuda, rocm, metal) = (of("cuda"), of("rocm"), of("metal"));
        if cuda == rocm && cuda == metal {
            cuda
        } else if cuda == rocm {
            format!("{cuda} on NVIDIA and AMD, {metal} on Macs")
        } else {
            format!("{cuda} on NVIDIA, {rocm} on AMD, {metal} on Macs")
        }
    }
}

/// Seconds for one round of a case: a batch of requests, or a step of training.
fn seconds(case: &Case, said: &Rates) -> Option<f64> {
    let part = |tokens: f64, rate: Option<f64>| {
        if tokens > 0.0 {
            rate.filter(|rate| *rate > 0.0).map(|rate| tokens / rate)
        } else {
            Some(0.0)
        }
    };
    match &case.work {
        Kind::Inference(work) => {
            let read = part(work.prompt * work.batch, said.prompt)?;
            // An encoder writes nothing.
            let written = if case.shape.writes_text() {
                part(work.generate * work.batch, said.decode)?
            } else {
                0.0
            };
            (read + written > 0.0).then_some(read + written)
        }
        Kind::Training(work) => said
            .training
            .filter(|rate| *rate > 0.0)
            .map(|rate| work.batch * work.sequence / rate),
    }
}

/// Judges all of the work at a place. `changes`: the cheapest change is sought where something does not fit.
pub(super) fn judge(
    works: &[Prepared],
    place: &Place,
    stack: &str,
    measured: bool,
    changes: bool,
) -> Judged {
    let mut judged = Judged {
        works: Vec::new(),
        fits: Some(Verdict::Fits),
        filled: 0.0,
        filled_high: 0.0,
        hours: Some(0.0),
        lacks_bf16: false,
        in_fp16: false,
    };
    for prepared in works {
        let case = match prepared.case(stack) {
            Ok(case) => case,
            Err(problem) => {
                judged.fits = None;
                judged.hours = None;
                judged
                    .works
                    .push(WorkAt::untold(&prepared.work.label, place, problem));
                continue;
            }
        };
        let said = place_advice(case, place, None);
        let room = place.surely.max(1.0);
        judged.filled = judged.filled.max(said.needed_bytes / room);
        judged.filled_high = judged.filled_high.max(said.needed_high_bytes / room);
        judged.fits = match (judged.fits, said.verdict) {
            (None, _) => None,
            (_, Verdict::TooLarge) | (Some(Verdict::TooLarge), _) => Some(Verdict::TooLarge),
            (_, Verdict::Tight) | (Some(Verdict::Tight), _) => Some(Verdict::Tight),
            _ => Some(Verdict::Fits),
        };
        let change = (changes && said.verdict != Verdict::Fits)
            .then(|| cheapest(case, place))
            .flatten()
            .map(|change| change.steps.join(", "));
        // Hours are those of a card with the memory, too, so that what keeps it out is the memory alone.
        let there = if said.verdict == Verdict::TooLarge {
            let mut case = at(case, place);
            if let Some(device) = &mut case.device {
                device.memory_bytes = None;
            }
            seconds(&case, &rates(&case))
        } else {
            seconds(
                case,
                &Rates::told(
                    said.decode_tokens_per_second,
                    said.prompt_tokens_per_second,
                    said.training_tokens_per_second,
                ),
            )
        };
        judged.hours = judged.hours.zip(there).map(|(hours, there)| {
            // Without a reference hours are hours everywhere.
            let factor = prepared.reference.map_or(1.0, |here| there / here);
            hours + prepared.work.hours * factor
        });
        let without = place.device.as_ref().is_some_and(|device| !device.bf16);
        let training = matches!(case.work, Kind::Training(_));
        judged.in_fp16 |= without && (training || case.weights.format.kind == "float16");
        judged.lacks_bf16 |=
            without && training && prepared.work.request.format.as_deref() != Some("fp16");
        judged.works.push(WorkAt {
            label: prepared.work.label.clone(),
            verdict: Some(said.verdict),
            needed_bytes: said.needed_bytes,
            needed_low_bytes: said.needed_low_bytes,
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
    judged
}
