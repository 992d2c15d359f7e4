//! Operating system, kernel, boot and surroundings of a Linux machine.

pub(crate) mod boot;
pub(crate) mod kernel;
pub(crate) mod libc;
pub(crate) mod person;
pub(crate) mod release;
pub(crate) mod surroundings;

use crate::look::{exists, names, text};
use crate::start::Start;
use deskside_machine::{Command, Machine, Reading};
use deskside_types::Known;
use deskside_types::facts::{OperatingSystem, OsKind, System};
use std::time::Duration;

/// The system part of a Linux machine's facts.
pub(crate) fn linux(machine: &dyn Machine, start: &Start) -> System {
    let architecture = architecture(machine, start);
    let virtual_boot = start.wsl.value().is_some();
    let boot = if virtual_boot {
        Known::Absent
    } else {
        boot::mode(
            machine,
            start.contained(),
            architecture.value().map(String::as_str),
        )
    };
    let model = surroundings::model(machine);
    let newer_kernel = if start.contained() || virtual_boot {
        Known::Absent
    } else {
        names(machine, "/boot").and_then(|names| kernel::newer(&names, &start.kernel))
    };
    System {
        kind: OsKind::Linux,
        os: os(machine),
        kernel: start.kernel.clone(),
        architecture,
        translated: Known::Absent,
        glibc: libc::version(machine),
        secure_boot: boot::secure_boot(machine, &boot),
        boot,
        wsl: start.wsl.clone(),
        container: start.container.clone(),
        provider: surroundings::provider(machine, &model),
        model: model.phrase(),
        session: person::session(machine),
        person: person::person(&start.person, &text(machine, "/etc/group")),
        reboot_required: exists(machine, "/run/reboot-required"),
        newer_kernel,
    }
}

fn os(machine: &dyn Machine) -> Known<OperatingSystem> {
    let first = text(machine, "/etc/os-release");
    let text = if first.is_absent() {
        text(machine, "/usr/lib/os-release")
    } else {
        first
    };
    text.and_then(|text| release::parse(&text))
}

/// `/proc/sys/kernel/arch` (Linux 6.1 and newer), else the processor's features, else `uname -m`.
fn architecture(machine: &dyn Machine, start: &Start) -> Known<String> {
    if let Known::Value(name) = text(machine, "/proc/sys/kernel/arch")
        && !name.is_empty()
    {
        return Known::Value(name);
    }
    if let Some(name) = start
        .cpuinfo
        .value()
        .and_then(|text| kernel::architecture_of_cpuinfo(text))
    {
        return Known::Value(name.to_string());
    }
    match machine.command(Command::new(["uname", "-m"]).deadline(Duration::from_secs(1))) {
        Ok(output) if output.succeeded() && !output.text().trim().is_empty() => {
            Known::Value(output.text().trim().to_string())
        }
        Ok(output) => Known::unknown(format!("uname -m failed with exit code {}", output.code)),
        Err(error) => Known::unknown(error.reason()),
    }
}
