//! Every action that needs root, on a simulated machine with a simulated apt: carried out, taken back, killed at every
//! effect, and failing.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use deskside_machine::wrappers::Mode;
use deskside_machine::{ErrorKind, Fault, Faulty, Machine};
use deskside_operate::root::{Direct, Root};
use deskside_operate::{Event, NoDomain, Workshop, apply, undo};
use deskside_testkit::apt::{self, KILLED_AFTER, LOCKED, Package};
use deskside_testkit::sim::Content;
use deskside_testkit::{Sim, tools};
use deskside_types::Code;
use deskside_types::plan::{
    Action, Check, CommandLine, PLAN_VERSION, Plan, Risk, Step, Tuning, Undo,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

const STATE: &str = "/home/user/.local/state/deskside";
const KEY: &[u8] = include_bytes!("../../machine/src/data/lab-rsa.asc");
const KEY_URL: &str = "http://archive.example/key.asc";
const FINGERPRINT: &str = "7577 5424 AF62 0C31 CC3B  39BA C1F2 8223 21CE B9E9";
const DEB: &str = "/var/cache/deskside/cuda-keyring_1_all.deb";

fn archive() -> Vec<Package> {
    vec![
        Package::new("old-driver", "535")
            .depends(&["old-library"])
            .setting("/etc/modprobe.d/old.conf", "options old a=1\n")
            .file("/usr/lib/old.so", "535"),
        Package::new("old-library", "535").file("/usr/lib/libold.so", "535"),
        Package::new("driver", "580")
            .depends(&["library", "tool"])
            .conflicts(&["old-driver", "old-library"])
            .setting("/etc/modprobe.d/driver.conf", "options driver a=1\n")
            .file("/usr/lib/driver.so", "580"),
        Package::new("library", "580"),
        Package::new("tool", "1").file("/usr/bin/tool", "1"),
        Package::new("tool", "2").file("/usr/bin/tool", "2"),
        Package::new("toolkit", "13").gate("archive.example"),
        Package::new("keyring", "1").file("/usr/share/keyrings/k.gpg", "k"),
        Package::new("broken", "1").failing(),
        Package::new("desktop", "1").depends(&["old-library"]),
    ]
}

fn machine() -> Sim {
    let sim = Sim::linux();
    sim.change(|state| state.person.uid = 0);
    sim.set_variable("SUDO_USER", "user");
    let archive = archive();
    sim.put_file(DEB, archive[7].as_file());
    sim.put_file("/etc/fstab", "/dev/sda1 / ext4 defaults 0 1\n");
    sim.serve(KEY_URL, "text/plain", KEY);
    tools::put(&sim);
    tools::put_alternatives(&sim, "cuda", &["/usr/local/cuda-12", "/usr/local/cuda-13"]);
    tools::put_service(&sim, "persistenced.service");
    apt::put(&sim, archive.clone());
    apt::install(&sim, &archive, &["tool", "old-library", "old-driver"]);
    // The person's own words in a configuration file.
    sim.put_file("/etc/modprobe.d/old.conf", "options old a=2\n");
    // One that came along, and one that is held at its version.
    let argv = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    for words in [
        ["apt-mark", "auto", "old-library"],
        ["apt-mark", "hold", "old-driver"],
    ] {
        let command = deskside_machine::Command::new(argv(&words));
        deskside_machine::Acting::run(&sim, command, &mut |_| {}).unwrap();
    }
    sim
}

fn step(id: &str, check: Vec<Check>, actions: Vec<Action>) -> Step {
    Step {
        id: id.into(),
        title: format!("do {id}"),
        why: "for the test".into(),
        verify: check.clone(),
        check,
        actions,
        undo: Undo::Exact,
        root: true,
        reboot: false,
        hands_needed: None,
        download_bytes: None,
        risk: Risk::Low,
    }
}

fn names(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_string).collect()
}

