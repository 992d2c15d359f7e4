//! PyTorch builds over drivers, GPUs, systems and projects' bounds.

use super::{Build, Facts, Flavour, Wish};
use crate::build;
use crate::build::tests_support::{amd, facts, mac, nvidia};
use deskside_knowledge::frameworks;
use deskside_types::{Code, Known};

fn choose(facts: &Facts, wish: &Wish) -> Result<Build, deskside_types::Problem> {
    build::choose(facts, Flavour::Torch, wish)
}

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
        (&["7.5"][..], "440.100", "older than 450.80.02"),
        (&["3.7"], "390.157", "older than"),
        (&["3.5"], "470.256.02", "no build with"),
        // No driver of today drives it.
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
    for (cuda, variant) in [
        ("13.0", "cu132"),
        ("12.4", "cu126"),
        ("11.8", "cu118"),
        ("10.2", "cpu"),
    ] {
        let mut facts = nvidia(&["7.5"], None);
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
        // Only AMD's own index has code for these.
        (&["gfx1103"], "rocm7.14", "torch[device-gfx1103]", None),
        (&["gfx1010"], "rocm7.14", "torch[device-gfx1010]", None),
        (&["gfx1031"], "rocm7.14", "torch[device-gfx1031]", None),
        (&["gfx9999"], "cpu", "torch>=2.8,<2.16", None),
    ] {
        let build = build(&amd(targets));
        assert_eq!(
            (build.variant.as_str(), build.requirements[0].as_str()),
            (variant, requirement),
            "{targets:?}: {:?}",
            build.why
        );
        let expected: &[&str] = if variant == "rocm7.14" {
            &["--index", &frameworks::indexes().amd_multi_arch.url]
        } else {
            &["--torch-backend", variant]
        };
        assert_eq!(build.arguments, expected);
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
    let sibling = build(&amd(&["gfx1031"]));
    assert!(sibling.variables.is_empty());
    assert!(
        sibling
            .why
            .iter()
            .any(|line| line.contains("HSA_OVERRIDE_GFX_VERSION=10.3.0")),
        "{:?}",
        sibling.why
    );
    // The newest ROCm is taken only where the version wish leaves nothing else.
    let newest = choose(
        &amd(&["gfx1100"]),
        &Wish {
            framework: "==2.14.*".into(),
            ..Wish::default()
        },
    )
    .unwrap();
    assert_eq!(
        (newest.variant.as_str(), newest.sourced),
        ("rocm7.14", false)
    );
    assert_eq!(newest.arguments[0], "--index");
    let mut without = amd(&["gfx1100"]);
    without.drivers.amd.compute_device = Known::Value(false);
    assert!(!build(&without).accelerated);
}

#[test]
fn gpus_of_two_makers_get_nvidias_build_or_amds_where_that_alone_serves() {
    let with_amd = |mut facts: Facts| {
        let amd = amd(&["gfx1100"]);
        let both: Vec<_> = facts
            .known_gpus()
            .iter()
            .chain(amd.known_gpus())
            .cloned()
            .collect();
        facts.gpus = Known::Value(both);
        facts
    };
    let new = build(&with_amd(nvidia(&["8.9"], Some("580.95.05"))));
    assert_eq!(new.variant, "cu132");
    assert!(
        new.why.iter().any(|line| line.contains("one maker's")),
        "{:?}",
        new.why
    );
    // A build that computes now comes before one that waits for a driver.
    let waiting = build(&with_amd(nvidia(&["8.9"], Some("390.157"))));
    assert_eq!(
        (waiting.variant.as_str(), waiting.accelerated),
        ("rocm7.2", true)
    );
    assert!(
        waiting.why[0].contains("needs driver branch 520"),
        "{:?}",
        waiting.why
    );
    let old = build(&with_amd(nvidia(&["6.1"], Some("390.157"))));
    assert_eq!(old.variant, "rocm7.2");
    assert!(old.why[0].contains("older than"), "{:?}", old.why);
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
    let intel = build(&mac("x86_64", "14.0"));
    assert_eq!(
        (
            intel.variant.as_str(),
            intel.release.as_str(),
            intel.accelerated
        ),
        ("cpu", "2.2", false)
    );
    let newer = choose(
        &mac("x86_64", "14.0"),
        &Wish {
            framework: ">=2.4".into(),
            ..Wish::default()
        },
    )
    .unwrap_err();
    assert_eq!(newer.code, Code::NoFittingBuild);
    assert!(newer.hints[0].contains("torch==2.2.2"), "{newer:?}");
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
        ("==2.4.1", "cu121", Some("torch>=2.4,<2.5")),
        ("==2.0.1+cu118", "cu118", Some("torch>=2.0,<2.1")),
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
    old.system.glibc = Known::Value("2.12".into());
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
    let wish = |python: &str, framework: &str| Wish {
        python: Some(python.into()),
        framework: framework.into(),
        ..Wish::default()
    };
    // An older Python has an older release; only a wish that no release meets is refused.
    let old = choose(&facts(), &wish("3.9", "")).unwrap();
    assert_eq!((old.release.as_str(), old.python.as_str()), ("2.8", "3.9"));
    let never = choose(&facts(), &wish("3.9", ">=2.9")).unwrap_err();
    assert!(never.causes[0].contains("3.9"), "{never}");
    assert!(
        never.hints.iter().any(|hint| hint.contains("torch 2.8")),
        "{never:?}"
    );
    let unknown = choose(&facts(), &wish("3.12", "==1.10.*")).unwrap_err();
    assert!(unknown.causes[0].contains("1.13 to 2.15"), "{unknown}");
}

