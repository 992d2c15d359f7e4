//! `cargo xtask lab`: real apt and dpkg roots for the system layer, without a GPU.
//!
//! A machine is an overlay on a real Debian root in namespaces of its own: real apt, dpkg, gpg and kmod work on archives that the
//! lab builds and signs itself (`archive`), on hardware that is files (`machine`), from starting states that are scripts (`state`).
//! What is real and what is a stand-in: docs/lab.md.

pub mod actions;
pub mod archive;
pub mod base;
pub mod breakage;
pub mod machine;
pub mod prove;
pub mod selftest;
pub mod stanza;
pub mod state;

use crate::shell::{output, root, target};
use anyhow::{Context, Result, bail, ensure};
use machine::{Description, Machine};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

const HELP: &str = "Real apt and dpkg roots for the system layer, without a GPU (docs/lab.md)

  cargo xtask lab base                 make the base and the archives, when they are not there
  cargo xtask lab list                 the machines and the starting states
  cargo xtask lab run --machine NAME [--state STATE] [--with FILE] [--reboot] [-- COMMAND…]
                                       run a command (or a script from stdin) in a fresh machine; print its exit code
                                       and what changed: packages and /etc; --with copies a program to its /usr/local/bin first
  cargo xtask lab prove [--full] [--program FILE] [FILTER]
                                       apply, restart, resume, undo: the program itself in machines and states
  cargo xtask lab self-test [FILTER]   prove that machines, archives and states behave as they should
  cargo xtask lab clean                remove what the lab keeps
";

/// The command.
pub fn lab(arguments: &[String]) -> Result<()> {
    match arguments.first().map(String::as_str) {
        Some("base") => {
            let start = Instant::now();
            println!(
                "base      {} ({:.1} s)",
                base::base()?.display(),
                start.elapsed().as_secs_f64()
            );
            let start = Instant::now();
            println!(
                "archives  {} ({:.1} s)",
                archive::archives()?.display(),
                start.elapsed().as_secs_f64()
            );
            Ok(())
        }
        Some("list") => list(),
        Some("run") => run(arguments.get(1..).unwrap_or_default()),
        Some("prove") => prove_all(arguments.get(1..).unwrap_or_default()),
        Some("self-test") => selftest::self_test(arguments.get(1).map(String::as_str)),
        Some("clean") => remove(&target().join("lab")),
        _ => {
            println!("{HELP}");
            Ok(())
        }
    }
}

fn prove_all(arguments: &[String]) -> Result<()> {
    let (mut full, mut program, mut filter) = (false, None, None);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--full" => full = true,
            "--program" => program = words.next().map(std::path::PathBuf::from),
            word => filter = Some(word),
        }
    }
    let program = match program {
        Some(program) => program,
        None => crate::shell::release_binary()?,
    };
    let proved = prove::prove(&program, full, filter)?;
    for (why, times) in &proved.skipped {
        println!("  {times} × skipped: {why}");
    }
    println!(
        "\n{} passed, {} failed, {} skipped",
        proved.passed,
        proved.failed,
        proved.skipped.iter().map(|(_, times)| times).sum::<usize>()
    );
    ensure!(
        proved.failed == 0,
        "{} of the lab's machines were not brought to their wish",
        proved.failed
    );
    Ok(())
}

fn list() -> Result<()> {
    println!("machines");
    for machine in Description::all()? {
        println!("  {:<30} {}", machine.name, machine.in_words());
    }
    println!("states");
    for state in state::all()? {
        println!(
            "  {:<30} {} [{}]",
            state.name,
            state.what,
            state.platforms.join(" ")
        );
    }
    Ok(())
}

fn run(arguments: &[String]) -> Result<()> {
    let split = arguments
        .iter()
        .position(|word| word == "--")
        .unwrap_or(arguments.len());
    let (options, command) = arguments.split_at(split);
    let command: Vec<&str> = command.iter().skip(1).map(String::as_str).collect();
    let (mut name, mut state, mut with, mut reboot) = (None, None, None, false);
    let mut words = options.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--machine" => name = words.next(),
            "--state" => state = words.next(),
            "--with" => with = words.next().map(Path::new),
            "--reboot" => reboot = true,
            other => bail!("unknown option {other}\n\n{HELP}"),
        }
    }
    if let Some(why) = base::hindrance() {
        println!("skipped: {why}");
        return Ok(());
    }
    let description = Description::named(
        name.context("--machine NAME is missing; `cargo xtask lab list` has the names")?,
    )?;
    let mut machine = Machine::start(&description)?;
    if let Some(program) = with {
        let path = format!(
            "/usr/local/bin/{}",
            program.file_name().unwrap_or_default().to_string_lossy()
        );
        machine.write(
            &path,
            &std::fs::read(program).with_context(|| program.display().to_string())?,
        )?;
        machine.run(&["chmod", "755", &path])?;
    }
    if let Some(state) = state {
        state::named(state)?.make(&mut machine)?;
    }
    let (packages, etc) = (machine.packages()?, machine.etc()?);
    let result = if command.is_empty() {
        let mut script = String::new();
        std::io::stdin().read_to_string(&mut script)?;
        machine.shell(&script)?
    } else {
        machine.run(&command)?
    };
    print!("{}", result.stdout);
    eprint!("{}", result.stderr);
    println!("── exit code {}", result.code);
    if reboot {
        println!("── reboot: {}", machine.reboot()?.in_words());
    }
    for (what, lines) in [
        (
            "packages",
            machine::differences(&packages, &machine.packages()?),
        ),
        ("/etc", machine::differences(&etc, &machine.etc()?)),
    ] {
        println!("── {what}: {} changed", lines.len());
        for line in lines {
            println!("{line}");
        }
    }
    Ok(())
}

/// The lab's data in the checkout.
pub fn data() -> PathBuf {
    root().join("lab")
}

/// Where the lab keeps what it made.
pub fn folder() -> Result<PathBuf> {
    let folder = std::path::absolute(target().join("lab"))?;
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// A short key of words and of files' contents.
pub fn key(words: &[&str], files: &[PathBuf]) -> Result<String> {
    let mut hash = Sha256::new();
    for word in words {
        hash.update(word.as_bytes());
        hash.update([0]);
    }
    for file in files {
        hash.update(file.file_name().unwrap_or_default().as_encoded_bytes());
        hash.update(std::fs::read(file).with_context(|| file.display().to_string())?);
    }
    Ok(text(&hash.finalize())[..12].to_string())
}

/// The SHA-256 of bytes, in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    text(&Sha256::digest(bytes))
}

fn text(digest: &[u8]) -> String {
    use std::fmt::Write;
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Removes a tree; that there is none is no error.
pub fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| path.display().to_string())
        }
        _ => Ok(()),
    }
}

/// Removes what the lab keeps under names that start so: their inputs have changed.
pub fn forget(prefix: &str) -> Result<()> {
    for entry in std::fs::read_dir(folder()?)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// The time, as Release files have it.
fn utc() -> Result<String> {
    let text = output(
        Command::new("date")
            .args(["-u", "+%a, %d %b %Y %H:%M:%S UTC"])
            .env("LC_ALL", "C"),
    )?;
    Ok(text.trim().to_string())
}
