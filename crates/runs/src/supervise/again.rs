//! What becomes of a job whose run ended: it is over, or it is started again, perhaps with a changed parameter. Pure but for the
//! look at the run's folder. Its supervisor asks, or, where that died behind the end, whoever settles it.

use crate::queue::{End, Row, Spec, Word};
use deskside_machine::{Machine, Reading};
use deskside_track::{Folder, truth::has_begun};
use deskside_types::run::{RunExit, RunState, StateRecord};
use deskside_types::{Code, Problem, Result};
use serde::{Deserialize, Serialize};

/// What is done with a job that ran out of memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OnOom {
    /// The parameter that is changed and by how much it is multiplied; none where the job is only started again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<(String, f64)>,
}

/// A job that ran out of memory is started again so often at the most.
const MOST_OOM: u32 = 8;

impl std::str::FromStr for OnOom {
    type Err = Problem;

    /// `retry`, `batch-size/2`, `grad-accum*2`.
    fn from_str(text: &str) -> Result<Self> {
        if text.trim() == "retry" {
            return Ok(Self { change: None });
        }
        let read = || {
            let at = text.find(['/', '*'])?;
            let (name, number) = (text[..at].trim(), text[at + 1..].trim());
            let number: f64 = number.parse().ok()?;
            let factor = if text[at..].starts_with('/') {
                1.0 / number
            } else {
                number
            };
            let name = name.trim_start_matches('-').to_string();
            (!name.is_empty() && factor.is_finite() && factor > 0.0 && factor != 1.0).then_some(
                Self {
                    change: Some((name, factor)),
                },
            )
        };
        read().ok_or_else(|| {
            Problem::new(
                Code::QueueUsage,
                format!("--on-oom {text}: that is no way to go on"),
            )
            .hint("write `--on-oom retry`, or a parameter and how it changes: `--on-oom batch-size/2`")
        })
    }
}

/// What becomes of a job whose run ended so.
pub(crate) fn end_of(
    machine: &dyn Machine,
    folder: &Folder,
    spec: &Spec,
    row: &Row,
    record: &StateRecord,
) -> End {
    if never_began(machine, folder, record) {
        return End::NeverRan;
    }
    let out_of_memory = looks_like_oom(machine, folder, &record.state);
    let now = machine.now().map_or(0, |now| now.wall.as_millisecond());
    after(spec, row, &record.state, out_of_memory, now)
}

/// A process that was killed at its gate, or just behind it, from outside: it has left no trace, so that nothing of the command
/// ran. Only soon after its start.
fn never_began(machine: &dyn Machine, folder: &Folder, record: &StateRecord) -> bool {
    let killed = matches!(
        record.state,
        RunState::Finished {
            exit: RunExit::Signal(_)
        }
    );
    let took = record.started_at.zip(record.ended_at);
    let soon = took.is_some_and(|(from, to)| to.duration_since(from).as_secs() < 2);
    killed && soon && !has_begun(machine, folder)
}

/// Decides. What was stopped, and what never started, is not started again.
fn after(spec: &Spec, row: &Row, state: &RunState, out_of_memory: bool, now_ms: i64) -> End {
    let mut outcome = crate::queue::outcome(state);
    if !matches!(state, RunState::Finished { .. }) || outcome.is_good() {
        return End::Over(outcome);
    }
    if out_of_memory {
        outcome.reason = Some(match state {
            RunState::Finished {
                exit: RunExit::Signal(9),
            } => "it was killed from outside, as the kernel does when memory is out".into(),
            _ => "it ran out of memory".to_string(),
        });
        if let Some(on_oom) = &spec.on_oom
            && row.attempt <= MOST_OOM
        {
            match &on_oom.change {
                None => {
                    return again(now_ms, "it ran out of memory".into(), None);
                }
                Some((name, factor)) => {
                    if let Some((changed, words)) = change(spec, name, *factor) {
                        let reason = format!("it ran out of memory; {words}");
                        return again(now_ms, reason, serde_json::to_string(&changed).ok());
                    }
                    outcome.reason = Some(format!(
                        "it ran out of memory, and {name} can't be changed further"
                    ));
                }
            }
        }
    }
    if row.attempt <= spec.retries {
        let how = outcome
            .exit
            .map_or_else(|| "failed".to_string(), |code| format!("ended with {code}"));
        let reason = format!(
            "attempt {} {how}; {} more",
            row.attempt,
            spec.retries + 1 - row.attempt
        );
        return again(now_ms, reason, None);
    }
    End::Over(outcome)
}

fn again(ready_at: i64, reason: String, spec: Option<String>) -> End {
    End::Again {
        ready_at,
        reason,
        spec,
    }
}

