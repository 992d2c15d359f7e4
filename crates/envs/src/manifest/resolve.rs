//! Resolving before anything is changed: uv works in a mirror of the project's folder, made of links, with its own
//! copies of `pyproject.toml` and `uv.lock`. What it leaves there is what a plan will write.

use super::Manifest;
use crate::environment::failure;
use crate::environment::uv::{command, uv_command};
use crate::project::requirements;
use deskside_machine::{
    Acting, Durability, Effect, ErrorKind, FileKind, Machine, Progress, Reading,
};
use deskside_types::{Code, Problem};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// Resolving with many packages over a slow line.
const DEADLINE: Duration = Duration::from_secs(30 * 60);
/// The files uv changes.
const OWN: [&str; 2] = ["pyproject.toml", "uv.lock"];
/// A file beyond this is none of uv's.
const LARGEST: u64 = 64 << 20;
/// What is not mirrored beside them.
const LEFT_OUT: &[&str] = &[".venv"];

/// A mirror of a project's folder. It is removed by [`Scratch::remove`].
pub struct Scratch<'a> {
    machine: &'a dyn Machine,
    uv: String,
    root: PathBuf,
    project: PathBuf,
    real: PathBuf,
}

impl<'a> Scratch<'a> {
    /// Makes a mirror under `cache` with this `pyproject.toml`, and the project's lock file where it has one.
    ///
    /// # Errors
    /// When the project can't be listed, or the mirror can't be written.
    pub fn make(
        machine: &'a dyn Machine,
        cache: &Path,
        uv: &str,
        project: &Path,
        manifest: &Manifest,
    ) -> Result<Self, Problem> {
        let root = cache
            .join("resolve")
            .join(format!("{:016x}", machine.random()?));
        let levels = manifest.paths().iter().map(|path| climbs(path)).max();
        let levels = levels.unwrap_or(0).min(project.components().count());
        let top = project.ancestors().nth(levels).unwrap_or(project);
        let within = project.strip_prefix(top).unwrap_or(Path::new(""));
        let scratch = Self {
            machine,
            uv: uv.to_string(),
            // With nothing below it `join` would end the path in a slash, which messages would take for their own.
            project: match within.as_os_str().is_empty() {
                true => root.join("mirror"),
                false => root.join("mirror").join(within),
            },
            root: root.clone(),
            real: project.to_path_buf(),
        };
        let made = scratch.fill(top, within, manifest);
        if made.is_err() {
            let _ = machine.remove_tree(&root);
        }
        made.map(|()| scratch)
    }

    fn fill(&self, top: &Path, within: &Path, manifest: &Manifest) -> Result<(), Problem> {
        let mut real = top.to_path_buf();
        let mut mirror = self.root.join("mirror");
        let below: Vec<&std::ffi::OsStr> = within.iter().collect();
        for depth in 0..=below.len() {
            self.machine.create_directory(&mirror)?;
            let next = below.get(depth).copied();
            for entry in self.machine.entries(&real)? {
                let is_project = next.is_none();
                let skipped = next.is_some_and(|name| name.to_string_lossy() == entry.name)
                    || (is_project
                        && (OWN.contains(&entry.name.as_str())
                            || LEFT_OUT.contains(&entry.name.as_str())));
                if !skipped {
                    self.machine.effect(&Effect::MakeLink {
                        path: mirror.join(&entry.name),
                        target: real.join(&entry.name),
                    })?;
                }
            }
            if let Some(name) = next {
                real.push(name);
                mirror.push(name);
            }
        }
        // A build leaves files beside the code: in the mirror, and not in the person's folders.
        let mut opened: BTreeSet<PathBuf> = (0..=below.len())
            .map(|depth| below[..depth].iter().collect())
            .collect();
        for path in self.matching(&manifest.paths()) {
            let Ok(place) = requirements::plain(&self.real.join(path))
                .strip_prefix(top)
                .map(Path::to_path_buf)
            else {
                continue;
            };
            self.open(top, &place, &mut opened)?;
            self.open(top, &place.join("src"), &mut opened)?;
        }
        if manifest.is_package() {
            self.open(top, &within.join("src"), &mut opened)?;
        }
        self.write(&OWN[..1], |_| Some(manifest.text().into_bytes()))?;
        self.write(&OWN[1..], |name| {
            self.machine.file(self.real.join(name), 64 << 20).ok()
        })
    }

