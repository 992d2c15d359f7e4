//! The index of runs: one SQLite file that makes a thousand run folders quick to list. It can always be rebuilt.

mod list;
mod open;
mod rows;

pub use list::{Filter, Order, OrderBy};
pub use rows::Listed;

use deskside_types::{Code, Problem};
use rusqlite::Connection;

/// An open index.
#[derive(Debug)]
pub struct Index {
    connection: Connection,
}

/// A failure of SQLite in a person's terms.
fn problem(what: &str, error: &rusqlite::Error) -> Problem {
    Problem::new(Code::IndexBroken, format!("could not {what}"))
        .because(error)
        .hint("rebuild it from the run folders: `deskside runs --reindex`")
}
