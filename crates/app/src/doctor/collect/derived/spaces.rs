//! File systems and the space on them, the one that an error names among them: "No space left on device" is of the place
//! where it was written to, and of no other.
//!
//! Source: errno(3): ENOSPC, EROFS; proc_mounts(5): the longest mount point that a path begins with is its file system.

use super::super::Places;
use deskside_doctor::{Document, OUTPUT, Scene};
use deskside_machine::{Machine, Reading};
use deskside_types::Facts;

/// What an error says that could not write.
const REFUSED: &[&str] = &[
    "No space left on device",
    "Errno 28",
    "os error 28",
    "ENOSPC",
    "Read-only file system",
    "Errno 30",
    "os error 30",
];
/// A smaller one holds firmware or a kernel, or is no place for work.
const SMALLEST: u64 = 1 << 30;

/// `total=… free=… free_percent=… read_only=… named=yes in=…|named=no`, a document for each file system with its place as
/// source; the one that the error names first. `in` says whether it is named in a folder for what passes, in a cache or
/// elsewhere; `at=mount` that its mount point is known.
pub(super) fn of(
    machine: &dyn Machine,
    facts: &Facts,
    places: &Places,
    scene: &Scene,
) -> Vec<Document> {
    let disks = facts.disks.value().map_or(&[][..], Vec::as_slice);
    let mut documents = Vec::new();
    let named = scene
        .documents(OUTPUT)
        .into_iter()
        .filter_map(|document| document.text.ok())
        .find_map(|text| named(&text));
    if let Some(path) = named {
        let mount = mount_of(&path, disks.iter().map(|disk| disk.mount.clone()), scene);
        let folder = match path.rsplit_once('/') {
            Some((folder, _)) if !folder.is_empty() => folder,
            _ => "/",
        };
        // A folder that was asked for by itself may be a file system that no table names.
        let asked = scene
            .documents("space")
            .into_iter()
            .map(|document| document.source)
            .filter(|place| is_below(&path, place))
            .max_by_key(String::len)
            .filter(|place| mount.as_ref().is_none_or(|mount| place.len() > mount.len()));
        let is_mount = mount.is_some() && asked.is_none();
        let place = asked.or(mount).unwrap_or_else(|| folder.to_string());
        let space = machine.space(&place).or_else(|_| machine.space(folder));
        if let Ok(space) = space {
            documents.push(Document::text(
                place,
                format!(
                    "{} named=yes in={} at={}",
                    line(space.total, space.free, space.read_only),
                    kind(machine, places, &path),
                    if is_mount { "mount" } else { "folder" },
                ),
            ));
        }
    }
    for document in scene.documents("space") {
        // What is full there is told by those who unpack there.
        if let (Ok(text), false) = (&document.text, document.source == "/tmp") {
            documents.push(Document::text(
                document.source.clone(),
                format!("{text} named=no"),
            ));
        }
    }
    for disk in disks {
        let (Some(total), Some(free)) = (disk.total_bytes.value(), disk.free_bytes.value()) else {
            continue;
        };
        let is_known = documents.iter().any(|known| known.source == disk.mount);
        if *total >= SMALLEST && !is_known {
            documents.push(Document::text(
                disk.mount.clone(),
                format!("{} named=no", line(*total, *free, disk.read_only)),
            ));
        }
    }
    documents
}

fn line(total: u64, free: u64, read_only: bool) -> String {
    let percent = (u128::from(free) * 100)
        .checked_div(u128::from(total))
        .unwrap_or(100);
    format!("total={total} free={free} free_percent={percent} read_only={read_only}")
}

/// The path that the last such error names.
fn named(text: &str) -> Option<String> {
    text.lines()
        .rev()
        .filter(|line| REFUSED.iter().any(|word| line.contains(word)))
        .find_map(path_in)
}

