//! Calling apt and dpkg: without questions, in plain words, waiting for whoever is at work.

use super::progress::Listener;
use deskside_machine::{Acting, Command, Effect, Machine, Output, Progress, Reading};
use deskside_types::{Code, Problem, Result};
use std::time::Duration;

/// Installing a driver with its modules built on the machine.
const LONG: Duration = Duration::from_secs(2 * 3600);
/// A simulation reads all lists.
const SIMULATION: Duration = Duration::from_secs(300);
/// How long apt itself waits for a lock in one try; it names the holder meanwhile.
const LOCK_SECONDS: u32 = 10;
/// How long another package manager is waited for in all.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
/// Between two tries. Not every lock is waited for by every apt.
const PAUSE: Duration = Duration::from_secs(5);

/// What keeps programs of the package system from asking, in plain English.
pub fn quietly(mut command: Command) -> Command {
    for (name, value) in [
        ("DEBIAN_FRONTEND", "noninteractive"),
        ("DEBIAN_PRIORITY", "critical"),
        ("APT_LISTCHANGES_FRONTEND", "none"),
        ("APT_LISTBUGS_FRONTEND", "none"),
        // Restarting services is the person's affair; the plan says when a restart of the machine is due.
        ("NEEDRESTART_SUSPEND", "1"),
        ("NEEDRESTART_MODE", "l"),
        ("UCF_FORCE_CONFFOLD", "1"),
        ("LC_ALL", "C.UTF-8"),
    ] {
        command = command.variable(name, value);
    }
    command
}

/// The options that every change by `apt-get` is made with.
pub fn options() -> Vec<String> {
    vec![
        "-o".into(),
        format!("DPkg::Lock::Timeout={LOCK_SECONDS}"),
        // A configuration file that a person changed stays as it is.
        "-o".into(),
        "Dpkg::Options::=--force-confdef".into(),
        "-o".into(),
        "Dpkg::Options::=--force-confold".into(),
        // No bars: lines.
        "-o".into(),
        "Dpkg::Use-Pty=0".into(),
    ]
}

/// `apt-get` with the options that every change is made with.
pub fn apt_get(words: &[String]) -> Command {
    let mut argv = vec!["apt-get".to_string(), "--yes".into(), "--quiet".into()];
    argv.extend(options());
    // What was killed while it was unpacked may go without being unpacked whole first. What goes is always named.
    argv.extend(["-o", "Dpkg::Options::=--force-remove-reinstreq"].map(String::from));
    argv.extend(words.iter().cloned());
    quietly(Command::new(argv).deadline(LONG))
}

/// What apt says it would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transaction {
    /// Packages that would be unpacked.
    pub installed: Vec<String>,
    /// Packages that would go.
    pub removed: Vec<String>,
}

impl Transaction {
    /// Reads the lines of `apt-get -s`: `Inst NAME …`, `Remv NAME …`, `Purg NAME …` (apt-get(8)).
    pub fn parse(text: &str) -> Self {
        let mut transaction = Self::default();
        for line in simulated(text) {
            match line {
                Simulated::Comes { name, .. } => transaction.installed.push(name.to_string()),
                Simulated::Goes { name } => transaction.removed.push(name.to_string()),
            }
        }
        transaction
    }
}

/// What a line of `apt-get -s` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Simulated<'a> {
    /// A package would be unpacked: `Inst NAME [FROM] (TO Release [architecture])`.
    Comes {
        /// Its name, with an architecture where it is a foreign one.
        name: &'a str,
        /// The version that is there, where one is.
        from: Option<&'a str>,
        /// The version that comes; empty where apt says none.
        to: &'a str,
    },
    /// A package would go: `Remv NAME [VERSION]`, `Purg NAME [VERSION]`.
    Goes {
        /// Its name, with an architecture where it is a foreign one.
        name: &'a str,
    },
}

/// Reads the lines of `apt-get -s` that tell of packages (apt-get(8)).
pub fn simulated(text: &str) -> impl Iterator<Item = Simulated<'_>> {
    text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("Inst"), Some(name)) => {
                let rest: Vec<&str> = words.collect();
                let from = rest.first().and_then(|word| word.strip_prefix('['));
                let to = rest.iter().find_map(|word| word.strip_prefix('('));
                Some(Simulated::Comes {
                    name,
                    from: from.map(|word| word.trim_end_matches(']')),
                    to: to.unwrap_or_default(),
                })
            }
            (Some("Remv" | "Purg"), Some(name)) => Some(Simulated::Goes { name }),
            _ => None,
        }
    })
}

