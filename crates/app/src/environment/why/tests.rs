//! Answers for machines that are assumed.

use super::*;
use deskside_testkit::Sim;
use std::sync::Arc;

fn ask(framework: &str, version: &str, machine: &str) -> Result<WhyReport> {
    let context = Context::here(Arc::new(Sim::linux())).unwrap();
    why(
        &context,
        &WhyRequest {
            framework: framework.into(),
            version: (!version.is_empty()).then(|| version.into()),
            python: None,
            assume: Some(machine.into()),
        },
    )
}

#[test]
fn assumed_machines_get_the_build_and_the_command() {
    for (framework, version, machine, choice, command) in [
        (
            "torch",
            "",
            "gpu=RTX 5090,driver=580,os=ubuntu-24.04",
            "PyTorch 2.15 (cu132) from the default index",
            "uv pip install 'torch==2.15.*'",
        ),
        (
            "pytorch",
            "",
            "gpu=GTX 1080 Ti",
            "PyTorch 2.14 (cu126) from PyTorch's index cu126",
            "uv pip install 'torch==2.14.*' --torch-backend cu126",
        ),
        (
            "torch",
            ">=2.9,<2.11",
            "gpu=cc8.9,driver=535",
            "PyTorch 2.10 (cu128) from the default index",
            "uv pip install 'torch==2.10.*'",
        ),
        (
            "torch",
            "==2.4.1",
            "gpu=T4,driver=550",
            "PyTorch 2.4 (cu121) from the default index",
            "uv pip install 'torch==2.4.1'",
        ),
        (
            "torch",
            "",
            "gpu=gfx1103",
            "PyTorch 2.12 (rocm7.14) from AMD's index for many targets",
            "uv pip install 'torch[device-gfx1103]' --index AMD",
        ),
        (
            "torch",
            "",
            "gpu=M3 Max",
            "PyTorch 2.15 (mps) from the default index",
            "uv pip install 'torch==2.15.*'",
        ),
        (
            "torch",
            "",
            "gpu=none",
            "PyTorch 2.15 (cpu) from PyTorch's CPU index, on the processor",
            "uv pip install 'torch==2.15.*' --torch-backend cpu",
        ),
        (
            "mlx",
            "",
            "os=macos-13",
            "MLX 0.29 (metal) from the default index",
            "uv pip install 'mlx<=0.29.3'",
        ),
        (
            "jax",
            "",
            "gpu=RTX 4090,driver=535",
            "JAX 0.12 (cuda12) from the default index",
            "uv pip install 'jax[cuda12]'",
        ),
        (
            "torchvision",
            "",
            "gpu=RTX 3090,driver=535",
            "torchvision==0.29.* beside PyTorch 2.14 (cu126) from PyTorch's index cu126",
            "uv pip install 'torch==2.14.*' 'torchvision==0.29.*' --torch-backend cu126",
        ),
    ] {
        let report = ask(framework, version, machine).unwrap();
        assert_eq!(report.choice, choice, "{machine}");
        let amd = &frameworks::indexes().amd_multi_arch.url;
        assert_eq!(report.commands[1].replace(amd, "AMD"), command, "{machine}");
        assert!(!report.why.is_empty() && !report.machine.shown.is_empty());
    }
}

#[test]
fn what_is_not_named_is_said() {
    let report = ask("torch", "", "gpu=RTX 4090").unwrap();
    assert_eq!(
        report.machine.taken,
        ["os ubuntu-24.04", "arch x86_64", "driver 595"]
    );
    let pascal = ask("torch", "", "gpu=cc6.1,os=debian").unwrap();
    assert!(
        pascal
            .machine
            .taken
            .iter()
            .any(|line| line.contains("580, the last branch")),
        "{:?}",
        pascal.machine.taken
    );
    assert!(ask("torch", "", "").unwrap().machine.taken[0].starts_with("no GPU"));
}

