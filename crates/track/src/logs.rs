//! A run's log: its last lines, and following it while it grows.

use crate::{Folder, truth};
use deskside_machine::{Acting, DoorError, Effect, ErrorKind, Machine, Reading};
use deskside_types::run::StateRecord;
use deskside_types::{Code, Problem, Result};
use std::ops::ControlFlow;
use std::time::Duration;

/// Bytes read at once.
const CHUNK: u64 = 1 << 18;
/// How often a growing log is looked at.
const POLL: Duration = Duration::from_millis(100);

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the first byte.
    Beginning,
    /// With the last lines, as many as are said.
    LastLines(usize),
}

/// Reads a log as it is now and hands its bytes on, whatever they are.
///
/// # Errors
/// When there is a log and it can't be read. A run without a log has none to read.
pub fn read(
    machine: &dyn Machine,
    folder: &Folder,
    from: Start,
    hear: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<()> {
    let mut offset = start(machine, folder, from)?;
    pass_on(machine, folder, &mut offset, hear).map(drop)
}

/// Reads a log and goes on until the run is over, or until `hear` breaks off. Answers the state it ended in, where it did.
///
/// # Errors
/// When log or state can't be read; [`Code::Interrupted`] on Ctrl-C.
pub fn follow(
    machine: &dyn Machine,
    folder: &Folder,
    from: Start,
    hear: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<Option<StateRecord>> {
    let mut offset = start(machine, folder, from)?;
    loop {
        // The state is read before the log: what a run wrote before its end is then surely heard.
        let state = truth(machine, folder)?;
        if pass_on(machine, folder, &mut offset, hear)?.is_break() {
            return Ok(None);
        }
        if state.state.is_over() {
            return Ok(Some(state));
        }
        match machine.effect(&Effect::Sleep { span: POLL }) {
            Ok(_) => {}
            Err(error) if error.kind == ErrorKind::Interrupted => {
                return Err(Problem::new(
                    Code::Interrupted,
                    format!("stopped following run {}", folder.id()),
                )
                .hint("the run itself goes on"));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn start(machine: &dyn Machine, folder: &Folder, from: Start) -> Result<u64> {
    let Start::LastLines(lines) = from else {
        return Ok(0);
    };
    let size = match machine.stat(folder.log()) {
        Ok(stat) => stat.size,
        Err(error) if error.kind == ErrorKind::Absent => return Ok(0),
        Err(error) => return Err(error.into()),
    };
    let mut end = size;
    let mut wanted = lines;
    let mut last = true;
    while end > 0 {
        let begin = end.saturating_sub(CHUNK);
        let bytes = machine.file_part(folder.log(), begin, end - begin)?;
        for (at, byte) in bytes.iter().enumerate().rev() {
            let ends_file = std::mem::take(&mut last);
            if *byte != b'\n' || ends_file {
                continue; // the newline at the very end ends the last line and begins none
            }
            if wanted <= 1 {
                return Ok(if lines == 0 {
                    size
                } else {
                    begin + at as u64 + 1
                });
            }
            wanted -= 1;
        }
        end = begin;
    }
    Ok(if lines == 0 { size } else { 0 })
}

fn pass_on(
    machine: &dyn Machine,
    folder: &Folder,
    offset: &mut u64,
    hear: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<ControlFlow<()>> {
    loop {
        let bytes = match machine.file_part(folder.log(), *offset, CHUNK) {
            Ok(bytes) => bytes,
            Err(DoorError {
                kind: ErrorKind::Absent,
                ..
            }) => return Ok(ControlFlow::Continue(())),
            Err(error) => return Err(error.into()),
        };
        if bytes.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        *offset += bytes.len() as u64;
        if hear(&bytes).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deskside_testkit::Sim;

    fn last(log: &str, lines: usize) -> String {
        let sim = Sim::linux();
        let folder = Folder::at("/home/user/20260101-000000-aaaa").unwrap();
        sim.put_file(folder.log(), log);
        let mut heard = Vec::new();
        read(&sim, &folder, Start::LastLines(lines), &mut |bytes| {
            heard.extend_from_slice(bytes);
            ControlFlow::Continue(())
        })
        .unwrap();
        String::from_utf8(heard).unwrap()
    }

    #[test]
    fn the_last_lines() {
        for (log, lines, expected) in [
            ("a\nb\nc\n", 0, ""),
            ("a\nb\nc\n", 1, "c\n"),
            ("a\nb\nc\n", 2, "b\nc\n"),
            ("a\nb\nc\n", 9, "a\nb\nc\n"),
            ("a\nb\nc", 1, "c"),
            ("a\nb\nc", 2, "b\nc"),
            ("a\n\n", 1, "\n"),
            ("\n", 1, "\n"),
            ("", 3, ""),
        ] {
            assert_eq!(last(log, lines), expected, "{log:?} {lines}");
        }
        let long: String = (0..100_000).map(|line| format!("line {line}\n")).collect();
        assert_eq!(
            last(&long, 50_000),
            long[long.find("line 50000\n").unwrap()..]
        );
    }

    #[test]
    fn a_run_without_a_log_has_nothing_to_read() {
        let sim = Sim::linux();
        let folder = Folder::at("/home/user/20260101-000000-aaaa").unwrap();
        for start in [Start::Beginning, Start::LastLines(3)] {
            read(&sim, &folder, start, &mut |_| panic!("there is nothing")).unwrap();
        }
    }
}
