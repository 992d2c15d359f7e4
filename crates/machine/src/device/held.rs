//! Who holds what on NVIDIA's cards: memory, processes, modes. Asked often, so that it asks for no more than that.

use super::NVML;
use nvml_wrapper::enum_wrappers::device::ComputeMode;
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::{Device, Nvml};
use serde_json::{Value, json};
use std::ffi::OsStr;

/// Every card, and every slice of one that is sliced (MIG). Sizes are bytes; what a library does not tell is left out.
pub(super) fn answer() -> Value {
    let opened = NVML
        .iter()
        .find_map(|path| Nvml::builder().lib_path(OsStr::new(path)).init().ok());
    let Some(nvml) = opened else {
        return json!({"error": "LibraryNotFound"});
    };
    let count = nvml.device_count().unwrap_or(0);
    let devices: Vec<Value> = (0..count)
        .filter_map(|index| nvml.device_by_index(index).ok())
        .flat_map(|device| with_slices(&device))
        .collect();
    json!({ "devices": devices })
}

/// A card; where it is sliced, its slices in its place: no program can use the whole then.
fn with_slices(device: &Device<'_>) -> Vec<Value> {
    let is_sliced = device.mig_mode().is_ok_and(|mode| mode.current == 1);
    if !is_sliced {
        return vec![one(device, false)];
    }
    let count = device.mig_device_count().unwrap_or(0);
    (0..count)
        .filter_map(|index| device.mig_device_by_index(index).ok())
        .map(|slice| one(&slice, true))
        .collect()
}

fn one(device: &Device<'_>, is_slice: bool) -> Value {
    let memory = device.memory_info().ok();
    let mode = match device.compute_mode() {
        Ok(ComputeMode::ExclusiveProcess | ComputeMode::ExclusiveThread) => "exclusive",
        Ok(ComputeMode::Prohibited) => "prohibited",
        Ok(ComputeMode::Default) | Err(_) => "default",
    };
    let mut processes = Vec::new();
    for list in [
        device.running_compute_processes(),
        device.mps_running_compute_processes(),
    ]
    .into_iter()
    .flatten()
    {
        processes.extend(list.into_iter().map(|process| {
            let used = match process.used_gpu_memory {
                UsedGpuMemory::Used(bytes) => Some(bytes),
                UsedGpuMemory::Unavailable => None,
            };
            json!({ "pid": process.pid, "used": used })
        }));
    }
    json!({
        "uuid": device.uuid().ok(),
        "name": device.name().ok(),
        "memory_total": memory.as_ref().map(|memory| memory.total),
        "memory_used": memory.as_ref().map(|memory| memory.used),
        "mode": mode,
        "slice": is_slice,
        "processes": processes,
    })
}
