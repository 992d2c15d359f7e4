//! A module that Python did not find: which Python looked, whether its packages hold the module, who else has it, whether
//! the project asks for it, and whether it is a file of the project's own.
//!
//! Source: docs.python.org, "The initialization of the sys.path module search path"; PEP 405 (pyvenv.cfg); Debian's Python
//! policy (`dist-packages`).

use super::super::{Places, paths};
use deskside_doctor::{Document, OUTPUT, Scene, failure};
use deskside_knowledge::environment::imports::{distribution_of, has_its_own_name};
use deskside_knowledge::python::{normalised_name, removed_module};
use deskside_machine::{ErrorKind, FileKind, Machine, Reading};
use std::fmt::Write;

/// Bytes of a project's file that are looked through for a name.
const DECLARED: u64 = 4 << 20;

/// What was not found, as an error's last words say it.
#[derive(Debug, PartialEq, Eq)]
struct Missing {
    module: String,
    /// The interpreter that says so itself: `/usr/bin/python3: No module named pip`.
    program: Option<String>,
    /// What stands for the package is a file.
    not_a_package: bool,
}

/// `module=… top=… distribution=… python=… state=… …`: a line for the last module that an output says is missing, and
/// which Python it was that failed.
pub(super) fn missing(machine: &dyn Machine, places: &Places, scene: &mut Scene) {
    let found = scene
        .documents(OUTPUT)
        .into_iter()
        .filter_map(|document| document.text.ok())
        .find_map(|text| last(&text).map(|missing| (missing, text)));
    let Some((missing, text)) = found else {
        scene.put("missing-module", []);
        scene.put("failed-python", []);
        return;
    };
    let python = Python::of(machine, places, missing.program.as_deref());
    scene.put(
        "failed-python",
        [match &python.known {
            Some(how) => Document::text(how.clone(), python.name()),
            None => Document::unseen("the error", "it does not say which Python it was"),
        }],
    );
    let top = missing.module.split('.').next().unwrap_or_default();
    let owner = owner(&text, top);
    let known = owner.or_else(|| distribution(&missing.module));
    let distribution = known.clone().unwrap_or_else(|| normalised_name(top));
    let mut line = format!(
        "module={} top={top} distribution={distribution} python={}",
        missing.module,
        python.name()
    );
    let state = python.state(machine, &missing.module);
    let _ = write!(line, " state={}", state.word());
    if let State::Part(version) | State::There(version) = &state {
        let _ = write!(line, " version={}", version.as_deref().unwrap_or("?"));
    }
    if missing.not_a_package {
        line.push_str(" not-a-package=yes");
    }
    // The package is there, and its own compiled module is not.
    if let (State::Absent, Some(version)) = (&state, python.version_of(machine, &distribution)) {
        let _ = write!(line, " installed={version}");
    }
    if let Some((removed, instead)) = removed_module(top) {
        let _ = write!(
            line,
            " removed={} instead={instead}",
            if python.at_least(machine, removed) {
                removed
            } else {
                "no"
            }
        );
    }
    if PYTHONS_OWN.contains(&top) {
        line.push_str(" of-python=yes");
    }
    if let Some(own) = own(machine, places, top, &text) {
        let _ = write!(line, " own={own}");
    }
    if let Some(elsewhere) = elsewhere(machine, places, &python, &missing.module) {
        let _ = write!(line, " elsewhere={elsewhere}");
    }
    let _ = write!(
        line,
        " known={} declared={}",
        if known.is_some() { "yes" } else { "no" },
        declared(machine, places, &distribution, top)
    );
    scene.put(
        "missing-module",
        match state {
            State::Unseen(reason) => vec![Document::unseen(python.name(), reason)],
            _ => vec![Document::text("the last import that failed", line)],
        },
    );
}

