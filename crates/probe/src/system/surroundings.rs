//! What the system runs in: WSL, a container, a hosted service, which model of machine.

use crate::look::{exists, is_there, text};
use deskside_knowledge::hosts::provider_marks;
use deskside_machine::{Machine, Reading};
use deskside_types::Known;
use deskside_types::facts::{Provider, Wsl};

/// The version of WSL by the kernel's release; absent on other systems.
///
/// WSL 2 kernels say `microsoft-standard` or `WSL2`; WSL 1 says `-Microsoft`.
pub(crate) fn wsl_version(release: &str) -> Option<u8> {
    let lower = release.to_lowercase();
    if lower.contains("wsl2") || lower.contains("microsoft-standard") {
        Some(2)
    } else if lower.contains("microsoft") {
        Some(1)
    } else {
        None
    }
}

/// WSL, with its way to the GPU.
pub(crate) fn wsl(machine: &dyn Machine, kernel: &Known<String>) -> Known<Wsl> {
    kernel
        .as_ref()
        .and_then(|release| match wsl_version(release) {
            Some(version) => Known::Value(Wsl {
                version,
                gpu_device: exists(machine, "/dev/dxg"),
                cuda_library: exists(machine, "/usr/lib/wsl/lib/libcuda.so.1"),
            }),
            None => Known::Absent,
        })
}

/// The container's kind; absent outside one.
pub(crate) fn container(machine: &dyn Machine) -> Known<String> {
    // systemd's own note first: it is the most exact (systemd.io/CONTAINER_INTERFACE).
    if let Known::Value(kind) = text(machine, "/run/systemd/container")
        && !kind.is_empty()
        && kind != "wsl"
    {
        return Known::Value(kind);
    }
    if is_there(machine, "/run/.containerenv") {
        return Known::Value("podman".into());
    }
    if machine.variable("KUBERNETES_SERVICE_HOST").is_some() {
        return Known::Value("kubernetes".into());
    }
    match exists(machine, "/.dockerenv") {
        Known::Value(true) => return Known::Value("docker".into()),
        Known::Unknown { unknown } => return Known::unknown(unknown),
        _ => {}
    }
    if let Some(kind) = machine
        .variable("container")
        .filter(|kind| !kind.is_empty())
    {
        return Known::Value(kind);
    }
    if let Known::Value(environment) = text(machine, "/proc/1/environ")
        && let Some(kind) = environment
            .split('\0')
            .find_map(|entry| entry.strip_prefix("container="))
        && !kind.is_empty()
    {
        return Known::Value(kind.to_string());
    }
    match text(machine, "/proc/1/cgroup") {
        Known::Value(groups) => container_of_cgroups(&groups).map(str::to_string).into(),
        _ => Known::Absent,
    }
}

fn container_of_cgroups(groups: &str) -> Option<&'static str> {
    let kinds = [
        ("kubepods", "kubernetes"),
        ("libpod", "podman"),
        ("docker", "docker"),
        ("containerd", "containerd"),
        ("lxc", "lxc"),
        ("machine.slice/machine-", "systemd-nspawn"),
    ];
    kinds
        .into_iter()
        .find(|(mark, _)| groups.contains(mark))
        .map(|(_, kind)| kind)
}

/// What DMI says of the machine, words without meaning left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Model {
    pub vendor: Option<String>,
    pub product: Option<String>,
    pub board_vendor: Option<String>,
    pub board: Option<String>,
    pub unreadable: Option<String>,
}

/// Reads DMI (SMBIOS through the kernel), or the device tree's model on boards.
pub(crate) fn model(machine: &dyn Machine) -> Model {
    let mut unreadable = None;
    let mut read = |path: &str| match text(machine, path) {
        Known::Value(value) => meaningful(&value),
        Known::Absent => None,
        Known::Unknown { unknown } => {
            unreadable = Some(unknown);
            None
        }
    };
    let vendor = read("/sys/class/dmi/id/sys_vendor");
    let product = read("/sys/class/dmi/id/product_name");
    let (board_vendor, board) = match product {
        Some(_) => (None, None),
        None => (
            read("/sys/class/dmi/id/board_vendor"),
            read("/sys/class/dmi/id/board_name"),
        ),
    };
    let product = match (&product, &board) {
        (None, None) => read("/proc/device-tree/model"),
        _ => product,
    };
    Model {
        vendor,
        product,
        board_vendor,
        board,
        unreadable,
    }
}

