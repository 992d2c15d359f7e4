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
    if let Some(path) = &arguments.record {
        context.require_live("doctor --record")?;
        doctor::require_place(context, path)?;
    }
    let mut code = None;
    if !arguments.command.is_empty() {
        context.require_live("doctor -- COMMAND")?;
        let asked = ran(ui, context, &arguments)?;
        let exit = asked.exit.unwrap_or_default();
        code = Some(number(exit));
        if exit == 0 {
            ui.talk(&ui.tint("it ended well; there is nothing to explain", Meaning::Quiet));
            if arguments.record.is_none() {
                return well(ui, &asked);
            }
        } else {
            request.asked = Some(asked);
        }
    }
    let report = match &arguments.record {
        Some(path) => {
            let report = doctor::record(context, &request, &arguments.command, path)?;
            ui.talk(&format!(
                "recorded, redacted, to {}; look it through before you hand it on",
                ui.tint(&path.display().to_string(), Meaning::Hint)
            ));
            report
        }
        None => doctor::doctor(context, &request)?,
    };
    let own = show(ui, &report, verbose)?;
    Ok(code.unwrap_or(own))
}

/// Who reads the answer as JSON gets one where there is nothing to explain, too.
fn well(ui: &Ui, asked: &Asked) -> Result<u8> {
    if ui.json {
        ui.answer_json(&doctor::ended_well(&asked.about).json(), false);
    }
    Ok(0)
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
    let explained = report.diagnosis.findings.iter().any(Finding::accounts);
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

/// Mends what is proven, one cause after the other, and looks again after each; with a command, what made it fail, and the
/// command is the check. `own` carries out one of Deskside's own commands. The exit code is that of `doctor`; with a
/// command, the command's own.
pub fn fix(
    ui: &Ui,
    context: &Context,
    arguments: &Doctor,
    verbose: bool,
    own: &dyn Fn(Vec<String>) -> Result<u8>,
) -> Result<u8> {
    let look = || examined(ui, context, arguments);
    let mut report = match look()? {
        Looked::Failed(report) => *report,
        Looked::Well(asked) => {
            ui.talk(&ui.tint("it ended well; there is nothing to mend", Meaning::Quiet));
            return well(ui, &asked);
        }
    };
    let asked = !arguments.command.is_empty();
    let mut tried: Vec<String> = Vec::new();
    while let Some(finding) = report
        .diagnosis
        .findings
        .iter()
        .find(|one| !tried.contains(&one.id) && reason(one).is_none() && (one.related || !asked))
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
            Ok(Outcome::Nothing) => continue,
            Ok(Outcome::AfterRestart) => {
                ui.talk(&format!(
                    "{} {}, once the machine was restarted; `deskside doctor` says whether it is, and what is left",
                    ui.tint("mended:", Meaning::Good),
                    finding.title
                ));
                return answer(ui, &report, |_, _| {});
            }
            Ok(Outcome::Done) => {}
            // One that fails is no reason to leave the others.
            Err(problem) if problem.code.exit() == Exit::Failed => ui.problem(&problem),
            Err(problem) => return Err(problem),
        }
        report = match look()? {
            Looked::Failed(after) => *after,
            Looked::Well(asked) => {
                ui.talk(&format!(
                    "{} {}; the command ends well now",
                    ui.tint("mended:", Meaning::Good),
                    finding.title
                ));
                return well(ui, &asked);
            }
        };
        if report
            .diagnosis
            .findings
            .iter()
            .any(|one| one.id == finding.id)
        {
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
        }
    }
    for finding in &report.diagnosis.findings {
        if !tried.contains(&finding.id) && (tried.is_empty() || reason(finding).is_some()) {
            left(ui, finding);
        }
    }
    let code = show(ui, &report, verbose)?;
    Ok(report.exit.map_or(code, number))
}

/// A command's exit code as this program's own.
fn number(exit: i32) -> u8 {
    u8::try_from(exit).unwrap_or(1)
}

/// Runs the command; says what a shell would of one that can't be started, and of one that hung that it did.
fn ran(ui: &Ui, context: &Context, arguments: &Doctor) -> Result<Asked> {
    let limit = arguments.limit.map(std::time::Duration::from_secs);
    let asked = doctor::command(context, arguments.command.clone(), limit, ui.json)?;
    if let (Some(doctor::OVER_THE_LIMIT), Some(seconds)) = (asked.exit, arguments.limit) {
        ui.insist(&format!(
            "{} the command had not ended after {seconds} s, and was ended",
            ui.tint("limit:", Meaning::Warning)
        ));
    } else if matches!(asked.exit, Some(126 | 127)) && asked.text.lines().count() == 1 {
        ui.insist(asked.text.trim_end());
    }
    Ok(asked)
}

/// What looking came to.
enum Looked {
    /// The machine, or the command's failure.
    Failed(Box<DoctorReport>),
    /// The command ended well.
    Well(Asked),
}

/// Looks at the machine, or runs the command and looks at its failure.
fn examined(ui: &Ui, context: &Context, arguments: &Doctor) -> Result<Looked> {
    let mut request = DoctorRequest {
        depth: Depth::Usual,
        root: arguments.root,
        asked: None,
    };
    if !arguments.command.is_empty() {
        let asked = ran(ui, context, arguments)?;
        if asked.exit == Some(0) {
            return Ok(Looked::Well(asked));
        }
        ui.talk(&ui.tint("it failed; looking for the cause", Meaning::Quiet));
        request.asked = Some(asked);
    }
    doctor::doctor(context, &request).map(|report| Looked::Failed(Box::new(report)))
}

/// What became of a mend.
enum Outcome {
    /// It was only shown, or nobody wanted it.
    Nothing,
    /// It was carried out.
    Done,
    /// It was carried out as far as it goes before a restart.
    AfterRestart,
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

/// Carries a mend out.
fn carried_out(
    ui: &Ui,
    context: &Context,
    arguments: &Doctor,
    way: Mend,
    own: &dyn Fn(Vec<String>) -> Result<u8>,
) -> Result<Outcome> {
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
                return Ok(Outcome::Nothing);
            }
            let mut words = words;
            if of_environments {
                if !arguments.yes && !confirm::asked(ui, "Carry this out?") {
                    ui.talk("left as it is");
                    return Ok(Outcome::Nothing);
                }
            } else if arguments.yes {
                words.push("--yes".into());
            }
            if let (Some(name), false) = (&arguments.machine_name, of_environments) {
                words.extend(["--machine-name".into(), name.clone()]);
            }
            ui.talk(&format!(
                "{} deskside {}",
                ui.tint("fix:", Meaning::Subject),
                words.join(" ")
            ));
            own(words)?;
            Ok(if !of_environments && apply::waits_for_restart(context) {
                Outcome::AfterRestart
            } else {
                Outcome::Done
            })
        }
        Mend::Plan(plan) => {
            let shown = || render::system::talk_plan(ui, &plan);
            if arguments.plan {
                shown();
                return Ok(Outcome::Nothing);
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
                return Ok(Outcome::AfterRestart);
            }
            Ok(Outcome::Done)
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
        if arguments.machine_name.as_ref() == Some(&name) {
            shown();
            return Ok(());
        }
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
