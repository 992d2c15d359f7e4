//! What comes later is fetched before anything goes: a machine without a network keeps what it has.
//!
//! Package sources are mended and entered first, so that apt knows what comes from them; then its files are fetched; only
//! then the first thing goes.

use crate::draft::{Draft, command, refresh};
use deskside_types::plan::{Action, Check, FileContents, Step};

/// A download may take this long, in seconds.
const DEADLINE: u64 = 4 * 3600;

/// Puts the fetching before the first step that takes something away whose successor a later step brings. `half` says that
/// dpkg has packages that are not even unpacked: apt fetches nothing until they are gone.
pub(crate) fn before_removal(draft: &mut Draft, moment: &str, half: bool) {
    let by_package = draft
        .steps
        .iter()
        .any(|step| step.id.starts_with("repository.add") && !installs(step).is_empty());
    let goes = |step: &Step| {
        ["runfile.remove", "driver.remove", "reinstall."]
            .iter()
            .any(|head| step.id.starts_with(head))
            || (step.id.starts_with("clean.") && !step.id.starts_with("clean.source"))
            // Where dpkg is in disorder, no package of an archive's key can be installed before it is mended.
            || (step.id.starts_with("dpkg.drop") && !half && !by_package)
    };
    let Some(first) = draft.steps.iter().position(goes) else {
        return;
    };
    let mut comes: Vec<String> = Vec::new();
    for name in draft.steps[first..].iter().flat_map(|step| installs(step)) {
        if !name.starts_with('/') && !comes.contains(&name) {
            comes.push(name);
        }
    }
    if comes.is_empty() {
        return;
    }
    // What goes before: apt must fetch for a machine without it.
    let mut gone: Vec<String> = Vec::new();
    for name in draft.steps[first..].iter().flat_map(|step| removes(step)) {
        if !gone.contains(&name) {
            gone.push(name);
        }
    }
    let (sources, others): (Vec<Step>, Vec<Step>) = draft.steps.drain(first..).partition(|step| {
        ["sources.", "repository."]
            .iter()
            .any(|head| step.id.starts_with(head))
    });
    draft.steps.extend(sources);
    let mark = format!("/var/cache/deskside/fetched-{moment}");
    let mut line = command(["apt-get", "install", "--download-only", "-y"], DEADLINE);
    line.argv.extend(comes.iter().cloned());
    line.argv.extend(gone.iter().map(|name| format!("{name}-")));
    let actions = vec![
        refresh(),
        Action::Run {
            command: line,
            undo: None,
        },
        Action::WriteFile {
            path: mark.clone(),
            contents: FileContents::Text("what this plan brings was fetched\n".into()),
            mode: 0o644,
        },
    ];
    draft.step(
        "packages.fetch",
        &[("count", &crate::names::counted(&comes))],
        vec![Check::Exists { path: mark }],
        actions,
    );
    if let Some(step) = draft.steps.last_mut() {
        step.download_bytes = None;
    }
    draft.steps.extend(others);
}

fn installs(step: &Step) -> Vec<String> {
    step.actions
        .iter()
        .flat_map(|action| match action {
            Action::Packages { install, .. } => install.clone(),
            _ => Vec::new(),
        })
        .collect()
}

/// What steps that only remove take away. What goes in one transaction with what comes is apt's to weigh.
fn removes(step: &Step) -> Vec<String> {
    step.actions
        .iter()
        .flat_map(|action| match action {
            Action::Packages { install, remove } if install.is_empty() => remove.clone(),
            _ => Vec::new(),
        })
        .collect()
}
