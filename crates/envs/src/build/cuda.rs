//! NVIDIA drivers and GPUs as builds see them.

use super::{listed, shown};
use deskside_knowledge::frameworks;
use deskside_knowledge::version::order;
use deskside_types::facts::{Facts, Gpu, Vendor};
use std::cmp::Ordering;

/// What is known of the driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Driver {
    /// Its version.
    Version(String),
    /// Only the newest CUDA it serves is known.
    Cuda(String),
    /// There is none.
    Absent,
    /// It could not be read.
    Unknown(String),
}

impl Driver {
    /// The driver of a machine. Under WSL it is Windows' driver, which no kernel module tells of.
    pub fn of(facts: &Facts) -> Self {
        let driver = &facts.drivers.nvidia;
        let wsl = facts.system.wsl.value().is_some();
        let version = driver
            .loaded
            .value()
            .or_else(|| driver.user_space.value().filter(|_| wsl));
        if let Some(version) = version {
            return Self::Version(version.clone());
        }
        if let Some(cuda) = driver.cuda.value() {
            return Self::Cuda(cuda.clone());
        }
        match driver.loaded.reason() {
            Some(reason) => Self::Unknown(reason.into()),
            None if wsl => Self::Unknown("Windows' driver did not tell its version".into()),
            None => Self::Absent,
        }
    }

    /// Whether it runs a CUDA build that asks for at least `minimum`. Unknown drivers are taken to be new.
    pub fn reaches(&self, minimum: &str) -> bool {
        match self {
            Self::Version(version) => order(version, minimum) != Ordering::Less,
            Self::Cuda(cuda) => {
                let major: u32 = cuda
                    .split('.')
                    .next()
                    .and_then(|major| major.parse().ok())
                    .unwrap_or(0);
                let row = frameworks::torch()
                    .drivers
                    .iter()
                    .find(|row| row.cuda_major <= major);
                row.is_some_and(|row| order(&row.minimum, minimum) != Ordering::Less)
            }
            Self::Absent | Self::Unknown(_) => true,
        }
    }

    /// In words: `driver 580.95.05`.
    pub fn shown(&self) -> String {
        match self {
            Self::Version(version) => format!("driver {version}"),
            Self::Cuda(cuda) => format!("a driver for CUDA {cuda}"),
            Self::Absent => "no driver".into(),
            Self::Unknown(_) => "a driver of unknown version".into(),
        }
    }
}

/// The NVIDIA GPUs of a machine.
pub fn gpus(facts: &Facts) -> Vec<&Gpu> {
    facts
        .known_gpus()
        .iter()
        .filter(|gpu| gpu.vendor == Vendor::Nvidia)
        .collect()
}

/// A GPU in words with its compute capability.
pub fn described(gpu: &Gpu) -> String {
    match gpu.compute_capability.value() {
        Some(capability) => format!("{} (compute capability {capability})", shown(gpu)),
        None => shown(gpu),
    }
}

/// The best candidate: the first that serves all GPUs, else the first that serves the most.
/// Answers with the GPUs it leaves out. A GPU whose compute capability is unknown counts as served.
pub fn best<'a, T>(
    candidates: impl IntoIterator<Item = T>,
    gpus: &[&'a Gpu],
    serves: impl Fn(&T, &str) -> bool,
) -> Option<(T, Vec<&'a Gpu>)> {
    let mut best: Option<(T, Vec<&'a Gpu>)> = None;
    for candidate in candidates {
        let left_out: Vec<&Gpu> = gpus
            .iter()
            .copied()
            .filter(|gpu| {
                gpu.compute_capability
                    .value()
                    .is_some_and(|capability| !serves(&candidate, capability))
            })
            .collect();
        if left_out.len() < gpus.len()
            && best
                .as_ref()
                .is_none_or(|(_, fewest)| left_out.len() < fewest.len())
        {
            let done = left_out.is_empty();
            best = Some((candidate, left_out));
            if done {
                break;
            }
        }
    }
    best
}

/// What leaving GPUs out means: the variable that hides them from training, and the sentence that says so.
pub fn leave_out(
    gpus: &[&Gpu],
    left_out: &[&Gpu],
    variant: &str,
) -> (Option<String>, Option<String>) {
    if left_out.is_empty() {
        return (None, None);
    }
    let kept: Vec<String> = gpus
        .iter()
        .filter(|gpu| !left_out.iter().any(|out| std::ptr::eq(*out, **gpu)))
        .filter_map(|gpu| gpu.uuid.value().cloned())
        .collect();
    let names: Vec<String> = left_out.iter().map(|gpu| described(gpu)).collect();
    let sentence = format!(
        "no build serves all GPUs at once: {variant} leaves out {}",
        listed(&names)
    );
    let complete = kept.len() + left_out.len() == gpus.len() && !kept.is_empty();
    (complete.then(|| kept.join(",")), Some(sentence))
}

/// What stands against every build, in a sentence.
pub fn none_fits(gpus: &[&Gpu], driver: &Driver, lowest_driver: &str) -> String {
    if !driver.reaches(lowest_driver) {
        return format!(
            "{} is older than {lowest_driver}, the oldest that CUDA 12 runs on; update it to use {}",
            driver.shown(),
            listed(&gpus.iter().map(|gpu| shown(gpu)).collect::<Vec<_>>())
        );
    }
    format!(
        "no build with {} has code for {}",
        driver.shown(),
        listed(&gpus.iter().map(|gpu| described(gpu)).collect::<Vec<_>>())
    )
}

/// A sentence on the driver where the build can't be used before it is mended.
pub fn driver_note(driver: &Driver) -> Option<String> {
    match driver {
        Driver::Absent => Some("no NVIDIA driver is loaded: training runs on the processor until one is installed; this build serves then".into()),
        Driver::Unknown(reason) => Some(format!("the NVIDIA driver's version is not known ({reason}); a current one is taken for granted")),
        Driver::Version(_) | Driver::Cuda(_) => None,
    }
}
