//! Installing and removing packages of the operating system: one apt transaction, simulated before.
//!
//! What the plan names as removed is removed with its settings (`purge`): a driver that leaves a line in
//! `/etc/modprobe.d` behind is not gone. The settings are kept, and come back with the package when it is taken back.

mod back;
mod before;

pub use back::revert;
pub use before::prepare;

use super::names::{self, Named};
use super::{apt, dpkg};
use before::{Change, Kept, Taken};
use deskside_machine::{Machine, Progress};
use deskside_types::{Code, Problem, Result};
use serde_json::Value;
use std::path::Path;

/// What an action says, read.
struct Wanted {
    /// What comes, as apt takes it.
    install: Vec<String>,
    /// Names that go.
    remove: Vec<String>,
}

fn wanted(install: &[String], remove: &[String]) -> Result<Wanted> {
    for text in install {
        names::package(text)?;
    }
    let remove = remove
        .iter()
        .map(|text| match names::package(text)? {
            Named::Package { name, .. } => Ok(name),
            Named::File(path) => Err(Problem::new(
                Code::Bug,
                format!("{path} is a file, and only packages are removed"),
            )),
        })
        .collect::<Result<_>>()?;
    Ok(Wanted {
        install: install.to_vec(),
        remove,
    })
}

impl Wanted {
    /// apt's words for the transaction; none when nothing is left to do. What is gone already needs no removing, and
    /// apt complains of names that it does not know. What was removed before and left its settings loses these, too.
    fn words(&self, packages: &dpkg::Packages) -> Vec<String> {
        let going: Vec<String> = self
            .remove
            .iter()
            .filter(|name| packages.get(name).is_some())
            .map(|name| format!("{name}-"))
            .collect();
        if self.install.is_empty() && going.is_empty() {
            return Vec::new();
        }
        let mut words = vec!["install".to_string()];
        if !going.is_empty() {
            words.push("--purge".into());
        }
        if self.install.iter().any(|text| text.contains('=')) {
            words.push("--allow-downgrades".into());
        }
        let half_unpacked = |text: &String| {
            let name = text.split('=').next().unwrap_or(text);
            packages
                .get(name)
                .is_some_and(|one| one.must_be_reinstalled || one.state == "half-installed")
        };
        if self.install.iter().any(half_unpacked) {
            words.push("--reinstall".into());
        }
        words.extend(self.install.iter().cloned());
        words.extend(going);
        words
    }
}

