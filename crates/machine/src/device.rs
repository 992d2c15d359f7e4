//! Device libraries, asked in a child process with a deadline, because they can block for a minute.

mod held;
mod kernel;
mod live;

use crate::error::DoorError;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// A question to a device library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceQuestion {
    /// NVIDIA's management library: driver, CUDA version and every device.
    Nvml {
        /// After that the library is given up on.
        deadline: Duration,
    },
    /// NVIDIA's management library: who holds what on each card now.
    NvmlUse {
        /// After that the library is given up on.
        deadline: Duration,
    },
    /// NVIDIA's management library: how busy each card is now, and who holds what on it.
    NvmlLive {
        /// After that the library is given up on.
        deadline: Duration,
    },
    /// A small kernel on every card, through CUDA's driver library. The answer is `{"library", "devices": [{"name",
    /// "uuid", "seconds"} or {"name", "uuid", "error", "code", "call"}]}`.
    CudaKernel {
        /// After that the library is given up on.
        deadline: Duration,
    },
    /// The same through AMD's HIP library, where the system has one; without `uuid`.
    HipKernel {
        /// After that the library is given up on.
        deadline: Duration,
    },
}

impl DeviceQuestion {
    /// The library's name, which is also the bundle's file name under `device/`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nvml { .. } => "nvml",
            Self::NvmlUse { .. } => "nvml-use",
            Self::NvmlLive { .. } => "nvml-live",
            Self::CudaKernel { .. } => "cuda-kernel",
            Self::HipKernel { .. } => "hip-kernel",
        }
    }

    /// After that the library is given up on.
    pub(crate) fn deadline(self) -> Duration {
        match self {
            Self::Nvml { deadline }
            | Self::NvmlUse { deadline }
            | Self::NvmlLive { deadline }
            | Self::CudaKernel { deadline }
            | Self::HipKernel { deadline } => deadline,
        }
    }

    /// Names of the library's file, or whole paths of it.
    pub(crate) fn libraries(self) -> &'static [&'static str] {
        match self {
            Self::Nvml { .. } | Self::NvmlUse { .. } | Self::NvmlLive { .. } => &NVML,
            Self::CudaKernel { .. } => kernel::CUDA.libraries,
            Self::HipKernel { .. } => kernel::ROCM.libraries,
        }
    }

    /// Variables that hide cards from programs: these questions are for all cards.
    pub(crate) fn without(self) -> &'static [&'static str] {
        match self {
            Self::Nvml { .. } | Self::NvmlUse { .. } | Self::NvmlLive { .. } => &[],
            Self::CudaKernel { .. } => &["CUDA_VISIBLE_DEVICES"],
            // HIP heeds CUDA's variable, too.
            Self::HipKernel { .. } => &[
                "HIP_VISIBLE_DEVICES",
                "ROCR_VISIBLE_DEVICES",
                "CUDA_VISIBLE_DEVICES",
            ],
        }
    }
}

/// The name under which NVIDIA's driver installs its library, and where Windows puts it for WSL.
pub(crate) const NVML: [&str; 2] = ["libnvidia-ml.so.1", "/usr/lib/wsl/lib/libnvidia-ml.so.1"];

/// Asks a device library in this process, which may block: for the child process only.
///
/// Sizes are bytes, powers watts, temperatures degrees Celsius, utilization percent. What a library
/// does not tell is `{"error": NAME}` with the library's name for the error, in place of the
/// value or of the whole.
pub fn answer(name: &str) -> Value {
    match name {
        "nvml" => nvml::answer(),
        "nvml-use" => held::answer(),
        "nvml-live" => live::Live::open().answer(),
        "cuda-kernel" => kernel::answer(&kernel::CUDA),
        "hip-kernel" => kernel::answer(&kernel::ROCM),
        other => {
            json!({"error": "Unknown", "detail": format!("there is no device library {other}")})
        }
    }
}

