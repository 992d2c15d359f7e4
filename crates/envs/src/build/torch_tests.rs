//! PyTorch builds over drivers, GPUs, systems and projects' bounds.

use super::*;
use crate::build::tests_support::{amd, facts, mac, nvidia};
use deskside_types::{Code, Known};

fn build(facts: &Facts) -> Build {
    choose(facts, &Wish::default()).unwrap()
}

#[test]
fn nvidia_builds_follow_driver_and_compute_capability() {
    for (capabilities, driver, variant, requirement) in [
        (
            &["8.9"][..],
            Some("580.95.05"),
            "cu132",
            "torch>=2.11,<2.16",
        ),
        (&["8.9"], Some("615.10"), "cu132", "torch>=2.11,<2.16"),
        (&["7.5"], Some("580.65.06"), "cu132", "torch>=2.11,<2.16"),
        (&["12.0"], Some("595.71.05"), "cu132", "torch>=2.11,<2.16"),
        (&["12.1"], Some("595.71.05"), "cu132", "torch>=2.11,<2.16"),
        // Maxwell, Pascal, Volta: CUDA 13 has no code for them, whatever the driver.
        (&["5.2"], Some("580.95.05"), "cu126", "torch>=2.8,<2.15"),
        (&["6.1"], Some("580.95.05"), "cu126", "torch>=2.8,<2.15"),
        (&["7.0"], Some("535.309.01"), "cu126", "torch>=2.8,<2.15"),
        // Drivers below 580 run CUDA 12 only.
        (&["8.9"], Some("535.183.01"), "cu126", "torch>=2.8,<2.15"),
        (&["9.0"], Some("570.133.20"), "cu126", "torch>=2.8,<2.15"),
        (&["8.6"], Some("525.60.13"), "cu126", "torch>=2.8,<2.15"),
        // Blackwell on a driver for CUDA 12: cu126 has no code for it, cu128 does and ends with 2.11.
        (&["12.0"], Some("570.133.20"), "cu128", "torch>=2.8,<2.12"),
        (&["10.3"], Some("575.57.08"), "cu128", "torch>=2.8,<2.12"),
        // All cards at once.
        (
            &["8.9", "6.1"],
            Some("580.95.05"),
            "cu126",
            "torch>=2.8,<2.15",
        ),
        (
            &["12.0", "7.0"],
            Some("580.95.05"),
            "cu128",
            "torch>=2.8,<2.11",
        ),
        // No driver yet, or a capability nobody knows: the newest.
        (&["8.9"], None, "cu132", "torch>=2.11,<2.16"),
        (&[""], None, "cu132", "torch>=2.11,<2.16"),
    ] {
        let build = build(&nvidia(capabilities, driver));
        assert_eq!(
            (build.variant.as_str(), build.requirements[0].as_str()),
            (variant, requirement),
            "{capabilities:?} {driver:?}: {:?}",
            build.why
        );
        let expected: Vec<&str> = if variant == "cu132" {
            vec![]
        } else {
            vec!["--torch-backend", variant]
        };
        if (variant, requirement) != ("cu128", "torch>=2.8,<2.11") {
            assert_eq!(build.arguments, expected, "{capabilities:?} {driver:?}");
        }
        assert_eq!(build.accelerated, driver.is_some());
    }
}

#[test]
fn a_gpu_that_no_build_serves_with_the_others_is_named_and_hidden() {
    let build = build(&nvidia(&["12.0", "5.2"], Some("580.95.05")));
    assert_eq!(build.variant, "cu132");
    assert_eq!(
        build.variables["CUDA_VISIBLE_DEVICES"].as_deref(),
        Some("GPU-0")
    );
    assert!(
        build
            .why
            .iter()
            .any(|line| line.contains("leaves out NVIDIA card 5.2")),
        "{:?}",
        build.why
    );
}

#[test]
fn old_gpus_and_old_drivers_compute_on_the_processor_and_say_why() {
    for (capabilities, driver, words) in [
        (&["8.6"][..], "470.256.02", "older than 525.60.13"),
        (&["3.7"], "470.256.02", "older than"),
        (&["3.5"], "535.1", "no build with"),
    ] {
        let build = build(&nvidia(capabilities, Some(driver)));
        assert_eq!(build.variant, "cpu");
        assert!(!build.accelerated);
        assert!(
            build.why.iter().any(|line| line.contains(words)),
            "{:?}",
            build.why
        );
    }
}

#[test]
fn the_newest_cuda_of_the_driver_serves_where_its_version_is_hidden() {
    for (cuda, variant) in [("13.0", "cu132"), ("12.4", "cu126"), ("11.8", "cpu")] {
        let mut facts = nvidia(&["8.9"], None);
        facts.system.wsl = Known::Value(deskside_types::facts::Wsl {
            version: 2,
            gpu_device: Known::Value(true),
            cuda_library: Known::Value(true),
        });
        facts.drivers.nvidia.cuda = Known::Value(cuda.into());
        assert_eq!(build(&facts).variant, variant, "{cuda}");
    }
}

