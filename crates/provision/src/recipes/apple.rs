//! Macs, and WSL: what there is to do where the driver belongs to somebody else.

use crate::draft::{Draft, are, command, packages};
use crate::names::shown;
use crate::present::Present;
use crate::wish::{Part, Wish};
use deskside_knowledge::platforms::Platform;
use deskside_types::facts::ToolkitKind;
use deskside_types::plan::{Action, Check};
use deskside_types::{Facts, Known};

/// A Mac.
pub(crate) fn mac(facts: &Facts, wish: &Wish, platform: &Platform, draft: &mut Draft) {
    draft.satisfied("Metal is part of macOS: there is no driver to install");
    if let Some(part) = wish.clean.or(wish.reinstall) {
        away(facts, part, wish.reinstall.is_some(), platform, draft);
        return;
    }
    if facts.system.translated.value() == Some(&true) {
        draft.block(
            "this terminal is translated (Rosetta), and so would be its Python: MLX has no wheels for it; open a native terminal",
            &["arch -arm64 zsh"],
        );
    }
    if facts
        .system
        .architecture
        .value()
        .is_some_and(|architecture| architecture == "x86_64")
        && facts.system.translated.value() != Some(&true)
    {
        draft.block("this Mac has an Intel processor: MLX and Metal builds of the frameworks need Apple silicon", &[]);
    }
    let tools = facts
        .toolkits
        .value()
        .is_some_and(|toolkits| toolkits.iter().any(|one| one.kind == ToolkitKind::Xcode));
    if tools {
        draft.satisfied("Apple's developer tools are there");
    } else if let Known::Value(_) = facts.toolkits {
        let instructions =
            "Type `xcode-select --install` and follow the window that opens.".to_string();
        if let Some(step) = draft.step(
            "apple.tools",
            &[],
            vec![Check::Exists {
                path: "/Library/Developer/CommandLineTools/usr/bin/clang".into(),
            }],
            vec![Action::AskPerson {
                instructions: instructions.clone(),
            }],
        ) {
            step.root = false;
            step.hands_needed = Some(instructions);
        }
    }
    if let Some(megabytes) = wish.wired_limit_mb {
        wired(facts, megabytes, draft);
    }
    for (wished, name) in [
        (wish.cuda.is_some(), "CUDA"),
        (wish.rocm, "ROCm"),
        (wish.driver.is_some(), "an NVIDIA driver"),
    ] {
        if wished {
            draft.block(format!("{name} does not exist for {}", platform.name), &[]);
        }
    }
}

/// What is to go from a Mac, or to come anew.
fn away(facts: &Facts, part: Part, anew: bool, platform: &Platform, draft: &mut Draft) {
    if matches!(part, Part::Driver | Part::Cuda | Part::Rocm) {
        let text = format!("nothing of that kind is on {}", platform.name);
        if anew {
            draft.block(text, &[]);
        } else {
            draft.satisfied(text);
        }
        return;
    }
    super::clean::mlx(facts, draft);
    if anew {
        return;
    }
    let limit = facts
        .known_gpus()
        .iter()
        .find_map(|gpu| gpu.apple.as_ref()?.wired_limit_bytes.value().copied())
        .unwrap_or_default();
    if limit == 0 {
        draft.satisfied("Metal's memory limit is macOS's own");
        return;
    }
    let set =
        |megabytes: u64| command(["sysctl", &format!("iogpu.wired_limit_mb={megabytes}")], 10);
    if let Some(step) = draft.step(
        "apple.unwire",
        &[("megabytes", &(limit >> 20).to_string())],
        vec![],
        vec![Action::Run {
            command: set(0),
            undo: Some(set(limit >> 20)),
        }],
    ) {
        step.verify = vec![Check::Succeeds {
            command: command(["sysctl", "-n", "iogpu.wired_limit_mb"], 10),
        }];
    }
}

fn wired(facts: &Facts, megabytes: u64, draft: &mut Draft) {
    let total = facts.memory.total_bytes.value().map(|bytes| bytes >> 20);
    if total.is_none_or(|total| megabytes + 4096 > total) {
        draft.block(
            format!(
                "{megabytes} MB for Metal leave less than 4 GB for macOS on this Mac ({} MB in all)",
                total.map_or_else(|| "an unknown number of".into(), |total| total.to_string())
            ),
            &[],
        );
        return;
    }
    let now = facts
        .known_gpus()
        .iter()
        .find_map(|gpu| gpu.apple.as_ref()?.wired_limit_bytes.value())
        .map_or(0, |bytes| bytes >> 20);
    if now == megabytes {
        draft.satisfied(format!("Metal may use {megabytes} MB"));
        return;
    }
    let set =
        |megabytes: u64| command(["sysctl", &format!("iogpu.wired_limit_mb={megabytes}")], 10);
    if let Some(step) = draft.step(
        "apple.wired",
        &[("megabytes", &megabytes.to_string())],
        // sysctl tells no value by its exit code, and setting it twice does no harm: the step is always carried out.
        vec![],
        vec![Action::Run {
            command: set(megabytes),
            undo: Some(set(now)),
        }],
    ) {
        step.verify = vec![Check::Succeeds {
            command: command(["sysctl", "-n", "iogpu.wired_limit_mb"], 10),
        }];
    }
}

/// WSL: the driver is Windows'.
pub(crate) fn wsl(present: &Present<'_>, draft: &mut Draft) {
    let linux_driver: Vec<String> = present
        .driver_packages()
        .iter()
        .map(|package| package.name.clone())
        .collect();
    if linux_driver.is_empty() {
        draft.satisfied("no Linux driver stands in the way of Windows' driver");
    } else {
        draft.why(format!(
            "the driver belongs to Windows; {} shadow its library",
            shown(&linux_driver)
        ));
        draft.step(
            "wsl.driver",
            &[],
            vec![are(&[], &linux_driver)],
            vec![packages(&[], &linux_driver)],
        );
    }
    if let Known::Value(wsl) = &present.facts.system.wsl {
        if wsl.cuda_library.value() == Some(&true) {
            draft.satisfied("Windows' CUDA library is there");
        } else if wsl.gpu_device.value() == Some(&true) {
            draft.note(
                "Windows' CUDA library is not there: on a machine with an NVIDIA card, update the driver in Windows, then run `wsl --shutdown` there",
                &[],
            );
        }
    }
}