/// Carries it out. What apt would remove beyond `remove` is refused before anything is done, and so is what would move a
/// package that the person holds.
///
/// # Errors
/// apt's and dpkg's failures; [`Code::PlanStale`] when more would be removed than the plan says.
pub fn perform(
    machine: &dyn Machine,
    install: &[String],
    remove: &[String],
    before: &Value,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Value> {
    let wanted = wanted(install, remove)?;
    release(machine, before, watch)?;
    settle(machine, watch)?;
    let packages = dpkg::packages(machine)?;
    // What was finished stays finished.
    let settled = Kept::read(machine, before)?.differing(&packages);
    let words = wanted.words(&packages);
    if words.is_empty() {
        return after(machine, before, &settled);
    }
    let transaction = match apt::simulate(machine, &words) {
        // An earlier step that entered a source may have been cut off before it fetched the lists.
        Err(problem) if problem.causes.iter().any(|cause| is_unknown(cause)) => {
            apt::run(
                machine,
                "fetch the lists of packages",
                apt::apt_get(&["update".to_string()]),
                watch,
            )?;
            apt::simulate(machine, &words)?
        }
        other => other?,
    };
    refuse_surprises(&transaction, &wanted.remove, &packages)?;
    // What settling made known only now: a package that goes and was not foreseen has its settings kept, too.
    before::keep_settings_of(
        machine,
        before,
        &transaction.removed,
        &transaction.installed,
        &packages,
    )?;
    apt::run(machine, "change the packages", apt::apt_get(&words), watch)?;
    after(machine, before, &settled)
}

/// Whether apt says that no list names what is wanted.
fn is_unknown(cause: &str) -> bool {
    cause.contains("Unable to locate package")
        || cause.contains("was not found")
        || cause.contains("has no installation candidate")
}

/// What is there afterwards of all that differs: undo tells by it what a person changed since.
fn after(machine: &dyn Machine, before: &Value, settled: &[Change]) -> Result<Value> {
    let kept = Kept::read(machine, before)?;
    let mut changed = kept.differing(&dpkg::packages(machine)?);
    changed.retain(|change| !settled.contains(change));
    serde_json::to_value(Taken { changed }).map_err(|error| {
        Problem::new(Code::Bug, "could not note which packages changed").because(error)
    })
}

/// Takes back that dpkg was told of packages to go, where an apt of ours was killed after that: the next apt would
/// remove them, whatever it is asked for. Packages that a person told so are left alone.
///
/// # Errors
/// When dpkg's state can't be read or changed.
fn release(
    machine: &dyn Machine,
    before: &Value,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<()> {
    let kept = Kept::read(machine, before)?;
    let touched: Option<std::collections::BTreeSet<String>> =
        serde_json::from_value(before["touched"].clone()).ok();
    let text: String = dpkg::packages(machine)?
        .iter()
        .filter(|(name, package)| {
            let before = kept.packages.get(*name).is_some_and(|was| was.is_to_go);
            let ours = touched
                .as_ref()
                .is_none_or(|touched| touched.contains(*name));
            package.is_to_go && !package.is_only_settings() && (!before || ours)
        })
        .map(|(name, _)| format!("{name} install\n"))
        .collect();
    if text.is_empty() {
        return Ok(());
    }
    apt::run(
        machine,
        "take back what dpkg was told to remove",
        super::programs::select(text),
        watch,
    )
}

/// Ends what dpkg was interrupted in, so that apt works at all: configures what waits, then lets apt bring what that
/// needs, where nothing would have to go for it.
///
/// # Errors
/// When it was interrupted, another package manager does not end, or apt's repair fails. That something can't be
/// configured is no error here: it may be what goes. It is answered.
pub(super) fn settle(
    machine: &dyn Machine,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Option<Problem>> {
    if !dpkg::is_interrupted(machine, &dpkg::packages(machine)?)? {
        return Ok(None);
    }
    let Err(problem) = apt::run(
        machine,
        "finish an interrupted installation",
        super::programs::configure(),
        watch,
    ) else {
        return Ok(None);
    };
    if matches!(problem.code, Code::Interrupted | Code::Locked) {
        return Err(problem);
    }
    let words = ["--fix-broken".to_string(), "install".into()];
    let harmless = apt::simulate(machine, &words).is_ok_and(|transaction| {
        transaction.removed.is_empty() && !transaction.installed.is_empty()
    });
    if !harmless {
        return Ok(Some(problem));
    }
    match apt::run(
        machine,
        "bring what unfinished packages need",
        apt::apt_get(&words),
        watch,
    ) {
        Ok(()) => Ok(None),
        Err(problem) if matches!(problem.code, Code::Interrupted | Code::Locked) => Err(problem),
        Err(problem) => Ok(Some(problem)),
    }
}

fn refuse_surprises(
    transaction: &apt::Transaction,
    planned: &[String],
    packages: &dpkg::Packages,
) -> Result<()> {
    let planned: Vec<&str> = planned.iter().map(|name| packages.key(name)).collect();
    let surprising: Vec<&str> = transaction
        .removed
        .iter()
        .map(|name| packages.key(name))
        .filter(|name| !planned.contains(name))
        .collect();
    if !surprising.is_empty() {
        return Err(Problem::new(
            Code::PlanStale,
            format!(
                "apt would remove what the plan does not name: {}",
                surprising.join(", ")
            ),
        )
        .because("nothing was changed")
        .hint("make the plan again: it shows what would be removed now"));
    }
    let held: Vec<&str> = transaction
        .installed
        .iter()
        .chain(&transaction.removed)
        .map(|name| packages.key(name))
        .filter(|name| packages.get(name).is_some_and(|package| package.held))
        .collect();
    if !held.is_empty() {
        return Err(Problem::new(
            Code::PlanStale,
            format!(
                "you hold packages that would have to move: {}",
                held.join(", ")
            ),
        )
        .because("nothing was changed")
        .hint(format!(
            "`sudo apt-mark unhold {}` releases them; then make the plan again",
            held.join(" ")
        )));
    }
    Ok(())
}

/// The folder in which an action keeps what was there before.
fn folder(before: &Value) -> Result<&Path> {
    before["kept"].as_str().map(Path::new).ok_or_else(|| {
        Problem::new(
            Code::JournalUnreadable,
            "the journal does not say where the packages of before are noted",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surprises_are_refused_by_name() {
        let packages = dpkg::parse(
            "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\n\nPackage: aa\nStatus: hold ok installed\nArchitecture: amd64\n",
        );
        let transaction = |installed: &[&str], removed: &[&str]| apt::Transaction {
            installed: installed.iter().map(ToString::to_string).collect(),
            removed: removed.iter().map(ToString::to_string).collect(),
        };
        let planned = ["bb".to_string()];
        assert!(
            refuse_surprises(&transaction(&["cc"], &["bb:amd64"]), &planned, &packages).is_ok()
        );
        let problem = refuse_surprises(
            &transaction(&[], &["bb", "ubuntu-desktop"]),
            &planned,
            &packages,
        )
        .unwrap_err();
        assert!(problem.code == Code::PlanStale && problem.message.contains("ubuntu-desktop"));
        let problem = refuse_surprises(&transaction(&["aa"], &[]), &[], &packages).unwrap_err();
        assert!(problem.message.contains("aa"), "{problem}");
    }

    #[test]
    fn one_transaction_has_what_comes_and_what_goes() {
        let packages = dpkg::parse(
            "Package: old\nStatus: install ok installed\n\nPackage: rest\nStatus: deinstall ok config-files\n",
        );
        let words = |install: &[&str], remove: &[&str]| {
            let names =
                |all: &[&str]| -> Vec<String> { all.iter().map(ToString::to_string).collect() };
            wanted(&names(install), &names(remove))
                .unwrap()
                .words(&packages)
                .join(" ")
        };
        assert_eq!(
            words(&["new=2"], &["old", "rest", "never"]),
            "install --purge --allow-downgrades new=2 old- rest-"
        );
        assert_eq!(words(&["new"], &[]), "install new");
        assert_eq!(words(&[], &["never"]), "");
        assert!(wanted(&["*".into()], &[]).is_err());
        assert!(wanted(&[], &["/var/cache/deskside/x.deb".into()]).is_err());
    }
}
