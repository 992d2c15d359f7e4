//! Links of an HTML page, as the simple repository API has them (PEP 503), read by hand and tolerantly.

/// One `<a>` with what the API says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where it leads, entities decoded.
    pub href: String,
    /// Its text.
    pub text: String,
    /// `data-yanked` is there.
    pub yanked: bool,
}

/// All links of a page, and its `<base href>` where it has one.
pub fn links(page: &str) -> (Option<String>, Vec<Link>) {
    let mut base = None;
    let mut links = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.find("-->").map_or("", |at| &comment[at + 3..]);
            continue;
        }
        let name_end = rest
            .find(|letter: char| !letter.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        let name = rest[..name_end].to_ascii_lowercase();
        if name != "a" && name != "base" {
            continue;
        }
        let (attributes, tail) = attributes(&rest[name_end..]);
        rest = tail;
        let value = |wanted: &str| {
            attributes
                .iter()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.clone())
        };
        let Some(href) = value("href") else { continue };
        if name == "base" {
            base.get_or_insert(href);
        } else {
            let text = rest.split('<').next().unwrap_or("");
            links.push(Link {
                href,
                text: decoded(text.trim()),
                yanked: value("data-yanked").is_some(),
            });
        }
    }
    (base, links)
}

/// The attributes of a tag from behind its name, and what follows its `>`.
fn attributes(text: &str) -> (Vec<(String, String)>, &str) {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '/');
        let Some(first) = rest.chars().next() else {
            return (found, "");
        };
        if first == '>' {
            return (found, &rest[1..]);
        }
        let end = rest
            .find(|letter: char| letter.is_whitespace() || letter == '=' || letter == '>')
            .unwrap_or(rest.len());
        if end == 0 {
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let Some(after) = rest.strip_prefix('=') else {
            found.push((name, String::new()));
            continue;
        };
        let after = after.trim_start();
        let (value, tail) = match after.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let inner = &after[1..];
                inner
                    .find(quote)
                    .map_or((inner, ""), |at| (&inner[..at], &inner[at + 1..]))
            }
            _ => {
                let end = after
                    .find(|letter: char| letter.is_whitespace() || letter == '>')
                    .unwrap_or(after.len());
                after.split_at(end)
            }
        };
        found.push((name, decoded(value)));
        rest = tail;
    }
}

/// A text with its entities as letters: the five of XML and numeric ones.
fn decoded(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        shown.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(12).position(|byte| byte == b';');
        let letter = end.and_then(|end| entity(&rest[1..end]));
        match (letter, end) {
            (Some(letter), Some(end)) => {
                shown.push(letter);
                rest = &rest[end + 1..];
            }
            _ => {
                shown.push('&');
                rest = &rest[1..];
            }
        }
    }
    shown.push_str(rest);
    shown
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "num" => '#',
        "plus" => '+',
        _ => {
            let number = name.strip_prefix('#')?;
            let value = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(value)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read_with_their_attributes() {
        let page = r#"<!DOCTYPE html><html><head><title>Links for uv</title></head><body><h1>Links</h1>
<!-- <a href="commented.whl">no</a> -->
<a href="../a.whl#sha256=aa" data-requires-python="&gt;=3.8">uv-0.9.0.whl</a><br/>
<A HREF='b.whl' data-yanked="broken">b.whl</A>
<a data-yanked href=c.whl>c&#46;whl</a><a name="x">none</a>
<abbr title="x">y</abbr><a href="d.whl?x=1&amp;y=2"
  data-dist-info-metadata="sha256=1">d</a>"#;
        let (base, links) = links(page);
        assert_eq!(base, None);
        let seen: Vec<(&str, &str, bool)> = links
            .iter()
            .map(|link| (link.href.as_str(), link.text.as_str(), link.yanked))
            .collect();
        assert_eq!(
            seen,
            [
                ("../a.whl#sha256=aa", "uv-0.9.0.whl", false),
                ("b.whl", "b.whl", true),
                ("c.whl", "c.whl", true),
                ("d.whl?x=1&y=2", "d", false)
            ]
        );
        assert_eq!(
            super::links("<base href='https://x.example/'><a href=y>")
                .0
                .as_deref(),
            Some("https://x.example/")
        );
    }

    #[test]
    fn garbage_is_no_panic() {
        for page in [
            "",
            "<",
            "<a",
            "<a href",
            "<a href=",
            "<a href='",
            "<a href=\"x",
            "<!--",
            "<a =>",
            "<a href=&#x;>",
            "<a href=&#99999999999;é>ü",
            "&&&",
            "<a \u{0}é=ö>",
        ] {
            links(page);
        }
        assert_eq!(decoded("&#x41;&unknown;&ampersand"), "A&unknown;&ampersand");
        assert_eq!(decoded("&é;ééééééééé"), "&é;ééééééééé");
    }
}
