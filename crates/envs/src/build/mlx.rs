//! MLX: Apple silicon; on Linux CUDA, or the processor.

use super::jax::with_extra;
use super::{Build, Flavour, Wish, architecture, check_glibc, cuda, no_fit, python};
use deskside_knowledge::frameworks;
use deskside_knowledge::version::order;
use deskside_types::Problem;
use deskside_types::facts::{Facts, OsKind, Vendor};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The MLX build for a machine.
pub fn choose(facts: &Facts, wish: &Wish) -> Result<Build, Problem> {
    let known = frameworks::mlx();
    let Some(architecture) = architecture(facts) else {
        return Err(no_fit(
            Flavour::Mlx,
            facts
                .system
                .architecture
                .reason()
                .unwrap_or("the processor is not known"),
            "try --flavour torch",
        ));
    };
    check_glibc(
        facts,
        Flavour::Mlx,
        &known.linux_glibc_min,
        "try --flavour jax, which older systems run",
    )?;
    let mut why = Vec::new();
    let (variant, accelerated, requirement, variables, download) = if facts.system.kind
        == OsKind::MacOs
    {
        if architecture != "aarch64" {
            return Err(no_fit(
                Flavour::Mlx,
                "MLX needs Apple silicon, and this Mac has an Intel processor (or the shell runs under Rosetta)",
                "under Rosetta, open a native terminal and run the same command again",
            ));
        }
        if let Some(version) = facts.system.os.value().and_then(|os| os.version.as_deref())
            && order(version, &known.macos_min) == Ordering::Less
        {
            return Err(no_fit(
                Flavour::Mlx,
                format!(
                    "MLX needs macOS {} or newer, this is {version}",
                    known.macos_min
                ),
                "update macOS, or try --flavour torch",
            ));
        }
        why.push("MLX computes on the GPU through Metal".into());
        (
            "metal".to_string(),
            true,
            known.metal.requirement.clone(),
            BTreeMap::new(),
            known.metal.download_bytes,
        )
    } else {
        if !known
            .cpu
            .architectures
            .iter()
            .any(|own| own == architecture)
        {
            return Err(no_fit(
                Flavour::Mlx,
                format!("there are no packages for {architecture} processors"),
                "try --flavour torch",
            ));
        }
        let gpus = cuda::gpus(facts);
        let extra = if gpus.is_empty() {
            None
        } else {
            Some(with_extra(facts, &known.builds, &gpus, architecture))
        };
        match extra {
            Some(Ok(found)) => {
                why.extend(found.why);
                (
                    found.build.name.clone(),
                    found.accelerated,
                    found.build.requirement.clone(),
                    found.variables,
                    found.build.download_bytes,
                )
            }
            refused => {
                if let Some(Err(sentence)) = refused {
                    why.push(sentence);
                } else if facts
                    .known_gpus()
                    .iter()
                    .any(|gpu| gpu.vendor == Vendor::Amd)
                {
                    why.push(known.notes.amd.clone());
                } else {
                    why.push("no GPU that MLX computes on was found".into());
                }
                why.push("MLX's build for processors needs no C++ compiler; it compiles fused operations where g++ is there".into());
                (
                    "cpu".to_string(),
                    false,
                    known.cpu.requirement.clone(),
                    BTreeMap::new(),
                    known.cpu.download_bytes,
                )
            }
        }
    };
    let python = python::choose(
        facts,
        &known.python_min,
        &known.python_max,
        wish.python.as_deref(),
    )
    .map_err(|reason| {
        no_fit(
            Flavour::Mlx,
            reason,
            format!(
                "change the project's Python version to one from {} on",
                known.python_min
            ),
        )
    })?;
    why.push(python.why);
    Ok(Build {
        flavour: Flavour::Mlx,
        variant,
        accelerated,
        requirements: vec![requirement],
        arguments: Vec::new(),
        python: python.request,
        python_range: python.range,
        variables,
        download_estimate: Some(download),
        why,
    })
}
