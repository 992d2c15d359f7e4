//! What comes later is fetched before anything goes: a machine without a network keeps what it has.
//!
//! Package sources are mended and entered first, so that apt knows what comes from them; then its files are fetched; only
//! then the first thing goes.

use crate::draft::{Draft, command, refresh};
use crate::names::counted;
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
    for name in draft.steps[first..].iter().flat_map(installs) {
        if !name.starts_with('/') && !comes.contains(&name) {
            comes.push(name);
        }
    }
    if comes.is_empty() {
        return;
    }
    // What goes before: apt must fetch for a machine without it.
    let mut gone: Vec<String> = Vec::new();
    for name in draft.steps[first..].iter().flat_map(removes) {
        if !gone.contains(&name) {
            gone.push(name);
        }
    }
    let back: Vec<String> = draft
        .steps
        .iter()
        .filter(|step| step.id.starts_with("reinstall.") || step.id.starts_with("driver.remove"))
        .flat_map(removes)
        .collect();
    let (sources, others): (Vec<Step>, Vec<Step>) = draft.steps.drain(first..).partition(|step| {
        ["sources.", "repository."]
            .iter()
            .any(|head| step.id.starts_with(head))
    });
    // What is there now is fetched while its source is still one.
    let first_source = draft
        .steps
        .iter()
        .position(|step| step.id.starts_with("sources."))
        .unwrap_or(draft.steps.len());
    let prepared = draft.steps.split_off(first_source);
    if !back.is_empty() {
        fetch(
            draft,
            "packages.keep",
            moment,
            &back,
            &["--reinstall", "-y"],
            back.clone(),
        );
    }
    draft.steps.extend(prepared);
    draft.steps.extend(sources);
    let marked = gone.iter().map(|name| format!("{name}-"));
    let words = comes.iter().cloned().chain(marked).collect();
    fetch(draft, "packages.fetch", moment, &comes, &["-y"], words);
    draft.steps.extend(others);
}

/// A step that only fetches.
fn fetch(
    draft: &mut Draft,
    recipe: &str,
    moment: &str,
    names: &[String],
    options: &[&str],
    words: Vec<String>,
) {
    let what = recipe.trim_start_matches("packages.");
    let mark = format!("/var/cache/deskside/fetched-{moment}-{what}");
    let mut line = command(["apt-get", "install", "--download-only"], DEADLINE);
    line.argv.extend(options.iter().map(ToString::to_string));
    line.argv.extend(words);
    // What is there now needs no newer lists, and apt may refuse to fetch any before its sources are mended.
    let lists = (what == "fetch").then(refresh);
    let run = [
        Action::Run {
            command: line,
            undo: None,
        },
        Action::WriteFile {
            path: mark.clone(),
            contents: FileContents::Text("a plan fetched what it needs\n".into()),
            mode: 0o644,
        },
    ];
    let actions = lists.into_iter().chain(run).collect();
    if let Some(step) = draft.step(
        recipe,
        &[("count", &counted(names))],
        vec![Check::Exists { path: mark }],
        actions,
    ) {
        step.download_bytes = None;
    }
}

/// What a step brings.
fn installs(step: &Step) -> Vec<String> {
    step.actions
        .iter()
        .flat_map(|action| match action {
            Action::Packages { install, .. } => install.clone(),
            _ => Vec::new(),
        })
        .collect()
}

/// What a step takes away.
fn removes(step: &Step) -> Vec<String> {
    step.actions
        .iter()
        .flat_map(|action| match action {
            Action::Packages { remove, .. } => remove.clone(),
            _ => Vec::new(),
        })
        .collect()
}
