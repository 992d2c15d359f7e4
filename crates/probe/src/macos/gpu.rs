//! The Apple GPU, from the I/O registry; `system_profiler`, which takes 300 ms, only where the registry says nothing.

use super::sysctl::Sysctl;
use deskside_machine::{Command, Machine, Reading};
use deskside_types::Known;
use deskside_types::facts::{AppleGpu, Gpu, GpuMemory, Vendor};
use serde_json::Value;
use std::time::Duration;

/// What the registry's accelerator entry tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Accelerator {
    model: Option<String>,
    class: Option<String>,
    cores: Option<u32>,
    utilization: Option<u32>,
    used_bytes: Option<u64>,
}

/// The GPUs of a Mac.
pub(super) fn all(machine: &dyn Machine, sysctl: &Sysctl) -> Known<Vec<Gpu>> {
    let ask = |argv: &[&str], seconds| {
        machine.command(Command::new(argv.iter().copied()).deadline(Duration::from_secs(seconds)))
    };
    let registry = match ask(
        &["/usr/sbin/ioreg", "-rc", "AGXAccelerator", "-d1", "-w0"],
        1,
    ) {
        Ok(output) => accelerator(&output.text()),
        Err(_) => None,
    };
    if let Some(accelerator) = registry {
        return Known::Value(vec![apple(
            sysctl,
            accelerator,
            Known::unknown("not asked: only system_profiler tells, and it is slow"),
            Known::unknown("not asked: only system_profiler tells, and it is slow"),
        )]);
    }
    match ask(
        &["/usr/sbin/system_profiler", "SPDisplaysDataType", "-json"],
        5,
    ) {
        Ok(output) => profiled(&output.text(), sysctl),
        Err(error) => Known::unknown(error.reason()),
    }
}

/// Reads `ioreg -rc AGXAccelerator`: lines `"key" = value`; statistics are a dictionary on one line.
fn accelerator(text: &str) -> Option<Accelerator> {
    if !text.contains("AGXAccelerator") {
        return None;
    }
    let value = |key: &str| {
        let mark = format!("\"{key}\"");
        text.match_indices(&mark).find_map(|(at, _)| {
            let rest = text[at + mark.len()..]
                .trim_start()
                .strip_prefix('=')?
                .trim_start();
            let end = rest.find(['\n', ',', '}']).unwrap_or(rest.len());
            Some(rest[..end].trim().trim_matches(['"', '<', '>']).to_string())
        })
    };
    Some(Accelerator {
        model: value("model").filter(|model| !model.is_empty()),
        class: value("IOClass"),
        cores: value("gpu-core-count").and_then(|text| text.parse().ok()),
        utilization: value("Device Utilization %").and_then(|text| text.parse().ok()),
        used_bytes: value("In use system memory").and_then(|text| text.parse().ok()),
    })
}

fn apple(sysctl: &Sysctl, found: Accelerator, metal: Known<String>, display: Known<bool>) -> Gpu {
    fn told<T>(value: Option<T>, what: &str) -> Known<T> {
        value.map_or_else(
            || Known::unknown(format!("the I/O registry names no {what}")),
            Known::Value,
        )
    }
    let name = found
        .model
        .map_or_else(|| sysctl.text("machdep.cpu.brand_string"), Known::Value);
    let wired_limit_bytes = sysctl
        .number::<u64>("iogpu.wired_limit_mb")
        .and_then(|megabytes| match megabytes.checked_mul(1 << 20) {
            // 0 means that the system's default holds.
            Some(0) => Known::Absent,
            Some(bytes) => Known::Value(bytes),
            None => Known::unknown("iogpu.wired_limit_mb is out of range"),
        });
    Gpu {
        vendor: Vendor::Apple,
        architecture: name.as_ref().map(|name| {
            name.split_whitespace()
                .take(2)
                .collect::<Vec<_>>()
                .join(" ")
        }),
        name,
        compute_capability: Known::Absent,
        gfx_target: Known::Absent,
        uuid: Known::Absent,
        pci: None,
        kernel_driver: found.class.into(),
        memory: GpuMemory {
            total_bytes: sysctl.needed("hw.memsize"),
            used_bytes: told(found.used_bytes, "memory in use"),
        },
        power_limit_watts: Known::Absent,
        utilization_percent: told(found.utilization, "utilization"),
        temperature_celsius: Known::unknown("not read on macOS"),
        display,
        apple: Some(AppleGpu {
            cores: told(found.cores, "number of GPU cores"),
            metal,
            wired_limit_bytes,
        }),
        driver_branches: Vec::new(),
    }
}