/// Asks apt what it would do (`apt-get -s`), which changes nothing and needs no lock.
///
/// # Errors
/// When apt refuses, in its words.
pub fn simulate(machine: &dyn Machine, words: &[String]) -> Result<Transaction> {
    let mut argv = vec![
        "apt-get".to_string(),
        "--simulate".into(),
        "--yes".into(),
        "-o".into(),
        "Debug::NoLocking=1".into(),
    ];
    argv.extend(words.iter().cloned());
    let mut command = quietly(Command::new(argv).deadline(SIMULATION));
    command.limit = 8 << 20;
    let shown = command.shown();
    let output = machine.command(command)?;
    if output.succeeded() {
        return Ok(Transaction::parse(&output.text()));
    }
    Err(refusal("apt can't do what the plan says", &shown, &output))
}

/// Runs one that changes something; while another package manager works it waits, and names it.
///
/// # Errors
/// When it can't be started, when it ends with another exit code than 0 (in the words of apt and dpkg), and
/// [`Code::Locked`] after 20 minutes of waiting.
pub fn run(
    machine: &dyn Machine,
    what: &str,
    command: Command,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<()> {
    let shown = command.shown();
    let began = machine.now()?.monotonic;
    let mut listener = Listener::default();
    loop {
        let output = machine
            .run(command.clone(), &mut |progress| {
                listener.hear(progress, watch);
            })
            .map_err(|error| Problem::from(error).within(format!("could not {what}")))?;
        if output.succeeded() {
            return Ok(());
        }
        let waited = machine.now()?.monotonic.saturating_sub(began);
        if !failed_for_lock(&both(&output)) || waited >= PATIENCE {
            return Err(refusal(&format!("could not {what}"), &shown, &output));
        }
        listener.hear_lock_again(&both(&output), watch);
        machine.effect(&Effect::Sleep { span: PAUSE })?;
    }
}

fn both(output: &Output) -> String {
    format!(
        "{}\n{}",
        output.text(),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Why a program of the package system failed, shortened to the lines that say why, with what to type next.
pub fn refusal(what: &str, shown: &str, output: &Output) -> Problem {
    let text = both(output);
    let mut problem = Problem::new(code_of(&text), what).because(format!(
        "`{}` ended with exit code {}",
        without_options(shown),
        output.code
    ));
    for line in unfetched(&text) {
        problem = problem.because(line);
    }
    let mut told: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim) {
        let telling = line.starts_with("E: ")
            || line.contains(" Depends: ")
            || line.contains(" Conflicts: ")
            || line.contains("returned error exit status")
            || line.starts_with("dpkg: error")
            || line.starts_with("No space left")
            || line.contains("trying to overwrite");
        let of_a_file = line.contains("Failed to fetch ");
        if telling && !of_a_file && told.len() < 8 && !told.contains(&line) {
            told.push(line);
        }
    }
    for line in &told {
        problem = problem.because(line.trim_start_matches("E: "));
    }
    if told.is_empty() {
        for line in output.last_lines(5) {
            problem = problem.because(line);
        }
    }
    hints(&text).into_iter().fold(problem, Problem::hint)
}

/// A command in short: the settings that every call has tell a person nothing.
fn without_options(shown: &str) -> String {
    let mut words = shown.split(' ').peekable();
    let mut short: Vec<&str> = Vec::new();
    while let Some(word) = words.next() {
        match word {
            "-o" => {
                words.next();
            }
            "--yes" | "--quiet" | "--simulate" => {}
            _ if short.len() == 8 => {
                short.push("…");
                break;
            }
            _ => short.push(word),
        }
    }
    short.join(" ")
}

/// What could not be fetched: a line a place and reason, instead of one a file.
pub(crate) fn unfetched(text: &str) -> Vec<String> {
    let mut told: Vec<(String, usize)> = Vec::new();
    for line in text.lines() {
        let Some((_, rest)) = line.split_once("Failed to fetch ") else {
            continue;
        };
        let (address, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let place = address
            .split_once("://")
            .and_then(|(_, rest)| rest.split('/').next())
            .unwrap_or(address);
        let reason = match reason.trim() {
            "" => "no reason is given",
            reason => reason,
        };
        let line = format!("from {place}: {reason}");
        match told.iter_mut().find(|(known, _)| *known == line) {
            Some((_, count)) => *count += 1,
            None => told.push((line, 1)),
        }
    }
    told.into_iter()
        .take(4)
        .map(|(line, count)| match count {
            1 => format!("1 file could not be fetched {line}"),
            count => format!("{count} files could not be fetched {line}"),
        })
        .collect()
}

/// Whether another package manager is at work. apt's words, and those of dpkg and of older releases.
pub(crate) fn is_locked(text: &str) -> bool {
    [
        "Could not get lock",
        "Unable to acquire the dpkg frontend lock",
        "Unable to lock directory",
        "is locked by another process",
        "lock was locked by another process",
    ]
    .iter()
    .any(|words| text.contains(words))
}

/// Whether that is what it failed for: it may have waited, got the lock, and failed later for another reason.
fn failed_for_lock(text: &str) -> bool {
    text.lines()
        .any(|line| !line.trim_start().starts_with("Waiting for") && is_locked(line))
}

fn code_of(text: &str) -> Code {
    if failed_for_lock(text) {
        Code::Locked
    } else if text.contains("enough free space") || text.contains("No space left on device") {
        Code::DiskFull
    } else if text.contains("Failed to fetch") || text.contains("Could not resolve") {
        Code::Network
    } else {
        Code::CommandFailed
    }
}

/// What to type next, by the words of apt and dpkg.
fn hints(text: &str) -> Vec<String> {
    let mut hints = Vec::new();
    if failed_for_lock(text) {
        let holder = super::progress::holder(text);
        let wait = match &holder {
            Some((name, process)) => {
                format!("{name} (process {process}) is working on packages: wait until it has ended (`ps {process}` shows it), then run the same command again")
            }
            None => "another program is installing packages: wait until it has ended, then run the same command again".into(),
        };
        hints.push(wait);
    }
    for (words, hint) in [
        (
            "NO_PUBKEY",
            "a package source is signed by a key that this machine does not have: `deskside plan` mends it",
        ),
        (
            "Conflicting values set for option Signed-By",
            "the same package source stands in two files: `deskside plan` mends it",
        ),
        (
            "is not valid yet",
            "the machine's clock is wrong: set it, then run the same command again",
        ),
        (
            "is expired",
            "a package source is out of date: look at its mirror, or at the machine's clock",
        ),
        (
            "enough free space",
            "free some space: `df -h` shows what is full",
        ),
        (
            "held broken packages",
            "packages of two sources contradict each other: `deskside plan` shows which",
        ),
        (
            "Unable to locate package",
            "no package source has it: `sudo apt-get update` shows which source does not answer",
        ),
        (
            "Failed to fetch",
            "check the network, then run the same command again: it goes on where it stopped",
        ),
        (
            "returned error exit status",
            "`dpkg --audit` lists what is unfinished; run the same command again, or take all back with `deskside undo`",
        ),
    ] {
        if text.contains(words) {
            hints.push(hint.into());
        }
    }
    hints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_apt_lead_to_codes_and_hints() {
        for (text, code, hint) in [
            (
                "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (unattended-upgr)",
                Code::Locked,
                "unattended-upgr (process 7)",
            ),
            (
                "dpkg: error: dpkg frontend lock was locked by another process with pid 11",
                Code::Locked,
                "process 11",
            ),
            (
                "E: You don't have enough free space in /var/cache/apt/archives/.",
                Code::DiskFull,
                "df -h",
            ),
            (
                "E: Unable to correct problems, you have held broken packages.",
                Code::CommandFailed,
                "two sources",
            ),
            (
                "W: Failed to fetch http://x  Could not resolve 'x'",
                Code::Network,
                "network",
            ),
        ] {
            assert_eq!(code_of(text), code);
            assert!(
                hints(text).iter().any(|one| one.contains(hint)),
                "{text}: {:?}",
                hints(text)
            );
        }
    }

    #[test]
    fn a_network_that_is_away_is_told_in_one_line_a_place() {
        let output = Output {
            code: 100,
            stdout: Vec::new(),
            stderr: b"E: Failed to fetch http://h.example/a.deb  Temporary failure resolving 'h.example'\n\
                E: Failed to fetch http://h.example/b.deb  Temporary failure resolving 'h.example'\n\
                E: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?\n"
                .to_vec(),
        };
        let shown = "apt-get --yes --quiet -o DPkg::Lock::Timeout=10 -o x=y install a b";
        let problem = refusal("could not change the packages", shown, &output);
        assert_eq!(problem.code, Code::Network);
        assert_eq!(
            problem.causes,
            [
                "`apt-get install a b` ended with exit code 100",
                "2 files could not be fetched from h.example: Temporary failure resolving 'h.example'",
                "Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?",
            ]
        );
    }

    #[test]
    fn what_apt_would_do_is_read() {
        let text = "NOTE: This is only a simulation!\nReading package lists...\n\
            Remv nvidia-driver-535 [535.1]\nPurg cuda-drivers [1]\nInst nvidia-driver-580-open (580.1 Ubuntu:22.04 [amd64])\n\
            Conf nvidia-driver-580-open (580.1 Ubuntu:22.04 [amd64])\n1 upgraded, 2 newly installed, 2 to remove and 0 not upgraded.\n";
        let transaction = Transaction::parse(text);
        assert_eq!(transaction.installed, ["nvidia-driver-580-open"]);
        assert_eq!(transaction.removed, ["nvidia-driver-535", "cuda-drivers"]);
    }
}
