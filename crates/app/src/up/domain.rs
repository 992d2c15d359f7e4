//! What plans need beside the mechanism: environments, and the files this program carries.

use deskside_machine::{Machine, Progress};
use deskside_operate::Domain;
use deskside_types::Result;
use deskside_types::plan::EnvironmentAction;
use serde_json::Value;

/// Every domain there is.
pub struct Everything;

impl Domain for Everything {
    fn holds(&self, machine: &dyn Machine, action: &EnvironmentAction) -> Result<bool> {
        deskside_envs::holds(machine, action)
    }

    fn perform(
        &self,
        machine: &dyn Machine,
        action: &EnvironmentAction,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Value> {
        deskside_envs::perform(machine, action, watch)
    }

    fn undo(
        &self,
        machine: &dyn Machine,
        action: &EnvironmentAction,
        memory: &Value,
    ) -> Result<()> {
        deskside_envs::undo(machine, action, memory)
    }

    fn embedded(&self, name: &str) -> Option<Vec<u8>> {
        let wheel = deskside_track::module::wheel();
        (name == wheel.file_name).then_some(wheel.bytes)
    }

    fn address(&self, machine: &dyn Machine, url: &str) -> String {
        deskside_envs::index::settings::address(machine, url)
    }
}
