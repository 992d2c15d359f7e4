//! The queue: adding jobs, listing them, what is done to them, waiting for their end.

mod act;
mod add;
mod at_boot;
mod lines;
mod list;
mod measured;
mod wait;

pub use act::{ActReport, Acted, Action, CardRow, CardsReport, MoveTo, act, cards, slots};
pub(crate) use add::new as new_job;
pub use add::{JobOptions, QueueRequest, QueuedJob, QueuedReport, add, add_list, rerun};
pub use at_boot::at_boot;
pub use lines::bytes;
pub use list::{JobRow, PsReport, QueueReport, RunningRow, list, ps};
pub use wait::{WaitReport, wait};

pub use deskside_runs::keeper::COMMAND as KEEPER_COMMAND;
pub use deskside_runs::queue::Move;
pub use deskside_runs::schedule::{Claim, Window, moment, span, zone};
pub use deskside_runs::supervise::{COMMAND as SUPERVISOR_COMMAND, OnOom};

use crate::Context;
use deskside_machine::{Acting, Durability, Reading};
use deskside_runs::queue::{Queue, Row};
use deskside_track::Folder;
use deskside_types::{Problem, Result};

/// The hidden processes of the queue: runs jobs, or keeps the queue.
///
/// # Errors
/// What went wrong; it is also written into the queue's folder, because nobody listens to these processes.
pub fn hidden(context: &Context, keeper: bool) -> Result<()> {
    let machine = &*context.machine;
    let outcome = if keeper {
        deskside_runs::keeper::keep(machine, &context.directories)
    } else {
        deskside_runs::supervise::supervise(machine, &context.directories)
    };
    outcome.inspect_err(|problem| {
        let now = machine.now().map(|now| now.wall.to_string());
        let who = if keeper { "keeper" } else { "supervisor" };
        let line = format!("{} {who}: {problem}\n", now.unwrap_or_default());
        let trouble = context.directories.queue().join("trouble.log");
        // Where even that can't be written there is nobody left to tell.
        let _ = machine.append_file(trouble, line, Durability::Process);
    })
}

/// The job that a text means, where it means one; several are an error.
pub(crate) fn job(context: &Context, text: &str) -> Result<Option<Row>> {
    match Queue::open_if_there(&*context.machine, &context.directories)? {
        Some(queue) => queue.find_one(text),
        None => Ok(None),
    }
}

/// The folder of a job's newest run; none where the text is no job's number.
pub(crate) fn folder_of_number(context: &Context, text: &str) -> Result<Option<Folder>> {
    let number = text.trim().trim_start_matches('#');
    let is_number =
        !number.is_empty() && number.len() <= 9 && number.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        return Ok(None);
    }
    let Some(row) = job(context, text)? else {
        return Ok(None);
    };
    match &row.run {
        Some(run) => Ok(Some(Folder::of(&context.directories, run))),
        None => Err(not_begun(&row)),
    }
}

/// A job that has no run yet has nothing to look at.
pub(crate) fn not_begun(row: &Row) -> Problem {
    Problem::new(
        deskside_types::Code::JobState,
        format!(
            "job {} has not begun, so that there is no run to look at",
            row.number
        ),
    )
    .hint(format!("wait for its end: `deskside wait {}`", row.number))
    .hint("see its place: `deskside queue`")
}

/// What every command that looks at the queue does first: settles what died, starts what can start. What stands in its way is
/// told, and no failure of the look itself.
pub(crate) fn advance(context: &Context) -> Option<String> {
    let advanced = deskside_runs::submit::advance(&*context.machine, &context.directories);
    advanced
        .err()
        .map(|problem| format!("the queue does not move: {problem}"))
}
