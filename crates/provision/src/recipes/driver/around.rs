//! What stands around a driver: the `.run` installer, holds, forbidden modules, keys, kernels of one's own.

use crate::branch::Modules;
use crate::draft::{Draft, answers, run};
use crate::present::Present;
use crate::recipes::line::switched_off;
use deskside_knowledge::platforms::NvidiaPlatform;
use deskside_types::plan::{Action, Check};

pub(super) fn is_runfile(traces: &[String]) -> bool {
    traces
        .iter()
        .any(|trace| trace.ends_with("nvidia-uninstall"))
}

/// The `.run` installer's driver.
pub(super) fn runfile(present: &Present<'_>, draft: &mut Draft) {
    let Some(uninstaller) = present
        .packages
        .runfile
        .value()
        .into_iter()
        .flatten()
        .find(|trace| trace.ends_with("nvidia-uninstall"))
    else {
        return;
    };
    draft.step(
        "runfile.remove",
        &[],
        vec![Check::Absent {
            path: uninstaller.clone(),
        }],
        vec![run([uninstaller, "--silent"], 900)],
    );
}

/// Those of some packages that are held. What else moves with them is known to apt alone, and is released when it said so.
pub(super) fn held(present: &Present<'_>, names: &[String]) -> Vec<String> {
    let mut held: Vec<String> = names
        .iter()
        .filter(|name| {
            present
                .packages
                .package(name)
                .is_some_and(|package| package.held)
        })
        .cloned()
        .collect();
    held.sort_unstable();
    held.dedup();
    held
}

/// Releases those of some packages that are held.
pub(crate) fn unhold_named(present: &Present<'_>, names: &[String]) -> Vec<Action> {
    release(&held(present, names))
}

/// Releases packages; taken back it holds them again.
pub(super) fn release(held: &[String]) -> Vec<Action> {
    marked(held, "unhold", "hold")
}

/// Holds packages again that had to be released and are still there.
pub(crate) fn hold_again(held: &[String]) -> Vec<Action> {
    marked(held, "hold", "unhold")
}

fn marked(names: &[String], word: &str, back: &str) -> Vec<Action> {
    if names.is_empty() {
        return Vec::new();
    }
    let mark = |word: &str| {
        let mut line = crate::draft::command(["apt-mark", word], 60);
        line.argv.extend(names.iter().cloned());
        line
    };
    vec![Action::Run {
        command: mark(word),
        undo: Some(mark(back)),
    }]
}

/// A kernel that is not the distribution's: its headers are where it came from.
pub(super) fn own_kernel(
    present: &Present<'_>,
    nvidia: &NvidiaPlatform,
    modules: &Modules,
    draft: &mut Draft,
) {
    if nvidia.module_sets.is_empty() || !matches!(modules, Modules::Built(..)) {
        return;
    }
    for release in present.kernels() {
        let flavour = release.splitn(3, '-').nth(2);
        if flavour != Some("generic") {
            draft.note(
                format!("kernel {release} is none that prebuilt modules are known for: its headers must come from where it came from, and whether the driver builds for it shows only then"),
                &[],
            );
        }
    }
}

/// Lines that forbid the module.
pub(super) fn unblock(present: &Present<'_>, draft: &mut Draft) {
    let lines: Vec<_> = present
        .packages
        .module_lines
        .value()
        .into_iter()
        .flatten()
        .filter(|line| {
            let mut words = line.text.split_whitespace();
            matches!(
                (words.next(), words.next()),
                (
                    Some("blacklist"),
                    Some("nvidia" | "nvidia_drm" | "nvidia_uvm" | "nvidia-drm" | "nvidia-uvm")
                )
            )
        })
        .cloned()
        .collect();
    for line in lines {
        if line.bound {
            draft.block(
                format!(
                    "{} line {} forbids the module that the driver needs, and is a part of something longer: take it out by hand",
                    line.file, line.line
                ),
                &[&format!("sudoedit {}", line.file)],
            );
            continue;
        }
        let new = switched_off(&line);
        draft.step(
            "driver.unblock",
            &[("file", &line.file)],
            vec![crate::draft::line_stands(&line.file, &new)],
            vec![Action::EditFile {
                path: line.file.clone(),
                old: line.text.clone(),
                new,
            }],
        );
    }
}

/// The machine's own key, which a person must enrol at a blue screen.
pub(super) fn enrol(nvidia: &NvidiaPlatform, what: &str, draft: &mut Draft) {
    draft.why(format!("Secure Boot is on, and there are no prebuilt, signed modules for {what}: this machine's own key must be enrolled, which takes hands at the next start"));
    let instructions = format!(
        "Type `{}` and choose a password for one use. At the restart a blue screen appears: Enroll MOK, Continue, Yes, the password, Reboot. If it is missed, the driver is refused until this is done again.",
        nvidia.enrol
    );
    if let Some(step) = draft.step(
        "secure-boot.enrol",
        &[("what", what)],
        vec![answers()],
        vec![Action::AskPerson {
            instructions: instructions.clone(),
        }],
    ) {
        step.hands_needed = Some(instructions);
        step.root = true;
    }
}
