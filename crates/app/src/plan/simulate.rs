//! apt's own simulation of a plan's packages: without root, without its lock, changing nothing (apt-get(8), `-s`).
//!
//! It uses the lists of packages that this machine has. Where a plan adds, mends or switches off a source before it
//! installs from it, those can't tell: then apt works in folders of our own ([`super::private`]).

use deskside_machine::{Command, Machine, Output, Reading};
use deskside_provision::SystemPlan;
use deskside_provision::transaction::{Transaction, refusal};
use deskside_types::plan::{Action, Risk, Step};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// The most that apt may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// apt looks without its locks, which need root.
pub(super) const NO_LOCKS: [&str; 2] = ["-o", "Debug::NoLocking=1"];

/// What apt says of a plan.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Simulation {
    /// The transaction, where it was simulated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<Transaction>,
    /// Why it was not, or not in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_simulated: Option<String>,
    /// Why apt refuses it as things are, in apt's words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
}

impl Simulation {
    /// Nothing was simulated.
    pub(super) fn not(why: impl Into<String>) -> Self {
        Self {
            not_simulated: Some(why.into()),
            ..Self::default()
        }
    }
}

/// Whether a plan has anything that apt can simulate.
pub(super) fn has_packages(system: &SystemPlan) -> bool {
    system.plan.steps.iter().any(changes_packages)
}

/// Asks apt, and writes what it says into the plan: sizes, and a higher risk where more goes than is named.
pub(super) fn simulate(machine: &dyn Machine, cache: &Path, system: &mut SystemPlan) -> Simulation {
    if !super::has_apt(machine) {
        return Simulation::not("apt-get is not on this machine's PATH");
    }
    super::removals::complete(machine, system);
    let steps = &system.plan.steps;
    let sources_change = steps.iter().any(changes_sources);
    let (mut install, mut remove) = (BTreeSet::new(), BTreeSet::new());
    for step in steps {
        for action in &step.actions {
            if let Action::Packages {
                install: come,
                remove: go,
            } = action
            {
                for name in go {
                    install.remove(name);
                    remove.insert(name.clone());
                }
                for name in come.iter().filter(|name| !name.starts_with('/')) {
                    remove.remove(name);
                    install.insert(name.clone());
                }
            }
        }
    }
    // What only goes needs no lists.
    let options = if sources_change && !install.is_empty() {
        match super::private::options(machine, cache, system) {
            Ok(options) => options,
            Err(reason) => {
                return Simulation::not(format!(
                    "the plan changes the package sources, and their lists could not be fetched beforehand: {reason}"
                ));
            }
        }
    } else {
        NO_LOCKS.map(str::to_string).to_vec()
    };
    // What goes before anything comes is not there any more when apt weighs what comes.
    let gone = super::removals::gone_before(system);
    remove.retain(|name| !gone.contains(name) || install.is_empty());
    let without = match super::private::without(machine, cache, &gone) {
        Ok(without) => without,
        Err(problem) => return Simulation::not(problem.to_string()),
    };
    let arguments = arguments(&install, &remove);
    let options = [options, without.clone()].concat();
    let (mut said, mut listed) = both(machine, &options, &arguments);
    // A machine whose lists were never fetched, or long ago, knows no name.
    if !sources_change
        && let Ok(first) = &said
        && !first.succeeded()
        && is_unknown(&text_of(first))
    {
        match super::private::options(machine, cache, system) {
            Ok(options) => {
                (said, listed) = both(machine, &[options, without].concat(), &arguments);
            }
            Err(reason) => {
                let mut refused = refusal(&text_of(first));
                refused.push(format!("new lists could not be fetched: {reason}"));
                return Simulation {
                    refused,
                    ..Simulation::default()
                };
            }
        }
    }
    match said {
        Err(reason) => Simulation::not(format!("apt-get could not be asked: {reason}")),
        Ok(said) if !said.succeeded() => Simulation {
            refused: refusal(&text_of(&said)),
            ..Simulation::default()
        },
        Ok(said) => {
            let mut transaction = Transaction::parse(&said.text());
            if let Ok(listed) = listed
                && listed.succeeded()
            {
                transaction = transaction.with_sizes(&listed.text());
            }
            super::held::release(system, &transaction.held);
            write_in(system, &transaction);
            let before = gone.into_iter();
            transaction.removes = before.chain(transaction.removes).collect();
            Simulation {
                transaction: Some(transaction),
                ..Simulation::default()
            }
        }
    }
}

/// What apt would do, and the files it would fetch. Each call reads all lists anew, which is most of its time: both run
/// beside each other.
fn both(
    machine: &dyn Machine,
    options: &[String],
    arguments: &[String],
) -> (Result<Output, String>, Result<Output, String>) {
    std::thread::scope(|scope| {
        let listed = scope.spawn(|| ask(machine, &["--print-uris", "-qq"], options, arguments));
        let said = ask(machine, &["-s"], options, arguments);
        let listed = listed.join();
        (
            said,
            listed.unwrap_or_else(|_| Err("it ended early".into())),
        )
    })
}

