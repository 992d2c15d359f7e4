//! `deskside doctor` and `deskside explain-error`.

use super::{answer, confirm};
use crate::cli::doctor::{Doctor, ExplainError};
use crate::render;
use deskside_app::apply::{self, Prepared};
use deskside_app::doctor::fix::{Mend, mend, reason};
use deskside_app::doctor::{self, Asked, Depth, DoctorReport, DoctorRequest, Finding};
use deskside_app::machine::Reading;
use deskside_app::{Answer, Context, Event, Progress};
use deskside_tui::{Meaning, Steps, Ui};
use deskside_types::plan::{Plan, Risk};
use deskside_types::{Code, Exit, Problem, Result};
use std::io::Read;

/// Bytes of a log that is piped in that are kept: its end.
const PIPED: usize = 1 << 20;

/// Examines the machine, or a command's failure. The exit code: 1 where something does not work; a command's own.
pub fn doctor(ui: &Ui, context: &Context, arguments: Doctor, verbose: bool) -> Result<u8> {
    let mut request = DoctorRequest {
        depth: if arguments.deep || arguments.root {
            Depth::Deep
        } else {
            Depth::Usual
        },
        root: arguments.root,
        asked: None,
    };
    if !arguments.command.is_empty() {
        context.require_live("doctor -- COMMAND")?;
        let asked = ran(ui, context, &arguments)?;
        let exit = asked.exit.unwrap_or_default();
        if exit == 0 {
            ui.talk(&ui.tint("it ended well; there is nothing to explain", Meaning::Quiet));
            return Ok(0);
        }
        request.asked = Some(asked);
        let report = doctor::doctor(context, &request)?;
        show(ui, &report, verbose)?;
        return Ok(u8::try_from(exit).unwrap_or(1));
    }
    if let Some(path) = &arguments.record {
        context.require_live("doctor --record")?;
        let report = doctor::record(context, &request, path)?;
        ui.talk(&format!(
            "recorded, redacted, to {}; look it through before you hand it on",
            ui.tint(&path.display().to_string(), Meaning::Hint)
        ));
        return show(ui, &report, verbose);
    }
    let report = doctor::doctor(context, &request)?;
    show(ui, &report, verbose)
}

/// What came of the command; one that hung is said to.
fn ran(ui: &Ui, context: &Context, arguments: &Doctor) -> Result<Asked> {
    let limit = arguments.limit.map(std::time::Duration::from_secs);
    let asked = doctor::command(context, arguments.command.clone(), limit)?;
    if let (Some(doctor::OVER_THE_LIMIT), Some(seconds)) = (asked.exit, arguments.limit) {
        ui.insist(&format!(
            "{} the command had not ended after {seconds} s, and was ended",
            ui.tint("limit:", Meaning::Warning)
        ));
    }
    Ok(asked)
}

/// Explains a log.
pub fn explain_error(
    ui: &Ui,
    context: &Context,
    arguments: &ExplainError,
    verbose: bool,
) -> Result<u8> {
    let asked = match &arguments.file {
        Some(file) => {
            let machine = &*context.projects;
            let path = machine.working_directory()?.join(file);
            let mut asked = doctor::run_log(machine, &path, &file.display().to_string(), 0);
            if asked.text.is_empty() {
                machine.file(&path, 1).map_err(Problem::from)?;
            }
            asked.exit = None;
            asked
        }
        None => Asked {
            about: "the log".into(),
            text: piped()?,
            exit: None,
        },
    };
    if asked.text.trim().is_empty() {
        return Err(Problem::new(Code::NothingToExplain, "the log is empty")
            .hint("deskside explain-error train.log, or: python train.py 2>&1 | deskside explain-error"));
    }
    let request = DoctorRequest {
        asked: Some(Asked {
            exit: arguments.exit,
            ..asked
        }),
        ..DoctorRequest::default()
    };
    let report = doctor::doctor(context, &request)?;
    show(ui, &report, verbose)?;
    let explained = report.diagnosis.findings.iter().any(|one| one.related);
    Ok(if explained {
        Exit::Done.number()
    } else {
        Exit::Failed.number()
    })
}

