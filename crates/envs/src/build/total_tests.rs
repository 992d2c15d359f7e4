//! The choice over the whole cross product: every cell an answer or a reason, no panic, and no answer that breaks a floor.

use super::tests_support::{amd, facts, mac, nvidia};
use super::{Build, Flavour, Wish, admission, choose, choose_among, uv_auto};
use deskside_knowledge::frameworks::{self, ExtraFramework};
use deskside_knowledge::hardware;
use deskside_knowledge::version::order;
use deskside_types::facts::{Facts, OsKind};
use deskside_types::{Code, Known, Problem};
use std::cmp::Ordering;

const DRIVERS: &[Option<&str>] = &[
    None,
    Some(""),
    Some("garbage"),
    Some("9999999999999999999999.1"),
    Some("340.108"),
    Some("418.39"),
    Some("450.80.02"),
    Some("470.256.02"),
    Some("520.61.05"),
    Some("525.60.12"),
    Some("525.60.13"),
    Some("535.183.01"),
    Some("550.54.14"),
    Some("570.133.20"),
    Some("579.99"),
    Some("580"),
    Some("580.95.05"),
    Some("595.71.05"),
    Some("615.10"),
];
const CAPABILITIES: &[&str] = &[
    "", "garbage", "0.0", "2.0", "3.5", "3.7", "5.0", "5.2", "6.0", "6.1", "7.0", "7.5", "8.0",
    "8.6", "8.7", "8.9", "9.0", "10.0", "10.3", "11.0", "12.0", "12.1", "99.9",
];
const PYTHONS: &[Option<&str>] = &[
    None,
    Some("3.6"),
    Some("3.7"),
    Some("3.8"),
    Some("3.9"),
    Some("3.10"),
    Some("3.11"),
    Some("3.12"),
    Some("3.13"),
    Some("3.14"),
    Some("3.15"),
    Some("3.16"),
    Some(">=3.9,<3.13"),
    Some("nonsense"),
];

/// Wishes for each series that is known, none, and ones that nothing meets.
fn wishes(flavour: Flavour) -> Vec<String> {
    let series: Vec<String> = match flavour {
        Flavour::Torch => frameworks::torch()
            .releases
            .iter()
            .map(|release| format!("=={}.*", release.version))
            .collect(),
        _ => known(flavour)
            .releases
            .iter()
            .map(|release| format!("=={}.*", release.version))
            .collect(),
    };
    ["", ">=99", "<0.1", "???"]
        .into_iter()
        .map(String::from)
        .chain(series)
        .collect()
}

fn known(flavour: Flavour) -> &'static ExtraFramework {
    super::extra::known(flavour)
}

/// Every cell has an answer with reasons or a refusal with a way out; answers obey the floors.
fn check(facts: &Facts, flavour: Flavour, wish: &Wish) -> Result<Build, Problem> {
    let answer = choose_among(facts, flavour, wish, None);
    // The whole answer tries other wishes and drivers too, so it is made for one machine in many only.
    if wish.framework.is_empty() && facts.known_gpus().len() < 2 {
        let whole = choose(facts, flavour, wish);
        assert_eq!(
            answer.as_ref().ok().map(|build| &build.variant),
            whole.as_ref().ok().map(|build| &build.variant)
        );
    }
    match &answer {
        Ok(build) => {
            assert!(!build.why.is_empty() && !build.requirements.is_empty());
            assert!(!build.python.is_empty() && !build.release.is_empty());
            floors(facts, flavour, wish, build);
            if flavour == Flavour::Torch {
                uv_auto(facts, wish, build);
            }
        }
        Err(problem) => {
            assert_eq!(problem.code, Code::NoFittingBuild, "{problem}");
            assert!(
                !problem.causes.is_empty() && !problem.hints.is_empty(),
                "{problem:?}"
            );
        }
    }
    answer
}

