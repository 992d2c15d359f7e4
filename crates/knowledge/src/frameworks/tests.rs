//! The files about frameworks are whole, in order, and agree with each other.

use super::*;
use crate::version::order;
use std::cmp::Ordering;

fn newer(one: &str, other: &str) -> bool {
    order(one, other) == Ordering::Greater
}

#[test]
fn every_file_reads_and_is_in_order() {
    let torch = torch();
    assert!(
        torch
            .releases
            .windows(2)
            .all(|pair| newer(&pair[0].version, &pair[1].version))
    );
    for release in &torch.releases {
        for builds in [&release.cuda, &release.experimental] {
            assert!(
                builds.windows(2).all(|pair| newer(&pair[0], &pair[1])),
                "{}",
                release.version
            );
        }
        assert!(newer(&release.python_max, &release.python_min));
        assert!(
            release
                .versions
                .iter()
                .all(|version| version.starts_with(&format!("{}.", release.version)))
        );
        assert!(!release.source.is_empty());
    }
    for code in &torch.code {
        assert!(!newer(&code.from, &code.to));
        assert!(
            code.compute_capabilities
                .windows(2)
                .all(|pair| newer(&pair[1], &pair[0])),
            "{code:?}"
        );
        assert!(!code.source.is_empty());
    }
    assert!(
        small_flavours()
            .iter()
            .all(|flavour| flavour.accuracy >= 0.95)
    );
    assert!(
        indexes().default.url.ends_with('/')
            && indexes()
                .pytorch
                .cpu_page
                .starts_with(&indexes().pytorch.url)
    );
}

#[test]
fn every_default_build_says_which_gpus_it_serves_and_which_driver_it_needs() {
    for release in &torch().releases {
        for cuda in std::iter::once(&release.default_cuda)
            .chain(&release.cuda)
            .chain(&release.experimental)
        {
            assert!(torch().driver_for(cuda).is_some(), "{cuda}");
            assert!(
                torch()
                    .floor_for(&release.version, cuda, "x86_64")
                    .is_some(),
                "{cuda}"
            );
            assert!(
                indexes().uv.cuda_backends.contains(cuda),
                "uv knows no back end for {cuda}"
            );
        }
        assert!(
            torch()
                .code_of(&release.version, &release.default_cuda, "x86_64")
                .is_some(),
            "{}",
            release.version
        );
    }
}

#[test]
fn no_two_code_lists_speak_of_one_build() {
    let torch = torch();
    for release in &torch.releases {
        for architecture in ["x86_64", "aarch64"] {
            for cuda in [
                "11.6", "11.7", "11.8", "12.1", "12.4", "12.6", "12.8", "12.9", "13.0", "13.2",
            ] {
                let rows = torch
                    .code
                    .iter()
                    .filter(|row| {
                        row.cuda == cuda
                            && row.architecture == architecture
                            && !newer(&row.from, &release.version)
                            && !newer(&release.version, &row.to)
                    })
                    .count();
                assert!(rows <= 1, "{} {cuda} {architecture}", release.version);
            }
        }
    }
}

#[test]
fn frameworks_with_extras_are_in_order_and_name_builds_that_exist() {
    for framework in [jax(), mlx(), tensorflow()] {
        assert!(
            framework
                .releases
                .windows(2)
                .all(|pair| !newer(&pair[1].version, &pair[0].version))
        );
        for release in &framework.releases {
            assert!(!release.versions.is_empty() && !release.source.is_empty());
            assert!(!newer(&release.python_min, &release.python_max));
            for extra in &release.extras {
                assert!(
                    extra == "cpu" || framework.builds.iter().any(|build| build.name == *extra),
                    "{extra}"
                );
            }
        }
    }
    assert!(mlx().metal.is_some() && jax().metal.is_none());
}

#[test]
fn companions_are_sorted_sourced_and_pair_with_releases_that_are_known() {
    let all = &companions().all;
    assert!(all.windows(2).all(|pair| pair[0].name < pair[1].name));
    for companion in all {
        assert!(
            !companion.source.is_empty() && !companion.note.is_empty(),
            "{}",
            companion.name
        );
        assert_eq!(
            companion.follows == Follows::Source,
            !companion.build_needs.is_empty(),
            "{}",
            companion.name
        );
        for pair in &companion.pairs {
            assert!(
                torch().release(&pair.framework).is_some(),
                "{} {}",
                companion.name,
                pair.framework
            );
        }
    }
}

#[test]
fn uvs_rules_are_newest_first() {
    assert!(
        uv_auto()
            .cuda
            .windows(2)
            .all(|pair| !newer(&pair[1].driver, &pair[0].driver))
    );
    assert!(uv_auto().rocm.iter().all(|row| !row.targets.is_empty()));
}
