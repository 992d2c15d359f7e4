//! CUDA builds of PyTorch, by driver and compute capability.

use super::{Part, Wanted, download, finish, variant_of};
use crate::build::admission::admits_python;
use crate::build::cuda::{self, Driver};
use crate::build::parts::{LeftOut, RuledOut, rule_out};
use crate::build::source::{self, Source};
use crate::build::{Build, counted, listed};
use deskside_knowledge::frameworks::{self, TorchCode, TorchRelease};
use deskside_knowledge::hardware;
use deskside_knowledge::version::order;
use deskside_types::Problem;
use deskside_types::facts::{Facts, Gpu};
use std::cmp::Ordering;

/// A CUDA build of a release.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The release.
    pub release: &'static TorchRelease,
    /// Its CUDA version.
    pub cuda: String,
    /// It is the default index's, not one of PyTorch's own index.
    pub on_default_index: bool,
    /// The code in it.
    pub code: GpuCode,
}

impl Candidate {
    /// `2.14 (cu126)`
    pub fn shown(&self) -> String {
        format!("{} ({})", self.release.version, variant_of(&self.cuda))
    }

    /// The newest Python it has packages for.
    pub fn newest_python(&self, architecture: &str) -> &'static str {
        if self.on_default_index {
            self.release.newest_python(architecture)
        } else {
            self.release.newest_python_own()
        }
    }
}

/// Which GPUs a build has code for.
#[derive(Debug, Clone)]
pub enum GpuCode {
    /// As a list that is known says.
    Listed(&'static TorchCode),
    /// No list is known: what its CUDA toolkit compiles for, from PyTorch's floor on.
    Toolkit {
        /// The toolkit.
        cuda: String,
        /// The lowest compute capability.
        floor: &'static str,
    },
}

impl GpuCode {
    /// Whether it has code for a compute capability.
    ///
    /// A list: code for X.Y runs on X.Z with Z >= Y, never on another major; PTX of the newest serves everything newer.
    pub fn serves(&self, capability: &str) -> bool {
        match self {
            Self::Listed(code) => {
                let major = |version: &str| version.split('.').next().map(String::from);
                code.compute_capabilities.iter().any(|own| {
                    major(own) == major(capability) && order(own, capability) != Ordering::Greater
                }) || (code.ptx
                    && code
                        .compute_capabilities
                        .last()
                        .is_some_and(|newest| order(capability, newest) == Ordering::Greater))
            }
            Self::Toolkit { cuda, floor } => {
                hardware::nvidia_architecture(capability).is_some_and(|known| {
                    order(&known.min_cuda, cuda) != Ordering::Greater
                        && known
                            .max_cuda
                            .as_ref()
                            .is_none_or(|last| order(cuda, last) != Ordering::Greater)
                        && order(capability, floor) != Ordering::Less
                })
            }
        }
    }

