//! NVIDIA's driver, its traces outside the packages, and what would keep a screen dark without it.

use super::{Purpose, names, outside, remove};
use crate::draft::{Draft, line_stands, run};
use crate::present::Present;
use crate::recipes::line::switched_off;
use crate::recipes::{hold, toolkit};
use crate::wish::Part;
use deskside_knowledge::platforms::settings_of_packages;
use deskside_types::facts::SettingLine;
use deskside_types::plan::{Action, Check};

/// Takes the driver away.
pub(super) fn plan(present: &Present<'_>, purpose: Purpose, part: Part, draft: &mut Draft) {
    runfile(present, purpose, draft);
    let toolkits_go = part == Part::All
        || draft
            .steps
            .iter()
            .any(|step| step.id.starts_with("reinstall.toolkit"));
    if !toolkits_go {
        toolkit::part_from_driver(present, draft);
    }
    // What comes back with the driver is not all that came with it: the switch may have been asked for by itself.
    let kinds: &[&str] = match purpose {
        Purpose::ForGood => &["nvidia-driver", "nvidia-modules", "nvidia-switch"],
        Purpose::Anew => &["nvidia-driver", "nvidia-modules"],
    };
    let mut all = names(present, kinds, draft);
    // A package that the platform brings its driver by goes with it, whatever its name.
    for branch in present
        .platform
        .nvidia
        .iter()
        .flat_map(|nvidia| &nvidia.branches)
    {
        for name in &branch.packages {
            if present.packages.has(name) && !all.contains(name) {
                all.push(name.clone());
            }
        }
    }
    all.retain(|name| !super::going(draft).contains(name));
    all.sort_unstable();
    remove(
        present,
        &all,
        kinds,
        "clean.driver",
        "the NVIDIA driver",
        purpose,
        draft,
    );
    unowned(present, &all, purpose, draft);
    leftovers(present, purpose, draft);
    if purpose == Purpose::ForGood {
        display(present, draft);
        nouveau(present, draft);
        hold::release(present, draft, true);
    }
}

/// The `.run` installer's own way out.
fn runfile(present: &Present<'_>, purpose: Purpose, draft: &mut Draft) {
    let uninstaller = present
        .packages
        .runfile
        .value()
        .into_iter()
        .flatten()
        .find(|trace| trace.ends_with("nvidia-uninstall"));
    let Some(uninstaller) = uninstaller else {
        return;
    };
    let mut actions = vec![run([uninstaller, "--silent"], 900)];
    if purpose == Purpose::ForGood {
        // It takes its own line away that forbids nouveau, and the boot image holds a copy.
        actions.push(image());
    }
    draft.step(
        "runfile.remove",
        &[],
        vec![Check::Absent {
            path: uninstaller.clone(),
        }],
        actions,
    );
}

/// Makes the boot images anew, which hold copies of what is in `/etc/modprobe.d`.
fn image() -> Action {
    run(["update-initramfs", "-u", "-k", "all"], 1800)
}

/// Settings that the `.run` installer wrote: they forbid nouveau.
fn of_runfile(present: &Present<'_>) -> Vec<String> {
    present
        .packages
        .runfile
        .value()
        .into_iter()
        .flatten()
        .filter(|trace| trace.starts_with("/etc/modprobe.d/"))
        .cloned()
        .collect()
}

/// A driver's library that no package and no uninstaller explains.
fn unowned(present: &Present<'_>, removed: &[String], purpose: Purpose, draft: &mut Draft) {
    let explained = !removed.is_empty()
        || !super::going(draft).is_empty()
        || present.facts.system.wsl.value().is_some()
        || draft
            .steps
            .iter()
            .any(|step| step.id.starts_with("runfile.remove"));
    let Some(version) = present
        .facts
        .drivers
        .nvidia
        .user_space
        .value()
        .filter(|_| !explained)
    else {
        return;
    };
    let text = format!(
        "libraries of a driver {version} are there that belong to no package, and their uninstaller is gone: the .run file of that version takes them away"
    );
    let command = format!("sudo sh NVIDIA-Linux-x86_64-{version}.run --uninstall");
    match purpose {
        Purpose::ForGood => draft.block(text, &[&command]),
        Purpose::Anew => draft.note(text, &[&command]),
    }
}

