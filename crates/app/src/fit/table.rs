//! `deskside fit --table FILE.csv`: every row of somebody's own measurements, predicted.

use crate::{Answer, Context};
use deskside_advise::fit::table::{Prediction, parse, predict};
use deskside_machine::Reading;
use deskside_types::{Code, Problem, Result};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::Path;

/// The longest table that is read, in bytes.
const LONGEST: u64 = 32 * 1024 * 1024;

/// The most rows.
const MOST: usize = 1_000_000;

/// The answer of `fit --table`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TableReport {
    /// One prediction a row, in the table's order. Memory is in bytes, all else in the row's unit.
    pub rows: Vec<Prediction>,
}

impl Answer for TableReport {
    const SCHEMA: &'static str = "deskside.fit-table";
}

/// Predicts every row. Value columns are never looked at.
///
/// # Errors
/// When the file can't be read, or has none of the columns that a question needs.
pub fn table(context: &Context, path: &Path) -> Result<TableReport> {
    let bytes = context.projects.file(path, LONGEST)?;
    let table = parse(&String::from_utf8_lossy(&bytes), MOST);
    for column in ["metric", "model"] {
        if !table.columns.iter().any(|one| one == column) {
            return Err(Problem::new(Code::FitContradictory, format!("{} has no column {column:?}", path.display()))
                .hint("its first line must name the columns: id, metric, phase, model, weights, framework, method, batch, prompt_len, gen_len, seq_len, gpu, n_gpu, …"));
        }
    }
    Ok(TableReport {
        rows: table
            .rows
            .iter()
            .enumerate()
            .map(|(place, row)| predict(row, place))
            .collect(),
    })
}