/// A device library that is held open by a child process and tells again and again by itself.
pub trait Watch: Send {
    /// The newest answer that came since the last call; none where none came. Never waits.
    ///
    /// # Errors
    /// When the child process has ended, or says what is no answer.
    fn newest(&mut self) -> Result<Option<Value>, DoorError>;
}

/// Answers again and again in this process, a line of JSON each, until nobody reads it: for the child process only.
pub fn tell(name: &str, every: Duration, output: &mut dyn Write) {
    let mut live = (name == "nvml-live").then(live::Live::open);
    loop {
        let value = match &mut live {
            Some(live) => live.answer(),
            None => answer(name),
        };
        if writeln!(output, "{value}")
            .and_then(|()| output.flush())
            .is_err()
            || value.get("error").is_some()
        {
            return;
        }
        #[allow(
            clippy::disallowed_methods,
            reason = "the child's own rhythm; it does nothing else"
        )]
        std::thread::sleep(every);
    }
}

/// Folders where the dynamic linker looks for a driver's library (`ld.so(8)`, and the places of
/// Debian, Red Hat, Arch and WSL).
const FOLDERS: [&str; 7] = [
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/wsl/lib",
    "/usr/local/nvidia/lib64",
];

/// Whether a library may be there at all, as a look at files tells without loading anything:
/// in a folder named by `LD_LIBRARY_PATH`, a usual folder, or the linker's own list.
pub(crate) fn may_be_there(
    libraries: &[&str],
    library_path: Option<&str>,
    is_there: impl Fn(&Path) -> bool,
    linker_list: impl FnOnce() -> Vec<u8>,
) -> bool {
    let named = library_path
        .unwrap_or_default()
        .split([':', ';'])
        .filter(|folder| !folder.is_empty());
    // Joined to a folder, a whole path stays what it is.
    let usual = named.chain(FOLDERS).any(|folder| {
        libraries
            .iter()
            .any(|library| is_there(&Path::new(folder).join(library)))
    });
    usual || {
        let list = linker_list();
        libraries.iter().any(|library| {
            let name = library.as_bytes();
            list.windows(name.len()).any(|window| window == name)
        })
    }
}

mod nvml {
    use super::NVML;
    use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
    use nvml_wrapper::error::NvmlError;
    use nvml_wrapper::{Device, Nvml};
    use serde_json::{Map, Value, json};
    use std::ffi::OsStr;

    pub fn answer() -> Value {
        let mut failed = NvmlError::LibraryNotFound;
        for path in NVML {
            match Nvml::builder().lib_path(OsStr::new(path)).init() {
                Ok(nvml) => return whole(&nvml),
                Err(error @ NvmlError::LibloadingError(_)) if is_absent(&error) => {}
                Err(error) => {
                    failed = error;
                    break;
                }
            }
        }
        json!({"error": name(&failed), "detail": failed.to_string()})
    }

    /// A library that can't be opened because it is not there, not because it is broken.
    fn is_absent(error: &NvmlError) -> bool {
        error.to_string().contains("No such file") || error.to_string().contains("no such file")
    }

    fn whole(nvml: &Nvml) -> Value {
        let devices = match nvml.device_count() {
            Ok(count) => Value::Array((0..count).map(|index| device(nvml, index)).collect()),
            Err(error) => failure(&error),
        };
        json!({
            "driver_version": told(nvml.sys_driver_version()),
            "cuda_driver_version": told(nvml.sys_cuda_driver_version()),
            "nvml_version": told(nvml.sys_nvml_version()),
            "devices": devices,
        })
    }

