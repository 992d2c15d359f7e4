//! The whole examination: facts, evidence, diagnosis, and what the check of the environment found.

use super::collect::{Collected, Places, collect};
use super::{Diagnosis, DoctorRequest, environment};
use crate::Context;
use deskside_doctor::{Document, EXIT, OUTPUT, Scene, diagnose};
use deskside_knowledge::messages::with_english;
use deskside_machine::{Machine, Reading};
use deskside_types::Facts;

/// Bytes of a log that are looked at: its end.
pub const LOG_LIMIT: usize = 512 << 10;

/// What somebody wants explained.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The command or file it is from.
    pub about: String,
    /// What it said; the end where it is long.
    pub text: String,
    /// How the command ended: its exit code, or 128 and the signal.
    pub exit: Option<i32>,
}

/// What an examination came to.
#[derive(Debug)]
pub struct Examination {
    /// The facts.
    pub facts: Facts,
    /// The evidence, and the environment that was checked.
    pub collected: Collected,
    /// What it means.
    pub diagnosis: Diagnosis,
}

/// Examines a machine.
pub fn examine(context: &Context, request: &DoctorRequest) -> Examination {
    let machine = &*context.machine;
    let facts = deskside_probe::collect(machine);
    let mut places = places(context, &facts);
    if let Some(asked) = &request.asked {
        places.of_the_failure(machine, &asked.about, &asked.text);
    }
    let asked = request.asked.as_ref();
    let output = asked.map(documents).unwrap_or_default();
    let collected = collect(
        machine,
        &facts,
        &places,
        request.depth,
        request.root,
        &output,
    );
    let mut diagnosis = diagnose(&collected.scene);
    if let Some(checked) = &collected.checked {
        environment::add(
            &mut diagnosis,
            checked,
            asked.map(|asked| asked.text.as_str()),
        );
    }
    Examination {
        facts,
        collected,
        diagnosis,
    }
}

/// What was asked about, as evidence.
fn documents(asked: &Asked) -> Vec<(&'static str, Document)> {
    let text = telling(&deskside_doctor::without_controls(end_of(&asked.text)));
    let text = with_english(&text);
    let mut documents = Vec::new();
    if is_kernel_log(&text) {
        documents.push((
            KERNEL_LOG,
            Document::text(asked.about.clone(), text.clone()),
        ));
    }
    documents.push((OUTPUT, Document::text(asked.about.clone(), text)));
    if let Some(exit) = asked.exit {
        documents.push((EXIT, Document::text(asked.about.clone(), ending(exit))));
    }
    documents
}

/// Lines at the end of a log that are looked at whatever they say.
const LAST: usize = 3000;
/// Lines before these that are looked at where they speak of trouble.
const BEFORE: usize = 1000;

/// Of a long log the end, and before it what speaks of trouble: a training's log is mostly its progress.
fn telling(text: &str) -> String {
    const TROUBLE: &[&str] = &[
        "rror",
        "ERR",
        "ail",
        "FAIL",
        "arning",
        "WARN",
        "illed",
        "annot",
        "an't",
        "not found",
        "o such",
        "enied",
        "ismatch",
        "Xid",
        "NVRM",
        "xception",
        "raceback",
        "fault",
        "ut of memory",
        "version",
        "nable",
        "nsupported",
        "nvalid",
        "abort",
        "Abort",
        "missing",
        "not ",
    ];
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() <= LAST {
        return text.to_string();
    }
    let (before, last) = lines.split_at(lines.len() - LAST);
    let mut kept: Vec<&str> = before
        .iter()
        .rev()
        .filter(|line| TROUBLE.iter().any(|word| line.contains(word)))
        .take(BEFORE)
        .copied()
        .collect();
    kept.reverse();
    kept.extend(last);
    kept.join("\n")
}

/// The item that a kernel's log is read from.
const KERNEL_LOG: &str = "kernel-log";

/// Whether a text is a kernel's log that somebody saved with root, as `dmesg` or `journalctl -k` writes one: most lines
/// have the kernel's mark.
fn is_kernel_log(text: &str) -> bool {
    let marked = |line: &str| {
        let line = line.trim_start();
        line.contains(" kernel: ")
            || line.strip_prefix('[').is_some_and(|rest| {
                rest.split_once(']').is_some_and(|(stamp, _)| {
                    stamp.contains(['.', ':'])
                        && stamp.bytes().any(|byte| byte.is_ascii_digit())
                        && stamp.len() <= 30
                })
            })
    };
    let (mut lines, mut kernel) = (0_usize, 0_usize);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        lines += 1;
        kernel += usize::from(marked(line));
    }
    kernel > 0 && kernel * 2 > lines
}

/// The end of a long text, from the beginning of a line.
fn end_of(text: &str) -> &str {
    if text.len() <= LOG_LIMIT {
        return text;
    }
    let mut from = text.len() - LOG_LIMIT;
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let rest = &text[from..];
    rest.split_once('\n').map_or(rest, |(_, behind)| behind)
}

/// The places of the current project; those of the environment that is active where there is none.
fn places(context: &Context, facts: &Facts) -> Places {
    let machine = &*context.machine;
    let mut places = Places::of(machine, facts);
    if context.recorded {
        recorded(machine, &mut places);
        return places;
    }
    let active = facts.environments.iter().any(|one| one.active);
    if let Ok(place) = crate::environment::Place::find(context, None) {
        places.project = Some(place.project.display().to_string());
        let environment = place.environment.display().to_string();
        let there = facts.environments.iter().any(|one| one.path == environment)
            || machine.exists(&place.environment).unwrap_or(false);
        // Which one is active is told by its check, and which one failed by the failure.
        if there {
            places.site = super::collect::site_packages(machine, &environment);
            places.environment = Some(environment.clone());
        }
        // Asked so that a recording has it.
        for sign in PROJECT_SIGNS {
            let _ = machine.stat(place.project.join(sign));
        }
        if places.environment.as_deref() == Some(&environment) {
            let parts = crate::environment::parts::noted(machine, &place);
            places.groups = parts.groups;
            places.extras = place
                .store
                .local(machine)
                .choice
                .map(|choice| choice.extra)
                .filter(|extra| !extra.is_empty())
                .into_iter()
                .chain(parts.extras)
                .collect();
        }
    } else if !active {
        // Somebody's environment elsewhere is no matter of the folder that they stand in.
        places.environment = None;
        places.site = None;
    }
    places
}