#[test]
fn words_that_nobody_knows_are_named_with_the_one_that_may_be_meant() {
    for (framework, machine, words) in [
        ("torch", "gpu=RTX 4091", "GeForce RTX 4090"),
        ("torch", "gpu=gfx1104", "gfx110"),
        ("torch", "os=ubunto-24.04", "ubuntu-24.04"),
        ("torch", "gpus=none", "gpu"),
        ("torch", "driver=580", "gpu=RTX 4090"),
        ("torch", "gpu=RTX 4090,driver=new", "driver=none"),
        ("torch", "gpu=RTX 4090,arch=riscv64", "aarch64"),
        ("torch", "gpu=RTX 4090,gpu=none", "away"),
        ("torch", "os=ubuntu,os=debian", "once"),
        ("torch", "gpu", "KEY=VALUE"),
        ("torch", "gpu=cc99.9", "12.1"),
        ("torch", "gpu=RTX 4090,os=macos-15", "os=ubuntu-24.04"),
        ("torch", "gpu=RX 6800,os=macos-15", "os=ubuntu-24.04"),
        ("torch", "gpu=6000", "Quadro RTX 6000"),
        ("torch", "gpu=jetson orin", "Jetson"),
        ("torch", "jetson orin", "Jetson"),
        ("torch", "some card", "KEY=VALUE"),
        ("torch", "gpu=RTX 4090,os=windows", "WSL"),
        ("torch", "gpu=", "value"),
        ("torch", "python=new", "python=3.12"),
        ("torch", "gpu=M3 Max,os=ubuntu", "macos"),
        ("torch", "gpu=M3 Max,arch=x86_64", "arch="),
        ("torhc", "gpu=none", "torch"),
        ("numpy", "gpu=none", "torch, jax"),
    ] {
        let problem = ask(framework, "", machine).unwrap_err();
        assert_eq!(problem.code, Code::Usage, "{machine}");
        assert!(
            problem.hints.iter().any(|hint| hint.contains(words)),
            "{machine}: {problem:?}"
        );
    }
}

#[test]
fn what_fits_nowhere_says_what_does() {
    for (framework, version, machine) in [
        ("mlx", "", "gpu=none,os=ubuntu-20.04"),
        ("torch", ">=2.4", "os=macos-14,arch=x86_64"),
        ("torch", ">=2.9", "python=3.8"),
        ("jax", "==7.*", "gpu=none"),
        ("vllm", "", "gpu=none"),
    ] {
        let problem = ask(framework, version, machine).unwrap_err();
        assert_eq!(problem.code, Code::NoFittingBuild, "{machine}");
        assert!(!problem.hints.is_empty() && problem.causes.len() > 1);
    }
}

#[test]
fn uvs_choice_is_told_where_it_is_wrong() {
    for (machine, variant, wrong) in [
        ("gpu=GTX 1080 Ti,driver=580", "cu132", Some("no code for")),
        ("gpu=V100,driver=580", "cu132", Some("no code for")),
        ("gpu=RTX 4090,driver=580", "cu132", None),
        ("gpu=gfx1100", "rocm7.2", None),
        ("gpu=gfx1103", "cpu", Some("computes on the processor")),
        ("gpu=none", "cpu", None),
        ("gpu=M3 Max", "cpu", None),
        (
            "gpu=RTX 4090,driver=none",
            "cpu",
            Some("no GPU that can be used yet"),
        ),
    ] {
        let auto = ask("torch", "", machine).unwrap().uv_auto.unwrap();
        assert_eq!(auto.variant.as_deref(), Some(variant), "{machine}");
        match (&auto.wrong, wrong) {
            (None, None) => {}
            (Some(text), Some(words)) => assert!(text.contains(words), "{machine}: {text}"),
            other => panic!("{machine}: {other:?}"),
        }
    }
}

#[test]
fn a_newer_driver_is_advised_where_it_helps() {
    for (machine, words) in [
        ("gpu=RTX 4090,driver=535", Some("580")),
        ("gpu=GTX 1080 Ti,driver=470.256.02", Some("525.60.13")),
        ("gpu=GTX 1080 Ti,driver=580", None),
        ("gpu=RTX 4090,driver=580", None),
        ("gpu=cc3.7,driver=470.256.02", None),
    ] {
        let report = ask("torch", "", machine).unwrap();
        match words {
            Some(words) => assert!(
                report.better.iter().any(|row| row.change.contains(words)),
                "{machine}: {:?}",
                report.better
            ),
            None => assert!(report.better.is_empty(), "{machine}: {:?}", report.better),
        }
    }
}

#[test]
fn machines_are_understood_as_people_say_them() {
    for (machine, shown) in [
        ("4090", "GeForce RTX 4090 (8.9)"),
        ("2x P100,4090", "2 × P100 (6.0)"),
        ("fedora,a100", "Fedora Linux 43"),
        ("rtx4070ti,ubuntu 22.04", "Ubuntu 22.04"),
        ("m3 max", "Apple M3 Max"),
        ("DGX Spark", "aarch64"),
        ("GH200", "aarch64"),
        ("rx 580", "Radeon RX 580 (gfx803)"),
        ("arc b580", "Intel Arc B580"),
        ("cpu", "no GPU"),
        ("sm_120", "NVIDIA GPU (12.0)"),
        ("rocky9,l40s", "Rocky Linux 9"),
        ("strix halo,arch", "Arch Linux"),
    ] {
        let report = ask("torch", "", machine).unwrap();
        assert!(
            report.machine.shown.iter().any(|part| part == shown),
            "{machine}: {:?}",
            report.machine.shown
        );
    }
}

