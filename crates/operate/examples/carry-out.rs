//! Carries a plan out, or takes the last one back, in this process: for machines that are made for tests (`cargo xtask
//! lab`). Run as root it does root's actions, too. The plan is a file in JSON.
//!
//! `carry-out apply PLAN`, `carry-out undo`. With `DESKSIDE_FAULT=die-after@7` it is killed there.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a program of its own: its words and its arguments"
)]

use deskside_machine::{Fault, Faulty, Host, Machine, Progress, Reading};
use deskside_operate::root::Direct;
use deskside_operate::{Event, NoDomain, Workshop, apply, undo};
use deskside_types::plan::Plan;
use deskside_types::{Code, Problem, Result};
use std::process::ExitCode;
use std::sync::Arc;

/// The journal and the lock.
const STATE: &str = "/var/lib/deskside/carried-out";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match carry_out(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{:?}: {}", problem.code, problem.message);
            for cause in &problem.causes {
                eprintln!("  because {cause}");
            }
            for hint in &problem.hints {
                eprintln!("  hint: {hint}");
            }
            ExitCode::FAILURE
        }
    }
}

fn carry_out(words: &[&str]) -> Result<()> {
    let mut machine: Arc<dyn Machine> = Arc::new(Host::new());
    if let Some(fault) = machine
        .variable("DESKSIDE_FAULT")
        .as_deref()
        .and_then(Fault::parse)
    {
        machine = Arc::new(Faulty::killing(machine, fault));
    }
    let root = Direct { machine: &*machine };
    let workshop = Workshop {
        machine: &*machine,
        domain: &NoDomain,
        state: STATE.into(),
        root: Some(&root),
    };
    match words {
        ["apply", path] => {
            let plan: Plan = serde_json::from_slice(&machine.file(path, 16 << 20)?)
                .map_err(|error| Problem::new(Code::Usage, "that is no plan").because(error))?;
            let applied = apply(&workshop, &plan, &mut |event| match event {
                Event::Begin { step, .. } => println!("begin {}", step.id),
                Event::Satisfied { step } => println!("satisfied {}", step.id),
                Event::Done { step, .. } => println!("done {}", step.id),
                Event::Progress(Progress::Line(line) | Progress::Waiting(line)) => {
                    println!("  {line}")
                }
                Event::Progress(Progress::Bytes { done, total }) => {
                    println!("  {done} of {total:?} bytes");
                }
            })?;
            println!("carried out: {}", applied.done.join(" "));
        }
        ["undo"] => {
            let undone = undo(&workshop, None, &mut |progress| {
                if let Progress::Line(line) | Progress::Waiting(line) = progress {
                    eprintln!("  {line}");
                }
            })?;
            for left in undone.left {
                println!("left: {left}");
            }
        }
        _ => {
            return Err(Problem::new(Code::Usage, "say `apply PLAN` or `undo`"));
        }
    }
    Ok(())
}
