//! Where a model could run: this machine's accelerators, and others from the catalogue.

use super::FitRequest;
use super::calibrate::{self, Calibration};
use deskside_advise::fit::advice::Place;
use deskside_advise::fit::case::Device;
use deskside_advise::fit::verdict::unified_share;
use deskside_advise::model_memory;
use deskside_knowledge::hardware::gpu_entries;
use deskside_knowledge::models::{DeviceRow, device_named};
use deskside_types::facts::{Facts, Gpu, Vendor};
use deskside_types::{Code, Problem, Result};

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// Accelerators that people choose among, with the memory they are sold with in GB.
const OTHERS: &[(&str, f64)] = &[
    ("RTX 3060", 12.0),
    ("RTX 5060 Ti", 16.0),
    ("RTX 3090", 24.0),
    ("RTX 4090", 24.0),
    ("RX 7900 XTX", 24.0),
    ("RTX 5090", 32.0),
    ("L40S", 48.0),
    ("RTX PRO 6000", 96.0),
    ("A100 SXM", 80.0),
    ("H100", 80.0),
    ("H200", 141.0),
    ("Apple M4", 24.0),
    ("Apple M4 Pro", 48.0),
    ("Apple M4 Max", 64.0),
    ("Apple M4 Max", 128.0),
    ("Apple M3 Ultra", 256.0),
    ("GB10", 119.0),
];

/// A card's name as it is shown: of Apple's with its cores.
pub fn shown(gpu: &Gpu) -> String {
    let name = gpu
        .name
        .value()
        .cloned()
        .unwrap_or_else(|| "an accelerator without a name".into());
    match gpu.apple.as_ref().and_then(|apple| apple.cores.value()) {
        Some(cores) if gpu.vendor == Vendor::Apple => format!("{name} {cores}-core GPU"),
        _ => name,
    }
}

/// This machine's accelerators, equal ones together; main memory where there is none. What was measured here counts over what
/// tables say; the sentences tell it, and why a measurement counts no more.
pub fn own(
    facts: &Facts,
    request: &FitRequest,
    calibration: Option<&Calibration>,
) -> (Vec<Place>, Vec<String>) {
    let mut said = Vec::new();
    let mut places = of_facts(facts, request);
    let Some(calibration) = calibration else {
        return (places, said);
    };
    for place in &mut places {
        if place.name == MAIN_MEMORY {
            let device = calibrate::processor_device(calibration, facts, place.surely);
            if let Some((device, text)) = device {
                place.device = Some(device);
                said.push(text);
            }
            continue;
        }
        let vendor = facts
            .known_gpus()
            .iter()
            .find(|gpu| shown(gpu) == place.name)
            .map_or(Vendor::Other, |gpu| gpu.vendor);
        match calibration.device(facts, &place.name, calibrate::kind(vendor)) {
            Some(Ok(measured)) => {
                if let Some(device) = &mut place.device {
                    said.push(calibrate::applied(device, measured, &calibration.day()));
                }
            }
            Some(Err(why)) => said.push(why),
            None => {}
        }
    }
    (places, said)
}

/// What main memory is called as a place.
const MAIN_MEMORY: &str = "this machine's main memory (no accelerator)";

fn of_facts(facts: &Facts, request: &FitRequest) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for gpu in facts.known_gpus().iter().filter(|gpu| gpu.is_accelerator()) {
        let Some(place) = of_gpu(gpu, facts) else {
            continue;
        };
        match places
            .iter_mut()
            .find(|known| known.name == place.name && (known.at_most - place.at_most).abs() < GIB)
        {
            Some(known) => {
                known.count += 1.0;
                known.surely = known.surely.min(place.surely);
            }
            None => places.push(place),
        }
    }
    if let Some(count) = request.gpus {
        for place in &mut places {
            place.count = f64::from(count);
        }
    }
    if places.is_empty()
        && let Some(total) = facts.memory.total_bytes.value()
    {
        let total = *total as f64;
        places.push(Place {
            name: MAIN_MEMORY.into(),
            surely: total * 0.85,
            at_most: total * 0.95,
            count: 1.0,
            device: None,
            watts: None,
        });
    }
    places
}

