//! A shared library that the loader did not find: whether the system, the environment or a folder on LD_LIBRARY_PATH has it
//! or another version of it, and which package brings it.
//!
//! Source: ld.so(8): LD_LIBRARY_PATH, then the cache of the folders that `/etc/ld.so.conf` names, then `/lib` and
//! `/usr/lib`.

use super::super::{Places, paths};
use deskside_doctor::{Document, OUTPUT, Scene, failure};
use deskside_knowledge::environment::imports::package_of_library;
use deskside_machine::{ErrorKind, Machine, Reading};

/// Where the loader looks by itself, and where toolkits put theirs.
const FOLDERS: &[&str] = &[
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib",
    "/usr/local/cuda/lib64",
    "/usr/lib/wsl/lib",
];
/// What `ldconfig -p` says.
const CACHE: &str = "linker-cache";

/// `library=… there=PATH|no inside=PATH|no other=NAME|none package=…` for the last library that an output says is missing.
pub(super) fn missing(machine: &dyn Machine, places: &Places, scene: &Scene) -> Vec<Document> {
    let library = scene
        .documents(OUTPUT)
        .into_iter()
        .filter_map(|document| document.text.ok())
        .find_map(|text| last(&text));
    let Some(library) = library else {
        return Vec::new();
    };
    let stem = library.split(".so").next().unwrap_or(&library).to_string();
    let mut folders: Vec<String> = machine
        .variable("LD_LIBRARY_PATH")
        .unwrap_or_default()
        .split(':')
        .filter(|folder| folder.starts_with('/'))
        .map(String::from)
        .collect();
    folders.extend(FOLDERS.iter().map(ToString::to_string));
    let (mut there, mut looked, mut reason) = (None, false, String::new());
    for folder in &folders {
        let path = format!("{folder}/{library}");
        match machine.stat(&path) {
            Ok(_) => {
                there = Some(path);
                break;
            }
            Err(error) if error.kind == ErrorKind::Absent => looked = true,
            Err(error) => reason = error.reason(),
        }
    }
    let cached: Vec<String> = scene
        .documents(CACHE)
        .into_iter()
        .filter_map(|document| document.text.ok())
        .flat_map(|text| text.lines().map(String::from).collect::<Vec<_>>())
        .collect();
    if there.is_none() {
        there = cached
            .iter()
            .find(|line| line.trim_start().starts_with(&format!("{library} ")))
            .and_then(|line| {
                line.rsplit_once("=> ")
                    .map(|(_, path)| path.trim().to_string())
            });
    }
    if there.is_none() && !looked {
        return vec![Document::unseen("folders of libraries", reason)];
    }
    let mut near: Vec<String> = Vec::new();
    if let Some(site) = &places.site {
        for pattern in ["nvidia/*/lib", "torch/lib", "*.libs"] {
            near.extend(
                paths::expand(machine, &format!("{site}/{pattern}/{stem}.so*")).unwrap_or_default(),
            );
        }
    }
    let inside = near
        .iter()
        .find(|path| path.ends_with(&format!("/{library}")));
    let other = near
        .iter()
        .filter_map(|path| path.rsplit_once('/').map(|(_, name)| name.to_string()))
        .chain(
            cached
                .iter()
                .filter_map(|line| line.split_whitespace().next().map(String::from)),
        )
        .find(|name| *name != library && name.starts_with(&format!("{stem}.so")));
    let line = format!(
        "library={library} there={} inside={} other={} package={}",
        there.as_deref().unwrap_or("no"),
        inside.map_or("no", String::as_str),
        other.as_deref().unwrap_or("none"),
        package_of_library(&library).unwrap_or("?"),
    );
    vec![Document::text("the library that was not found", line)]
}

/// The library that could not be opened, as the last error of a text says it; where that speaks of none, the last that was
/// missed before: what is missed on the way makes nothing sure.
fn last(text: &str) -> Option<String> {
    failure(text)
        .and_then(|failure| named(failure.lines.into_iter()))
        .or_else(|| named(text.lines()))
}

fn named<'a>(lines: impl DoubleEndedIterator<Item = &'a str>) -> Option<String> {
    lines.rev().find_map(|line| {
        let at = line.find(": cannot open shared object file")?;
        let name = line[..at].rsplit([' ', '\'', '"', '/', '(']).next()?;
        (name.starts_with("lib") && name.contains(".so")).then(|| name.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_librarys_name_is_taken_from_each_form() {
        for (text, name) in [
            (
                "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
                Some("libGL.so.1"),
            ),
            (
                "OSError: /opt/x/libcudart.so.12: cannot open shared object file: No such file",
                Some("libcudart.so.12"),
            ),
            (
                "dlerror: libcudnn.so.8: cannot open shared object file: No such file or directory; LD_LIBRARY_PATH: /x",
                Some("libcudnn.so.8"),
            ),
            (
                "./a.out: error while loading shared libraries: libmpi.so.40: cannot open shared object file: x",
                Some("libmpi.so.40"),
            ),
            ("OSError: model.bin: cannot open shared object file", None),
            ("", None),
        ] {
            assert_eq!(last(text).as_deref(), name, "{text}");
        }
    }
}
