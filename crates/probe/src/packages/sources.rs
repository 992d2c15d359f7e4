//! Sources of packages: `/etc/apt/sources.list` and `sources.list.d`, in one-line and deb822 form (sources.list(5)).

use crate::look::{known, names, text};
use deskside_machine::{Machine, Reading};
use deskside_types::Known;
use deskside_types::facts::PackageSource;

const LIST: &str = "/etc/apt/sources.list";
const PARTS: &str = "/etc/apt/sources.list.d";

/// All sources, in the order apt reads them.
pub(crate) fn all(machine: &dyn Machine) -> Known<Vec<PackageSource>> {
    let mut sources = Vec::new();
    if let Known::Value(text) = text(machine, LIST) {
        sources.extend(one_line(LIST, &text));
    }
    let names = match names(machine, PARTS) {
        Known::Value(names) => names,
        Known::Absent => Vec::new(),
        Known::Unknown { unknown } => return Known::unknown(unknown),
    };
    for name in names {
        let file = format!("{PARTS}/{name}");
        let deb822 = name.ends_with(".sources");
        if !deb822 && !name.ends_with(".list") {
            continue;
        }
        match known(machine.text(&file)) {
            Known::Value(text) if deb822 => sources.extend(paragraphs(&file, &text)),
            Known::Value(text) => sources.extend(one_line(&file, &text)),
            Known::Absent => {}
            Known::Unknown { unknown } => return Known::unknown(unknown),
        }
    }
    Known::Value(sources)
}

/// `deb [arch=amd64 signed-by=/k.gpg] https://host/ suite main`; switched off behind a `#`.
fn one_line(file: &str, text: &str) -> Vec<PackageSource> {
    text.lines()
        .enumerate()
        .filter_map(|(place, whole)| {
            let bare = whole.trim_start_matches(['#', ' ', '\t']);
            let enabled = !whole.trim_start().starts_with('#');
            let rest = bare.strip_prefix("deb")?;
            let mut rest = rest.strip_prefix([' ', '\t'])?.trim_start();
            let mut signed_by = Known::Absent;
            if let Some(inside) = rest.strip_prefix('[') {
                let (options, tail) = inside.split_once(']')?;
                rest = tail;
                signed_by = options
                    .split_whitespace()
                    .find_map(|option| option.strip_prefix("signed-by="))
                    .map(str::to_string)
                    .into();
            }
            let mut words = rest
                .split('#')
                .next()
                .unwrap_or_default()
                .split_whitespace()
                .map(str::to_string);
            let uri = words.next().filter(|uri| uri.contains(':'))?;
            Some(PackageSource {
                file: file.into(),
                line: line_number(place),
                paragraph: false,
                enabled,
                uri: without_credentials(&uri),
                suite: words.next()?,
                components: words.collect(),
                signed_by,
                text: if uri.contains('@') {
                    String::new()
                } else {
                    whole.into()
                },
            })
        })
        .collect()
}

/// Paragraphs of a `.sources` file: each URI with each suite is a source.
fn paragraphs(file: &str, text: &str) -> Vec<PackageSource> {
    let mut sources = Vec::new();
    let mut paragraph: Vec<(String, String)> = Vec::new();
    let mut begins = 0;
    let lines = text.lines().chain(std::iter::once(""));
    for (place, line) in lines.enumerate() {
        if line.trim().is_empty() {
            sources.extend(of_paragraph(file, begins, &paragraph));
            paragraph.clear();
        } else if line.starts_with('#') {
            // A comment.
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = paragraph.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((key, value)) = line.split_once(':') {
            if paragraph.is_empty() {
                begins = line_number(place);
            }
            paragraph.push((key.trim().to_ascii_lowercase(), value.trim().to_string()));
        }
    }
    sources
}

fn of_paragraph(file: &str, line: u32, fields: &[(String, String)]) -> Vec<PackageSource> {
    let field = |key: &str| {
        fields
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    };
    let words = |key: &str| -> Vec<String> {
        field(key)
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_string)
            .collect()
    };
    if !words("types").iter().any(|kind| kind == "deb") {
        return Vec::new();
    }
    let signed_by = match field("signed-by") {
        None => Known::Absent,
        Some(value) if value.contains("BEGIN PGP") => Known::Value("(in the file itself)".into()),
        Some(value) => Known::Value(value.to_string()),
    };
    let enabled = !field("enabled")
        .is_some_and(|value| ["no", "false", "0"].contains(&value.to_ascii_lowercase().as_str()));
    words("uris")
        .iter()
        .flat_map(|uri| words("suites").into_iter().map(move |suite| (uri, suite)))
        .map(|(uri, suite)| PackageSource {
            file: file.into(),
            line,
            paragraph: true,
            enabled,
            uri: without_credentials(uri),
            suite,
            components: words("components"),
            signed_by: signed_by.clone(),
            text: String::new(),
        })
        .collect()
}

/// `https://name:password@host/` without the name and the password.
fn without_credentials(uri: &str) -> String {
    match uri.split_once("://") {
        Some((scheme, rest)) => {
            let host_end = rest.find('/').unwrap_or(rest.len());
            match rest[..host_end].rfind('@') {
                Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
                None => uri.to_string(),
            }
        }
        None => uri.to_string(),
    }
}

fn line_number(place: usize) -> u32 {
    u32::try_from(place + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let list = "# comment\ndeb http://archive.ubuntu.com/ubuntu jammy main restricted # why\n#deb [arch=amd64 signed-by=/usr/share/keyrings/cuda-archive-keyring.gpg] https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2204/x86_64/ /\ndeb-src http://x y z\ndeb nonsense\ndeb https://me:secret@host/a b c\n";
        let sources = one_line("/l", list);
        assert_eq!(sources.len(), 3);
        assert_eq!((sources[0].line, sources[0].enabled), (2, true));
        assert_eq!(sources[0].components, ["main", "restricted"]);
        assert_eq!(
            (
                sources[1].line,
                sources[1].enabled,
                sources[1].suite.as_str()
            ),
            (3, false, "/")
        );
        assert_eq!(
            sources[1].signed_by.value().map(String::as_str),
            Some("/usr/share/keyrings/cuda-archive-keyring.gpg")
        );
        assert_eq!(sources[2].uri, "https://host/a");
        assert_eq!(sources[2].text, "", "a password is told nowhere");

        let text = "# of Ubuntu\nTypes: deb\nURIs: http://archive.ubuntu.com/ubuntu/\nSuites: noble noble-updates\nComponents: main\n universe\nSigned-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg\n\nEnabled: no\nTypes: deb deb-src\nURIs: https://ppa.launchpadcontent.net/graphics-drivers/ppa/ubuntu/\nSuites: noble\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n";
        let sources = paragraphs("/s", text);
        assert_eq!(sources.len(), 3);
        assert_eq!(sources[1].suite, "noble-updates");
        assert_eq!(sources[1].components, ["main", "universe"]);
        assert!(sources[0].enabled && !sources[2].enabled);
        assert_eq!((sources[0].line, sources[2].line), (2, 9));
        assert_eq!(
            sources[2].signed_by,
            Known::Value("(in the file itself)".into())
        );
    }
}
