//! The environment against `uv.lock`: other versions than it names, and packages that are not there.

use super::cuda::major_of;
use super::distributions::{in_site, installed_by};
use super::platform::Platform;
use super::scene::{Scene, Seen};
use super::{Finding, Rank, Severity};
use deskside_knowledge::python::normalised_name;
use pep508_rs::{ExtraName, MarkerEnvironment, MarkerEnvironmentBuilder, MarkerTree};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// Deviations that are told one by one.
const SINGLE: usize = 3;

/// A package of the lock file.
#[derive(Debug, Clone)]
pub(crate) struct Locked {
    pub name: String,
    pub version: String,
    /// It is the project itself or another member of its workspace, or comes from a folder.
    pub local: bool,
    pub table: toml::Table,
}

/// The packages of a `uv.lock`; none when it can't be read.
pub(crate) fn packages(text: &str) -> Option<Vec<Locked>> {
    let table = text.parse::<toml::Table>().ok()?;
    let packages = table.get("package").and_then(toml::Value::as_array)?;
    Some(
        packages
            .iter()
            .filter_map(|package| {
                let package = package.as_table()?;
                let source = package.get("source").and_then(toml::Value::as_table);
                Some(Locked {
                    name: normalised_name(package.get("name")?.as_str()?),
                    version: package
                        .get("version")
                        .and_then(toml::Value::as_str)
                        .unwrap_or_default()
                        .into(),
                    local: source.is_some_and(|source| {
                        ["virtual", "editable", "directory"]
                            .iter()
                            .any(|kind| source.contains_key(*kind))
                    }),
                    table: package.clone(),
                })
            })
            .collect(),
    )
}

/// Whether the project has a lock file that names every one of `wanted` and none of `unwanted`: a sync then leaves what is
/// meant.
pub(crate) fn decides(scene: &Scene<'_>, wanted: &[&str], unwanted: &[&str]) -> bool {
    let Some(packages) = scene
        .project_file("uv.lock")
        .yes()
        .and_then(|text| packages(&text))
    else {
        return false;
    };
    let names = |name: &&str| packages.iter().any(|package| package.name == **name);
    wanted.iter().all(&names) && !unwanted.iter().any(names)
}

/// The project's own package in its lock file.
pub(crate) fn root<'a>(packages: &'a [Locked], name: Option<&str>) -> Option<&'a Locked> {
    let is_here = |package: &&Locked| {
        package
            .table
            .get("source")
            .and_then(toml::Value::as_table)
            .is_some_and(|source| {
                ["virtual", "editable"]
                    .iter()
                    .any(|kind| source.get(*kind).and_then(toml::Value::as_str) == Some("."))
            })
    };
    packages.iter().find(is_here).or_else(|| {
        packages
            .iter()
            .find(|package| Some(package.name.as_str()) == name)
    })
}