    /// A list is known.
    pub fn is_listed(&self) -> bool {
        matches!(self, Self::Listed(_))
    }
}

/// Whether a build has code for a GPU; one whose compute capability is not known counts as served.
pub fn serves(candidate: &Candidate, gpu: &Gpu) -> bool {
    gpu.compute_capability
        .value()
        .is_none_or(|capability| candidate.code.serves(capability))
}

/// The CUDA builds of a release: the default index's first, then PyTorch's own, newest first, experimental ones last.
pub fn candidates(release: &'static TorchRelease, architecture: &str) -> Vec<Candidate> {
    let known = frameworks::torch();
    let own = release
        .cuda
        .iter()
        .chain(&release.experimental)
        .map(|cuda| (cuda.as_str(), false));
    release
        .default_cuda(architecture)
        .map(|cuda| (cuda, true))
        .into_iter()
        .chain(own)
        .filter_map(|(cuda, on_default_index)| {
            let code = match known.code_of(&release.version, cuda, architecture) {
                Some(code) => GpuCode::Listed(code),
                None => GpuCode::Toolkit {
                    cuda: cuda.to_string(),
                    floor: &known
                        .floor_for(&release.version, cuda, architecture)?
                        .compute_capability,
                },
            };
            Some(Candidate {
                release,
                cuda: cuda.to_string(),
                on_default_index,
                code,
            })
        })
        .collect()
}

/// Why a candidate is not for this machine, whatever its GPUs; none where it may be.
fn obstacle(candidate: &Candidate, wanted: &Wanted<'_>, driver: &Driver) -> Option<String> {
    let newest = candidate.newest_python(wanted.architecture);
    if !admits_python(wanted.python(), &candidate.release.python_min, newest) {
        return Some(format!(
            "has packages for Python {} to {newest}, not {}",
            candidate.release.python_min,
            wanted.python().unwrap_or("this one")
        ));
    }
    let row = frameworks::torch().driver_for(&candidate.cuda)?;
    (!driver.reaches(&row.minimum)).then(|| driver.too_old_for(&row.minimum))
}

/// The sentence for GPUs that a candidate has no code for.
fn no_code(gpus: &[&Gpu]) -> String {
    let mut all: Vec<String> = gpus
        .iter()
        .filter_map(|gpu| gpu.compute_capability.value().cloned())
        .collect();
    all.sort();
    all.dedup();
    format!("has no code for compute capability {}", listed(&all))
}

/// The CUDA build that driver and GPUs admit; else, in a sentence, why there is none.
pub(super) fn nvidia_build(
    facts: &Facts,
    wanted: &Wanted<'_>,
    gpus: &[&Gpu],
    ruled_out: &mut Vec<RuledOut>,
) -> Result<Result<Build, String>, Problem> {
    let driver = Driver::of(facts);
    let (gpus, undriven) = cuda::driven(facts, &driver, gpus);
    let gpus = &gpus[..];
    let known = frameworks::torch();
    let all: Vec<Candidate> = wanted
        .releases
        .iter()
        .flat_map(|release| candidates(release, wanted.architecture))
        .filter(|candidate| wanted.allows(&variant_of(&candidate.cuda)))
        .collect();
    let obstacles: Vec<Option<String>> = all
        .iter()
        .map(|candidate| obstacle(candidate, wanted, &driver))
        .collect();
    let open: Vec<&Candidate> = all
        .iter()
        .zip(&obstacles)
        .filter(|(_, obstacle)| obstacle.is_none())
        .map(|(candidate, _)| candidate)
        .collect();
    let found = cuda::best(&open, gpus, |candidate, gpu| serves(candidate, gpu));
    let chosen = found.as_ref().map(|(place, left)| (open[*place], left));
    for (candidate, obstacle) in all.iter().zip(&obstacles) {
        if chosen.is_some_and(|(chosen, _)| std::ptr::eq(chosen, candidate)) {
            break;
        }
        let unserved: Vec<&Gpu> = gpus
            .iter()
            .copied()
            .filter(|gpu| !serves(candidate, gpu))
            .collect();
        let why = match obstacle {
            Some(why) => why.clone(),
            None => no_code(&unserved),
        };
        rule_out(ruled_out, candidate.shown(), &why);
    }
    let Some((chosen, left_out)) = chosen else {
        let lowest = all
            .iter()
            .filter_map(|candidate| known.driver_for(&candidate.cuda))
            .min_by_key(|row| row.cuda_major)
            .map_or(("450.80.02", 11), |row| {
                (row.minimum.as_str(), row.cuda_major)
            });
        return Ok(Err(cuda::none_fits(gpus, &driver, lowest)));
    };
    let variant = variant_of(&chosen.cuda);
    let kept = cuda::kept(gpus, left_out);
    let index = if chosen.on_default_index {
        "the default index"
    } else {
        "PyTorch's own index"
    };
    let mut why = vec![format!(
        "{}{}: torch {} for CUDA {} from {index} serves",
        counted(
            &kept
                .iter()
                .map(|gpu| cuda::described(gpu))
                .collect::<Vec<_>>()
        ),
        driver.beside(),
        chosen.release.version,
        chosen.cuda
    )];
    why.extend(reason_for_older(chosen, gpus, &driver, wanted));
    if !left_out.is_empty() {
        why.push(format!(
            "no build serves all GPUs at once: {variant} leaves out {}",
            counted(
                &left_out
                    .iter()
                    .map(|gpu| cuda::described(gpu))
                    .collect::<Vec<_>>()
            )
        ));
    }
    if !chosen.code.is_listed() {
        why.push(format!(
            "which GPUs torch {} for CUDA {} has code for is not sourced: what that CUDA compiles for is taken",
            chosen.release.version, chosen.cuda
        ));
    }
    why.extend(cuda::undriven_note(&driver, &undriven));
    let floor = known
        .driver_for(&chosen.cuda)
        .map_or("", |row| row.minimum.as_str());
    why.extend(cuda::driver_note(&driver, floor));
    let variables = if left_out.is_empty() {
        None
    } else {
        cuda::identities(&kept)
    };
    let span = span(chosen, &kept, wanted);
    let origin = if chosen.on_default_index {
        Source::default()
    } else {
        source::pytorch(&variant, wanted.wish.pytorch_index.as_deref())
    };
    finish(
        facts,
        wanted,
        Part {
            newest_python: chosen.newest_python(wanted.architecture),
            span,
            download: chosen
                .on_default_index
                .then(|| download(facts, "linux"))
                .flatten(),
            variant,
            source: origin,
            accelerated: driver.is_there(),
            variables: variables
                .map(|list| ("CUDA_VISIBLE_DEVICES".to_string(), Some(list)))
                .into_iter()
                .collect(),
            left_out: left_out
                .iter()
                .map(|gpu| LeftOut {
                    gpu: cuda::described(gpu),
                    uuid: gpu.uuid.value().cloned(),
                    why: "the build has no code for it".into(),
                })
                .chain(cuda::left_out_by_driver(undriven))
                .collect(),
            sourced: chosen.code.is_listed(),
            why,
        },
    )
    .map(Ok)
}

/// The releases whose build of the same kind serves as well, newest first: the same CUDA on PyTorch's own index, the
/// same CUDA major on the default one, and code for the GPUs that are kept.
fn span(chosen: &Candidate, kept: &[&Gpu], wanted: &Wanted<'_>) -> Vec<&'static TorchRelease> {
    let alike = |candidate: &Candidate| {
        candidate.on_default_index == chosen.on_default_index
            && if chosen.on_default_index {
                cuda::major(&candidate.cuda) == cuda::major(&chosen.cuda)
            } else {
                candidate.cuda == chosen.cuda
            }
            && kept.iter().all(|gpu| serves(candidate, gpu))
    };
    let known = frameworks::torch();
    wanted
        .releases
        .iter()
        .skip_while(|release| release.version != chosen.release.version)
        .take_while(|release| {
            release.version == chosen.release.version
                || (order(&release.version, &known.oldest_offered) != Ordering::Less
                    && candidates(release, wanted.architecture).iter().any(alike))
        })
        .copied()
        .collect()
}

/// Why a build from PyTorch's own index is needed, in a sentence.
fn reason_for_older(
    chosen: &Candidate,
    gpus: &[&Gpu],
    driver: &Driver,
    wanted: &Wanted<'_>,
) -> Option<String> {
    let newest = wanted.releases.first()?;
    if chosen.on_default_index && chosen.release.version == newest.version {
        return None;
    }
    let cuda = newest.default_cuda(wanted.architecture)?;
    let row = frameworks::torch().driver_for(cuda)?;
    if !driver.reaches(&row.minimum) {
        return Some(format!(
            "the newest build (torch {}, CUDA {cuda}) needs driver {} or newer",
            newest.version, row.minimum
        ));
    }
    let first = candidates(newest, wanted.architecture);
    let unserved = gpus
        .iter()
        .filter(|gpu| first.first().is_some_and(|first| !serves(first, gpu)))
        .filter_map(|gpu| gpu.compute_capability.value())
        .min_by(|left, right| order(left, right))?;
    Some(format!(
        "the newest build (torch {}, CUDA {cuda}) has no code for compute capability {unserved}",
        newest.version
    ))
}
