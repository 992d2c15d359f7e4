//! Which packages are tried, and the module of each.

use super::super::requirements;
use super::super::scene::{Dist, Scene};
use super::FRAMEWORKS;
use deskside_knowledge::environment::imports;
use std::collections::BTreeSet;

/// The packages that the project asks for itself and that are installed, and the frameworks: distribution and module.
pub(super) fn wanted(scene: &Scene<'_>) -> Vec<(String, String)> {
    let mut names: BTreeSet<String> = requirements::asked(scene);
    names.extend(FRAMEWORKS.iter().map(ToString::to_string));
    names
        .into_iter()
        .filter_map(|name| {
            let dist = scene.named(&name).next()?;
            Some((name, module(dist)?))
        })
        .collect()
}

/// The module that a distribution is imported by, as its RECORD has it.
fn module(dist: &Dist) -> Option<String> {
    let mut packages: BTreeSet<String> = BTreeSet::new();
    let mut modules: BTreeSet<String> = BTreeSet::new();
    for file in dist.record.as_ref().yes()? {
        let path = file.path.as_str();
        if path.starts_with("..")
            || path.contains(".dist-info/")
            || path.contains("-stubs/")
            || path.starts_with("__editable__")
        {
            continue;
        }
        if let Some(folder) = path.strip_suffix("/__init__.py") {
            packages.insert(folder.replace('/', "."));
        } else if !path.contains('/') {
            let stem = path.strip_suffix(".py").or_else(|| {
                path.ends_with(".so")
                    .then(|| path.split('.').next().unwrap_or(path))
            });
            modules.extend(stem.map(String::from));
        }
    }
    let plain = dist.name.replace('-', "_");
    let dotted = dist.name.replace('-', ".");
    let known = imports::module_of(&dist.name);
    let all = || packages.iter().chain(&modules);
    let exact = |wanted: &str| {
        all()
            .find(|module| module.eq_ignore_ascii_case(wanted))
            .cloned()
    };
    let first = |some: &BTreeSet<String>| {
        some.iter()
            .filter(|module| {
                !module.starts_with('_')
                    && !["test", "tests", "docs", "examples"].contains(&module.as_str())
            })
            .min_by_key(|module| (module.matches('.').count(), module.len()))
            .cloned()
    };
    let found = exact(&plain)
        .or_else(|| exact(&dotted))
        .or_else(|| known.and_then(exact))
        .or_else(|| first(&packages))
        .or_else(|| first(&modules))
        // What is installed editable has its modules in the project.
        .or_else(|| dist.editable.is_some().then(|| plain.clone()))?;
    let is_name = found.split('.').all(|part| {
        !part.is_empty()
            && part
                .chars()
                .all(|letter| letter == '_' || letter.is_alphanumeric())
    });
    is_name.then_some(found)
}
