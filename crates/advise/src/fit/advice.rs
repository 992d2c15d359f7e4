//! Advice for a person: the verdict for each place, what would be the most that fits, and the cheapest change.

use super::case::{Case, Device, Level, Spread, Work};
use super::change::{self, Change};
use super::verdict::{self, Verdict};
use super::{Estimate, estimate, speed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Somewhere a model could run: this machine's accelerators, or others.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// What it is called.
    pub name: String,
    /// Bytes on one accelerator that may surely be used.
    pub surely: f64,
    /// Bytes on one accelerator that may be usable at the most.
    pub at_most: f64,
    /// Accelerators.
    pub count: f64,
    /// Its speeds, where they are known.
    pub device: Option<Device>,
    /// Board power in watts, where it is known.
    pub watts: Option<f64>,
}

/// What is said about one place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlaceAdvice {
    /// What it is called.
    pub name: String,
    /// Accelerators.
    pub count: u32,
    /// Bytes on one accelerator that may surely be used.
    pub memory_bytes: f64,
    /// Bytes needed on one accelerator.
    pub needed_bytes: f64,
    /// Nine of ten times it needs more than this.
    pub needed_low_bytes: f64,
    /// Nine of ten times it needs less than this.
    pub needed_high_bytes: f64,
    /// The verdict.
    pub verdict: Verdict,
    /// Decoded tokens a second of all sequences together; none for training or where the accelerator is not known.
    pub decode_tokens_per_second: Option<f64>,
    /// Tokens of the prompt read a second.
    pub prompt_tokens_per_second: Option<f64>,
    /// Tokens trained on a second, on all accelerators together.
    pub training_tokens_per_second: Option<f64>,
    /// How far a speed may be off, as a factor, in nine of ten cases.
    pub speed_factor: f64,
    /// Hours for the stated job.
    pub job_hours: Option<f64>,
    /// Watt-hours for the stated job, all accelerators at their board's power: an upper bound.
    pub job_watt_hours: Option<f64>,
}

/// The most that fits a place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Most {
    /// The place.
    pub place: String,
    /// Sequences at once, with the length asked for; 0 when not even one fits.
    pub batch: u64,
    /// Tokens of one sequence, with the batch asked for; 0 when not even 16 fit.
    pub context: u64,
}

/// The advice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Advice {
    /// Memory on one accelerator that holds everything.
    pub estimate: Estimate,
    /// Each place.
    pub places: Vec<PlaceAdvice>,
    /// The most that fits the first place.
    pub most: Option<Most>,
    /// The cheapest change that makes it fit the first place; none when it fits, or nothing would help.
    pub change: Option<Change>,
}

/// How far a speed may be off.
pub const SPEED_FACTOR: f64 = 1.4;

/// How far a training speed may be off of an accelerator of which no published one was compared: our judgement.
pub const SPEED_FACTOR_UNSEEN: f64 = 2.0;

/// The case as it would run at a place.
pub fn at(case: &Case, place: &Place) -> Case {
    let mut case = case.clone();
    case.devices = place.count.max(1.0);
    case.summed = false;
    case.level = Level::Device;
    case.device.clone_from(&place.device);
    if case.devices > 1.0 && case.spread == Spread::Copies {
        case.spread = match case.work {
            Work::Inference(_) if matches!(case.runtime.name.as_str(), "vLLM" | "SGLang") => {
                Spread::Tensor
            }
            Work::Inference(_) => Spread::Layers,
            Work::Training(_) => Spread::Sharded,
        };
    }
    case
}

/// The verdict for a place.
pub fn verdict(needs: &Estimate, place: &Place) -> Verdict {
    match verdict::of(needs.bytes, needs.high, place.surely) {
        Verdict::TooLarge if needs.bytes <= place.at_most => Verdict::Tight,
        // Of what is not counted nobody knows whether it fits, too.
        Verdict::Fits if needs.lower_bound => Verdict::Tight,
        other => other,
    }
}

/// What to say about a case at several places; the first is the one that changes are sought for. `job_tokens`: how
/// many tokens shall be generated or trained on.
pub fn advise(case: &Case, places: &[Place], job_tokens: Option<f64>) -> Advice {
    let mut alone = case.clone();
    alone.devices = 1.0;
    alone.spread = Spread::Copies;
    alone.level = Level::Device;
    alone.summed = false;
    let said: Vec<PlaceAdvice> = places
        .iter()
        .map(|place| place_advice(case, place, job_tokens))
        .collect();
    let first = places.first();
    Advice {
        estimate: estimate(&first.map_or(alone, |place| at(case, place))),
        most: first
            .filter(|_| case.shape.layers > 0.0)
            .map(|place| most(case, place)),
        change: first
            .filter(|place| verdict(&estimate(&at(case, place)), place) != Verdict::Fits)
            .and_then(|place| change::cheapest(case, place)),
        places: said,
    }
}

