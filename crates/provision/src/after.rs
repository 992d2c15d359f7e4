//! The machine as it is once steps were carried out that take away: what is put back in the same plan is planned on that.

use deskside_types::facts::{PackageState, SettingLine};
use deskside_types::plan::{Action, Step};
use deskside_types::{Facts, Known};

/// The facts once these steps were carried out. What they install is not told: how an archive's packages come is known
/// only afterwards.
pub(crate) fn after(facts: &Facts, steps: &[Step]) -> Facts {
    let mut facts = facts.clone();
    for action in steps.iter().flat_map(|step| &step.actions) {
        match action {
            Action::Packages { remove, .. } => removed(&mut facts, remove),
            Action::Remove { path } => moved_aside(&mut facts, path),
            Action::EditFile { path, old, .. } => switched_off(&mut facts, path, old),
            Action::Run { command, .. } => ran(&mut facts, &command.argv),
            _ => {}
        }
    }
    let Known::Value(packages) = &facts.packages else {
        return facts;
    };
    let driver = packages
        .installed
        .value()
        .into_iter()
        .flatten()
        .any(|package| {
            package.state != PackageState::ConfigFiles
                && deskside_knowledge::platforms::package_kind(&package.name)
                    == Some("nvidia-driver")
        });
    let runfile = packages
        .runfile
        .value()
        .into_iter()
        .flatten()
        .any(|trace| trace.ends_with("nvidia-uninstall"));
    if !driver && !runfile {
        let driver = &mut facts.drivers.nvidia;
        driver.loaded = Known::Absent;
        driver.on_disk = Known::Absent;
        driver.user_space = Known::Absent;
        driver.device_library = Known::Absent;
    }
    facts
}

fn removed(facts: &mut Facts, names: &[String]) {
    let Known::Value(packages) = &mut facts.packages else {
        return;
    };
    if let Known::Value(installed) = &mut packages.installed {
        installed.retain(|package| !names.contains(&package.name));
    }
}

fn moved_aside(facts: &mut Facts, path: &str) {
    let Known::Value(packages) = &mut facts.packages else {
        return;
    };
    packages.key_files.retain(|one| one.file != path);
    if let Known::Value(sources) = &mut packages.sources {
        sources.retain(|source| source.file != path);
    }
    if let Known::Value(pins) = &mut packages.pins {
        pins.retain(|pin| pin.file != path);
    }
    for paths in [
        &mut packages.keyrings,
        &mut packages.cuda_folders,
        &mut packages.linker_files,
        &mut packages.runfile,
    ] {
        if let Known::Value(paths) = paths {
            paths.retain(|one| one != path);
        }
    }
    if path == "/usr/local/cuda" {
        packages.cuda_link = Known::Absent;
    }
    if let Known::Value(trees) = &mut packages.dkms {
        trees.retain(|tree| path != format!("/var/lib/dkms/{}/{}", tree.module, tree.version));
    }
    for lines in [&mut packages.module_lines, &mut packages.display_lines] {
        if let Known::Value(lines) = lines {
            lines.retain(|line| line.file != path);
        }
    }
    if let Known::Value(toolkits) = &mut facts.toolkits {
        toolkits.retain(|toolkit| toolkit.path != path);
    }
}

fn switched_off(facts: &mut Facts, path: &str, old: &str) {
    let Known::Value(packages) = &mut facts.packages else {
        return;
    };
    let stays = |line: &SettingLine| line.file != path || line.text != old;
    for lines in [&mut packages.module_lines, &mut packages.profile_lines] {
        if let Known::Value(lines) = lines {
            lines.retain(stays);
        }
    }
    if let Known::Value(sources) = &mut packages.sources {
        for source in sources
            .iter_mut()
            .filter(|source| source.file == path && source.text == old)
        {
            source.enabled = false;
        }
    }
}

fn ran(facts: &mut Facts, argv: &[String]) {
    let Known::Value(packages) = &mut facts.packages else {
        return;
    };
    match argv.first().map(String::as_str) {
        Some(program) if program.ends_with("nvidia-uninstall") => {
            if let Known::Value(traces) = &mut packages.runfile {
                traces.retain(|trace| trace.ends_with(".log"));
            }
        }
        Some("dpkg") => {
            packages.interrupted = Known::Value(false);
            if let Known::Value(installed) = &mut packages.installed {
                for package in installed.iter_mut().filter(|one| one.state.is_broken()) {
                    package.state = PackageState::Installed;
                }
            }
        }
        _ => {}
    }
}
