//! The law of recording: a replayed recording answers as the machine did, redacted or not.

#![allow(clippy::unwrap_used, reason = "tests")]

use deskside_machine::bundle::{Bundle, Redactor, without_surplus_parents};
use deskside_machine::{
    Answer, Command, DeviceQuestion, DoorError, ErrorKind, Machine, Question, Reading, Recording,
    Replay, Stat,
};
use deskside_testkit::Sim;
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Names that a redactor changes and names that it does not.
const NAMES: [&str; 6] = ["a", "b", "alice", "alice-desk", "serial", "c.toml"];

fn path() -> impl Strategy<Value = PathBuf> {
    let top = prop_oneof![Just("/"), Just("/home/alice"), Just("/etc")];
    let name = proptest::sample::select(&NAMES[..]);
    (top, prop::collection::vec(name, 1..4)).prop_map(|(top, names)| {
        names
            .iter()
            .fold(PathBuf::from(top), |path, name| path.join(name))
    })
}

/// A path as it is asked for: sometimes with a detour.
fn asked() -> impl Strategy<Value = PathBuf> {
    (path(), 0..8_u8).prop_map(|(path, detour)| match detour {
        0 => path.join(".."),
        1 => path.join("../b"),
        2 => PathBuf::from("/"),
        _ => path,
    })
}

#[derive(Debug, Clone)]
enum Put {
    File(PathBuf, String, u32),
    Directory(PathBuf, u32),
    Link(PathBuf, PathBuf),
    Device(PathBuf, u32),
}

fn put() -> impl Strategy<Value = Put> {
    let text = prop_oneof![
        Just("hello\n"),
        Just("alice was here\n"),
        Just("ip 10.1.2.3 GPU-5f3b1c2d-1234-abcd-ef01-0123456789ab"),
        Just("")
    ];
    let mode = prop_oneof![4 => Just(0o755_u32), 1 => Just(0o600), 1 => Just(0o000)];
    let target = prop_oneof![
        path(),
        proptest::sample::select(&NAMES[..]).prop_map(PathBuf::from),
        proptest::sample::select(&NAMES[..]).prop_map(|name| Path::new("..").join(name)),
        Just(PathBuf::from("../../../../etc/a")),
    ];
    prop_oneof![
        4 => (path(), text, mode.clone()).prop_map(|(path, text, mode)| Put::File(path, text.into(), mode)),
        2 => (path(), mode.clone()).prop_map(|(path, mode)| Put::Directory(path, mode)),
        2 => (path(), target).prop_map(|(path, target)| Put::Link(path, target)),
        1 => (path(), mode).prop_map(|(path, mode)| Put::Device(path, mode)),
    ]
}

fn question() -> impl Strategy<Value = Question> {
    prop_oneof![
        4 => (asked(), prop_oneof![Just(0_u64), Just(3), Just(6), Just(1 << 20)]).prop_map(|(path, limit)| Question::File { path, limit }),
        2 => asked().prop_map(|path| Question::Link { path }),
        2 => asked().prop_map(|path| Question::RealPath { path }),
        2 => asked().prop_map(|path| Question::Directory { path }),
        3 => asked().prop_map(|path| Question::Stat { path }),
        2 => (asked(), any::<bool>()).prop_map(|(path, write)| Question::Access { path, write }),
        1 => asked().prop_map(|path| Question::Space { path }),
        1 => prop_oneof![Just("uname"), Just("alice"), Just("missing")].prop_map(|name| Question::Command(Command::new([name]))),
        1 => prop_oneof![Just("HOME"), Just("HF_TOKEN"), Just("NOT_SET"), Just("SSH_CONNECTION")].prop_map(|name| Question::Variable { name: name.into() }),
        1 => Just(Question::Variables),
        1 => Just(Question::Device(DeviceQuestion::Nvml { deadline: Duration::from_secs(1) })),
        1 => Just(Question::Person),
    ]
}

fn machine(puts: &[Put]) -> Sim {
    let sim = Sim::linux();
    sim.change(|state| {
        state.person.name = Some("alice".into());
        state.person.host = Some("alice-desk".into());
        state.variables.insert("HOME".into(), "/home/alice".into());
        state.variables.insert("HF_TOKEN".into(), "hf_secret".into());
        state.variables.insert("SSH_CONNECTION".into(), "10.0.0.1 51000 10.0.0.2 22".into());
        state.put_directory("/home/alice");
        state.devices.insert("nvml".into(), Ok(serde_json::json!({ "devices": [{ "uuid": "GPU-6f3b1c2d-1234-abcd-ef01-0123456789ab" }] })));
        for put in puts {
            let place = match put {
                Put::File(path, ..) | Put::Directory(path, _) | Put::Link(path, _) | Put::Device(path, _) => path,
            };
            // Nothing stands below what is no folder, as on a real machine.
            let fits = place.ancestors().skip(1).all(|above| state.get(above).is_none_or(|node| node.content == deskside_testkit::sim::Content::Directory));
            if !fits || state.get(place).is_some() {
                continue;
            }
            match put {
                Put::File(path, text, mode) => state.put_file(path, text.as_str()).set_mode(path, *mode),
                Put::Directory(path, mode) => state.put_directory(path).set_mode(path, *mode),
                Put::Link(path, target) => state.put_link(path, target),
                Put::Device(path, mode) => state.put_device(path, *mode, 0, 0),
            };
        }
    });
    sim.on_exact(&["uname"], "Linux alice-desk 6.8.0\n");
    sim.on_command(
        |argv| argv[0] == "alice",
        |_, command| {
            Err(DoorError::new(
                ErrorKind::Denied,
                command.shown(),
                "permission denied",
            ))
        },
    );
    sim
}

