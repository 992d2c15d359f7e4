//! `deskside env lock`: the lock file made anew from `pyproject.toml`.

use super::extra::ExtraWish;
use super::parts::PartsWish;
use super::project::{Project, Resolution};
use super::{Place, Prepared};
use crate::Context;
use deskside_operate::Event;
use deskside_types::Result;
use std::path::PathBuf;

/// How the lock is made.
#[derive(Debug, Clone, Default)]
pub struct LockRequest {
    /// The project's folder; the nearest one when none.
    pub project: Option<PathBuf>,
    /// Take the newest versions of all packages.
    pub upgrade: bool,
    /// Take the newest version of these.
    pub upgrade_packages: Vec<String>,
    /// Nothing is to be changed: only the plan is wanted.
    pub only_plan: bool,
}

/// Plans it. A lock that is damaged is made from nothing.
///
/// # Errors
/// When nothing satisfies all requirements together.
pub fn lock(
    context: &Context,
    request: &LockRequest,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<Prepared> {
    context.heeding(|context| locking(context, request, listen))
}

fn locking(
    context: &Context,
    request: &LockRequest,
    listen: &mut dyn FnMut(Event<'_>),
) -> Result<Prepared> {
    let place = Place::find(context, request.project.as_deref())?;
    let project = Project::open(context, place, request.only_plan, listen)?;
    let manifest = project.existing()?.clone();
    let mut words = vec!["lock".to_string()];
    if request.upgrade {
        words.push("--upgrade".into());
    }
    for name in &request.upgrade_packages {
        words.extend(["--upgrade-package".into(), name.clone()]);
    }
    let resolution = |forget_lock: bool, warnings: Vec<String>| Resolution {
        reason: "env lock".into(),
        wish: format!("lock {}", project.place.project.display()),
        manifest: manifest.clone(),
        commands: vec![("resolve the project's packages", words.clone())],
        forget_lock,
        extra: ExtraWish::Noted,
        python: None,
        parts: PartsWish::default(),
        files: Vec::new(),
        why: Vec::new(),
        warnings,
    };
    match project.prepare(resolution(false, Vec::new())) {
        Err(problem) if problem.code == deskside_types::Code::LockUnusable => project.prepare(
            resolution(
                true,
                vec!["the lock file can't be read any more: it is made from nothing, and versions may differ".into()],
            ),
        ),
        other => other,
    }
}
