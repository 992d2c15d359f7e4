//! Plans of the system layer, and what came of them, as text.

use deskside_app::apply::{ApplyReport, Kernel, KernelOutcome};
use deskside_app::plan::SystemPlanReport;
use deskside_tui::{Meaning, Ui};
use deskside_types::plan::{Action, FileContents, Risk, Step, Tuning, Undo};
use deskside_types::units;

/// Where a plan is drawn: as the answer, or beside it before it is carried out.
struct Sheet<'a> {
    ui: &'a Ui,
    aside: bool,
}

impl Sheet<'_> {
    fn print(&self, text: &str) {
        if self.aside {
            self.ui.insist(text);
        } else {
            self.ui.answer(text);
        }
    }

    fn paint(&self, text: &str, meaning: Meaning) -> String {
        if self.aside {
            self.ui.tint(text, meaning)
        } else {
            self.ui.paint(text, meaning)
        }
    }
}

/// Draws a plan as the answer.
pub fn plan(ui: &Ui, report: &SystemPlanReport) {
    let sheet = Sheet { ui, aside: false };
    draw(&sheet, report);
    let hint = if report.system.plan.is_empty() {
        String::new()
    } else {
        // A wish that a project's file holds is found there again.
        let words: String = report
            .wish
            .words()
            .iter()
            .filter(|_| report.wish_from.is_none())
            .map(|word| format!(" --wish {word}"))
            .collect();
        format!(
            ". Nothing was done; `deskside apply{words}` does it, `deskside plan{words} --emit sh` prints a script that does it"
        )
    };
    sheet.print(&ui.wrapped(&format!("  {}{hint}", totals(report)), 2));
}

/// Draws a plan that is about to be carried out, beside the answer.
pub fn talk(ui: &Ui, report: &SystemPlanReport) {
    let sheet = Sheet { ui, aside: true };
    draw(&sheet, report);
    sheet.print(&ui.wrapped(&format!("  {}", totals(report)), 2));
}

/// Draws a plan of few steps that is about to be carried out, beside the answer.
pub fn talk_plan(ui: &Ui, plan: &deskside_types::plan::Plan) {
    let sheet = Sheet { ui, aside: true };
    sheet.print(&format!(
        "{} {}",
        sheet.paint("plan:", Meaning::Subject),
        plan.wish
    ));
    for (place, one) in plan.steps.iter().enumerate() {
        step(&sheet, place + 1, one);
    }
}

/// Draws what came of a plan.
pub fn applied(ui: &Ui, report: &ApplyReport) {
    if !report.blocked.is_empty() {
        ui.answer(&ui.wrapped(
            &format!("nothing was done: {}", report.blocked.join("; ")),
            2,
        ));
        return;
    }
    if report.operation.is_none() {
        ui.answer("nothing was left to do, and nothing was done");
        kernels(ui, &report.kernels);
        return;
    }
    let words = match (&report.restart, report.done.is_empty()) {
        (Some(_), _) => "carried out as far as before the restart",
        (None, false) => "carried out and proven",
        (None, true) => "everything was in place already",
    };
    ui.answer(&format!(
        "{} {}",
        ui.paint(&format!("{words}:"), Meaning::Good),
        report.wish
    ));
    for title in &report.done {
        let mark = ui.paint(ui.letter("✓", "+"), Meaning::Good);
        ui.answer(&format!("  {mark} {title}"));
    }
    kernels(ui, &report.kernels);
    if report.restart.is_none() && !report.done.is_empty() {
        let hint = ui.tint("deskside undo", Meaning::Hint);
        ui.talk(&format!("take it back: {hint}"));
    }
}

/// Draws what a kernel came to on each card.
fn kernels(ui: &Ui, all: &[Kernel]) {
    for kernel in all {
        let card = &kernel.card;
        let (mark, text) = match &kernel.outcome {
            KernelOutcome::Ran { seconds } => (
                ui.paint(ui.letter("✓", "+"), Meaning::Good),
                format!(
                    "{card} computes: a kernel ran in {:.1} ms, its results are right",
                    seconds * 1e3
                ),
            ),
            KernelOutcome::NotTried { why } => (
                ui.paint(ui.letter("·", "-"), Meaning::Quiet),
                format!("{card}: no kernel was tried: {why}"),
            ),
            KernelOutcome::Failed { why } => (
                ui.paint(ui.letter("✗", "x"), Meaning::Bad),
                format!("{card} does not compute: {why}"),
            ),
        };
        ui.answer(&format!("  {mark} {text}"));
    }
    if all.iter().any(Kernel::failed) {
        let hint = ui.tint("deskside doctor", Meaning::Hint);
        ui.talk(&format!("find the cause: {hint}"));
    }
}

