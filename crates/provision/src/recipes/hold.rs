//! Keeping upgrades that nobody asked for away from the driver: they replace its library under running work, and until
//! the next restart module and library differ.

use crate::draft::Draft;
use crate::names::is_package;
use crate::present::Present;
use deskside_knowledge::platforms::package_kind;
use deskside_types::facts::PackageState;
use deskside_types::plan::{Action, Check, FileContents};

/// The settings file; it is read behind the distribution's own, and its list is added to theirs.
pub(crate) const FILE: &str = "/etc/apt/apt.conf.d/52deskside-driver";

/// Holds the driver, or warns that nothing does.
pub(crate) fn plan(present: &Present<'_>, draft: &mut Draft) {
    if present.wish.release_driver {
        release(present, draft, false);
        return;
    }
    if present.wish.hold_driver {
        hold(present, draft);
        return;
    }
    if in_danger(present) && !changes_driver(draft) {
        draft.note(
            "unattended upgrades may replace the driver's library under running work; until the next restart new work then ends in `Driver/library version mismatch`",
            &["deskside plan --wish hold-driver"],
        );
    }
}

fn hold(present: &Present<'_>, draft: &mut Draft) {
    if changes_driver(draft) {
        draft.note(
            "this plan changes the driver; once it is carried out, ask again for the upgrades to be held: only then it is known which packages came along",
            &["deskside plan --wish hold-driver"],
        );
        return;
    }
    if present.driver_packages().is_empty() {
        draft.note(
            "there are no driver packages that unattended upgrades could touch",
            &[],
        );
        return;
    }
    let names = held(present);
    if all_left_alone(present, &names) {
        draft.satisfied("unattended upgrades leave the driver alone");
        return;
    }
    let contents = settings(&names);
    let kernels = names.iter().any(|name| name.starts_with("linux-image"));
    draft.step(
        "driver.hold",
        &[("count", &format!("{} packages", names.len()))],
        vec![Check::FileIs {
            path: FILE.into(),
            sha256: deskside_operate::sha256_hex(contents.as_bytes()),
        }],
        vec![Action::WriteFile {
            path: FILE.into(),
            contents: FileContents::Text(contents),
            mode: 0o644,
        }],
    );
    let more = if kernels {
        ", and of the kernel, whose prebuilt modules must fit the driver,"
    } else {
        ""
    };
    draft.note(
        format!("security fixes of the driver{more} wait for you from then on: upgrade when a restart suits you"),
        &["deskside plan --wish upgrade", "deskside plan --wish release-driver"],
    );
}

/// Lets unattended upgrades touch the driver again. `silent`: say nothing where there is nothing to do.
pub(crate) fn release(present: &Present<'_>, draft: &mut Draft, silent: bool) {
    let there = present
        .packages
        .unattended
        .value()
        .is_some_and(|settings| settings.files.iter().any(|file| file == FILE));
    if there {
        draft.step(
            "driver.release",
            &[],
            vec![Check::Absent { path: FILE.into() }],
            vec![Action::Remove { path: FILE.into() }],
        );
    } else if !silent {
        draft.satisfied("Deskside holds no upgrades of the driver");
    }
}

/// A driver of the distribution's, which unattended upgrades are set to upgrade.
fn in_danger(present: &Present<'_>) -> bool {
    let on = present
        .packages
        .unattended
        .value()
        .is_some_and(|settings| settings.on)
        && present.packages.has("unattended-upgrades");
    let of_distribution: Vec<String> = present
        .driver_packages()
        .iter()
        .filter(|package| {
            !package.held
                && package
                    .origin
                    .value()
                    .is_some_and(|origin| ["ubuntu", "debian", "pop"].contains(&origin.as_str()))
        })
        .map(|package| package.name.clone())
        .collect();
    on && !of_distribution.is_empty() && !all_left_alone(present, &of_distribution)
}

