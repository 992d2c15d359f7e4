//! Whether `uv.lock` was made from the `pyproject.toml` that is there.
//!
//! uv's own rule: the requirements in the lock's `[package.metadata]` of the project must be those of `pyproject.toml`.
//! uv writes markers in its own form, so they are compared by what they say on systems and Pythons, not by their text.

use super::lock::{packages, root, trouble};
use super::scene::{Scene, Seen};
use super::{Finding, Rank, Severity};
use deskside_knowledge::python::normalised_name;
use pep440_rs::VersionSpecifiers;
use pep508_rs::{
    ExtraName, MarkerEnvironment, MarkerEnvironmentBuilder, MarkerTree, Requirement, VerbatimUrl,
    VersionOrUrl,
};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// One requirement in comparable form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Wish {
    name: String,
    extras: BTreeSet<String>,
    versions: BTreeSet<String>,
    /// Where it is to come from, when not from an index.
    source: Option<&'static str>,
    /// On which of the sampled machines it holds.
    holds: Vec<bool>,
}

/// Requirements by the part they stand in: empty, `extra x`, `group x`.
type Wishes = BTreeMap<String, BTreeSet<Wish>>;

/// A `pyproject.toml` that is no TOML: what the project asks for is not known then, and no command can work with it.
pub(crate) fn unreadable(scene: &Scene<'_>) -> Option<Finding> {
    let text = scene.project_file("pyproject.toml").yes()?;
    let table = text.parse::<toml::Table>();
    table.is_err().then(|| {
        Finding::new(
            Rank::Lock,
            "project-unreadable",
            Severity::WillBreak,
            "pyproject.toml can't be read",
        )
        .evidence(trouble("pyproject.toml", &text))
        .meaning("what the project asks for is not known, and no command works with it until that line is put right, or the file comes back as it was kept last")
        .mend("deskside env rollback")
    })
}

pub(crate) fn findings(scene: &Scene<'_>) -> Vec<Finding> {
    let (Seen::Yes(project), Seen::Yes(lock)) = (
        scene.project_file("pyproject.toml"),
        scene.project_file("uv.lock"),
    ) else {
        return Vec::new();
    };
    let (Ok(table), Some(packages)) = (project.parse::<toml::Table>(), packages(&lock)) else {
        return Vec::new();
    };
    let name = table
        .get("project")
        .and_then(|project| project.get("name")?.as_str())
        .map(normalised_name);
    let Some(name) = name else {
        return Vec::new();
    };
    let finding = |evidence: Vec<String>| {
        vec![
            Finding::new(
                Rank::Lock,
                "lock-out-of-date",
                Severity::WillBreak,
                "uv.lock was made from another pyproject.toml",
            )
            .evidences(evidence)
            .meaning(
                "the environment is what the lock file says, not what the project asks for now",
            )
            .mend("deskside env lock")
            .mend("deskside env sync")
            .about(["the lock file"]),
        ]
    };
    let Some(root) = root(&packages, Some(&name)) else {
        return finding(vec![format!("uv.lock: no package {name}")]);
    };
    if root.name != name {
        return finding(vec![
            format!("pyproject.toml: name {name}"),
            format!("uv.lock: name {}", root.name),
        ]);
    }
    let Some((ours, sources)) = of_project(scene, &table) else {
        return Vec::new();
    };
    let machines = machines(&table);
    let wanted = ours.iter().map(|(part, texts)| {
        let wishes = texts
            .iter()
            .filter_map(|text| from_text(text, part, &sources, &machines));
        (part.clone(), wishes.collect())
    });
    let wanted: Wishes = wanted
        .filter(|(_, wishes): &(String, BTreeSet<Wish>)| !wishes.is_empty())
        .collect();
    let locked = of_lock(&root.table, &machines);
    let mut evidence = Vec::new();
    let parts: BTreeSet<&String> = wanted.keys().chain(locked.keys()).collect();
    let none = BTreeSet::new();
    for part in parts {
        let (left, right) = (
            wanted.get(part).unwrap_or(&none),
            locked.get(part).unwrap_or(&none),
        );
        let place = if part.is_empty() {
            String::new()
        } else {
            format!(" ({part})")
        };
        for wish in left.difference(right) {
            evidence.push(format!("pyproject.toml{place}: {}", shown(wish)));
        }
        for wish in right.difference(left) {
            evidence.push(format!("uv.lock{place}: {}", shown(wish)));
        }
    }
    let python = |text: &str| {
        VersionSpecifiers::from_str(text)
            .ok()
            .map(|all| specifiers(&all))
    };
    let asked = table
        .get("project")
        .and_then(|project| project.get("requires-python")?.as_str())
        .map(String::from);
    let kept = lock
        .parse::<toml::Table>()
        .ok()
        .and_then(|lock| Some(lock.get("requires-python")?.as_str()?.to_string()));
    let workspace = packages.iter().filter(|package| package.local).count() > 1;
    if let (Some(asked), Some(kept), false) = (&asked, &kept, workspace)
        && let (Some(left), Some(right)) = (python(asked), python(kept))
        && left != right
    {
        evidence.push(format!("pyproject.toml: requires-python {asked}"));
        evidence.push(format!("uv.lock: requires-python {kept}"));
    }
    if evidence.is_empty() {
        Vec::new()
    } else {
        finding(evidence.into_iter().take(8).collect())
    }
}

