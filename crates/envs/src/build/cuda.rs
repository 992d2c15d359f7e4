//! NVIDIA drivers and GPUs as builds see them.

use super::parts::LeftOut;
use super::{Build, counted, listed, shown};
use deskside_knowledge::frameworks;
use deskside_knowledge::hardware::{self, KernelModules};
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
    /// One is loaded that drives none of the cards: they are newer than it, or older than it goes back.
    Unfit(Unfit),
    /// It could not be read.
    Unknown(String),
}

/// A driver that is loaded and drives none of the cards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// The driver in words.
    pub driver: String,
    /// Its version, where it is known.
    pub version: Option<String>,
    /// Why, a clause: `NVIDIA GeForce RTX 5090 needs driver branch 570 or newer`.
    pub why: String,
    /// The oldest branch that drives the cards.
    pub first: Option<String>,
    /// The newest one, where it has an end.
    pub last: Option<String>,
}

impl Driver {
    /// The driver of a machine. Under WSL it is Windows' driver, which no kernel module tells of.
    pub fn of(facts: &Facts) -> Self {
        let driver = Self::loaded(facts);
        let all = gpus(facts);
        let why: Vec<String> = all
            .iter()
            .filter_map(|gpu| undriven(facts, &driver, gpu))
            .collect();
        if why.is_empty() || why.len() < all.len() {
            return driver;
        }
        Self::Unfit(Unfit {
            version: driver.version().map(String::from),
            driver: driver.shown(),
            why: listed(&unique(why)),
            first: first_branch(&all),
            last: last_branch(&all),
        })
    }

    /// The driver, whether it drives the cards or not.
    pub fn loaded(facts: &Facts) -> Self {
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

    /// It is there and drives a card, as far as is known.
    pub fn is_there(&self) -> bool {
        !matches!(self, Self::Absent(_) | Self::Unfit(_))
    }

    /// Its version, where it is known.
    pub fn version(&self) -> Option<&str> {
        match self {
            Self::Version(version) => Some(version),
            Self::Unfit(unfit) => unfit.version.as_deref(),
            Self::Cuda(_) | Self::Absent(_) | Self::Unknown(_) => None,
        }
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
            Self::Absent(Some(branch))
            | Self::Unfit(Unfit {
                last: Some(branch), ..
            }) => serves(branch, minimum),
            Self::Absent(None) | Self::Unfit(_) | Self::Unknown(_) => true,
        }
    }

    /// In words: `driver 580.95.05`.
    pub fn shown(&self) -> String {
        match self {
            Self::Version(version) => format!("driver {version}"),
            Self::Cuda(cuda) => format!("a driver for CUDA {cuda}"),
            Self::Absent(_) => "no driver".into(),
            Self::Unfit(unfit) => unfit.driver.clone(),
            Self::Unknown(_) => "a driver of unknown version".into(),
        }
    }

    /// In words behind the cards: ` with driver 580.95.05`; nothing where none drives them.
    pub fn beside(&self) -> String {
        if self.is_there() {
            format!(" with {}", self.shown())
        } else {
            String::new()
        }
    }

    /// Why a build that needs `minimum` is ruled out.
    pub fn too_old_for(&self, minimum: &str) -> String {
        match self {
            Self::Absent(Some(branch))
            | Self::Unfit(Unfit {
                last: Some(branch), ..
            }) => format!(
                "needs driver {minimum} or newer, and the last for this card is branch {branch}"
            ),
            Self::Version(version) => {
                format!("needs driver {minimum} or newer, this is {version}")
            }
            _ => format!("needs driver {minimum} or newer, this is {}", self.shown()),
        }
    }
}

/// Why a driver does not drive a card, in a clause; none where it does, as far as is known.
///
/// A driver older than the card does not know it, whatever CUDA a program brings; one newer than the card's last branch
/// has dropped it. Windows numbers its drivers otherwise within a branch, so that the last branch is not held against them.
pub fn undriven(facts: &Facts, driver: &Driver, gpu: &Gpu) -> Option<String> {
    let known = hardware::nvidia_architecture(gpu.compute_capability.value()?)?;
    let name = shown(gpu);
    match driver {
        Driver::Version(version) => {
            let branch = version.split('.').next().unwrap_or(version);
            let first = known.min_driver.as_ref();
            let last = known.last_driver_branch.as_ref();
            if let Some(first) = first.filter(|first| !serves(version, first)) {
                return Some(format!("{name} needs driver branch {first} or newer"));
            }
            last.filter(|last| {
                facts.system.wsl.value().is_none() && order(branch, last) == Ordering::Greater
            })
            .map(|last| format!("the last driver branch for {name} is {last}"))
        }
        Driver::Cuda(cuda) => (order(&known.min_cuda, cuda) == Ordering::Greater)
            .then(|| format!("{name} needs a driver for CUDA {} or newer", known.min_cuda)),
        Driver::Absent(_) | Driver::Unfit(_) | Driver::Unknown(_) => None,
    }
}