/// An absolute path that begins behind a blank or an opening mark; a program's own name at the beginning is none.
fn path_in(line: &str) -> Option<String> {
    const MARKS: &[char] = &['\'', '"', '`', '\u{2018}', '\u{2019}', '(', '<', '«', '„'];
    let mut before = ' ';
    for (at, letter) in line.char_indices() {
        let begins = letter == '/' && at > 0 && (before.is_whitespace() || MARKS.contains(&before));
        if begins {
            let ends = |letter: char| {
                MARKS.contains(&letter)
                    || [')', '>', '»', '“', ','].contains(&letter)
                    // In quotes a path may hold blanks.
                    || (before.is_whitespace() && (letter.is_whitespace() || letter == ':'))
            };
            let path: String = line[at..].chars().take_while(|one| !ends(*one)).collect();
            if path.len() > 1 {
                return Some(path.trim_end_matches(['/', ':', '.']).to_string());
            }
        }
        before = letter;
    }
    None
}

/// The longest mount point that a path begins with, of those that are known.
fn mount_of(path: &str, disks: impl Iterator<Item = String>, scene: &Scene) -> Option<String> {
    let column = |item: &str, place: fn(&str) -> Option<&str>| -> Vec<String> {
        scene
            .documents(item)
            .into_iter()
            .filter_map(|document| document.text.ok())
            .flat_map(|text| {
                text.lines()
                    .filter_map(|line| place(line).map(String::from))
                    .collect::<Vec<_>>()
            })
            .collect()
    };
    let by_kernel = column("mounts", |line| line.split(' ').nth(1));
    let by_df = ["disk-space", "inodes"]
        .iter()
        .flat_map(|item| column(item, |line| line.split_whitespace().nth(5)))
        .collect::<Vec<_>>();
    disks
        .chain(by_kernel)
        .chain(by_df)
        .filter(|mount| mount.starts_with('/') && is_below(path, mount))
        .max_by_key(String::len)
}

fn is_below(path: &str, folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What kind of folder a path lies in.
fn kind(machine: &dyn Machine, places: &Places, path: &str) -> &'static str {
    let variable = |name: &str| {
        machine
            .variable(name)
            .filter(|folder| folder.len() > 1 && folder.starts_with('/'))
    };
    let below = |folder: Option<String>| folder.is_some_and(|folder| is_below(path, &folder));
    let cache = places.home.as_ref().map(|home| format!("{home}/.cache"));
    if below(variable("UV_CACHE_DIR")) || below(variable("PIP_CACHE_DIR")) || below(cache) {
        "cache"
    } else if below(variable("TMPDIR")) || is_below(path, "/tmp") || is_below(path, "/var/tmp") {
        "temporary"
    } else {
        "other"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_the_error_is_found() {
        for (text, path) in [
            (
                "OSError: [Errno 28] No space left on device: '/data/models/a b.safetensors'",
                Some("/data/models/a b.safetensors"),
            ),
            (
                "  Caused by: failed to write to file `/fast/uv/.tmp7/torch.whl`: No space left on device (os error 28)",
                Some("/fast/uv/.tmp7/torch.whl"),
            ),
            (
                "cp: error writing '/mnt/x/y': No space left on device",
                Some("/mnt/x/y"),
            ),
            (
                "mkdir: cannot create directory \u{2018}/mnt/x\u{2019}: No space left on device",
                Some("/mnt/x"),
            ),
            (
                "tar: write error on /mnt/x/y.tar: No space left on device",
                Some("/mnt/x/y.tar"),
            ),
            // A program's own name is no place where it writes.
            ("/usr/bin/tar: No space left on device", None),
            (
                "  File \"/home/u/a.py\", line 3\nOSError: [Errno 28] No space left on device",
                None,
            ),
            ("ValueError: '/data/x'", None),
            ("", None),
        ] {
            assert_eq!(named(text).as_deref(), path, "{text}");
        }
    }

    #[test]
    fn a_path_is_of_the_longest_mount_point() {
        let mut scene = Scene::new(&deskside_probe::collect(&deskside_testkit::Sim::empty()));
        scene.put(
            "mounts",
            [Document::text(
                "/proc/self/mounts",
                "/dev/sda1 / ext4 rw 0 0\n/dev/sdb1 /data ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n",
            )],
        );
        for (path, mount) in [("/data/x", "/data"), ("/database/x", "/"), ("/tmp", "/tmp")] {
            assert_eq!(
                mount_of(path, std::iter::empty(), &scene).as_deref(),
                Some(mount),
                "{path}"
            );
        }
        let none = Scene::new(&deskside_probe::collect(&deskside_testkit::Sim::empty()));
        assert_eq!(mount_of("/x", std::iter::empty(), &none), None);
    }
}
