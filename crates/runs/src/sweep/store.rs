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
mod tests {
    use super::super::definition::tests::definition;
    use super::*;
    use deskside_machine::wrappers::{Fault, Faulty, Mode};
    use deskside_testkit::Sim;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn what_is_said_is_read_again_and_a_torn_line_is_passed_over() {
        let sim = Sim::linux();
        let directories = Directories::of(&sim).unwrap();
        let mut sweep = Sweep::make(&sim, &directories, definition()).unwrap();
        let point = definition().point(0).unwrap();
        let trial = |trial| Happening::Trial {
            trial,
            point: point.clone(),
        };
        sweep.tell(trial(0)).unwrap();
        sim.append_file(sweep.log(), "{\"at\":7,\"wh", Durability::Process)
            .unwrap();
        let mut again = find(&sim, &directories, "abcd").unwrap();
        assert_eq!(again.progress.trials.len(), 1);
        again.tell(trial(1)).unwrap();
        sweep.refresh().unwrap();
        assert_eq!(sweep.progress, again.progress);
        assert_eq!(sweep.progress.trials.len(), 2);
        for text in ["latest", "train", "20261126", "20261126-010203-abcd"] {
            assert_eq!(
                find(&sim, &directories, text).unwrap().progress,
                sweep.progress
            );
        }
        assert_eq!(
            find(&sim, &directories, "other").err().unwrap().code,
            Code::SweepUnknown
        );
    }

    /// Whatever breaks at whichever effect: who looks afterwards finds no sweep or a whole one, and every event that was confirmed.
    #[test]
    fn at_every_effect_something_breaks() {
        let (mut died, mut failed) = (0, 0);
        let modes = [
            Mode::Fail(ErrorKind::Full),
            Mode::DieBefore,
            Mode::DieAfter,
            Mode::Half,
        ];
        for (at, mode) in (1..16).flat_map(|at| modes.map(|mode| (at, mode))) {
            let sim = Sim::linux();
            let directories = Directories::of(&sim).unwrap();
            let faulty = Faulty::new(sim.shared(), Fault { at, mode });
            let confirmed = std::cell::Cell::new(0);
            let outcome = catch_unwind(AssertUnwindSafe(|| -> Result<()> {
                let mut sweep = Sweep::make(&faulty, &directories, definition())?;
                for trial in 0..4 {
                    let point = definition().point(trial).unwrap_or_default();
                    sweep.tell(Happening::Trial { trial, point })?;
                    confirmed.set(trial + 1);
                }
                Ok(())
            }));
            died += usize::from(outcome.is_err());
            failed += usize::from(matches!(outcome, Ok(Err(_))));
            let found = all(&sim, &directories).unwrap();
            let Some(mut sweep) = found
                .first()
                .and_then(|id| Sweep::open(&sim, &directories, id).ok())
            else {
                assert_eq!(confirmed.get(), 0, "{mode:?}@{at}");
                continue;
            };
            let there = sweep.progress.trials.len() as u64;
            assert!(
                there == confirmed.get() || there == confirmed.get() + 1,
                "{mode:?}@{at}: {there} of {}",
                confirmed.get()
            );
            let point = definition().point(0).unwrap();
            sweep
                .tell(Happening::Trial {
                    trial: there,
                    point,
                })
                .unwrap();
            let again = Sweep::open(&sim, &directories, &definition().id).unwrap();
            assert_eq!(
                again.progress.trials.len() as u64,
                there + 1,
                "{mode:?}@{at}: it goes on"
            );
        }
        assert!(
            died > 10 && failed > 3,
            "{died} {failed}: the faults were met"
        );
    }

    #[test]
    fn a_newer_sweep_is_refused() {
        let sim = Sim::linux();
        let directories = Directories::of(&sim).unwrap();
        Sweep::make(
            &sim,
            &directories,
            Definition {
                version: 9,
                ..definition()
            },
        )
        .unwrap();
        let problem = find(&sim, &directories, "latest").err().unwrap();
        assert_eq!(problem.code, Code::SweepBroken);
    }
}