    /// The paths, with all folders in the place of a last `*`, as workspaces name their members.
    fn matching(&self, paths: &[String]) -> Vec<String> {
        let mut all = Vec::new();
        for path in paths {
            let Some(folder) = path.strip_suffix('*') else {
                all.push(path.clone());
                continue;
            };
            let entries = self.machine.entries(self.real.join(folder));
            all.extend(
                entries
                    .unwrap_or_default()
                    .into_iter()
                    .map(|entry| format!("{folder}{}", entry.name)),
            );
        }
        all
    }

    /// Makes a folder of the mirror, and those above it, folders of links in the place of links. What is no folder stays.
    fn open(
        &self,
        top: &Path,
        place: &Path,
        opened: &mut BTreeSet<PathBuf>,
    ) -> Result<(), Problem> {
        let mut below = PathBuf::new();
        for component in place.components() {
            below.push(component);
            if opened.contains(&below) {
                continue;
            }
            let real = top.join(&below);
            let is_folder = self
                .machine
                .stat(&real)
                .is_ok_and(|stat| stat.kind == FileKind::Directory);
            if !is_folder {
                return Ok(());
            }
            let mirror = self.root.join("mirror").join(&below);
            self.machine.remove_file(&mirror)?;
            self.machine.create_directory(&mirror)?;
            for entry in self.machine.entries(&real)? {
                self.machine.effect(&Effect::MakeLink {
                    path: mirror.join(&entry.name),
                    target: real.join(&entry.name),
                })?;
            }
            opened.insert(below.clone());
        }
        Ok(())
    }

    fn write(
        &self,
        names: &[&str],
        contents: impl Fn(&str) -> Option<Vec<u8>>,
    ) -> Result<(), Problem> {
        for name in names {
            if let Some(contents) = contents(name) {
                let path = self.project.join(name);
                self.machine
                    .write_file(path, contents, 0o644, Durability::Process)?;
            }
        }
        Ok(())
    }

    /// Runs uv in the mirror: `words` begin with the subcommand. `what` is the aim as a phrase.
    ///
    /// # Errors
    /// uv's failures; [`Code::Unsatisfiable`] where no versions fit, [`Code::LockUnusable`] where the lock is damaged.
    pub fn uv(
        &self,
        what: &str,
        words: &[&str],
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), Problem> {
        let project = self.project.display().to_string();
        let argv = std::iter::once(self.uv.as_str())
            .chain(words.iter().copied())
            .chain(["--project", &project])
            .map(String::from)
            .collect();
        let mut command = command(self.machine, &self.project.join(".venv"), argv);
        command.deadline = DEADLINE;
        uv_command(self.machine, what, command, watch).map_err(|problem| self.plain(problem))
    }

    /// What uv would change in the environment: see [`dry_sync`].
    ///
    /// # Errors
    /// As [`dry_sync`] says.
    pub fn dry_sync(&self, environment: &Path, words: &[&str]) -> Result<Option<DrySync>, Problem> {
        dry_sync(self.machine, &self.uv, &self.project, environment, words)
            .map_err(|problem| self.plain(problem))
    }

    /// A failure in the project's own paths, without the mirror's, and without what only helps who called uv by hand.
    fn plain(&self, mut problem: Problem) -> Problem {
        let mirror = self.project.display().to_string();
        let real = self.real.display().to_string();
        if matches!(
            problem.code,
            Code::Unsatisfiable
                | Code::RequirementInvalid
                | Code::LockUnusable
                | Code::IndexUnreachable
        ) {
            problem.causes.retain(|cause| telling(cause));
        }
        // By hand it would work in the project itself, which is not to be changed yet.
        if problem.hints.iter().any(|hint| hint == failure::BY_HAND) {
            problem.hints.retain(|hint| hint != failure::BY_HAND);
            problem = problem
                .hint("the lines above are uv's own words; nothing of the project was changed");
        }
        for cause in &mut problem.causes {
            let told = cause.replace(&mirror, &real);
            let told = told.strip_prefix("cause: ").unwrap_or(&told);
            *cause = told.strip_prefix("error: ").unwrap_or(told).to_string();
        }
        problem
    }

