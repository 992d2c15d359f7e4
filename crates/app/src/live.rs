//! Environments that runs go on in: they are never changed under a run.

use crate::Context;
use deskside_track::Store;
use deskside_track::index::{Filter, Listed};
use deskside_types::{Code, Problem, Result};
use std::path::Path;

/// Refuses when a run goes on in one of the environments. `what` says what would happen to it: `would be taken away`.
///
/// # Errors
/// [`Code::Locked`] with the run.
pub fn refuse_under_a_run(context: &Context, environments: &[&Path], what: &str) -> Result<()> {
    let filter = Filter {
        states: vec!["starting".into(), "running".into()],
        ..Filter::default()
    };
    let live = Store::new(&*context.machine, &context.directories).list(&filter)?;
    let uses = |run: &Listed| {
        let project = run.project.as_deref().unwrap_or(&run.working_directory);
        environments
            .iter()
            .any(|environment| environment.parent() == Some(Path::new(project)))
    };
    match live.runs.iter().find(|run| uses(run)) {
        None => Ok(()),
        Some(run) => Err(Problem::new(
            Code::Locked,
            format!("run {} goes on in the environment that {what}", run.id),
        )
        .hint("wait for its end, or stop it with Ctrl-C where it runs, then run the same command again")),
    }
}

/// The identities of the runs that go on now; none where the runs can't be read.
pub fn going_on(context: &Context) -> Vec<String> {
    let filter = Filter {
        states: vec!["starting".into(), "running".into()],
        ..Filter::default()
    };
    Store::new(&*context.machine, &context.directories)
        .list(&filter)
        .map(|live| live.runs.iter().map(|run| run.id.to_string()).collect())
        .unwrap_or_default()
}
