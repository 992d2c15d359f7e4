//! Toolkits on wish, and what is taken away.

use super::super::machine::*;
use super::*;

/// Toolkits are there on wish only.
pub fn toolkits(table: &mut Table) {
    for (version, wished) in [
        ("22.04", "cuda=13.0"),
        ("24.04", "cuda=12.8"),
        ("26.04", "cuda=13.1"),
        ("26.04", "cuda=13.0"),
        ("24.04", "cuda=11.8"),
    ] {
        table.wish(
            "toolkit",
            &format!("{version}, Ada, healthy, {wished}"),
            &[wished],
            healthy(version, ADA),
            |_| {},
        );
    }
    table.wish(
        "toolkit",
        "22.04, Ada, bare, cuda=13.0",
        &["cuda=13.0"],
        ubuntu("22.04", ADA, true),
        |_| {},
    );
    table.wish(
        "toolkit",
        "22.04, Pascal, bare, cuda=13.0: no code for it",
        &["cuda=13.0"],
        ubuntu("22.04", PASCAL, true),
        |_| {},
    );
    table.wish(
        "toolkit",
        "22.04, Ada, there already, fenced",
        &["cuda=13.0"],
        healthy("22.04", ADA),
        |facts| {
            keyring(facts, "ubuntu2204");
            add(facts, &["cuda-toolkit-13-0 13.0.2-1"]);
            let Known::Value(pins) = &mut packages(facts).pins else {
                panic!()
            };
            pins.push(Pin {
                file: "/etc/apt/preferences.d/deskside-nvidia-toolkit-only.pref".into(),
                packages: "cuda".into(),
                pin: "origin developer.download.nvidia.com".into(),
                priority: -1,
            });
        },
    );
    table.wish(
        "toolkit",
        "24.04 on arm64, Hopper, cuda=13.0",
        &["cuda=13.0"],
        healthy("24.04", HOPPER),
        |facts| {
            facts.system.architecture = Known::Value("aarch64".into());
        },
    );
    table.plain(
        "toolkit",
        "22.04, Ada, the package cuda beside a healthy driver",
        healthy("22.04", ADA),
        |facts| {
            keyring(facts, "ubuntu2204");
            add(
                facts,
                &[
                    "cuda 12.8.1-1",
                    "cuda-12-8 12.8.1-1",
                    "cuda-toolkit-12-8 12.8.1-1",
                ],
            );
        },
    );
}

pub fn cleaning(table: &mut Table) {
    table.wish(
        "clean",
        "driver, the guide's old recipe",
        &["clean=driver"],
        ubuntu("22.04", ADA, false),
        guide,
    );
    table.wish(
        "clean",
        "cuda, with a folder of a .run file",
        &["clean=cuda"],
        healthy("22.04", ADA),
        |facts| {
            keyring(facts, "ubuntu2204");
            add(
                facts,
                &[
                    "cuda-toolkit-12-8 12.8.1-1",
                    "cuda-nvcc-12-8 12.8.93-1",
                    "nvidia-container-toolkit 1.17.0-1",
                ],
            );
            packages(facts).cuda_folders = Known::Value(vec![
                "/usr/local/cuda-11.8".into(),
                "/usr/local/cuda-12.8".into(),
            ]);
        },
    );
    table.wish("clean", "rocm", &["clean=rocm"], ubuntu("24.04", "amd", true), |facts| {
        add(facts, &["rocm 7.2.2.70202-81~24.04", "hipcc 1.1.1.70202-81~24.04"]);
        source(facts, "/etc/apt/sources.list.d/rocm.list", "deb [signed-by=/etc/apt/keyrings/rocm.gpg] https://repo.radeon.com/rocm/apt/7.2.2 noble main");
    });
    table.wish(
        "clean",
        "all, nothing there",
        &["clean=all"],
        ubuntu("24.04", ADA, true),
        |_| {},
    );
    let all = table.0.last().map(|case| case.wish.clean);
    assert_eq!(all, Some(Some(Part::All)));
}
