//! Numbers of snapshots as people say them: 0 is the state that is there now, 1 the one before it.
//!
//! While the environment is not what the newest snapshot has (it was changed outside Deskside), the state that is there
//! is kept nowhere yet, but it is 0 all the same: the newest snapshot is 1. So `rollback` always means "back to the
//! state before this one", whoever changed it, and a number means the same before and after that state is kept.

use super::Snapshot;
use deskside_types::{Code, Problem};

/// The number of the newest snapshot: 0 where it is the state that is there, or where nothing readable is there.
pub fn first_number(newest: Option<&Snapshot>, present: Option<&Snapshot>) -> usize {
    match (newest, present) {
        (Some(newest), Some(present)) => usize::from(!newest.same_as(present)),
        _ => 0,
    }
}

/// The snapshot a person means: a number, an identity, or a unique end of one. `snapshots` are oldest first.
///
/// # Errors
/// [`Code::SnapshotUnknown`] when there is none, or more than one fits.
pub fn find<'a>(
    snapshots: &'a [Snapshot],
    present: Option<&Snapshot>,
    wanted: &str,
) -> Result<&'a Snapshot, Problem> {
    let unknown = |message: String| {
        Problem::new(Code::SnapshotUnknown, message).hint("`deskside env history` lists them")
    };
    let Some(newest) = snapshots.last() else {
        return Err(
            unknown("there are no snapshots of this environment yet".into())
                .hint("every change by Deskside takes one; `deskside env snapshot` takes one now"),
        );
    };
    // Four digits and more are an end of an identity, never a number.
    if wanted.len() < 4
        && let Ok(number) = wanted.parse::<usize>()
    {
        let first = first_number(Some(newest), present);
        if number < first {
            return Err(
                unknown("the state that is there now is kept in no snapshot yet".into())
                    .hint("`deskside env snapshot` keeps it"),
            );
        }
        let count = snapshots.len();
        return snapshots.iter().rev().nth(number - first).ok_or_else(|| {
            let kept = match count {
                1 => format!("only one is kept, number {first}"),
                _ => format!("the oldest of the {count} is {}", first + count - 1),
            };
            unknown(format!(
                "there is no snapshot {number}: {kept}, and nothing is kept from before it"
            ))
        });
    }
    let mut fitting = snapshots
        .iter()
        .filter(|one| one.id == wanted || (wanted.len() >= 4 && one.id.ends_with(wanted)));
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(unknown(format!("there is no snapshot {wanted}"))),
        (Some(_), Some(_)) => Err(unknown(format!(
            "more than one snapshot ends with {wanted}"
        ))),
    }
}

#[cfg(test)]
#[path = "numbering_tests.rs"]
mod tests;
