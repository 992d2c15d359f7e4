//! `plan` on a simulated machine with a stand-in for apt: what apt is asked, and what becomes of its answers.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use deskside_app::Context;
use deskside_app::plan::{PlanRequest, plan};
use deskside_testkit::Sim;
use deskside_testkit::sim::output;
use deskside_types::plan::Risk;
use std::sync::{Arc, Mutex};

/// Ubuntu 22.04 with an RTX 4090 and nothing installed. What apt-get is asked is kept; `answer` says what it answers.
fn machine(
    answer: impl Fn(&[String]) -> (i32, &'static str) + Send + Sync + 'static,
) -> (Sim, Arc<Mutex<Vec<String>>>) {
    let sim = Sim::linux();
    sim.put_file("/etc/os-release", "ID=ubuntu\nVERSION_ID=\"22.04\"\nVERSION_CODENAME=jammy\nPRETTY_NAME=\"Ubuntu 22.04.5 LTS\"\n")
        .put_file("/proc/sys/kernel/osrelease", "6.8.0-87-generic\n")
        .put_file("/boot/vmlinuz-6.8.0-87-generic", "")
        .put_file("/sys/bus/pci/devices/0000:01:00.0/class", "0x030000\n")
        .put_file("/sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n")
        .put_file("/sys/bus/pci/devices/0000:01:00.0/device", "0x2684\n")
        .put_file("/etc/apt/sources.list", "deb http://archive.example/ubuntu jammy main restricted\n")
        .put_file("/var/lib/dpkg/status", "Package: linux-image-generic-hwe-22.04\nStatus: install ok installed\nVersion: 6.8.0.87\nMaintainer: x@ubuntu.com\n")
        .put_program("/usr/bin/apt-get", "apt");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = asked.clone();
    sim.on_command(
        |argv| argv[0].ends_with("apt-get"),
        move |_, command| {
            kept.lock().unwrap().push(command.argv.join(" "));
            let (code, said) = answer(&command.argv);
            Ok(if code == 0 {
                output(0, said, "")
            } else {
                output(code, "", said)
            })
        },
    );
    (sim, asked)
}

fn context(sim: &Sim) -> Context {
    Context::here(sim.shared()).unwrap()
}

#[test]
fn apt_tells_sizes_and_what_else_would_go() {
    let (sim, asked) = machine(|argv| {
        if argv.iter().any(|word| word == "-s") {
            (
                0,
                "Remv libreoffice-gl [7]\nInst nvidia-driver-580-open (580.178.04 Ubuntu:22.04 [amd64])\nConf nvidia-driver-580-open (580.178.04 Ubuntu:22.04 [amd64])\n",
            )
        } else {
            (0, "'http://h/a.deb' a.deb 300000000 SHA256:00\n")
        }
    });
    let before = sim.tree();
    let report = plan(&context(&sim), &PlanRequest::default()).unwrap();
    let transaction = report.simulation.transaction.as_ref().unwrap();
    assert_eq!(transaction.removes, ["libreoffice-gl"]);
    let step = &report.system.plan.steps[0];
    assert_eq!(
        (step.id.as_str(), step.download_bytes, step.risk),
        ("driver.install", Some(300_000_000), Risk::Severe)
    );
    assert!(
        report
            .system
            .notes
            .iter()
            .any(|note| note.text.contains("libreoffice-gl"))
    );
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 2, "{asked:?}");
    // Both are asked at once, in any order.
    let simulated = asked
        .iter()
        .find(|line| line.starts_with("apt-get -s -y"))
        .unwrap();
    assert!(
        simulated.contains(
            "install linux-modules-nvidia-580-open-generic-hwe-22.04 nvidia-driver-580-open"
        ),
        "{asked:?}"
    );
    assert!(
        asked
            .iter()
            .all(|line| !line.contains("update") && !line.contains('*')),
        "{asked:?}"
    );
    assert_eq!(
        sim.tree(),
        before,
        "nothing is written where the machine's own lists do"
    );
}

#[test]
fn what_apt_refuses_is_told_in_its_words() {
    let (sim, _) = machine(|_| (100, "E: Unable to locate package nvidia-driver-580-open\n"));
    let report = plan(&context(&sim), &PlanRequest::default()).unwrap();
    // New lists were tried first, in folders of our own.
    assert_eq!(
        report.simulation.refused,
        [
            "E: Unable to locate package nvidia-driver-580-open",
            "new lists could not be fetched: Unable to locate package nvidia-driver-580-open"
        ]
    );
    assert_eq!(report.system.plan.steps[0].download_bytes, None);
    let problem = report.require_possible().unwrap_err();
    assert!(problem.to_string().contains("Unable to locate package"));
    let request = deskside_app::apply::ApplyRequest::default();
    let before = sim.tree();
    assert!(deskside_app::apply::prepare(&context(&sim), &request).is_err());
    assert_eq!(sim.tree(), before);
}