fn packages(install: &str, remove: &str) -> Action {
    Action::Packages {
        install: names(install),
        remove: names(remove),
    }
}

fn are(installed: &str, absent: &str) -> Vec<Check> {
    vec![Check::Packages {
        installed: names(installed),
        absent: names(absent),
    }]
}

fn run(words: &str) -> Action {
    Action::Run {
        command: CommandLine {
            argv: names(words),
            directory: None,
            variables: Default::default(),
            deadline_seconds: 60,
        },
        undo: None,
    }
}

fn plan(steps: Vec<Step>) -> Plan {
    Plan {
        version: PLAN_VERSION,
        wish: "try root's actions".into(),
        made_at: jiff::Timestamp::UNIX_EPOCH,
        premises: Vec::new(),
        satisfied: Vec::new(),
        steps,
    }
}

/// Every kind of action, as recipes have them.
fn every() -> Plan {
    let exists = |path: &str| vec![Check::Exists { path: path.into() }];
    let source = "/etc/apt/sources.list.d/deskside-x.sources";
    let keyring = "/etc/apt/keyrings/deskside-x.gpg";
    plan(vec![
        step(
            "repository",
            [exists(source), exists(keyring)].concat(),
            vec![
                Action::Key {
                    path: keyring.into(),
                    fingerprint: FINGERPRINT.into(),
                    url: KEY_URL.into(),
                },
                Action::AptSource {
                    name: "deskside-x.sources".into(),
                    contents: "URIs: http://archive.example/\n".into(),
                },
                run("apt-get update"),
            ],
        ),
        step(
            "driver",
            are("driver", "old-driver old-library"),
            vec![
                run("apt-mark unhold old-driver"),
                packages("driver", "old-driver old-library"),
            ],
        ),
        step("keyring", are("keyring", ""), vec![packages(DEB, "")]),
        step("toolkit", are("toolkit", ""), vec![packages("toolkit", "")]),
        step(
            "group",
            vec![Check::Member {
                group: "render".into(),
            }],
            vec![Action::Group {
                name: "render".into(),
            }],
        ),
        step(
            "alternative",
            vec![],
            vec![Action::Alternative {
                name: "cuda".into(),
                path: "/usr/local/cuda-13".into(),
            }],
        ),
        step(
            "service",
            exists("/etc/systemd/system/multi-user.target.wants/persistenced.service"),
            vec![Action::Service {
                name: "persistenced.service".into(),
                wanted: Tuning::On,
            }],
        ),
        step(
            "module-off",
            vec![],
            vec![Action::Module {
                name: "nouveau".into(),
                wanted: Tuning::Off,
            }],
        ),
        step(
            "module-on",
            vec![],
            vec![Action::Module {
                name: "nvidia-uvm".into(),
                wanted: Tuning::On,
            }],
        ),
        step(
            "boot",
            vec![],
            vec![Action::BootParameter {
                parameter: "pci=realloc".into(),
            }],
        ),
        step("swap", vec![], vec![Action::Swap { bytes: 65536 }]),
    ])
}

