//! A sweep's folder: what it is (`sweep.json`), and what happened (`trials.jsonl`, only ever added to).
//!
//! The folder is the truth and self-contained. Lines are added with one write each, under a lock that is held for the moment, so
//! that a person's `stop` and the sweep's own process never cross; a line that a power cut tore is passed over, and the next
//! begins on a line of its own.

use super::definition::{Definition, VERSION};
use super::state::{Event, Happening, Progress};
use crate::queue::Surroundings;
use deskside_machine::{Acting, Directories, Durability, ErrorKind, Held, Machine, Reading};
use deskside_types::run::RunId;
use deskside_types::{Code, Problem, Result};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Bytes of a definition.
const LARGEST: u64 = 64 << 20;
/// Bytes of the log that are read at once.
const PART: u64 = 8 << 20;
/// Whoever adds a line is done in a moment.
const PATIENCE: Duration = Duration::from_secs(20);

/// The folder of all sweeps.
pub fn sweeps(directories: &Directories) -> PathBuf {
    directories.data.join("sweeps")
}

/// A sweep, and how far its log was read.
pub struct Sweep<'a> {
    machine: &'a dyn Machine,
    folder: PathBuf,
    read: u64,
    /// What it is.
    pub definition: Definition,
    /// Where it is.
    pub progress: Progress,
}

