//! No facts make the planner panic, and no plan of theirs breaks its promises.

use super::cases::all;
use deskside_provision::{Part, Wish, plan, script};
use deskside_types::Facts;
use deskside_types::plan::Action;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Replaces values of the facts by others: absent, unknown, of another kind of text or number.
fn damage(value: &mut Value, seeds: &mut impl Iterator<Item = u8>) {
    match value {
        Value::Object(fields) => {
            for field in fields.values_mut() {
                damage(field, seeds);
            }
        }
        Value::Array(items) => {
            for item in items.iter_mut() {
                damage(item, seeds);
            }
            match seeds.next() {
                Some(0..6) => items.clear(),
                Some(6..9) => {
                    items.pop();
                }
                Some(9..12) => {
                    if let Some(first) = items.first().cloned() {
                        items.push(first);
                    }
                }
                _ => {}
            }
        }
        _ => match seeds.next() {
            Some(0..4) => *value = Value::Null,
            Some(4..8) => *value = json!({ "unknown": "damaged" }),
            Some(8..10) if value.is_string() => *value = json!("*; rm -rf / {x} ü\u{0}"),
            Some(10..12) if value.is_string() => *value = json!(""),
            Some(12..14) if value.is_string() => *value = json!("580"),
            _ => {}
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_facts_make_it_panic(place in 0usize..1000, seeds in proptest::collection::vec(any::<u8>(), 0..400), wish in 0u16..512) {
        let cases = all();
        let case = &cases[place % cases.len()];
        let mut value = serde_json::to_value(&case.facts).unwrap();
        let mut seeds = seeds.into_iter().cycle().take(4000);
        damage(&mut value, &mut seeds);
        let facts: Facts = match serde_json::from_value(value) {
            Ok(facts) => facts,
            // Not every damage is still a value of its kind.
            Err(_) => return Ok(()),
        };
        let wish = Wish {
            cuda: (wish & 1 != 0).then(|| "13.0".into()),
            rocm: wish & 2 != 0,
            driver: (wish & 4 != 0).then(|| "595".into()),
            upgrade: wish & 8 != 0,
            clean: match (wish >> 4) & 7 {
                1 => Some(Part::All),
                2 => Some(Part::Driver),
                3 => Some(Part::Cuda),
                _ => None,
            },
            reinstall: match (wish >> 4) & 7 {
                4 => Some(Part::All),
                5 => Some(Part::Driver),
                6 => Some(Part::Cuda),
                _ => None,
            },
            hold_driver: wish & 128 != 0,
            release_driver: wish & 256 != 0 && wish & 128 == 0,
            ..case.wish.clone()
        };
        if let Ok(made) = plan(&facts, &wish) {
            let restarts = made.plan.steps.iter().flat_map(|step| &step.actions).filter(|action| **action == Action::Reboot).count();
            prop_assert!(restarts <= 1);
            for step in &made.plan.steps {
                for action in &step.actions {
                    if let Action::Remove { path } = action {
                        prop_assert!(!path.starts_with("/home/") && !path.contains(".."), "{path}");
                    }
                    if let Action::Packages { install, remove } = action {
                        prop_assert!(install.iter().chain(remove).all(|name| !name.contains(['*', ';', ' '])));
                    }
                }
            }
            prop_assert!(script::posix(&made).starts_with("#!/bin/sh"));
        }
    }
}