#[test]
fn what_has_to_be_mended_first_is_said_and_takes_the_tick_away() {
    for (machine, accelerated, command) in [
        (
            "gpu=RTX 5090,driver=535",
            false,
            Some("deskside plan --wish driver=580-open"),
        ),
        (
            "gpu=H100,driver=450",
            false,
            Some("deskside plan --wish driver=580"),
        ),
        (
            "gpu=GTX 1080,driver=595",
            false,
            Some("deskside plan --wish driver=580"),
        ),
        (
            "gpu=GTX 1080,driver=none",
            false,
            Some("sudo apt install nvidia-driver-580"),
        ),
        ("gpu=RTX 4090,driver=535", true, None),
        ("gpu=RX 7900 XTX", true, None),
        ("gpu=M4", true, None),
    ] {
        let report = ask("torch", "", machine).unwrap();
        assert_eq!(report.build.accelerated, accelerated, "{machine}");
        assert_eq!(report.first.is_empty(), command.is_none(), "{machine}");
        if let Some(command) = command {
            assert!(
                report.first[0].commands.iter().any(|own| own == command),
                "{machine}: {:?}",
                report.first
            );
            assert!(
                report.choice.ends_with("not accelerated yet"),
                "{}",
                report.choice
            );
        }
    }
}

#[test]
fn a_module_and_a_library_that_differ_are_mended_first() {
    let assumed = assume::assume("gpu=RTX 4090,driver=580.95.05").unwrap();
    let mut facts = assumed.facts;
    facts.drivers.nvidia.device_library =
        deskside_types::Known::Value("RM version mismatch".into());
    let build = build::choose(&facts, Flavour::Torch, &Wish::default()).unwrap();
    let found = first::first(&facts, &build);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].commands, ["sudo reboot"]);
    // What is not for this maker's GPUs is not in the way.
    let cpu = Build {
        variant: "cpu".into(),
        ..build
    };
    assert!(first::first(&facts, &cpu).is_empty());
}

#[test]
fn what_is_built_against_the_framework_comes_in_a_step_of_its_own() {
    let report = ask("flash-attn", "", "gpu=RTX 4090,driver=535").unwrap();
    assert_eq!(
        report.commands[1..],
        [
            "uv pip install 'torch==2.14.*' setuptools wheel packaging ninja psutil --torch-backend cu126",
            "uv pip install flash-attn --no-build-isolation"
        ]
    );
}

#[test]
fn a_driver_that_is_somebody_elses_is_not_planned_here() {
    let mut facts = assume::assume("gpu=RTX 5090,driver=537.13").unwrap().facts;
    facts.system.wsl = deskside_types::Known::Value(deskside_types::facts::Wsl {
        version: 2,
        gpu_device: deskside_types::Known::Value(true),
        cuda_library: deskside_types::Known::Value(true),
    });
    let build = build::choose(&facts, Flavour::Torch, &Wish::default()).unwrap();
    let found = first::first(&facts, &build);
    assert!(found[0].commands.is_empty(), "{found:?}");
    assert!(found[0].note.as_ref().unwrap().contains("in Windows"));
}

#[test]
fn a_requirement_is_a_name_with_a_wish() {
    for (framework, version, choice) in [
        ("torch==2.10", "", "PyTorch 2.10"),
        ("torch>=2.9,<2.11", "", "PyTorch 2.10"),
        ("torch>=2.9", "<2.11", "PyTorch 2.10"),
        ("torch ==2.10.*", "", "PyTorch 2.10"),
        ("tensorflow[and-cuda]", "", "TensorFlow "),
        ("Torchvision==0.25.*", "", "torchvision==0.25.*"),
    ] {
        let report = ask(framework, version, "4090").unwrap();
        assert!(
            report.choice.starts_with(choice),
            "{framework}: {}",
            report.choice
        );
    }
    let problem = ask("numpy==2", "", "4090").unwrap_err();
    assert!(problem.message.contains("`numpy`"), "{problem}");
}
