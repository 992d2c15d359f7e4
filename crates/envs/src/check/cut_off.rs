//! A rollback or rebuild that was cut off: an old environment waits beside its place.

use super::scene::Scene;
use super::{Finding, Rank, Severity};
use crate::environment::restore::{is_waiting, was_cut_off};

/// Where the environment itself is not whole: everything else that is wrong with it follows from this.
pub(crate) fn finding(scene: &Scene<'_>) -> Option<Finding> {
    let waiting = was_cut_off(scene.machine, &scene.environment).ok()??;
    Some(
        Finding::new(
            Rank::Interpreter,
            "restore-cut-off",
            Severity::Broken,
            "a rollback or rebuild was cut off, or goes on just now",
        )
        .evidence(format!(
            "{}: the environment that was there before",
            scene.shown(&waiting)
        ))
        .meaning("what is in its place is half made; nothing is lost")
        .mend("deskside env rebuild"),
    )
}

/// Where the environment is whole: the old one is only in the way.
pub(crate) fn left_over(scene: &Scene<'_>) -> Option<Finding> {
    if !is_waiting(scene.machine, &scene.environment).ok()? {
        return None;
    }
    Some(
        Finding::new(
            Rank::Surroundings,
            "environment-left-over",
            Severity::Suspicious,
            "an old environment lies beside this one: a rollback or rebuild was cut off",
        )
        .evidence(format!(
            "{}.deskside-before-\u{2026}",
            scene.shown(&scene.environment)
        ))
        .meaning("it takes space and serves nobody; what no snapshot has of it stays")
        .mend("deskside env gc"),
    )
}
