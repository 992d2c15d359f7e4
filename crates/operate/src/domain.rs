//! What only a domain knows how to do, injected.

use deskside_machine::{Machine, Progress};
use deskside_types::plan::EnvironmentAction;
use deskside_types::{Code, Problem, Result};
use serde_json::Value;

/// Carries out the actions that a domain crate owns, and hands over the files the program carries.
pub trait Domain {
    /// Whether the action's outcome is there already. Looks only, and quickly.
    ///
    /// # Errors
    /// When it can't be told.
    fn holds(&self, machine: &dyn Machine, action: &EnvironmentAction) -> Result<bool>;

    /// Carries the action out; returns what taking it back will need.
    ///
    /// # Errors
    /// When it fails; repeating it must then be possible.
    fn perform(
        &self,
        machine: &dyn Machine,
        action: &EnvironmentAction,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Value>;

    /// Takes the action back. `memory` is what [`Domain::perform`] returned, or null when it was cut off.
    ///
    /// # Errors
    /// When it can't be taken back.
    fn undo(&self, machine: &dyn Machine, action: &EnvironmentAction, memory: &Value)
    -> Result<()>;

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

    fn perform(
        &self,
        _: &dyn Machine,
        _: &EnvironmentAction,
        _: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Value> {
        Err(refused())
    }

    fn undo(&self, _: &dyn Machine, _: &EnvironmentAction, _: &Value) -> Result<()> {
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
