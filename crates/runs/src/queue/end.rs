//! How a job ended, and what follows for those that wait for it.

use super::asked::Request;
use super::{Queue, Row, Spec, Word, broken};
use deskside_machine::Reading;
use deskside_track::secrets::HIDDEN;
use deskside_types::Result;
use deskside_types::run::ProcessIdentity;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// A run's state in a word, or `skipped`, `removed`.
    pub word: &'static str,
    /// Its exit code as a shell shows it.
    pub exit: Option<i32>,
    /// In words.
    pub reason: Option<String>,
}

impl Outcome {
    /// It ended by itself, with 0.
    pub fn is_good(&self) -> bool {
        self.word == "finished" && self.exit == Some(0)
    }
}

/// What becomes of a job that its supervisor is done with.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// It is over.
    Over(Outcome),
    /// It waits again: a retry, or after a restart. With another command where that was changed.
    Again {
        /// Not before, in milliseconds of the epoch.
        ready_at: i64,
        /// In words, why.
        reason: String,
        /// The command in place of the old one, as JSON of its [`super::Spec`].
        spec: Option<String>,
    },
    /// It never ran: it waits again, and this was no attempt.
    NeverRan,
    /// It could not begin now, and waits: this was no attempt.
    Later {
        /// Not before, in milliseconds of the epoch.
        ready_at: i64,
        /// In words, why.
        reason: String,
    },
    /// Its supervisor died, and this process of it goes on.
    Lost(ProcessIdentity),
    /// It is held: something it needs is not there. It was no attempt.
    Held(String),
}

impl Queue<'_> {
    /// Writes the end of a job.
    ///
    /// # Errors
    /// [`deskside_types::Code::QueueBroken`].
    pub fn end(&mut self, row: &Row, end: &End) -> Result<()> {
        let now = self.machine.now()?.wall;
        let fail = |error: rusqlite::Error| broken("write the queue", &error);
        self.sync_commits(true).map_err(fail)?;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(fail)?;
        put_end(&transaction, row, end, now).map_err(fail)?;
        transaction.commit().map_err(fail)
    }
}

/// Writes an end, and what follows for those that wait for it. Only while the job is still in the hands that the row names:
/// what another process settled first stays. A job that a person wants to end does not wait again.
pub(super) fn put_end(
    transaction: &Transaction<'_>,
    row: &Row,
    end: &End,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let (number, live) = (row.number, "state IN ('running', 'lost')");
    let same: Option<Option<String>> = transaction
        .prepare_cached(&format!(
            "SELECT asked FROM jobs WHERE number = ?1 AND {live} AND pid IS ?2 AND start_time IS ?3 AND boot IS ?4"
        ))?
        .query_row(
            params![
                number,
                row.process.as_ref().map(|process| process.pid),
                row.process
                    .as_ref()
                    .map(|process| process.start_time.cast_signed()),
                row.process.as_ref().map(|process| &process.boot_id),
            ],
            |row| row.get(0),
        )
        .optional()?;
    let Some(asked) = same else {
        return Ok(());
    };
    let stopped = match (end, asked.as_deref().map(Request::of)) {
        (End::Over(_) | End::Lost(_), _) => None,
        (_, Some(Request::Stop { why, .. })) => Some(End::Over(Outcome {
            word: "stopped",
            exit: None,
            reason: Some(why),
        })),
        _ => None,
    };
    let end = stopped.as_ref().unwrap_or(end);
    match end {
        End::Over(outcome) => {
            let changed = transaction
                .prepare_cached(&format!(
                    "UPDATE jobs SET state = 'ended', outcome = ?2, exit = ?3, reason = ?4, ended_at = ?5, pid = NULL \
                     WHERE number = ?1 AND {live}"
                ))?
                .execute(params![
                    number,
                    outcome.word,
                    outcome.exit,
                    outcome.reason,
                    now.as_millisecond()
                ])?;
            if changed == 1 {
                hide_secrets(transaction, number)?;
                tell_dependents(transaction, number, outcome.is_good(), now)?;
            }
        }
        End::Again {
            ready_at,
            reason,
            spec,
        } => {
            transaction
                .prepare_cached(&format!(
                    "UPDATE jobs SET state = 'waiting', ready_at = ?2, reason = ?3, pid = NULL, asked = NULL, cards = NULL, \
                     spec = coalesce(?4, spec) WHERE number = ?1 AND {live}"
                ))?
                .execute(params![number, ready_at, reason, spec])?;
        }
        End::NeverRan => {
            transaction
                .prepare_cached(&format!(
                    "UPDATE jobs SET state = 'waiting', attempt = max(attempt - 1, 0), pid = NULL, asked = NULL, cards = NULL, \
                     started_at = NULL WHERE number = ?1 AND {live}"
                ))?
                .execute([number])?;
        }
        End::Later { ready_at, reason } => {
            transaction
                .prepare_cached(&format!(
                    "UPDATE jobs SET state = 'waiting', attempt = max(attempt - 1, 0), pid = NULL, asked = NULL, cards = NULL, \
                     started_at = NULL, ready_at = ?2, reason = ?3 WHERE number = ?1 AND {live}"
                ))?
                .execute(params![number, ready_at, reason])?;
        }
        End::Held(reason) => {
            transaction
                .prepare_cached(&format!(
                    "UPDATE jobs SET state = 'held', attempt = max(attempt - 1, 0), pid = NULL, asked = NULL, cards = NULL, \
                     started_at = NULL, reason = ?2 WHERE number = ?1 AND {live}"
                ))?
                .execute(params![number, reason])?;
        }
        End::Lost(survivor) => {
            transaction
                .prepare_cached(&format!(
                    "UPDATE jobs SET state = 'lost', pid = ?2, start_time = ?3, boot = ?4, reason = ?5 \
                     WHERE number = ?1 AND {live}"
                ))?
                .execute(params![
                    number,
                    survivor.pid,
                    survivor.start_time.cast_signed(),
                    survivor.boot_id,
                    format!("its supervisor died; process {} still lives", survivor.pid),
                ])?;
        }
    }
    Ok(())
}

