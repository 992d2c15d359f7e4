//! Looking on while a sweep goes on.

use super::SweepReport;
use crate::Context;
use deskside_machine::{Acting, Effect, ErrorKind};
use deskside_runs::sweep::{Course, find};
use deskside_types::{Code, Problem, Result};
use std::time::Duration;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(250);
/// How often the queue is settled meanwhile.
const SETTLE_EVERY: u32 = 40;

/// Calls something with how it is at the beginning and after every change, until the sweep is over.
///
/// # Errors
/// [`Code::Interrupted`] on Ctrl-C: the sweep goes on.
pub fn watch(
    context: &Context,
    id: &str,
    mut seen: impl FnMut(&SweepReport),
) -> Result<SweepReport> {
    let machine = &*context.machine;
    let mut sweep = find(machine, &context.directories, id)?;
    let mut before: Option<SweepReport> = None;
    let mut looks = 0;
    loop {
        if looks % SETTLE_EVERY == 0 {
            crate::queue::advance(context);
        }
        looks += 1;
        sweep.refresh()?;
        super::settle(context, &mut sweep)?;
        let report = super::report::of(context, &sweep)?;
        let over = sweep.progress.course != Course::Going && sweep.progress.open().is_empty();
        if before.as_ref() != Some(&report) {
            seen(&report);
        }
        if over {
            return Ok(report);
        }
        before = Some(report);
        match machine.effect(&Effect::Sleep { span: LOOK }) {
            Err(error) if error.kind == ErrorKind::Interrupted => {
                return Err(Problem::new(
                    Code::Interrupted,
                    format!("stopped looking at sweep {}", sweep.id()),
                )
                .hint("it goes on without this terminal")
                .hint(format!(
                    "look again: `deskside sweep show {0}`; end it: `deskside sweep stop {0}`",
                    sweep.id()
                )));
            }
            other => drop(other?),
        }
    }
}