#[test]
fn sources_that_a_plan_adds_are_looked_at_in_folders_of_our_own() {
    let (sim, asked) = machine(|argv| {
        if argv.iter().any(|word| word == "-s") {
            (0, "Inst cuda-toolkit-13-0 (13.0.2-1 NVIDIA [amd64])\n")
        } else {
            (0, "")
        }
    });
    sim.put_file(
        "/etc/apt/sources.list.d/graphics-drivers.list",
        "deb https://ppa.launchpadcontent.net/graphics-drivers/ppa/ubuntu/ jammy main\n",
    );
    let etc = sim.tree_of("/etc");
    let context = context(&sim);
    let request = PlanRequest {
        wishes: vec!["cuda=13.0".into()],
        project: None,
    };
    let report = plan(&context, &request).unwrap();
    assert!(
        report.simulation.transaction.is_some(),
        "{:?}",
        report.simulation
    );
    assert_eq!(sim.tree_of("/etc"), etc, "the machine's own settings stay");
    let root = context.directories.cache.join("apt-simulation");
    let text = |name: &str| {
        sim.snapshot()
            .contents(root.join(name))
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    };
    assert!(
        text("sources/single.list")
            .unwrap()
            .contains("archive.example")
    );
    assert_eq!(
        text("sources/graphics-drivers.list"),
        None,
        "what the plan switches off is not read"
    );
    assert!(
        text("sources/of-keyring.list")
            .unwrap()
            .contains("repos/ubuntu2204/x86_64/ /")
    );
    assert!(
        text("preferences/deskside-nvidia-toolkit-only.pref")
            .unwrap()
            .contains("Pin-Priority: -1")
    );
    let asked = asked.lock().unwrap().clone();
    assert!(asked[0].starts_with("apt-get update"), "{asked:?}");
    assert!(
        asked
            .iter()
            .all(|line| line.contains("Dir::Etc::SourceList=/dev/null")
                && line.contains("Dir::State::Lists=")),
        "{asked:?}"
    );
}

#[test]
fn lists_that_can_not_be_fetched_leave_the_plan_as_it_is() {
    let (sim, _) = machine(|_| {
        (
            100,
            "E: Failed to fetch https://h/InRelease  Could not resolve\n",
        )
    });
    let request = PlanRequest {
        wishes: vec!["cuda=13.0".into()],
        project: None,
    };
    let report = plan(&context(&sim), &request).unwrap();
    assert!(report.simulation.transaction.is_none());
    assert!(
        report
            .simulation
            .not_simulated
            .as_ref()
            .unwrap()
            .contains("Could not resolve")
    );
    assert!(!report.system.plan.is_empty());
}

/// A driver in order on such a machine.
fn with_driver(sim: &Sim) {
    let package = |name: &str| {
        format!(
            "\nPackage: {name}\nStatus: install ok installed\nVersion: 580.178.04-0ubuntu0.22.04.1\nMaintainer: x@ubuntu.com\n"
        )
    };
    let names = [
        "nvidia-driver-580-open",
        "libnvidia-compute-580",
        "linux-modules-nvidia-580-open-generic-hwe-22.04",
    ];
    let status: String = std::iter::once(
        "Package: linux-image-generic-hwe-22.04\nStatus: install ok installed\nVersion: 6.8.0.87\nMaintainer: x@ubuntu.com\n"
            .to_string(),
    )
    .chain(names.map(package))
    .collect();
    sim.put_file("/var/lib/dpkg/status", status);
}

fn wished(sim: &Sim, word: &str) -> deskside_app::plan::SystemPlanReport {
    let request = PlanRequest {
        wishes: vec![word.into()],
        project: None,
    };
    plan(&context(sim), &request).unwrap()
}

#[test]
fn a_step_that_takes_away_names_what_apt_takes_along() {
    let (sim, asked) = machine(|_| {
        (
            0,
            "Remv nvidia-driver-580-open [1]\nRemv libnvidia-compute-580 [1]\nRemv blender-cuda [4]\n",
        )
    });
    with_driver(&sim);
    let report = wished(&sim, "clean=driver");
    let step = &report.system.plan.steps[0];
    assert_eq!(
        (step.id.as_str(), step.risk),
        ("clean.driver", Risk::Severe)
    );
    assert!(format!("{:?}", step.actions).contains("blender-cuda"));
    assert!(
        report
            .system
            .notes
            .iter()
            .any(|note| note.text.contains("blender-cuda"))
    );
    // The whole is asked with it.
    assert!(
        asked
            .lock()
            .unwrap()
            .last()
            .unwrap()
            .contains("blender-cuda"),
        "{asked:?}"
    );
}

