//! The interpreter and the environment's own layout.

use super::program::Program;
use super::scene::{Scene, Seen};
use super::{Finding, Rank, Severity};
use deskside_machine::{Answer, FileKind, Machine, Question, Reading};
use deskside_types::facts::{Facts, OsKind};
use deskside_types::shell;
use std::path::{Path, PathBuf};

const REBUILD: &str = "deskside env rebuild";

pub(crate) fn findings(scene: &Scene<'_>, facts: &Facts) -> Vec<Finding> {
    let entries = match &scene.folder {
        Seen::Yes(entries) => entries,
        Seen::Unknown => return Vec::new(),
        Seen::No => {
            let shown = scene.shown(&scene.environment);
            let finding = |cause: String| {
                Finding::new(
                    Rank::Interpreter,
                    "environment-gone",
                    Severity::Broken,
                    cause,
                )
                .meaning("nothing of the project can run")
            };
            let is_there = scene.machine.stat(&scene.environment).is_ok();
            return vec![match scene.machine.link(&scene.environment) {
                _ if is_there => {
                    out_of_the_way(scene, finding(format!("{shown} is a file, not a folder")))
                }
                Ok(target) => out_of_the_way(
                    scene,
                    finding(format!("{shown} is a link that leads nowhere"))
                        .evidence(format!("{shown} -> {}", target.display())),
                ),
                Err(_) => finding(format!("there is no environment at {shown}")).mend(REBUILD),
            }];
        }
    };
    if scene.settings.is_no() && !scene.is_conda {
        let has_python = entries
            .iter()
            .any(|entry| entry.name == "bin" || entry.name == "lib");
        let shown = scene.shown(&scene.environment);
        return vec![if has_python {
            let finding = Finding::new(Rank::Interpreter, "settings-missing", Severity::Broken, format!("{shown}/pyvenv.cfg is missing"))
                .meaning("without it Python does not know that it is in an environment: the packages of the environment are not found");
            out_of_the_way(scene, finding)
        } else {
            let finding = Finding::new(
                Rank::Interpreter,
                "no-environment",
                Severity::Broken,
                format!("{shown} is a folder that is no Python environment"),
            )
            .evidences(
                entries
                    .iter()
                    .take(4)
                    .map(|entry| format!("{shown}/{}", entry.name)),
            )
            .meaning("there is no interpreter and no folder of packages in it");
            out_of_the_way(scene, finding)
        }];
    }
    let mut findings: Vec<Finding> = Vec::new();
    findings.extend(link(scene));
    if findings.is_empty() {
        findings.extend(program(scene, facts));
    }
    if findings.is_empty() {
        findings.extend(home(scene));
        findings.extend(series(scene));
    }
    if findings.is_empty() {
        findings.extend(moved(scene));
    }
    if findings.is_empty() {
        findings.extend(asked_for(scene));
    }
    if findings.is_empty() && scene.site.is_none() && scene.series.is_none() {
        findings.push(
            Finding::new(
                Rank::Interpreter,
                "packages-folder-missing",
                Severity::Broken,
                format!(
                    "{} has no lib/python3.N/site-packages",
                    scene.shown(&scene.environment)
                ),
            )
            .meaning("there is nowhere that packages could be found")
            .mend(REBUILD),
        );
    }
    findings
}

/// What is no environment is a person's own and stays: it is moved before one is made.
fn out_of_the_way(scene: &Scene<'_>, finding: Finding) -> Finding {
    let path = shell::quoted(&scene.shown(&scene.environment));
    finding
        .mend(format!("mv {path} {path}.old"))
        .mend(scene.sync_command())
}

/// `bin/python` leads nowhere, or is not there.
fn link(scene: &Scene<'_>) -> Option<Finding> {
    let path = scene.environment.join("bin/python");
    let shown = scene.shown(&path);
    if let Some((via, gone)) = &scene.interpreter.broken {
        let mut finding = Finding::new(
            Rank::Interpreter,
            "interpreter-gone",
            Severity::Broken,
            format!("the environment's interpreter is gone: {}", gone.display()),
        )
        .evidence(format!("{} -> {}", scene.shown(via), gone.display()));
        if let Some(home) = scene.setting("home")
            && gone_folder(scene, Path::new(home))
        {
            finding = finding.evidence(line_of(scene, "home", home));
        }
        return Some(finding.meaning(origin(gone)).mend(REBUILD));
    }
    scene.interpreter.absent.then(|| {
        Finding::new(
            Rank::Interpreter,
            "interpreter-gone",
            Severity::Broken,
            format!("{shown} is missing"),
        )
        .evidence(shown)
        .meaning("nothing of the environment can be started")
        .mend(REBUILD)
    })
}

