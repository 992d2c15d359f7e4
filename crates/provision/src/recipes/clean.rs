//! Taking away what is wished away: exact names of what is installed, and what lies outside the packages.

use crate::draft::{Draft, are, packages, run};
use crate::names::shown;
use crate::present::Present;
use crate::wish::Clean;
use deskside_knowledge::platforms::{repositories, repository_of};
use deskside_types::facts::PackageSource;
use deskside_types::plan::{Action, Check};
use std::collections::BTreeSet;

/// Removes what is wished away.
pub(crate) fn plan(present: &Present<'_>, clean: Clean, draft: &mut Draft) {
    let all = clean == Clean::All;
    if all || clean == Clean::Driver {
        runfile(present, draft);
        if !all {
            super::toolkit::floating(present, draft);
        }
        remove(
            present,
            &["nvidia-driver", "nvidia-modules"],
            "clean.driver",
            "NVIDIA driver",
            draft,
        );
        leftovers(present, draft);
    }
    if all || clean == Clean::Cuda {
        remove(
            present,
            &["cuda-toolkit"],
            "clean.toolkit",
            "CUDA toolkit",
            draft,
        );
        cuda_folders(present, draft);
        super::access::library_path(present, draft);
    }
    if all || clean == Clean::Rocm {
        remove(present, &["rocm"], "clean.rocm", "ROCm", draft);
    }
    archives(present, clean, draft);
}

fn remove(present: &Present<'_>, kinds: &[&str], recipe: &str, what: &str, draft: &mut Draft) {
    let names: Vec<String> = present
        .of_kind(kinds)
        .iter()
        .map(|package| package.name.clone())
        .collect();
    if names.is_empty() {
        draft.satisfied(format!("no packages of {what} are there"));
        return;
    }
    draft.step(
        recipe,
        &[("count", &names.len().to_string())],
        vec![are(&[], &names)],
        vec![packages(&[], &names)],
    );
}

fn runfile(present: &Present<'_>, draft: &mut Draft) {
    let uninstaller = present
        .packages
        .runfile
        .value()
        .into_iter()
        .flatten()
        .find(|trace| trace.ends_with("nvidia-uninstall"));
    if let Some(uninstaller) = uninstaller {
        draft.step(
            "runfile.remove",
            &[],
            vec![Check::Absent {
                path: uninstaller.clone(),
            }],
            vec![run([uninstaller, "--silent"], 900)],
        );
    }
}

/// Module sources under DKMS whose package is not there.
fn leftovers(present: &Present<'_>, draft: &mut Draft) {
    let owned = present
        .of_kind(&["nvidia-modules"])
        .iter()
        .any(|package| package.name.contains("dkms"));
    let paths: Vec<String> = present
        .packages
        .dkms
        .value()
        .into_iter()
        .flatten()
        .filter(|tree| tree.module.starts_with("nvidia") && !owned)
        .map(|tree| format!("/var/lib/dkms/{}/{}", tree.module, tree.version))
        .collect();
    outside(&paths, draft);
}

/// CUDA folders that no installed package of their version explains.
fn cuda_folders(present: &Present<'_>, draft: &mut Draft) {
    let versions: BTreeSet<String> = present
        .of_kind(&["cuda-toolkit"])
        .iter()
        .filter_map(|package| {
            let words: Vec<&str> = package.name.rsplitn(3, '-').collect();
            match words.as_slice() {
                [minor, major, _]
                    if minor.parse::<u32>().is_ok() && major.parse::<u32>().is_ok() =>
                {
                    Some(format!("/usr/local/cuda-{major}.{minor}"))
                }
                _ => None,
            }
        })
        .collect();
    let paths: Vec<String> = present
        .packages
        .cuda_folders
        .value()
        .into_iter()
        .flatten()
        .filter(|folder| *folder != "/usr/local/cuda" && !versions.contains(*folder))
        .cloned()
        .collect();
    outside(&paths, draft);
}

fn outside(paths: &[String], draft: &mut Draft) {
    if paths.is_empty() {
        return;
    }
    let checks = paths
        .iter()
        .map(|path| Check::Absent { path: path.clone() })
        .collect();
    let actions = paths
        .iter()
        .map(|path| Action::Remove { path: path.clone() })
        .collect();
    draft.step(
        "clean.outside",
        &[("names", &shown(paths))],
        checks,
        actions,
    );
}

/// Makers' archives that nothing is left of, with keyring and pin.
fn archives(present: &Present<'_>, clean: Clean, draft: &mut Draft) {
    for archive in repositories() {
        let goes = match archive.id.as_str() {
            "rocm" => matches!(clean, Clean::Rocm | Clean::All),
            "graphics-drivers" => matches!(clean, Clean::Driver | Clean::All),
            // A toolkit that stays still needs it.
            "nvidia" => match clean {
                Clean::All => true,
                Clean::Cuda => present
                    .driver_packages()
                    .iter()
                    .all(|one| one.origin.value().is_none_or(|origin| origin != "nvidia")),
                Clean::Driver => present.of_kind(&["cuda-toolkit"]).is_empty(),
                Clean::Rocm => false,
            },
            _ => false,
        };
        if !goes {
            continue;
        }
        let keyring: Vec<String> = archive
            .keyring_package
            .iter()
            .filter(|package| present.packages.has(package))
            .cloned()
            .collect();
        let entries: Vec<&PackageSource> = present
            .sources()
            .into_iter()
            .filter(|source| repository_of(&source.uri).is_some_and(|one| one.id == archive.id))
            .collect();
        let by_package =
            |source: &&PackageSource| !keyring.is_empty() && source.file.contains("/cuda-");
        let by_hand: Vec<&PackageSource> = entries
            .iter()
            .copied()
            .filter(|one| !by_package(one))
            .collect();
        if !keyring.is_empty() {
            draft.step(
                "clean.source",
                &[("name", &archive.name)],
                vec![are(&[], &keyring)],
                vec![packages(&[], &keyring)],
            );
        }
        super::sources::disable(
            present,
            draft,
            &by_hand,
            &archive.name,
            "Nothing that is left on this machine is from there.",
        );
        let pins: Vec<String> = present
            .packages
            .pins
            .value()
            .into_iter()
            .flatten()
            .map(|pin| pin.file.clone())
            .filter(|file| {
                (archive.pin_file.as_ref() == Some(file) && keyring.is_empty())
                    || archive.fence_file.as_ref() == Some(file)
            })
            .collect();
        outside(&pins, draft);
    }
}