pub(crate) fn findings(scene: &Scene<'_>, platform: &Platform) -> Vec<Finding> {
    let Seen::Yes(text) = scene.project_file("uv.lock") else {
        return Vec::new();
    };
    let Some(packages) = packages(&text) else {
        return vec![
            Finding::new(
                Rank::Lock,
                "lock-unreadable",
                Severity::WillBreak,
                "uv.lock can't be read",
            )
            .evidence(
                match text.lines().any(|line| line.starts_with("<<<<<<< ")) {
                    true => "it holds the marks of a merge that git left to you (<<<<<<<)".into(),
                    false => trouble("uv.lock", &text),
                },
            )
            .meaning("nothing can be installed from it until it is made anew")
            .mend("deskside env lock"),
        ];
    };
    let Some(markers) = &platform.markers else {
        return Vec::new();
    };
    let name = scene.project_file("pyproject.toml").yes().and_then(|text| {
        let table = text.parse::<toml::Table>().ok()?;
        Some(normalised_name(
            table.get("project")?.get("name")?.as_str()?,
        ))
    });
    let root = root(&packages, name.as_deref());
    let wanted = root
        .map(|root| installed(&packages, root, &scene.extras, &scene.groups, markers).versions)
        .unwrap_or_default();
    let mut by_name: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages
        .iter()
        .filter(|package| !package.local && !package.version.is_empty())
    {
        by_name
            .entry(&package.name)
            .or_default()
            .insert(&package.version);
    }
    let line = |name: &str| {
        let header = format!("name = \"{name}\"");
        let at = text.lines().position(|line| line == header);
        at.map_or("uv.lock".to_string(), |at| format!("uv.lock:{}", at + 1))
    };
    let edited: BTreeMap<&str, (&str, String)> = packages
        .iter()
        .filter_map(|package| {
            Some((
                package.name.as_str(),
                (package.version.as_str(), wheel_of_another(package)?),
            ))
        })
        .collect();
    let mut findings: Vec<Finding> = edited
        .iter()
        .map(|(name, (version, wheel))| {
            Finding::new(
                Rank::Lock,
                "lock-edited",
                Severity::Broken,
                format!("uv.lock contradicts itself: it names {name} {version}, and the file {wheel}"),
            )
            .evidence(line(name))
            .meaning("it was changed by hand or merged: uv refuses it, and nothing can be installed from it until it is made anew")
            .mend("deskside env lock")
            .about([*name])
        })
        .collect();
    for dist in &scene.distributions {
        if edited.contains_key(dist.name.as_str()) {
            continue;
        }
        let Some(locked) = by_name.get(dist.name.as_str()) else {
            continue;
        };
        // Which of several versions is meant here the markers on the way to it decide.
        let expected: BTreeSet<&str> = match wanted.get(&dist.name) {
            Some(versions) if !versions.is_empty() => versions.iter().map(String::as_str).collect(),
            _ => locked.clone(),
        };
        if expected.iter().any(|version| same(version, &dist.version)) || dist.editable.is_some() {
            continue;
        }
        let shown = expected.iter().copied().collect::<Vec<_>>().join(" or ");
        findings.push(
            Finding::new(
                Rank::Lock,
                "not-as-locked",
                Severity::WillBreak,
                format!("{} {} is installed, and uv.lock names {shown}", dist.name, dist.version),
            )
            .evidence(format!("{}{}", in_site(scene, &dist.folder), installed_by(dist)))
            .evidence(format!("{}: {} {shown}", line(&dist.name), dist.name))
            .meaning("it was installed past uv; the next sync takes it back, and nobody else gets the same environment")
            .mend("deskside env sync")
            .about([dist.name.as_str()]),
        );
    }
    if findings.len() > SINGLE && edited.is_empty() {
        findings = vec![together(findings)];
    }
    let missing: Vec<&String> = wanted
        .keys()
        .filter(|name| scene.named(name).next().is_none() && !scene.outside.contains_key(*name))
        .collect();
    if let [one] = missing.as_slice() {
        findings.push(
            Finding::new(
                Rank::Lock,
                "locked-package-missing",
                Severity::Broken,
                format!("{one} is in uv.lock and not in the environment"),
            )
            .evidence(format!("{}: {one}", line(one)))
            .meaning("what needs it ends in ModuleNotFoundError")
            .mend("deskside env sync")
            .about([one.as_str()]),
        );
    } else if !missing.is_empty() {
        let shown: Vec<&str> = missing.iter().take(6).map(|name| name.as_str()).collect();
        let more = missing.len().saturating_sub(6);
        findings.push(
            Finding::new(
                Rank::Lock,
                "locked-package-missing",
                Severity::Broken,
                format!(
                    "{} packages of uv.lock are not in the environment",
                    missing.len()
                ),
            )
            .evidence(format!(
                "uv.lock: {}{}",
                shown.join(", "),
                if more > 0 {
                    format!(" and {more} more")
                } else {
                    String::new()
                }
            ))
            .meaning("what needs them ends in ModuleNotFoundError")
            .mend("deskside env sync")
            .about(missing.iter().map(|name| name.as_str())),
        );
    }
    findings
}

