//! Taking a change of packages back: what came goes, what went or moved comes back in its version, with its settings
//! and its mark.

use super::super::{apt, dpkg, programs};
use super::before::{self, Change, Kept, Taken};
use super::folder;
use crate::kept::LARGEST_KEPT;
use deskside_machine::{Acting, Durability, ErrorKind, Machine, Progress, Reading};
use deskside_types::{Code, Problem, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Where apt keeps what it fetched.
const FETCHED: [&str; 2] = ["/var/cache/apt/archives", "/var/cache/deskside"];

/// Takes it back. Answers what was left as it is.
///
/// # Errors
/// apt's failures, and [`Code::UndoImpossible`] when something of the person's would have to go for it.
pub fn revert(
    machine: &dyn Machine,
    before: &Value,
    after: &Value,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<String>> {
    let kept = Kept::read(machine, before)?;
    super::release(machine, before, watch)?;
    super::settle(machine, watch)?;
    let now = dpkg::packages(machine)?;
    let mut left = Vec::new();
    let mut words = Vec::new();
    let mut forget = Vec::new();
    for change in changes(&kept, before, after, &now) {
        let name = &change.name;
        let there = now.get(name);
        let is = there
            .filter(|package| !package.is_only_settings())
            .map(|package| package.version.as_str());
        let was = kept.packages.get(name);
        let whole = there.is_some_and(dpkg::Package::is_installed);
        if is == kept.version(name) && (is.is_none() || whole) {
            if was.is_none() && there.is_some() {
                forget.push(name.clone());
            }
            continue;
        }
        // A version that is neither what was nor what came is somebody else's doing.
        let others = !after.is_null() && whole && is != change.version.as_deref();
        if others {
            left.push(format!("{name} was changed since, and is left as it is"));
            continue;
        }
        match was {
            None => {
                words.push(format!("{name}-"));
                forget.push(name.clone());
            }
            Some(was) if was.state == "config-files" => words.push(format!("{name}-")),
            Some(was) if is_whole(&was.state) => words.push(word(machine, name, was)),
            // An attempt that was cut off left it so, and what came before that attempt is taken back by itself.
            Some(was) if is == Some(was.version.as_str()) => {}
            Some(was) => left.push(format!(
                "{name} was {} before, and is not made so again",
                was.state
            )),
        }
    }
    // What was half-way before has no state to go back to, and may go with what it needs.
    let half: BTreeSet<&str> = kept
        .packages
        .iter()
        .filter(|(_, was)| !is_whole(&was.state))
        .map(|(name, _)| name.as_str())
        .collect();
    back(machine, words, &now, &half, &mut left, watch)?;
    purge(machine, &forget, watch)?;
    restore_settings(machine, &kept, before, &mut left)?;
    marks(machine, &kept, before, after, watch)?;
    Ok(left)
}

fn is_whole(state: &str) -> bool {
    ["installed", "triggers-awaited", "triggers-pending"].contains(&state)
}

/// What to look at: what changed; where that was cut off, what apt said that it would touch; where that is not known
/// either, all that differs.
fn changes(kept: &Kept, before: &Value, after: &Value, now: &dpkg::Packages) -> Vec<Change> {
    if let Ok(taken) = serde_json::from_value::<Taken>(after.clone()) {
        return taken.changed;
    }
    let touched = serde_json::from_value::<BTreeSet<String>>(before["touched"].clone()).ok();
    kept.differing(now)
        .into_iter()
        .filter(|change| {
            touched
                .as_ref()
                .is_none_or(|touched| touched.contains(&change.name))
        })
        .collect()
}

/// How apt is asked for a package in its version: by the file where apt still keeps it, else from its source.
fn word(machine: &dyn Machine, name: &str, was: &before::Was) -> String {
    let bare = name.split(':').next().unwrap_or(name);
    let file = format!(
        "{bare}_{}_{}.deb",
        was.version.replace(':', "%3a"),
        was.architecture
    );
    FETCHED
        .iter()
        .map(|folder| format!("{folder}/{file}"))
        .find(|path| machine.exists(path).unwrap_or(false))
        .unwrap_or_else(|| format!("{name}={}", was.version))
}

fn install(words: &[String], again: bool) -> Vec<String> {
    let mut all = vec![
        "install".to_string(),
        "--allow-downgrades".into(),
        "--no-install-recommends".into(),
    ];
    if again {
        all.push("--reinstall".into());
    }
    all.extend(words.iter().cloned());
    all
}

/// Whether one of the words brings a package back.
fn concerns(words: &[String], name: &str) -> bool {
    let bare = name.split(':').next().unwrap_or(name);
    words.iter().any(|word| {
        FETCHED
            .iter()
            .find_map(|folder| word.strip_prefix(folder))
            .and_then(|file| file.strip_prefix('/')?.split('_').next())
            .map_or_else(
                || word.split('=').next() == Some(name) && word.contains('='),
                |file| file == bare,
            )
    })
}

/// Brings packages back, as far as their versions are to be had.
fn back(
    machine: &dyn Machine,
    mut words: Vec<String>,
    now: &dpkg::Packages,
    half: &BTreeSet<&str>,
    left: &mut Vec<String>,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<()> {
    // One that is there in its version and not whole could not be configured: it is unpacked anew.
    let again = now
        .iter()
        .any(|(name, package)| package.is_half_way() && concerns(&words, name));
    while !words.is_empty() {
        let problem = match apt::simulate(machine, &install(&words, again)) {
            Ok(transaction) => {
                let going: BTreeSet<&str> = words
                    .iter()
                    .filter_map(|word| word.strip_suffix('-'))
                    .collect();
                let others: Vec<&str> = transaction
                    .removed
                    .iter()
                    .map(|name| now.key(name))
                    .filter(|name| !going.contains(name) && !half.contains(name))
                    .collect();
                if !others.is_empty() {
                    return Err(Problem::new(
                        Code::UndoImpossible,
                        format!(
                            "packages that were not part of it would have to go: {}",
                            others.join(", ")
                        ),
                    )
                    .because("they were installed since and need what would be taken back")
                    .hint(format!(
                        "`sudo apt-get remove {}` removes them; then undo again",
                        others.join(" ")
                    )));
                }
                return apt::run(
                    machine,
                    "take packages back",
                    apt::apt_get(&install(&words, again)),
                    watch,
                );
            }
            Err(problem) => problem,
        };
        let text = format!("{}\n{}", problem.message, problem.causes.join("\n"));
        let lost: BTreeSet<String> = words
            .iter()
            .filter(|word| is_lost(word, &text))
            .cloned()
            .collect();
        // Where one that is lost keeps others from coming back, what came can go at least.
        let lost = if lost.is_empty() {
            words
                .iter()
                .filter(|word| !word.ends_with('-'))
                .cloned()
                .collect()
        } else {
            lost
        };
        if lost.is_empty() {
            return Err(problem.within("could not take packages back"));
        }
        for word in &lost {
            left.push(format!(
                "{} does not come back: no package source has it as it was",
                word.replacen('=', " ", 1)
            ));
        }
        words.retain(|word| !lost.contains(word));
    }
    Ok(())
}

/// Whether apt says that it does not have it. Its words: `E: Version '1' for 'a' was not found`,
/// `E: Unable to locate package a`, `E: Package 'a' has no installation candidate`.
fn is_lost(word: &str, text: &str) -> bool {
    let Some((name, version)) = word.split_once('=') else {
        return false;
    };
    text.lines().any(|line| {
        line.contains(&format!("Version '{version}' for '{name}' was not found"))
            || line.ends_with(&format!("Unable to locate package {name}"))
            || line.contains(&format!("Package '{name}' has no installation candidate"))
    })
}

/// Removes what is left of packages that were not there at all.
fn purge(
    machine: &dyn Machine,
    names: &[String],
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<()> {
    let now = dpkg::packages(machine)?;
    let mut words = vec!["purge".to_string()];
    words.extend(
        names
            .iter()
            .filter(|name| now.get(name).is_some_and(dpkg::Package::is_only_settings))
            .cloned(),
    );
    if words.len() == 1 {
        return Ok(());
    }
    apt::run(
        machine,
        "remove the settings of packages that were not there",
        apt::apt_get(&words),
        watch,
    )
}

/// Puts the settings back of packages that are there again. What lies in their place meanwhile is kept aside.
fn restore_settings(
    machine: &dyn Machine,
    kept: &Kept,
    before: &Value,
    left: &mut Vec<String>,
) -> Result<()> {
    let folder = folder(before)?;
    let now = dpkg::packages(machine)?;
    for setting in before::settings(machine, before)? {
        if kept
            .packages
            .get(&setting.package)
            .is_some_and(|was| was.state == "config-files")
            && now.get(&setting.package).is_none()
        {
            // Only its settings were there, and dpkg can't be told so again.
            if let Some(copy) = &setting.kept
                && !machine.exists(&setting.path)?
            {
                let old = machine.file(folder.join(copy), LARGEST_KEPT)?;
                machine.write_file(&setting.path, old, setting.mode, Durability::Power)?;
                left.push(format!(
                    "{} is back; dpkg does not count it to {} any more",
                    setting.path, setting.package
                ));
            }
            continue;
        }
        let back = now
            .get(&setting.package)
            .filter(|package| package.is_installed())
            .map(|package| package.version.as_str());
        if back.is_none() || back != kept.version(&setting.package) {
            if kept.version(&setting.package).is_some()
                && let Some(copy) = &setting.kept
            {
                left.push(format!(
                    "{} of {} is kept at {}",
                    setting.path,
                    setting.package,
                    folder.join(copy).display()
                ));
            }
            continue;
        }
        let dist = before::beside(&setting.path);
        if !setting.beside && machine.exists(&dist)? {
            machine.remove_file(&dist)?;
        }
        if !setting.goes {
            continue;
        }
        let present = match machine.file(&setting.path, LARGEST_KEPT) {
            Ok(contents) => Some(contents),
            Err(error) if error.kind == ErrorKind::Absent => None,
            Err(error) => return Err(error.into()),
        };
        let old = match &setting.kept {
            Some(copy) => Some(machine.file(folder.join(copy), LARGEST_KEPT)?),
            None => None,
        };
        if present == old {
            continue;
        }
        if let Some(present) = present {
            let aside = folder.join(format!(
                "{}.since",
                setting.kept.as_deref().unwrap_or("setting")
            ));
            machine.write_file(aside, present, 0o600, Durability::Power)?;
        }
        crate::kept::clear_leftovers(machine, setting.path.as_ref())?;
        match old {
            Some(old) => {
                machine.write_file(&setting.path, old, setting.mode, Durability::Power)?;
            }
            None => machine.remove_file(&setting.path)?,
        }
    }
    Ok(())
}

/// Gives packages that are there again the mark they had: asked for, or come along with others.
fn marks(
    machine: &dyn Machine,
    kept: &Kept,
    before: &Value,
    after: &Value,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<()> {
    let now = dpkg::packages(machine)?;
    let automatic = before::automatic(machine, &now)?;
    let mut concerned: BTreeSet<String> =
        serde_json::from_value(before["touched"].clone()).unwrap_or_default();
    if let Ok(taken) = serde_json::from_value::<Taken>(after.clone()) {
        concerned.extend(taken.changed.into_iter().map(|change| change.name));
    }
    // What was there already and is asked for by name counts as asked for from then on.
    let named: BTreeSet<String> =
        serde_json::from_value(before["named"].clone()).unwrap_or_default();
    concerned.extend(named);
    let mut wrong: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for name in &concerned {
        let there = now
            .get(name)
            .is_some_and(|package| !package.is_only_settings());
        if !there || kept.version(name).is_none() {
            continue;
        }
        match (kept.automatic.contains(name), automatic.contains(name)) {
            (true, false) => wrong.entry("auto").or_default().push(name.clone()),
            (false, true) => wrong.entry("manual").or_default().push(name.clone()),
            _ => {}
        }
    }
    for (mark, names) in wrong {
        apt::run(
            machine,
            "mark packages as before",
            programs::mark(mark, &names),
            watch,
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_source_has_is_known_by_apts_words() {
        let text = "could not\nVersion '1.2' for 'aa' was not found\nE: Unable to locate package bb\nPackage 'cc' has no installation candidate";
        for (word, lost) in [
            ("aa=1.2", true),
            ("aa=1.3", false),
            ("bb=1", true),
            ("b=1", false),
            ("cc=9", true),
            ("aa-", false),
        ] {
            assert_eq!(is_lost(word, text), lost, "{word}");
        }
    }
}
