//! Fetching what a later step installs before anything goes: `apt-get install --download-only -y NAME… NAME-…`.
//!
//! A name with a `-` behind it goes before the others come. apt itself would say of a package that goes to come back that
//! it is there already, and of two builders' packages that they contradict each other. So it is asked over a copy of dpkg's
//! list without what goes (`Dir::State::status`, apt.conf(5)); only its own cache of fetched files is written.

use super::{apt, dpkg, names};
use deskside_machine::{Acting, Command, Durability, Machine, Progress, Reading};
use deskside_types::plan::CommandLine;
use deskside_types::{Code, Problem, Result};
use std::collections::BTreeSet;
use std::time::Duration;

/// The folder of what is fetched for plans.
const CACHE: &str = "/var/cache/deskside";
/// The copy of dpkg's list.
const COPY: &str = "/var/cache/deskside/packages-without";
/// dpkg's list is not larger.
const LARGEST: u64 = 256 << 20;

/// The names of a command that only fetches: those that come, and those that go before.
pub(super) fn names_of(command: &CommandLine) -> Option<(Vec<String>, Vec<String>)> {
    let words: Vec<&str> = command.argv.iter().map(String::as_str).collect();
    let ["apt-get", "install", "--download-only", "-y", words @ ..] = words.as_slice() else {
        return None;
    };
    let (mut come, mut go) = (Vec::new(), Vec::new());
    for word in words {
        match word.strip_suffix('-') {
            Some(name) => go.push(name.to_string()),
            None => come.push((*word).to_string()),
        }
    }
    Some((come, go))
}

