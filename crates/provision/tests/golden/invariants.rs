//! What must hold of every plan.

use super::cases::{Case, all};
use deskside_knowledge::platforms::repository_of;
use deskside_knowledge::platforms::{package_kind, platforms, repositories};
use deskside_operate::root;
use deskside_provision::{SystemPlan, Wish, plan, rules};
use deskside_testkit::Sim;
use deskside_types::Known;
use deskside_types::plan::{Action, Check, Risk, Step, Undo};

fn plans() -> Vec<(Case, SystemPlan)> {
    all()
        .into_iter()
        .filter_map(|case| plan(&case.facts, &case.wish).ok().map(|plan| (case, plan)))
        .collect()
}

fn actions(plan: &SystemPlan) -> impl Iterator<Item = (&Step, &Action)> {
    plan.plan
        .steps
        .iter()
        .flat_map(|step| step.actions.iter().map(move |action| (step, action)))
}

#[test]
fn every_step_is_whole() {
    for (case, plan) in plans() {
        for step in &plan.plan.steps {
            let name = format!("{}: {}", case.name, step.id);
            // sysctl tells no value by its exit code; the step says so.
            assert!(
                !step.check.is_empty()
                    || ["apple.wired", "apple.unwire"].contains(&step.id.as_str()),
                "{name} has no check"
            );
            assert!(!step.verify.is_empty(), "{name} proves nothing");
            assert!(!step.actions.is_empty(), "{name} does nothing");
            assert!(
                !step.title.contains('{') && !step.why.contains('{'),
                "{name}: {} {}",
                step.title,
                step.why
            );
            if let Undo::BestEffort { why } | Undo::None { why } = &step.undo {
                assert!(!why.is_empty(), "{name}");
            }
            if step.actions.iter().any(Action::needs_root) {
                assert!(step.root, "{name} needs root and does not say so");
            }
            let person = step
                .actions
                .iter()
                .any(|action| matches!(action, Action::AskPerson { .. }));
            assert_eq!(person, step.hands_needed.is_some(), "{name}");
        }
        let mut ids: Vec<&str> = plan
            .plan
            .steps
            .iter()
            .map(|step| step.id.as_str())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(
            ids.len(),
            plan.plan.steps.len(),
            "{}: steps have one id each",
            case.name
        );
    }
}

#[test]
fn names_are_exact_and_programs_few() {
    for (case, plan) in plans() {
        for (step, action) in actions(&plan) {
            let name = format!("{}: {}", case.name, step.id);
            match action {
                Action::Packages { install, remove } => {
                    assert!(!install.is_empty() || !remove.is_empty(), "{name}");
                    for one in install.iter().chain(remove) {
                        let plain = one.starts_with('/')
                            || one.bytes().all(|byte| {
                                byte.is_ascii_lowercase()
                                    || byte.is_ascii_digit()
                                    || b"+-.=~:".contains(&byte)
                            });
                        assert!(plain && !one.ends_with(['+', '-']), "{name}: {one}");
                        assert!(
                            one != "cuda" || remove.contains(one),
                            "{name} installs cuda"
                        );
                    }
                    // Only what is there is removed.
                    if let Known::Value(packages) = &case.facts.packages {
                        for one in remove {
                            assert!(
                                packages.package(one).is_some(),
                                "{name}: {one} is not there"
                            );
                        }
                    }
                    assert!(install.iter().all(|one| !remove.contains(one)), "{name}");
                }
                Action::Run { command, .. } => {
                    let program = command.argv.first().map(String::as_str).unwrap_or_default();
                    assert!(!program.is_empty(), "{name}");
                    assert!(
                        !command
                            .argv
                            .iter()
                            .any(|word| word.contains(['*', ';', '|', '&', '`', '$'])),
                        "{name}"
                    );
                }
                _ => {}
            }
            let json = serde_json::to_string(action).unwrap();
            assert!(
                !json.contains("apt-key") && !json.contains("add-apt-repository"),
                "{name}"
            );
            // It is only ever taken out.
            assert!(
                !json.contains("LD_LIBRARY_PATH") || json.contains("switched off by deskside"),
                "{name}"
            );
        }
    }
}

