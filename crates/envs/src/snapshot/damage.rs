//! Files of installed distributions that are not what their RECORD says.
//!
//! Sizes are compared for every file. Contents are compared where a file may have been changed without changing its
//! size: where it is newer than a file that came with it and nobody edits. Hashing everything would read gigabytes.

use super::record::RecordedFile;
use super::take::Installed;
use super::walk::Walk;
use base64::encode;
use deskside_machine::{ErrorKind, Machine, Reading};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::{Component, Path, PathBuf};

/// A file that is not what its distribution's RECORD says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Damaged {
    /// The distribution's normalised name.
    pub distribution: String,
    /// The file.
    pub path: String,
    /// What is wrong with it.
    pub how: How,
}

/// What is wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// It is not there.
    Missing,
    /// Nothing is in it.
    Empty,
    /// It is shorter than it was: its end may be cut off.
    Shorter,
    /// It is longer than it was.
    Longer,
    /// It has other contents of the same size.
    Contents,
    /// It can't be read.
    Unreadable,
}

/// How far contents are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Of files that are not older than the distribution's RECORD: they were changed after the install.
    ChangedSinceInstalled,
    /// Of files that are clearly newer than the distribution's METADATA: both were unpacked together, so the copy in
    /// uv's cache, which this file is, was changed since.
    ChangedSinceUnpacked,
    /// Of every file.
    Every,
}

/// A file may be unpacked that many seconds after the first file of its wheel.
const UNPACKING: i64 = 60;
/// Files are read in parts of that size.
const PART: u64 = 4 << 20;

/// The files of some distributions that are not what RECORD says. `walk` is of the environment they are in.
pub fn damaged(
    machine: &dyn Machine,
    walk: &Walk,
    installed: &[Installed],
    depth: Depth,
) -> Vec<Damaged> {
    let mut found = Vec::new();
    for one in installed {
        let modified = |name: &str| {
            let stat = walk.stat(machine, &one.information.join(name));
            stat.map_or(i64::MAX, |stat| stat.modified)
        };
        // From that moment on a file's contents are compared.
        let since = match depth {
            Depth::ChangedSinceInstalled => modified("RECORD"),
            Depth::ChangedSinceUnpacked => modified("METADATA").saturating_add(UNPACKING),
            Depth::Every => i64::MIN,
        };
        let site = one.information.parent().unwrap_or(Path::new("/"));
        for file in one.files.iter().filter(|file| !file.path.ends_with(".pyc")) {
            let path = place(site, &file.path);
            if let Some(how) = wrong(machine, walk, &path, file, since) {
                found.push(Damaged {
                    distribution: one.name.clone(),
                    path: path.display().to_string(),
                    how,
                });
            }
        }
    }
    found
}

/// What is wrong with one file.
fn wrong(
    machine: &dyn Machine,
    walk: &Walk,
    path: &Path,
    file: &RecordedFile,
    since: i64,
) -> Option<How> {
    let stat = match walk.stat(machine, path) {
        Ok(stat) => stat,
        Err(error) if error.kind == ErrorKind::Absent => return Some(How::Missing),
        Err(_) => return Some(How::Unreadable),
    };
    match file.size {
        Some(size) if size > 0 && stat.size == 0 => return Some(How::Empty),
        Some(size) if size > stat.size => return Some(How::Shorter),
        Some(size) if size < stat.size => return Some(How::Longer),
        _ => {}
    }
    let wanted = file.hash.strip_prefix("sha256=")?;
    if stat.modified < since {
        return None;
    }
    match hash(machine, path) {
        Some(hash) if hash == wanted => None,
        Some(_) => Some(How::Contents),
        None => Some(How::Unreadable),
    }
}

/// A file's SHA-256 as RECORD writes it.
fn hash(machine: &dyn Machine, path: &Path) -> Option<String> {
    let mut hash = Sha256::new();
    let mut offset = 0;
    loop {
        let part = machine.file_part(path, offset, PART).ok()?;
        if part.is_empty() {
            return Some(encode(&hash.finalize()));
        }
        offset += part.len() as u64;
        hash.update(&part);
    }
}

/// Where a path of a RECORD lies: relative to `site-packages`, `..` taken out by name alone.
pub fn place(site: &Path, recorded: &str) -> PathBuf {
    let is_plain = |part: &str| !matches!(part, "" | "." | "..");
    if recorded.split('/').all(is_plain) {
        return site.join(recorded);
    }
    let mut path = site.to_path_buf();
    for part in Path::new(recorded).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path
}

mod base64 {
    //! Base64 with the URL's alphabet and without padding (RFC 4648, section 5), as RECORD has it.

    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    pub(super) fn encode(bytes: &[u8]) -> String {
        let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
        for three in bytes.chunks(3) {
            let mut bits = 0u32;
            for place in 0..3 {
                bits = bits << 8 | u32::from(three.get(place).copied().unwrap_or(0));
            }
            for place in 0..=three.len() {
                let digit = bits >> (18 - 6 * place) & 63;
                text.push(ALPHABET[digit as usize] as char);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_written_as_in_record() {
        // RFC 4648, section 10, with the URL's alphabet and no padding.
        for (text, encoded) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(text.as_bytes()), encoded);
        }
        assert_eq!(encode(&[0xfb, 0xff]), "-_8");
    }

    #[test]
    fn recorded_paths_lead_out_of_site_packages() {
        let site = Path::new("/v/lib/python3.12/site-packages");
        for (recorded, path) in [
            ("six.py", "/v/lib/python3.12/site-packages/six.py"),
            ("../../../bin/f2py", "/v/bin/f2py"),
            ("/opt/x", "/opt/x"),
            ("./a/../b", "/v/lib/python3.12/site-packages/b"),
        ] {
            assert_eq!(place(site, recorded), Path::new(path));
        }
    }
}
