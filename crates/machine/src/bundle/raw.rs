//! A bundle as files, before anything in it is understood; the same for folders and archives.

use super::{DEPTH_LIMIT, ENTRY_LIMIT, FILE_LIMIT, Node, TOTAL_LIMIT, hostile, unreadable};
use deskside_types::Problem;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// Files, folders and links by path relative to the bundle.
pub(super) type Raw = BTreeMap<PathBuf, Node>;

/// Counts what was taken in and refuses what is too much.
#[derive(Default)]
pub(super) struct Budget {
    bytes: u64,
    entries: usize,
}

impl Budget {
    /// One more entry.
    pub(super) fn entry(&mut self, path: &Path) -> Result<(), Problem> {
        self.entries += 1;
        if self.entries > ENTRY_LIMIT {
            return Err(hostile(format!(
                "the bundle holds more than {ENTRY_LIMIT} files"
            )));
        }
        if path.components().count() > DEPTH_LIMIT {
            return Err(hostile(format!(
                "{} lies more than {DEPTH_LIMIT} folders deep",
                path.display()
            )));
        }
        Ok(())
    }

    /// A file of that size comes next.
    pub(super) fn bytes(&mut self, path: &Path, size: u64) -> Result<(), Problem> {
        if size > FILE_LIMIT {
            return Err(hostile(format!(
                "{} is larger than {} MiB",
                path.display(),
                FILE_LIMIT >> 20
            )));
        }
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > TOTAL_LIMIT {
            return Err(hostile(format!(
                "the bundle unpacks to more than {} MiB",
                TOTAL_LIMIT >> 20
            )));
        }
        Ok(())
    }
}

/// An archive member's path, made clean: `./a//b` is `a/b`. Members that lead elsewhere are refused.
pub(super) fn member(path: &Path) -> Result<PathBuf, Problem> {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                return Err(hostile(format!(
                    "the member {} leads out of the bundle",
                    path.display()
                )));
            }
            Component::RootDir | Component::Prefix(_) => {
                return Err(hostile(format!(
                    "the member {} has an absolute path",
                    path.display()
                )));
            }
        }
    }
    Ok(clean)
}

/// Puts a member in. A second one of the same name, or one below a file or link, is refused.
pub(super) fn put(raw: &mut Raw, path: PathBuf, node: Node) -> Result<(), Problem> {
    for above in path
        .ancestors()
        .skip(1)
        .filter(|above| !above.as_os_str().is_empty())
    {
        match raw.get(above) {
            None => {
                raw.insert(above.to_path_buf(), Node::Directory);
            }
            Some(Node::Directory) => break,
            Some(_) => {
                return Err(hostile(format!(
                    "{} lies below {}, which is no folder",
                    path.display(),
                    above.display()
                )));
            }
        }
    }
    match (raw.get(&path), &node) {
        (None, _) => {
            raw.insert(path, node);
            Ok(())
        }
        (Some(Node::Directory), Node::Directory) => Ok(()),
        _ => Err(hostile(format!(
            "{} is in the bundle twice",
            path.display()
        ))),
    }
}

/// The bundle itself, where it was packed together with the folder it lies in.
pub(super) fn unwrapped(raw: Raw) -> Result<Raw, Problem> {
    if raw.contains_key(Path::new("bundle.toml")) {
        return Ok(raw);
    }
    let tops: Vec<&PathBuf> = raw
        .keys()
        .filter(|path| path.components().count() == 1)
        .collect();
    if let [top] = tops[..]
        && raw.contains_key(&top.join("bundle.toml"))
    {
        let top = top.clone();
        return Ok(raw
            .into_iter()
            .filter_map(|(path, node)| {
                let inner = path.strip_prefix(&top).ok()?;
                (!inner.as_os_str().is_empty()).then(|| (inner.to_path_buf(), node))
            })
            .collect());
    }
    Err(unreadable("there is no bundle.toml in it")
        .hint("an evidence bundle is made with `deskside info --record PATH`"))
}