    /// A file of the mirror as text; none where it is not there.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn file(&self, name: &str) -> Result<Option<String>, Problem> {
        // A lock of some hundred packages has more than a mebibyte.
        let path = self.project.join(name);
        let bytes = match self.machine.file(&path, LARGEST + 1) {
            Ok(bytes) => bytes,
            Err(error) if error.kind == ErrorKind::Absent => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let unusable = |why: &str| {
            Problem::new(Code::LockUnusable, format!("{name} can't be taken over")).because(why)
        };
        if bytes.len() as u64 > LARGEST {
            return Err(unusable("it is larger than any lock file"));
        }
        String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| unusable("it is no UTF-8 text"))
    }

    /// Removes the lock of the mirror, so that everything is resolved anew.
    ///
    /// # Errors
    /// When it can't be removed.
    pub fn forget_lock(&self) -> Result<(), Problem> {
        Ok(self.machine.remove_file(self.project.join("uv.lock"))?)
    }

    /// Removes the mirror. What can't be removed stays in the cache folder, where it hurts nobody.
    pub fn remove(self) {
        let _ = self.machine.remove_tree(&self.root);
    }
}

/// What uv says with `--dry-run`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DrySync {
    /// What comes and goes: `+ numpy==2.4.6`.
    pub lines: Vec<String>,
    /// How many packages its cache lacks.
    pub downloads: usize,
}

/// What uv would change in the environment by the project's lock, as it says with `--dry-run`. None
/// where it can't tell; the sync itself says why then.
///
/// # Errors
/// [`Code::Unsatisfiable`] where the lock has nothing for this platform or this Python.
pub fn dry_sync(
    machine: &dyn Machine,
    uv: &str,
    project: &Path,
    environment: &Path,
    words: &[&str],
) -> Result<Option<DrySync>, Problem> {
    let project = project.display().to_string();
    let argv = [uv, "sync", "--frozen", "--dry-run", "--project", &project];
    let argv = argv.into_iter().chain(words.iter().copied());
    let mut command = command(machine, environment, argv.map(String::from).collect());
    command.deadline = Duration::from_secs(120);
    let output = match machine.command(command) {
        Ok(output) => output,
        Err(error) if error.kind == ErrorKind::Interrupted => return Err(error.into()),
        Err(_) => return Ok(None),
    };
    let talk = String::from_utf8_lossy(&output.stderr);
    if !output.succeeded() {
        return match nothing_for_this_platform(&talk) {
            Some(problem) => Err(problem),
            None => Ok(None),
        };
    }
    let marks = [" + ", " - ", " ~ "];
    let downloads = talk
        .lines()
        .find_map(|line| line.trim().strip_prefix("Would download "))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    Ok(Some(DrySync {
        lines: talk
            .lines()
            .filter(|line| marks.iter().any(|mark| line.starts_with(mark)))
            .map(|line| line.trim().to_string())
            .collect(),
        downloads: downloads.unwrap_or(0),
    }))
}

/// What uv says of a lock that has nothing for this platform or this Python, as a problem; none where it says otherwise.
fn nothing_for_this_platform(talk: &str) -> Option<Problem> {
    let line = |words: &str| talk.lines().find(|line| line.contains(words));
    let told = |line: &str| {
        line.trim_start_matches(|letter: char| !letter.is_ascii_alphanumeric())
            .trim_start_matches("error: ")
            .to_string()
    };
    if let Some(found) = line("is not compatible with the lockfile's supported environments") {
        return Some(
            Problem::new(Code::Unsatisfiable, "the lock file is not for this platform")
                .because(told(found))
                .hint("name this platform too under `environments` in [tool.uv] of pyproject.toml, then: deskside env lock"),
        );
    }
    let found = line("can't be installed because")?;
    let mut problem = Problem::new(
        Code::Unsatisfiable,
        "a package of the lock file can't be had for this platform and Python",
    )
    .because(told(found));
    if let Some(hint) = talk.lines().find_map(|line| line.strip_prefix("hint: ")) {
        problem = problem.because(hint.to_string());
    }
    Some(problem.hint("ask for a version that has a wheel for it, for another Python (--python), or leave the package to other platforms by a marker: 'NAME; sys_platform == \"win32\"'"))
}