#[test]
fn what_goes_to_come_back_is_not_kept_out_of_the_answer() {
    let (sim, asked) = machine(|argv| {
        if argv.iter().any(|word| word == "remove") {
            (0, "Remv nvidia-driver-580-open [1]\n")
        } else {
            (0, "")
        }
    });
    with_driver(&sim);
    let report = wished(&sim, "reinstall=driver");
    let ids: Vec<&str> = report
        .system
        .plan
        .steps
        .iter()
        .map(|step| step.id.as_str())
        .collect();
    assert_eq!(
        ids,
        [
            "packages.keep",
            "packages.fetch",
            "reinstall.driver",
            "driver.install",
            "restart"
        ]
    );
    assert_eq!(report.simulation.not_simulated, None);
    assert_eq!(report.system.plan.steps[1].download_bytes, Some(0));
    let transaction = report.simulation.transaction.unwrap();
    assert!(
        transaction
            .removes
            .contains(&"nvidia-driver-580-open".to_string())
    );
    for line in asked
        .lock()
        .unwrap()
        .iter()
        .filter(|line| line.contains(" install "))
    {
        assert!(!line.contains("libnvidia-compute-580-"), "{line}");
        // apt is asked for a machine where it is gone already.
        assert!(line.contains("Dir::State::status="), "{line}");
    }
}

/// A machine whose lists were never fetched knows no name: they are fetched into folders of our own, and asked there.
#[test]
fn a_machine_without_lists_is_asked_with_new_ones() {
    let (sim, asked) = machine(|argv| {
        if argv.iter().any(|word| word == "update") {
            (0, "")
        } else if argv.iter().any(|word| word.contains("Dir::State::Lists=")) {
            (
                0,
                "Inst nvidia-driver-580-open (580.178.04 Ubuntu:22.04 [amd64])\n",
            )
        } else {
            (100, "E: Unable to locate package nvidia-driver-580-open\n")
        }
    });
    let report = plan(&context(&sim), &PlanRequest::default()).unwrap();
    assert!(
        report.simulation.refused.is_empty(),
        "{:?}",
        report.simulation
    );
    assert!(report.simulation.transaction.is_some() && report.require_possible().is_ok());
    assert!(
        asked
            .lock()
            .unwrap()
            .iter()
            .any(|line| line.contains(" update "))
    );
}

/// What apt says is held and moves is released where it moves, and held again.
#[test]
fn what_is_held_and_moves_is_released_and_held_again() {
    let (sim, _) = machine(|argv| {
        if argv.iter().any(|word| word == "-s") {
            (
                0,
                "The following held packages will be changed:\n  libnvidia-compute-580\nInst libnvidia-compute-580 [1] (2 x [amd64])\n",
            )
        } else {
            (0, "")
        }
    });
    let report = plan(&context(&sim), &PlanRequest::default()).unwrap();
    let step = &report.system.plan.steps[0];
    let actions: Vec<String> = step
        .actions
        .iter()
        .map(|action| format!("{action:?}"))
        .collect();
    let place = |word: &str| actions.iter().position(|action| action.contains(word));
    let packages = place("Packages").unwrap();
    assert!(place("[\"apt-mark\", \"unhold\", \"libnvidia-compute-580\"]").unwrap() < packages);
    let again = actions
        .iter()
        .rposition(|action| action.contains("argv: [\"apt-mark\", \"hold\""));
    assert_eq!(again, Some(packages + 1), "{actions:?}");
}

