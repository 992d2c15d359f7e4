//! A private view of apt as it will be once the plan's sources and pins are in place: folders of our own under the
//! cache, filled from the machine's and changed as the plan says. The machine's own apt is not touched.

use deskside_machine::{Acting, Command, Durability, Machine, Reading};
use deskside_operate::system::dpkg;
use deskside_provision::SystemPlan;
use deskside_types::Result;
use deskside_types::plan::{Action, FileContents};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Fetching the lists of packages may take this long.
const FETCH_DEADLINE: Duration = Duration::from_secs(180);
/// The keyring packages of makers bring a source that is told by where they are fetched from.
const KEYRING: &str = "cuda-keyring_";

/// The private folders, filled and up to date; answers the options that make apt use them.
///
/// # Errors
/// When they can't be written, or the lists can't be fetched; the text says why, in apt's words.
pub(super) fn options(
    machine: &dyn Machine,
    cache: &Path,
    system: &SystemPlan,
) -> Result<Vec<String>, String> {
    let root = cache.join("apt-simulation");
    fill(machine, &root, system).map_err(|problem| problem.to_string())?;
    let at = |name: &str| root.join(name).display().to_string();
    let options: Vec<String> = [
        "Dir::Etc::SourceList=/dev/null".to_string(),
        format!("Dir::Etc::SourceParts={}", at("sources")),
        "Dir::Etc::Preferences=/dev/null".into(),
        format!("Dir::Etc::PreferencesParts={}", at("preferences")),
        format!("Dir::State::Lists={}", at("lists")),
        format!("Dir::Cache={}", at("cache")),
        "Dir::State::status=/var/lib/dpkg/status".into(),
        "APT::Sandbox::User=".into(),
        "Debug::NoLocking=1".into(),
    ]
    .into_iter()
    .flat_map(|option| ["-o".to_string(), option])
    .collect();
    let mut argv = vec![
        "apt-get".to_string(),
        "update".into(),
        "-q".into(),
        "--error-on=any".into(),
    ];
    argv.extend(options.iter().cloned());
    let command = Command::new(argv)
        .deadline(FETCH_DEADLINE)
        .variable("LC_ALL", "C");
    let said = machine
        .run(command, &mut |_| {})
        .map_err(|error| error.reason())?;
    if said.succeeded() {
        return Ok(options);
    }
    let text = format!("{}\n{}", said.text(), String::from_utf8_lossy(&said.stderr));
    Err(reason(&text))
}

/// The options that make apt see a machine without some packages: a copy of dpkg's list without them. None where none go.
///
/// # Errors
/// When the list can't be read, or the copy can't be written.
pub(super) fn without(
    machine: &dyn Machine,
    cache: &Path,
    gone: &BTreeSet<String>,
) -> Result<Vec<String>> {
    if gone.is_empty() {
        return Ok(Vec::new());
    }
    let list = machine.file(dpkg::STATUS, dpkg::LARGEST)?;
    let folder = cache.join("apt-simulation");
    let copy = folder.join("packages-without");
    machine.create_directory(&folder)?;
    machine.write_file(
        &copy,
        dpkg::without(&String::from_utf8_lossy(&list), gone),
        0o644,
        Durability::Process,
    )?;
    Ok(vec![
        "-o".into(),
        format!("Dir::State::status={}", copy.display()),
    ])
}

/// Why lists could not be fetched: the place and the reason of the first that failed, else apt's first complaint.
fn reason(text: &str) -> String {
    let failed = text.lines().find_map(|line| {
        // `W: Failed to fetch ADDRESS  REASON`
        let (address, reason) = line.split_once("Failed to fetch ")?.1.split_once(' ')?;
        let place = address.split_once("://")?.1.split('/').next()?;
        let reason = reason.trim();
        (!reason.is_empty()).then(|| format!("{place}: {reason}"))
    });
    let complaint = || {
        text.lines()
            .map(str::trim)
            .find_map(|line| line.strip_prefix("E: "))
            .map(str::to_string)
    };
    failed
        .or_else(complaint)
        .unwrap_or_else(|| "apt-get update failed".into())
}