/// What is recorded of an answer: a climbing link without its surplus `..`, which for every kernel
/// is the same link.
fn recorded(
    sim: &Sim,
    question: &Question,
    answer: Result<Answer, DoorError>,
) -> Result<Answer, DoorError> {
    match (question, answer) {
        (Question::Link { path }, Ok(Answer::Path(target))) => {
            let folder = sim.real_path(path.parent().unwrap()).unwrap();
            Ok(Answer::Path(without_surplus_parents(&folder, &target)))
        }
        (_, answer) => answer,
    }
}

/// What a failure says, without the phrase of what was tried: that names other paths after redaction.
/// An answer without what a bundle does not keep: the words around an error, and how many names a file has.
fn plain(answer: Result<Answer, DoorError>) -> Result<Answer, (ErrorKind, String)> {
    let answer = answer.map_err(|error| (error.kind, error.detail))?;
    Ok(match answer {
        Answer::Stat(stat) => Answer::Stat(Stat {
            links: None,
            place: None,
            ..stat
        }),
        other => other,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_recording_answers_as_its_machine_did(puts in prop::collection::vec(put(), 0..12), questions in prop::collection::vec(question(), 1..25)) {
        let sim = machine(&puts);
        let recording = Recording::new(sim.shared());
        let answers: Vec<_> = questions.iter().map(|question| recorded(&sim, question, recording.ask(question))).collect();
        let bundle = recording.bundle("a test");

        let place = tempfile::tempdir().unwrap();
        let packed = place.path().join("bundle.tar");
        bundle.save(&packed).unwrap();
        prop_assert_eq!(&Bundle::load(&packed).unwrap(), &bundle, "saved and loaded");

        let replay = Replay::new(bundle.clone());
        for (question, answer) in questions.iter().zip(&answers) {
            prop_assert_eq!(plain(replay.ask(question)), plain(answer.clone()), "{:?}", question);
        }

        let redactor = Redactor::new(Some("alice"), Some("alice-desk"), Some(Path::new("/home/alice")));
        let redacted = redactor.bundle(bundle);
        prop_assert_eq!(&redactor.bundle(redacted.clone()), &redacted, "redacting twice is redacting once");
        let replay = Replay::new(redacted);
        for (question, answer) in questions.iter().zip(answers) {
            if is_shortened(question) {
                continue;
            }
            let real = asked_path(question).and_then(|path| sim.real_path(path).ok());
            let expected = redactor.answer(question, real.as_deref(), answer);
            prop_assert_eq!(plain(replay.ask(&redactor.question(question))), plain(expected), "redacted {:?}", question);
        }
    }
}

/// The beginning of a redacted file is not the redacted beginning.
fn is_shortened(question: &Question) -> bool {
    matches!(question, Question::File { limit, .. } if *limit < 1000)
}

fn asked_path(question: &Question) -> Option<&Path> {
    match question {
        Question::File { path, .. } | Question::Directory { path } => Some(path),
        _ => None,
    }
}

#[test]
fn a_redacted_recording_names_nobody() {
    let sim = machine(&[]);
    sim.put_file(
        "/home/alice/.bashrc",
        "export WANDB_API_KEY=0123456789abcdef\n# alice@corp.example\n",
    );
    sim.put_file("/sys/class/dmi/id/board_serial", "MB-77-1234\n");
    sim.set_variable("SUDO_USER", "carol");
    sim.put_file("/etc/motd", "carol and alice work here\n");
    let recording = Recording::new(sim.shared());
    recording.text("/etc/motd").unwrap();
    recording.text("/home/alice/.bashrc").unwrap();
    recording.text("/sys/class/dmi/id/board_serial").unwrap();
    recording.variables().unwrap();
    recording.variable("HOME").unwrap();
    recording.variable("HF_TOKEN").unwrap();
    recording.person().unwrap();
    recording.command(Command::new(["uname"])).unwrap();
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("bundle");
    recording.redacted_bundle("of alice").save(&folder).unwrap();
    let host = deskside_machine::host::Host::new();
    let mut texts = String::new();
    let mut ahead = vec![folder];
    while let Some(path) = ahead.pop() {
        texts.push_str(&format!(
            "{}\n",
            path.strip_prefix(place.path()).unwrap().display()
        ));
        match host.entries(&path) {
            Ok(entries) => ahead.extend(entries.iter().map(|entry| path.join(&entry.name))),
            Err(_) => texts.push_str(&host.text(&path).unwrap()),
        }
    }
    assert!(
        texts.contains("/home/user/.bashrc"),
        "the walk saw the files"
    );
    for private in [
        "alice",
        "carol",
        "0123456789abcdef",
        "corp.example",
        "MB-77-1234",
        "hf_secret",
    ] {
        assert!(!texts.contains(private), "{private} is in\n{texts}");
    }
    let replay = Replay::open(place.path().join("bundle")).unwrap();
    assert!(replay.bundle().header.redacted);
    assert_eq!(
        replay.text("/home/user/.bashrc").unwrap(),
        "export WANDB_API_KEY=***\n# person@example.com\n"
    );
    assert_eq!(replay.working_directory().unwrap(), Path::new("/home/user"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn redacting_twice_is_redacting_once(parts in prop::collection::vec(prop_oneof![
        proptest::sample::select(&[
            "alice", "alice-desk", "/home/alice", "user", "machine", "10.1.2.3", "192.168.1.1", "12.4.1.0", "fe80::1:2", "::", ":", "@", "-",
            "hf_abcdefghijABCDEFGHIJ1234", "token=", "password: ", "Serial Number: ", "UUID=", "unique_id ", "Bearer ", "://", " ", "\n", "=", "\"",
            "GPU-5f3b1c2d-1234-abcd-ef01-0123456789ab", "GPU-00000000-0000-0000-0000-000000000002", "3c:7c:3f:1e:aa:0b", "bob@corp.example", "é",
            "9f8e7d6c5b4a3210", "/dev/disk/by-id/nvme-X_1",
        ][..]).prop_map(str::to_string),
        ".{0,6}",
        "[0-9a-f:.]{1,9}",
    ], 0..12)) {
        let text = parts.concat();
        let redactor = Redactor::new(Some("alice"), Some("alice-desk"), Some(Path::new("/home/alice")));
        let once = redactor.text(&text);
        prop_assert_eq!(redactor.text(&once), once.clone());
        // Another one, which has seen nothing yet, changes nothing either.
        let fresh = Redactor::new(Some("alice"), Some("alice-desk"), Some(Path::new("/home/alice")));
        prop_assert_eq!(fresh.text(&once), once);
    }
}

#[test]
fn the_real_machine_is_recorded_as_it_answers() {
    let host: std::sync::Arc<dyn Machine> =
        std::sync::Arc::new(deskside_machine::host::Host::new());
    let recording = Recording::new(std::sync::Arc::clone(&host));
    let path = |path: &str| PathBuf::from(path);
    let mut questions = vec![
        Question::Person,
        Question::Variables,
        Question::Variable {
            name: "PATH".into(),
        },
        Question::Variable {
            name: "DESKSIDE_NOBODY_SETS_THIS".into(),
        },
        Question::Command(Command::new(["uname", "-m"])),
        Question::Command(Command::new(["deskside-no-such-program"])),
    ];
    for place in [
        "/etc/os-release",
        "/bin/sh",
        "/proc/version",
        "/proc/self",
        "/proc/self/status",
        "/sys/class",
        "/dev/null",
        "/not/there",
        "/etc/shadow",
        "/usr/../etc",
        "/",
    ] {
        // Of what changes by itself, only what does not.
        if !place.contains("status") {
            questions.push(Question::Stat { path: path(place) });
            questions.push(Question::Access {
                path: path(place),
                write: true,
            });
        }
        if !place.contains("self") && !place.contains("shadow") {
            questions.push(Question::File {
                path: path(place),
                limit: 1 << 16,
            });
        }
        questions.push(Question::RealPath { path: path(place) });
        questions.push(Question::Link { path: path(place) });
    }
    for place in ["/etc", "/sys/class", "/etc/os-release", "/not/there"] {
        questions.push(Question::Directory { path: path(place) });
    }
    let answers: Vec<_> = questions
        .iter()
        .map(|question| recording.ask(question))
        .collect();
    let bundle = recording.bundle("the real machine");
    let replay = Replay::new(bundle.clone());
    for (question, answer) in questions.iter().zip(&answers) {
        assert_eq!(
            plain(replay.ask(question)),
            plain(answer.clone()),
            "{question:?}"
        );
    }
    // Names that no file of the system holds, so that only this test's own words change.
    let redactor = Redactor::new(
        Some("qqalice"),
        Some("qqdesk"),
        Some(Path::new("/home/qqalice")),
    );
    let replay = Replay::new(redactor.bundle(bundle));
    for (question, answer) in questions.iter().zip(answers) {
        let real = asked_path(question).and_then(|path| (*host).real_path(path).ok());
        let expected = redactor.answer(question, real.as_deref(), answer);
        assert_eq!(
            plain(replay.ask(&redactor.question(question))),
            plain(expected),
            "redacted {question:?}"
        );
    }
}