fn of_gpu(gpu: &Gpu, facts: &Facts) -> Option<Place> {
    let room = model_memory(gpu, &facts.memory)?;
    let apple = gpu.vendor == Vendor::Apple;
    let name = shown(gpu);
    // What others hold now is not free; on Apple silicon the limit stands for that.
    let used = if apple {
        0.0
    } else {
        gpu.memory
            .used_bytes
            .value()
            .map_or(0.0, |bytes| *bytes as f64)
    };
    let row = device_named(&name);
    Some(Place {
        surely: (room.low_bytes as f64 - used).max(0.0),
        at_most: room.high_bytes as f64,
        count: 1.0,
        device: row.map(|row| Device::of_row(&name, row, room.low_bytes as f64)),
        watts: gpu
            .power_limit_watts
            .value()
            .copied()
            .or_else(|| watts(&name)),
        name,
    })
}

fn watts(name: &str) -> Option<f64> {
    let bare = name
        .trim_start_matches("NVIDIA ")
        .trim_start_matches("AMD ");
    [
        name.to_string(),
        format!("GeForce {bare}"),
        format!("Radeon {bare}"),
    ]
    .iter()
    .find_map(|name| {
        gpu_entries(name)
            .first()
            .and_then(|entry| entry.board_power_watts)
    })
}

/// An accelerator by name, with its memory where the name says it: `RTX 4090`, `Apple M4 Max 64GB`.
///
/// # Errors
/// When it is not known.
pub fn named(name: &str, request: &FitRequest) -> Result<Place> {
    let row = device_named(name).ok_or_else(|| {
        Problem::new(
            Code::Usage,
            format!("the accelerator {name:?} is not known"),
        )
        .hint("write it as its maker does: `RTX 4090`, `H100`, `Apple M4 Max 64GB`")
    })?;
    let written = name
        .to_ascii_lowercase()
        .split([' ', '-'])
        .find_map(|word| {
            word.strip_suffix("gb")
                .and_then(|number| number.parse::<f64>().ok())
        })
        .filter(|gigabytes| *gigabytes > 0.0);
    Ok(place(
        name,
        row,
        written.unwrap_or(row.memory_gb),
        request.gpus.unwrap_or(1),
    ))
}

/// An accelerator with so many GB, so many times.
pub fn place(name: &str, row: &DeviceRow, gigabytes: f64, count: u32) -> Place {
    let apple = row.is_apple();
    let share = if apple { unified_share(gigabytes) } else { 1.0 };
    // A card's usable memory is a little less than its maker's number.
    let surely = gigabytes * GIB * share * if apple { 0.95 } else { 0.98 };
    Place {
        name: name.into(),
        surely,
        at_most: gigabytes * GIB * share,
        count: f64::from(count),
        device: Some(Device::of_row(name, row, surely)),
        watts: watts(name),
    }
}

/// Others to compare with.
pub fn others(request: &FitRequest) -> Vec<Place> {
    if request.on.is_some() {
        return Vec::new();
    }
    OTHERS
        .iter()
        .filter_map(|(name, gigabytes)| {
            let row = device_named(name)?;
            let shown = if name.starts_with("Apple") {
                format!("{name} {gigabytes} GB")
            } else {
                (*name).to_string()
            };
            Some(place(&shown, row, *gigabytes, 1))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_place_is_known() {
        let places = others(&FitRequest::of("8B"));
        assert_eq!(places.len(), OTHERS.len());
        assert!(
            places
                .iter()
                .all(|place| place.surely > 1e9 && place.surely <= place.at_most)
        );
        assert!(
            named("RTX 4090", &FitRequest::of("8B"))
                .unwrap()
                .watts
                .is_some()
        );
        assert!(named("Voodoo 2", &FitRequest::of("8B")).is_err());
    }
}