#[test]
fn a_driver_that_does_not_know_the_card_is_none() {
    for (capability, driver, accelerated, words) in [
        (
            "12.0",
            "535.183.01",
            false,
            "needs driver branch 570 or newer",
        ),
        ("12.0", "570.86.16", true, ""),
        (
            "9.0",
            "450.80.02",
            false,
            "needs driver branch 520 or newer",
        ),
        ("8.9", "520.56.06", true, ""),
        (
            "8.6",
            "450.80.02",
            false,
            "needs driver branch 455 or newer",
        ),
        ("8.0", "450.80.02", true, ""),
        (
            "12.1",
            "570.86.16",
            false,
            "needs driver branch 575 or newer",
        ),
        (
            "6.1",
            "595.71.05",
            false,
            "the last driver branch for NVIDIA card 6.1 is 580",
        ),
        ("6.1", "580.95.05", true, ""),
        ("7.0", "615.10", false, "is 580"),
    ] {
        let without = build(&nvidia(&[capability], None));
        let build = build(&nvidia(&[capability], Some(driver)));
        assert_eq!(build.accelerated, accelerated, "{capability} {driver}");
        let said = build.why.join("\n");
        assert!(said.contains(words), "{capability} {driver}: {said}");
        if !accelerated {
            assert!(
                said.contains("training runs on the processor") || said.contains("Training runs")
            );
            // The build of the day the driver is there, as without any.
            assert_eq!(build.variant, without.variant, "{capability} {driver}");
        }
    }
}

#[test]
fn the_driver_to_get_is_named() {
    for (capability, driver, wanted) in [
        (
            "12.0",
            "535.183.01",
            "until branch 580 or newer is installed",
        ),
        ("6.1", "595.71.05", "until branch 580 is installed"),
    ] {
        let build = build(&nvidia(&[capability], Some(driver)));
        let said = build.why.join("\n");
        assert!(said.contains(wanted), "{said}");
    }
    let facts = nvidia(&["12.0"], Some("535.183.01"));
    let build = build(&facts);
    let better = build::better(&facts, Flavour::Torch, &Wish::default(), &build);
    assert!(better.is_empty(), "it is said already: {better:?}");
}

#[test]
fn of_several_cards_those_that_the_driver_drives_decide() {
    let pascal = build(&nvidia(&["6.1", "8.9"], Some("595.71.05")));
    let build = build(&nvidia(&["12.0", "8.6"], Some("535.183.01")));
    assert_eq!((build.variant.as_str(), build.accelerated), ("cu126", true));
    assert_eq!(build.left_out.len(), 1);
    assert!(build.left_out[0].why.contains("needs driver branch 570"));
    // A card that no program sees need not be hidden.
    assert!(build.variables.is_empty());
    assert_eq!(
        (pascal.variant.as_str(), pascal.left_out.len()),
        ("cu132", 1)
    );
}