/// Everything on the machine but our own notes and what comes from programs that only gather (boot images).
fn everything(sim: &Sim) -> Vec<String> {
    let snapshot = sim.snapshot();
    let mut all: Vec<String> = snapshot
        .paths_below("/")
        .into_iter()
        .filter(|path| {
            ![
                "/home",
                "/var/lib/deskside",
                "/sim",
                "/var/lib/apt/lists",
                "/boot",
                // Order of lines.
                "/proc/modules",
            ]
            .iter()
            .any(|own| path.starts_with(own))
        })
        .filter_map(|path| {
            let node = snapshot.get(&path)?;
            let what = match &node.content {
                Content::File(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                // Folders that programs made stay, as with the real ones.
                Content::Directory => return None,
                Content::Link(target) => format!("-> {}", target.display()),
                Content::Device => "device".into(),
            };
            Some(format!("{} {:o} {what}", path.display(), node.mode))
        })
        .collect();
    let mut modules: Vec<String> =
        String::from_utf8_lossy(snapshot.contents("/proc/modules").unwrap_or_default())
            .lines()
            .map(str::to_string)
            .collect();
    modules.sort();
    all.extend(modules);
    all
}

/// The same machine, or what differs.
#[track_caller]
fn assert_same(now: &[String], expected: &[String], when: &str) {
    let only = |one: &[String], other: &[String]| -> Vec<String> {
        one.iter()
            .filter(|line| !other.contains(line))
            .cloned()
            .collect()
    };
    let (more, less) = (only(now, expected), only(expected, now));
    assert!(
        more.is_empty() && less.is_empty(),
        "{when}:\nnow {more:#?}\nexpected {less:#?}"
    );
}

fn workshop<'a>(machine: &'a dyn Machine, root: &'a dyn Root) -> Workshop<'a> {
    Workshop {
        machine,
        domain: &NoDomain,
        state: STATE.into(),
        root: Some(root),
    }
}

fn carry_out(machine: &dyn Machine, plan: &Plan) -> deskside_types::Result<()> {
    let root = Direct { machine };
    apply(&workshop(machine, &root), plan, &mut |_| {}).map(drop)
}

fn take_back(machine: &dyn Machine) -> deskside_types::Result<Vec<String>> {
    let root = Direct { machine };
    undo(&workshop(machine, &root), None, &mut |_| {}).map(|undone| undone.left)
}

#[test]
fn every_kind_is_carried_out_and_taken_back() {
    let sim = machine();
    sim.put_file(
        "/proc/modules",
        "nouveau 16384 0 - Live 0x0000000000000000\n",
    );
    let before = everything(&sim);
    let shared = sim.shared();
    carry_out(&*shared, &every()).unwrap();
    let snapshot = sim.snapshot();
    let text = |path: &str| {
        String::from_utf8_lossy(snapshot.contents(path).unwrap_or_default()).into_owned()
    };
    assert!(text("/etc/group").contains("render:x:110:user"));
    assert_eq!(
        text("/etc/modprobe.d/deskside-nouveau.conf"),
        "blacklist nouveau\n"
    );
    assert!(
        !text("/proc/modules").contains("nouveau") && text("/proc/modules").contains("nvidia_uvm")
    );
    assert!(text("/boot/grub/grub.cfg").contains("pci=realloc"));
    assert!(text("/proc/swaps").contains("/swapfile-deskside"));
    assert_eq!(snapshot.get("/swapfile-deskside").unwrap().mode, 0o600);
    assert!(text("/etc/fstab").contains("/swapfile-deskside none swap"));
    assert!(
        snapshot.get("/etc/modprobe.d/old.conf").is_none(),
        "what goes, goes with its settings"
    );
    let status = text("/var/lib/dpkg/status");
    assert!(status.contains("Package: toolkit\n") && status.contains("Package: keyring\n"));
    // Everything holds now: nothing but what is always done would be done again.
    let root = Direct { machine: &*shared };
    let mut again = Vec::new();
    apply(&workshop(&*shared, &root), &every(), &mut |event| {
        if let Event::Begin { step, .. } = event {
            again.push(step.id.clone());
        }
    })
    .unwrap();
    assert_eq!(
        again,
        ["alternative", "module-off", "module-on", "boot", "swap"]
    );
    take_back(&*shared).unwrap();
    assert_eq!(take_back(&*shared).unwrap(), Vec::<String>::new());
    assert_same(&everything(&sim), &before, "afterwards");
    assert!(
        !String::from_utf8_lossy(sim.snapshot().contents("/boot/grub/grub.cfg").unwrap())
            .contains("pci=realloc"),
        "the boot loader's file is made anew"
    );
}

#[test]
fn killed_at_every_effect_it_arrives_and_can_be_taken_back() {
    let reference = {
        let sim = machine();
        carry_out(&*sim.shared(), &every()).unwrap();
        everything(&sim)
    };
    for mode in [Mode::DieBefore, Mode::DieAfter, Mode::Half] {
        let mut effect = 1;
        loop {
            let sim = machine();
            let before = everything(&sim);
            let faulty: Arc<dyn Machine> =
                Arc::new(Faulty::new(sim.shared(), Fault { at: effect, mode }));
            let died = catch_unwind(AssertUnwindSafe(|| carry_out(&*faulty, &every()))).is_err();
            if !died {
                assert!(effect > 60, "{mode:?}: more than {effect} effects");
                break;
            }
            let shared = sim.shared();
            carry_out(&*shared, &every())
                .unwrap_or_else(|problem| panic!("{mode:?}@{effect}: {problem:?}"));
            assert_same(&everything(&sim), &reference, &format!("{mode:?}@{effect}"));
            // Killed at its very end it was done, and what is always done was done again as an operation of its own.
            take_back(&*shared).unwrap_or_else(|problem| panic!("{mode:?}@{effect}: {problem:?}"));
            while take_back(&*shared).is_ok() {}
            assert_same(
                &everything(&sim),
                &before,
                &format!("{mode:?}@{effect}: taken back"),
            );
            effect += 1;
        }
    }
}

#[test]
fn killed_while_taking_back_it_goes_on() {
    for mode in [Mode::DieBefore, Mode::DieAfter, Mode::Half] {
        for effect in 1.. {
            let sim = machine();
            let before = everything(&sim);
            let shared = sim.shared();
            carry_out(&*shared, &every()).unwrap();
            let faulty: Arc<dyn Machine> =
                Arc::new(Faulty::new(sim.shared(), Fault { at: effect, mode }));
            if catch_unwind(AssertUnwindSafe(|| take_back(&*faulty))).is_ok() {
                assert!(effect > 40, "{mode:?}: more than {effect} effects");
                break;
            }
            while take_back(&*shared).is_ok() {}
            assert_same(&everything(&sim), &before, &format!("{mode:?}@{effect}"));
        }
    }
}

#[test]
fn apt_killed_between_any_two_packages_is_gone_on_with_and_taken_back() {
    let plan = plan(vec![step(
        "driver",
        are("driver tool=2", "old-driver old-library"),
        vec![
            run("apt-mark unhold old-driver"),
            packages("driver tool=2", "old-driver old-library"),
        ],
    )]);
    let prepared = || {
        let sim = machine();
        apt::install(&sim, &archive(), &["old-driver"]);
        sim.put_file("/etc/modprobe.d/old.conf", "options old a=2\n");
        sim
    };
    let reference = {
        let sim = prepared();
        carry_out(&*sim.shared(), &plan).unwrap();
        everything(&sim)
    };
    let mut killed = 0;
    for changes in 0..20 {
        let sim = prepared();
        let before = everything(&sim);
        sim.put_file(KILLED_AFTER, changes.to_string());
        let shared = sim.shared();
        if carry_out(&*shared, &plan).is_ok() {
            break;
        }
        killed += 1;
        let half = sim.snapshot();
        carry_out(&*shared, &plan).unwrap_or_else(|problem| panic!("{changes}: {problem:?}"));
        assert_same(&everything(&sim), &reference, &format!("{changes}"));
        take_back(&*shared).unwrap_or_else(|problem| panic!("{changes}: {problem:?}"));
        assert_same(
            &everything(&sim),
            &before,
            &format!("{changes}: taken back"),
        );
        // Given up half-way instead of gone on with.
        sim.restore(half);
        take_back(&*shared).unwrap_or_else(|problem| panic!("{changes}: {problem:?}"));
        assert_same(&everything(&sim), &before, &format!("{changes}: given up"));
    }
    assert!(killed > 5, "only {killed}");
}

#[test]
fn a_set_up_that_fails_is_told_in_dpkgs_words_and_can_be_taken_back() {
    let sim = machine();
    let before = everything(&sim);
    let shared = sim.shared();
    let plan = plan(vec![step(
        "broken",
        are("broken", ""),
        vec![packages("broken", "")],
    )]);
    let problem = carry_out(&*shared, &plan).unwrap_err();
    assert!(
        problem
            .causes
            .iter()
            .any(|cause| cause.contains("returned error exit status 10")),
        "{problem:?}"
    );
    take_back(&*shared).unwrap();
    assert_same(&everything(&sim), &before, "afterwards");
}

#[test]
fn what_the_plan_does_not_name_is_never_removed() {
    let sim = machine();
    apt::install(&sim, &archive(), &["desktop"]);
    let before = everything(&sim);
    let shared = sim.shared();
    let plan = plan(vec![step(
        "driver",
        are("driver", ""),
        vec![packages("driver", "old-driver old-library")],
    )]);
    let problem = carry_out(&*shared, &plan).unwrap_err();
    assert!(
        problem.code == Code::PlanStale
            && problem
                .causes
                .iter()
                .chain([&problem.message])
                .any(|text| text.contains("desktop")),
        "{problem:?}"
    );
    assert_same(&everything(&sim), &before, "afterwards");
}

#[test]
fn a_held_package_is_not_moved() {
    let sim = machine();
    let shared = sim.shared();
    let plan = plan(vec![step(
        "gone",
        are("", "old-driver"),
        vec![packages("", "old-driver")],
    )]);
    let problem = carry_out(&*shared, &plan).unwrap_err();
    assert!(
        problem
            .hints
            .iter()
            .any(|hint| hint.contains("unhold old-driver")),
        "{problem:?}"
    );
}

#[test]
fn another_package_manager_is_waited_for_by_name_and_given_up_on() {
    let heard = |tries: u32| {
        let sim = machine();
        sim.put_file(LOCKED, format!("4242 unattended-upgr {tries}"));
        let shared = sim.shared();
        let root = Direct { machine: &*shared };
        let plan = plan(vec![step(
            "toolkit",
            are("tool=2", ""),
            vec![packages("tool", "")],
        )]);
        let mut lines = Vec::new();
        let outcome = apply(&workshop(&*shared, &root), &plan, &mut |event| {
            if let Event::Progress(deskside_machine::Progress::Waiting(line)) = event {
                lines.push(line.to_string());
            }
        });
        (outcome, lines)
    };
    let (outcome, lines) = heard(5);
    outcome.unwrap();
    assert_eq!(
        lines
            .iter()
            .filter(|line| *line
                == "waiting for unattended-upgr (process 4242), which is working on packages")
            .count(),
        6,
        "{lines:?}"
    );
    let problem = heard(100_000).0.unwrap_err();
    assert_eq!(problem.code, Code::Locked);
    assert!(
        problem.hints.iter().any(|hint| hint.contains("ps 4242")),
        "{problem:?}"
    );
}

#[test]
fn a_version_that_left_the_archive_is_told_and_the_rest_goes_back() {
    let sim = machine();
    let shared = sim.shared();
    let plan = plan(vec![step(
        "driver",
        are("driver", ""),
        vec![
            run("apt-mark unhold old-driver"),
            packages("driver", "old-driver old-library"),
        ],
    )]);
    carry_out(&*shared, &plan).unwrap();
    let rest: Vec<Package> = archive()
        .into_iter()
        .filter(|package| package.name != "old-driver")
        .collect();
    apt::put(&sim, rest);
    let left = take_back(&*shared).unwrap();
    assert!(
        left.iter()
            .any(|line| line.contains("old-driver 535 does not come back")),
        "{left:?}"
    );
    assert!(
        left.iter()
            .any(|line| line.contains("/etc/modprobe.d/old.conf")),
        "{left:?}"
    );
    let status = String::from_utf8(
        sim.snapshot()
            .contents("/var/lib/dpkg/status")
            .unwrap()
            .to_vec(),
    )
    .unwrap();
    assert!(
        status.contains("Package: old-library\n") && !status.contains("Package: driver\n"),
        "{status}"
    );
}

#[test]
fn what_a_person_did_since_stays() {
    let sim = machine();
    let shared = sim.shared();
    let plan = plan(vec![step(
        "tool",
        are("library", ""),
        vec![packages("library", "")],
    )]);
    carry_out(&*shared, &plan).unwrap();
    apt::install(&sim, &archive(), &["tool"]);
    let other = Package::new("needs-it", "1").depends(&["library"]);
    let mut archive = archive();
    archive.push(other);
    apt::put(&sim, archive.clone());
    apt::install(&sim, &archive, &["needs-it"]);
    let problem = take_back(&*shared).unwrap_err();
    let said = format!("{problem:?}");
    assert!(said.contains("needs-it"), "{said}");
}

#[test]
fn another_key_is_refused_and_nothing_is_written() {
    for body in [
        b"<html>404</html>".to_vec(),
        include_bytes!("../../machine/src/data/debian-12.asc").to_vec(),
        [KEY, include_bytes!("../../machine/src/data/debian-12.asc")].concat(),
        KEY[..400].to_vec(),
    ] {
        let sim = machine();
        sim.serve(KEY_URL, "text/plain", body);
        let shared = sim.shared();
        let problem = carry_out(&*shared, &plan(vec![every().steps.remove(0)])).unwrap_err();
        assert_eq!(problem.code, Code::HashMismatch, "{problem:?}");
        assert!(
            sim.snapshot()
                .get("/etc/apt/keyrings/deskside-x.gpg")
                .is_none()
        );
    }
}

#[test]
fn names_that_are_none_never_reach_a_program() {
    let bad = [
        packages("*cuda*", ""),
        packages("-o=x", ""),
        packages("", "nvidia-.*"),
        packages("/tmp/x.deb", ""),
        Action::Group { name: "-g".into() },
        Action::Module {
            name: "a b".into(),
            wanted: Tuning::On,
        },
        Action::Service {
            name: "--root=/x".into(),
            wanted: Tuning::Off,
        },
        Action::BootParameter {
            parameter: "$(x)".into(),
        },
        Action::Alternative {
            name: "cuda".into(),
            path: "/usr/local/../x".into(),
        },
        Action::AptSource {
            name: "../x.list".into(),
            contents: String::new(),
        },
        Action::AptSource {
            name: "x.conf".into(),
            contents: String::new(),
        },
        Action::Key {
            path: "/etc/passwd".into(),
            fingerprint: FINGERPRINT.into(),
            url: KEY_URL.into(),
        },
    ];
    for action in bad {
        let sim = machine();
        let before = everything(&sim);
        let shared = sim.shared();
        assert!(
            carry_out(
                &*shared,
                &plan(vec![step("bad", vec![], vec![action.clone()])])
            )
            .is_err(),
            "{action:?}"
        );
        assert_same(&everything(&sim), &before, &format!("{action:?}"));
    }
}

#[test]
fn failing_at_every_effect_is_told_and_calling_again_arrives() {
    for effect in 1.. {
        let sim = machine();
        let before = everything(&sim);
        let faulty: Arc<dyn Machine> = Arc::new(Faulty::new(
            sim.shared(),
            Fault {
                at: effect,
                mode: Mode::Fail(ErrorKind::Full),
            },
        ));
        let shared = sim.shared();
        if carry_out(&*faulty, &every()).is_ok() && effect > 60 {
            break;
        }
        carry_out(&*shared, &every()).unwrap_or_else(|problem| panic!("@{effect}: {problem:?}"));
        while take_back(&*shared).is_ok() {}
        assert_same(&everything(&sim), &before, &format!("@{effect}"));
    }
}
