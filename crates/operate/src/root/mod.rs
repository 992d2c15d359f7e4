//! Who carries out the steps that need root.
//!
//! The person's process makes the plan, holds the journal and goes from step to step. What needs root is handed over an
//! action at a time, by its place in a plan that was handed over whole before, so that nothing else can be asked for.
//! What root keeps for the way back (old files, what was installed) lies in root's own folder.

mod allow;
mod channel;
mod direct;
mod ledger;
mod mends;
mod message;
pub mod restart;
mod risk;
mod rules;
mod serve;

pub use allow::{require, require_file};
pub use channel::{Channel, ROOT_COMMAND};
pub use direct::Direct;
pub use risk::{risk, weigh};
pub use rules::{Fetched, Rules, Whole};
pub use serve::Server;

use crate::OperationId;
use deskside_machine::Progress;
use deskside_types::Result;
use deskside_types::plan::{Action, Plan, Step};
use serde_json::Value;

/// Root's own folder: what was there before, and what it was allowed to do.
pub const STATE: &str = "/var/lib/deskside";

/// An action's place: in which operation, which step, and the how manieth of it from 0.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The operation.
    pub operation: &'a OperationId,
    /// The step's id.
    pub step: &'a str,
    /// The action's place in the step.
    pub action: usize,
}

impl Place<'_> {
    /// The name under which old files of the action are kept.
    pub fn name(&self) -> String {
        format!("{}-{}", self.step, self.action)
    }
}

/// Carries out what needs root.
pub trait Root {
    /// Asks for root where it must be asked for, and hands over what is going to be done. Called once, before anything
    /// else.
    ///
    /// # Errors
    /// When root is not given, or the plan holds what root does not do.
    fn begin(&self, operation: &OperationId, plan: &Plan) -> Result<()>;

    /// As [`Root::begin`], for taking an operation back. Called before its first action is.
    ///
    /// # Errors
    /// When root is not given, or somebody else is changing the machine as root.
    fn begin_undo(&self, operation: &OperationId) -> Result<()>;

    /// Gathers what taking the action back will need. What is returned is journalled.
    ///
    /// # Errors
    /// When it can't be told; then the action is not carried out.
    fn prepare(&self, place: Place<'_>, action: &Action) -> Result<Value>;

    /// Carries the action out. Returns what taking it back needs and is known only now.
    ///
    /// # Errors
    /// When it fails; repeating it must then be possible.
    fn perform(
        &self,
        place: Place<'_>,
        action: &Action,
        before: &Value,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Value>;

    /// Takes the action back. Answers what was left as it is, in words.
    ///
    /// # Errors
    /// When it can't be taken back and trying again may help.
    fn revert(
        &self,
        place: Place<'_>,
        action: &Action,
        before: &Value,
        after: &Value,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Option<String>>;
}

/// Whether an action of a step is root's.
pub fn is_roots(step: &Step, action: &Action) -> bool {
    !matches!(action, Action::AskPerson { .. } | Action::Env { .. })
        && (step.root || action.needs_root())
}
