//! JAX, MLX and TensorFlow over drivers, GPUs and systems.

use crate::build::tests_support::{amd, facts, mac, nvidia};
use crate::build::{Build, Flavour, Wish, choose};
use deskside_types::Known;
use deskside_types::facts::Facts;

fn build(facts: &Facts, flavour: Flavour, framework: &str) -> Build {
    let wish = Wish {
        framework: framework.into(),
        ..Wish::default()
    };
    choose(facts, flavour, &wish).unwrap()
}

#[test]
fn builds_follow_driver_and_compute_capability() {
    use Flavour::{Jax, Mlx, Tensorflow};
    for (flavour, facts, variant) in [
        (Jax, nvidia(&["8.9"], Some("580.95.05")), "cuda13"),
        (Jax, nvidia(&["8.9"], Some("535.183.01")), "cuda12"),
        (Jax, nvidia(&["6.1"], Some("580.95.05")), "cuda12"),
        (Jax, nvidia(&["5.0"], Some("580.95.05")), "cpu"),
        (Jax, nvidia(&["7.5"], Some("470.1")), "cpu"),
        (Jax, nvidia(&["8.9"], Some("470.1")), "cuda13"),
        (Jax, nvidia(&["12.0"], None), "cuda13"),
        (Jax, nvidia(&["6.1"], None), "cuda12"),
        (Jax, amd(&["gfx1100"]), "cpu"),
        (Jax, mac("arm64", "15.6"), "cpu"),
        (Jax, facts(), "cpu"),
        (Mlx, mac("arm64", "15.6"), "metal"),
        (Mlx, facts(), "cpu"),
        (Mlx, nvidia(&["8.9"], Some("580.95.05")), "cuda13"),
        (Mlx, nvidia(&["8.9"], Some("550.54.14")), "cuda12"),
        (Mlx, nvidia(&["8.9"], Some("535.183.01")), "cpu"),
        (Mlx, nvidia(&["6.1"], Some("580.95.05")), "cpu"),
        (Tensorflow, nvidia(&["8.9"], Some("580.95.05")), "cuda12"),
        (Tensorflow, nvidia(&["8.9"], Some("525.60.13")), "cuda12"),
        (Tensorflow, nvidia(&["8.6"], Some("470.1")), "cpu"),
        (Tensorflow, amd(&["gfx1100"]), "cpu"),
        (Tensorflow, mac("arm64", "15.6"), "cpu"),
        (Tensorflow, facts(), "cpu"),
    ] {
        let build = build(&facts, flavour, "");
        assert_eq!(build.variant, variant, "{flavour:?} {:?}", build.why);
        assert!(build.why.len() >= 2);
        assert!(!build.release.is_empty());
    }
}

#[test]
fn releases_without_the_build_are_passed_over() {
    let card = nvidia(&["8.9"], Some("580.95.05"));
    for (flavour, framework, variant, requirement) in [
        (Flavour::Jax, "", "cuda13", "jax[cuda13]"),
        (Flavour::Jax, "<0.7", "cuda12", "jax[cuda12]<0.7"),
        (
            Flavour::Jax,
            "==0.4.38",
            "cuda12",
            "jax[cuda12]==0.4.38,<0.5",
        ),
        (Flavour::Mlx, "<0.32", "cuda13", "mlx[cuda13]<=0.31.1"),
        (Flavour::Tensorflow, "==2.14.*", "cpu", "tensorflow<2.15"),
        (Flavour::Tensorflow, "", "cuda12", "tensorflow[and-cuda]"),
    ] {
        let build = build(&card, flavour, framework);
        assert_eq!(
            (build.variant.as_str(), build.requirements[0].as_str()),
            (variant, requirement),
            "{framework}: {:?}",
            build.ruled_out
        );
    }
}

#[test]
fn older_systems_get_the_last_release_that_runs_there() {
    let mut glibc = facts();
    glibc.system.glibc = Known::Value("2.31".into());
    for (flavour, facts, release, requirement) in [
        (Flavour::Mlx, mac("arm64", "13.6"), "0.29", "mlx<=0.29.3"),
        (Flavour::Jax, mac("x86_64", "13.6"), "0.4", "jax<0.5"),
        (
            Flavour::Tensorflow,
            mac("x86_64", "13.6"),
            "2.16",
            "tensorflow<2.17",
        ),
        (Flavour::Tensorflow, glibc, "2.21", "tensorflow"),
    ] {
        let build = build(&facts, flavour, "");
        assert_eq!(
            (build.release.as_str(), build.requirements[0].as_str()),
            (release, requirement)
        );
    }
}

#[test]
fn library_path_is_taken_away_for_jaxs_cuda_packages_only() {
    let card = nvidia(&["8.9"], Some("580.95.05"));
    let jax = build(&card, Flavour::Jax, "");
    assert_eq!(jax.variables.get("LD_LIBRARY_PATH"), Some(&None));
    assert!(build(&card, Flavour::Mlx, "").variables.is_empty());
}

#[test]
fn what_does_not_fit_is_refused_with_a_way_out() {
    let mut old = facts();
    old.system.glibc = Known::Value("2.28".into());
    let python = Wish {
        python: Some("3.8".into()),
        ..Wish::default()
    };
    for (flavour, facts, wish) in [
        (Flavour::Mlx, old, Wish::default()),
        (Flavour::Mlx, mac("x86_64", "15.0"), Wish::default()),
        (Flavour::Mlx, mac("arm64", "12.6"), Wish::default()),
        (Flavour::Jax, facts(), python),
        (
            Flavour::Jax,
            facts(),
            Wish {
                framework: ">=3".into(),
                ..Wish::default()
            },
        ),
    ] {
        let problem = choose(&facts, flavour, &wish).unwrap_err();
        assert!(
            !problem.causes.is_empty() && !problem.hints.is_empty(),
            "{problem}"
        );
    }
}

#[test]
fn gpus_that_the_build_does_not_serve_are_named_and_hidden() {
    let two = nvidia(&["8.9", "6.1"], Some("580.95.05"));
    let mlx = build(&two, Flavour::Mlx, "");
    assert_eq!(mlx.left_out.len(), 1);
    assert_eq!(
        mlx.variables["CUDA_VISIBLE_DEVICES"].as_deref(),
        Some("GPU-0")
    );
    assert!(build(&two, Flavour::Jax, "").left_out.is_empty());
}
