//! What a project's files say it rests on: manifests, locks, imports, kernels of its own. Read, never run; within bounds.

use deskside_knowledge::choose::{Software, software};
use deskside_knowledge::python::normalised_name;
use deskside_machine::{FileKind, Machine, Reading};
use deskside_types::{Code, Problem, Result};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Files that are looked at, at the most.
const MOST_FILES: usize = 600;
/// Entries of folders that are looked at, at the most.
const MOST_ENTRIES: usize = 20_000;
/// Folders one in another.
const DEEPEST: usize = 8;
/// Bytes of one file.
const LONGEST: u64 = 1 << 20;
/// Bytes of a lock file.
const LONGEST_LOCK: u64 = 16 << 20;
/// Places that are told of each.
const TOLD: usize = 3;

/// Folders that hold no code of the person's.
const SKIPPED: &[&str] = &[
    "__pycache__",
    "node_modules",
    "site-packages",
    "venv",
    "env",
    "build",
    "dist",
    "wandb",
    "mlruns",
    "outputs",
];

/// Software that a project rests on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Used {
    /// It.
    pub software: &'static Software,
    /// Where that was seen.
    pub seen: Vec<String>,
}

/// What a project uses, and what could not be looked at.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The software.
    pub used: Vec<Used>,
    /// What was left out, in words.
    pub left_out: Vec<String>,
}

/// Looks at a project.
///
/// # Errors
/// When there is no such folder.
pub(super) fn scan(machine: &dyn Machine, folder: &Path) -> Result<Scan> {
    let stat = machine.stat(folder).map_err(Problem::from)?;
    if stat.kind != FileKind::Directory {
        return Err(Problem::new(
            Code::ChoiceUnclear,
            format!("{} is no folder", folder.display()),
        )
        .hint("--project names the folder with pyproject.toml, requirements.txt or the code"));
    }
    let mut scan = Scan::default();
    let mut waiting = vec![(folder.to_path_buf(), 0)];
    let (mut entries, mut files) = (0, 0);
    while let Some((at, depth)) = waiting.pop() {
        let Ok(inside) = machine.entries(&at) else {
            scan.left_out
                .push(format!("{} can't be listed", at.display()));
            continue;
        };
        for entry in inside {
            entries += 1;
            if entries > MOST_ENTRIES || files > MOST_FILES {
                scan.left_out
                    .push("the project is large: only a part of it was read".into());
                waiting.clear();
                break;
            }
            let path = at.join(&entry.name);
            match entry.kind {
                FileKind::Directory
                    if depth < DEEPEST
                        && !entry.name.starts_with('.')
                        && !SKIPPED.contains(&entry.name.as_str()) =>
                {
                    waiting.push((path, depth + 1));
                }
                FileKind::File => {
                    let looked = looked_at(machine, folder, &path, &entry.name, &mut scan);
                    files += usize::from(looked);
                }
                _ => {}
            }
        }
    }
    Ok(scan)
}

/// Looks at one file, where it is of a kind that says something.
fn looked_at(
    machine: &dyn Machine,
    root: &Path,
    path: &PathBuf,
    name: &str,
    scan: &mut Scan,
) -> bool {
    let shown = path
        .strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string();
    for one in software() {
        if one.sources.iter().any(|ending| name.ends_with(ending)) {
            add(scan, one, shown.clone());
        }
    }
    let lock = matches!(name, "uv.lock" | "poetry.lock" | "pdm.lock" | "pylock.toml");
    let manifest = name == "pyproject.toml" || name == "Pipfile";
    let beside = path
        .parent()
        .and_then(Path::file_name)
        .is_some_and(|folder| folder.to_string_lossy().contains("requirements"));
    let requirements = (name.ends_with(".txt") || name.ends_with(".in"))
        && (name.contains("requirements") || beside)
        || matches!(name, "environment.yml" | "environment.yaml" | "setup.cfg");
    let code = name.ends_with(".py")
        || name.ends_with(".ipynb")
        || name.ends_with(".sh")
        || name == "Dockerfile";
    if !(lock || manifest || requirements || code) {
        return false;
    }
    let limit = if lock { LONGEST_LOCK } else { LONGEST };
    let Ok(bytes) = machine.file(path, limit) else {
        scan.left_out.push(format!("{shown} can't be read"));
        return true;
    };
    let text = String::from_utf8_lossy(&bytes);
    if code {
        match name.ends_with(".ipynb").then(|| cells(&text)).flatten() {
            Some(code) => of_code(&code, &shown, scan),
            // A notebook that is none is read as lines in quotes.
            None if name.ends_with(".ipynb") => {
                of_code(&text.replace("\\\"", "\""), &shown, scan);
            }
            None => of_code(&text, &shown, scan),
        }
        if name == "setup.py" {
            let names = quoted(&text);
            for one in software() {
                if one.dists.iter().any(|dist| names.contains(dist)) {
                    add(scan, one, shown.clone());
                }
            }
        }
    } else if lock {
        // What a framework brings along is no choice of the person's.
        let names = locked(&text);
        for one in software() {
            let comes_along = one.name == "triton" && names.contains("torch");
            if !comes_along && one.dists.iter().any(|dist| names.contains(dist)) {
                add(scan, one, shown.clone());
            }
        }
    } else {
        let names = if manifest {
            declared(&text)
        } else {
            text.lines().filter_map(requirement).collect()
        };
        for one in software() {
            if one.dists.iter().any(|dist| names.contains(dist)) {
                add(scan, one, shown.clone());
            }
        }
    }
    true
}

