//! `deskside fit`: will a model fit, how fast would it be, and what would make it fit.

pub(crate) mod calibrate;
mod earlier;
mod engine;
mod hub;
pub(crate) mod model;
pub(crate) mod places;
mod request;
mod table;
#[cfg(test)]
mod tests;

pub use calibrate::{CalibrateRequest, Calibration, CalibrationReport, MeasuredDevice, calibrate};
pub use earlier::{EarlierReport, EarlierRun, earlier};
pub use model::Reach;
pub use request::{FitRequest, TrainRequest};
pub use table::{TableReport, table};

pub use deskside_advise::fit::advice::PlaceAdvice;
pub use deskside_advise::fit::verdict::Verdict;

use crate::{Answer, Context};
use deskside_advise::fit::advice::{Advice, advise};
use deskside_advise::fit::case::Work;
use deskside_knowledge::models::device_named;
use deskside_types::Result;
use deskside_types::facts::Vendor;
use schemars::JsonSchema;
use serde::Serialize;

/// The model as it was understood.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ModelRead {
    /// Its name.
    pub name: String,
    /// What it was read from, in words.
    pub read_from: String,
    /// Its architecture.
    pub architecture: String,
    /// Parameters in all.
    pub parameters: f64,
    /// Parameters that one token meets.
    pub active_parameters: f64,
    /// Layers.
    pub layers: f64,
    /// The format its weights are taken in.
    pub format: String,
    /// Bytes of all weights.
    pub weights_bytes: f64,
    /// They were counted in headers, not computed.
    pub weights_counted: bool,
    /// The longest context it was made for.
    pub longest_context: Option<f64>,
}

/// The answer of `fit`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FitReport {
    /// The model.
    pub model: ModelRead,
    /// What would be done with it, in words.
    pub work: String,
    /// It is training.
    pub training: bool,
    /// The framework whose ways were assumed.
    pub framework: String,
    /// What had to be assumed; terms that are not known are bounds.
    pub assumptions: Vec<String>,
    /// What was measured on this machine and counted with; why a measurement counts no more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub measured_here: Vec<String>,
    /// How predictions did for runs whose peak was measured here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earlier: Option<String>,
    /// This machine's places come first in it.
    pub own_places: u32,
    /// The advice.
    pub advice: Advice,
}

impl Answer for FitReport {
    const SCHEMA: &'static str = "deskside.fit";
}

/// Answers for one model.
///
/// # Errors
/// When the model is not known or can't be read, or options contradict each other.
pub fn fit(context: &Context, request: &FitRequest) -> Result<FitReport> {
    request.check()?;
    let read = model::read(&*context.projects, &request.model, request.reach)?;
    // A named accelerator needs nothing of this machine.
    let facts = request
        .on
        .is_none()
        .then(|| deskside_probe::collect_hardware(&*context.machine));
    let apple = match (&request.on, &facts) {
        (Some(name), _) => device_named(name).is_some_and(|row| row.is_apple()),
        (None, Some(facts)) => facts
            .known_gpus()
            .iter()
            .any(|gpu| gpu.vendor == Vendor::Apple),
        (None, None) => false,
    };
    let case = request.case(&read, apple)?;
    let (own, measured_here) = match (&request.on, &facts) {
        (Some(name), _) => (vec![places::named(name, request)?], Vec::new()),
        (None, Some(facts)) => places::own(facts, request, calibrate::read(context).as_ref()),
        (None, None) => (Vec::new(), Vec::new()),
    };
    let earlier = facts
        .as_ref()
        .and_then(|facts| earlier::sentence(context, facts));
    let own_places = own.len() as u32;
    let cards: Vec<&str> = own
        .iter()
        .filter_map(|place| Some(place.device.as_ref()?.name.as_str()))
        .collect();
    let slowed = request.slowed(&case, &cards);
    let places: Vec<_> = own.into_iter().chain(places::others(request)).collect();
    let mut assumptions = case.shape.assumed.clone();
    assumptions.extend(request.assumptions(&case));
    assumptions.extend(slowed);
    let advice = advise(&case, &places, request.tokens);
    Ok(FitReport {
        model: ModelRead {
            name: case.shape.name.clone(),
            read_from: read.from,
            architecture: case.shape.architecture.clone(),
            parameters: case.shape.parameters,
            active_parameters: case.shape.active,
            layers: case.shape.layers,
            format: case.weights.format.name.to_string(),
            weights_bytes: deskside_advise::fit::weights::bytes(&case.shape, &case.weights),
            weights_counted: case.weights.counted_bytes.is_some(),
            longest_context: (case.shape.max_context > 0.0).then_some(case.shape.max_context),
        },
        work: request.work_in_words(&case),
        training: matches!(case.work, Work::Training(_)),
        framework: case.runtime.name.clone(),
        assumptions,
        measured_here,
        earlier,
        own_places,
        advice,
    })
}
