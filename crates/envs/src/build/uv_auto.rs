//! What uv's `--torch-backend=auto` would take on a machine, by its own rules as data.

use super::admission::admits_python;
use super::cuda::{self, Driver};
use super::torch::nvidia::{candidates, serves};
use super::torch::{by_wish, variant_of};
use super::{Build, Wish, architecture, counted};
use deskside_knowledge::frameworks::{self, TorchRelease};
use deskside_knowledge::version::order;
use deskside_types::facts::{Facts, OsKind, Vendor};
use schemars::JsonSchema;
use serde::Serialize;
use std::cmp::Ordering;

/// uv's choice, and what is wrong with it here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UvAuto {
    /// The build: `cu132`, `rocm7.2`, `cpu`.
    pub variant: String,
    /// The newest release it would give; none where none is known in its indexes.
    pub release: Option<String>,
    /// Why that is not right here; none where it is.
    pub wrong: Option<String>,
    /// What else to say of it.
    pub note: Option<String>,
}

/// What uv would take for PyTorch.
///
/// For NVIDIA every build whose lowest driver is met is a candidate, newest first; a release is then taken from the
/// first of these indexes that has it, since uv looks no further once an index has the package. GPUs are not looked at.
pub fn uv_auto(facts: &Facts, wish: &Wish, ours: &Build) -> UvAuto {
    let (variant, release) = taken(facts, wish);
    let same =
        variant == ours.variant && (release.is_none() || release.as_deref() == Some(&ours.release));
    let wrong = if same {
        None
    } else {
        wrong(facts, wish, ours, &variant, release.as_deref())
    };
    let note = (facts.system.kind == OsKind::MacOs).then(|| {
        "its CPU index has the same packages for Macs as the default one, Metal included"
            .to_string()
    });
    UvAuto {
        variant,
        release,
        wrong,
        note,
    }
}

fn taken(facts: &Facts, wish: &Wish) -> (String, Option<String>) {
    let releases = by_wish(wish);
    let python = wish.python.as_deref();
    let newest = |has: &dyn Fn(&TorchRelease) -> bool| {
        releases
            .iter()
            .find(|release| {
                has(release)
                    && admits_python(python, &release.python_min, release.newest_python_own())
            })
            .map(|release| release.version.clone())
    };
    if facts.system.kind == OsKind::MacOs {
        return ("cpu".into(), newest(&|_| true));
    }
    let rules = frameworks::uv_auto();
    let version = match Driver::of(facts) {
        Driver::Version(version) => Some(version),
        // uv asks nvidia-smi where the kernel tells nothing.
        Driver::Cuda(_) | Driver::Unknown(_) => facts.drivers.nvidia.user_space.value().cloned(),
        Driver::Absent(_) => None,
    };
    if let Some(version) = version {
        // Where nothing names it, an index is taken to have what the release matrix says.
        for row in rules
            .cuda
            .iter()
            .filter(|row| cuda::serves(&version, &row.driver))
        {
            let found = newest(&|release| {
                release
                    .cuda
                    .iter()
                    .chain(&release.experimental)
                    .chain(std::iter::once(&release.default_cuda))
                    .any(|cuda| variant_of(cuda) == row.backend)
            });
            if found.is_some() {
                return (row.backend.clone(), found);
            }
        }
        return ("cpu".into(), newest(&|_| true));
    }
    // The lowest of the targets that uv knows at all.
    let target = facts
        .known_gpus()
        .iter()
        .filter(|gpu| gpu.vendor == Vendor::Amd)
        .filter_map(|gpu| gpu.gfx_target.value())
        .filter(|target| rules.rocm.iter().any(|row| row.targets.contains(target)))
        .min_by_key(|target| (target.len(), target.as_str()));
    if let Some(target) = target {
        for row in rules
            .rocm
            .iter()
            .filter(|row| row.targets.iter().any(|own| own == target))
        {
            let found = newest(&|release| {
                release
                    .rocm
                    .as_ref()
                    .is_some_and(|rocm| format!("rocm{rocm}") == row.backend)
            });
            if found.is_some() {
                return (row.backend.clone(), found);
            }
        }
    }
    ("cpu".into(), newest(&|_| true))
}

/// What is wrong with uv's choice, in a sentence.
fn wrong(
    facts: &Facts,
    wish: &Wish,
    ours: &Build,
    variant: &str,
    release: Option<&str>,
) -> Option<String> {
    let Some(release) = release else {
        return Some("none of its indexes has a release that meets the wish".into());
    };
    let gpus = cuda::gpus(facts);
    let known = by_wish(wish)
        .into_iter()
        .find(|known| known.version == release);
    let own = known.and_then(|known| {
        candidates(known, architecture(facts).unwrap_or("x86_64"))
            .into_iter()
            .find(|candidate| variant_of(&candidate.cuda) == variant)
    });
    if let Some(own) = &own {
        let unserved: Vec<String> = gpus
            .iter()
            .filter(|gpu| !serves(own, gpu))
            .map(|gpu| cuda::described(gpu))
            .collect();
        if !unserved.is_empty() {
            return Some(format!(
                "it has no code for {}: it installs, and fails with \"no kernel image is available\" when it computes",
                counted(&unserved)
            ));
        }
    }
    if variant == "cpu" && facts.system.kind == OsKind::MacOs {
        return None;
    }
    if variant == "cpu" && ours.variant != "cpu" {
        return Some(if ours.accelerated {
            "it computes on the processor, though a build serves the GPU here".into()
        } else {
            "without a loaded driver it sees no GPU; the build would have to be replaced once there is one".into()
        });
    }
    if ours.release != release && order(&ours.release, release) == Ordering::Greater {
        return Some(format!(
            "it takes an index that ends with torch {release}; {} serves here",
            ours.release
        ));
    }
    if ours.index.is_none() && variant != ours.variant {
        return Some(format!(
            "not wrong, but {} from the default index is newer and comes without a second index",
            ours.variant
        ));
    }
    (variant != ours.variant).then(|| format!("{} serves better here", ours.variant))
}
