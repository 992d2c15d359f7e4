//! One transaction: the end of the job before, and the claim of the next.

use super::row::COLUMNS;
use super::{Queue, Row, Spec, Word, ahead, broken};
use crate::schedule::{Candidate, Card, Claim, Holder, Plan, Situation, plan};
use deskside_machine::Reading;
use deskside_track::secrets::HIDDEN;
use deskside_types::run::{ProcessIdentity, RunId};
use deskside_types::{Code, Problem, Result};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

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

/// A job that was claimed.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The job.
    pub row: Row,
    /// The run it is now.
    pub run: RunId,
}

/// What a look at the queue came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Turn {
    /// The claimed job, where one was asked for and could start.
    pub claimed: Option<Claimed>,
    /// How many more could start now: each needs a supervisor.
    pub more: usize,
    /// Something goes on, or waits for anything but a person: there must be a keeper.
    pub needs_keeper: bool,
    /// What was decided.
    pub plan: Plan,
    /// The claimed job was marked ahead, in this boot.
    pub(super) was_marked: bool,
}

/// How long the supervisor's job before took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Long enough to be worth a sync, or there was none.
    Usual,
    /// A moment: so long.
    Moment(Duration),
}

impl Queue<'_> {
    /// Ends a job and claims the next for a supervisor, in one transaction.
    ///
    /// # Errors
    /// [`deskside_types::Code::QueueBroken`]; then nothing has changed.
    pub fn turn(
        &mut self,
        ended: Option<(&Row, &End)>,
        supervisor: Option<&ProcessIdentity>,
        cards: Option<&[Card]>,
        zone: &TimeZone,
    ) -> Result<Turn> {
        self.turn_paced(ended, supervisor, cards, zone, Pace::Usual)
    }

    /// As [`Queue::turn`]. Behind a job that took a moment, the claim of a job that was marked ahead needs no sync, and a claim
    /// that does marks further ones: as many as take a moment together.
    ///
    /// # Errors
    /// As [`Queue::turn`].
    pub fn turn_paced(
        &mut self,
        ended: Option<(&Row, &End)>,
        supervisor: Option<&ProcessIdentity>,
        cards: Option<&[Card]>,
        zone: &TimeZone,
        pace: Pace,
    ) -> Result<Turn> {
        if ended.is_none() {
            self.claim_of_earlier_boots(&self.machine.boot_id())?;
        }
        let now = self.machine.now()?.wall;
        let fail = |error: rusqlite::Error| broken("write the queue", &error);
        let share = match (pace, supervisor) {
            (Pace::Moment(took), Some(supervisor)) if !supervisor.boot_id.is_empty() => {
                Some((supervisor.boot_id.as_str(), ahead::sharing(took)))
            }
            _ => None,
        };
        let marked = match share {
            Some((boot, _)) => ahead::any(&self.connection, boot).map_err(fail)?,
            None => false,
        };
        for synced in [false, true] {
            if !synced && !marked {
                continue;
            }
            self.sync_commits(synced).map_err(fail)?;
            let transaction = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(fail)?;
            if let Some((row, end)) = ended {
                put_end(&transaction, row, end, now).map_err(fail)?;
            }
            let turn = take(&transaction, supervisor, cards, zone, now).map_err(fail)?;
            if !synced && !turn.was_marked {
                // Nothing has changed: once more, and durably.
                continue;
            }
            if synced && (ended.is_some() || turn.claimed.is_some()) {
                ahead::unmark(&transaction).map_err(fail)?;
                if let Some((boot, count)) = share.filter(|_| turn.claimed.is_some()) {
                    ahead::mark(&transaction, boot, count, now).map_err(fail)?;
                }
            }
            if ended.is_some() || turn.claimed.is_some() {
                transaction.commit().map_err(fail)?;
            }
            return Ok(turn);
        }
        Err(Problem::new(
            Code::Bug,
            "a look at the queue came to nothing",
        ))
    }

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

    /// Whether a job that claims cards could be next: then the cards must be looked at.
    ///
    /// # Errors
    /// [`deskside_types::Code::QueueBroken`].
    pub fn wants_cards(&self) -> Result<bool> {
        self.connection
            .prepare_cached(
                "SELECT 1 FROM jobs WHERE state = 'waiting' AND waits = 0 AND (gpus > 0 OR vram > 0) LIMIT 1",
            )
            .and_then(|mut query| query.exists([]))
            .map_err(|error| broken("read the queue", &error))
    }

    /// How many jobs without a claim run at once.
    ///
    /// # Errors
    /// [`deskside_types::Code::QueueBroken`].
    pub fn slots(&self) -> Result<u32> {
        slots(&self.connection).map_err(|error| broken("read the queue", &error))
    }
}

