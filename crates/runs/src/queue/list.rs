//! Listing jobs.

use super::row::COLUMNS;
use super::{Queue, Row, broken};
use deskside_types::Result;
use rusqlite::params;
use std::collections::BTreeSet;

/// Which jobs are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Those that wait or are held, in their order.
    Waiting,
    /// Those that run, and lost ones.
    Live,
    /// Those that are over, the newest first.
    Ended,
}

/// Jobs, and how many there are in all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listed {
    /// The jobs.
    pub rows: Vec<Row>,
    /// How many there are without the limit.
    pub total: usize,
}

impl Queue<'_> {
    /// The numbers of all jobs that are not over.
    ///
    /// # Errors
    /// [`deskside_types::Code::QueueBroken`].
    pub fn open_numbers(&self) -> Result<BTreeSet<i64>> {
        self.connection
            .prepare_cached(
                "SELECT number FROM jobs WHERE state IN ('waiting', 'held') \
                 UNION ALL SELECT number FROM jobs WHERE state IN ('running', 'lost')",
            )
            .and_then(|mut query| query.query_map([], |row| row.get(0))?.collect())
            .map_err(|error| broken("read the queue", &error))
    }

    /// Lists jobs, as many as are wanted.
    ///
    /// # Errors
    /// [`deskside_types::Code::QueueBroken`].
    pub fn list(&self, filter: Filter, limit: usize) -> Result<Listed> {
        let (condition, order) = match filter {
            Filter::Waiting => ("state IN ('waiting', 'held')", "priority DESC, rank"),
            Filter::Live => ("state IN ('running', 'lost')", "started_at, number"),
            Filter::Ended => ("state = 'ended'", "ended_at DESC, number DESC"),
        };
        let read = || {
            let rows: Vec<Row> = self
                .connection
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM jobs WHERE {condition} ORDER BY {order} LIMIT ?1"
                ))?
                .query_map(params![i64::try_from(limit).unwrap_or(i64::MAX)], Row::read)?
                .collect::<rusqlite::Result<_>>()?;
            let total = if rows.len() < limit {
                rows.len()
            } else {
                let count: i64 = self.connection.query_row(
                    &format!("SELECT count(*) FROM jobs WHERE {condition}"),
                    [],
                    |row| row.get(0),
                )?;
                usize::try_from(count).unwrap_or(0)
            };
            Ok(Listed { rows, total })
        };
        read().map_err(|error: rusqlite::Error| broken("read the queue", &error))
    }
}
