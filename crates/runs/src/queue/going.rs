//! What goes on: jobs that run, whether anything does, and what is left of what does not.

use super::row::COLUMNS;
use super::{Queue, Row, broken};
use deskside_types::Result;
use rusqlite::{Connection, TransactionBehavior};
use std::collections::BTreeSet;

impl Queue<'_> {
    /// The vaults that only jobs refer to which are over.
    ///
    /// # Errors
    /// [`deskside_types::Code::QueueBroken`].
    pub(crate) fn vaults_of_the_past(&self) -> Result<Vec<String>> {
        let names = |condition: &str| -> rusqlite::Result<BTreeSet<String>> {
            self.connection
                .prepare_cached(&format!(
                    "SELECT DISTINCT json_extract(json, '$.vault') FROM jobs JOIN surroundings ON key = surroundings \
                     WHERE json_extract(json, '$.vault') IS NOT NULL AND state {condition} 'ended'"
                ))?
                .query_map([], |row| row.get(0))?
                .collect()
        };
        // The next trial of a sweep may not be queued yet.
        let of_sweeps = || -> rusqlite::Result<BTreeSet<String>> {
            self.connection
                .prepare_cached("SELECT value FROM settings WHERE name GLOB 'sweep:*'")?
                .query_map([], |row| row.get(0))?
                .collect()
        };
        let read = || {
            let open = &names("<>")? | &of_sweeps()?;
            Ok(names("=")?.difference(&open).cloned().collect())
        };
        read().map_err(|error: rusqlite::Error| broken("read the queue", &error))
    }

    /// Jobs that run, and lost ones of which a process goes on.
    ///
    /// # Errors
    /// [`deskside_types::Code::QueueBroken`].
    pub fn live(&self) -> Result<Vec<Row>> {
        live(&self.connection).map_err(|error| broken("read the queue", &error))
    }

    /// Calls something while nobody can change the queue, where nothing goes on; whether it was called.
    ///
    /// The keeper lets go of its lock and its bell in here: whoever adds a job afterwards finds neither, and starts another.
    ///
    /// # Errors
    /// [`deskside_types::Code::QueueBroken`].
    pub fn if_nothing_goes_on(&mut self, call: impl FnOnce()) -> Result<bool> {
        let fail = |error: rusqlite::Error| broken("read the queue", &error);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(fail)?;
        if goes_on(&transaction).map_err(fail)? {
            return Ok(false);
        }
        call();
        Ok(true)
    }
}

/// Something goes on that a keeper must watch: a job that runs, or one that waits for anything but a person, or a sweep. One that
/// waits for another job is as far as that one.
pub(super) fn goes_on(connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM jobs WHERE state IN ('running', 'lost')) \
             OR EXISTS (SELECT 1 FROM jobs WHERE state = 'waiting' AND waits = 0 AND gpus = 0 AND vram = 0) \
             OR EXISTS (SELECT 1 FROM jobs WHERE state = 'waiting' AND waits = 0 AND (gpus > 0 OR vram > 0)) \
             OR EXISTS (SELECT 1 FROM settings WHERE name GLOB 'sweep:*')",
        )?
        .exists([])
}

pub(super) fn live(connection: &Connection) -> rusqlite::Result<Vec<Row>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM jobs WHERE state IN ('running', 'lost') ORDER BY started_at, number"
        ))?
        .query_map([], Row::read)?
        .collect()
}