/// Titles count what a step takes, also what apt takes along; no later step names it again.
#[test]
fn titles_count_what_goes_along_and_name_it_once() {
    let (sim, _) = machine(|argv| {
        if argv.iter().any(|word| word == "remove") {
            (
                0,
                "Remv nvidia-driver-580-open [1]\nRemv libnvidia-compute-580 [1]\nRemv blender-cuda [4]\n",
            )
        } else {
            (
                0,
                "Remv blender-cuda [4]\nInst nvidia-driver-580-open [1] (2 x [amd64])\n",
            )
        }
    });
    with_driver(&sim);
    let report = wished(&sim, "reinstall=driver");
    let steps = &report.system.plan.steps;
    let step = |id: &str| steps.iter().find(|step| step.id == id).unwrap();
    let gone = step("reinstall.driver");
    let removed = gone
        .actions
        .iter()
        .find_map(|action| match action {
            deskside_types::plan::Action::Packages { remove, .. } => Some(remove.clone()),
            _ => None,
        })
        .unwrap();
    assert!(removed.contains(&"blender-cuda".to_string()), "{removed:?}");
    assert!(
        gone.title
            .ends_with(&format!(": {} packages", removed.len())),
        "{}",
        gone.title
    );
    assert!(!format!("{:?}", step("driver.install").actions).contains("blender-cuda"));
    assert!(format!("{:?}", step("packages.fetch").actions).contains("blender-cuda-"));
}

/// A profile is a program: switching lines off leaves it one that a shell can read, and every other line as it is.
#[test]
#[allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test starts a shell"
)]
fn a_profile_stays_one_that_a_shell_can_read() {
    use deskside_types::plan::Action;
    let profiles = [
        "if [ -d /usr/local/cuda ]; then\n    export LD_LIBRARY_PATH=/usr/local/cuda/lib64:$LD_LIBRARY_PATH\nfi\n",
        "for one in a; do\nexport LD_LIBRARY_PATH=/usr/local/cuda/lib64\ndone\nexport LD_LIBRARY_PATH=/usr/local/cuda-12/lib64\n",
        "if true; then export LD_LIBRARY_PATH=/usr/local/cuda/lib64; fi\n",
        "export LD_LIBRARY_PATH=/usr/local/cuda/lib64:\\\n/srv/lib\n",
        "export PATH=$PATH:\\\nLD_LIBRARY_PATH=/usr/local/cuda/lib64\n",
        "cat > /dev/null << END\nexport LD_LIBRARY_PATH=/usr/local/cuda/lib64\nEND\n",
        "export LD_LIBRARY_PATH=/usr/local/cuda/lib64:$HOME/lib\n",
        "f() {\n\texport LD_LIBRARY_PATH=/usr/local/cuda/lib64   \n}\n",
    ];
    let readable = |text: &str| {
        let mut shell = std::process::Command::new("sh")
            .arg("-n")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut shell.stdin.take().unwrap(), text.as_bytes()).unwrap();
        shell.wait().unwrap().success()
    };
    let mut edited = 0;
    for text in profiles {
        let (sim, _) = machine(|_| (0, ""));
        let home = deskside_machine::Reading::variable(&*sim.shared(), "HOME").unwrap();
        let path = format!("{home}/.bashrc");
        sim.put_file(&path, text);
        let report = plan(&context(&sim), &PlanRequest::default()).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
        for action in report
            .system
            .plan
            .steps
            .iter()
            .flat_map(|step| &step.actions)
        {
            if let Action::EditFile {
                path: file,
                old,
                new,
            } = action
            {
                assert_eq!(*file, path);
                let places: Vec<usize> = (0..lines.len())
                    .filter(|place| lines[*place] == *old)
                    .collect();
                assert_eq!(places.len(), 1, "{old} is one whole line of {text}");
                lines[places[0]].clone_from(new);
                edited += 1;
            }
        }
        assert!(
            readable(text) && readable(&(lines.join("\n") + "\n")),
            "{text} became {lines:?}"
        );
    }
    assert_eq!(edited, 4);
}

#[test]
fn a_change_of_another_tool_is_found_in_its_log() {
    let (sim, _) = machine(|_| (0, ""));
    with_driver(&sim);
    sim.put_file("/var/log/apt/history.log", "\nStart-Date: 2026-11-18  06:27:14\nCommandline: /usr/bin/unattended-upgrade\nUpgrade: libnvidia-compute-580:amd64 (580.95.05-0ubuntu0.22.04.2, 580.178.04-0ubuntu0.22.04.1)\nEnd-Date: 2026-11-18  06:29:02\n");
    let history = deskside_app::history::history(&context(&sim)).unwrap();
    assert_eq!(history.system[0].id, "apt-20261118-062714");
    let report = wished(&sim, "revert=apt-20261118-062714");
    assert!(
        format!("{:?}", report.system.plan.steps[0].actions)
            .contains("libnvidia-compute-580=580.95.05-0ubuntu0.22.04.2")
    );
    let request = PlanRequest {
        wishes: vec!["revert=apt-1999".into()],
        project: None,
    };
    let problem = plan(&context(&sim), &request).unwrap_err();
    assert_eq!(problem.code, deskside_types::Code::Usage);
}
