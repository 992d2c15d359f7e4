//! A `.deb` of the lab: control fields, maintainer scripts, files and links.

use super::effects::{Effects, Entry};
use anyhow::Result;
use flate2::{Compression, write::GzEncoder};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

/// The file's bytes. `control` is the whole control file.
pub fn deb(control: &str, effects: &Effects) -> Result<Vec<u8>> {
    let mut entries = vec![Entry::File("control".into(), control.into(), 0o644)];
    for (name, body) in [
        ("postinst", &effects.postinst),
        ("prerm", &effects.prerm),
        ("postrm", &effects.postrm),
    ] {
        if !body.is_empty() {
            // Upgrades run prerm and postrm too; what they undo would then be done at the wrong time.
            let condition = match name {
                "postinst" => "[ \"$1\" = configure ] || exit 0",
                "prerm" => "[ \"$1\" = failed-upgrade ] && exit 0",
                _ => "[ \"$1\" = remove ] || [ \"$1\" = purge ] || exit 0",
            };
            entries.push(Entry::File(
                name.into(),
                format!("#!/bin/sh\nset -e\n{condition}\n{body}").into_bytes(),
                0o755,
            ));
        }
    }
    let conffiles: String = effects
        .entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::File(path, ..) if path.starts_with("etc/") => Some(format!("/{path}\n")),
            _ => None,
        })
        .collect();
    if !conffiles.is_empty() {
        entries.push(Entry::File(
            "conffiles".into(),
            conffiles.into_bytes(),
            0o644,
        ));
    }
    let members = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", tarball(&entries)?),
        ("data.tar.gz", tarball(&effects.entries)?),
    ];
    let mut archive = b"!<arch>\n".to_vec();
    for (name, contents) in members {
        let size = contents.len();
        writeln!(
            archive,
            "{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`",
            0, 0, 0, "100644"
        )?;
        archive.extend_from_slice(&contents);
        if size % 2 == 1 {
            archive.push(b'\n');
        }
    }
    Ok(archive)
}

fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(1_700_000_000);
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn tarball(entries: &[Entry]) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut folders = BTreeSet::new();
    let mut top = header(tar::EntryType::Directory, 0o755, 0);
    archive.append_data(&mut top, "./", std::io::empty())?;
    for entry in entries {
        let (Entry::File(path, ..) | Entry::Link(path, _)) = entry;
        let mut above: Vec<&Path> = Path::new(path)
            .ancestors()
            .skip(1)
            .filter(|one| !one.as_os_str().is_empty())
            .collect();
        above.reverse();
        for folder in above {
            if folders.insert(folder.to_path_buf()) {
                let mut header = header(tar::EntryType::Directory, 0o755, 0);
                archive.append_data(
                    &mut header,
                    format!("./{}/", folder.display()),
                    std::io::empty(),
                )?;
            }
        }
        match entry {
            Entry::File(_, contents, mode) => {
                let mut header = header(tar::EntryType::Regular, *mode, contents.len() as u64);
                archive.append_data(&mut header, format!("./{path}"), contents.as_slice())?;
            }
            Entry::Link(_, target) => {
                let mut header = header(tar::EntryType::Symlink, 0o777, 0);
                archive.append_link(&mut header, format!("./{path}"), target)?;
            }
        }
    }
    Ok(archive.into_inner()?.finish()?)
}
