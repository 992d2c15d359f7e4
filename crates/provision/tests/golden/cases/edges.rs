//! Wishes and machines at the edges: what can't be had, what is a part of something longer, what is held.

use super::super::machine::*;
use super::*;

fn profile(texts: &[(&str, bool)]) -> Known<Vec<SettingLine>> {
    let line = |(place, (text, bound)): (usize, &(&str, bool))| SettingLine {
        file: "/home/me/.bashrc".into(),
        line: u32::try_from(place).unwrap() + 1,
        text: (*text).into(),
        bound: *bound,
    };
    Known::Value(texts.iter().enumerate().map(line).collect())
}

pub fn edges(table: &mut Table) {
    table.wish(
        "edges",
        "a driver that there is none of, on the guide's old recipe",
        &["driver=999", "cuda=13.0"],
        ubuntu("22.04", ADA, true),
        guide,
    );
    table.wish(
        "edges",
        "a driver that drives one of two cards",
        &["driver=595-open"],
        ubuntu("22.04", &format!("{PASCAL} {ADA}"), true),
        guide,
    );
    table.wish(
        "edges",
        "a branch by its number",
        &["driver=580"],
        ubuntu("22.04", ADA, true),
        |_| {},
    );
    table.wish(
        "edges",
        "a driver and no card",
        &["driver=580"],
        ubuntu("22.04", "intel", true),
        ppa,
    );
    table.wish(
        "edges",
        "a CUDA toolkit and no card of NVIDIA's",
        &["cuda=13.0"],
        ubuntu("24.04", "intel", true),
        |_| {},
    );
    for (name, card) in [
        ("Kepler", KEPLER.to_string()),
        ("Pascal and Ada", format!("{PASCAL} {ADA}")),
        ("Kepler and Blackwell", format!("{KEPLER} {BLACKWELL}")),
        ("Blackwell", BLACKWELL.to_string()),
        ("AMD", "amd".to_string()),
        ("a card in no table", "unknown".to_string()),
    ] {
        table.wish(
            "edges",
            &format!("Fedora, {name}"),
            &["rocm"],
            machine("fedora", "43", &card, false),
            |_| {},
        );
    }
    let lines = [
        (
            "export LD_LIBRARY_PATH=/usr/local/cuda/lib64:$LD_LIBRARY_PATH",
            false,
        ),
        (
            "export LD_LIBRARY_PATH=/usr/local/cuda/lib64:$HOME/lib",
            false,
        ),
        ("export LD_LIBRARY_PATH=/usr/local/cuda/lib64:\\", true),
        ("export PATH=/usr/local/cuda/bin:$HOME/bin:$PATH", false),
        ("export PATH=/usr/local/cuda/bin:$PATH", false),
        (
            "[ -d /usr/local/cuda ] && export PATH=/usr/local/cuda/bin:$PATH",
            false,
        ),
    ];
    table.plain(
        "edges",
        "a profile with more than a toolkit's folders",
        healthy("22.04", ADA),
        |facts| packages(facts).profile_lines = profile(&lines),
    );
    table.wish(
        "edges",
        "a profile with more than a toolkit's folders, cleaned",
        &["clean=cuda"],
        healthy("22.04", ADA),
        |facts| packages(facts).profile_lines = profile(&lines),
    );
    table.wish(
        "edges",
        "keys by apt-key and by add-apt-repository, cleaned",
        &["clean=all"],
        ubuntu("22.04", ADA, true),
        |facts| {
            guide(facts);
            let files = [
                (
                    "/etc/apt/trusted.gpg",
                    vec![
                        "AE09FE4BBD223A84B2CCFCE3F60F4B3D7FA2AF80",
                        "EB693B3035CD5710E231E123A4B469963BF863CC",
                        "0123456789ABCDEF0123456789ABCDEF01234567",
                    ],
                ),
                (
                    "/etc/apt/trusted.gpg.d/mine.gpg",
                    vec!["0123456789ABCDEF0123456789ABCDEF01234567"],
                ),
                (
                    "/etc/apt/trusted.gpg.d/other-name.gpg",
                    vec!["EB693B3035CD5710E231E123A4B469963BF863CC"],
                ),
                (
                    "/etc/apt/trusted.gpg.d/graphics-drivers-ubuntu-ppa.gpg",
                    vec![],
                ),
            ];
            packages(facts).keyrings =
                Known::Value(files.iter().map(|(file, _)| (*file).into()).collect());
            packages(facts).key_files = files
                .iter()
                .filter(|(_, keys)| !keys.is_empty())
                .map(|(file, keys)| KeyFile {
                    file: (*file).into(),
                    fingerprints: keys.iter().map(ToString::to_string).collect(),
                })
                .collect();
        },
    );
    table.plain(
        "edges",
        "held, and only a module lacks",
        ubuntu("24.04", ADA, true),
        |facts| {
            let version = "580.178.04-0ubuntu0.24.04.1";
            add(
                facts,
                &[
                    &format!("nvidia-driver-580-open {version} held"),
                    &format!("libnvidia-compute-580 {version} held"),
                    &format!("nvidia-kernel-common-580 {version} held"),
                ],
            );
        },
    );
    table.wish(
        "edges",
        "held, installed anew",
        &["reinstall=driver"],
        ubuntu("24.04", ADA, true),
        |facts| {
            let version = "580.178.04-0ubuntu0.24.04.1";
            add(
                facts,
                &[
                    &format!("nvidia-driver-580-open {version} held"),
                    &format!("libnvidia-compute-580 {version}"),
                ],
            );
        },
    );
}