/// Many deviations have one cause: an install past uv, or a sync that was not made after the lock file changed.
fn together(findings: Vec<Finding>) -> Finding {
    let more = findings.len().saturating_sub(8);
    let mut finding = Finding::new(
        Rank::Lock,
        "not-as-locked",
        Severity::WillBreak,
        format!(
            "{} packages are of other versions than uv.lock names",
            findings.len()
        ),
    )
    .evidences(findings.iter().take(8).map(|finding| finding.cause.clone()));
    if more > 0 {
        finding = finding.evidence(format!("and {more} more"));
    }
    finding
        .meaning("something was installed past uv, or the lock file changed and no sync followed; nobody else gets the same environment")
        .mend("deskside env sync")
        .about(findings.into_iter().flat_map(|finding| finding.about))
}

/// A wheel of a locked package whose name says another version than the package's own.
///
/// Source: packaging.python.org, "Binary distribution format": the second part of a wheel's name is its version.
fn wheel_of_another(package: &Locked) -> Option<String> {
    let wheels = package.table.get("wheels")?.as_array()?;
    wheels.iter().find_map(|wheel| {
        let wheel = wheel.as_table()?;
        let place = wheel
            .get("url")
            .or_else(|| wheel.get("filename"))?
            .as_str()?;
        let name = place.split(['#', '?']).next()?.rsplit('/').next()?;
        let version = name
            .strip_suffix(".whl")?
            .split('-')
            .nth(1)?
            .replace("%2B", "+");
        let differs =
            pep440_rs::Version::from_str(&version).is_ok() && !same(&package.version, &version);
        // A build's own local part may be left out of either.
        let plain = |text: &str| text.split('+').next().unwrap_or_default().to_string();
        (differs && !same(&plain(&package.version), &plain(&version))).then(|| name.to_string())
    })
}

fn same(locked: &str, installed: &str) -> bool {
    match (
        pep440_rs::Version::from_str(locked),
        pep440_rs::Version::from_str(installed),
    ) {
        (Ok(locked), Ok(installed)) => locked == installed,
        _ => locked == installed,
    }
}

/// Where a file of the project is no TOML, and why; of a lock file also that it names nothing.
pub(super) fn trouble(name: &str, text: &str) -> String {
    match text.parse::<toml::Table>() {
        Err(error) => {
            let line = error
                .span()
                .map(|span| text[..span.start.min(text.len())].lines().count().max(1));
            let message = error.message().to_string();
            line.map_or_else(
                || message.clone(),
                |line| format!("{name}:{line}: {message}"),
            )
        }
        Ok(_) => format!("{name}: it names no packages"),
    }
}

/// What a lock file brings on a machine.
#[derive(Debug, Default)]
struct Installed {
    /// The versions of each package; several where not even the markers decide.
    versions: BTreeMap<String, BTreeSet<String>>,
    /// Who asks for whom.
    edges: BTreeSet<(String, String)>,
}