fn text_of(said: &Output) -> String {
    format!("{}\n{}", said.text(), String::from_utf8_lossy(&said.stderr))
}

/// Whether apt says that no list names what is wanted.
fn is_unknown(text: &str) -> bool {
    [
        "Unable to locate package",
        "was not found",
        "has no installation candidate",
    ]
    .iter()
    .any(|words| text.contains(words))
}

fn arguments(install: &BTreeSet<String>, remove: &BTreeSet<String>) -> Vec<String> {
    if install.is_empty() {
        return std::iter::once("remove".to_string())
            .chain(remove.iter().cloned())
            .collect();
    }
    std::iter::once("install".to_string())
        .chain(install.iter().cloned())
        .chain(remove.iter().map(|name| format!("{name}-")))
        .collect()
}

pub(super) fn ask(
    machine: &dyn Machine,
    mode: &[&str],
    options: &[String],
    arguments: &[String],
) -> Result<Output, String> {
    let mut argv: Vec<String> = vec!["apt-get".into()];
    argv.extend(mode.iter().map(ToString::to_string));
    argv.extend(["-y", "--allow-change-held-packages"].map(str::to_string));
    argv.extend(options.iter().cloned());
    argv.extend(arguments.iter().cloned());
    let mut command = Command::new(argv)
        .deadline(DEADLINE)
        .variable("LC_ALL", "C")
        .variable("DEBIAN_FRONTEND", "noninteractive");
    command.limit = 8 << 20;
    machine.command(command).map_err(|error| error.reason())
}

/// Sizes go to the step that installs most. Packages that apt would remove beside those named are named too, in the step
/// that they go for: the last that counts only after a restart (the driver), else the last that installs anything. Such a
/// step is of great risk.
fn write_in(system: &mut SystemPlan, transaction: &Transaction) {
    let planned: Vec<String> = system
        .plan
        .steps
        .iter()
        .flat_map(|step| &step.actions)
        .flat_map(|action| match action {
            Action::Packages { remove, .. } => remove.clone(),
            _ => Vec::new(),
        })
        .collect();
    let unnamed: Vec<String> = transaction
        .unplanned_removals(&planned)
        .iter()
        .map(ToString::to_string)
        .collect();
    let largest = system
        .plan
        .steps
        .iter()
        .enumerate()
        .filter(|(_, step)| changes_packages(step))
        .max_by_key(|(_, step)| installs(step))
        .map(|(place, _)| place);
    // What is fetched beforehand is fetched there.
    let beforehand = system
        .plan
        .steps
        .iter()
        .position(|step| step.id.starts_with("packages.fetch"));
    let largest = beforehand.or(largest);
    for (place, step) in system.plan.steps.iter_mut().enumerate() {
        if !changes_packages(step) && Some(place) != beforehand {
            step.download_bytes.get_or_insert(0);
            continue;
        }
        step.download_bytes = if Some(place) == largest {
            transaction.download_bytes
        } else {
            Some(0)
        };
    }
    if unnamed.is_empty() {
        return;
    }
    let steps = &mut system.plan.steps;
    let Some(step) = mover(steps).and_then(|place| steps.get_mut(place)) else {
        return;
    };
    step.risk = Risk::Severe;
    step.why
        .push_str(&format!(" apt removes with it: {}.", unnamed.join(", ")));
    let last = step
        .actions
        .iter_mut()
        .rev()
        .find_map(|action| match action {
            Action::Packages { remove, .. } => Some(remove),
            _ => None,
        });
    last.into_iter().for_each(|remove| {
        remove.extend(unnamed.iter().cloned());
    });
    system.notes.push(deskside_provision::Note {
        text: format!("apt removes {} on the way", unnamed.join(", ")),
        blocking: false,
        commands: Vec::new(),
    });
}

/// The step that what moves unnamed moves for: the last that counts only after a restart (the driver), else the last that
/// installs anything.
pub(super) fn mover(steps: &[Step]) -> Option<usize> {
    steps
        .iter()
        .rposition(|step| step.reboot && changes_packages(step))
        .or_else(|| steps.iter().rposition(|step| installs(step) > 0))
}

fn installs(step: &Step) -> usize {
    step.actions
        .iter()
        .map(|action| match action {
            Action::Packages { install, .. } => install.len(),
            _ => 0,
        })
        .sum()
}

fn changes_packages(step: &Step) -> bool {
    step.actions
        .iter()
        .any(|action| matches!(action, Action::Packages { .. }))
}

fn changes_sources(step: &Step) -> bool {
    ["sources.", "repository."]
        .iter()
        .any(|head| step.id.starts_with(head))
}
