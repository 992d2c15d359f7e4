//! Sources of packages: conflicts and doubles mended, foreign drivers' sources switched off, old keys removed.

use crate::draft::{Draft, line_stands, packages, refresh};
use crate::present::Present;
use crate::recipes::line::OFF;
use deskside_knowledge::platforms::{Repository, repositories, repository, repository_of};
use deskside_types::facts::PackageSource;
use deskside_types::plan::{Action, Check};
use std::collections::BTreeSet;

/// Mends what makers' archives are entered wrongly. `wanted` says whether NVIDIA's archive will be needed. Returns
/// whether its entry was taken out, so that it must be entered anew where it is needed.
pub(crate) fn mend(present: &Present<'_>, draft: &mut Draft, wanted: bool) -> bool {
    let mut taken_out = false;
    for archive in repositories() {
        let entries: Vec<&PackageSource> = present
            .sources()
            .into_iter()
            .filter(|source| repository_of(&source.uri).is_some_and(|one| one.id == archive.id))
            .collect();
        if archive.id == "graphics-drivers" {
            disable(
                present,
                draft,
                &entries,
                &archive.name,
                "A driver comes from one source only, and the distribution's own archive has it, built and signed for its kernels.",
            );
            continue;
        }
        if archive.id == "nvidia-local" {
            disable(
                present,
                draft,
                &entries,
                &archive.name,
                "It holds a driver and a toolkit of one day, never gets an update, and its driver would mix with another builder's.",
            );
            continue;
        }
        let Some(kept) = kept(&entries, archive) else {
            continue;
        };
        let surplus: Vec<&PackageSource> = entries
            .iter()
            .copied()
            .filter(|entry| !std::ptr::eq(*entry, kept) && same_place(entry, kept))
            .collect();
        if !surplus.is_empty() {
            let conflict = surplus
                .iter()
                .any(|entry| entry.signed_by != kept.signed_by);
            let why = if conflict {
                "Two entries name different keys for one archive, and apt refuses to work at all: `Conflicting values set for option Signed-By`."
            } else {
                "The archive is entered twice: `configured multiple times`."
            };
            mend_entries(
                present,
                draft,
                &surplus,
                &format!("doubled entries of {}", archive.name),
                why,
            );
        }
        // An entry without a key of its own rests on apt-key, which is gone from newer releases, or has no key at all.
        let bare = kept.signed_by.is_absent() && archive.keyring_package.is_some();
        let is_own = archive
            .keyring_package
            .as_ref()
            .is_some_and(|package| present.packages.has(package));
        if bare && !(is_own && kept.file.contains("/cuda-")) {
            let why = if wanted {
                "It was entered by hand, without the key it is signed with: apt says NO_PUBKEY, or trusts a key for all archives. NVIDIA's keyring package enters it anew."
            } else {
                "It was entered by hand, without the key it is signed with, and nothing that is wished comes from there."
            };
            mend_entries(
                present,
                draft,
                &[kept],
                &format!("the entry of {}", archive.name),
                why,
            );
            taken_out = true;
        }
        old_keys(present, draft, archive);
    }
    taken_out
}

/// The entry that stays: the one that names the archive's own key file, else the first.
fn kept<'a>(entries: &[&'a PackageSource], archive: &Repository) -> Option<&'a PackageSource> {
    let own = |entry: &&&PackageSource| {
        archive.keyring_file.is_some() && entry.signed_by.value() == archive.keyring_file.as_ref()
    };
    entries
        .iter()
        .find(own)
        .or_else(|| entries.first())
        .copied()
}

fn same_place(one: &PackageSource, other: &PackageSource) -> bool {
    one.uri.trim_end_matches('/') == other.uri.trim_end_matches('/') && one.suite == other.suite
}

/// Whether an entry that stays is in order: it names a key file.
pub(crate) fn is_entered(present: &Present<'_>, id: &str) -> bool {
    let Some(archive) = repository(id) else {
        return false;
    };
    present.sources().iter().any(|source| {
        repository_of(&source.uri).is_some_and(|one| one.id == archive.id)
            && source.signed_by.value().is_some()
    })
}

fn mend_entries(
    present: &Present<'_>,
    draft: &mut Draft,
    entries: &[&PackageSource],
    what: &str,
    why: &str,
) {
    switch_off(present, draft, entries, "sources.mend", what, why);
}

pub(crate) fn disable(
    present: &Present<'_>,
    draft: &mut Draft,
    entries: &[&PackageSource],
    what: &str,
    why: &str,
) {
    switch_off(present, draft, entries, "sources.disable", what, why);
}

/// Switches entries off: a file that holds nothing else is moved aside, a line among others gets a `#`.
fn switch_off(
    present: &Present<'_>,
    draft: &mut Draft,
    entries: &[&PackageSource],
    recipe: &str,
    what: &str,
    why: &str,
) {
    if entries.is_empty() {
        return;
    }
    let mut checks = Vec::new();
    let mut actions = Vec::new();
    let mut removed: BTreeSet<&str> = BTreeSet::new();
    for entry in entries {
        if removed.contains(entry.file.as_str()) {
            continue;
        }
        let others = present
            .sources()
            .iter()
            .any(|other| other.file == entry.file && !entries.contains(other));
        if !others && entry.file.starts_with("/etc/apt/sources.list.d/") {
            removed.insert(&entry.file);
            checks.push(Check::Absent {
                path: entry.file.clone(),
            });
            actions.push(Action::Remove {
                path: entry.file.clone(),
            });
            continue;
        }
        let twins = present
            .packages
            .sources
            .value()
            .into_iter()
            .flatten()
            .filter(|other| other.file == entry.file && other.text == entry.text)
            .count();
        if entry.paragraph || entry.text.is_empty() || twins != 1 {
            draft.block(
                format!(
                    "{} line {} must be taken out by hand: {what}",
                    entry.file, entry.line
                ),
                &[&format!("sudoedit {}", entry.file)],
            );
            continue;
        }
        let new = format!("{OFF}{}", entry.text);
        checks.push(line_stands(&entry.file, &new));
        actions.push(Action::EditFile {
            path: entry.file.clone(),
            old: entry.text.clone(),
            new,
        });
    }
    if !actions.is_empty() {
        draft.step(recipe, &[("what", what), ("why", why)], checks, actions);
    }
}

