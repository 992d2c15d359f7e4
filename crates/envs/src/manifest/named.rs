//! The name of the package that a folder holds.

use deskside_machine::{Machine, Reading};
use std::path::Path;

/// The name as the folder's `pyproject.toml`, `setup.cfg` or `setup.py` writes it; none where none says it plainly.
/// No code of the folder's is run.
pub fn name_of(machine: &dyn Machine, folder: &Path) -> Option<String> {
    let text = |name: &str| machine.text(folder.join(name)).ok();
    let name = text("pyproject.toml").and_then(|text| {
        let table = text.parse::<toml::Table>().ok()?;
        let project = table
            .get("project")
            .or_else(|| table.get("tool")?.get("poetry"))?;
        Some(project.get("name")?.as_str()?.to_string())
    });
    let name = name.or_else(|| text("setup.cfg").and_then(|text| of_setup_cfg(&text)));
    name.or_else(|| text("setup.py").and_then(|text| of_setup_py(&text)))
}

fn of_setup_cfg(text: &str) -> Option<String> {
    let mut within = false;
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            within = section.trim_end_matches(']') == "metadata";
        } else if within
            && let Some((key, value)) = line.split_once(['=', ':'])
            && key.trim() == "name"
        {
            return is_name(value.trim()).then(|| value.trim().to_string());
        }
    }
    None
}

/// `name="x"` as an argument of `setup(…)`: a literal only.
fn of_setup_py(text: &str) -> Option<String> {
    let call = &text[text.find("setup(")?..];
    let mut rest = call;
    while let Some(at) = rest.find("name") {
        let before = rest[..at].chars().next_back();
        let after = rest[at + 4..].trim_start();
        rest = &rest[at + 4..];
        if before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_') {
            continue;
        }
        let Some(value) = after.strip_prefix('=').map(str::trim_start) else {
            continue;
        };
        let quote = value
            .chars()
            .next()
            .filter(|letter| "\"'".contains(*letter))?;
        let value = value[1..].split(quote).next()?;
        return is_name(value).then(|| value.to_string());
    }
    None
}

fn is_name(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use deskside_testkit::Sim;

    #[test]
    fn names_are_read_and_no_code_is_run() {
        for (file, text, name) in [
            ("pyproject.toml", "[project]\nname = \"a-b\"\n", Some("a-b")),
            ("pyproject.toml", "[tool.poetry]\nname = \"p\"\n", Some("p")),
            ("pyproject.toml", "not toml", None),
            (
                "setup.cfg",
                "[options]\nname = no\n[metadata]\nname = cfg\n",
                Some("cfg"),
            ),
            ("setup.cfg", "[metadata]\nname = attr: x y\n", None),
            (
                "setup.py",
                "from setuptools import setup\nsetup(\n  packagename=1, name = 'py_x', version=\"1\")",
                Some("py_x"),
            ),
            ("setup.py", "NAME = 'x'\nsetup(name=NAME)", None),
            ("setup.py", "print(1)", None),
            ("setup.py", "setup(name='ein Name')", None),
        ] {
            let sim = Sim::linux();
            sim.put_file(format!("/p/{file}"), text);
            assert_eq!(name_of(&sim, Path::new("/p")).as_deref(), name, "{text}");
        }
    }
}