/// The distribution that brings a module: of a name space (`google.cloud.storage`) the longest name that is known, else the
/// module's first part, where a distribution of that name surely brings it.
fn distribution(module: &str) -> Option<String> {
    let parts: Vec<&str> = module.split('.').collect();
    (1..=parts.len())
        .rev()
        .find_map(|count| distribution_of(&parts[..count].join(".")))
        .or_else(|| has_its_own_name(parts[0]).then_some(parts[0]))
        .map(ToString::to_string)
}

/// Compiled parts of Python itself, which are there or not as it was built.
const PYTHONS_OWN: &[&str] = &[
    "_bz2", "_ctypes", "_curses", "_dbm", "_gdbm", "_hashlib", "_lzma", "_sqlite3", "_ssl",
    "_tkinter", "_uuid", "_zstd", "readline", "tkinter", "zlib",
];

/// The module whose absence ended the program, as the last error of a text says it: what is optional is missed in passing.
fn last(text: &str) -> Option<Missing> {
    let lines = failure(text).map_or_else(|| text.lines().collect(), |failure| failure.lines);
    lines.into_iter().rev().find_map(|line| {
        let at = line.find("No module named ")?;
        let before = line[..at].trim_end();
        let rest = &line[at + "No module named ".len()..];
        let module: String = rest
            .trim_start_matches(['\'', '"', '`'])
            .chars()
            .take_while(|letter| letter.is_alphanumeric() || ['_', '.', '-'].contains(letter))
            .collect();
        let module = module.trim_end_matches('.').to_string();
        let speaker = before.strip_suffix(':').unwrap_or(before);
        let program =
            Some(speaker).filter(|program| program.starts_with('/') && !program.contains(' '));
        let is_error = speaker
            .rsplit(' ')
            .next()
            .is_some_and(|word| word.ends_with("Error") && speaker.len() < before.len());
        if module.is_empty() || !(before.is_empty() || is_error || program.is_some()) {
            return None;
        }
        Some(Missing {
            module,
            program: program.map(String::from),
            not_a_package: rest.contains("is not a package"),
        })
    })
}

/// The distribution whose own code asked for a compiled module of its own: `flash_attn` for `flash_attn_2_cuda`.
fn owner(text: &str, top: &str) -> Option<String> {
    const COMPILED: &[&str] = &["_cuda", "_ext", "_C", "_kernels", "_ops", "_cpp", "_hip"];
    if !COMPILED.iter().any(|end| top.ends_with(end)) {
        return None;
    }
    let frame = text
        .lines()
        .rev()
        .find(|line| line.trim_start().starts_with("File \""))?;
    let (_, rest) = frame.split_once("-packages/")?;
    let package = rest.split(['/', '"']).next()?.trim_end_matches(".py");
    let stem = |name: &str| name.to_lowercase().replace('_', "");
    stem(top).starts_with(&stem(package)).then(|| {
        distribution_of(package).map_or_else(|| normalised_name(package), ToString::to_string)
    })
}

/// The Python that failed.
struct Python {
    /// Its folder: an environment, `/usr`; none where even that can't be told.
    prefix: Option<String>,
    /// Folders with packages.
    sites: Vec<String>,
    /// How it is known which one it was; none where it is taken to be the project's.
    known: Option<String>,
}

/// Whether its packages hold a module.
enum State {
    Absent,
    /// The package is there, and what lies in it has no such part; the package's version.
    Part(Option<String>),
    There(Option<String>),
    Unseen(String),
}

impl State {
    fn word(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Part(_) => "part",
            Self::There(_) => "there",
            Self::Unseen(_) => "unseen",
        }
    }
}

impl Python {
    fn of(machine: &dyn Machine, places: &Places, program: Option<&str>) -> Self {
        let by_itself = program.and_then(|program| {
            super::super::failed::prefix_of(machine, program)
                .map(|prefix| (prefix, program.to_string()))
        });
        let found = by_itself.or_else(|| places.failed.clone());
        match found {
            Some((prefix, how)) => Self {
                sites: sites(machine, places, &prefix),
                prefix: Some(prefix),
                known: Some(how),
            },
            None => Self {
                sites: places.site.clone().into_iter().collect(),
                prefix: places.environment.clone(),
                known: None,
            },
        }
    }

