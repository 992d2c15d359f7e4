//! What is known of hardware by its ids and names, before any driver is asked.

mod amd;
mod apple;
mod catalogue;
mod names;
mod nvidia;
mod processor;

pub use amd::{AmdTarget, amd_device_name, amd_gfx, amd_target, amd_targets};
pub use apple::{AppleChip, apple_chip, apple_chips};
pub use catalogue::{CatalogueEntry, gpu_catalogue, gpu_entries};
pub use names::{Maker, NamedGpu, gpu_names, gpus_called};
pub use nvidia::{
    KernelModules, NvidiaArchitecture, NvidiaDevice, nvidia_architecture, nvidia_architectures,
    nvidia_device, nvidia_devices,
};
pub use processor::arm_processor;
