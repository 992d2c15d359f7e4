//! A diagnosis as text: a line for each layer, then each root cause with what proves it, the way back last.

use deskside_app::doctor::{
    AreaLine, AreaState, Confidence, DoctorReport, EvidenceLine, Finding, FixOffer, NotSeen,
    RuledOut, Severity, Unexplained,
};
use deskside_tui::table::clip;
use deskside_tui::{Meaning, Ui};

/// Lines of evidence that are shown without `--verbose`.
const EVIDENCE: usize = 5;
/// Causes that were ruled out that are named without `--verbose`.
const RULED_OUT: usize = 6;
/// Where the text behind a label begins.
const COLUMN: usize = 15;
/// A line of a log is cut behind that many characters.
const LONGEST: usize = 300;

/// Draws a diagnosis.
pub fn doctor(ui: &Ui, report: &DoctorReport, verbose: bool) {
    // Who asks about an error wants its cause; the layers are there for who asks how the machine is.
    if report.about.is_none() || verbose {
        for line in &report.areas {
            area(ui, line);
        }
    }
    let (related, others): (Vec<&Finding>, Vec<&Finding>) = report
        .diagnosis
        .findings
        .iter()
        .partition(|finding| finding.related);
    // One answer to one question: a cause, or that it is known and not there, or that it is not known.
    match &report.diagnosis.unexplained {
        _ if related.iter().any(|one| one.accounts()) => {}
        Some(one) => unexplained(ui, one, verbose),
        None if report.about.is_some() && report.exit != Some(0) => ui.answer(&ui.wrapped(
            "This error is none of those that are known, so nothing is claimed about its cause.",
            0,
        )),
        None => {}
    }
    if let Some(ending) = &report.ending
        && !related.iter().any(|one| one.accounts())
    {
        ui.answer(&ui.wrapped(ending, 0));
    }
    for one in &related {
        ui.answer("");
        finding(ui, one, verbose);
    }
    if !others.is_empty() {
        ui.answer("");
        ui.answer(&ui.paint("Beside it, on this machine:", Meaning::Quiet));
        for one in others {
            if verbose {
                finding(ui, one, verbose);
            } else {
                headline(ui, one);
            }
        }
    }
    // What could not be seen is told where it can be changed, or where somebody wants to know everything.
    let told: Vec<&NotSeen> = report
        .diagnosis
        .not_seen
        .iter()
        .filter(|one| verbose || (one.help.is_some() && one.reason.contains("permission denied")))
        .collect();
    if !told.is_empty() && (verbose || report.diagnosis.findings.is_empty()) {
        ui.answer("");
        for one in told {
            not_seen(ui, one);
        }
    }
    closing(ui, report, verbose);
}

fn mark(ui: &Ui, state: AreaState) -> String {
    let (rich, plain, meaning) = match state {
        AreaState::Fine => ("✓", "ok  ", Meaning::Good),
        AreaState::Noted => ("i", "note", Meaning::Quiet),
        AreaState::Warned => ("!", "warn", Meaning::Warning),
        AreaState::Broken => ("✗", "FAIL", Meaning::Bad),
        AreaState::Unseen => ("?", "?   ", Meaning::Warning),
    };
    ui.paint(ui.letter(rich, plain), meaning)
}

fn area(ui: &Ui, line: &AreaLine) {
    let width = if ui.unicode { 4 } else { 7 };
    let plain = format!("{:<14} {}", line.name, line.fact);
    let text = ui.wrapped(&format!("{}{plain}", " ".repeat(width)), width + COLUMN);
    ui.answer(&format!(
        "  {} {}",
        mark(ui, line.state),
        text.get(width..).unwrap_or(&plain)
    ));
}

fn state(severity: Severity) -> AreaState {
    match severity {
        Severity::Error => AreaState::Broken,
        Severity::Warning => AreaState::Warned,
        Severity::Notice => AreaState::Noted,
    }
}

fn word(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Proven => "proven",
        Confidence::Likely => "likely",
        Confidence::CauseUnknown => "cause not known",
    }
}