impl<'a> Sweep<'a> {
    /// Makes a sweep's folder. When it is there, it is there whole.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn make(
        machine: &'a dyn Machine,
        directories: &Directories,
        definition: Definition,
    ) -> Result<Self> {
        let folder = sweeps(directories).join(&definition.id.0);
        let text = serde_json::to_string_pretty(&definition).unwrap_or_default();
        machine.create_directory(folder.join("configs"))?;
        // Its surroundings may hold more than others should read.
        machine.write_file(folder.join("sweep.json"), text, 0o600, Durability::Power)?;
        Ok(Self {
            machine,
            folder,
            read: 0,
            definition,
            progress: Progress::default(),
        })
    }

    /// Gives it other surroundings: variables that were kept in memory only are gone after a restart of the machine.
    ///
    /// # Errors
    /// When it can't be written; then they are as they were.
    pub fn set_surroundings(&mut self, surroundings: Surroundings) -> Result<()> {
        let changed = Definition {
            surroundings,
            ..self.definition.clone()
        };
        let text = serde_json::to_string_pretty(&changed).unwrap_or_default();
        self.machine.write_file(
            self.folder.join("sweep.json"),
            text,
            0o600,
            Durability::Power,
        )?;
        self.definition = changed;
        Ok(())
    }

    /// Opens a sweep and reads all that happened.
    ///
    /// # Errors
    /// [`Code::SweepUnknown`], [`Code::SweepBroken`].
    pub fn open(machine: &'a dyn Machine, directories: &Directories, id: &RunId) -> Result<Self> {
        let folder = sweeps(directories).join(&id.0);
        let text = match machine.file(folder.join("sweep.json"), LARGEST) {
            Ok(text) => text,
            Err(error) if error.kind == ErrorKind::Absent => return Err(unknown(&id.0, &[])),
            Err(error) => return Err(error.into()),
        };
        let broken = |why: String| {
            Problem::new(Code::SweepBroken, format!("sweep {id} can't be read"))
                .because(why)
                .hint(format!("its folder is {}", folder.display()))
        };
        let value: serde_json::Value =
            serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
        let version = value["version"].as_u64().unwrap_or(0);
        if version > u64::from(VERSION) {
            return Err(broken(format!(
                "it was written by a newer Deskside (version {version}; this one reads {VERSION})"
            )));
        }
        let definition =
            serde_json::from_value(value).map_err(|error| broken(error.to_string()))?;
        let mut sweep = Self {
            machine,
            folder,
            read: 0,
            definition,
            progress: Progress::default(),
        };
        sweep.refresh()?;
        Ok(sweep)
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its identity.
    pub fn id(&self) -> &RunId {
        &self.definition.id
    }

    fn log(&self) -> PathBuf {
        self.folder.join("trials.jsonl")
    }

    /// Held by the process that drives it, for its life.
    pub fn driver_lock(directories: &Directories, id: &str) -> PathBuf {
        sweeps(directories).join(id).join("driver.lock")
    }

    /// Reads what was added since.
    ///
    /// # Errors
    /// When the log is there and can't be read.
    pub fn refresh(&mut self) -> Result<()> {
        loop {
            let part = match self.machine.file_part(self.log(), self.read, PART) {
                Ok(part) => part,
                Err(error) if error.kind == ErrorKind::Absent => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let Some(end) = part.iter().rposition(|byte| *byte == b'\n') else {
                return Ok(());
            };
            for line in part[..end].split(|byte| *byte == b'\n') {
                // A torn line says nothing: what it was to say was never relied on.
                if let Ok(event) = serde_json::from_slice::<Event>(line) {
                    self.progress.take(&self.definition, &event);
                }
            }
            self.read += end as u64 + 1;
        }
    }

    /// Keeps everybody else from adding, and reads what they added before.
    ///
    /// # Errors
    /// When another process holds it for long.
    pub fn hold(&mut self) -> Result<Box<dyn Held>> {
        let held = self.machine.lock(&self.folder.join("log.lock"), PATIENCE)?;
        self.refresh()?;
        Ok(held)
    }

    /// Adds an event, durably. Call it while the log is held.
    ///
    /// # Errors
    /// When it can't be written; then it did not happen.
    pub fn add(&mut self, _held: &dyn Held, what: Happening) -> Result<()> {
        let event = Event {
            at: self.machine.now()?.wall.as_millisecond(),
            what,
        };
        let mut line = serde_json::to_string(&event).unwrap_or_default();
        line.push('\n');
        let size = self.machine.stat(self.log()).map_or(0, |stat| stat.size);
        if size > self.read {
            // Behind the last whole line lies a torn one.
            line.insert(0, '\n');
        }
        self.machine
            .append_file(self.log(), line, Durability::Power)?;
        self.refresh()
    }

    /// Holds the log, adds an event, lets go of it.
    ///
    /// # Errors
    /// As [`Sweep::hold`] and [`Sweep::add`].
    pub fn tell(&mut self, what: Happening) -> Result<()> {
        let held = self.hold()?;
        self.add(&*held, what)
    }
}

/// The identities of all sweeps, the newest first.
///
/// # Errors
/// When the folder is there and can't be read.
pub fn all(machine: &dyn Machine, directories: &Directories) -> Result<Vec<RunId>> {
    let entries = match machine.entries(sweeps(directories)) {
        Ok(entries) => entries,
        Err(error) if error.kind == ErrorKind::Absent => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let mut ids: Vec<RunId> = entries
        .into_iter()
        .filter(|entry| RunId::is_valid(&entry.name))
        .map(|entry| RunId(entry.name))
        .collect();
    ids.reverse();
    Ok(ids)
}

/// The sweep a person means: its identity, the beginning or end of it, its name, or `latest`.
///
/// # Errors
/// [`Code::SweepUnknown`].
pub fn find<'a>(
    machine: &'a dyn Machine,
    directories: &Directories,
    text: &str,
) -> Result<Sweep<'a>> {
    let text = text.trim();
    let ids = all(machine, directories)?;
    if let Some(id) = ids.first().filter(|_| text == "latest" || text == "-") {
        return Sweep::open(machine, directories, id);
    }
    let fits: Vec<&RunId> = match ids.iter().find(|id| id.0 == text) {
        Some(id) => vec![id],
        None => ids
            .iter()
            .filter(|id| text.len() >= 3 && (id.0.ends_with(text) || id.0.starts_with(text)))
            .collect(),
    };
    match fits.as_slice() {
        [one] => return Sweep::open(machine, directories, one),
        [] => {}
        several => return Err(unknown(text, several)),
    }
    for id in &ids {
        if let Ok(sweep) = Sweep::open(machine, directories, id)
            && sweep.definition.name == text
        {
            return Ok(sweep);
        }
    }
    Err(unknown(text, &[]))
}

fn unknown(text: &str, several: &[&RunId]) -> Problem {
    if several.is_empty() {
        return Problem::new(Code::SweepUnknown, format!("there is no sweep {text}"))
            .hint("see which there are: `deskside sweep list`");
    }
    let names: Vec<&str> = several.iter().map(|id| id.0.as_str()).collect();
    Problem::new(
        Code::SweepUnknown,
        format!("several sweeps are called {text}"),
    )
    .hint(format!("say which: {}", names.join(", ")))
}

#[cfg(test)]
mod tests;
