//! What a plan of the system layer may hold at all: whole shapes of commands, exact files, archives that this program
//! knows. A plan that holds anything else is refused whole, before anything is done. It is as wide as the recipes, and
//! no wider.

use super::mends::is_mend;
use super::{Rules, is_roots};
use crate::system::names::{self, Named};
use deskside_types::plan::{Action, Check, CommandLine, FileContents, Plan};
use deskside_types::{Code, Problem, Result};
use std::path::{Component, Path};

/// Keeps unattended upgrades away from the driver.
pub(super) const HELD: &str = "/etc/apt/apt.conf.d/52deskside-driver";
/// Says that a restart is due.
const RESTART: &str = "/run/deskside-restart";
/// How the marks begin that say that a plan removed what it brings back.
pub(super) const REMOVED: &str = "/var/cache/deskside/removed-";
/// How the marks begin that say that a plan fetched what it brings later.
const FETCHED: &str = "/var/cache/deskside/fetched-";
/// What stands before a line that is switched off: a comment, or what is one within a shell's `if` and `for`, too.
const OFF: [&str; 2] = [
    "# switched off by deskside: ",
    ": # switched off by deskside: ",
];
/// What stands before a line of a package source that the doctor switches off.
pub(super) const OFF_LINE: [&str; 3] = [
    "# switched off, nothing is there: ",
    "# switched off, apt can't read it: ",
    "# switched off, it is listed twice: ",
];
/// Profiles of the system's that may be edited.
const PROFILES: [&str; 3] = [
    "/etc/environment",
    "/etc/profile.d/cuda.sh",
    "/etc/profile.d/rocm.sh",
];
/// Profiles of a person's that may be edited.
const OWN_PROFILES: [&str; 4] = [".bashrc", ".profile", ".bash_profile", ".zshrc"];
/// Folders whose files may be moved aside.
const FOLDERS: [&str; 5] = [
    "/etc/apt/sources.list.d",
    "/etc/apt/preferences.d",
    "/etc/apt/trusted.gpg.d",
    "/etc/apt/keyrings",
    "/usr/share/keyrings",
];
/// Files that may be moved aside.
const FILES: [&str; 3] = [HELD, "/etc/apt/trusted.gpg", "/etc/X11/xorg.conf"];
/// Groups that open a graphics card, and nothing else.
const GROUPS: [&str; 2] = ["render", "video"];

/// Why something is not done, in words.
type Refused = std::result::Result<(), String>;

/// Refuses a plan whose steps for root hold anything that no recipe of the system layer and no mend of the doctor's has.
///
/// # Errors
/// [`Code::NeedsRoot`] with the action.
pub fn require(plan: &Plan, rules: &Rules) -> Result<()> {
    for step in &plan.steps {
        if !is_name(&step.id) {
            return Err(refusal(&step.title, "its name is none that is kept"));
        }
        for action in step.actions.iter().filter(|action| is_roots(step, action)) {
            let refused = allowed(action, rules);
            if !is_mend(action, rules) {
                refused.map_err(|why| refusal(&step.title, &why))?;
            }
        }
    }
    Ok(())
}

