//! `env init`, `add`, `remove`, `lock`, `sync`: what changes a project's files.

use super::{change, hear};
use crate::cli::env::{Add, Change, Init, Lock, Remove, Sync};
use deskside_app::environment::add::{self, AddRequest};
use deskside_app::environment::init::{self, InitRequest};
use deskside_app::environment::lock::{self, LockRequest};
use deskside_app::environment::sync::{self, SyncRequest};
use deskside_app::{Context, Event, environment::Prepared};
use deskside_tui::{Meaning, Steps, Ui};
use deskside_types::Result;

/// `env init`.
pub fn init(ui: &Ui, context: &Context, arguments: Init) -> Result<u8> {
    let request = InitRequest {
        folder: arguments.folder,
        flavour: arguments.flavour,
        from: arguments.from,
        python: arguments.python,
        as_of: arguments.as_of,
        only_plan: arguments.plan,
    };
    let prepared = init::init(context, &request, &mut heard(ui, RESOLVING))?;
    change(ui, context, &prepared, arguments.plan, arguments.exit_code)
}

/// `env add`.
pub fn add(ui: &Ui, context: &Context, arguments: Add) -> Result<u8> {
    let how = arguments.change;
    let request = request(&how, arguments.requirements, arguments.group);
    let prepared = add::add(context, &request, &mut heard(ui, RESOLVING))?;
    finish(ui, context, &prepared, &how)
}

/// `env remove`.
pub fn remove(ui: &Ui, context: &Context, arguments: Remove) -> Result<u8> {
    let how = arguments.change;
    let request = request(&how, arguments.packages, arguments.group);
    let prepared = add::remove(context, &request, &mut heard(ui, RESOLVING))?;
    finish(ui, context, &prepared, &how)
}

/// `env lock`.
pub fn lock(ui: &Ui, context: &Context, arguments: Lock) -> Result<u8> {
    let request = LockRequest {
        project: arguments.change.project.clone(),
        upgrade: arguments.upgrade,
        upgrade_packages: arguments.upgrade_package,
        only_plan: arguments.change.plan,
    };
    let prepared = lock::lock(context, &request, &mut heard(ui, RESOLVING))?;
    finish(ui, context, &prepared, &arguments.change)
}

/// `env sync`.
pub fn sync(ui: &Ui, context: &Context, arguments: Sync) -> Result<u8> {
    let request = SyncRequest {
        project: arguments.change.project.clone(),
        extras: arguments.extra,
        groups: arguments.group,
        no_extras: arguments.no_extra,
        no_groups: arguments.no_group,
        only_plan: arguments.change.plan,
    };
    let prepared = sync::sync(
        context,
        &request,
        &mut heard(ui, "looking at the environment"),
    )?;
    finish(ui, context, &prepared, &arguments.change)
}

const RESOLVING: &str = "resolving the project's packages";

fn request(change: &Change, requirements: Vec<String>, group: Option<String>) -> AddRequest {
    AddRequest {
        project: change.project.clone(),
        requirements,
        group,
        only_plan: change.plan,
    }
}

fn finish(ui: &Ui, context: &Context, prepared: &Prepared, how: &Change) -> Result<u8> {
    change(ui, context, prepared, how.plan, how.exit_code)
}

/// What is heard while a change is prepared: resolving takes seconds, and uv may have to be fetched first.
fn heard<'a>(ui: &'a Ui, what: &str) -> impl FnMut(Event<'_>) + 'a {
    if !ui.json && ui.repaint {
        ui.talk(&ui.tint(what, Meaning::Quiet));
    }
    let mut steps = Steps::new(ui);
    move |event| hear(&mut steps, event)
}
