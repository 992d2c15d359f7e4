//! What a run took of its machine: `system/summary.json`.

use crate::Folder;
use deskside_machine::{Acting, Durability, Machine, Reading};
use deskside_types::measured::{MEASURED_VERSION, Measured};
use deskside_types::{Code, Problem, Result};

/// Bytes that are read; a record is some hundred.
const LIMIT: u64 = 1 << 20;

/// Reads it; none where nothing was sampled, or the record is damaged or newer than this program.
pub fn read(machine: &dyn Machine, folder: &Folder) -> Option<Measured> {
    let bytes = machine.file(folder.measured(), LIMIT).ok()?;
    let measured: Measured = serde_json::from_slice(&bytes).ok()?;
    (measured.version == MEASURED_VERSION && measured.samples > 0).then_some(measured)
}

/// Replaces it.
///
/// # Errors
/// As the door says.
pub fn write(machine: &dyn Machine, folder: &Folder, measured: &Measured) -> Result<()> {
    let text = serde_json::to_vec(measured).map_err(|error| {
        Problem::new(Code::Bug, "a run's measurements can't be written as JSON").because(error)
    })?;
    Ok(machine.write_file(folder.measured(), text, 0o644, Durability::Process)?)
}
