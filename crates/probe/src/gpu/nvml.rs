//! What NVIDIA's management library answered, read from the door's JSON without trusting its form.

use super::pci::normal_address;
use deskside_machine::{DeviceQuestion, ErrorKind, Machine, Reading};
use deskside_types::Known;
use serde_json::Value;
use std::time::Duration;

/// After that the rest of the facts goes on without the library. It can block for 45 s on some faults.
const DEADLINE: Duration = Duration::from_secs(2);

/// The library's answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Nvml {
    /// `ok`, the library's error, absent without the library, unknown when it did not answer.
    pub outcome: Known<String>,
    pub driver: Known<String>,
    /// `13.0`
    pub cuda: Known<String>,
    pub devices: Vec<NvmlDevice>,
}

/// One device in the answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NvmlDevice {
    /// In the form of sysfs.
    pub address: Option<String>,
    pub name: Known<String>,
    pub uuid: Known<String>,
    pub compute_capability: Known<String>,
    pub memory_total: Known<u64>,
    pub memory_used: Known<u64>,
    pub utilization: Known<u32>,
    pub temperature: Known<u32>,
    pub power_limit: Known<f64>,
    pub display: Known<bool>,
}

/// Asks the library through the door.
pub(crate) fn ask(machine: &dyn Machine) -> Nvml {
    match machine.device(DeviceQuestion::Nvml { deadline: DEADLINE }) {
        Ok(answer) => parse(&answer),
        Err(error) if error.kind == ErrorKind::Absent => {
            silent(Known::Absent, "NVIDIA's library is not installed")
        }
        Err(error) => silent(Known::unknown(error.reason()), &error.reason()),
    }
}

/// The answer where the library was not asked because nothing of NVIDIA's is there.
pub(crate) fn not_needed() -> Nvml {
    Nvml {
        outcome: Known::Absent,
        driver: Known::Absent,
        cuda: Known::Absent,
        devices: Vec::new(),
    }
}

fn silent(outcome: Known<String>, reason: &str) -> Nvml {
    let absent = outcome.is_absent();
    let fact = || {
        if absent {
            Known::Absent
        } else {
            Known::unknown(reason)
        }
    };
    Nvml {
        driver: fact(),
        cuda: fact(),
        outcome,
        devices: Vec::new(),
    }
}

/// Reads an answer in the form of a bundle's `device/nvml.json`.
pub(crate) fn parse(answer: &Value) -> Nvml {
    if let Some(error) = answer.get("error") {
        let code = error
            .as_str()
            .unwrap_or("an error it does not name")
            .to_string();
        if code == "LibraryNotFound" {
            return silent(Known::Absent, &code);
        }
        let reason = format!("NVML: {code}");
        return silent(Known::Value(code), &reason);
    }
    let devices = answer.get("devices").and_then(Value::as_array);
    let error = answer.get("devices").and_then(error_of);
    Nvml {
        outcome: match (devices, error) {
            (Some(_), _) => Known::Value("ok".into()),
            (None, Some(error)) => Known::Value(error.to_string()),
            (None, None) => Known::unknown("NVML answered in a form that is not understood"),
        },
        driver: field(answer, "driver_version", text),
        cuda: field(answer, "cuda_driver_version", |value| {
            value.as_u64().and_then(cuda_version)
        }),
        devices: devices
            .map(|devices| devices.iter().map(device).collect())
            .unwrap_or_default(),
    }
}

fn device(value: &Value) -> NvmlDevice {
    let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
    NvmlDevice {
        address: value
            .get("pci_bus_id")
            .and_then(Value::as_str)
            .and_then(normal_address),
        name: field(value, "name", text),
        uuid: field(value, "uuid", text),
        compute_capability: field(value, "compute_capability", text),
        memory_total: field(value, "memory_total", Value::as_u64),
        memory_used: field(value, "memory_used", Value::as_u64),
        utilization: field(value, "utilization", number),
        temperature: field(value, "temperature", number),
        power_limit: field(value, "power_limit_watts", Value::as_f64),
        display: field(value, "display_active", Value::as_bool),
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_string)
}

/// The library's error in place of a value.
fn error_of(value: &Value) -> Option<&str> {
    value.get("error").and_then(Value::as_str)
}

