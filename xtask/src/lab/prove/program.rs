//! The program as it is proved: a copy in which the makers' proofs (the fingerprints of their keys, the SHA-256 of their
//! keyring packages) are those of the lab's throw-away keys. Each is replaced by one of the same length in the tables that
//! the program carries; not one instruction is another, and what is shipped holds nothing that the lab could use.

use crate::lab::{archive, folder, hex, remove};
use crate::shell::{output, root};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;

/// Whose key of the lab's signs an archive of the tables.
const OWNERS: [(&str, &str); 2] = [("nvidia", "nvidia.gpg"), ("rocm", "amd.gpg")];

/// The table in the checkout, as the program carries it.
const TABLE: &str = "crates/knowledge/data/platforms/repositories.toml";

/// The program with the lab's proofs.
///
/// # Errors
///
/// When the program does not carry the table of this checkout.
pub fn with_the_labs_proofs(program: &Path) -> Result<Vec<u8>> {
    let mut bytes = std::fs::read(program).with_context(|| program.display().to_string())?;
    let theirs = std::fs::read_to_string(root().join(TABLE)).context(TABLE)?;
    let ours = proven_by_the_lab(&theirs)?;
    ensure!(
        theirs.len() == ours.len() && theirs != ours,
        "{TABLE} is not laid out as expected"
    );
    let places = places(&bytes, theirs.as_bytes());
    ensure!(
        !places.is_empty(),
        "{} does not carry {TABLE} as it is in this checkout: build it anew",
        program.display()
    );
    for place in places {
        bytes[place..place + ours.len()].copy_from_slice(ours.as_bytes());
    }
    Ok(bytes)
}

/// The table with the lab's proofs in place of the makers'.
fn proven_by_the_lab(table: &str) -> Result<String> {
    let archives = archive::archives()?;
    let (mut id, mut name, mut url) = (String::new(), String::new(), String::new());
    let mut ours = table.to_string();
    for line in table.lines() {
        let Some((key, value)) = line.split_once(" = ") else {
            continue;
        };
        let value = value.trim_matches('"');
        match key {
            "id" => id = value.into(),
            "keyring_name" => name = value.into(),
            "url" => url = value.into(),
            "fingerprint" => {
                if let Some((_, file)) = OWNERS.iter().find(|(owner, _)| *owner == id) {
                    let own = fingerprint(&archives.join("keys").join(file))?;
                    ours = ours.replace(value, &own);
                }
            }
            "keyring_sha256" => {
                let file = url.trim_start_matches("https://").to_string() + &name;
                // The lab has the archives of the machines it plays.
                if let Ok(package) = std::fs::read(archives.join(file)) {
                    ours = ours.replace(value, &hex(&package));
                }
            }
            _ => {}
        }
    }
    Ok(ours)
}

/// Where a long text stands in a program, by Horspool's search: most of the program is leapt over.
fn places(bytes: &[u8], wanted: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let Some(last) = wanted.len().checked_sub(1) else {
        return found;
    };
    let mut leaps = [wanted.len(); 256];
    for (place, byte) in wanted[..last].iter().enumerate() {
        leaps[usize::from(*byte)] = last - place;
    }
    let mut place = 0;
    while let Some(window) = bytes.get(place..place + wanted.len()) {
        if window == wanted {
            found.push(place);
        }
        place += leaps[usize::from(window[last])];
    }
    found
}

/// The fingerprint of the key in a file, by gpg.
fn fingerprint(file: &Path) -> Result<String> {
    let home = folder()?.join(format!("gpg-{}", std::process::id()));
    std::fs::create_dir_all(&home)?;
    std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    let said = output(
        Command::new("gpg")
            .args([
                "--batch",
                "--quiet",
                "--no-autostart",
                "--show-keys",
                "--with-colons",
            ])
            .arg(file)
            .env("GNUPGHOME", &home),
    );
    remove(&home)?;
    said?
        .lines()
        .find_map(|line| line.strip_prefix("fpr:"))
        .map(|line| line.trim_matches(':').to_string())
        .with_context(|| format!("{} has no key", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_found() {
        assert_eq!(places(b"..abab..ab", b"ab"), [2, 4, 8]);
        assert_eq!(places(b"aaaa", b"aa"), [0, 1, 2]);
        assert_eq!(places(b"abc", b"abcd"), [0; 0]);
        assert_eq!(places(b"abc", b""), [0; 0]);
    }
}