/// Key files that hold a key the archive no longer uses.
fn old_keys(present: &Present<'_>, draft: &mut Draft, archive: &Repository) {
    let files: Vec<String> = present
        .packages
        .keyrings
        .value()
        .into_iter()
        .flatten()
        .filter(|file| {
            let name = file.to_ascii_lowercase();
            archive
                .old_keys
                .iter()
                .any(|key| name.contains(key.as_str()))
        })
        .cloned()
        .collect();
    if files.is_empty() {
        return;
    }
    let checks = files
        .iter()
        .map(|path| Check::Absent { path: path.clone() })
        .collect();
    let actions = files
        .iter()
        .map(|path| Action::Remove { path: path.clone() })
        .collect();
    draft.step(
        "sources.mend",
        &[
            ("what", &format!("the old key of {}", archive.name)),
            ("why", "The archive is signed with another key since 2022."),
        ],
        checks,
        actions,
    );
}

/// Enters a maker's archive: by its keyring package where there is one, else by its key and a source of our own.
/// Returns false where the archive has no place for this machine.
pub(crate) fn enter(
    present: &Present<'_>,
    draft: &mut Draft,
    id: &str,
    place: &str,
    why: &str,
) -> bool {
    let Some(archive) = repository(id) else {
        return false;
    };
    let architecture = present
        .facts
        .system
        .architecture
        .value()
        .map_or("x86_64", String::as_str);
    let Some(place) = archive
        .place
        .iter()
        .find(|one| one.name == place && one.architecture == architecture)
    else {
        draft.block(
            format!(
                "{} has no place for {} on {architecture}",
                archive.name, present.platform.name
            ),
            &[],
        );
        return false;
    };
    // Entered already, by an earlier room of this plan.
    if draft
        .steps
        .iter()
        .any(|step| step.id.starts_with("repository.add") && step.title.contains(&archive.name))
    {
        return true;
    }
    if is_entered(present, id) {
        draft.satisfied(format!("{} is a package source", archive.name));
        return true;
    }
    let words: &[(&str, &str)] = &[("name", &archive.name), ("why", why)];
    if let (Some(hash), Some(package), Some(name)) = (
        &place.keyring_sha256,
        &archive.keyring_package,
        &archive.keyring_name,
    ) {
        let path = super::entered::kept(name);
        draft.step(
            "repository.add",
            words,
            vec![are_installed(package)],
            vec![
                Action::Download {
                    url: format!("{}{name}", place.url),
                    path: path.clone(),
                    sha256: hash.clone(),
                    size: 0,
                },
                packages(&[path], &[]),
                refresh(),
            ],
        );
        return true;
    }
    let (Some(key_url), Some(fingerprint), Some(keyring)) =
        (&place.key_url, &archive.fingerprint, &archive.keyring_file)
    else {
        return false;
    };
    let contents = super::entered::source(place, keyring, present.dpkg_architecture());
    let file = super::entered::name(archive);
    let mut actions = vec![
        Action::Key {
            path: keyring.clone(),
            fingerprint: fingerprint.clone(),
            url: key_url.clone(),
        },
        Action::AptSource {
            name: file.clone(),
            contents,
        },
    ];
    if let Some((path, contents)) = super::entered::pin(archive) {
        actions.push(Action::WriteFile {
            path,
            contents: deskside_types::plan::FileContents::Text(contents),
            mode: 0o644,
        });
    }
    actions.push(refresh());
    draft.step(
        "repository.add",
        words,
        vec![
            Check::Exists {
                path: keyring.clone(),
            },
            Check::Exists {
                path: format!("/etc/apt/sources.list.d/{file}"),
            },
        ],
        actions,
    );
    true
}

fn are_installed(package: &str) -> Check {
    Check::Packages {
        installed: vec![package.to_string()],
        absent: Vec::new(),
    }
}

/// Keeps NVIDIA's drivers out where the distribution's are taken.
pub(crate) fn fence(present: &Present<'_>, draft: &mut Draft) {
    let Some(archive) = repository("nvidia") else {
        return;
    };
    let Some((file, contents)) = super::entered::fence(archive) else {
        return;
    };
    let there = present
        .packages
        .pins
        .value()
        .into_iter()
        .flatten()
        .any(|pin| pin.file == file && pin.priority < 0);
    if there {
        draft.satisfied("NVIDIA's archive gives no driver here");
        return;
    }
    draft.step(
        "repository.fence",
        &[("name", &archive.name)],
        vec![Check::Exists { path: file.clone() }],
        vec![Action::WriteFile {
            path: file,
            contents: deskside_types::plan::FileContents::Text(contents),
            mode: 0o644,
        }],
    );
}