#[test]
fn arm_servers_have_their_own_code_tables() {
    let mut facts = nvidia(&["9.0"], Some("580.95.05"));
    facts.system.architecture = Known::Value("aarch64".into());
    assert_eq!(build(&facts).variant, "cu132");
    let mut old = nvidia(&["7.5"], Some("580.95.05"));
    old.system.architecture = Known::Value("aarch64".into());
    assert_eq!(build(&old).variant, "cpu");
}

#[test]
fn amd_builds_follow_the_target() {
    for (targets, variant, requirement, hidden) in [
        (&["gfx1100"][..], "rocm7.2", "torch>=2.11,<2.14", None),
        (&["gfx942"], "rocm7.2", "torch>=2.11,<2.14", None),
        (&["gfx1151"], "rocm7.2", "torch>=2.11,<2.14", None),
        (
            &["gfx1036", "gfx1100"],
            "rocm7.2",
            "torch>=2.11,<2.14",
            Some("GPU-1"),
        ),
        (&["gfx1103"], "cpu", "torch>=2.8,<2.16", None),
        (&["gfx1010"], "cpu", "torch>=2.8,<2.16", None),
        (&["gfx9999"], "cpu", "torch>=2.8,<2.16", None),
    ] {
        let build = build(&amd(targets));
        assert_eq!(
            (build.variant.as_str(), build.requirements[0].as_str()),
            (variant, requirement),
            "{targets:?}: {:?}",
            build.why
        );
        assert_eq!(build.arguments, ["--torch-backend", variant]);
        assert_eq!(
            build
                .variables
                .get("ROCR_VISIBLE_DEVICES")
                .cloned()
                .flatten()
                .as_deref(),
            hidden,
            "{targets:?}"
        );
    }
    let pretending = build(&amd(&["gfx1031"]));
    assert_eq!(
        pretending.variables["HSA_OVERRIDE_GFX_VERSION"].as_deref(),
        Some("10.3.0")
    );
    let mut without = amd(&["gfx1100"]);
    without.drivers.amd.compute_device = Known::Value(false);
    assert!(!build(&without).accelerated);
}

#[test]
fn macs_take_the_default_index() {
    let apple = build(&mac("arm64", "15.6"));
    assert_eq!(
        (
            apple.variant.as_str(),
            apple.accelerated,
            apple.arguments.len()
        ),
        ("mps", true, 0)
    );
    assert_eq!(apple.requirements, ["torch>=2.8,<2.16"]);
    assert_eq!(
        build(&mac("aarch64", "13.7")).requirements,
        ["torch>=2.8,<2.12"]
    );
    let intel = choose(&mac("x86_64", "14.0"), &Wish::default()).unwrap_err();
    assert_eq!(intel.code, Code::NoFittingBuild);
    assert!(intel.hints[0].contains("torch==2.2.2"));
}

#[test]
fn the_projects_bounds_decide_the_release() {
    let wish = |framework: &str| Wish {
        framework: framework.into(),
        ..Wish::default()
    };
    let machine = nvidia(&["8.9"], Some("580.95.05"));
    for (framework, variant, requirement) in [
        (">=2.12", "cu132", Some("torch>=2.12,<2.16")),
        ("==2.10.0", "cu128", Some("torch>=2.10,<2.11")),
        ("<2.11", "cu128", Some("torch>=2.8,<2.11")),
        ("==2.4.1", "auto", None),
    ] {
        let build = choose(&machine, &wish(framework)).unwrap();
        assert_eq!(
            (
                build.variant.as_str(),
                build.requirements.first().map(String::as_str)
            ),
            (variant, requirement),
            "{framework}"
        );
    }
}

#[test]
fn systems_without_packages_are_refused_with_a_way_out() {
    let mut old = facts();
    old.system.glibc = Known::Value("2.17".into());
    let mut musl = facts();
    musl.system.glibc = Known::Absent;
    let mut riscv = facts();
    riscv.system.architecture = Known::Value("riscv64".into());
    let mut unknown = facts();
    unknown.system.architecture = Known::unknown("not asked");
    for facts in [old, musl, riscv, unknown] {
        let problem = choose(&facts, &Wish::default()).unwrap_err();
        assert_eq!(problem.code, Code::NoFittingBuild);
        assert!(!problem.causes.is_empty() && !problem.hints.is_empty());
    }
    let ancient = choose(
        &facts(),
        &Wish {
            python: Some("3.9".into()),
            ..Wish::default()
        },
    )
    .unwrap_err();
    assert!(ancient.causes[0].contains("3.9"), "{ancient}");
}
