//! NVIDIA drivers and GPUs as builds see them.

use super::{counted, shown};
use deskside_knowledge::frameworks;
use deskside_knowledge::hardware;
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
    /// There is none. The newest driver branch for the cards, where it has an end.
    Absent(Option<String>),
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
            return if version
                .trim()
                .starts_with(|letter: char| letter.is_ascii_digit())
            {
                Self::Version(version.trim().to_string())
            } else {
                Self::Unknown(format!("`{version}` is no version"))
            };
        }
        if let Some(cuda) = driver.cuda.value() {
            return Self::Cuda(cuda.clone());
        }
        match driver.loaded.reason() {
            Some(reason) => Self::Unknown(reason.into()),
            None if wsl => Self::Unknown("Windows' driver did not tell its version".into()),
            None => Self::Absent(last_branch(&gpus(facts))),
        }
    }

    /// It is there, as far as is known.
    pub fn is_there(&self) -> bool {
        !matches!(self, Self::Absent(_))
    }

    /// Whether it runs a CUDA build that asks for at least `minimum`. Unknown drivers are taken to be new; where
    /// there is none, the newest for the cards is meant.
    pub fn reaches(&self, minimum: &str) -> bool {
        match self {
            Self::Version(version) => serves(version, minimum),
            Self::Cuda(cuda) => frameworks::torch()
                .drivers
                .iter()
                .find(|row| row.cuda_major <= major(cuda))
                .is_some_and(|row| order(&row.minimum, minimum) != Ordering::Less),
            Self::Absent(Some(branch)) => serves(branch, minimum),
            Self::Absent(None) | Self::Unknown(_) => true,
        }
    }

    /// In words: `driver 580.95.05`.
    pub fn shown(&self) -> String {
        match self {
            Self::Version(version) => format!("driver {version}"),
            Self::Cuda(cuda) => format!("a driver for CUDA {cuda}"),
            Self::Absent(_) => "no driver".into(),
            Self::Unknown(_) => "a driver of unknown version".into(),
        }
    }

    /// Why a build that needs `minimum` is ruled out.
    pub fn too_old_for(&self, minimum: &str) -> String {
        match self {
            Self::Absent(Some(branch)) => format!(
                "needs driver {minimum} or newer, and the last for this card is branch {branch}"
            ),
            Self::Version(version) => {
                format!("needs driver {minimum} or newer, this is {version}")
            }
            _ => format!("needs driver {minimum} or newer, this is {}", self.shown()),
        }
    }
}

/// Whether a driver is at least `minimum`. A branch (`525`) stands for its newest driver.
pub fn serves(driver: &str, minimum: &str) -> bool {
    if driver.contains('.') {
        order(driver, minimum) != Ordering::Less
    } else {
        order(&format!("{driver}.9999"), minimum) != Ordering::Less
    }
}

/// `13` of `13.2`; 0 where there is no number.
pub fn major(version: &str) -> u32 {
    version
        .split('.')
        .next()
        .and_then(|major| major.parse().ok())
        .unwrap_or(0)
}

/// The oldest of the cards' last driver branches; none where one can't tell or all go on.
pub fn last_branch(gpus: &[&Gpu]) -> Option<String> {
    gpus.iter()
        .filter_map(|gpu| gpu.compute_capability.value())
        .filter_map(|capability| hardware::nvidia_architecture(capability))
        .filter_map(|architecture| architecture.last_driver_branch.clone())
        .min_by(|left, right| order(left, right))
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
/// Answers with its place and the GPUs it leaves out.
pub fn best<'a, T>(
    candidates: &[T],
    gpus: &[&'a Gpu],
    serves: impl Fn(&T, &Gpu) -> bool,
) -> Option<(usize, Vec<&'a Gpu>)> {
    let mut best: Option<(usize, Vec<&'a Gpu>)> = None;
    for (place, candidate) in candidates.iter().enumerate() {
        let left_out: Vec<&Gpu> = gpus
            .iter()
            .copied()
            .filter(|gpu| !serves(candidate, gpu))
            .collect();
        if left_out.len() < gpus.len()
            && best
                .as_ref()
                .is_none_or(|(_, fewest)| left_out.len() < fewest.len())
        {
            let done = left_out.is_empty();
            best = Some((place, left_out));
            if done {
                break;
            }
        }
    }
    best
}

/// The GPUs that are kept.
pub fn kept<'a>(gpus: &[&'a Gpu], left_out: &[&Gpu]) -> Vec<&'a Gpu> {
    gpus.iter()
        .copied()
        .filter(|gpu| !left_out.iter().any(|out| std::ptr::eq(*out, *gpu)))
        .collect()
}

/// The identities of GPUs for a variable that hides the others; none where one has no identity.
pub fn identities(kept: &[&Gpu]) -> Option<String> {
    let all: Vec<String> = kept
        .iter()
        .filter_map(|gpu| gpu.uuid.value().cloned())
        .collect();
    (all.len() == kept.len() && !all.is_empty()).then(|| all.join(","))
}

/// What stands against every build, in a sentence.
pub fn none_fits(gpus: &[&Gpu], driver: &Driver, lowest: (&str, u32)) -> String {
    let (minimum, cuda) = lowest;
    if !driver.reaches(minimum) {
        return format!(
            "{} is older than {minimum}, the oldest that CUDA {cuda} runs on; update it to use {}",
            driver.shown(),
            counted(&gpus.iter().map(|gpu| shown(gpu)).collect::<Vec<_>>())
        );
    }
    format!(
        "no build with {} has code for {}",
        driver.shown(),
        counted(&gpus.iter().map(|gpu| described(gpu)).collect::<Vec<_>>())
    )
}

/// A sentence on the driver where the build can't be used before it is mended.
pub fn driver_note(driver: &Driver) -> Option<String> {
    match driver {
        Driver::Absent(Some(branch)) => Some(format!("no NVIDIA driver is loaded: training runs on the processor until one is installed (branch {branch} is the last for this card); this build serves then")),
        Driver::Absent(None) => Some("no NVIDIA driver is loaded: training runs on the processor until one is installed; this build serves then".into()),
        Driver::Unknown(reason) => Some(format!("the NVIDIA driver's version is not known ({reason}); a current one is taken for granted")),
        Driver::Version(_) | Driver::Cuda(_) => None,
    }
}

/// The NVIDIA driver of a machine in words.
pub fn driver_in_words(facts: &Facts) -> String {
    Driver::of(facts).shown()
}
