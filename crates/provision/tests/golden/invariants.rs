//! What must hold of every plan.

use super::cases::{Case, all};
use deskside_knowledge::platforms::repository_of;
use deskside_provision::{ROOT_PROGRAMS, SystemPlan, plan};
use deskside_types::Known;
use deskside_types::plan::{Action, Check, Step, Undo};

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
                !step.check.is_empty() || step.id == "apple.wired",
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
                    assert!(ROOT_PROGRAMS.contains(&program), "{name}: {program}");
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
        {
            continue;
        }
        let mut facts = case.facts.clone();
        super::machine::carried_out(&mut facts, &first);
        let second = plan(&facts, &case.wish).unwrap();
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
        for step in &plan.plan.steps {
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
