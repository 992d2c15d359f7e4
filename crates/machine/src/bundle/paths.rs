//! The tree of a bundle, and following links inside it.

use super::records::Node;
use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// Files, folders and links by absolute path.
pub type Tree = BTreeMap<PathBuf, Node>;

/// As many links as Linux follows before it gives up (`MAXSYMLINKS`, path_resolution(7)).
const LINK_LIMIT: usize = 40;

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resolved {
    /// There, whether or not something stands there.
    Path(PathBuf),
    /// In a circle.
    Loop,
}

/// Follows all links on the way, and the last one where `last` says so. Never leaves the tree:
/// above `/` is `/`, as for the kernel. `..` leads up only from what `is_folder`; from anything else
/// it leads nowhere, and the path answered ends in that `..`.
pub(crate) fn resolve(
    tree: &Tree,
    path: &Path,
    last: bool,
    is_folder: impl Fn(&Path) -> bool,
) -> Resolved {
    let mut ahead: VecDeque<OsString> = steps(path);
    let mut here = PathBuf::from("/");
    let mut links = 0;
    while let Some(step) = ahead.pop_front() {
        if step == ".." {
            if !is_folder(&here) {
                return Resolved::Path(here.join(".."));
            }
            here.pop();
            continue;
        }
        here.push(&step);
        let Some(Node::Link(target)) = tree.get(&here) else {
            continue;
        };
        if ahead.is_empty() && !last {
            continue;
        }
        links += 1;
        if links > LINK_LIMIT {
            return Resolved::Loop;
        }
        here.pop();
        if target.is_absolute() {
            here = PathBuf::from("/");
        }
        for step in steps(target).into_iter().rev() {
            ahead.push_front(step);
        }
    }
    Resolved::Path(here)
}

/// The steps of a path: names and `..`.
fn steps(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_os_string()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

/// Whether a link that stands in `folder` would climb above `/` by its own text.
pub(crate) fn leads_outside(folder: &Path, target: &Path) -> bool {
    let mut depth = if target.is_absolute() {
        0
    } else {
        steps(folder).len()
    };
    for component in target.components() {
        match component {
            Component::ParentDir if depth == 0 => return true,
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            _ => {}
        }
    }
    false
}

/// A link's target without the `..` that would climb above `/`: for the kernel it means the same.
pub fn without_surplus_parents(folder: &Path, target: &Path) -> PathBuf {
    if !leads_outside(folder, target) {
        return target.to_path_buf();
    }
    let mut shown = if target.is_absolute() {
        PathBuf::from("/")
    } else {
        PathBuf::new()
    };
    let mut depth = if target.is_absolute() {
        0
    } else {
        steps(folder).len()
    };
    for component in target.components() {
        match component {
            Component::ParentDir if depth == 0 => {}
            Component::ParentDir => {
                depth -= 1;
                shown.push("..");
            }
            Component::Normal(name) => {
                depth += 1;
                shown.push(name);
            }
            _ => {}
        }
    }
    if shown.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        shown
    }
}

/// Puts a node in, with the folders above it where nothing stands yet.
pub(crate) fn insert(tree: &mut Tree, path: &Path, node: Node) {
    for above in path.ancestors().skip(1) {
        if tree.contains_key(above) {
            break;
        }
        tree.insert(above.to_path_buf(), Node::Directory);
    }
    tree.insert(path.to_path_buf(), node);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(items: &[(&str, Option<&str>)]) -> Tree {
        let mut tree = Tree::new();
        for (path, link) in items {
            insert(
                &mut tree,
                Path::new(path),
                link.map_or_else(|| Node::file(""), |target| Node::Link(target.into())),
            );
        }
        tree
    }

    #[test]
    fn links_are_followed_inside_the_tree_only() {
        let tree = tree(&[
            ("/usr/local/cuda", Some("/etc/alternatives/cuda")),
            ("/etc/alternatives/cuda", Some("../../usr/local/cuda-12.4")),
            ("/usr/local/cuda-12.4/version.json", None),
            ("/loop/a", Some("b")),
            ("/loop/b", Some("a")),
            ("/up", Some("../../../etc")),
        ]);
        for (path, last, expected) in [
            (
                "/usr/local/cuda/version.json",
                true,
                Some("/usr/local/cuda-12.4/version.json"),
            ),
            ("/usr/local/cuda", true, Some("/usr/local/cuda-12.4")),
            ("/usr/local/cuda", false, Some("/usr/local/cuda")),
            ("/usr/local/cuda/../x", true, Some("/usr/local/x")),
            ("/../../etc", true, Some("/etc")),
            ("/up/hosts", true, Some("/etc/hosts")),
            ("/not/there", true, Some("/not/there")),
            ("/loop/a/x", true, None),
        ] {
            let resolved = expected.map_or(Resolved::Loop, |path| Resolved::Path(path.into()));
            assert_eq!(
                resolve(&tree, Path::new(path), last, |_| true),
                resolved,
                "{path}"
            );
        }
    }

    #[test]
    fn climbing_links_are_seen_and_cut() {
        for (folder, target, outside, cut) in [
            ("/a", "../b", false, "../b"),
            ("/a", "../../b", true, "../b"),
            ("/", "..", true, "."),
            ("/a", "/../x", true, "/x"),
            ("/a", "x/../../..", true, "x/../.."),
            ("/a/b", "/c", false, "/c"),
        ] {
            let (folder, target) = (Path::new(folder), Path::new(target));
            assert_eq!(leads_outside(folder, target), outside, "{target:?}");
            assert_eq!(
                without_surplus_parents(folder, target),
                Path::new(cut),
                "{target:?}"
            );
            assert!(!leads_outside(
                folder,
                &without_surplus_parents(folder, target)
            ));
        }
    }
}