fn shown(wish: &Wish) -> String {
    let mut text = wish.name.clone();
    if !wish.extras.is_empty() {
        text = format!(
            "{text}[{}]",
            wish.extras.iter().cloned().collect::<Vec<_>>().join(",")
        );
    }
    if !wish.versions.is_empty() {
        text = format!(
            "{text} {}",
            wish.versions.iter().cloned().collect::<Vec<_>>().join(",")
        );
    }
    if let Some(source) = wish.source {
        text = format!("{text} (from {source})");
    }
    if wish.holds.contains(&false) && !wish.holds.is_empty() {
        text = format!("{text} (on some systems)");
    }
    text
}

fn specifiers(all: &VersionSpecifiers) -> BTreeSet<String> {
    // uv writes `>=3.11` for `>=3.11.0` and the like; trailing zeros say nothing in comparisons.
    all.iter()
        .map(|one| {
            let operator = one.operator().to_string();
            if operator == "~=" {
                return one.to_string();
            }
            let text = one.to_string();
            let star = text.ends_with(".*");
            let version = one.version().clone();
            let mut release = version.release().to_vec();
            while release.len() > 1 && release.last() == Some(&0) && !star {
                release.pop();
            }
            format!(
                "{operator}{}{}",
                version.with_release(release),
                if star { ".*" } else { "" }
            )
        })
        .collect()
}

/// The texts of requirements by part, and the sources that `tool.uv.sources` names; none when they are dynamic.
#[allow(clippy::type_complexity, reason = "texts by part, sources by name")]
fn of_project(
    scene: &Scene<'_>,
    table: &toml::Table,
) -> Option<(
    BTreeMap<String, Vec<String>>,
    BTreeMap<String, &'static str>,
)> {
    let project = table.get("project")?.as_table()?;
    let dynamic: Vec<&str> = project
        .get("dynamic")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(toml::Value::as_str)
        .collect();
    if dynamic.contains(&"dependencies") || dynamic.contains(&"optional-dependencies") {
        scene.unseen_because("pyproject.toml leaves its dependencies to its build tool: whether uv.lock is up to date was not judged");
        return None;
    }
    let strings = |value: Option<&toml::Value>| -> Vec<String> {
        value
            .and_then(toml::Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|one| Some(one.as_str()?.to_string()))
            .collect()
    };
    let mut parts = BTreeMap::new();
    parts.insert(String::new(), strings(project.get("dependencies")));
    let tables = |value: Option<&toml::Value>| -> Vec<(String, toml::Value)> {
        let table = value
            .and_then(toml::Value::as_table)
            .cloned()
            .unwrap_or_default();
        table.into_iter().collect()
    };
    for (extra, wishes) in tables(project.get("optional-dependencies")) {
        parts.insert(
            format!("extra {}", normalised_name(&extra)),
            strings(Some(&wishes)),
        );
    }
    let groups: BTreeMap<String, toml::Value> = tables(table.get("dependency-groups"))
        .into_iter()
        .map(|(name, value)| (normalised_name(&name), value))
        .collect();
    for name in groups.keys() {
        parts.insert(format!("group {name}"), group(&groups, name, 0));
    }
    let uv = table.get("tool").and_then(|tool| tool.get("uv"));
    for wish in strings(uv.and_then(|uv| uv.get("dev-dependencies"))) {
        parts.entry("group dev".into()).or_default().push(wish);
    }
    let sources = tables(uv.and_then(|uv| uv.get("sources")))
        .into_iter()
        .filter_map(|(name, value)| {
            // Several sources by marker: uv writes one line each; they are not compared.
            let kind = value.as_table().map_or(Some("several"), kind);
            Some((normalised_name(&name), kind?))
        })
        .collect();
    Some((parts, sources))
}

/// A source's kind, in the words of `uv.lock`.
fn kind(table: &toml::Table) -> Option<&'static str> {
    if table.contains_key("git") {
        Some("git")
    } else if ["path", "directory", "editable", "workspace", "virtual"]
        .iter()
        .any(|key| table.contains_key(*key))
    {
        Some("a folder")
    } else if table.contains_key("url") {
        Some("an address")
    } else {
        None
    }
}

/// A dependency group with those it includes.
fn group(groups: &BTreeMap<String, toml::Value>, name: &str, depth: usize) -> Vec<String> {
    let mut all = Vec::new();
    if depth > 16 {
        return all;
    }
    for one in groups
        .get(name)
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
    {
        if let Some(text) = one.as_str() {
            all.push(text.to_string());
        } else if let Some(other) = one.get("include-group").and_then(toml::Value::as_str) {
            all.extend(group(groups, &normalised_name(other), depth + 1));
        }
    }
    all
}

