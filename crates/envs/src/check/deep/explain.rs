//! What a failed import, a crash or a hang means.

use super::super::scene::Scene;
use super::super::{Finding, Rank, Severity};
use super::{Line, Outcome};
use deskside_knowledge::environment::errors::{Recognised, recognise};
use deskside_machine::{DoorError, ErrorKind, Output};
use std::collections::BTreeSet;

/// Letters of an error that are shown.
const LONGEST: usize = 400;

/// An error that was raised at import or in a computation.
pub(super) fn failure(scene: &Scene<'_>, name: &str, module: &str, line: &Line) -> Finding {
    let texts: Vec<&str> = std::iter::once(line.error.as_str())
        .chain(line.causes.iter().map(String::as_str))
        .collect();
    // The error that was raised first says more than what was made of it on its way up.
    let known = texts.iter().rev().find_map(|text| recognise(text, name));
    let what = match &line.device {
        Some(device) => format!("computing with {name} on {device} fails"),
        None => format!("importing {module} fails"),
    };
    let first = texts.last().copied().unwrap_or_default();
    let mut finding = recognised(name, &what, known, first).evidence(shown(first));
    if texts.len() > 1 {
        finding = finding.evidence(shown(&line.error));
    }
    let frame = line
        .frames
        .iter()
        .rev()
        .find(|frame| !frame.starts_with('<'));
    if let Some(frame) = frame {
        finding = finding.evidence(scene.shown(std::path::Path::new(frame)));
    }
    finding.about(owners(scene, name, line))
}

fn recognised(name: &str, what: &str, known: Option<Recognised>, error: &str) -> Finding {
    match known {
        Some(known) => {
            let mut finding = Finding::new(
                Rank::Proof,
                known.id,
                Severity::Broken,
                format!("{what}: {}", known.cause),
            );
            finding.mend = known.mend;
            finding.meaning(known.meaning)
        }
        None => Finding::new(
            Rank::Proof,
            "import-fails",
            Severity::Broken,
            format!(
                "{what}: {}",
                error.lines().last().unwrap_or("it says nothing")
            ),
        )
        .meaning(format!("no program that uses {name} can run"))
        .mend("deskside env rebuild"),
    }
}

/// The distributions whose files the error came through last: the trouble is theirs, whoever imported them.
fn owners(scene: &Scene<'_>, name: &str, line: &Line) -> BTreeSet<String> {
    let mut owners = BTreeSet::from([name.to_string()]);
    let Some(site) = &scene.site else {
        return owners;
    };
    let words = line.frames.iter().rev().take(3).map(String::as_str);
    // The loader's errors name the file they are about.
    let files = words.chain(line.error.split_whitespace()).chain(
        line.causes
            .iter()
            .flat_map(|cause| cause.split_whitespace()),
    );
    for file in files {
        let Some(rest) = file.strip_prefix(&format!("{}/", site.display())) else {
            continue;
        };
        let path = rest
            .trim_end_matches([':', ','])
            .split(".py:")
            .next()
            .unwrap_or(rest);
        let owner = scene.distributions.iter().find(|dist| {
            dist.record.as_ref().yes().is_some_and(|files| {
                files
                    .iter()
                    .any(|file| file.path == path || file.path.strip_suffix(".py") == Some(path))
            })
        });
        owners.extend(owner.map(|dist| dist.name.clone()));
    }
    owners
}

/// A process that ended in the middle of a step.
pub(super) fn cut_off(
    scene: &Scene<'_>,
    name: &str,
    module: &str,
    imported: bool,
    device: Option<String>,
    ended: &Result<Output, DoorError>,
) -> (Outcome, Finding) {
    let doing = match (imported, &device) {
        (false, _) => format!("importing {module}"),
        (true, Some(device)) => format!("computing with {name} after {device}"),
        (true, None) => format!("computing with {name}"),
    };
    let (stderr, code) = match ended {
        Ok(output) => (
            String::from_utf8_lossy(&output.stderr).into_owned(),
            Some(output.code),
        ),
        Err(error) => (error.detail.clone(), None),
    };
    let timed_out = matches!(ended, Err(error) if error.kind == ErrorKind::Timeout)
        || stderr.contains("Timeout (");
    let last = stderr
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .map(str::trim)
        .unwrap_or_default();
    // The stack that Python leaves names the file it stood in.
    let frame = stderr
        .lines()
        .find_map(|line| {
            line.trim()
                .strip_prefix("File \"")
                .filter(|rest| !rest.starts_with('<'))
        })
        .map(|rest| rest.replace("\", line ", ":"))
        .and_then(|rest| rest.split(" in ").next().map(String::from));
    let known = recognise(&stderr, name);
    let (outcome, mut finding) = if timed_out {
        let finding = Finding::new(Rank::Proof, "hangs", Severity::Broken, format!("{doing} does not come back"))
            .evidence(format!("it was ended after {} s", super::STEP_SECONDS))
            .meaning("a program that uses it hangs as well: often a device that does not answer, a lock somebody holds, or a download without a network");
        (Outcome::Hung, finding.mend("deskside info"))
    } else {
        let how = match code {
            Some(code) if code > 128 => format!("signal {} ({})", code - 128, signal(code - 128)),
            Some(code) => format!("exit code {code}"),
            None => "an unknown end".into(),
        };
        let mut finding = Finding::new(
            Rank::Proof,
            "crashes",
            Severity::Broken,
            format!("{doing} ends the process: {how}"),
        );
        finding = match known {
            Some(known) => {
                finding.mend = known.mend;
                finding.evidence(known.cause).meaning(known.meaning)
            }
            None => finding
                .meaning("a compiled part of it is damaged, built for another processor or another version of a library; no error can be caught")
                .mend("deskside env check --hashes")
                .mend("deskside env rebuild"),
        };
        (Outcome::Crashed, finding)
    };
    if !last.is_empty() {
        finding = finding.evidence(shown(last));
    }
    if let Some(frame) = frame {
        finding = finding.evidence(scene.shown(std::path::Path::new(&frame)));
    }
    (outcome, finding.about([name]))
}

fn signal(number: i32) -> &'static str {
    match number {
        4 => "SIGILL: an instruction this processor does not have",
        6 => "SIGABRT: it gave up",
        7 => "SIGBUS: a file it maps was cut off, or shared memory is full",
        8 => "SIGFPE",
        9 => "SIGKILL: ended from outside, often for want of memory",
        11 => "SIGSEGV: it reached into memory that is not its own",
        15 => "SIGTERM: ended from outside",
        _ => "a signal",
    }
}

fn shown(text: &str) -> String {
    let line = text.trim().replace('\n', " ");
    let mut letters = line.chars();
    let start: String = letters.by_ref().take(LONGEST).collect();
    if letters.next().is_some() {
        format!("{start}…")
    } else {
        start
    }
}
