//! Making an environment where nothing is, or where something broken is.

use super::marker::{self, Marker};
use super::uv::{command, uv_command};
use super::venv::{self, State};
use super::{CREATE_DEADLINE, own, prepare, serves, tree};
use deskside_machine::{Acting, Machine, Progress};
use deskside_types::{Code, Problem, shell};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What is in the way of an environment and is not ours to move; none where nothing is.
pub fn in_the_way(state: &State, path: &Path, python: &str) -> Option<Problem> {
    let shown = path.display();
    let problem = match state {
        State::Whole(venv)
            if !serves(venv.version.as_deref(), python)
                && !venv.marker.as_ref().is_some_and(Marker::made_here) =>
        {
            Problem::new(
                Code::EnvironmentBroken,
                format!("the environment {shown} has the wrong Python"),
            )
            .because(format!(
                "it has Python {}, and {python} is needed",
                venv.version.as_deref().unwrap_or("of unknown version")
            ))
        }
        State::Foreign(what) => Problem::new(
            Code::EnvironmentBroken,
            format!("{shown} is in the way of the environment"),
        )
        .because(format!(
            "it is {what}, and nothing that may be yours is removed"
        )),
        _ => return None,
    };
    Some(problem.hint(format!(
        "move it out of the way and run the same command again: mv {} {}",
        shell::path(path),
        shell::path(&tree::beside(path, ".old"))
    )))
}

/// What becomes of an environment in whose place one with that Python is made, in a sentence: it is moved aside where
/// it works or something in it is a person's. None where nothing is moved.
///
/// # Errors
/// When the folder can't be looked at.
pub fn moved_aside(
    machine: &dyn Machine,
    path: &Path,
    python: &str,
) -> Result<Option<String>, Problem> {
    let noted = marker::read(machine, path).unwrap_or_default();
    let held = || {
        let (packages, own) = own::held(machine, path, &noted);
        let own = (!own.is_empty()).then(|| format!("files of yours ({})", own.shown()));
        let packages = (!packages.is_empty()).then(|| {
            format!(
                "packages that Deskside did not install ({})",
                packages.join(", ")
            )
        });
        let both: Vec<String> = own.into_iter().chain(packages).collect();
        both.join(" and ")
    };
    let mut later = "";
    let why = match venv::look(machine, path)? {
        State::Whole(venv) if serves(venv.version.as_deref(), python) => return Ok(None),
        State::Whole(venv) if noted.made_here() => {
            later = "; `deskside env gc` removes it where nothing in it is yours and snapshots have the rest";
            format!(
                "the environment that is there has Python {}",
                venv.version.as_deref().unwrap_or("of unknown version")
            )
        }
        State::Broken { why, ours: false } => {
            format!("the environment that is there can't start ({why})")
        }
        State::Broken { why, ours: true } => match held() {
            held if held.is_empty() => return Ok(None),
            held => format!("the environment that is there can't start ({why}), and holds {held}"),
        },
        _ => return Ok(None),
    };
    let aside = prepare::free_name(machine, path)?;
    Ok(Some(format!(
        "{why}: it is moved to {} and not removed{later}",
        aside.display()
    )))
}

/// Makes an environment, after moving or removing what is left of an earlier one.
pub(super) fn create(
    machine: &dyn Machine,
    path: &Path,
    python: &str,
    uv: &str,
    before: &Value,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Value, Problem> {
    let shown = path.display();
    let id = before["id"].as_str().unwrap_or_default().to_string();
    let aside = before["moved_to"].as_str().map(PathBuf::from);
    let move_aside = || -> Result<(), Problem> {
        match &aside {
            Some(aside) => Ok(machine.rename(path, aside)?),
            None => Err(Problem::new(
                Code::PlanStale,
                format!("{shown} changed while it was looked at"),
            )
            .hint("run the same command again")),
        }
    };
    let store = prepare::store_name(machine, path);
    tree::clear_rubbish(machine, path)?;
    match venv::look(machine, path)? {
        State::Absent | State::Empty => {}
        State::Broken { ours: true, .. } => {
            let noted = marker::read(machine, path).unwrap_or_default();
            if own::holds(machine, path, &noted) {
                move_aside()?;
            } else {
                tree::discard(machine, path)?;
            }
        }
        State::Broken { ours: false, .. } => move_aside()?,
        State::Whole(venv) if serves(venv.version.as_deref(), python) => {
            return Ok(json!({ "made": false }));
        }
        State::Whole(venv) if venv.marker.as_ref().is_some_and(Marker::made_here) => move_aside()?,
        state @ (State::Whole(_) | State::Foreign(_)) => {
            if let Some(problem) = in_the_way(&state, path, python) {
                return Err(problem);
            }
        }
    }
    marker::write(
        machine,
        path,
        &Marker {
            making: true,
            id: id.clone(),
            ..Marker::default()
        },
    )?;
    let argv = vec![
        uv.to_string(),
        "venv".into(),
        "--no-project".into(),
        "--allow-existing".into(),
        "--python".into(),
        python.to_string(),
        path.display().to_string(),
    ];
    uv_command(
        machine,
        "make the environment",
        command(machine, path, argv).deadline(CREATE_DEADLINE),
        watch,
    )?;
    let made = Marker {
        id,
        // pip and its like, where the person has uv put them in.
        distributions: venv::distributions(machine, path).into_keys().collect(),
        store,
        ..Marker::default()
    };
    marker::write(machine, path, &made)?;
    Ok(json!({ "made": true }))
}
