//! `doctor --record`: the examination, kept as a redacted bundle to attach to a report.

use super::{DoctorReport, DoctorRequest, doctor};
use crate::Context;
use deskside_machine::Recording;
use deskside_types::Result;
use std::path::Path;
use std::sync::Arc;

/// Examines the machine and keeps what was seen.
///
/// # Errors
/// When the bundle can't be written.
pub fn record(context: &Context, request: &DoctorRequest, path: &Path) -> Result<DoctorReport> {
    crate::info::require_bundle_name(path)?;
    let recording = Arc::new(Recording::new(context.machine.clone()));
    let recorded = Context {
        machine: recording.clone(),
        ..context.clone()
    };
    let report = doctor(&recorded, request)?;
    crate::info::keep(&recording, "Recorded by `deskside doctor --record`.", path)?;
    Ok(report)
}
