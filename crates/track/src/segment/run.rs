//! The segments of a run together: read once, or followed while they grow.

use super::{Collect, Damage, Decoder, RECORD};
use deskside_machine::{ErrorKind, FileKind, Machine, Reading};
use deskside_types::Result;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Bytes asked of a file at once; whole records.
const CHUNK: u64 = (1 << 18) * RECORD as u64;

/// All segments of one folder (`metrics/` or `system/` of a run) and how far each was read.
#[derive(Debug)]
pub struct RunMetrics<C> {
    folder: PathBuf,
    segments: BTreeMap<String, Decoder>,
    /// Where the points go.
    pub collected: C,
}

impl<C: Collect> RunMetrics<C> {
    /// Of a folder; nothing is read yet.
    pub fn new(folder: impl Into<PathBuf>, collected: C) -> Self {
        Self {
            folder: folder.into(),
            segments: BTreeMap::new(),
            collected,
        }
    }

    /// Reads what was added since the last call, from segments known and new, and says what could not be read in all.
    ///
    /// # Errors
    /// When the folder can't be listed. A folder that is not there has no points; a file that can't be read is damage.
    pub fn refresh(&mut self, machine: &dyn Machine) -> Result<Damage> {
        let entries = match machine.entries(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind == ErrorKind::Absent => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let mut damage = Damage::default();
        for entry in entries {
            if entry.kind == FileKind::Directory || !entry.name.ends_with(".seg") {
                continue;
            }
            let path = self.folder.join(&entry.name);
            let decoder = self.segments.entry(entry.name.clone()).or_default();
            while !decoder.is_refused() {
                let bytes = match machine.file_part(&path, decoder.position(), CHUNK) {
                    Ok(bytes) => bytes,
                    Err(error) => {
                        damage.unreadable.push(error.reason());
                        break;
                    }
                };
                decoder.feed(&bytes, &mut self.collected);
                if (bytes.len() as u64) < CHUNK {
                    break;
                }
            }
            let mut seen = decoder.damage().clone();
            for reason in &mut seen.unreadable {
                *reason = format!("{}: {reason}", entry.name);
            }
            damage.add(&seen);
        }
        Ok(damage)
    }
}