/// Reads `system_profiler SPDisplaysDataType -json`.
fn profiled(text: &str, sysctl: &Sysctl) -> Known<Vec<Gpu>> {
    let Ok(answer) = serde_json::from_str::<Value>(text) else {
        return Known::unknown("system_profiler answered in a form that is not understood");
    };
    let Some(displays) = answer.get("SPDisplaysDataType").and_then(Value::as_array) else {
        return Known::unknown("system_profiler names no graphics");
    };
    let gpus = displays.iter().filter_map(|display| {
        let get = |key: &str| display.get(key).and_then(Value::as_str);
        let model = get("sppci_model").or_else(|| get("_name"))?.to_string();
        let vendor = get("spdisplays_vendor").unwrap_or_default().to_lowercase();
        let metal = get("spdisplays_mtlgpufamilysupport")
            .or_else(|| get("spdisplays_metal"))
            .map(|text| text.trim_start_matches("spdisplays_").to_string());
        let screens = display
            .get("spdisplays_ndrvs")
            .and_then(Value::as_array)
            .map(|screens| !screens.is_empty());
        let found = Accelerator {
            cores: get("sppci_cores").and_then(|text| text.parse().ok()),
            model: Some(model),
            ..Accelerator::default()
        };
        let mut gpu = apple(
            sysctl,
            found,
            metal.into(),
            Known::Value(screens.unwrap_or(false)),
        );
        if !vendor.contains("apple") {
            gpu.vendor = if vendor.contains("amd") || vendor.contains("ati") {
                Vendor::Amd
            } else if vendor.contains("intel") {
                Vendor::Intel
            } else if vendor.contains("nvidia") {
                Vendor::Nvidia
            } else {
                Vendor::Other
            };
            gpu.apple = None;
            gpu.architecture = Known::unknown("not read for GPUs of Intel Macs");
            gpu.memory = GpuMemory {
                total_bytes: Known::unknown("not read for GPUs of Intel Macs"),
                used_bytes: Known::unknown("not read for GPUs of Intel Macs"),
            };
        }
        Some(gpu)
    });
    Known::Value(gpus.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRY: &str = r#"+-o AGXAcceleratorG15X  <class AGXAcceleratorG15X, id 0x100000621, registered, matched, active, busy 0 (0 ms), retain 142>
    {
      "IOClass" = "AGXAcceleratorG15X"
      "model" = "Apple M3 Ultra"
      "PerformanceStatistics" = {"In use system memory"=1234567,"Device Utilization %"=7,"Renderer Utilization %"=6}
      "gpu-core-count" = 80
    }
"#;

    #[test]
    fn the_registry_tells_model_cores_and_use() {
        assert_eq!(
            accelerator(REGISTRY),
            Some(Accelerator {
                model: Some("Apple M3 Ultra".into()),
                class: Some("AGXAcceleratorG15X".into()),
                cores: Some(80),
                utilization: Some(7),
                used_bytes: Some(1_234_567),
            })
        );
        assert_eq!(accelerator(""), None);
        assert_eq!(
            accelerator("AGXAccelerator \"gpu-core-count\" = many"),
            Some(Accelerator::default())
        );
        for end in 0..REGISTRY.len() {
            let _ = accelerator(&REGISTRY[..end]);
        }
    }
}
