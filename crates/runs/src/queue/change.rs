//! What a person does to jobs that wait.

use super::end::tell_dependents;
use super::row::unknown;
use super::{JobState, Queue, Request, Row, Surroundings, broken};
use deskside_machine::Reading;
use deskside_types::{Code, Problem, Result};
use rusqlite::{Connection, TransactionBehavior, params};

/// Where a job is moved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Before all others of its priority.
    First,
    /// Behind all others of its priority.
    Last,
    /// Before another; it gets that one's priority.
    Before(i64),
    /// Behind another; it gets that one's priority.
    Behind(i64),
}

/// A job that was moved.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// Its number.
    pub number: i64,
    /// Its priority now.
    pub priority: i32,
}

impl Queue<'_> {
    /// Moves a job that waits.
    ///
    /// # Errors
    /// [`Code::JobUnknown`], [`Code::JobState`] when it does not wait.
    pub fn move_job(&mut self, number: i64, to: Move) -> Result<Moved> {
        let row = self.row(number)?;
        if !matches!(row.state, JobState::Waiting | JobState::Held) {
            return Err(wrong_state(&row, "moved"));
        }
        let beside = match to {
            Move::Before(other) | Move::Behind(other) => Some(self.row(other)?),
            Move::First | Move::Last => None,
        };
        let fail = |error: rusqlite::Error| broken("move a job", &error);
        let priority = beside.as_ref().map_or(row.priority, |other| other.priority);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(fail)?;
        let rank = new_rank(&transaction, number, priority, to).map_err(fail)?;
        transaction
            .execute(
                "UPDATE jobs SET rank = ?2, priority = ?3 WHERE number = ?1",
                params![number, rank, priority],
            )
            .map_err(fail)?;
        transaction.commit().map_err(fail)?;
        Ok(Moved { number, priority })
    }

    /// Sets the priority of a job that waits.
    ///
    /// # Errors
    /// [`Code::JobUnknown`], [`Code::JobState`] when it does not wait.
    pub fn set_priority(&mut self, number: i64, priority: i32) -> Result<()> {
        self.set(
            number,
            "set to another priority",
            "priority = ?2",
            &priority,
        )
    }

    /// Holds a job back until it is released.
    ///
    /// # Errors
    /// [`Code::JobUnknown`], [`Code::JobState`] when it does not wait.
    pub fn hold(&mut self, number: i64) -> Result<()> {
        self.set(
            number,
            "held",
            "state = 'held', ahead = NULL, reason = ?2",
            &"held by a person",
        )
    }

    /// Lets a held job go on.
    ///
    /// # Errors
    /// [`Code::JobUnknown`], [`Code::JobState`] when it does not wait.
    pub fn release(&mut self, number: i64) -> Result<()> {
        self.set(
            number,
            "released",
            "state = 'waiting', reason = ?2",
            &None::<String>,
        )
    }

    /// Takes a job that waits out of the queue.
    ///
    /// # Errors
    /// [`Code::JobUnknown`], [`Code::JobState`] when it does not wait.
    pub fn remove(&mut self, number: i64) -> Result<()> {
        let row = self.row(number)?;
        let now = self.machine.now()?.wall;
        let fail = |error: rusqlite::Error| broken("remove a job", &error);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(fail)?;
        let changed = transaction
            .execute(
                "UPDATE jobs SET state = 'ended', outcome = 'removed', ended_at = ?2, reason = 'removed by a person' \
                 WHERE number = ?1 AND state IN ('waiting', 'held')",
                params![number, now.as_millisecond()],
            )
            .map_err(fail)?;
        if changed == 0 {
            return Err(wrong_state(&row, "removed from the queue"));
        }
        tell_dependents(&transaction, number, false, now).map_err(fail)?;
        transaction.commit().map_err(fail)
    }

    /// Gives a job other surroundings.
    ///
    /// # Errors
    /// [`Code::QueueBroken`].
    pub fn set_surroundings(&mut self, number: i64, surroundings: &Surroundings) -> Result<()> {
        let (key, json) = super::add::keyed(surroundings);
        let write = || {
            self.connection.execute(
                "INSERT INTO surroundings VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                [&key, &json],
            )?;
            self.connection.execute(
                "UPDATE jobs SET surroundings = ?2 WHERE number = ?1",
                params![number, key],
            )
        };
        write()
            .map(drop)
            .map_err(|error| broken("write the queue", &error))
    }

    fn set(
        &mut self,
        number: i64,
        done: &str,
        what: &str,
        value: &dyn rusqlite::ToSql,
    ) -> Result<()> {
        let row = self.row(number)?;
        let changed = self
            .connection
            .execute(
                &format!(
                    "UPDATE jobs SET {what} WHERE number = ?1 AND state IN ('waiting', 'held')"
                ),
                params![number, value],
            )
            .map_err(|error| broken("write the queue", &error))?;
        if changed == 1 {
            Ok(())
        } else {
            Err(wrong_state(&row, done))
        }
    }
}

