//! Which extra of a project is this machine's.

use super::Place;
use crate::Context;
use deskside_envs::build::specifier::requirement;
use deskside_envs::build::{self, Flavour, Wish};
use deskside_envs::manifest::Manifest;
use deskside_envs::snapshot::Choice;
use deskside_types::{Code, Facts, Problem, Result};

/// How this machine's extra is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExtraWish {
    /// The one a person named before, else the best.
    Noted,
    /// The best for this machine, whatever was named before.
    Best,
    /// This one.
    Named(String),
}

/// The extra for this machine; none where the project names no accelerator builds.
pub(crate) fn choose(
    context: &Context,
    place: &Place,
    facts: &Facts,
    manifest: &Manifest,
    wish: &ExtraWish,
    why: &mut Vec<String>,
) -> Result<Option<Choice>> {
    let extras = manifest.extras();
    let Some((framework, names)) = framework_of(&extras) else {
        return Ok(None);
    };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let noted = place.store.local(&*context.machine);
    let named = match wish {
        ExtraWish::Named(name) => Some(name.clone()),
        ExtraWish::Noted if noted.pinned => noted
            .choice
            .map(|choice| choice.extra)
            .filter(|extra| names.contains(&extra.as_str())),
        _ => None,
    };
    if let Some(name) = named {
        if !names.contains(&name.as_str()) {
            return Err(Problem::new(
                Code::RequirementInvalid,
                format!("the project has no extra `{name}` for a framework build"),
            )
            .hint(format!("it has: {}", names.join(", "))));
        }
        why.push(format!("the extra {name} was named for this machine"));
        return Ok(Some(Choice {
            framework: framework.word().into(),
            variant: name.clone(),
            extra: name,
            why: vec!["a person named it".into()],
            variables: Default::default(),
        }));
    }
    let bounds = extras
        .values()
        .flatten()
        .filter_map(|line| requirement(line))
        .find(|(name, _)| name == framework.word())
        .map(|(_, bounds)| bounds)
        .filter(|_| names.len() == 1)
        .unwrap_or_default();
    let wish = Wish {
        flavour: Some(framework),
        python: manifest.requires_python().map(String::from),
        framework: bounds,
        ..Wish::default()
    };
    let wish = build::with_mirror(&*context.machine, wish);
    let owned: Vec<String> = names.iter().map(|name| (*name).to_string()).collect();
    let (extra, build) = build::best_of(facts, &wish, &owned)?;
    // What is as it was needs no telling again.
    let noted = place.store.local(&*context.machine).choice;
    let reasons: Vec<String> = build
        .why
        .iter()
        .filter(|line| **line != build.python_why)
        .cloned()
        .collect();
    if noted.is_none_or(|noted| noted.extra != extra) {
        why.extend(reasons.iter().cloned());
    }
    Ok(Some(Choice {
        framework: framework.word().into(),
        extra,
        variant: build.variant,
        why: reasons,
        variables: build.variables,
    }))
}

/// uv's arguments for an extra.
pub(crate) fn arguments(chosen: Option<&Choice>) -> Vec<String> {
    chosen
        .filter(|choice| !choice.extra.is_empty())
        .map(|choice| vec!["--extra".to_string(), choice.extra.clone()])
        .unwrap_or_default()
}

/// Whether an extra is named as a build is: `cpu`, `mps`, `metal`, `cu126`, `cuda13`, `rocm72`.
fn is_build(name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    ["cpu", "mps", "metal"].contains(&name)
        || ["cuda", "cu", "rocm"]
            .iter()
            .any(|start| name.strip_prefix(start).is_some_and(digits))
}

/// The framework whose builds a project's extras are, with the names of those extras.
pub(crate) fn framework_of(
    extras: &std::collections::BTreeMap<String, Vec<String>>,
) -> Option<(Flavour, Vec<String>)> {
    Flavour::EVERY.into_iter().find_map(|framework| {
        let names: Vec<String> = extras
            .iter()
            .filter(|(name, _)| is_build(name))
            .filter(|(_, requirements)| {
                requirements
                    .iter()
                    .any(|line| requirement(line).is_some_and(|(name, _)| name == framework.word()))
            })
            .map(|(name, _)| name.clone())
            .collect();
        (!names.is_empty()).then_some((framework, names))
    })
}
