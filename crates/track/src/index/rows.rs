//! Runs as rows: reading a folder into a row, writing and removing rows.

use super::{Index, problem};
use crate::summary::{SummaryValue, summary};
use crate::{Folder, record, truth};
use deskside_machine::Machine;
use deskside_types::Result;
use deskside_types::run::{RunId, RunState, StateRecord};
use rusqlite::params;
use std::collections::BTreeMap;

/// A run as it is listed.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// Its identity.
    pub id: RunId,
    /// Its name.
    pub name: String,
    /// Its experiment.
    pub experiment: String,
    /// Its project's folder.
    pub project: Option<String>,
    /// Where it is in its life, by the truth rule.
    pub state: StateRecord,
    /// When it was made.
    pub created_at: jiff::Timestamp,
    /// Its command.
    pub argv: Vec<String>,
    /// The folder it ran in.
    pub working_directory: String,
    /// The commit of its code.
    pub commit: Option<String>,
    /// Its parameters.
    pub params: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its results: what training code set, over the last value of each metric.
    pub summary: BTreeMap<String, SummaryValue>,
}

impl Listed {
    /// Reads a run's folder, settling its state.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn of(machine: &dyn Machine, folder: &Folder) -> Result<Self> {
        let run = record::read(machine, folder)?;
        let state = truth(machine, folder)?;
        let params = record::params(machine, folder, &run);
        Ok(Self {
            params,
            state,
            summary: summary(machine, folder)?.values,
            id: run.id,
            name: run.name,
            experiment: run.experiment,
            project: run.project,
            created_at: run.created_at,
            argv: run.argv,
            working_directory: run.working_directory,
            commit: run.code.map(|code| code.commit),
            tags: run.tags,
        })
    }

    /// Its state may still change.
    fn is_live(&self) -> bool {
        !self.state.state.is_over()
    }
}

impl Index {
    /// Writes runs, each in place of what was known of it, in one transaction.
    ///
    /// # Errors
    /// [`deskside_types::Code::IndexBroken`].
    pub fn put(&mut self, runs: &[Listed]) -> Result<()> {
        self.try_put(runs)
            .map_err(|error| problem("write the index of runs", &error))
    }

    pub(crate) fn try_put(&mut self, runs: &[Listed]) -> rusqlite::Result<()> {
        let transaction = self
            .connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for run in runs {
            let exit = match &run.state.state {
                RunState::Finished { exit } | RunState::Stopped { exit, .. } => {
                    Some(exit.shell_code())
                }
                _ => None,
            };
            transaction
                .prepare_cached("DELETE FROM runs WHERE id = ?1")?
                .execute([&run.id.0])?;
            transaction
                .prepare_cached("INSERT INTO runs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)")?
                .execute(params![
                    run.id.0,
                    run.name,
                    run.experiment,
                    run.project,
                    run.state.state.word(),
                    json(&run.state),
                    run.is_live(),
                    exit,
                    run.created_at.as_millisecond(),
                    run.state.started_at.map(jiff::Timestamp::as_millisecond),
                    run.state.ended_at.map(jiff::Timestamp::as_millisecond),
                    json(&run.argv),
                    run.working_directory,
                    run.commit,
                ])?;
            for (table, pairs) in [("params", &run.params), ("tags", &run.tags)] {
                let mut insert = transaction
                    .prepare_cached(&format!("INSERT INTO {table} VALUES (?1, ?2, ?3)"))?;
                for (key, value) in pairs {
                    insert.execute([&run.id.0, key, value])?;
                }
            }
            let mut insert =
                transaction.prepare_cached("INSERT INTO summary VALUES (?1, ?2, ?3, ?4)")?;
            for (key, value) in &run.summary {
                // SQLite keeps NaN as NULL; its name is kept as text beside it.
                match value {
                    SummaryValue::Number(number) if number.is_nan() => {
                        insert.execute(params![run.id.0, key, None::<f64>, "NaN"])?
                    }
                    SummaryValue::Number(number) => {
                        insert.execute(params![run.id.0, key, number, None::<&str>])?
                    }
                    SummaryValue::Text(text) => {
                        insert.execute(params![run.id.0, key, None::<f64>, format!("={text}")])?
                    }
                };
            }
        }
        transaction.commit()
    }

    /// Forgets a run; its folder is untouched.
    ///
    /// # Errors
    /// [`deskside_types::Code::IndexBroken`].
    pub fn remove(&mut self, id: &RunId) -> Result<()> {
        self.connection
            .execute("DELETE FROM runs WHERE id = ?1", [&id.0])
            .map(drop)
            .map_err(|error| problem("write the index of runs", &error))
    }

    /// Every run that is known, and whether its state may still change.
    pub(crate) fn known(&self) -> rusqlite::Result<Vec<(RunId, bool)>> {
        let mut query = self
            .connection
            .prepare_cached("SELECT id, live FROM runs")?;
        query
            .query_map([], |row| Ok((RunId(row.get(0)?), row.get(1)?)))?
            .collect()
    }

    /// Identity and name of every run, newest first.
    pub(crate) fn names(&self) -> rusqlite::Result<Vec<(RunId, String)>> {
        let mut query = self
            .connection
            .prepare_cached("SELECT id, name FROM runs ORDER BY created DESC, id DESC")?;
        query
            .query_map([], |row| Ok((RunId(row.get(0)?), row.get(1)?)))?
            .collect()
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
