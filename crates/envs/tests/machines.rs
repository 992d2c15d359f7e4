//! Every machine among the fixtures gets (columns of `machines.txt`: torch, jax, mlx; a star where it is taken by itself) a build for each framework, or a refusal with a way out.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests look from outside"
)]

use deskside_envs::build::{Flavour, Wish, choose, natural};
use deskside_machine::wrappers::Replay;
use std::path::Path;

fn variants(name: &str) -> [String; 3] {
    let machines = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/machines");
    let machine = Replay::open(machines.join(name)).unwrap();
    let facts = deskside_probe::collect(&machine);
    Flavour::ALL.map(|flavour| match choose(&facts, flavour, &Wish::default()) {
        Ok(build) => {
            assert!(
                !build.why.is_empty() && !build.requirements.is_empty() && !build.python.is_empty()
            );
            let star = if natural(&facts).0 == flavour {
                "*"
            } else {
                ""
            };
            format!("{}{star}", build.variant)
        }
        Err(problem) => {
            assert!(
                !problem.hints.is_empty() && !problem.causes.is_empty(),
                "{problem}"
            );
            "none".into()
        }
    })
}

#[test]
fn builds_of_all_fixtures() {
    let machines = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/machines");
    let mut names: Vec<String> = std::fs::read_dir(machines)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let table: Vec<String> = names
        .iter()
        .map(|name| format!("{name}: {}", variants(name).join(" ")))
        .collect();
    let expected = include_str!("machines.txt");
    assert_eq!(
        table.join("\n"),
        expected.trim_end(),
        "look at each changed line before taking it over"
    );
}
