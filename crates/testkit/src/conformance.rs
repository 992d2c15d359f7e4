//! What every machine does alike: run against the real one and the simulated one.
//!
//! Each check works in a folder of its own below `root`, which must be empty and writable, and
//! panics with what was expected where the machine does otherwise.

#![allow(clippy::unwrap_used, reason = "a suite of checks fails by panicking")]

use deskside_machine::{
    Acting, Answer, Durability, Effect, ErrorKind, FileKind, Machine, Question, Reading,
};
use std::path::Path;
use std::time::Duration;

/// One check: its name and what it does in a folder of its own.
type Check = (&'static str, fn(&dyn Machine, &Path));

/// The checks.
const CHECKS: &[Check] = &[
    ("a file is written whole and read in part", written_and_read),
    ("folders above a file are made", folders_above),
    ("a file is appended to", appended),
    ("links are followed, and seen", links),
    ("a write goes where a link leads", write_through_link),
    ("absent things are absent", absent),
    ("removing twice is fine", removed_twice),
    ("a tree is removed without following links", tree_removed),
    ("renaming replaces, and may be repeated", renamed),
    ("a link replaces a link and nothing else", link_replaced),
    ("a folder lists its entries by name", listed),
    ("kinds are not mixed up", kinds),
    ("modes are kept", modes),
    ("locks exclude", locks),
    ("clocks move with sleep", clocks),
    ("random numbers differ", random),
    ("space is found for a path that is not there yet", space),
    ("unset variables are absent", variables),
    ("a program that is not there is absent", missing_program),
    ("a process that is not there is absent", missing_process),
];

/// Runs all checks.
///
/// # Panics
/// Where the machine does otherwise.
pub fn check(machine: &dyn Machine, root: &Path) {
    for (number, (name, check)) in CHECKS.iter().enumerate() {
        let folder = root.join(format!("check-{number}"));
        machine
            .create_directory(&folder)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        check(machine, &folder);
    }
}

fn write(machine: &dyn Machine, path: &Path, text: &str) {
    machine
        .write_file(path, text, 0o644, Durability::Process)
        .unwrap();
}

fn kind_of<T: std::fmt::Debug>(result: Result<T, deskside_machine::DoorError>) -> ErrorKind {
    result.unwrap_err().kind
}

fn written_and_read(machine: &dyn Machine, folder: &Path) {
    let path = folder.join("file");
    for text in ["first, which is longer", "second"] {
        write(machine, &path, text);
        assert_eq!(machine.text(&path).unwrap(), text);
    }
    assert_eq!(machine.file(&path, 3).unwrap(), b"sec");
    assert_eq!(machine.file(&path, 0).unwrap(), b"");
    assert_eq!(machine.file_part(&path, 3, 2).unwrap(), b"on");
    assert_eq!(machine.file_part(&path, 99, 2).unwrap(), b"");
    assert_eq!(machine.stat(&path).unwrap().size, 6);
    assert_eq!(
        machine.entries(folder).unwrap().len(),
        1,
        "nothing is left beside it"
    );
}

fn folders_above(machine: &dyn Machine, folder: &Path) {
    write(machine, &folder.join("a/b/file"), "x");
    assert_eq!(
        machine.stat(folder.join("a/b")).unwrap().kind,
        FileKind::Directory
    );
    machine.create_directory(folder.join("a/b")).unwrap();
    assert_eq!(
        kind_of(machine.create_directory(folder.join("a/b/file"))),
        ErrorKind::Exists
    );
    assert!(
        machine
            .create_directory(folder.join("a/b/file/below"))
            .is_err()
    );
}

fn appended(machine: &dyn Machine, folder: &Path) {
    let path = folder.join("new/log");
    for text in ["one\n", "", "two\n"] {
        machine
            .append_file(&path, text, Durability::Process)
            .unwrap();
    }
    assert_eq!(machine.text(&path).unwrap(), "one\ntwo\n");
}

fn links(machine: &dyn Machine, folder: &Path) {
    write(machine, &folder.join("real/file"), "x");
    let link = |name: &str, target: &str| {
        machine
            .effect(&Effect::MakeLink {
                path: folder.join(name),
                target: target.into(),
            })
            .unwrap();
    };
    link("folder", "real");
    link("dangling", "nothing");
    link("round", "round");
    assert_eq!(machine.text(folder.join("folder/file")).unwrap(), "x");
    assert_eq!(
        machine.link(folder.join("folder")).unwrap(),
        Path::new("real")
    );
    let root = machine.real_path(folder).unwrap();
    assert_eq!(
        machine
            .real_path(folder.join("folder/../folder/file"))
            .unwrap(),
        root.join("real/file")
    );
    assert_eq!(
        machine.stat(folder.join("folder")).unwrap().kind,
        FileKind::Directory
    );
    assert_eq!(
        machine.link(folder.join("dangling")).unwrap(),
        Path::new("nothing")
    );
    for missing in ["dangling", "dangling/x"] {
        assert_eq!(
            kind_of(machine.stat(folder.join(missing))),
            ErrorKind::Absent,
            "{missing}"
        );
    }
    assert_eq!(
        kind_of(machine.real_path(folder.join("dangling"))),
        ErrorKind::Absent
    );
    assert_eq!(
        kind_of(machine.text(folder.join("round"))),
        ErrorKind::Failed
    );
    assert_eq!(
        kind_of(machine.link(folder.join("real"))),
        ErrorKind::Failed
    );
    assert_eq!(
        kind_of(machine.link(folder.join("real/file"))),
        ErrorKind::Failed
    );
}

fn write_through_link(machine: &dyn Machine, folder: &Path) {
    write(machine, &folder.join("real"), "old");
    machine
        .effect(&Effect::MakeLink {
            path: folder.join("link"),
            target: "real".into(),
        })
        .unwrap();
    write(machine, &folder.join("link"), "new");
    assert_eq!(machine.text(folder.join("real")).unwrap(), "new");
    assert!(
        machine.link(folder.join("link")).is_ok(),
        "the link is still one"
    );
}

fn absent(machine: &dyn Machine, folder: &Path) {
    write(machine, &folder.join("file"), "x");
    let listed = machine.stats(folder).unwrap();
    let alone = machine.stat(folder.join("file")).unwrap();
    assert_eq!(listed, [("file".to_string(), alone)]);
    for name in ["nothing", "nothing/below", "file/below"] {
        let path = folder.join(name);
        for question in [
            Question::File {
                path: path.clone(),
                limit: 9,
            },
            Question::Link { path: path.clone() },
            Question::RealPath { path: path.clone() },
            Question::Directory { path: path.clone() },
            Question::Stats { path: path.clone() },
            Question::Stat { path: path.clone() },
            Question::Access {
                path: path.clone(),
                write: false,
            },
        ] {
            assert_eq!(
                kind_of(machine.ask(&question)),
                ErrorKind::Absent,
                "{question:?}"
            );
        }
    }
    assert_eq!(
        kind_of(machine.rename(folder.join("nothing"), folder.join("new"))),
        ErrorKind::Absent
    );
}

fn removed_twice(machine: &dyn Machine, folder: &Path) {
    write(machine, &folder.join("file"), "x");
    write(machine, &folder.join("tree/file"), "x");
    for _ in 0..2 {
        machine.remove_file(folder.join("file")).unwrap();
        machine.remove_tree(folder.join("tree")).unwrap();
    }
    machine.remove_file(folder.join("not/there")).unwrap();
    assert_eq!(machine.entries(folder).unwrap(), []);
}

fn tree_removed(machine: &dyn Machine, folder: &Path) {
    write(machine, &folder.join("kept/file"), "x");
    write(machine, &folder.join("tree/a/b/file"), "x");
    machine
        .effect(&Effect::MakeLink {
            path: folder.join("tree/link"),
            target: folder.join("kept"),
        })
        .unwrap();
    machine.remove_tree(folder.join("tree")).unwrap();
    assert!(!machine.exists(folder.join("tree")).unwrap());
    assert!(machine.exists(folder.join("kept/file")).unwrap());
    assert!(
        machine.remove_file(folder.join("kept")).is_err(),
        "a folder is no file"
    );
}

fn renamed(machine: &dyn Machine, folder: &Path) {
    write(machine, &folder.join("one"), "one");
    write(machine, &folder.join("two"), "two");
    machine
        .rename(folder.join("one"), folder.join("two"))
        .unwrap();
    assert_eq!(machine.text(folder.join("two")).unwrap(), "one");
    machine
        .rename(folder.join("one"), folder.join("two"))
        .unwrap();
    write(machine, &folder.join("from/deep/file"), "x");
    machine
        .rename(folder.join("from"), folder.join("to"))
        .unwrap();
    assert_eq!(machine.text(folder.join("to/deep/file")).unwrap(), "x");
    write(machine, &folder.join("full/file"), "x");
    assert!(
        machine
            .rename(folder.join("to"), folder.join("full"))
            .is_err(),
        "a full folder is not replaced"
    );
    assert!(
        machine
            .rename(folder.join("to"), folder.join("to/deep/below"))
            .is_err()
    );
}

fn link_replaced(machine: &dyn Machine, folder: &Path) {
    let link = |name: &str, target: &str| {
        machine.effect(&Effect::MakeLink {
            path: folder.join(name),
            target: target.into(),
        })
    };
    link("new/link", "a").unwrap();
    link("new/link", "b").unwrap();
    assert_eq!(
        machine.link(folder.join("new/link")).unwrap(),
        Path::new("b")
    );
    write(machine, &folder.join("file"), "x");
    assert_eq!(kind_of(link("file", "a")), ErrorKind::Exists);
    assert_eq!(kind_of(link("new", "a")), ErrorKind::Exists);
}

fn listed(machine: &dyn Machine, folder: &Path) {
    for name in ["b", "a.txt", "C/inner", "a"] {
        write(machine, &folder.join(name), "x");
    }
    machine
        .effect(&Effect::MakeLink {
            path: folder.join("link"),
            target: "C".into(),
        })
        .unwrap();
    let entries = machine.entries(folder).unwrap();
    let shown: Vec<(&str, FileKind)> = entries
        .iter()
        .map(|entry| (entry.name.as_str(), entry.kind))
        .collect();
    let expected = [
        ("C", FileKind::Directory),
        ("a", FileKind::File),
        ("a.txt", FileKind::File),
        ("b", FileKind::File),
        ("link", FileKind::Link),
    ];
    assert_eq!(shown, expected);
}

fn kinds(machine: &dyn Machine, folder: &Path) {
    write(machine, &folder.join("file"), "x");
    machine.create_directory(folder.join("folder")).unwrap();
    assert_eq!(
        kind_of(machine.file(folder.join("folder"), 9)),
        ErrorKind::Failed
    );
    assert_eq!(
        kind_of(machine.entries(folder.join("file"))),
        ErrorKind::Absent
    );
    assert!(
        machine
            .write_file(folder.join("folder"), "x", 0o644, Durability::Process)
            .is_err()
    );
    assert!(
        machine
            .append_file(folder.join("folder"), "x", Durability::Process)
            .is_err()
    );
    assert!(
        machine
            .write_file(folder.join("file/below"), "x", 0o644, Durability::Process)
            .is_err()
    );
}

fn modes(machine: &dyn Machine, folder: &Path) {
    let path = folder.join("secret");
    for mode in [0o600, 0o755, 0o644] {
        machine
            .write_file(&path, "x", mode, Durability::Power)
            .unwrap();
        let stat = machine.stat(&path).unwrap();
        assert_eq!((stat.kind, stat.mode), (FileKind::File, mode));
        assert_eq!(stat.uid, machine.person().unwrap().uid);
        assert!(machine.access(&path, true).unwrap());
    }
    machine
        .write_file(&path, "x", 0o444, Durability::Process)
        .unwrap();
    assert_eq!(
        machine.access(&path, true).unwrap(),
        machine.person().unwrap().uid == 0
    );
    write(machine, &path, "replaced all the same");
}

fn locks(machine: &dyn Machine, folder: &Path) {
    let path = folder.join("new/lock");
    let held = machine.lock(&path, Duration::ZERO).unwrap();
    assert_eq!(
        machine
            .lock(&path, Duration::ZERO)
            .err()
            .map(|error| error.kind),
        Some(ErrorKind::Busy)
    );
    let other = machine
        .lock(&folder.join("new/other"), Duration::ZERO)
        .unwrap();
    drop(held);
    drop(machine.lock(&path, Duration::ZERO).unwrap());
    drop(other);
    assert!(machine.exists(&path).unwrap(), "the file stays");
}

fn clocks(machine: &dyn Machine, _folder: &Path) {
    let before = machine.now().unwrap();
    machine
        .effect(&Effect::Sleep {
            span: Duration::from_millis(20),
        })
        .unwrap();
    let after = machine.now().unwrap();
    assert!(after.monotonic - before.monotonic >= Duration::from_millis(20));
}

fn random(machine: &dyn Machine, _folder: &Path) {
    assert_ne!(machine.random().unwrap(), machine.random().unwrap());
}

fn space(machine: &dyn Machine, folder: &Path) {
    let space = machine.space(folder.join("not/there/yet")).unwrap();
    assert!(space.total > 0 && space.free <= space.total && !space.read_only);
}

fn variables(machine: &dyn Machine, _folder: &Path) {
    let question = Question::Variable {
        name: "DESKSIDE_NOBODY_SETS_THIS".into(),
    };
    assert_eq!(kind_of(machine.ask(&question)), ErrorKind::Absent);
    let names = machine.variables().unwrap();
    assert!(names.is_sorted());
    for name in names {
        assert!(
            machine.variable(&name).is_some(),
            "{name} is listed and not set"
        );
    }
}

fn missing_program(machine: &dyn Machine, _folder: &Path) {
    let command = deskside_machine::Command::new(["deskside-no-such-program", "--version"]);
    assert_eq!(kind_of(machine.command(command.clone())), ErrorKind::Absent);
    assert_eq!(
        kind_of(machine.effect(&Effect::Command(command))),
        ErrorKind::Absent
    );
}

fn missing_process(machine: &dyn Machine, _folder: &Path) {
    // Linux gives no number above 2^22 (proc_sys_kernel(5), pid_max).
    let pid = (1 << 22) + 1;
    assert_eq!(machine.process(pid).unwrap(), None);
    let signal = Effect::Signal {
        pid,
        start_time: 1,
        signal: 15,
    };
    assert!(matches!(machine.effect(&signal), Err(error) if error.kind == ErrorKind::Absent));
    assert!(matches!(machine.ask(&Question::Now), Ok(Answer::Moment(_))));
}
