//! `deskside explain CODE|ID`: what an error code means at length, or what a change was.

mod change;

pub use change::{ChangeReport, PackageReport, StepReport, change};

use crate::Answer;
use deskside_types::{Code, Problem, Result};
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `explain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExplainReport {
    /// The code.
    pub code: Code,
    /// The exit code it leads to.
    pub exit: u8,
    /// What it is, in a phrase.
    pub title: String,
    /// What it means and what usually leads to it.
    pub meaning: String,
    /// What to do, in the order to try it.
    pub remedy: Vec<String>,
}

impl Answer for ExplainReport {
    const SCHEMA: &'static str = "deskside.explain";
}

/// Explains a code.
///
/// # Errors
/// When there is no such code.
pub fn explain(text: &str) -> Result<ExplainReport> {
    let unknown = || {
        Problem::new(Code::Usage, format!("there is no error code `{text}`"))
            .hint("codes look like DS0103, and `deskside explain --all` lists them; changes have the names that `deskside history` lists")
    };
    let code: Code = text.parse().map_err(|()| unknown())?;
    of(code).ok_or_else(unknown)
}

/// Every code, explained.
pub fn all() -> Vec<ExplainReport> {
    Code::ALL.iter().filter_map(|code| of(*code)).collect()
}

fn of(code: Code) -> Option<ExplainReport> {
    let explanation = deskside_knowledge::errors::explanation(code)?;
    Some(ExplainReport {
        code,
        exit: code.exit().number(),
        title: explanation.title.clone(),
        meaning: explanation.meaning.clone(),
        remedy: explanation.remedy.clone(),
    })
}
