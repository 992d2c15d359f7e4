//! What is taken away, and what is brought in order anew.

use super::super::machine::*;
use super::states::*;
use super::*;

type State = (&'static str, fn() -> Facts, &'static [&'static str]);

/// Every state with the wishes that are interesting there.
const STATES: &[State] = &[
    (
        "22.04, the guide's old recipe",
        guides,
        &[
            "clean=cuda",
            "clean=all",
            "reinstall=driver",
            "reinstall=cuda",
            "reinstall=all",
        ],
    ),
    (
        "22.04, .run files of driver and toolkit",
        run_files,
        &[
            "clean=driver",
            "clean=cuda",
            "clean=all",
            "reinstall=driver",
            "reinstall=cuda",
        ],
    ),
    (
        "22.04, .run file without its uninstaller",
        orphans,
        &["clean=driver", "reinstall=driver"],
    ),
    (
        "24.04, in order, with a toolkit",
        in_order,
        &[
            "clean=driver",
            "clean=cuda",
            "clean=all",
            "clean=rocm",
            "clean=mlx",
            "reinstall=driver",
            "reinstall=cuda",
        ],
    ),
    (
        "24.04, mixed archives, a package held",
        mixed,
        &["clean=driver", "clean=all", "reinstall=driver"],
    ),
    (
        "24.04, half-configured, with a toolkit",
        half_configured,
        &[
            "clean=driver",
            "clean=cuda",
            "clean=all",
            "reinstall=driver",
            "reinstall=cuda",
        ],
    ),
    (
        "22.04, open modules for Pascal",
        wrong_branch,
        &["clean=driver", "reinstall=driver"],
    ),
    (
        "22.04, NVIDIA's archive on the disk",
        local_archive,
        &["clean=cuda", "clean=all", "reinstall=driver"],
    ),
    (
        "Pop 22.04, in order",
        pop_in_order,
        &["clean=driver", "clean=all", "reinstall=driver"],
    ),
    (
        "Debian 12, NVIDIA's archive",
        debian_in_order,
        &[
            "clean=driver",
            "clean=cuda",
            "clean=all",
            "reinstall=driver",
        ],
    ),
    (
        "Debian 13, Debian's own",
        debian_13,
        &[
            "clean=driver",
            "clean=all",
            "reinstall=driver",
            "reinstall=cuda",
        ],
    ),
    (
        "WSL 2 with a toolkit",
        wsl,
        &[
            "clean=driver",
            "clean=cuda",
            "reinstall=driver",
            "reinstall=cuda",
        ],
    ),
    (
        "a Mac",
        mac,
        &["clean=mlx", "clean=driver", "clean=all", "reinstall=cuda"],
    ),
    (
        "24.04, AMD with ROCm",
        rocm,
        &[
            "clean=rocm",
            "clean=all",
            "reinstall=rocm",
            "reinstall=driver",
        ],
    ),
];

pub fn cleaning(table: &mut Table) {
    for (name, state, wishes) in STATES {
        for wish in *wishes {
            let group = if wish.starts_with("clean") {
                "clean-states"
            } else {
                "reinstall"
            };
            table.wish(group, &format!("{wish}, {name}"), &[wish], state(), |_| {});
        }
    }
    table.wish(
        "reinstall",
        "another branch, 24.04, in order",
        &["reinstall=driver", "driver=595-open"],
        in_order(),
        |_| {},
    );
    table.wish(
        "reinstall",
        "a branch that does not drive the card",
        &["reinstall=driver", "driver=595-open"],
        wrong_branch(),
        |_| {},
    );
    table.wish(
        "reinstall",
        "a toolkit too old for the machine's gcc",
        &["reinstall=cuda"],
        ubuntu("24.04", ADA, true),
        |facts| {
            packages(facts).cuda_folders = Known::Value(vec!["/usr/local/cuda-11.8".into()]);
        },
    );
    table.wish(
        "clean-states",
        "26.04, Ubuntu's own toolkit",
        &["clean=cuda"],
        healthy("26.04", ADA),
        |facts| add(facts, &["cuda-toolkit 13.1.1-0ubuntu1"]),
    );
    table.wish(
        "clean-states",
        "processor only",
        &["clean=all"],
        machine("debian", "12", "", false),
        |_| {},
    );
    // Groups stand together.
    table.0.sort_by_key(|case| match case.group {
        "clean-states" => 1,
        "reinstall" => 2,
        _ => 0,
    });
}

/// Upgrades that nobody asks for.
pub fn holding(table: &mut Table) {
    let unattended = |facts: &mut Facts, left_alone: &[&str], files: &[&str]| {
        add(facts, &["unattended-upgrades 2.8ubuntu1"]);
        let text = |one: &&str| one.to_string();
        packages(facts).unattended = Known::Value(UnattendedUpgrades {
            on: true,
            left_alone: left_alone.iter().map(text).collect(),
            files: files.iter().map(text).collect(),
        });
    };
    table.plain(
        "hold",
        "nothing holds them: a warning",
        healthy("22.04", ADA),
        |facts| {
            unattended(facts, &[], &[]);
        },
    );
    table.wish(
        "hold",
        "held, with prebuilt modules",
        &["hold-driver"],
        healthy("22.04", ADA),
        |facts| {
            unattended(
                facts,
                &["libc6$"],
                &["/etc/apt/apt.conf.d/50unattended-upgrades"],
            )
        },
    );
    table.wish(
        "hold",
        "held, modules built here",
        &["hold-driver"],
        ubuntu("22.04", ADA, false),
        |facts| {
            driver(facts, "580-open", "580.178.04-0ubuntu0.22.04.1");
            dkms(facts, "580-open", "580.178.04-0ubuntu0.22.04.1");
            answers(facts, "580.178.04");
            unattended(facts, &[], &[]);
        },
    );
    table.wish(
        "hold",
        "held already by a person's own pattern",
        &["hold-driver"],
        healthy("22.04", ADA),
        |facts| {
            unattended(
                facts,
                &["nvidia-", "libnvidia-", "linux-"],
                &["/etc/apt/apt.conf.d/51mine"],
            )
        },
    );
    table.wish(
        "hold",
        "on a bare machine",
        &["hold-driver"],
        ubuntu("22.04", ADA, true),
        |facts| unattended(facts, &[], &[]),
    );
    table.wish(
        "hold",
        "released",
        &["release-driver"],
        healthy("22.04", ADA),
        |facts| {
            unattended(
                facts,
                &["nvidia-driver-580-open$"],
                &["/etc/apt/apt.conf.d/52deskside-driver"],
            );
        },
    );
    table.wish(
        "hold",
        "released, nothing held",
        &["release-driver"],
        healthy("22.04", ADA),
        |_| {},
    );
}