#[test]
fn a_machine_restarts_once_at_most_and_at_the_end() {
    for (case, plan) in plans() {
        let restarts: Vec<usize> = plan
            .plan
            .steps
            .iter()
            .enumerate()
            .filter(|(_, step)| step.actions.contains(&Action::Reboot))
            .map(|(place, _)| place)
            .collect();
        assert!(restarts.len() <= 1, "{}", case.name);
        if let Some(place) = restarts.first() {
            assert_eq!(*place + 1, plan.plan.steps.len(), "{}", case.name);
        }
        let needs = plan.plan.steps.iter().any(|step| step.reboot);
        assert_eq!(needs, !restarts.is_empty(), "{}", case.name);
    }
}

/// After the plan a driver can come from one archive only: PPAs are off, and where NVIDIA's archive is a source
/// beside the distribution's driver, its drivers are fenced off.
#[test]
fn there_are_never_two_sources_for_the_driver() {
    for (case, plan) in plans() {
        let Known::Value(packages) = &case.facts.packages else {
            continue;
        };
        if case.wish.clean.is_some()
            || plan.notes.iter().any(|note| note.blocking)
            || packages.sources.value().is_none()
        {
            continue;
        }
        let off = |file: &str, text: &str| {
            actions(&plan).any(|(_, action)| match action {
                Action::Remove { path } => path == file,
                Action::EditFile { path, old, .. } => path == file && old == text,
                _ => false,
            })
        };
        let mut nvidia = actions(&plan).any(|(_, action)| matches!(action, Action::Download { url, .. } if url.contains("cuda-keyring")));
        for source in packages
            .sources
            .value()
            .into_iter()
            .flatten()
            .filter(|source| source.enabled)
        {
            match repository_of(&source.uri).map(|one| one.id.as_str()) {
                Some("graphics-drivers") => assert!(
                    off(&source.file, &source.text),
                    "{}: the PPA stays",
                    case.name
                ),
                Some("nvidia") => nvidia |= !off(&source.file, &source.text),
                _ => {}
            }
        }
        let fenced = packages
            .pins
            .value()
            .into_iter()
            .flatten()
            .any(|pin| pin.priority < 0)
            || plan
                .plan
                .steps
                .iter()
                .any(|step| step.id == "repository.fence");
        let driver_of_distribution = case
            .facts
            .system
            .os
            .value()
            .is_some_and(|os| os.id != "debian")
            && case.facts.system.wsl.value().is_none()
            && case
                .facts
                .known_gpus()
                .iter()
                .any(|gpu| gpu.vendor == deskside_types::facts::Vendor::Nvidia);
        let all_from_nvidia = packages
            .package("libnvidia-compute-580")
            .is_some_and(|one| one.origin.value().is_some_and(|origin| origin == "nvidia"));
        if nvidia && driver_of_distribution && !all_from_nvidia {
            assert!(fenced, "{}: NVIDIA's archive gives drivers, too", case.name);
        }
        if let Some(place) = plan
            .plan
            .steps
            .iter()
            .position(|step| step.id == "repository.fence")
        {
            let first = plan.plan.steps.iter().position(|step| {
                step.id.starts_with("driver.")
                    || step.id.starts_with("toolkit.install")
                    || step.id == "repository.add"
            });
            assert!(
                first.is_none_or(|first| place < first),
                "{}: the fence comes first",
                case.name
            );
        }
    }
}

#[test]
fn secure_boot_is_never_switched_off_and_hands_are_needed_only_for_modules_built_here() {
    for (case, plan) in plans() {
        for step in &plan.plan.steps {
            if step.id == "secure-boot.enrol" {
                let prebuilt = actions(&plan).any(|(_, action)| matches!(action, Action::Packages { install, .. } if install.iter().any(|name| name.starts_with("linux-modules-nvidia"))));
                assert!(!prebuilt, "{}", case.name);
            }
        }
    }
}