/// Why an interpreter may be gone, by where it was.
fn origin(gone: &Path) -> &'static str {
    let text = gone.to_string_lossy();
    if text.contains("/Cellar/") {
        "Homebrew removes the old folder when it upgrades Python; nothing of the environment can be started"
    } else if text.contains("/uv/python/") {
        "uv removed or replaced that Python; nothing of the environment can be started"
    } else if text.contains("/.pyenv/") {
        "pyenv removed that Python; nothing of the environment can be started"
    } else if text.starts_with("/usr/bin") {
        "the system was upgraded to another Python; nothing of the environment can be started"
    } else {
        "the Python that the environment was made with was moved or removed; nothing of it can be started"
    }
}

/// The program itself: empty, no program, for another processor or another C library.
fn program(scene: &Scene<'_>, facts: &Facts) -> Option<Finding> {
    let real = scene
        .interpreter
        .real
        .clone()
        .unwrap_or_else(|| scene.environment.join("bin/python"));
    let shown = scene.shown(&real);
    let finding = |id: &str, severity, cause: String| {
        Finding::new(Rank::Interpreter, id, severity, cause).mend(REBUILD)
    };
    let hardware = facts.system.architecture.value().map(String::as_str);
    let stat = scene.machine.stat(&real).ok()?;
    if stat.kind != FileKind::File || stat.mode & 0o111 == 0 {
        return Some(
            finding(
                "interpreter-unusable",
                Severity::Broken,
                format!("the interpreter {shown} can't be executed"),
            )
            .evidence(if stat.kind == FileKind::File {
                format!("{shown}: mode {:o}", stat.mode)
            } else {
                format!("{shown} is no file")
            })
            .meaning("nothing of the environment can be started"),
        );
    }
    match scene.interpreter.program.as_ref()? {
        Program::Empty => Some(
            finding(
                "interpreter-damaged",
                Severity::Broken,
                format!("the interpreter {shown} is an empty file"),
            )
            .meaning(
                "nothing of the environment can be started; the Python it comes from is damaged",
            ),
        ),
        Program::Elf { end, .. } if *end > stat.size => Some(
            finding(
                "interpreter-damaged",
                Severity::Broken,
                format!("the interpreter {shown} is cut off"),
            )
            .evidence(format!(
                "{shown}: {} bytes, and its headers reach to {end}",
                stat.size
            ))
            .meaning("starting it ends at once; the Python it comes from is damaged"),
        ),
        Program::Elf {
            architecture,
            loader,
            ..
        } => {
            let hardware = hardware?;
            if facts.system.kind == OsKind::MacOs {
                return Some(
                    finding("interpreter-for-another-system", Severity::Broken, format!("the interpreter {shown} is a Linux program on a Mac"))
                        .meaning("the environment was copied from another machine; nothing of it can be started"),
                );
            }
            let runs = architecture == hardware
                || (architecture == "i386" && hardware == "x86_64")
                || (architecture == "arm" && hardware == "aarch64");
            if !runs {
                return Some(
                    finding(
                        "interpreter-for-another-processor",
                        Severity::Broken,
                        format!("the interpreter is for {architecture}, and this machine is {hardware}"),
                    )
                    .evidence(format!("{shown}: ELF for {architecture}"))
                    .meaning("the environment was made on another machine; its compiled packages are for that one, too"),
                );
            }
            let loader = loader.as_ref()?;
            let gone = matches!(scene.look(scene.machine.stat(loader)), Seen::No);
            gone.then(|| {
                finding("interpreter-for-another-system", Severity::Broken, format!("the interpreter {shown} needs the loader {loader}, which is not here"))
                    .evidence(format!("{shown}: PT_INTERP {loader}"))
                    .meaning("it was built for another C library (musl instead of glibc, or the reverse); it can't be started")
            })
        }
        Program::MachO(processors) => {
            let is_arm = matches!(hardware, Some("arm64" | "aarch64"));
            if facts.system.kind == OsKind::Linux {
                return Some(
                    finding("interpreter-for-another-system", Severity::Broken, format!("the interpreter {shown} is a macOS program on Linux"))
                        .meaning("the environment was copied from another machine; nothing of it can be started"),
                );
            }
            (is_arm && !processors.iter().any(|one| one == "arm64")).then(|| {
                let mut finding = finding(
                    "interpreter-translated",
                    Severity::WillBreak,
                    "the environment's Python is an Intel program on Apple silicon".into(),
                )
                .evidence(format!("{shown}: Mach-O for {}", processors.join(", ")));
                if let Some(home) = scene.setting("home") {
                    finding = finding.evidence(line_of(scene, "home", home));
                }
                finding.meaning("Rosetta translates it: MLX and current PyTorch have no packages for it, and nothing can use the GPU")
            })
        }
        Program::Script(_) | Program::Other => None,
    }
}