/// What is said about a case at one place.
pub fn place_advice(case: &Case, place: &Place, job_tokens: Option<f64>) -> PlaceAdvice {
    let case = at(case, place);
    let needs = estimate(&case);
    let mut said = PlaceAdvice {
        name: place.name.clone(),
        count: place.count as u32,
        memory_bytes: place.surely,
        needed_bytes: needs.bytes,
        needed_low_bytes: needs.low,
        needed_high_bytes: needs.high,
        verdict: verdict(&needs, place),
        decode_tokens_per_second: None,
        prompt_tokens_per_second: None,
        training_tokens_per_second: None,
        speed_factor: SPEED_FACTOR,
        job_hours: None,
        job_watt_hours: None,
    };
    // Nothing is said about the speed of what doesn't run.
    if said.verdict == Verdict::TooLarge {
        return said;
    }
    let rates = rates(&case);
    said.decode_tokens_per_second = rates.decode;
    said.prompt_tokens_per_second = rates.prompt;
    said.training_tokens_per_second = rates.training;
    said.speed_factor = rates.factor;
    if let Some((tokens, rate)) = job_tokens.zip(rates.job).filter(|(_, rate)| *rate > 0.0) {
        let hours = tokens / rate / 3600.0;
        said.job_hours = Some(hours);
        said.job_watt_hours = place
            .watts
            .map(|watts| watts * place.count.max(1.0) * hours);
    }
    said
}

/// Speeds of a case at a place ([`at`]), whether it fits or not; none where a speed is not known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Decoded tokens a second of all sequences together.
    pub decode: Option<f64>,
    /// Tokens of prompts read a second.
    pub prompt: Option<f64>,
    /// Tokens trained on a second, on all accelerators together.
    pub training: Option<f64>,
    /// Tokens of a job a second: generated, or trained on.
    job: Option<f64>,
    /// How far a speed may be off, as a factor, in nine of ten cases.
    pub factor: f64,
}

impl Rates {
    /// Speeds that were told before.
    pub fn told(decode: Option<f64>, prompt: Option<f64>, training: Option<f64>) -> Self {
        Self {
            decode,
            prompt,
            training,
            job: None,
            factor: SPEED_FACTOR,
        }
    }
}

/// The speeds of a case that was made for its place.
pub fn rates(case: &Case) -> Rates {
    let mut rates = Rates {
        decode: None,
        prompt: None,
        training: None,
        job: None,
        factor: SPEED_FACTOR,
    };
    // Steps of models without layers are not known.
    let Some(device) = case.device.as_ref().filter(|_| case.shape.layers > 0.0) else {
        return rates;
    };
    match &case.work {
        // A model that makes images or video works in steps of its own, which are not known.
        Work::Inference(work) if case.shape.writes_text() || case.shape.kind == "encoder" => {
            let token =
                speed::decode_seconds(case, device, work, work.prompt + work.generate / 2.0);
            if case.shape.writes_text() {
                rates.decode = Some(work.batch / token);
            }
            if work.prompt > 0.0 && device.prompt_flops > 0.0 {
                rates.prompt =
                    Some(work.prompt * work.batch / speed::prompt_seconds(case, device, work));
            }
            rates.job = Some(work.batch / token);
        }
        Work::Training(work) if device.training_flops > 0.0 => {
            if !device.training_seen {
                rates.factor = SPEED_FACTOR_UNSEEN;
            }
            let rate = work.batch * work.sequence * case.devices
                / speed::training_seconds(case, device, work);
            rates.training = Some(rate);
            rates.job = Some(rate);
        }
        _ => {}
    }
    rates
}

/// The most that surely fits.
fn most(case: &Case, place: &Place) -> Most {
    let fits = |changed: &Case| estimate(&at(changed, place)).high <= place.surely;
    let batch = largest(1 << 14, |size| {
        let mut changed = case.clone();
        match &mut changed.work {
            Work::Inference(work) => work.batch = size,
            Work::Training(work) => work.batch = size,
        }
        fits(&changed)
    });
    let limit = if case.shape.max_context > 0.0 {
        case.shape.max_context as u64
    } else {
        1 << 20
    };
    let context = largest(limit, |tokens| {
        let mut changed = case.clone();
        match &mut changed.work {
            Work::Inference(work) => {
                work.generate = work.generate.min(tokens);
                work.prompt = tokens - work.generate;
            }
            Work::Training(work) => work.sequence = tokens,
        }
        fits(&changed)
    });
    Most {
        place: place.name.clone(),
        batch,
        context: if context < 16 { 0 } else { context },
    }
}

/// The largest number up to `limit` for which something holds, given that it holds for all smaller ones.
fn largest(limit: u64, holds: impl Fn(f64) -> bool) -> u64 {
    let (mut low, mut high) = (0, limit.max(1) + 1);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if holds(middle as f64) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}