/// What a plan installs and removes, made true by hand: then nothing of it is left to do.
#[test]
fn a_plan_that_was_carried_out_is_followed_by_an_empty_one() {
    for (case, first) in plans() {
        if first.notes.iter().any(|note| note.blocking)
            || case.wish.upgrade
            || case.wish.wired_limit_mb.is_some()
            // Which packages are to be held is known only once the driver is in, and the plan says so.
            || (case.wish.hold_driver && first.plan.steps.iter().any(|step| step.id == "driver.install"))
        {
            continue;
        }
        let mut facts = case.facts.clone();
        super::machine::carried_out(&mut facts, &first);
        // Who asks for something anew gets it anew each time; what is left then is what any machine lacks.
        let wish = Wish {
            reinstall: None,
            ..case.wish.clone()
        };
        let second = plan(&facts, &wish).unwrap();
        let left: Vec<&str> = second
            .plan
            .steps
            .iter()
            .map(|step| step.title.as_str())
            .collect();
        assert!(left.is_empty(), "{}: {left:?}", case.name);
    }
}

#[test]
fn checks_speak_of_what_the_actions_do() {
    for (case, plan) in plans() {
        // What comes back in the same plan can't be told by its absence; a mark of the plan tells it.
        for step in plan
            .plan
            .steps
            .iter()
            .filter(|step| !step.id.starts_with("reinstall."))
        {
            for action in &step.actions {
                if let Action::Packages { remove, .. } = action {
                    // What is installed again by a later step is looked at by its version, or comes back with it.
                    let back = |name: &String| {
                        actions(&plan).any(|(_, action)| matches!(action, Action::Packages { install, .. } if install.contains(name)))
                    };
                    for name in remove.iter().filter(|name| !back(name)) {
                        assert!(
                            step.check.iter().any(|check| matches!(check, Check::Packages { absent, .. } if absent.iter().any(|one| one == name || one.starts_with(&format!("{name}="))))),
                            "{}: {} does not look whether {name} is gone",
                            case.name,
                            step.id
                        );
                    }
                }
            }
        }
    }
}

/// Places that plans may touch; whoever carries them out with root has the same.
const PLACES: &[&str] = &[
    "/etc/apt/",
    "/etc/modprobe.d/",
    "/etc/profile.d/",
    "/etc/X11/xorg.conf",
    "/etc/environment",
    "/usr/share/keyrings/",
    "/usr/local/cuda",
    "/opt/rocm",
    "/var/cache/deskside/",
    "/var/lib/dkms/",
    "/run/deskside-restart",
];

#[test]
fn only_places_of_the_system_layer_are_touched_and_nothing_of_a_persons_goes() {
    for (case, plan) in plans() {
        for (step, action) in actions(&plan) {
            let name = format!("{}: {}", case.name, step.id);
            let (path, removed) = match action {
                Action::Remove { path } => (path, true),
                Action::WriteFile { path, .. }
                | Action::EditFile { path, .. }
                | Action::Download { path, .. }
                | Action::Key { path, .. } => (path, false),
                _ => continue,
            };
            let of_person = path.starts_with("/home/") || path.starts_with("/Users/");
            if of_person {
                // A line of a shell profile is switched off, and can be switched on again.
                assert!(!removed && !step.root, "{name}: {path}");
                assert!(
                    matches!(action, Action::EditFile { old, new, .. } if *new == format!(": # switched off by deskside: {old}")),
                    "{name}"
                );
                continue;
            }
            assert!(
                PLACES.iter().any(|place| path.starts_with(place)) && !path.contains(".."),
                "{name}: {path}"
            );
        }
    }
}