/// What no answer may break, read from the data and not from the choice.
fn floors(facts: &Facts, flavour: Flavour, wish: &Wish, build: &Build) {
    let cell = format!(
        "{flavour:?} {} {} wish `{}` python {:?} driver {:?}",
        build.variant, build.release, wish.framework, wish.python, facts.drivers.nvidia.loaded
    );
    // The wish.
    let (python_min, python_max, versions) = match flavour {
        Flavour::Torch => {
            let release = frameworks::torch().release(&build.release).unwrap();
            (
                &release.python_min,
                release
                    .python_max_own
                    .as_ref()
                    .unwrap_or(&release.python_max),
                vec![release.versions.clone()],
            )
        }
        _ => {
            let rows: Vec<_> = known(flavour)
                .releases
                .iter()
                .filter(|release| release.version == build.release)
                .collect();
            (
                &rows[0].python_min,
                &rows[0].python_max,
                rows.iter().map(|row| row.versions.clone()).collect(),
            )
        }
    };
    assert!(
        versions.iter().any(|versions| admission::admits_release(
            &wish.framework,
            &build.release,
            versions,
            true
        )),
        "{cell}"
    );
    if let Some(python) = wish
        .python
        .as_deref()
        .filter(|python| python.starts_with("3."))
    {
        let rows_admit = order(python, python_min) != Ordering::Less
            && order(python, python_max) != Ordering::Greater;
        assert!(rows_admit || flavour == Flavour::Mlx, "{cell}");
        assert_eq!(build.python, python, "{cell}");
    }
    // The system.
    let mac = facts.system.kind == OsKind::MacOs;
    if mac {
        assert!(build.cuda_major().is_none(), "{cell}");
        assert!(!build.variant.starts_with("rocm"), "{cell}");
    } else {
        assert!(!matches!(build.variant.as_str(), "mps" | "metal"), "{cell}");
    }
    // Driver and code.
    let Some(major) = build.cuda_major() else {
        return;
    };
    let floor = frameworks::torch()
        .drivers
        .iter()
        .find(|row| row.cuda_major == major)
        .unwrap();
    if let Some(driver) = facts.drivers.nvidia.loaded.value()
        && driver.starts_with(|letter: char| letter.is_ascii_digit())
        && driver.contains('.')
        && build.accelerated
    {
        assert_ne!(order(driver, &floor.minimum), Ordering::Less, "{cell}");
    }
    let left_out: Vec<&str> = build.left_out.iter().map(|out| out.gpu.as_str()).collect();
    for gpu in facts.known_gpus() {
        let Some(capability) = gpu.compute_capability.value() else {
            continue;
        };
        let named = gpu.name.value().unwrap();
        if left_out.iter().any(|out| out.contains(named.as_str())) {
            continue;
        }
        let Some(known) = hardware::nvidia_architecture(capability) else {
            continue;
        };
        // A driver that is loaded knows the card, and has not dropped it.
        if let Some(driver) = facts.drivers.nvidia.loaded.value().filter(|driver| {
            build.accelerated
                && driver.starts_with(|letter: char| letter.is_ascii_digit())
                && driver.contains('.')
        }) {
            let branch = driver.split('.').next().unwrap();
            if let Some(first) = &known.min_driver {
                assert_ne!(order(branch, first), Ordering::Less, "{cell}: {capability}");
            }
            if let Some(last) = &known.last_driver_branch {
                assert_ne!(
                    order(branch, last),
                    Ordering::Greater,
                    "{cell}: {capability}"
                );
            }
        }
        // No toolkit of this major compiles for a card that it dropped, and none for one that came later.
        if let Some(last) = &known.max_cuda {
            let last: u32 = last.split('.').next().unwrap().parse().unwrap();
            assert!(major <= last, "{cell}: {capability}");
        }
        let first: u32 = known.min_cuda.split('.').next().unwrap().parse().unwrap();
        assert!(major >= first, "{cell}: {capability}");
    }
}

#[test]
fn nvidia_cells() {
    let mut cells = 0;
    for driver in DRIVERS {
        for capability in CAPABILITIES {
            for architecture in ["x86_64", "aarch64", "riscv64"] {
                let mut facts = nvidia(&[capability], *driver);
                facts.system.architecture = Known::Value(architecture.into());
                // Every series on the common processor; elsewhere the ends and the newest ones.
                let few = if architecture == "x86_64" {
                    usize::MAX
                } else {
                    7
                };
                for flavour in Flavour::EVERY {
                    for framework in wishes(flavour).into_iter().take(few) {
                        let wish = Wish {
                            framework,
                            ..Wish::default()
                        };
                        let _ = check(&facts, flavour, &wish);
                        cells += 1;
                    }
                }
            }
        }
    }
    assert!(cells > 40_000, "{cells}");
}

