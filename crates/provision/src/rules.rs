//! What root's process knows by itself: the makers' archives of the tables, as the recipes enter them.

use crate::recipes::entered;
use deskside_knowledge::platforms::{package_kind, repositories, repository_of};
use deskside_operate::root::{Fetched, Rules, Whole};

/// What root's process may fetch and write for the system layer.
pub fn rules() -> Rules {
    let mut rules = Rules {
        kind: package_kind,
        is_makers: |line| {
            line.split_whitespace()
                .any(|word| repository_of(word).is_some())
        },
        ..Rules::none()
    };
    for archive in repositories() {
        for place in &archive.place {
            if let (Some(hash), Some(name)) = (&place.keyring_sha256, &archive.keyring_name) {
                rules.packages.push(Fetched {
                    url: format!("{}{name}", place.url),
                    path: entered::kept(name),
                    proof: hash.clone(),
                });
            }
            if let (Some(url), Some(fingerprint), Some(path)) =
                (&place.key_url, &archive.fingerprint, &archive.keyring_file)
            {
                rules.keys.push(Fetched {
                    url: url.clone(),
                    path: path.clone(),
                    proof: fingerprint.clone(),
                });
                rules
                    .files
                    .extend(["amd64", "arm64"].map(|architecture| Whole {
                        path: format!("/etc/apt/sources.list.d/{}", entered::name(archive)),
                        contents: entered::source(place, path, architecture),
                    }));
            }
        }
        let pins = [entered::pin(archive), entered::fence(archive)];
        rules.files.extend(
            pins.into_iter()
                .flatten()
                .map(|(path, contents)| Whole { path, contents }),
        );
    }
    rules
}
