//! Making an environment where nothing is, or where something broken is.

use super::marker::{self, Marker};
use super::uv::{command, uv_command};
use super::venv::{self, State};
use super::{CREATE_DEADLINE, serves};
use deskside_machine::{Acting, Machine, Progress, Reading};
use deskside_types::{Code, Problem};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Makes an environment, after moving or removing what is left of an earlier one.
pub(super) fn create(
    machine: &dyn Machine,
    path: &Path,
    python: &str,
    uv: &str,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Value, Problem> {
    let shown = path.display();
    let mut moved = None;
    match venv::look(machine, path)? {
        State::Absent | State::Empty => {}
        State::Broken { ours: true, .. } => machine.remove_tree(path)?,
        State::Broken { ours: false, .. } => moved = Some(move_aside(machine, path)?),
        State::Whole(venv) if serves(venv.version.as_deref(), python) => {
            return Ok(json!({ "made": false }));
        }
        State::Whole(venv) if venv.marker.is_some() => moved = Some(move_aside(machine, path)?),
        State::Whole(venv) => {
            return Err(Problem::new(
                Code::EnvironmentBroken,
                format!("the environment {shown} has the wrong Python"),
            )
            .because(format!(
                "it has Python {}, and {python} is needed",
                venv.version.as_deref().unwrap_or("of unknown version")
            ))
            .hint(format!(
                "move it out of the way and run the same command again: mv {shown} {shown}.old"
            )));
        }
        State::Foreign(what) => {
            return Err(Problem::new(
                Code::EnvironmentBroken,
                format!("{shown} is in the way of the environment"),
            )
            .because(format!(
                "it is {what}, and nothing that may be yours is removed"
            ))
            .hint(format!(
                "move it out of the way and run the same command again: mv {shown} {shown}.old"
            )));
        }
    }
    marker::write(
        machine,
        path,
        &Marker {
            making: true,
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
    marker::write(machine, path, &Marker::default())?;
    Ok(json!({ "made": true, "moved": moved.map(|moved| moved.display().to_string()) }))
}

/// Renames an environment to a free name beside it.
fn move_aside(machine: &dyn Machine, path: &Path) -> Result<PathBuf, Problem> {
    let name = path.file_name().map_or_else(
        || "venv".to_string(),
        |name| name.to_string_lossy().into_owned(),
    );
    for number in 1..100 {
        let aside = path.with_file_name(if number == 1 {
            format!("{name}.before")
        } else {
            format!("{name}.before-{number}")
        });
        if !machine.exists(&aside)? {
            machine.rename(path, &aside)?;
            return Ok(aside);
        }
    }
    Err(Problem::new(
        Code::EnvironmentBroken,
        format!("{} can't be moved out of the way", path.display()),
    )
    .because(format!(
        "{name}.before and 98 more like it are there already"
    ))
    .hint("remove the old ones and run the same command again"))
}