    fn name(&self) -> String {
        self.prefix.clone().unwrap_or_else(|| "?".into())
    }

    fn state(&self, machine: &dyn Machine, module: &str) -> State {
        if self.sites.is_empty() {
            return State::Unseen(
                "which Python failed is not known, so its packages were not looked at".into(),
            );
        }
        let mut state = State::Absent;
        for site in &self.sites {
            match within(machine, site, module) {
                State::Absent => {}
                State::Unseen(reason) if matches!(state, State::Absent) => {
                    state = State::Unseen(reason);
                }
                State::Unseen(_) => {}
                found => return found,
            }
        }
        state
    }

    /// The version of a distribution that is installed there.
    fn version_of(&self, machine: &dyn Machine, distribution: &str) -> Option<String> {
        self.sites.iter().find_map(|site| {
            machine.entries(site).ok()?.iter().find_map(|entry| {
                let (name, version) = entry.name.strip_suffix(".dist-info")?.split_once('-')?;
                (normalised_name(name) == distribution).then(|| version.to_string())
            })
        })
    }

    /// Whether it is of a release or later, by the names of its folders.
    fn at_least(&self, machine: &dyn Machine, release: &str) -> bool {
        let minor = |text: &str| {
            text.strip_prefix("3.")
                .and_then(|minor| minor.parse::<u32>().ok())
        };
        let Some(wanted) = minor(release) else {
            return false;
        };
        self.prefix.iter().any(|prefix| {
            machine
                .entries(format!("{prefix}/lib"))
                .unwrap_or_default()
                .iter()
                .filter_map(|entry| minor(entry.name.strip_prefix("python")?))
                .any(|own| own >= wanted)
        })
    }
}

/// Folders with the packages of an interpreter: those of an environment; else the system's and the person's own.
fn sites(machine: &dyn Machine, places: &Places, prefix: &str) -> Vec<String> {
    let mut patterns = vec![format!("{prefix}/lib/python3*/site-packages")];
    let is_environment = machine
        .exists(format!("{prefix}/pyvenv.cfg"))
        .unwrap_or(false);
    if !is_environment {
        patterns.push(format!("{prefix}/lib/python3*/dist-packages"));
        if prefix == "/usr" {
            patterns.push("/usr/local/lib/python3*/dist-packages".into());
        }
        if let Some(home) = &places.home {
            patterns.push(format!("{home}/.local/lib/python3*/site-packages"));
        }
    }
    patterns
        .iter()
        .flat_map(|pattern| paths::expand(machine, pattern).unwrap_or_default())
        .filter(|site| machine.entries(site).is_ok())
        .collect()
}

/// Whether a folder of packages holds a module.
fn within(machine: &dyn Machine, site: &str, module: &str) -> State {
    let entries = match machine.entries(site) {
        Ok(entries) => entries,
        Err(error) if error.kind == ErrorKind::Absent => return State::Absent,
        Err(error) => return State::Unseen(error.reason()),
    };
    let mut parts = module.split('.');
    let top = parts.next().unwrap_or_default();
    let is_module = |name: &str, wanted: &str| {
        name == wanted
            || name.strip_prefix(wanted).is_some_and(|rest| {
                rest == ".py" || (rest.starts_with('.') && rest.ends_with(".so"))
            })
    };
    if !entries.iter().any(|entry| is_module(&entry.name, top)) {
        return State::Absent;
    }
    let names: Vec<String> = [distribution_of(top).unwrap_or(top), top]
        .iter()
        .map(|name| normalised_name(name))
        .collect();
    let version = entries.iter().find_map(|entry| {
        let (name, version) = entry.name.strip_suffix(".dist-info")?.split_once('-')?;
        names
            .contains(&normalised_name(name))
            .then(|| version.to_string())
    });
    let mut folder = format!("{site}/{top}");
    // A folder that several distributions share (PEP 420): the part is another distribution's.
    let is_shared = version.is_none()
        && entries
            .iter()
            .any(|entry| entry.name == top && entry.kind == FileKind::Directory)
        && !machine
            .exists(format!("{folder}/__init__.py"))
            .unwrap_or(true);
    for part in parts {
        let there = machine
            .entries(&folder)
            .unwrap_or_default()
            .iter()
            .any(|entry| is_module(&entry.name, part));
        if !there {
            return if is_shared {
                State::Absent
            } else {
                State::Part(version)
            };
        }
        folder = format!("{folder}/{part}");
    }
    State::There(version)
}