/// `home` of `pyvenv.cfg`.
fn home(scene: &Scene<'_>) -> Option<Finding> {
    if scene.is_conda {
        return None;
    }
    let Some(home) = scene.setting("home") else {
        let shown = scene.shown(&scene.environment.join("pyvenv.cfg"));
        return matches!(scene.settings, Seen::Yes(_)).then(|| {
            Finding::new(
                Rank::Interpreter,
                "settings-damaged",
                Severity::Broken,
                format!("{shown} has no `home`"),
            )
            .evidence(shown)
            .meaning(
                "Python does not take the folder for an environment: its packages are not found",
            )
            .mend(REBUILD)
        });
    };
    gone_folder(scene, Path::new(home)).then(|| {
        Finding::new(
            Rank::Interpreter,
            "interpreter-home-gone",
            Severity::WillBreak,
            format!("the folder of the Python that the environment was made with is gone: {home}"),
        )
        .evidence(line_of(scene, "home", home))
        .meaning("Python looks for its standard library from there; it may not start, or start with another one's")
        .mend(REBUILD)
    })
}

/// `.python-version` of the project names another minor release than the environment has.
///
/// Source: docs.astral.sh/uv, "Python version files": the first line that is no comment is the request.
fn asked_for(scene: &Scene<'_>) -> Option<Finding> {
    let own = scene.series.as_deref()?;
    let text = scene.project_file(".python-version").yes()?;
    let (place, request) = text
        .lines()
        .map(str::trim)
        .enumerate()
        .find(|(_, line)| !line.is_empty() && !line.starts_with('#'))?;
    let digits = request
        .strip_prefix("cpython-")
        .or_else(|| request.strip_prefix("cpython@"))
        .or_else(|| request.strip_prefix("cpython"))
        .or_else(|| request.strip_prefix("python"))
        .unwrap_or(request);
    let mut numbers = digits.split(['.', '-']);
    let (major, minor) = (numbers.next()?, numbers.next()?);
    let all_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let minor = minor.trim_end_matches('t');
    if !all_digits(major)
        || !all_digits(minor)
        || own.trim_end_matches('t') == format!("{major}.{minor}")
    {
        return None;
    }
    Some(
        Finding::new(
            Rank::Interpreter,
            "python-version-differs",
            Severity::WillBreak,
            format!("the environment has Python {own}, and .python-version asks for {request}"),
        )
        .evidence(format!(".python-version:{}: {request}", place + 1))
        .meaning(format!(
            "it works; the next sync makes one with that Python (deskside's moves this one to {}.before, `uv sync` removes it), or refuses where the project excludes it",
            scene.shown(&scene.environment)
        ))
        .mend(format!("uv python pin {}", own.trim_end_matches('t')))
        .mend(format!("or, to follow the file: {}", scene.sync_command())),
    )
}

/// The Python behind the link became another minor release.
fn series(scene: &Scene<'_>) -> Option<Finding> {
    let now = scene.interpreter.series.as_deref()?;
    let site = scene.series.as_deref()?;
    let plain = |series: &str| series.trim_end_matches('t').to_string();
    if plain(now) == plain(site) {
        return None;
    }
    let folder = scene.site.as_ref()?;
    let real = scene.interpreter.real.as_ref()?;
    let mut finding = Finding::new(
        Rank::Interpreter,
        "python-upgraded",
        Severity::Broken,
        format!("the Python behind the environment is {now} now, and its packages are for {site}"),
    )
    .evidence(format!(
        "{} -> {}",
        scene.shown(&scene.environment.join("bin/python")),
        real.display()
    ))
    .evidence(format!("packages lie in {}", scene.shown(folder)));
    if let Some(told) = scene
        .setting("version_info")
        .or_else(|| scene.setting("version"))
    {
        finding = finding.evidence(line_of(scene, "version", told));
    }
    Some(
        finding
            .meaning("this Python looks for its packages in another folder and finds none; compiled ones would not load")
            .mend(REBUILD),
    )
}