/// As [`require`], for a plan that lay in a file: what it does and looks at in the person's own account is held as narrow.
///
/// # Errors
/// [`Code::NeedsRoot`] with the action.
pub fn require_file(plan: &Plan, rules: &Rules) -> Result<()> {
    require(plan, rules)?;
    for step in &plan.steps {
        for action in step.actions.iter().filter(|action| !is_roots(step, action)) {
            persons(action).map_err(|why| refusal(&step.title, &why))?;
        }
        for check in step.check.iter().chain(&step.verify) {
            looked_at(check).map_err(|why| refusal(&step.title, &why))?;
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

fn allowed(action: &Action, rules: &Rules) -> Refused {
    match action {
        Action::Run { command, undo } => run(command, undo.as_ref()),
        Action::Packages { install, remove } => packages(install, remove, rules),
        Action::WriteFile {
            path,
            contents,
            mode,
        } => written(path, contents, *mode, rules),
        Action::EditFile { path, old, new } => edited(path, old, new, rules),
        Action::Remove { path } => told(moved_aside(path), || {
            format!("{path} is nothing that it moves aside")
        }),
        Action::Download {
            url, path, sha256, ..
        } => told(Rules::gives(&rules.packages, url, path, sha256), || {
            format!(
                "{url} is no package file of an archive that it knows, or would get another name or hash"
            )
        }),
        Action::Key {
            path,
            fingerprint,
            url,
        } => told(Rules::gives(&rules.keys, url, path, fingerprint), || {
            format!(
                "{url} is no key of an archive that it knows, or would get another name or fingerprint"
            )
        }),
        Action::AptSource { name, contents } => {
            let path = format!("/etc/apt/sources.list.d/{name}");
            told(rules.writes(&path, contents), || {
                format!("`{name}` is no archive that it knows")
            })
        }
        Action::Group { name } => told(GROUPS.contains(&name.as_str()), || {
            format!("the group {name} opens more than a graphics card")
        }),
        Action::Reboot | Action::Env { .. } | Action::AskPerson { .. } => Ok(()),
        Action::Extract { path, .. } => Err(format!("{path} would come out of an archive")),
        Action::Signal { .. } => Err("it would end a process".into()),
        Action::Module { name, .. } => Err(format!("no recipe sets the module {name}")),
        Action::Service { name, .. } => Err(format!("no recipe sets the service {name}")),
        Action::BootParameter { parameter } => {
            Err(format!("no recipe sets the kernel parameter {parameter}"))
        }
        Action::Alternative { name, .. } => {
            Err(format!("no recipe chooses the alternative {name}"))
        }
        Action::Swap { .. } => Err("no recipe makes swap".into()),
    }
}

fn told(good: bool, why: impl FnOnce() -> String) -> Refused {
    if good { Ok(()) } else { Err(why()) }
}

/// What the person's own process does: a line of a shell profile, and asking for hands.
fn persons(action: &Action) -> Refused {
    match action {
        Action::AskPerson { .. } => Ok(()),
        Action::EditFile { path, old, new } => {
            let profile = Path::new(path)
                .file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| OWN_PROFILES.contains(&name));
            told(
                profile && is_plain(path) && is_switched_off(old, new) && of_toolkits(old),
                || {
                    format!(
                        "{path} would be edited otherwise than by switching off a line for a toolkit"
                    )
                },
            )
        }
        _ => Err("no recipe does so in a person's account".into()),
    }
}

/// A command, with what takes it back.
fn run(command: &CommandLine, undo: Option<&CommandLine>) -> Refused {
    let refused = || format!("`{command}` is no command that it runs");
    let words = shape(command).ok_or_else(refused)?;
    let good = match (words.as_slice(), undo) {
        (
            ["apt-get", "update"]
            | ["dpkg", "--configure", "--pending"]
            | ["update-initramfs", "-u", "-k", "all"]
            | [
                "/usr/bin/nvidia-uninstall" | "/usr/local/bin/nvidia-uninstall",
                "--silent",
            ],
            None,
        ) => true,
        (["apt-get", "install", rest @ ..], None) => again_or_beforehand(rest),
        (["apt-mark", word @ ("hold" | "unhold"), names @ ..], undo) => {
            let back = if *word == "hold" { "unhold" } else { "hold" };
            let taken_back = undo.is_none_or(|undo| {
                shape(undo).is_some_and(|words| {
                    words.starts_with(&["apt-mark", back]) && words[2..] == *names
                })
            });
            !names.is_empty() && names.iter().all(|name| is_unversioned(name)) && taken_back
        }
        (["sysctl", setting], undo) => {
            is_limit(setting)
                && undo.is_none_or(|undo| {
                    shape(undo).is_some_and(
                    |words| matches!(words.as_slice(), ["sysctl", setting] if is_limit(setting)),
                )
                })
        }
        _ => false,
    };
    told(good, refused)
}

/// A command's words; none where it would run with a folder or variables of its own.
fn shape(command: &CommandLine) -> Option<Vec<&str>> {
    (command.directory.is_none() && command.variables.is_empty())
        .then(|| command.argv.iter().map(String::as_str).collect())
}

/// `apt-get install` beside the action that installs: what is there comes anew, or what comes later is fetched. What goes
/// before that bears a `-`.
fn again_or_beforehand(words: &[&str]) -> bool {
    let options = words
        .iter()
        .take_while(|word| word.starts_with('-'))
        .count();
    let (options, names) = words.split_at(options);
    options.contains(&"-y")
        && (options.contains(&"--reinstall") || options.contains(&"--download-only"))
        && options
            .iter()
            .all(|option| ["-y", "--reinstall", "--download-only"].contains(option))
        && !names.is_empty()
        && names.iter().all(|name| {
            let name = match name.strip_suffix('-') {
                Some(name) if options.contains(&"--download-only") => name,
                _ => name,
            };
            matches!(names::package(name), Ok(Named::Package { .. }))
        })
}

/// `iogpu.wired_limit_mb=N`
fn is_limit(setting: &str) -> bool {
    setting
        .strip_prefix("iogpu.wired_limit_mb=")
        .is_some_and(|number| {
            (1..=9).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
        })
}

/// An exact name, without a version.
pub(super) fn is_unversioned(name: &str) -> bool {
    matches!(
        names::package(name),
        Ok(Named::Package { version: None, .. })
    )
}

fn packages(install: &[String], remove: &[String], rules: &Rules) -> Refused {
    for name in install {
        let good = match names::package(name) {
            Ok(Named::Package { .. }) => true,
            Ok(Named::File(path)) => rules.packages.iter().any(|one| one.path == path),
            Err(_) => false,
        };
        told(good, || format!("`{name}` is no package that it installs"))?;
    }
    for name in remove {
        told(is_unversioned(name), || {
            format!("`{name}` is no exact name of a package")
        })?;
    }
    Ok(())
}

fn written(path: &str, contents: &FileContents, mode: u32, rules: &Rules) -> Refused {
    let FileContents::Text(text) = contents else {
        return Err(format!("{path} would come out of the program"));
    };
    told(mode == 0o644, || {
        format!("{path} would have the mode {mode:o}")
    })?;
    let good = match path {
        HELD => is_list_of_names(text),
        RESTART => text.len() <= 200,
        _ => {
            rules.writes(path, text)
                || (text.len() <= 200
                    && [REMOVED, FETCHED].iter().any(|mark| {
                        path.strip_prefix(mark)
                            .is_some_and(|rest| is_name(rest) && !rest.contains('.'))
                    }))
        }
    };
    told(good, || {
        format!("{path} is no file that it writes, or would hold something else")
    })
}

/// The setting that holds upgrades back: names, each made an exact pattern, and no other setting. Whatever stands in this
/// folder is read by apt as root, and may start programs.
fn is_list_of_names(text: &str) -> bool {
    let mut lines: Vec<&str> = text.lines().collect();
    while lines.first().is_some_and(|line| line.starts_with("//")) {
        lines.remove(0);
    }
    let [first, names @ .., last] = lines.as_slice() else {
        return false;
    };
    *first == "Unattended-Upgrade::Package-Blacklist {"
        && *last == "};"
        && names.iter().all(|line| {
            line.trim()
                .strip_prefix('"')
                .and_then(|line| line.strip_suffix("$\";"))
                .is_some_and(|name| is_unversioned(&name.replace('\\', "")))
        })
}

fn edited(path: &str, old: &str, new: &str, rules: &Rules) -> Refused {
    let right_place = if PROFILES.contains(&path) {
        of_toolkits(old)
    } else if child(path, "/etc/modprobe.d").is_some_and(|name| name.ends_with(".conf")) {
        old.contains("nvidia") || old.contains("nouveau")
    } else {
        (path == "/etc/apt/sources.list" || child(path, "/etc/apt/sources.list.d").is_some())
            && (rules.is_makers)(old)
    };
    told(right_place && is_switched_off(old, new), || {
        format!(
            "{path} would be edited otherwise than by switching off a line of a driver, a toolkit or its archive"
        )
    })
}

/// The same line behind our mark, where it stood or at the line's beginning. A line that goes on in the next one would
/// leave its other half.
fn is_switched_off(old: &str, new: &str) -> bool {
    let words = old.trim_start();
    let indent = &old[..old.len() - words.len()];
    !words.trim().is_empty()
        && !old.contains(['\n', '\r'])
        && !old.trim_end().ends_with('\\')
        && OFF
            .iter()
            .any(|mark| new == format!("{mark}{old}") || new == format!("{indent}{mark}{words}"))
}

fn of_toolkits(line: &str) -> bool {
    line.contains("cuda") || line.contains("rocm")
}

fn moved_aside(path: &str) -> bool {
    let below = |folder: &str| child(path, folder);
    let version_of = |name: &str, head: &str| {
        name == head
            || name
                .strip_prefix(head)
                .is_some_and(|rest| rest.starts_with('-'))
    };
    FILES.contains(&path)
        || FOLDERS.iter().any(|folder| below(folder).is_some())
        || below("/etc/modprobe.d").is_some_and(|name| name.contains("nvidia"))
        || below("/etc/X11/xorg.conf.d").is_some_and(|name| name.ends_with(".conf"))
        || below("/usr/local").is_some_and(|name| version_of(name, "cuda"))
        || below("/opt").is_some_and(|name| version_of(name, "rocm"))
        || path
            .strip_prefix("/var/lib/dkms/")
            .and_then(|rest| rest.split_once('/'))
            .is_some_and(|(module, version)| {
                (module.starts_with("nvidia") || module.starts_with("amdgpu"))
                    && is_name(module)
                    && child(path, &format!("/var/lib/dkms/{module}")) == Some(version)
            })
}

/// The name of what lies directly in a folder.
pub(super) fn child<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    let name = path.strip_prefix(folder)?.strip_prefix('/')?;
    let good = !name.is_empty()
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'/');
    good.then_some(name)
}

/// An absolute path without `..`.
fn is_plain(path: &str) -> bool {
    path.starts_with('/')
        && Path::new(path)
            .components()
            .all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
}

/// What is looked at by a command runs in the person's account before anything is asked: only commands that look.
fn looked_at(check: &Check) -> Refused {
    let Check::Succeeds { command } = check else {
        return Ok(());
    };
    let words = shape(command).unwrap_or_default();
    let good = matches!(
        words.as_slice(),
        ["nvidia-smi", "-L"]
            | ["grep", "-qxF", "--", _, _]
            | ["sysctl", "-n", "iogpu.wired_limit_mb"]
            | ["dpkg", "--compare-versions", _, "ge", _]
    );
    told(good, || {
        format!("`{command}` is no command that only looks")
    })
}

#[cfg(test)]
#[path = "allow_tests.rs"]
mod tests;
