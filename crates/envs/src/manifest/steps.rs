//! The steps that bring a project's files and environment to what was resolved.

use crate::environment::{mend, moved_aside, sha256, venv};
use crate::plan::{Module, make_environment, module_step};
use crate::snapshot::{Local, Parts, Store};
use crate::uv::{self, UvState};
use deskside_machine::{Machine, Reading};
use deskside_types::Problem;
use deskside_types::plan::{Action, Check, EnvironmentAction, FileContents, Step, Undo};
use std::path::Path;

/// What is wanted of a project's environment.
pub struct Wanted<'a> {
    /// The project's folder.
    pub project: &'a Path,
    /// The environment's folder.
    pub environment: &'a Path,
    /// Files of the project by name, with their whole new text.
    pub files: Vec<(String, String)>,
    /// The Python, as uv takes it.
    pub python: String,
    /// uv downloads that Python.
    pub fetches_python: bool,
    /// uv's arguments: the extra of the framework build, groups.
    pub arguments: Vec<String>,
    /// Deskside's own module, where the Python runs it.
    pub module: Option<&'a Module>,
    /// This machine's choice, where it is to be noted.
    pub local: Option<Local>,
    /// Bytes that are downloaded, where they are known.
    pub download_bytes: Option<u64>,
}

/// The steps in order. Those that hold already are among them: their checks say so.
///
/// # Errors
/// When the environment's folder can't be looked at.
pub fn steps(
    machine: &dyn Machine,
    store: &Store,
    uv: &UvState,
    wanted: Wanted<'_>,
) -> Result<Vec<Step>, Problem> {
    let mut steps = Vec::new();
    if let UvState::Fetch(source) = uv {
        steps.push(uv::step(source));
    }
    if !wanted.files.is_empty() {
        steps.push(files_step(machine, wanted.project, &wanted.files)?);
    }
    let path = wanted.environment.display().to_string();
    let existing = venv::look(machine, wanted.environment)?;
    let mut making = make_environment(
        &existing,
        &path,
        uv.path(),
        &wanted.python,
        wanted.fetches_python,
    );
    if let Some(way) = moved_aside(machine, wanted.environment, &wanted.python)? {
        making.why = way;
    }
    steps.push(making);
    steps.push(sync_step(&path, uv.path(), &wanted));
    steps.extend(
        wanted
            .module
            .map(|module| module_step(&path, uv.path(), module)),
    );
    if let Some(local) = &wanted.local {
        steps.push(local_step(store, local));
    }
    Ok(steps)
}

fn files_step(
    machine: &dyn Machine,
    project: &Path,
    files: &[(String, String)],
) -> Result<Step, Problem> {
    let mut actions = Vec::new();
    let mut check = Vec::new();
    let mut names = Vec::new();
    for (name, text) in files {
        let path = project.join(name);
        let shown = path.display().to_string();
        let is = Check::FileIs {
            path: shown.clone(),
            sha256: sha256(text.as_bytes()),
        };
        check.push(is);
        let mode = machine.stat(&path).map_or(0o644, |stat| stat.mode & 0o777);
        let same = machine
            .file(&path, 64 << 20)
            .is_ok_and(|bytes| bytes == text.as_bytes());
        if !same {
            names.push(name.clone());
            actions.push(Action::WriteFile {
                path: shown,
                contents: FileContents::Text(text.clone()),
                mode,
            });
        }
    }
    if names.is_empty() {
        names.extend(files.iter().map(|(name, _)| name.clone()));
    }
    Ok(Step {
        id: "files".into(),
        title: format!("Write {}", names.join(" and ")),
        why: "they name the project's packages for every machine, with Deskside and without".into(),
        check: check.clone(),
        actions,
        verify: check,
        ..Step::simple()
    })
}

fn sync_step(path: &str, uv: &str, wanted: &Wanted<'_>) -> Step {
    let action = EnvironmentAction::Sync {
        path: path.into(),
        project: wanted.project.display().to_string(),
        arguments: wanted.arguments.clone(),
        exact: true,
        uv: uv.into(),
    };
    let check = vec![Check::Environment {
        action: action.clone(),
    }];
    let named = |option: &str| -> Vec<String> {
        let pairs = wanted.arguments.windows(2);
        let pairs = pairs.filter(|pair| pair[0] == option);
        pairs.map(|pair| pair[1].clone()).collect()
    };
    let parts = Parts {
        extras: named("--extra"),
        groups: named("--group"),
        without: named("--no-group"),
    };
    let extra = match parts.is_empty() {
        true => String::new(),
        false => format!(" with {}", parts.shown().join(" and ")),
    };
    let again = mend::named(&wanted.arguments);
    let again = if again.is_empty() {
        String::new()
    } else {
        format!(", with {} installed again", again.join(", "))
    };
    Step {
        id: "packages".into(),
        title: format!("Bring the environment to uv.lock{extra}{again}"),
        why: "exactly the packages of the lock file are installed; what it does not name goes".into(),
        check: check.clone(),
        actions: vec![Action::Env { action }],
        verify: check,
        undo: Undo::BestEffort {
            why: "packages come back as the snapshot of before has them, and where that can't be had, in their versions".into(),
        },
        download_bytes: wanted.download_bytes,
        ..Step::simple()
    }
}

fn local_step(store: &Store, local: &Local) -> Step {
    let path = store.local_path().display().to_string();
    let mut text = serde_json::to_string_pretty(local).unwrap_or_default();
    text.push('\n');
    let check = vec![Check::FileIs {
        path: path.clone(),
        sha256: sha256(text.as_bytes()),
    }];
    let parts = local.parts.shown();
    let shown: Vec<String> = local
        .choice
        .iter()
        .map(|choice| choice.shown())
        .chain(parts.iter().cloned())
        .collect();
    let title = match (shown.is_empty(), parts.is_empty()) {
        (true, _) => "Note that this machine has the project's own packages alone".to_string(),
        (_, true) => format!("Note this machine's build: {}", shown.join(", ")),
        (_, false) => format!(
            "Note what this machine has of the project: {}",
            shown.join(", ")
        ),
    };
    Step {
        id: "choice".into(),
        title,
        why: "what is installed here belongs to this machine and stands in none of the project's files".into(),
        check: check.clone(),
        actions: vec![Action::WriteFile {
            path,
            contents: FileContents::Text(text),
            mode: 0o600,
        }],
        verify: check,
        ..Step::simple()
    }
}