/// What makes a folder a project.
const PROJECT_SIGNS: &[&str] = &[".venv", "pyproject.toml", "uv.lock", "requirements.txt"];

/// The project of a recorded machine: the nearest one to where somebody stood, else that of the environment itself.
fn recorded(machine: &dyn Machine, places: &mut Places) {
    let is_project = |folder: &str| {
        PROJECT_SIGNS
            .iter()
            .any(|sign| machine.stat(format!("{folder}/{sign}")).is_ok())
    };
    let here = machine.working_directory().unwrap_or_default();
    let near = here
        .ancestors()
        .map(|folder| folder.display().to_string())
        .filter(|folder| folder.len() > 1)
        .find(|folder| is_project(folder));
    if let Some(project) = near {
        let environment = format!("{project}/.venv");
        if machine.stat(&environment).is_ok() {
            places.site = super::collect::site_packages(machine, &environment);
            places.environment = Some(environment);
        }
        places.project = Some(project);
        return;
    }
    places.project = places
        .environment
        .as_deref()
        .and_then(|environment| environment.rsplit_once('/'))
        .map(|(above, _)| above.to_string())
        .filter(|above| is_project(above));
}

/// What a command's end by a signal says by itself: no more than that, where nothing else is known.
pub(super) fn meaning_of(code: i32, scene: &Scene) -> Option<String> {
    const KILL: i32 = 9;
    let number = signal_of(code)?;
    let (name, meaning) = deskside_knowledge::system::signal(number)?;
    let mut text = format!("It was ended by signal {number} ({name}): {meaning}.");
    if number == KILL {
        let log = scene.documents(KERNEL_LOG);
        text.push_str(&match log.iter().find_map(|one| one.text.as_ref().err()) {
            Some(reason) => format!(
                " The kernel's log would tell whether memory ran out, and could not be seen: {reason}."
            ),
            None if log.is_empty() => String::new(),
            None => " The kernel's log has no line that names it.".into(),
        });
    }
    Some(text)
}

/// The signal in an exit code.
fn signal_of(code: i32) -> Option<i32> {
    match code {
        129..=192 => Some(code - 128),
        ..=-1 => code.checked_neg(),
        _ => None,
    }
}

/// How a command ended, as rules read it: `code=137 signal=9`. A shell says 128 and the signal; Python's subprocess says
/// the signal with a minus.
pub fn ending(code: i32) -> String {
    match signal_of(code) {
        Some(signal) => format!("code={code} signal={signal}"),
        None => format!("code={code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_log_is_what_counts() {
        assert_eq!(end_of("a\nb"), "a\nb");
        let long = format!("{}\nlast ü\n", "x".repeat(LOG_LIMIT));
        assert_eq!(end_of(&long), "last ü\n");
        let one_line = "ü".repeat(LOG_LIMIT);
        assert!(end_of(&one_line).len() <= LOG_LIMIT);
    }

    #[test]
    fn a_kernels_log_is_told_from_a_programs() {
        for (text, kernel) in [
            ("[    5.1] NVRM: x\n[   6.2] y\n", true),
            ("[Fri Mar  3 04:27:08 2023] NVRM: Xid\n", true),
            ("Nov 26 03:00:00 desk kernel: NVRM: Xid\n", true),
            (
                "Traceback (most recent call last):\n  File\nKilled\n",
                false,
            ),
            ("[INFO] step 3\n[INFO] step 4\n", false),
            ("", false),
        ] {
            assert_eq!(is_kernel_log(text), kernel, "{text}");
        }
    }

    #[test]
    fn a_long_log_is_its_end_and_what_speaks_of_trouble() {
        let long = format!("CUDA error: x\n{}end", "step\n".repeat(9000));
        let kept = telling(&long);
        assert!(kept.starts_with("CUDA error: x\nstep") && kept.ends_with("end"));
        assert_eq!(kept.lines().count(), LAST + 1);
        assert_eq!(telling("a\nb\n"), "a\nb\n");
    }

    #[test]
    fn the_end_by_a_signal_is_told_and_what_the_kernel_says_of_it() {
        let facts = deskside_probe::collect(&deskside_testkit::Sim::empty());
        let mut scene = Scene::new(&facts);
        let told = |code: i32, scene: &Scene| meaning_of(code, scene).unwrap_or_default();
        assert!(told(139, &scene).contains("signal 11 (SIGSEGV)"));
        assert_eq!(told(1, &scene) + &told(124, &scene), "");
        scene.put(KERNEL_LOG, [Document::text("dmesg", "")]);
        assert!(told(137, &scene).ends_with("has no line that names it."));
        scene.put(KERNEL_LOG, [Document::unseen("dmesg", "permission denied")]);
        assert!(told(-9, &scene).ends_with("could not be seen: permission denied."));
    }

    #[test]
    fn endings_name_signals() {
        assert_eq!(ending(1), "code=1");
        assert_eq!(ending(137), "code=137 signal=9");
        assert_eq!(ending(-7), "code=-7 signal=7");
    }
}
