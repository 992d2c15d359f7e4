//! JAX: CUDA builds by driver and compute capability, else the processor.

use super::cuda::{self, Driver};
use super::{Build, Flavour, Wish, architecture, check_glibc, listed, no_fit, python};
use deskside_knowledge::frameworks::{self, ExtraBuild};
use deskside_knowledge::version::order;
use deskside_types::Problem;
use deskside_types::facts::{Facts, OsKind, Vendor};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The JAX build for a machine.
pub fn choose(facts: &Facts, wish: &Wish) -> Result<Build, Problem> {
    let known = frameworks::jax();
    let Some(architecture) = architecture(facts) else {
        return Err(no_fit(
            Flavour::Jax,
            facts
                .system
                .architecture
                .reason()
                .unwrap_or("the processor is not known"),
            "install the packages by hand",
        ));
    };
    check_glibc(
        facts,
        Flavour::Jax,
        "2.27",
        "use a system with a newer C library, such as Ubuntu 22.04",
    )?;
    if facts.system.kind == OsKind::MacOs && architecture != "aarch64" {
        return Err(no_fit(
            Flavour::Jax,
            format!(
                "Macs with Intel processors are served no longer; the last release for them is {}",
                known.notes.intel_mac
            ),
            format!(
                "pin it in a project of your own: jax=={}",
                known.notes.intel_mac
            ),
        ));
    }
    if !known
        .cpu
        .architectures
        .iter()
        .any(|own| own == architecture)
    {
        return Err(no_fit(
            Flavour::Jax,
            format!("there are no packages for {architecture} processors"),
            "build JAX from its source",
        ));
    }
    let mut why = Vec::new();
    let gpus = cuda::gpus(facts);
    if facts.system.kind == OsKind::MacOs {
        why.push(known.notes.apple.clone());
    } else if !gpus.is_empty() {
        match with_extra(facts, &known.builds, &gpus, architecture) {
            Ok(found) => {
                let mut variables = found.variables;
                // A library path of the system's overrides the CUDA libraries that come as packages (JAX's installation page).
                variables.insert("LD_LIBRARY_PATH".into(), None);
                return finish(
                    facts,
                    wish,
                    found.build.name.clone(),
                    found.accelerated,
                    &found.build.requirement,
                    variables,
                    found.build.download_bytes,
                    found.why,
                );
            }
            Err(sentence) => why.push(sentence),
        }
    } else if facts
        .known_gpus()
        .iter()
        .any(|gpu| gpu.vendor == Vendor::Amd)
    {
        why.push(known.notes.amd.clone());
    } else {
        why.push("no GPU that JAX computes on was found".into());
    }
    finish(
        facts,
        wish,
        "cpu".into(),
        false,
        &known.cpu.requirement,
        BTreeMap::new(),
        known.cpu.download_bytes,
        why,
    )
}

#[expect(clippy::too_many_arguments, reason = "the parts of one value")]
fn finish(
    facts: &Facts,
    wish: &Wish,
    variant: String,
    accelerated: bool,
    requirement: &str,
    variables: BTreeMap<String, Option<String>>,
    download: u64,
    mut why: Vec<String>,
) -> Result<Build, Problem> {
    let known = frameworks::jax();
    let python = python::choose(
        facts,
        &known.python_min,
        &known.python_max,
        wish.python.as_deref(),
    )
    .map_err(|reason| {
        no_fit(
            Flavour::Jax,
            reason,
            format!(
                "change the project's Python version to one from {} on",
                known.python_min
            ),
        )
    })?;
    why.push(python.why);
    Ok(Build {
        flavour: Flavour::Jax,
        variant,
        accelerated,
        requirements: vec![requirement.to_string()],
        arguments: Vec::new(),
        python: python.request,
        python_range: python.range,
        variables,
        download_estimate: Some(download),
        why,
    })
}

/// A build chosen by an extra.
pub struct WithExtra {
    /// The build.
    pub build: &'static ExtraBuild,
    /// It computes on a GPU now.
    pub accelerated: bool,
    /// Variables for training.
    pub variables: BTreeMap<String, Option<String>>,
    /// Why this one.
    pub why: Vec<String>,
}

