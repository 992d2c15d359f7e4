//! The code as it was when a job was queued.
//!
//! Git makes a tree of what the folder holds: tracked files as they are, and untracked ones that are not ignored. It writes into
//! an index and an object store of ours, beside the repository's, which it only reads; equal files are kept once, and a queue
//! of ten thousand jobs on one state of the code keeps one tree. When a job starts, the tree is laid out in its run's folder
//! (`code/work`), as clones of the kept files where the file system can do that (`cp --reflink=auto`), never as hard links: a
//! file edited in place would change under every job.
//!
//! What git does not keep (ignored data, checkpoints, environments, and files whose names say that they hold secrets) is linked
//! to the folder itself. An editable install in the environment points at the folder itself, too: the kept places of its
//! packages come first on `PYTHONPATH`.

use crate::code::code_state;
use crate::patch::pathspecs;
use crate::queue::KeptCode;
use deskside_machine::{
    Acting, Command, Directories, Durability, Effect, FileKind, Machine, Output, Reading,
};
use deskside_track::Folder;
use deskside_types::{Code, Problem, Result};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// All of git's work, and the copying, together.
const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes of git's index that are read.
const LARGEST_INDEX: u64 = 256 << 20;
/// Bytes of a list of paths.
const LARGEST_LIST: usize = 16 << 20;

/// Keeps the code around a folder; none where it is in no repository.
///
/// # Errors
/// [`Code::CodeNotKept`], with `--live` as the way around it.
pub fn keep(
    machine: &dyn Machine,
    directories: &Directories,
    directory: &Path,
    warn: &mut dyn FnMut(String),
) -> Result<Option<KeptCode>> {
    let is_root = |folder: &&Path| machine.exists(folder.join(".git")).unwrap_or(false);
    let Some(root) = directory.ancestors().find(is_root) else {
        return Ok(None);
    };
    let kept = try_keep(machine, directories, directory, root, warn);
    kept.map(Some).map_err(|problem| {
        problem
            .within("the code could not be kept as it is now")
            .coded(Code::CodeNotKept)
            .hint("to run it in the folder itself, with whatever the code is by then: --live")
    })
}

