//! Companions against machines: what is pinned, what is refused.

use super::*;
use crate::build::tests_support::{amd, facts, mac, nvidia};

#[test]
fn companions_are_pinned_to_the_build_that_fits() {
    let new = nvidia(&["8.9"], Some("580.95.05"));
    let old = nvidia(&["8.9"], Some("535.183.01"));
    let pascal = nvidia(&["6.1"], Some("580.95.05"));
    for (facts, name, version, expected, arguments) in [
        (
            &new,
            "torchvision",
            "",
            "torch==2.15.* torchvision==0.29.*",
            "",
        ),
        (
            &old,
            "torchvision",
            "",
            "torch==2.14.* torchvision==0.29.*",
            "--torch-backend cu126",
        ),
        (
            &pascal,
            "torchaudio",
            "",
            "torch==2.14.* torchaudio==2.11.*",
            "--torch-backend cu126",
        ),
        (
            &old,
            "torchvision",
            "==0.23.0",
            "torch==2.8.* torchvision==0.23.*,==0.23.0",
            "",
        ),
        (&new, "vllm", "", "torch==2.14.* vllm==0.33.*", ""),
        (&old, "vllm", "", "torch==2.10.* vllm>=0.17,<0.20", ""),
        (
            &new,
            "onnxruntime-gpu",
            "",
            "torch==2.15.* onnxruntime-gpu[cuda,cudnn]",
            "",
        ),
        (
            &old,
            "onnxruntime_gpu",
            "",
            "torch==2.14.* onnxruntime-gpu[cuda,cudnn]<1.27",
            "--torch-backend cu126",
        ),
        (&new, "xformers", "", "torch==2.15.* xformers==0.0.35", ""),
        (&new, "bitsandbytes", "", "torch==2.15.* bitsandbytes", ""),
        (&new, "triton", "", "torch==2.15.* triton==3.9.*", ""),
        (&new, "flash-attn", "", "torch==2.15.* flash-attn", ""),
    ] {
        let choice = choose_companion(facts, name, version, &Wish::default()).unwrap();
        assert_eq!(
            choice.requirements.join(" "),
            expected,
            "{name}: {:?}",
            choice.why
        );
        assert_eq!(choice.arguments.join(" "), arguments, "{name}");
    }
}

#[test]
fn what_does_not_go_together_is_refused_with_a_way_out() {
    let turing = nvidia(&["7.5"], Some("580.95.05"));
    for (facts, name, version) in [
        (&facts(), "vllm", ""),
        (&facts(), "triton", ""),
        (&mac("arm64", "15.0"), "onnxruntime-gpu", ""),
        (&turing, "flash-attn", ""),
        (&turing, "torchvision", "==7"),
        (&amd(&["gfx1100"]), "xformers", ""),
        (&turing, "numpy", ""),
        (&nvidia(&["6.1"], Some("470.1")), "vllm", ""),
    ] {
        let problem = choose_companion(facts, name, version, &Wish::default()).unwrap_err();
        assert!(
            !problem.causes.is_empty() && !problem.hints.is_empty(),
            "{name}: {problem:?}"
        );
    }
}

#[test]
fn cuda_majors_are_read_from_variants() {
    for (variant, major) in [
        ("cu132", Some(13)),
        ("cu118", Some(11)),
        ("cuda13", Some(13)),
        ("cuda12", Some(12)),
        ("rocm7.2", None),
        ("cpu", None),
        ("cu", None),
    ] {
        let build = Build {
            variant: variant.into(),
            ..choose(&facts(), Flavour::Jax, &Wish::default()).unwrap()
        };
        assert_eq!(build.cuda_major(), major, "{variant}");
    }
}