/// Draws a plan: the machine, what was decided, what is satisfied, the steps with their marks, and what no step does.
fn draw(sheet: &Sheet<'_>, report: &SystemPlanReport) {
    let system = &report.system;
    sheet.print(&format!(
        "{} {}",
        sheet.paint("plan:", Meaning::Subject),
        system.plan.wish
    ));
    let dot = sheet.ui.letter("·", "-");
    for text in &report.machine {
        line(sheet, dot, Meaning::Quiet, text);
    }
    if let Some(file) = &report.wish_from {
        line(
            sheet,
            dot,
            Meaning::Quiet,
            &format!("the wish is from {}", sheet.ui.short(file)),
        );
    }
    for why in &system.why {
        line(sheet, dot, Meaning::Quiet, why);
    }
    for satisfied in &system.plan.satisfied {
        line(sheet, "=", Meaning::Quiet, satisfied);
    }
    for note in &system.notes {
        let mark = if note.blocking { "!" } else { "i" };
        let meaning = if note.blocking {
            Meaning::Warning
        } else {
            Meaning::Quiet
        };
        line(sheet, mark, meaning, &note.text);
        for command in &note.commands {
            sheet.print(&format!("        {}", sheet.paint(command, Meaning::Hint)));
        }
    }
    for undecided in &system.undecided {
        line(
            sheet,
            "?",
            Meaning::Warning,
            &format!("not seen: {}", undecided.because.join("; ")),
        );
    }
    for (place, one) in system.plan.steps.iter().enumerate() {
        step(sheet, place + 1, one);
    }
    simulation(sheet, report);
}

fn line(sheet: &Sheet<'_>, mark: &str, meaning: Meaning, text: &str) {
    let text = sheet.ui.wrapped(&format!("  {mark} {text}"), 4);
    sheet.print(&text.replacen(mark, &sheet.paint(mark, meaning), 1));
}

fn step(sheet: &Sheet<'_>, place: usize, step: &Step) {
    let download = step
        .download_bytes
        .filter(|bytes| *bytes > 0)
        .map(|bytes| format!(" ({})", units::bytes(bytes)))
        .unwrap_or_default();
    let marks = marks(step);
    let marks = if marks.is_empty() {
        String::new()
    } else {
        format!(" [{}]", marks.join(", "))
    };
    line(
        sheet,
        "+",
        Meaning::Good,
        &format!("{place}. {}{download}{marks}", step.title),
    );
    sheet.print(&sheet.paint(
        &sheet.ui.wrapped(&format!("      {}", step.why), 6),
        Meaning::Quiet,
    ));
    for action in &step.actions {
        for text in shown(action) {
            let text = sheet.ui.wrapped(&format!("        {text}"), 10);
            sheet.print(&sheet.paint(&text, Meaning::Hint));
        }
    }
    match &step.undo {
        Undo::Exact => {}
        Undo::BestEffort { why } => quiet(sheet, &format!("taken back as far as can be: {why}")),
        Undo::None { why } => quiet(sheet, &format!("no way back: {why}")),
    }
}

fn quiet(sheet: &Sheet<'_>, text: &str) {
    sheet.print(&sheet.paint(
        &sheet.ui.wrapped(&format!("      {text}"), 6),
        Meaning::Quiet,
    ));
}

fn marks(step: &Step) -> Vec<&'static str> {
    let mut marks = Vec::new();
    if step.root {
        marks.push("root");
    }
    if step.reboot {
        marks.push("restart");
    }
    if step.hands_needed.is_some() {
        marks.push("your hands");
    }
    if step.risk == Risk::Severe {
        marks.push("danger");
    }
    marks
}

/// Lines of a file's contents that are drawn; JSON has all.
const DRAWN: usize = 12;