/// The end of what is piped in, whatever bytes are in it.
fn piped() -> Result<String> {
    let mut kept: Vec<u8> = Vec::new();
    let mut part = vec![0; 64 << 10];
    let mut input = std::io::stdin().lock();
    loop {
        match input.read(&mut part) {
            Ok(0) => break,
            Ok(count) => {
                kept.extend_from_slice(&part[..count]);
                if kept.len() > 2 * PIPED {
                    kept.drain(..kept.len() - PIPED);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(Problem::new(Code::Effect, "could not read the log").because(error));
            }
        }
    }
    Ok(String::from_utf8_lossy(&kept).into_owned())
}

fn show(ui: &Ui, report: &DoctorReport, verbose: bool) -> Result<u8> {
    answer(ui, report, |ui, report| {
        render::doctor::doctor(ui, report, verbose);
    })?;
    Ok(if report.diagnosis.has_errors() {
        Exit::Failed.number()
    } else {
        Exit::Done.number()
    })
}

/// Mends what is proven, one cause after the other, and looks again after each. `own` carries out one of Deskside's own
/// commands.
pub fn fix(
    ui: &Ui,
    context: &Context,
    arguments: &Doctor,
    verbose: bool,
    own: &dyn Fn(Vec<String>) -> Result<u8>,
) -> Result<u8> {
    let mut request = DoctorRequest {
        depth: Depth::Usual,
        root: arguments.root,
        asked: None,
    };
    if !arguments.command.is_empty() {
        context.require_live("doctor --fix -- COMMAND")?;
        let asked = ran(ui, context, arguments)?;
        if asked.exit == Some(0) {
            ui.talk(&ui.tint("it ended well; there is nothing to mend", Meaning::Quiet));
            return Ok(0);
        }
        request.asked = Some(asked);
    }
    let mut report = doctor::doctor(context, &request)?;
    let mut tried: Vec<String> = Vec::new();
    let mut mended: Vec<String> = Vec::new();
    while let Some(finding) = report
        .diagnosis
        .findings
        .iter()
        .find(|one| one.related && !tried.contains(&one.id) && reason(one).is_none())
        .cloned()
    {
        tried.push(finding.id.clone());
        let Some(way) = mend(context, &finding)? else {
            continue;
        };
        ui.talk(&format!(
            "{} {}",
            ui.tint("cause:", Meaning::Subject),
            finding.title
        ));
        match carried_out(ui, context, arguments, way, own) {
            Ok(true) => {}
            Ok(false) => continue,
            // Ctrl-C and a "no" end it; what failed is said, and others are mended all the same.
            Err(problem)
                if matches!(
                    problem.code.exit(),
                    Exit::Interrupted | Exit::Refused | Exit::Usage
                ) =>
            {
                return Err(problem);
            }
            Err(problem) => {
                ui.problem(&problem);
                ui.insist(&format!(
                    "{} {}",
                    ui.tint("not mended:", Meaning::Bad),
                    finding.title
                ));
                report = doctor::doctor(context, &request)?;
                continue;
            }
        }
        report = doctor::doctor(context, &request)?;
        let still = report
            .diagnosis
            .findings
            .iter()
            .any(|one| one.id == finding.id);
        if still {
            ui.insist(&format!(
                "{} the check still finds it: {}",
                ui.tint("not mended:", Meaning::Bad),
                finding.title
            ));
        } else {
            ui.talk(&format!(
                "{} {}; the check no longer finds it",
                ui.tint("mended:", Meaning::Good),
                finding.title
            ));
            mended.push(finding.id);
        }
    }
    for finding in &report.diagnosis.findings {
        if finding.related && !tried.contains(&finding.id) {
            left(ui, finding);
        }
    }
    if request.asked.is_some() && !mended.is_empty() {
        // The command itself is the proof.
        let again = ran(ui, context, arguments)?;
        let exit = again.exit.unwrap_or_default();
        if exit == 0 {
            ui.talk(&format!(
                "{} the command works",
                ui.tint("mended:", Meaning::Good)
            ));
            return Ok(0);
        }
        ui.insist(&format!(
            "{} the command still fails",
            ui.tint("not mended:", Meaning::Bad)
        ));
        request.asked = Some(again);
        report = doctor::doctor(context, &request)?;
        show(ui, &report, verbose)?;
        return Ok(u8::try_from(exit).unwrap_or(1));
    }
    show(ui, &report, verbose)
}

/// Says why nothing is done about a finding.
fn left(ui: &Ui, finding: &Finding) {
    if let Some(why) = reason(finding) {
        ui.talk(&format!(
            "{} {}: {why}",
            ui.tint("left as it is:", Meaning::Warning),
            finding.title
        ));
    }
}

/// Whether something was carried out.
fn carried_out(
    ui: &Ui,
    context: &Context,
    arguments: &Doctor,
    way: Mend,
    own: &dyn Fn(Vec<String>) -> Result<u8>,
) -> Result<bool> {
    match way {
        Mend::Own { shown, words } => {
            // Environments are changed without a question; here somebody asked what is broken, and nothing else.
            let of_environments = words.first().is_some_and(|word| word == "env");
            if arguments.plan || of_environments {
                let only_shows = shown.first().is_some_and(|word| word == "plan");
                let flag = (!only_shows).then(|| "--plan".to_string());
                own(shown.iter().cloned().chain(flag).collect())?;
            }
            if arguments.plan {
                return Ok(false);
            }
            let mut words = words;
            if of_environments {
                if !arguments.yes && !confirm::asked(ui, "Carry this out?") {
                    ui.talk("left as it is");
                    return Ok(false);
                }
            } else if arguments.yes {
                words.push("--yes".into());
            }
            ui.talk(&format!(
                "{} deskside {}",
                ui.tint("fix:", Meaning::Subject),
                words.join(" ")
            ));
            own(words)?;
            Ok(true)
        }
        Mend::Plan(plan) => {
            let shown = || render::system::talk_plan(ui, &plan);
            if arguments.plan {
                shown();
                return Ok(false);
            }
            confirmed(ui, context, arguments, &plan, shown)?;
            let prepared = Prepared::of(context, *plan);
            let mut steps = Steps::new(ui);
            let report = apply::carry_out(context, &prepared, &mut |event| match event {
                Event::Begin { step, place, of } => steps.begin(&step.title, place, of),
                Event::Progress(Progress::Bytes { done, total }) => steps.bytes(done, total),
                Event::Progress(Progress::Line(line)) => steps.line(line),
                Event::Progress(Progress::Waiting(line)) => steps.waiting(line),
                Event::Done { span, .. } => steps.done(span),
                Event::Satisfied { .. } => {}
            })?;
            if report.restart.is_some() {
                super::apply::restart(ui, context, arguments.restart, &report)?;
            }
            Ok(true)
        }
    }
}

/// Asks as the plan's risk demands. What needs no root and risks little is asked with `y/N`, too: somebody asked what is
/// broken, and nothing else.
fn confirmed(
    ui: &Ui,
    context: &Context,
    arguments: &Doctor,
    plan: &Plan,
    shown: impl FnOnce(),
) -> Result<()> {
    let nothing = "nothing was done";
    let risk = plan.steps.iter().map(|step| step.risk).max();
    if risk == Some(Risk::Severe) {
        let name = context.machine.person()?.host.unwrap_or_default();
        return confirm::type_name(ui, nothing, &json(plan), shown, &name);
    }
    if arguments.yes {
        shown();
        return Ok(());
    }
    confirm::confirm(ui, nothing, &json(plan), shown, "Carry this out?")
}

fn json(plan: &Plan) -> serde_json::Value {
    serde_json::to_value(plan).unwrap_or_default()
}

/// One line that names the root cause of a failed run, where one is there.
pub fn cause(ui: &Ui, context: &Context, asked: Asked) {
    let Some(report) = doctor::cause_of(context, asked) else {
        return;
    };
    if ui.json {
        ui.insist(&report.json().to_string());
    } else if let Some(cause) = report.cause() {
        ui.insist(&ui.wrapped(
            &format!(
                "{} {}; {} says more",
                ui.tint("cause:", Meaning::Warning),
                cause.title,
                ui.tint("deskside doctor", Meaning::Hint)
            ),
            2,
        ));
    }
}

/// A failure with the root cause that is there for it as a hint.
pub fn with_cause(context: &Context, problem: Problem) -> Problem {
    if matches!(
        problem.code.exit(),
        Exit::Usage | Exit::Interrupted | Exit::Refused | Exit::Bug
    ) {
        return problem;
    }
    let text = std::iter::once(problem.message.as_str())
        .chain(problem.causes.iter().map(String::as_str))
        .collect::<Vec<_>>()
        .join("\n");
    let asked = Asked {
        about: "the failure".into(),
        text,
        exit: None,
    };
    match doctor::cause_of(context, asked) {
        Some(report) => match report.cause() {
            Some(cause) => problem.hint(format!(
                "the cause on this machine: {}; `deskside doctor` says more",
                cause.title
            )),
            None => problem,
        },
        None => problem,
    }
}
