//! What goes along when packages are taken away: apt is asked for each step that only removes, so that the step names
//! everything that it takes.

use super::simulate::{NO_LOCKS, ask};
use deskside_machine::Machine;
use deskside_provision::transaction::Transaction;
use deskside_provision::{Note, SystemPlan};
use deskside_types::plan::{Action, Step};

/// Names in each step that takes a driver or toolkit away what apt removes with it. What apt does not answer is left as
/// it is: the step is then refused where more would go.
pub(super) fn complete(machine: &dyn Machine, system: &mut SystemPlan) {
    let mut named: Vec<String> = Vec::new();
    let mut along: Vec<String> = Vec::new();
    for step in &mut system.plan.steps {
        let only_removes = takes_away(step);
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
    }
    if !along.is_empty() {
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

/// A step that takes a driver or toolkit away.
pub(super) fn takes_away(step: &Step) -> bool {
    ["clean.", "reinstall.", "dpkg.drop"]
        .iter()
        .any(|head| step.id.starts_with(head))
}

/// Whether the plan brings back what it takes away: then apt's answer on the whole can't tell what is fetched.
pub(super) fn comes_anew(system: &SystemPlan) -> bool {
    system
        .plan
        .steps
        .iter()
        .any(|step| step.id.starts_with("reinstall."))
}
