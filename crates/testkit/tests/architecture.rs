//! What ARCHITECTURE.md promises, held against the workspace: edges between crates, sizes of
//! files, sources of knowledge, and how the code speaks of itself.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "a test of the checkout reads the checkout"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which crate may use which, beside `types`. Must say the same as the table in ARCHITECTURE.md.
const EDGES: &[(&str, &[&str])] = &[
    ("deskside", &["app", "tui", "web"]),
    ("tui", &["app"]),
    ("web", &["app"]),
    (
        "app",
        &[
            "advise",
            "cloud",
            "doctor",
            "envs",
            "knowledge",
            "machine",
            "operate",
            "probe",
            "provision",
            "runs",
            "track",
        ],
    ),
    ("provision", &["knowledge", "operate", "probe"]),
    ("envs", &["knowledge", "machine", "operate", "probe"]),
    ("runs", &["envs", "machine", "track"]),
    ("cloud", &["envs", "machine", "runs", "track"]),
    ("doctor", &["knowledge"]),
    ("advise", &["knowledge"]),
    ("track", &["knowledge", "machine"]),
    ("operate", &["machine"]),
    ("probe", &["knowledge", "machine"]),
    ("machine", &[]),
    ("knowledge", &[]),
    ("types", &[]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_path_buf()
}

#[test]
fn crates_use_only_the_crates_named_for_them() {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let allowed: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let mut seen = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = short(package["name"].as_str().unwrap());
        if ["testkit", "xtask"].contains(&name.as_str()) {
            continue;
        }
        let allowed = allowed
            .get(name.as_str())
            .unwrap_or_else(|| panic!("{name} has no row of edges"));
        for dependency in package["dependencies"].as_array().unwrap() {
            let to = dependency["name"].as_str().unwrap();
            if dependency["kind"].is_null() && (to.starts_with("deskside") || to == "deskside") {
                let to = short(to);
                assert!(
                    to == "types" || allowed.contains(&to.as_str()),
                    "{name} uses {to}, which is no edge of the architecture"
                );
            }
        }
        seen.insert(name);
    }
    assert_eq!(
        seen.len(),
        EDGES.len(),
        "every crate of the architecture is there: {seen:?}"
    );
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    assert_eq!(
        edges_of_page(&page),
        EDGES
            .iter()
            .map(|(name, to)| (
                name.to_string(),
                to.iter().map(ToString::to_string).collect()
            ))
            .collect(),
        "the table in ARCHITECTURE.md and this test differ"
    );
    for name in &seen {
        assert!(
            page.contains(&format!("`{name}`")),
            "ARCHITECTURE.md does not name {name}"
        );
    }
}

/// The edges as the page's table has them: names in backquotes left and right of the bar.
fn edges_of_page(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    let names = |cell: &str| {
        cell.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_string)
            .collect::<Vec<_>>()
    };
    let mut edges = BTreeMap::new();
    let rows = page
        .lines()
        .skip_while(|line| !line.starts_with("| crate | may use"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    for row in rows {
        let cells: Vec<&str> = row.split('|').collect();
        for from in names(cells[1]) {
            edges.insert(from, names(cells[2]).into_iter().collect());
        }
    }
    edges.entry("types".to_string()).or_default();
    edges
}

fn short(name: &str) -> String {
    name.strip_prefix("deskside-").unwrap_or(name).to_string()
}

/// Source files that people write, with their number of lines.
fn sources() -> Vec<(PathBuf, usize)> {
    let output = Command::new("git")
        .args(["ls-files", "*.rs", "*.py"])
        .current_dir(root())
        .output();
    let Ok(output) = output else {
        return Vec::new();
    };
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            let text = std::fs::read_to_string(root().join(line)).ok()?;
            Some((PathBuf::from(line), text.lines().count()))
        })
        .collect()
}

#[test]
fn rooms_are_small() {
    let mut sizes = sources();
    if sizes.is_empty() {
        deskside_testkit::skip(
            "git is not here, or this is no checkout: file sizes were not looked at",
        );
        return;
    }
    sizes.sort_by_key(|(_, lines)| *lines);
    let (largest, lines) = sizes.last().unwrap();
    assert!(
        *lines <= 800,
        "{} has {lines} lines; the limit is 800",
        largest.display()
    );
    let median = sizes[sizes.len() / 2].1;
    assert!(
        median <= 200,
        "the median file has {median} lines; the limit is 200"
    );
}

#[test]
fn every_module_says_what_it_is_for() {
    for (path, _) in sources() {
        let text = std::fs::read_to_string(root().join(&path)).unwrap();
        let first = text
            .lines()
            .find(|line| !line.trim().is_empty() && !line.starts_with("#!"))
            .unwrap_or_default();
        let documented = match path.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => first.starts_with("//!") || is_test_module(&path),
            _ => first.starts_with("\"\"\"") || first.starts_with('#') || text.trim().is_empty(),
        };
        assert!(
            documented,
            "{} does not begin by saying what it is for: {first}",
            path.display()
        );
    }
}

fn is_test_module(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "tests.rs")
        || path.components().any(|part| part.as_os_str() == "tests")
}

#[test]
fn pages_are_finished_and_their_links_lead_somewhere() {
    let mut folders = vec![root().join("docs")];
    let mut pages: Vec<PathBuf> = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"]
        .map(|name| root().join(name))
        .to_vec();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    assert!(pages.len() >= 8);
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        assert!(
            !text.contains("@@"),
            "{} has a place that was never filled in",
            page.display()
        );
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = link.split('#').next().unwrap();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            assert!(
                page.parent().unwrap().join(file).exists(),
                "{} links to {link}, which is not there",
                page.display()
            );
        }
    }
}

#[test]
fn every_knowledge_file_names_a_source() {
    let mut folders = vec![root().join("crates/knowledge/data")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            // What the error codes mean is our own decision and has no source but us.
            if path.file_name().is_some_and(|name| name == "errors.toml") {
                continue;
            }
            assert!(
                text.to_lowercase().contains("source"),
                "{} names no source",
                path.display()
            );
            files += 1;
        }
    }
    assert!(files >= 6, "only {files} knowledge files were found");
}