/// Something goes on that a keeper must watch: a job that runs, or one that waits for anything but a person, or a sweep. One that
/// waits for another job is as far as that one.
fn goes_on(connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM jobs WHERE state IN ('running', 'lost')) \
             OR EXISTS (SELECT 1 FROM jobs WHERE state = 'waiting' AND waits = 0 AND gpus = 0 AND vram = 0) \
             OR EXISTS (SELECT 1 FROM jobs WHERE state = 'waiting' AND waits = 0 AND (gpus > 0 OR vram > 0)) \
             OR EXISTS (SELECT 1 FROM settings WHERE name GLOB 'sweep:*')",
        )?
        .exists([])
}

fn slots(connection: &Connection) -> rusqlite::Result<u32> {
    let text: Option<String> = connection
        .prepare_cached("SELECT value FROM settings WHERE name = 'slots'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(text.and_then(|text| text.parse().ok()).unwrap_or(1))
}

/// The cards that the queue may use, in the order a person gave them; all, as they come, where none is named.
fn usable(connection: &Connection, cards: &[Card]) -> rusqlite::Result<Vec<Card>> {
    let named: Option<String> = connection
        .prepare_cached("SELECT value FROM settings WHERE name = 'cards'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let named = named.unwrap_or_default();
    if named.is_empty() {
        return Ok(cards.to_vec());
    }
    Ok(named
        .split_whitespace()
        .filter_map(|uuid| cards.iter().find(|card| card.uuid == uuid))
        .cloned()
        .collect())
}

pub(super) fn live(connection: &Connection) -> rusqlite::Result<Vec<Row>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM jobs WHERE state IN ('running', 'lost') ORDER BY started_at, number"
        ))?
        .query_map([], Row::read)?
        .collect()
}

fn take(
    transaction: &Transaction<'_>,
    supervisor: Option<&ProcessIdentity>,
    cards: Option<&[Card]>,
    zone: &TimeZone,
    now: Timestamp,
) -> rusqlite::Result<Turn> {
    let holders: Vec<Holder> = live(transaction)?
        .into_iter()
        .map(|row| Holder {
            number: row.number,
            claim: row.claim,
            is_settled: row
                .started_at
                .is_some_and(|at| now.as_millisecond() - at > STARTING_MS),
            cards: row.cards,
        })
        .collect();
    let cards = match cards {
        Some(cards) => Some(usable(transaction, cards)?),
        None => None,
    };
    let situation = Situation {
        now,
        zone,
        slots: slots(transaction)?,
        holders: &holders,
        cards: cards.as_deref(),
    };
    const WANTED: &str = "SELECT number, ready_at, window, gpus, vram, share FROM jobs WHERE state = 'waiting' AND waits = 0";
    let failed = RefCell::new(None);
    let mut unclaiming = transaction.prepare_cached(&format!(
        "{WANTED} AND gpus = 0 AND vram = 0 ORDER BY priority DESC, rank"
    ))?;
    let mut claiming = transaction.prepare_cached(&format!(
        "{WANTED} AND (gpus > 0 OR vram > 0) ORDER BY priority DESC, rank"
    ))?;
    let good = |candidate: rusqlite::Result<Candidate>| match candidate {
        Ok(candidate) => Some(candidate),
        Err(error) => {
            failed.replace(Some(error));
            None
        }
    };
    let plan = plan(
        unclaiming.query_map([], candidate)?.map_while(good),
        claiming.query_map([], candidate)?.map_while(good),
        &situation,
    );
    if let Some(error) = failed.take() {
        return Err(error);
    }
    let mut turn = Turn {
        claimed: None,
        more: plan.starts.len(),
        needs_keeper: goes_on(transaction)?,
        plan,
        was_marked: false,
    };
    if let Some(supervisor) = supervisor
        && let Some((number, cards)) = turn.plan.starts.first()
    {
        turn.was_marked = ahead::is_marked(transaction, *number, &supervisor.boot_id)?;
        transaction
            .prepare_cached(
                "UPDATE jobs SET state = 'running', attempt = attempt + 1, pid = ?2, start_time = ?3, boot = ?4, cards = ?5, \
                 started_at = ?6, ended_at = NULL, outcome = NULL, exit = NULL, reason = NULL, ahead = NULL, \
                 run = CASE attempt WHEN 0 THEN id ELSE id || '-' || (attempt + 1) END WHERE number = ?1",
            )?
            .execute(params![
                number,
                supervisor.pid,
                supervisor.start_time.cast_signed(),
                supervisor.boot_id,
                cards.join(" "),
                now.as_millisecond(),
            ])?;
        let row = transaction
            .prepare_cached(&format!("SELECT {COLUMNS} FROM jobs WHERE number = ?1"))?
            .query_row([number], Row::read)?;
        turn.more -= 1;
        turn.needs_keeper = goes_on(transaction)?;
        turn.claimed = Some(Claimed {
            run: row.run.clone().unwrap_or_else(|| row.id.clone()),
            row,
        });
    }
    Ok(turn)
}

