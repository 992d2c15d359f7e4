//! Addresses of pages and files: joining, folders behind `file://`, credentials that never reach a screen.

/// A reference found on a page, as a whole address (RFC 3986, section 5.2, without queries of the base).
pub fn join(base: &str, reference: &str) -> String {
    let reference = reference.trim();
    if has_scheme(reference) {
        return with_credentials_of(base, reference);
    }
    let Some((scheme, rest)) = base.split_once("://") else {
        return reference.to_string();
    };
    if let Some(tail) = reference.strip_prefix("//") {
        return with_credentials_of(base, &format!("{scheme}://{tail}"));
    }
    let base_path = rest.split(['?', '#']).next().unwrap_or(rest);
    let (authority, path) = base_path
        .find('/')
        .map_or((base_path, "/"), |at| base_path.split_at(at));
    let (path_part, suffix) = reference
        .find(['?', '#'])
        .map_or((reference, ""), |at| reference.split_at(at));
    let whole = if path_part.starts_with('/') {
        path_part.to_string()
    } else if path_part.is_empty() {
        path.to_string()
    } else {
        let folder = path.rfind('/').map_or("/", |at| &path[..=at]);
        format!("{folder}{path_part}")
    };
    format!("{scheme}://{authority}{}{suffix}", without_dots(&whole))
}

fn has_scheme(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

/// Takes `.` and `..` out of a path.
fn without_dots(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').skip(1) {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    let ends_in_folder = path.ends_with("/.") || path.ends_with("/..");
    format!(
        "/{}{}",
        parts.join("/"),
        if ends_in_folder { "/" } else { "" }
    )
}

/// The authority of an address in its parts: credentials, and host with port.
fn authority(address: &str) -> Option<(&str, Option<&str>, &str)> {
    let (scheme, rest) = address.split_once("://")?;
    let whole = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    Some(match whole.rsplit_once('@') {
        Some((credentials, host)) => (scheme, Some(credentials), host),
        None => (scheme, None, whole),
    })
}

/// The credentials of a page also open the files on its own server, as pip has it.
pub fn with_credentials_of(page: &str, file: &str) -> String {
    match (authority(page), authority(file)) {
        (Some((page_scheme, Some(credentials), page_host)), Some((scheme, None, host)))
            if page_scheme == scheme && page_host.eq_ignore_ascii_case(host) =>
        {
            file.replacen("://", &format!("://{credentials}@"), 1)
        }
        _ => file.to_string(),
    }
}

/// An address with its credentials left out: what may stand in a plan, a journal or a log.
pub fn without_credentials(address: &str) -> String {
    match authority(address) {
        Some((_, Some(credentials), _)) => address.replacen(&format!("{credentials}@"), "", 1),
        _ => address.to_string(),
    }
}

/// The address of a project's page on an index.
pub fn project_page(index: &str, project: &str) -> String {
    format!("{}/{project}/", index.trim_end_matches('/'))
}

/// The file or folder behind a `file://` address or an absolute path.
pub fn local_path(address: &str) -> Option<String> {
    let path = if let Some(rest) = address.strip_prefix("file://") {
        let rest = rest.split(['?', '#']).next().unwrap_or(rest);
        let rest = rest.strip_prefix("localhost").unwrap_or(rest);
        percent_decoded(rest)
    } else {
        address.to_string()
    };
    path.starts_with('/').then_some(path)
}

/// `%20` and the like as the letters they stand for; what is no UTF-8 afterwards stays as it is.
pub fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten();
        let value = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match value {
            Some(value) => {
                decoded.push(value);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_string())
}

/// The last part of an address's path, decoded: a file's name.
pub fn file_name(address: &str) -> String {
    let path = address.split(['?', '#']).next().unwrap_or(address);
    percent_decoded(path.rsplit('/').next().unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_left_out_and_put_back() {
        let page = "https://me:s3cret@index.example:8443/simple/";
        let file = "https://me:s3cret@index.example:8443/files/uv.whl";
        let plain = without_credentials(file);
        assert_eq!(plain, "https://index.example:8443/files/uv.whl");
        assert_eq!(with_credentials_of(page, &plain), file);
        assert_eq!(
            with_credentials_of(page, "https://other.example/uv.whl"),
            "https://other.example/uv.whl"
        );
        assert_eq!(without_credentials("file:///a@b"), "file:///a@b");
    }

    #[test]
    fn references_are_joined_to_the_page_they_stand_on() {
        let page = "https://index.example/simple/uv/";
        for (reference, whole) in [
            (
                "https://files.example/a.whl#sha256=1",
                "https://files.example/a.whl#sha256=1",
            ),
            (
                "../../packages/a.whl#sha256=1",
                "https://index.example/packages/a.whl#sha256=1",
            ),
            ("a.whl", "https://index.example/simple/uv/a.whl"),
            ("./a.whl", "https://index.example/simple/uv/a.whl"),
            ("/root/a.whl", "https://index.example/root/a.whl"),
            ("//files.example/a.whl", "https://files.example/a.whl"),
            ("../../../../../a.whl", "https://index.example/a.whl"),
            ("?x=../y", "https://index.example/simple/uv/?x=../y"),
        ] {
            assert_eq!(join(page, reference), whole, "{reference}");
        }
        assert_eq!(join("https://host.example", "a"), "https://host.example/a");
        assert_eq!(
            join("file:///srv/index/uv/index.html", "../../a.whl"),
            "file:///srv/a.whl"
        );
    }

    #[test]
    fn credentials_stay_with_their_own_server() {
        let page = "https://me:secret@index.example/simple/uv/";
        assert_eq!(
            join(page, "a.whl"),
            "https://me:secret@index.example/simple/uv/a.whl"
        );
        assert_eq!(
            join(page, "https://index.example/a.whl"),
            "https://me:secret@index.example/a.whl"
        );
        assert_eq!(
            join(page, "https://other.example/a.whl"),
            "https://other.example/a.whl"
        );
        assert_eq!(
            join(page, "http://index.example/a.whl"),
            "http://index.example/a.whl"
        );
    }

    #[test]
    fn local_addresses_become_paths() {
        for (address, path) in [
            ("file:///srv/my%20index/", Some("/srv/my index/")),
            ("file://localhost/srv", Some("/srv")),
            ("/opt/wheels", Some("/opt/wheels")),
            ("https://host/x", None),
            ("wheels", None),
        ] {
            assert_eq!(local_path(address).as_deref(), path, "{address}");
        }
        assert_eq!(file_name("https://h/a/b%2Bc.whl?x#sha256=1"), "b+c.whl");
        assert_eq!(percent_decoded("100%"), "100%");
        assert_eq!(percent_decoded("%zz%ff"), "%zz%ff");
    }
}
