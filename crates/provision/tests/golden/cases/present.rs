//! Machines with a driver.

use super::super::machine::*;
use super::*;

/// A driver is there.
pub fn present(table: &mut Table) {
    let ubuntu_580 = "580.178.04-0ubuntu0.22.04.1";
    table.plain(
        "present",
        "22.04, Ada, healthy 580-open with prebuilt modules",
        ubuntu("22.04", ADA, true),
        |facts| {
            driver(facts, "580-open", ubuntu_580);
            modules(facts, "580-open", "generic-hwe-22.04");
            answers(facts, "580.178.04");
        },
    );
    table.plain(
        "present",
        "22.04, Ada, healthy 580 proprietary stays",
        ubuntu("22.04", ADA, true),
        |facts| {
            driver(facts, "580", ubuntu_580);
            modules(facts, "580", "generic-hwe-22.04");
            answers(facts, "580.178.04");
        },
    );
    table.plain(
        "present",
        "22.04, Ada, healthy 580-server stays",
        ubuntu("22.04", ADA, true),
        |facts| {
            driver(facts, "580-server", ubuntu_580);
            answers(facts, "580.178.04");
        },
    );
    table.plain(
        "present",
        "22.04, Ada, healthy 580-open by DKMS, Secure Boot off",
        ubuntu("22.04", ADA, false),
        |facts| {
            driver(facts, "580-open", ubuntu_580);
            dkms(facts, "580-open", ubuntu_580);
            answers(facts, "580.178.04");
        },
    );
    table.plain(
        "present",
        "22.04, Ada, healthy, no modules for the newest kernel",
        ubuntu("22.04", ADA, true),
        |facts| {
            driver(facts, "580-open", ubuntu_580);
            modules(facts, "580-open", "generic");
            answers(facts, "580.178.04");
        },
    );
    table.plain(
        "present",
        "22.04, Ada, 535 of the archive: too old for CUDA 13 wheels",
        ubuntu("22.04", ADA, true),
        |facts| {
            driver(facts, "535", "535.309.01-0ubuntu0.22.04.1");
            modules(facts, "535", "generic-hwe-22.04");
            answers(facts, "535.309.01");
        },
    );
    table.plain(
        "present",
        "24.04, Blackwell, 580 proprietary does not drive it",
        ubuntu("24.04", BLACKWELL, true),
        |facts| {
            driver(facts, "580", "580.178.04-0ubuntu0.24.04.1");
            modules(facts, "580", "generic-hwe-24.04");
            facts.drivers.nvidia.on_disk = Known::Value("580.178.04".into());
            facts.drivers.nvidia.user_space = Known::Value("580.178.04".into());
        },
    );
    table.plain(
        "present",
        "22.04, Pascal, 580-open does not drive it",
        ubuntu("22.04", PASCAL, true),
        |facts| {
            driver(facts, "580-open", ubuntu_580);
            modules(facts, "580-open", "generic-hwe-22.04");
        },
    );
    table.plain(
        "present",
        "22.04, Ada, installed and not loaded",
        ubuntu("22.04", ADA, true),
        |facts| {
            driver(facts, "580-open", ubuntu_580);
            modules(facts, "580-open", "generic-hwe-22.04");
            facts.drivers.nvidia.on_disk = Known::Value("580.178.04".into());
            facts.drivers.nvidia.user_space = Known::Value("580.178.04".into());
        },
    );
    table.plain(
        "present",
        "22.04, Ada, module and library differ",
        ubuntu("22.04", ADA, true),
        |facts| {
            driver(facts, "580-open", ubuntu_580);
            modules(facts, "580-open", "generic-hwe-22.04");
            answers(facts, "580.95.05");
            facts.drivers.nvidia.user_space = Known::Value("580.178.04".into());
            facts.drivers.nvidia.device_library = Known::Value("mismatch".into());
        },
    );
    table.plain(
        "present",
        "22.04, Ada, DKMS module refused under Secure Boot",
        ubuntu("22.04", ADA, true),
        |facts| {
            driver(facts, "580-open", ubuntu_580);
            dkms(facts, "580-open", ubuntu_580);
            facts.drivers.nvidia.on_disk = Known::Value("580.178.04".into());
            facts.drivers.nvidia.user_space = Known::Value("580.178.04".into());
        },
    );
    table.plain(
        "present",
        "22.04, Ada, nvidia is forbidden",
        ubuntu("22.04", ADA, true),
        |facts| {
            driver(facts, "580-open", ubuntu_580);
            modules(facts, "580-open", "generic-hwe-22.04");
            packages(facts).module_lines = Known::Value(vec![SettingLine {
                file: "/etc/modprobe.d/blacklist-nvidia.conf".into(),
                line: 1,
                text: "blacklist nvidia".into(),
                bound: false,
            }]);
        },
    );
    table.wish(
        "present",
        "22.04, Ada, upgrade wished",
        &["upgrade"],
        ubuntu("22.04", ADA, true),
        |facts| {
            driver(facts, "580-open", "580.95.05-0ubuntu0.22.04.2");
            modules(facts, "580-open", "generic-hwe-22.04");
            answers(facts, "580.95.05");
        },
    );
    table.wish(
        "present",
        "22.04, Ada, upgrade wished, already newest",
        &["upgrade"],
        ubuntu("22.04", ADA, true),
        |facts| {
            driver(facts, "580-open", ubuntu_580);
            modules(facts, "580-open", "generic-hwe-22.04");
            answers(facts, "580.178.04");
        },
    );
    table.wish(
        "present",
        "22.04, Ada, from 580 to 595 wished",
        &["driver=595-open"],
        ubuntu("22.04", ADA, true),
        |facts| {
            driver(facts, "580-open", ubuntu_580);
            modules(facts, "580-open", "generic-hwe-22.04");
            answers(facts, "580.178.04");
        },
    );
}