/// Fetches.
///
/// # Errors
/// When a name is no exact name, or something could not be fetched: what it is for is then not begun.
pub(super) fn perform(
    machine: &dyn Machine,
    come: &[String],
    go: &[String],
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<()> {
    for name in come.iter().chain(go) {
        names::package(name)?;
    }
    let gone = gone(machine, go)?;
    let list = String::from_utf8_lossy(&machine.file(dpkg::STATUS, LARGEST)?).into_owned();
    machine.create_directory(CACHE)?;
    machine.write_file(COPY, without(&list, &gone), 0o644, Durability::Process)?;
    let mut argv = vec!["apt-get".to_string(), "--yes".into(), "--quiet".into()];
    argv.extend(apt::options());
    for option in [
        &format!("Dir::State::status={COPY}"),
        "Dir::Cache::pkgcache=",
        // They are released before they move; here nothing moves.
        "APT::Get::allow-change-held-packages=true",
    ] {
        argv.extend(["-o".to_string(), option.to_string()]);
    }
    argv.extend(["install", "--download-only"].map(String::from));
    argv.extend(come.iter().cloned());
    let command = apt::quietly(Command::new(argv).deadline(Duration::from_secs(4 * 3600)));
    let said = apt::run(machine, "fetch what comes later", command, watch);
    machine.remove_file(COPY)?;
    said.map_err(|problem| in_short(problem, come))
}

/// What goes, with what apt takes along. Where apt can't say, what is named.
fn gone(machine: &dyn Machine, go: &[String]) -> Result<BTreeSet<String>> {
    let packages = dpkg::packages(machine)?;
    let there: Vec<String> = go
        .iter()
        .filter(|name| packages.get(name).is_some())
        .cloned()
        .collect();
    let mut gone: BTreeSet<String> = there.iter().cloned().collect();
    if there.is_empty() {
        return Ok(gone);
    }
    let mut words = vec![
        "remove".to_string(),
        "--allow-change-held-packages".to_string(),
    ];
    words.extend(there);
    if let Ok(transaction) = apt::simulate(machine, &words) {
        let removed = transaction.removed.iter();
        gone.extend(removed.map(|name| packages.key(name).to_string()));
    }
    Ok(gone)
}

/// dpkg's list without some packages (deb-control(5): a paragraph a package).
fn without(list: &str, gone: &BTreeSet<String>) -> String {
    let field = |paragraph: &str, head: &str| {
        let line = paragraph.lines().find_map(|line| line.strip_prefix(head));
        line.unwrap_or_default().trim().to_string()
    };
    list.split("\n\n")
        .map(|paragraph| paragraph.trim_matches('\n'))
        .filter(|paragraph| {
            let name = field(paragraph, "Package:");
            let foreign = format!("{name}:{}", field(paragraph, "Architecture:"));
            !name.is_empty() && !gone.contains(&name) && !gone.contains(&foreign)
        })
        .flat_map(|paragraph| [paragraph, "\n\n"])
        .collect()
}

/// The reasons without each file's address: one line a reason, and how many files.
fn in_short(mut problem: Problem, come: &[String]) -> Problem {
    problem
        .causes
        .retain(|cause| !cause.starts_with("`apt-get "));
    let of_files = |cause: &String| cause.starts_with("Failed to fetch ");
    let failed = problem.causes.iter().filter(|cause| of_files(cause)).count();
    if failed > 0 {
        let mut reasons: Vec<String> = Vec::new();
        for cause in problem.causes.iter().filter(|cause| of_files(cause)) {
            // `Failed to fetch ADDRESS  REASON`
            let reason = cause
                .splitn(5, ' ')
                .nth(4)
                .unwrap_or_default()
                .trim()
                .to_string();
            if !reason.is_empty() && !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        problem.causes.retain(|cause| !of_files(cause));
        problem.causes.splice(0..0, reasons);
    }
    let what = match come {
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        [] => "nothing".into(),
    };
    if problem.code == Code::CommandFailed && failed > 0 {
        problem.code = Code::Network;
    }
    problem.within(format!(
        "{what} could not be fetched, so nothing was taken away for it"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_is_told_from_what_comes() {
        let line = |words: &str| CommandLine {
            argv: words.split(' ').map(str::to_string).collect(),
            directory: None,
            variables: Default::default(),
            deadline_seconds: 1,
        };
        let (come, go) =
            names_of(&line("apt-get install --download-only -y a1 b2- a1- c3")).unwrap();
        assert_eq!((come, go), (vec!["a1".to_string(), "c3".into()], vec!["b2".to_string(), "a1".into()]));
        for other in [
            "apt-get install -y a1",
            "apt-get install --download-only a1",
            "apt-get update",
        ] {
            assert_eq!(names_of(&line(other)), None, "{other}");
        }
    }

    #[test]
    fn a_list_without_what_goes_is_still_a_list() {
        let list = "Package: a1\nStatus: install ok installed\nArchitecture: amd64\n\nPackage: b2\nArchitecture: amd64\nDescription: x\n Package: a1\n\nPackage: b2\nArchitecture: i386\n";
        let gone = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        assert_eq!(
            without(list, &gone(&["a1", "b2:i386"])),
            "Package: b2\nArchitecture: amd64\nDescription: x\n Package: a1\n\n"
        );
        assert_eq!(without(list, &gone(&[])).matches("Package: ").count(), 4);
    }

    #[test]
    fn a_network_that_is_away_is_told_in_one_line() {
        let problem = [
            "`apt-get -o x` ended with exit code 100",
            "Failed to fetch http://h/a.deb  Temporary failure resolving 'h'",
            "Failed to fetch http://h/b.deb  Temporary failure resolving 'h'",
            "Unable to fetch some archives",
        ]
        .into_iter()
        .fold(Problem::new(Code::Network, "x"), Problem::because);
        let told = in_short(problem, &["nvidia-driver-580-open".into()]);
        let text = format!("{told} {:?}", told.causes);
        assert!(!text.contains("http://") && !text.contains("-o x"), "{text}");
        assert_eq!(text.matches("Temporary failure resolving 'h'").count(), 1, "{text}");
        assert!(text.contains("nothing was taken away"), "{text}");
    }
}
