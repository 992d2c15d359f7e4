//! Packages that a person holds and that must move with the driver all the same: only apt knows which. They are released
//! in the step that moves them, and held again at its end.

use super::simulate::mover;
use deskside_provision::{Note, SystemPlan};
use deskside_types::plan::{Action, CommandLine};
use std::collections::BTreeMap;

/// Releases what apt says is held and moves, where the plan does not yet, and holds it again.
pub(super) fn release(system: &mut SystemPlan, held: &[String]) {
    let released: Vec<String> = system
        .plan
        .steps
        .iter()
        .flat_map(|step| &step.actions)
        .flat_map(|action| match action {
            Action::Run { command, .. }
                if command.argv.get(1).is_some_and(|word| word == "unhold") =>
            {
                command.argv.clone()
            }
            _ => Vec::new(),
        })
        .collect();
    let names: Vec<String> = held
        .iter()
        .map(|name| name.split(':').next().unwrap_or(name).to_string())
        .filter(|name| !released.contains(name))
        .collect();
    if names.is_empty() {
        return;
    }
    let steps = &mut system.plan.steps;
    let Some(step) = mover(steps).and_then(|place| steps.get_mut(place)) else {
        return;
    };
    let actions = &mut step.actions;
    let behind = actions
        .iter()
        .rposition(|action| matches!(action, Action::Packages { .. }))
        .map_or(actions.len(), |place| place + 1);
    actions.insert(behind, marked(&names, "hold", "unhold"));
    actions.insert(0, marked(&names, "unhold", "hold"));
    system.notes.push(Note {
        text: format!(
            "held at their version, and moved all the same, because what comes needs it: {}; they are held again afterwards",
            names.join(", ")
        ),
        blocking: false,
        commands: Vec::new(),
    });
}

fn marked(names: &[String], word: &str, back: &str) -> Action {
    let line = |word: &str| CommandLine {
        argv: ["apt-mark", word]
            .map(str::to_string)
            .into_iter()
            .chain(names.iter().cloned())
            .collect(),
        directory: None,
        variables: BTreeMap::new(),
        deadline_seconds: 60,
    };
    Action::Run {
        command: line(word),
        undo: Some(line(back)),
    }
}
