//! What uv's `--torch-backend=auto` would take on a machine, by its own rules as data.

use super::admission::admits_python;
use super::cuda::{self, Driver};
use super::torch::nvidia::{candidates, serves};
use super::torch::{by_wish, variant_of};
use super::{Build, Wish, architecture, counted};
use deskside_knowledge::frameworks::{self, TorchRelease};
use deskside_knowledge::version::order;
use deskside_types::facts::{Facts, OsKind, ToolkitKind, Vendor};
use schemars::JsonSchema;
use serde::Serialize;
use std::cmp::Ordering;

/// uv's choice, and what is wrong with it here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UvAuto {
    /// The build: `cu132`, `rocm7.2`, `cpu`, `xpu`; none where what it goes by is not known.
    pub variant: Option<String>,
    /// The newest release it would give; none where none is known in its indexes.
    pub release: Option<String>,
    /// Why that is not right here; none where it is.
    pub wrong: Option<String>,
    /// What else to say of it.
    pub note: Option<String>,
}

/// What uv would take for PyTorch.
///
/// For NVIDIA every build whose lowest driver is met is a candidate, newest first; the newest release that has packages
/// for the system and the Python is taken from the first of these indexes that has one (uv searches PyTorch's indexes by
/// first match). GPUs are not looked at.
pub fn uv_auto(facts: &Facts, wish: &Wish, ours: &Build) -> UvAuto {
    let (variant, release) = match taken(facts, wish) {
        Ok(taken) => taken,
        Err(reason) => {
            return UvAuto {
                variant: None,
                release: None,
                wrong: None,
                note: Some(reason),
            };
        }
    };
    let rules = frameworks::uv_auto();
    if variant == rules.intel_backend {
        return UvAuto {
            wrong: Some("PyTorch's build for Intel's GPUs, for any display unit of Intel's, whether that build serves it or not".into()),
            note: Some("which releases that index has, and which of Intel's GPUs they serve, is not known here".into()),
            variant: Some(variant),
            release: None,
        };
    }
    let same =
        variant == ours.variant && (release.is_none() || release.as_deref() == Some(&ours.release));
    let wrong = if same {
        None
    } else {
        wrong(facts, wish, ours, &variant, release.as_deref())
    };
    let note = if facts.system.kind == OsKind::MacOs {
        Some(
            "its CPU index has the same packages for Macs as the default one, Metal included"
                .to_string(),
        )
    } else if variant.starts_with("rocm") && facts.toolkits.value().is_none() {
        Some(format!(
            "where {} is installed, a program of ROCm's: without it uv sees no AMD GPU and takes the CPU build",
            rules.rocm_program
        ))
    } else {
        None
    };
    UvAuto {
        variant: Some(variant),
        release,
        wrong,
        note,
    }
}

/// Whether a release has packages for the system, as far as it is known.
fn runs_here(facts: &Facts, release: &TorchRelease, architecture: &str) -> bool {
    let at_least = |have: Option<&str>, needed: &str| {
        have.is_none_or(|have| order(have, needed) != Ordering::Less)
    };
    if facts.system.kind != OsKind::MacOs {
        return at_least(
            facts.system.glibc.value().map(String::as_str),
            &release.glibc_min,
        );
    }
    if architecture == "aarch64" {
        let os = facts.system.os.value();
        at_least(os.and_then(|os| os.version.as_deref()), &release.macos_min)
    } else {
        at_least(Some(&frameworks::torch().intel_mac), &release.version)
    }
}