/// The cards that a driver drives, and the others with the reason.
pub fn driven<'a>(
    facts: &Facts,
    driver: &Driver,
    gpus: &[&'a Gpu],
) -> (Vec<&'a Gpu>, Vec<(&'a Gpu, String)>) {
    let mut driven = Vec::new();
    let mut others = Vec::new();
    for gpu in gpus {
        match undriven(facts, driver, gpu) {
            Some(why) => others.push((*gpu, why)),
            None => driven.push(*gpu),
        }
    }
    (driven, others)
}

/// The cards that a driver does not drive while it drives others, in a sentence.
pub fn undriven_note(driver: &Driver, undriven: &[(&Gpu, String)]) -> Option<String> {
    let why: Vec<String> = undriven.iter().map(|(_, why)| why.clone()).collect();
    (!why.is_empty()).then(|| {
        format!(
            "{} does not drive all cards: {}",
            driver.shown(),
            listed(&unique(why))
        )
    })
}

/// The cards that a driver does not drive, as left out. They need not be hidden: no program sees them.
pub fn left_out_by_driver(undriven: Vec<(&Gpu, String)>) -> impl Iterator<Item = LeftOut> {
    undriven.into_iter().map(|(gpu, why)| LeftOut {
        gpu: described(gpu),
        uuid: gpu.uuid.value().cloned(),
        why,
    })
}

fn unique(mut all: Vec<String>) -> Vec<String> {
    let mut seen = Vec::new();
    all.retain(|one| {
        let first = !seen.contains(one);
        seen.push(one.clone());
        first
    });
    all
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

/// The newest of the branches that first drove the cards; none where no card has one that is known.
pub fn first_branch(gpus: &[&Gpu]) -> Option<String> {
    gpus.iter()
        .filter_map(|gpu| gpu.compute_capability.value())
        .filter_map(|capability| hardware::nvidia_architecture(capability))
        .filter_map(|architecture| architecture.min_driver.clone())
        .max_by(|left, right| order(left, right))
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

/// A sentence on the driver where the build can't be used before it is mended. `floor` is the oldest that the build's
/// CUDA runs on.
pub fn driver_note(driver: &Driver, floor: &str) -> Option<String> {
    match driver {
        Driver::Unfit(unfit) => Some(format!(
            "{}. Training runs on the processor until {} is installed; this build serves then",
            unfit.sentence(),
            unfit.wanted(floor)
        )),
        Driver::Absent(Some(branch)) => Some(format!("no NVIDIA driver is loaded: training runs on the processor until one is installed (branch {branch} is the last for this card); this build serves then")),
        Driver::Absent(None) => Some("no NVIDIA driver is loaded: training runs on the processor until one is installed; this build serves then".into()),
        Driver::Unknown(reason) => Some(format!("the NVIDIA driver's version is not known ({reason}); a current one is taken for granted")),
        Driver::Version(_) | Driver::Cuda(_) => None,
    }
}

/// A driver that drives none of the cards, and the one to get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfitDriver {
    /// What is wrong: `driver 535.183.01 does not drive the card: …`.
    pub what: String,
    /// What serves the cards and the build: `branch 580 or newer`.
    pub wanted: String,
    /// The same as a wish for the system's plan: `580-open`.
    pub wish: String,
}

/// The driver, where it drives none of the cards that a build is for.
pub fn unfit_driver(facts: &Facts, build: &Build) -> Option<UnfitDriver> {
    let Driver::Unfit(unfit) = Driver::of(facts) else {
        return None;
    };
    let major = build.cuda_major()?;
    let floor = frameworks::torch()
        .drivers
        .iter()
        .find(|row| row.cuda_major == major)
        .map_or("", |row| row.minimum.as_str());
    let open = gpus(facts)
        .iter()
        .filter_map(|gpu| gpu.compute_capability.value())
        .filter_map(|capability| hardware::nvidia_architecture(capability))
        .any(|known| known.kernel_modules == KernelModules::Open);
    let branch = unfit.branch(floor);
    Some(UnfitDriver {
        what: unfit.sentence(),
        wanted: unfit.wanted(floor),
        wish: if open {
            format!("{branch}-open")
        } else {
            branch
        },
    })
}

impl Unfit {
    /// The branch that drives the cards and runs a CUDA from `floor` on.
    fn branch(&self, floor: &str) -> String {
        let floor = floor.split('.').next().unwrap_or(floor);
        match (&self.last, &self.first) {
            (Some(last), _) => last.clone(),
            (None, Some(first)) if order(first, floor) == Ordering::Greater => first.clone(),
            _ => floor.to_string(),
        }
    }

    /// That it drives no card, and why: `driver 535.183.01 does not drive the card: …`.
    pub fn sentence(&self) -> String {
        format!("{} does not drive the card: {}", self.driver, self.why)
    }

    /// The branch to install instead, in words: `branch 580 or newer`.
    pub fn wanted(&self, floor: &str) -> String {
        let newer = if self.last.is_some() { "" } else { " or newer" };
        format!("branch {}{newer}", self.branch(floor))
    }
}

/// The NVIDIA driver of a machine in words.
pub fn driver_in_words(facts: &Facts) -> String {
    Driver::of(facts).shown()
}