fn fill(machine: &dyn Machine, root: &Path, system: &SystemPlan) -> Result<()> {
    for name in ["sources", "preferences"] {
        // Entries of an earlier plan must not stay.
        let folder = root.join(name);
        if machine.exists(&folder)? {
            machine.remove_tree(&folder)?;
        }
    }
    for name in [
        "sources",
        "preferences",
        "lists/partial",
        "cache/archives/partial",
    ] {
        machine.create_directory(root.join(name))?;
    }
    let write = |folder: &str, name: &str, text: String| {
        machine.write_file(
            root.join(folder).join(name),
            text,
            0o644,
            Durability::Process,
        )
    };
    for (path, name) in files(
        machine,
        "/etc/apt/sources.list",
        "/etc/apt/sources.list.d",
        &[".list", ".sources"],
    ) {
        if let Some(text) = as_planned(machine, system, &path) {
            write("sources", &name, text)?;
        }
    }
    for (path, name) in files(
        machine,
        "/etc/apt/preferences",
        "/etc/apt/preferences.d",
        &[""],
    ) {
        if let Some(text) = as_planned(machine, system, &path) {
            write("preferences", &name, text)?;
        }
    }
    for action in system.plan.steps.iter().flat_map(|step| &step.actions) {
        match action {
            Action::AptSource { name, contents } => write("sources", name, unsigned(contents))?,
            Action::Download { url, .. } => {
                if let Some((place, _)) = url.split_once(KEYRING) {
                    // Its key is in a package that is not installed yet. Nothing is installed from what is read here.
                    write(
                        "sources",
                        "of-keyring.list",
                        format!("deb [trusted=yes] {place} /\n"),
                    )?;
                    write(
                        "preferences",
                        "of-keyring",
                        "Package: *\nPin: release l=NVIDIA CUDA\nPin-Priority: 600\n".into(),
                    )?;
                }
            }
            Action::WriteFile {
                path,
                contents: FileContents::Text(text),
                ..
            } => {
                if let Some(name) = path.strip_prefix("/etc/apt/preferences.d/") {
                    write("preferences", name, text.clone())?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The single file and the files of the folder that apt reads, each with the name it gets in the private folder.
fn files(
    machine: &dyn Machine,
    single: &str,
    folder: &str,
    endings: &[&str],
) -> Vec<(PathBuf, String)> {
    let named =
        |name: &str| endings.iter().any(|ending| name.ends_with(ending)) && !name.starts_with('.');
    let ending = endings.first().copied().unwrap_or_default();
    std::iter::once((PathBuf::from(single), format!("single{ending}")))
        .chain(
            machine
                .entries(folder)
                .unwrap_or_default()
                .into_iter()
                .filter(|entry| named(&entry.name))
                .map(|entry| (Path::new(folder).join(&entry.name), entry.name)),
        )
        .collect()
}

/// A file's text as the plan leaves it; none where it is not there or goes.
fn as_planned(machine: &dyn Machine, system: &SystemPlan, path: &Path) -> Option<String> {
    let mut text = machine.text(path).ok()?;
    let own = path.to_str()?;
    for action in system.plan.steps.iter().flat_map(|step| &step.actions) {
        match action {
            Action::Remove { path } if path == own => return None,
            Action::EditFile { path, old, new } if path == own => text = text.replacen(old, new, 1),
            _ => {}
        }
    }
    Some(text)
}

/// A source whose key is not on the machine yet.
fn unsigned(contents: &str) -> String {
    contents
        .lines()
        .map(|line| match line.strip_prefix("Signed-By:") {
            Some(_) => "Trusted: yes",
            None => line,
        })
        .flat_map(|line| [line, "\n"])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_lists_could_not_be_fetched_is_told_without_addresses() {
        for (text, told) in [
            (
                "Err:1 http://h.example/ubuntu jammy InRelease\n  Temporary failure resolving 'h.example'\nReading package lists...\nE: Failed to fetch http://h.example/ubuntu/dists/jammy/InRelease  Temporary failure resolving 'h.example'\nE: Some index files failed to download.\n",
                "h.example: Temporary failure resolving 'h.example'",
            ),
            (
                "E: Conflicting values set for option Signed-By\n",
                "Conflicting values set for option Signed-By",
            ),
            ("", "apt-get update failed"),
        ] {
            assert_eq!(reason(text), told);
        }
    }
}
