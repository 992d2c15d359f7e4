//! `doctor --record`: the examination, kept as a redacted bundle to attach to a report.

use super::{DoctorReport, DoctorRequest, doctor};
use crate::Context;
use deskside_machine::{Output, Recording};
use deskside_types::Result;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

/// Refuses a place where no bundle can be kept: before a command runs whose failure is to be recorded.
///
/// # Errors
/// [`deskside_types::Code::Usage`].
pub fn require_place(context: &Context, path: &Path) -> Result<()> {
    crate::info::require_bundle_name(&*context.machine, path)
}

/// Examines the machine and keeps what was seen; with a command that failed, its words and what it said, too.
///
/// # Errors
/// When the bundle can't be written.
pub fn record(
    context: &Context,
    request: &DoctorRequest,
    command: &[OsString],
    path: &Path,
) -> Result<DoctorReport> {
    require_place(context, path)?;
    let recording = Arc::new(Recording::new(context.machine.clone()));
    let recorded = Context {
        machine: recording.clone(),
        ..context.clone()
    };
    let report = doctor(&recorded, request)?;
    if let Some(asked) = request.asked.as_ref().filter(|_| !command.is_empty()) {
        let words = command.iter().map(|word| word.to_string_lossy().into());
        recording.keep_failure(
            words.collect(),
            Output {
                code: asked.exit.unwrap_or_default(),
                stdout: asked.text.clone().into_bytes(),
                stderr: Vec::new(),
            },
        );
    }
    crate::info::keep(&recording, "Recorded by `deskside doctor --record`.", path)?;
    Ok(report)
}
