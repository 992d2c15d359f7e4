//! The end of `apply`: a small kernel on every card, because a driver that answers need not compute.

use crate::Context;
use deskside_machine::{DeviceQuestion, ErrorKind, Machine, Reading};
use deskside_types::facts::{Facts, Vendor};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;

/// A cold driver without its persistence daemon takes some seconds a card; compiling the kernel takes some more.
const DEADLINE: Duration = Duration::from_secs(60);
/// What CUDA and HIP answer when somebody else has the card, or all of its memory (`cuda.h`, `hip_runtime_api.h`: 46 is a
/// card in a mode for one process, 2 no memory left).
const TAKEN: [i64; 2] = [46, 2];

/// What a kernel came to on one card.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Kernel {
    /// The card's name.
    pub card: String,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of a kernel.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// It ran, and its results are right.
    Ran {
        /// From its launch to its end, in seconds.
        seconds: f64,
    },
    /// It could not be tried now.
    NotTried {
        /// Why.
        why: String,
    },
    /// It failed.
    Failed {
        /// The library's name for the error, and the call.
        why: String,
    },
}

impl Kernel {
    /// The card does not compute.
    pub fn failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed { .. })
    }
}

/// Runs a kernel on each card of NVIDIA's and AMD's that this machine has; empty where it has none, or where it is a
/// recorded one.
pub fn kernels(context: &Context) -> Vec<Kernel> {
    let machine = &*context.machine;
    if context.recorded {
        return Vec::new();
    }
    let facts = deskside_probe::collect(machine);
    let mut all = Vec::new();
    let cuda = DeviceQuestion::CudaKernel { deadline: DEADLINE };
    let hip = DeviceQuestion::HipKernel { deadline: DEADLINE };
    for (vendor, question) in [(Vendor::Nvidia, cuda), (Vendor::Amd, hip)] {
        let cards = names(&facts, vendor);
        // After a driver was taken away, or where none was asked for, nothing computes, and nothing is expected to.
        if cards.is_empty() || !has_driver(&facts, vendor) {
            continue;
        }
        let told = ask(machine, vendor, question, cards);
        // Beside NVIDIA's cards, AMD's is most often the processor's own, for the screen.
        let is_beside = vendor == Vendor::Amd && !all.is_empty();
        let is_tried = |one: &Kernel| !matches!(one.outcome, Outcome::NotTried { .. });
        all.extend(told.into_iter().filter(|one| !is_beside || is_tried(one)));
    }
    all
}

/// A driver runs through which a maker's cards can compute.
fn has_driver(facts: &Facts, vendor: Vendor) -> bool {
    match vendor {
        // Under WSL the driver is Windows' own.
        Vendor::Nvidia => {
            facts.drivers.nvidia.loaded.value().is_some() || facts.system.wsl.value().is_some()
        }
        Vendor::Amd => facts.drivers.amd.compute_device.value() == Some(&true),
        _ => false,
    }
}

/// The cards of a maker that programs can compute on.
fn names(facts: &Facts, vendor: Vendor) -> Vec<String> {
    facts
        .known_gpus()
        .iter()
        .filter(|gpu| gpu.vendor == vendor)
        // The graphics part of a processor is no card to compute on, and one that a virtual machine has is not ours.
        .filter(|gpu| {
            gpu.kernel_driver
                .value()
                .is_none_or(|driver| driver != "vfio-pci")
        })
        .map(|gpu| match gpu.name.value() {
            Some(name) => name.clone(),
            None => format!("a card of {vendor:?}"),
        })
        .collect()
}

fn ask(
    machine: &dyn Machine,
    vendor: Vendor,
    question: DeviceQuestion,
    cards: Vec<String>,
) -> Vec<Kernel> {
    let all = |outcome: &Outcome| -> Vec<Kernel> {
        let each = cards.iter().map(|card| Kernel {
            card: card.clone(),
            outcome: outcome.clone(),
        });
        each.collect()
    };
    let answer = match machine.device(question) {
        Ok(answer) => answer,
        Err(error) => {
            let outcome = match (error.kind, vendor) {
                (ErrorKind::Absent, Vendor::Amd) => Outcome::NotTried {
                    why: "this system has no HIP library; `deskside up` brings one with the framework, and tries it".into(),
                },
                (ErrorKind::Absent, _) => Outcome::NotTried {
                    why: "CUDA's driver library, libcuda.so.1, is not installed".into(),
                },
                (ErrorKind::NotAsked, _) => Outcome::NotTried {
                    why: error.reason(),
                },
                _ => Outcome::Failed {
                    why: error.reason(),
                },
            };
            return all(&outcome);
        }
    };
    if let Some(outcome) = judged(&answer) {
        return all(&outcome);
    }
    let told = answer["devices"].as_array().cloned().unwrap_or_default();
    let mut kernels: Vec<Kernel> = told
        .iter()
        .enumerate()
        .map(|(place, card)| Kernel {
            card: match card["name"].as_str() {
                Some(name) => name.into(),
                None => cards.get(place).cloned().unwrap_or_default(),
            },
            outcome: judged(card).unwrap_or(Outcome::Ran {
                seconds: card["seconds"].as_f64().unwrap_or_default(),
            }),
        })
        .collect();
    // A card that the driver does not serve is not listed: it is too old, or an integrated one.
    kernels.extend(cards.iter().skip(told.len()).filter_map(|card| {
        let is_listed = told.iter().any(|one| one["name"] == **card);
        (!is_listed).then(|| Kernel {
            card: card.clone(),
            outcome: Outcome::NotTried {
                why: "the driver does not list it among the cards that compute".into(),
            },
        })
    }));
    kernels
}

/// What an error in an answer means; none where there is no error.
fn judged(answer: &Value) -> Option<Outcome> {
    let error = answer["error"].as_str()?;
    let code = answer["code"].as_i64().unwrap_or_default();
    let call = answer["call"].as_str().unwrap_or_default();
    Some(match error {
        "WrongResult" => Outcome::Failed {
            why: "its results are wrong".into(),
        },
        // The library is broken or of another kind: loading it failed although it is there.
        "LibraryNotFound" => Outcome::Failed {
            why: "the driver's library is there and can't be loaded".into(),
        },
        _ if TAKEN.contains(&code) => Outcome::NotTried {
            why: format!("another program has it for itself, or all of its memory ({error})"),
        },
        _ => Outcome::Failed {
            why: format!("{error} in {call}"),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_library_answers_is_told_apart() {
        let taken =
            json!({"error": "CUDA_ERROR_OUT_OF_MEMORY", "code": 2, "call": "cuMemAlloc_v2"});
        assert!(matches!(judged(&taken), Some(Outcome::NotTried { .. })));
        let broken = json!({"error": "CUDA_ERROR_UNKNOWN", "code": 999, "call": "cuInit"});
        assert_eq!(
            judged(&broken),
            Some(Outcome::Failed {
                why: "CUDA_ERROR_UNKNOWN in cuInit".into()
            })
        );
        let wrong = json!({"error": "WrongResult", "code": -1, "call": "cuLaunchKernel"});
        assert!(matches!(judged(&wrong), Some(Outcome::Failed { .. })));
        assert_eq!(judged(&json!({"name": "A", "seconds": 0.001})), None);
    }
}
