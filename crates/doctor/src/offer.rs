//! The way to mend a finding, filled in for this machine.

use crate::judge::{Values, filled, value};
use crate::report::FixOffer;
use deskside_knowledge::breakages::{Breakage, Fix, text};
use deskside_types::plan::Step;
use serde_json::Value;

/// The first way that is right here and can be filled in. `proven` decides whether it may be carried out by itself.
pub(crate) fn offer(
    breakage: &Breakage,
    values: &Values,
    root: &Value,
    proven: bool,
) -> Option<FixOffer> {
    breakage
        .fix
        .iter()
        .filter(|fix| {
            fix.when
                .as_ref()
                .is_none_or(|when| when.evaluate(root).holds())
        })
        .find_map(|fix| filled_in(fix, values, root, proven))
}

fn filled_in(fix: &Fix, values: &Values, root: &Value, proven: bool) -> Option<FixOffer> {
    let find = |name: &str| value(name, values, root);
    let steps: Vec<Step> = fix
        .step
        .iter()
        .map(|step| step.fill(&find))
        .collect::<Result<_, _>>()
        .ok()?;
    let commands = fix
        .commands
        .iter()
        .map(|command| text(command, &find))
        .collect::<Result<Vec<_>, _>>()
        .ok()?;
    let deskside = match &fix.deskside {
        Some(own) => Some(text(own, &find).ok()?),
        None => None,
    };
    Some(FixOffer {
        title: filled(&fix.title, values, root),
        by_itself: fix.auto && proven,
        root: steps.iter().any(|step| step.root)
            || commands.iter().any(|command| command.starts_with("sudo ")),
        reboot: steps.iter().any(|step| step.reboot),
        steps,
        deskside,
        commands,
        by_hand: fix.by_hand.as_ref().map(|why| filled(why, values, root)),
        note: fix.note.as_ref().map(|note| filled(note, values, root)),
    })
}
