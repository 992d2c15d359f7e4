//! What has to be mended before a build can use the GPU: a driver, a login's groups, a reboot.

use deskside_envs::build::{self, Build};
use deskside_types::facts::Facts;
use schemars::JsonSchema;
use serde::Serialize;

/// Something to mend first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct First {
    /// What is in the way: `the NVIDIA driver is not loaded`.
    pub what: String,
    /// The commands that mend it, in order.
    pub commands: Vec<String>,
    /// What else is to be known.
    pub note: Option<String>,
}

/// What stands between a build and the GPUs it is for.
pub(super) fn first(facts: &Facts, build: &Build) -> Vec<First> {
    let makers: &[&str] = if build.cuda_major().is_some() {
        &["nvidia.", "wsl."]
    } else if build.variant.starts_with("rocm") {
        &["amd."]
    } else {
        &[]
    };
    if makers.is_empty() {
        return Vec::new();
    }
    // Under WSL and in a container the driver is somebody else's.
    let owner = if facts.system.wsl.value().is_some() {
        Some("in Windows")
    } else if facts.system.container.value().is_some() {
        Some("on the host of this container")
    } else {
        None
    };
    let unfit = build::unfit_driver(facts, build).map(|unfit| First {
        what: unfit.what,
        commands: match owner {
            None => vec![format!("deskside plan --wish driver={}", unfit.wish)],
            Some(_) => Vec::new(),
        },
        note: Some(match owner {
            None => format!("it takes {}", unfit.wanted),
            Some(place) => format!("install {} {place}", unfit.wanted),
        }),
    });
    let lacking = deskside_provision::assess(facts)
        .lacking
        .into_iter()
        .filter(|lacking| {
            lacking.blocks_accelerator && makers.iter().any(|maker| lacking.id.starts_with(maker))
        })
        .map(|lacking| First {
            what: lacking.title,
            commands: lacking.commands,
            note: lacking.note,
        });
    unfit.into_iter().chain(lacking).collect()
}