/// The first CUDA build that driver, GPUs and processor admit; else the sentence why none.
pub fn with_extra(
    facts: &Facts,
    builds: &'static [ExtraBuild],
    gpus: &[&deskside_types::facts::Gpu],
    architecture: &str,
) -> Result<WithExtra, String> {
    let driver = Driver::of(facts);
    let candidates = builds.iter().filter(|build| {
        driver.reaches(&build.driver) && build.architectures.iter().any(|own| own == architecture)
    });
    let serves = |build: &&ExtraBuild, capability: &str| {
        order(&build.compute_capability, capability) != Ordering::Greater
    };
    let Some((build, left_out)) = cuda::best(candidates, gpus, serves) else {
        let lowest = builds.last().map_or("525", |build| build.driver.as_str());
        return Err(cuda::none_fits(gpus, &driver, lowest));
    };
    let (visible, sentence) = cuda::leave_out(gpus, &left_out, &build.name);
    let kept: Vec<String> = gpus
        .iter()
        .filter(|gpu| !left_out.iter().any(|out| std::ptr::eq(*out, **gpu)))
        .map(|gpu| cuda::described(gpu))
        .collect();
    let mut why = vec![format!(
        "{} with {}: {} serves",
        listed(&kept),
        driver.shown(),
        build.requirement
    )];
    why.extend(sentence);
    why.extend(cuda::driver_note(&driver));
    Ok(WithExtra {
        build,
        accelerated: driver != Driver::Absent,
        variables: visible
            .map(|list| ("CUDA_VISIBLE_DEVICES".to_string(), Some(list)))
            .into_iter()
            .collect(),
        why,
    })
}

#[cfg(test)]
mod tests {
    use crate::build::tests_support::{amd, facts, mac, nvidia};
    use crate::build::{Flavour, Wish, choose};

    #[test]
    fn jax_and_mlx_follow_the_driver() {
        for (flavour, facts, variant) in [
            (Flavour::Jax, nvidia(&["8.9"], Some("580.95.05")), "cuda13"),
            (Flavour::Jax, nvidia(&["8.9"], Some("535.183.01")), "cuda12"),
            (Flavour::Jax, nvidia(&["6.1"], Some("580.95.05")), "cuda12"),
            (Flavour::Jax, nvidia(&["5.0"], Some("580.95.05")), "cpu"),
            (Flavour::Jax, nvidia(&["8.9"], Some("470.1")), "cpu"),
            (Flavour::Jax, nvidia(&["12.0"], None), "cuda13"),
            (Flavour::Jax, amd(&["gfx1100"]), "cpu"),
            (Flavour::Jax, mac("arm64", "15.6"), "cpu"),
            (Flavour::Jax, facts(), "cpu"),
            (Flavour::Mlx, mac("arm64", "15.6"), "metal"),
            (Flavour::Mlx, facts(), "cpu"),
            (Flavour::Mlx, nvidia(&["8.9"], Some("580.95.05")), "cuda13"),
            (Flavour::Mlx, nvidia(&["8.9"], Some("550.54.14")), "cuda12"),
            (Flavour::Mlx, nvidia(&["8.9"], Some("535.183.01")), "cpu"),
            (Flavour::Mlx, nvidia(&["6.1"], Some("580.95.05")), "cpu"),
        ] {
            let build = choose(&facts, flavour, &Wish::default()).unwrap();
            assert_eq!(build.variant, variant, "{flavour:?} {:?}", build.why);
            assert!(build.why.len() >= 2);
        }
    }

    #[test]
    fn library_path_is_taken_away_for_cuda_wheels() {
        let build = choose(
            &nvidia(&["8.9"], Some("580.95.05")),
            Flavour::Jax,
            &Wish::default(),
        )
        .unwrap();
        assert_eq!(build.variables.get("LD_LIBRARY_PATH"), Some(&None));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_a_way_out() {
        let mut old = facts();
        old.system.glibc = deskside_types::Known::Value("2.31".into());
        for (flavour, facts) in [
            (Flavour::Mlx, old),
            (Flavour::Mlx, mac("x86_64", "15.0")),
            (Flavour::Mlx, mac("arm64", "13.6")),
            (Flavour::Jax, mac("x86_64", "15.0")),
        ] {
            let problem = choose(&facts, flavour, &Wish::default()).unwrap_err();
            assert!(
                !problem.causes.is_empty() && !problem.hints.is_empty(),
                "{problem}"
            );
        }
    }
}
