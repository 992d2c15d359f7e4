//! How busy NVIDIA's cards are: asked every second by samplers, so that the library is opened once and asked for little.

use super::NVML;
use nvml_wrapper::enum_wrappers::device::{Clock, PcieUtilCounter, TemperatureSensor};
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::{Device, Nvml};
use serde_json::{Map, Value, json};
use std::ffi::OsStr;

/// The library measures a card's bus for 20 ms each time it is asked (`nvmlDeviceGetPcieThroughput`): only every so many answers.
const BUS_EVERY: u64 = 5;

/// The library, held open.
pub(super) struct Live {
    nvml: Option<Nvml>,
    count: u64,
}

impl Live {
    pub fn open() -> Self {
        let nvml = NVML
            .iter()
            .find_map(|path| Nvml::builder().lib_path(OsStr::new(path)).init().ok());
        Self { nvml, count: 0 }
    }

    /// Every card, and every slice of one that is sliced. What the library does not tell is left out.
    pub fn answer(&mut self) -> Value {
        let Some(nvml) = &self.nvml else {
            return json!({"error": "LibraryNotFound"});
        };
        let with_bus = self.count.is_multiple_of(BUS_EVERY);
        self.count += 1;
        let count = nvml.device_count().unwrap_or(0);
        let devices: Vec<Value> = (0..count)
            .filter_map(|index| Some((index, nvml.device_by_index(index).ok()?)))
            .map(|(index, device)| one(index, &device, with_bus))
            .collect();
        json!({ "devices": devices })
    }
}

fn one(index: u32, device: &Device<'_>, with_bus: bool) -> Value {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(name.into(), value);
        }
    };
    let memory = device.memory_info().ok();
    let watts = |milliwatts: u32| json!(f64::from(milliwatts) / 1000.0);
    put("index", Some(json!(index)));
    put("uuid", device.uuid().ok().map(Value::from));
    put("name", device.name().ok().map(Value::from));
    put(
        "memory_total",
        memory.as_ref().map(|memory| json!(memory.total)),
    );
    put(
        "memory_used",
        memory.as_ref().map(|memory| json!(memory.used)),
    );
    let utilization = device.utilization_rates().ok();
    put("utilization", utilization.map(|rates| json!(rates.gpu)));
    put("power_watts", device.power_usage().ok().map(watts));
    put(
        "power_limit_watts",
        device.enforced_power_limit().ok().map(watts),
    );
    put(
        "sm_clock_mhz",
        device.clock_info(Clock::SM).ok().map(Value::from),
    );
    put(
        "memory_clock_mhz",
        device.clock_info(Clock::Memory).ok().map(Value::from),
    );
    put(
        "temperature",
        device
            .temperature(TemperatureSensor::Gpu)
            .ok()
            .map(Value::from),
    );
    let throttled = device.current_throttle_reasons().ok();
    put(
        "throttle_reasons",
        throttled.map(|reasons| json!(reasons.bits())),
    );
    if with_bus {
        // Kilobytes a second.
        let rate = |counter| {
            device
                .pcie_throughput(counter)
                .ok()
                .map(|rate| json!(u64::from(rate) * 1000))
        };
        put("pcie_rx", rate(PcieUtilCounter::Receive));
        put("pcie_tx", rate(PcieUtilCounter::Send));
    }
    let lists = [
        device.running_compute_processes(),
        device.mps_running_compute_processes(),
        device.running_graphics_processes(),
    ];
    let processes: Vec<Value> = lists
        .into_iter()
        .flatten()
        .flatten()
        .map(|process| {
            let used = match process.used_gpu_memory {
                UsedGpuMemory::Used(bytes) => Some(bytes),
                UsedGpuMemory::Unavailable => None,
            };
            json!({ "pid": process.pid, "used": used })
        })
        .collect();
    put("processes", Some(Value::Array(processes)));
    Value::Object(fields)
}
