//! States that other recipes and accidents leave.

use super::super::machine::*;
use super::*;

/// States that other recipes and accidents leave.
pub fn broken(table: &mut Table) {
    table.plain(
        "broken",
        "22.04, Ada, the guide's old recipe, working",
        ubuntu("22.04", ADA, false),
        |facts| {
            guide(facts);
            answers(facts, "535.183.01");
        },
    );
    table.plain(
        "broken",
        "22.04, Ada, PPA 580, working",
        ubuntu("22.04", ADA, false),
        |facts| {
            ppa(facts);
            driver(facts, "580-open", "580.95.05-0ubuntu0~gpu22.04.1");
            dkms(facts, "580-open", "580.95.05-0ubuntu0~gpu22.04.1");
            answers(facts, "580.95.05");
        },
    );
    table.plain(
        "broken",
        "22.04, Ada, PPA newer than the archive",
        ubuntu("22.04", ADA, true),
        |facts| {
            ppa(facts);
            driver(facts, "580-open", "580.201.01-0ubuntu0~gpu22.04.1");
            answers(facts, "580.201.01");
        },
    );
    table.plain(
        "broken",
        "22.04, Ada, PPA as a line among others",
        ubuntu("22.04", ADA, true),
        |facts| {
            source(
                facts,
                "/etc/apt/sources.list",
                "deb http://ppa.launchpad.net/graphics-drivers/ppa/ubuntu jammy main",
            );
        },
    );
    table.plain(
        "broken",
        "22.04, Ada, .run file",
        ubuntu("22.04", ADA, false),
        |facts| {
            packages(facts).runfile = Known::Value(vec![
                "/usr/bin/nvidia-uninstall".into(),
                "/var/log/nvidia-installer.log".into(),
            ]);
            answers(facts, "550.54.14");
        },
    );
    table.plain(
        "broken",
        "22.04, Ada, .run file over the archive's driver",
        ubuntu("22.04", ADA, true),
        |facts| {
            packages(facts).runfile = Known::Value(vec!["/usr/bin/nvidia-uninstall".into()]);
            driver(facts, "580-open", "580.178.04-0ubuntu0.22.04.1");
            modules(facts, "580-open", "generic-hwe-22.04");
            answers(facts, "580.178.04");
        },
    );
    table.plain(
        "broken",
        "24.04, Ada, mixed: NVIDIA's metapackage over Ubuntu's libraries",
        ubuntu("24.04", ADA, true),
        |facts| {
            keyring(facts, "ubuntu2404");
            add(
                facts,
                &[
                    "nvidia-open 570.133.20-0ubuntu1",
                    "nvidia-dkms-570-open 570.133.20-0ubuntu1",
                    "libnvidia-compute-570 570.211.01-0ubuntu0.24.04.1",
                    "nvidia-utils-570 570.211.01-0ubuntu0.24.04.1",
                ],
            );
        },
    );
    table.plain(
        "broken",
        "24.04, Ada, mixed in one branch, NVIDIA's newer",
        ubuntu("24.04", ADA, true),
        |facts| {
            keyring(facts, "ubuntu2404");
            driver(facts, "580-open", "580.178.04-0ubuntu0.24.04.1");
            add(
                facts,
                &[
                    "nvidia-dkms-580-open 580.200.05-0ubuntu1",
                    "libnvidia-decode-580 580.200.05-0ubuntu1",
                ],
            );
        },
    );
    table.plain(
        "broken",
        "24.04, Ada, all from NVIDIA's archive, working: stays",
        ubuntu("24.04", ADA, false),
        |facts| {
            keyring(facts, "ubuntu2404");
            driver(facts, "580-open", "580.65.06-0ubuntu1");
            dkms(facts, "580-open", "580.65.06-0ubuntu1");
            answers(facts, "580.65.06");
        },
    );
    table.plain(
        "broken",
        "24.04, Ada, DKMS 535 half-configured after the kernel moved to 7.0",
        ubuntu("24.04", ADA, true),
        |facts| {
            driver(facts, "535", "535.309.01-0ubuntu0.24.04.1");
            add(
                facts,
                &[
                    "nvidia-dkms-535 535.309.01-0ubuntu0.24.04.1 half",
                    "linux-headers-7.0.0-43-generic 7.0.0-43.43 half",
                ],
            );
        },
    );
    table.plain(
        "broken",
        "22.04, Ada, dpkg interrupted",
        ubuntu("22.04", ADA, true),
        |facts| {
            packages(facts).interrupted = Known::Value(true);
        },
    );
    table.plain(
        "broken",
        "22.04, Ada, 535 removed and not purged",
        ubuntu("22.04", ADA, true),
        |facts| {
            add(
                facts,
                &[
                    "nvidia-driver-535 535.309.01-0ubuntu0.22.04.1 conf",
                    "libnvidia-compute-535 535.309.01-0ubuntu0.22.04.1 conf",
                ],
            );
        },
    );
    table.plain(
        "broken",
        "22.04, Ada, 535 held",
        ubuntu("22.04", ADA, true),
        |facts| {
            add(
                facts,
                &[
                    "nvidia-driver-535 535.309.01-0ubuntu0.22.04.1 held",
                    "libnvidia-compute-535 535.309.01-0ubuntu0.22.04.1 held",
                ],
            );
            answers(facts, "535.309.01");
        },
    );
    table.wish(
        "broken",
        "22.04, Ada, healthy, Signed-By conflict",
        &["cuda=13.0"],
        ubuntu("22.04", ADA, true),
        |facts| {
            driver(facts, "580-open", "580.178.04-0ubuntu0.22.04.1");
            modules(facts, "580-open", "generic-hwe-22.04");
            answers(facts, "580.178.04");
            keyring(facts, "ubuntu2204");
            source(
                facts,
                "/etc/apt/sources.list.d/cuda.list",
                &format!("deb [signed-by=/etc/apt/keyrings/other.gpg] {NVIDIA_2204} /"),
            );
        },
    );
    table.plain(
        "broken",
        "22.04, Ada, healthy, doubled source and old key",
        ubuntu("22.04", ADA, true),
        |facts| {
            driver(facts, "580-open", "580.178.04-0ubuntu0.22.04.1");
            modules(facts, "580-open", "generic-hwe-22.04");
            answers(facts, "580.178.04");
            keyring(facts, "ubuntu2204");
            add(facts, &["cuda-toolkit-12-8 12.8.1-1"]);
            source(
                facts,
                "/etc/apt/sources.list.d/cuda3.list",
                &format!("deb [signed-by={KEYRING}] {NVIDIA_2204} /"),
            );
            packages(facts).keyrings =
                Known::Value(vec!["/etc/apt/trusted.gpg.d/7fa2af80.gpg".into()]);
        },
    );
    table.plain(
        "broken",
        "22.04, Ada, source by hand without a key (NO_PUBKEY), toolkit there",
        ubuntu("22.04", ADA, true),
        |facts| {
            source(
                facts,
                "/etc/apt/sources.list.d/cuda.list",
                &format!("deb {NVIDIA_2204} /"),
            );
            add(facts, &["cuda-toolkit-12-8 12.8.1-1"]);
        },
    );
    table.plain(
        "broken",
        "22.04, Ada, /boot nearly full",
        ubuntu("22.04", ADA, true),
        |facts| {
            kernel(
                facts,
                &["6.8.0-79-generic", "6.8.0-90-generic", "6.8.0-149-generic"],
            );
            packages(facts).boot_free_bytes = Known::Value(60 << 20);
            add(
                facts,
                &[
                    "linux-image-6.8.0-79-generic 6.8.0-79.79",
                    "linux-modules-6.8.0-79-generic 6.8.0-79.79",
                    "linux-image-6.8.0-90-generic 6.8.0-90.90",
                    "linux-image-6.8.0-149-generic 6.8.0-149.149",
                ],
            );
        },
    );
    table.plain(
        "broken",
        "22.04, Ada, /boot full and nothing to remove",
        ubuntu("22.04", ADA, true),
        |facts| {
            packages(facts).boot_free_bytes = Known::Value(10 << 20);
        },
    );
    table.plain(
        "broken",
        "22.04, Ada, clock of 1970, another package manager at work",
        ubuntu("22.04", ADA, true),
        |facts| {
            packages(facts).clock_behind = Known::Value(true);
            packages(facts).lock_holder = Known::Value(LockHolder {
                pid: 812,
                program: Known::Value("unattended-upgr".into()),
            });
        },
    );
    table.plain(
        "broken",
        "22.04, Ada, what is installed could not be seen",
        ubuntu("22.04", ADA, true),
        |facts| {
            facts.packages = Known::unknown("not recorded");
        },
    );
}
