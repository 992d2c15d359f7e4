//! What is there now, as the planner asks for it.

use crate::names::is_package;
use crate::wish::Wish;
use deskside_knowledge::platforms::{Platform, package_kind, platforms};
use deskside_types::facts::{
    Gpu, Package, PackageSource, PackageState, Packages, SecureBoot, Vendor,
};
use deskside_types::{Facts, Known};

/// A machine with a platform and a list of packages.
pub(crate) struct Present<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) packages: &'a Packages,
    pub(crate) platform: &'a Platform,
    pub(crate) wish: &'a Wish,
    /// The driver's branch that was there before this plan took it away.
    pub(crate) was: Option<String>,
}

/// The platform of a machine.
pub(crate) fn platform(facts: &Facts) -> Option<&'static Platform> {
    let value = serde_json::to_value(facts).ok()?;
    platforms()
        .iter()
        .find(|platform| platform.when.evaluate(&value).holds())
}

/// The cards of a maker.
pub(crate) fn cards(facts: &Facts, vendor: Vendor) -> Vec<&Gpu> {
    facts
        .known_gpus()
        .iter()
        .filter(|gpu| gpu.vendor == vendor)
        .collect()
}

/// A card's name for people.
pub(crate) fn card_name(gpu: &Gpu) -> String {
    gpu.name.value().cloned().unwrap_or_else(|| {
        gpu.pci.as_ref().map_or_else(
            || "a card without a name".into(),
            |pci| format!("card {}:{}", pci.vendor_id, pci.device_id),
        )
    })
}

impl Present<'_> {
    /// Packages of a kind that dpkg has files of, in any state but removed.
    pub(crate) fn of_kind(&self, kinds: &[&str]) -> Vec<&Package> {
        self.packages
            .installed
            .value()
            .into_iter()
            .flatten()
            .filter(|package| {
                package.state != PackageState::ConfigFiles
                    && is_package(&package.name)
                    && package_kind(&package.name).is_some_and(|kind| kinds.contains(&kind))
            })
            .collect()
    }

    /// Names of packages of some kinds that were removed and whose settings are still there.
    pub(crate) fn settings_of_kind(&self, kinds: &[&str]) -> Vec<String> {
        self.packages
            .installed
            .value()
            .into_iter()
            .flatten()
            .filter(|package| {
                package.state == PackageState::ConfigFiles
                    && is_package(&package.name)
                    && package_kind(&package.name).is_some_and(|kind| kinds.contains(&kind))
            })
            .map(|package| package.name.clone())
            .collect()
    }

    /// The driver's packages, modules included.
    pub(crate) fn driver_packages(&self) -> Vec<&Package> {
        self.of_kind(&["nvidia-driver", "nvidia-modules"])
    }

    /// All of these are installed in full.
    pub(crate) fn has_all(&self, names: &[String]) -> bool {
        !names.is_empty() && names.iter().all(|name| self.packages.has(name))
    }

    /// Sources that are switched on.
    pub(crate) fn sources(&self) -> Vec<&PackageSource> {
        self.packages
            .sources
            .value()
            .into_iter()
            .flatten()
            .filter(|source| source.enabled)
            .collect()
    }

    pub(crate) fn secure_boot(&self) -> bool {
        self.facts.system.secure_boot.value() == Some(&SecureBoot::On)
    }

    /// `uname -m` in dpkg's words.
    pub(crate) fn dpkg_architecture(&self) -> &'static str {
        match self.facts.system.architecture.value().map(String::as_str) {
            Some("aarch64") => "arm64",
            _ => "amd64",
        }
    }

    /// The driver is loaded, agrees with its library and answers.
    pub(crate) fn driver_answers(&self) -> bool {
        let driver = &self.facts.drivers.nvidia;
        match (driver.loaded.value(), driver.user_space.value()) {
            (Some(loaded), Some(user_space)) => {
                loaded == user_space
                    && driver
                        .device_library
                        .value()
                        .is_some_and(|said| said == "ok")
            }
            _ => false,
        }
    }

    /// Releases of kernels that may be booted next: the newest first, then the running one.
    pub(crate) fn kernels(&self) -> Vec<String> {
        let mut releases: Vec<String> = self
            .packages
            .kernels
            .value()
            .and_then(|kernels| kernels.last())
            .map(|kernel| kernel.release.clone())
            .into_iter()
            .collect();
        if releases.is_empty()
            && let Known::Value(newer) = &self.facts.system.newer_kernel
        {
            releases.push(newer.clone());
        }
        if let Known::Value(running) = &self.facts.system.kernel
            && !releases.contains(running)
        {
            releases.push(running.clone());
        }
        // A release becomes part of packages' names.
        releases.retain(|release| is_package(release));
        releases
    }
}