/// A field's value, or its own error, or the error of the device as a whole. A lost device has only
/// its place in the list, and its error in place of its name.
fn field<T>(object: &Value, name: &str, read: impl FnOnce(&Value) -> Option<T>) -> Known<T> {
    let words = |error: &str| format!("NVML: {error}");
    let error = |value: &Value| error_of(value).map(words);
    let of_device = || error(object).or_else(|| object.get("name").and_then(error));
    match object.get(name) {
        Some(value) => match (read(value), error(value)) {
            (Some(value), _) => Known::Value(value),
            (None, Some(error)) => Known::unknown(error),
            (None, None) if value.is_null() => Known::Absent,
            (None, None) => Known::unknown(format!("NVML gave a {name} that is not understood")),
        },
        None => Known::unknown(of_device().unwrap_or_else(|| format!("NVML gave no {name}"))),
    }
}

/// 12080 is 12.8 (NVML, `nvmlSystemGetCudaDriverVersion`: 1000 * major + 10 * minor).
fn cuda_version(number: u64) -> Option<String> {
    (number >= 1000).then(|| format!("{}.{}", number / 1000, number % 1000 / 10))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_healthy_answer_is_read_whole() {
        let nvml = parse(&json!({
            "driver_version": "580.95.05", "cuda_driver_version": 13000,
            "devices": [{ "index": 0, "name": "NVIDIA GeForce RTX 4090", "uuid": "GPU-1", "pci_bus_id": "00000000:01:00.0", "compute_capability": "8.9",
                "memory_total": 25757220864_u64, "memory_used": 1, "utilization": 3, "temperature": 40, "power_watts": 20.5, "power_limit_watts": 450.0,
                "display_active": true, "persistence": false }],
        }));
        assert_eq!(
            (nvml.outcome, nvml.cuda),
            (Known::Value("ok".into()), Known::Value("13.0".into()))
        );
        let device = &nvml.devices[0];
        assert_eq!(device.address.as_deref(), Some("0000:01:00.0"));
        assert_eq!(
            (&device.memory_total, &device.power_limit, &device.display),
            (
                &Known::Value(25_757_220_864),
                &Known::Value(450.0),
                &Known::Value(true)
            )
        );
    }

    #[test]
    fn errors_become_reasons() {
        let nvml = parse(
            &json!({ "driver_version": "580.1", "cuda_driver_version": {"error": "Unknown"},
            "devices": [{ "index": 0, "error": "GpuLost" }, { "name": "x", "memory_used": {"error": "NotSupported"}, "temperature": null, "utilization": -1 }] }),
        );
        assert_eq!(nvml.cuda.reason(), Some("NVML: Unknown"));
        assert_eq!(nvml.devices[0].name.reason(), Some("NVML: GpuLost"));
        assert_eq!(
            nvml.devices[1].memory_used.reason(),
            Some("NVML: NotSupported")
        );
        assert_eq!(nvml.devices[1].temperature, Known::Absent);
        assert!(nvml.devices[1].utilization.reason().is_some());
        let lost = parse(&json!({ "devices": [{ "index": 0, "name": { "error": "GpuLost" } }] }));
        assert_eq!(lost.devices[0].uuid.reason(), Some("NVML: GpuLost"));
        let listless = parse(&json!({ "driver_version": "1", "devices": { "error": "Unknown" } }));
        assert_eq!(listless.outcome, Known::Value("Unknown".into()));
        let mismatch = parse(&json!({ "error": "LibRmVersionMismatch", "detail": "x" }));
        assert_eq!(
            mismatch.outcome,
            Known::Value("LibRmVersionMismatch".into())
        );
        assert_eq!(mismatch.driver.reason(), Some("NVML: LibRmVersionMismatch"));
        assert!(
            parse(&json!({ "error": "LibraryNotFound" }))
                .outcome
                .is_absent()
        );
        for odd in [
            json!(null),
            json!([]),
            json!("x"),
            json!({ "devices": {} }),
            json!({ "devices": [1, null, []] }),
            json!({"error": {}}),
        ] {
            let _ = parse(&odd);
        }
        for (number, version) in [
            (12080, Some("12.8")),
            (13000, Some("13.0")),
            (11040, Some("11.4")),
            (0, None),
        ] {
            assert_eq!(cuda_version(number).as_deref(), version);
        }
    }
}
