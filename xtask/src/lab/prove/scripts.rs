//! The script of `--emit sh`, run by itself as a person with sudo, and again after its restart: it arrives where `apply`
//! arrives, by the same packages and the same /etc.

use super::{ADA, deskside, look, made_by_the_machine, prepared, reach, seen};
use crate::lab::machine::{Description, Machine, differences};
use crate::lab::state;
use anyhow::{Context, Result, ensure};

/// Machine, state, and the command whose plan it is. None of them downloads past apt: what such a script fetches is
/// signed by keys that the lab does not have.
type Case = (&'static str, &'static str, &'static str);

const QUICK: &[Case] = &[
    ("ubuntu-22.04-rtx-4090", "bare", "plan"),
    ("ubuntu-22.04-rtx-4090", "ppa", "plan"),
    ("ubuntu-22.04-rtx-4090", "guide-old-recipe", "clean all"),
];

const LONG: &[Case] = &[
    ("ubuntu-22.04-rtx-4090", "duplicate-sources", "plan"),
    ("ubuntu-22.04-rtx-4090", "half-removed", "plan"),
    ("ubuntu-22.04-rtx-4090", "held", "plan"),
    (
        "ubuntu-22.04-rtx-4090",
        "half-configured",
        "reinstall driver",
    ),
    ("ubuntu-22.04-gtx-1080", "wrong-branch", "plan"),
    ("ubuntu-24.04-rtx-4090", "interrupted-dpkg", "plan"),
    ("ubuntu-24.04-rtx-4090", "runfile-leftovers", "clean all"),
    ("ubuntu-24.04-rtx-5090", "bare", "plan"),
    ("ubuntu-24.04-rx-7900-xtx", "bare", "plan"),
    ("ubuntu-26.04-rtx-5090", "bare", "plan"),
    ("pop-22.04-rtx-3090", "bare", "plan"),
    ("pop-22.04-rtx-3090", "pop-pins", "plan"),
];

/// Those proved on every change.
///
/// # Errors
///
/// What differs.
pub fn quick(program: &[u8]) -> Result<String> {
    each(program, QUICK)
}

/// The others.
///
/// # Errors
///
/// What differs.
pub fn long(program: &[u8]) -> Result<String> {
    each(program, LONG)
}

fn each(program: &[u8], cases: &[Case]) -> Result<String> {
    for case in cases {
        one(program, case).with_context(|| format!("{} {}: {}", case.0, case.1, case.2))?;
    }
    Ok(format!("{} scripts arrive where `apply` does", cases.len()))
}

fn one(program: &[u8], (name, state, command): &Case) -> Result<()> {
    let description = Description::named(name)?;
    let state = state::named(state)?;
    let mut applied = prepared(program, &description, &state)?;
    reach(&mut applied, ADA, command, 1)?;

    let mut scripted = prepared(program, &description, &state)?;
    let (text, code) = as_ada(
        &scripted,
        &format!("deskside {command} --emit sh > setup.sh"),
    )?;
    ensure!(code == 0, "--emit ended with {code}:\n{text}");
    let (text, code) = as_ada(&scripted, "sh setup.sh")?;
    ensure!(code == 0, "the script ended with {code}:\n{text}");
    if text.contains("sudo reboot") {
        scripted.reboot()?;
        let (text, code) = as_ada(&scripted, "sh setup.sh")?;
        ensure!(
            code == 0 && text.ends_with("Done.\n"),
            "after the restart the script ended with {code}:\n{text}"
        );
    }
    let (text, code) = deskside(&scripted, ADA, &look(command))?;
    ensure!(
        code == 0,
        "something is left to do (exit code {code}):\n{text}"
    );

    let differing: Vec<String> = differences(&seen(&applied)?, &seen(&scripted)?)
        .into_iter()
        // What `undo` keeps of files that were replaced or taken away: a script has no undo.
        .filter(|line| {
            !made_by_the_machine(line)
                && ![".deskside-", ".before-deskside"]
                    .iter()
                    .any(|kept| line.contains(kept))
        })
        .collect();
    ensure!(
        differing.is_empty(),
        "by the script it is otherwise than by `apply`:\n{}",
        differing.join("\n")
    );
    Ok(())
}

fn as_ada(machine: &Machine, script: &str) -> Result<(String, i32)> {
    let output = machine.run(&["runuser", "-l", ADA.name, "-c", script])?;
    Ok((format!("{}{}", output.stdout, output.stderr), output.code))
}
