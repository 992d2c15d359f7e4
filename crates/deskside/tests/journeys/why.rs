//! `env why`: which build fits, for recorded machines and for ones that a person thinks of.

use crate::person::{Person, machine};

#[test]
fn the_choice_for_every_recorded_machine_is_as_reviewed() {
    let person = Person::new();
    let mut names: Vec<String> = std::fs::read_dir(machine("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert!(names.len() >= 9, "{names:?}");
    for name in names {
        let bundle = machine(&name);
        let said = person.says(&["env", "why", "torch", "--machine", &bundle]);
        assert_eq!(said.code, 0, "{name}: {}", said.talk);
        insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("why-torch-{name}"), without_host(&said.out));
        });
        let json = person.json(&["env", "why", "torch", "--machine", &bundle]);
        assert_eq!(json["schema"], "deskside.env.why");
        assert_eq!(json["machine"]["origin"], "recorded");
        // Text and JSON come from one report.
        assert!(
            said.out.contains(json["choice"].as_str().unwrap()),
            "{name}"
        );
        for command in json["commands"].as_array().unwrap() {
            assert!(said.out.contains(command.as_str().unwrap()), "{name}");
        }
    }
}

/// The text without the name of the server that an index lies on: that is data, and reviewed there.
fn without_host(text: &str) -> String {
    text.lines()
        .map(|line| match line.split_once("index: https://") {
            Some((head, rest)) => {
                let path = rest.split_once('/').map_or("", |(_, path)| path);
                format!("{head}index: https://index.example/{path}\n")
            }
            None => format!("{line}\n"),
        })
        .collect()
}

#[test]
fn assumed_machines_are_answered_and_refused_with_their_codes() {
    let person = Person::new();
    for (arguments, code) in [
        (&["torch", "--assume", "gpu=RTX 5090,driver=580"][..], 0),
        (
            &[
                "torch",
                ">=2.9,<2.11",
                "--assume",
                "gpu=RTX 4090,driver=535",
            ],
            0,
        ),
        (&["tensorflow", "--assume", "gpu=none"], 0),
        (&["torchvision", "--assume", "gpu=gfx1100"], 0),
        (&["torch"], 0),
        (&["mlx", "--assume", "os=macos-15,arch=x86_64"], 1),
        (&["torch", "==1.2", "--assume", "gpu=none"], 1),
        (&["torch", "--python", "2.7", "--assume", "gpu=none"], 1),
        (&["vllm", "--assume", "gpu=none"], 1),
        (&["torch", "--assume", "gpu=RTX 4091"], 2),
        (&["torhc"], 2),
    ] {
        let all: Vec<&str> = ["env", "why"].iter().chain(arguments).copied().collect();
        let said = person.says(&all);
        assert_eq!(said.code, code, "{arguments:?}: {}", said.talk);
        assert_eq!(said.out.is_empty(), code != 0, "{arguments:?}");
        if code != 0 {
            assert!(said.talk.contains("hint:"), "{}", said.talk);
        }
    }
}
