//! A file of a person's own that stands where a package was meant: Python looks beside the script first.
//!
//! Source: docs.python.org, "The initialization of the sys.path module search path".

use super::super::Places;
use super::modules::scripts;
use deskside_doctor::{Document, OUTPUT, Scene, failure};
use deskside_knowledge::environment::imports::{distribution_of, has_its_own_name};
use deskside_machine::{Machine, Reading};

/// The file or folder that has the name of the module which lacks what it should have: as Python names it itself, as the
/// traceback goes through it, or as it lies beside the script.
pub(super) fn file(machine: &dyn Machine, places: &Places, scene: &Scene) -> Option<Document> {
    let text = scene
        .documents(OUTPUT)
        .into_iter()
        .filter_map(|document| document.text.ok())
        .next()?;
    let lines = failure(&text).map_or_else(|| text.lines().collect(), |failure| failure.lines);
    if let Some(path) = lines.iter().rev().find_map(|line| told(line)) {
        return Some(Document::text("the error", path));
    }
    let module = lines.iter().rev().find_map(|line| named(line))?;
    let frames = scripts(&text);
    let through = lines.iter().rev().find_map(|line| {
        let (path, _) = line
            .trim_start()
            .strip_prefix("File \"")?
            .split_once("\", line")?;
        let own = is_own(path) && path.ends_with(&format!("/{module}.py"));
        own.then(|| path.to_string())
    });
    if let Some(path) = through {
        return Some(Document::text("the traceback", path));
    }
    let is_package = has_its_own_name(module)
        || distribution_of(module).is_some()
        || places.site.as_ref().is_some_and(|site| {
            ["", ".py"].iter().any(|end| {
                machine
                    .exists(format!("{site}/{module}{end}"))
                    .unwrap_or(false)
            })
        });
    if !is_package {
        return None;
    }
    let here = machine
        .working_directory()
        .ok()
        .map(|here| here.display().to_string())
        .filter(|_| frames.is_empty());
    frames
        .into_iter()
        .chain(here)
        .flat_map(|folder| ["/__init__.py", ".py"].map(|end| format!("{folder}/{module}{end}")))
        .find(|path| machine.exists(path).unwrap_or(false))
        .map(|path| Document::text("beside the script", path))
}

/// The path in Python's own words.
fn told(line: &str) -> Option<String> {
    let renaming = || line.split_once("consider renaming '")?.1.split_once('\'');
    let circular = || line.split_once("circular import) (")?.1.split_once(')');
    renaming()
        .or_else(circular)
        .map(|(path, _)| path)
        .filter(|path| is_own(path))
        .map(String::from)
}

fn is_own(path: &str) -> bool {
    path.starts_with('/')
        && !["/site-packages/", "/dist-packages/", "/lib/python3"]
            .iter()
            .any(|part| path.contains(part))
}

/// `numpy` of "module 'numpy' has no attribute 'zeros'" and of "'numpy' is not a package".
fn named(line: &str) -> Option<&str> {
    let module = match line.split_once("' is not a package") {
        Some((before, _)) => before.rsplit_once('\'')?.1,
        None => {
            let (before, _) = line.split_once("' has no attribute ")?;
            before.rsplit_once("module '")?.1
        }
    };
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    module.chars().all(is_name).then_some(module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_that_lacks_something_is_named() {
        for (line, module) in [
            (
                "AttributeError: module 'numpy' has no attribute 'zeros'",
                Some("numpy"),
            ),
            (
                "ModuleNotFoundError: No module named 'torch.nn'; 'torch' is not a package",
                Some("torch"),
            ),
            (
                "AttributeError: module 'torch.nn' has no attribute 'x'",
                None,
            ),
            ("AttributeError: 'list' object has no attribute 'x'", None),
            ("", None),
        ] {
            assert_eq!(named(line), module, "{line}");
        }
    }
}