/// A machine, a companion with a version wish, and what comes of it: the requirement, the framework's release and
/// variant, and how they come (`default` for the default index's torch); or `none` with a word of the reason or hint.
#[test]
fn the_table_of_companions_holds() {
    let machine = |cards: &[&str], driver: &str| nvidia(cards, Some(driver));
    let ada = machine(&["8.9"], "580.95.05");
    let ada_535 = machine(&["8.9"], "535.183.01");
    let ada_570 = machine(&["8.9"], "570.133.20");
    let blackwell = machine(&["12.0"], "580.95.05");
    let blackwell_570 = machine(&["12.0"], "570.133.20");
    let turing = machine(&["7.5"], "580.95.05");
    let volta = machine(&["7.0"], "580.95.05");
    let pascal = machine(&["6.0"], "580.95.05");
    let maxwell = machine(&["5.2"], "580.95.05");
    let ada_and_pascal = machine(&["8.9", "6.1"], "580.95.05");
    let turing_and_pascal = machine(&["7.5", "6.1"], "580.95.05");
    let old_driver = machine(&["8.0"], "470.256.02");
    for (facts, name, version, expected) in [
        // vllm is built for the default index's torch alone.
        (&ada, "vllm", "", "vllm==0.33.* 2.14 default"),
        (&ada, "vllm", ">=0.10", "vllm==0.33.*,>=0.10 2.14 default"),
        (
            &ada,
            "vllm",
            "==0.26.*",
            "vllm>=0.20,<0.27,==0.26.* 2.11 default",
        ),
        (
            &ada,
            "vllm",
            "<0.12",
            "vllm>=0.11.1,<0.17,<0.12 2.9 default",
        ),
        (&ada_535, "vllm", "", "vllm>=0.17,<0.20 2.10 default"),
        (
            &ada_535,
            "vllm",
            ">=0.10",
            "vllm>=0.17,<0.20,>=0.10 2.10 default",
        ),
        (
            &ada_535,
            "vllm",
            ">=0.27",
            "none vllm >=0.17,<0.20, which goes with torch 2.10",
        ),
        (&ada_570, "vllm", "", "vllm>=0.17,<0.20 2.10 default"),
        (&blackwell, "vllm", "", "vllm==0.33.* 2.14 default"),
        (
            &turing,
            "vllm",
            ">=0.10",
            "vllm==0.33.*,>=0.10 2.14 default",
        ),
        (&pascal, "vllm", "", "none compute capability 7.0"),
        (&pascal, "vllm", ">=0.10", "none "),
        (&maxwell, "vllm", "", "none compute capability 7.0"),
        (&old_driver, "vllm", "", "none "),
        (&ada, "vllm", ">=9", "none vllm ==0.33.*"),
        (&facts(), "vllm", "", "none NVIDIA GPU"),
        (&facts(), "vllm", ">=0.10", "none NVIDIA GPU"),
        (&mac("arm64", "15.0"), "vllm", "", "none "),
        (&amd(&["gfx1100"]), "vllm", "", "none "),
        // One card that serves is enough.
        (&ada, "flash-attn", "", "flash-attn 2.15 default"),
        (
            &turing,
            "flash-attn",
            "",
            "none scaled_dot_product_attention",
        ),
        (&ada_and_pascal, "flash-attn", "", "flash-attn 2.14 cu126"),
        (
            &turing_and_pascal,
            "flash-attn",
            "",
            "none compute capability 8.0",
        ),
        (&ada_535, "flash-attn", "", "flash-attn 2.14 cu126"),
        // xformers follows on the same index.
        (&ada, "xformers", "", "xformers==0.0.35 2.15 default"),
        (&ada_535, "xformers", "", "xformers==0.0.35 2.14 cu126"),
        (
            &blackwell,
            "xformers",
            "<0.0.30",
            "none goes with torch 2.7",
        ),
        (
            &blackwell_570,
            "xformers",
            "",
            "xformers==0.0.35 2.11 cu128",
        ),
        (&facts(), "xformers", "", "none NVIDIA"),
        // torchvision and torchaudio have a build beside each of torch's.
        (&ada, "torchvision", "", "torchvision==0.29.* 2.15 default"),
        (&volta, "torchvision", "", "torchvision==0.29.* 2.14 cu126"),
        (
            &maxwell,
            "torchvision",
            "",
            "torchvision==0.29.* 2.14 cu126",
        ),
        (&facts(), "torchvision", "", "torchvision==0.29.* 2.15 cpu"),
        (
            &mac("arm64", "15.0"),
            "torchvision",
            "",
            "torchvision==0.29.* 2.15 default",
        ),
        (
            &amd(&["gfx1100"]),
            "torchvision",
            "",
            "torchvision==0.28.* 2.13 rocm7.2",
        ),
        (
            &ada,
            "torchvision",
            ">=0.20,<0.22",
            "torchvision==0.21.*,>=0.20,<0.22 2.6 default",
        ),
        (&ada, "torchvision", "==0.5", "none torchvision ==0.14.*"),
        (
            &ada,
            "torchaudio",
            "==2.8.*",
            "torchaudio==2.8.*,==2.8.* 2.8 default",
        ),
        (&volta, "torchaudio", "", "torchaudio==2.11.* 2.14 cu126"),
        (&facts(), "torchaudio", "", "torchaudio==2.11.* 2.15 cpu"),
        // The others.
        (&ada, "triton", "", "triton==3.9.* 2.15 default"),
        (&pascal, "triton", "", "none torch.compile"),
        (&facts(), "triton", "", "none no use"),
        (&ada, "bitsandbytes", "", "bitsandbytes 2.15 default"),
        (&facts(), "bitsandbytes", "", "bitsandbytes 2.15 cpu"),
        (
            &ada,
            "onnxruntime-gpu",
            "",
            "onnxruntime-gpu[cuda,cudnn] 2.15 default",
        ),
        (
            &ada_535,
            "onnxruntime-gpu",
            "",
            "onnxruntime-gpu[cuda,cudnn]<1.27 2.14 cu126",
        ),
        (
            &volta,
            "onnxruntime-gpu",
            "",
            "onnxruntime-gpu[cuda,cudnn]<1.27 2.14 cu126",
        ),
        (&facts(), "onnxruntime-gpu", "", "none NVIDIA"),
        (&mac("x86_64", "13.0"), "onnxruntime-gpu", "", "none Mac"),
    ] {
        let case = format!("{name} {version} on {:?}", facts.gpus);
        match choose_companion(facts, name, version, &Wish::default()) {
            Ok(choice) => {
                let variant = match &choice.build.index {
                    Some(_) => choice.build.variant.as_str(),
                    None => "default",
                };
                let own = choice.requirements.last().unwrap();
                let found = format!("{own} {} {variant}", choice.build.release);
                assert_eq!(found, expected, "{case}: {:?}", choice.why);
            }
            Err(problem) => {
                let told = [&problem.causes[..], &problem.hints].concat().join("\n");
                let words = expected.strip_prefix("none ");
                let words = words.unwrap_or_else(|| panic!("{case}: {problem}"));
                assert!(told.contains(words), "{case}: {problem}");
            }
        }
    }
}

