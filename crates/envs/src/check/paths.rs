//! What adds to the import path: `.pth` files, editable installs.
//!
//! Source: docs.python.org, module `site`: a line that starts with `import` and a blank is run, a comment is passed
//! over, any other line is a path, relative to the folder.

use super::distributions::in_site;
use super::scene::Scene;
use super::{Finding, Rank, Severity};
use deskside_machine::{ErrorKind, FileKind, Reading};
use deskside_types::shell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// `.pth` files that tools write themselves, without an owner, or that older releases leave behind.
const TOOLS: &[&str] = &[
    "_virtualenv.pth",
    "distutils-precedence.pth",
    "easy-install.pth",
];

pub(crate) fn findings(scene: &Scene<'_>) -> Vec<Finding> {
    let Some(site) = &scene.site else {
        return Vec::new();
    };
    let mut findings = editables(scene);
    let told: BTreeSet<String> = findings.iter().flat_map(|one| one.about.clone()).collect();
    for entry in &scene.listing {
        if entry.kind == FileKind::Directory {
            continue;
        }
        if entry.name.ends_with(".egg-link") {
            findings.extend(egg_link(scene, site, &entry.name));
        }
        if entry.name.ends_with(".pth") {
            let owner = scene
                .distributions
                .iter()
                .find(|dist| {
                    let files = dist.record.as_ref().yes();
                    files.is_some_and(|files| files.iter().any(|file| file.path == entry.name))
                })
                .map(|dist| dist.name.clone());
            if owner.as_ref().is_some_and(|owner| told.contains(owner)) {
                continue;
            }
            findings.extend(pth(scene, site, &entry.name, owner));
        }
    }
    findings
}

/// Editable installs whose folder is gone.
fn editables(scene: &Scene<'_>) -> Vec<Finding> {
    scene
        .distributions
        .iter()
        .filter_map(|dist| {
            let folder = local(dist.editable.as_deref()?)?;
            is_gone(scene, &folder).then(|| {
                gone(scene, &dist.name, &folder).evidence(format!(
                    "{}/direct_url.json: {}",
                    in_site(scene, &dist.folder),
                    folder.display()
                ))
            })
        })
        .collect()
}

fn gone(scene: &Scene<'_>, name: &str, folder: &Path) -> Finding {
    Finding::new(
        Rank::Installation,
        "editable-gone",
        Severity::Broken,
        format!(
            "{name} is installed editable from {}, which is gone",
            scene.shown(folder)
        ),
    )
    .meaning(
        "its modules can't be imported: the folder was moved, renamed or removed after the install",
    )
    .mend(format!("{} --editable THE-NEW-FOLDER", scene.uv("install")))
    .about([name])
}

