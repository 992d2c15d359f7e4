//! Recorded machines: looked at, planned for, never changed.

use crate::person::{Person, machine};

#[test]
fn info_of_every_recorded_machine_is_as_reviewed() {
    let person = Person::new();
    let folder = machine(".");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert!(names.len() >= 9, "{names:?}");
    for name in names {
        let bundle = machine(&name);
        let said = person.says(&["info", "--verbose", "--machine", &bundle]);
        assert_eq!(said.code, 0, "{name}: {}", said.talk);
        insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("info-{name}"), said.out);
        });
        let json = person.json(&["info", "--machine", &bundle]);
        assert_eq!(json["schema"], "deskside.info");
    }
}

#[test]
fn this_machine_recorded_and_replayed_looks_the_same() {
    let person = Person::new();
    for name in ["recorded", "recorded.tar.zst"] {
        let path = person.work().join(name).to_string_lossy().into_owned();
        assert_eq!(person.says(&["info", "--record", &path]).code, 0);
        let live = person.json(&["info"]);
        let replayed = person.json(&["info", "--machine", &path]);
        for part in ["system", "cpu", "gpus", "drivers", "toolkits"] {
            let mut ours = live["facts"][part].clone();
            // The recorded one is redacted: what names this machine may differ.
            let mut theirs = replayed["facts"][part].clone();
            for value in [&mut ours, &mut theirs] {
                if let Some(system) = value.as_object_mut() {
                    system.remove("model");
                }
            }
            assert_eq!(ours, theirs, "{part} of {name}");
        }
    }
    // A recording may take an older one's place, but nothing else's.
    let notes = person.write("notes/mine.txt", "mine");
    let refused = person.says(&[
        "info",
        "--record",
        &person.work().join("notes").to_string_lossy(),
    ]);
    assert_eq!(refused.code, 1, "{}", refused.talk);
    assert_eq!(std::fs::read_to_string(notes).unwrap(), "mine");
}

#[test]
fn bundles_that_are_none_are_refused_with_their_codes() {
    let person = Person::new();
    person.write("future/bundle.toml", "version = 99\nos = \"linux\"\nuser = \"person\"\ntime = \"2030-01-01T00:00:00Z\"\norigin = \"synthetic\"\n");
    person.write("broken/bundle.toml", "version = \n");
    person.write("hostile/bundle.toml", "version = 1\nos = \"linux\"\nuser = \"person\"\ntime = \"2026-01-01T00:00:00Z\"\norigin = \"synthetic\"\n");
    std::fs::create_dir(person.work().join("hostile/fs")).unwrap();
    std::os::unix::fs::symlink(
        "../../../../../../../etc",
        person.work().join("hostile/fs/etc"),
    )
    .unwrap();
    person.write("file.tar.zst", "this is no archive");
    for (bundle, codes) in [
        ("missing", &["DS0101", "DS0201"][..]),
        ("future", &["DS0202"]),
        ("broken", &["DS0201"]),
        ("file.tar.zst", &["DS0201"]),
    ] {
        let said = person.says(&["info", "--machine", bundle]);
        assert_eq!(said.code, 1, "{bundle}");
        assert!(
            codes.iter().any(|code| said.talk.contains(code)),
            "{bundle}: {}",
            said.talk
        );
    }
    // A link that leads out of the bundle shows nothing of what it leads to.
    let said = person.says(&["info", "--machine", "hostile"]);
    let own = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let pretty = own
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .unwrap_or("none")
        .trim_matches('"')
        .to_string();
    assert!(!said.out.contains(&pretty), "{}", said.out);
}

#[test]
fn a_recorded_machine_is_planned_for() {
    let person = Person::new();
    let said = person.says(&[
        "up",
        "--plan",
        "--machine",
        &machine("ubuntu-22.04-rtx-4090"),
    ]);
    assert_eq!(said.code, 0, "{}", said.talk);
    assert!(said.out.contains("torch"), "{}", said.out);
    let json = person.json(&[
        "up",
        "--plan",
        "--machine",
        &machine("ubuntu-22.04-bare-rtx-4090"),
    ]);
    assert_eq!(json["system"]["lacking"][0]["id"], "nvidia.driver.missing");
    let said = person.says(&[
        "up",
        "--plan",
        "--exit-code",
        "--machine",
        &machine("debian-12-cpu-only"),
    ]);
    assert_eq!(said.code, 3, "{}", said.talk);
    let said = person.says(&["up", "--machine", &machine("debian-12-cpu-only")]);
    assert_eq!(said.code, 2);
    assert!(said.talk.contains("DS0204"), "{}", said.talk);

    // A project of one's own, for a machine that is elsewhere: the project is here, the facts are there.
    person.write("mine/requirements.txt", "torch\n");
    person.write("mine/train.py", "");
    let said = person.says(&[
        "up",
        "mine",
        "--plan",
        "--machine",
        &machine("ubuntu-24.04-two-generations"),
    ]);
    assert_eq!(said.code, 0, "{}", said.talk);
    assert!(
        said.out.contains("cu126") && said.out.contains("mine/.venv"),
        "{}",
        said.out
    );
    for command in ["runs", "history"] {
        assert_eq!(
            person
                .says(&[command, "--machine", &machine("debian-12-cpu-only")])
                .code,
            0,
            "{command}"
        );
    }
}

