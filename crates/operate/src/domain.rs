//! What only a domain knows how to do, injected.

use deskside_machine::{Machine, Progress};
use deskside_types::plan::EnvironmentAction;
use deskside_types::{Code, Problem, Result};
use serde_json::Value;
use std::path::Path;

/// Carries out the actions that a domain crate owns, and hands over the files the program carries.
pub trait Domain {
    /// Whether the action's outcome is there already. Looks only, and quickly.
    ///
    /// # Errors
    /// When it can't be told.
    fn holds(&self, machine: &dyn Machine, action: &EnvironmentAction) -> Result<bool>;

    /// What taking the action back will need, gathered before it is carried out: it is journalled first, so that
    /// an action that was cut off can be taken back. Changes nothing.
    ///
    /// # Errors
    /// When it can't be told; then the action is not carried out.
    fn prepare(&self, machine: &dyn Machine, action: &EnvironmentAction) -> Result<Value>;

    /// Carries the action out; returns what taking it back will need and is known only afterwards.
    /// `before` is what [`Domain::prepare`] returned.
    ///
    /// # Errors
    /// When it fails; repeating it must then be possible.
    fn perform(
        &self,
        machine: &dyn Machine,
        action: &EnvironmentAction,
        before: &Value,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Value>;

    /// Takes the action back, and answers what was left as it is, in words. `before` is what [`Domain::prepare`]
    /// returned, `after` what [`Domain::perform`] returned, or null when it failed or was cut off.
    ///
    /// # Errors
    /// When it can't be taken back and trying again may help.
    fn undo(
        &self,
        machine: &dyn Machine,
        action: &EnvironmentAction,
        before: &Value,
        after: &Value,
    ) -> Result<Option<String>>;

    /// Whether taking `other` back, which follows, takes `action` back with it. `before` is what
    /// [`Domain::prepare`] returned for `other`.
    ///
    /// # Errors
    /// When it can't be told.
    fn goes_with(
        &self,
        machine: &dyn Machine,
        action: &EnvironmentAction,
        other: &EnvironmentAction,
        before: &Value,
    ) -> Result<bool> {
        let _ = (machine, action, other, before);
        Ok(false)
    }

    /// Whether a file of a person's that is removed is moved aside however small it is: where it lies it is listed, and its
    /// room can be had. Other small files are kept with the journal.
    fn is_moved(&self, path: &Path) -> bool {
        let _ = path;
        false
    }

    /// A file that the program carries, by its name in the plan.
    fn embedded(&self, name: &str) -> Option<Vec<u8>>;

    /// The address that is really fetched: a plan holds addresses without credentials.
    fn address(&self, machine: &dyn Machine, url: &str) -> String {
        let _ = machine;
        url.to_string()
    }
}

/// For plans that touch no domain.
pub struct NoDomain;

impl Domain for NoDomain {
    fn holds(&self, _: &dyn Machine, _: &EnvironmentAction) -> Result<bool> {
        Err(refused())
    }

    fn prepare(&self, _: &dyn Machine, _: &EnvironmentAction) -> Result<Value> {
        Err(refused())
    }

    fn perform(
        &self,
        _: &dyn Machine,
        _: &EnvironmentAction,
        _: &Value,
        _: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Value> {
        Err(refused())
    }

    fn undo(
        &self,
        _: &dyn Machine,
        _: &EnvironmentAction,
        _: &Value,
        _: &Value,
    ) -> Result<Option<String>> {
        Err(refused())
    }

    fn embedded(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
}

fn refused() -> Problem {
    Problem::new(
        Code::Bug,
        "the plan changes an environment, but nothing that can do so was handed over",
    )
}
