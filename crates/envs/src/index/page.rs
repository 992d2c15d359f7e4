//! A project's page on an index: JSON (PEP 691) or HTML (PEP 503).

use super::address::{file_name, join};
use super::html;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What is asked of an index: JSON, or HTML where it has none.
pub const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/// A file that an index offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its address, whole.
    pub url: String,
    /// Its SHA-256 in hex, lower case, where the index states one.
    pub sha256: Option<String>,
    /// Its size in bytes, where the index states it (HTML never does).
    pub size: Option<u64>,
    /// The maker took it back.
    pub yanked: bool,
    /// When it came to the index, RFC 3339, where the index states it (HTML never does).
    pub uploaded: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    files: Vec<JsonFile>,
}

#[derive(Deserialize)]
struct JsonFile {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
    size: Option<u64>,
    #[serde(rename = "upload-time")]
    uploaded: Option<String>,
    #[serde(default)]
    yanked: serde_json::Value,
}

/// The files of a page. `address` is where the page came from, `content_type` what the server called it.
///
/// # Errors
/// In words, when it is neither of the two forms.
pub fn read(address: &str, content_type: &str, body: &[u8]) -> Result<Vec<File>, String> {
    let kind = content_type
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    let looks_like_json = || body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    let json = match kind.as_str() {
        "application/vnd.pypi.simple.v1+json" | "application/json" => true,
        "application/vnd.pypi.simple.v1+html" | "text/html" | "application/xhtml+xml" => false,
        "" | "text/plain" | "application/octet-stream" => looks_like_json(),
        other if other.starts_with("application/vnd.pypi.simple.") => {
            return Err(format!(
                "it answered with {other}, a newer format than this program reads"
            ));
        }
        other => {
            return Err(format!(
                "it answered with {other} instead of a list of files"
            ));
        }
    };
    if json {
        read_json(address, body)
    } else {
        read_html(address, &String::from_utf8_lossy(body))
    }
}

fn read_json(address: &str, body: &[u8]) -> Result<Vec<File>, String> {
    let page: Page =
        serde_json::from_slice(body).map_err(|error| format!("its JSON can't be read: {error}"))?;
    Ok(page
        .files
        .into_iter()
        .map(|file| File {
            sha256: file.hashes.get("sha256").and_then(|hash| hex(hash)),
            url: join(address, &file.url),
            name: file.filename,
            size: file.size,
            uploaded: file.uploaded,
            yanked: !matches!(
                file.yanked,
                serde_json::Value::Null | serde_json::Value::Bool(false)
            ),
        })
        .collect())
}

fn read_html(address: &str, page: &str) -> Result<Vec<File>, String> {
    if !page.contains('<') {
        return Err("it answered with something that is no page of files".into());
    }
    let (base, links) = html::links(page);
    let base = base.map_or_else(|| address.to_string(), |base| join(address, &base));
    Ok(links
        .into_iter()
        .map(|link| {
            let url = join(&base, &link.href);
            let (url, fragment) = url
                .split_once('#')
                .map_or((url.as_str(), ""), |(url, fragment)| (url, fragment));
            let sha256 = fragment
                .split('&')
                .find_map(|part| part.strip_prefix("sha256="))
                .and_then(hex);
            File {
                name: file_name(url),
                url: url.to_string(),
                sha256,
                size: None,
                uploaded: None,
                yanked: link.yanked,
            }
        })
        .collect())
}

/// A SHA-256 in lower case, where it is one.
fn hex(text: &str) -> Option<String> {
    (text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19";

    #[test]
    fn both_forms_tell_the_same() {
        let json = format!(
            r#"{{"meta":{{"api-version":"1.1"}},"name":"uv","files":[
            {{"filename":"uv-0.9.0-py3-none-any.whl","url":"../../f/uv-0.9.0-py3-none-any.whl","hashes":{{"sha256":"{}"}},"size":7,"yanked":false}},
            {{"filename":"b.whl","url":"https://f.example/b.whl","hashes":{{}},"yanked":"broken"}}]}}"#,
            HASH.to_uppercase()
        );
        let html = format!(
            r#"<html><a href="../../f/uv-0.9.0-py3-none-any.whl#sha256={HASH}">uv</a><a data-yanked="broken" href="https://f.example/b.whl">b</a></html>"#
        );
        let page = "https://index.example/simple/uv/";
        let from_json = read(page, "application/vnd.pypi.simple.v1+json", json.as_bytes()).unwrap();
        let mut from_html = read(page, "text/html", html.as_bytes()).unwrap();
        assert_eq!(from_html[0].size, None);
        from_html[0].size = Some(7);
        assert_eq!(from_json, from_html);
        assert_eq!(
            from_json[0].url,
            "https://index.example/f/uv-0.9.0-py3-none-any.whl"
        );
        assert_eq!(from_json[0].sha256.as_deref(), Some(HASH));
        assert!(from_json[1].yanked && from_json[1].sha256.is_none());
    }

    #[test]
    fn what_is_neither_is_refused_in_words() {
        for (content_type, body) in [
            ("application/vnd.pypi.simple.v1+json", "{"),
            ("application/vnd.pypi.simple.v1+json", r#"{"files": 3}"#),
            ("application/vnd.pypi.simple.v2+json", "{}"),
            ("application/pdf", "%PDF"),
            ("text/plain", "hello"),
            ("", ""),
        ] {
            assert!(
                read("https://x.example/", content_type, body.as_bytes()).is_err(),
                "{content_type} {body}"
            );
        }
        assert_eq!(
            read("https://x.example/", "", br#" {"files": []}"#),
            Ok(vec![])
        );
    }
}
