//! What goes along when packages are taken away: apt is asked for each step that only removes, so that the step names
//! everything that it takes.

use super::simulate::{NO_LOCKS, ask};
use deskside_machine::Machine;
use deskside_provision::transaction::Transaction;
use deskside_provision::{Note, SystemPlan};
use deskside_types::plan::{Action, Step};
use std::collections::BTreeSet;

/// Names in each step that takes a driver or toolkit away what apt removes with it. What apt does not answer is left as
/// it is: the step is then refused where more would go.
pub(super) fn complete(machine: &dyn Machine, system: &mut SystemPlan) {
    let mut named: Vec<String> = Vec::new();
    let mut along: Vec<String> = Vec::new();
    for step in &mut system.plan.steps {
        let only_removes = takes_away(step);
        let known = along.len();
        for action in &mut step.actions {
            let Action::Packages { install, remove } = action else {
                continue;
            };
            named.extend(remove.iter().cloned());
            if !only_removes || !install.is_empty() {
                continue;
            }
            let mut arguments = vec!["remove".to_string()];
            arguments.extend(remove.iter().cloned());
            let options = NO_LOCKS.map(str::to_string);
            let Ok(said) = ask(machine, &["-s"], &options, &arguments) else {
                continue;
            };
            if !said.succeeded() {
                continue;
            }
            let transaction = Transaction::parse(&said.text());
            for name in transaction.unplanned_removals(&named) {
                let bare = name.split(':').next().unwrap_or(name).to_string();
                if !remove.contains(&bare) {
                    remove.push(bare.clone());
                    along.push(bare);
                }
            }
            named.extend(along.iter().cloned());
        }
        recount(step, along.len() - known);
    }
    if !along.is_empty() {
        fetched_without(system, &along);
        system.notes.push(Note {
            text: format!(
                "apt removes what cannot be without these packages, too: {}",
                along.join(", ")
            ),
            blocking: false,
            commands: Vec::new(),
        });
    }
}

/// The number of packages in a step's title, where it ends with one, once more are named.
fn recount(step: &mut Step, more: usize) {
    let Some((text, count)) = step.title.rsplit_once(": ") else {
        return;
    };
    let number = count
        .strip_suffix(" packages")
        .or_else(|| count.strip_suffix(" package"))
        .and_then(|number| number.parse::<usize>().ok());
    if let (Some(number), 1..) = (number, more) {
        step.title = format!("{text}: {} packages", number + more);
    }
}

/// What is fetched beforehand is fetched for a machine without these packages, too.
fn fetched_without(system: &mut SystemPlan, along: &[String]) {
    let steps = system.plan.steps.iter_mut();
    for action in steps
        .filter(|step| step.id.starts_with("packages.fetch"))
        .flat_map(|step| &mut step.actions)
    {
        if let Action::Run { command, .. } = action
            && command.argv.get(1).is_some_and(|word| word == "install")
        {
            let marked = along.iter().map(|name| format!("{name}-"));
            command.argv.extend(marked);
        }
    }
}

/// A step that takes a driver or toolkit away.
pub(super) fn takes_away(step: &Step) -> bool {
    ["clean.", "reinstall.", "dpkg.drop", "driver.remove"]
        .iter()
        .any(|head| step.id.starts_with(head))
}

/// What steps take away that bring nothing, where a later step brings something.
pub(super) fn gone_before(system: &SystemPlan) -> BTreeSet<String> {
    let steps = &system.plan.steps;
    let brings = |step: &Step| {
        step.actions.iter().any(
            |action| matches!(action, Action::Packages { install, .. } if install.iter().any(|name| !name.starts_with('/'))),
        )
    };
    let Some(last) = steps.iter().rposition(brings) else {
        return BTreeSet::new();
    };
    steps[..last]
        .iter()
        .filter(|step| !brings(step))
        .flat_map(|step| &step.actions)
        .flat_map(|action| match action {
            Action::Packages { remove, .. } => remove.clone(),
            _ => Vec::new(),
        })
        .collect()
}