/// The newest version of a package in a lock file's text, which may hold one for each platform.
pub fn newest_locked(lock: &str, name: &str) -> Option<String> {
    let table = lock.parse::<toml::Table>().ok()?;
    let packages = table.get("package")?.as_array()?;
    packages
        .iter()
        .filter(|package| package.get("name").and_then(toml::Value::as_str) == Some(name))
        .filter_map(|package| package.get("version")?.as_str())
        .max_by(|left, right| deskside_knowledge::version::order(left, right))
        .map(String::from)
}

/// Whether a line of uv's says why.
fn telling(line: &str) -> bool {
    let idle = [
        "Using CPython",
        "Creating virtual environment",
        "error: Failed to add dependencies",
        "cause: No solution found",
        "hint: If you want to add the package",
        "hint: While the active Python version",
        "^",
    ];
    !line.starts_with('`') && !idle.iter().any(|words| line.starts_with(words))
}

/// How many folders a relative path climbs up: 2 of `../../x`.
fn climbs(path: &str) -> usize {
    let (mut depth, mut highest) = (0_usize, 0);
    for component in Path::new(path).components() {
        match component {
            Component::ParentDir if depth == 0 => highest += 1,
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            _ => {}
        }
    }
    highest
}

/// Refuses a member of a workspace: its lock belongs to the folder above, which is not the one that was named.
///
/// # Errors
/// [`Code::ProjectUnreadable`] with the workspace's folder.
pub fn refuse_member(machine: &dyn Machine, project: &Path) -> Result<(), Problem> {
    for above in project.ancestors().skip(1) {
        let Ok(text) = machine.text(above.join("pyproject.toml")) else {
            continue;
        };
        let is_workspace = text.parse::<toml::Table>().is_ok_and(|table| {
            table
                .get("tool")
                .and_then(|tool| tool.get("uv"))
                .and_then(|uv| uv.get("workspace"))
                .is_some()
        });
        if is_workspace {
            return Err(Problem::new(
                Code::ProjectUnreadable,
                format!("{} belongs to a workspace", project.display()),
            )
            .because(format!(
                "its lock file is that of {}, and serves all of its members",
                above.display()
            ))
            .hint("use uv itself for workspaces: uv sync"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_climb() {
        for (path, levels) in [
            ("../a", 1),
            ("../../a", 2),
            ("a/../../b", 1),
            ("a", 0),
            (".", 0),
            ("/x/y", 0),
        ] {
            assert_eq!(climbs(path), levels, "{path}");
        }
    }

    #[test]
    fn the_newest_of_a_lock_is_found() {
        let lock = "version = 1\n[[package]]\nname = \"torch\"\nversion = \"2.9.0\"\n[[package]]\nname = \"torch\"\nversion = \"2.10.0\"\n[[package]]\nname = \"six\"\nversion = \"3\"\n";
        assert_eq!(newest_locked(lock, "torch").as_deref(), Some("2.10.0"));
        assert_eq!(newest_locked(lock, "jax"), None);
        assert_eq!(newest_locked("nonsense", "torch"), None);
    }

    #[test]
    fn what_is_not_for_this_platform_is_told_from_other_failures() {
        for (talk, word) in [
            (
                "error: The current Python platform is not compatible with the lockfile's supported environments: `sys_platform == 'darwin'`",
                Some("sys_platform == 'darwin'"),
            ),
            (
                "Resolved 2 packages\nerror: Distribution `x==1 @ registry+https://i.example` can't be installed because it doesn't have a source distribution or wheel for the current platform\n\nhint: You're on Linux, but `x` only has wheels for `win_amd64`\n",
                Some("win_amd64"),
            ),
            ("error: Request failed after 3 retries", None),
            ("", None),
        ] {
            let problem = nothing_for_this_platform(talk);
            assert_eq!(problem.is_some(), word.is_some(), "{talk}");
            if let (Some(problem), Some(word)) = (problem, word) {
                assert!(problem.causes.join("\n").contains(word), "{problem:?}");
                assert!(!problem.causes[0].contains("error:"), "{problem:?}");
            }
        }
    }
}