fn add(scan: &mut Scan, one: &'static Software, seen: String) {
    match scan.used.iter_mut().find(|used| used.software == one) {
        Some(used) if used.seen.len() < TOLD && !used.seen.contains(&seen) => used.seen.push(seen),
        Some(_) => {}
        None => scan.used.push(Used {
            software: one,
            seen: vec![seen],
        }),
    }
}

/// The distribution that a line of requirements names, normalised.
fn requirement(line: &str) -> Option<String> {
    let line = line
        .trim()
        .trim_start_matches("- ")
        .trim_matches(['"', '\'', ',']);
    if line.starts_with(['#', '-', '[']) {
        return None;
    }
    let end = line
        .find(|letter: char| !(letter.is_ascii_alphanumeric() || "._-".contains(letter)))
        .unwrap_or(line.len());
    (end > 0).then(|| normalised_name(&line[..end]))
}

/// Names in `pyproject.toml`: every list of requirements, whatever table it stands in, and Poetry's keys.
fn declared(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    if let Ok(table) = toml::from_str::<toml::Table>(text) {
        for (key, value) in &table {
            walk(key, value, &mut names);
        }
    }
    names
}

fn walk(key: &str, value: &toml::Value, names: &mut BTreeSet<String>) {
    let is_list = key.contains("dependencies") || key.contains("requires") || key == "packages";
    match value {
        toml::Value::Table(table) => {
            for (inner, value) in table {
                if is_list {
                    match value {
                        // Extras and groups: lists by a name of the person's.
                        toml::Value::Array(_) => walk("dependencies", value, names),
                        _ => {
                            names.insert(normalised_name(inner));
                        }
                    }
                } else if key == "dependency-groups" {
                    walk("dependencies", value, names);
                } else {
                    walk(inner, value, names);
                }
            }
        }
        toml::Value::Array(all) if is_list => {
            names.extend(all.iter().filter_map(|one| requirement(one.as_str()?)));
        }
        _ => {}
    }
}

/// Names of a lock file's packages: lines `name = "…"`, which all of them have.
fn locked(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix("name = \""))
        .filter_map(|rest| rest.split('"').next())
        .map(normalised_name)
        .collect()
}

/// Imports, pieces of Python, and what is installed by the way.
fn of_code(text: &str, shown: &str, scan: &mut Scan) {
    let line_at = |at: usize| text[..at].bytes().filter(|byte| *byte == b'\n').count() + 1;
    for one in software() {
        for pattern in &one.patterns {
            let places = text.match_indices(pattern.as_str()).filter(|(at, _)| {
                let line = text[..*at].rsplit('\n').next().unwrap_or_default();
                !line.trim_start().starts_with('#')
            });
            for (at, _) in places.take(TOLD) {
                add(scan, one, format!("{shown}:{}", line_at(at)));
            }
        }
    }
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start().trim_start_matches('"');
        let place = || format!("{shown}:{}", number + 1);
        if let Some(rest) = line.strip_prefix("from ") {
            imported(rest.split_whitespace().next(), &place, scan);
        } else if let Some(rest) = line.strip_prefix("import ") {
            let modules = rest.split(',').filter_map(|part| {
                part.split([' ', '\\', '"', ';'])
                    .find(|word| !word.is_empty())
            });
            imported(modules, &place, scan);
        } else if !line.starts_with('#')
            && let Some((_, rest)) = line.split_once("pip install ")
        {
            installed(rest, &place, scan);
        }
    }
}