/// Board makers leave placeholders where a PC's maker would write its name.
fn meaningful(value: &str) -> Option<String> {
    let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
    let lower = value.to_lowercase();
    let placeholder = [
        "to be filled",
        "system product name",
        "system manufacturer",
        "default string",
        "not applicable",
        "not specified",
        "o.e.m.",
        "unknown",
    ]
    .iter()
    .any(|word| lower.contains(word));
    (!value.is_empty() && lower != "none" && !placeholder).then_some(value)
}

impl Model {
    /// Maker and model in a phrase, for example `ASUSTeK COMPUTER INC. ProArt X670E-CREATOR WIFI`.
    pub(crate) fn phrase(&self) -> Known<String> {
        let (maker, thing) = match (&self.product, &self.board) {
            (Some(product), _) => (&self.vendor, product),
            (None, Some(board)) => (
                if self.board_vendor.is_some() {
                    &self.board_vendor
                } else {
                    &self.vendor
                },
                board,
            ),
            (None, None) => match (&self.vendor, &self.unreadable) {
                (Some(vendor), _) => (&None, vendor),
                (None, Some(reason)) => return Known::unknown(reason),
                (None, None) => return Known::Absent,
            },
        };
        Known::Value(match maker {
            Some(maker) if !thing.starts_with(maker.as_str()) => format!("{maker} {thing}"),
            _ => thing.clone(),
        })
    }
}

/// The hosted service, by the first row of marks that fits.
pub(crate) fn provider(machine: &dyn Machine, model: &Model) -> Known<Provider> {
    let same = |wanted: &Option<String>, found: &Option<String>| {
        wanted
            .as_ref()
            .is_none_or(|wanted| Some(wanted) == found.as_ref())
    };
    let mark = provider_marks().iter().find(|mark| {
        same(&mark.vendor, &model.vendor)
            && same(&mark.product, &model.product)
            && mark
                .variable
                .as_ref()
                .is_none_or(|name| machine.variable(name).is_some())
            && mark
                .file
                .as_ref()
                .is_none_or(|path| is_there(machine, path))
    });
    mark.map(|mark| mark.provider).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wsl_is_known_by_its_kernel() {
        for (release, version) in [
            ("5.15.153.1-microsoft-standard-WSL2", Some(2)),
            ("6.6.87.2-custom-WSL2+", Some(2)),
            ("4.4.0-19041-Microsoft", Some(1)),
            ("6.8.0-45-generic", None),
            ("", None),
        ] {
            assert_eq!(wsl_version(release), version, "{release}");
        }
    }

    #[test]
    fn containers_are_known_by_the_groups_of_their_first_process() {
        for (groups, kind) in [
            ("0::/docker/0123", Some("docker")),
            (
                "12:cpu:/kubepods/besteffort/pod1/docker-2",
                Some("kubernetes"),
            ),
            ("0::/machine.slice/libpod-1.scope", Some("podman")),
            ("0::/init.scope", None),
            ("", None),
        ] {
            assert_eq!(container_of_cgroups(groups), kind, "{groups}");
        }
    }

    #[test]
    fn placeholders_are_no_model() {
        let some = |text: &str| Some(text.to_string());
        for (vendor, product, board_vendor, board, phrase) in [
            (
                some("Dell Inc."),
                some("Precision 7960"),
                None,
                None,
                "Dell Inc. Precision 7960",
            ),
            (
                meaningful("System manufacturer"),
                meaningful("System Product Name"),
                some("ASUSTeK COMPUTER INC."),
                some("PRIME X570-P"),
                "ASUSTeK COMPUTER INC. PRIME X570-P",
            ),
            (
                some("NVIDIA"),
                some("NVIDIA DGX Spark"),
                None,
                None,
                "NVIDIA DGX Spark",
            ),
        ] {
            let model = Model {
                vendor,
                product,
                board_vendor,
                board,
                unreadable: None,
            };
            assert_eq!(model.phrase(), Known::Value(phrase.to_string()));
        }
        assert_eq!(Model::default().phrase(), Known::Absent);
        for nothing in ["", "  ", "To Be Filled By O.E.M.", "Default string", "None"] {
            assert_eq!(meaningful(nothing), None, "{nothing}");
        }
    }
}
