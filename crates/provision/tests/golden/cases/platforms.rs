//! Other platforms.

use super::super::machine::*;
use super::*;

pub fn pop(table: &mut Table) {
    let pop = |version: &str, card: &str| machine("pop", version, card, false);
    table.plain("pop", "22.04, Ada, bare", pop("22.04", ADA), |_| {});
    table.plain("pop", "24.04, Pascal, bare", pop("24.04", PASCAL), |_| {});
    table.plain(
        "pop",
        "24.04, Blackwell, bare",
        pop("24.04", BLACKWELL),
        |_| {},
    );
    table.plain(
        "pop",
        "22.04, Ampere, healthy 580-open",
        pop("22.04", "2206"),
        |facts| {
            add(facts, &["system76-driver-nvidia 20.04.100"]);
            driver(facts, "580-open", "580.119.02-1pop0~1765~22.04~abcdef0");
            answers(facts, "580.119.02");
        },
    );
    table.plain(
        "pop",
        "22.04, Ada, NVIDIA's driver against the pin",
        pop("22.04", ADA),
        |facts| {
            keyring(facts, "ubuntu2204");
            let Known::Value(pins) = &mut packages(facts).pins else {
                panic!()
            };
            pins.push(Pin {
                file: "/etc/apt/preferences.d/pop-default-settings".into(),
                packages: "*".into(),
                pin: "release o=LP-PPA-system76-dev-stable".into(),
                priority: 1001,
            });
            add(
                facts,
                &[
                    "nvidia-open 570.133.20-0ubuntu1",
                    "nvidia-dkms-570-open 570.133.20-0ubuntu1",
                    "libnvidia-compute-560 560.35.03-1pop0~1727~22.04~abcdef0",
                ],
            );
        },
    );
    table.wish(
        "pop",
        "22.04, Ada, healthy, cuda=13.0",
        &["cuda=13.0"],
        pop("22.04", ADA),
        |facts| {
            add(facts, &["system76-driver-nvidia 20.04.100"]);
            driver(facts, "580-open", "580.119.02-1pop0~1765~22.04~abcdef0");
            answers(facts, "580.119.02");
        },
    );
}

pub fn debian(table: &mut Table) {
    for (version, card, name) in [
        ("12", ADA, "Ada"),
        ("12", PASCAL, "Pascal"),
        ("12", KEPLER, "Kepler"),
        ("13", ADA, "Ada"),
        ("13", PASCAL, "Pascal"),
    ] {
        table.plain(
            "debian",
            &format!("{version}, {name}, bare, Secure Boot off"),
            machine("debian", version, card, false),
            |_| {},
        );
    }
    table.plain(
        "debian",
        "12, Ada, bare, Secure Boot on",
        machine("debian", "12", ADA, true),
        |_| {},
    );
    table.plain(
        "debian",
        "12, Ada, Debian's own 535, working",
        machine("debian", "12", ADA, false),
        |facts| {
            add(
                facts,
                &[
                    "nvidia-driver 535.261.03-1~deb12u1",
                    "nvidia-kernel-dkms 535.261.03-1~deb12u1",
                    "libcuda1 535.261.03-1~deb12u1",
                    "nvidia-smi 535.261.03-1~deb12u1",
                ],
            );
            answers(facts, "535.261.03");
        },
    );
    table.plain(
        "debian",
        "12, Ada, healthy from NVIDIA's archive",
        machine("debian", "12", ADA, false),
        |facts| {
            keyring(facts, "debian12");
            add(
                facts,
                &[
                    "nvidia-driver-pinning-580 580-1",
                    "nvidia-open 580.95.05-1",
                    "libcuda1 580.95.05-1",
                    "linux-headers-amd64 6.1.176-1",
                ],
            );
            answers(facts, "580.95.05");
        },
    );
    table.plain(
        "debian",
        "13, Pascal, bare, non-free is off",
        machine("debian", "13", PASCAL, false),
        |facts| {
            packages(facts).sources = Known::Value(vec![]);
            source(
                facts,
                "/etc/apt/sources.list",
                "deb http://deb.example/debian trixie main non-free-firmware",
            );
        },
    );
    table.wish(
        "debian",
        "13, Ada, healthy, cuda=13.0",
        &["cuda=13.0"],
        machine("debian", "13", ADA, false),
        |facts| {
            keyring(facts, "debian13");
            add(
                facts,
                &[
                    "nvidia-driver-pinning-595 595-1",
                    "nvidia-open 595.45.04-1",
                    "libcuda1 595.45.04-1",
                    "linux-headers-amd64 6.12.107-1",
                ],
            );
            answers(facts, "595.45.04");
        },
    );
}