/// What the lock file wants: the project's dependencies and those of these extras and groups, with all they need. Groups
/// that nobody noted, such as `dev`, are left out: whether somebody synced them is not written down anywhere.
fn installed(
    packages: &[Locked],
    root: &Locked,
    extras: &[String],
    groups: &[String],
    markers: &MarkerEnvironment,
) -> Installed {
    // uv writes which of several extras or groups that exclude each other is meant as
    // `extra == 'extra-<length>-<name>-<extra>'`.
    let name = |kind: &str, own: &str| {
        let own = normalised_name(own);
        ExtraName::from_str(&format!("{kind}-{}-{}-{own}", root.name.len(), root.name)).ok()
    };
    let active: Vec<ExtraName> = extras
        .iter()
        .filter_map(|extra| name("extra", extra))
        .chain(groups.iter().filter_map(|group| name("group", group)))
        .chain(ExtraName::from_str(&format!(
            "project-{}-{}",
            root.name.len(),
            root.name
        )))
        .collect();
    const EXTRAS: &str = "optional-dependencies";
    let mut found = Installed::default();
    let mut done: BTreeSet<(String, String, String)> = BTreeSet::new();
    // The table of the package, and the list in it.
    let mut ahead: Vec<(&Locked, &str, String)> = vec![(root, "dependencies", String::new())];
    ahead.extend(
        extras
            .iter()
            .map(|own| (root, EXTRAS, normalised_name(own))),
    );
    ahead.extend(
        groups
            .iter()
            .map(|own| (root, "dev-dependencies", normalised_name(own))),
    );
    while let Some((package, table, own)) = ahead.pop() {
        let key = (
            package.name.clone(),
            package.version.clone(),
            format!("{table} {own}"),
        );
        if !done.insert(key) {
            continue;
        }
        let dependencies = match own.as_str() {
            "" => package.table.get(table),
            own => package.table.get(table).and_then(|all| all.get(own)),
        };
        for dependency in dependencies
            .and_then(toml::Value::as_array)
            .into_iter()
            .flatten()
        {
            let string = |key: &str| dependency.get(key).and_then(toml::Value::as_str);
            let Some(name) = string("name").map(normalised_name) else {
                continue;
            };
            if let Some(marker) = string("marker")
                && MarkerTree::from_str(marker).is_ok_and(|tree| !tree.evaluate(markers, &active))
            {
                continue;
            }
            found.edges.insert((package.name.clone(), name.clone()));
            let version = string("version");
            for target in packages.iter().filter(|one| {
                one.name == name && version.is_none_or(|version| one.version == version)
            }) {
                if !target.local {
                    found
                        .versions
                        .entry(name.clone())
                        .or_default()
                        .insert(target.version.clone());
                }
                ahead.push((target, "dependencies", String::new()));
                let extras = dependency.get("extra").and_then(toml::Value::as_array);
                ahead.extend(
                    extras
                        .into_iter()
                        .flatten()
                        .filter_map(toml::Value::as_str)
                        .map(|extra| (target, EXTRAS, normalised_name(extra))),
                );
            }
        }
    }
    found
}

/// The major versions of CUDA whose libraries a lock file brings on Linux for a Python (`3.12`), with these extras and
/// groups of the project: each with those of the project's requirements that ask for it. Empty where the lock can't be read.
pub fn cuda_majors(
    lock: &str,
    extras: &[String],
    groups: &[String],
    python: &str,
) -> BTreeMap<u32, BTreeSet<String>> {
    let full = format!("{python}.0");
    let markers = MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
        implementation_name: "cpython",
        implementation_version: &full,
        os_name: "posix",
        platform_machine: "x86_64",
        platform_python_implementation: "CPython",
        platform_release: "",
        platform_system: "Linux",
        platform_version: "",
        python_full_version: &full,
        python_version: python,
        sys_platform: "linux",
    });
    let all = packages(lock).unwrap_or_default();
    let (Ok(markers), Some(root)) = (markers, root(&all, None)) else {
        return BTreeMap::new();
    };
    let found = installed(&all, root, extras, groups, &markers);
    let version_of =
        |name: &str| -> Option<&str> { found.versions.get(name)?.first().map(String::as_str) };
    let askers = |name| askers(&found.edges, name);
    let own: BTreeSet<&str> = found
        .edges
        .iter()
        .filter(|(from, _)| *from == root.name)
        .map(|(_, to)| to.as_str())
        .collect();
    let mut majors: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
    for (name, versions) in &found.versions {
        let told = versions
            .iter()
            .find_map(|version| major_of(name, version, version_of));
        if let Some(major) = told {
            let who = majors.entry(major).or_default();
            who.extend(askers(name).intersection(&own));
        }
    }
    majors
        .into_iter()
        .map(|(major, names)| {
            // torchvision asks by torch: that is the one that is meant.
            let through: BTreeSet<&str> = names
                .iter()
                .flat_map(|name| askers(name).into_iter().filter(move |other| other != name))
                .collect();
            let nearest = names.iter().filter(|name| !through.contains(*name));
            (major, nearest.map(ToString::to_string).collect())
        })
        .collect()
}

/// Who asks for a name, itself and all on the way to it.
fn askers<'a>(edges: &'a BTreeSet<(String, String)>, name: &'a str) -> BTreeSet<&'a str> {
    let mut askers = BTreeSet::from([name]);
    let mut ahead = vec![name];
    while let Some(name) = ahead.pop() {
        for (from, to) in edges {
            if to == name && askers.insert(from) {
                ahead.push(from);
            }
        }
    }
    askers
}
