//! How much can go wrong, by what a plan does and not by what it says: a plan that was edited to say less is asked for as
//! what it is.

use super::{Rules, is_roots};
use deskside_machine::{Machine, Reading};
use deskside_types::plan::{Action, Plan, Risk};
use std::collections::BTreeSet;

/// Raises the risk of each step to what its actions come to. What a step says beyond that stays.
pub fn weigh(machine: &dyn Machine, plan: &mut Plan, rules: &Rules) {
    let release = machine
        .text("/proc/sys/kernel/osrelease")
        .unwrap_or_default();
    let scale = Scale {
        rules,
        coming: coming(plan, rules),
        // In WSL the driver is Windows', and stays.
        guest: release.to_ascii_lowercase().contains("microsoft"),
        release: release.trim().to_string(),
    };
    for step in &mut plan.steps {
        let weights = step
            .actions
            .iter()
            .filter(|action| is_roots(step, action))
            .map(|action| scale.weight(action));
        step.risk = weights.fold(step.risk, Risk::max);
    }
}

/// The greatest risk of a plan, by what it says and by what it does.
pub fn risk(machine: &dyn Machine, plan: &Plan, rules: &Rules) -> Risk {
    let mut plan = plan.clone();
    weigh(machine, &mut plan, rules);
    let risks = plan.steps.iter().map(|step| step.risk);
    risks.max().unwrap_or(Risk::Low)
}

struct Scale<'a> {
    rules: &'a Rules,
    /// Families of which something comes.
    coming: BTreeSet<&'static str>,
    guest: bool,
    /// The running kernel's.
    release: String,
}

impl Scale<'_> {
    fn weight(&self, action: &Action) -> Risk {
        match action {
            Action::Packages { install, remove } => {
                let other_versions = install.iter().any(|name| name.contains('='));
                let floor = if other_versions {
                    Risk::Severe
                } else {
                    Risk::Low
                };
                remove
                    .iter()
                    .fold(floor, |risk, name| risk.max(self.removal(name)))
            }
            Action::Run { command, .. } => match command.argv.first().map(String::as_str) {
                Some(program) if program.ends_with("nvidia-uninstall") => Risk::Severe,
                Some("dpkg") => Risk::Moderate,
                _ => Risk::Low,
            },
            Action::Remove { path } if path == super::allow::HELD => Risk::Low,
            Action::Remove { path } if of_archives(path) => Risk::Moderate,
            Action::Remove { .. } => Risk::Severe,
            Action::WriteFile { path, .. } if path.starts_with(super::allow::REMOVED) => {
                Risk::Severe
            }
            // Without the line that forbids it, the kernel's own driver takes the screen.
            Action::EditFile { old, .. } if old.contains("nouveau") => Risk::Severe,
            Action::EditFile { path, .. }
                if of_archives(path) || path.starts_with("/etc/modprobe.d/") =>
            {
                Risk::Moderate
            }
            Action::WriteFile { .. } | Action::EditFile { .. } | Action::Group { .. } => Risk::Low,
            Action::AptSource { .. }
            | Action::Key { .. }
            | Action::Download { .. }
            | Action::Reboot => Risk::Moderate,
            _ => Risk::Severe,
        }
    }

    /// A package that goes: something else of its family comes, or it leaves a hole.
    fn removal(&self, name: &str) -> Risk {
        let bare = bare(name);
        let family = (self.rules.kind)(bare).map(family);
        match family {
            Some(family) if self.coming.contains(family) || self.guest => Risk::Moderate,
            Some(_) => Risk::Severe,
            None if is_kernel(bare) && !bare.ends_with(&self.release) => Risk::Moderate,
            None => Risk::Severe,
        }
    }
}

fn coming(plan: &Plan, rules: &Rules) -> BTreeSet<&'static str> {
    plan.steps
        .iter()
        .flat_map(|step| &step.actions)
        .flat_map(|action| match action {
            Action::Packages { install, .. } => install.as_slice(),
            _ => &[],
        })
        .filter_map(|name| (rules.kind)(bare(name)))
        .map(family)
        .collect()
}

/// The name without version and architecture.
fn bare(name: &str) -> &str {
    name.split(['=', ':']).next().unwrap_or(name)
}

fn family(kind: &'static str) -> &'static str {
    kind.split('-').next().unwrap_or(kind)
}

/// A package of one kernel: it bears its release.
fn is_kernel(name: &str) -> bool {
    name.starts_with("linux-")
        && name.split('-').any(|word| {
            word.split('.').count() >= 3 && word.starts_with(|one: char| one.is_ascii_digit())
        })
}

fn of_archives(path: &str) -> bool {
    path.starts_with("/etc/apt/") || path.starts_with("/usr/share/keyrings/")
}
