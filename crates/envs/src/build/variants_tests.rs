//! The builds a project names, and the best of them for a machine.

use super::*;
use crate::build::choose;
use crate::build::tests_support::{amd, facts, mac, nvidia};

fn names(flavour: Flavour, framework: &str) -> Vec<String> {
    let wish = Wish {
        framework: framework.into(),
        ..Wish::default()
    };
    variants(flavour, &wish)
        .into_iter()
        .map(|variant| format!("{} {}", variant.extra, variant.requirement))
        .collect()
}

#[test]
fn a_portable_project_names_the_builds_that_machines_need() {
    assert_eq!(
        names(Flavour::Torch, ""),
        [
            "cu132 torch>=2.11,<2.16",
            "cu126 torch>=2.8,<2.15",
            "cu128 torch>=2.8,<2.12",
            "rocm72 torch>=2.11,<2.14",
            "cpu torch>=2.8,<2.16",
            "mps torch>=2.8,<2.16",
        ]
    );
    assert_eq!(
        names(Flavour::Torch, "==2.10.*"),
        [
            "cu128 torch>=2.10,<2.11",
            "rocm71 torch>=2.10,<2.11",
            "cpu torch>=2.10,<2.11",
            "mps torch>=2.10,<2.11",
        ]
    );
    assert_eq!(
        names(Flavour::Jax, ""),
        ["cuda13 jax[cuda13]", "cuda12 jax[cuda12]", "cpu jax"]
    );
    assert_eq!(
        names(Flavour::Mlx, ""),
        [
            "cuda13 mlx[cuda13]",
            "cuda12 mlx[cuda12]",
            "metal mlx",
            "cpu mlx[cpu]"
        ]
    );
    assert_eq!(
        names(Flavour::Tensorflow, ""),
        ["cuda12 tensorflow[and-cuda]", "cpu tensorflow"]
    );
    assert!(names(Flavour::Torch, "==1.0").is_empty());
}

#[test]
fn extras_are_names_that_uv_takes_and_indexes_are_named_once() {
    for flavour in Flavour::EVERY {
        for variant in variants(flavour, &Wish::default()) {
            assert!(
                variant
                    .extra
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric()),
                "{}",
                variant.extra
            );
            assert_eq!(variant.index.is_some(), !variant.packages.is_empty());
            if let Some(index) = &variant.index {
                assert_eq!(index.name, format!("pytorch-{}", variant.extra));
            }
        }
    }
}

#[test]
fn the_best_extra_is_the_one_that_would_be_chosen() {
    let all: Vec<String> = variants(Flavour::Torch, &Wish::default())
        .into_iter()
        .map(|variant| variant.extra)
        .chain(["dev".into()])
        .collect();
    for (facts, extra) in [
        (nvidia(&["8.9"], Some("580.95.05")), "cu132"),
        (nvidia(&["8.9"], Some("535.183.01")), "cu126"),
        (nvidia(&["6.1"], Some("580.95.05")), "cu126"),
        (nvidia(&["12.0"], Some("570.133.20")), "cu128"),
        (nvidia(&["8.6"], Some("470.1")), "cpu"),
        (amd(&["gfx1100"]), "rocm72"),
        (amd(&["gfx1103"]), "cpu"),
        (mac("arm64", "15.6"), "mps"),
        (facts(), "cpu"),
    ] {
        let (name, build) = best_of(&facts, &Wish::default(), &all).unwrap();
        assert_eq!(name, extra, "{:?}", build.why);
        assert!(!build.why.is_empty());
    }
}

#[test]
fn what_a_project_has_is_taken_as_far_as_it_serves() {
    let list = |extras: &[&str]| -> Vec<String> {
        extras.iter().map(|extra| (*extra).to_string()).collect()
    };
    let old = nvidia(&["8.9"], Some("535.183.01"));
    for (facts, extras, expected) in [
        (&old, &["cu132", "cpu"][..], Some("cpu")),
        (&old, &["cu121", "cpu"], Some("cu121")),
        (&facts(), &["cu132"], Some("cu132")),
        (&mac("arm64", "15.6"), &["cu132", "cpu"], Some("cpu")),
        (&mac("arm64", "15.6"), &["cu132"], Some("cu132")),
        (&amd(&["gfx1100"]), &["rocm7.2"], Some("rocm7.2")),
        (&facts(), &["dev"], None),
        (&facts(), &[], None),
    ] {
        let found = best_of(facts, &Wish::default(), &list(extras));
        assert_eq!(
            found.as_ref().ok().map(|(name, _)| name.as_str()),
            expected,
            "{extras:?} {found:?}"
        );
    }
    let jax = Wish {
        flavour: Some(Flavour::Jax),
        ..Wish::default()
    };
    let (name, build) = best_of(&old, &jax, &list(&["cuda13", "cuda12", "cpu"])).unwrap();
    assert_eq!(
        (name.as_str(), build.variant.as_str()),
        ("cuda12", "cuda12")
    );
    assert!(best_of(&facts(), &jax, &list(&["cuda13"])).is_err());
}

#[test]
fn extras_and_variants_agree() {
    for machine in [
        nvidia(&["8.9"], Some("580.95.05")),
        nvidia(&["7.0"], Some("535.1")),
        amd(&["gfx942"]),
        mac("arm64", "14.0"),
        facts(),
    ] {
        let build = choose(&machine, Flavour::Torch, &Wish::default()).unwrap();
        assert!(
            variants(Flavour::Torch, &Wish::default())
                .iter()
                .any(|variant| variant.extra == build.extra_name()),
            "{}",
            build.extra_name()
        );
    }
}
