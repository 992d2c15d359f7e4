//! `deskside space`, `space keep`, `space gc`.

use super::answer;
use super::confirm::confirm;
use crate::cli::watch::{Keep, Space, SpaceGc, SpaceWhat};
use crate::render;
use deskside_app::space::{self, Policy};
use deskside_app::{Answer, Context};
use deskside_tui::Ui;
use deskside_types::Result;

/// Shows what takes the space, or does something about it.
pub fn space(ui: &Ui, context: &Context, arguments: Space) -> Result<u8> {
    match arguments.what {
        None => {
            let report = space::space(context, &arguments.projects)?;
            answer(ui, &report, render::space::space)
        }
        Some(SpaceWhat::Keep(arguments)) => keep(ui, context, arguments),
        Some(SpaceWhat::Gc(arguments)) => gc(ui, context, &arguments),
    }
}

fn keep(ui: &Ui, context: &Context, arguments: Keep) -> Result<u8> {
    let policy = Policy {
        last: arguments.last,
        best: arguments
            .best
            .zip(arguments.metric)
            .map(|(count, metric)| (count, metric, arguments.maximize)),
        newer_than: arguments.newer_than.map(|span| span.as_secs()),
    };
    let prepared = space::prepare(context, &arguments.runs, &policy)?;
    if arguments.plan || prepared.report.going == 0 {
        return answer(ui, &prepared.report, render::space::keep);
    }
    if !arguments.yes {
        confirm(
            ui,
            "nothing was moved",
            &prepared.report.json(),
            || render::space::keep_talk(ui, &prepared.report),
            "Move them into the trash?",
        )?;
    }
    answer(
        ui,
        &space::carry_out(context, &prepared)?,
        render::space::keep,
    )
}

fn gc(ui: &Ui, context: &Context, arguments: &SpaceGc) -> Result<u8> {
    let shown = space::trash(context, arguments.older_than)?;
    if arguments.plan || shown.count == 0 {
        return answer(ui, &shown, render::space::gc);
    }
    if !arguments.yes {
        confirm(
            ui,
            "nothing was removed",
            &shown.json(),
            || render::space::gc_talk(ui, &shown),
            "Remove them for good?",
        )?;
    }
    answer(ui, &space::empty(context, &shown)?, render::space::gc)
}