/// The packages to be held: the driver's, and with prebuilt modules the kernel's, which would go on without them.
fn held(present: &Present<'_>) -> Vec<String> {
    let mut names: Vec<String> = present
        .driver_packages()
        .iter()
        .map(|package| package.name.clone())
        .collect();
    if names
        .iter()
        .any(|name| name.starts_with("linux-modules-nvidia"))
    {
        names.extend(
            present
                .packages
                .installed
                .value()
                .into_iter()
                .flatten()
                .filter(|package| package.state == PackageState::Installed)
                .map(|package| package.name.clone())
                .filter(|name| follows_kernels(name)),
        );
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// A package that always brings the newest kernel, and bears no kernel's release in its name.
fn follows_kernels(name: &str) -> bool {
    let kernel = [
        "linux-generic",
        "linux-image-",
        "linux-headers-",
        "linux-lowlatency",
        "linux-oem",
    ]
    .iter()
    .any(|head| name.starts_with(head));
    let of_one_kernel = name.split('-').any(|word| {
        word.split('.').count() >= 3 && word.starts_with(|one: char| one.is_ascii_digit())
    });
    kernel && is_package(name) && !of_one_kernel
}

/// The file: unattended-upgrade matches each pattern against the beginning of a name, so `$` makes it exact.
fn settings(names: &[String]) -> String {
    let mut text = String::from(
        "// Written by deskside: the driver and what must fit it are upgraded when you ask for it.\nUnattended-Upgrade::Package-Blacklist {\n",
    );
    for name in names {
        text.push_str(&format!("    \"{}\";\n", pattern(name)));
    }
    text.push_str("};\n");
    text
}

/// A pattern for exactly that name.
fn pattern(name: &str) -> String {
    let mut pattern = String::new();
    for letter in name.chars() {
        if matches!(letter, '.' | '+') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('$');
    pattern
}

fn all_left_alone(present: &Present<'_>, names: &[String]) -> bool {
    let patterns = present
        .packages
        .unattended
        .value()
        .map(|settings| settings.left_alone.as_slice())
        .unwrap_or_default();
    names
        .iter()
        .all(|name| patterns.iter().any(|one| leaves_alone(one, name)))
}

/// Whether a pattern surely leaves a name alone: it is exactly it, or the plain beginning of it.
fn leaves_alone(pattern: &str, name: &str) -> bool {
    self::pattern(name) == pattern
        || pattern.trim_start_matches('^') == name
        || (!pattern.is_empty()
            && pattern
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && name.starts_with(pattern))
}

/// Whether the plan changes packages of the driver.
fn changes_driver(draft: &Draft) -> bool {
    draft
        .steps
        .iter()
        .flat_map(|step| &step.actions)
        .any(|action| match action {
            Action::Packages { install, remove } => install.iter().chain(remove).any(|name| {
                matches!(
                    package_kind(name.split('=').next().unwrap_or(name)),
                    Some("nvidia-driver" | "nvidia-modules")
                )
            }),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_exact() {
        assert_eq!(pattern("nvidia-driver-580-open"), "nvidia-driver-580-open$");
        assert_eq!(
            pattern("linux-image-generic-hwe-22.04"),
            r"linux-image-generic-hwe-22\.04$"
        );
        for (pattern, name, alone) in [
            ("nvidia-driver-580$", "nvidia-driver-580", true),
            ("nvidia-driver-580$", "nvidia-driver-580-open", false),
            ("nvidia-", "nvidia-driver-580-open", true),
            ("nvidia.*", "nvidia-driver-580-open", false),
            ("", "nvidia-driver-580", false),
        ] {
            assert_eq!(leaves_alone(pattern, name), alone, "{pattern} {name}");
        }
    }

    #[test]
    fn packages_of_one_kernel_are_not_held() {
        for (name, follows) in [
            ("linux-image-generic-hwe-22.04", true),
            ("linux-headers-generic", true),
            ("linux-generic", true),
            ("linux-image-6.8.0-149-generic", false),
            ("linux-headers-7.0.0-43", false),
            ("linux-modules-nvidia-580-generic", false),
            ("linux-firmware", false),
        ] {
            assert_eq!(follows_kernels(name), follows, "{name}");
        }
    }
}
