//! Choosing and ordering rows.

use super::{Index, Listed, problem};
use crate::summary::SummaryValue;
use deskside_types::Result;
use deskside_types::run::{RunId, RunState, StateRecord};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Row, params_from_iter};
use std::collections::BTreeMap;

/// Which runs are wanted; nothing set means all, newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Only these.
    pub ids: Option<Vec<RunId>>,
    /// Of this experiment.
    pub experiment: Option<String>,
    /// Of this project.
    pub project: Option<String>,
    /// In one of these states, by their words.
    pub states: Vec<String>,
    /// Words that all stand in identity, name, experiment, command, tags or parameters; case does not matter.
    pub text: Option<String>,
    /// As many at the most.
    pub limit: Option<usize>,
    /// In which order.
    pub order: Order,
}

/// An order of runs; runs without the value come last, equal ones newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// By what.
    pub by: OrderBy,
    /// The greatest first.
    pub descending: bool,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            by: OrderBy::Created,
            descending: true,
        }
    }
}

/// What runs are ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderBy {
    /// When they were made.
    Created,
    /// Their name.
    Name,
    /// How long they took.
    Duration,
    /// A parameter; numbers by their size.
    Param(String),
    /// A result, by its number.
    Summary(String),
}

impl Index {
    /// The runs a filter lets through, and how many there are without its limit.
    ///
    /// # Errors
    /// [`deskside_types::Code::IndexBroken`].
    pub fn list(&self, filter: &Filter) -> Result<(Vec<Listed>, usize)> {
        self.try_list(filter)
            .map_err(|error| problem("read the index of runs", &error))
    }

    pub(crate) fn try_list(&self, filter: &Filter) -> rusqlite::Result<(Vec<Listed>, usize)> {
        let (condition, mut values) = condition(filter);
        let total: i64 = self.connection.query_row(
            &format!("SELECT count(*) FROM runs WHERE {condition}"),
            params_from_iter(&values),
            |row| row.get(0),
        )?;
        let direction = if filter.order.descending {
            "DESC"
        } else {
            "ASC"
        };
        let by = match &filter.order.by {
            OrderBy::Created => "created".to_string(),
            OrderBy::Name => "name COLLATE NOCASE".to_string(),
            OrderBy::Duration => "ended - started".to_string(),
            OrderBy::Param(key) => {
                values.push(Value::Text(key.clone()));
                let value = format!(
                    "(SELECT value FROM params WHERE run = id AND key = ?{})",
                    values.len()
                );
                format!("{value} IS NULL, CAST({value} AS REAL) {direction}, {value}")
            }
            OrderBy::Summary(key) => {
                values.push(Value::Text(key.clone()));
                format!(
                    "(SELECT number FROM summary WHERE run = id AND key = ?{})",
                    values.len()
                )
            }
        };
        values.push(Value::Integer(
            filter
                .limit
                .map_or(-1, |limit| i64::try_from(limit).unwrap_or(-1)),
        ));
        let mut query = self.connection.prepare(&format!(
            "SELECT id, name, experiment, project, state_json, created, argv_json, working_directory, commit_id FROM runs
             WHERE {condition} ORDER BY {by} {direction} NULLS LAST, created DESC, id DESC LIMIT ?{}",
            values.len()
        ))?;
        let mut rows: Vec<Listed> = query
            .query_map(params_from_iter(&values), read_row)?
            .collect::<rusqlite::Result<_>>()?;
        for row in &mut rows {
            self.fill(row)?;
        }
        Ok((rows, usize::try_from(total).unwrap_or_default()))
    }

    /// The experiment names there are, each with its number of runs.
    ///
    /// # Errors
    /// [`deskside_types::Code::IndexBroken`].
    pub fn experiments(&self) -> Result<Vec<(String, usize)>> {
        let read = || -> rusqlite::Result<Vec<(String, usize)>> {
            let mut query = self.connection.prepare("SELECT experiment, count(*) FROM runs GROUP BY experiment ORDER BY max(created) DESC")?;
            query
                .query_map([], |row| {
                    Ok((
                        row.get(0)?,
                        row.get::<_, i64>(1)?.try_into().unwrap_or_default(),
                    ))
                })?
                .collect()
        };
        read().map_err(|error| problem("read the index of runs", &error))
    }

