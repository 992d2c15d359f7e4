//! The choice that may ask the network: whether PyTorch's CPU index answers.

use super::{Build, Flavour, Wish, choose, natural, torch};
use deskside_knowledge::frameworks;
use deskside_machine::command::without_credentials;
use deskside_machine::{ErrorKind, Machine, Reading};
use deskside_types::facts::{Facts, OsKind};
use deskside_types::{Problem, units};
use std::time::Duration;

/// The variable that names a mirror of PyTorch's own indexes: the root below which `cpu`, `cu126`, … lie.
pub const PYTORCH_INDEX: &str = "DESKSIDE_PYTORCH_INDEX";

/// The wish with the mirror of PyTorch's indexes that the person's settings name.
pub fn with_mirror(machine: &dyn Machine, mut wish: Wish) -> Wish {
    if wish.pytorch_index.is_none() {
        wish.pytorch_index = machine
            .variable(PYTORCH_INDEX)
            .filter(|value| !value.trim().is_empty());
    }
    wish
}

/// How long PyTorch's index is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// The build for a machine and a wish. Only where it would be PyTorch's CPU build, its index is tried first.
///
/// # Errors
/// As [`choose`].
pub fn select(machine: &dyn Machine, facts: &Facts, wish: &Wish) -> Result<Build, Problem> {
    let wish = &with_mirror(machine, wish.clone());
    let (flavour, reason) = match wish.flavour {
        Some(flavour) => (flavour, None),
        None => {
            let (flavour, reason) = natural(facts);
            (flavour, Some(reason))
        }
    };
    let mut build = match choose(facts, flavour, wish) {
        Ok(build) => build,
        Err(problem) if wish.flavour.is_none() => {
            return another(facts, wish, flavour, &problem).ok_or(problem);
        }
        Err(problem) => return Err(problem),
    };
    if flavour == Flavour::Torch && build.variant == "cpu" && facts.system.kind == OsKind::Linux {
        match index_answers(machine, wish.pytorch_index.as_deref()) {
            Ok(()) => {}
            Err(trouble) if wish.flavour.is_some() => {
                return torch::default_index(facts, wish, &trouble);
            }
            Err(trouble) => {
                return small(facts, wish, &trouble)
                    .map_or_else(|| torch::default_index(facts, wish, &trouble), Ok);
            }
        }
    }
    if let Some(reason) = reason {
        build.why.insert(0, reason);
    }
    Ok(build)
}

/// Whether PyTorch's CPU index answers, else in a sentence why not.
fn index_answers(machine: &dyn Machine, mirror: Option<&str>) -> Result<(), String> {
    let address = &mirror.map_or_else(
        || frameworks::indexes().pytorch.cpu_page.clone(),
        |root| format!("{}/cpu/torch/", root.trim_end_matches('/')),
    );
    match machine.fetch(address, "text/html", 4 << 20, PATIENCE) {
        Ok(_) => Ok(()),
        // A recorded machine has no network to ask; its plan says what would be done where the index answers.
        Err(error) if matches!(error.kind, ErrorKind::TooLarge | ErrorKind::Refused) => Ok(()),
        Err(error) => Err(format!(
            "PyTorch's CPU index ({}) can't be reached: {}",
            without_credentials(address),
            error.detail
        )),
    }
}

/// The first small flavour of the default index that this machine can run.
fn small(facts: &Facts, wish: &Wish, trouble: &str) -> Option<Build> {
    frameworks::small_flavours().iter().find_map(|candidate| {
        let flavour: Flavour = candidate.name.parse().ok()?;
        let mut build = choose(facts, flavour, wish).ok()?;
        build.why.insert(
            0,
            format!(
                "{trouble}; {} is taken instead, from the default index ({} to download): {}",
                flavour.name(),
                units::bytes(candidate.download_bytes),
                candidate.why
            ),
        );
        Some(build)
    })
}

/// Another framework where the natural one has no build at all.
fn another(facts: &Facts, wish: &Wish, refused: Flavour, problem: &Problem) -> Option<Build> {
    Flavour::ALL
        .into_iter()
        .filter(|flavour| *flavour != refused)
        .find_map(|flavour| {
            let mut build = choose(facts, flavour, wish).ok()?;
            build.why.insert(
                0,
                format!("{}; {} is taken instead", problem, flavour.name()),
            );
            Some(build)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::tests_support::{facts, mac, nvidia};
    use deskside_testkit::{Sim, SimResponse};
    use deskside_types::Known;

    /// A machine whose network has PyTorch's CPU index, or not.
    fn machine(answers: bool) -> Sim {
        let sim = Sim::linux();
        let page = frameworks::indexes().pytorch.cpu_page.clone();
        if answers {
            sim.serve(page, "text/html", "<html></html>");
        } else {
            sim.serve_response(page, SimResponse::Fails(ErrorKind::Timeout));
        }
        sim
    }

    #[test]
    fn without_a_gpu_the_network_decides() {
        let mut old = facts();
        old.system.glibc = Known::Value("2.12".into());
        let torch = Some(Flavour::Torch);
        for (facts, wanted, answers, flavour, variant) in [
            (facts(), None, true, Flavour::Torch, "cpu"),
            (facts(), None, false, Flavour::Jax, "cpu"),
            (facts(), torch, true, Flavour::Torch, "cpu"),
            (facts(), torch, false, Flavour::Torch, "cu132"),
            (facts(), Some(Flavour::Mlx), false, Flavour::Mlx, "cpu"),
            (
                nvidia(&["8.9"], Some("580.95.05")),
                None,
                false,
                Flavour::Torch,
                "cu132",
            ),
            (
                nvidia(&["8.6"], Some("470.1")),
                None,
                false,
                Flavour::Torch,
                "cu118",
            ),
            (
                nvidia(&["7.5"], Some("440.1")),
                None,
                false,
                Flavour::Jax,
                "cpu",
            ),
            (mac("arm64", "15.6"), None, false, Flavour::Mlx, "metal"),
            (mac("arm64", "13.6"), None, false, Flavour::Mlx, "metal"),
        ] {
            let wish = Wish {
                flavour: wanted,
                ..Wish::default()
            };
            let build = select(&machine(answers), &facts, &wish).unwrap();
            assert_eq!(
                (build.flavour, build.variant.as_str()),
                (flavour, variant),
                "{:?}",
                build.why
            );
            let said = build
                .why
                .iter()
                .any(|line| line.contains("can't be reached"));
            let needed = !answers
                && wanted != Some(Flavour::Mlx)
                && variant != "metal"
                && variant != "mps"
                && !build.accelerated;
            assert_eq!(said, needed, "{:?}", build.why);
        }
        assert!(select(&machine(true), &old, &Wish::default()).is_err());
    }
}
