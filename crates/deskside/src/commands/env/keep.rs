//! `deskside env snapshot`.

use super::super::answer;
use crate::cli::env::Snapshot;
use crate::render;
use deskside_app::environment::keep::{self, Keeping};
use deskside_app::{Context, Progress};
use deskside_tui::{Steps, Ui};
use deskside_types::Result;

/// Keeps the environment as it is.
pub fn snapshot(ui: &Ui, context: &Context, arguments: &Snapshot) -> Result<u8> {
    let mut steps = Steps::new(ui);
    let project = arguments.place.project.as_deref();
    let report = keep::snapshot(context, project, arguments.full, &mut |event| match event {
        Keeping::Wheel { file, place, of } => {
            steps.clear();
            steps.begin(file, place, of);
        }
        Keeping::Progress(Progress::Bytes { done, total }) => steps.bytes(done, total),
        Keeping::Progress(Progress::Line(line)) => steps.line(line),
        Keeping::Progress(Progress::Waiting(who)) => steps.waiting(who),
    });
    steps.clear();
    drop(steps);
    let report = report?;
    super::warnings(ui, &report.warnings);
    answer(ui, &report, render::env::keep::snapshot)
}