#[test]
fn python_cells() {
    for python in PYTHONS {
        for machine in [
            nvidia(&["8.9"], Some("580.95.05")),
            nvidia(&["6.1"], Some("535.1")),
            amd(&["gfx1100"]),
            mac("arm64", "15.0"),
            mac("x86_64", "12.0"),
            facts(),
        ] {
            for flavour in Flavour::EVERY {
                for framework in wishes(flavour) {
                    let wish = Wish {
                        python: python.map(String::from),
                        framework,
                        ..Wish::default()
                    };
                    let _ = check(&machine, flavour, &wish);
                }
            }
        }
    }
}

#[test]
fn two_cards_of_every_pair() {
    for driver in [None, Some("470.256.02"), Some("535.1"), Some("580.95.05")] {
        for (place, one) in CAPABILITIES.iter().enumerate() {
            for other in &CAPABILITIES[place..] {
                let facts = nvidia(&[one, other], driver);
                for flavour in Flavour::EVERY {
                    let build = check(&facts, flavour, &Wish::default()).unwrap();
                    // Never all of them, and on the processor none.
                    assert!(
                        build.left_out.len() < 2
                            && (build.variant != "cpu" || build.left_out.is_empty()),
                        "{one} {other} {driver:?} {flavour:?}: {:?}",
                        build.left_out
                    );
                }
            }
        }
    }
}

#[test]
fn amd_cells() {
    let targets: Vec<&str> = hardware::amd_targets()
        .iter()
        .map(|target| target.name.as_str())
        .chain(["", "garbage", "gfx9999"])
        .collect();
    for target in &targets {
        for architecture in ["x86_64", "aarch64"] {
            let mut facts = amd(&[target]);
            facts.system.architecture = Known::Value(architecture.into());
            for flavour in Flavour::EVERY {
                for framework in wishes(flavour) {
                    let wish = Wish {
                        framework,
                        ..Wish::default()
                    };
                    let Ok(build) = check(&facts, flavour, &wish) else {
                        continue;
                    };
                    if let Some(rocm) = build.variant.strip_prefix("rocm") {
                        assert_eq!((flavour, architecture), (Flavour::Torch, "x86_64"));
                        let known = hardware::amd_target(target).unwrap();
                        assert!(
                            rocm == "7.14" || known.pytorch_rocm.iter().any(|own| own == rocm),
                            "{target} {rocm}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn mac_and_old_linux_cells() {
    for architecture in ["arm64", "aarch64", "x86_64", "powerpc"] {
        for version in [
            "", "10.15", "11.0", "12.6", "13.7", "14.0", "15.6", "26.1", "garbage",
        ] {
            let facts = mac(architecture, version);
            for flavour in Flavour::EVERY {
                for framework in wishes(flavour) {
                    let _ = check(
                        &facts,
                        flavour,
                        &Wish {
                            framework,
                            ..Wish::default()
                        },
                    );
                }
            }
        }
    }
    for glibc in [
        Known::Absent,
        Known::unknown("not asked"),
        Known::Value("2.12".into()),
        Known::Value("2.17".into()),
        Known::Value("2.27".into()),
        Known::Value("2.31".into()),
        Known::Value("2.99".into()),
        Known::Value("garbage".into()),
    ] {
        let mut old = nvidia(&["8.6"], Some("580.95.05"));
        old.system.glibc = glibc;
        for flavour in Flavour::EVERY {
            for framework in wishes(flavour) {
                let _ = check(
                    &old,
                    flavour,
                    &Wish {
                        framework,
                        ..Wish::default()
                    },
                );
            }
        }
    }
    let mut unknown = facts();
    unknown.system.architecture = Known::unknown("not asked");
    unknown.gpus = Known::unknown("not asked");
    for flavour in Flavour::EVERY {
        let _ = check(&unknown, flavour, &Wish::default());
    }
}
