//! The queue on disk: one SQLite file, short transactions, no process that owns it.
//!
//! **A job** is a row. It is `waiting`, `held` (by a person), `running` (a supervisor claimed it and wrote its own identity into
//! the row), `lost` (its supervisor died and a process of it goes on) or `ended`. A row is made durable before its number is
//! told. A job is claimed in one transaction together with the end of the supervisor's job before; where jobs take moments, one
//! sync serves several of them ([`ahead`]).
//!
//! **Nothing runs twice.** A claim is durable before anything is started; the child waits at a gate until its process is
//! written into the run's folder, and only then opens its log and leaves a mark. So a claim whose supervisor is dead and whose run
//! has neither never ran, and goes back; anything else has run, and is settled by the run's folder ([`settle`]).
//!
//! **What a person asks of a job that runs** stands in its row ([`asked`]).
//!
//! **Who moves it.** Whoever adds a job starts supervisors for what can start, and a keeper; a supervisor takes the next job when
//! its own ended; the keeper sleeps until a supervisor dies, a time comes or the bell rings. When nothing goes on, both end.
//! Supervisors and the keeper leave the file open while they live: who opens it as the only one has to read its log first.
//! Opening this one file is an exemption from the door, as for the index of runs.

pub mod add;
mod ahead;
mod asked;
mod change;
mod claim;
mod end;
mod going;
pub mod job;
mod list;
mod open;
mod row;
mod settings;
mod settle;
mod sweeps;
pub mod vault;

pub use add::Added;
pub use asked::Request;
pub(crate) use change::wrong_state;
pub use change::{Move, Moved};
pub use claim::{Claimed, Pace, Turn};
pub use end::{End, Outcome};
pub use job::{KeptCode, New, Restart, Spec, Surroundings, Word};
pub use list::{Filter, Listed};
pub use row::{JobState, Row};
pub use settle::Settled;
pub(crate) use settle::outcome;
pub use sweeps::Tagged;

use deskside_machine::{Directories, Machine};
use deskside_types::{Code, Problem};
use rusqlite::Connection;
use std::path::PathBuf;

/// The queue of a person.
pub struct Queue<'a> {
    machine: &'a dyn Machine,
    directories: &'a Directories,
    connection: Connection,
    /// Whether a commit is on the disk when it returns.
    synced: bool,
}

/// Files of the queue.
pub(crate) fn database(directories: &Directories) -> PathBuf {
    directories.queue().join("queue.sqlite")
}

/// The keeper's bell.
pub(crate) fn bell(directories: &Directories) -> PathBuf {
    directories.queue().join("bell")
}

/// Held by the keeper for its life.
pub(crate) fn keeper_lock(directories: &Directories) -> PathBuf {
    directories.queue().join("keeper.lock")
}

/// Held by the one that waits to become keeper when the keeper dies.
pub(crate) fn deputy_lock(directories: &Directories) -> PathBuf {
    directories.queue().join("deputy.lock")
}

pub(crate) fn broken(doing: &str, error: &rusqlite::Error) -> Problem {
    use rusqlite::ErrorCode::{DatabaseBusy, DiskFull};
    let problem = Problem::new(Code::QueueBroken, format!("could not {doing}")).because(error);
    match error.sqlite_error_code() {
        Some(DiskFull) => problem
            .hint("free some space; the queue itself is whole, and nothing that runs is affected")
            .coded(Code::DiskFull),
        Some(DatabaseBusy) => problem.hint("another process held it for long; try once more"),
        _ => problem,
    }
}

#[cfg(test)]
mod tests;