fn headline(ui: &Ui, finding: &Finding) {
    let text = ui.wrapped(
        &format!(
            "{} ({})",
            ui.short(&finding.title),
            word(finding.confidence)
        ),
        4,
    );
    let text = match text.rsplit_once(" (") {
        Some((title, confidence)) => format!(
            "{} {}",
            ui.paint(title, Meaning::Subject),
            ui.paint(&format!("({confidence}"), Meaning::Quiet)
        ),
        None => text,
    };
    ui.answer(&format!("{} {text}", mark(ui, state(finding.severity))));
}

fn finding(ui: &Ui, finding: &Finding, verbose: bool) {
    headline(ui, finding);
    if !finding
        .cause
        .trim_end_matches('.')
        .eq_ignore_ascii_case(&finding.title)
    {
        paragraph(ui, &finding.cause);
    }
    paragraph(ui, &finding.meaning);
    let told = if verbose { usize::MAX } else { EVIDENCE };
    for (place, line) in finding.evidence.iter().take(told).enumerate() {
        labelled(ui, if place == 0 { "seen" } else { "" }, &shown(ui, line));
    }
    if finding.evidence.len() > told {
        labelled(
            ui,
            "",
            &format!(
                "and {} more lines; -v shows them",
                finding.evidence.len() - told
            ),
        );
    }
    if let Some(aside) = &finding.aside {
        labelled(ui, "but", aside);
    }
    for (place, one) in finding.consequences.iter().enumerate() {
        labelled(ui, if place == 0 { "hence" } else { "" }, &one.title);
    }
    if finding.confidence != Confidence::Proven || verbose {
        for one in &finding.not_seen {
            labelled(ui, "not seen", &unseen_text(one));
            if let Some(help) = &one.help {
                labelled(ui, "", &format!("to let it see: {help}"));
            }
        }
    }
    if verbose {
        for (place, one) in finding.ruled_out.iter().enumerate() {
            labelled(ui, if place == 0 { "not it" } else { "" }, &ruled_out(one));
        }
        for (place, source) in finding.sources.iter().enumerate() {
            labelled(ui, if place == 0 { "known from" } else { "" }, source);
        }
        if let Some((run, expect)) = &finding.verify {
            labelled(ui, "mended if", &format!("{run}: {expect}"));
        }
        labelled(ui, "name", &finding.id);
    }
    if let Some(one) = &finding.fix {
        fix(ui, one);
    }
}

fn fix(ui: &Ui, fix: &FixOffer) {
    let mut needs = Vec::new();
    if fix.root {
        needs.push("root");
    }
    if fix.reboot {
        needs.push("a restart");
    }
    let needs = if needs.is_empty() {
        String::new()
    } else {
        format!(" (needs {})", needs.join(" and "))
    };
    labelled(ui, "fix", &format!("{}{needs}", fix.title));
    if let Some(why) = &fix.by_hand {
        labelled(ui, "", &format!("by hand: {why}"));
    }
    if let Some(note) = &fix.note {
        labelled(ui, "", note);
    }
    for line in commands(fix) {
        ui.answer(&format!(
            "{}{}",
            " ".repeat(COLUMN),
            ui.paint(&line, Meaning::Hint)
        ));
    }
}

/// What to type.
fn commands(fix: &FixOffer) -> Vec<String> {
    if let Some(own) = &fix.deskside {
        return vec![format!("deskside {own}")];
    }
    if fix.by_itself {
        return vec!["deskside doctor --fix".into()];
    }
    if !fix.commands.is_empty() {
        return fix.commands.clone();
    }
    fix.steps
        .iter()
        .map(|step| format!("- {}", step.title))
        .collect()
}

fn paragraph(ui: &Ui, text: &str) {
    if !text.is_empty() {
        ui.answer(&ui.wrapped(&format!("    {}", ui.short(text)), 4));
    }
}

fn labelled(ui: &Ui, label: &str, text: &str) {
    let room = COLUMN - 4;
    let line = ui.wrapped(
        &format!("    {label:<room$}{}", clip(&ui.short(text), LONGEST)),
        COLUMN,
    );
    let head = format!("    {label:<room$}");
    ui.answer(&match line.strip_prefix(&head) {
        Some(rest) => format!(
            "    {}{rest}",
            ui.paint(&format!("{label:<room$}"), Meaning::Quiet)
        ),
        None => line,
    });
}

fn shown(ui: &Ui, line: &EvidenceLine) -> String {
    if line.source.is_empty() {
        return line.text.clone();
    }
    format!("{}: {}", ui.short(&line.source), line.text)
}

