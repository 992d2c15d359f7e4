//! Makers' archives that nothing is left of: source, keyring, keys, pins.

use super::outside;
use crate::draft::{Draft, are, packages};
use crate::present::Present;
use crate::recipes::sources;
use crate::wish::Part;
use deskside_knowledge::platforms::{Repository, repositories, repository_of};
use deskside_types::facts::{KeyFile, PackageSource};

/// Takes the archives away that served only what goes.
pub(super) fn plan(present: &Present<'_>, part: Part, draft: &mut Draft) {
    for archive in repositories()
        .iter()
        .filter(|archive| goes(present, part, archive))
    {
        take(present, archive, draft);
    }
}

fn goes(present: &Present<'_>, part: Part, archive: &Repository) -> bool {
    match archive.id.as_str() {
        "rocm" => part.takes(Part::Rocm),
        "graphics-drivers" => part.takes(Part::Driver),
        // What stays still needs it.
        "nvidia" | "nvidia-local" => match part {
            Part::All => true,
            Part::Cuda => present
                .driver_packages()
                .iter()
                .all(|one| one.origin.value().is_none_or(|origin| origin != "nvidia")),
            Part::Driver => present.of_kind(&["cuda-toolkit"]).is_empty(),
            Part::Rocm | Part::Mlx => false,
        },
        _ => false,
    }
}

fn take(present: &Present<'_>, archive: &Repository, draft: &mut Draft) {
    let mut carriers: Vec<String> = archive
        .keyring_package
        .iter()
        .filter(|package| present.packages.has(package))
        .cloned()
        .collect();
    if archive.id == "nvidia-local" {
        carriers.extend(
            present
                .of_kind(&["nvidia-archive"])
                .iter()
                .map(|package| package.name.clone()),
        );
    }
    let entries: Vec<&PackageSource> = present
        .sources()
        .into_iter()
        .filter(|source| repository_of(&source.uri).is_some_and(|one| one.id == archive.id))
        .collect();
    let by_package = |source: &&PackageSource| {
        !carriers.is_empty() && (source.file.contains("/cuda-") || archive.id == "nvidia-local")
    };
    let by_hand: Vec<&PackageSource> = entries
        .iter()
        .copied()
        .filter(|one| !by_package(one))
        .collect();
    if !carriers.is_empty() {
        draft.step(
            "clean.source",
            &[("name", &archive.name)],
            vec![are(&[], &carriers)],
            vec![packages(&[], &carriers)],
        );
    }
    sources::disable(
        present,
        draft,
        &by_hand,
        &archive.name,
        "Nothing that is left on this machine is from there.",
    );
    let mut left: Vec<String> = present
        .packages
        .pins
        .value()
        .into_iter()
        .flatten()
        .map(|pin| pin.file.clone())
        .filter(|file| {
            (archive.pin_file.as_ref() == Some(file) && carriers.is_empty())
                || archive.fence_file.as_ref() == Some(file)
        })
        .collect();
    let own = keys(present, archive, &carriers);
    among_others(present, archive, &own, draft);
    left.extend(own);
    left.dedup();
    outside(&left, draft);
}

/// The file holds a key of the archive, by its fingerprint: whether it holds nothing else.
fn holds(archive: &Repository, file: &KeyFile) -> Option<bool> {
    let is_own = |fingerprint: &&String| {
        archive
            .fingerprint
            .as_ref()
            .is_some_and(|own| own.eq_ignore_ascii_case(fingerprint))
            || archive
                .old_keys
                .iter()
                .any(|key| fingerprint.to_ascii_lowercase().ends_with(key.as_str()))
    };
    let count = file.fingerprints.iter().filter(is_own).count();
    (count > 0).then_some(count == file.fingerprints.len())
}

/// Keys of the archive in files that hold others, too: they are trusted for every archive, and taken out by hand.
fn among_others(present: &Present<'_>, archive: &Repository, own: &[String], draft: &mut Draft) {
    for file in &present.packages.key_files {
        if holds(archive, file) != Some(false) || own.contains(&file.file) {
            continue;
        }
        let fingerprints: Vec<&str> = file
            .fingerprints
            .iter()
            .filter(|one| {
                let alone = KeyFile {
                    file: String::new(),
                    fingerprints: vec![(*one).clone()],
                };
                holds(archive, &alone) == Some(true)
            })
            .map(String::as_str)
            .collect();
        draft.note(
            format!(
                "{} holds the key of {} beside others, and apt trusts it for every archive: take it out by hand",
                file.file, archive.name
            ),
            &[&format!(
                "sudo gpg --no-default-keyring --keyring {} --batch --yes --delete-keys {}",
                file.file,
                fingerprints.join(" ")
            )],
        );
    }
}

/// Files of the archive's keys that no package brought and no other source needs.
fn keys(present: &Present<'_>, archive: &Repository, carriers: &[String]) -> Vec<String> {
    let short = archive.fingerprint.as_ref().and_then(|fingerprint| {
        fingerprint
            .get(fingerprint.len().saturating_sub(8)..)
            .map(str::to_ascii_lowercase)
    });
    present
        .packages
        .keyrings
        .value()
        .into_iter()
        .flatten()
        .filter(|file| {
            let name = file
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase();
            let own = archive.keyring_file.as_ref() == Some(*file) && carriers.is_empty();
            // What is in it counts, where it could be read; else its name.
            let read = present
                .packages
                .key_files
                .iter()
                .find(|one| one.file == **file);
            let mixed = read.is_some_and(|one| one.fingerprints.len() > 1);
            let named = !mixed
                && short
                    .iter()
                    .chain(&archive.old_keys)
                    .chain(&archive.key_names)
                    .any(|key| name.contains(key.as_str()));
            let held = read.is_some_and(|one| holds(archive, one) == Some(true));
            let needed = present.sources().iter().any(|source| {
                source.signed_by.value() == Some(*file)
                    && repository_of(&source.uri).is_none_or(|one| one.id != archive.id)
            });
            // A hidden file was moved aside.
            (own || named || held) && !needed && !name.starts_with('.')
        })
        .cloned()
        .collect()
}
