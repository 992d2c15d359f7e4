//! A job as the queue's file holds it.

use super::{Queue, Request, Spec, Surroundings, broken};
use crate::schedule::{Claim, Window};
use deskside_types::run::{ProcessIdentity, RunId};
use deskside_types::{Code, Problem, Result};
use rusqlite::OptionalExtension;

/// Where a job is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It waits its turn.
    Waiting,
    /// A person holds it.
    Held,
    /// A supervisor has it.
    Running,
    /// Its supervisor died, and a process of it goes on.
    Lost,
    /// It is over.
    Ended,
}

impl JobState {
    /// The state's word, the same in the file, JSON and on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Running => "running",
            Self::Lost => "lost",
            Self::Ended => "ended",
        }
    }

    fn of(word: &str) -> Option<Self> {
        [
            Self::Waiting,
            Self::Held,
            Self::Running,
            Self::Lost,
            Self::Ended,
        ]
        .into_iter()
        .find(|state| state.word() == word)
    }
}

/// A job, without what only its supervisor needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its number: short, and never given twice.
    pub number: i64,
    /// Its identity, which its first run has, too.
    pub id: RunId,
    /// Where it is in its life.
    pub state: JobState,
    /// A greater one comes first.
    pub priority: i32,
    /// Jobs it waits for.
    pub waits: u32,
    /// Not before this moment, in milliseconds of the epoch.
    pub ready_at: i64,
    /// Hours of the day in which it must not start.
    pub window: Option<Window>,
    /// What it takes.
    pub claim: Claim,
    /// Its name.
    pub name: String,
    /// Its command, without secrets.
    pub shown: String,
    /// When it was queued, in milliseconds of the epoch.
    pub submitted_at: i64,
    /// How often it was started.
    pub attempt: u32,
    /// The newest of its runs.
    pub run: Option<RunId>,
    /// Its supervisor; the process that goes on, of a lost one.
    pub process: Option<ProcessIdentity>,
    /// The cards it has.
    pub cards: Vec<String>,
    /// When it was claimed.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// How it ended: a run's state, or `skipped`, `removed`.
    pub outcome: Option<String>,
    /// Its exit code as a shell shows it.
    pub exit: Option<i32>,
    /// In words, why it waits or how it ended.
    pub reason: Option<String>,
    /// What is asked of it while it runs; none where its supervisor is of an earlier version and hears signals only.
    pub asked: Option<Request>,
}

/// The columns of a [`Row`], in order.
pub(super) const COLUMNS: &str = "number, id, state, priority, waits, ready_at, window, gpus, vram, share, name, shown, \
    submitted_at, attempt, run, pid, start_time, boot, cards, started_at, ended_at, outcome, exit, reason, asked";

impl Row {
    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let state: String = row.get(2)?;
        let window: Option<String> = row.get(6)?;
        let vram: i64 = row.get(8)?;
        let pid: Option<u32> = row.get(15)?;
        let start_time: Option<i64> = row.get(16)?;
        let boot: Option<String> = row.get(17)?;
        let process = pid
            .zip(start_time)
            .map(|(pid, start_time)| ProcessIdentity {
                pid,
                start_time: start_time.cast_unsigned(),
                boot_id: boot.unwrap_or_default(),
            });
        let cards: Option<String> = row.get(18)?;
        Ok(Self {
            number: row.get(0)?,
            id: RunId(row.get(1)?),
            // A word of a newer program's: it is left alone.
            state: JobState::of(&state).unwrap_or(JobState::Held),
            priority: row.get(3)?,
            waits: row.get(4)?,
            ready_at: row.get(5)?,
            window: window.and_then(|text| text.parse().ok()),
            claim: Claim {
                gpus: row.get(7)?,
                vram: vram.cast_unsigned(),
                share: row.get(9)?,
            },
            name: row.get(10)?,
            shown: row.get(11)?,
            submitted_at: row.get(12)?,
            attempt: row.get(13)?,
            run: row.get::<_, Option<String>>(14)?.map(RunId),
            process,
            cards: cards
                .as_deref()
                .unwrap_or_default()
                .split_whitespace()
                .map(String::from)
                .collect(),
            started_at: row.get(19)?,
            ended_at: row.get(20)?,
            outcome: row.get(21)?,
            exit: row.get(22)?,
            reason: row.get(23)?,
            asked: row
                .get::<_, Option<String>>(24)?
                .as_deref()
                .map(Request::of),
        })
    }

    /// The identity of its run at an attempt: its own at the first, then with the attempt's number behind.
    pub fn run_at(id: &RunId, attempt: u32) -> RunId {
        if attempt <= 1 {
            id.clone()
        } else {
            RunId(format!("{id}-{attempt}"))
        }
    }
}

impl Row {
    /// It was asked to stand still.
    pub fn is_paused(&self) -> bool {
        self.state == JobState::Running && self.reason.as_deref() == Some(super::asked::PAUSED)
    }
}

impl Queue<'_> {
    /// One job by its number.
    ///
    /// # Errors
    /// [`Code::JobUnknown`].
    pub fn row(&self, number: i64) -> Result<Row> {
        let found = self
            .connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM jobs WHERE number = ?1"))
            .and_then(|mut query| query.query_row([number], Row::read).optional())
            .map_err(|error| broken("read the queue", &error))?;
        found.ok_or_else(|| unknown(&number.to_string()))
    }

    /// What a job is to do and where.
    ///
    /// # Errors
    /// When the queue can't be read, or the job was written by a newer program.
    pub fn spec(&self, number: i64) -> Result<(Spec, Surroundings)> {
        let texts: (String, String) = self
            .connection
            .prepare_cached(
                "SELECT spec, json FROM jobs JOIN surroundings ON key = surroundings WHERE number = ?1",
            )
            .and_then(|mut query| query.query_row([number], |row| Ok((row.get(0)?, row.get(1)?))))
            .map_err(|error| broken(&format!("read job {number}"), &error))?;
        let parsed = serde_json::from_str(&texts.0)
            .and_then(|spec| Ok((spec, serde_json::from_str(&texts.1)?)));
        parsed.map_err(|error| {
            Problem::new(
                Code::QueueBroken,
                format!("job {number} can't be understood"),
            )
            .because(error)
        })
    }
}

pub(super) fn unknown(text: &str) -> Problem {
    Problem::new(Code::JobUnknown, format!("there is no job {text}"))
        .hint("see what waits: `deskside queue`; what runs: `deskside ps`")
}