/// A start-up takes its time: a job that was started less than that ago counts at its claim.
const STARTING_MS: i64 = 120_000;

fn candidate(row: &rusqlite::Row<'_>) -> rusqlite::Result<Candidate> {
    let ready_at: i64 = row.get(1)?;
    let window: Option<String> = row.get(2)?;
    let vram: i64 = row.get(4)?;
    Ok(Candidate {
        number: row.get(0)?,
        ready_at: Timestamp::from_millisecond(ready_at).unwrap_or(Timestamp::UNIX_EPOCH),
        window: window.and_then(|text| text.parse().ok()),
        claim: Claim {
            gpus: row.get(3)?,
            vram: vram.cast_unsigned(),
            share: row.get(5)?,
        },
    })
}

/// Writes an end, and what follows for those that wait for it. Only while the job is still in the hands that the row names:
/// what another process settled first stays.
fn put_end(
    transaction: &Transaction<'_>,
    row: &Row,
    end: &End,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let (number, live) = (row.number, "state IN ('running', 'lost')");
    let same = transaction
        .prepare_cached(&format!(
            "SELECT 1 FROM jobs WHERE number = ?1 AND {live} AND pid IS ?2 AND start_time IS ?3 AND boot IS ?4"
        ))?
        .exists(params![
            number,
            row.process.as_ref().map(|process| process.pid),
            row.process
                .as_ref()
                .map(|process| process.start_time.cast_signed()),
            row.process.as_ref().map(|process| &process.boot_id),
        ])?;
    if !same {
        return Ok(());
    }
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
                    "UPDATE jobs SET state = 'waiting', ready_at = ?2, reason = ?3, pid = NULL, cards = NULL, \
                     spec = coalesce(?4, spec) WHERE number = ?1 AND {live}"
                ))?
                .execute(params![number, ready_at, reason, spec])?;
        }
        End::NeverRan => {
            transaction
                .prepare_cached(&format!(
                    "UPDATE jobs SET state = 'waiting', attempt = max(attempt - 1, 0), pid = NULL, cards = NULL, \
                     started_at = NULL WHERE number = ?1 AND {live}"
                ))?
                .execute([number])?;
        }
        End::Later { ready_at, reason } => {
            transaction
                .prepare_cached(&format!(
                    "UPDATE jobs SET state = 'waiting', attempt = max(attempt - 1, 0), pid = NULL, cards = NULL, \
                     started_at = NULL, ready_at = ?2, reason = ?3 WHERE number = ?1 AND {live}"
                ))?
                .execute(params![number, ready_at, reason])?;
        }
        End::Held(reason) => {
            transaction
                .prepare_cached(&format!(
                    "UPDATE jobs SET state = 'held', attempt = max(attempt - 1, 0), pid = NULL, cards = NULL, \
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
}
