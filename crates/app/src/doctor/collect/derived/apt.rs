//! What apt's sources are in themselves: contradictions, keyrings that are not there, lines that can't be read; and who
//! holds the package manager's lock.
//!
//! Sources: sources.list(5), apt-secure(8).

use deskside_doctor::{Document, Scene};
use deskside_knowledge::platforms::{repositories, repository_of};
use deskside_machine::{Machine, Reading};
use deskside_types::facts::{PackageSource, Packages};
use deskside_types::{Facts, Known};
use std::collections::BTreeMap;

pub(super) fn add(machine: &dyn Machine, facts: &Facts, scene: &mut Scene) {
    let Some(packages) = facts.packages.value() else {
        return;
    };
    scene.put(
        "apt-locks",
        match &packages.lock_holder {
            Known::Value(holder) => Some(Document::text(
                "/proc/locks",
                format!(
                    "held by process {} ({})",
                    holder.pid,
                    holder.program.value().map_or("unknown", String::as_str)
                ),
            )),
            Known::Absent => None,
            Known::Unknown { unknown } => Some(Document::unseen("/proc/locks", unknown.clone())),
        },
    );
    match &packages.sources {
        Known::Value(sources) => {
            scene.put("apt-conflicts", conflicts(sources));
            scene.put("apt-missing-keyrings", missing_keyrings(machine, sources));
            // Those that a source rests on first: of the others none is asked for.
            let mut keyrings = scene.documents("apt-keyrings");
            keyrings.sort_by_key(|keyring| {
                !sources.iter().any(|source| {
                    source.enabled && source.signed_by.value() == Some(&keyring.source)
                })
            });
            if !keyrings.is_empty() {
                scene.put("apt-keyrings", keyrings);
            }
        }
        Known::Absent => {
            scene.put("apt-conflicts", None);
            scene.put("apt-missing-keyrings", None);
        }
        Known::Unknown { unknown } => {
            for item in ["apt-conflicts", "apt-missing-keyrings"] {
                scene.put(item, [Document::unseen("apt's sources", unknown.clone())]);
            }
        }
    }
    scene.put("apt-unkeyed-sources", unkeyed(packages));
    scene.put("archive-keys", Some(keys_of_archives()));
    let mistakes: Vec<Document> = scene
        .documents("apt-sources")
        .into_iter()
        .filter_map(|document| {
            let Ok(text) = &document.text else {
                return Some(document);
            };
            let lines = mistakes(&document.source, text);
            (!lines.is_empty()).then(|| Document::text(document.source.clone(), lines.join("\n")))
        })
        .collect();
    scene.put("apt-source-mistakes", mistakes);
}

/// The same repository and suite, listed with different signers: a line for each, `file:line (signer)` side by side.
fn conflicts(sources: &[PackageSource]) -> Option<Document> {
    let mut groups: BTreeMap<(String, &str), Vec<&PackageSource>> = BTreeMap::new();
    for source in sources.iter().filter(|source| source.enabled) {
        groups
            .entry((source.uri.trim_end_matches('/').to_string(), &source.suite))
            .or_default()
            .push(source);
    }
    let signer = |source: &PackageSource| source.signed_by.value().cloned().unwrap_or_default();
    let mut lines = Vec::new();
    for ((uri, suite), group) in groups {
        let first = signer(group[0]);
        if group.iter().all(|source| signer(source) == first) {
            continue;
        }
        let places: Vec<String> = group
            .iter()
            .map(|source| {
                let signer = signer(source);
                let signer = if signer.is_empty() {
                    "no Signed-By".to_string()
                } else {
                    signer
                };
                format!("{}:{} ({signer})", source.file, source.line)
            })
            .collect();
        lines.push(format!("{uri} {suite}: {}", places.join(" against ")));
    }
    (!lines.is_empty()).then(|| Document::text("apt's sources", lines.join("\n")))
}