/// Scripts that start the interpreter of another place: the folder was moved, renamed or copied.
fn moved(scene: &Scene<'_>) -> Option<Finding> {
    let bin = scene.environment.join("bin");
    let (other, elsewhere) = moved_from(scene.machine, &scene.environment)?;
    Some(
        Finding::new(
            Rank::Interpreter,
            "environment-moved",
            Severity::WillBreak,
            format!("the environment was made at {} and moved or copied here", other.display()),
        )
        .evidences(elsewhere.iter().take(3).map(|(name, python)| {
            format!("{}:1: #!{}", scene.shown(&bin.join(name)), python.display())
        }))
        .meaning("its commands start the Python of the old place: they fail where that is gone, and use other packages where it is not")
        .mend(REBUILD),
    )
}

/// Where an environment that was moved or copied was made, and its scripts that start the Python of that place.
pub(crate) fn moved_from(
    machine: &dyn Machine,
    environment: &Path,
) -> Option<(PathBuf, Vec<(String, PathBuf)>)> {
    let bin = environment.join("bin");
    let mut elsewhere: Vec<(String, PathBuf)> = Vec::new();
    let mut here = 0;
    let mut entries = machine.entries(&bin).unwrap_or_default();
    entries.retain(|entry| {
        entry.kind == FileKind::File
            && !entry.name.starts_with(['.', '_'])
            && !entry.name.contains("ctivate")
    });
    let questions: Vec<Question> = entries
        .iter()
        .map(|entry| Question::File {
            path: bin.join(&entry.name),
            limit: 512,
        })
        .collect();
    for (entry, answer) in entries.into_iter().zip(machine.ask_all(&questions)) {
        let Ok(Answer::Bytes(bytes)) = answer else {
            continue;
        };
        let Some(python) = script_python(&String::from_utf8_lossy(&bytes)) else {
            continue;
        };
        if python.starts_with(environment) {
            here += 1;
        } else {
            elsewhere.push((entry.name, python));
        }
    }
    let (_, python) = elsewhere.first()?;
    let other = python.parent()?.parent()?.to_path_buf();
    // The same folder by another name, through a link above it, is no other place.
    let same = machine
        .real_path(&other)
        .is_ok_and(|real| Some(real) == machine.real_path(environment).ok());
    // A script that a person put there may start any Python: a moved environment has them all elsewhere.
    if same
        || here > 0
        || python
            .file_name()
            .is_some_and(|name| !name.to_string_lossy().starts_with("python"))
        || python.starts_with("/usr")
    {
        return None;
    }
    Some((other, elsewhere))
}

/// The Python a script is run by: its first line, or uv's and pip's way around long ones (`#!/bin/sh`, `'''exec' …`).
fn script_python(text: &str) -> Option<PathBuf> {
    let mut lines = text.lines();
    let first = lines.next()?.strip_prefix("#!")?.trim();
    let path = if first == "/bin/sh" {
        let exec = lines.next()?.strip_prefix("'''exec' ")?;
        exec.split_whitespace()
            .next()?
            .trim_matches(['"', '\''])
            .to_string()
    } else {
        first.split_whitespace().next()?.to_string()
    };
    let is_python = path.rsplit('/').next()?.starts_with("python");
    (path.starts_with('/') && is_python).then(|| PathBuf::from(path))
}

fn gone_folder(scene: &Scene<'_>, folder: &Path) -> bool {
    scene.look(scene.machine.stat(folder)).is_no()
}

fn line_of(scene: &Scene<'_>, key: &str, value: &str) -> String {
    let path = scene.environment.join("pyvenv.cfg");
    let shown = scene.shown(&path);
    let text = scene.machine.text(&path).unwrap_or_default();
    let line = text
        .lines()
        .position(|line| line.to_lowercase().starts_with(key) && line.contains(value));
    match line {
        Some(line) => format!(
            "{shown}:{}: {}",
            line + 1,
            text.lines().nth(line).unwrap_or_default()
        ),
        None => format!("{shown}: {key} = {value}"),
    }
}
