//! Device libraries, asked in a child process with a deadline, because they can block for a minute.

use std::time::Duration;

/// A question to a device library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceQuestion {
    /// NVIDIA's management library: driver, CUDA version and every device.
    Nvml {
        /// After that the library is given up on.
        deadline: Duration,
    },
}

impl DeviceQuestion {
    /// The library's name, which is also the bundle's file name under `device/`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nvml { .. } => "nvml",
        }
    }
}
