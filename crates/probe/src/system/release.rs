//! `/etc/os-release`: the distribution (freedesktop.org, os-release(5)).

use deskside_types::Known;
use deskside_types::facts::OperatingSystem;
use std::collections::BTreeMap;

/// Reads the text of an os-release file.
pub(crate) fn parse(text: &str) -> Known<OperatingSystem> {
    let fields: BTreeMap<&str, String> = text
        .lines()
        .filter_map(|line| {
            let (key, value) = line.trim().split_once('=')?;
            Some((key.trim(), unquoted(value.trim())))
        })
        .collect();
    let get = |key: &str| fields.get(key).filter(|value| !value.is_empty()).cloned();
    let Some(id) = get("ID") else {
        return Known::unknown("/etc/os-release names no ID");
    };
    let name = get("PRETTY_NAME")
        .or_else(|| get("NAME"))
        .unwrap_or_else(|| id.clone());
    // Old releases of Pop!_OS call themselves ubuntu; the name tells them apart.
    let is_pop =
        name.contains("Pop!_OS") || get("NAME").is_some_and(|name| name.contains("Pop!_OS"));
    Known::Value(OperatingSystem {
        id: if is_pop {
            "pop".into()
        } else {
            id.to_lowercase()
        },
        name,
        version: get("VERSION_ID"),
        codename: get("VERSION_CODENAME").or_else(|| get("DEBIAN_CODENAME")),
        ubuntu_codename: get("UBUNTU_CODENAME"),
        like: get("ID_LIKE")
            .map(|text| text.split_whitespace().map(str::to_string).collect())
            .unwrap_or_default(),
    })
}

/// A value without its shell quotes and escapes.
fn unquoted(value: &str) -> String {
    let quote = value
        .chars()
        .next()
        .filter(|letter| matches!(letter, '"' | '\''));
    let Some(quote) = quote else {
        return value.to_string();
    };
    let mut plain = String::new();
    let mut letters = value.chars().skip(1);
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if quote == '"' => plain.extend(letters.next()),
            letter if letter == quote => break,
            letter => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_and_derivatives_are_told_apart() {
        for (text, id, version, codename, ubuntu) in [
            (
                "PRETTY_NAME=\"Ubuntu 22.04.5 LTS\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"22.04\"\nVERSION_CODENAME=jammy\nID=ubuntu\nID_LIKE=debian\nUBUNTU_CODENAME=jammy\n",
                "ubuntu",
                Some("22.04"),
                Some("jammy"),
                Some("jammy"),
            ),
            (
                "NAME=\"Pop!_OS\"\nVERSION=\"22.04 LTS\"\nID=pop\nID_LIKE=\"ubuntu debian\"\nPRETTY_NAME=\"Pop!_OS 22.04 LTS\"\nVERSION_ID=\"22.04\"\nVERSION_CODENAME=jammy\nUBUNTU_CODENAME=jammy\n",
                "pop",
                Some("22.04"),
                Some("jammy"),
                Some("jammy"),
            ),
            (
                "NAME=\"Pop!_OS\"\nID=ubuntu\nVERSION_ID=\"18.10\"",
                "pop",
                Some("18.10"),
                None,
                None,
            ),
            (
                "PRETTY_NAME='Debian GNU/Linux trixie/sid'\nID=debian\nVERSION_CODENAME=trixie",
                "debian",
                None,
                Some("trixie"),
                None,
            ),
            (
                "ID=linuxmint\nID_LIKE='ubuntu debian'\nVERSION_ID=21.3\nVERSION_CODENAME=virginia\nUBUNTU_CODENAME=jammy",
                "linuxmint",
                Some("21.3"),
                Some("virginia"),
                Some("jammy"),
            ),
        ] {
            let Known::Value(os) = parse(text) else {
                panic!("{text}")
            };
            assert_eq!(
                (
                    os.id.as_str(),
                    os.version.as_deref(),
                    os.codename.as_deref(),
                    os.ubuntu_codename.as_deref()
                ),
                (id, version, codename, ubuntu)
            );
        }
        assert_eq!(unquoted(r#""a \"b\" \\ c" tail"#), r#"a "b" \ c"#);
        assert_eq!(unquoted("'un$ended"), "un$ended");
        for broken in ["", "ID=", "=x", "\u{fffd}\u{fffd}=\n\n"] {
            assert!(parse(broken).reason().is_some(), "{broken}");
        }
    }
}
