//! Environments of projects: `deskside env …`. One file a question.
//!
//! A command that changes an environment is prepared (looked at, decided, resolved into a plan; nothing of the person's
//! is touched), then carried out by [`change::carry_out`], which keeps a snapshot before and after.

pub mod add;
mod beside;
pub mod change;
pub mod check;
pub mod diff;
mod era;
pub(crate) mod extra;
pub mod gc;
pub mod history;
pub mod init;
pub mod keep;
pub mod lock;
mod majors;
mod markers;
mod named;
pub(crate) mod parts;
mod paths;
mod place;
mod present;
pub(crate) mod project;
mod python;
pub mod rebuild;
mod requirements_file;
pub(crate) mod restoring;
pub mod rollback;
pub(crate) mod settle;
mod space;
pub mod sync;
mod variants;
mod way_back;
pub mod why;

pub use change::{ChangePlanReport, ChangeReport, Prepared, carry_out};
pub use deskside_envs::snapshot::compare::{Changed, Difference, Named, Versions};
pub use place::{Place, uv_state};
pub use why::{WhyReport, WhyRequest};

/// A difference in a few words: `2 added, 1 changed`.
pub fn difference_in_words(difference: &Difference) -> String {
    let mut parts = Vec::new();
    let mut some = |count: usize, what: &str| {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    };
    some(difference.added.len(), "added");
    some(difference.changed.len(), "changed");
    some(difference.rebuilt.len(), "with other files");
    some(difference.removed.len(), "removed");
    some(usize::from(difference.python.is_some()), "Python");
    some(
        difference.files.len(),
        match difference.files.len() {
            1 => "project file",
            _ => "project files",
        },
    );
    if parts.is_empty() {
        return "nothing".into();
    }
    parts.join(", ")
}
