//! A run in the foreground: how long until it is there, and what its output costs on a terminal.

use super::{Bench, p10, ratio, skipped};
use crate::bench::Bar;
use crate::bench::command::{once, run};
use crate::shell::has;
use anyhow::Result;
use std::process::Command;

const ROUNDS: usize = 100;
const BY_PUEUE: usize = 10;

impl Bench {
    pub(super) fn start(&self) -> Result<Vec<Bar>> {
        let home = self.home("foreground")?;
        let (mut bare, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            bare.push(once(&mut Command::new("true"))?);
            ours.push(once(&mut self.ours(&home, &["run", "--", "true"]))?);
        }
        let mut bars = vec![ratio(
            "run -- true / bare exec, p10",
            p10(&ours),
            p10(&bare),
            8.0,
        )];
        bars.push(match self.peers.pueue(&self.home("pueue-run")?)? {
            Some(pueue) => {
                let mut theirs = Vec::new();
                for _ in 0..BY_PUEUE {
                    theirs.push(once(&mut pueue.call(&[
                        "add",
                        "--immediate",
                        "--follow",
                        "true",
                    ]))?);
                }
                ratio(
                    "run -- true / pueue add --immediate --follow true, p10",
                    p10(&ours),
                    p10(&theirs),
                    0.02,
                )
            }
            None => skipped("run -- true / pueue", "it is not installed"),
        });
        // Outside a repository, and inside one beside git itself.
        bars.extend(run(&self.program)?);
        Ok(bars)
    }

    /// 100 MiB on a terminal that `script(1)` makes, for both.
    pub(super) fn terminal(&self) -> Result<Vec<Bar>> {
        if !has("script") {
            return Ok(vec![skipped(
                "100 MiB on a terminal",
                "there is no script(1)",
            )]);
        }
        const SAY: &str = "head -c 104857600 /dev/zero | tr \\\\0 x | fold -w 120";
        let home = self.home("terminal")?;
        let (mut bare, mut ours) = (Vec::new(), Vec::new());
        let said = |line: &str| {
            let mut command = Command::new("script");
            command
                .args(["-q", "-e", "-c", line, "/dev/null"])
                .env("DESKSIDE_HOME", &home);
            command
        };
        let plain = format!("sh -c '{SAY}'");
        let tracked = format!("{} run -- {plain}", self.program.display());
        for _ in 0..3 {
            bare.push(once(&mut said(&plain))?);
            ours.push(once(&mut said(&tracked))?);
        }
        Ok(vec![ratio(
            "100 MiB in the foreground / the bare command, both on a terminal, p10",
            p10(&ours),
            p10(&bare),
            1.5,
        )])
    }
}