/// Software whose modules are imported.
fn imported<'m>(
    modules: impl IntoIterator<Item = &'m str>,
    place: &dyn Fn() -> String,
    scan: &mut Scan,
) {
    for module in modules {
        let found = software().iter().filter(|one| {
            one.imports.iter().any(|import| {
                module
                    .strip_prefix(import.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        });
        for one in found {
            add(scan, one, place());
        }
    }
}

/// Software that a line installs: `pip install -q flash-attn==2.6 "bitsandbytes>=0.43"`.
fn installed(words: &str, place: &dyn Fn() -> String, scan: &mut Scan) {
    for name in words.split_whitespace().filter_map(requirement) {
        for one in software() {
            if one.dists.contains(&name) {
                add(scan, one, place());
            }
        }
    }
}

/// Everything in quotes in a `setup.py`, as far as it is the name of a distribution.
fn quoted(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| line.split(['"', '\'']).skip(1).step_by(2))
        .filter_map(requirement)
        .collect()
}

/// The code cells of a notebook as one text; none where it is no notebook.
fn cells(text: &str) -> Option<String> {
    let notebook: serde_json::Value = serde_json::from_str(text).ok()?;
    let mut code = String::new();
    for cell in notebook.get("cells")?.as_array()? {
        if cell.get("cell_type").and_then(|kind| kind.as_str()) == Some("markdown") {
            continue;
        }
        match cell.get("source") {
            Some(serde_json::Value::String(source)) => code.push_str(source),
            Some(serde_json::Value::Array(lines)) => {
                code.extend(lines.iter().filter_map(|line| line.as_str()));
            }
            _ => {}
        }
        code.push('\n');
    }
    Some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use deskside_testkit::Sim;

    #[test]
    fn manifests_locks_imports_and_kernels_are_found() {
        let sim = Sim::linux();
        sim.put_file("/p/pyproject.toml", "[project]\ndependencies = [\"torch>=2\", \"Flash_Attn>=2.5 ; sys_platform == 'linux'\"]\n[project.optional-dependencies]\nq = [\"bitsandbytes\"]\n[dependency-groups]\ndev = [\"deepspeed\", {include-group = \"x\"}]\n[tool.poetry.dependencies]\nxformers = \"^0.0.2\"\n")
            .put_file("/p/uv.lock", "[[package]]\nname = \"torch\"\n[[package]]\nname = \"triton\"\n[[package]]\nname = \"liger-kernel\"\n")
            .put_file("/p/requirements-gpu.txt", "# vllm\n-r other.txt\ncupy-cuda12x==13\n")
            .put_file("/p/src/a.py", "import os, unsloth as u\nfrom mamba_ssm.ops import x\n# import apex\nimport tritonclient\nx = y.cuda()\n")
            .put_file("/p/n.ipynb", "{\"source\": [\n \"import tensorrt\\n\",\n \"device=\\\"cuda\\\"\"]}")
            .put_file("/p/kernels/add.cu", "")
            .put_file("/p/.venv/lib/x.py", "import pycuda\n");
        let scan = scan(&*sim.shared(), Path::new("/p")).unwrap();
        let names: BTreeSet<&str> = scan
            .used
            .iter()
            .map(|used| used.software.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "flash-attn",
                "bitsandbytes",
                "deepspeed",
                "xformers",
                "liger-kernel",
                "cupy",
                "unsloth",
                "mamba-ssm",
                "torch.cuda by name",
                "tensorrt",
                "custom CUDA kernels"
            ]
            .into()
        );
        let flash = scan
            .used
            .iter()
            .find(|used| used.software.name == "flash-attn")
            .unwrap();
        assert_eq!(flash.seen, ["pyproject.toml"]);
        assert!(super::scan(&*sim.shared(), Path::new("/nowhere")).is_err());
        assert!(super::scan(&*sim.shared(), Path::new("/p/n.ipynb")).is_err());
    }

    #[test]
    fn the_commonest_ways_of_saying_it_are_found() {
        for (file, text, name, seen) in [
            (
                "a.py",
                "m = A.from_pretrained(x,\n    attn_implementation=\"flash_attention_2\")\n",
                "flash-attn",
                "a.py:2",
            ),
            (
                "b.py",
                "q = BitsAndBytesConfig(load_in_4bit=True)\n",
                "bitsandbytes",
                "b.py:1",
            ),
            (
                "c.py",
                "m = f(x, load_in_4bit=True)\n",
                "bitsandbytes",
                "c.py:1",
            ),
            (
                "requirements/base.txt",
                "flash-attn==2.6\n",
                "flash-attn",
                "requirements/base.txt",
            ),
            (
                "setup.py",
                "setup(install_requires=['torch', \"flash_attn>=2\"])\n",
                "flash-attn",
                "setup.py",
            ),
            (
                "n.ipynb",
                "{\"cells\":[{\"cell_type\":\"markdown\",\"source\":\"import vllm\"},{\"cell_type\":\"code\",\"source\":[\"!pip install -q flash-attn\\n\",\"x = 1\"]}]}",
                "flash-attn",
                "n.ipynb:1",
            ),
            (
                "o.ipynb",
                "{\"cells\":[{\"source\":\"import torch\\nimport unsloth\"}]}",
                "unsloth",
                "o.ipynb:2",
            ),
            (
                "train.sh",
                "set -e\npip install 'bitsandbytes>=0.43'\n",
                "bitsandbytes",
                "train.sh:2",
            ),
        ] {
            let sim = Sim::linux();
            sim.put_file(format!("/p/{file}"), text);
            let scan = scan(&*sim.shared(), Path::new("/p")).unwrap();
            let found: Vec<(&str, &str)> = scan
                .used
                .iter()
                .map(|used| (used.software.name.as_str(), used.seen[0].as_str()))
                .collect();
            assert_eq!(found, [(name, seen)], "{file}");
        }
    }

    #[test]
    fn odd_files_are_no_trouble() {
        let sim = Sim::linux();
        sim.put_file("/p/pyproject.toml", "][")
            .put_file("/p/a.py", vec![0xff; 4000])
            .put_file("/p/requirements.txt", "\u{feff}\n===\n@@\n");
        assert!(
            scan(&*sim.shared(), Path::new("/p"))
                .unwrap()
                .used
                .is_empty()
        );
    }
}
