//! Which Python a failed command ran in: by the command, by the first line of the script it started, by its traceback.

use deskside_machine::{Machine, Reading};

/// The folder of the Python that failed, and what says so; none where nothing does.
pub(super) fn python(machine: &dyn Machine, command: &str, text: &str) -> Option<(String, String)> {
    by_command(machine, command).or_else(|| by_traceback(machine, text))
}

/// `python train.py`, `/p/.venv/bin/python -m x`, and programs that Python runs, such as `torchrun`.
fn by_command(machine: &dyn Machine, command: &str) -> Option<(String, String)> {
    let word = command.split(' ').next().filter(|word| !word.is_empty())?;
    let program = if word.starts_with('/') {
        word.to_string()
    } else if word.contains('/') {
        machine
            .working_directory()
            .ok()?
            .join(word)
            .display()
            .to_string()
    } else {
        machine.program(word)?.display().to_string()
    };
    let name = program.rsplit('/').next().unwrap_or_default();
    match prefix_of(machine, &program) {
        Some(prefix) => Some((prefix, program)),
        // It is some Python, and surely not an environment's: its packages can't be told.
        None if is_python(name) => Some((program.clone(), program)),
        None => None,
    }
}

/// Behind pyenv's stand-in for every Python: the one that is chosen here.
///
/// Source: pyenv's README, "Understanding Python version selection".
fn chosen_by_pyenv(machine: &dyn Machine, folder: &str) -> Option<String> {
    let root = folder.strip_suffix("/shims")?;
    let here = machine.working_directory().ok()?;
    let text = machine.variable("PYENV_VERSION").or_else(|| {
        here.ancestors()
            .map(|above| above.join(".python-version"))
            .chain([format!("{root}/version").into()])
            .find_map(|file| machine.text(file).ok())
    })?;
    let version = text
        .split([':', '\n'])
        .map(str::trim)
        .find(|one| !one.is_empty())?;
    let prefix = format!("{root}/versions/{version}");
    machine.exists(&prefix).unwrap_or(false).then_some(prefix)
}

/// The folder of an interpreter, or of the one that a script's first line names.
pub(super) fn prefix_of(machine: &dyn Machine, program: &str) -> Option<String> {
    let (folder, name) = program.rsplit_once('/')?;
    if is_python(name) {
        if folder.ends_with("/shims") {
            return chosen_by_pyenv(machine, folder);
        }
        let prefix = folder.strip_suffix("/bin")?;
        // Managers of versions put a script of their own there.
        let is_own = machine
            .exists(format!("{prefix}/pyvenv.cfg"))
            .unwrap_or(false)
            || machine
                .entries(format!("{prefix}/lib"))
                .is_ok_and(|entries| {
                    entries
                        .iter()
                        .any(|entry| entry.name.starts_with("python3"))
                });
        return is_own.then(|| prefix.to_string());
    }
    let begin = machine.file(program, 256).ok()?;
    let first = String::from_utf8_lossy(&begin);
    let interpreter = first.lines().next()?.strip_prefix("#!")?.trim();
    let interpreter = interpreter.split(' ').next()?;
    let (folder, name) = interpreter.rsplit_once('/')?;
    is_python(name)
        .then(|| folder.strip_suffix("/bin").map(String::from))
        .flatten()
}

fn is_python(name: &str) -> bool {
    name.strip_prefix("python")
        .or_else(|| name.strip_prefix("pypy"))
        .is_some_and(|rest| {
            rest.chars()
                .all(|letter| letter.is_ascii_digit() || letter == '.')
        })
}

/// Packages that a traceback goes through lie in the environment that failed, or in the system's folders.
fn by_traceback(machine: &dyn Machine, text: &str) -> Option<(String, String)> {
    text.lines().rev().find_map(|line| {
        let (_, path) = line.split_once("File \"/")?;
        let (prefix, rest) = path.split_once("/lib/python3")?;
        let prefix = format!("/{prefix}");
        let own = rest.contains("/site-packages/") || rest.contains("/dist-packages/");
        // A person's own folder belongs to no one Python.
        let usable =
            own && !prefix.ends_with("/.local") && machine.exists(&prefix).unwrap_or(false);
        usable.then(|| {
            let prefix = if prefix == "/usr/local" && rest.contains("/dist-packages/") {
                "/usr".to_string()
            } else {
                prefix
            };
            (prefix, line.trim().to_string())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use deskside_testkit::Sim;

    #[test]
    fn the_python_is_told_by_what_ran() {
        let sim = Sim::empty();
        sim.put_file("/p/.venv/pyvenv.cfg", "");
        sim.put_file(
            "/p/.venv/bin/torchrun",
            "#!/p/.venv/bin/python3\nimport sys\n",
        );
        sim.put_file("/usr/lib/python3.12/os.py", "");
        sim.put_file("/usr/lib/python3/dist-packages/x.py", "");
        sim.put_file("/s/bin/run", "#!/bin/sh\n");
        sim.put_file("/s/version", "3.9.1\n");
        sim.put_file("/s/versions/3.9.1/bin/python", "");
        let frame = |path: &str| {
            format!("  File \"{path}\", line 3, in x\nModuleNotFoundError: No module named 'y'\n")
        };
        for (command, text, prefix) in [
            (
                "/p/.venv/bin/python train.py",
                String::new(),
                Some("/p/.venv"),
            ),
            ("/p/.venv/bin/torchrun x", String::new(), Some("/p/.venv")),
            ("/usr/bin/python3.12 -m x", String::new(), Some("/usr")),
            (
                "/s/shims/python x",
                String::new(),
                Some("/s/versions/3.9.1"),
            ),
            ("/m/shims/python x", String::new(), Some("/m/shims/python")),
            ("/s/bin/run", String::new(), None),
            (
                "the log",
                frame("/p/.venv/lib/python3.12/site-packages/x/y.py"),
                Some("/p/.venv"),
            ),
            (
                "the log",
                frame("/usr/lib/python3/dist-packages/x.py"),
                Some("/usr"),
            ),
            (
                "the log",
                frame("/usr/lib/python3.12/importlib/__init__.py"),
                None,
            ),
            (
                "the log",
                frame("/home/u/.local/lib/python3.12/site-packages/x.py"),
                None,
            ),
            ("", String::new(), None),
        ] {
            assert_eq!(
                python(&sim, command, &text).map(|found| found.0).as_deref(),
                prefix,
                "{command} {text}"
            );
        }
    }
}
