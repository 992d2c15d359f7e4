//! `deskside run --queue`, `queue`, `stop`, `pause`, `resume`, `wait`.

use super::answer;
use crate::cli::Run;
use crate::cli::queue::{Queue, What};
use crate::render;
use deskside_app::Context;
use deskside_app::machine::Reading;
use deskside_app::queue::{self, Action, JobOptions, QueueRequest};
use deskside_tui::Ui;
use deskside_types::{Code, Problem, Result};
use std::io::Read;
use std::path::Path;

/// Bytes of a list of jobs.
const LARGEST_LIST: u64 = 1 << 30;

/// Queues one command.
pub fn queue_one(ui: &Ui, context: &Context, arguments: Run) -> Result<u8> {
    let options = JobOptions {
        sample_ms: arguments.sample_ms(),
        name: arguments.name,
        experiment: arguments.experiment,
        params: arguments.params.into_iter().collect(),
        tags: arguments.tags.into_iter().collect(),
        ..JobOptions::from(&arguments.options)
    };
    let request = QueueRequest {
        argv: arguments.command,
        options,
    };
    answer(ui, &queue::add(context, request)?, render::queue::queued)
}

/// Lists the queue, or does something to it.
pub fn queue(ui: &Ui, context: &Context, arguments: Queue) -> Result<u8> {
    let Some(what) = arguments.what else {
        let limit = if arguments.all {
            usize::MAX >> 1
        } else {
            arguments.limit as usize
        };
        let report = queue::list(context, limit, arguments.ended)?;
        return answer(ui, &report, render::queue::queue);
    };
    match what {
        What::Add(add) => {
            let options = JobOptions {
                name: add.name,
                experiment: add.experiment,
                tags: add.tags.into_iter().collect(),
                ..JobOptions::from(&add.options)
            };
            let text = list_text(context, &add.file)?;
            let report = queue::add_list(context, &text, &options)?;
            answer(ui, &report, render::queue::queued)
        }
        What::Move(arguments) => act(ui, context, &arguments.jobs, &arguments.action()),
        What::Hold(arguments) => act(ui, context, &arguments.jobs, &Action::Hold),
        What::Release(arguments) => act(ui, context, &arguments.jobs, &Action::Release),
        What::Remove(arguments) => act(ui, context, &arguments.jobs, &Action::Remove),
        What::Priority(arguments) => act(
            ui,
            context,
            &arguments.jobs,
            &Action::Priority(arguments.priority),
        ),
        What::Cards(arguments) => answer(
            ui,
            &queue::cards(context, arguments.cards.as_deref())?,
            render::queue::cards,
        ),
        What::AtBoot => super::apply::prepared(ui, context, &queue::at_boot(context)?),
        What::Slots(arguments) => answer(
            ui,
            &queue::slots(context, arguments.slots)?,
            render::queue::queue,
        ),
    }
}

/// Does something to jobs.
pub fn act(ui: &Ui, context: &Context, jobs: &[String], action: &Action) -> Result<u8> {
    answer(
        ui,
        &queue::act(context, jobs, action)?,
        render::queue::acted,
    )
}

/// Waits until jobs are over.
pub fn wait(ui: &Ui, context: &Context, jobs: &[String]) -> Result<u8> {
    let report = queue::wait(context, jobs)?;
    answer(ui, &report, render::queue::waited)?;
    Ok(report.exit())
}

fn list_text(context: &Context, path: &Path) -> Result<String> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        let read = std::io::stdin()
            .lock()
            .take(LARGEST_LIST)
            .read_to_end(&mut bytes);
        read.map_err(|error| {
            Problem::new(Code::Effect, "could not read the list from stdin").because(error)
        })?;
        bytes
    } else {
        let path = context.machine.working_directory()?.join(path);
        context.machine.file(&path, LARGEST_LIST)?
    };
    String::from_utf8(bytes).map_err(|_| {
        Problem::new(Code::QueueUsage, "the list of jobs is no UTF-8 text")
            .hint("a command with other bytes can be queued by itself: `deskside run --queue -- …`")
    })
}