/// The local path of a `file://` address.
fn local(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("file://")?;
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let text = std::str::from_utf8(&digits).ok()?.to_string();
            bytes.push(u8::from_str_radix(&text, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().map(PathBuf::from)
}

fn is_gone(scene: &Scene<'_>, path: &Path) -> bool {
    matches!(scene.machine.stat(path), Err(error) if error.kind == ErrorKind::Absent)
}

fn egg_link(scene: &Scene<'_>, site: &Path, name: &str) -> Option<Finding> {
    let text = scene.machine.text(site.join(name)).ok()?;
    let folder = PathBuf::from(text.lines().next()?.trim());
    let distribution =
        deskside_knowledge::python::normalised_name(name.trim_end_matches(".egg-link"));
    is_gone(scene, &folder).then(|| {
        gone(scene, &distribution, &folder).evidence(format!(
            "{}:1: {}",
            in_site(scene, name),
            folder.display()
        ))
    })
}

fn pth(scene: &Scene<'_>, site: &Path, name: &str, owner: Option<String>) -> Vec<Finding> {
    let Some(text) = scene.look(scene.machine.text(site.join(name))).yes() else {
        return Vec::new();
    };
    let shown = in_site(scene, name);
    let mut findings = Vec::new();
    for (place, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let evidence = format!("{shown}:{}: {}", place + 1, shortened(line));
        if line.starts_with("import ") || line.starts_with("import\t") {
            if let Some(finding) = import_line(scene, site, name, line, owner.as_deref()) {
                findings.push(finding.evidence(evidence));
            }
            continue;
        }
        let target = site.join(line.trim());
        if is_gone(scene, &target) {
            let finding = match &owner {
                Some(owner) => gone(scene, owner, &target),
                None => Finding::new(
                    Rank::Installation,
                    "path-file-leads-nowhere",
                    Severity::WillBreak,
                    format!(
                        "{name} adds {} to the import path, which is gone",
                        scene.shown(&target)
                    ),
                )
                .meaning("the modules that were imported from there can't be found any more")
                .mend(format!("rm {}", shell::quoted(&shown))),
            };
            findings.push(finding.evidence(evidence));
        }
    }
    findings
}

/// A line that Python runs at each start.
fn import_line(
    scene: &Scene<'_>,
    site: &Path,
    name: &str,
    line: &str,
    owner: Option<&str>,
) -> Option<Finding> {
    if TOOLS.contains(&name) || name.starts_with("__editable__") || name.ends_with("-nspkg.pth") {
        // An editable install by a finder: its module holds the folders.
        return finder(scene, site, name, owner);
    }
    let module = line["import".len()..]
        .trim_start()
        .split(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
        .next()
        .filter(|module| !module.is_empty())?;
    let found =
        ["", ".py"].iter().any(|end| {
            scene
                .machine
                .exists(site.join(format!("{module}{end}")))
                .unwrap_or(true)
        }) || scene.listing.iter().any(|entry| {
            entry.name.starts_with(&format!("{module}.")) && entry.name.ends_with(".so")
        }) || scene.interpreter.library.as_ref().is_none_or(|library| {
            ["", ".py"].iter().any(|end| {
                scene
                    .machine
                    .exists(library.join(format!("{module}{end}")))
                    .unwrap_or(true)
            })
        }) || [
            "sys",
            "time",
            "builtins",
            "marshal",
            "itertools",
            "_thread",
            "posix",
            "gc",
            "errno",
        ]
        .contains(&module);
    let finding = if !found {
        Finding::new(
            Rank::Installation,
            "path-file-imports-nothing",
            Severity::WillBreak,
            format!("{name} imports {module} at each start of Python, and there is no such module"),
        )
        .meaning(
            "every start of Python prints an error, and what the module should set up is not there",
        )
    } else if owner.is_none() {
        Finding::new(
            Rank::Installation,
            "path-file-of-nobody",
            Severity::Suspicious,
            format!("{name} runs code at each start of Python and belongs to no installed distribution"),
        )
        .meaning("whoever put it there can change what every program of this environment does; read it before you keep it")
    } else {
        return None;
    };
    Some(
        finding
            .mend(format!("rm {}", shell::quoted(&in_site(scene, name))))
            .about(owner.map(String::from)),
    )
}

/// setuptools' finder: `MAPPING: dict[str, str] = {'name': '/folder'}` in `__editable___name_finder.py`.
fn finder(scene: &Scene<'_>, site: &Path, name: &str, owner: Option<&str>) -> Option<Finding> {
    let stem = name.strip_prefix("__editable__.")?.strip_suffix(".pth")?;
    let stem = stem.replace(['-', '.'], "_");
    let file = format!("__editable___{stem}_finder.py");
    let text = scene.machine.text(site.join(&file)).ok()?;
    let line = text.lines().find(|line| line.starts_with("MAPPING"))?;
    let folders: Vec<PathBuf> = line
        .split('\'')
        .skip(1)
        .step_by(2)
        .filter(|part| part.starts_with('/'))
        .map(PathBuf::from)
        .collect();
    let missing = folders
        .iter()
        .find(|folder| is_gone(scene, folder) && is_gone(scene, &folder.with_extension("py")))?;
    Some(
        gone(scene, owner.unwrap_or(&stem), missing).evidence(format!(
            "{}: {}",
            in_site(scene, &file),
            missing.display()
        )),
    )
}

fn shortened(line: &str) -> String {
    let mut letters = line.chars();
    let start: String = letters.by_ref().take(100).collect();
    if letters.next().is_some() {
        format!("{start}…")
    } else {
        start
    }
}