/// The build and the release; else why that can't be told.
fn taken(facts: &Facts, wish: &Wish) -> Result<(String, Option<String>), String> {
    let Some(architecture) = architecture(facts) else {
        return Err("the processor is not known, and it decides which packages there are".into());
    };
    let mac = facts.system.kind == OsKind::MacOs;
    if !mac && facts.system.glibc.is_absent() {
        return Err("PyTorch's packages need glibc, and this system has another C library".into());
    }
    let releases = by_wish(wish);
    let python = wish.python.as_deref();
    let newest = |has: &dyn Fn(&'static TorchRelease) -> bool| {
        releases
            .iter()
            .find(|release| {
                let last = if mac {
                    release.newest_python_macos()
                } else {
                    release.newest_python_own()
                };
                has(release)
                    && runs_here(facts, release, architecture)
                    && admits_python(python, &release.python_min, last)
            })
            .map(|release| release.version.clone())
    };
    let processor = || ("cpu".to_string(), newest(&|_| true));
    if mac {
        return Ok(processor());
    }
    let rules = frameworks::uv_auto();
    let driver = Driver::loaded(facts);
    let version = match &driver {
        Driver::Version(version) => Some(version.clone()),
        // uv asks nvidia-smi where the kernel tells nothing.
        Driver::Cuda(_) | Driver::Unknown(_) => {
            let asked = facts.drivers.nvidia.user_space.value().cloned();
            if asked.is_none() && !cuda::gpus(facts).is_empty() {
                return Err("it goes by the driver's version, which is not known here".to_string());
            }
            asked
        }
        Driver::Absent(_) | Driver::Unfit(_) => None,
    };
    if let Some(version) = version {
        // Where nothing names it, an index is taken to have what the release matrix says.
        for row in rules
            .cuda
            .iter()
            .filter(|row| cuda::serves(&version, &row.driver))
        {
            let found = newest(&|release| {
                candidates(release, architecture)
                    .iter()
                    .any(|candidate| variant_of(&candidate.cuda) == row.backend)
            });
            if found.is_some() {
                return Ok((row.backend.clone(), found));
            }
        }
        return Ok(processor());
    }
    // The lowest of the targets that uv knows at all. Without ROCm's program there is none.
    let asks = facts
        .toolkits
        .value()
        .is_none_or(|all| all.iter().any(|one| one.kind == ToolkitKind::Rocm));
    let target = facts
        .known_gpus()
        .iter()
        .filter(|gpu| asks && gpu.vendor == Vendor::Amd)
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
                return Ok((row.backend.clone(), found));
            }
        }
        return Ok(processor());
    }
    if facts
        .known_gpus()
        .iter()
        .any(|gpu| gpu.vendor == Vendor::Intel)
    {
        return Ok((rules.intel_backend.clone(), None));
    }
    Ok(processor())
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
            "it sees no GPU that can be used yet; the build would have to be replaced once one can"
                .into()
        });
    }
    if ours.release != release && order(&ours.release, release) == Ordering::Greater {
        return Some(format!(
            "it takes an index that ends with torch {release}; {} serves here",
            ours.release
        ));
    }
    if ours.index.is_none() && variant != ours.variant {
        let cuda = |name: &str| name.strip_prefix("cu")?.parse::<u32>().ok();
        let is_newer = match (cuda(&ours.variant), cuda(variant)) {
            (Some(own), Some(other)) => ours.release == release && own > other,
            _ => false,
        };
        let what = match is_newer {
            true => "is newer and comes",
            false => "comes",
        };
        return Some(format!(
            "not wrong, but {} from the default index {what} without a second index",
            ours.variant
        ));
    }
    (variant != ours.variant).then(|| format!("{} serves better here", ours.variant))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::tests_support::{amd, facts, mac, nvidia};
    use crate::build::{Flavour, choose};
    use deskside_types::Known;
    use deskside_types::facts::{Toolkit, ToolkitKind};

    fn asked(facts: &Facts) -> UvAuto {
        let ours = choose(facts, Flavour::Torch, &Wish::default()).unwrap();
        uv_auto(facts, &Wish::default(), &ours)
    }

    #[test]
    fn old_systems_end_with_the_releases_that_they_run() {
        let mut old = nvidia(&["8.9"], Some("580.95.05"));
        old.system.glibc = Known::Value("2.17".into());
        for (facts, variant, release) in [
            (mac("arm64", "15.6"), "cpu", "2.15"),
            (mac("arm64", "13.6"), "cpu", "2.11"),
            (mac("x86_64", "13.6"), "cpu", "2.2"),
            (old, "cu126", "2.6"),
            (facts(), "cpu", "2.15"),
        ] {
            let auto = asked(&facts);
            assert_eq!(auto.variant.as_deref(), Some(variant), "{auto:?}");
            assert_eq!(auto.release.as_deref(), Some(release), "{auto:?}");
        }
    }

    #[test]
    fn newer_is_said_of_what_is_newer() {
        let facts = nvidia(&["8.9"], Some("580.95.05"));
        let mut told = 0;
        for release in ["2.6", "2.7", "2.8", "2.9", "2.10", "2.11", "2.12"] {
            let wish = Wish {
                framework: format!("=={release}.*"),
                ..Wish::default()
            };
            let Ok(ours) = choose(&facts, Flavour::Torch, &wish) else {
                continue;
            };
            let auto = uv_auto(&facts, &wish, &ours);
            let wrong = auto.wrong.unwrap_or_default();
            if wrong.contains("is newer") {
                let number = |name: &str| name.trim_start_matches("cu").parse::<u32>().unwrap();
                let other = auto.variant.unwrap();
                assert!(number(&ours.variant) > number(&other), "{wrong}, {other}");
            }
            told += usize::from(wrong.contains("without a second index"));
        }
        assert!(told > 0);
    }

    #[test]
    fn what_it_goes_by_and_is_not_known_is_said() {
        let mut hidden = nvidia(&["8.9"], None);
        hidden.drivers.nvidia.loaded = Known::unknown("not allowed to look");
        let auto = asked(&hidden);
        assert_eq!((auto.variant, auto.wrong), (None, None));
        assert!(auto.note.unwrap().contains("not known"));
    }

    #[test]
    fn amd_cards_are_seen_where_rocm_is_and_intels_always() {
        let mut bare = amd(&["gfx1100"]);
        assert_eq!(asked(&bare).variant.as_deref(), Some("cpu"));
        bare.toolkits = Known::Value(vec![Toolkit {
            kind: ToolkitKind::Rocm,
            version: Known::Value("7.2".into()),
            path: "/opt/rocm".into(),
            default: true,
        }]);
        assert_eq!(asked(&bare).variant.as_deref(), Some("rocm7.2"));
        bare.toolkits = Known::unknown("not looked at");
        let auto = asked(&bare);
        assert_eq!(auto.variant.as_deref(), Some("rocm7.2"));
        assert!(auto.note.unwrap().contains("rocm_agent_enumerator"));
        let mut laptop = amd(&["gfx1100"]);
        if let Known::Value(gpus) = &mut laptop.gpus {
            gpus[0].vendor = Vendor::Intel;
            gpus[0].gfx_target = Known::Absent;
        }
        let auto = asked(&laptop);
        assert_eq!(auto.variant.as_deref(), Some("xpu"));
        assert!(auto.wrong.is_some());
    }
}
