//! Which part of a command line is the program's own: its script and what follows.

use crate::params::parse;
use std::collections::BTreeMap;

/// The parameters of a command line, program first.
pub fn params_of(argv: &[String]) -> BTreeMap<String, String> {
    parse(&argv[script(argv).1..])
}

/// A name for a run of a command: the script's, the module's, or the program's.
pub fn run_name(argv: &[String]) -> String {
    let (script, _) = script(argv);
    let file = script
        .rsplit('/')
        .find(|part| !part.is_empty())
        .unwrap_or_default();
    let stem = file
        .strip_suffix(".py")
        .or_else(|| file.strip_suffix(".sh"))
        .unwrap_or(file);
    let stem = stem.strip_suffix(".__main__").unwrap_or(stem);
    let name: String = stem
        .chars()
        .filter(|letter| !letter.is_control())
        .take(100)
        .collect();
    if name.is_empty() { "run".into() } else { name }
}

/// The script, module or program, and where its own words begin.
///
/// `python train.py`, `python -m package.train`, `torchrun --nproc-per-node 2 train.py`, `uv run train.py`,
/// `env X=1 python train.py`: the words of launchers are no parameters of the training.
fn script(argv: &[String]) -> (String, usize) {
    let Some(program) = argv.first() else {
        return (String::new(), 0);
    };
    if is_shell(program) {
        return shell_script(argv);
    }
    if !is_launcher(program) {
        return (program.clone(), 1);
    }
    for (at, word) in argv.iter().enumerate() {
        let before = if at == 0 { "" } else { argv[at - 1].as_str() };
        if before == "-m" && launches_modules(&argv[..at]) {
            return (word.clone(), at + 1);
        }
        if word == "-c" && launches_modules(&argv[..at]) {
            return (program.clone(), argv.len());
        }
        if word.ends_with(".py") && !word.contains('=') {
            return (word.clone(), at + 1);
        }
    }
    (program.clone(), 1)
}

fn is_shell(program: &str) -> bool {
    ["bash", "dash", "fish", "ksh", "sh", "zsh"].contains(&file_name(program))
}

/// `bash train.sh --lr 1` runs a script; what stands behind `-c` is shell text and holds no parameters.
fn shell_script(argv: &[String]) -> (String, usize) {
    let options = argv[1..]
        .iter()
        .take_while(|word| word.starts_with('-'))
        .count();
    let has_text = argv[1..=options]
        .iter()
        .any(|word| !word.starts_with("--") && word.contains('c'));
    match argv.get(1 + options) {
        Some(script) if !has_text => (script.clone(), options + 2),
        _ => (argv[0].clone(), argv.len()),
    }
}

/// A program that runs a script named among its words.
fn is_launcher(program: &str) -> bool {
    const OTHERS: &[&str] = &[
        "accelerate",
        "deepspeed",
        "env",
        "horovodrun",
        "mpirun",
        "nice",
        "nohup",
        "numactl",
        "poetry",
        "pypy3",
        "srun",
        "taskset",
        "time",
        "torchrun",
        "uv",
    ];
    is_python(program) || OTHERS.contains(&file_name(program))
}

/// The words before hold an interpreter that takes `-m MODULE`.
fn launches_modules(words: &[String]) -> bool {
    words.iter().any(|word| {
        is_python(word)
            || ["accelerate", "deepspeed", "torchrun", "pypy3"].contains(&file_name(word))
    })
}

fn is_python(word: &str) -> bool {
    file_name(word).starts_with("python")
}

fn file_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launchers_are_looked_through() {
        for (command, name, params) in [
            ("python train.py --lr 1", "train", "lr=1"),
            ("python -u ./src/train.py --lr 1", "train", "lr=1"),
            (
                "/usr/bin/python3.11 -m package.train --lr 1",
                "package.train",
                "lr=1",
            ),
            ("python -m package.__main__", "package", ""),
            (
                "torchrun --nproc-per-node 2 train.py --lr 1",
                "train",
                "lr=1",
            ),
            (
                "torchrun --standalone -m pkg.train lr=1",
                "pkg.train",
                "lr=1",
            ),
            ("uv run --with numpy train.py --lr 1", "train", "lr=1"),
            (
                "accelerate launch --num_processes 2 train.py --config base.py",
                "train",
                "config=base.py",
            ),
            ("env X=1 python train.py --lr 1", "train", "lr=1"),
            ("python -c pass --x 1", "python", ""),
            ("sh -c pass --x 1", "sh", ""),
            ("/bin/bash -ec pass", "bash", ""),
            ("bash -e train.sh --lr 1", "train", "lr=1"),
            ("bash", "bash", ""),
            (
                "./train --lr 1 --config base.py --steps 5",
                "train",
                "config=base.py lr=1 steps=5",
            ),
            ("true", "true", ""),
            ("/", "run", ""),
            ("", "run", ""),
        ] {
            let argv: Vec<String> = command.split_whitespace().map(String::from).collect();
            let read: Vec<String> = params_of(&argv)
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            assert_eq!(
                (run_name(&argv).as_str(), read.join(" ").as_str()),
                (name, params),
                "{command}"
            );
        }
        assert!(params_of(&[]).is_empty());
    }
}
