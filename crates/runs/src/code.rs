//! The state of the code, from git: commit, branch, what differs, what is untracked.

use crate::patch::{self, holds_secrets};
use deskside_machine::{
    Acting, Command, DoorError, Durability, ErrorKind, Machine, Output, Reading,
};
use deskside_track::Folder;
use deskside_types::run::CodeState;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// All of git's work for one run together.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of a diff that are kept.
const LARGEST_DIFF: usize = 20 << 20;
/// Bytes of `git status` that are read.
const LARGEST_STATUS: usize = 8 << 20;
/// Untracked files that are listed.
const MOST_UNTRACKED: usize = 1000;

/// Reads the state of the code around a folder and keeps its diff in the run's folder. None where there is no repository.
///
/// What can't be read within five seconds is left out and told; it never keeps a run from starting.
pub(crate) fn code_state(
    machine: &dyn Machine,
    directory: &Path,
    folder: &Folder,
    warn: &mut dyn FnMut(String),
) -> Option<CodeState> {
    repository(machine, directory)?;
    let begun = machine.now().ok()?.monotonic;
    let status = git(
        machine,
        directory,
        PATIENCE,
        LARGEST_STATUS,
        &["status", "--porcelain=v2", "--branch", "-z"],
    );
    let status = match status {
        Ok(output) if output.succeeded() && output.stdout.len() < LARGEST_STATUS => output.stdout,
        Ok(output) if output.succeeded() => {
            warn("the code's state was not recorded: git status says more than can be kept".into());
            return None;
        }
        Ok(output) => {
            warn(format!(
                "the code's state was not recorded: git says: {}",
                output.last_lines(1).join(" ")
            ));
            return None;
        }
        Err(error) => {
            warn(format!(
                "the code's state was not recorded: {}",
                in_words(&error)
            ));
            return None;
        }
    };
    let Some(mut code) = parse_status(&status) else {
        warn("the code's state was not recorded: the repository has no commit yet".into());
        return None;
    };
    if code.untracked.len() > MOST_UNTRACKED {
        warn(format!(
            "{} files are untracked; the first {MOST_UNTRACKED} are recorded",
            code.untracked.len()
        ));
        code.untracked.truncate(MOST_UNTRACKED);
    }
    if code.dirty {
        let spent = machine.now().ok()?.monotonic.saturating_sub(begun);
        let left = PATIENCE
            .saturating_sub(spent)
            .max(Duration::from_millis(100));
        if !code.left_out.is_empty() {
            warn(format!(
                "code/diff.patch is without files whose names say that they hold secrets: {}",
                code.left_out.join(", ")
            ));
        }
        if let Err(why) = keep_diff(machine, directory, folder, left, &code.left_out) {
            warn(format!(
                "how the code differs from its commit was not recorded: {why}"
            ));
        }
    }
    Some(code)
}

fn keep_diff(
    machine: &dyn Machine,
    directory: &Path,
    folder: &Folder,
    left: Duration,
    left_out: &[String],
) -> Result<(), String> {
    let fixed = [
        "diff",
        "--binary",
        "--no-color",
        "--no-ext-diff",
        "HEAD",
        "--",
        ":(top)",
    ];
    let pathspecs = patch::pathspecs(left_out);
    let arguments: Vec<&str> = fixed
        .into_iter()
        .chain(pathspecs.iter().map(String::as_str))
        .collect();
    // The limit is one byte above what is kept: an output that reaches it was cut.
    match git(machine, directory, left, LARGEST_DIFF + 1, &arguments) {
        Ok(output) if !output.succeeded() => {
            Err(format!("git says: {}", output.last_lines(1).join(" ")))
        }
        Ok(output) if output.stdout.len() > LARGEST_DIFF => {
            Err("the diff is larger than 20 MiB".into())
        }
        Ok(output) => machine
            .write_file(
                folder.diff(),
                patch::shown(&output.stdout),
                0o600,
                Durability::Process,
            )
            .map_err(|error| error.reason()),
        Err(error) => Err(in_words(&error)),
    }
}