/// An action in lines: each is shown, and what is written into files with it.
fn shown(action: &Action) -> Vec<String> {
    let mut lines = Vec::new();
    let tuned = |what: &str, name: &str, wanted: &Tuning| match wanted {
        Tuning::On => format!("{what} {name} on"),
        Tuning::Off => format!("{what} {name} off"),
    };
    lines.push(match action {
        Action::Run { command, .. } => command.to_string(),
        Action::Packages { install, remove } => {
            let mut parts: Vec<String> = install.iter().map(|name| format!("+{name}")).collect();
            parts.extend(remove.iter().map(|name| format!("-{name}")));
            parts.join("  ")
        }
        Action::WriteFile {
            path, mode: 0o644, ..
        } => format!("write {path}"),
        Action::WriteFile { path, mode, .. } => format!("write {path}, mode {mode:o}"),
        Action::EditFile { path, new, .. } => format!("in {path}: {new}"),
        Action::Remove { path } => format!("move aside {path}"),
        Action::Download { url, path, .. } => format!("download {url} to {path}"),
        Action::Key {
            path,
            fingerprint,
            url,
        } => format!("key {fingerprint} from {url} into {path}"),
        Action::AptSource { name, .. } => format!("write /etc/apt/sources.list.d/{name}"),
        Action::Group { name } => format!("group {name}"),
        Action::AskPerson { instructions } => instructions.clone(),
        Action::Module { name, wanted } => tuned("kernel module", name, wanted),
        Action::Service { name, wanted } => tuned("service", name, wanted),
        Action::BootParameter { parameter } => format!("kernel parameter {parameter}"),
        Action::Alternative { name, path } => format!("alternative {name}: {path}"),
        Action::Swap { bytes } => format!("swap of {}", units::bytes(*bytes)),
        Action::Extract { member, path, .. } => format!("take {member} out to {path}"),
        Action::Env { action } => format!("environment {}", action.path()),
        Action::Signal { pid, signal, .. } => format!("signal {signal} to process {pid}"),
        Action::Reboot => "restart".into(),
    });
    match action {
        Action::WriteFile {
            contents: FileContents::Text(text),
            ..
        }
        | Action::AptSource { contents: text, .. } => lines.extend(contents(text)),
        Action::WriteFile {
            contents: FileContents::Embedded { name, .. },
            ..
        } => lines.push(format!("  | this program's own {name}")),
        _ => {}
    }
    lines
}

/// The first lines of a file's contents, each behind a bar.
fn contents(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text
        .lines()
        .take(DRAWN)
        .map(|line| format!("  | {line}"))
        .collect();
    let more = text.lines().count().saturating_sub(DRAWN);
    if more > 0 {
        lines.push(format!("  | and {more} more lines, which --json shows"));
    }
    lines
}

fn simulation(sheet: &Sheet<'_>, report: &SystemPlanReport) {
    let simulation = &report.simulation;
    if report.system.plan.is_empty() {
        return;
    }
    if let Some(transaction) = &simulation.transaction {
        line(
            sheet,
            "=",
            Meaning::Quiet,
            &format!(
                "apt's own simulation: {} come, {} move, {} go",
                transaction.installs.len(),
                transaction.upgrades.len(),
                transaction.removes.len()
            ),
        );
    }
    if !simulation.refused.is_empty() {
        line(
            sheet,
            "!",
            Meaning::Warning,
            "apt refuses this as things are:",
        );
        for text in &simulation.refused {
            quiet(sheet, text);
        }
    }
    if let Some(why) = &simulation.not_simulated {
        line(sheet, "i", Meaning::Quiet, &format!("not simulated: {why}"));
    }
}

fn totals(report: &SystemPlanReport) -> String {
    let plan = &report.system.plan;
    if plan.is_empty() {
        return if report.system.notes.iter().any(|note| note.blocking) {
            "nothing is planned".into()
        } else if report.wish.clean.is_some() {
            "there is nothing of it to remove".into()
        } else {
            "everything is in place".into()
        };
    }
    let steps = match plan.steps.len() {
        1 => "1 step".to_string(),
        count => format!("{count} steps"),
    };
    let download = match plan.download_bytes() {
        (0, true) => String::new(),
        (bytes, true) => format!(", {} to download", units::bytes(bytes)),
        _ => ", a download of unknown size".into(),
    };
    let root = if plan.needs_root() { "root" } else { "no root" };
    let restart = if plan.steps.iter().any(|step| step.reboot) {
        "one restart"
    } else {
        "no restart"
    };
    format!("{steps}{download}, {root}, {restart}")
}
