//! What a person asks of a job that runs.
//!
//! It stands in the job's own row, written only while the job is in the hands in which it was seen. The signal that follows only says
//! that there is something to read. So nothing that is asked of one job can reach another, however late it comes; and an end that
//! nobody asked for is told from one that a person asked for.

use super::{Queue, Row, broken};
use deskside_types::Result;
use deskside_types::run::ProcessIdentity;
use rusqlite::{OptionalExtension, params};
use std::time::Duration;

/// What the reason of a running job says while it stands still.
pub(super) const PAUSED: &str = "paused";
/// How a stop begins in the column.
const STOP: &str = "stop ";

/// What is asked of a job that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Nothing: it goes on, also where it stood still.
    GoOn,
    /// To stand still.
    Pause,
    /// To end with its whole tree, killed after a grace.
    Stop {
        /// Between the request to end and the killing.
        grace: Duration,
        /// In words, who wants it: how the job's end is explained.
        why: String,
    },
}

impl Request {
    fn text(&self) -> String {
        match self {
            Self::GoOn => String::new(),
            Self::Pause => PAUSED.into(),
            Self::Stop { grace, why } => format!("{STOP}{} {why}", grace.as_millis()),
        }
    }

    /// A word of a newer program's asks for nothing.
    pub(super) fn of(text: &str) -> Self {
        let stop = text
            .strip_prefix(STOP)
            .and_then(|rest| rest.split_once(' '))
            .and_then(|(grace, why)| Some((grace.parse().ok()?, why)));
        match stop {
            Some((grace, why)) => Self::Stop {
                grace: Duration::from_millis(grace),
                why: why.into(),
            },
            None if text == PAUSED => Self::Pause,
            None => Self::GoOn,
        }
    }
}

impl Queue<'_> {
    /// Asks something of a job that runs, while it is in the hands that its row names; whether it still was. One that is to end
    /// can't be asked for anything but another end.
    ///
    /// # Errors
    /// [`deskside_types::Code::QueueBroken`].
    pub fn ask(&mut self, row: &Row, request: &Request) -> Result<bool> {
        let Some(process) = &row.process else {
            return Ok(false);
        };
        let reason = match request {
            Request::Pause => Some(PAUSED),
            Request::GoOn | Request::Stop { .. } => None,
        };
        // The row of a supervisor that reads none, because it is of an earlier version, has none.
        self.connection
            .execute(
                "UPDATE jobs SET reason = ?2, asked = CASE WHEN asked IS NULL THEN NULL ELSE ?3 END \
                 WHERE number = ?1 AND state = 'running' AND pid = ?4 AND start_time = ?5 AND boot = ?6 \
                 AND (asked IS NULL OR ?7 OR asked NOT LIKE 'stop %')",
                params![
                    row.number,
                    reason,
                    request.text(),
                    process.pid,
                    process.start_time.cast_signed(),
                    process.boot_id,
                    matches!(request, Request::Stop { .. }),
                ],
            )
            .map(|changed| changed == 1)
            .map_err(|error| broken("write the queue", &error))
    }

    /// What is asked of a job by now. None where it is not in this supervisor's hands any more.
    ///
    /// # Errors
    /// [`deskside_types::Code::QueueBroken`].
    pub fn asked(&self, number: i64, supervisor: &ProcessIdentity) -> Result<Option<Request>> {
        self.connection
            .prepare_cached(
                "SELECT coalesce(asked, '') FROM jobs \
                 WHERE number = ?1 AND state = 'running' AND pid = ?2 AND start_time = ?3 AND boot = ?4",
            )
            .and_then(|mut query| {
                let of = params![
                    number,
                    supervisor.pid,
                    supervisor.start_time.cast_signed(),
                    supervisor.boot_id
                ];
                query
                    .query_row(of, |row| row.get::<_, String>(0))
                    .optional()
            })
            .map(|text| text.as_deref().map(Request::of))
            .map_err(|error| broken("read the queue", &error))
    }
}
