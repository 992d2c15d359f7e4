//! A framework as it was at the time that a project's packages are from (`exclude-newer`).

use super::project::Project;
use deskside_envs::build::Flavour;
use deskside_envs::build::specifier::requirement;
use deskside_envs::manifest::Manifest;
use deskside_envs::manifest::resolve::{Scratch, newest_locked};
use deskside_machine::Progress;
use deskside_types::Result;

/// The newest version of that time within the bounds, as uv finds it on the index by days of upload; none where the
/// project's packages are of no certain time.
///
/// # Errors
/// When there was none then.
pub(super) fn newest(
    project: &Project<'_>,
    manifest: &Manifest,
    framework: Flavour,
    bounds: &str,
    python: Option<&str>,
) -> Result<Option<String>> {
    let word = framework.word();
    let Some(moment) = manifest.exclude_newer() else {
        return Ok(None);
    };
    let wanted = manifest
        .dependencies()
        .into_iter()
        .find(|line| bounds.is_empty() && requirement(line).is_some_and(|(name, _)| name == word))
        .unwrap_or_else(|| format!("{word}{bounds}"));
    let mut asked = Manifest::new("asked", manifest.requires_python().unwrap_or(">=3.8"));
    asked.add_dependency(&wanted);
    asked.set_exclude_newer(moment);
    let python = project.python(manifest, python, &mut Vec::new())?;
    let scratch = Scratch::make(
        &*project.context.machine,
        &project.context.directories.cache,
        &project.uv,
        &project.place.project,
        &asked,
    )?;
    let found = locked(&scratch, word, &python.request);
    scratch.remove();
    found
}

fn locked(scratch: &Scratch<'_>, word: &str, python: &str) -> Result<Option<String>> {
    scratch.forget_lock()?;
    let mut quiet = |_: Progress<'_>| {};
    let what = format!("find {word} as it was then");
    scratch.uv(&what, &["lock", "--python", python], &mut quiet)?;
    Ok(scratch
        .file("uv.lock")?
        .and_then(|text| newest_locked(&text, word)))
}
