//! Whether a job's program is there, asked when it is queued: a wrong word is said now, and not on Monday.

use crate::foreground::{not_found_hint, prefer_program_of};
use crate::queue::{New, Surroundings};
use deskside_machine::{ErrorKind, FileKind, Machine, Reading};
use deskside_track::secrets::shown_value;
use deskside_types::{Code, Problem, Result};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Where a shell looks when PATH is not set (`confstr(_CS_PATH)`).
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Looks for the programs of jobs. One that waits for another job may get its program from that one, so it is not looked for.
///
/// # Errors
/// [`Code::CommandNotFound`], [`Code::CommandNotExecutable`], of the first that can't be started.
pub(crate) fn all_there(
    machine: &dyn Machine,
    surroundings: &Surroundings,
    jobs: &[New],
) -> Result<()> {
    let mut seen = BTreeSet::new();
    for job in jobs.iter().filter(|job| job.after.is_empty()) {
        let Some(word) = job.spec.argv.first() else {
            continue;
        };
        let mut argv = vec![word.os()];
        if !seen.insert(argv[0].clone()) {
            continue;
        }
        if let Some(environment) = &surroundings.environment {
            prefer_program_of(machine, environment, &mut argv);
        }
        is_there(machine, surroundings, &argv)?;
    }
    Ok(())
}

/// What a look at a path came to.
enum Found {
    Program,
    Other,
    Nothing,
}

fn is_there(machine: &dyn Machine, surroundings: &Surroundings, argv: &[OsString]) -> Result<()> {
    let name = argv.first().map(OsString::as_os_str).unwrap_or_default();
    let found = if name.as_bytes().contains(&b'/') {
        look(machine, &surroundings.directory.join(name))
    } else {
        let path = surroundings.variables.get("PATH");
        let path = path.map_or(DEFAULT_PATH, String::as_str);
        on_path(machine, path, name)
    };
    let program = shown_value(&name.to_string_lossy());
    let problem = match found {
        Found::Program => return Ok(()),
        Found::Other => Problem::new(
            Code::CommandNotExecutable,
            format!("the command {program} can't be executed, so it was not queued"),
        )
        .hint(if program.ends_with(".py") {
            format!("a script is given to its interpreter: `deskside run --queue -- python {program}`")
        } else {
            format!("make it a program: `chmod +x {program}`; a script needs a first line such as #!/usr/bin/env bash, too")
        }),
        Found::Nothing => Problem::new(
            Code::CommandNotFound,
            format!("the command {program} was not found, so it was not queued"),
        )
        .hint(what_works(machine, surroundings, name, &program)),
    };
    Err(problem.hint("a job that waits for another (`--after JOB`) may name a program that only comes with that one"))
}

/// What would work instead.
fn what_works(
    machine: &dyn Machine,
    surroundings: &Surroundings,
    name: &OsStr,
    program: &str,
) -> String {
    let beside = surroundings.directory.join(name);
    let is_beside =
        !program.contains('/') && matches!(look(machine, &beside), Found::Program | Found::Other);
    if is_beside && program.ends_with(".py") {
        format!("a script is given to its interpreter: `deskside run --queue -- python {program}`")
    } else if is_beside {
        format!("it lies in this folder: `deskside run --queue -- ./{program}`")
    } else if program.contains(char::is_whitespace) {
        format!(
            "a whole line goes to a shell: `deskside run --queue -- bash -c {}`",
            deskside_types::shell::quoted(program)
        )
    } else if IN_SHELLS.contains(&program) {
        format!("it is a word of the shell's: `deskside run --queue -- bash -c '{program} …'`")
    } else {
        not_found_hint(program)
    }
}

/// Words that only a shell knows.
const IN_SHELLS: &[&str] = &[
    ".", "alias", "cd", "eval", "exec", "exit", "export", "for", "if", "set", "source", "trap",
    "type", "ulimit", "umask", "unset", "until", "while",
];

fn on_path(machine: &dyn Machine, path: &str, name: &OsStr) -> Found {
    let mut found = Found::Nothing;
    for folder in path.split(':').filter(|folder| folder.starts_with('/')) {
        match look(machine, &Path::new(folder).join(name)) {
            Found::Program => return Found::Program,
            Found::Other => found = Found::Other,
            Found::Nothing => {}
        }
    }
    found
}

fn look(machine: &dyn Machine, path: &Path) -> Found {
    match machine.stat(path) {
        // Who may execute it is the file system's business, and said when it starts.
        Ok(stat) if stat.kind == FileKind::File && stat.mode & 0o111 != 0 => Found::Program,
        Ok(_) => Found::Other,
        Err(error) if error.kind == ErrorKind::Absent => Found::Nothing,
        // What can't be looked at is no proof that it is not there.
        Err(_) => Found::Program,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::{Spec, Word};
    use deskside_testkit::Sim;

    fn outcome(after: bool, word: &str) -> Result<()> {
        let sim = Sim::linux();
        sim.put_program("/usr/bin/python", "");
        sim.put_program("/p/tool", "");
        sim.put_file("/p/train.py", "");
        sim.put_program("/p/.venv/bin/torchrun", "");
        let surroundings = Surroundings {
            directory: "/p".into(),
            environment: Some("/p/.venv".into()),
            variables: [("PATH".to_string(), "/usr/local/bin:/usr/bin".to_string())].into(),
            ..Surroundings::default()
        };
        let job = New {
            spec: Spec {
                argv: vec![Word::Text(word.into())],
                ..Spec::default()
            },
            after: if after { vec![(1, true)] } else { Vec::new() },
            ..New::default()
        };
        all_there(&sim, &surroundings, &[job])
    }

    #[test]
    fn what_is_there_is_queued() {
        for word in ["python", "torchrun", "./tool", "/p/tool"] {
            assert_eq!(outcome(false, word), Ok(()), "{word}");
        }
        assert_eq!(outcome(true, "./built-by-the-job-before"), Ok(()));
    }

    #[test]
    fn what_is_not_there_is_refused_with_what_would_work() {
        for (word, code, hint) in [
            ("train.py", Code::CommandNotFound, "-- python train.py"),
            (
                "./train.py",
                Code::CommandNotExecutable,
                "-- python ./train.py",
            ),
            ("tool", Code::CommandNotFound, "-- ./tool"),
            ("cd", Code::CommandNotFound, "bash -c 'cd …'"),
            ("a && b", Code::CommandNotFound, "bash -c 'a && b'"),
            ("./other", Code::CommandNotFound, "--after"),
            ("nosuchcommand", Code::CommandNotFound, "--after"),
        ] {
            let problem = outcome(false, word).unwrap_err();
            assert_eq!(problem.code, code, "{word}");
            let hints = format!("{:?}", problem.hints);
            assert!(hints.contains(hint), "{word}: {hints}");
        }
    }
}
