//! What plans need beside the mechanism: environments, and the files this program carries.

use deskside_machine::{Machine, Progress};
use deskside_operate::Domain;
use deskside_types::Result;
use deskside_types::plan::EnvironmentAction;
use serde_json::Value;
use std::path::Path;

/// Every domain there is.
pub struct Everything;

impl Domain for Everything {
    fn holds(&self, machine: &dyn Machine, action: &EnvironmentAction) -> Result<bool> {
        deskside_envs::holds(machine, action)
    }

    fn prepare(&self, machine: &dyn Machine, action: &EnvironmentAction) -> Result<Value> {
        deskside_envs::prepare(machine, action)
    }

    fn perform(
        &self,
        machine: &dyn Machine,
        action: &EnvironmentAction,
        before: &Value,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Value> {
        deskside_envs::perform(machine, action, before, watch)
    }

    fn undo(
        &self,
        machine: &dyn Machine,
        action: &EnvironmentAction,
        before: &Value,
        after: &Value,
    ) -> Result<Option<String>> {
        deskside_envs::undo(machine, action, before, after)
    }

    fn goes_with(
        &self,
        machine: &dyn Machine,
        action: &EnvironmentAction,
        other: &EnvironmentAction,
        before: &Value,
    ) -> Result<bool> {
        let creates = matches!(other, EnvironmentAction::Create { .. });
        let path = Path::new(other.path());
        Ok(creates
            && action.path() == other.path()
            && deskside_envs::is_made_by(machine, path, before))
    }

    fn is_moved(&self, path: &Path) -> bool {
        crate::space::is_checkpoint(path, false)
    }

    fn embedded(&self, name: &str) -> Option<Vec<u8>> {
        let wheel = deskside_track::module::wheel();
        (name == wheel.file_name).then_some(wheel.bytes)
    }

    fn address(&self, machine: &dyn Machine, url: &str) -> String {
        deskside_envs::index::settings::address(machine, url)
    }
}
