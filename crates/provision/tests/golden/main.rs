//! Golden plans: what is planned for machines in many states, each reviewed; what must hold of every plan; and that
//! no facts make the planner panic.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod cases;
mod invariants;
mod machine;
mod print;
mod revert;
mod totality;

use cases::{Case, all};
use deskside_provision::plan;
use std::fmt::Write;

fn printed(case: &Case) -> String {
    let mut text = format!("== {}\n", case.name);
    match plan(&case.facts, &case.wish) {
        Ok(plan) => text.push_str(&print::print(&plan)),
        Err(problem) => {
            let _ = writeln!(text, "  refused: {problem}");
            for hint in &problem.hints {
                let _ = writeln!(text, "    try {hint}");
            }
        }
    }
    text
}

#[test]
fn every_plan_is_as_reviewed() {
    let cases = all();
    assert!(cases.len() >= 60, "{}", cases.len());
    let mut names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases.len(), "names are unique");
    let mut groups: Vec<&str> = cases.iter().map(|case| case.group).collect();
    groups.dedup();
    for group in groups {
        let text: Vec<String> = cases
            .iter()
            .filter(|case| case.group == group)
            .map(printed)
            .collect();
        insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(group, text.join("\n"));
        });
    }
}

#[test]
fn the_same_facts_give_the_same_plan() {
    for case in all() {
        assert_eq!(
            plan(&case.facts, &case.wish),
            plan(&case.facts, &case.wish),
            "{}",
            case.name
        );
    }
}

/// Every script is one that a shell can read, and that shellcheck has nothing to say of where it is installed.
#[test]
#[allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test starts shells"
)]
fn every_script_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for (place, case) in all().iter().enumerate() {
        if let Ok(plan) = plan(&case.facts, &case.wish) {
            let path = folder.path().join(format!("{place}.sh"));
            std::fs::write(&path, deskside_provision::script::posix(&plan)).unwrap();
            paths.push(path);
        }
    }
    for path in &paths {
        let status = std::process::Command::new("sh")
            .arg("-n")
            .arg(path)
            .status()
            .unwrap();
        assert!(status.success(), "{}", path.display());
    }
    if let Ok(output) = std::process::Command::new("shellcheck")
        .args(["-s", "sh"])
        .args(&paths)
        .output()
    {
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
}
