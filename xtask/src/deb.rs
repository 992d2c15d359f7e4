//! A Debian package, written by hand: an `ar` archive of three members.

use anyhow::Result;
use flate2::{Compression, write::GzEncoder};
use std::io::Write;

/// A file in the package: its path without a leading slash, its contents, its mode.
pub struct Member {
    /// Path below `/`.
    pub path: String,
    /// Contents.
    pub contents: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
}

/// A gzipped tar of the members, with the folders above them, owned by root, at a fixed time.
pub fn tarball(members: &[Member], prefix: &str, time: u64) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::best()));
    let mut folders = std::collections::BTreeSet::new();
    for member in members {
        let mut folder = std::path::Path::new(&member.path).parent();
        let mut above = Vec::new();
        while let Some(one) = folder.filter(|one| !one.as_os_str().is_empty()) {
            above.push(one.to_path_buf());
            folder = one.parent();
        }
        for one in above.into_iter().rev() {
            if folders.insert(one.clone()) {
                let mut header = header(0o755, 0, time);
                header.set_entry_type(tar::EntryType::Directory);
                archive.append_data(
                    &mut header,
                    format!("{prefix}{}/", one.display()),
                    std::io::empty(),
                )?;
            }
        }
        let mut header = header(member.mode, member.contents.len() as u64, time);
        archive.append_data(
            &mut header,
            format!("{prefix}{}", member.path),
            member.contents.as_slice(),
        )?;
    }
    Ok(archive.into_inner()?.finish()?)
}

fn header(mode: u32, size: u64, time: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(time);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// The package: `debian-binary`, `control.tar.gz`, `data.tar.gz`.
pub fn package(control: &str, members: &[Member], time: u64) -> Result<Vec<u8>> {
    let control = tarball(
        &[Member {
            path: "control".into(),
            contents: control.as_bytes().to_vec(),
            mode: 0o644,
        }],
        "./",
        time,
    )?;
    let data = tarball(members, "./", time)?;
    let mut archive = b"!<arch>\n".to_vec();
    for (name, contents) in [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", control),
        ("data.tar.gz", data),
    ] {
        writeln!(
            archive,
            "{name:<16}{time:<12}{:<6}{:<6}{:<8}{:<10}`",
            0,
            0,
            "100644",
            contents.len()
        )?;
        archive.extend_from_slice(&contents);
        if contents.len() % 2 == 1 {
            archive.push(b'\n');
        }
    }
    Ok(archive)
}