    fn device(nvml: &Nvml, index: u32) -> Value {
        let device = match nvml.device_by_index(index) {
            Ok(device) => device,
            // NVML hands out no handle to a lost device; its place in the list still tells.
            Err(error) => return json!({"index": index, "name": failure(&error)}),
        };
        let (total, used) = match memory(&device) {
            Ok((total, used)) => (json!(total), json!(used)),
            Err(error) => (failure(&error), failure(&error)),
        };
        let watts = |milliwatts: u32| f64::from(milliwatts) / 1000.0;
        let fields = [
            ("index", json!(index)),
            ("name", told(device.name())),
            ("uuid", told(device.uuid())),
            ("pci_bus_id", told(device.pci_info().map(|pci| pci.bus_id))),
            (
                "compute_capability",
                told(
                    device
                        .cuda_compute_capability()
                        .map(|version| format!("{}.{}", version.major, version.minor)),
                ),
            ),
            ("memory_total", total),
            ("memory_used", used),
            (
                "utilization",
                told(device.utilization_rates().map(|rates| rates.gpu)),
            ),
            (
                "temperature",
                told(device.temperature(TemperatureSensor::Gpu)),
            ),
            ("power_watts", told(device.power_usage().map(watts))),
            (
                "power_limit_watts",
                told(device.enforced_power_limit().map(watts)),
            ),
            ("display_active", told(device.is_display_active())),
            ("persistence", told(device.is_in_persistent_mode())),
        ];
        Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| (name.to_string(), value))
                .collect::<Map<_, _>>(),
        )
    }

    /// Total and used memory in bytes, from drivers before 510, too, which lack the second version
    /// of the call.
    fn memory(device: &Device<'_>) -> Result<(u64, u64), NvmlError> {
        match device.memory_info() {
            Err(NvmlError::FailedToLoadSymbol(missing)) => {
                let nvml = device.nvml();
                let call = nvml.lib().nvmlDeviceGetMemoryInfo.as_ref();
                let call = call.map_err(|_| NvmlError::FailedToLoadSymbol(missing))?;
                // SAFETY: the handle lives as long as the device; the structure is plain numbers,
                // written by the library.
                let (code, memory) = unsafe {
                    let mut memory = std::mem::zeroed();
                    (call(device.handle(), &mut memory), memory)
                };
                nvml_wrapper::error::nvml_try(code)?;
                Ok((memory.total, memory.used))
            }
            told => told.map(|memory| (memory.total, memory.used)),
        }
    }

    fn told<T: serde::Serialize>(answer: Result<T, NvmlError>) -> Value {
        answer.map_or_else(|error| failure(&error), |value| json!(value))
    }

    fn failure(error: &NvmlError) -> Value {
        json!({"error": name(error)})
    }

    /// The error's name, as NVML's documentation has it without its prefix.
    fn name(error: &NvmlError) -> String {
        let shown = format!("{error:?}");
        shown
            .split(['(', ' ', '{'])
            .next()
            .unwrap_or_default()
            .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_library_the_answer_says_so() {
        let library_path = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
        if may_be_there(&NVML, library_path.to_str(), Path::exists, Vec::new) {
            println!("SKIPPED: this machine has the library");
            return;
        }
        assert_eq!(answer("nvml")["error"], "LibraryNotFound");
        assert_eq!(answer("../../etc/passwd")["error"], "Unknown");
    }

    #[test]
    fn a_look_at_files_tells_whether_a_library_may_be_there() {
        let only = |place: &'static str| move |path: &Path| path == Path::new(place);
        assert!(may_be_there(
            &NVML,
            None,
            only("/usr/lib64/libnvidia-ml.so.1"),
            Vec::new
        ));
        assert!(may_be_there(
            &NVML,
            Some("/a::/b"),
            only("/b/libnvidia-ml.so.1"),
            Vec::new
        ));
        assert!(!may_be_there(
            &NVML,
            Some("/a"),
            only("/b/libnvidia-ml.so.1"),
            Vec::new
        ));
        assert!(may_be_there(
            &NVML,
            None,
            |_| false,
            || b"\0libnvidia-ml.so.1\0/nix/libnvidia-ml.so.1\0".to_vec()
        ));
        assert!(!may_be_there(
            &NVML,
            None,
            |_| false,
            || b"libnvidia-ml.so".to_vec()
        ));
    }
}
