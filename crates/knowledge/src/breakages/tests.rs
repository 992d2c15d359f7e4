//! What every breakage's file must be.

use super::*;
use crate::evidence;

/// Deskside's own commands that a way to mend may name.
const OWN: &[&str] = &[
    "plan",
    "apply",
    "up",
    "clean",
    "reinstall",
    "env",
    "fit",
    "info",
    "choose",
];

#[test]
fn every_file_can_be_read_and_is_whole() {
    for (name, text) in FILES {
        let one: Breakage =
            toml::from_str(text).unwrap_or_else(|error| panic!("{name}.toml: {error}"));
        assert_eq!(one.id, *name, "the file's name is the identity");
        assert!(
            one.title.len() > 10 && one.cause.len() > 20,
            "{name}: title and cause say too little"
        );
        assert!(!one.title.ends_with('.'), "{name}: a title is a phrase");
        assert!(!one.sources.is_empty(), "{name}: where is it known from?");
        for milder in &one.milder {
            assert!(
                milder.severity > one.severity,
                "{name}: milder is what is less bad"
            );
        }
        for platform in &one.platforms {
            assert!(
                ["linux", "macos", "wsl"].contains(&platform.as_str()),
                "{name}: {platform} is no platform"
            );
        }
    }
    assert_eq!(breakages().len(), FILES.len());
}

#[test]
fn everything_that_is_named_exists() {
    for one in breakages() {
        let mut items = one.proof.items();
        let conditions = one.likely_when.iter().chain(&one.beside_when);
        items.extend(conditions.flat_map(Predicate::items));
        items.extend(one.rules_out.iter().flat_map(|out| out.when.items()));
        items.extend(one.milder.iter().flat_map(|milder| milder.when.items()));
        items.extend(
            one.fix
                .iter()
                .flat_map(|fix| fix.when.iter().flat_map(Predicate::items)),
        );
        for taken in one.values.values() {
            if let Taken::Seen(sighting) | Taken::Source(sighting) = taken {
                items.push(sighting.item());
            }
        }
        for item in items {
            assert!(
                evidence::item(item).is_some(),
                "{}: there is no evidence `{item}`; items are in data/evidence",
                one.id
            );
        }
        // Catalogues grow one file at a time: a name that will be one is no mistake, a wrong letter is.
        for id in one
            .explains
            .iter()
            .chain(one.look_alikes.iter().filter_map(|alike| alike.id.as_ref()))
        {
            assert!(id != &one.id, "{}: names itself", one.id);
            assert!(
                id.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
                "{}: `{id}` is no identity",
                one.id
            );
        }
        for alike in &one.look_alikes {
            assert!(
                alike.id.is_some() != alike.title.is_some(),
                "{}: a look-alike has an id or a title",
                one.id
            );
        }
    }
}

#[test]
fn every_way_to_mend_can_be_followed() {
    for one in breakages() {
        assert!(
            !one.fix.is_empty() || one.severity == Severity::Notice,
            "{}: no way to mend",
            one.id
        );
        if let Some(last) = one.fix.last() {
            assert!(
                last.when.is_none(),
                "{}: the last way must always do",
                one.id
            );
        }
        for fix in &one.fix {
            let kinds = usize::from(!fix.step.is_empty())
                + usize::from(fix.deskside.is_some())
                + usize::from(fix.by_hand.is_some());
            assert_eq!(
                kinds, 1,
                "{}: `{}` has steps, or `deskside`, or `by-hand` with why",
                one.id, fix.title
            );
            assert!(
                !fix.auto || fix.by_hand.is_none(),
                "{}: what a person does is not done by itself",
                one.id
            );
            if let Some(own) = &fix.deskside {
                let word = own.split(' ').next().unwrap_or_default();
                assert!(
                    OWN.contains(&word),
                    "{}: `deskside {own}` is no command",
                    one.id
                );
            }
            for step in &fix.step {
                let filled = step
                    .fill(&|_| vec!["1".to_string()])
                    .unwrap_or_else(|error| panic!("{}: {}: {error}", one.id, step.title));
                assert!(!filled.actions.is_empty(), "{}: {}", one.id, step.title);
                // What a place names must be a fact or one of the breakage's values.
                step.fill(&|name| {
                    let known = name.contains('.') || one.values.contains_key(name);
                    assert!(
                        known,
                        "{}: `{name}` is neither a fact nor one of [values]",
                        one.id
                    );
                    vec!["1".to_string()]
                })
                .ok();
            }
        }
    }
}

/// The worked example of CONTRIBUTING is a breakage as this program reads it.
#[test]
fn the_worked_example_is_true() {
    let page = include_str!("../../../../CONTRIBUTING.md");
    let (_, section) = page.split_once("### Adding a breakage").unwrap();
    let (_, block) = section.split_once("```toml\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let example: Breakage = toml::from_str(block).unwrap();
    let own = breakage(&example.id).unwrap();
    assert_eq!((&example.title, example.area), (&own.title, own.area));
    assert!(own.cause.starts_with(&example.cause));
    for item in example.proof.items() {
        assert!(evidence::item(item).is_some(), "{item}");
    }
    let filled = |fix: &Fix| fix.step[0].fill(&|_| vec!["1".into()]).unwrap().actions;
    assert_eq!(filled(&example.fix[0]), filled(&own.fix[0]));
}