/// `file:line uri: /path of the keyring` for each source whose keyring is surely not there, or empty.
fn missing_keyrings(machine: &dyn Machine, sources: &[PackageSource]) -> Option<Document> {
    let mut lines = Vec::new();
    for source in sources.iter().filter(|source| source.enabled) {
        let Some(signer) = source.signed_by.value() else {
            continue;
        };
        for path in signer
            .split([' ', ','])
            .filter(|word| word.starts_with('/'))
        {
            let state = match machine.stat(path) {
                Ok(stat) if stat.size > 0 => continue,
                Ok(_) => match machine.file(path, 1) {
                    Ok(bytes) if bytes.is_empty() => "is empty",
                    _ => continue,
                },
                Err(error) if error.kind == deskside_machine::ErrorKind::Absent => "is not there",
                Err(_) => continue,
            };
            lines.push(format!(
                "{}:{} {}: {path} {state}",
                source.file, source.line, source.uri
            ));
        }
    }
    lines.dedup();
    (!lines.is_empty()).then(|| Document::text("apt's sources", lines.join("\n")))
}

/// The fingerprint by which each archive of a maker's is trusted: `nvidia EB69…`.
fn keys_of_archives() -> Document {
    let lines: Vec<String> = repositories()
        .iter()
        .filter_map(|one| Some(format!("{} {}", one.id, one.fingerprint.as_ref()?)))
        .collect();
    Document::text("known archives", lines.join("\n"))
}

/// `file:line uri: …` for each source of a known maker's that names no key file, where no file of keys that apt always
/// trusts has the maker's key.
fn unkeyed(packages: &Packages) -> Option<Document> {
    let about = "apt's key files";
    let sources = packages.sources.value()?;
    let wanted: Vec<(&PackageSource, &str)> = sources
        .iter()
        .filter(|source| {
            source.enabled
                && matches!(source.signed_by, Known::Absent)
                && !is_trusted_blindly(source)
                && !is_signed_elsewhere(source, sources)
        })
        .filter_map(|source| {
            let maker = repository_of(&source.uri)?;
            Some((source, maker.fingerprint.as_deref()?))
        })
        .collect();
    if wanted.is_empty() {
        return None;
    }
    let files = match &packages.keyrings {
        Known::Value(files) => files,
        Known::Absent => return None,
        Known::Unknown { unknown } => return Some(Document::unseen(about, unknown.clone())),
    };
    let mut trusted = Vec::new();
    for file in files.iter().filter(|file| {
        *file == "/etc/apt/trusted.gpg" || file.starts_with("/etc/apt/trusted.gpg.d/")
    }) {
        match packages.key_files.iter().find(|one| one.file == *file) {
            Some(keys) => trusted.extend(&keys.fingerprints),
            None => {
                return Some(Document::unseen(
                    about,
                    format!("{file} can't be read as keys"),
                ));
            }
        }
    }
    if trusted.is_empty() {
        // Every system has its own archive's key: where none was seen, none was looked at.
        return None;
    }
    let lines: Vec<String> = wanted
        .iter()
        .filter(|(_, fingerprint)| !trusted.iter().any(|one| *one == fingerprint))
        .map(|(source, fingerprint)| {
            format!(
                "{}:{} {}: no key file has {fingerprint}",
                source.file, source.line, source.uri
            )
        })
        .collect();
    (!lines.is_empty()).then(|| Document::text(about, lines.join("\n")))
}

/// The same source is listed again and names a key file there: then the two contradict each other.
fn is_signed_elsewhere(source: &PackageSource, sources: &[PackageSource]) -> bool {
    let address = |one: &PackageSource| one.uri.trim_end_matches('/').to_string();
    sources.iter().any(|one| {
        one.enabled
            && one.suite == source.suite
            && one.signed_by.value().is_some()
            && address(one) == address(source)
    })
}

/// It says that it needs no key.
fn is_trusted_blindly(source: &PackageSource) -> bool {
    source.paragraph || source.text.contains("trusted=yes")
}

