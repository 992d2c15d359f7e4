//! From files to a bundle that is understood.

use super::paths::{insert, leads_outside};
use super::raw::Raw;
use super::toml_text::TomlFile;
use super::{Bundle, Node, hostile, tables, unreadable};
use deskside_types::Problem;
use std::path::Path;

/// Understands a bundle's files.
pub(super) fn bundle(mut raw: Raw) -> Result<Bundle, Problem> {
    let mut bundle = Bundle::default();
    // First, so that a newer version is told before anything it may have changed.
    let header = contents(raw.remove(Path::new("bundle.toml")), "bundle.toml")?;
    tables::header(&TomlFile::parse("bundle.toml", &header)?, &mut bundle)?;
    for (path, node) in raw {
        let mut steps = path.components();
        let first = steps
            .next()
            .map(|step| step.as_os_str().to_string_lossy().into_owned())
            .unwrap_or_default();
        let rest = steps.as_path().to_path_buf();
        let name = path.to_string_lossy().into_owned();
        if first != "fs" && matches!(node, Node::Link(_)) {
            return Err(hostile(format!(
                "{name} is a link; only fs/ may hold links"
            )));
        }
        let is_file = matches!(node, Node::File { .. });
        match (first.as_str(), is_file) {
            ("fs", _) => file_system(&mut bundle, &rest, node)?,
            ("stats.toml", true) if rest.as_os_str().is_empty() => {
                tables::stats(
                    &TomlFile::parse(&name, &contents(Some(node), &name)?)?,
                    &mut bundle,
                )?;
            }
            ("listings.toml", true) if rest.as_os_str().is_empty() => {
                tables::listings(
                    &TomlFile::parse(&name, &contents(Some(node), &name)?)?,
                    &mut bundle,
                )?;
            }
            ("env.toml", true) if rest.as_os_str().is_empty() => {
                tables::variables(
                    &TomlFile::parse(&name, &contents(Some(node), &name)?)?,
                    &mut bundle,
                )?;
            }
            ("failed.toml", true) if rest.as_os_str().is_empty() => {
                tables::failed(
                    &TomlFile::parse(&name, &contents(Some(node), &name)?)?,
                    &mut bundle,
                )?;
            }
            ("cmd", true) if rest.extension().is_some_and(|ending| ending == "toml") => {
                tables::command(
                    &TomlFile::parse(&name, &contents(Some(node), &name)?)?,
                    &mut bundle,
                )?;
            }
            ("device", true)
                if rest.components().count() == 1
                    && rest.extension().is_some_and(|ending| ending == "json") =>
            {
                let library = rest
                    .file_stem()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                let value =
                    serde_json::from_slice(&contents(Some(node), &name)?).map_err(|error| {
                        unreadable(format!("{name}, line {}: {error}", error.line()))
                    })?;
                bundle.devices.insert(library, value);
            }
            (_, true) if !rest.as_os_str().is_empty() || !is_for_people(&first) => {
                bundle.warnings.push(format!(
                    "{name}: not a part of an evidence bundle, not read"
                ));
            }
            _ => {}
        }
    }
    Ok(bundle)
}

/// Files that people and systems lay beside others.
fn is_for_people(name: &str) -> bool {
    name.starts_with('.')
        || name.to_ascii_lowercase().starts_with("readme")
        || name.ends_with(".md")
}

fn file_system(bundle: &mut Bundle, inner: &Path, node: Node) -> Result<(), Problem> {
    let path = Path::new("/").join(inner);
    if let Node::Link(target) = &node {
        if inner.as_os_str().is_empty() {
            return Err(hostile("fs is a link; it must be a folder"));
        }
        if leads_outside(path.parent().unwrap_or(Path::new("/")), target) {
            return Err(hostile(format!(
                "the link fs{} leads outside fs/, to {}",
                path.display(),
                target.display()
            )));
        }
    }
    if path.to_str().is_none() {
        bundle.warnings.push(format!(
            "fs{}: the name is not UTF-8; it is kept as it is",
            path.display()
        ));
    }
    insert(&mut bundle.tree, &path, node);
    Ok(())
}

fn contents(node: Option<Node>, name: &str) -> Result<Vec<u8>, Problem> {
    match node {
        Some(Node::File { contents, .. }) => Ok(contents),
        Some(Node::Link(_)) => Err(hostile(format!(
            "{name} is a link; only fs/ may hold links"
        ))),
        Some(Node::Directory) => Err(unreadable(format!("{name} is a folder; it must be a file"))),
        None => Err(unreadable(format!("{name} is missing"))),
    }
}