pub fn amd(table: &mut Table) {
    table.plain(
        "amd",
        "Ubuntu 22.04, in no group",
        ubuntu("22.04", "amd", true),
        |_| {},
    );
    table.plain(
        "amd",
        "Ubuntu 24.04, in both groups, old login",
        ubuntu("24.04", "amd", true),
        |facts| {
            packages(facts).account_groups = Known::Value(vec!["render".into(), "video".into()]);
        },
    );
    table.plain(
        "amd",
        "Ubuntu 26.04, ready",
        ubuntu("26.04", "amd", true),
        |facts| {
            facts.drivers.amd.compute_access = Known::Value(true);
        },
    );
    for (os, version) in [("ubuntu", "22.04"), ("ubuntu", "26.04"), ("debian", "13")] {
        table.wish(
            "amd",
            &format!("{os} {version}, ready, rocm wished"),
            &["rocm"],
            machine(os, version, "amd", true),
            |facts| {
                facts.drivers.amd.compute_access = Known::Value(true);
            },
        );
    }
    table.plain(
        "amd",
        "Debian 12, amdgpu not loaded, no firmware",
        machine("debian", "12", "amd", false),
        |facts| {
            facts.drivers.amd.loaded = Known::Value(false);
            facts.drivers.amd.compute_access = Known::Absent;
            facts.drivers.amd.compute_device = Known::Value(false);
        },
    );
    table.plain(
        "amd",
        "Ubuntu 24.04, Radeon and GeForce",
        ubuntu("24.04", "2684 amd", true),
        |_| {},
    );
}

pub fn others(table: &mut Table) {
    let wsl = |library: bool| {
        let mut facts = machine("ubuntu", "24.04", "", false);
        facts.system.wsl = Known::Value(Wsl {
            version: 2,
            gpu_device: Known::Value(true),
            cuda_library: Known::Value(library),
        });
        facts
    };
    table.plain("other", "WSL 2, ready", wsl(true), |_| {});
    table.plain(
        "other",
        "WSL 2, a Linux driver inside",
        wsl(true),
        |facts| driver(facts, "535", "535.309.01-0ubuntu0.24.04.1"),
    );
    table.wish(
        "other",
        "WSL 2, no library of Windows', cuda=13.0",
        &["cuda=13.0"],
        wsl(false),
        |_| {},
    );
    let mac = || {
        let mut facts = machine("macos", "15.6", "", false);
        facts.system.kind = OsKind::MacOs;
        facts.system.architecture = Known::Value("arm64".into());
        facts.packages = Known::Absent;
        facts
    };
    table.plain("other", "Mac without developer tools", mac(), |_| {});
    table.plain("other", "Mac, translated terminal", mac(), |facts| {
        facts.system.translated = Known::Value(true);
        facts.toolkits = Known::Value(vec![Toolkit {
            kind: ToolkitKind::Xcode,
            version: Known::Absent,
            path: "/Library/Developer/CommandLineTools".into(),
            default: true,
        }]);
    });
    table.wish(
        "other",
        "Mac, 48 GB for Metal",
        &["wired=49152"],
        mac(),
        |_| {},
    );
    table.wish(
        "other",
        "Mac, more than it has, and CUDA",
        &["wired=65536", "cuda=13.0"],
        mac(),
        |_| {},
    );
    table.plain(
        "other",
        "Debian 12, processor only",
        machine("debian", "12", "", false),
        |_| {},
    );
    table.plain(
        "other",
        "Ubuntu 24.04, Intel graphics only",
        ubuntu("24.04", "intel", true),
        |_| {},
    );
    table.plain(
        "other",
        "a container on an H100",
        ubuntu("22.04", HOPPER, false),
        |facts| {
            facts.system.container = Known::Value("docker".into());
        },
    );
    table.plain(
        "other",
        "Fedora 43, Ada",
        machine("fedora", "43", ADA, false),
        |facts| facts.packages = Known::Absent,
    );
    table.plain(
        "other",
        "Arch, no card",
        machine("arch", "", "", false),
        |facts| facts.packages = Known::Absent,
    );
}
