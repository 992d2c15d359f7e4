//! What the queue knows of sweeps: which go on, so that the keeper sees to them, and which jobs are theirs.

use super::{Queue, broken};
use deskside_types::Result;
use deskside_types::run::RunId;
use rusqlite::TransactionBehavior;
use std::collections::BTreeMap;

/// A job that carries a tag.
#[derive(Debug, Clone, PartialEq)]
pub struct Tagged {
    /// Its number.
    pub number: i64,
    /// Its identity.
    pub id: RunId,
    /// All its tags.
    pub tags: BTreeMap<String, String>,
}

impl Queue<'_> {
    /// Says that a sweep goes on, and where its jobs' variables are kept in memory; calls something when that is written and not
    /// yet valid.
    ///
    /// # Errors
    /// [`deskside_types::Code::QueueBroken`], and as the call; then nothing was written.
    pub fn begin_sweep(
        &mut self,
        id: &str,
        vault: &str,
        before: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let fail = |error: rusqlite::Error| broken("write the queue", &error);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(fail)?;
        transaction
            .execute(
                "INSERT INTO settings VALUES ('sweep:' || ?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
                [id, vault],
            )
            .map_err(fail)?;
        before()?;
        transaction.commit().map_err(fail)
    }

    /// Says that a sweep does not go on.
    ///
    /// # Errors
    /// [`deskside_types::Code::QueueBroken`].
    pub fn end_sweep(&mut self, id: &str) -> Result<()> {
        self.connection
            .execute("DELETE FROM settings WHERE name = 'sweep:' || ?1", [id])
            .map(drop)
            .map_err(|error| broken("write the queue", &error))
    }

    /// The identities of the sweeps that go on.
    ///
    /// # Errors
    /// [`deskside_types::Code::QueueBroken`].
    pub fn sweeps(&self) -> Result<Vec<String>> {
        self.connection
            .prepare_cached(
                "SELECT substr(name, 7) FROM settings WHERE name GLOB 'sweep:*' ORDER BY name",
            )
            .and_then(|mut query| query.query_map([], |row| row.get(0))?.collect())
            .map_err(|error| broken("read the queue", &error))
    }

    /// All jobs that carry a tag with a value, in the order of their numbers.
    ///
    /// # Errors
    /// [`deskside_types::Code::QueueBroken`].
    pub fn tagged(&self, name: &str, value: &str) -> Result<Vec<Tagged>> {
        let path = format!("$.tags.\"{}\"", name.replace('"', ""));
        self.connection
            .prepare_cached(
                "SELECT number, id, json_extract(spec, '$.tags') FROM jobs WHERE json_extract(spec, ?1) = ?2 ORDER BY number",
            )
            .and_then(|mut query| {
                query
                    .query_map([&path, value], |row| {
                        let tags: String = row.get(2)?;
                        Ok(Tagged {
                            number: row.get(0)?,
                            id: RunId(row.get(1)?),
                            tags: serde_json::from_str(&tags).unwrap_or_default(),
                        })
                    })?
                    .collect()
            })
            .map_err(|error| broken("read the queue", &error))
    }
}