fn git(
    machine: &dyn Machine,
    directory: &Path,
    deadline: Duration,
    limit: usize,
    arguments: &[&str],
) -> Result<Output, DoorError> {
    // `--no-optional-locks`: looking at the code changes nothing in it, not even git's own index.
    let words = ["git", "--no-optional-locks"]
        .iter()
        .chain(arguments)
        .map(ToString::to_string);
    let mut command = Command::new(words).directory(directory).deadline(deadline);
    command.limit = limit;
    machine.command(command)
}

fn in_words(error: &DoorError) -> String {
    match error.kind {
        ErrorKind::Absent => "git is not installed".into(),
        ErrorKind::Timeout => "git took longer than five seconds".into(),
        _ => error.detail.clone(),
    }
}

/// The nearest folder above with a `.git`, which is a folder, or a file in worktrees and submodules.
fn repository<'a>(machine: &dyn Machine, directory: &'a Path) -> Option<&'a Path> {
    directory
        .ancestors()
        .find(|folder| machine.exists(folder.join(".git")).unwrap_or(false))
}

/// What `git status --porcelain=v2 --branch -z` says (git-status(1)); none before the first commit.
fn parse_status(bytes: &[u8]) -> Option<CodeState> {
    let mut code = CodeState {
        commit: String::new(),
        branch: None,
        dirty: false,
        untracked: Vec::new(),
        left_out: Vec::new(),
    };
    let mut records = bytes.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    while let Some(record) = records.next() {
        let Some((kind, rest)) = record.split_once(' ') else {
            continue;
        };
        match kind {
            "#" => match rest.split_once(' ') {
                Some(("branch.oid", commit)) if commit != "(initial)" => {
                    code.commit = commit.to_string()
                }
                Some(("branch.head", branch)) if branch != "(detached)" => {
                    code.branch = Some(branch.to_string())
                }
                _ => {}
            },
            // Before the path stand 7 fields, 8 of a rename, 9 of a conflict.
            "1" | "u" | "2" => {
                code.dirty = true;
                let fields = match kind {
                    "1" => 8,
                    "2" => 9,
                    _ => 10,
                };
                let path = rest.splitn(fields, ' ').nth(fields - 1).map(String::from);
                let before = if kind == "2" { records.next() } else { None };
                let paths: Vec<String> = path
                    .into_iter()
                    .chain(before.map(|path| path.into_owned()))
                    .collect();
                // What was copied out of such a file, or into it, is the same content.
                if paths.iter().any(|path| holds_secrets(path)) {
                    code.left_out.extend(paths);
                }
            }
            "?" => code
                .untracked
                .push(PathBuf::from(rest).display().to_string()),
            _ => {}
        }
    }
    (!code.commit.is_empty()).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_as_git_prints_it() {
        let status = "# branch.oid 0123abc\0# branch.head main\0# branch.upstream origin/main\0# branch.ab +0 -0\0\
            1 .M N... 100644 100644 100644 aaa bbb train.py\0\
            2 R. N... 100644 100644 100644 aaa bbb R100 new name.py\0? old.py\0\
            1 .M N... 100644 100644 100644 aaa bbb conf/.env.local\0\
            2 R. N... 100644 100644 100644 aaa bbb R090 plain name.txt\0deploy.pem\0\
            u UU N... 100644 100644 100644 100644 aaa bbb ccc my secrets.py\0\
            ? notes with blanks.md\0? ü/\0";
        let code = parse_status(status.as_bytes()).unwrap();
        assert_eq!(
            (code.commit.as_str(), code.branch.as_deref(), code.dirty),
            ("0123abc", Some("main"), true)
        );
        assert_eq!(
            code.left_out,
            [
                "conf/.env.local",
                "plain name.txt",
                "deploy.pem",
                "my secrets.py"
            ]
        );
        assert_eq!(code.untracked, ["notes with blanks.md", "ü/"]);
        let clean = parse_status(b"# branch.oid 0123abc\0# branch.head (detached)\0? a\0").unwrap();
        assert_eq!((clean.branch, clean.dirty), (None, false));
        assert_eq!(
            parse_status(b"# branch.oid (initial)\0# branch.head main\0? a\0"),
            None
        );
        assert_eq!(parse_status(b"\xff\0 \0"), None);
    }
}
