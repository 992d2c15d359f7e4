//! The catalogue that questions of money rest on: built in, over it what was refreshed, over both the person's own prices.

use super::own;
use crate::Context;
use deskside_knowledge::prices::{OfferRow, offer_row, offers, offers_among};
use deskside_machine::{ErrorKind, Reading};
use std::path::PathBuf;

/// The longest file of offers that is read, in bytes.
const LONGEST: u64 = 4 << 20;

/// The source of a person's own price.
pub(crate) const OWN: &str = "own";

/// Offers, and what is to be said about them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Catalogue {
    /// All of them.
    pub rows: Vec<OfferRow>,
    /// A file that can't be used, and why.
    pub warnings: Vec<String>,
}

impl Catalogue {
    /// What the program brings.
    pub fn built_in() -> Self {
        Self {
            rows: offers().collect(),
            warnings: Vec::new(),
        }
    }

    /// That of the person here; of a recorded machine the built-in one.
    pub fn of(context: &Context) -> Self {
        let mut catalogue = Self::built_in();
        if context.recorded {
            return catalogue;
        }
        match read(context, &current(context)) {
            Ok(rows) => catalogue.refresh(rows),
            Err(why) => catalogue.warnings.push(why),
        }
        match own::read(context) {
            Ok(rows) => catalogue.rows.extend(rows),
            Err(problem) => catalogue.warnings.push(problem.message),
        }
        catalogue
    }

    /// A provider that was refreshed is taken from there whole.
    pub fn refresh(&mut self, rows: Vec<OfferRow>) {
        self.rows
            .retain(|old| !rows.iter().any(|row| row.provider == old.provider));
        self.rows.extend(rows);
    }

    /// The offers of an accelerator by any of its names, cheapest first. Where the person has a price of their own for it,
    /// only that counts.
    pub fn of_accelerator(&self, name: &str) -> Vec<OfferRow> {
        let found = offers_among(self.rows.iter().cloned(), name);
        if found.iter().any(|row| row.source == OWN) {
            return found.into_iter().filter(|row| row.source == OWN).collect();
        }
        found
    }
}

/// Where refreshed offers lie.
pub(super) fn current(context: &Context) -> PathBuf {
    context.directories.data.join("offers/current.tsv")
}

/// Where those before them lie.
pub(super) fn before(context: &Context) -> PathBuf {
    context.directories.data.join("offers/before.tsv")
}

/// The rows of a file; none where it is not there. A damaged file is said, and nothing of it is used.
pub(super) fn read(context: &Context, path: &std::path::Path) -> Result<Vec<OfferRow>, String> {
    let bytes = match context.machine.file(path, LONGEST) {
        Ok(bytes) => bytes,
        Err(error) if error.kind == ErrorKind::Absent => return Ok(Vec::new()),
        Err(error) => return Err(format!("the refreshed offers can't be read: {error}")),
    };
    let text = String::from_utf8_lossy(&bytes);
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            offer_row(line)
                .filter(|row| row.usd_an_hour.is_finite() && row.usd_an_hour > 0.0)
                .ok_or_else(|| {
                    format!(
                        "{} is damaged and was left out: run `deskside offers refresh` again",
                        path.display()
                    )
                })
        })
        .collect()
}

/// The rows as a file.
pub(super) fn written(rows: &[OfferRow]) -> String {
    let mut text = String::from(
        "# managed by deskside: `deskside offers refresh`; `deskside offers undo` brings back what was before\n# columns: accelerator, memory GB, provider, tier, USD an hour, seen on, source\n",
    );
    for row in rows {
        text.push_str(&format!(
            "{}\t{}\t{}\t{}\t{}\t{}\t{}\n",
            row.accelerator,
            row.memory_gb,
            row.provider,
            row.tier,
            row.usd_an_hour,
            row.as_of,
            row.source
        ));
    }
    text
}
