//! How long `plan` takes: for a recorded machine, and live in the lab with apt's own simulation.

use super::Bar;
use super::command::{bar, times};
use crate::lab::base;
use crate::lab::machine::{Description, Machine};
use crate::needs::scratch;
use crate::shell::root;
use anyhow::{Result, ensure};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A machine set up by an old recipe: of those recorded, the one with the most to plan.
const BUNDLE: &str = "fixtures/machines/ubuntu-22.04-guides-recipe";

/// A recorded machine, and where there is root a machine of the lab whose package lists are there.
pub fn plan(program: &Path) -> Result<Vec<Bar>> {
    let home = scratch("bench-plan")?;
    let recorded = times(40, || {
        let mut command = Command::new(program);
        command
            .args(["plan", "--machine"])
            .arg(root().join(BUNDLE))
            .env("DESKSIDE_HOME", &home);
        command
    })?;
    let mut bars = vec![bar(
        "deskside plan, a recorded machine",
        &recorded,
        Duration::from_millis(200),
    )];
    match base::hindrance() {
        None => bars.push(live(program)?),
        Some(why) => println!("  not measured: deskside plan, live: {why}"),
    }
    Ok(bars)
}

fn live(program: &Path) -> Result<Bar> {
    let machine = Machine::start(&Description::named("ubuntu-22.04-rtx-4090")?)?;
    machine.write("/usr/local/bin/deskside", &std::fs::read(program)?)?;
    machine.run(&["chmod", "755", "/usr/local/bin/deskside"])?;
    let mut times = Vec::new();
    for _ in 0..10 {
        let start = Instant::now();
        let output = machine.run(&["runuser", "-l", "ada", "-c", "deskside plan"])?;
        times.push(start.elapsed());
        ensure!(
            output.code == 0 && output.stdout.contains("apt's own simulation"),
            "exit code {}:\n{}",
            output.code,
            output.stdout
        );
    }
    // The first one also reads the program from the disk.
    Ok(bar(
        "deskside plan, live in the lab, apt's simulation in it",
        &times[1..],
        Duration::from_millis(1500),
    ))
}
