//! `deskside info`: what this machine is, as far as can be seen without root.

use crate::{Answer, Context};
use deskside_advise::ModelMemory;
use deskside_doctor::Unseen;
use deskside_machine::bundle::{Bundle, Node};
use deskside_machine::{FileKind, Machine, Reading, Recording};
use deskside_provision::Assessment;
use deskside_types::{Code, Facts, Problem, Result};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

/// The answer of `info`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct InfoReport {
    /// The facts.
    pub facts: Facts,
    /// For each GPU in `facts.gpus`, the memory a model may use.
    pub model_memory: Vec<Option<ModelMemory>>,
    /// What the system layer lacks, and the commands that bring it.
    pub system: Assessment,
    /// What could not be seen, and why.
    pub unseen: Vec<Unseen>,
}

impl Answer for InfoReport {
    const SCHEMA: &'static str = "deskside.info";
}

/// Looks at the machine.
pub fn info(machine: &dyn Machine) -> InfoReport {
    let facts = deskside_probe::collect(machine);
    InfoReport {
        model_memory: facts
            .known_gpus()
            .iter()
            .map(|gpu| deskside_advise::model_memory(gpu, &facts.memory))
            .collect(),
        system: deskside_provision::assess(&facts),
        unseen: deskside_doctor::unseen(&facts),
        facts,
    }
}

/// Looks at the machine and keeps what was seen as a redacted bundle.
///
/// # Errors
/// When the bundle can't be written; the report is made all the same.
pub fn record(context: &Context, path: &Path) -> Result<InfoReport> {
    require_bundle_name(&*context.machine, path)?;
    let recording = Arc::new(Recording::new(context.machine.clone()));
    let report = info(&*recording);
    keep(&recording, "Recorded by `deskside info --record`.", path)?;
    Ok(report)
}

/// Refuses a name that promises another kind of archive, and a file that is none.
pub(crate) fn require_bundle_name(machine: &dyn Machine, path: &Path) -> Result<()> {
    let is_archive = path.extension().is_some_and(|ending| {
        ending == "tar"
            || ending == "tzst"
            || (ending == "zst" && path.to_string_lossy().ends_with(".tar.zst"))
    });
    let is_file = machine
        .stat(path)
        .is_ok_and(|stat| stat.kind == FileKind::File);
    if is_file && !is_archive {
        return Err(Problem::new(
            Code::Usage,
            format!(
                "{} is a file; a bundle is a new folder, or a file that ends in .tar.zst",
                path.display()
            ),
        )
        .hint(format!("{}.tar.zst", path.display())));
    }
    if let Some(ending @ ("gz" | "zip" | "xz" | "bz2" | "7z")) =
        path.extension().and_then(|ending| ending.to_str())
    {
        return Err(Problem::new(
            Code::Usage,
            format!("a bundle is a folder, a .tar.zst or a .tar, not a .{ending}"),
        )
        .hint(format!("name it {}", path.with_extension("zst").display())));
    }
    Ok(())
}

/// Writes what was seen as a redacted bundle.
pub(crate) fn keep(recording: &Recording, notes: &str, path: &Path) -> Result<()> {
    let mut bundle: Bundle = recording.redacted_bundle(notes);
    for (path, node) in &mut bundle.tree {
        if let Node::File { contents, .. } = node
            && let Some(thin) = deskside_probe::thinned(path, contents)
        {
            *contents = thin;
        }
    }
    bundle.save(path)
}
