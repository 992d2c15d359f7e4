//! One transaction: the end of the job before, and the claim of the next.

use super::end::put_end;
use super::going::{goes_on, live};
use super::row::COLUMNS;
use super::settings::{slots, usable};
use super::{End, Queue, Row, ahead, broken};
use crate::schedule::{Candidate, Card, Claim, Holder, Plan, Situation, plan};
use deskside_machine::Reading;
use deskside_types::run::{ProcessIdentity, RunId};
use deskside_types::{Code, Problem, Result};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::{Transaction, TransactionBehavior, params};
use std::cell::RefCell;
use std::time::Duration;

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
                 started_at = ?6, ended_at = NULL, outcome = NULL, exit = NULL, reason = NULL, ahead = NULL, asked = '', \
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