/// The command with one parameter multiplied; none where it is not there, is no number, or would stay what it is.
fn change(spec: &Spec, name: &str, factor: f64) -> Option<(Spec, String)> {
    let same = |word: &str| {
        let plain = |text: &str| text.trim_start_matches(['-', '+']).replace('_', "-");
        plain(word) == plain(name)
    };
    let mut changed = spec.clone();
    for at in 0..changed.argv.len() {
        let word = changed.argv[at].shown();
        let (place, head, old) = match word.split_once('=') {
            Some((head, old)) if same(head) => (at, format!("{head}="), old.to_string()),
            None if word.starts_with('-') && same(&word) => {
                (at + 1, String::new(), changed.argv.get(at + 1)?.shown())
            }
            _ => continue,
        };
        let new = multiplied(&old, factor)?;
        changed.argv[place] = Word::Text(format!("{head}{new}"));
        let words = format!("{name} goes from {old} to {new}");
        return Some((changed, words));
    }
    None
}

/// A whole number stays one, and is 1 at least.
fn multiplied(text: &str, factor: f64) -> Option<String> {
    let new = match text.parse::<i64>() {
        Ok(whole) => {
            let new = (whole as f64 * factor).floor() as i64;
            (new >= 1).then(|| new.to_string())?
        }
        Err(_) => {
            let new = text.parse::<f64>().ok()? * factor;
            new.is_finite().then(|| new.to_string())?
        }
    };
    (new != text).then_some(new)
}

/// Bytes at a log's end that are looked at.
const TAIL: u64 = 64 << 10;

/// What frameworks and the kernel say when memory is out.
const SAID: &[&str] = &[
    "CUDA out of memory",
    "HIP out of memory",
    "OutOfMemoryError",
    "CUDA_ERROR_OUT_OF_MEMORY",
    "RESOURCE_EXHAUSTED: Out of memory",
    "[METAL] Command buffer execution failed: Insufficient Memory",
    "DefaultCPUAllocator: can't allocate memory",
    "\nMemoryError",
];

/// Whether a run that failed ran out of memory, as its log's end tells; or it was killed from outside, as the kernel does.
fn looks_like_oom(machine: &dyn Machine, folder: &Folder, state: &RunState) -> bool {
    let exit = match state {
        RunState::Finished { exit } => *exit,
        _ => return false,
    };
    if exit == RunExit::ExitCode(0) {
        return false;
    }
    if matches!(exit, RunExit::Signal(9) | RunExit::ExitCode(137)) {
        return true;
    }
    let size = machine.stat(folder.log()).map_or(0, |stat| stat.size);
    let tail = machine
        .file_part(folder.log(), size.saturating_sub(TAIL), TAIL)
        .unwrap_or_default();
    let tail = String::from_utf8_lossy(&tail);
    SAID.iter().any(|words| tail.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(command: &str) -> Spec {
        Spec {
            argv: command
                .split_whitespace()
                .map(|word| Word::Text(word.into()))
                .collect(),
            ..Spec::default()
        }
    }

    #[test]
    fn a_parameter_is_changed_as_it_stands_there() {
        for (command, name, factor, expected) in [
            (
                "t.py --batch-size 32",
                "batch-size",
                0.5,
                Some("t.py --batch-size 16"),
            ),
            (
                "t.py --batch_size=33 --x 1",
                "batch-size",
                0.5,
                Some("t.py --batch_size=16 --x 1"),
            ),
            (
                "t.py batch_size=4",
                "batch_size",
                0.5,
                Some("t.py batch_size=2"),
            ),
            ("t.py --accum 1", "accum", 2.0, Some("t.py --accum 2")),
            ("t.py --lr 0.5", "lr", 0.5, Some("t.py --lr 0.25")),
            ("t.py --batch-size 1", "batch-size", 0.5, None),
            ("t.py --batch-size many", "batch-size", 0.5, None),
            ("t.py --batch-size", "batch-size", 0.5, None),
            ("t.py 32", "batch-size", 0.5, None),
        ] {
            let found =
                change(&spec(command), name, factor).map(|(spec, _)| spec.shown().join(" "));
            assert_eq!(found.as_deref(), expected, "{command}");
        }
    }

    #[test]
    fn ways_to_go_on() {
        assert_eq!("retry".parse(), Ok(OnOom { change: None }));
        assert_eq!(
            "--batch-size/2".parse(),
            Ok(OnOom {
                change: Some(("batch-size".into(), 0.5))
            })
        );
        assert_eq!(
            "a*3".parse(),
            Ok(OnOom {
                change: Some(("a".into(), 3.0))
            })
        );
        for wrong in ["", "x", "/2", "x/0", "x/", "x*1", "x*-2", "x*nan"] {
            assert!(wrong.parse::<OnOom>().is_err(), "{wrong}");
        }
    }
}
