//! Toolkits: their packages, their folders outside the packages, the link, paths in shell profiles.

use super::{Purpose, names, outside, remove};
use crate::draft::Draft;
use crate::names::shown;
use crate::present::Present;
use crate::recipes::access;
use deskside_types::plan::{Action, Check};
use std::collections::BTreeSet;

/// Takes the CUDA toolkits away.
pub(super) fn cuda(present: &Present<'_>, purpose: Purpose, draft: &mut Draft) {
    let all = names(present, &["cuda-toolkit"], draft);
    remove(
        present,
        &all,
        &["cuda-toolkit"],
        "clean.toolkit",
        "the CUDA toolkit",
        purpose,
        draft,
    );
    let folders = cuda_folders(present);
    outside(&folders, draft);
    if !folders.is_empty() {
        draft.note(
            format!(
                "moved aside and not deleted: {}. What runs with it goes on, a program that is started later does not find it, and it takes its room until you delete it; `deskside undo` brings it back",
                shown(&folders)
            ),
            &[],
        );
    }
    link(present, &folders, draft);
    let linker: Vec<String> = present
        .packages
        .linker_files
        .value()
        .into_iter()
        .flatten()
        .filter(|file| file.contains("cuda"))
        .cloned()
        .collect();
    // What packages put there goes with them.
    if all.is_empty() && !linker.is_empty() {
        draft.note(
            format!(
                "files that name CUDA's folders for the linker stay, and do nothing without the folders: {}",
                shown(&linker)
            ),
            &[],
        );
    }
    if purpose == Purpose::ForGood {
        access::library_path(present, draft);
        access::paths(present, "cuda", draft);
    }
}

/// CUDA folders that no installed package of their version explains.
pub(in crate::recipes) fn cuda_folders(present: &Present<'_>) -> Vec<String> {
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
    present
        .packages
        .cuda_folders
        .value()
        .into_iter()
        .flatten()
        .filter(|folder| {
            folder.starts_with("/usr/local/cuda-")
                && !folder.contains("..")
                && !versions.contains(*folder)
        })
        .cloned()
        .collect()
}

/// The link `/usr/local/cuda`, where it leads to a folder that goes. One that packages keep goes with them.
fn link(present: &Present<'_>, folders: &[String], draft: &mut Draft) {
    let Some(target) = present.packages.cuda_link.value() else {
        return;
    };
    let target = target.trim_end_matches('/');
    let target = if target.starts_with('/') {
        target.to_string()
    } else {
        format!("/usr/local/{target}")
    };
    let there = present
        .packages
        .cuda_folders
        .value()
        .is_some_and(|known| known.contains(&target));
    if folders.contains(&target) || (target.starts_with("/usr/local/cuda-") && !there) {
        let path = "/usr/local/cuda".to_string();
        draft.step(
            "clean.link",
            &[("target", &target)],
            vec![Check::Absent { path: path.clone() }],
            vec![Action::Remove { path }],
        );
    }
}

/// Takes ROCm away.
pub(super) fn rocm(present: &Present<'_>, purpose: Purpose, draft: &mut Draft) {
    let all = names(present, &["rocm"], draft);
    remove(
        present,
        &all,
        &["rocm"],
        "clean.rocm",
        "ROCm",
        purpose,
        draft,
    );
    if all.iter().any(|name| name.starts_with("amdgpu-dkms"))
        && let Some(step) = draft.steps.last_mut()
    {
        // The kernel's own module is loaded at the next start.
        step.reboot = true;
        draft.note(
            "amdgpu-dkms goes and does not come back: from the next start on the kernel's own amdgpu drives the card",
            &[],
        );
    }
    let builds = all.iter().any(|name| name.starts_with("amdgpu-dkms"));
    let mut paths: Vec<String> = present
        .packages
        .dkms
        .value()
        .into_iter()
        .flatten()
        .filter(|tree| tree.module.starts_with("amdgpu") && !builds)
        .map(|tree| format!("/var/lib/dkms/{}/{}", tree.module, tree.version))
        .collect();
    // A folder of packages goes with them.
    if all.is_empty() {
        paths.extend(
            present
                .facts
                .toolkits
                .value()
                .into_iter()
                .flatten()
                .map(|toolkit| toolkit.path.clone())
                .filter(|path| path.starts_with("/opt/rocm")),
        );
    }
    outside(&paths, draft);
    if purpose == Purpose::ForGood {
        access::paths(present, "rocm", draft);
    }
}