/// Machines that markers are tried on: systems and Pythons that the project serves.
fn machines(table: &toml::Table) -> Vec<MarkerEnvironment> {
    let allowed = table
        .get("project")
        .and_then(|project| project.get("requires-python")?.as_str())
        .and_then(|text| VersionSpecifiers::from_str(text).ok());
    let mut all = Vec::new();
    for minor in 8..=16 {
        for patch in [0, 9] {
            let full = format!("3.{minor}.{patch}");
            let fits = pep440_rs::Version::from_str(&full).is_ok_and(|version| {
                allowed
                    .as_ref()
                    .is_none_or(|allowed| allowed.contains(&version))
            });
            if !fits {
                continue;
            }
            for (platform, system, os, processor) in [
                ("linux", "Linux", "posix", "x86_64"),
                ("linux", "Linux", "posix", "aarch64"),
                ("darwin", "Darwin", "posix", "arm64"),
                ("darwin", "Darwin", "posix", "x86_64"),
                ("win32", "Windows", "nt", "AMD64"),
            ] {
                for (implementation, shown) in [("cpython", "CPython"), ("pypy", "PyPy")] {
                    all.extend(MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
                        implementation_name: implementation,
                        implementation_version: &full,
                        os_name: os,
                        platform_machine: processor,
                        platform_python_implementation: shown,
                        platform_release: "",
                        platform_system: system,
                        platform_version: "",
                        python_full_version: &full,
                        python_version: &format!("3.{minor}"),
                        sys_platform: platform,
                    }));
                }
            }
        }
    }
    all
}

fn holds(tree: &MarkerTree, extra: Option<&str>, machines: &[MarkerEnvironment]) -> Vec<bool> {
    if tree.is_true() {
        return vec![true; machines.len()];
    }
    let extras: Vec<ExtraName> = extra
        .and_then(|extra| ExtraName::from_str(extra).ok())
        .into_iter()
        .collect();
    machines
        .iter()
        .map(|machine| tree.evaluate(machine, &extras))
        .collect()
}

fn from_text(
    text: &str,
    part: &str,
    sources: &BTreeMap<String, &'static str>,
    machines: &[MarkerEnvironment],
) -> Option<Wish> {
    let requirement = Requirement::<VerbatimUrl>::from_str(text).ok()?;
    let name = normalised_name(requirement.name.as_ref());
    let (versions, address) = match &requirement.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(all)) => (specifiers(all), None),
        Some(VersionOrUrl::Url(url)) => {
            let text = url.to_string();
            let kind = if text.starts_with("git+") {
                "git"
            } else if text.starts_with("file:") {
                "a folder"
            } else {
                "an address"
            };
            (BTreeSet::new(), Some(kind))
        }
        None => (BTreeSet::new(), None),
    };
    let source = address.or_else(|| sources.get(&name).copied());
    if source == Some("several") {
        return None;
    }
    Some(Wish {
        extras: requirement.extras.iter().map(ToString::to_string).collect(),
        // uv leaves the versions of what has a source of its own out.
        versions: if source.is_some() {
            BTreeSet::new()
        } else {
            versions
        },
        source,
        holds: holds(&requirement.marker, part.strip_prefix("extra "), machines),
        name,
    })
}

/// The requirements that the lock file was made from.
fn of_lock(root: &toml::Table, machines: &[MarkerEnvironment]) -> Wishes {
    let mut wishes = Wishes::new();
    let metadata = root.get("metadata").and_then(toml::Value::as_table);
    let lists = |key: &str| metadata.and_then(|metadata| metadata.get(key)).cloned();
    let mut add = |part: Option<&str>, one: &toml::Value| {
        let string = |key: &str| one.get(key).and_then(toml::Value::as_str);
        let Some(name) = string("name").map(normalised_name) else {
            return;
        };
        let marker = string("marker").unwrap_or_default();
        let tree = MarkerTree::from_str(marker).ok();
        let extra = marker
            .split("extra == '")
            .nth(1)
            .and_then(|rest| rest.split('\'').next())
            .map(String::from);
        let part = match (part, &extra) {
            (Some(group), _) => format!("group {group}"),
            (None, Some(extra)) => format!("extra {extra}"),
            (None, None) => String::new(),
        };
        let versions = string("specifier")
            .and_then(|text| VersionSpecifiers::from_str(text).ok())
            .map(|all| specifiers(&all))
            .unwrap_or_default();
        let source = one.as_table().and_then(kind);
        let wish = Wish {
            name,
            extras: one
                .get("extras")
                .and_then(toml::Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|extra| Some(extra.as_str()?.to_string()))
                .collect(),
            versions: if source.is_some() {
                BTreeSet::new()
            } else {
                versions
            },
            source,
            holds: tree.map_or_else(
                || vec![true; machines.len()],
                |tree| holds(&tree, extra.as_deref(), machines),
            ),
        };
        wishes.entry(part).or_default().insert(wish);
    };
    for one in lists("requires-dist")
        .as_ref()
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
    {
        add(None, one);
    }
    for (group, all) in lists("requires-dev")
        .as_ref()
        .and_then(toml::Value::as_table)
        .into_iter()
        .flatten()
    {
        for one in all.as_array().into_iter().flatten() {
            add(Some(group), one);
        }
    }
    wishes
}
