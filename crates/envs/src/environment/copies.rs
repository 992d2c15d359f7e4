//! Copies of files that a person edited, beside the environment while packages are installed over them.

use super::own::{Edited, edited, is_cut_off};
use super::restore::KEPT;
use super::tree;
use crate::snapshot::damage::{Depth, damaged};
use crate::snapshot::take::installed;
use crate::snapshot::walk::Walk;
use deskside_machine::{Acting, Durability, Machine, Reading};
use deskside_types::Problem;
use std::path::{Path, PathBuf};

/// A file larger than this is no work of a person's hands.
const LARGEST: u64 = 1 << 30;

/// The files that were copied, and where to.
pub(super) struct Copies {
    kept: PathBuf,
    files: Vec<PathBuf>,
}

impl Copies {
    /// Copies the files of packages that a person edited. `id` is the install's identity: its undo puts them back.
    ///
    /// # Errors
    /// When a file can't be read or its copy can't be written: then nothing may be installed over it.
    pub fn make(machine: &dyn Machine, environment: &Path, id: &str) -> Result<Self, Problem> {
        let there = installed(machine, environment);
        let walk = Walk::of(machine, environment);
        let damaged = damaged(machine, &walk, &there, Depth::ChangedSinceInstalled);
        let kept = tree::beside(&tree::place(machine, environment), &format!("{KEPT}{id}"));
        let mut files = Vec::new();
        for Edited { path, .. } in edited(machine, environment, &there, &damaged) {
            let from = environment.join(&path);
            let mode = machine.stat(&from)?.mode & 0o777;
            let bytes = machine.file(&from, LARGEST)?;
            machine.write_file(kept.join(&path), bytes, mode, Durability::Process)?;
            files.push(path);
        }
        Ok(Self { kept, files })
    }

    /// Removes the copies of those that stand where they stood, or were only cut off; answers with the folder where any stays.
    ///
    /// # Errors
    /// When a copy can't be removed.
    pub fn settle(
        &self,
        machine: &dyn Machine,
        environment: &Path,
    ) -> Result<Option<PathBuf>, Problem> {
        let mut gone = Vec::new();
        for relative in &self.files {
            let contents = |folder: &Path| machine.file(folder.join(relative), LARGEST).ok();
            let (now, copy) = (contents(environment), contents(&self.kept));
            let is_cut_off = || match (&copy, &now) {
                (Some(copy), Some(now)) => is_cut_off(copy, now),
                _ => false,
            };
            if now == copy || is_cut_off() {
                gone.push(relative);
            }
        }
        if gone.len() < self.files.len() {
            for relative in gone {
                machine.remove_file(self.kept.join(relative))?;
            }
            return Ok(Some(self.kept.clone()));
        }
        if !gone.is_empty() {
            machine.remove_tree(&self.kept)?;
        }
        Ok(None)
    }
}