#[test]
fn the_system_layer_of_every_recorded_machine_is_planned_as_reviewed() {
    let person = Person::new();
    let mut names: Vec<String> = std::fs::read_dir(machine("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    for name in names {
        let bundle = machine(&name);
        let said = person.says(&["plan", "--machine", &bundle]);
        assert_eq!(said.code, 0, "{name}: {}", said.talk);
        insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("plan-{name}"), said.out);
        });
        let json = person.json(&["plan", "--machine", &bundle]);
        assert_eq!(json["schema"], "deskside.system-plan");
        let pending = !json["system"]["plan"]["steps"]
            .as_array()
            .unwrap()
            .is_empty();
        let said = person.says(&["plan", "--exit-code", "--machine", &bundle]);
        assert_eq!(said.code, if pending { 3 } else { 0 }, "{name}");
        // What `info` finds lacking of a driver, the plan brings.
        let info = person.json(&["info", "--machine", &bundle]);
        for lacking in info["system"]["lacking"].as_array().unwrap() {
            if lacking["id"] == "nvidia.driver.missing" {
                let steps = json["system"]["plan"]["steps"].to_string();
                assert!(steps.contains("driver.install"), "{name}: {steps}");
            }
        }
    }
}

#[test]
fn a_wish_comes_from_the_command_line_or_from_the_project() {
    let person = Person::new();
    let bundle = machine("ubuntu-22.04-rtx-4090");
    let by_flag = person.json(&["plan", "--cuda", "13.0", "--machine", &bundle]);
    person.write("deskside.toml", "[system]\ncuda = \"13.0\"\n");
    let by_file = person.json(&["plan", "--machine", &bundle]);
    assert_eq!(
        by_flag["system"]["plan"]["steps"],
        by_file["system"]["plan"]["steps"]
    );
    assert!(
        by_file["wish_from"]
            .as_str()
            .unwrap()
            .ends_with("deskside.toml")
    );
    let text = by_flag["system"]["plan"]["steps"].to_string();
    assert!(
        text.contains("cuda-toolkit-13-0") && text.contains("repository.fence"),
        "{text}"
    );
    person.write("deskside.toml", "[system]\ncuda = 13\n");
    let said = person.says(&["plan", "--machine", &bundle]);
    assert_eq!(said.code, 1);
    assert!(
        said.talk.contains("DS0401") && said.talk.contains("deskside.toml"),
        "{}",
        said.talk
    );
    let said = person.says(&["plan", "--wish", "moon", "--machine", &bundle]);
    assert_eq!(said.code, 2, "{}", said.talk);
    assert!(said.talk.contains("is no wish"), "{}", said.talk);
}

#[test]
fn a_plan_is_kept_as_a_file_and_printed_as_a_script() {
    let person = Person::new();
    let bundle = machine("ubuntu-22.04-guides-recipe");
    let said = person.says(&[
        "plan",
        "--out",
        "plan.json",
        "--emit",
        "sh",
        "--machine",
        &bundle,
    ]);
    assert_eq!(said.code, 0, "{}", said.talk);
    assert!(said.out.starts_with("#!/bin/sh\n"), "{}", said.out);
    assert!(
        !said.out.contains("apt-key") && said.out.contains("cuda-keyring"),
        "{}",
        said.out
    );
    let kept: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(person.work().join("plan.json")).unwrap())
            .unwrap();
    assert_eq!(kept["schema"], "deskside.system-plan");
    assert_eq!(kept["system"]["plan"]["version"], 1);
    // Read by the strictest reader there is, where it is installed.
    let path = person.write("setup.sh", &said.out);
    match std::process::Command::new("sh")
        .arg("-n")
        .arg(&path)
        .status()
    {
        Ok(status) => assert!(status.success()),
        Err(error) => panic!("sh: {error}"),
    }
    match std::process::Command::new("shellcheck")
        .arg("-s")
        .arg("sh")
        .arg(&path)
        .output()
    {
        Ok(output) => assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        ),
        Err(_) => deskside_testkit::skip("shellcheck is not installed"),
    }
}

#[test]
fn what_clean_and_reinstall_would_do_is_shown_and_nothing_of_a_bundle_is_changed() {
    let person = Person::new();
    let bundle = machine("ubuntu-22.04-guides-recipe");
    let by_command = person.json(&["clean", "driver", "--plan", "--machine", &bundle]);
    let by_wish = person.json(&["plan", "--wish", "clean=driver", "--machine", &bundle]);
    assert_eq!(by_command, by_wish);
    let said = person.says(&[
        "reinstall",
        "cuda",
        "--cuda",
        "13.0",
        "--plan",
        "--exit-code",
        "--machine",
        &bundle,
    ]);
    assert_eq!(said.code, 3, "{}", said.talk);
    assert!(said.out.contains("cuda-toolkit-13-0"), "{}", said.out);
    // The command that is named does what was shown.
    let words = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("deskside apply --wish reinstall=cuda --wish cuda=13.0"),
        "{}",
        said.out
    );
    let said = person.says(&["clean", "all", "--emit", "sh", "--machine", &bundle]);
    assert!(said.out.starts_with("#!/bin/sh\n"), "{}", said.out);
    let said = person.says(&["clean", "driver", "--machine", &bundle]);
    assert_ne!(said.code, 0);
    assert!(said.talk.contains("DS0204"), "{}", said.talk);
    let said = person.says(&["clean", "disk", "--plan", "--machine", &bundle]);
    assert_eq!(said.code, 2, "{}", said.talk);
    let history = person.json(&[
        "history",
        "--machine",
        &machine("ubuntu-22.04-driver-library-mismatch"),
    ]);
    assert_eq!(history["system"][0]["tool"], "unattended-upgrades");
}