/// `file:line: why: the line` for each that apt can't read.
fn mistakes(file: &str, text: &str) -> Vec<String> {
    if file.ends_with(".sources") {
        return paragraphs(file, text);
    }
    text.lines()
        .enumerate()
        .filter_map(|(place, line)| {
            let line = line.split('#').next().unwrap_or_default().trim();
            let why = mistake(line)?;
            Some(format!("{file}:{}: {why}: {line}", place + 1))
        })
        .collect()
}

/// Why apt can't read a line of the one-line form.
fn mistake(line: &str) -> Option<&'static str> {
    if line.is_empty() {
        return None;
    }
    let (kind, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if !["deb", "deb-src"].contains(&kind) {
        return Some("the type is not known");
    }
    let mut rest = rest.trim_start();
    if let Some(options) = rest.strip_prefix('[') {
        match options.split_once(']') {
            Some((_, behind)) => rest = behind.trim_start(),
            None => return Some("the options have no end"),
        }
    }
    // The address of a disc may hold blanks in brackets.
    let address_end = match (rest.starts_with("cdrom:["), rest.find(']')) {
        (true, Some(end)) => rest[end..]
            .find(char::is_whitespace)
            .map_or(rest.len(), |more| end + more),
        _ => rest.find(char::is_whitespace).unwrap_or(rest.len()),
    };
    let (address, rest) = rest.split_at(address_end);
    if address.is_empty() {
        return Some("there is no address");
    }
    if !address.contains(':') {
        return Some("the address is none");
    }
    let mut words = rest.split_whitespace();
    match (words.next(), words.next()) {
        (None, _) => Some("there is no suite"),
        (Some(suite), None) if !suite.ends_with('/') => Some("there is no component"),
        (Some(suite), Some(_)) if suite.ends_with('/') => Some("a path takes no component"),
        _ => None,
    }
}

/// What lacks in the paragraphs of a deb822 file.
fn paragraphs(file: &str, text: &str) -> Vec<String> {
    let mut mistakes = Vec::new();
    let mut fields: Vec<String> = Vec::new();
    let mut begin = 1;
    for (place, line) in text.lines().chain([""]).enumerate() {
        if line.trim().is_empty() {
            if !fields.is_empty() {
                for wanted in ["types", "uris", "suites"] {
                    if !fields.iter().any(|field| field == wanted) {
                        mistakes.push(format!("{file}:{begin}: the paragraph has no {wanted}"));
                    }
                }
            }
            fields.clear();
            begin = place + 2;
            continue;
        }
        if line.starts_with([' ', '\t', '#']) {
            continue;
        }
        match line.split_once(':') {
            Some((name, _)) => fields.push(name.trim().to_lowercase()),
            None => mistakes.push(format!("{file}:{}: it is no field: {line}", place + 1)),
        }
    }
    mistakes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_apt_reads_are_none_of_its_mistakes() {
        for good in [
            "deb http://archive.ubuntu.com/ubuntu jammy main universe",
            "deb [arch=amd64 signed-by=/a.gpg] https://x.example/ubuntu jammy stable",
            "deb https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2204/x86_64/ /",
            "deb-src file:/repo ./",
            "deb cdrom:[Debian GNU/Linux 12 _Bookworm_ - Official amd64]/ bookworm main",
            "# a comment",
            "",
        ] {
            assert_eq!(mistakes("f.list", good), Vec::<String>::new(), "{good}");
        }
        for (bad, why) in [
            ("dbe http://x jammy main", "type"),
            ("deb [signed-by=/a.gpg https://x jammy main", "no end"),
            ("deb https://x.example/ubuntu jammy", "no component"),
            ("deb https://x.example/ubuntu", "no suite"),
            ("deb", "no address"),
            ("deb <html> jammy main", "address is none"),
            ("<!DOCTYPE html>", "type"),
        ] {
            let said = mistakes("f.list", bad);
            assert!(said.len() == 1 && said[0].contains(why), "{bad}: {said:?}");
        }
        assert_eq!(
            mistakes(
                "f.sources",
                "Types: deb\nURIs: https://x\n\nTypes: deb\nURIs: x\nSuites: y\n"
            ),
            ["f.sources:1: the paragraph has no suites"]
        );
    }
}