/// A file or folder of the project's own with the module's name, which Python did not look at.
fn own(machine: &dyn Machine, places: &Places, top: &str, text: &str) -> Option<String> {
    let here = machine
        .working_directory()
        .ok()
        .map(|here| here.display().to_string());
    let scripts = scripts(text);
    let above = scripts
        .iter()
        .filter_map(|folder| folder.rsplit_once('/').map(|(above, _)| above.to_string()));
    let roots: Vec<String> = places
        .project
        .clone()
        .into_iter()
        .chain(here)
        .chain(above)
        .filter(|root| root.len() > 1)
        .collect();
    for root in roots {
        for candidate in [
            format!("{root}/{top}"),
            format!("{root}/{top}.py"),
            format!("{root}/src/{top}"),
            format!("{root}/src/{top}.py"),
        ] {
            let there = match machine.stat(&candidate) {
                Ok(stat) if stat.kind == FileKind::Directory => machine
                    .entries(&candidate)
                    .unwrap_or_default()
                    .iter()
                    .any(|entry| entry.name.ends_with(".py")),
                Ok(stat) => stat.kind == FileKind::File,
                Err(_) => false,
            };
            // What lies beside the script that failed was looked at.
            let beside = scripts.iter().any(|folder| {
                candidate
                    .rsplit_once('/')
                    .is_some_and(|(above, _)| above == folder)
            });
            if there && !beside {
                return Some(candidate);
            }
        }
    }
    None
}

/// Folders of the files in a traceback that belong to no package and not to Python.
pub(super) fn scripts(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.trim_start().strip_prefix("File \"/")?.split_once('"'))
        .map(|(path, _)| format!("/{path}"))
        .filter(|path| {
            !path.contains("/site-packages/")
                && !path.contains("/lib/python3")
                && !path.contains("/dist-packages/")
        })
        .filter_map(|path| path.rsplit_once('/').map(|(folder, _)| folder.to_string()))
        .collect()
}

/// An environment of the person's project that does have the module, where another Python failed.
fn elsewhere(
    machine: &dyn Machine,
    places: &Places,
    python: &Python,
    module: &str,
) -> Option<String> {
    let candidates = places.expected.iter().chain(&places.environment);
    candidates
        .filter(|environment| python.prefix.as_ref() != Some(environment))
        .find(|environment| {
            sites(machine, places, environment)
                .iter()
                .any(|site| matches!(within(machine, site, module), State::There(_)))
        })
        .cloned()
}

/// Whether the project asks for a distribution, by its own files.
fn declared(
    machine: &dyn Machine,
    places: &Places,
    distribution: &str,
    module: &str,
) -> &'static str {
    let Some(project) = &places.project else {
        return "unknown";
    };
    let names = [distribution.to_string(), normalised_name(module)];
    let mut seen = false;
    let files = machine.entries(project).unwrap_or_default();
    for file in files
        .iter()
        .map(|entry| entry.name.as_str())
        .filter(|name| {
            *name == "pyproject.toml"
                || *name == "uv.lock"
                || (name.starts_with("requirements") && name.ends_with(".txt"))
        })
    {
        let Ok(bytes) = machine.file(format!("{project}/{file}"), DECLARED) else {
            continue;
        };
        seen = true;
        let text = String::from_utf8_lossy(&bytes);
        let hit = if file.ends_with(".txt") {
            text.lines().any(|line| asks_for(line, &names))
        } else {
            text.split('"')
                .skip(1)
                .step_by(2)
                .any(|quoted| asks_for(quoted, &names))
        };
        if hit {
            return "yes";
        }
    }
    if seen { "no" } else { "unknown" }
}

