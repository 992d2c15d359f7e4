//! The machine at hand, and the accelerator that hours are counted on.

use super::Wish;
use crate::Context;
use crate::fit::{calibrate, places};
use deskside_advise::fit::advice::Place;
use deskside_knowledge::models::{DeviceRow, device_named};
use deskside_types::Result;
use deskside_types::facts::{Facts, Provider, Vendor};

/// The accelerator that hours are counted on where this machine has none.
const USUAL_ACCELERATOR: &str = "RTX 4090";

/// The machine at hand.
pub(super) struct Here {
    pub place: Place,
    pub stack: &'static str,
    pub capability: Option<String>,
    pub measured: bool,
    /// Who rents it out, as offers name them; none where it is the person's own, or nobody knows.
    pub provider: Option<&'static str>,
    /// It can be taken along; none where its model does not tell.
    pub portable: Option<bool>,
}

/// The machine that facts tell of; none where nothing could run on it.
pub(super) fn here(
    context: &Context,
    facts: &Facts,
    assumptions: &mut Vec<String>,
) -> Option<Here> {
    let calibration = calibrate::read(context);
    let (places, measured) = places::own(
        facts,
        &crate::fit::FitRequest::default(),
        calibration.as_ref(),
    );
    if let [one, other, ..] = &places[..] {
        assumptions.push(format!(
            "of this machine only {:.0} x {} counts, not {}",
            one.count, one.name, other.name
        ));
    }
    let place = places.into_iter().next()?;
    let is_measured = measured
        .iter()
        .any(|text| text.contains("measured here on"));
    assumptions.extend(measured);
    let gpus = facts.known_gpus();
    let gpu = gpus.iter().find(|gpu| gpu.is_accelerator());
    let stack = match gpu.map(|gpu| gpu.vendor) {
        Some(Vendor::Nvidia) => "cuda",
        Some(Vendor::Amd) => "rocm",
        Some(Vendor::Apple) => "metal",
        _ => "cpu",
    };
    let provider = match facts.system.provider.value() {
        Some(Provider::Runpod) => Some("runpod"),
        Some(Provider::Lambda) => Some("lambda"),
        Some(Provider::Colab) => Some("colab"),
        Some(Provider::Other) | None => None,
    };
    let book = ["macbook", "laptop", "notebook", "thinkpad"];
    let portable = facts.system.model.value().and_then(|model| {
        let model = model.to_lowercase();
        book.iter().any(|word| model.contains(word)).then_some(true)
    });
    Some(Here {
        capability: deskside_knowledge::prices::target(&place.name).map(str::to_string),
        place,
        stack,
        measured: is_measured,
        provider,
        portable,
    })
}

/// The accelerator that hours are counted on.
pub(super) struct Reference {
    /// It.
    pub place: Place,
    /// Its stack.
    pub stack: &'static str,
}

/// The accelerator that hours are counted on, and how it is called.
pub(super) fn reference(
    wish: &Wish,
    here: Option<&Here>,
    assumptions: &mut Vec<String>,
) -> Result<(Option<Reference>, String)> {
    let one = |mut place: Place, stack: &'static str| {
        place.count = 1.0;
        Some(Reference { place, stack })
    };
    if let Some(name) = &wish.hours_on {
        let place = places::named(name, &crate::fit::FitRequest::default())?;
        return Ok((one(place, stack_of(name)), name.clone()));
    }
    // Hours on a processor say little of hours on an accelerator.
    if let Some(here) = here.filter(|here| here.stack != "cpu" && here.place.device.is_some()) {
        return Ok((
            one(here.place.clone(), here.stack),
            format!("{}, this machine's", here.place.name),
        ));
    }
    assumptions.push(format!(
        "hours are those that the work takes on one {USUAL_ACCELERATOR}: this machine has no accelerator whose speed is known; --hours-on says otherwise"
    ));
    let place = device_named(USUAL_ACCELERATOR)
        .map(|row| places::place(USUAL_ACCELERATOR, row, row.memory_gb, 1));
    Ok((
        place.and_then(|place| one(place, "cuda")),
        USUAL_ACCELERATOR.into(),
    ))
}

/// The stack of an accelerator by name.
fn stack_of(name: &str) -> &'static str {
    let lower = name.to_lowercase();
    if device_named(name).is_some_and(DeviceRow::is_apple) {
        "metal"
    } else if [
        "rx ", "radeon", "instinct", "mi300", "mi250", "r9700", "840m",
    ]
    .iter()
    .any(|word| lower.contains(word))
    {
        "rocm"
    } else {
        "cuda"
    }
}