fn ruled_out(one: &RuledOut) -> String {
    let words = if one.surely {
        "ruled out"
    } else {
        "looks alike"
    };
    let evidence: String = one
        .evidence
        .iter()
        .take(2)
        .map(|line| format!(" [{}: {}]", line.source, line.text))
        .collect();
    format!("{} ({words}: {}){evidence}", one.title, one.why)
}

fn unseen_text(one: &NotSeen) -> String {
    format!("{}: {}", one.what, one.reason)
}

fn not_seen(ui: &Ui, one: &NotSeen) {
    let help = one
        .help
        .as_ref()
        .map(|help| format!("; to let it see: {help}"))
        .unwrap_or_default();
    ui.answer(&ui.wrapped(
        &format!(
            "  {} could not see {}{help}",
            ui.letter("?", "?"),
            unseen_text(one)
        ),
        4,
    ));
}

fn unexplained(ui: &Ui, one: &Unexplained, verbose: bool) {
    ui.answer("");
    ui.answer(&ui.wrapped(
        if one.possible.is_empty() {
            "This error is known, and none of the causes that are known for it is there. So nothing is claimed about its cause."
        } else {
            "This error is known. Its cause could not be proven, so nothing is claimed."
        },
        0,
    ));
    for (place, line) in one.lines.iter().take(EVIDENCE).enumerate() {
        labelled(ui, if place == 0 { "seen" } else { "" }, &shown(ui, line));
    }
    let mut helps: Vec<&String> = Vec::new();
    for (place, suspect) in one.possible.iter().enumerate() {
        let mut unseen: Vec<String> = suspect.not_seen.iter().map(unseen_text).collect();
        if !verbose {
            unseen.truncate(1);
        }
        labelled(
            ui,
            if place == 0 { "could be" } else { "" },
            &format!("{} (not seen: {})", suspect.title, unseen.join("; ")),
        );
        for help in suspect.not_seen.iter().filter_map(|one| one.help.as_ref()) {
            if !helps.contains(&help) {
                helps.push(help);
            }
        }
    }
    for help in helps {
        labelled(ui, "to see it", help);
    }
    let told = if verbose { usize::MAX } else { RULED_OUT };
    for (place, out) in one.ruled_out.iter().take(told).enumerate() {
        let label = if place == 0 { "ruled out" } else { "" };
        if verbose {
            labelled(ui, label, &ruled_out(out));
        } else {
            labelled(ui, label, &out.title);
        }
    }
    if one.ruled_out.len() > told {
        let more = one.ruled_out.len() - told;
        labelled(ui, "", &format!("and {more} more; -v says why"));
    }
}

fn closing(ui: &Ui, report: &DoctorReport, verbose: bool) {
    let findings = &report.diagnosis.findings;
    let count = |severity: Severity| {
        findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let words = |count: usize, one: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        many => Some(format!("{many} {one}s")),
    };
    let found: Vec<String> = [words(errors, "problem"), words(warnings, "warning")]
        .into_iter()
        .flatten()
        .collect();
    let mendable = findings
        .iter()
        .filter(|finding| finding.severity != Severity::Notice)
        .filter(|finding| {
            finding
                .fix
                .as_ref()
                .is_some_and(|fix| fix.by_itself || fix.deskside.is_some())
        })
        .count();
    let mut line = if found.is_empty() {
        if report.about.is_some() {
            return;
        }
        if report.diagnosis.unexplained.is_some() {
            "Something is wrong, and its cause is not known.".to_string()
        } else {
            "Nothing is broken.".to_string()
        }
    } else {
        let order = if errors + warnings > 1 {
            ", in the order to mend them"
        } else {
            ""
        };
        format!("{}{order}.", found.join(" and "))
    };
    if mendable > 0 {
        let what = if mendable == 1 { "One" } else { "Some" };
        line.push_str(&format!(
            " {what} can be mended by Deskside: {}",
            ui.paint("deskside doctor --fix", Meaning::Hint)
        ));
    }
    ui.answer("");
    ui.answer(&ui.wrapped(&line, 0));
    if verbose {
        ui.answer(&ui.paint(
            &format!(
                "{} breakages were considered, in {} ms.",
                report.diagnosis.considered, report.took_ms
            ),
            Meaning::Quiet,
        ));
    }
}
