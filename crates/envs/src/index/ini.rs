//! pip's configuration files: a tolerant reading of the ini format of Python's `configparser`.

use std::collections::BTreeMap;

/// The values of `[global]` and `[install]`, keys in lower case with dashes; `[install]` wins, as pip has it.
pub fn options(text: &str) -> BTreeMap<String, String> {
    let mut found: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut section = String::new();
    let mut last: Option<(String, String)> = None;
    for line in text.strip_prefix('\u{feff}').unwrap_or(text).lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() {
            last = None;
        } else if trimmed.starts_with(['#', ';']) {
        } else if line.starts_with([' ', '\t'])
            && let Some(value) = last.as_ref().and_then(|key| found.get_mut(key))
        {
            value.push('\n');
            value.push_str(trimmed);
        } else if let Some(name) = trimmed.strip_prefix('[') {
            section = name.trim_end_matches(']').trim().to_lowercase();
            last = None;
        } else if let Some(at) = trimmed.find(['=', ':']) {
            let key = (
                section.clone(),
                trimmed[..at].trim().to_lowercase().replace('_', "-"),
            );
            found.insert(key.clone(), trimmed[at + 1..].trim().to_string());
            last = Some(key);
        }
    }
    let of = |wanted: &str| {
        found
            .iter()
            .filter(|((section, _), _)| section == wanted)
            .map(|((_, key), value)| (key.clone(), value.trim().to_string()))
            .collect::<Vec<_>>()
    };
    of("global").into_iter().chain(of("install")).collect()
}

/// A value that may hold several words or lines.
pub fn list(value: &str) -> Vec<String> {
    value.split_whitespace().map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let text = "\u{feff}# a comment\n[global]\nindex-url = https://u:p%40@a.example/simple/  \n; another\ncert=/etc/ca.pem\nextra_index_url =\n    https://b.example/simple\n    https://c.example/simple\n\n[list]\nformat = columns\n[install]\nINDEX-URL: https://d.example/simple\nfind-links = /opt/wheels\n";
        let options = options(text);
        assert_eq!(options["index-url"], "https://d.example/simple");
        assert_eq!(options["cert"], "/etc/ca.pem");
        assert_eq!(
            list(&options["extra-index-url"]),
            ["https://b.example/simple", "https://c.example/simple"]
        );
        assert_eq!(options["find-links"], "/opt/wheels");
        assert!(!options.contains_key("format"));
    }

    #[test]
    fn garbage_gives_nothing_and_no_panic() {
        for text in [
            "",
            "[",
            "]]]",
            "=",
            "no section = 1",
            "  indented\n",
            "[global\nindex-url",
            "\0\u{1}\n[x]\n=\n:",
            "[global]\n = v\n  more",
        ] {
            options(text);
        }
        assert_eq!(options("[global\nindex-url = x")["index-url"], "x");
    }
}