#[test]
fn only_packages_of_drivers_and_toolkits_are_taken_away() {
    let branch_packages: Vec<&String> = platforms()
        .iter()
        .flat_map(|platform| &platform.nvidia)
        .flat_map(|nvidia| &nvidia.branches)
        .flat_map(|branch| &branch.packages)
        .collect();
    for (case, plan) in plans() {
        for (step, action) in actions(&plan) {
            let Action::Packages { remove, .. } = action else {
                continue;
            };
            // Old kernels go for room in /boot, and only there.
            for name in remove.iter().filter(|_| step.id != "boot.space") {
                let keyring = repositories()
                    .iter()
                    .any(|archive| archive.keyring_package.as_ref() == Some(name));
                assert!(
                    package_kind(name).is_some() || branch_packages.contains(&name) || keyring,
                    "{}: {} removes {name}",
                    case.name,
                    step.id
                );
            }
        }
    }
}

/// Root's process carries out every plan that is made, and weighs none higher than the plan says.
#[test]
fn root_carries_out_every_plan_and_no_recipe_says_less_than_it_does() {
    let (rules, sim) = (rules(), Sim::linux());
    let mut wrong = Vec::new();
    for (case, plan) in plans() {
        if let Err(problem) = root::require(&plan.plan, &rules) {
            wrong.push(format!("{}: {problem:?}", case.name));
        }
        let mut weighed = plan.plan.clone();
        if case.facts.system.wsl.value().is_some() {
            sim.put_file(
                "/proc/sys/kernel/osrelease",
                "5.15.90.1-microsoft-standard-WSL2\n",
            );
        } else {
            sim.put_file("/proc/sys/kernel/osrelease", "6.8.0-40-generic\n");
        }
        root::weigh(&sim, &mut weighed, &rules);
        for (step, weighed) in plan.plan.steps.iter().zip(&weighed.steps) {
            // What dpkg could not set up goes in any case; with nothing to come, the plan says so in the step behind it.
            let said = plan
                .plan
                .steps
                .iter()
                .any(|other| other.risk == weighed.risk);
            if step.risk != weighed.risk && !(step.id == "dpkg.drop" && said) {
                wrong.push(format!("{}: {} is {:?}", case.name, step.id, weighed.risk));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What takes a driver or a toolkit away asks for the machine's name.
#[test]
fn taking_away_is_of_great_risk() {
    for (case, plan) in plans() {
        if case.wish.clean.is_none() && case.wish.reinstall.is_none() {
            continue;
        }
        let takes = actions(&plan).any(|(_, action)| match action {
            Action::Packages { install, remove } => install.is_empty() && !remove.is_empty(),
            Action::Run { command, .. } => command.argv[0].ends_with("nvidia-uninstall"),
            _ => false,
        });
        let severe = plan.plan.steps.iter().any(|step| step.risk == Risk::Severe);
        assert!(!takes || severe, "{}", case.name);
    }
}

/// A reinstall that can't end well takes nothing away; one that can brings back what it took.
#[test]
fn what_can_not_be_brought_back_is_not_taken_away() {
    for (case, plan) in plans() {
        if case.wish.reinstall.is_none() {
            continue;
        }
        let blocked = plan.notes.iter().any(|note| note.blocking);
        let takes = plan
            .plan
            .steps
            .iter()
            .any(|step| step.id.starts_with("reinstall.") || step.id == "clean.outside");
        assert!(!(blocked && takes), "{}", case.name);
        for (head, back) in [
            ("reinstall.driver", "driver.install"),
            ("reinstall.toolkit", "install"),
        ] {
            let place = |id: &str| plan.plan.steps.iter().position(|step| step.id.contains(id));
            if let Some(taken) = place(head) {
                let last = plan
                    .plan
                    .steps
                    .iter()
                    .rposition(|step| step.id.contains(back));
                assert!(last.is_some_and(|last| last > taken), "{}", case.name);
            }
        }
    }
}