    /// The run that is known by an identity.
    pub(crate) fn one(&self, id: &RunId) -> rusqlite::Result<Option<Listed>> {
        let mut query = self.connection.prepare_cached(
            "SELECT id, name, experiment, project, state_json, created, argv_json, working_directory, commit_id FROM runs WHERE id = ?1",
        )?;
        let row = query.query_row([&id.0], read_row).optional()?;
        row.map(|mut row| self.fill(&mut row).map(|()| row))
            .transpose()
    }

    fn fill(&self, row: &mut Listed) -> rusqlite::Result<()> {
        row.params = self.pairs("SELECT key, value FROM params WHERE run = ?1", &row.id)?;
        row.tags = self.pairs("SELECT key, value FROM tags WHERE run = ?1", &row.id)?;
        let mut query = self
            .connection
            .prepare_cached("SELECT key, number, text FROM summary WHERE run = ?1")?;
        row.summary = query
            .query_map([&row.id.0], |row| {
                let text: Option<String> = row.get(2)?;
                let value = match (row.get::<_, Option<f64>>(1)?, text) {
                    (Some(number), _) => SummaryValue::Number(number),
                    (None, Some(text)) => text
                        .strip_prefix('=')
                        .map_or(SummaryValue::Number(f64::NAN), |text| {
                            SummaryValue::Text(text.into())
                        }),
                    (None, None) => SummaryValue::Number(f64::NAN),
                };
                Ok((row.get(0)?, value))
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(())
    }

    fn pairs(&self, query: &str, id: &RunId) -> rusqlite::Result<BTreeMap<String, String>> {
        let mut query = self.connection.prepare_cached(query)?;
        query
            .query_map([&id.0], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    }
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<Listed> {
    let state: String = row.get(4)?;
    let argv: String = row.get(6)?;
    Ok(Listed {
        id: RunId(row.get(0)?),
        name: row.get(1)?,
        experiment: row.get(2)?,
        project: row.get(3)?,
        state: serde_json::from_str(&state).unwrap_or(StateRecord {
            state: RunState::ExitUnknown { survivor: None },
            started_at: None,
            ended_at: None,
        }),
        created_at: jiff::Timestamp::from_millisecond(row.get(5)?).unwrap_or_default(),
        argv: serde_json::from_str(&argv).unwrap_or_default(),
        working_directory: row.get(7)?,
        commit: row.get(8)?,
        params: BTreeMap::new(),
        tags: BTreeMap::new(),
        summary: BTreeMap::new(),
    })
}

/// The condition of a filter and its values, numbered from 1.
fn condition(filter: &Filter) -> (String, Vec<Value>) {
    let mut parts = vec!["1".to_string()];
    let mut values = Vec::new();
    let mut bind = |text: &str| {
        values.push(Value::Text(text.to_string()));
        format!("?{}", values.len())
    };
    if let Some(ids) = &filter.ids {
        let places: Vec<String> = ids.iter().map(|id| bind(&id.0)).collect();
        parts.push(format!("id IN ({})", places.join(", ")));
    }
    for (column, wanted) in [
        ("experiment", &filter.experiment),
        ("project", &filter.project),
    ] {
        if let Some(wanted) = wanted {
            parts.push(format!("{column} = {}", bind(wanted)));
        }
    }
    if !filter.states.is_empty() {
        let places: Vec<String> = filter.states.iter().map(|state| bind(state)).collect();
        parts.push(format!("state IN ({})", places.join(", ")));
    }
    for word in filter
        .text
        .as_deref()
        .unwrap_or_default()
        .split_whitespace()
    {
        let escaped = word
            .replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_");
        let place = bind(&format!("%{escaped}%"));
        let like = |column: &str| format!("{column} LIKE {place} ESCAPE '\\'");
        let own: Vec<String> = ["id", "name", "experiment", "argv_json"].map(like).to_vec();
        let pair = like("key || '=' || value");
        parts.push(format!(
            "({} OR id IN (SELECT run FROM params WHERE {pair}) OR id IN (SELECT run FROM tags WHERE {pair}))",
            own.join(" OR ")
        ));
    }
    (parts.join(" AND "), values)
}
