//! What explains what: from findings down to their roots.

use deskside_knowledge::breakages::Breakage;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that a breakage explains, directly or through others.
pub(crate) fn reach(known: &'static [Breakage], id: &str) -> BTreeSet<&'static str> {
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<&'static str> = direct(known, id).collect();
    while let Some(next) = waiting.pop() {
        if next != id && reached.insert(next) {
            waiting.extend(direct(known, next));
        }
    }
    reached
}

fn direct(known: &'static [Breakage], id: &str) -> impl Iterator<Item = &'static str> + use<> {
    known
        .iter()
        .find(|one| one.id == id)
        .into_iter()
        .flat_map(|one| one.explains.iter().map(String::as_str))
}

/// For each finding that another one explains, the root that does. `ids` are in the order of mending: where two explain
/// each other, the earlier one is the root.
pub(crate) fn roots(
    known: &'static [Breakage],
    ids: &[&'static str],
) -> BTreeMap<&'static str, &'static str> {
    let reaches: Vec<BTreeSet<&str>> = ids.iter().map(|id| reach(known, id)).collect();
    let explained_by = |place: usize| {
        (0..ids.len()).find(|&other| {
            other != place
                && reaches[other].contains(ids[place])
                && (other < place || !reaches[place].contains(ids[other]))
        })
    };
    let mut roots = BTreeMap::new();
    for place in 0..ids.len() {
        let mut at = place;
        let mut seen = BTreeSet::from([place]);
        while let Some(next) = explained_by(at) {
            if !seen.insert(next) {
                break;
            }
            at = next;
        }
        if at != place {
            roots.insert(ids[place], ids[at]);
        }
    }
    roots
}