/// Whatever the machine and the wish: an answer that keeps to what is known of the companion, or a reason with a way out.
#[test]
fn every_companion_on_every_machine_is_answered() {
    let capabilities = ["", "garbage", "5.0", "6.1", "7.0", "8.9", "12.0", "99.9"];
    let drivers = [None, Some("470.1"), Some("535.1"), Some("580.9")];
    let mut machines = vec![facts(), mac("arm64", "15.0"), mac("x86_64", "13.0")];
    machines.extend(["gfx1100", "gfx1103", "gfx906"].map(|target| amd(&[target])));
    for driver in drivers {
        machines.extend(capabilities.map(|card| nvidia(&[card], driver)));
        machines.push(nvidia(&["8.9", "6.1"], driver));
    }
    let mut answered = 0;
    for facts in &machines {
        for companion in &frameworks::companions().all {
            let mut wishes = vec![String::new(), ">=0.1".into(), "==99".into()];
            let ends = companion.pairs.iter().step_by(5);
            wishes.extend(ends.map(|pair| pair.companion.clone()));
            for version in &wishes {
                let case = format!("{} {version} on {:?}", companion.name, facts.gpus);
                let choice =
                    match choose_companion(facts, &companion.name, version, &Wish::default()) {
                        Ok(choice) => choice,
                        Err(problem) => {
                            assert!(
                                !problem.causes.is_empty() && !problem.hints.is_empty(),
                                "{case}"
                            );
                            continue;
                        }
                    };
                answered += 1;
                assert!(
                    !companion.nvidia_only || choice.build.cuda_major().is_some(),
                    "{case}"
                );
                if companion.follows == Follows::DefaultIndex && !companion.pairs.is_empty() {
                    assert_eq!(choice.build.index, None, "{case}");
                }
                if let Some(pair) = companion
                    .pairs
                    .iter()
                    .find(|pair| pair.framework == choice.build.release)
                {
                    assert!(
                        choice
                            .requirements
                            .last()
                            .unwrap()
                            .contains(&pair.companion),
                        "{case}"
                    );
                }
            }
        }
    }
    assert!(answered > 300, "{answered}");
}
