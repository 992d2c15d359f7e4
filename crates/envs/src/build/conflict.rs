//! Frameworks that can't share an environment: two CUDA majors in one process.

use super::companion::cuda_major_of;
use super::{Build, Flavour, Wish, choose, variants};
use deskside_types::facts::Facts;
use deskside_types::{Code, Problem};

/// The builds for several frameworks in one environment.
///
/// TensorFlow's CUDA build brings CUDA 12; beside a CUDA 13 build of PyTorch or JAX the two majors' libraries meet in
/// one process. That is refused, with the two ways out.
///
/// # Errors
/// [`Code::FrameworksConflict`] when two of them bring different CUDA majors, and what [`choose`] says of each.
pub fn choose_together(facts: &Facts, wishes: &[(Flavour, Wish)]) -> Result<Vec<Build>, Problem> {
    let builds = wishes
        .iter()
        .map(|(flavour, wish)| choose(facts, *flavour, wish))
        .collect::<Result<Vec<Build>, Problem>>()?;
    check_together(&builds)?;
    Ok(builds)
}

/// Refuses builds that can't share an environment.
///
/// # Errors
/// [`Code::FrameworksConflict`] when two of them bring different CUDA majors.
pub fn check_together(builds: &[Build]) -> Result<(), Problem> {
    let with_cuda: Vec<(&Build, u32)> = builds
        .iter()
        .filter_map(|build| Some((build, build.cuda_major()?)))
        .collect();
    let Some((older, low)) = with_cuda.iter().min_by_key(|(_, major)| *major) else {
        return Ok(());
    };
    let Some((newer, high)) = with_cuda.iter().max_by_key(|(_, major)| *major) else {
        return Ok(());
    };
    if low == high {
        return Ok(());
    }
    let show = |build: &Build| {
        format!(
            "{} {} ({})",
            build.flavour.name(),
            build.release,
            build.variant
        )
    };
    let same_major = variants(newer.flavour, &Wish::default())
        .into_iter()
        .find(|variant| cuda_major_of(&variant.variant) == Some(*low));
    let instead = match same_major {
        Some(variant) if variant.index.is_some() => format!(
            "take {}'s CUDA {low} build in this environment: {} with --torch-backend {}",
            newer.flavour.name(),
            variant.requirement,
            variant.variant
        ),
        Some(variant) => format!(
            "take {}'s CUDA {low} build in this environment: {}",
            newer.flavour.name(),
            variant.requirement
        ),
        None => format!("leave {} out of this environment", newer.flavour.name()),
    };
    Err(Problem::new(
        Code::FrameworksConflict,
        format!(
            "{} and {} can't share an environment",
            show(older),
            show(newer)
        ),
    )
    .because(format!(
        "{} brings the libraries of CUDA {low}, {} those of CUDA {high}: one process can't load both",
        older.flavour.name(),
        newer.flavour.name()
    ))
    .hint(instead)
    .hint(format!(
        "or give each an environment of its own: a folder with its own `deskside env init` for {}",
        older.flavour.name()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::tests_support::{facts, nvidia};

    fn together(facts: &Facts, flavours: &[Flavour]) -> Result<Vec<Build>, Problem> {
        let wishes: Vec<(Flavour, Wish)> = flavours
            .iter()
            .map(|flavour| (*flavour, Wish::default()))
            .collect();
        choose_together(facts, &wishes)
    }

    #[test]
    fn two_cuda_majors_are_refused_with_two_ways_out() {
        use Flavour::{Jax, Mlx, Tensorflow, Torch};
        let new = nvidia(&["8.9"], Some("580.95.05"));
        let old = nvidia(&["8.9"], Some("535.183.01"));
        for (facts, flavours, refused) in [
            (&new, &[Torch, Tensorflow][..], true),
            (&new, &[Jax, Tensorflow], true),
            (&new, &[Mlx, Tensorflow], true),
            (&new, &[Torch, Jax], false),
            (&old, &[Torch, Tensorflow], false),
            (&old, &[Torch, Jax, Tensorflow], false),
            (&facts(), &[Torch, Tensorflow], false),
            (&new, &[], false),
        ] {
            let answer = together(facts, flavours);
            assert_eq!(answer.is_err(), refused, "{flavours:?}");
            if let Err(problem) = answer {
                assert_eq!(problem.code, Code::FrameworksConflict);
                assert_eq!(problem.hints.len(), 2);
                let way_out = if flavours.contains(&Torch) {
                    "cu126"
                } else {
                    "[cuda12]"
                };
                assert!(problem.hints[0].contains(way_out), "{problem:?}");
            }
        }
    }
}