/// A command is kept as it is only as long as it may have to be run.
fn hide_secrets(transaction: &Transaction<'_>, number: i64) -> rusqlite::Result<()> {
    let text: String = transaction
        .prepare_cached("SELECT spec FROM jobs WHERE number = ?1")?
        .query_row([number], |row| row.get(0))?;
    // One that a newer program wrote is left to that.
    let Ok(mut spec) = serde_json::from_str::<Spec>(&text) else {
        return Ok(());
    };
    let shown: Vec<Word> = spec.shown().into_iter().map(Word::Text).collect();
    if shown.iter().any(|word| word.shown().contains(HIDDEN)) {
        spec.argv = shown;
        let text = serde_json::to_string(&spec).unwrap_or(text);
        transaction.execute(
            "UPDATE jobs SET spec = ?2 WHERE number = ?1",
            params![number, text],
        )?;
    }
    Ok(())
}

/// Those that wait for a job that is over: one less to wait for, or, where a good end was needed, skipped with all behind them.
pub(super) fn tell_dependents(
    transaction: &Transaction<'_>,
    number: i64,
    good: bool,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let mut over = vec![(number, good)];
    while let Some((of, good)) = over.pop() {
        let behind: Vec<(i64, bool)> = transaction
            .prepare_cached("SELECT job, good FROM dependencies WHERE of = ?1")?
            .query_map([of], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (job, needs_good) in behind {
            if good || !needs_good {
                transaction
                    .prepare_cached("UPDATE jobs SET waits = max(waits - 1, 0) WHERE number = ?1")?
                    .execute([job])?;
                continue;
            }
            let skipped = transaction
                .prepare_cached(
                    "UPDATE jobs SET state = 'ended', outcome = 'skipped', reason = ?2, ended_at = ?3 \
                     WHERE number = ?1 AND state IN ('waiting', 'held')",
                )?
                .execute(params![
                    job,
                    format!("job {of}, which it waited for, did not end well"),
                    now.as_millisecond()
                ])?;
            if skipped == 1 {
                over.push((job, false));
            }
        }
        transaction
            .prepare_cached("DELETE FROM dependencies WHERE of = ?1")?
            .execute([of])?;
    }
    Ok(())
}
