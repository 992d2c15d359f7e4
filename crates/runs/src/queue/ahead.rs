//! One sync for several jobs that take moments.
//!
//! A claim is on the disk before anything is started, so that no job begins twice however the machine dies. Where jobs
//! take moments, the sync of each claim would take longer than the job. So a claim that is synced also marks the next few jobs: *in
//! this boot they may be started by claims that are not*. `kill -9` loses no claim, synced or not; only the machine's own death
//! does, and after that a job which waits with a mark of an earlier boot is treated as one that was claimed then: its run's folder
//! says what became of it, or it counts as interrupted. As many are marked as take a fifth of a second together. Marks are taken
//! away as soon as a job runs for longer, and by every claim that is synced anyway, so that a restart finds only those that were about
//! to begin at that moment, and only when it came in the midst of such jobs.

use super::{Queue, broken};
use deskside_types::Result;
use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};
use std::time::Duration;

/// Jobs share a sync that take so long together.
const SHARING: Duration = Duration::from_millis(200);
/// As many at the most.
const MOST: u32 = 8;

/// How many share a sync where the last one took so long.
pub(super) fn sharing(took: Duration) -> u32 {
    let count = SHARING.as_micros() / took.as_micros().max(1);
    u32::try_from(count).unwrap_or(MOST).min(MOST)
}

impl Queue<'_> {
    /// Says whether commits are to be on the disk when they return.
    pub(super) fn sync_commits(&mut self, synced: bool) -> rusqlite::Result<()> {
        if self.synced != synced {
            let level = if synced { "FULL" } else { "NORMAL" };
            self.connection.pragma_update(None, "synchronous", level)?;
            self.synced = synced;
        }
        Ok(())
    }

    /// Takes all marks away, durably: a job runs for longer, and whatever waits behind it is again worth its own sync.
    ///
    /// # Errors
    /// [`deskside_types::Code::QueueBroken`].
    pub(crate) fn forget_marks(&mut self) -> Result<()> {
        let mut forget = || {
            if !any_at_all(&self.connection)? {
                return Ok(());
            }
            self.sync_commits(true)?;
            unmark(&self.connection)
        };
        forget().map_err(|error: rusqlite::Error| broken("write the queue", &error))
    }

    /// Jobs that may have been started in an earlier boot by a claim that its end swallowed: as if that claim were there.
    ///
    /// # Errors
    /// [`deskside_types::Code::QueueBroken`].
    pub(super) fn claim_of_earlier_boots(&mut self, boot: &str) -> Result<()> {
        let mut claim = || {
            let earlier = "state = 'waiting' AND ahead IS NOT NULL AND ahead <> ?1";
            let there = self
                .connection
                .prepare_cached(&format!("SELECT 1 FROM jobs WHERE {earlier} LIMIT 1"))?
                .exists([boot])?;
            if !there {
                return Ok(());
            }
            self.sync_commits(true)?;
            self.connection.execute(
                &format!(
                    "UPDATE jobs SET state = 'running', attempt = attempt + 1, pid = 0, start_time = 0, boot = ahead, \
                     started_at = NULL, ended_at = NULL, outcome = NULL, exit = NULL, reason = NULL, ahead = NULL, asked = NULL, \
                     run = CASE attempt WHEN 0 THEN id ELSE id || '-' || (attempt + 1) END WHERE {earlier}"
                ),
                [boot],
            )?;
            Ok(())
        };
        claim().map_err(|error: rusqlite::Error| broken("write the queue", &error))
    }
}

fn any_at_all(connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM jobs WHERE state = 'waiting' AND ahead IS NOT NULL LIMIT 1")?
        .exists([])
}

/// Whether a job that waits is marked in this boot.
pub(super) fn any(connection: &Connection, boot: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM jobs WHERE state = 'waiting' AND ahead = ?1 LIMIT 1")?
        .exists([boot])
}

pub(super) fn is_marked(
    connection: &Connection,
    number: i64,
    boot: &str,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM jobs WHERE number = ?1 AND ahead = ?2")?
        .exists(params![number, boot])
}

/// Marks the next jobs in order: those that claim no card and wait for nothing but their turn.
pub(super) fn mark(
    transaction: &Transaction<'_>,
    boot: &str,
    count: u32,
    now: Timestamp,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "UPDATE jobs SET ahead = ?1 WHERE number IN (SELECT number FROM jobs \
             WHERE state = 'waiting' AND waits = 0 AND gpus = 0 AND vram = 0 AND ready_at <= ?2 AND window IS NULL \
             ORDER BY priority DESC, rank LIMIT ?3)",
        )?
        .execute(params![boot, now.as_millisecond(), count])
        .map(drop)
}

pub(super) fn unmark(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE jobs SET ahead = NULL WHERE state = 'waiting' AND ahead IS NOT NULL",
        )?
        .execute([])
        .map(drop)
}