fn try_keep(
    machine: &dyn Machine,
    directories: &Directories,
    directory: &Path,
    root: &Path,
    warn: &mut dyn FnMut(String),
) -> Result<KeptCode> {
    let store = store(directories);
    machine.create_directory(store.join("objects"))?;
    let scratch = store.join(format!("index-{:016x}", machine.random()?));
    let git = Git {
        machine,
        root,
        variables: BTreeMap::new(),
    };
    let place = |name: &str| -> Result<PathBuf> {
        let output = git.run(&["rev-parse", "--git-path", name])?;
        let path = String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_string();
        Ok(root.join(path))
    };
    // With a copy of the repository's own index only what changed is read.
    if let Ok(index) = machine.file(place("index")?, LARGEST_INDEX) {
        machine.write_file(&scratch, index, 0o600, Durability::Process)?;
    }
    let mut alternates = place("objects")?.into_os_string();
    if let Some(others) = machine.variable("GIT_ALTERNATE_OBJECT_DIRECTORIES") {
        alternates.push(":");
        alternates.push(others);
    }
    let text = |path: &Path| Some(path.display().to_string());
    let git = Git {
        variables: BTreeMap::from([
            ("GIT_INDEX_FILE".to_string(), text(&scratch)),
            (
                "GIT_OBJECT_DIRECTORY".to_string(),
                text(&store.join("objects")),
            ),
            (
                "GIT_ALTERNATE_OBJECT_DIRECTORIES".to_string(),
                Some(alternates.to_string_lossy().into_owned()),
            ),
        ]),
        ..git
    };
    let kept: Result<String> = (|| {
        let secrets = pathspecs(&[]);
        let mut add = vec!["add", "--all", "--", ":(top)"];
        add.extend(secrets.iter().map(String::as_str));
        git.run(&add)?;
        let tree = String::from_utf8_lossy(&git.run(&["write-tree"])?.stdout)
            .trim()
            .to_string();
        let kept = tree_of(directories, &tree);
        if !machine.exists(&kept)? {
            let fresh = store.join(format!("trees/{tree}.{:016x}.partial", machine.random()?));
            machine.create_directory(&fresh)?;
            let prefix = format!("--prefix={}/", fresh.display());
            git.run(&["checkout-index", "--all", "--force", &prefix])?;
            match machine.rename(&fresh, &kept) {
                Ok(()) => {}
                // Somebody else kept the same tree meanwhile.
                Err(_) if machine.exists(&kept)? => machine.remove_tree(&fresh)?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(tree)
    })();
    machine.remove_file(&scratch)?;
    let tree = kept?;
    let state = Folder::at(store.join("states").join(&tree))
        .and_then(|folder| code_state(machine, directory, &folder, warn));
    Ok(KeptCode {
        tree,
        root: root.into(),
        state,
    })
}

fn store(directories: &Directories) -> PathBuf {
    directories.queue().join("code")
}

fn tree_of(directories: &Directories, tree: &str) -> PathBuf {
    store(directories).join("trees").join(tree)
}

/// Where a run's copy of the code lies.
pub fn work(folder: &Folder) -> PathBuf {
    folder.path().join("code/work")
}

/// Lays kept code out for a run; the folder in it that stands for the one the job was queued from.
pub(crate) fn lay_out(
    machine: &dyn Machine,
    directories: &Directories,
    code: &KeptCode,
    directory: &Path,
    folder: &Folder,
) -> Result<PathBuf> {
    let lay = || -> Result<PathBuf> {
        let to = work(folder);
        machine.remove_tree(&to)?;
        let from = tree_of(directories, &code.tree);
        machine.create_directory(&to)?;
        let clone = if cfg!(target_os = "macos") {
            "-c"
        } else {
            "--reflink=auto"
        };
        let copy = Command::new([
            "cp".to_string(),
            "-R".into(),
            "-p".into(),
            clone.into(),
            format!("{}/.", from.display()),
            to.display().to_string(),
        ]);
        let copied = machine.run(copy.deadline(PATIENCE), &mut |_| {})?;
        said("cp", &copied)?;
        link_the_rest(machine, &code.root, &to)?;
        let patch = Folder::at(store(directories).join("states").join(&code.tree))
            .and_then(|kept| machine.file(kept.diff(), 64 << 20).ok());
        if let Some(patch) = patch {
            machine.write_file(folder.diff(), patch, 0o600, Durability::Process)?;
        }
        let inside = directory.strip_prefix(&code.root).unwrap_or(Path::new(""));
        let stands = if inside.as_os_str().is_empty() {
            to
        } else {
            to.join(inside)
        };
        machine.create_directory(&stands)?;
        Ok(stands)
    };
    lay().map_err(|problem| {
        problem
            .within("the code it was queued with could not be laid out")
            .coded(Code::CodeNotKept)
    })
}

/// Links to what git does not keep: ignored files and folders, and those whose names say that they hold secrets.
fn link_the_rest(machine: &dyn Machine, root: &Path, to: &Path) -> Result<()> {
    let git = Git {
        machine,
        root,
        variables: BTreeMap::new(),
    };
    // The folder may be gone by then, or no repository any more: then there is nothing to link to.
    let Ok(listed) = git.run(&[
        "ls-files",
        "--others",
        "--directory",
        "--no-empty-directory",
        "-z",
    ]) else {
        return Ok(());
    };
    for path in listed.stdout.split(|byte| *byte == 0) {
        let path = String::from_utf8_lossy(path);
        let path = Path::new(path.trim_end_matches('/'));
        let skipped = path.as_os_str().is_empty()
            || path
                .components()
                .any(|part| matches!(part.as_os_str().to_str(), Some(".git" | "__pycache__")));
        if skipped || machine.link(to.join(path)).is_ok() || machine.exists(to.join(path))? {
            continue;
        }
        if let Some(above) = to.join(path).parent() {
            machine.create_directory(above)?;
        }
        machine.effect(&Effect::MakeLink {
            path: to.join(path),
            target: root.join(path),
        })?;
    }
    Ok(())
}

/// Bytes of a `.pth` file.
const LARGEST_PTH: u64 = 64 << 10;

/// Lets Python find the kept packages before those an editable install points at.
pub(crate) fn prefer_kept(
    machine: &dyn Machine,
    variables: &mut BTreeMap<String, OsString>,
    code: &KeptCode,
    folder: &Folder,
) {
    let Some(environment) = variables.get("VIRTUAL_ENV").map(PathBuf::from) else {
        return;
    };
    let library = environment.join("lib");
    let pythons = machine.entries(&library).unwrap_or_default();
    let mut places: Vec<PathBuf> = Vec::new();
    for python in pythons
        .iter()
        .filter(|entry| entry.kind == FileKind::Directory && entry.name.starts_with("python"))
    {
        let packages = library.join(&python.name).join("site-packages");
        for entry in machine.entries(&packages).unwrap_or_default() {
            if !entry.name.ends_with(".pth") {
                continue;
            }
            let text = machine
                .file(packages.join(&entry.name), LARGEST_PTH)
                .unwrap_or_default();
            for line in String::from_utf8_lossy(&text).lines() {
                if let Ok(inside) = Path::new(line.trim()).strip_prefix(&code.root) {
                    places.push(work(folder).join(inside));
                }
            }
        }
    }
    if places.is_empty() {
        return;
    }
    let mut path = OsString::new();
    for place in places {
        path.push(place);
        path.push(":");
    }
    if let Some(before) = variables.get("PYTHONPATH") {
        path.push(before);
    }
    let text = path.to_string_lossy().trim_end_matches(':').to_string();
    variables.insert("PYTHONPATH".into(), text.into());
}

struct Git<'a> {
    machine: &'a dyn Machine,
    root: &'a Path,
    variables: BTreeMap<String, Option<String>>,
}

impl Git<'_> {
    fn run(&self, arguments: &[&str]) -> Result<Output> {
        let words = ["git", "--no-optional-locks"]
            .iter()
            .chain(arguments)
            .map(ToString::to_string);
        let mut command = Command::new(words).directory(self.root).deadline(PATIENCE);
        command.limit = LARGEST_LIST;
        command.variables = self.variables.clone();
        let output = self.machine.run(command, &mut |_| {})?;
        said("git", &output)?;
        Ok(output)
    }
}

fn said(program: &str, output: &Output) -> Result<()> {
    if output.succeeded() {
        return Ok(());
    }
    Err(Problem::new(
        Code::CodeNotKept,
        format!("{program} says: {}", output.last_lines(2).join(" ")),
    ))
}
