//! What takes something away to bring it back, on a machine without a network: nothing goes, and once the network is back
//! the same command arrives.

use super::{ADA, Proof, deskside, made_by_the_machine, planned, prepared, reach, seen};
use crate::lab::machine::{Description, Machine, differences};
use crate::lab::state;
use anyhow::{Result, ensure};

/// A machine in a state, what is applied to it first, and the command.
pub struct Case {
    state: &'static str,
    /// Arguments of a `plan` that is applied first; none when nothing is.
    first: Option<&'static str>,
    command: &'static str,
    /// Paths outside `/etc` and the packages that must stay.
    stays: &'static [&'static str],
}

const MACHINE: &str = "ubuntu-22.04-rtx-4090";
/// In the lab's machines there is no network while this file is there.
const UNREACHABLE: &str = "/.lab/unreachable";

/// What is proved on every change.
pub const QUICK: &[Case] = &[
    Case {
        state: "runfile-leftovers",
        first: None,
        command: "plan",
        stays: &[
            "/usr/bin/nvidia-uninstall",
            "/usr/lib/x86_64-linux-gnu/libcuda.so.1",
        ],
    },
    Case {
        state: "bare",
        first: Some(""),
        command: "reinstall driver",
        stays: &["/usr/bin/nvidia-smi"],
    },
    Case {
        state: "bare",
        first: Some("--cuda 13.0"),
        command: "reinstall cuda",
        stays: &["/usr/local/cuda-13.0/bin/nvcc"],
    },
];

impl Case {
    /// As it is called in the list and by a filter.
    pub fn name(&self) -> String {
        format!("{MACHINE} {} unreachable: {}", self.state, self.command)
    }
}

/// Proves one.
///
/// # Errors
///
/// What did not hold.
pub fn prove(program: &[u8], case: &Case) -> Result<Proof> {
    let description = Description::named(MACHINE)?;
    let mut machine = prepared(program, &description, &state::named(case.state)?)?;
    if let Some(first) = case.first {
        reach(&mut machine, ADA, &format!("plan {first}"), 1)?;
    }
    planned(&machine, ADA, case.command)?;
    // What apt still has of earlier would do as well as a network.
    machine.run(&["apt-get", "clean"])?;
    machine.write(UNREACHABLE, b"")?;
    let before = seen(&machine)?;
    let (text, code) = deskside(&machine, ADA, "apply plan.json --yes --machine-name lab")?;
    ensure!(code != 0, "without a network it ended with 0:\n{text}");
    ensure!(
        text.contains("nothing was taken away"),
        "it does not say that nothing was taken away:\n{text}"
    );
    stays(&machine, case)?;
    let changed: Vec<String> = differences(&before, &seen(&machine)?)
        .into_iter()
        .filter(|line| !made_by_the_machine(line))
        .collect();
    ensure!(
        changed.is_empty(),
        "without a network it changed {}:\n{text}",
        changed.join(", ")
    );
    machine.run(&["rm", UNREACHABLE])?;
    let (restarts, _) = reach(&mut machine, ADA, case.command, 1)?;
    Ok(Proof {
        outcome: format!("nothing went; with a network again it arrives, {restarts} restart(s)"),
        differs: Vec::new(),
    })
}

fn stays(machine: &Machine, case: &Case) -> Result<()> {
    for path in case.stays {
        let there = machine.run(&["ls", "-d", path])?;
        ensure!(there.code == 0, "{path} is gone");
    }
    Ok(())
}
