//! What root does at all. A plan that holds anything else is refused whole, before anything is done.

use deskside_types::plan::{Action, CommandLine, FileContents, Plan};
use deskside_types::{Code, Problem, Result};
use std::path::{Component, Path};

/// Folders below which files are written, edited, removed and downloaded with root.
const FOLDERS: &[&str] = &[
    "/etc/apt",
    "/etc/default/grub.d",
    "/etc/modprobe.d",
    "/etc/modules-load.d",
    "/etc/profile.d",
    "/etc/X11/xorg.conf.d",
    "/usr/share/keyrings",
    "/var/cache/deskside",
    "/var/lib/dkms",
];

/// Single files.
const FILES: &[&str] = &[
    "/etc/bash.bashrc",
    "/etc/environment",
    "/etc/profile",
    "/etc/X11/xorg.conf",
    "/run/deskside-restart",
];

/// What begins so may be removed: what makers' installers leave.
const REMOVED: &[&str] = &["/usr/local/cuda", "/opt/rocm", "/usr/src/nvidia-"];

/// Refuses a plan with an action that root does not do. `programs` are those that it may start.
///
/// # Errors
/// [`Code::NeedsRoot`] with the action.
pub(crate) fn require(plan: &Plan, programs: &[&str]) -> Result<()> {
    for step in &plan.steps {
        if !is_name(&step.id) {
            return Err(refusal(&step.title, "its name is none that is kept"));
        }
        for action in step
            .actions
            .iter()
            .filter(|action| super::is_roots(step, action))
        {
            allowed(action, programs).map_err(|why| refusal(&step.title, &why))?;
        }
    }
    Ok(())
}

fn refusal(title: &str, why: &str) -> Problem {
    Problem::new(
        Code::NeedsRoot,
        format!("root does not carry out the step `{title}`"),
    )
    .because(why)
    .hint("make the plan again with `deskside plan`; a plan that was edited by hand may hold no other actions")
}

/// A name that may stand in a path: no folder, no hidden file.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 200
        && !text.starts_with('.')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

fn allowed(action: &Action, programs: &[&str]) -> std::result::Result<(), String> {
    match action {
        Action::Run { command, undo } => {
            program(command, programs)?;
            undo.as_ref().map_or(Ok(()), |undo| program(undo, programs))
        }
        Action::WriteFile {
            path,
            contents,
            mode,
        } => {
            if matches!(contents, FileContents::Embedded { .. }) {
                return Err(format!("{path} would come out of the program"));
            }
            if mode & !0o777 != 0 || mode & 0o022 != 0 {
                return Err(format!("{path} would have the mode {mode:o}"));
            }
            written(path)
        }
        Action::EditFile { path, .. }
        | Action::Download { path, .. }
        | Action::Key { path, .. } => written(path),
        Action::Remove { path } => {
            let left = REMOVED.iter().any(|beginning| path.starts_with(beginning));
            if left && is_plain(path) {
                return Ok(());
            }
            written(path)
        }
        Action::AptSource { name, .. } if is_name(name) => Ok(()),
        Action::AptSource { name, .. } => Err(format!("`{name}` is no name of a package source")),
        Action::Packages { .. }
        | Action::Module { .. }
        | Action::Service { .. }
        | Action::Group { .. }
        | Action::BootParameter { .. }
        | Action::Alternative { .. }
        | Action::Swap { .. }
        | Action::Reboot => Ok(()),
        Action::Extract { path, .. } => Err(format!("{path} would come out of an archive")),
        Action::Signal { .. } => Err("it would end a process".into()),
        Action::Env { .. } | Action::AskPerson { .. } => Ok(()),
    }
}

fn program(command: &CommandLine, programs: &[&str]) -> std::result::Result<(), String> {
    let name = command.argv.first().map_or("", String::as_str);
    if !programs.contains(&name) {
        return Err(format!("`{command}` is no program that it starts"));
    }
    let harmless = |name: &String| name == "DEBIAN_FRONTEND" || name == "LC_ALL";
    if command.directory.is_some() || !command.variables.keys().all(harmless) {
        return Err(format!(
            "`{command}` would run with a folder or variables of its own"
        ));
    }
    Ok(())
}

fn written(path: &str) -> std::result::Result<(), String> {
    let below = FOLDERS
        .iter()
        .any(|folder| Path::new(path).starts_with(folder) && path.len() > folder.len());
    if is_plain(path) && (below || FILES.contains(&path)) {
        Ok(())
    } else {
        Err(format!("{path} is no place of the system layer"))
    }
}

/// An absolute path without `..`.
fn is_plain(path: &str) -> bool {
    path.starts_with('/')
        && Path::new(path)
            .components()
            .all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, mode: u32) -> Action {
        Action::WriteFile {
            path: path.into(),
            contents: FileContents::Text(String::new()),
            mode,
        }
    }

    fn run(argv: &[&str]) -> Action {
        Action::Run {
            command: CommandLine {
                argv: argv.iter().map(ToString::to_string).collect(),
                directory: None,
                variables: Default::default(),
                deadline_seconds: 1,
            },
            undo: None,
        }
    }

    #[test]
    fn only_places_of_the_system_layer_are_written() {
        for good in [
            "/etc/apt/preferences.d/x",
            "/run/deskside-restart",
            "/usr/share/keyrings/a.gpg",
        ] {
            assert_eq!(allowed(&file(good, 0o644), &[]), Ok(()), "{good}");
        }
        for bad in [
            "/etc/passwd",
            "/etc/apt",
            "/etc/apt/../shadow",
            "/etc/aptitude",
            "etc/apt/x",
            "/home/ada/.ssh/authorized_keys",
            "/etc/sudoers.d/x",
            "",
        ] {
            assert!(allowed(&file(bad, 0o644), &[]).is_err(), "{bad}");
        }
        assert!(allowed(&file("/etc/apt/x", 0o4755), &[]).is_err());
        assert!(allowed(&file("/etc/apt/x", 0o666), &[]).is_err());
        let remove = |path: &str| allowed(&Action::Remove { path: path.into() }, &[]);
        assert_eq!(remove("/usr/local/cuda-12.4"), Ok(()));
        for bad in ["/usr/local", "/usr/local/cuda-12/../../bin", "/home/a", "/"] {
            assert!(remove(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_listed_programs_are_started() {
        let programs = &["apt-get"];
        assert_eq!(allowed(&run(&["apt-get", "update"]), programs), Ok(()));
        for bad in [
            &["sh", "-c", "apt-get"][..],
            &["/tmp/apt-get"],
            &[],
            &["dpkg"],
        ] {
            assert!(allowed(&run(bad), programs).is_err(), "{bad:?}");
        }
        assert!(is_name("driver.install.2") && !is_name("../x") && !is_name(".x") && !is_name(""));
    }
}
