//! `deskside apply`: shows the plan, asks, carries it out.

use super::{answer, confirm};
use crate::cli::Up;
use crate::cli::apply::Apply;
use crate::render;
use deskside_app::apply::{self, ApplyReport, ApplyRequest, Prepared};
use deskside_app::machine::Reading;
use deskside_app::plan::PlanRequest;
use deskside_app::up::UpRequest;
use deskside_app::{Answer, Context, Event, Progress};
use deskside_tui::{Meaning, Steps, Ui};
use deskside_types::plan::Risk;
use deskside_types::{Code, Exit, Problem, Result};

/// Carries a plan of the system layer out.
pub fn apply(ui: &Ui, context: &Context, arguments: Apply) -> Result<u8> {
    let prepared = apply::prepare(
        context,
        &ApplyRequest {
            file: arguments.file.clone(),
            plan: PlanRequest {
                wishes: arguments.wishes.clone(),
                project: None,
            },
            resume: arguments.resume,
        },
    )?;
    if prepared.plan.is_empty() {
        if let Some(report) = &prepared.report {
            render::system::talk(ui, report);
        }
    } else if !arguments.resume {
        ask(ui, context, &prepared, &arguments)?;
    }
    let mut report = carry_out(ui, context, &prepared)?;
    if report.restart.is_none() && report.blocked.is_empty() {
        report.kernels = apply::kernels(context);
    }
    let code = answer(ui, &report, render::system::applied)?;
    if !report.blocked.is_empty() {
        return Ok(Exit::Refused.number());
    }
    if report.kernels.iter().any(apply::Kernel::failed) {
        return Ok(Exit::Failed.number());
    }
    if report.restart.is_some() {
        restart(ui, context, arguments.restart, &report)?;
        return Ok(code);
    }
    // The `up` that this plan was on the way of.
    match apply::next::take(context)? {
        Some(request) if arguments.resume => super::up::go_on(ui, context, &request),
        _ => Ok(code),
    }
}

/// Carries out a plan that needs neither a question nor a restart.
pub fn prepared(ui: &Ui, context: &Context, prepared: &Prepared) -> Result<u8> {
    let report = carry_out(ui, context, prepared)?;
    answer(ui, &report, render::system::applied)
}

fn carry_out(ui: &Ui, context: &Context, prepared: &Prepared) -> Result<ApplyReport> {
    let mut steps = Steps::new(ui);
    apply::carry_out(context, prepared, &mut |event| match event {
        Event::Begin { step, place, of } => steps.begin(&step.title, place, of),
        Event::Progress(Progress::Bytes { done, total }) => steps.bytes(done, total),
        Event::Progress(Progress::Line(line)) => steps.line(line),
        Event::Progress(Progress::Waiting(who)) => steps.waiting(who),
        Event::Done { span, .. } => steps.done(span),
        Event::Satisfied { .. } => {}
    })
}

/// Carries out, where the person wants it, what lacks before the accelerator can be used. Whether the machine is about to
/// be restarted: then `up` goes on afterwards.
pub fn on_the_way(ui: &Ui, context: &Context, arguments: &Up, request: &UpRequest) -> Result<bool> {
    let Some(prepared) = apply::lacking(context)? else {
        return Ok(false);
    };
    let Some(plan) = &prepared.report else {
        return Ok(false);
    };
    render::system::talk(ui, plan);
    if !arguments.yes && !confirm::asked(ui, "Carry this out first?") {
        ui.talk(&format!(
            "going on without it; {} does it later",
            ui.tint("deskside apply", Meaning::Hint)
        ));
        return Ok(false);
    }
    apply::next::keep(context, request)?;
    let report = carry_out(ui, context, &prepared)?;
    if report.restart.is_none() {
        apply::next::take(context)?;
        return Ok(false);
    }
    answer(ui, &report, render::system::applied)?;
    restart(ui, context, arguments.restart, &report)?;
    Ok(true)
}

/// Asks as the plan's risk demands: y/N, or the machine's name.
fn ask(ui: &Ui, context: &Context, prepared: &Prepared, arguments: &Apply) -> Result<()> {
    let Some(report) = &prepared.report else {
        return Ok(());
    };
    let nothing = "nothing was done";
    let show = || render::system::talk(ui, report);
    if prepared.risk() < Risk::Severe {
        if arguments.yes {
            show();
            return Ok(());
        }
        return confirm::confirm(ui, nothing, &report.json(), show, "Carry this out?");
    }
    let name = context.machine.person()?.host.unwrap_or_default();
    match &arguments.machine_name {
        Some(typed) if *typed == name => {
            show();
            Ok(())
        }
        Some(typed) => Err(Problem::new(
            Code::NotConfirmed,
            format!("{nothing}: this machine is {name}, not {typed}"),
        )),
        None => confirm::type_name(ui, nothing, &report.json(), show, &name),
    }
}

/// Restarts now where the person wants it, and says how it goes on.
pub fn restart(ui: &Ui, context: &Context, wanted: bool, report: &ApplyReport) -> Result<()> {
    let by_itself = report
        .restart
        .as_ref()
        .is_some_and(|restart| restart.by_itself);
    let now = wanted || (by_itself && confirm::asked(ui, "Restart this machine now?"));
    if now {
        return apply::restart_now(context);
    }
    let next = if by_itself {
        "restart when it suits you; the plan goes on by itself".to_string()
    } else {
        format!(
            "restart when it suits you, then: {}",
            ui.tint("deskside apply --resume", Meaning::Hint)
        )
    };
    ui.talk(&next);
    Ok(())
}