/// A place between two others; where there is none left between them, places are dealt out anew.
fn new_rank(
    connection: &Connection,
    number: i64,
    priority: i32,
    to: Move,
) -> rusqlite::Result<f64> {
    let edge = |sql: &str, of: f64| -> rusqlite::Result<Option<f64>> {
        connection.query_row(
            &format!("SELECT {sql} FROM jobs WHERE state IN ('waiting', 'held') AND priority = ?1 AND number <> ?2 AND (?3 IS NULL OR rank {} ?3)",
                if sql.contains("max") { "<" } else { ">" }),
            params![priority, number, of.is_finite().then_some(of)],
            |row| row.get(0),
        )
    };
    let rank_of = |other: i64| -> rusqlite::Result<f64> {
        connection.query_row("SELECT rank FROM jobs WHERE number = ?1", [other], |row| {
            row.get(0)
        })
    };
    for again in [false, true] {
        let (below, above) = match to {
            Move::First => (None, edge("min(rank)", f64::NAN)?),
            Move::Last => (edge("max(rank)", f64::NAN)?, None),
            Move::Before(other) => {
                let rank = rank_of(other)?;
                (edge("max(rank)", rank)?, Some(rank))
            }
            Move::Behind(other) => {
                let rank = rank_of(other)?;
                (Some(rank), edge("min(rank)", rank)?)
            }
        };
        let rank = match (below, above) {
            (None, None) => 0.0,
            (Some(below), None) => below + 1.0,
            (None, Some(above)) => above - 1.0,
            (Some(below), Some(above)) => f64::midpoint(below, above),
        };
        let fits = below.is_none_or(|below| below < rank) && above.is_none_or(|above| rank < above);
        if fits || again {
            return Ok(rank);
        }
        connection.execute(
            "UPDATE jobs SET rank = place FROM (SELECT number AS n, row_number() OVER (ORDER BY rank, number) AS place \
             FROM jobs WHERE state IN ('waiting', 'held')) WHERE number = n",
            [],
        )?;
    }
    Ok(0.0)
}

pub(crate) fn wrong_state(row: &Row, done: &str) -> Problem {
    let state = match row.state {
        JobState::Waiting => "it waits",
        JobState::Held => "it is held",
        JobState::Running if matches!(row.asked, Some(Request::Stop { .. })) => {
            "it is about to end"
        }
        JobState::Running => "it runs",
        JobState::Lost => "its supervisor died and a process of it goes on",
        JobState::Ended => "it is over",
    };
    let problem = Problem::new(
        Code::JobState,
        format!("job {} can't be {done}: {state}", row.number),
    );
    match row.state {
        JobState::Running | JobState::Lost => {
            problem.hint(format!("end it: `deskside stop {}`", row.number))
        }
        JobState::Ended => problem.hint(format!("once more: `deskside rerun {}`", row.number)),
        JobState::Waiting | JobState::Held => problem.hint(format!(
            "take it out: `deskside queue remove {}`",
            row.number
        )),
    }
}

pub(super) fn by_name(connection: &Connection, name: &str) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached(
            "SELECT number FROM jobs WHERE name = ?1 ORDER BY state = 'ended', number DESC LIMIT 3",
        )?
        .query_map([name], |row| row.get(0))?
        .collect()
}

pub(super) fn by_identity(connection: &Connection, text: &str) -> rusqlite::Result<Vec<i64>> {
    // An identity's own tail, or that of one of its runs: `k7mq`, `20261126-101112-k7mq-2`.
    connection
        .prepare_cached(
            "SELECT number FROM jobs WHERE id = ?1 OR run = ?1 OR ?1 LIKE id || '-%' \
             OR (length(?1) >= 4 AND id LIKE '%-' || ?1) ORDER BY number DESC LIMIT 3",
        )?
        .query_map([text], |row| row.get(0))?
        .collect()
}

impl Queue<'_> {
    /// The job a person means: its number (`17`, `#17`), its identity or that of one of its runs, or its name.
    ///
    /// # Errors
    /// [`Code::JobUnknown`], also where several are meant.
    pub fn find(&self, text: &str) -> Result<Row> {
        self.find_one(text)?.ok_or_else(|| unknown(text.trim()))
    }

    /// As [`Queue::find`]; none where the text means no job.
    ///
    /// # Errors
    /// [`Code::JobUnknown`] where it means several.
    pub fn find_one(&self, text: &str) -> Result<Option<Row>> {
        let text = text.trim();
        let number = text.strip_prefix('#').unwrap_or(text);
        let is_number = number.len() <= 9 && number.bytes().all(|byte| byte.is_ascii_digit());
        if let (true, Ok(number)) = (is_number, number.parse()) {
            return match self.row(number) {
                Err(problem) if problem.code == Code::JobUnknown => Ok(None),
                found => found.map(Some),
            };
        }
        let fail = |error: rusqlite::Error| broken("read the queue", &error);
        let mut found = by_identity(&self.connection, text).map_err(fail)?;
        if found.is_empty() {
            found = by_name(&self.connection, text).map_err(fail)?;
        }
        let rows = found
            .iter()
            .map(|number| self.row(*number))
            .collect::<Result<Vec<_>>>()?;
        let open: Vec<&Row> = rows
            .iter()
            .filter(|row| row.state != JobState::Ended)
            .collect();
        match (open.as_slice(), rows.as_slice()) {
            ([one], _) => Ok(Some((*one).clone())),
            ([], [one, ..]) => Ok(Some(one.clone())),
            ([], []) => Ok(None),
            (several, _) => {
                let mut numbers: Vec<i64> = several.iter().map(|row| row.number).collect();
                numbers.sort_unstable();
                let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
                Err(
                    Problem::new(Code::JobUnknown, format!("several jobs are called {text}"))
                        .hint(format!("say its number: {}", numbers.join(", "))),
                )
            }
        }
    }
}
