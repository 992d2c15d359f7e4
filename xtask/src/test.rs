//! `cargo xtask test`: everything the tests need, then all tests, then one honest count.

use crate::count::{self, Count};
use crate::lab::prove::Proved;
use crate::lab::{archive, base, prove, selftest};
use crate::needs;
use crate::shell::{cargo, has, root, run, target};
use anyhow::{Result, bail};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// Runs all tests.
pub fn test(arguments: &[String]) -> Result<()> {
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let full = arguments.iter().any(|argument| argument == "--full");
    let missing = needs::install();
    let scratch = needs::scratch("test")?;
    let skips = scratch.join("skips.txt");
    let mut total = Count::default();

    // The journeys run the program as a person has it: optimised, in one file.
    run(&mut cargo(&[
        "build",
        "--release",
        "--locked",
        "--package",
        "deskside",
    ]))?;
    let mut suites: Vec<(&str, Command)> = Vec::new();
    let nextest = has("cargo-nextest");
    let everything = if nextest {
        cargo(&[
            "nextest",
            "run",
            "--locked",
            "--workspace",
            "--no-fail-fast",
            "--status-level",
            "slow",
            "--final-status-level",
            "fail",
        ])
    } else {
        cargo(&[
            "test",
            "--locked",
            "--workspace",
            "--no-fail-fast",
            "--lib",
            "--bins",
            "--tests",
        ])
    };
    suites.push(("unit, simulated and binary tests", everything));
    suites.push((
        "documentation examples",
        cargo(&["test", "--locked", "--workspace", "--doc", "--quiet"]),
    ));
    for (name, mut command) in suites {
        println!("── {name}");
        command
            .env("DESKSIDE_TEST_SKIPS", &skips)
            .env("DESKSIDE_TEST_BINARY", target().join("release/deskside"));
        // Nobody's own settings may decide how a test ends.
        for name in [
            "DESKSIDE_HOME",
            "VIRTUAL_ENV",
            "CONDA_PREFIX",
            "PYTHONPATH",
            "PYTHONHOME",
        ] {
            command.env_remove(name);
        }
        if !quick {
            command.env("DESKSIDE_TEST_REAL", "1");
        }
        if full {
            command.env("DESKSIDE_TEST_BIG", "1");
        }
        let (succeeded, output) = watched(&mut command)?;
        let counted = count::nextest(&output).unwrap_or_else(|| count::libtest(&output));
        total.add(counted);
        if !succeeded && counted.failed == 0 {
            // It did not even compile, or the runner itself failed.
            total.failed += 1;
        }
    }

    let mut reasons = count::skips(&skips);
    if !quick {
        println!("── the program in the lab: real apt, no GPU");
        let proved = in_the_lab(full);
        total.add(Count {
            passed: proved.passed,
            failed: proved.failed,
        });
        reasons.extend(proved.skipped);
        if base::hindrance().is_none() {
            let kinds = if full {
                "actions"
            } else {
                "actions: every kind"
            };
            match selftest::self_test(Some(kinds)) {
                Ok(()) => total.passed += 1,
                Err(error) => {
                    println!("{error:#}");
                    total.failed += 1;
                }
            }
        }
    }
    let skipped: usize = reasons.iter().map(|(_, times)| times).sum();
    if skipped > 0 {
        println!("\nskipped, and why:");
        for (reason, times) in &reasons {
            println!("  {times} × {reason}");
        }
    }
    for line in &missing {
        println!("  missing on this machine: {line}");
    }
    println!(
        "\n{} passed, {} failed, {skipped} skipped",
        total.passed, total.failed
    );
    if total.failed > 0 || total.passed == 0 {
        bail!("not all tests passed");
    }
    Ok(())
}

/// The lab's quick part, or all of it. Where there is no root or no archive to make the lab's base from, it is skipped, and that counted.
fn in_the_lab(full: bool) -> Proved {
    let program = target().join("release/deskside");
    let made = base::base().and_then(|_| archive::archives());
    if let Err(error) = made {
        return Proved::skipped(format!("the lab can't be made here: {error:#}"));
    }
    prove::prove(&program, full, None).unwrap_or_else(|error| {
        println!("{error:#}");
        Proved {
            passed: 0,
            failed: 1,
            skipped: Vec::new(),
        }
    })
}

/// Runs a command with its output on the screen and kept.
fn watched(command: &mut Command) -> Result<(bool, String)> {
    let mut child = command
        .current_dir(root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let out = child.stdout.take();
    let err = child.stderr.take();
    let copy = |source: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut kept = String::new();
            if let Some(source) = source {
                for line in BufReader::new(source).split(b'\n').map_while(Result::ok) {
                    let line = String::from_utf8_lossy(&line).into_owned();
                    println!("{line}");
                    kept.push_str(&line);
                    kept.push('\n');
                }
            }
            kept
        })
    };
    let out = copy(out.map(|out| Box::new(out) as Box<dyn std::io::Read + Send>));
    let err = copy(err.map(|err| Box::new(err) as Box<dyn std::io::Read + Send>));
    let status = child.wait()?;
    let kept = out.join().unwrap_or_default() + &err.join().unwrap_or_default();
    Ok((status.success(), kept))
}
