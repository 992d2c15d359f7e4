//! Folders and files as requirements: typed from where a person stands, written into the project relative to it.

use super::Place;
use crate::Context;
use deskside_envs::manifest::pip::{self, Taken};
use deskside_machine::Reading;
use deskside_types::{Code, Problem, Result};
use std::path::{Component, Path, PathBuf};

/// A requirement that is a path, in the terms of the project; none where it is something else.
///
/// # Errors
/// [`Code::RequirementInvalid`] when nothing is there, or it does not say which package it is.
pub(super) fn take(context: &Context, place: &Place, text: &str) -> Result<Option<Taken>> {
    let machine = &*context.machine;
    let here = machine.working_directory()?;
    if !pip::is_path(machine, &here, text) {
        return Ok(None);
    }
    let refused = |why: String| {
        Problem::new(
            Code::RequirementInvalid,
            format!("`{text}` can't be added to the project"),
        )
        .because(why)
    };
    let bare = pip::bare_path(text);
    let typed = here.join(bare.strip_prefix("file://").unwrap_or(bare));
    // A link stays the link that it is.
    let target = match (typed.parent(), typed.file_name()) {
        (Some(parent), Some(name)) => machine.real_path(parent).map(|real| real.join(name)),
        _ => machine.real_path(&typed),
    };
    let target = target
        .ok()
        .filter(|target| machine.exists(target).unwrap_or(false));
    let Some(target) = target else {
        return Err(
            refused(format!("there is no {}", typed.display())).hint(format!(
                "paths count from the folder you are in: {}",
                here.display()
            )),
        );
    };
    let written = relative(&place.project, &target).unwrap_or(target);
    let line = text.replacen(bare, &written.display().to_string(), 1);
    let taken = pip::local(machine, &place.project, &line).map_err(|why| {
        refused(why).hint("name a folder with a pyproject.toml, a wheel or a source archive")
    })?;
    if taken.own {
        return Err(refused("it is the project itself".into()).hint(
            "to have its own code installed, say how it is built: [build-system] in pyproject.toml",
        ));
    }
    Ok(Some(taken))
}

/// A path as it is called from a folder; none where the two have nothing but the root in common.
fn relative(from: &Path, to: &Path) -> Option<PathBuf> {
    let (from, to): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let common = from
        .iter()
        .zip(&to)
        .take_while(|(left, right)| left == right)
        .count();
    let is_only_root = from[..common]
        .iter()
        .all(|part| !matches!(part, Component::Normal(_)));
    if is_only_root {
        return None;
    }
    let mut path: PathBuf = from[common..]
        .iter()
        .map(|_| Component::ParentDir)
        .collect();
    path.extend(&to[common..]);
    if path.as_os_str().is_empty() {
        path.push(".");
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use deskside_testkit::Sim;
    use std::sync::Arc;

    #[test]
    fn paths_are_told_from_the_project() {
        for (from, to, path) in [
            ("/h/p", "/h/lib", Some("../lib")),
            ("/h/p", "/h/p/libs/x", Some("libs/x")),
            ("/h/p", "/h/p", Some(".")),
            ("/h/a/p", "/h/b/c", Some("../../b/c")),
            ("/h/p", "/opt/lib", None),
        ] {
            let found = relative(Path::new(from), Path::new(to));
            assert_eq!(found.as_deref(), path.map(Path::new), "{from} {to}");
        }
    }

    #[test]
    fn what_is_typed_counts_from_where_a_person_stands() {
        let sim = Sim::linux();
        for (folder, name) in [
            ("/home/user/lib", "lib"),
            ("/opt/other", "other"),
            ("/home/user/p/sub/own", "own"),
        ] {
            sim.put_file(
                format!("{folder}/pyproject.toml"),
                format!("[project]\nname = \"{name}\"\n"),
            );
        }
        sim.put_file("/home/user/p/sub/six-1.16-py3-none-any.whl", "x");
        sim.put_directory("/home/user/p/sub/empty");
        sim.change(|state| state.working_directory = "/home/user/p/sub".into());
        let context = Context::here(Arc::new(sim)).unwrap();
        let place = Place::at(&context, Some(Path::new("/home/user/p"))).unwrap();
        for (text, requirement, path) in [
            ("../../lib", "lib", "../lib"),
            ("/home/user/lib", "lib", "../lib"),
            (
                "../../lib[dev] ; python_version > \"3.8\"",
                "lib[dev] ; python_version > \"3.8\"",
                "../lib",
            ),
            ("./own", "own", "sub/own"),
            ("/opt/other", "other", "/opt/other"),
            (
                "six-1.16-py3-none-any.whl",
                "six",
                "sub/six-1.16-py3-none-any.whl",
            ),
        ] {
            let taken = take(&context, &place, text).unwrap().unwrap();
            assert_eq!(taken.requirements, [requirement], "{text}");
            assert_eq!(taken.paths[0].1.path, path, "{text}");
            assert_eq!(
                taken.notes.len(),
                usize::from(path.starts_with('/')),
                "{:?}",
                taken.notes
            );
        }
        for (text, words) in [
            ("../nope", "/home/user/p/sub/../nope"),
            ("./empty", "which package"),
            ("..", "the project itself"),
        ] {
            let problem = take(&context, &place, text).unwrap_err();
            assert_eq!(problem.code, Code::RequirementInvalid);
            assert!(problem.causes.join(" ").contains(words), "{problem:?}");
        }
        for text in ["numpy", "numpy>=2", "x @ https://x.example/x.whl", "own"] {
            assert_eq!(take(&context, &place, text).unwrap(), None, "{text}");
        }
    }
}