/// Whether a requirement (PEP 508) begins with one of the names.
fn asks_for(requirement: &str, names: &[String]) -> bool {
    let name: String = requirement
        .trim()
        .chars()
        .take_while(|letter| letter.is_ascii_alphanumeric() || ['-', '_', '.'].contains(letter))
        .collect();
    !name.is_empty() && names.contains(&normalised_name(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_say_what_is_missing() {
        for (text, module, program) in [
            (
                "ModuleNotFoundError: No module named 'torch'",
                "torch",
                None,
            ),
            ("ImportError: No module named yaml", "yaml", None),
            (
                "/usr/bin/python3: No module named pip",
                "pip",
                Some("/usr/bin/python3"),
            ),
            (
                "x\nModuleNotFoundError: No module named 'a.b'\nmore\n",
                "a.b",
                None,
            ),
            (
                "E   ModuleNotFoundError: No module named 'cv2'",
                "cv2",
                None,
            ),
            (
                "ModuleNotFoundError: No module named \"flash_attn\"",
                "flash_attn",
                None,
            ),
        ] {
            let missing = last(text).unwrap();
            assert_eq!(
                (missing.module.as_str(), missing.program.as_deref()),
                (module, program),
                "{text}"
            );
        }
        assert!(
            last("ModuleNotFoundError: No module named 'torch.nn'; 'torch' is not a package")
                .unwrap()
                .not_a_package
        );
        for text in [
            "",
            "Error: x",
            "if it says No module named 'x' install it",
            "Optional dependency: No module named 'xformers'. Proceeding without it.",
            "ModuleNotFoundError: No module named 'x'\nValueError: bad shape",
            "Traceback (most recent call last):\n  File \"a\"\nImportError: No module named 'x'\nslower without x\nTraceback (most recent call last):\n  File \"a\"\nRuntimeError: y",
            "No module named ",
        ] {
            assert_eq!(last(text), None, "{text}");
        }
    }

    #[test]
    fn compiled_modules_belong_to_whoever_asks_for_them() {
        let frame = |path: &str| format!("  File \"{path}\", line 8, in <module>\n    import x\n");
        for (path, top, owned) in [
            (
                "/e/lib/python3.12/site-packages/flash_attn/flash_attn_interface.py",
                "flash_attn_2_cuda",
                Some("flash-attn"),
            ),
            (
                "/e/lib/python3.12/site-packages/exllamav2/ext.py",
                "exllamav2_ext",
                Some("exllamav2"),
            ),
            (
                "/e/lib/python3.12/site-packages/transformers/x.py",
                "flash_attn_2_cuda",
                None,
            ),
            (
                "/e/lib/python3.12/site-packages/flash_attn/bert_padding.py",
                "einops",
                None,
            ),
            ("/home/u/train.py", "my_cuda", None),
        ] {
            assert_eq!(owner(&frame(path), top).as_deref(), owned, "{path} {top}");
        }
    }

    #[test]
    fn requirements_are_found_by_their_names() {
        let names = ["scikit-learn".to_string(), "sklearn".to_string()];
        for (line, asks) in [
            ("scikit_learn>=1.5", true),
            ("Scikit.Learn[extra] ; python_version > '3.9'", true),
            ("scikit-learn-extra==0.3", false),
            ("# scikit-learn", false),
            ("", false),
        ] {
            assert_eq!(asks_for(line, &names), asks, "{line}");
        }
    }
}