/// Module sources under DKMS whose package is not there, and settings that the `.run` installer wrote.
fn leftovers(present: &Present<'_>, purpose: Purpose, draft: &mut Draft) {
    let owned = present
        .of_kind(&["nvidia-modules"])
        .iter()
        .any(|package| package.name.contains("dkms"));
    let mut paths: Vec<String> = present
        .packages
        .dkms
        .value()
        .into_iter()
        .flatten()
        .filter(|tree| tree.module.starts_with("nvidia") && !owned)
        .map(|tree| format!("/var/lib/dkms/{}/{}", tree.module, tree.version))
        .collect();
    if purpose == Purpose::Anew {
        paths.extend(of_runfile(present));
    }
    outside(&paths, draft);
}

/// Settings of the X server that only start with NVIDIA's driver.
fn display(present: &Present<'_>, draft: &mut Draft) {
    let mut files: Vec<&str> = present
        .packages
        .display_lines
        .value()
        .into_iter()
        .flatten()
        .map(|line| line.file.as_str())
        .collect();
    files.dedup();
    for file in files {
        draft.step(
            "clean.display",
            &[("file", file)],
            vec![Check::Absent { path: file.into() }],
            vec![Action::Remove { path: file.into() }],
        );
    }
}

/// Lines that forbid nouveau, which drives the screen when NVIDIA's driver is gone.
fn nouveau(present: &Present<'_>, draft: &mut Draft) {
    let lines: Vec<&SettingLine> = present
        .packages
        .module_lines
        .value()
        .into_iter()
        .flatten()
        .filter(|line| {
            forbids_nouveau(&line.text)
                && !settings_of_packages().contains(&line.file)
                && !line.file.contains("nvidia-installer-")
        })
        .collect();
    let mut checks = Vec::new();
    let mut actions = Vec::new();
    let mut files: Vec<String> = of_runfile(present);
    for path in &files {
        checks.push(Check::Absent { path: path.clone() });
        actions.push(Action::Remove { path: path.clone() });
    }
    for line in &lines {
        let twins = lines
            .iter()
            .filter(|other| other.file == line.file && other.text == line.text)
            .count();
        if twins > 1 || line.bound {
            let why = if line.bound {
                "in a line that is a part of something longer"
            } else {
                "more than once in the same words"
            };
            draft.note(
                format!(
                    "{} forbids nouveau {why}: take it out by hand, or the screen stays dark",
                    line.file
                ),
                &[&format!("sudoedit {}", line.file)],
            );
            continue;
        }
        let new = switched_off(line);
        checks.push(line_stands(&line.file, &new));
        actions.push(Action::EditFile {
            path: line.file.clone(),
            old: line.text.clone(),
            new,
        });
        if !files.contains(&line.file) {
            files.push(line.file.clone());
        }
    }
    if actions.is_empty() {
        return;
    }
    // The boot image holds a copy of these lines.
    actions.push(image());
    draft.step(
        "clean.nouveau",
        &[("files", &files.join(", "))],
        checks,
        actions,
    );
}

/// `blacklist nouveau`, `options nouveau modeset=0`, `alias nouveau off`, `install nouveau /bin/false` (modprobe.d(5)).
fn forbids_nouveau(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        ["blacklist", "nouveau", ..] | ["alias", "nouveau", "off", ..] => true,
        ["install", "nouveau", program, ..] => {
            program.ends_with("/false") || program.ends_with("/true")
        }
        ["options", "nouveau", rest @ ..] => rest.contains(&"modeset=0"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_forbids_nouveau_is_told_from_what_sets_it() {
        for (line, forbids) in [
            ("blacklist nouveau", true),
            ("options nouveau modeset=0", true),
            ("alias nouveau off", true),
            ("install nouveau /bin/false", true),
            ("options nouveau modeset=1", false),
            ("blacklist nvidiafb", false),
            ("options nvidia NVreg_X=1", false),
            ("", false),
        ] {
            assert_eq!(forbids_nouveau(line), forbids, "{line}");
        }
    }
}
