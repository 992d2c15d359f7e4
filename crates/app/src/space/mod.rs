//! `deskside space`: what fills the disk, whether it can be had again, and what frees it.

mod checkpoints;
mod keep;
mod places;
mod walk;

pub use checkpoints::Policy;
pub(crate) use checkpoints::is_checkpoint;
pub use keep::{
    GcReport, KeepReport, PreparedKeep, RunCheckpoints, carry_out, empty, prepare, trash,
};

use crate::{Answer, Context};
use deskside_machine::Reading;
use deskside_types::Result;
use places::{Kind, Place};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::PathBuf;
use walk::{Part, walk};

/// The answer of `space`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SpaceReport {
    /// The disks that what is listed lies on.
    pub disks: Vec<Disk>,
    /// What takes space, the largest first; what takes none is left out.
    pub lines: Vec<SpaceLine>,
    /// Bytes of all of it together; contents with several names count once.
    pub bytes: u64,
    /// What is there and not counted, with the command that says what it takes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only_named: Vec<String>,
    /// What a person should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Answer for SpaceReport {
    const SCHEMA: &'static str = "deskside.space";
}

/// The file system of a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Disk {
    /// The place.
    pub path: String,
    /// Bytes in all.
    pub total: u64,
    /// Bytes free for this person.
    pub free: u64,
}

/// One thing that takes space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SpaceLine {
    /// Its kind, one of few words: `runs`, `checkpoints`, `environment`, `uv-cache`, …
    pub kind: String,
    /// What it is, in words.
    pub what: String,
    /// Where it is.
    pub path: String,
    /// Bytes on the disk.
    pub bytes: u64,
    /// Of these the ones that are free when it goes: the others have names elsewhere, too.
    pub frees: u64,
    /// How many things: runs, checkpoints, files.
    pub count: u64,
    /// What is counted.
    pub unit: String,
    /// Whether it can be had again.
    pub again: bool,
    /// How, or why not, in words.
    pub how: String,
    /// Bytes that are downloaded then, as far as that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub download_bytes: Option<u64>,
    /// The command that frees it; none where a person must decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// Looks at what takes space.
///
/// # Errors
/// On Ctrl-C, and where no folder of the person is known.
pub fn space(context: &Context, projects: &[PathBuf]) -> Result<SpaceReport> {
    let machine = &*context.machine;
    let places = places::all(context, projects)?;
    let roots: Vec<PathBuf> = places.iter().map(|place| place.path.clone()).collect();
    let splits = |root: usize, path: &std::path::Path, is_folder: bool| {
        places[root].kind == Kind::Runs
            && (places::is_trash(path) || is_checkpoint(path, is_folder))
    };
    let walked = walk(machine, &roots, &splits)?;
    let mut lines: Vec<SpaceLine> = Vec::new();
    for (at, place) in places.iter().enumerate() {
        lines.push(place.line(&walked.parts[at], walked.parts[at].files));
    }
    let split = &walked.parts[places.len()..];
    let (trash, checkpoints): (Vec<&Part>, Vec<&Part>) =
        split.iter().partition(|part| places::is_trash(&part.path));
    let runs = roots.first().cloned().unwrap_or_default();
    for (kind, parts) in [(Kind::Checkpoints, checkpoints), (Kind::Trash, trash)] {
        let sum = Part {
            bytes: parts.iter().map(|part| part.bytes).sum(),
            frees: parts.iter().map(|part| part.frees).sum(),
            ..Part::default()
        };
        let place = Place {
            kind,
            path: runs.clone(),
            name: None,
        };
        lines.push(place.line(&sum, parts.len() as u64));
    }
    let count = machine
        .entries(&runs)
        .map_or(0, |entries| entries.len() as u64);
    if let Some(line) = lines.iter_mut().find(|line| line.kind == Kind::Runs.word()) {
        line.count = count;
    }
    lines.retain(|line| line.bytes > 0);
    lines.sort_by_key(|line| std::cmp::Reverse(line.bytes));
    let mut warnings = Vec::new();
    if let Some(first) = walked.unread.first() {
        let more = walked.unread.len() - 1;
        let more = if more > 0 {
            format!(", and {more} more")
        } else {
            String::new()
        };
        warnings.push(format!("what can't be read is not counted: {first}{more}"));
    }
    Ok(SpaceReport {
        disks: disks(context),
        bytes: walked.total,
        lines,
        only_named: places::only_named(machine),
        warnings,
    })
}

fn disks(context: &Context) -> Vec<Disk> {
    let directories = &context.directories;
    let mut found: Vec<Disk> = Vec::new();
    for path in [&directories.home, &directories.data, &directories.cache] {
        let Ok(space) = context.machine.space(path) else {
            continue;
        };
        let is_known = found
            .iter()
            .any(|disk| (disk.total, disk.free) == (space.total, space.free));
        if !is_known {
            found.push(Disk {
                path: path.display().to_string(),
                total: space.total,
                free: space.free,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use deskside_testkit::Sim;

    #[test]
    fn each_line_says_whether_it_can_be_had_again_and_what_frees_it() {
        let sim = Sim::linux();
        let context = Context::here(sim.shared()).unwrap();
        let runs = context.directories.runs();
        let run = runs.join("20261125-150102-k7mq");
        sim.put_file(run.join("log"), vec![0; 100]);
        sim.put_file(run.join("artifacts/checkpoint-5/w"), vec![0; 5000]);
        sim.put_file(run.join("artifacts/checkpoint-9/w"), vec![0; 5000]);
        sim.put_file(
            run.join("artifacts/.checkpoint-1.deskside-20261125-150102-k7mq-keep-0/w"),
            vec![0; 700],
        );
        sim.put_file("/home/user/.cache/uv/archive/a", vec![0; 2000]);
        sim.put_file("/home/user/.cache/huggingface/hub/m", vec![0; 3000]);
        sim.put_directory("/var/lib/docker");
        let report = space(&context, &[]).unwrap();
        let line = |kind: &str| report.lines.iter().find(|line| line.kind == kind);
        let checkpoints = line("checkpoints").unwrap();
        assert_eq!(
            (checkpoints.bytes, checkpoints.count, checkpoints.again),
            (10_000, 2, false)
        );
        assert!(
            checkpoints
                .command
                .as_deref()
                .unwrap()
                .contains("space keep")
        );
        assert_eq!(line("trash").unwrap().bytes, 700);
        assert_eq!(line("runs").unwrap().bytes, 100);
        assert_eq!(line("hugging-face").unwrap().download_bytes, Some(3000));
        assert!(line("uv-cache").unwrap().again);
        assert_eq!(line("pip-cache"), None, "what is not there is left out");
        assert_eq!(report.bytes, 100 + 10_000 + 700 + 2000 + 3000);
        assert!(report.only_named[0].contains("docker"));
        assert_eq!(report.lines[0].kind, "checkpoints", "the largest first");
    }
}
